//! Draws the whole screen from the state, for the terminal and for every exporter.
//!
//! The functions here keep no state, read no clock and never block.

mod footer;
mod header;
mod inspector;
mod linked;
mod map;
mod overlay;
mod sentence;
mod stage;

pub use stage::inside;

use ratatui::{
    buffer::Buffer,
    layout::{Alignment, Position, Rect, Size},
    style::Style,
    text::Line,
    widgets::{Paragraph, Widget},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::{
    lesson::{Language, tr},
    text::visible::{is_visible, without_hidden},
    ui::{
        app::{MouseTarget, Overlay, ProsePiece, SMALLEST, State, TextRole},
        keys::palette,
        theme::ascii,
    },
};

/// The part of the screen at a mouse position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScreenPart {
    Nothing,
    Pane(MouseTarget),
    Narration,
    /// A dot of the timeline or a part of the map, with the index of its step.
    Step(usize),
    /// A row of the open list.
    Row(usize),
}

/// Draws one frame of the walk into `area`.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    compose(state, area, buf);
    remove_hidden(buf);
    remove_orphan_marks(area, buf);
    if state.theme.is_ascii() {
        replace_signs_by_ascii(area, buf);
    }
    if state.theme.paints_background() {
        area.positions().for_each(|position| state.theme.paint(&mut buf[position]));
    }
}

/// Removes invisible characters from every cell, whatever the source of its text. Text that may hold some is escaped
/// before it is drawn.
pub fn remove_hidden(buf: &mut Buffer) {
    for cell in buf.content.iter_mut().filter(|cell| !is_visible(cell.symbol())) {
        let rest = without_hidden(cell.symbol());
        cell.set_symbol(if rest.is_empty() { " " } else { &rest });
    }
}

/// Removes combining marks at the start of a cell, left where a line is cut after the base letter: a terminal would
/// combine them with the cell before.
fn remove_orphan_marks(area: Rect, buf: &mut Buffer) {
    let is_mark = |c: char| c.width() == Some(0);
    for position in area.positions() {
        let cell = &mut buf[position];
        if cell.symbol().starts_with(is_mark) {
            let rest = cell.symbol().trim_start_matches(is_mark).to_owned();
            cell.set_symbol(if rest.is_empty() { " " } else { &rest });
        }
    }
}

/// Replaces the program's own signs by ASCII; letters of the sentence and its translations stay.
fn replace_signs_by_ascii(area: Rect, buf: &mut Buffer) {
    for position in area.positions() {
        let cell = &mut buf[position];
        let mut chars = cell.symbol().chars();
        if let (Some(sign), None) = (chars.next(), chars.next())
            && let Some(ascii) = ascii(sign)
        {
            cell.set_char(ascii);
        }
    }
}

/// Draws header, panes, narration or inspector, footer and overlay.
fn compose(state: &State, area: Rect, buf: &mut Buffer) {
    if area.width < SMALLEST.width || area.height < SMALLEST.height {
        draw_too_small(state.lesson.language, area, buf);
        return;
    }
    let panes = state.panes();
    let (plan, lines) = state.plan(area, &state.preferred_sizes(&panes));
    let is_inspecting = state.opened().is_some();
    header::draw(state, &plan, buf);
    if panes.is_empty() {
        draw_centred(state.lesson.language.tr("reading the sentence …"), plan.stage, buf);
    }
    stage::draw(state, &panes, &plan, buf);
    if is_inspecting {
        inspector::draw(state, plan.prose, buf);
    } else {
        stage::narration(state, &lines, &plan, buf);
    }
    if state.guide.quiz.is_none() {
        footer::cell(state, &panes, plan.cell, buf);
    }
    footer::timeline(state, plan.timeline, buf);
    footer::hints(state, plan.hints, buf);
    match &state.overlay {
        Overlay::None => {}
        Overlay::Help { first } => overlay::help(state, *first, area, buf),
        Overlay::Find { query, chosen } => overlay::find(state, query, *chosen, area, buf),
        Overlay::Bookmarks { chosen } => overlay::bookmarks(state, *chosen, area, buf),
        Overlay::Glossary { query, chosen } => overlay::glossary(state, query, *chosen, area, buf),
        Overlay::Edit { sentence } => overlay::edit(state, sentence, area, buf),
        Overlay::Palette { query, chosen, .. } => {
            overlay::palette(state, query, *chosen, area, buf);
        }
        Overlay::Export(prompt) => overlay::export(state, prompt, area, buf),
    }
}

