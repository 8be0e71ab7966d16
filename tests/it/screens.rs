//! Every step of the walk on the default sentence: what the step itself draws, as text and as a map of styles, without the
//! header and the timeline, which count the steps of the whole walk and are tested on their own.

use std::sync::Arc;

use lookback::{
    export::txt,
    lesson::{Language, Lesson},
    render::frame::Walk,
    ui::{
        app::{Action, State, update},
        theme::{Depth, Glyphs, Scheme, Theme},
    },
};
use ratatui::{
    buffer::{Buffer, Cell},
    layout::Size,
    style::{Color, Modifier, Style},
};

use crate::support::{built_in::reading, walk::drawn_text};

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";

fn walk(theme: Theme, size: Size) -> Vec<(String, Buffer)> {
    walk_in(Language::English, theme, size)
}

fn walk_in(language: Language, theme: Theme, size: Size) -> Vec<(String, Buffer)> {
    let lesson = Arc::new(Lesson::embedded(language).unwrap());
    let reading = reading(SENTENCE);
    let ids: Vec<String> = lesson.steps().iter().map(|(_, step)| step.id.clone()).collect();
    let all: Vec<usize> = (0..ids.len()).collect();
    let shots = Walk::new(lesson, &reading, vec![theme], size).shots(&all);
    shots.map(|shot| (ids[shot.index].clone(), shot.buffer().clone())).collect()
}

/// The rows that a step does not share with the walk: all but the header and the timeline above the last row.
fn own_rows(buffer: &Buffer) -> Vec<u16> {
    let Size { height, .. } = buffer.area.as_size();
    (1..height).filter(|&y| y != height - 2).collect()
}

fn own_text(buffer: &Buffer) -> String {
    let text = txt::text(buffer);
    let lines: Vec<&str> = text.lines().collect();
    let own: Vec<&str> = own_rows(buffer).into_iter().map(|y| lines[usize::from(y)]).collect();
    own.join("\n")
}

/// The style of a cell, by a letter for the theme's name of it, a capital where it is bold. A digit is the
/// brightness of a heat map's colour, `c` the cursor (`C` on a heat map), `%` any other colour.
fn style_of(theme: Theme, cell: &Cell) -> char {
    let (ink, ground) = theme.paper();
    let is = |colour: Color, rgb: (u8, u8, u8)| {
        colour == Color::Reset || colour == Color::Rgb(rgb.0, rgb.1, rgb.2)
    };
    let named = [
        ('d', theme.dim()),
        ('a', theme.accent()),
        ('w', theme.incorrect()),
        ('r', theme.correct()),
        ('b', theme.strong()),
        ('p', theme.pane(0)),
        ('q', theme.pane(1)),
        ('s', theme.pane(2)),
        ('t', theme.pane(3)),
    ];
    let same = |style: &Style| {
        let fg = style.fg.unwrap_or(Color::Reset);
        (cell.fg == fg || (fg == Color::Reset && is(cell.fg, ink)))
            && cell.modifier == style.add_modifier
    };
    if cell.modifier.contains(Modifier::REVERSED) {
        return if is(cell.bg, ground) { 'c' } else { 'C' };
    }
    if cell.modifier.contains(Modifier::UNDERLINED) {
        return '_';
    }
    if !is(cell.bg, ground) {
        let Color::Rgb(r, g, b) = cell.bg else { return '#' };
        let brightness = (u32::from(r) * 2 + u32::from(g) * 5 + u32::from(b)) / 8;
        return char::from_digit(brightness * 10 / 256, 10).unwrap_or('#');
    }
    if same(&Style::new()) {
        return if cell.symbol() == " " { ' ' } else { '.' };
    }
    let bold = |(name, style): &(char, Style)| {
        (name.to_ascii_uppercase(), style.add_modifier(Modifier::BOLD))
    };
    let all = named.iter().copied().chain(named.iter().map(bold));
    all.into_iter().find(|(_, style)| same(style)).map_or('%', |(name, _)| name)
}

