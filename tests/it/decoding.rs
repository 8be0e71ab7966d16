//! How the next token is chosen: sampling and beam search in every model.

use std::sync::{Arc, LazyLock};

use lookback::{
    analysis::{
        measure::{
            choice::{self, WrittenToken},
            lens,
        },
        reading::Reading,
        trace::Trace,
    },
    engine::{
        change::{Change, Changes},
        math::{argmax, beam::BeamPlace, log_softmax},
        value::Cell,
    },
    export::txt,
    lesson::{Language, Lesson, Selection, narrate},
    model::ModelName,
    render::frame::Walk,
    text::rounded,
    ui::theme::{Depth, Glyphs, Theme},
};
use ratatui::layout::Size;

use crate::support::built_in::{READER, reading};

static PLAIN: LazyLock<Arc<Reading>> =
    LazyLock::new(|| reading("The animal didn't cross the street because it was too tired."));

const WRITERS: [ModelName; 5] = [
    ModelName::Elman,
    ModelName::Gru,
    ModelName::RnnAttention,
    ModelName::Transformer,
    ModelName::TransformerUnguided,
];

fn what_if(texts: &[&str]) -> Reading {
    let changes: Changes = texts.iter().map(|text| text.parse::<Change>().unwrap()).collect();
    READER.read_changed(&PLAIN, changes).unwrap()
}

/// The text of a step of the built-in walk over a reading.
fn text_of(reading: &Reading, id: &str) -> String {
    let lesson = Lesson::embedded(Language::English).unwrap();
    let step = lesson.steps()[lesson.find(id).unwrap()].1;
    let start = step.start(reading, Selection::default());
    let spans = narrate(step, reading, &start).into_iter().flat_map(|paragraph| paragraph.spans);
    spans.map(|span| span.text).collect()
}

