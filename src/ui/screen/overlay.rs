//! Overlays: help, step search, bookmarks, palette, glossary, and the prompts for a sentence and an export.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Margin, Position, Rect, Size},
    style::Style,
    text::{Line, Span},
    widgets::{Block, BorderType, Clear, Paragraph, Widget, Wrap},
};
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use super::draw_left_and_right;
use crate::{
    lesson::tr,
    text::{MAX_TOKENS, visible},
    ui::{
        app::{FoundTerms, Prompt, State},
        keys::{Binding, Group, HELP_COLUMNS, HELP_FRAME, KEYS, palette},
        widgets::lines::{fit, put_on},
    },
};

/// Width of the key names in the help.
const KEY_COLUMN: usize = 16;

/// Width of the titles in a list of steps.
const TITLE_COLUMN: usize = 44;

/// A box of a size, centred in `area`.
fn centred_box(size: Size, area: Rect) -> Rect {
    let (width, height) = (size.width.min(area.width), size.height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

/// The inside of a box, without its border and one column of padding on each side.
fn inside(box_area: Rect) -> Rect {
    box_area.inner(Margin::new(2, 1))
}

/// Draws an empty titled box in the middle of the screen; returns its inside.
fn draw_window(state: &State, title: &str, size: Size, area: Rect, buf: &mut Buffer) -> Rect {
    draw_box(state, title, centred_box(size, area), buf)
}

/// Draws an empty titled box; returns its inside.
fn draw_box(state: &State, title: &str, box_area: Rect, buf: &mut Buffer) -> Rect {
    Clear.render(box_area, buf);
    clear_cut_wide_characters(box_area, buf);
    let style = state.theme.accent();
    let title = state.lesson.language.tr(title);
    let title = Span::styled(format!(" {title} "), style.bold());
    let block = Block::bordered().border_type(BorderType::Rounded).border_style(style).title(title);
    block.render(box_area, buf);
    inside(box_area)
}

/// Draws all key bindings in two columns, from row `first` on.
pub fn help(state: &State, first: usize, area: Rect, buf: &mut Buffer) {
    let columns = HELP_COLUMNS.map(|groups| help_lines(state, groups));
    let longest = columns.iter().map(Vec::len).max().unwrap_or(0);
    let height = longest.saturating_add(HELP_FRAME) as u16;
    let inside = draw_window(state, "Keys", Size::new(80, height), area, buf);
    let [body, foot] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(inside);
    let first = first.min(longest.saturating_sub(body.height.into()));
    let halves: [Rect; 2] =
        Layout::horizontal([Constraint::Length(38), Constraint::Fill(1)]).areas(body);
    for (lines, half) in columns.into_iter().zip(halves) {
        let lines = lines.into_iter().skip(first);
        lines.zip(half.rows()).for_each(|(line, row)| line.render(row, buf));
    }
    let n_below = longest.saturating_sub(first + usize::from(body.height));
    let language = state.lesson.language;
    let keys = language.tr(state.theme.glyph("↑ ↓ scroll", "j k scroll"));
    let leaves = language.tr("Esc leaves");
    let text = match (n_below, first) {
        (0, 0) => leaves.to_owned(),
        (0, _) => format!("{keys}   {leaves}"),
        (n, _) => {
            format!("{}   {keys}   {leaves}", tr!(language, "{n} more lines below", n))
        }
    };
    Line::styled(text, state.theme.dim()).render(foot, buf);
}

/// The lines of the help for groups of key bindings.
fn help_lines(state: &State, groups: &[Group]) -> Vec<Line<'static>> {
    let mut lines = vec![];
    for group in groups {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(state.lesson.language.tr(group.title()), state.theme.accent()));
        let bindings = KEYS.iter().filter(|binding| binding.group == *group);
        lines.extend(bindings.map(|binding| help_line(state, binding)));
    }
    lines
}

fn help_line(state: &State, binding: &Binding) -> Line<'static> {
    let pad = " ".repeat(KEY_COLUMN.saturating_sub(binding.shown.width()));
    Line::from(vec![
        Span::styled(binding.shown, state.theme.strong()),
        Span::raw(pad),
        Span::styled(state.lesson.language.tr(binding.help), state.theme.dim()),
    ])
}

fn list_size(area: Rect) -> Size {
    Size::new(72, (area.height / 2).max(14))
}

