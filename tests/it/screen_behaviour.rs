//! What the screen does with mouse, wheel and keys: cells, lists, themes, bookmarks, and the last walk taken up.

use crate::support::{
    built_in::{READER, reading},
    walk::{self, message, press},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use lookback::{
    analysis::reading::Reading,
    engine::{
        change::Changes,
        value::{Extent, PlaneCell},
    },
    lesson::{Language, Lesson, PaneKind},
    term::mouse,
    ui::{
        app::{Action, EarlierWalks, Effect, MouseTarget, Overlay, State, WalkStart, update},
        memory::{Memory, ResumePoint},
        screen::{ScreenPart, hit},
        theme::{Background, Depth, Glyphs, Scheme, Theme},
    },
};
use ratatui::{
    buffer::Buffer,
    layout::{Margin, Position, Rect, Size},
    style::{Color, Modifier},
};

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";

/// Of these tests alone: its panes change once measures are taken.
static READING: LazyLock<Arc<Reading>> = LazyLock::new(|| Arc::new(READER.read(SENTENCE).unwrap()));

fn walk_at(step: &str, size: impl Into<Size>) -> State {
    let mut state = walk::at(step, Arc::clone(&READING));
    update(&mut state, Action::Resize(size.into()));
    state
}

fn walk() -> State {
    walk_at("tokens", (100, 30))
}

fn area(state: &State) -> Rect {
    state.size.into()
}

fn drawn(state: &State) -> Buffer {
    walk::drawn(state, state.size.width, state.size.height)
}

fn line(buf: &Buffer, y: u16) -> String {
    (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect()
}

fn shown(state: &State) -> String {
    let buf = drawn(state);
    (0..buf.area.height).map(|y| line(&buf, y) + "\n").collect()
}

fn mouse(state: &mut State, kind: MouseEventKind, at: Position) {
    let event = MouseEvent { kind, column: at.x, row: at.y, modifiers: KeyModifiers::NONE };
    for action in mouse::actions(state, event) {
        update(state, action);
    }
}

fn click(state: &mut State, at: Position) {
    mouse(state, MouseEventKind::Down(MouseButton::Left), at);
}

// The mouse.

/// Where the cursor is drawn: the cells of its brackets and what stands between them. The map above the panes marks its
/// station in the same way.
fn marked(state: &State) -> Vec<Position> {
    let buf = drawn(state);
    let top = buf.area.positions().find(|at| buf[*at].symbol() == "╭").unwrap().y;
    let is_marked = |at: &Position| at.y > top && buf[*at].modifier.contains(Modifier::REVERSED);
    buf.area.positions().filter(is_marked).collect()
}

#[test]
fn a_click_on_a_cell_puts_the_cursor_where_that_cell_is_drawn() {
    for size in [(80, 24), (120, 36), (200, 60)] {
        let mut state = walk_at("scores", size);
        let Extent { rows, cols } = state.panes()[0].extent();
        let cells = (0..rows).flat_map(|row| (0..cols).map(move |col| PlaneCell { row, col }));
        for cell in cells {
            update(
                &mut state,
                Action::Point(MouseTarget { pane: 0, cell: Some(cell), head: None }),
            );
            assert_eq!((state.nav.selection.row, state.nav.selection.col), (cell.row, cell.col));
            let marked = marked(&state);
            assert!(!marked.is_empty(), "{cell:?} is in view at {size:?}");
            // A number's left bracket stands in the space before its cell.
            for at in marked.iter().skip(usize::from(marked.len() > 1)) {
                let ScreenPart::Pane(MouseTarget { pane: 0, cell: found, .. }) =
                    hit(&state, area(&state), *at)
                else {
                    panic!("a cell is drawn at {at} of {size:?}")
                };
                assert_eq!(found, Some(cell), "{at} of {size:?}");
            }
        }
    }
}

#[test]
fn where_all_cells_are_in_view_each_is_reached_from_anywhere() {
    for size in [(120, 36), (160, 44), (200, 60)] {
        let places: Vec<(usize, usize, Position)> = {
            let mut state = walk_at("scores", size);
            let Extent { rows, cols } = state.panes()[0].extent();
            let cells = (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col)));
            let place = |(row, col)| {
                (state.nav.selection.row, state.nav.selection.col) = (row, col);
                let marks = marked(&state);
                (row, col, marks[marks.len() / 2])
            };
            cells.map(place).collect()
        };
        let mut state = walk_at("scores", size);
        for &(row, col, at) in &places {
            click(&mut state, at);
            assert_eq!(
                (state.nav.selection.row, state.nav.selection.col),
                (row, col),
                "{size:?} {at}"
            );
        }
    }
}

