//! The terminal's screen, borrowed: entered, drawn to, and always given back.

use std::{
    io::{self, BufWriter, Stdout, Write, stdout},
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
    terminal::{
        BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
        LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
    },
};
use ratatui::{Terminal, backend::CrosstermBackend};

use crate::{app::State, screen};

/// Whether there is something to give back; leaving twice would move the shell's cursor.
static IS_ENTERED: AtomicBool = AtomicBool::new(false);

/// The terminal while it is ours.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    pub fn enter() -> Result<Self> {
        give_back_on_panic();
        enter().context("the terminal cannot be set up")?;
        let terminal = blank().inspect_err(|_| leave())?;
        Ok(Self { terminal })
    }

    pub fn size() -> Result<(u16, u16)> {
        Ok(size()?)
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
        enter()?;
        // Not `Terminal::clear`: it asks where the cursor is, and the answer goes to the thread that
        // reads keys.
        execute!(stdout(), Clear(ClearType::All))?;
        self.terminal = blank()?;
        Ok(())
    }
}

/// A terminal that has nothing on its screen yet.
fn blank() -> io::Result<Terminal<CrosstermBackend<BufWriter<Stdout>>>> {
    Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, stdout())))
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn enter() -> Result<()> {
    enable_raw_mode()?;
    IS_ENTERED.store(true, Ordering::SeqCst);
    Ok(execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?)
}

/// Gives the terminal back. A terminal that is gone cannot be told, and need not be.
fn leave() {
    if IS_ENTERED.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            stdout(),
            EndSynchronizedUpdate,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
    }
}

/// The message of a panic is read on the shell's screen.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            leave();
            before(info);
        }));
    });
}
