//! Facts about decoding: the chosen token, the alternatives, cache, forcing and logit lens.

use super::{Context, Fact, fact, fact_of_built_in};
use crate::{
    analysis::measure::{
        cache::CacheSizes,
        choice::{least_sure, taken},
        forcing::Forcing,
        lens::LensPrediction,
    },
    engine::math::{
        beam::{BeamPlace, Beams},
        largest,
        sampling::{Choice, Choosing},
        softmax,
    },
    text::{grouped, percent, spoken},
};

pub(super) static FACTS: &[Fact] = &[
    fact("step_number", "the selected row, counted from 1", |c| (c.row() + 1).to_string()),
    fact("chosen", "the token taken after the selected row", |c| {
        c.phrases.or_none(of_chosen(c, |c, i, choice| word(c, choice.candidates[i].token, c.row())))
    }),
    fact("chosen_probability", "its probability", |c| {
        c.phrases.or_none(of_chosen(c, |_, i, choice| percent(choice.candidates[i].probability)))
    }),
    fact("p_at_half", "the likeliest token's probability at temperature 0.5", |c| {
        top_probability_at(c, 0.5)
    }),
    fact("p_at_one", "the same at 1", |c| top_probability_at(c, 1.0)),
    fact("p_at_two", "the same at 2", |c| top_probability_at(c, 2.0)),
    fact("nucleus", "how many tokens top-p 0.9 keeps", |c| {
        let choosing = Choosing { top_p: Some(0.9), ..Choosing::default() };
        let kept = c
            .reading
            .choice(c.step.model, choosing, c.row())
            .map(|choice| choice.candidates.iter().filter(|c| c.cut.is_none()).count());
        c.phrases.or_none(kept.map(grouped))
    }),
    fact("unsure_step", "the step at which the model was least sure, from 1", |c| {
        c.phrases.or_none(least_sure(c.trace()).map(|written| (written.row + 1).to_string()))
    }),
    fact("unsure_word", "what it wrote there", |c| {
        c.phrases.or_none(least_sure(c.trace()).map(|written| word(c, written.id, written.row)))
    }),
    fact("unsure_probability", "with which probability", |c| {
        c.phrases.or_none(least_sure(c.trace()).map(|written| percent(written.probability)))
    }),
    fact("written", "the token written after the selected row, else the likeliest", written),
    fact("how_taken", "that the likeliest token was taken, or why it was another", how_taken),
    fact_of_built_in("beam", "how many outputs beam search continues", |c| {
        of_beams(c, |beams| beams.width.to_string())
    }),
    fact_of_built_in("beam_log_p", "log-probability of the output that it finds", |c| {
        of_beams(c, |beams| spoken(log_p(beams) as f32))
    }),
    fact_of_built_in("beam_tokens", "tokens of that output, <eos> included", |c| {
        of_beams(c, |beams| beams.tokens(beams.winner).len().to_string())
    }),
    fact("cached", "columns that a cache holds before this step", |c| grouped(c.row())),
    fact("cache_held", "numbers it holds after this step", |c| {
        of_cache(c, |sizes, t, _| sizes.step(t).held + sizes.step(t).held_cross)
    }),
    fact("cache_with", "multiplications of this step with it", |c| {
        of_cache(c, |sizes, t, _| sizes.step(t).with)
    }),
    fact("cache_without", "and without", |c| of_cache(c, |sizes, t, _| sizes.step(t).without)),
    fact("cache_all_with", "multiplications of all steps with it", |c| {
        of_cache(c, |sizes, _, n| sizes.whole(n).with)
    }),
    fact("cache_all_without", "and without", |c| of_cache(c, |sizes, _, n| sizes.whole(n).without)),
    fact("forced_n", "places of the Transformer's output", |c| {
        of_forcing(c, |f| f.places.len().to_string())
    }),
    fact("forced_right", "of these, right when the model is given the right words", |c| {
        of_forcing(c, |f| f.n_forced_right().to_string())
    }),
    fact("free_right", "and right when it reads what it wrote", |c| {
        of_forcing(c, |f| f.n_free_right().to_string())
    }),
    fact("runs_note", "where the two runs part, or that they do not", |c| {
        of_forcing(
            c,
            |f| {
                if f.part.is_some() { c.phrases.runs_part() } else { c.phrases.runs_alike() }
            },
        )
    }),
    fact("lens_first", "the lens's first guess after the first place", |c| {
        of_lens(c, |guesses| top(c, guesses.first()?))
    }),
    fact("lens_rank", "the rank of the chosen token there", |c| {
        of_lens(c, |guesses| Some(grouped(guesses.first()?.rank)))
    }),
    fact("lens_probability", "its probability after the last place", |c| {
        of_lens(c, |guesses| Some(percent(guesses.last()?.probability)))
    }),
    fact("lens_settled", "the place from which on it is first", |c| of_lens(c, settled)),
];

