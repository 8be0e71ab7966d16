//! What lies over the walk: the keys, the search for a step, the line being typed.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Block, BorderType, Clear, Paragraph, Widget, Wrap},
};
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use crate::{
    app::State,
    keys::{Binding, Group, KEYS},
    text::{MAX_TOKENS, visible},
};

/// Columns of the key names in the help.
const KEY_COLUMN: usize = 16;

/// An empty box in the middle of the screen; gives its inside.
fn window(state: &State, title: &str, size: (u16, u16), area: Rect, buf: &mut Buffer) -> Rect {
    let (width, height) = (size.0.min(area.width), size.1.min(area.height));
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    Clear.render(place, buf);
    let style = state.theme.accent();
    let title = Span::styled(format!(" {title} "), style.bold());
    let block = Block::bordered().border_type(BorderType::Rounded).border_style(style).title(title);
    let inside = block.inner(place);
    block.render(place, buf);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

/// Every key, in two columns.
pub fn help(state: &State, area: Rect, buf: &mut Buffer) {
    let middle = Group::ALL.len().div_ceil(2);
    let columns = [&Group::ALL[..middle], &Group::ALL[middle..]].map(|groups| rows(state, groups));
    let height = columns.iter().map(Vec::len).max().unwrap_or(0) as u16;
    let inside = window(state, "Keys", (80, height + 2), area, buf);
    let halves: [Rect; 2] =
        Layout::horizontal([Constraint::Length(37), Constraint::Fill(1)]).areas(inside);
    for (lines, half) in columns.into_iter().zip(halves) {
        lines.into_iter().zip(half.rows()).for_each(|(line, row)| line.render(row, buf));
    }
}

fn rows(state: &State, groups: &[Group]) -> Vec<Line<'static>> {
    let mut lines = vec![];
    for group in groups {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(group.title(), state.theme.accent()));
        let bindings = KEYS.iter().filter(|binding| binding.group == *group);
        lines.extend(bindings.map(|binding| row(state, binding)));
    }
    lines
}

fn row(state: &State, binding: &Binding) -> Line<'static> {
    let pad = " ".repeat(KEY_COLUMN.saturating_sub(binding.shown.width()));
    Line::from(vec![
        Span::styled(binding.shown, state.theme.strong()),
        Span::raw(pad),
        Span::styled(binding.help, state.theme.dim()),
    ])
}

/// The query and the steps that answer to it.
pub fn find(state: &State, query: &Input, chosen: usize, area: Rect, buf: &mut Buffer) {
    let found = state.found(query.value());
    let height = (area.height / 2).max(14);
    let inside = window(state, "Find a step", (72, height), area, buf);
    let [line, _, list, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(inside);
    typed(state, "/", query, line, buf);
    let visible_rows = usize::from(list.height);
    let first = (chosen + 1).saturating_sub(visible_rows);
    let steps = state.lesson.steps();
    for ((i, &step), row) in found.iter().enumerate().skip(first).zip(list.rows()) {
        let (chapter, step) = steps[step];
        let text = format!(" {chapter} · {:<44}", step.title);
        let style = if i == chosen { state.theme.cursor() } else { state.theme.dim() };
        let title = Line::from(vec![
            Span::styled(text, if i == chosen { style } else { Style::new() }),
            Span::styled(format!(" {} ", step.id), style),
        ]);
        title.render(row, buf);
    }
    let count =
        format!("{} of {} steps   ↑ ↓ choose   Enter goes   Esc leaves", found.len(), steps.len());
    Line::styled(count, state.theme.dim()).render(foot, buf);
}

/// The words of the field, those of the step first, and what the chosen one means.
pub fn glossary(state: &State, query: &Input, chosen: usize, area: Rect, buf: &mut Buffer) {
    let (found, n_here) = state.terms(query.value());
    let height = (area.height * 2 / 3).max(20);
    let inside = window(state, "What does this word mean?", (72, height), area, buf);
    let [line, _, list, _, meaning, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(4),
        Constraint::Length(1),
    ])
    .areas(inside);
    typed(state, "w ", query, line, buf);
    let first = (chosen + 1).saturating_sub(list.height.into());
    for ((i, &term), row) in found.iter().enumerate().skip(first).zip(list.rows()) {
        let here = if i < n_here { state.theme.glyph("•", "*") } else { " " };
        let text = format!(" {here} {} ", state.lesson.glossary[term].term);
        let plain = if i < n_here { Style::new() } else { state.theme.dim() };
        let style = if i == chosen { state.theme.cursor() } else { plain };
        Line::styled(text, style).render(row, buf);
    }
    if let Some(&term) = found.get(chosen) {
        let text = Paragraph::new(state.lesson.glossary[term].text.as_str());
        text.wrap(Wrap { trim: true }).render(meaning, buf);
    }
    let dot = state.theme.glyph("•", "*");
    let help = format!("{dot} in this step   ↑ ↓ choose   Enter shows the step   Esc leaves");
    Line::styled(help, state.theme.dim()).render(foot, buf);
}

/// The sentence being typed.
pub fn edit(state: &State, sentence: &Input, area: Rect, buf: &mut Buffer) {
    let width = (area.width - 4).min(110);
    let inside = window(state, "Your sentence", (width, 5), area, buf);
    let [line, _, foot] = Layout::vertical([Constraint::Length(1); 3]).areas(inside);
    typed(state, "", sentence, line, buf);
    let help = format!("Enter reads it   Esc leaves it   up to {MAX_TOKENS} tokens");
    Line::styled(help, state.theme.dim()).render(foot, buf);
}

/// A line with its cursor, scrolled so that the cursor is in view. Controls are shown, never sent.
fn typed(state: &State, prompt: &'static str, input: &Input, area: Rect, buf: &mut Buffer) {
    let shown: Vec<String> = input.value().chars().map(|c| visible(&c.to_string())).collect();
    let at = input.cursor();
    let width = |parts: &[String]| parts.iter().map(|part| part.width()).sum::<usize>();
    let prompt = Span::styled(prompt, state.theme.accent());
    let room = usize::from(area.width).saturating_sub(prompt.width() + 2);
    let mut first = 0;
    let mut before = width(&shown[..at]);
    while before > room {
        before -= shown[first].width();
        first += 1;
    }
    let under = shown.get(at).map_or(" ", String::as_str).to_owned();
    let after = shown.get(at + 1..).unwrap_or_default().concat();
    let line = vec![
        prompt,
        Span::raw(shown[first..at].concat()),
        Span::styled(under, state.theme.cursor()),
        Span::raw(after),
    ];
    Line::from(line).render(area, buf);
}
