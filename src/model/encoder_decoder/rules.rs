//! Rules for a translator's output beside probability: how `generate` of Hugging Face is configured to
//! begin, to end and what to avoid.

use anyhow::{Context, Result};

use crate::{
    model::generation,
    weights::{Checkpoint, Config},
};

/// How writing begins, ends and what is never written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GenerationRules {
    /// The token that the decoder reads first.
    pub start: u32,
    /// The tokens that end the output.
    pub ends: Vec<u32>,
    /// The first token of every output, where it is not left to the model.
    pub first: Option<u32>,
    /// The token before a text that the decoder is given, as if it had written it.
    pub given_first: Option<u32>,
    /// The last token of an output as long as [`Self::longest`].
    pub last: Option<u32>,
    /// Sequences of tokens that are never written.
    pub never: Vec<Vec<u32>>,
    /// So many tokens in a row never come twice; 0 if they may.
    pub no_repeat: usize,
    /// How many tokens the decoder must have read, the first included, before the output may end.
    pub shortest: usize,
    /// The most tokens of an output, where a setting says so.
    pub longest: Option<usize>,
    /// Settings that are not obeyed, although they can change what is written; safe to show.
    pub not_obeyed: Vec<String>,
}

/// The settings that these rules obey.
const OBEYED: [&str; 6] = [
    "no_repeat_ngram_size",
    "bad_words_ids",
    "min_length",
    "min_new_tokens",
    "forced_bos_token_id",
    "forced_eos_token_id",
];

impl GenerationRules {
    /// # Errors
    /// If a setting is of the wrong kind, or none says how writing begins.
    pub fn of(checkpoint: &Checkpoint) -> Result<Self> {
        let own = checkpoint.config();
        let settings = &generation::settings(checkpoint);
        let either = |key: &str| Ok::<_, anyhow::Error>(settings.id(key)?.or(own.id(key)?));
        let mut start = ["decoder_start_token_id", "bos_token_id", "pad_token_id"].into_iter();
        let start = start.find_map(|key| either(key).transpose()).transpose()?;
        let shortest =
            settings.count("min_length")?.max(match settings.count("min_new_tokens")? {
                0 => 0,
                n => n + 1,
            });
        Ok(Self {
            start: start.with_context(|| {
                format!("{}: no `decoder_start_token_id` says how to begin", checkpoint.name())
            })?,
            ends: checkpoint.ends()?,
            first: settings.id("forced_bos_token_id")?,
            given_first: settings.id("forced_bos_token_id")?,
            last: settings.id("forced_eos_token_id")?,
            never: settings.lists_of_ids("bad_words_ids")?,
            no_repeat: settings.count("no_repeat_ngram_size")?,
            shortest,
            longest: longest(settings)?,
            not_obeyed: generation::not_obeyed(settings, &OBEYED),
        })
    }

    /// The number of tokens after which an output is made to end, if it may have so many; None if no setting says so.
    pub fn forced_end(&self, longest: Option<usize>) -> Option<usize> {
        longest.or(self.longest).filter(|_| self.last.is_some())
    }

    /// The logits of what may follow the tokens that were `read`, minus infinity for what may not. After `forced_end`
    /// tokens the output is made to end.
    pub fn apply(&self, logits: &mut [f32], read: &[u32], forced_end: Option<usize>) {
        let (is_first, is_last) = (read.len() == 1, Some(read.len()) == forced_end);
        let forced = self.first.filter(|_| is_first).or(self.last.filter(|_| is_last));
        if let Some(token) = forced.filter(|token| (*token as usize) < logits.len()) {
            logits.fill(f32::NEG_INFINITY);
            logits[token as usize] = 0.0;
            return;
        }
        for token in self.forbidden(read) {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }

    /// The tokens that must not follow.
    fn forbidden(&self, read: &[u32]) -> Vec<u32> {
        let never = self.never.iter().filter_map(|sequence| {
            let (last, before) = sequence.split_last()?;
            let is_end = before.is_empty() && self.ends.contains(last);
            (read.ends_with(before) && !is_end).then_some(*last)
        });
        let too_early: &[u32] = if read.len() < self.shortest { &self.ends } else { &[] };
        let n = self.no_repeat;
        let last = read.len().checked_sub(n.max(1) - 1).map(|start| &read[start..]);
        let repeated = read
            .windows(n.max(1))
            .filter(|window| n > 0 && last.is_some_and(|last| window.starts_with(last)));
        let repeated = repeated.filter_map(|window| window.last());
        never.chain(too_early.iter().chain(repeated).copied()).collect()
    }
}

/// The most tokens of an output: `max_length` counts the token that it begins with.
fn longest(settings: &Config) -> Result<Option<usize>> {
    let new = settings.has("max_new_tokens").then(|| settings.usize("max_new_tokens"));
    let whole = settings.has("max_length").then(|| settings.usize("max_length"));
    Ok(new.transpose()?.or(whole.transpose()?.map(|n| n.saturating_sub(1).max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(rules: &GenerationRules, read: &[u32]) -> Vec<u32> {
        let mut logits = vec![1.0; 6];
        rules.apply(&mut logits, read, rules.forced_end(None));
        (0..6).filter(|&i| logits[i as usize].is_finite()).collect()
    }

    #[test]
    fn the_first_and_the_last_token_may_be_given() {
        let (first, last) = (Some(4), Some(1));
        let rules = GenerationRules { first, last, longest: Some(3), ..GenerationRules::default() };
        assert_eq!(left(&rules, &[0]), [4]);
        assert_eq!(left(&rules, &[0, 4]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(left(&rules, &[0, 4, 4]), [1]);
    }

    #[test]
    fn an_end_is_forced_by_the_settings_own_limit_alone() {
        let rules = GenerationRules { last: Some(1), ..GenerationRules::default() };
        assert_eq!(rules.forced_end(None), None);
        assert_eq!(rules.forced_end(Some(5)), Some(5));
        let rules = GenerationRules { longest: Some(9), ..rules };
        assert_eq!(rules.forced_end(None), Some(9));
        assert_eq!(GenerationRules { last: None, ..rules }.forced_end(Some(5)), None);
    }

    #[test]
    fn what_may_never_be_written_has_no_chance() {
        let never = vec![vec![0], vec![2, 3], vec![1]];
        let rules =
            GenerationRules { never, ends: vec![1], shortest: 3, ..GenerationRules::default() };
        assert_eq!(left(&rules, &[0, 2]), [2, 4, 5]);
        assert_eq!(left(&rules, &[0, 2, 4]), [1, 2, 3, 4, 5]);
        let rules = GenerationRules { no_repeat: 2, ..GenerationRules::default() };
        assert_eq!(left(&rules, &[2, 3, 4, 2, 5, 2]), [0, 1, 2, 4]);
        assert_eq!(left(&GenerationRules { no_repeat: 1, ..rules }, &[2, 3]), [0, 1, 4, 5]);
    }
}