/// A token as it is shown after what the row has read.
fn word(c: &Context, token: usize, row: usize) -> String {
    let in_row = c.trace().probs().map(|site| {
        let axis = site.axes()[2];
        c.trace().label_in_row(site, axis, token, row)
    });
    c.phrases.quote(&in_row.unwrap_or_else(|| c.trace().word(token as u32)))
}

fn written(c: &Context) -> String {
    let written = c.trace().output_at(c.row()).map(|(_, token)| token.id as usize);
    let likeliest = || largest(&c.row_of(c.trace().probs()?)?, 1).first().copied();
    c.phrases.or_none(written.or_else(likeliest).map(|token| word(c, token, c.row())))
}

/// A row whose later words are not hidden from it is read again when they are there.
fn how_taken(c: &Context) -> String {
    let is_first = |c: &Context, i: usize, choice: &Choice| {
        let most = choice.candidates.iter().map(|other| other.logit).fold(f32::MIN, f32::max);
        if choice.draw.is_some() || choice.candidates[i].logit >= most {
            c.phrases.taken_likeliest()
        } else {
            c.phrases.taken_before_the_rest()
        }
    };
    c.phrases.or_none(of_chosen(c, is_first))
}

fn log_p(beams: &Beams) -> f64 {
    let BeamPlace { step, index } = beams.winner;
    beams.steps.get(step).and_then(|all| all.get(index)).map_or(f64::NAN, |winner| winner.log_p)
}

/// Beams are measured on a worker thread, never here.
fn of_beams(c: &Context, text_of: fn(&Beams) -> String) -> String {
    let beams = c.trace().beams.as_ref().or_else(|| c.reading.beams());
    beams.map_or_else(|| c.phrases.measuring(), text_of)
}

fn of_chosen(c: &Context, text_of: fn(&Context, usize, &Choice) -> String) -> Option<String> {
    let choice = c.choice()?;
    Some(text_of(c, taken(c.trace(), choice, c.row()), choice))
}

/// The probability of the likeliest token at a temperature.
fn top_probability_at(c: &Context, temperature: f32) -> String {
    let top_probability = || {
        let row = c.row_of(c.trace().logits()?)?;
        softmax(&row, temperature).into_iter().max_by(f32::total_cmp)
    };
    c.phrases.or_none(top_probability().map(percent))
}

fn of_cache(c: &Context, count: fn(CacheSizes, usize, usize) -> usize) -> String {
    let n = c.trace().logits().map_or(0, |logits| logits.shape().rows);
    c.phrases.or_none(CacheSizes::of(c.trace()).map(|sizes| grouped(count(sizes, c.row(), n))))
}

/// Forcing is measured on a worker thread, never here.
fn of_forcing(c: &Context, text_of: impl Fn(&Forcing) -> String) -> String {
    let Some(forcing) = c.reading.forcing() else { return c.phrases.measuring() };
    c.phrases.or_none(forcing.get(&c.step.model).map(text_of))
}

/// The lens of a large model is computed on a worker thread, never here.
fn of_lens(c: &Context, text_of: impl Fn(&[LensPrediction]) -> Option<String>) -> String {
    c.lens().map_or_else(|| c.phrases.measuring(), |guesses| c.phrases.or_none(text_of(guesses)))
}

fn top(c: &Context, guess: &LensPrediction) -> Option<String> {
    let (token, p) = guess.top.first()?;
    Some(format!("{} {}", word(c, *token, c.row()), percent(*p)))
}

/// The first place after which the chosen token stays at rank 1.
fn settled(guesses: &[LensPrediction]) -> Option<String> {
    let n = guesses.iter().rev().take_while(|guess| guess.rank == 1).count();
    Some(guesses.get(guesses.len().checked_sub(n.max(1))?)?.site.clone())
}
