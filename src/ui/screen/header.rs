//! Where one stands: chapter and place above, then title and formula, then the sentence.

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
        math::kept,
        site::{Axis, Stream},
    },
    text::{Token, visible},
    ui::{
        app::{Piece, ScreenLayout, State, Word},
        widgets::lines::fit,
    },
};

/// From this width on, a changed pass has room for the chapter's title too.
const ROOMY: u16 = 110;

pub fn draw(state: &State, plan: &ScreenLayout, buf: &mut Buffer) {
    place(state, plan.header, buf);
    title(state, plan.title, buf);
    // While a question waits, what was written may be its answer.
    if let Some(area) = plan.output.filter(|_| state.guide.quiz.is_none()) {
        output(state, area, buf);
    }
    if let Some(area) = plan.sentence {
        sentence(state, area, buf);
    }
}

fn place(state: &State, area: Rect, buf: &mut Buffer) {
    let (chapter, _) = state.current();
    let name = &state.lesson.chapters[chapter].title;
    let mut left = vec![
        Span::styled(" Lookback", state.theme.accent().bold()),
        Span::styled(format!("  {chapter}"), state.theme.dim()),
    ];
    let words = changes(state);
    if words.is_none() || area.width >= ROOMY {
        left.push(Span::styled(" · ", state.theme.dim()));
        left.push(Span::raw(name.clone()));
    }
    if let Some(words) = words {
        let used: usize = left.iter().map(Span::width).sum();
        let room = usize::from(area.width).saturating_sub(used + 14).max(16);
        let text = fit(&format!(" changed: {words} "), room);
        left.extend([Span::raw("  "), Span::styled(text, state.theme.wrong().reversed())]);
    }
    let left = Line::from(left);
    let room = usize::from(area.width).saturating_sub(left.width() + 3);
    let right = Line::styled(status(state, room), state.theme.dim());
    super::both(left, right, area, buf);
}

/// What is different in the pass that is shown.
fn changes(state: &State) -> Option<String> {
    let reading = state.passes.reading.as_ref()?;
    reading.plain.as_ref().map(|_| visible(&reading.changes.words()))
}

const WRITES: &str = " writes: ";
const WAS: &str = "  was: ";

/// What the step's model writes now, its new words lit, and what it wrote before.
fn output(state: &State, area: Rect, buf: &mut Buffer) {
    let Some(reading) = &state.passes.reading else { return };
    let model = state.current().1.model;
    let Some(plain) = reading.plain_trace(model) else { return };
    let (now, was) = (reading.trace(model), plain);
    let dim = state.theme.dim();
    if now.output_text == was.output_text {
        let text = format!(" writes the same: {}", now.output_text);
        Line::styled(fit(&text, area.width.into()), dim).render(area, buf);
        return;
    }
    let (new, old): (Vec<&str>, Vec<&str>) =
        (now.output_text.split(' ').collect(), was.output_text.split(' ').collect());
    let room = usize::from(area.width).saturating_sub(WRITES.width() + WAS.width());
    let (from, now_room) = shared_room(&new, &old, room);
    let before = if from > 0 { "… " } else { "" };
    let mut spans = vec![Span::styled(WRITES, dim), Span::raw(before)];
    if now.output_text.is_empty() {
        spans.push(Span::styled("nothing ", state.theme.wrong()));
    }
    let mut left = now_room.saturating_sub(before.width());
    for (word, is_kept) in new.iter().zip(kept(&new, &old)).skip(from) {
        let style = if is_kept { Style::new() } else { state.theme.wrong().bold().underlined() };
        let word = fit(word, left);
        left = left.saturating_sub(word.width() + 1);
        spans.extend([Span::styled(word, style), Span::raw(" ")]);
        if left == 0 {
            break;
        }
    }
    let was = format!("{WAS}{before}{}", old.get(from..).unwrap_or_default().join(" "));
    let used: usize = spans.iter().map(Span::width).sum();
    let was = fit(&was, usize::from(area.width).saturating_sub(used));
    spans.push(Span::styled(was, dim));
    Line::from(spans).render(area, buf);
}

/// From which word on both outputs are shown, and the columns of the first: where they do not fit as
/// they are, they begin at the word before the first that differs, and share the room.
fn shared_room(new: &[&str], old: &[&str], room: usize) -> (usize, usize) {
    let width = |words: &[&str]| words.iter().map(|word| word.width() + 1).sum::<usize>();
    if width(new) + width(old) <= room {
        return (0, width(new));
    }
    let same = new.iter().zip(old).take_while(|(new, old)| new == old).count();
    let from = same.saturating_sub(1);
    let rest = |words: &[&str]| width(words.get(from..).unwrap_or_default()) + "… ".width();
    let most = room.saturating_sub(rest(old)).max(room / 2);
    (from, rest(new).min(most))
}

