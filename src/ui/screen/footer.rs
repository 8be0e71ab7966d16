//! The footer: the cell under the cursor, the timeline of all steps, and key hints or a message.

use std::borrow::Cow;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Clear, Paragraph, Widget, Wrap},
};
use unicode_width::UnicodeWidthStr;

use super::linked::{self, LinkedSpan};
use crate::{
    lesson::{Language, tr},
    text::cell_value,
    ui::{
        app::{Message, State},
        descriptions::BETWEEN_LABELS,
        keys::{Binding, KEYS, KeyHint},
        panes::{CursorCell, Pane},
        widgets::lines::fit,
    },
};

/// Draws the cell under the cursor: `encoder.0.self_attn.weights[2,7,1] = 0.2100   query "it" · key "animal"`.
pub fn cell(state: &State, panes: &[Box<dyn Pane + '_>], area: Rect, buf: &mut Buffer) {
    let cursor = (state.nav.selection.row, state.nav.selection.col);
    let Some(pane) = panes.get(state.nav.focus) else { return };
    let Some(cell) = pane.cursor_cell(cursor.0, cursor.1) else {
        let status = pane.status_line(cursor.0, cursor.1).unwrap_or_default();
        let status = fit(&format!(" {status}"), area.width.into());
        Line::styled(status, state.theme.accent()).render(area, buf);
        return;
    };
    let dim = state.theme.dim();
    let mut spans = vec![
        Span::styled(format!(" {}", cell.address), state.theme.accent()),
        Span::styled(" = ", dim),
        Span::styled(cell_value(cell.value), state.theme.strong()),
    ];
    if let Some(old_value) = value_before_change(state, &cell) {
        let change = tr!(
            state.lesson.language,
            "  was {was}, {change}",
            was = cell_value(old_value),
            change = with_sign(cell.value - old_value)
        );
        spans.push(Span::styled(change, state.theme.incorrect()));
    }
    spans.push(Span::raw("   "));
    let used: usize = spans.iter().map(Span::width).sum();
    let available_width = usize::from(area.width).saturating_sub(used + 1);
    spans.push(Span::styled(fitting_labels(&cell.labels, available_width), dim));
    Line::from(spans).render(area, buf);
}

/// The cell's value before the change; None if it is the same now.
fn value_before_change(state: &State, cell: &CursorCell) -> Option<f32> {
    let model = state.current().1.model_of(state.focused()?);
    state.passes.reading.as_ref()?.before(model, &cell.address)
}

/// As many of the last labels as fit, or the last one; the first ones (layer and head) are in the address too.
fn fitting_labels(labels: &[String], width: usize) -> String {
    let mut from_each = (0..labels.len()).map(|first| labels[first..].join(BETWEEN_LABELS));
    let fitting = from_each.find(|labels| labels.width() <= width);
    fitting.or_else(|| labels.last().cloned()).unwrap_or_default()
}

/// How close the timeline's signs are.
#[derive(Clone, Copy)]
struct Density {
    /// Columns around the number of a chapter.
    space: &'static str,
    /// Steps for which one sign stands, outside the current chapter.
    per_sign: usize,
}

/// From the roomiest to the closest: a sign a step, then fewer signs for the other chapters.
const DENSITIES: [Density; 6] = {
    const fn of(space: &'static str, per_sign: usize) -> Density {
        Density { space, per_sign }
    }
    [of(" ", 1), of(" ", 2), of(" ", 4), of(" ", 8), of(" ", 16), of("", usize::MAX)]
};

/// Draws the chapters, each with its steps: a dot for every step of the current one, and of the others a dot or, where
/// they do not fit, a sign for several steps.
pub fn timeline(state: &State, area: Rect, buf: &mut Buffer) {
    linked::drawn(fitting_dots(state, area.width)).render(area, buf);
}

/// The step whose sign is drawn at a position; a chapter's number represents its first step, and a sign for several
/// steps the first of them.
pub fn step_at(state: &State, area: Rect, position: Position) -> Option<usize> {
    linked::target_at(fitting_dots(state, area.width), area, position)
}

/// The pieces of the timeline, each with the step that it represents.
fn fitting_dots(state: &State, width: u16) -> Vec<LinkedSpan<usize>> {
    let fits = |dots: &Vec<LinkedSpan<usize>>| linked::width(dots) <= usize::from(width);
    let mut lines = DENSITIES.map(|density| dots(state, density)).into_iter();
    lines.by_ref().find(fits).unwrap_or_else(|| dots(state, DENSITIES[DENSITIES.len() - 1]))
}

fn dots(state: &State, Density { space, per_sign }: Density) -> Vec<LinkedSpan<usize>> {
    let (current_chapter, _) = state.current();
    let (dim, accent) = (state.theme.dim(), state.theme.accent());
    let mut dots = vec![LinkedSpan::plain(Span::raw(" "))];
    let mut first = 0;
    for (i, chapter) in state.lesson.chapters.iter().enumerate() {
        let steps: Vec<usize> = (first..first + chapter.steps.len()).collect();
        let is_current = i == current_chapter;
        let number = if is_current { accent.bold() } else { Style::new() };
        dots.push(LinkedSpan::new(Span::styled(i.to_string(), number), first));
        // Folded signs stand close to their number, so that each chapter is one group.
        let is_folded = !is_current && per_sign > 1;
        if !is_folded {
            dots.push(LinkedSpan::plain(Span::raw(space)));
        }
        if is_current || per_sign == 1 {
            let style = if is_current { accent } else { dim };
            dots.extend(steps.iter().map(|&step| LinkedSpan::new(dot(state, step, style), step)));
        } else {
            let few = steps.chunks(per_sign);
            dots.extend(few.map(|few| LinkedSpan::new(sign_for(state, few), few[0])));
        }
        dots.push(LinkedSpan::plain(Span::raw(" ")));
        first += steps.len();
    }
    dots
}

/// The sign for several steps: as many dots as there are steps, up to four; a star if one of them is bookmarked.
fn sign_for(state: &State, steps: &[usize]) -> Span<'static> {
    let theme = &state.theme;
    if steps.iter().any(|step| state.is_bookmarked(*step)) {
        return Span::styled(theme.glyph("★", "*"), theme.accent());
    }
    let (dots, ascii) = match steps.len() {
        0 | 1 => ("⠂", "."),
        2 => ("⠒", ":"),
        3 => ("⠖", ":"),
        4 => ("⠶", "#"),
        _ => ("⠿", "#"),
    };
    Span::styled(theme.glyph(dots, ascii), theme.dim())
}

