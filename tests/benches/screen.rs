//! A keypress answered at 200x60: update and draw, for every kind of step; and the bytes that a step
//! writes to the terminal.

use std::{hint::black_box, mem, sync::Arc};

use divan::Bencher;
use lookback::{
    analysis::reading::Reader,
    engine::change::Change,
    lesson::{Language, Lesson},
    render::sgr,
    ui::{
        app::{Action, Command, State, update},
        screen,
        theme::{Depth, Glyphs, Theme},
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";
const AREA: Rect = Rect::new(0, 0, 200, 60);

fn main() {
    print_bytes_a_step();
    print_slowest_steps();
    divan::main();
}

fn walk(sentence: &str) -> State {
    let reading = Reader::embedded().and_then(|r| r.read(sentence)).expect("the sentence is read");
    reading.measure();
    let lesson = Arc::new(Lesson::embedded(Language::English).expect("the lesson loads"));
    let mut state = State::new(lesson, Theme::new(Depth::True, Glyphs::Unicode));
    update(&mut state, Action::Resize(AREA.as_size()));
    update(&mut state, Action::Read(Ok(Arc::new(reading))));
    state
}

/// Through the whole walk and back to its start: one keypress, one frame, again and again.
fn press(state: &mut State, buffer: &mut Buffer) {
    let is_last = state.nav.step + 1 == state.n_steps();
    update(state, Action::Do(if is_last { Command::FirstStep } else { Command::NextStep }));
    buffer.reset();
    screen::draw(state, AREA, buffer);
    black_box(buffer);
}

#[divan::bench]
fn next_step(bencher: Bencher) {
    let (mut state, mut buffer) = (walk(SENTENCE), Buffer::empty(AREA));
    bencher.bench_local(|| press(&mut state, &mut buffer));
}

fn long() -> String {
    format!("{} the cat.", "The dog saw the cat and ".repeat(6).trim_end())
}

#[divan::bench]
fn next_step_of_forty_tokens(bencher: Bencher) {
    let (mut state, mut buffer) = (walk(&long()), Buffer::empty(AREA));
    bencher.bench_local(|| press(&mut state, &mut buffer));
}

/// From the key of a what-if to its frame: the models run again, panes show what changed. The longest
/// is another word: every model reads it.
#[divan::bench(args = ["encoder.1.self_attn.head.2=off", "mask=off", "positions=off", "token.1=dog"])]
fn what_if(bencher: Bencher, change: &str) {
    let reader = Reader::embedded().expect("the models load");
    let plain = Arc::new(reader.read(SENTENCE).expect("the sentence is read"));
    let change: Change = change.parse().expect("it is a change");
    let mut state = walk(SENTENCE);
    state.enter(state.lesson.find("softmax").expect("there is such a step"));
    let mut buffer = Buffer::empty(AREA);
    bencher.bench_local(|| {
        let changes = [change.clone()].into_iter().collect();
        let changed = reader.read_changed(&plain, changes).expect("the change has a place");
        update(&mut state, Action::Read(Ok(Arc::new(changed))));
        buffer.reset();
        screen::draw(&state, AREA, &mut buffer);
        black_box(&buffer);
    });
}

/// Through the operands of an opened number.
#[divan::bench]
fn inspect(bencher: Bencher) {
    let (mut state, mut buffer) = (walk(SENTENCE), Buffer::empty(AREA));
    state.enter(state.lesson.find("probabilities").expect("there is such a step"));
    bencher.bench_local(|| {
        for command in [Command::Accept, Command::Accept, Command::Leave, Command::Leave] {
            update(&mut state, Action::Do(command));
            buffer.reset();
            screen::draw(&state, AREA, &mut buffer);
        }
        black_box(&buffer);
    });
}

/// The steps whose frame takes longest with forty tokens: the best of five times each.
#[allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#[allow(clippy::disallowed_methods, reason = "a benchmark looks at the clock")]
fn print_slowest_steps() {
    let (mut state, mut buffer) = (walk(&long()), Buffer::empty(AREA));
    let mut times: Vec<(std::time::Duration, String)> = (0..state.n_steps())
        .map(|step| {
            let once = |_| {
                let start = std::time::Instant::now();
                update(&mut state, Action::GoTo(step));
                buffer.reset();
                screen::draw(&state, AREA, &mut buffer);
                start.elapsed()
            };
            let best = (0..5).map(once).min().unwrap_or_default();
            (best, state.current().1.id.clone())
        })
        .collect();
    times.sort_by(|a, b| b.cmp(a));
    for (time, id) in &times[..6] {
        println!("slowest with forty tokens: {id} {:.2} ms", time.as_secs_f64() * 1e3);
    }
}

#[allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn print_bytes_a_step() {
    let mut state = walk(SENTENCE);
    let mut shown = Buffer::empty(AREA);
    let mut written: Vec<usize> = (0..state.n_steps())
        .map(|_| {
            let mut frame = Buffer::empty(AREA);
            screen::draw(&state, AREA, &mut frame);
            update(&mut state, Action::Do(Command::NextStep));
            sgr::changes(mem::replace(&mut shown, frame.clone()), &frame).len()
        })
        .collect();
    written.sort_unstable();
    let (median, most) = (written[written.len() / 2], written[written.len() - 1]);
    println!("bytes written a step at 200x60: median {median}, most {most}");
}
