//! The step's formula in pieces: a symbol takes the colour of the pane that shows it.

use super::{Piece, State, Voice};

/// What a site is called in formulas, the longest first.
const SYMBOLS: &[(&str, &[&str])] = &[
    ("embed", &["E[id]", "ids"]),
    ("scaled", &["E[id] · √d_model", "/ √d_k", "/√d_k", "scaled"]),
    ("pos", &["PE(pos,2i)", "PE(pos)"]),
    ("input", &["input_t", "input", "x"]),
    ("recurrent", &["recurrent"]),
    ("sum", &["input + recurrent", "x W_1 + b_1"]),
    ("hidden", &["h_t", "h_n", "h_j", "s_t", "hidden", "ffn(x)", "ffn(y)"]),
    ("update", &["z"]),
    ("reset", &["r"]),
    ("proj", &["(h_n W_k + b_k)"]),
    ("readout", &["(s_t W + b)", "tanh([s_t ; c_t] W + b)"]),
    ("query", &["query"]),
    ("keys", &["keys"]),
    ("energies", &["e_tj"]),
    ("tanh", &["tanh(query_t + key_j)"]),
    ("input_cat", &["[y_{t-1} ; c_t]"]),
    ("q", &["Q"]),
    ("k", &["K"]),
    ("v", &["V"]),
    ("scores", &["S", "Q Kᵀ"]),
    ("masked", &["masked", "mask"]),
    ("weights", &["a_tj", "A"]),
    ("context", &["context", "c_t"]),
    ("concat", &["[head_0 ; … ; head_h]", "concat"]),
    ("out", &["out", "attention(x)", "attention(y)", "norm(x)", "norm(y + cross)"]),
    ("residual1", &["residual", "y + attention(y)"]),
    ("residual2", &["x + hidden W_2 + b_2"]),
    ("resid_mid", &["x + attn(norm(x))"]),
    ("resid_pre", &["x"]),
    ("logits", &["logits", "z"]),
    ("probs", &["p_k", "p"]),
];

impl State {
    /// The formula; what no pane shows is plain.
    pub fn formula(&self) -> Vec<Piece> {
        let (_, step) = self.current();
        let name = |site: &String| site.rsplit('.').next().unwrap_or_default().to_owned();
        let shown = step
            .panes
            .iter()
            .enumerate()
            .filter_map(|(i, pane)| Some((i, name(pane.site.as_ref()?))));
        let mut found: Vec<(usize, usize, usize)> = vec![];
        for (pane, name) in shown {
            let symbols = SYMBOLS.iter().find(|(site, _)| *site == name).map_or(&[][..], |s| s.1);
            found.extend(symbols.iter().flat_map(|symbol| {
                places(&step.formula, symbol).map(move |at| (at, symbol.len(), pane))
            }));
        }
        coloured(&step.formula, found)
    }
}

/// Pieces of a text in which stretches (from, length, pane) are coloured; the earlier goes before the
/// later, the longer before the shorter, the first pane before the next.
fn coloured(text: &str, mut found: Vec<(usize, usize, usize)>) -> Vec<Piece> {
    found.sort_by_key(|&(at, length, pane)| (at, usize::MAX - length, pane));
    let piece = |text: &str, voice| Piece { text: text.to_owned(), voice, is_term: false };
    let (mut pieces, mut end) = (vec![], 0);
    for (at, length, pane) in found {
        if at >= end {
            pieces.push(piece(&text[end..at], Voice::Plain));
            pieces.push(piece(&text[at..at + length], Voice::Pane(pane)));
            end = at + length;
        }
    }
    pieces.push(piece(&text[end..], Voice::Plain));
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

/// Where a symbol stands alone: `K`, but not the one in `W_K`.
fn places<'a>(text: &'a str, symbol: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = symbol.starts_with(is_part);
    let ends = symbol.ends_with(is_part);
    text.match_indices(symbol).map(|(at, _)| at).filter(move |&at| {
        let before = text[..at].chars().next_back().is_some_and(is_part);
        let after = text[at + symbol.len()..].chars().next().is_some_and(is_part);
        !(begins && before || ends && after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours(text: &str, found: &[(&str, usize)]) -> Vec<(String, Option<usize>)> {
        let found = found
            .iter()
            .flat_map(|(symbol, pane)| places(text, symbol).map(|at| (at, symbol.len(), *pane)));
        let pieces = coloured(text, found.collect());
        let pane = |voice| if let Voice::Pane(i) = voice { Some(i) } else { None };
        pieces.into_iter().map(|piece| (piece.text, pane(piece.voice))).collect()
    }

    #[test]
    fn a_symbol_is_not_a_part_of_another() {
        let got = colours("K = x W_K", &[("K", 1)]);
        assert_eq!(got, [("K".into(), Some(1)), (" = x W_K".into(), None)]);
    }

    #[test]
    fn of_two_at_one_place_the_longer_counts() {
        let got = colours("Q Kᵀ / √d_k", &[("Q", 2), ("Q Kᵀ", 1), ("/ √d_k", 0)]);
        let want = [("Q Kᵀ".into(), Some(1)), (" ".into(), None), ("/ √d_k".into(), Some(0))];
        assert_eq!(got, want);
    }
}