/// `step 5 of 9 · 23/61 · layer 0 of 2 · head 2 of 4 · word 8 “it”`, or, where that does not fit,
/// `step 5/9 · layer 0 · head 2 · “it”`; what stands last is left out first.
///
/// Layers, heads and words are counted from 0, as in addresses and weights.
fn status(state: &State, room: usize) -> String {
    let whole = places(state, true).join(" · ");
    if whole.width() <= room {
        return whole;
    }
    let mut parts = places(state, false);
    while parts.join(" · ").width() > room && parts.len() > 1 {
        parts.pop();
    }
    parts.join(" · ")
}

/// Where one stands: step, layer, head, word; at length, of how many.
fn places(state: &State, at_length: bool) -> Vec<String> {
    let (chapter, _) = state.current();
    let step = state.nav.step - state.first_of(chapter).unwrap_or(0) + 1;
    let n_steps = state.lesson.chapters[chapter].steps.len();
    let mut parts = vec![];
    if let Some((stop, n_stops)) = state.tour_place() {
        parts.push(format!("tour {stop}/{n_stops}"));
    } else if at_length {
        parts.push(format!("step {step} of {n_steps}"));
        parts.push(format!("{}/{}", state.nav.step + 1, state.n_steps()));
    } else {
        parts.push(format!("step {step}/{n_steps}"));
    }
    let of = |n: usize| if at_length { format!(" of {n}") } else { String::new() };
    if state.n_layers() > 0 {
        parts.push(format!("layer {}{}", state.nav.selection.layer, of(state.n_layers())));
    }
    if let Some((axis, n)) = state.planes() {
        parts.push(format!("{} {}{}", plane_name(axis), state.nav.selection.head, of(n)));
    }
    parts.extend(
        state.word().map(|word| if at_length { called(&word) } else { format!("“{}”", word.text) }),
    );
    parts
}

fn plane_name(axis: Axis) -> &'static str {
    match axis {
        Axis::Head => "head",
        Axis::Query => "query",
        _ => "plane",
    }
}

fn called(word: &Word) -> String {
    let kind = match word.stream {
        Stream::Source => "word",
        Stream::Target => "output",
    };
    format!("{kind} {} “{}”", word.index, word.text)
}

fn title(state: &State, area: Rect, buf: &mut Buffer) {
    let (_, step) = state.current();
    let mark =
        if state.is_bookmarked(state.nav.step) { state.theme.glyph(" ★", " *") } else { "" };
    let left = Line::styled(format!(" {}{mark}", step.title), state.theme.accent().bold());
    let dim = state.theme.dim();
    let pieces = state.formula().into_iter();
    let spelled = |piece: Piece| {
        let style = super::style(state, &piece);
        Span::styled(state.theme.formula(&piece.text), style)
    };
    let formula: Vec<Span> = pieces.map(spelled).collect();
    let source = Span::styled(format!("   {}", step.source), dim);
    let room = usize::from(area.width).saturating_sub(left.width() + 3);
    let width: usize = formula.iter().map(Span::width).sum();
    let right = if width + source.width() <= room {
        Line::from([formula, vec![source]].concat())
    } else if width <= room {
        Line::from(formula)
    } else {
        Line::from(fit(&state.theme.formula(&step.formula), room))
    };
    super::both(left, right, area, buf);
}

/// The words as tokens, the one of the cursor's row lit. A long sentence scrolls.
fn sentence(state: &State, area: Rect, buf: &mut Buffer) {
    let Some(reading) = &state.passes.reading else { return };
    let word = state.word();
    let tokens: &[Token] = match &word {
        Some(Word { stream: Stream::Target, index, .. }) if state.guide.quiz.is_some() => {
            let target = &reading.trace(state.current().1.model).target;
            &target[..target.len().min(index + 1)]
        }
        Some(Word { stream: Stream::Target, .. }) => &reading.trace(state.current().1.model).target,
        _ => &reading.trace(state.current().1.model).source,
    };
    let lit = word.map(|word| word.index);
    let style = |i| {
        let lit_style = state.theme.accent().bold().underlined();
        if Some(i) == lit { lit_style } else { state.theme.dim() }
    };
    let spans: Vec<(String, Style)> =
        tokens.iter().enumerate().map(|(i, token)| (token.text.clone(), style(i))).collect();
    let end = lit.unwrap_or(0).min(spans.len());
    let before: usize = spans[..end].iter().map(|(text, _)| text.width() + 1).sum();
    let room = usize::from(area.width.saturating_sub(2));
    let total: usize = spans.iter().map(|(text, _)| text.width() + 1).sum();
    let mut skip = if total <= room { 0 } else { before.saturating_sub(room / 2) };
    let mut line = vec![Span::raw(" ")];
    for (text, style) in spans {
        let width = text.width() + 1;
        if skip > 0 {
            skip = skip.saturating_sub(width);
            continue;
        }
        line.push(Span::styled(text, style));
        line.push(Span::raw(" "));
    }
    Line::from(line).render(area, buf);
}
