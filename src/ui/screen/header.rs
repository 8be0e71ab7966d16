//! The header: chapter and position, title and formula, the output of a changed pass, and the sentence.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};
use unicode_width::UnicodeWidthStr;

use crate::{
    engine::{
        change::Changes,
        math::in_common,
        site::{Axis, Stream},
    },
    lesson::{Language, tr},
    text::visible,
    ui::{
        app::{ProsePiece, ScreenLayout, State, Word},
        descriptions::{changes_in_short, changes_in_words},
        screen::{map, sentence},
        widgets::lines::{first_fitting, fit},
    },
};

/// Minimum width at which the chapter's title is shown beside the change of a pass.
const MIN_WIDTH_WITH_TITLE: u16 = 110;

pub fn draw(state: &State, plan: &ScreenLayout, buf: &mut Buffer) {
    draw_position(state, plan.header, buf);
    title(state, plan.title, buf);
    // While a question is open, the output might be its answer.
    if let Some(area) = plan.output.filter(|_| state.guide.quiz.is_none()) {
        output(state, area, buf);
    }
    map::draw(state, plan.map, buf);
    if let Some(area) = plan.sentence {
        sentence::draw(state, area, buf);
    }
}

/// Draws the program's name, the chapter, the changes of the pass and the position.
fn draw_position(state: &State, area: Rect, buf: &mut Buffer) {
    let (chapter, _) = state.current();
    let name = &state.lesson.chapters[chapter].title;
    let mut left = vec![
        Span::styled(" Lookback", state.theme.accent().bold()),
        Span::styled(format!("  {chapter}"), state.theme.dim()),
    ];
    let changes = change_words(state);
    if changes.is_none() || area.width >= MIN_WIDTH_WITH_TITLE {
        left.push(Span::styled(" · ", state.theme.dim()));
        left.push(Span::raw(name.clone()));
    }
    if let Some(changes) = changes {
        let used: usize = left.iter().map(Span::width).sum();
        let available_width = usize::from(area.width).saturating_sub(used + 14).max(16);
        let text = fit(&first_fitting(changes, available_width), available_width);
        left.extend([Span::raw("  "), Span::styled(text, state.theme.incorrect().reversed())]);
    }
    let left = Line::from(left);
    let available_width = usize::from(area.width).saturating_sub(left.width() + 3);
    let right = Line::styled(position_text(state, available_width), state.theme.dim());
    super::draw_left_and_right(left, right, area, buf);
}

/// What is said of a changed pass, or of the pass before the change, in full and in short; None if nothing is changed.
fn change_words(state: &State) -> Option<[String; 2]> {
    let language = state.lesson.language;
    if let Some(changed) = &state.passes.set_aside {
        let before = |changes| tr!(language, " before: {changes} ", changes);
        return Some(in_full_and_in_short(&changed.changes, language).map(before));
    }
    let reading = state.passes.reading.as_ref().filter(|reading| reading.plain.is_some())?;
    let is_shown = state.current().1.shows_change(reading);
    let changed = |changes| {
        if is_shown {
            tr!(language, " changed: {changes} ", changes)
        } else {
            tr!(language, " other models changed: {changes} ", changes)
        }
    };
    Some(in_full_and_in_short(&reading.changes, language).map(changed))
}

fn in_full_and_in_short(changes: &Changes, language: Language) -> [String; 2] {
    let texts = [changes_in_words(changes, language), changes_in_short(changes, language)];
    texts.map(|text| visible(&text))
}

const WRITES: &str = " writes: ";
const LIKELIEST: &str = " likeliest after each given word: ";
const WAS: &str = "  was: ";

/// Draws the output of the step's model, its new words highlighted, and its output before the change.
fn output(state: &State, area: Rect, buf: &mut Buffer) {
    let Some(reading) = &state.passes.reading else { return };
    let model = state.current().1.model;
    let Some(plain) = reading.plain_trace(model) else { return };
    let (new_trace, old_trace) = (reading.trace(model), plain);
    let (dim, language) = (state.theme.dim(), state.lesson.language);
    // A decoder that reads a given text writes nothing of its own.
    let is_given = reading.changes.target().is_some();
    let writes = language.tr(if is_given { LIKELIEST } else { WRITES });
    let was = language.tr(WAS);
    if new_trace.output_text == old_trace.output_text {
        let text = tr!(language, " writes the same: {text}", text = new_trace.output_text);
        Line::styled(fit(&text, area.width.into()), dim).render(area, buf);
        return;
    }
    let (new, old): (Vec<&str>, Vec<&str>) =
        (new_trace.output_text.split(' ').collect(), old_trace.output_text.split(' ').collect());
    let available_width = usize::from(area.width).saturating_sub(writes.width() + was.width());
    let (first, new_width) = split_width(&new, &old, available_width);
    let ellipsis = if first > 0 { "… " } else { "" };
    let mut spans = vec![Span::styled(writes, dim), Span::raw(ellipsis)];
    if new_trace.output_text.is_empty() {
        spans.push(Span::styled(language.tr("nothing ").to_owned(), state.theme.incorrect()));
    }
    let mut columns_left = new_width.saturating_sub(ellipsis.width());
    for (word, is_common) in new.iter().zip(in_common(&new, &old)).skip(first) {
        let style =
            if is_common { Style::new() } else { state.theme.incorrect().bold().underlined() };
        let word = fit(word, columns_left);
        columns_left = columns_left.saturating_sub(word.width() + 1);
        spans.extend([Span::styled(word, style), Span::raw(" ")]);
        if columns_left == 0 {
            break;
        }
    }
    let old_text = format!("{was}{ellipsis}{}", old.get(first..).unwrap_or_default().join(" "));
    let used: usize = spans.iter().map(Span::width).sum();
    let old_text = fit(&old_text, usize::from(area.width).saturating_sub(used));
    spans.push(Span::styled(old_text, dim));
    Line::from(spans).render(area, buf);
}

