//! Progress of long commands: a line on standard error, if that is a terminal and the command takes a while.

use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that is shorter shows no progress.
const PATIENCE: Duration = Duration::from_millis(200);

/// A count of finished parts; the line is removed when it is dropped.
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
    /// Whether it is shown already, or never will be.
    is_settled: Cell<bool>,
}

impl Progress {
    /// One that is never shown on a dumb terminal: without cursor movement one line would follow another.
    pub fn new(what: &'static str, total: usize, is_dumb: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{msg}: [{bar:32}] {pos} of {len}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        Self { bar, start: Instant::now(), is_settled: Cell::new(is_dumb) }
    }

    /// Counts one more finished part.
    pub fn step(&self) {
        if !self.is_settled.get() && self.start.elapsed() > PATIENCE {
            self.is_settled.set(true);
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(1);
    }
}

/// Work of unknown length.
pub struct Spinner {
    bar: ProgressBar,
}

impl Spinner {
    /// Starts it; it is shown after a while, on a dumb terminal never.
    pub fn new(what: &'static str, is_dumb: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(what);
        let shown = bar.clone();
        if !is_dumb {
            // Where no thread can be had, it is not shown.
            let _ = thread::Builder::new().spawn(move || {
                thread::sleep(PATIENCE);
                if !shown.is_finished() {
                    shown.set_draw_target(ProgressDrawTarget::stderr());
                }
                // The bar's own ticks would need another thread.
                while !shown.is_finished() {
                    shown.tick();
                    thread::sleep(PATIENCE);
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
