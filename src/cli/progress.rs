//! How far a long command is: a line on standard error, if that is a terminal and it takes a while.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What takes no longer than this passes without a word.
const PATIENCE: Duration = Duration::from_millis(200);

/// So many of so many; the line goes away with it.
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
    /// Whether it is shown already, or never will be.
    is_settled: Cell<bool>,
}

impl Progress {
    pub fn new(what: &'static str, total: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{msg}: [{bar:32}] {pos} of {len}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        // A terminal that moves no cursor would show a line after the other.
        let is_dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Self { bar, start: Instant::now(), is_settled: Cell::new(is_dumb) }
    }

    /// One more is done.
    pub fn step(&self) {
        if !self.is_settled.get() && self.start.elapsed() > PATIENCE {
            self.is_settled.set(true);
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(1);
    }
}

/// Something whose end cannot be counted.
pub struct Spinner {
    bar: ProgressBar,
}

impl Spinner {
    /// Shown once it has lasted a while.
    pub fn new(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(what);
        let is_dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let shown = bar.clone();
        if !is_dumb {
            std::thread::spawn(move || {
                std::thread::sleep(PATIENCE);
                if !shown.is_finished() {
                    shown.set_draw_target(ProgressDrawTarget::stderr());
                    shown.enable_steady_tick(PATIENCE);
                }
            });
        }
        Self { bar }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
