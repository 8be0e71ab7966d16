//! How full the screens are: the share of the body that is blank, and rows, columns and titles that are cut.
//!
//! `cargo test --test it composition -- --nocapture` prints the table.

use std::sync::Arc;

use lookback::{
    analysis::reading::Reading,
    lesson::{Language, Lesson},
    render::frame::Walk,
    ui::theme::{Depth, Glyphs, Theme},
};
use ratatui::{buffer::Buffer, layout::Size};

use crate::support::built_in::reading;

const SENTENCES: [&str; 3] = [
    "The dog didn't drink the water because it was too hot.",
    "The dog sleeps.",
    "The old doctor who saw the small dog in the garden of the house yesterday didn't read the letter because it was too long.",
];

struct Measured {
    id: String,
    /// Share of the body's cells that hold neither character nor colour, like those above and below them.
    blank: f64,
    /// Whether some rows or columns of a matrix are out of view: `rows 0-7 of 18`.
    is_cropped: bool,
}

fn measured(buffer: &Buffer, id: String) -> Measured {
    let Size { width, height } = buffer.area.as_size();
    // From under the title to above the line of the cell.
    let rows = 2..height - 3;
    let paper = &buffer[(0, 0)].bg;
    let is_blank = |x: u16, y: u16| buffer[(x, y)].symbol() == " " && buffer[(x, y)].bg == *paper;
    let is_empty = |x: u16, y: u16| (y - 1..=y + 1).all(|y| is_blank(x, y));
    let cells = rows.clone().flat_map(|y| (0..width).map(move |x| (x, y)));
    let n_blank = cells.filter(|&(x, y)| is_empty(x, y)).count();
    let blank = n_blank as f64 / (rows.len() * usize::from(width)) as f64;
    let line = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    let is_cropped = rows.clone().any(|y| line(y).contains(" of ") && line(y).contains("rows "));
    Measured { id, blank, is_cropped }
}

fn walk(reading: &Reading, size: Size) -> Vec<Measured> {
    let lesson = Arc::new(Lesson::embedded(Language::English).unwrap());
    let ids: Vec<String> = lesson.steps().iter().map(|(_, step)| step.id.clone()).collect();
    let all: Vec<usize> = (0..ids.len()).collect();
    let theme = Theme::new(Depth::True, Glyphs::Unicode);
    let shots = Walk::new(lesson, reading, vec![theme], size).shots(&all);
    shots.map(|shot| measured(shot.buffer(), ids[shot.index].clone())).collect()
}

/// The largest mean share of blank cells that the default sentence may have at each size.
const LARGEST_BLANK: [((u16, u16), f64); 3] =
    [((80, 24), 0.16), ((120, 36), 0.28), ((200, 60), 0.4)];

#[test]
fn screens_are_filled_and_whole() {
    for ((width, height), largest_blank) in LARGEST_BLANK {
        for (i, sentence) in SENTENCES.into_iter().enumerate() {
            let steps = walk(&reading(sentence), Size::new(width, height));
            let mean = steps.iter().map(|s| s.blank).sum::<f64>() / steps.len() as f64;
            let cropped: Vec<&str> =
                steps.iter().filter(|s| s.is_cropped).map(|s| s.id.as_str()).collect();
            let mut worst: Vec<&Measured> = steps.iter().collect();
            worst.sort_by(|a, b| b.blank.total_cmp(&a.blank));
            let worst = worst.iter().take(12);
            let worst: Vec<_> = worst.map(|s| format!("{} {:.0}", s.id, s.blank * 100.0)).collect();
            let (start, percent) = (&sentence[..15], mean * 100.0);
            eprintln!(
                "{width}x{height} {start:?}: {percent:.1} % blank, {} cropped; {}\n    cropped: {}",
                cropped.len(),
                worst.join(", "),
                cropped.join(" ")
            );
            assert!(i > 0 || mean <= largest_blank, "{width}x{height}: {percent:.1} % is blank");
        }
    }
}
