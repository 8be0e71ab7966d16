//! The terminal's screen, borrowed: entered, drawn to, and always given back.

use std::{
    fs::File,
    io::{self, BufWriter, Write, stdout},
    mem::ManuallyDrop,
    os::fd::AsFd,
    panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result};
use crossterm::{
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute,
    style::Print,
    terminal::{
        BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
        LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size, window_size,
    },
};
use ratatui::{Terminal, backend::CrosstermBackend};

use crate::{app::State, checkpoint::before_the_end, screen, text::is_guarded};

/// Whether there is something to give back; leaving twice would move the shell's cursor.
static IS_ENTERED: AtomicBool = AtomicBool::new(false);

/// The terminal while it is ours.
pub struct Screen {
    // Never dropped: it would complain on standard error of a terminal that is gone, and fail there.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<File>>>>,
    mouse: bool,
}

/// Buttons and wheel, with places beyond column 223; no movements, which nothing here answers.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

impl Screen {
    /// Takes the screen, and the mouse if it is wanted.
    pub fn enter(mouse: bool) -> Result<Self> {
        give_back_on_panic();
        before_the_end(leave);
        enter(mouse).context("the terminal cannot be set up")?;
        let terminal = blank().inspect_err(|_| leave())?;
        Ok(Self { terminal: ManuallyDrop::new(terminal), mouse })
    }

    /// Sends a question to the terminal; the answer comes in like keys.
    pub fn ask(question: &[u8]) -> Result<()> {
        Ok(output()?.write_all(question)?)
    }

    /// Gives the terminal a text for its clipboard; works through ssh as well.
    pub fn copy(text: &str) -> Result<()> {
        Ok(write!(output()?, "\x1b]52;c;{}\x07", base64::encode(text))?)
    }

    pub fn size() -> Result<(u16, u16)> {
        Ok(size()?)
    }

    /// Whether nobody is at the other end any more; asks the terminal's driver, not the terminal.
    pub fn is_gone() -> bool {
        cfg!(unix) && window_size().is_err()
    }

    /// Draws one frame, as one write.
    pub fn draw(&mut self, state: &State) -> io::Result<()> {
        crossterm::queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| screen::draw(state, frame.area(), frame.buffer_mut()))?;
        crossterm::queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        Write::flush(self.terminal.backend_mut())
    }

    /// Hands the terminal to the shell until the process is continued.
    pub fn suspend(&mut self) -> Result<()> {
        leave();
        super::stop()?;
        self.resume()
    }

    /// Takes the terminal again, whatever happened to it meanwhile.
    pub fn resume(&mut self) -> Result<()> {
        disable_raw_mode()?;
        enter(self.mouse)?;
        // Not `Terminal::clear`: it asks where the cursor is, and the answer goes to the thread that
        // reads keys.
        execute!(output()?, Clear(ClearType::All))?;
        *self.terminal = blank()?;
        Ok(())
    }
}

/// Standard output without a buffer in between: what a vanished terminal did not take must not be
/// written once more at the end.
fn output() -> io::Result<File> {
    Ok(File::from(stdout().as_fd().try_clone_to_owned()?))
}

/// A terminal that has nothing on its screen yet.
fn blank() -> io::Result<Terminal<CrosstermBackend<BufWriter<File>>>> {
    Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, output()?)))
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn enter(mouse: bool) -> Result<()> {
    enable_raw_mode()?;
    IS_ENTERED.store(true, Ordering::SeqCst);
    let mouse = Print(if mouse { MOUSE_ON } else { "" });
    Ok(execute!(output()?, EnterAlternateScreen, EnableBracketedPaste, mouse, Hide)?)
}

/// Gives the terminal back. A terminal that is gone cannot be told, and need not be.
fn leave() {
    if IS_ENTERED.swap(false, Ordering::SeqCst) {
        let _ = output().and_then(|mut output| {
            execute!(
                output,
                EndSynchronizedUpdate,
                Print(MOUSE_OFF),
                DisableBracketedPaste,
                LeaveAlternateScreen,
                Show
            )
        });
        let _ = disable_raw_mode();
    }
}

/// The message of a panic is read on the shell's screen; one that is caught has none.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_guarded() {
                leave();
            }
            before(info);
        }));
    });
}
