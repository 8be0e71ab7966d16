//! The whole screen as a function of the state: for the terminal and for every exporter.
//!
//! Nothing here remembers, measures time or waits.

mod footer;
mod header;
mod overlay;
mod stage;

use ratatui::{
    buffer::Buffer,
    layout::{Alignment, Rect},
    text::Line,
    widgets::{Paragraph, Widget},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::{
    app::{Overlay, SMALLEST, State},
    theme::ascii,
};

/// Draws the walk.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    compose(state, area, buf);
    if state.theme.is_ascii() {
        without_signs(area, buf);
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
    let wanted: Vec<_> = panes.iter().map(|pane| pane.wanted()).collect();
    let (plan, lines) = state.plan(area, &wanted);
    header::draw(state, &plan, buf);
    if panes.is_empty() {
        centred("reading the sentence …", plan.stage, buf);
    }
    stage::draw(state, &panes, &plan, buf);
    stage::narration(state, &lines, plan.prose, buf);
    if state.guide.quiz.is_none() {
        footer::cell(state, &panes, plan.cell, buf);
    }
    footer::timeline(state, plan.timeline, buf);
    footer::hints(state, plan.hints, buf);
    match &state.overlay {
        Overlay::None => {}
        Overlay::Help => overlay::help(state, area, buf),
        Overlay::Find { query, chosen } => overlay::find(state, query, *chosen, area, buf),
        Overlay::Glossary { query, chosen } => overlay::glossary(state, query, *chosen, area, buf),
        Overlay::Edit { sentence } => overlay::edit(state, sentence, area, buf),
    }
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

/// The text, or as much of its beginning as fits before `…`.
fn elided(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= room
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.truncate(cut.trim_end().len());
    cut + "…"
}
