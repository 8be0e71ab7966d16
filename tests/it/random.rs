//! Whatever is typed, pasted, pointed at and resized, by chance: the walk goes on, and what it shows is a
//! function of its state. `LOOKBACK_RANDOM=20000` tries so many, `LOOKBACK_SEED=7` from another beginning.

use std::{env, path::Path, sync::Arc, time::Duration};

use lookback::{
    analysis::reading::Reader,
    engine::tape::Keep,
    lesson::{Language, Lesson},
    model::ModelName,
    render::sgr,
    ui::{
        app::{Action, ExportFormat, ExportOptions, Motion, State},
        theme::{Depth, Glyphs, Scheme, Theme},
    },
    weights::Checkpoint,
};
use ratatui::buffer::Buffer;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::support::{
    built_in::READER,
    random::{Given, Random},
    walker::Walker,
};

/// Events of a walk; a longer run is asked for.
fn n_events(usual: usize) -> usize {
    env::var("LOOKBACK_RANDOM").map_or(usual, |n| n.parse().unwrap())
}

fn seed(usual: u64) -> u64 {
    env::var("LOOKBACK_SEED").map_or(usual, |seed| seed.parse().unwrap())
}

/// Told if the test does not reach its end.
struct Log {
    what: String,
    seed: u64,
    given: Vec<Given>,
}

impl Drop for Log {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let from = self.given.len().saturating_sub(40);
            let (n, tail) = (self.given.len(), &self.given[from..]);
            eprintln!("{}, seed {}, after {n} events, the last:\n{tail:?}", self.what, self.seed);
        }
    }
}

fn theme(i: usize) -> Theme {
    let depths = [Depth::True, Depth::Indexed, Depth::Sixteen, Depth::None];
    let glyphs = if i % 5 == 4 { Glyphs::Ascii } else { Glyphs::Unicode };
    Theme::new(depths[i % 4], glyphs).with(Scheme::ALL[i % 3])
}

fn fresh(lesson: Lesson, theme: Theme) -> State {
    let mut state = State::new(Arc::new(lesson), theme);
    let formats = [("txt", false), ("svg", false), ("gif", true)];
    let formats = formats.map(|(extension, is_animation)| ExportFormat { extension, is_animation });
    state.exports = ExportOptions::new(formats.into(), "/here".into());
    state.guide.asks_questions = true;
    state.animation.motion = Motion::Moving(Duration::ZERO);
    state
}

/// Lets the walk go on by chance; every frame is drawn twice, and once from the frame before it.
fn wander(mut walker: Walker, n: usize, mut log: Log) {
    let mut random = Random(log.seed);
    let mut before = walker.drawn();
    for _ in 0..n {
        let given = random.given();
        log.given.push(given.clone());
        for action in walker.actions(&given) {
            if !walker.may_end(&action) {
                walker.take(action);
            }
        }
        if walker.state.wants_ticks() {
            walker.take(Action::Tick(Duration::from_millis(random.below(2000) as u64)));
        }
        let frame = walker.drawn();
        assert!(frame == walker.drawn(), "two frames of one state differ");
        check(&frame);
        if before.area == frame.area {
            sgr::changes(before, &frame);
        }
        before = frame;
    }
}

fn check(frame: &Buffer) {
    let width = usize::from(frame.area.width);
    for row in frame.content.chunks(width) {
        for (x, cell) in row.iter().enumerate() {
            let symbol = cell.symbol();
            assert!(!symbol.chars().any(char::is_control), "{symbol:?} is no character");
            let first = symbol.chars().next().and_then(UnicodeWidthChar::width);
            assert_ne!(first, Some(0), "{symbol:?} goes to the cell before");
            if symbol.width() > 1 {
                assert!(x + 1 < width, "half of {symbol} is on the screen");
                assert_eq!(row[x + 1].symbol(), " ", "beside {symbol}");
            }
        }
    }
}

#[test]
fn the_built_in_models_can_be_walked_through_by_chance() {
    for (i, name) in ModelName::ALL.into_iter().enumerate() {
        let language = if i % 3 == 2 { Language::Chinese } else { Language::English };
        let mut state = fresh(Lesson::embedded(language).unwrap(), theme(i));
        state.nav.step =
            state.lesson.steps().iter().position(|(_, step)| step.model == name).unwrap_or(0);
        let walker = Walker::start(state, &READER, "The dog sleeps.", (100, 30));
        let what = format!("{name} in {:?}", theme(i));
        wander(walker, n_events(150), Log { what, seed: seed(i as u64), given: vec![] });
    }
}

#[test]
fn checkpoints_can_be_walked_through_by_chance() {
    for (i, folder) in ["gpt2", "llama2", "bert", "t5", "gru"].into_iter().enumerate() {
        let path = Path::new("tests/goldens/checkpoints").join(folder);
        let reader = Reader::open(&Checkpoint::open(&path).unwrap(), true).unwrap();
        let reader = reader.for_walk();
        let reader = if i % 2 == 1 { reader.keeping(Keep::Boundaries) } else { reader };
        let reading = reader.read("The dog saw the cat.").unwrap();
        let trace = reading.trace(ModelName::Checkpoint);
        let lesson = Lesson::for_checkpoint(Language::English).unwrap();
        let lesson = lesson.fitting(trace);
        let state = fresh(lesson, theme(i));
        let walker = Walker::start(state, &reader, "The dog saw the cat.", (100, 30));
        wander(
            walker,
            n_events(150),
            Log { what: folder.into(), seed: seed(i as u64), given: vec![] },
        );
    }
}
