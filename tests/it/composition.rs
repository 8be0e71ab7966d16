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

use crate::support::{built_in::reading, walk::text};

const SENTENCES: [&str; 4] = [
    "The dog didn't drink the water because it was too hot.",
    FEW_WORDS,
    "The old doctor who saw the small dog in the garden of the house yesterday didn't read the letter because it was too long.",
    "The old doctor who saw the small dog in the garden of the house yesterday and the young woman who lives in the city didn't read the long letter because it was too long.",
];

struct Measured {
    id: String,
    /// Share of the body's cells that hold neither character nor colour, like those above and below them.
    blank: f64,
    /// Whether some rows of a matrix are out of view, in any picture and in the main one.
    is_cropped: bool,
    is_main_cropped: bool,
    has_main: bool,
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
    let is_cropped = rows.clone().any(|y| tells_rows_in_view(&line(y)));
    let main = main_picture(&rows.map(line).collect::<Vec<_>>());
    let is_main_cropped = main.iter().any(|line| tells_rows_in_view(line));
    Measured { id, blank, is_cropped, is_main_cropped, has_main: !main.is_empty() }
}

/// The lines of the first frame.
fn main_picture(lines: &[String]) -> Vec<String> {
    let from_top = lines.iter().skip_while(|line| !line.starts_with('╭'));
    let width = from_top.clone().next().and_then(|top| top.chars().position(|c| c == '╮'));
    let inside = from_top.take_while(|line| !line.starts_with('╰'));
    inside.map(|line| line.chars().take(width.unwrap_or(0)).collect()).collect()
}