/// A letter a cell: which style it is drawn in.
fn styles(theme: Theme, buffer: &Buffer) -> String {
    let line = |y: u16| {
        let cells = (0..buffer.area.width).map(|x| style_of(theme, &buffer[(x, y)]));
        cells.collect::<String>().trim_end().to_owned()
    };
    own_rows(buffer).into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn theme() -> Theme {
    Theme::new(Depth::True, Glyphs::Unicode)
}

#[test]
fn every_step_at_two_sizes() {
    for (id, buffer) in walk(theme(), Size::new(80, 24)) {
        let drawn = format!("{}\n\nstyles:\n{}", own_text(&buffer), styles(theme(), &buffer));
        insta::assert_snapshot!(format!("{id}-80x24"), drawn);
    }
    for (id, buffer) in walk(theme(), Size::new(120, 36)) {
        insta::assert_snapshot!(format!("{id}-120x36"), own_text(&buffer));
    }
}

#[test]
fn every_step_in_chinese() {
    for (id, buffer) in walk_in(Language::Chinese, theme(), Size::new(80, 24)) {
        insta::assert_snapshot!(format!("zh-{id}-80x24"), own_text(&buffer));
    }
}

/// What steps share: the header and the timeline, which say where one is and how far the walk goes.
#[test]
fn header_and_timeline_say_where_the_step_is() {
    let lesson = Lesson::embedded(Language::English).unwrap();
    let steps = lesson.steps();
    let (small, large) = (walk(theme(), Size::new(80, 24)), walk(theme(), Size::new(120, 36)));
    for (i, ((_, small), (_, large))) in small.into_iter().zip(large).enumerate() {
        let (chapter, step) = steps[i];
        let of_chapter = steps.iter().filter(|(other, _)| *other == chapter).count();
        let at = steps[..i].iter().filter(|(other, _)| *other == chapter).count() + 1;
        let title = format!("{chapter} · {}", lesson.chapters[chapter].title);
        let [small, large] = [small, large].map(|buffer| txt::text(&buffer));
        let (small, large): (Vec<&str>, Vec<&str>) =
            (small.lines().collect(), large.lines().collect());
        assert!(
            small[0].contains(&title) && large[0].contains(&title),
            "{}: {}",
            step.id,
            small[0]
        );
        let short = [format!("step {at}/{of_chapter}"), format!("step {at} of {of_chapter}")];
        assert!(short.iter().any(|place| small[0].contains(place)), "{}: {}", step.id, small[0]);
        let place = format!("step {at} of {of_chapter} · {}/{}", i + 1, steps.len());
        assert!(large[0].contains(&place), "{}: {}", step.id, large[0]);
        for line in [large[34], small[22]] {
            let (before, after) = line.split_once('●').unwrap();
            let places = (n_steps_drawn(before), n_steps_drawn(after));
            assert_eq!(places, (i, steps.len() - i - 1), "{}: {line}", step.id);
        }
    }
}

/// The steps that a piece of the timeline stands for: one a dot, of a character of braille as many as it has dots.
fn n_steps_drawn(line: &str) -> usize {
    let dots = |c: char| match c {
        '·' => 1,
        '\u{2800}'..='\u{28ff}' => (c as u32 - 0x2800).count_ones() as usize,
        _ => 0,
    };
    line.chars().map(dots).sum()
}

/// The walk with as many steps in each chapter, at its middle.
fn long_walk(n_steps: usize, size: Size) -> State {
    let mut lesson = Lesson::embedded(Language::English).unwrap();
    for chapter in &mut lesson.chapters {
        let first = chapter.steps[0].clone();
        chapter.steps.resize(n_steps, first);
    }
    let mut state = State::new(Arc::new(lesson), theme());
    let _ = update(&mut state, Action::Read(Ok(reading("The dog sleeps."))));
    let _ = update(&mut state, Action::Resize(size));
    state.enter(state.n_steps() / 2);
    state
}

#[test]
fn the_timeline_has_room_for_twice_as_many_steps_on_the_smallest_screen() {
    for (n, size) in [(14, (80, 24)), (16, (80, 24)), (20, (120, 36)), (30, (200, 60))] {
        let state = long_walk(n, size.into());
        let text = drawn_text(&state, size.0, size.1);
        let line = text.lines().nth(usize::from(size.1) - 2).unwrap();
        let (before, after) = line.split_once('●').unwrap();
        let step = state.nav.step;
        let places = (n_steps_drawn(before), n_steps_drawn(after));
        assert_eq!(places, (step, state.n_steps() - step - 1), "{line}");
        let last = state.lesson.chapters.len() - 1;
        assert!(line.contains(&format!(" {last}")), "{line}");
    }
}

/// A scheme changes colours alone: the same characters, and each cell in the style of the same name.
#[test]
fn every_scheme_draws_the_same_in_its_own_colours() {
    let size = Size::new(100, 30);
    let dark = walk(theme(), size);
    let no_shades = |styles: String| styles.replace(|c: char| c.is_ascii_digit(), "#");
    // In high contrast nothing is dim, so that only marks are compared: the cursor and what is underlined.
    let marks = |styles: String| {
        let marks = styles.replace(|c: char| !"cC_\n".contains(c), " ");
        marks.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    };
    for scheme in [Scheme::Light, Scheme::HighContrast] {
        let other = theme().with(scheme);
        for ((id, want), (_, got)) in dark.iter().zip(walk(other, size)) {
            assert_eq!(txt::text(&got), txt::text(want), "{id} in {}", scheme.id());
            let (got, want) = (no_shades(styles(other, &got)), no_shades(styles(theme(), want)));
            if scheme == Scheme::Light {
                assert_eq!(got, want, "{id} in {}", scheme.id());
            } else {
                assert_eq!(marks(got), marks(want), "{id} in {}", scheme.id());
            }
        }
    }
    for depth in [Depth::Sixteen, Depth::Indexed] {
        let other = Theme::new(depth, Glyphs::Unicode);
        for ((id, want), (_, got)) in dark.iter().zip(walk(other, size)) {
            assert_eq!(txt::text(&got), txt::text(want), "{id} in {depth:?}");
            let look = |cell: &Cell| {
                let has_colour = |colour: Color| colour != Color::Reset;
                (has_colour(cell.bg), has_colour(cell.fg), cell.modifier)
            };
            let looks = |buffer: &Buffer| buffer.content.iter().map(look).collect::<Vec<_>>();
            assert_eq!(looks(&got), looks(want), "{id} in {depth:?}");
        }
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
    for (id, buffer) in walk(Theme::new(Depth::None, Glyphs::Unicode), Size::new(100, 30)) {
        let plain = |c: Color| c == Color::Reset;
        let coloured = buffer.content.iter().position(|c| !plain(c.fg) || !plain(c.bg));
        assert_eq!(coloured, None, "{id}");
    }
}
