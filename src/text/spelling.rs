//! Known names whose spelling is close to a word that is unknown.

use super::{Refusal, refusal};

/// The `n` candidates with the spelling closest to `word`, nearest first. Only the first 100 characters are
/// compared, as the time grows with the length.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>, n: usize) -> Vec<String> {
    let word = beginning(word);
    let mut scored: Vec<(f64, &str)> =
        candidates.map(|c| (strsim::jaro_winkler(word, c), c)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(n).map(|(_, c)| c.to_owned()).collect()
}

/// What of a word is compared with others.
fn beginning(word: &str) -> &str {
    const LONGEST: usize = 100;
    word.char_indices().nth(LONGEST).map_or(word, |(end, _)| &word[..end])
}

/// As [`nearest`], of those only that may be meant: a few letters differ, or one is a part of the other.
pub fn near<'a>(word: &str, candidates: impl Iterator<Item = &'a str>, n: usize) -> Vec<String> {
    nearest(word, candidates.filter(|candidate| is_near(word, candidate)), n)
}

/// The end of a message that begins with an unknown word: `; the nearest are A, B`, or nothing where none is near.
pub fn near_clause<'a>(word: &str, candidates: impl Iterator<Item = &'a str>, n: usize) -> Refusal {
    match near(word, candidates, n).as_slice() {
        [] => Refusal::default(),
        [one] => refusal!("; the nearest is {near}", near = one.as_str()),
        several => refusal!("; the nearest are {near}", near = several.join(", ")),
    }
}

fn is_near(word: &str, candidate: &str) -> bool {
    const LEAST_PART: usize = 3;
    let [word, candidate] = [word, candidate].map(|text| beginning(text).to_lowercase());
    let [n, m] = [&word, &candidate].map(|text| text.chars().count());
    let has_part = n >= LEAST_PART && candidate.contains(&word);
    let is_part = m >= LEAST_PART.max(n / 2) && word.contains(&candidate);
    has_part
        || is_part
        || strsim::osa_distance(&word, &candidate) <= (n.max(m) / 4).max(1).min(n.min(m) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_meant_is_near() {
        let near = |word: &str, of: &[&str]| near_clause(word, of.iter().copied(), 3).to_string();
        assert_eq!(near("thmee", &["theme", "color", "pace"]), "; the nearest is theme");
        assert_eq!(
            near("softmax", &["it-softmax", "sftmax"]),
            "; the nearest are sftmax, it-softmax"
        );
        let parts = ["positions=off", "blocks.0.attn=off"];
        assert_eq!(near("position=off", &parts), "; the nearest is positions=off");
        for (word, other) in [("gpt5", "gru"), ("foo", "encoder.sum"), ("0", "1"), ("a", "b")] {
            assert_eq!(near(word, &[other]), "", "{word}");
        }
    }
}
