//! The program in a pseudo-terminal, with keys, pastes, the mouse and sizes by chance: what the terminal
//! shows is always a fresh drawing of the state that the same events lead to in this process.
//! `LOOKBACK_RANDOM=20000` sends so many in all, `LOOKBACK_SEED=7` others.

use std::{
    env, fs,
    io::Write,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use lookback::{
    export::{FORMATS, Format},
    lesson::{Language, Lesson, PaneKind},
    model::ModelName,
    ui::{
        app::{Action, Command, ExportFormat, ExportOptions, Guide, SMALLEST, State, WalkStart},
        theme::{Depth, Glyphs, Theme},
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

use crate::support::{
    built_in::READER,
    emulator::{bytes, difference},
    random::{Given, Random},
    session::{PATIENCE, Session},
    walker::Walker,
};

const SENTENCE: &str = "The dog sleeps.";
const SIZE: (u16, u16) = (100, 30);

/// Events in all.
const USUAL: usize = 500;

/// As many bytes are sent at once; the program reads as many at once and can be in no doubt whether an
/// `Esc` is a key.
const BURST: usize = 200;

/// Most frames are there by then.
const SOON: Duration = Duration::from_millis(50);

/// Kilobytes that a walk may need whatever is done, a build for tests among them: readings of 64 tokens
/// by all models, as they are and changed, their measures, and frames of the largest size.
const MOST: usize = 400_000;

/// Kilobytes by which memory may grow while the same is done over and over.
const GROWTH: usize = 40_000;

struct Mode {
    variables: &'static [(&'static str, Option<&'static str>)],
    args: &'static [&'static str],
    depth: Depth,
}

const MODES: [Mode; 6] = [
    Mode { variables: &[], args: &[], depth: Depth::True },
    Mode { variables: &[("COLORTERM", None)], args: &[], depth: Depth::Indexed },
    Mode {
        variables: &[("COLORTERM", None), ("TERM", Some("xterm"))],
        args: &[],
        depth: Depth::Sixteen,
    },
    Mode { variables: &[("NO_COLOR", Some("1"))], args: &[], depth: Depth::None },
    Mode { variables: &[], args: &["--ascii"], depth: Depth::True },
    Mode {
        variables: &[("COLORTERM", None), ("TERM", Some("tmux-256color"))],
        args: &["--lang", "zh"],
        depth: Depth::Indexed,
    },
];

impl Mode {
    fn session(&self, model: ModelName) -> Session {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("config/lookback")).unwrap();
        fs::write(home.path().join("config/lookback/config.toml"), "motion = false\n").unwrap();
        let args = [&["--model", model.id()], self.args, &[SENTENCE]].concat();
        Session::in_terminal(home, self.variables, &args, SIZE)
    }

    /// The state that such a session begins with.
    fn walker(&self, model: ModelName, session: &Session) -> Walker<'static> {
        let is_chinese = self.args.contains(&"zh");
        let language = if is_chinese { Language::Chinese } else { Language::English };
        let is_ascii = self.args.contains(&"--ascii");
        let glyphs = if is_ascii { Glyphs::Ascii } else { Glyphs::Unicode };
        let lesson = Lesson::embedded(language).unwrap();
        let step = lesson.steps().iter().position(|(_, step)| step.model == model).unwrap_or(0);
        let option = |format: &&Format| ExportFormat {
            extension: format.extension,
            is_animation: format.is_animation(),
        };
        let here = session.home.path().canonicalize().unwrap();
        let formats = FORMATS.iter().map(option).collect();
        let mut guide = Guide::default();
        guide.asks_questions = true;
        let theme = Theme::new(self.depth, glyphs);
        let start = WalkStart {
            step,
            follows_background: true,
            guide,
            exports: ExportOptions::new(formats, here.to_string_lossy().into_owned()),
            ..WalkStart::new(Arc::new(lesson), theme, SENTENCE.to_owned())
        };
        Walker::start(State::begin(start), &READER, SENTENCE, SIZE)
    }
}

/// Whether it does the same on a screen of any size, and at once: on one that is too small nobody sees
/// when a key has been answered.
fn is_blind(action: &Action) -> bool {
    match action {
        Action::Type(_)
        | Action::Paste(_)
        | Action::Unbound(_)
        | Action::CannotSuspend
        | Action::Resize(..) => true,
        Action::Do(command) => matches!(
            command,
            Command::NextStep
                | Command::PreviousStep
                | Command::NextPane
                | Command::PreviousPane
                | Command::Layer(_)
                | Command::Head(_)
                | Command::Leave
                | Command::Help
                | Command::Find
                | Command::Palette
                | Command::NextTheme
                | Command::Bookmark
        ),
        _ => false,
    }
}