/// The areas of a list: input line, rows, line of help.
fn list_parts(inside: Rect) -> [Rect; 3] {
    let [line, _, list, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(inside);
    [line, list, foot]
}

/// Index of the first row drawn, so that the chosen row is in view.
fn first_row(chosen: usize, list: Rect) -> usize {
    (chosen + 1).saturating_sub(list.height.into())
}

/// The box of the palette: as high as its list of `n` commands, up to two thirds of the screen. Its input line stays
/// where it is while one types.
fn palette_box(n: usize, area: Rect) -> Rect {
    /// Lines of the border, the input line, the blank below it, and the keys.
    const OTHER_LINES: u16 = 5;
    let highest = Size::new(area.width.saturating_sub(4).min(100), (area.height * 2 / 3).max(16));
    let highest = centred_box(highest, area);
    let height = u16::try_from(n.max(1)).unwrap_or(u16::MAX).saturating_add(OTHER_LINES);
    Rect { height: height.min(highest.height), ..highest }
}

/// Index of the row at a position in a list of steps.
pub fn step_row_at(chosen: usize, area: Rect, position: Position) -> Option<usize> {
    row_at(centred_box(list_size(area), area), chosen, position)
}

/// Index of the row at a position in the palette with a list of `n` commands.
pub fn palette_row_at(n: usize, chosen: usize, area: Rect, position: Position) -> Option<usize> {
    row_at(palette_box(n, area), chosen, position)
}

fn row_at(box_area: Rect, chosen: usize, position: Position) -> Option<usize> {
    let [_, list, _] = list_parts(inside(box_area));
    list.contains(position).then(|| first_row(chosen, list) + usize::from(position.y - list.y))
}

/// Draws the query and the steps that match it.
pub fn find(state: &State, query: &Input, chosen: usize, area: Rect, buf: &mut Buffer) {
    let found = state.found(query.value());
    let inside = draw_window(state, "Find a step", list_size(area), area, buf);
    let [line, list, foot] = list_parts(inside);
    draw_input(state, "/", query, line, buf);
    draw_steps(state, &found, chosen, list, buf);
    let count = tr!(
        state.lesson.language,
        "{n} of {all} steps   ↑ ↓ choose   Enter goes   Esc leaves",
        n = found.len(),
        all = state.n_steps()
    );
    Line::styled(count, state.theme.dim()).render(foot, buf);
}

/// Draws the bookmarked steps.
pub fn bookmarks(state: &State, chosen: usize, area: Rect, buf: &mut Buffer) {
    let marked = state.bookmarked();
    let inside = draw_window(state, "Bookmarks", list_size(area), area, buf);
    let [line, list, foot] = list_parts(inside);
    let dim = state.theme.dim();
    let language = state.lesson.language;
    let text = language.tr("b in the walk adds or removes a bookmark");
    Line::styled(text, dim).render(line, buf);
    draw_steps(state, &marked, chosen, list, buf);
    let count = match marked.len() {
        1 => language.tr("1 bookmark   ↑ ↓ choose   Enter goes   Esc leaves").to_owned(),
        n => tr!(language, "{n} bookmarks   ↑ ↓ choose   Enter goes   Esc leaves", n),
    };
    Line::styled(count, dim).render(foot, buf);
}

/// Draws steps by index, one per row, the chosen one in view.
fn draw_steps(state: &State, listed: &[usize], chosen: usize, list: Rect, buf: &mut Buffer) {
    let all = state.lesson.steps();
    let rows = listed.iter().enumerate().skip(first_row(chosen, list));
    for ((i, &step), row) in rows.zip(list.rows()) {
        let (chapter, step) = all[step];
        let pad = " ".repeat(TITLE_COLUMN.saturating_sub(step.title.width()));
        let text = format!(" {chapter} · {}{pad}", step.title);
        let style = if i == chosen { state.theme.cursor() } else { state.theme.dim() };
        let title = Line::from(vec![
            Span::styled(text, if i == chosen { style } else { Style::new() }),
            Span::styled(format!(" {} ", step.id), style),
        ]);
        title.render(row, buf);
    }
}

/// Draws the commands that match the query.
pub fn palette(state: &State, query: &Input, chosen: usize, area: Rect, buf: &mut Buffer) {
    let found = palette::entries(state, query.value());
    let inside = draw_box(state, "Do", palette_box(found.len(), area), buf);
    let [line, list, foot] = list_parts(inside);
    draw_input(state, ":", query, line, buf);
    let first = first_row(chosen, list);
    for ((i, entry), row) in found.iter().enumerate().skip(first).zip(list.rows()) {
        let style = if i == chosen { state.theme.cursor() } else { Style::new() };
        let text = fit(&format!(" {} ", visible(&entry.text)), usize::from(row.width));
        let left = Line::styled(text, style);
        let detail_width = usize::from(row.width).saturating_sub(left.width() + 2);
        let detail = fit(&visible(&entry.detail), detail_width);
        draw_left_and_right(left, Line::styled(detail, state.theme.dim()), row, buf);
    }
    let language = state.lesson.language;
    let dim = state.theme.dim();
    if query.value().starts_with("words=") {
        let how =
            language.tr("Enter asks   Esc leaves   \"a,b\" is one word   place=3 after the words");
        return Line::styled(how, dim).render(foot, buf);
    }
    let n = found.len();
    let keys = tr!(language, "{n} found   Enter does it   ↑ ↓ choose   Esc leaves", n);
    let hints = ["   a what-if or an address can be typed", "   or type a what-if", ""]
        .map(|hint| language.tr(hint));
    let available_width = usize::from(foot.width).saturating_sub(keys.width());
    let hint = hints.into_iter().find(|hint| hint.width() <= available_width).unwrap_or_default();
    Line::styled(keys + hint, dim).render(foot, buf);
}

/// Draws the glossary terms, those of the step first, and the meaning of the chosen one.
pub fn glossary(state: &State, query: &Input, chosen: usize, area: Rect, buf: &mut Buffer) {
    let FoundTerms { terms: found, n_here } = state.terms(query.value());
    let height = (area.height * 2 / 3).max(20);
    let inside = draw_window(state, "What does this word mean?", Size::new(72, height), area, buf);
    let [line, _, list, _, meaning, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(4),
        Constraint::Length(1),
    ])
    .areas(inside);
    draw_input(state, "w ", query, line, buf);
    let first = (chosen + 1).saturating_sub(list.height.into());
    for ((i, &term), row) in found.iter().enumerate().skip(first).zip(list.rows()) {
        let mark = if i < n_here { state.theme.glyph("•", "*") } else { " " };
        let text = format!(" {mark} {} ", state.lesson.glossary[term].term);
        let plain = if i < n_here { Style::new() } else { state.theme.dim() };
        let style = if i == chosen { state.theme.cursor() } else { plain };
        Line::styled(text, style).render(row, buf);
    }
    if let Some(&term) = found.get(chosen) {
        let text = Paragraph::new(state.lesson.glossary[term].text.as_str());
        text.wrap(Wrap { trim: true }).render(meaning, buf);
    }
    let dot = state.theme.glyph("•", "*");
    let help = tr!(
        state.lesson.language,
        "{dot} in this step   ↑ ↓ choose   Enter shows the step   Esc leaves",
        dot
    );
    Line::styled(help, state.theme.dim()).render(foot, buf);
}

