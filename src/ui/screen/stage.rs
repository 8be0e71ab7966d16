//! Draws the panes in their frames, their tabs, and the narration.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Block, BorderType, Widget},
};

use super::linked::{self, LinkedSpan};
use crate::lesson::tr;
use crate::ui::{
    app::{self, ScreenLayout, State, unfolded_part},
    panes::{Pane, Title, fitted_apart, unfolding_order},
    widgets::lines::put_on,
};

/// Draws the panes in view; while the step unfolds, only their parts that the beat shows.
pub fn draw(state: &State, panes: &[Box<dyn Pane + '_>], plan: &ScreenLayout, buf: &mut Buffer) {
    if let Some(area) = plan.tabs {
        draw_tabs(state, panes, area, buf);
    }
    for (i, (pane, frame)) in panes.iter().zip(&plan.frames).enumerate() {
        if let Some(frame) = frame {
            draw_pane(state, i, pane.as_ref(), *frame, buf);
        }
    }
    if let Some(beat) = state.animation.beat {
        cover(panes, plan, beat, buf);
    }
}

/// Blanks what has not unfolded at a beat.
fn cover(panes: &[Box<dyn Pane + '_>], plan: &ScreenLayout, beat: usize, buf: &mut Buffer) {
    let in_view = panes.iter().zip(&plan.frames).filter_map(|(pane, f)| Some((&**pane, (*f)?)));
    let (panes, frames): (Vec<&dyn Pane>, Vec<Rect>) = in_view.unzip();
    for (turn, i) in unfolding_order(&panes).into_iter().enumerate() {
        let part = unfolded_part(beat, turn, panes.len());
        let covered = panes[i].covered(inside(frames[i]), part);
        covered.iter().flat_map(|area| area.positions()).for_each(|at| buf[at].reset());
    }
}

fn draw_pane(state: &State, i: usize, pane: &dyn Pane, frame: Rect, buf: &mut Buffer) {
    let is_focused = i == state.nav.focus;
    let title = title_of(state, pane).fitted(usize::from(frame.width.saturating_sub(4)));
    let title = Span::styled(format!(" {title} "), title_style(state, i));
    let border_style = if is_focused { Style::new() } else { state.theme.dim() };
    let block =
        Block::bordered().border_type(BorderType::Rounded).border_style(border_style).title(title);
    block.render(frame, buf);
    // While a question is open, the panes stay empty: they show the answer.
    if state.guide.quiz.is_none() {
        pane.draw(inside(frame), buf);
        let edge = lower_edge(frame);
        draw_out_of_view(state, pane, inside(frame), edge, buf);
        pane.draw_on_edge(inside(frame), edge, buf);
    }
}

/// The lower edge of a frame, between its corners.
fn lower_edge(frame: Rect) -> Rect {
    Rect { y: frame.bottom().saturating_sub(1), height: frame.height.min(1), ..inside(frame) }
}

/// Draws how many items of a list are out of view, on the lower edge of its frame.
fn draw_out_of_view(state: &State, pane: &dyn Pane, area: Rect, edge: Rect, buf: &mut Buffer) {
    let (theme, language) = (&state.theme, state.lesson.language);
    let [above, below] = pane.out_of_view(area);
    let note = |n: usize, sign: &str, is_above: bool| match (n, is_above) {
        (0, _) => String::new(),
        (_, true) => tr!(language, " {sign} {n} more above ", sign, n),
        (_, false) => tr!(language, " {sign} {n} more below ", sign, n),
    };
    let above = note(above, theme.glyph("▴", "^"), true);
    let below = note(below, theme.glyph("▾", "v"), false);
    put_on(buf, edge, &[(&above, theme.dim()), (&below, theme.dim())]);
}

/// A pane's title; while a question is open without what was found, which may be the answer.
fn title_of(state: &State, pane: &dyn Pane) -> Title {
    let title = pane.title();
    if state.guide.quiz.is_some() { title.without_results() } else { title }
}

/// The area inside a pane's frame.
pub fn inside(frame: Rect) -> Rect {
    Block::bordered().inner(frame)
}

fn title_style(state: &State, i: usize) -> Style {
    let style = state.theme.pane(state.hue(i));
    if i == state.nav.focus { style.bold() } else { style }
}

fn draw_tabs(state: &State, panes: &[Box<dyn Pane + '_>], area: Rect, buf: &mut Buffer) {
    let mut tabs = linked::drawn(tab_spans(state, panes, area.width));
    tabs.push_span(Span::styled("   Tab", state.theme.dim()));
    tabs.render(area, buf);
}

/// The spans of the tab line, each with the index of its pane. Titles are cut so that all are in view.
fn tab_spans(state: &State, panes: &[Box<dyn Pane + '_>], width: u16) -> Vec<LinkedSpan<usize>> {
    // Columns around the names: a blank, separators, numbers, and the key at the end.
    let other_columns = 1 + 5 * panes.len() + 6;
    let titles: Vec<Title> = panes.iter().map(|pane| title_of(state, pane.as_ref())).collect();
    let room = usize::from(width).saturating_sub(other_columns);
    let title_width = widest_title(titles.iter().map(Title::width), room).max(8);
    let mut tab_spans = vec![LinkedSpan::plain(Span::raw(" "))];
    for (i, title) in fitted_apart(&titles, title_width).into_iter().enumerate() {
        if i > 0 {
            tab_spans.push(LinkedSpan::plain(Span::styled(" │ ", state.theme.dim())));
        }
        let style = if i == state.nav.focus { title_style(state, i) } else { state.theme.dim() };
        let text = format!("{} {title}", i + 1);
        tab_spans.push(LinkedSpan::new(Span::styled(text, style), i));
    }
    tab_spans
}

/// The largest width of a title with which all have room: short ones leave theirs to long ones.
fn widest_title(widths: impl Iterator<Item = usize>, room: usize) -> usize {
    let mut widths: Vec<usize> = widths.collect();
    widths.sort_unstable();
    let (mut rest, mut n) = (room, widths.len());
    for width in widths {
        if width * n > rest {
            return rest / n;
        }
        (rest, n) = (rest - width, n - 1);
    }
    room
}

/// The pane whose tab is drawn at a position.
pub fn tab_at(
    state: &State,
    panes: &[Box<dyn Pane + '_>],
    area: Rect,
    position: Position,
) -> Option<usize> {
    linked::target_at(tab_spans(state, panes, area.width), area, position)
}

/// Draws the narration in its columns, with marks where lines above or below are out of view.
pub fn narration(state: &State, lines: &[app::Line], plan: &ScreenLayout, buf: &mut Buffer) {
    let n_lines = plan.n_text_lines();
    let scroll = state.nav.scroll.min(lines.len().saturating_sub(n_lines));
    let rows = plan.text_columns().flat_map(Rect::rows);
    for (line, row) in lines.iter().skip(scroll).zip(rows) {
        let spans = line.iter().map(|piece| Span::styled(&piece.text, super::style(state, piece)));
        spans.collect::<Line>().render(row, buf);
    }
    let dim = state.theme.dim();
    let mut draw_mark =
        |text: &str, row: Rect| Line::styled(text, dim).right_aligned().render(row, buf);
    if let Some(first) = plan.text_columns().flat_map(Rect::rows).next().filter(|_| scroll > 0) {
        draw_mark("▴", first);
    }
    let last = plan.text_columns().flat_map(Rect::rows).last();
    if let Some(last) = last.filter(|_| scroll + n_lines < lines.len()) {
        draw_mark(state.lesson.language.tr("more ▾"), last);
    }
}