#[test]
fn every_place_of_every_step_can_be_clicked_without_harm() {
    let (mut n_panes, mut n_cells) = (0, 0);
    for size in [(80, 24), (130, 40)] {
        let mut state = walk_at("tokens", size);
        for step in 0..state.n_steps() {
            state.enter(step);
            for at in area(&state).positions().step_by(37) {
                if let ScreenPart::Pane(place) = hit(&state, area(&state), at) {
                    n_panes += 1;
                    update(&mut state, Action::Point(place));
                    let Extent { rows, cols } = state.panes()[place.pane].extent();
                    assert_eq!(state.nav.focus, place.pane);
                    if let Some(PlaneCell { row, col }) = place.cell {
                        n_cells += 1;
                        assert!(row < rows && col < cols, "{row} {col} of {rows} {cols}");
                        assert_eq!((state.nav.selection.row, state.nav.selection.col), (row, col));
                    }
                }
            }
        }
    }
    assert!(n_panes > 1000 && n_cells > 300, "{n_panes} places in panes, {n_cells} on cells");
}

/// Whatever the pane: the cell under the cursor is in view, so some place of it is that cell, and
/// where a cursor is drawn, that place is.
#[test]
fn every_pane_finds_the_cell_under_its_cursor() {
    let mut found = BTreeSet::new();
    for size in [(80, 24), (160, 44)] {
        let mut state = walk_at("tokens", size);
        for step in 0..state.n_steps() {
            state.enter(step);
            let buf = drawn(&state);
            let panes = state.panes();
            let (plan, _) = state.plan(area(&state), &state.preferred_sizes(&panes));
            let Some(frame) = plan.frames[state.nav.focus] else { continue };
            let inside = frame.inner(Margin::new(1, 1));
            let cell = |at: Position| panes[state.nav.focus].cell_at(inside, at);
            if inside.positions().all(|at| cell(at).is_none()) {
                continue;
            }
            let cursor = PlaneCell::new(state.nav.selection.row, state.nav.selection.col);
            let kind = state.current().1.panes[state.nav.focus].kind;
            let here = format!("{kind:?} of {} at {size:?}", state.current().1.id);
            // A point of a whole head or gradient stands for several cells; the largest of them is found.
            let has_points = matches!(kind, PaneKind::Heads | PaneKind::Update);
            let is_found = inside.positions().any(|at| cell(at) == Some(cursor));
            assert!(is_found || has_points, "{here}");
            let reversed = |at: &Position| buf[*at].modifier.contains(Modifier::REVERSED);
            let marks: Vec<Position> = inside.positions().filter(reversed).collect();
            if !marks.is_empty() && kind != PaneKind::Hidden && !has_points {
                let middle = marks[marks.len() / 2];
                assert_eq!(cell(middle), Some(cursor), "{here}, {middle}");
            }
            found.insert(format!("{kind:?}"));
        }
    }
    assert!(found.len() >= 8, "{found:?}");
}

#[test]
fn a_click_on_a_head_chooses_it() {
    let mut state = walk_at("heads", (160, 44));
    let before = state.nav.selection.head;
    let heads: Vec<usize> = area(&state)
        .positions()
        .filter_map(|at| match hit(&state, area(&state), at) {
            ScreenPart::Pane(MouseTarget { head, .. }) => head,
            _ => None,
        })
        .collect();
    let other = *heads.iter().find(|head| **head != before).unwrap();
    let place = MouseTarget { pane: 0, cell: None, head: Some(other) };
    update(&mut state, Action::Point(place));
    assert_eq!(state.nav.selection.head, other);
}

