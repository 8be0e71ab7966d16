//! The whole screen as a function of the state: for the terminal and for every exporter.
//!
//! Nothing here remembers, measures time or waits.

mod footer;
mod header;
mod inspector;
mod overlay;
mod stage;

use ratatui::{
    buffer::Buffer,
    layout::{Alignment, Position, Rect},
    style::Style,
    text::Line,
    widgets::{Paragraph, Widget},
};
use unicode_width::UnicodeWidthChar;

use crate::{
    text::visible::{is_visible, without_hidden},
    ui::{
        app::{MouseTarget, Overlay, Piece, SMALLEST, State, TextRole},
        keys::palette,
        theme::{Theme, ascii},
    },
};

/// What a mouse can point at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    Nothing,
    Pane(MouseTarget),
    Narration,
    /// A dot of the timeline, by the index of its step.
    Step(usize),
    /// A row of the list that is open.
    Row(usize),
}

/// Draws the walk.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    compose(state, area, buf);
    seal(buf);
    without_loose_marks(area, buf);
    if state.theme.is_ascii() {
        without_signs(area, buf);
    }
    if state.theme.paints_ground() {
        area.positions().for_each(|position| state.theme.paint(&mut buf[position]));
    }
}

/// Nothing hidden stands in a cell, wherever its text is from. What is drawn has made it visible already,
/// or it would be lost here.
pub fn seal(buf: &mut Buffer) {
    for cell in buf.content.iter_mut().filter(|cell| !is_visible(cell.symbol())) {
        let rest = without_hidden(cell.symbol());
        cell.set_symbol(if rest.is_empty() { " " } else { &rest });
    }
}

/// A mark without a letter, as where a line is cut between the two, would change whatever stands before.
fn without_loose_marks(area: Rect, buf: &mut Buffer) {
    let is_mark = |c: char| c.width() == Some(0);
    for position in area.positions() {
        let cell = &mut buf[position];
        if cell.symbol().starts_with(is_mark) {
            let rest = cell.symbol().trim_start_matches(is_mark).to_owned();
            cell.set_symbol(if rest.is_empty() { " " } else { &rest });
        }
    }
}

/// Every sign of ours as ASCII; letters of the sentence and its translations stay.
fn without_signs(area: Rect, buf: &mut Buffer) {
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

fn compose(state: &State, area: Rect, buf: &mut Buffer) {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(area, buf);
        return;
    }
    let panes = state.panes();
    let wanted: Vec<_> = panes.iter().map(|pane| pane.preferred_size()).collect();
    let (plan, lines) = state.plan(area, &wanted);
    let is_opened = state.opened().is_some();
    header::draw(state, &plan, buf);
    if panes.is_empty() {
        centred("reading the sentence …", plan.stage, buf);
    }
    stage::draw(state, &panes, &plan, buf);
    if is_opened {
        inspector::draw(state, plan.prose, buf);
    } else {
        stage::narration(state, &lines, plan.prose, buf);
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
        Overlay::Palette { query, chosen } => overlay::palette(state, query, *chosen, area, buf),
        Overlay::Export(prompt) => overlay::export(state, prompt, area, buf),
    }
}

/// What [`draw`] draws there.
pub fn hit(state: &State, area: Rect, at: Position) -> Hit {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 || !area.contains(at) {
        return Hit::Nothing;
    }
    let row =
        |row: Option<usize>, n: usize| row.filter(|row| *row < n).map_or(Hit::Nothing, Hit::Row);
    match &state.overlay {
        Overlay::None => in_walk(state, area, at),
        Overlay::Help { .. }
        | Overlay::Edit { .. }
        | Overlay::Glossary { .. }
        | Overlay::Export(_) => Hit::Nothing,
        Overlay::Find { query, chosen } => {
            row(overlay::step_row_at(*chosen, area, at), state.found(query.value()).len())
        }
        Overlay::Bookmarks { chosen } => {
            row(overlay::step_row_at(*chosen, area, at), state.bookmarked().len())
        }
        Overlay::Palette { query, chosen } => {
            let n = palette::entries(state, query.value()).len();
            row(overlay::palette_row_at(*chosen, area, at), n)
        }
    }
}

fn in_walk(state: &State, area: Rect, at: Position) -> Hit {
    let panes = state.panes();
    let wanted: Vec<_> = panes.iter().map(|pane| pane.preferred_size()).collect();
    let (plan, _) = state.plan(area, &wanted);
    if plan.timeline.contains(at) {
        return footer::step_at(state, plan.timeline, at).map_or(Hit::Nothing, Hit::Step);
    }
    if plan.prose.contains(at) {
        return Hit::Narration;
    }
    // An opened number keeps the panes as they are.
    if state.opened().is_some() {
        return Hit::Nothing;
    }
    if let Some(tabs) = plan.tabs.filter(|tabs| tabs.contains(at)) {
        let tab = stage::tab_at(state, &panes, tabs, at);
        let place = |pane| MouseTarget { pane, cell: None, head: None };
        return tab.map_or(Hit::Nothing, |pane| Hit::Pane(place(pane)));
    }
    let framed = plan.frames.iter().enumerate().filter_map(|(i, frame)| Some((i, (*frame)?)));
    let mut framed = framed.filter(|(_, frame)| frame.contains(at));
    let Some((pane, frame)) = framed.next() else { return Hit::Nothing };
    let inside = stage::inside(frame);
    let cell = panes.get(pane).and_then(|pane| pane.cell_at(inside, at));
    let head = panes.get(pane).and_then(|pane| pane.head_at(inside, at));
    Hit::Pane(MouseTarget { pane, cell, head })
}

fn too_small(area: Rect, buf: &mut Buffer) {
    let (width, height) = SMALLEST;
    let needs = format!("Lookback needs {width}x{height},");
    let has = format!("this terminal is {}x{}", area.width, area.height);
    let whole = format!("{needs} {has}");
    let lines = if whole.len() <= area.width.into() { vec![whole] } else { vec![needs, has] };
    let top = area.height.saturating_sub(lines.len() as u16) / 2;
    let middle = Rect { y: area.y + top, height: area.height - top, ..area };
    let lines: Vec<Line> = lines.into_iter().map(Line::from).collect();
    Paragraph::new(lines).alignment(Alignment::Center).render(middle, buf);
}

fn centred(text: &str, area: Rect, buf: &mut Buffer) {
    let middle = Rect { y: area.y + area.height / 2, height: area.height.min(1), ..area };
    Line::from(text).centered().render(middle, buf);
}

/// One text from the left, one to the right; the left one goes before.
fn both(left: Line, right: Line, area: Rect, buf: &mut Buffer) {
    let room = usize::from(area.width).saturating_sub(left.width() + 2);
    let width = right.width().min(room) as u16;
    let from = area.right().saturating_sub(width + 1);
    left.render(area, buf);
    right.render(Rect { x: from, width, ..area }, buf);
}

/// How a piece of text looks: a term of the glossary is underlined, in whatever colour it has.
fn style(state: &State, piece: &Piece) -> Style {
    let style = role(&state.theme, piece.role);
    if piece.is_term { style.underlined() } else { style }
}

/// How a role looks.
pub fn role(theme: &Theme, role: TextRole) -> Style {
    match role {
        TextRole::Plain => Style::new(),
        TextRole::Strong => theme.strong(),
        TextRole::Pane(i) => theme.pane(i),
        TextRole::Site => Style::new().italic(),
    }
}
