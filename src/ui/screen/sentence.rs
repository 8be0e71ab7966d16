//! Draws the sentence: the word of the cursor, and every word tinted by the attention that the cursor's row gives it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};
use unicode_width::UnicodeWidthStr;

use crate::{
    engine::site::Stream,
    text::Token,
    ui::{
        app::{AttendedRow, State},
        theme::Theme,
    },
};

/// Smallest weight that tints a word.
const LEAST_TINT: f32 = 0.02;

/// Draws the tokens of one stream in a line, scrolled so that the cursor's is in view.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    let Some(reading) = &state.passes.reading else { return };
    let trace = reading.trace(state.current().1.model);
    let word = state.word();
    // While a question is open, weights and later words might be its answer.
    let is_asked = state.guide.quiz.is_some();
    let attended = state.attended_row().filter(|_| !is_asked);
    let stream = match (&attended, &word) {
        (Some(row), _) => row.stream,
        (None, Some(word)) => word.stream,
        (None, None) => Stream::Source,
    };
    let all = trace.tokens(stream);
    let highlighted = word.as_ref().filter(|word| word.stream == stream).map(|word| word.index);
    let n_shown = match highlighted {
        Some(index) if is_asked && stream == Stream::Target => all.len().min(index + 1),
        _ => all.len(),
    };
    let mut spans = vec![Span::raw(" ")];
    // A word of the other stream stands before those that it looks at.
    if let Some(word) = word.filter(|word| word.stream != stream) {
        spans.push(Span::styled(word.text, cursor(state.theme)));
        spans.push(Span::styled(state.theme.glyph(" → ", " > "), state.theme.dim()));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let width = usize::from(area.width).saturating_sub(used + 1);
    let centre = highlighted.or_else(|| attended.as_ref().map(AttendedRow::heaviest)).unwrap_or(0);
    // Of a chat, what was typed stands out from the frame.
    let typed = reading.sentence.typed.as_ref().filter(|_| stream == Stream::Source);
    let style = |i: usize| {
        let base = match typed {
            _ if Some(i) == highlighted => cursor(state.theme),
            Some(typed) if typed.contains(&i) => Style::new(),
            _ => state.theme.dim(),
        };
        let weight = attended.as_ref().and_then(|row| row.weights.get(i).copied());
        weight.map_or(base, |weight| tinted(state.theme, base, weight))
    };
    spans.extend(window(state.theme, &all[..n_shown], centre, width, style));
    Line::from(spans).render(area, buf);
}

fn cursor(theme: Theme) -> Style {
    theme.accent().bold().underlined()
}

/// A word's style under a weight: its background in the colour of the weight, or bolder where there is no colour.
fn tinted(theme: Theme, base: Style, weight: f32) -> Style {
    if weight < LEAST_TINT {
        return base;
    }
    let underlined = base.add_modifier & Modifier::UNDERLINED;
    match theme.sequential(weight) {
        Some(colour) => theme.on(colour).add_modifier(underlined),
        None if weight >= 0.5 => Style::new().bold().reversed(),
        None => Style::new().bold().add_modifier(underlined),
    }
}

/// The tokens that fit around `centre`, with a sign on each side on which some are left out.
fn window(
    theme: Theme,
    tokens: &[Token],
    centre: usize,
    width: usize,
    style: impl Fn(usize) -> Style,
) -> Vec<Span<'static>> {
    let widths: Vec<usize> = tokens.iter().map(|token| token.text.width() + 1).collect();
    let (mut first, mut end) = (centre.min(tokens.len()), centre.min(tokens.len()));
    let sign = theme.glyph("…", "...");
    let signs = |first: usize, end: usize| {
        (sign.width() + 1) * (usize::from(first > 0) + usize::from(end < tokens.len()))
    };
    let fits = |first: usize, end: usize| {
        widths[first..end].iter().sum::<usize>() + signs(first, end) <= width + 1
    };
    // Grows to both sides in turn, then to the one that still has room.
    loop {
        let right = end < tokens.len() && fits(first, end + 1);
        end += usize::from(right);
        let left = first > 0 && fits(first - 1, end);
        first -= usize::from(left);
        if !left && !right {
            break;
        }
    }
    let dim = theme.dim();
    let mut spans = vec![];
    if first > 0 {
        spans.extend([Span::styled(sign, dim), Span::raw(" ")]);
    }
    for (i, token) in tokens.iter().enumerate().take(end).skip(first) {
        spans.extend([Span::styled(token.text.clone(), style(i)), Span::raw(" ")]);
    }
    if end < tokens.len() {
        spans.push(Span::styled(sign, dim));
    }
    spans
}