#[test]
fn a_dot_of_the_timeline_is_its_step() {
    for size in [(80, 24), (200, 60)] {
        let mut state = walk_at("tokens", size);
        let y = size.1 - 2;
        let steps: Vec<usize> = (0..size.0)
            .filter_map(|x| match hit(&state, area(&state), Position::new(x, y)) {
                ScreenPart::Step(step) => Some(step),
                _ => None,
            })
            .collect();
        assert!(steps.is_sorted() && steps.len() >= state.lesson.chapters.len(), "{steps:?}");
        let x = (0..size.0).rev();
        let last = x.map(|x| Position::new(x, y)).find(|at| drawn(&state)[*at].symbol() == "·");
        click(&mut state, last.unwrap());
        assert_eq!(drawn(&state)[last.unwrap()].symbol(), "●", "{size:?}");
    }
}

#[test]
fn a_row_of_a_list_is_taken_and_the_rest_of_the_screen_is_not() {
    let mut state = walk();
    press(&mut state, "/ s o f t m a x");
    let text = shown(&state);
    let (y, row) = text.lines().enumerate().find(|(_, l)| l.contains(" softmax ")).unwrap();
    let before = row.split(" softmax ").next().unwrap();
    let x = before.chars().count() + 2;
    click(&mut state, Position::new(0, 0));
    assert!(matches!(state.overlay, Overlay::Find { .. }), "outside of the list nothing happens");
    click(&mut state, Position::new(x as u16, y as u16));
    assert!(matches!(state.overlay, Overlay::None));
    assert!(text.lines().nth(y).unwrap().contains(&state.current().1.title));
}

#[test]
fn the_wheel_scrolls_what_is_said_within_its_bounds() {
    let mut state = walk_at("tokens", (80, 24));
    press(&mut state, "d");
    let far = (0..state.n_steps()).find(|&step| {
        state.enter(step);
        shown(&state).contains("more ▾")
    });
    assert!(far.is_some(), "some narration is longer than its place");
    update(&mut state, Action::Scroll(3));
    assert!(state.nav.scroll > 0);
    update(&mut state, Action::Scroll(1000));
    let end = state.nav.scroll;
    update(&mut state, Action::Scroll(3));
    assert_eq!(state.nav.scroll, end);
    update(&mut state, Action::Scroll(-1000));
    assert_eq!(state.nav.scroll, 0);
    let text = {
        let panes = state.panes();
        state.plan(area(&state), &state.preferred_sizes(&panes)).0.prose
    };
    mouse(&mut state, MouseEventKind::ScrollDown, Position::new(text.x, text.y));
    assert!(state.nav.scroll > 0, "the wheel over the narration");
}

#[test]
fn the_wheel_over_a_pane_moves_its_row_and_an_open_number_keeps_the_panes() {
    let mut state = walk_at("scores", (120, 36));
    let row = state.nav.selection.row;
    mouse(&mut state, MouseEventKind::ScrollUp, Position::new(20, 10));
    assert_eq!(state.nav.selection.row, row - 1);
    press(&mut state, "Enter");
    assert!(state.opened().is_some());
    let before = state.nav.selection;
    click(&mut state, Position::new(20, 12));
    assert_eq!(state.nav.selection, before);
}

#[test]
fn a_row_of_the_palette_is_done() {
    let mut state = walk();
    press(&mut state, ": n e x t Space t h e m e");
    let text = shown(&state);
    let y = text.lines().position(|line| line.contains("next colour theme")).unwrap();
    click(&mut state, Position::new(50, y as u16));
    assert!(matches!(state.overlay, Overlay::None), "{text}");
    assert_eq!(state.theme.scheme, Scheme::Light);
}

// Themes.

