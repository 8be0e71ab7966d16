//! The terminal's screen: entered, drawn to, and always restored.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, ErrorKind, Write, stderr, stdin, stdout},
    mem,
    panic::{self, PanicHookInfo},
    sync::{
        Mutex, Once, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, ThreadId},
    time::Duration,
};

use anyhow::{Context, Result};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::{buffer::Buffer, layout::Size};
use rustix::{
    io::Errno,
    termios::{OptionalActions, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr},
};

use crate::{
    engine::fault,
    render::sgr,
    text::is_guarded,
    ui::{
        app::{SMALLEST, State},
        screen,
    },
    weights::{BeforeTheEnd, before_the_end},
};

/// Whether the screen has to be restored; doing it twice would move the shell's cursor.
static IS_ENTERED: AtomicBool = AtomicBool::new(false);

/// Whether a frame is being sent, so that a signal's handler can let it end first.
static IS_DRAWING: AtomicBool = AtomicBool::new(false);

/// The terminal's modes before the walk, for a signal's handler, which may not wait for crossterm's lock.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// The thread that draws.
static OWNER: OnceLock<ThreadId> = OnceLock::new();

/// Panics of other threads, printed after the screen is restored, since the drawing thread may be drawing meanwhile.
static PANICS: Mutex<Vec<String>> = Mutex::new(vec![]);

/// The largest accepted size: a broken terminal may report one that does not fit in memory.
const LARGEST: Size = Size::new(1000, 500);

/// Enters the alternate screen, clears (terminals may have just one screen), enables bracketed paste, hides the
/// cursor.
const ENTER: &str = "\x1b[?1049h\x1b[0m\x1b[2J\x1b[?2004h\x1b[?25l";

/// Undoes [`ENTER`], even in the middle of a frame. A terminal with just one screen is left empty.
const LEAVE: &str =
    "\x1b[?2026l\x1b[0m\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[2J\x1b[H\x1b[?1049l\x1b[?25h";

/// Mouse buttons and wheel, with positions beyond column 223; movements are not reported.
const MOUSE: &str = "\x1b[?1000h\x1b[?1006h";

/// Sequences written before and after a frame: terminals that know synchronized output show all of it at once.
const FRAME: [&str; 2] = ["\x1b[?2026h", "\x1b[?2026l"];

const CLEAR: &str = "\x1b[0m\x1b[2J";

/// The errors of a terminal that is gone.
const GONE: [Errno; 4] = [Errno::IO, Errno::NXIO, Errno::NOTTY, Errno::BADF];

/// The terminal while the walk uses it.
pub struct Screen {
    /// The displayed cells.
    shown: Buffer,
    mouse: bool,
    _at_the_end: BeforeTheEnd,
}

impl Screen {
    /// Enters the screen, and captures the mouse if `mouse` is set.
    pub fn enter(mouse: bool) -> Result<Self> {
        give_back_on_panic();
        let at_the_end = before_the_end(leave_at_once);
        enter(mouse).inspect_err(|_| leave()).context("the terminal cannot be set up")?;
        Ok(Self { shown: Buffer::default(), mouse, _at_the_end: at_the_end })
    }

    /// Sends a query to the terminal; the answer arrives with the keys.
    pub fn ask(question: &[u8]) -> Result<()> {
        Ok(Output.write_all(question)?)
    }

    /// Sends the terminal a text for its clipboard; works through ssh as well.
    pub fn copy(text: &str) -> Result<()> {
        Ok(write!(Output, "\x1b]52;c;{}\x07", base64::encode(text))?)
    }

    /// Columns and rows. A terminal that reports none, as on a serial line, gets the usual ones.
    pub fn size() -> Result<Size> {
        let Winsize { ws_col: width, ws_row: height, .. } =
            tcgetwinsize(stdout()).map_err(io::Error::from)?;
        if width == 0 || height == 0 {
            return Ok(SMALLEST);
        }
        Ok(Size::new(width.min(LARGEST.width), height.min(LARGEST.height)))
    }

    /// Whether the terminal is gone; asks its driver, not the terminal.
    pub fn is_gone() -> bool {
        tcgetwinsize(stdout()).is_err_and(|e| GONE.contains(&e))
    }

    /// Whether an error means that the terminal is gone: it says so, or its driver does.
    pub fn is_lost_by(error: &anyhow::Error) -> bool {
        let says_so = |e: &io::Error| {
            e.kind() == ErrorKind::UnexpectedEof
                || Errno::from_io_error(e).is_some_and(|e| GONE.contains(&e))
        };
        error.downcast_ref::<io::Error>().is_some_and(says_so) || Self::is_gone()
    }

