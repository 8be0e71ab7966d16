//! The program in a real pseudo-terminal, its screen read back through a terminal emulator.

use std::{
    fs,
    io::{Read, Write},
    num::NonZero,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};

/// Long enough for a busy machine; a passing test never waits so long.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The program with an environment of its own, in a terminal with all colours.
fn command(home: &Path, program: &str, args: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.args(args);
    command.env("TERM", "xterm-256color");
    command.env("COLORTERM", "truecolor");
    let unset = [
        "NO_COLOR",
        "COLORFGBG",
        "TMUX",
        "STY",
        "INSIDE_EMACS",
        "LC_ALL",
        "LC_MESSAGES",
        "LANG",
        "RUST_BACKTRACE",
    ];
    for name in unset {
        command.env_remove(name);
    }
    for (name, folder) in [("HOME", ""), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")]
    {
        command.env(name, home.join(folder));
    }
    command
}

/// How a terminal is set up: cooked or raw, echo, signals.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().unwrap())
}

/// How it ended; None if it does not.
pub fn exit_code(child: &mut dyn Child) -> Option<u32> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            // A hang-up that comes after the handlers are gone ends the process as a shell reports it.
            let is_hung_up = status.signal() == Some("Hangup");
            return Some(if is_hung_up { 129 } else { status.exit_code() });
        }
        thread::sleep(Duration::from_millis(10));
    }
    None
}

/// A program sleeps for a moment between one piece of work and the next.
const LOOKS: usize = 10;

/// Whether a thread waits or has ended, or the system does not tell.
fn sleeps(task: &Path) -> bool {
    let stat = fs::read_to_string(task.join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('S'))
}

/// Whether no thread of these runs.
fn all_sleep(tasks: &Path) -> bool {
    fs::read_dir(tasks).is_ok_and(|tasks| tasks.flatten().all(|task| sleeps(&task.path())))
        || !Path::new("/proc/self/task").exists()
}

pub struct Session {
    /// Settings and state of this session alone.
    pub home: tempfile::TempDir,
    pub master: Box<dyn MasterPty + Send>,
    pub keys: Box<dyn Write + Send>,
    pub child: Box<dyn Child + Send + Sync>,
    pub screen: Arc<Mutex<vt100::Parser>>,
    pub bytes: Arc<Mutex<Vec<u8>>>,
    /// How the terminal was set up before the program started.
    before: String,
    /// Whether what comes next is still to be read.
    is_read: Arc<AtomicBool>,
    // Held: when nobody holds it, the system sets the terminal up anew.
    _slave: Box<dyn SlavePty + Send>,
}

pub const fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

pub fn nonzero(n: u16) -> NonZero<u16> {
    NonZero::new(n).unwrap()
}

impl Session {
    pub fn start(args: &[&str], size: (u16, u16)) -> Self {
        Self::run(env!("CARGO_BIN_EXE_lookback"), args, size)
    }

    pub fn run(program: &str, args: &[&str], size: (u16, u16)) -> Self {
        Self::at_home(tempfile::tempdir().unwrap(), program, args, size)
    }

    pub fn at_home(
        home: tempfile::TempDir,
        program: &str,
        args: &[&str],
        size: (u16, u16),
    ) -> Self {
        let command = command(home.path(), program, args);
        Self::of(home, command, size)
    }

    /// Beside another, with the same settings and state.
    pub fn at_home_of(other: &Self, program: &str, args: &[&str], size: (u16, u16)) -> Self {
        let command = command(other.home.path(), program, args);
        Self::of(tempfile::tempdir().unwrap(), command, size)
    }