#[test]
fn one_key_goes_round_the_themes_and_says_which() {
    let mut state = walk();
    for theme in ["light", "high-contrast", "mono", "dark"] {
        press(&mut state, "V");
        assert_eq!(state.theme.scheme.id(), theme);
        assert!(message(&state).contains(theme));
    }
    state.theme = Theme::new(Depth::None, Glyphs::Ascii);
    press(&mut state, "V");
    assert!(message(&state).contains("no colours"));
}

#[test]
fn the_ground_decides_until_the_person_does() {
    let mut state = walk();
    update(&mut state, Action::Background(Background::Light));
    assert_eq!(state.theme.scheme, Scheme::Dark, "a theme that was asked for stays");
    state.follows_background = true;
    update(&mut state, Action::Background(Background::Light));
    assert_eq!(state.theme.scheme, Scheme::Light);
    press(&mut state, "V");
    update(&mut state, Action::Background(Background::Dark));
    assert_eq!(state.theme.scheme, Scheme::HighContrast);
}

#[test]
fn a_painted_ground_leaves_no_cell_out_and_an_unpainted_one_none_in() {
    let mut state = walk_at("scores", (100, 30));
    for keys in ["", "?", "Esc /", "Esc i"] {
        press(&mut state, keys);
        state.theme.scheme = Scheme::Light;
        let buf = drawn(&state);
        assert!(buf.content.iter().all(|cell| cell.bg != Color::Reset && cell.fg != Color::Reset));
        state.theme.scheme = Scheme::Mono;
        let buf = drawn(&state);
        assert!(buf.content.iter().all(|cell| cell.bg == Color::Reset && cell.fg == Color::Reset));
    }
}

// Marks, and the walk before.

#[test]
fn a_step_is_marked_listed_and_found_again() {
    let mut state = walk_at("softmax", (100, 30));
    press(&mut state, "B");
    assert!(message(&state).contains("no step is bookmarked"));
    press(&mut state, "b");
    assert!(shown(&state).contains('★'));
    press(&mut state, "g");
    let (timeline, here) = (line(&drawn(&state), 28), state.nav.step);
    assert_eq!(timeline.matches('★').count(), 1);
    press(&mut state, "b B Down Enter");
    assert_eq!(state.current().1.id, "softmax");
    press(&mut state, "B");
    assert!(shown(&state).contains("2 bookmarks"));
    press(&mut state, "Esc b g b B");
    assert_eq!((state.bookmarked(), state.nav.step), (vec![], here));
}

fn left(sentence: &str, step: &str) -> ResumePoint {
    ResumePoint { sentence: sentence.to_owned(), step: step.to_owned() }
}

/// A walk that has read its sentence, after earlier ones.
fn walk_after(earlier: EarlierWalks) -> State {
    let lesson = Arc::new(Lesson::embedded(Language::English).unwrap());
    let start = WalkStart::new(lesson, Theme::default(), SENTENCE.to_owned());
    let mut state = State::begin(WalkStart { earlier, ..start });
    update(&mut state, Action::Read(Ok(Arc::clone(&READING))));
    state
}

#[test]
fn the_last_walk_is_offered_and_taken_up() {
    let mut state = walk();
    press(&mut state, "R");
    assert!(message(&state).contains("no earlier walk is saved"));
    let last = Some(left("The \u{1b}dog sleeps.", "softmax"));
    let memory = Memory { last, bookmarks: vec!["tokens".into()], ..Memory::default() };
    let mut state = walk_after(EarlierWalks { memory, offers: true, trouble: None });
    assert!(message(&state).contains("last time: \"The ␛dog sleeps.\" at step softmax; press R"));
    assert_eq!(state.bookmarked(), [state.lesson.find("tokens").unwrap()]);
    let effect = press(&mut state, "R");
    assert_eq!(
        effect,
        Some(Effect::Read {
            sentence: "The \u{1b}dog sleeps.".into(),
            changes: Changes::default()
        })
    );
    let other = reading("The dog sleeps.");
    update(&mut state, Action::Read(Ok(other)));
    assert_eq!(state.current().1.id, "softmax");
    assert_eq!(state.memory().last.unwrap(), left("The dog sleeps.", "softmax"));
    press(&mut state, "g l");
    update(&mut state, Action::Read(Ok(Arc::clone(&READING))));
    assert_eq!(state.nav.step, 1, "the next sentence stays at the step");
}

