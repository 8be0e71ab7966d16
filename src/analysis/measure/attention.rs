//! What attention weights say: where a row looks most, and how spread it is.

use crate::{
    analysis::trace::Trace,
    engine::{math::argmax, value::Cell},
};

/// The key that a query looks at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    pub key: usize,
    /// The key's token.
    pub word: String,
    /// The weight on it, 0 to 1.
    pub weight: f32,
}

/// Where `query` looks most in a head of the attention weights at `path`. None if there is no such
/// cell.
pub fn strongest(trace: &Trace, path: &str, head: usize, query: usize) -> Option<Look> {
    let site = trace.site(path)?;
    let shape = site.shape();
    if !shape.holds(Cell::new(head, query, 0)) {
        return None;
    }
    let key = argmax(site.value.row(head, query))?;
    let word = trace.label(site, site.axes()[2], key);
    Some(Look { key, word, weight: site.value.get(Cell::new(head, query, key)) })
}

/// Shannon entropy of one row in bits: 0 looks at one word, log2(n) at all alike.
pub fn entropy_bits(row: &[f32]) -> f32 {
    row.iter().filter(|&&p| p > 0.0).map(|&p| -p * p.log2()).sum()
}
