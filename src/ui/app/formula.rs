//! The step's formula, each symbol in the colour of the pane that shows it.

use super::{ProsePiece, TextRole};

/// A formula, given the symbols of each pane's site; symbols without a pane are plain.
pub(super) fn formula(text: &str, symbols: &[&[&str]]) -> Vec<ProsePiece> {
    let mut found: Vec<(usize, usize, usize)> = vec![];
    for (pane, symbols) in symbols.iter().enumerate() {
        found.extend(symbols.iter().flat_map(|symbol| {
            occurrences(text, symbol).map(move |start| (start, symbol.len(), pane))
        }));
    }
    coloured(text, found)
}

/// Pieces of a text in which stretches (start, length, pane) are coloured; of overlapping stretches the earlier wins,
/// then the longer, then the first pane.
fn coloured(text: &str, mut found: Vec<(usize, usize, usize)>) -> Vec<ProsePiece> {
    found.sort_by_key(|&(start, length, pane)| (start, usize::MAX - length, pane));
    let piece = |text: &str, role| ProsePiece { text: text.to_owned(), role, is_term: false };
    let (mut pieces, mut end) = (vec![], 0);
    for (start, length, pane) in found {
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
            occurrences(text, symbol).map(|start| (start, symbol.len(), *pane))
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
