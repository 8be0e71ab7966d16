//! The work that one use of a tokenizer may do: bytes of text, tokens and processor time, over all stages together.
//!
//! Each stage may be harmless and the sequence of them not: 24 that double a text make gigabytes of a word. The
//! library does not limit them, and drops the error of a normalizer, so a budget that is exceeded stays exceeded until
//! the next use.

use std::{cell::Cell, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// The most bytes of text after a stage.
pub const MOST_BYTES: usize = 1 << 20;

/// The most bytes that a stage may be about to write, as far as that is known before.
const MOST_WRITTEN: usize = 4 * MOST_BYTES;

/// The most tokens of a text.
const MOST_TOKENS: usize = 1 << 18;

/// The most processor time of one use.
const MOST_TIME: Duration = Duration::from_secs(2);

/// The most processor time to add the tokens of a file to the vocabulary; large files take a second.
const MOST_BUILDING: Duration = Duration::from_secs(20);

/// What is exceeded, as the library's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    Bytes,
    Tokens,
    Time,
}

impl std::fmt::Display for Exceeded {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Bytes => write!(
                f,
                "the tokenizer makes a text far longer: more than {MOST_BYTES} bytes; its file is damaged, or the \
                 text too long"
            ),
            Self::Tokens => write!(
                f,
                "the tokenizer makes more than {MOST_TOKENS} tokens of a text; its file is damaged, or the text too \
                 long"
            ),
            Self::Time => write!(
                f,
                "the tokenizer takes too long: more than {} seconds; its file is damaged, or the text too long",
                MOST_TIME.as_secs()
            ),
        }
    }
}

impl std::error::Error for Exceeded {}

/// What is used so far, on this thread.
#[derive(Clone, Copy, Debug)]
struct Budget {
    /// The processor time at which the use must have ended.
    end: Duration,
    /// Bytes of texts that are complete and kept.
    kept: usize,
    most_kept: usize,
    n_tokens: usize,
    exceeded: Option<Exceeded>,
}

thread_local! {
    static BUDGET: Cell<Budget> = const {
        Cell::new(Budget {
            end: Duration::MAX,
            kept: 0,
            most_kept: MOST_BYTES,
            n_tokens: 0,
            exceeded: None,
        })
    };
}

/// The processor time of this thread.
pub fn now() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

/// Does work within a budget of its own; what holds around it holds again afterwards. Returns what was exceeded too.
pub fn within<T>(work: impl FnOnce() -> T) -> (T, Option<Exceeded>) {
    within_time(MOST_TIME, work)
}

/// As [`within`], with `time` of the processor.
pub fn within_time<T>(time: Duration, work: impl FnOnce() -> T) -> (T, Option<Exceeded>) {
    let end = now() + time;
    let around =
        BUDGET.replace(Budget { end, kept: 0, most_kept: MOST_BYTES, n_tokens: 0, exceeded: None });
    let done = work();
    (done, BUDGET.replace(around).exceeded)
}

/// Allows the work of building a tokenizer that adds tokens of `n_bytes` bytes together.
pub fn allow_building(n_bytes: usize) {
    let most_kept = MOST_BYTES.saturating_add(n_bytes.saturating_mul(8));
    BUDGET.set(Budget { end: now() + MOST_BUILDING, most_kept, ..BUDGET.get() });
}

/// # Errors
/// If the budget is exceeded, or the time is over.
pub fn check() -> Result<(), Exceeded> {
    let budget = BUDGET.get();
    match budget.exceeded {
        Some(what) => Err(what),
        None => ensure(now() <= budget.end, Exceeded::Time),
    }
}

/// The processor time that is left.
pub fn left() -> Duration {
    BUDGET.get().end.saturating_sub(now())
}

/// Counts processor time that another thread spent on this use.
pub fn charge(used: Duration) {
    let budget = BUDGET.get();
    BUDGET.set(Budget { end: budget.end.saturating_sub(used), ..budget });
}

/// Ends the use, because its time is over.
pub fn exceed_time() -> Exceeded {
    BUDGET.set(Budget { exceeded: Some(Exceeded::Time), ..BUDGET.get() });
    Exceeded::Time
}

fn ensure(is_within: bool, what: Exceeded) -> Result<(), Exceeded> {
    if is_within {
        return Ok(());
    }
    BUDGET.set(Budget { exceeded: Some(what), ..BUDGET.get() });
    Err(what)
}

/// Before a stage that may write `n_bytes` bytes of the text that it is given.
///
/// # Errors
/// If it may not.
pub fn before(n_bytes: usize) -> Result<(), Exceeded> {
    check()?;
    ensure(
        BUDGET.get().kept.saturating_add(n_bytes) <= MOST_WRITTEN.max(BUDGET.get().most_kept),
        Exceeded::Bytes,
    )
}

/// After a stage that has written `n_bytes` bytes.
///
/// # Errors
/// If these are too many.
pub fn after(n_bytes: usize) -> Result<(), Exceeded> {
    let Budget { kept, most_kept, .. } = BUDGET.get();
    ensure(n_bytes <= MOST_BYTES && kept.saturating_add(n_bytes) <= most_kept, Exceeded::Bytes)
}

/// Counts bytes that stay in memory when the last stage has written them.
///
/// # Errors
/// If these are too many.
pub fn keep(n_bytes: usize) -> Result<(), Exceeded> {
    after(n_bytes)?;
    let budget = BUDGET.get();
    BUDGET.set(Budget { kept: budget.kept + n_bytes, ..budget });
    Ok(())
}

/// Counts tokens.
///
/// # Errors
/// If these are too many.
pub fn count_tokens(n: usize) -> Result<(), Exceeded> {
    let n_tokens = BUDGET.get().n_tokens.saturating_add(n);
    BUDGET.set(Budget { n_tokens, ..BUDGET.get() });
    ensure(n_tokens <= MOST_TOKENS, Exceeded::Tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_limits_neither_what_comes_after_it_nor_what_is_around_it() {
        let too_many = || count_tokens(MOST_TOKENS + 1);
        assert_eq!(within(too_many), (Err(Exceeded::Tokens), Some(Exceeded::Tokens)));
        // Seconds of other work may follow on this thread.
        assert_eq!((BUDGET.get().end, check()), (Duration::MAX, Ok(())));
        let (inner, outer) = within(|| {
            let inner = within(too_many).1;
            assert!(BUDGET.get().end < Duration::MAX);
            inner
        });
        assert_eq!((inner, outer), (Some(Exceeded::Tokens), None));
    }
}