/// A session, and what it should show.
struct Pair {
    session: Session,
    walker: Walker<'static>,
    /// Bytes that are to be sent.
    waiting: String,
    /// What was sent, for whoever reads of a failure.
    log: Vec<Given>,
}

impl Pair {
    fn give(&mut self, given: Given) {
        let actions = self.walker.actions(&given);
        if actions.iter().any(|a| self.walker.may_end(a) || self.walker.may_reach_out(a)) {
            return;
        }
        let is_blind = !matches!(given, Given::Mouse(_)) && actions.iter().all(is_blind);
        if !self.is_seen() && !is_blind {
            return;
        }
        if let Given::Size(width, height) = given {
            self.meet();
            self.session.resize(width, height);
        }
        self.waiting.push_str(&bytes(&given));
        let is_size = matches!(given, Given::Size(..));
        self.log.push(given);
        let mut has_worked = false;
        for action in actions {
            has_worked |= self.walker.take(action);
        }
        if is_size || has_worked || self.waiting.len() > BURST {
            self.meet();
        }
        if has_worked {
            // What models answer may leave the screen as it was.
            self.session.until_rest();
        }
    }

    /// Sends what is waiting and waits until the terminal shows what it should.
    fn meet(&mut self) {
        let text = std::mem::take(&mut self.waiting);
        self.session.press(&text);
        let mut frame = self.walker.drawn();
        let hidden = self.times();
        let start = Instant::now();
        loop {
            if start.elapsed() > SOON {
                // What the screen has asked for is shown when it is there.
                let reading = self.walker.state.passes.reading.as_ref().unwrap();
                if let Some(slow) = reading.wished() {
                    reading.compute(slow, || true);
                }
                frame = self.walker.drawn();
            }
            let parser = self.session.screen.lock().unwrap();
            let Some((x, y)) = difference(parser.screen(), &frame, &hidden) else { break };
            drop(parser);
            if start.elapsed() > PATIENCE {
                self.fail(&frame, (x, y));
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.session.bytes.lock().unwrap().clear();
    }

    /// Where times are shown, which are never twice the same.
    fn times(&self) -> Vec<Rect> {
        let Walker { state, .. } = &self.walker;
        let wanted = state.preferred_sizes(&state.panes());
        if !self.is_seen() {
            return vec![];
        }
        let (plan, _) = state.plan(state.size.into(), &wanted);
        let shown = state.specs().iter().zip(plan.frames);
        shown
            .filter(|(spec, _)| spec.kind == PaneKind::Times)
            .filter_map(|(_, frame)| frame)
            .collect()
    }

    /// Whether the terminal is large enough to show what the walk does.
    fn is_seen(&self) -> bool {
        let size = self.walker.state.size;
        size.width >= SMALLEST.width && size.height >= SMALLEST.height
    }

    fn fail(&self, frame: &Buffer, (x, y): (u16, u16)) -> ! {
        let wanted = |y| (0..frame.area.width).map(|x| frame[(x, y)].symbol()).collect::<String>();
        let parser = self.session.screen.lock().unwrap();
        let shown: Vec<String> = parser.screen().rows(0, frame.area.width).collect();
        let both = |y: u16| format!("shown:  {}\nwanted: {}", shown[usize::from(y)], wanted(y));
        let from = self.log.len().saturating_sub(40);
        panic!(
            "column {x}, row {y} of {}x{}: {:?} instead of {:?}\n{}\n{}\nafter {} events, the last:\n{:?}",
            frame.area.width,
            frame.area.height,
            parser.screen().cell(y, x),
            frame[(x, y)],
            both(0),
            both(y),
            self.log.len(),
            &self.log[from..]
        );
    }

    /// Lets the program draw everything anew.
    fn redraw(&mut self) {
        self.meet();
        self.session.signal("CONT");
        self.session.until("a cleared screen", |s| {
            let bytes = s.bytes.lock().unwrap();
            bytes.windows(8).any(|window| window == b"\x1b[?1049h")
        });
        self.meet();
    }
}

fn number(name: &str, usual: usize) -> usize {
    env::var(name).map_or(usual, |n| n.parse().unwrap())
}

fn start(mode: &Mode, model: ModelName) -> Pair {
    let session = mode.session(model);
    let walker = mode.walker(model, &session);
    let mut pair = Pair { session, walker, waiting: String::new(), log: vec![] };
    pair.meet();
    pair
}

impl Pair {
    fn play(&mut self, random: &mut Random, n: usize) {
        let end = self.log.len() + n;
        while self.log.len() < end {
            self.give(random.given());
            if random.below(200) == 0 {
                self.redraw();
            }
        }
        self.meet();
    }

    /// Leaves whatever is open, reads the first sentence again and goes to the first step.
    fn begin_again(&mut self) {
        let key = |code| Given::Key(KeyEvent::new(code, KeyModifiers::NONE));
        let char = |c| key(KeyCode::Char(c));
        let rub_out = Given::Key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
        self.give(Given::Size(SIZE.0, SIZE.1));
        for _ in 0..12 {
            self.give(key(KeyCode::Esc));
        }
        let events =
            [char('r'), char('i'), key(KeyCode::End), rub_out, Given::Paste(SENTENCE.into())];
        for event in events {
            self.give(event);
        }
        self.give(key(KeyCode::Enter));
        // The sentence may be read at once: what the walk says of it comes before the next key.
        self.meet();
        self.session.until_rest();
        self.give(char('g'));
        self.meet();
    }

    /// None where the system does not say.
    fn memory(&self) -> Option<usize> {
        let path = format!("/proc/{}/status", self.session.child.process_id().unwrap());
        let status = fs::read_to_string(path).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    fn end(mut self) {
        self.session.press("\x03");
        self.session.ends_with(0);
    }
}

#[test]
fn the_terminal_always_shows_a_fresh_drawing_of_the_state() {
    // Every mode and every model twice, and no pair twice.
    let models = |i: usize| [i, i + 3].map(|i| ModelName::ALL[i % ModelName::ALL.len()]);
    let pairs = MODES.iter().enumerate();
    let pairs = pairs.flat_map(|(i, mode)| models(i).map(|model| (mode, model)));
    let n = number("LOOKBACK_RANDOM", USUAL).div_ceil(pairs.clone().count());
    let seed = number("LOOKBACK_SEED", 1);
    let walk = |(i, (mode, model)): (usize, (&Mode, ModelName))| {
        let mut pair = start(mode, model);
        pair.play(&mut Random((seed + i) as u64), n);
        let memory = pair.memory().unwrap_or(0);
        eprintln!("{model} {:?} {}: {n} events, {memory} kB", mode.depth, mode.args.join(" "));
        assert!(memory < MOST, "{memory} kB of memory");
        pair.end();
    };
    // Most of a walk is waiting.
    let next = Mutex::new(pairs.enumerate());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(pair) = { next.lock().unwrap().next() } {
                    walk(pair);
                }
            });
        }
    });
}