#[test]
fn a_walk_that_stays_where_it_began_does_not_replace_the_one_before() {
    let last = left("The dog sleeps.", "softmax");
    let memory = Memory { last: Some(last.clone()), ..Memory::default() };
    let mut state = walk_after(EarlierWalks { memory, offers: true, trouble: None });
    assert_eq!(state.memory().last, Some(last));
    press(&mut state, "l");
    assert_eq!(state.memory().last, Some(left(SENTENCE, &state.current().1.id)));
}

#[test]
fn the_same_sentence_needs_no_reading_and_an_unknown_step_is_the_first() {
    let memory = Memory { last: Some(left(SENTENCE, "softmax")), ..Memory::default() };
    let mut state = walk_after(EarlierWalks { memory, ..EarlierWalks::default() });
    assert_eq!(message(&state), "", "not offered where a sentence was given");
    assert_eq!(press(&mut state, "R"), None);
    assert_eq!(state.current().1.id, "softmax");
    let memory = Memory {
        last: Some(left(SENTENCE, "gone")),
        bookmarks: vec!["gone".into()],
        ..Memory::default()
    };
    let trouble = Some("it is damaged".into());
    let mut state = walk_after(EarlierWalks { memory, offers: true, trouble });
    press(&mut state, "R");
    assert_eq!((state.nav.step, state.bookmarked()), (0, vec![]));
}

#[test]
fn the_names_of_the_models_are_whole_beside_their_accuracy() {
    for size in [(80, 24), (120, 36), (200, 60)] {
        let screen = shown(&walk_at("accuracy", size));
        assert!(!screen.contains('…'), "{size:?}: {screen}");
        let names = ["━ Elman RNN", "━ GRU", "━ RNN with attention", "━ Transformer, unguided"];
        assert!(names.iter().all(|name| screen.contains(name)), "{size:?}: {screen}");
        assert!(screen.contains("14-20 ") && screen.contains("30+"), "{size:?}: {screen}");
    }
}

#[test]
fn a_cursor_over_parts_or_sites_is_on_no_word() {
    READING.pass_evidence();
    for step in ["which-part", "patching"] {
        let mut state = walk_at(step, (120, 36));
        press(&mut state, "Down Down");
        assert!(state.word().is_none(), "{step}");
        let screen = shown(&state);
        let first = screen.lines().next().unwrap();
        assert!(!first.contains("output ") && !first.contains("word "), "{step}: {first}");
    }
}

#[test]
fn a_state_that_is_cut_off_says_so() {
    for size in [(80, 24), (120, 36)] {
        let screen = shown(&walk_at("rnn-bottleneck", size));
        assert!(screen.contains("in view"), "{size:?}: {screen}");
    }
}

/// One reads a token's number in the picture while typing it.
#[test]
fn the_palette_is_no_higher_than_its_list() {
    let mut state = walk_at("softmax", (120, 36));
    let height = |state: &State| {
        let text = walk::drawn_text(state, 120, 36);
        let from = text.lines().position(|line| line.contains("╭ Do ")).expect("it is open");
        let rest = text.lines().skip(from);
        let line = text.lines().nth(from).unwrap();
        let x = line[..line.find("╭ Do ").unwrap()].chars().count();
        1 + rest.take_while(|line| line.chars().nth(x) != Some('╰')).count()
    };
    press(&mut state, ":");
    assert_eq!(height(&state), 24, "two thirds of the screen for a long list");
    press(&mut state, "t o k e n . 7 =");
    assert!(height(&state) < 9, "{}", walk::drawn_text(&state, 120, 36));
}
