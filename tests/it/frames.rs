//! An exported frame is the screen: the walk in a real terminal against what every exporter makes of the
//! same step.

use std::{fs, path::Path, sync::Arc};

use crate::support::{
    built_in::reading,
    program::{Run, program},
    session::Session,
};
use lookback::{
    export::txt,
    lesson::{Language, Lesson, PaneKind},
    render::{
        frame::{Shot, Walk},
        picture::Picture,
    },
    ui::theme::{Depth, Glyphs, NAMED, Scheme, Theme},
};
use ratatui::layout::Size;
use serde_json::Value;

/// A cell as a terminal has it: what stands there, in which colours and strokes.
type Cell = (String, vt100::Color, vt100::Color, [bool; 3]);

/// The cells of a terminal's screen, row by row; what a wide character covers is no cell.
fn cells(screen: &vt100::Screen) -> Vec<Vec<Cell>> {
    let (rows, cols) = screen.size();
    let row = |y: u16| {
        let there = (0..cols.get()).filter_map(move |x| screen.cell(y, x));
        let there = there.filter(|cell| !cell.is_wide_continuation());
        there.map(|cell| {
            let text = if cell.has_contents() { cell.contents() } else { " " };
            // The emulator has either bold or dim, whichever comes last.
            let strokes = [cell.bold() || cell.dim(), cell.underline(), cell.inverse()];
            // The ink of a blank is not seen.
            let is_seen = text != " " || cell.inverse() || cell.underline();
            let ink = if is_seen { cell.fgcolor() } else { vt100::Color::Default };
            (text.to_owned(), ink, cell.bgcolor(), strokes)
        })
    };
    (0..rows.get()).map(|y| row(y).collect()).collect()
}

fn emulator((cols, rows): (u16, u16)) -> vt100::Parser {
    vt100::Parser::new(rows.try_into().unwrap(), cols.try_into().unwrap(), 0)
}

/// What a terminal shows after it has been sent that text.
fn shown(text: &str, size: (u16, u16)) -> Vec<Vec<Cell>> {
    let mut parser = emulator(size);
    // The last line is not followed by another.
    parser.process(text.trim_end_matches('\n').replace('\n', "\r\n").as_bytes());
    cells(parser.screen())
}

fn text(cells: &[Vec<Cell>]) -> Vec<String> {
    let row = |row: &Vec<Cell>| row.iter().map(|cell| cell.0.as_str()).collect::<String>();
    cells.iter().map(|cells| row(cells).trim_end().to_owned()).collect()
}

/// What short sentences leave narrow is as wide as its own words.
#[test]
fn panes_of_short_sentences_show_whole_titles_and_numbers() {
    let lesson = Arc::new(Lesson::embedded(Language::English).unwrap());
    let theme = Theme::new(Depth::None, Glyphs::Unicode);
    let shown = |sentence: &str, id: &str| {
        let (at, reading) = (lesson.find(id).unwrap(), reading(sentence));
        let walk = Walk::new(Arc::clone(&lesson), &reading, vec![theme], Size::new(80, 25));
        txt::text(walk.shots(&[at]).next().unwrap().buffer())
    };
    for sentence in [".", "The dog sleeps."] {
        for (id, whole) in [
            ("rnn-waiting", &["steps in a row  ", "2 layers"][..]),
            ("energies", &["╭ attn.energies ", "tanh"]),
            ("attention-softmax", &["╭ attn.weights ", "╭ attn.energies "]),
            ("attention-translation", &["Transformer, unguided ", "underlined: not "]),
        ] {
            let shown = shown(sentence, id);
            assert!(whole.iter().all(|text| shown.contains(text)), "{id}: {whole:?}\n{shown}");
        }
    }
    let short = shown("The dog sleeps.", "attention-softmax");
    assert!(short.contains("█ 1.00"), "{short}");
    let lens = shown("The dog saw the cat.", "logit-lens");
    let last = ["after", "the likeliest", "blocks.1.resid_post", "2 after “vu”"];
    assert!(last.iter().all(|text| lens.contains(text)), "what the model says is in view\n{lens}");
}

fn export(args: &[&str], out: &Path) {
    let done = Run::of(program().args(["export", "--out"]).arg(out).args(args));
    assert_eq!(done.code, 0, "{}", done.err);
}

/// The screens of a film after each of its frames.
fn film(path: &Path, size: (u16, u16)) -> Vec<Vec<Vec<Cell>>> {
    let film = fs::read_to_string(path).unwrap();
    let mut events = film.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = events.next().unwrap();
    assert_eq!(header["version"], 2);
    assert_eq!((&header["width"], &header["height"]), (&size.0.into(), &size.1.into()));
    let mut parser = emulator(size);
    let outputs = events.filter(|event| event[1] == "o" && event[2] != "");
    outputs
        .map(|event| {
            parser.process(event[2].as_str().unwrap().as_bytes());
            cells(parser.screen())
        })
        .collect()
}

