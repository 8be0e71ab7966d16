//! The cell under the cursor, the timeline of all steps, the keys or a message.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Clear, Paragraph, Widget, Wrap},
};
use unicode_width::UnicodeWidthStr;

use crate::ui::{
    app::State,
    keys::KEYS,
    panes::{CursorCell, Pane},
};

/// `encoder.0.self_attn.weights[2,7,1] = 0.2100   query "it" · key "animal"`.
pub fn cell(state: &State, panes: &[Box<dyn Pane + '_>], area: Rect, buf: &mut Buffer) {
    let at = (state.nav.selection.row, state.nav.selection.col);
    let Some(pane) = panes.get(state.nav.focus) else { return };
    let Some(cell) = pane.cursor_cell(at.0, at.1) else {
        let status = pane.status_line(at.0, at.1).unwrap_or_default();
        Line::styled(format!(" {status}"), state.theme.accent()).render(area, buf);
        return;
    };
    let dim = state.theme.dim();
    let mut spans = vec![
        Span::styled(format!(" {}", cell.address), state.theme.accent()),
        Span::styled(" = ", dim),
        Span::styled(format!("{:.4}", cell.value), state.theme.strong()),
    ];
    if let Some(was) = before(state, &cell) {
        let change = format!("  was {was:.4}, {:+.4}", cell.value - was);
        spans.push(Span::styled(change, state.theme.wrong()));
    }
    spans.push(Span::raw("   "));
    let used: usize = spans.iter().map(Span::width).sum();
    let room = usize::from(area.width).saturating_sub(used + 1);
    spans.push(Span::styled(shortened(&cell.labels, room), dim));
    Line::from(spans).render(area, buf);
}

/// What the number was before the change, if it is another one now.
fn before(state: &State, cell: &CursorCell) -> Option<f32> {
    let model = state.current().1.model_of(state.focused()?);
    state.passes.reading.as_ref()?.before(model, &cell.address)
}

/// Labels from the first one on that lets the rest fit: the head and the layer stand in the address too.
fn shortened(labels: &str, room: usize) -> &str {
    const BETWEEN: &str = " · ";
    let later = labels.match_indices(BETWEEN).map(|(i, between)| &labels[i + between.len()..]);
    let last = labels.rsplit(BETWEEN).next().unwrap_or(labels);
    std::iter::once(labels).chain(later).find(|rest| rest.width() <= room).unwrap_or(last)
}

/// How closely the timeline is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spacing {
    Airy,
    Tight,
    /// Only this chapter has dots.
    Short,
}

/// A piece of the timeline, and the step that it stands for.
type Dot = (Span<'static>, Option<usize>);

/// A dot a step, chapter by chapter, as airy as the width allows.
pub fn timeline(state: &State, area: Rect, buf: &mut Buffer) {
    let dots = fitting(state, area.width);
    dots.into_iter().map(|(span, _)| span).collect::<Line>().render(area, buf);
}

/// The step whose dot is drawn there; a chapter's number stands for its first.
pub fn step_at(state: &State, area: Rect, at: Position) -> Option<usize> {
    let column = usize::from(at.x.checked_sub(area.x).filter(|_| area.contains(at))?);
    let mut end = 0;
    let mut dots = fitting(state, area.width).into_iter();
    let (_, step) = dots.find(|(span, _)| {
        end += span.width();
        column < end
    })?;
    step
}

fn fitting(state: &State, width: u16) -> Vec<Dot> {
    let fits = |dots: &Vec<Dot>| {
        dots.iter().map(|(span, _)| span.width()).sum::<usize>() <= usize::from(width)
    };
    let lines = [Spacing::Airy, Spacing::Tight].map(|spacing| dots(state, spacing));
    lines.into_iter().find(fits).unwrap_or_else(|| dots(state, Spacing::Short))
}

fn dots(state: &State, spacing: Spacing) -> Vec<Dot> {
    let (here, _) = state.current();
    let (dim, accent) = (state.theme.dim(), state.theme.accent());
    let space = if spacing == Spacing::Tight { "" } else { " " };
    let mut dots = vec![(Span::raw(" "), None)];
    let mut step = 0;
    for (i, chapter) in state.lesson.chapters.iter().enumerate() {
        let style = if i == here { accent } else { dim };
        let number = if i == here { accent.bold() } else { Style::new() };
        dots.push((Span::styled(i.to_string(), number), Some(step)));
        dots.push((Span::raw(space), None));
        for _ in &chapter.steps {
            if spacing != Spacing::Short || i == here {
                dots.push((dot(state, step, style), Some(step)));
            }
            step += 1;
        }
        dots.push((Span::raw(space), None));
    }
    dots
}

fn dot(state: &State, step: usize, style: Style) -> Span<'static> {
    let theme = &state.theme;
    match (step == state.nav.step, state.is_bookmarked(step)) {
        (true, _) => Span::styled(theme.glyph("●", "O"), theme.accent().bold()),
        (false, true) => Span::styled(theme.glyph("★", "*"), theme.accent()),
        (false, false) => Span::styled(theme.glyph("·", "."), style),
    }
}

