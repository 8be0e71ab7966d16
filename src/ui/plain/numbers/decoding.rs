//! The panes of the decoder's choices in words: candidates, cache, beams, forcing, lens, writing on.

use super::percent;
use crate::{
    analysis::{
        measure::{
            cache::Sizes,
            choice::{choice, taken},
            continuation::Continuation,
        },
        reading::Reading,
    },
    engine::math::sampling::Cut,
    lesson::PaneKind,
    model::Name,
    text::Token,
};

/// How many of the likeliest are told.
const MOST: usize = 6;

/// The lines of a pane of these kinds; None for the others.
pub(super) fn of(
    kind: PaneKind,
    reading: &Reading,
    model: Name,
    row: usize,
) -> Option<Vec<String>> {
    Some(match kind {
        PaneKind::Candidates => candidates(reading, model, row),
        PaneKind::Cache => cache(reading, model, row),
        PaneKind::Beams => beams(reading, model),
        PaneKind::Forcing => forcing(reading, model),
        PaneKind::Lens => guesses(reading, model, row),
        PaneKind::Continuations => continuations(reading, row),
        _ => return None,
    })
}

/// What stands above the lines.
pub(super) fn heading(kind: PaneKind, model: Name) -> Option<String> {
    let says = match kind {
        PaneKind::Candidates => "The choice of the next token",
        PaneKind::Cache => "The cache of keys and values",
        PaneKind::Beams => "Beam search",
        PaneKind::Forcing => "Given the right words, and on its own",
        PaneKind::Lens => "What it would say after each layer",
        PaneKind::Continuations => "How it writes on",
        _ => return None,
    };
    Some(format!("{says} ({})", model.title()))
}

fn candidates(reading: &Reading, model: Name, row: usize) -> Vec<String> {
    let trace = reading.trace(model);
    let Some(choice) = choice(trace, reading.changes.choosing(), row) else { return vec![] };
    let taken = taken(trace, &choice, row);
    let line = |i: usize| {
        let c = &choice.candidates[i];
        let what = match (i == taken, c.cut) {
            (true, _) => ", taken",
            (false, Some(Cut::TopK)) => ", cut by top-k",
            (false, Some(Cut::TopP)) => ", cut by top-p",
            (false, None) => "",
        };
        let (word, p) = (trace.word(c.token as u32), percent(c.probability));
        format!("\"{word}\": logit {:.2}, {p}{what}", c.logit)
    };
    let n = choice.candidates.len().min(MOST);
    let shown = (0..n).chain((taken >= n).then_some(taken));
    let draw = choice.draw.map(|draw| format!("the number drawn is {draw:.3}"));
    shown.map(line).chain(draw).collect()
}

fn cache(reading: &Reading, model: Name, row: usize) -> Vec<String> {
    let trace = reading.trace(model);
    let Some(sizes) = Sizes::of(trace) else { return vec![] };
    let n = trace.value("logits").map_or(0, |logits| logits.shape().rows);
    let row = row.min(n.saturating_sub(1));
    let (step, whole) = (sizes.step(row), sizes.whole(n));
    vec![
        format!("{row} columns reused, 1 new, in each of {} layers", sizes.n_layers),
        format!("numbers held: {}, and {} of cross-attention", step.held, step.held_cross),
        format!("multiplications, this step: {} with it, {} without", step.with, step.without),
        format!("multiplications, all {n} steps: {} with it, {} without", whole.0, whole.1),
    ]
}

fn beams(reading: &Reading, model: Name) -> Vec<String> {
    let trace = reading.trace(model);
    let Some(beams) = &trace.beams else {
        return vec!["no beam in this pass; --what-if beam=4 switches it on".into()];
    };
    let line = |at: (usize, usize)| {
        let words: Vec<String> = beams.tokens(at).into_iter().map(|t| trace.word(t)).collect();
        let log_p = beams.steps[at.0][at.1].log_p;
        format!("score {:.3}, log p {log_p:.3}: {}", beams.score(at), words.join(" "))
    };
    beams.finished().into_iter().map(line).collect()
}

fn forcing(reading: &Reading, model: Name) -> Vec<String> {
    let Some(forcing) = reading.measures().forcing.get(&model) else { return vec![] };
    let line = |place: &crate::analysis::measure::forcing::Place| {
        let free = place.free.as_ref().map_or("nothing", |token| &token.text);
        format!(
            "given \"{}\": says \"{}\", {} for \"{}\"; on its own \"{free}\"",
            place.given.text,
            place.forced.text,
            percent(place.probability),
            place.right.text
        )
    };
    let (forced, free) = (forcing.n_forced_right(), forcing.n_free_right());
    let sum =
        format!("right: {forced} when forced, {free} on its own, of {}", forcing.places.len());
    forcing.places.iter().map(line).chain([sum]).collect()
}

fn guesses(reading: &Reading, model: Name, row: usize) -> Vec<String> {
    let trace = reading.trace(model);
    let word =
        |(token, p): &(usize, f32)| format!("\"{}\" {}", trace.word(*token as u32), percent(*p));
    let line = |guess: &crate::analysis::measure::lens::Guess| {
        let top: Vec<String> = guess.top.iter().map(word).collect();
        format!("{}: {}; the chosen token is at rank {}", guess.site, top.join(", "), guess.rank)
    };
    reading.lens(model, row).iter().map(line).collect()
}

fn continuations(reading: &Reading, row: usize) -> Vec<String> {
    let all = &reading.measures().continued;
    let Some(continued) = all.iter().rev().find(|c| c.row <= row).or_else(|| all.first()) else {
        return vec![];
    };
    let text =
        |tokens: &[Token]| tokens.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" ");
    let given = format!("given: {}", text(reading.given(continued.row)));
    let line = |way: &Continuation| {
        let how = way.seed.map_or("greedy".into(), |seed| format!("seed {seed}"));
        format!("{how}, log p {:.2} a token: {}", way.log_p_per_token(), text(&way.tokens))
    };
    [given].into_iter().chain(continued.ways.iter().map(line)).collect()
}
