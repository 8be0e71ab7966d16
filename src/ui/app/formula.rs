//! The step's formula, each symbol in the colour of the pane that shows it.

use super::{ProsePiece, TextRole};

/// A formula, given the symbols of each pane's site; symbols without a pane are plain.
pub(super) fn formula(text: &str, symbols: &[&[&str]]) -> Vec<ProsePiece> {
    let mut found = vec![];
    for (pane, symbols) in symbols.iter().enumerate() {
        found.extend(symbols.iter().flat_map(|symbol| {
            occurrences(text, symbol).map(move |start| Stretch {
                start,
                length: symbol.len(),
                pane,
            })
        }));
    }
    coloured(text, found)
}

/// Bytes of a text in the colour of a pane.
struct Stretch {
    start: usize,
    length: usize,
    pane: usize,
}

/// Pieces of a text in which stretches are coloured; of overlapping stretches the earlier wins, then the longer, then
/// the first pane.
fn coloured(text: &str, mut found: Vec<Stretch>) -> Vec<ProsePiece> {
    found.sort_by_key(|found| (found.start, usize::MAX - found.length, found.pane));
    let piece = |text: &str, role| ProsePiece { text: text.to_owned(), role, is_term: false };
    let (mut pieces, mut end) = (vec![], 0);
    for Stretch { start, length, pane } in found {
        if start >= end {
            pieces.push(piece(&text[end..start], TextRole::Plain));
            pieces.push(piece(&text[start..start + length], TextRole::Pane(pane)));
            end = start + length;
        }
    }
    pieces.push(piece(&text[end..], TextRole::Plain));
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

/// Byte offsets at which a symbol is alone: `K`, but not the one in `W_K`.
fn occurrences<'a>(text: &'a str, symbol: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = symbol.starts_with(is_part);
    let ends = symbol.ends_with(is_part);
    text.match_indices(symbol).map(|(start, _)| start).filter(move |&start| {
        let before = text[..start].chars().next_back().is_some_and(is_part);
        let after = text[start + symbol.len()..].chars().next().is_some_and(is_part);
        !(begins && before || ends && after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours(text: &str, found: &[(&str, usize)]) -> Vec<(String, Option<usize>)> {
        let found = found.iter().flat_map(|(symbol, pane)| {
            occurrences(text, symbol).map(|start| Stretch {
                start,
                length: symbol.len(),
                pane: *pane,
            })
        });
        let pieces = coloured(text, found.collect());
        let pane = |role| if let TextRole::Pane(i) = role { Some(i) } else { None };
        pieces.into_iter().map(|piece| (piece.text, pane(piece.role))).collect()
    }

    #[test]
    fn a_symbol_is_not_a_part_of_another() {
        let got = colours("K = x W_K", &[("K", 1)]);
        assert_eq!(got, [("K".into(), Some(1)), (" = x W_K".into(), None)]);
    }

    #[test]
    fn the_longer_of_two_symbols_at_one_place_is_coloured() {
        let got = colours("Q Kᵀ / √d_k", &[("Q", 2), ("Q Kᵀ", 1), ("/ √d_k", 0)]);
        let want = [("Q Kᵀ".into(), Some(1)), (" ".into(), None), ("/ √d_k".into(), Some(0))];
        assert_eq!(got, want);
    }
}