/// The message if there is one, else the keys as far as they fit.
pub fn hints(state: &State, area: Rect, buf: &mut Buffer) {
    let (accent, wrong) = (state.theme.accent(), state.theme.wrong());
    let (text, style) = match (&state.message, &state.passes.pending) {
        // The prompt says it in full.
        (Some(message), _) if !state.is_exporting() => {
            (message.text.as_str(), if message.is_error { wrong } else { accent })
        }
        (_, None) if state.guide.is_playing() => return playing(state, area, buf),
        (_, Some(_)) if state.passes.reading.is_some() => ("reading the sentence …", accent),
        _ => return keys(state, area, buf),
    };
    said(text, style, area, buf);
}

/// A message on the last line; a long one takes lines above it for as long as it stands.
fn said(text: &str, style: Style, line: Rect, buf: &mut Buffer) {
    const MOST: u16 = 3;
    let inside = Rect { x: line.x + 1, width: line.width.saturating_sub(2), ..line };
    let message = Paragraph::new(text).style(style).wrap(Wrap { trim: true });
    let mut tried = Buffer::empty(Rect { y: 0, height: MOST, ..inside });
    (&message).render(tried.area, &mut tried);
    let is_used =
        |y: &u16| tried.area.columns().any(|column| tried[(column.x, *y)].symbol() != " ");
    let above = (1..MOST).rev().find(is_used).unwrap_or(0).min(line.y);
    let above_too = |area: Rect| Rect { y: line.y - above, height: above + 1, ..area };
    Clear.render(above_too(line), buf);
    message.render(above_too(inside), buf);
}

/// How much of the step's time is over, while pages turn by themselves.
fn playing(state: &State, area: Rect, buf: &mut Buffer) {
    const WIDTH: usize = 20;
    let Some((over, left)) = state.progress() else { return };
    let (done, dim) = ((over * WIDTH as f32) as usize, state.theme.dim());
    let bar = |glyph: &str, n: usize| glyph.repeat(n);
    let line = vec![
        Span::styled(format!(" {} ", state.theme.glyph("▶", ">")), state.theme.accent()),
        Span::styled(bar(state.theme.glyph("━", "="), done), state.theme.accent()),
        Span::styled(bar(state.theme.glyph("─", "-"), WIDTH - done), dim),
        Span::raw(format!(" {:2} s", left.as_secs_f32().ceil())),
        Span::styled(format!("   pace {}   + - pace   a stops", state.guide.pace()), dim),
    ];
    Line::from(line).render(area, buf);
}

fn keys(state: &State, area: Rect, buf: &mut Buffer) {
    let hint = |(key, what): (&str, &str)| {
        [Span::raw(format!(" {key}")), Span::styled(format!(" {what} "), state.theme.dim())]
    };
    let width = |hint: &[Span]| hint.iter().map(Span::width).sum::<usize>();
    // How to get help and how to leave are in view at every width.
    let (last, first): (Vec<_>, Vec<_>) = KEYS
        .iter()
        .filter_map(|binding| binding.hint)
        .partition(|(_, what)| ["keys", "quit"].contains(what));
    let last: Vec<Span> = last.into_iter().flat_map(hint).collect();
    let mut room = usize::from(area.width).saturating_sub(width(&last));
    let mut spans = vec![];
    for hint in first.into_iter().map(hint) {
        let needed = width(&hint);
        if needed > room {
            break;
        }
        room -= needed;
        spans.extend(hint);
    }
    Line::from([spans, last].concat()).render(area, buf);
}