fn dot(state: &State, step: usize, style: Style) -> Span<'static> {
    let theme = &state.theme;
    match (step == state.nav.step, state.is_bookmarked(step)) {
        (true, _) => Span::styled(theme.glyph("●", "O"), theme.accent().bold()),
        (false, true) => Span::styled(theme.glyph("★", "*"), theme.accent()),
        (false, false) => Span::styled(theme.glyph("·", "."), style),
    }
}

/// Draws the message if there is one, else as many key hints as fit.
pub fn hints(state: &State, area: Rect, buf: &mut Buffer) {
    let (accent, wrong) = (state.theme.accent(), state.theme.incorrect());
    let language = state.lesson.language;
    let (text, style) = match (&state.message, &state.passes.pending) {
        // The export prompt shows the message in full.
        (Some(message), _) if !state.is_exporting() => {
            (&*with_key_hint(message, language), if message.is_error { wrong } else { accent })
        }
        (_, None) if state.guide.is_playing() => return draw_playback(state, area, buf),
        (_, Some(_)) if state.passes.reading.is_some() => {
            (language.tr("reading the sentence …"), accent)
        }
        _ => return draw_key_hints(state, area, buf),
    };
    draw_message(text, style, area, buf);
}

/// A difference of cells' values, with its sign.
fn with_sign(difference: f32) -> String {
    let sign = if difference > 0.0 { "+" } else { "" };
    format!("{sign}{}", cell_value(difference))
}