/// Whether a line says which rows of a matrix are in view: `rows 0-7 of 18`.
fn tells_rows_in_view(line: &str) -> bool {
    let is_range = |text: &str| {
        let ends = text.split_once('-').map(|(first, last)| [first, last]);
        ends.is_some_and(|ends| ends.iter().all(|end| end.parse::<usize>().is_ok()))
    };
    line.split("rows ").skip(1).any(|rest| {
        let mut words = rest.split(' ');
        words.next().is_some_and(is_range) && words.next() == Some("of")
    })
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
    [((80, 24), 0.16), ((120, 36), 0.28), ((200, 60), 0.38)];

/// The largest share of blank cells that a step may have at 120x36.
const LARGEST_BLANK_OF_A_STEP: f64 = 0.5;
/// A sentence of three words, with which these steps have little to show.
const FEW_WORDS: &str = "The dog sleeps.";
const SPARSE: [&str; 3] = ["flow", "loss", "translations"];

/// Steps with a row for each word, which are whole with 24 and with 32 words at 120x36: two rows share a line. Lists of
/// tokens, whose ids stand before the rows, scroll instead.
const WHOLE: [&str; 6] =
    ["positions", "concat", "residual", "ffn-hidden", "dropout", "residual-stream"];

/// A screen of a step, and the lines of its first frame.
fn screen(sentence: &str, step: &str, size: impl Into<Size>) -> (String, Vec<String>) {
    let lesson = Arc::new(Lesson::embedded(Language::English).unwrap());
    let step = lesson.find(step).unwrap();
    let theme = Theme::new(Depth::True, Glyphs::Unicode);
    let walk = Walk::new(lesson, &reading(sentence), vec![theme], size.into());
    let shot = walk.shots(&[step]).next().unwrap();
    let text = text(shot.buffer());
    let main = main_picture(&text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>());
    (text, main)
}

const BICYCLE: &str = "My neighbour sold his bicycle last week because it was old and quite heavy.";
const GLOMPHY: &str = "He said that the “glomphy” lamp wasn't “broken”.";

#[test]
fn all_heads_are_whole_with_labels_and_a_legend() {
    for step in ["heads", "lab-previous"] {
        let (text, main) = screen(GLOMPHY, step, (80, 24));
        let note = "each point the largest of";
        assert!(main.iter().any(|line| line.contains("head 0")), "{text}");
        assert!(text.contains(note) && !main.iter().any(|line| tells_rows_in_view(line)), "{text}");
    }
    let (text, main) = screen(BICYCLE, "lab-previous", (120, 36));
    assert!(text.contains("0.00 ") && text.contains("↓ query → key"), "{text}");
    let has_label = |word: &str| main.iter().any(|line| line.matches(word).count() == 4);
    assert!(["bicycle", "because", "heavy"].into_iter().all(has_label), "{text}");
    let default = SENTENCES[0];
    let (text, main) = screen(default, "heads", (80, 24));
    assert!(text.contains("↓ query → key"), "{text}");
    assert_eq!(main.iter().filter(|line| line.contains('▀') || line.contains('▴')).count(), 7);
}

#[test]
fn the_french_of_the_step_is_the_last_to_lose_its_gloss() {
    let (text, main) = screen(BICYCLE, "task", (120, 36));
    let of_transformer = main.iter().position(|line| line.contains("│Transformer "));
    let below = &main[of_transformer.expect("it is in view") + 1];
    assert!(below.contains("have") && !below.contains("vendu"), "{below}\n{text}");
}

#[test]
fn pictures_beside_each_other_are_whole() {
    for step in ["q-k-v", "update", "lab-previous"] {
        let (text, _) = screen(BICYCLE, step, (120, 36));
        assert!(!text.lines().any(tells_rows_in_view), "{text}");
    }
    let (text, main) = screen(BICYCLE, "cross-weights", (120, 36));
    assert!(main[0].chars().count() >= 2 * 17 + 10, "two columns for each word\n{text}");
    let (text, _) = screen(BICYCLE, "rnn-states", (120, 36));
    let above = text.lines().skip(6).take(2).collect::<String>();
    assert!(["neigh", "because", "and", "heavy"].iter().all(|word| above.contains(word)), "{text}");
    let (text, _) = screen(SENTENCES[0], "two-machines", (80, 24));
    assert_eq!(text.matches('└').count(), text.matches('┌').count(), "{text}");
}

#[test]
fn bars_of_candidates_and_the_mask_of_the_cache_can_be_read() {
    let (text, _) = screen(BICYCLE, "candidates", (120, 36));
    let taken = text.lines().find(|line| line.contains("taken: the likeliest")).unwrap();
    let percent = taken.split('%').next().unwrap().split_whitespace().last().unwrap();
    let percent: f32 = percent.parse().unwrap();
    let n_full = taken.matches('█').count();
    assert!(n_full as f32 >= (percent / 11.0).floor(), "ten columns or more\n{text}");
    let (text, main) = screen(BICYCLE, "kv-cache", (120, 36));
    assert!(main.iter().any(|line| line.contains("↓ query → key")), "{text}");
}

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
            let is_sparse = |step: &&Measured| step.blank > LARGEST_BLANK_OF_A_STEP;
            let is_known = |id: &&str| sentence == FEW_WORDS && SPARSE.contains(id);
            let sparse = steps.iter().filter(is_sparse).map(|step| &*step.id);
            let sparse: Vec<&str> = sparse.filter(|id| !is_known(id)).collect();
            assert!(width != 120 || sparse.is_empty(), "{width}x{height}: {sparse:?} are blank");
            let cut = steps.iter().filter(|step| step.is_main_cropped);
            let cut: Vec<&str> =
                cut.map(|step| &*step.id).filter(|id| WHOLE.contains(id)).collect();
            assert!(width < 120 || cut.is_empty(), "{width}x{height}: {cut:?} are cut");
            let is_seen = |id| steps.iter().any(|step| step.id == id && step.has_main);
            let unseen: Vec<&str> = WHOLE.into_iter().filter(|id| !is_seen(*id)).collect();
            assert!(width < 120 || unseen.is_empty(), "{width}x{height}: no frame of {unseen:?}");
        }
    }
}
