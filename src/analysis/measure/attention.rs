//! Figures of attention weights: the strongest key of a row, and its entropy.

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::{
        math::argmax,
        site::{Role, Stream},
        value::Cell,
    },
};

/// The key with a query's largest weight.
#[derive(Clone, Debug, PartialEq)]
pub struct AttendedKey {
    pub key: usize,
    /// The key's token.
    pub word: String,
    /// The weight on it, 0 to 1.
    pub weight: f32,
}

/// The weights of the last attention from the output to the source; None for a model without one.
pub fn of_output_to_source(trace: &Trace) -> Option<&Recorded> {
    let crosses = |site: &&Recorded| {
        let scope = &site.place.scope;
        site.role() == Role::AttentionWeights
            && (scope.rows(), scope.keys()) == (Stream::Target, Stream::Source)
    };
    trace.sites().filter(crosses).last()
}

/// The key with the largest weight for `query`, in a head of the attention weights at `path`. None if there is no such
/// cell.
pub fn strongest(trace: &Trace, path: &str, head: usize, query: usize) -> Option<AttendedKey> {
    let site = trace.site(path)?;
    let shape = site.shape();
    if !shape.holds(Cell::new(head, query, 0)) {
        return None;
    }
    let key = argmax(site.value.row(head, query))?;
    let word = trace.label(site, site.axes()[2], key);
    Some(AttendedKey { key, word, weight: site.value.get(Cell::new(head, query, key)) })
}

/// The word of the source with the largest weight for `query`: the weights on a word's tokens are added up. `key` is
/// its first token. None if there is no such cell.
pub fn strongest_word(trace: &Trace, path: &str, head: usize, query: usize) -> Option<AttendedKey> {
    let site = trace.site(path)?;
    if !site.shape().holds(Cell::new(head, query, 0)) {
        return None;
    }
    let mut words: Vec<AttendedKey> = vec![];
    for (key, weight) in site.value.row(head, query).into_iter().enumerate() {
        let token = trace.source.get(key)?;
        match words.last_mut().filter(|_| token.continues) {
            Some(word) => {
                word.word.push_str(token.bare());
                word.weight += weight;
            }
            None => words.push(AttendedKey { key, word: token.text.clone(), weight }),
        }
    }
    words.into_iter().max_by(|a, b| a.weight.total_cmp(&b.weight))
}

/// The Shannon entropy of one row in bits: 0 for weight on one word only, log2(n) for equal weights on n words.
pub fn entropy_bits(row: &[f32]) -> f32 {
    row.iter().filter(|&&p| p > 0.0).map(|&p| -p * p.log2()).sum()
}
