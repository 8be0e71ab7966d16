//! The cell under the cursor, the timeline of all steps, the keys or a message.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};
use unicode_width::UnicodeWidthStr;

use crate::{app::State, keys::KEYS, pane::Pane};

/// `encoder.0.self_attn.weights[2,7,1] = 0.2100   query "it" · key "animal"`.
pub fn cell(state: &State, panes: &[Box<dyn Pane + '_>], area: Rect, buf: &mut Buffer) {
    let at = (state.selection.row, state.selection.col);
    let Some(cell) = panes.get(state.focus).and_then(|pane| pane.pointed(at.0, at.1)) else {
        return;
    };
    let dim = state.theme.dim();
    let mut spans = vec![
        Span::styled(format!(" {}", cell.address), state.theme.accent()),
        Span::styled(" = ", dim),
        Span::styled(format!("{:.4}", cell.value), state.theme.strong()),
        Span::raw("   "),
    ];
    let used: usize = spans.iter().map(Span::width).sum();
    let room = usize::from(area.width).saturating_sub(used + 1);
    spans.push(Span::styled(shortened(&cell.labels, room), dim));
    Line::from(spans).render(area, buf);
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

/// A dot a step, chapter by chapter, as airy as the width allows.
pub fn timeline(state: &State, area: Rect, buf: &mut Buffer) {
    let lines = [Spacing::Airy, Spacing::Tight].map(|spacing| dots(state, spacing));
    let fitting = lines.into_iter().find(|line| line.width() <= area.width.into());
    fitting.unwrap_or_else(|| dots(state, Spacing::Short)).render(area, buf);
}

fn dots(state: &State, spacing: Spacing) -> Line<'static> {
    let (here, _) = state.current();
    let (dim, accent) = (state.theme.dim(), state.theme.accent());
    let space = if spacing == Spacing::Tight { "" } else { " " };
    let mut spans = vec![Span::raw(" ")];
    let mut step = 0;
    for (i, chapter) in state.lesson.chapters.iter().enumerate() {
        let style = if i == here { accent } else { dim };
        let number = if i == here { accent.bold() } else { Style::new() };
        spans.extend([Span::styled(i.to_string(), number), Span::raw(space)]);
        for _ in &chapter.steps {
            let dot = if step == state.step {
                Span::styled(state.theme.glyph("●", "O"), accent.bold())
            } else {
                Span::styled(state.theme.glyph("·", "."), style)
            };
            if spacing != Spacing::Short || i == here {
                spans.push(dot);
            }
            step += 1;
        }
        spans.push(Span::raw(space));
    }
    Line::from(spans)
}

/// The message if there is one, else the keys as far as they fit.
pub fn hints(state: &State, area: Rect, buf: &mut Buffer) {
    let (accent, wrong) = (state.theme.accent(), state.theme.wrong());
    let (text, style) = match (&state.message, &state.pending) {
        (Some(message), _) => {
            (message.text.as_str(), if message.is_error { wrong } else { accent })
        }
        (None, None) if state.guide.is_playing() => return playing(state, area, buf),
        (None, Some(_)) if state.reading.is_some() => ("reading the sentence …", accent),
        _ => return keys(state, area, buf),
    };
    Line::styled(format!(" {text}"), style).render(area, buf);
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