/// Draws the prompt for a new sentence.
pub fn edit(state: &State, sentence: &Input, area: Rect, buf: &mut Buffer) {
    let width = (area.width - 4).min(110);
    let inside = draw_window(state, "Your sentence", Size::new(width, 6), area, buf);
    let [line, tokens, shows, foot] = Layout::vertical([Constraint::Length(1); 4]).areas(inside);
    draw_input(state, "", sentence, line, buf);
    draw_tokens(state, sentence.value(), tokens, buf);
    let on_shelf = state.lesson.shelf.iter().find(|known| known.text == sentence.value());
    if let Some(known) = on_shelf {
        Line::styled(known.shows.as_str(), state.theme.accent()).render(shows, buf);
    }
    let limit = state.passes.reading.as_ref().map_or(MAX_TOKENS, |reading| reading.token_limit());
    let language = state.lesson.language;
    let shelf =
        if state.lesson.shelf.is_empty() { "" } else { language.tr("   ↑ ↓ sentences to try") };
    let keys = language.tr("Enter reads it   Esc leaves it");
    let help = format!("{keys}{shelf}   {}", tr!(language, "up to {limit} tokens", limit));
    Line::styled(help, state.theme.dim()).render(foot, buf);
}

/// Draws a text in tokens, as it is typed: known words, words in parts, and words never seen in training, which are
/// counted at the end.
fn draw_tokens(state: &State, text: &str, line: Rect, buf: &mut Buffer) {
    let Some(reading) = &state.passes.reading else { return };
    let (theme, language) = (&state.theme, state.lesson.language);
    let sentence = match reading.tokenized(text) {
        Ok(sentence) => sentence,
        Err(_) if text.trim().is_empty() => return,
        Err(error) => {
            put_on(buf, line, &[(&visible(&language.refusal(&error)), theme.incorrect())]);
            return;
        }
    };
    let n_unknown = sentence.unknown_words().len();
    let n = sentence.tokens.len();
    let count = tr!(language, "{n} tokens", n);
    let unseen = match n_unknown {
        0 => String::new(),
        1 => format!("   {}", language.tr("1 word never seen")),
        n => format!("   {}", tr!(language, "{n} words never seen", n)),
    };
    let counts = [Span::styled(count, theme.dim()), Span::styled(unseen, theme.incorrect())];
    let counts = Line::from_iter(counts).right_aligned();
    let width = line.width.saturating_sub(counts.width() as u16 + 2);
    let style = |i: usize| {
        if sentence.unknown.iter().any(|unknown| unknown.tokens.contains(&i)) {
            theme.incorrect()
        } else if sentence.word_at(i).len() > 1 {
            theme.accent()
        } else {
            theme.dim()
        }
    };
    let spans = sentence
        .tokens
        .iter()
        .enumerate()
        .flat_map(|(i, token)| [Span::styled(token.text.as_str(), style(i)), Span::raw(" ")]);
    let spans: Vec<Span> = spans.collect();
    // What is typed last stays in view.
    let total: usize = spans.iter().map(Span::width).sum();
    let (mut skipped, sign) = (0, theme.glyph("… ", "... "));
    let first = spans.iter().position(|span| {
        let fits = total - skipped <= usize::from(width).saturating_sub(sign.width());
        skipped += span.width();
        fits
    });
    let is_cut = total > usize::from(width);
    let first = if is_cut { first.unwrap_or(spans.len()) } else { 0 };
    let lead = is_cut.then(|| Span::styled(sign, theme.dim()));
    let shown = lead.into_iter().chain(spans.into_iter().skip(first)).collect::<Line>();
    shown.render(Rect { width, ..line }, buf);
    counts.render(line, buf);
}