#[test]
fn what_is_said_of_a_choice_is_what_was_chosen() {
    let hot = text_of(&what_if(&["temperature=3"]), "probabilities");
    let after = |mark: &str| -> f64 {
        let rest = &hot[hot.find(mark).unwrap_or_else(|| panic!("{mark}: {hot}")) + mark.len()..];
        let end = rest.find([' ', ',']).unwrap_or(rest.len());
        rest[..end].parse().unwrap()
    };
    assert!(hot.contains("divided by the temperature 3"), "{hot}");
    let exponent = (after("A lead of ") / 3.0 * 100.0).round() / 100.0;
    assert!((after(&format!("e^{exponent:.2} = ")) / exponent.exp() - 1.0).abs() < 0.03, "{hot}");
    let hot_water = reading("The dog didn't drink the water because it was too hot.");
    let mask_off = ["mask=off"].iter().map(|text| text.parse::<Change>().unwrap()).collect();
    let unmasked = READER.read_changed(&hot_water, mask_off).unwrap();
    let trace = unmasked.trace(ModelName::Transformer);
    let best = |row| argmax(trace.value("logits").unwrap().row(0, row)).unwrap() as u32;
    let other = (0..trace.output.len()).find(|&row| best(row) != trace.output[row].id);
    assert!(other.is_some(), "some rows read later words as well");
    assert!(text_of(&PLAIN, "candidates").contains("always the likeliest"));
    let wide = what_if(&["beam=8"]).waiting();
    assert!(text_of(&wide, "beam-search").contains("(8 here"), "{}", text_of(&wide, "beam-search"));
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

/// The least by which the likeliest token's logit leads the second's, over the rows of the output.
fn smallest_lead(trace: &Trace) -> f32 {
    let logits = trace.value("logits").unwrap();
    let lead = |row| {
        let mut row = logits.row(0, row);
        row.sort_by(|a, b| b.total_cmp(a));
        row[0] - row[1]
    };
    (0..trace.output.len()).map(lead).fold(f32::INFINITY, f32::min)
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
        // Two tokens that are nearly as likely as each other are a choice at any temperature.
        let is_clear = |name: &ModelName| smallest_lead(PLAIN.trace(*name)) > 0.1;
        for name in ModelName::ALL.into_iter().filter(is_clear) {
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
        let BeamPlace { step, index } = beams.winner;
        let shown = beams.steps[step][index].log_p;
        assert!((shown - log_p(trace, 1.0)).abs() < 1e-3, "{name}: {shown}");
        // Greedy's output is compared by the same score; a beam may lose it on the way, but not here.
        let plain = PLAIN.trace(name);
        let greedy = lookback::engine::math::beam::score(log_p(plain, 1.0), plain.output.len());
        assert!(beams.score(beams.winner) >= greedy - 1e-3, "{name}");
        assert!(plain.beams.is_none());
    }
    assert!(reading.trace(ModelName::DecoderOnly).beams.is_none());
}

#[test]
fn the_tree_of_a_beam_shows_its_hypotheses_and_outputs() {
    let reading = Arc::new(what_if(&["beam=4"]));
    let lesson = Arc::new(Lesson::embedded(Language::English).unwrap());
    let at = lesson.find("beam-search").unwrap();
    let theme = Theme::new(Depth::None, Glyphs::Ascii);
    let walk = Walk::new(lesson, &reading, vec![theme], Size::new(120, 36));
    let shown = txt::text(walk.shots(&[at]).next().unwrap().buffer());
    let line = |of: &str| {
        let found = shown.lines().find(|line| line.contains(of));
        found.unwrap_or_else(|| panic!("no `{of}` in\n{shown}"))
    };

    let trace = reading.trace(ModelName::Transformer);
    let beams = trace.beams.as_ref().unwrap();
    assert_eq!(beams.steps[0].len(), 4);
    for (rank, hypothesis) in beams.steps[0].iter().enumerate() {
        let of = format!("|{}", rank + 1);
        let (word, log_p) = (trace.word(hypothesis.token), rounded(hypothesis.log_p, 1));
        assert!(line(&of).contains(&word) && line(&of).contains(&log_p), "{word} {log_p}\n{shown}");
    }
    let finished = beams.finished();
    assert!(finished.len() >= 2);
    for at in finished.into_iter().take(4) {
        let words: Vec<String> = beams.tokens(at).into_iter().map(|t| trace.word(t)).collect();
        let (score, log_p) = (beams.score(at), beams.at(at).log_p);
        let [score, log_p] = [score, log_p].map(|x| rounded(x, 2));
        let numbers = format!("{score:>7} {log_p:>7} {:>7}  ", at.step + 1);
        assert_eq!(line(&numbers).starts_with("|*"), at == beams.winner, "{shown}");
        // Where outputs are longer than a line, they are cut where they are alike.
        let end = words[words.len() - 3..].join(" ");
        assert!(line(&numbers).contains(&end), "{end}\n{shown}");
    }
}

#[test]
fn the_lens_after_a_layer_is_what_a_model_without_the_next_one_says() {
    let cases = [
        (ModelName::DecoderOnly, "blocks.1=off", "blocks.0.resid_post", 14),
        // Without its second layer the Transformer writes something else; only `<bos>` is the same.
        (ModelName::Transformer, "decoder.1=off", "decoder.0.norm3.out", 1),
    ];
    for (name, change, place, rows) in cases {
        let (shorter, plain) = (what_if(&[change]), PLAIN.trace(name));
        let probs = shorter.trace(name).value("probs").unwrap();
        for row in 0..rows {
            let guesses = PLAIN.lens(name, row);
            let guess = guesses.iter().find(|guess| guess.site == place).unwrap();
            let chosen = lens::chosen(plain, row).unwrap();
            let all = probs.row(0, row);
            assert!((guess.probability - all[chosen]).abs() < 1e-4, "{name} {row}");
            let (token, p) = guess.top[0];
            assert!((all[token] - p).abs() < 1e-4 && all.iter().all(|q| *q <= p + 1e-4));
            let rank = 1 + all.iter().filter(|q| **q > all[chosen]).count();
            assert!(rank.abs_diff(guess.rank) <= 1, "{name} {row}: {rank} {}", guess.rank);
        }
    }
}

#[test]
fn the_lens_ends_in_the_probabilities_themselves() {
    for name in [ModelName::DecoderOnly, ModelName::Transformer, ModelName::TransformerUnguided] {
        let trace = PLAIN.trace(name);
        let probs = trace.value("probs").unwrap();
        for row in 0..probs.shape().rows {
            let guess = PLAIN.lens(name, row).last().unwrap().clone();
            let chosen = lens::chosen(trace, row).unwrap();
            assert!((guess.probability - probs.get(Cell::new(0, row, chosen))).abs() < 1e-5);
            assert_eq!(guess.rank, 1, "{name} {row}");
        }
    }
    assert!(PLAIN.lens(ModelName::Gru, 0).is_empty());
}

#[test]
fn forced_and_free_agree_until_they_part() {
    let right = &PLAIN.trace(ModelName::Transformer).output;
    for (name, forcing) in PLAIN.waiting().forcing().unwrap() {
        let own = PLAIN.trace(*name);
        assert_eq!(forcing.places.len(), right.len());
        let part = forcing.part.unwrap_or(right.len());
        for (t, place) in forcing.places.iter().enumerate() {
            assert_eq!(place.right, right[t]);
            assert_eq!(place.given.id, if t == 0 { own.target[0].id } else { right[t - 1].id });
            assert_eq!(place.free.as_ref(), own.output.get(t));
            // Up to and with the place where they part, both have read the same words.
            if t <= part {
                let own = own.value("probs").unwrap().get(Cell::new(0, t, place.right.id as usize));
                assert!((place.probability - own).abs() < 1e-5, "{name} {t}");
                assert_eq!(place.is_forced_right(), place.is_free_right(), "{name} {t}");
            }
        }
    }
    assert_eq!(PLAIN.waiting().forcing().unwrap().len(), 3);
}

#[test]
fn a_continuation_begins_as_the_model_reads_its_prefix() {
    let text = "The animal didn't cross the street because it";
    let prefix = reading(text);
    let n = prefix.sentence.tokens.len();
    let plain = PLAIN.waiting();
    let continued = plain.continued().unwrap();
    let here = continued.iter().find(|c| c.row == n).unwrap();
    assert_eq!(here.ways.len(), 4);
    for way in &here.ways {
        let changes = way.seed.map(Change::Sample).into_iter().collect();
        let read = READER.read_changed(&prefix, changes).unwrap();
        let trace = read.trace(ModelName::DecoderOnly);
        assert_eq!(trace.output[0], way.tokens[0], "seed {:?}", way.seed);
        assert!(way.tokens.len() <= 24 && way.log_p < 0.0);
    }
    // What is likeliest at each place is likelier than what is drawn at the first.
    let first = |i: usize| {
        let logits = prefix.trace(ModelName::DecoderOnly).value("logits").unwrap().row(0, n);
        log_softmax(&logits, 1.0)[here.ways[i].tokens[0].id as usize]
    };
    assert!((1..4).all(|i| first(i) <= first(0)));
}

#[test]
fn the_record_of_a_choice_is_what_was_written() {
    let reading = what_if(&["sample=5", "temperature=4"]);
    let trace = reading.trace(ModelName::Transformer);
    let probs = trace.value("probs").unwrap();
    let WrittenToken { row, id: token, probability: p } = choice::least_sure(trace).unwrap();
    assert_eq!(trace.output[row].id as usize, token);
    let written = |t: usize| probs.get(Cell::new(0, t, trace.output[t].id as usize));
    assert!((0..trace.output.len()).all(|t| written(t) >= p));
    for t in 0..trace.output.len() {
        let choice = choice::choice(trace, reading.changes.choosing(), t).unwrap();
        let taken = choice.candidates[choice::taken(trace, &choice, t)];
        assert!((taken.probability - written(t)).abs() < 1e-6);
    }
    let shown = choice::log_probability(trace).unwrap();
    assert!((shown - log_p(trace, 1.0)).abs() < 1e-9);
}