/// The first word shown of both outputs, and the columns for the new one. Outputs that do not fit begin one word
/// before their first difference and share the width.
fn split_width(new: &[&str], old: &[&str], available_width: usize) -> (usize, usize) {
    let width = |words: &[&str]| words.iter().map(|word| word.width() + 1).sum::<usize>();
    if width(new) + width(old) <= available_width {
        return (0, width(new));
    }
    let n_same = new.iter().zip(old).take_while(|(new, old)| new == old).count();
    let first = n_same.saturating_sub(1);
    let rest_width = |words: &[&str]| width(words.get(first..).unwrap_or_default()) + "… ".width();
    let max_width = available_width.saturating_sub(rest_width(old)).max(available_width / 2);
    (first, rest_width(new).min(max_width))
}

/// The position in its long form or, if that does not fit, in its short form without the last parts that do not fit:
/// `step 5 of 9 · 23/61 · layer 0 of 2 · head 2 of 4 · word 8 “it”`, `step 5/9 · layer 0 · head 2 · “it”`.
///
/// Layers, heads and words are counted from 0, as in addresses and weights.
fn position_text(state: &State, available_width: usize) -> String {
    let whole = position_parts(state, true).join(" · ");
    if whole.width() <= available_width {
        return whole;
    }
    let mut parts = position_parts(state, false);
    while parts.join(" · ").width() > available_width && parts.len() > 1 {
        parts.pop();
    }
    parts.join(" · ")
}

/// The parts of the position: step, layer, head, word; `with_totals` adds the number of each.
fn position_parts(state: &State, with_totals: bool) -> Vec<String> {
    let (chapter, _) = state.current();
    let step = state.nav.step - state.first_of(chapter).unwrap_or(0) + 1;
    let n_steps = state.lesson.chapters[chapter].steps.len();
    let language = state.lesson.language;
    let mut parts = vec![];
    if let Some((stop, n_stops)) = state.tour_position() {
        parts.push(tr!(language, "tour {stop}/{n_stops}", stop, n_stops));
    } else if with_totals {
        parts.push(tr!(language, "step {step} of {n_steps}", step, n_steps));
        parts.push(format!("{}/{}", state.nav.step + 1, state.n_steps()));
    } else {
        parts.push(tr!(language, "step {step}/{n_steps}", step, n_steps));
    }
    let place = |name: &str, i: usize, n: usize| {
        let name = language.tr(name);
        if with_totals {
            tr!(language, "{name} {i} of {n}", name, i, n)
        } else {
            format!("{name} {i}")
        }
    };
    if state.n_layers() > 0 {
        parts.push(place("layer", state.nav.selection.layer, state.n_all_layers()));
    }
    if let Some((axis, n)) = state.planes() {
        parts.push(place(plane_name(axis), state.nav.selection.head, n));
    }
    parts.extend(state.word().map(|word| {
        if with_totals {
            word_label(&word, language)
        } else {
            tr!(language, "“{word}”", word = word.text)
        }
    }));
    parts
}

fn plane_name(axis: Axis) -> &'static str {
    match axis {
        Axis::Head => "head",
        Axis::Query => "query",
        _ => "plane",
    }
}

fn word_label(word: &Word, language: Language) -> String {
    let kind = match word.stream {
        Stream::Source => "word",
        Stream::Target => "output",
    };
    let (name, i, word) = (language.tr(kind), word.index, &word.text);
    tr!(language, "{name} {i} “{word}”", name, i, word)
}

/// Draws the step's title on the left, its formula and source on the right.
fn title(state: &State, area: Rect, buf: &mut Buffer) {
    let (_, step) = state.current();
    let mark =
        if state.is_bookmarked(state.nav.step) { state.theme.glyph(" ★", " *") } else { "" };
    let left = Line::styled(format!(" {}{mark}", step.title), state.theme.accent().bold());
    let dim = state.theme.dim();
    let pieces = state.formula().into_iter();
    let to_span = |piece: ProsePiece| {
        let style = super::style(state, &piece);
        Span::styled(state.theme.formula(&piece.text), style)
    };
    let formula: Vec<Span> = pieces.map(to_span).collect();
    let source = Span::styled(format!("   {}", step.source), dim);
    let available_width = usize::from(area.width).saturating_sub(left.width() + 3);
    let width: usize = formula.iter().map(Span::width).sum();
    let right = if width + source.width() <= available_width {
        Line::from([formula, vec![source]].concat())
    } else if width <= available_width {
        Line::from(formula)
    } else {
        Line::from(fit(&state.theme.formula(&step.formula), available_width))
    };
    super::draw_left_and_right(left, right, area, buf);
}