fn with_key_hint(message: &Message, language: Language) -> Cow<'_, str> {
    let message_text = message.text.as_str();
    message.key_hint.map_or(Cow::Borrowed(message_text), |key_hint| {
        tr!(language, "{message}; {key_hint}", message = message_text, key_hint).into()
    })
}

/// Draws a message on the last line; a long one also covers up to two lines above.
fn draw_message(text: &str, style: Style, line: Rect, buf: &mut Buffer) {
    const MAX_LINES: u16 = 3;
    let inside = Rect { x: line.x + 1, width: line.width.saturating_sub(2), ..line };
    let message = Paragraph::new(text).style(style).wrap(Wrap { trim: true });
    let mut scratch = Buffer::empty(Rect { y: 0, height: MAX_LINES, ..inside });
    (&message).render(scratch.area, &mut scratch);
    let is_used =
        |y: &u16| scratch.area.columns().any(|column| scratch[(column.x, *y)].symbol() != " ");
    let extra_lines = (1..MAX_LINES).rev().find(is_used).unwrap_or(0).min(line.y);
    let extended = |area: Rect| Rect { y: line.y - extra_lines, height: extra_lines + 1, ..area };
    Clear.render(extended(line), buf);
    message.render(extended(inside), buf);
}

/// Draws the elapsed part of the step's time during automatic playback.
fn draw_playback(state: &State, area: Rect, buf: &mut Buffer) {
    const WIDTH: usize = 20;
    let Some((elapsed, remaining)) = state.progress() else { return };
    let (filled, dim) = ((elapsed * WIDTH as f32) as usize, state.theme.dim());
    let bar = |glyph: &str, n: usize| glyph.repeat(n);
    let line = vec![
        Span::styled(format!(" {} ", state.theme.glyph("▶", ">")), state.theme.accent()),
        Span::styled(bar(state.theme.glyph("━", "="), filled), state.theme.accent()),
        Span::styled(bar(state.theme.glyph("─", "-"), WIDTH - filled), dim),
        Span::raw(format!(" {:2} s", remaining.as_secs_f32().ceil())),
        Span::styled(
            tr!(
                state.lesson.language,
                "   pace {pace}   + - pace   a stops",
                pace = state.guide.pace()
            ),
            dim,
        ),
    ];
    Line::from(line).render(area, buf);
}

/// What keys do while a question is open, which takes most of them.
const KEYS_OF_QUESTIONS: [KeyHint; 4] = [
    KeyHint { keys: "↑ ↓", text: "choose" },
    KeyHint { keys: "Enter", text: "answer" },
    KeyHint { keys: "Esc", text: "skip" },
    KeyHint { keys: "← →", text: "step" },
];

fn draw_key_hints(state: &State, area: Rect, buf: &mut Buffer) {
    let hint = |KeyHint { keys, text }: KeyHint| {
        let what = state.lesson.language.tr(text);
        [Span::raw(format!(" {keys}")), Span::styled(format!(" {what} "), state.theme.dim())]
    };
    let width = |hint: &[Span]| hint.iter().map(Span::width).sum::<usize>();
    let panes = state.panes();
    let focused = panes.get(state.nav.focus).map(AsRef::as_ref);
    let is_of_use = |binding: &&Binding| {
        binding.commands.first().is_none_or(|first| state.offers(first.command, focused))
    };
    // The hints for help and quit are shown at every width.
    let (always_shown, mut optional): (Vec<_>, Vec<_>) = KEYS
        .iter()
        .filter(is_of_use)
        .filter_map(|binding| binding.hint)
        .partition(|hint| ["keys", "quit"].contains(&hint.text));
    if state.guide.quiz.is_some() {
        optional = KEYS_OF_QUESTIONS.to_vec();
    }
    let always_shown: Vec<Span> = always_shown.into_iter().flat_map(hint).collect();
    let mut available_width = usize::from(area.width).saturating_sub(width(&always_shown));
    let mut spans = vec![];
    for hint in optional.into_iter().map(hint) {
        let needed = width(&hint);
        if needed > available_width {
            break;
        }
        available_width -= needed;
        spans.extend(hint);
    }
    Line::from([spans, always_shown].concat()).render(area, buf);
}