/// The whole walk in a terminal beside the whole walk exported.
fn compare(sentence: &str, size: (u16, u16), options: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let dimensions = format!("{}x{}", size.0, size.1);
    let args = [&[sentence, "--size", &dimensions, "--format", "txt,ansi,cast"], options];
    export(&args.concat(), folder.path());
    let lesson = Lesson::embedded(Language::English).unwrap();
    let film = film(&folder.path().join("walk.cast"), size);
    assert!(film.len() > 3 * lesson.steps().len(), "steps unfold");
    let mut film = film.into_iter();
    let theme: &[&str] = if options.contains(&"--theme") { &[] } else { &["--theme", "dark"] };
    let walk = [&["--no-config", "--no-questions", "--no-motion", sentence][..], theme, options];
    let mut session = Session::start(&walk.concat(), size);
    for (i, (_, step)) in lesson.steps().iter().enumerate() {
        if i > 0 {
            session.press("l");
        }
        // The walk says which words are unknown, until a key is pressed.
        if i == 0 && !sentence.is_ascii() {
            session.until_shown("never seen in training");
            continue;
        }
        // These move, or are filled in, with time.
        if step.panes.iter().any(|pane| [PaneKind::Schedule, PaneKind::Times].contains(&pane.kind))
        {
            continue;
        }
        let read = |extension: &str| {
            let name = format!("{:03}-{}.{extension}", i + 1, step.id);
            fs::read_to_string(folder.path().join(name)).unwrap()
        };
        let ansi = shown(&read("ansi"), size);
        let screen = |session: &Session| cells(session.screen.lock().unwrap().screen());
        session.until(&format!("the frame of {} at {dimensions}", step.id), |session| {
            screen(session) == ansi
        });
        assert!(film.any(|screen| screen == ansi), "the film at {}", step.id);
        if options.contains(&"mono") {
            let want: Vec<String> = read("txt").lines().map(|l| l.trim_end().into()).collect();
            assert_eq!(text(&ansi), want, "the text at {}", step.id);
        }
    }
    session.press("q");
    session.ends_with(0);
}

#[test]
fn the_default_walk_is_its_frames() {
    compare("The animal didn't cross the street because it was too tired.", (120, 36), &[]);
}

#[test]
fn frames_without_colours_are_the_text() {
    compare("The dog sleeps.", (80, 24), &["--theme", "mono"]);
}

#[test]
fn wide_and_joined_characters_stand_where_the_terminal_has_them() {
    compare("The 猫 and the e\u{301}t\u{e9} saw a 🐈 <b>.", (120, 36), &[]);
}

#[test]
fn a_changed_pass_on_a_light_ground_is_its_frames() {
    let change = ["--theme", "light", "--what-if", "encoder.1.self_attn.head.2=off"];
    compare("The cat that saw the dogs sleeps.", (100, 30), &change);
}

fn shots(language: Language, sentence: &str, theme: Theme, size: (u16, u16)) -> Vec<Shot> {
    let lesson = Arc::new(Lesson::embedded(language).unwrap());
    let reading = reading(sentence);
    let all: Vec<usize> = (0..lesson.steps().len()).collect();
    Walk::new(lesson, &reading, vec![theme], Size::from(size)).shots(&all).collect()
}

fn rgb(colour: vt100::Color, default: (u8, u8, u8)) -> (u8, u8, u8) {
    match colour {
        vt100::Color::Default => default,
        vt100::Color::Rgb(r, g, b) => (r, g, b),
        vt100::Color::Idx(i) => NAMED[usize::from(i)].1,
    }
}

/// The picture that all exporters with colours of their own draw, against the terminal's cells.
#[track_caller]
fn same(picture: &Picture, screen: &[Vec<Cell>]) {
    let paper = (picture.paper.ink, picture.paper.ground);
    assert_eq!(picture.rows().count(), screen.len());
    for (y, (row, want)) in picture.rows().zip(screen).enumerate() {
        let there = row.iter().filter(|cell| cell.columns > 0);
        assert_eq!(there.clone().count(), want.len(), "row {y}");
        for (x, (cell, (text, fg, bg, [is_heavy, is_underlined, is_inverse]))) in
            there.zip(want).enumerate()
        {
            let (mut ink, mut ground) = (rgb(*fg, paper.0), rgb(*bg, paper.1));
            if *is_inverse {
                (ink, ground) = (ground, ink);
            }
            let look = cell.look;
            assert_eq!(&cell.symbol, text, "column {x} of row {y}");
            assert_eq!(look.ground, ground, "column {x} of row {y}");
            assert_eq!(look.is_underlined, *is_underlined, "column {x} of row {y}");
            // What is dim has another ink.
            let is_blank = text == " " && !is_inverse;
            assert!(is_blank || *is_heavy || look.ink == ink, "column {x} of row {y}");
            assert!(*is_heavy || !look.is_bold, "column {x} of row {y}");
        }
    }
}

#[test]
fn pictures_have_the_cells_and_colours_of_a_terminal() {
    let sentence = "The 猫 saw the e\u{301}t\u{e9} because it was 🐈.";
    for (language, scheme) in [
        (Language::English, Scheme::Dark),
        (Language::Chinese, Scheme::Light),
        (Language::English, Scheme::Mono),
    ] {
        let theme = Theme::new(Depth::True, Glyphs::Unicode).with(scheme);
        for shot in shots(language, sentence, theme, (100, 30)) {
            let mut ansi = String::new();
            for row in shot.buffer().content.chunks(100) {
                ansi += &lookback::render::sgr::line(row);
                ansi.push('\n');
            }
            same(&shot.picture(), &shown(&ansi, (100, 30)));
        }
    }
}

#[test]
fn frames_leave_times_out_and_give_their_place_to_the_other_panes() {
    let frames = shots(Language::English, "The dog sleeps.", Theme::default(), (120, 36));
    let shot = frames.into_iter().find(|shot| shot.step().id == "paths").unwrap();
    let shown = txt::text(shot.buffer());
    assert_eq!(shot.step().panes.len(), 2);
    assert!(!shown.contains("this machine"), "{shown}");
    assert!(!shot.words().contains("this machine"), "{}", shot.words());
}