    /// In a terminal with these variables; one without a value is not set.
    pub fn in_terminal(
        home: tempfile::TempDir,
        variables: &[(&str, Option<&str>)],
        args: &[&str],
        size: (u16, u16),
    ) -> Self {
        let mut command = command(home.path(), env!("CARGO_BIN_EXE_lookback"), args);
        for (name, value) in variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            }
        }
        Self::of(home, command, size)
    }

    pub fn of(home: tempfile::TempDir, command: CommandBuilder, (cols, rows): (u16, u16)) -> Self {
        let pty = native_pty_system().openpty(size(cols, rows)).unwrap();
        let before = modes(&*pty.master);
        let child = pty.slave.spawn_command(command).unwrap();
        let mut output = pty.master.try_clone_reader().unwrap();
        let keys = pty.master.take_writer().unwrap();
        let screen =
            Arc::new(Mutex::new(vt100::Parser::new(nonzero(rows.max(1)), nonzero(cols.max(1)), 0)));
        let bytes = Arc::new(Mutex::new(vec![]));
        let is_read = Arc::new(AtomicBool::new(true));
        let (into_screen, into_bytes) = (Arc::clone(&screen), Arc::clone(&bytes));
        let goes_on = Arc::clone(&is_read);
        thread::spawn(move || {
            let (mut buffer, mut text) = ([0; 4096], vec![]);
            while let Ok(n @ 1..) = output.read(&mut buffer) {
                // The parser loses what follows a character that comes in two pieces.
                text.extend_from_slice(&buffer[..n]);
                let whole = match std::str::from_utf8(&text) {
                    Err(cut) if cut.error_len().is_none() => cut.valid_up_to(),
                    _ => text.len(),
                };
                // It also leaves out U+FFFD, which terminals show.
                let shown = String::from_utf8_lossy(&text[..whole]).replace('\u{fffd}', "\u{fffc}");
                into_screen.lock().unwrap().process(shown.as_bytes());
                text.drain(..whole);
                into_bytes.lock().unwrap().extend_from_slice(&buffer[..n]);
                if !goes_on.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        let (master, slave) = (pty.master, pty.slave);
        Self { home, master, keys, child, screen, bytes, before, is_read, _slave: slave }
    }

    /// Whether the terminal is set up as it was before the program started.
    pub fn is_as_before(&self) -> bool {
        modes(&*self.master) == self.before
    }

    /// From the next frame on nobody reads what the program sends.
    pub fn deafen(&self) {
        self.is_read.store(false, Ordering::SeqCst);
    }

    /// As when a terminal's window is closed. The program must be about to send something.
    pub fn close(self) -> Box<dyn Child + Send + Sync> {
        self.deafen();
        drop((self.keys, self.master));
        self.child
    }

    pub fn contents(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(
                start.elapsed() < PATIENCE,
                "waited for {what}; on screen:\n{}",
                self.contents()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the walk has the terminal.
    #[track_caller]
    pub fn until_entered(&self) {
        self.until("the alternate screen", |s| {
            s.screen.lock().unwrap().screen().alternate_screen()
        });
    }

    #[track_caller]
    pub fn until_shown(&self, text: &str) {
        self.until(text, |s| s.contents().contains(text));
    }

    /// Waits until something holds at several looks in a row.
    fn until_lasting(holds: impl Fn() -> bool) {
        let (start, mut n_looks) = (Instant::now(), 0);
        while n_looks < LOOKS && start.elapsed() < PATIENCE {
            n_looks = if holds() { n_looks + 1 } else { 0 };
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until the program does nothing any more, where the system tells what its threads do.
    pub fn until_rest(&self) {
        let tasks = format!("/proc/{}/task", self.child.process_id().unwrap());
        Self::until_lasting(|| all_sleep(Path::new(&tasks)));
    }

    /// Waits until the program waits for keys, whatever its other threads do, where the system tells.
    pub fn until_waiting(&self) {
        let id = self.child.process_id().unwrap();
        let main = format!("/proc/{id}/task/{id}");
        Self::until_lasting(|| sleeps(Path::new(&main)));
    }

    /// Waits until nothing more is drawn.
    pub fn until_drawn(&self) {
        let n_bytes = || self.bytes.lock().unwrap().len();
        let mut before = usize::MAX;
        while n_bytes() != before {
            before = n_bytes();
            thread::sleep(Duration::from_millis(200));
            self.until_waiting();
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(nonzero(rows), nonzero(cols));
        self.master.resize(size(cols, rows)).unwrap();
    }

    pub fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} {}", self.child.process_id().unwrap());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the end; checks that the terminal was given back.
    #[track_caller]
    pub fn ends_with(&mut self, code: u32) {
        let ended = exit_code(&mut *self.child);
        assert_eq!(ended, Some(code), "on screen:\n{}", self.contents());
        assert!(self.is_as_before(), "{}\nbefore:\n{}", modes(&*self.master), self.before);
        self.until("the main screen", |s| !s.screen.lock().unwrap().screen().alternate_screen());
        let is_now = |what: &str, holds: fn(&vt100::Screen) -> bool| {
            self.until(what, |s| holds(s.screen.lock().unwrap().screen()));
        };
        is_now("the cursor", |screen| !screen.hide_cursor());
        is_now("the end of bracketed paste", |screen| !screen.bracketed_paste());
        is_now("the end of the mouse", |screen| {
            screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
        });
    }
}