/// Draws the export prompt: path, message in full, folder and file extensions.
pub fn export(state: &State, prompt: &Prompt, area: Rect, buf: &mut Buffer) {
    let width = (area.width - 4).min(110);
    let inside = draw_window(state, "Export this frame", Size::new(width, 8), area, buf);
    let [line, message_area, folder, endings_area, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(inside);
    draw_input(state, state.lesson.language.tr("to: "), &prompt.path, line, buf);
    if let Some(message) = &state.message {
        let style = if message.is_error { state.theme.incorrect() } else { state.theme.accent() };
        let text = Paragraph::new(message.text.as_str()).style(style);
        text.wrap(Wrap { trim: true }).render(message_area, buf);
    }
    let dim = state.theme.dim();
    let language = state.lesson.language;
    let folder_name = visible(&state.exports.folder(prompt.path.value()));
    let into = tr!(language, "in {folder}", folder = folder_name);
    Line::styled(fit(&into, folder.width.into()), dim).render(folder, buf);
    Line::from(extension_spans(state, prompt.path.value())).render(endings_area, buf);
    let keys = language.tr("Enter writes it   Tab next format   Esc leaves");
    Line::styled(keys, dim).render(foot, buf);
}

/// All file extensions, that of the path highlighted.
fn extension_spans(state: &State, path: &str) -> Vec<Span<'static>> {
    let chosen = state.exports.extension_of(path);
    let mut spans =
        vec![Span::styled(state.lesson.language.tr("as").to_owned(), state.theme.dim())];
    for extension in state.exports.extensions() {
        let is_chosen = chosen == Some(extension);
        spans.push(Span::raw(" "));
        let style = if is_chosen { state.theme.strong() } else { state.theme.dim() };
        spans.push(Span::styled(format!(".{extension}"), style));
    }
    spans
}

/// Draws an input line, scrolled so that its cursor is in view; control characters are made visible.
fn draw_input(state: &State, prompt: &'static str, input: &Input, area: Rect, buf: &mut Buffer) {
    let shown: Vec<String> = input.value().chars().map(|c| visible(&c.to_string())).collect();
    let cursor = input.cursor();
    let width = |parts: &[String]| parts.iter().map(|part| part.width()).sum::<usize>();
    let prompt = Span::styled(prompt, state.theme.accent());
    let available_width = usize::from(area.width).saturating_sub(prompt.width() + 2);
    let mut first = 0;
    let mut width_before = width(&shown[..cursor]);
    while width_before > available_width {
        width_before -= shown[first].width();
        first += 1;
    }
    let under_cursor = shown.get(cursor).map_or(" ", String::as_str).to_owned();
    let after = shown.get(cursor + 1..).unwrap_or_default().concat();
    let line = vec![
        prompt,
        Span::raw(shown[first..cursor].concat()),
        Span::styled(under_cursor, state.theme.cursor()),
        Span::raw(after),
    ];
    Line::from(line).render(area, buf);
}

/// Blanks wide characters whose right half the box covers: they would hide its border.
fn clear_cut_wide_characters(box_area: Rect, buf: &mut Buffer) {
    let Some(x) = box_area.x.checked_sub(1) else { return };
    for y in box_area.top()..box_area.bottom() {
        if let Some(cell) = buf.cell_mut((x, y)).filter(|cell| cell.symbol().width() > 1) {
            cell.set_symbol(" ");
        }
    }
}