    /// Draws one frame, as one write.
    pub fn draw(&mut self, state: &State) -> io::Result<()> {
        fault::at("drawing");
        let mut frame = Buffer::empty(state.size.into());
        screen::draw(state, frame.area, &mut frame);
        let mut text = FRAME[0].to_owned();
        if self.shown.area != frame.area {
            self.shown = Buffer::empty(frame.area);
            text.push_str(CLEAR);
        }
        text.push_str(&sgr::changes(mem::take(&mut self.shown), &frame));
        text.push_str(FRAME[1]);
        send(&text)?;
        self.shown = frame;
        Ok(())
    }

    /// Restores the terminal and stops the process until it is continued.
    pub fn suspend(&mut self, stop: fn() -> Result<()>) -> Result<()> {
        leave();
        stop()?;
        self.resume()
    }

    /// Enters the screen again; the next frame is drawn completely.
    pub fn resume(&mut self) -> Result<()> {
        disable_raw_mode()?;
        enter(self.mouse)?;
        self.shown = Buffer::default();
        Ok(())
    }
}

/// Standard output without a buffer: output that a vanished terminal did not accept must not be written again at the
/// end. It takes no descriptor of its own, so that the terminal can be restored where there is none to be had.
struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(stdout(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
        let panics = mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner));
        for panic in panics {
            // Writing to a terminal that is gone may fail.
            let _ = writeln!(stderr(), "{panic}");
        }
    }
}

/// Sends a frame, unless the screen has been left.
fn send(frame: &str) -> io::Result<()> {
    IS_DRAWING.store(true, Ordering::SeqCst);
    let sent =
        if IS_ENTERED.load(Ordering::SeqCst) { Output.write_all(frame.as_bytes()) } else { Ok(()) };
    IS_DRAWING.store(false, Ordering::SeqCst);
    sent
}

fn enter(mouse: bool) -> Result<()> {
    if let Ok(modes) = tcgetattr(stdin()) {
        BEFORE.get_or_init(|| modes);
    }
    enable_raw_mode()?;
    IS_ENTERED.store(true, Ordering::SeqCst);
    let mouse = if mouse { MOUSE } else { "" };
    Ok(write!(Output, "{ENTER}{mouse}")?)
}

/// Restores the terminal, unless it is gone.
fn leave() {
    if IS_ENTERED.swap(false, Ordering::SeqCst) {
        let _ = Output.write_all(LEAVE.as_bytes());
        let _ = disable_raw_mode();
    }
}

/// Restores the terminal from a signal's handler: without a lock and without an allocation. Frames that other threads
/// draw from then on are not sent; one that is being sent gets a moment to end.
fn leave_at_once() {
    if IS_ENTERED.swap(false, Ordering::SeqCst) {
        let mut n_moments = 20;
        while IS_DRAWING.load(Ordering::SeqCst) && n_moments > 0 {
            thread::sleep(Duration::from_millis(10));
            n_moments -= 1;
        }
        let _ = Output.write_all(LEAVE.as_bytes());
        if let Some(modes) = BEFORE.get() {
            let _ = tcsetattr(stdin(), OptionalActions::Now, modes);
        }
    }
}

/// How long a terminal may take to accept what restores it.
const PATIENCE: Duration = Duration::from_millis(500);

/// Restores the terminal while the loop is busy; on one that accepts no output, what is possible.
pub fn unblock() {
    let (done, restored) = mpsc::channel();
    let leave = move || {
        leave_at_once();
        let _ = done.send(());
    };
    if thread::Builder::new().spawn(leave).is_ok() {
        let _ = restored.recv_timeout(PATIENCE);
    }
    let _ = disable_raw_mode();
}

/// Installs a panic hook that restores the screen, so that the message is readable; a caught panic prints none.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    let _ = OWNER.set(thread::current().id());
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_drawing = OWNER.get() == Some(&thread::current().id());
            if !is_guarded() && !is_drawing && IS_ENTERED.load(Ordering::SeqCst) {
                PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(panic_text(info));
                return;
            }
            if !is_guarded() {
                leave();
            }
            before(info);
        }));
    });
}

/// The text of a panic's message.
fn panic_text(info: &PanicHookInfo) -> String {
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => format!("{info}\n{backtrace}"),
        _ => info.to_string(),
    }
}
