//! How the next token is chosen: sampling and beam search in every model.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::sync::{Arc, LazyLock};

use lookback::{
    change::{Change, Changes},
    math::beam::log_softmax,
    model::Name,
    reading::{Reader, Reading},
    trace::Trace,
};

static READER: LazyLock<Reader> = LazyLock::new(|| Reader::embedded().unwrap());
static PLAIN: LazyLock<Arc<Reading>> = LazyLock::new(|| {
    let star = "The animal didn't cross the street because it was too tired.";
    Arc::new(READER.read(star).unwrap())
});

const WRITERS: [Name; 5] =
    [Name::Elman, Name::Gru, Name::RnnAttention, Name::Transformer, Name::TransformerUnguided];

fn what_if(texts: &[&str]) -> Reading {
    let changes: Changes = texts.iter().map(|text| text.parse::<Change>().unwrap()).collect();
    READER.read_changed(&PLAIN, changes).unwrap()
}

fn ids(trace: &Trace) -> Vec<u32> {
    trace.output.iter().map(|token| token.id).collect()
}

/// Log-probability of what was written, from the recorded logits.
fn log_p(trace: &Trace, temperature: f32) -> f64 {
    let logits = trace.value("logits").unwrap();
    let at = |(t, id): (usize, u32)| log_softmax(&logits.row(0, t), temperature)[id as usize];
    ids(trace).into_iter().enumerate().map(at).sum()
}

#[test]
fn what_leaves_no_choice_is_greedy() {
    for texts in [
        &["sample=3", "top_k=1"][..],
        &["sample=4", "top_p=0.01"],
        &["sample=5", "temperature=0.01"],
        &["beam=1"],
        &["top_k=3", "top_p=0.5"],
    ] {
        let reading = what_if(texts);
        for name in Name::ALL {
            assert_eq!(ids(reading.trace(name)), ids(PLAIN.trace(name)), "{texts:?} {name}");
        }
    }
}

#[test]
fn the_same_seed_writes_the_same_and_seeds_differ() {
    let hot = |seed: &str| what_if(&[seed, "temperature=5"]);
    let (a, again, b) = (hot("sample=1"), hot("sample=1"), hot("sample=2"));
    for name in WRITERS {
        assert_eq!(ids(a.trace(name)), ids(again.trace(name)), "{name}");
        assert_ne!(ids(a.trace(name)), ids(b.trace(name)), "{name}");
        assert_ne!(ids(a.trace(name)), ids(PLAIN.trace(name)), "{name}");
    }
}

#[test]
fn every_sampled_token_is_the_choice_from_the_recorded_logits() {
    let reading = what_if(&["sample=11", "temperature=1.8", "top_k=6", "top_p=0.95"]);
    let choosing = reading.changes.choosing();
    for name in WRITERS {
        let trace = reading.trace(name);
        let logits = trace.value("logits").unwrap();
        assert_eq!(logits.shape().rows, trace.output.len(), "{name}");
        for (t, id) in ids(trace).into_iter().enumerate() {
            let choice = choosing.choose(&logits.row(0, t), t);
            let candidate = choice.candidates[choice.chosen];
            assert_eq!(candidate.token, id as usize, "{name} step {t}");
            assert!(candidate.cut.is_none());
        }
    }
}

#[test]
fn a_beam_s_winner_is_what_is_written_and_what_its_logits_say() {
    let reading = what_if(&["beam=4"]);
    for name in WRITERS {
        let trace = reading.trace(name);
        let beams = trace.beams.as_ref().unwrap();
        assert_eq!(beams.tokens(beams.winner), ids(trace), "{name}");
        let (step, index) = beams.winner;
        let told = beams.steps[step][index].log_p;
        assert!((told - log_p(trace, 1.0)).abs() < 1e-3, "{name}: {told}");
        // Greedy's output is compared by the same score; a beam may lose it on the way, but not here.
        let plain = PLAIN.trace(name);
        let greedy = lookback::math::beam::score(log_p(plain, 1.0), plain.output.len());
        assert!(beams.score(beams.winner) >= greedy - 1e-3, "{name}");
        assert!(plain.beams.is_none());
    }
    assert!(reading.trace(Name::DecoderOnly).beams.is_none());
}