#[test]
fn the_same_over_and_over_needs_no_more_memory() {
    let mut pair = start(&MODES[1], ModelName::Transformer);
    let n_rounds = number("LOOKBACK_RANDOM", USUAL).div_ceil(100).max(6);
    let mut memories = vec![];
    for _ in 0..n_rounds {
        pair.play(&mut Random(11), 20);
        pair.begin_again();
        memories.extend(pair.memory());
    }
    eprintln!("kB of memory after rounds: {memories:?}");
    let (half, last) = (memories.len() / 2, memories.last());
    let grown = last.map_or(0, |last| last.saturating_sub(memories[half]));
    assert!(grown < GROWTH, "{memories:?}");
    pair.end();
}

/// Sequences that are broken off, characters that are none, and what starts something.
const PIECES: [&[u8]; 20] = [
    b"\x1b",
    b"\x1b[",
    b"\x1bO",
    b"\x1b[<0;0;0M",
    b"\x1b[<99",
    b"\x1b[M\0\0\0",
    b"\x1b[200~",
    b"\x1b[201~",
    b"\x1b]11;rgb:",
    b"\x1bP",
    b"\xff\xfe",
    b"\xe7\x8c",
    b"\0",
    b"\x1b[1;99Z",
    b"l",
    b"?",
    b"i",
    b":",
    b"\r",
    b"\x1b[999999999999C",
];

#[test]
fn broken_input_leaves_a_walk_that_answers() {
    let mut session = Session::start(&["--no-questions", SENTENCE], SIZE);
    session.until_shown("The task: translate, and know what");
    let mut random = Random(3);
    for _ in 0..40 {
        for _ in 0..20 {
            let piece = random.of(&PIECES);
            session.keys.write_all(piece).unwrap();
        }
        // Whatever has begun is ended, whatever is open left.
        for _ in 0..2 {
            session.press("\x1b[201~m\x07");
        }
        session.press(&"\x1b[27u".repeat(12));
        session.press("rG");
        session.until_shown("From here to an LLM");
        session.press("g");
        session.until_shown("The task: translate, and know what");
    }
    session.press("q");
    session.ends_with(0);
}