/// The part of the screen that [`draw`] draws at a position.
pub fn hit(state: &State, area: Rect, position: Position) -> ScreenPart {
    if area.width < SMALLEST.width || area.height < SMALLEST.height || !area.contains(position) {
        return ScreenPart::Nothing;
    }
    let row = |row: Option<usize>, n: usize| {
        row.filter(|row| *row < n).map_or(ScreenPart::Nothing, ScreenPart::Row)
    };
    match &state.overlay {
        Overlay::None => hit_in_walk(state, area, position),
        Overlay::Help { .. }
        | Overlay::Edit { .. }
        | Overlay::Glossary { .. }
        | Overlay::Export(_) => ScreenPart::Nothing,
        Overlay::Find { query, chosen } => {
            row(overlay::step_row_at(*chosen, area, position), state.found(query.value()).len())
        }
        Overlay::Bookmarks { chosen } => {
            row(overlay::step_row_at(*chosen, area, position), state.bookmarked().len())
        }
        Overlay::Palette { query, chosen, .. } => {
            let n = palette::entries(state, query.value()).len();
            row(overlay::palette_row_at(n, *chosen, area, position), n)
        }
    }
}

/// The part of the walk at a position, without an overlay.
fn hit_in_walk(state: &State, area: Rect, position: Position) -> ScreenPart {
    let panes = state.panes();
    let (plan, _) = state.plan(area, &state.preferred_sizes(&panes));
    if plan.timeline.contains(position) {
        return footer::step_at(state, plan.timeline, position)
            .map_or(ScreenPart::Nothing, ScreenPart::Step);
    }
    if plan.map.contains(position) {
        return map::step_at(state, plan.map, position)
            .map_or(ScreenPart::Nothing, ScreenPart::Step);
    }
    if plan.prose.contains(position) {
        return ScreenPart::Narration;
    }
    // While the inspector is open, the panes do not react.
    if state.opened().is_some() {
        return ScreenPart::Nothing;
    }
    if let Some(tabs) = plan.tabs.filter(|tabs| tabs.contains(position)) {
        let tab = stage::tab_at(state, &panes, tabs, position);
        let target = |pane| MouseTarget { pane, cell: None, head: None };
        return tab.map_or(ScreenPart::Nothing, |pane| ScreenPart::Pane(target(pane)));
    }
    let framed = plan.frames.iter().enumerate().filter_map(|(i, frame)| Some((i, (*frame)?)));
    let mut framed = framed.filter(|(_, frame)| frame.contains(position));
    let Some((pane, frame)) = framed.next() else { return ScreenPart::Nothing };
    let inside = inside(frame);
    let cell = panes.get(pane).and_then(|pane| pane.cell_at(inside, position));
    let head = panes.get(pane).and_then(|pane| pane.head_at(inside, position));
    ScreenPart::Pane(MouseTarget { pane, cell, head })
}

fn draw_too_small(language: Language, area: Rect, buf: &mut Buffer) {
    let Size { width, height } = SMALLEST;
    let needs = tr!(language, "Lookback needs {width}x{height},", width, height);
    let Size { width, height } = area.as_size();
    let has = tr!(language, "this terminal is {width}x{height}", width, height);
    let whole = format!("{needs} {has}");
    let lines = if whole.width() <= area.width.into() { vec![whole] } else { vec![needs, has] };
    let top = area.height.saturating_sub(lines.len() as u16) / 2;
    let middle = Rect { y: area.y + top, height: area.height - top, ..area };
    let lines: Vec<Line> = lines.into_iter().map(Line::from).collect();
    Paragraph::new(lines).alignment(Alignment::Center).render(middle, buf);
}

fn draw_centred(text: &str, area: Rect, buf: &mut Buffer) {
    let middle = Rect { y: area.y + area.height / 2, height: area.height.min(1), ..area };
    Line::from(text).centered().render(middle, buf);
}

/// Draws one text left-aligned and one right-aligned; the right one is cut where they would overlap.
fn draw_left_and_right(left: Line, right: Line, area: Rect, buf: &mut Buffer) {
    let available_width = usize::from(area.width).saturating_sub(left.width() + 2);
    let width = right.width().min(available_width) as u16;
    let x = area.right().saturating_sub(width + 1);
    left.render(area, buf);
    right.render(Rect { x, width, ..area }, buf);
}

/// The style of a piece of narration: that of its role; glossary terms are also underlined.
fn style(state: &State, piece: &ProsePiece) -> Style {
    let style = match piece.role {
        TextRole::Plain => Style::new(),
        TextRole::Strong => state.theme.strong(),
        TextRole::Pane(i) => state.theme.pane(state.hue(i)),
        TextRole::Site => Style::new().italic(),
    };
    if piece.is_term { style.underlined() } else { style }
}
