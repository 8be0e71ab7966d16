//! Frames of a long text at 200x60: a thousand tokens in every pane that can show them, and the
//! summaries of attention heads.
//!
//! `cargo bench --bench large` reads with the built-in language model; with `-- PATH` a checkpoint does.

use std::{
    collections::BTreeMap,
    hint::black_box,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use lookback::{
    analysis::{
        measure::heads,
        reading::{Reader, Reading},
    },
    engine::value::{Matrix, Value},
    lesson::{Language, Lesson, PaneKind, PaneSpec, template::Template},
    model::ModelName,
    render::perform::update_and_run,
    ui::{
        app::{Action, Command, State, update},
        screen,
        theme::{Depth, Glyphs, Theme},
        widgets::heat::Zoom,
    },
    weights::Checkpoint,
};
use ratatui::{buffer::Buffer, layout::Rect};

const AREA: Rect = Rect::new(0, 0, 200, 60);
const TOKENS: usize = 1024;

/// What is drawn: a kind of pane, its site, how close.
const PANES: [(PaneKind, &str, Zoom); 14] = [
    (PaneKind::Wall, "blocks.{l}.attn.weights", Zoom::Fit),
    (PaneKind::HeadTable, "blocks.{l}.attn.weights", Zoom::Fit),
    (PaneKind::Matrix, "blocks.{l}.attn.weights", Zoom::Overview),
    (PaneKind::Matrix, "blocks.{l}.attn.weights", Zoom::Cells),
    (PaneKind::Matrix, "blocks.{l}.attn.weights", Zoom::Numbers),
    (PaneKind::Matrix, "blocks.{l}.attn.masked", Zoom::Overview),
    (PaneKind::Heads, "blocks.{l}.attn.weights", Zoom::Fit),
    (PaneKind::Heads, "blocks.{l}.attn.masked", Zoom::Fit),
    (PaneKind::Matrix, "blocks.{l}.resid_post", Zoom::Fit),
    (PaneKind::Matrix, "logits", Zoom::Fit),
    (PaneKind::Bars, "probs", Zoom::Fit),
    (PaneKind::Lens, "probs", Zoom::Fit),
    (PaneKind::AttentionEvidence, "blocks.{l}.attn.weights", Zoom::Fit),
    (PaneKind::Tokens, "tokens.embed", Zoom::Fit),
];

#[allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn main() {
    summaries();
    let path = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let (name, reading) = read(path.as_deref());
    println!("{} tokens", reading.sentence.tokens.len());
    let (took, _) = timed(1, || black_box(reading.waiting().heads().map(BTreeMap::len)));
    println!("{:>8.1} ms  all heads summarised", ms(took));
    let reading = Arc::new(reading);
    for (kind, site, zoom) in PANES {
        if reading.trace(name).n_layers(site) == 0 {
            continue;
        }
        let mut state = walk(&reading, name, kind, site);
        state.nav.view.zoom = zoom;
        let mut buffer = Buffer::empty(AREA);
        let (first, _) = timed(1, || frame(&mut state, &mut buffer));
        let (least, most) = timed(9, || frame(&mut state, &mut buffer));
        println!(
            "{:>8.2} ms  at most {:.2}, first {:.2}  {kind:?} {site} {zoom:?}",
            ms(least),
            ms(most),
            ms(first)
        );
    }
}

/// A synthetic layer: heads that look at the first token, the one before, and all over.
#[allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn summaries() {
    let plane = |head: usize| {
        let share = move |row: usize, col: usize| match (head % 3, row.checked_sub(col)) {
            (_, None) => 0.0,
            (0, Some(_)) => 1.0 / (row + 1) as f32,
            (1, Some(back)) => {
                if back == 1 || row == 0 {
                    1.0
                } else {
                    0.0
                }
            }
            (_, Some(_)) => {
                if col == 0 {
                    1.0
                } else {
                    0.0
                }
            }
        };
        Matrix::from_fn(TOKENS, TOKENS, share)
    };
    let weights = Value::from_planes((0..12).map(plane).collect());
    let whole = weights.map(|_| 1.0 / TOKENS as f32);
    let tokens: Vec<u32> = (0..TOKENS as u32).map(|i| i % 300).collect();
    for (name, weights) in [("causal", &weights), ("looking both ways", &whole)] {
        let layer = || heads::Layer {
            path: "blocks.0.attn.weights".into(),
            layer: 0,
            weights,
            tokens: Some(tokens.clone()),
        };
        let (least, most) = timed(9, || drop(black_box(heads::summaries([layer()]))));
        println!(
            "{:>8.2} ms  at most {:.2}  12 heads of {TOKENS} tokens, {name}",
            ms(least),
            ms(most)
        );
    }
}

fn read(path: Option<&str>) -> (ModelName, Reading) {
    let text = "The dog saw the cat and the old man did n't cross the street because ".repeat(200);
    let (name, reader) = match path {
        None => (ModelName::DecoderOnly, Reader::of(&[ModelName::DecoderOnly])),
        Some(path) => {
            let checkpoint = Checkpoint::open(&PathBuf::from(path)).expect("the checkpoint opens");
            (ModelName::Checkpoint, Reader::open(&checkpoint, true))
        }
    };
    let reader = reader.expect("the model loads").up_to(TOKENS - 1);
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    let fits = |n: &usize| reader.tokenizer().sentence(&words[..*n].concat()).is_ok();
    let n = (1..words.len()).rev().find(fits).expect("a word fits");
    (name, reader.read(&words[..n].concat()).expect("the text is read"))
}

/// A walk of one step that shows one pane.
fn walk(reading: &Arc<Reading>, name: ModelName, kind: PaneKind, site: &str) -> State {
    let mut lesson = Lesson::embedded(Language::English).expect("the lesson loads");
    lesson.chapters.truncate(1);
    lesson.chapters[0].steps.truncate(1);
    let step = &mut lesson.chapters[0].steps[0];
    (step.model, step.row, step.ask) = (name, None, None);
    (step.text, step.deeper) = (Template::default(), Template::default());
    step.panes = vec![PaneSpec {
        kind,
        site: Some(site.to_owned()),
        model: None,
        title: None,
        stays_behind_tab: false,
    }];
    let mut state = State::new(Arc::new(lesson), Theme::new(Depth::True, Glyphs::Unicode));
    update(&mut state, Action::Resize(AREA.as_size()));
    update_and_run(&mut state, Action::Read(Ok(Arc::clone(reading))));
    state
}

/// A row down and its frame.
fn frame(state: &mut State, buffer: &mut Buffer) {
    update(state, Action::Do(Command::Move(1, 0)));
    buffer.reset();
    screen::draw(state, AREA, buffer);
    black_box(&buffer);
}

/// The shortest and the longest of several runs.
#[allow(clippy::disallowed_methods, reason = "a benchmark looks at the clock")]
fn timed<T>(n: usize, mut run: impl FnMut() -> T) -> (Duration, Duration) {
    let once = |_| {
        let start = Instant::now();
        black_box(run());
        start.elapsed()
    };
    let times: Vec<Duration> = (0..n).map(once).collect();
    let (least, most) = (times.iter().min(), times.iter().max());
    (least.copied().unwrap_or_default(), most.copied().unwrap_or_default())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
