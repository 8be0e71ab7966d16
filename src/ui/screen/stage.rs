//! The panes in their frames, and the narration.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Block, BorderType, Widget},
};
use unicode_width::UnicodeWidthStr;

use crate::ui::{
    app::{self, ScreenLayout, State},
    panes::Pane,
    widgets::lines::fit,
};

pub fn draw(state: &State, panes: &[Box<dyn Pane + '_>], plan: &ScreenLayout, buf: &mut Buffer) {
    if let Some(area) = plan.tabs {
        tabs(state, panes, area, buf);
    }
    for (i, (pane, frame)) in panes.iter().zip(&plan.frames).enumerate() {
        if let Some(frame) = frame {
            framed(state, i, pane.as_ref(), *frame, buf);
        }
    }
}

fn framed(state: &State, i: usize, pane: &dyn Pane, frame: Rect, buf: &mut Buffer) {
    let is_focused = i == state.nav.focus;
    let title = fit(&title_of(state, pane), usize::from(frame.width.saturating_sub(4)));
    let title = Span::styled(format!(" {title} "), title_style(state, i));
    let rim = if is_focused { Style::new() } else { state.theme.dim() };
    let block = Block::bordered().border_type(BorderType::Rounded).border_style(rim).title(title);
    block.render(frame, buf);
    // What is asked about is not shown before the answer.
    if state.guide.quiz.is_none() {
        pane.draw(inside(frame), buf);
    }
}

/// While a question waits, a pane says its name only: what follows may be the answer.
fn title_of(state: &State, pane: &dyn Pane) -> String {
    let title = pane.title();
    match title.split_once(" · ") {
        Some((name, _)) if state.guide.quiz.is_some() => name.to_owned(),
        _ => title,
    }
}

/// What a frame leaves to its pane.
pub fn inside(frame: Rect) -> Rect {
    Block::bordered().inner(frame)
}

fn title_style(state: &State, i: usize) -> Style {
    let style = state.theme.pane(i);
    if i == state.nav.focus { style.bold() } else { style }
}

fn tabs(state: &State, panes: &[Box<dyn Pane + '_>], area: Rect, buf: &mut Buffer) {
    let tabs = names(state, panes, area.width).into_iter().map(|(span, _)| span);
    let more = Span::styled("   Tab", state.theme.dim());
    tabs.chain([more]).collect::<Line>().render(area, buf);
}

/// The pieces of the tabs, with the pane that each names; all of them in view, however short.
fn names(
    state: &State,
    panes: &[Box<dyn Pane + '_>],
    width: u16,
) -> Vec<(Span<'static>, Option<usize>)> {
    // What stands around the names: a blank, separators, numbers, and the key at the end.
    let around = 1 + 5 * panes.len() + 6;
    let each = usize::from(width).saturating_sub(around) / panes.len().max(1);
    let mut names = vec![(Span::raw(" "), None)];
    for (i, pane) in panes.iter().enumerate() {
        if i > 0 {
            names.push((Span::styled(" │ ", state.theme.dim()), None));
        }
        let style = if i == state.nav.focus { title_style(state, i) } else { state.theme.dim() };
        names.push((
            Span::styled(
                format!("{} {}", i + 1, shortened(&title_of(state, pane.as_ref()), each.max(8))),
                style,
            ),
            Some(i),
        ));
    }
    names
}

/// A title that fits: a site goes by its last name before anything is cut.
fn shortened(title: &str, room: usize) -> String {
    if title.width() <= room {
        return title.to_owned();
    }
    let (first, rest) = title.split_once(' ').unwrap_or((title, ""));
    let last = first.rsplit('.').next().unwrap_or(first);
    fit(format!("{last} {rest}").trim_end(), room)
}

/// The pane whose tab is drawn there.
pub fn tab_at(
    state: &State,
    panes: &[Box<dyn Pane + '_>],
    area: Rect,
    at: Position,
) -> Option<usize> {
    let column = usize::from(at.x.checked_sub(area.x).filter(|_| area.contains(at))?);
    let mut end = 0;
    let mut names = names(state, panes, area.width).into_iter();
    let (_, pane) = names.find(|(span, _)| {
        end += span.width();
        column < end
    })?;
    pane
}

/// The narration; what does not fit is announced.
pub fn narration(state: &State, lines: &[app::Line], area: Rect, buf: &mut Buffer) {
    let height = usize::from(area.height);
    let scroll = state.nav.scroll.min(lines.len().saturating_sub(height));
    for (line, row) in lines.iter().skip(scroll).zip(area.rows()) {
        let spans = line.iter().map(|piece| Span::styled(&piece.text, super::style(state, piece)));
        spans.collect::<Line>().render(row, buf);
    }
    let dim = state.theme.dim();
    let mut say = |text: &'static str, row: u16| {
        let place = Rect { y: row, height: 1, ..area };
        Line::styled(text, dim).right_aligned().render(place, buf);
    };
    if height > 0 && scroll > 0 {
        say("▴", area.y);
    }
    if scroll + height < lines.len() && height > 0 {
        say("more ▾", area.bottom() - 1);
    }
}
