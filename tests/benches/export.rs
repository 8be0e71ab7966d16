//! How long the whole default walk takes as files, at 120x36 on all cores: drawing and writing, without
//! the disk and without the models' reading (about 30 ms).
//!
//! `cargo bench --bench export`
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should say where")]

use std::{io, sync::Arc, thread};

use divan::{Bencher, black_box};
use lookback::{
    analysis::reading::{Reader, Reading},
    export::{FORMATS, Film, Format, FrameSettings, Write, parallel},
    lesson::{Language, Lesson},
    render::{
        font::Fonts,
        frame::{Shot, Walk},
    },
    ui::theme::{Depth, Glyphs, Theme},
};
use ratatui::layout::Size;

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";

fn main() {
    divan::main();
}

struct Job {
    lesson: Arc<Lesson>,
    reading: Arc<Reading>,
    steps: Vec<usize>,
    n_threads: usize,
}

impl Job {
    fn new() -> Self {
        let lesson = Arc::new(Lesson::embedded(Language::English).unwrap());
        let reading = Arc::new(Reader::embedded().unwrap().read(SENTENCE).unwrap());
        let steps = (0..lesson.steps().len()).collect();
        let n_threads = thread::available_parallelism().map_or(1, usize::from);
        Self { lesson, reading, steps, n_threads }
    }

    /// How many bytes the walk takes in that form.
    fn run(&self, format: &Format) -> usize {
        let theme = Theme::new(Depth::True, Glyphs::Unicode);
        let (lesson, reading) = (Arc::clone(&self.lesson), Arc::clone(&self.reading));
        let walk =
            Walk::new(lesson, &reading, format.themes(theme, None, false), Size::new(120, 36));
        let paper = FrameSettings { fonts: Fonts::embedded(1).unwrap(), pace: 1.0 };
        let (steps, n_threads) = (self.steps.as_slice(), self.n_threads);
        match format.write {
            Write::Film(write) => {
                let mut out = Counter(0);
                let film = Film { walk, steps, n_threads, progress: &|| Ok(()) };
                write(film, &paper, &mut out).unwrap();
                out.0
            }
            Write::Frame(write) => {
                let content = |shot: Shot| {
                    let mut content = vec![];
                    write(&shot, &paper, &mut content).map(|()| content.len())
                };
                let mut sum = 0;
                let add = |n: io::Result<usize>| n.map(|n| sum += n);
                parallel::in_order(walk.shots(steps), n_threads, content, add).unwrap();
                sum
            }
        }
    }
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[divan::bench(args = FORMATS.iter().map(|format| format.id), sample_count = 5, sample_size = 1)]
fn whole_walk(bencher: Bencher, id: &str) {
    let job = Job::new();
    let format = Format::find(id).unwrap();
    bencher.bench_local(|| black_box(job.run(format)));
}
