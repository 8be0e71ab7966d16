//! The cell under the cursor, the timeline of all steps, the keys or a message.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{app::State, keys::KEYS, pane::Pane};

/// `encoder.0.self_attn.weights[2,7,1] = 0.2100   query "it" · key "animal"`.
pub fn cell(state: &State, panes: &[Box<dyn Pane + '_>], area: Rect, buf: &mut Buffer) {
    let at = (state.selection.row, state.selection.col);
    let Some(cell) = panes.get(state.focus).and_then(|pane| pane.pointed(at.0, at.1)) else {
        return;
    };
    let dim = state.theme.dim();
    let line = Line::from(vec![
        Span::styled(format!(" {}", cell.address), state.theme.accent()),
        Span::styled(" = ", dim),
        Span::styled(format!("{:.4}", cell.value), state.theme.strong()),
        Span::styled(format!("   {}", cell.labels), dim),
    ]);
    line.render(area, buf);
}

/// A dot a step, chapter by chapter; chapters that do not fit are numbers alone.
pub fn timeline(state: &State, area: Rect, buf: &mut Buffer) {
    let line = [true, false].map(|is_whole| dots(state, is_whole));
    let [whole, short] = line;
    let fits = whole.width() + 2 <= area.width.into();
    (if fits { whole } else { short }).render(area, buf);
}

fn dots(state: &State, is_whole: bool) -> Line<'static> {
    let (here, _) = state.current();
    let (dim, accent) = (state.theme.dim(), state.theme.accent());
    let mut spans = vec![Span::raw(" ")];
    let mut step = 0;
    for (i, chapter) in state.lesson.chapters.iter().enumerate() {
        let style = if i == here { accent } else { dim };
        let number = if i == here { style.bold() } else { style };
        spans.push(Span::styled(format!("{i} "), number));
        for _ in &chapter.steps {
            let dot = if step == state.step {
                Span::styled(state.theme.glyph("●", "O"), accent.bold())
            } else {
                Span::styled(state.theme.glyph("·", "."), style)
            };
            if is_whole || i == here {
                spans.push(dot);
            }
            step += 1;
        }
        spans.push(Span::raw(" "));
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
        (None, Some(_)) if state.reading.is_some() => ("reading the sentence …", accent),
        _ => return keys(state, area, buf),
    };
    Line::styled(format!(" {text}"), style).render(area, buf);
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
