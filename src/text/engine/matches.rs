//! Regular expressions of a tokenizer's file, matched within the [`budget`] of the use.
//!
//! A single match can take hours (`(?=(?:a{1,100}){1,100}b)a`), and the library can neither be asked to stop nor be
//! stopped. So a pattern is matched on a thread of its own, which is left behind when the budget is exceeded; the pattern
//! is not tried again after that. Where no thread can be had, it is matched here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use fancy_regex::Regex;
use rustix::time::{ClockId, clock_gettime};
use tokenizers::{Offsets, Result, pattern::Pattern, pre_tokenizers::split::SplitPattern};

use super::{IS_GUARDED, budget};

/// How often the budget is looked at while a pattern is matched.
const PAUSE: Duration = Duration::from_millis(20);

/// A pattern that is matched within the budget.
#[derive(Clone, Debug)]
pub struct MeteredPattern {
    regex: Arc<Regex>,
    /// It matches one text alone, so it takes no time.
    is_literal: bool,
    /// It took too long once.
    is_given_up: Arc<AtomicBool>,
}

/// The matches in a text, and what is between them: start and end in bytes, and whether it is a match.
#[derive(Clone, Debug)]
pub struct Matches(pub Vec<(Offsets, bool)>);

/// So that the library cuts a text there.
impl Pattern for &Matches {
    fn find_matches(&self, _: &str) -> Result<Vec<(Offsets, bool)>> {
        Ok(self.0.clone())
    }
}

impl MeteredPattern {
    pub fn new(pattern: &SplitPattern) -> Result<Self> {
        let regex = match pattern {
            SplitPattern::String(text) => Regex::new(&fancy_regex::escape(text))?,
            SplitPattern::Regex(pattern) => Regex::new(pattern)?,
        };
        let is_literal = matches!(pattern, SplitPattern::String(_));
        Ok(Self { regex: Arc::new(regex), is_literal, is_given_up: Arc::default() })
    }

    /// The matches in each text.
    ///
    /// # Errors
    /// If a text cannot be matched, or the budget is exceeded.
    pub fn find_all<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Matches>> {
        budget::check()?;
        if self.is_literal {
            return texts
                .into_iter()
                .map(|text| matches(&self.regex, text, budget::check))
                .collect();
        }
        let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
        if texts.iter().all(String::is_empty) {
            return texts.iter().map(|text| matches(&self.regex, text, budget::check)).collect();
        }
        if self.is_given_up.load(Ordering::Relaxed) {
            return Err(budget::exceed_time().into());
        }
        self.find_beside(thread::Builder::new(), texts)
    }

    /// The matches in one text.
    ///
    /// # Errors
    /// As of [`Self::find_all`].
    pub fn find(&self, text: &str) -> Result<Matches> {
        Ok(self.find_all([text])?.remove(0))
    }

    /// The matches, found on another thread if there may be one.
    fn find_beside(&self, thread: thread::Builder, texts: Vec<String>) -> Result<Vec<Matches>> {
        let (answer, answered) = mpsc::sync_channel(1);
        let (regex, is_given_up) = (Arc::clone(&self.regex), Arc::clone(&self.is_given_up));
        let texts = Arc::new(texts);
        let here = Arc::clone(&texts);
        let work = move || {
            // The library may panic on a damaged pattern; then nothing is answered.
            IS_GUARDED.set(true);
            let go_on = || {
                let is_wanted = !is_given_up.load(Ordering::Relaxed);
                is_wanted.then_some(()).ok_or(budget::Exceeded::Time)
            };
            let found: Result<Vec<_>> =
                texts.iter().map(|text| matches(&regex, text, go_on)).collect();
            // Nobody listens any more if it took too long.
            let _ = answer.send((found, budget::now()));
        };
        let (begun, before) = (Instant::now(), process_time());
        if thread.spawn(work).is_err() {
            return here.iter().map(|text| matches(&self.regex, text, budget::check)).collect();
        }
        let left = budget::left();
        loop {
            match answered.recv_timeout(PAUSE) {
                Ok((found, used)) => {
                    budget::charge(used);
                    budget::check()?;
                    return found;
                }
                Err(RecvTimeoutError::Disconnected) => return Err("a pattern is damaged".into()),
                // Where others keep the processor, waiting does not count as work.
                Err(RecvTimeoutError::Timeout) => {
                    if begun.elapsed() >= left && process_time().saturating_sub(before) >= left {
                        self.is_given_up.store(true, Ordering::Relaxed);
                        return Err(budget::exceed_time().into());
                    }
                }
            }
        }
    }
}

/// The processor time of all threads.
fn process_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

/// The matches in a text; asks after each whether to go on.
fn matches(
    regex: &Regex,
    text: &str,
    go_on: impl Fn() -> std::result::Result<(), budget::Exceeded>,
) -> Result<Matches> {
    if text.is_empty() {
        return Ok(Matches(vec![((0, 0), false)]));
    }
    let (mut found, mut end) = (vec![], 0);
    for matched in regex.find_iter(text) {
        go_on()?;
        let matched = matched?;
        if end != matched.start() {
            found.push(((end, matched.start()), false));
        }
        found.push(((matched.start(), matched.end()), true));
        end = matched.end();
    }
    if end != text.len() {
        found.push(((end, text.len()), false));
    }
    Ok(Matches(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> MeteredPattern {
        MeteredPattern::new(&SplitPattern::Regex(text.to_owned())).expect("a regular expression")
    }

    #[test]
    fn matches_of_several_texts_are_found_with_what_is_between() -> Result<()> {
        let found = pattern(r"\d+(?!x)").find_all(["a12b3", "", "7"])?;
        let cells =
            |found: &Matches| found.0.iter().map(|((a, b), m)| (*a, *b, *m)).collect::<Vec<_>>();
        assert_eq!(cells(&found[0]), [(0, 1, false), (1, 3, true), (3, 4, false), (4, 5, true)]);
        assert_eq!(cells(&found[1]), [(0, 0, false)]);
        assert_eq!(cells(&found[2]), [(0, 1, true)]);
        Ok(())
    }

    #[test]
    fn matches_are_found_where_no_thread_can_be_had() -> Result<()> {
        let impossible = thread::Builder::new().stack_size(1 << 60);
        let found = pattern("b").find_beside(impossible, vec!["abc".to_owned()])?;
        assert_eq!(found[0].0, [((0, 1), false), ((1, 2), true), ((2, 3), false)]);
        Ok(())
    }

    /// Looking for this takes many seconds before the library says anything; longer texts take days.
    #[test]
    fn a_match_that_does_not_end_is_given_up_and_not_tried_again() {
        let pattern = pattern(r"(?=(?:a{1,100}){1,100}b)a");
        let text = "a".repeat(300);
        for _ in 0..3 {
            let (found, exceeded) = budget::within_time(Duration::from_millis(200), || {
                pattern.find(&text).map_err(|e| e.to_string())
            });
            assert!(found.is_err_and(|e| e.contains("takes too long")));
            assert_eq!(exceeded, Some(budget::Exceeded::Time));
            assert!(pattern.is_given_up.load(Ordering::Relaxed), "left behind");
        }
    }
}
