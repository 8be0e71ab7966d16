//! Every step of the walk on the default sentence, at two sizes: its cells as text, and for every line
//! a fingerprint of its colours and modifiers.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::{fmt::Write, sync::Arc};

use lookback::{
    analysis::reading::Reader,
    export::txt,
    lesson::{Language, Lesson},
    render::frame::Walk,
    ui::theme::{Depth, Glyphs, Scheme, Theme},
};
use ratatui::{buffer::Buffer, layout::Size};

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";

fn walk(theme: Theme, size: Size) -> Vec<(String, Buffer)> {
    told(Language::English, theme, size)
}

fn told(language: Language, theme: Theme, size: Size) -> Vec<(String, Buffer)> {
    let lesson = Arc::new(Lesson::embedded(language).unwrap());
    let reading = Arc::new(Reader::embedded().unwrap().read(SENTENCE).unwrap());
    let ids: Vec<String> = lesson.steps().iter().map(|(_, step)| step.id.clone()).collect();
    let all: Vec<usize> = (0..ids.len()).collect();
    let shots = Walk::new(lesson, reading, vec![theme], size).shots(&all);
    shots.map(|shot| (ids[shot.index].clone(), shot.buffer().clone())).collect()
}

/// FNV-1a over the styles of a line: a change of any colour or modifier changes it.
fn fingerprint(buffer: &Buffer, y: u16) -> u32 {
    let styles = (0..buffer.area.width).map(|x| {
        let cell = &buffer[(x, y)];
        format!("{:?}{:?}{:?}", cell.fg, cell.bg, cell.modifier)
    });
    hash(&styles.collect::<String>())
}

fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5_u32, |hash, b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

fn drawn(buffer: &Buffer) -> String {
    let mut out = String::new();
    for (y, line) in txt::text(buffer).lines().enumerate() {
        writeln!(out, "{:08x} {line}", fingerprint(buffer, y as u16)).unwrap();
    }
    out
}

#[test]
fn every_step_at_two_sizes() {
    let theme = Theme::new(Depth::True, Glyphs::Unicode);
    for (width, height) in [(80, 24), (120, 36)] {
        for (id, buffer) in walk(theme, Size::new(width, height)) {
            insta::assert_snapshot!(format!("{id}-{width}x{height}"), drawn(&buffer));
        }
    }
}

/// A line a step: a fingerprint of its characters and one of its styles.
fn fingerprints(frames: Vec<(String, Buffer)>) -> String {
    let line = |(id, buffer): (String, Buffer)| {
        let styles = (0..buffer.area.height).map(|y| fingerprint(&buffer, y).to_string());
        let (text, styles) = (hash(&txt::text(&buffer)), hash(&styles.collect::<String>()));
        format!("{text:08x} {styles:08x} {id}\n")
    };
    frames.into_iter().map(line).collect()
}

#[test]
fn every_step_in_every_theme_and_language() {
    let size = Size::new(100, 30);
    let theme = Theme::new(Depth::True, Glyphs::Unicode);
    for scheme in Scheme::ALL {
        let frames = walk(theme.with(scheme), size);
        insta::assert_snapshot!(format!("theme-{}", scheme.id()), fingerprints(frames));
    }
    for (name, depth) in [("sixteen", Depth::Sixteen), ("indexed", Depth::Indexed)] {
        let frames = walk(Theme::new(depth, Glyphs::Unicode), size);
        insta::assert_snapshot!(format!("colours-{name}"), fingerprints(frames));
    }
    for language in Language::ALL {
        let frames = told(language, theme, size);
        insta::assert_snapshot!(format!("language-{language}"), fingerprints(frames));
    }
}

#[test]
fn in_ascii_only_letters_of_the_sentences_are_not_ascii() {
    for (id, buffer) in walk(Theme::new(Depth::None, Glyphs::Ascii), Size::new(100, 30)) {
        let strange = |c: &char| !c.is_ascii() && !c.is_alphabetic();
        let found: String = txt::text(&buffer).chars().filter(strange).collect();
        assert_eq!(found, "", "{id}");
    }
}

#[test]
fn without_colour_no_cell_has_one() {
    use ratatui::style::Color;
    for (id, buffer) in walk(Theme::new(Depth::None, Glyphs::Unicode), Size::new(100, 30)) {
        let plain = |c: Color| c == Color::Reset;
        let coloured = buffer.content.iter().position(|c| !plain(c.fg) || !plain(c.bg));
        assert_eq!(coloured, None, "{id}");
    }
}
