//! Figures of a pass against the same figures computed another way.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use lookback::{
    analysis::{
        measure::{
            attention::of_output_to_source,
            gradient, readback,
            schedule::{built_in, schedule},
            stream,
        },
        reading::Reading,
        trace::Trace,
    },
    engine::{
        change::{Change, Changes},
        tape::Keep,
        value::{Cell, Value},
    },
    lesson::{Language, Lesson, PaneKind},
    model::{self, ModelName, Setup},
    text,
    ui::{
        app::{Action, BEAT, Command, Effect, Motion, N_BEATS, State, update},
        theme::Theme,
    },
};

use crate::support::{
    built_in::{READER, reading},
    tiny::Tiny,
    walk::{self, drawn, drawn_text},
};

static STAR: LazyLock<Reading> = LazyLock::new(|| {
    reading("The animal didn't cross the street because it was too tired.").waiting()
});

#[test]
fn a_head_knocked_out_changes_what_the_probabilities_say() {
    let (name, scope, head) = (ModelName::Transformer, "encoder.1.self_attn", 2);
    let trace = STAR.trace(name);
    let change: Change = format!("{scope}.head.{head}=off").parse().unwrap();
    let forced = trace.target[1..].iter().map(|t| t.id).collect();
    let changes = Arc::new(Changes::default().with(change));
    let setup = Setup { changes, forced: Some(forced), ..Setup::default() };
    let pass = model::load(name).unwrap().run(&STAR.sentence.ids(), &setup);
    let log = |probs: &Value| -> f32 {
        let chosen = trace.output.iter().enumerate();
        chosen.map(|(t, y)| probs.get(Cell::new(0, t, y.id as usize)).ln()).sum()
    };
    let want = log(pass.value("probs").unwrap()) - log(trace.value("probs").unwrap());
    let tokens = pass.output.iter().zip(&trace.output).filter(|(a, b)| **a != b.id).count();
    let got = STAR.knock_outs().unwrap()[&name][scope][head];
    assert_eq!((got.head, got.tokens), (head, tokens));
    assert!((got.change - want).abs() < 1e-3 * want.abs().max(1.0), "{} {want}", got.change);
}

#[test]
fn every_head_of_every_attention_is_knocked_out_once() {
    let heads = |name| {
        let heads = &STAR.knock_outs().unwrap()[&name];
        heads.iter().map(|(scope, heads)| format!("{scope} {}", heads.len())).collect::<Vec<_>>()
    };
    let want = [
        "decoder.0.cross_attn 4",
        "decoder.0.self_attn 4",
        "decoder.1.cross_attn 4",
        "decoder.1.self_attn 4",
        "encoder.0.self_attn 4",
        "encoder.1.self_attn 4",
    ];
    assert_eq!(heads(ModelName::Transformer), want);
    assert_eq!(heads(ModelName::TransformerUnguided), want);
    assert_eq!(heads(ModelName::DecoderOnly), ["blocks.0.attn 4", "blocks.1.attn 4"]);
    assert_eq!(heads(ModelName::RnnAttention), [""; 0]);
    assert!(!STAR.attention_slopes().unwrap().contains_key(&ModelName::Gru));
}

/// What the batched probes say of a length is what a pass over those words alone says.
#[test]
fn what_is_read_back_of_n_words_is_what_a_pass_over_them_says() {
    for name in [ModelName::Elman, ModelName::Gru] {
        let kept = &STAR.read_back_by_length().unwrap()[&name];
        let ids = STAR.sentence.ids();
        assert_eq!(kept.len(), ids.len());
        for n in 1..=ids.len() {
            let last = &ids[ids.len() - n..];
            let pass = model::load(name).unwrap().run(last, &Setup::default());
            let shorter = Trace::new(name, pass, READER.tokenizer());
            let right = readback::read_back(&shorter).iter().filter(|a| a.is_right).count();
            assert_eq!((kept[n - 1].read, kept[n - 1].asked, kept[n - 1].right), (n, n, right));
        }
    }
}

#[test]
fn probes_reach_24_tokens_back() {
    let long = READER.read(&"dog ".repeat(50)).unwrap().waiting();
    let kept = &long.read_back_by_length().unwrap()[&ModelName::Gru];
    assert_eq!((kept[49].read, kept[49].asked), (50, 24));
    let right = long.read_back(ModelName::Gru).iter().filter(|a| a.is_right).count();
    assert_eq!(kept[49].right, right);
}

/// The context is linear in the weights, so `sum_k w_k dL/dw_k` is `sum_c context_c dL/dcontext_c`.
#[test]
fn slopes_of_weights_agree_with_slopes_of_the_context() {
    for (name, scope) in [
        (ModelName::Transformer, "encoder.1.self_attn"),
        (ModelName::Transformer, "decoder.0.cross_attn"),
        (ModelName::DecoderOnly, "blocks.1.attn"),
    ] {
        let trace = STAR.trace(name);
        let path = |site| format!("{scope}.{site}");
        let [weights, context] = ["weights", "context"].map(|s| trace.value(&path(s)).unwrap());
        let of_weights = &STAR.attention_slopes().unwrap()[&name].slopes[&path("weights")];
        let of_context = gradient::of_log_probability(trace, &path("context")).unwrap();
        for (head, row) in [(0, 0), (2, 7), (3, 3)] {
            let dot = |a: &Value, b: &Value| -> f32 {
                a.row(head, row).iter().zip(b.row(head, row)).map(|(a, b)| a * b).sum()
            };
            let (got, want) = (dot(weights, of_weights), dot(context, &of_context));
            assert!((got - want).abs() < 1e-4 * want.abs().max(1e-3), "{got} {want}");
        }
    }
}

/// Every sum of the stream is the station before it and what is added.
#[test]
fn stations_of_the_stream_follow_from_each_other() {
    for (name, input, n) in [
        (ModelName::Transformer, "src.input", 9),
        (ModelName::Transformer, "tgt.input", 13),
        (ModelName::DecoderOnly, "tokens.input", 6),
    ] {
        let trace = STAR.trace(name);
        let stations = stream::stations(trace, input);
        assert_eq!(stations.len(), n, "{input}");
        let row = |path: &str| trace.value(path).unwrap().row(0, 3);
        for pair in stations.windows(2) {
            let now = row(&pair[1].site);
            let Some(added) = &pair[1].added else {
                assert!(pair[1].site.contains("norm"), "{pair:?}");
                continue;
            };
            let sum = row(&pair[0].site).into_iter().zip(row(added)).map(|(a, b)| a + b);
            assert!(sum.zip(now).all(|(a, b)| (a - b).abs() < 1e-6), "{pair:?}");
        }
        let last = stations.last().unwrap();
        let squares: f32 = row(&last.site).iter().map(|v| v * v).sum();
        let length = stream::length(trace, &last.site, 3).unwrap();
        assert!((length - squares.sqrt()).abs() < 1e-4, "{length}");
    }
}

/// Of a block that is not opened, what it adds is told from an opened one.
#[test]
fn what_a_closed_block_adds_has_the_path_that_it_has_in_an_opened_one() {
    for model in ["gpt2", "lfm2", "gemma2", "granite"] {
        let tiny = Tiny::open(model);
        let added = |keep: Keep| {
            let trace = tiny.run(Changes::default(), keep).with_firsts();
            let stations = stream::stations(&trace, "tokens.input").into_iter();
            stations.map(|station| (station.site, station.added)).collect::<BTreeMap<_, _>>()
        };
        let (all, some) = (added(Keep::All), added(Keep::Boundaries));
        assert!(some.len() < all.len(), "{model}: a block is closed");
        for (site, added) in some {
            assert_eq!(added, all[&site], "{model} {site}");
        }
    }
}

#[test]
fn the_last_attention_to_the_source_is_found_whatever_it_is_called() {
    let path = |trace: &Trace| of_output_to_source(trace).map(|site| site.path().to_owned());
    for (name, want) in [
        (ModelName::Transformer, Some("decoder.1.cross_attn.weights")),
        (ModelName::RnnAttention, Some("attn.weights")),
        (ModelName::Gru, None),
        (ModelName::DecoderOnly, None),
    ] {
        assert_eq!(path(STAR.trace(name)).as_deref(), want, "{name}");
    }
    let deep = path(&Tiny::open("marian").plain());
    assert_eq!(deep.as_deref(), Some("decoder.2.cross_attn.weights"));
}

#[test]
fn multiplications_are_those_of_the_tape() {
    let scopes = [
        (ModelName::Elman, &["rnn.encoder"][..]),
        (ModelName::Gru, &["gru.encoder"]),
        (ModelName::RnnAttention, &["encoder.forward", "encoder.backward"]),
        (ModelName::Transformer, &["encoder"]),
        (ModelName::DecoderOnly, &["blocks"]),
    ];
    let ids = STAR.sentence.ids();
    for (name, scopes) in scopes {
        let tape = model::load(name).unwrap().read(&ids, &Setup::default());
        let counted: usize = scopes.iter().map(|scope| tape.products(scope)).sum();
        assert_eq!(schedule(name, built_in(ids.len())).multiplications, counted, "{name}");
    }
}

/// What reading hands on is what the whole pass computed.
#[test]
fn reading_alone_is_the_first_part_of_a_pass() {
    let last = [
        (ModelName::Elman, "rnn.encoder.hidden"),
        (ModelName::RnnAttention, "attn.keys"),
        (ModelName::Transformer, "encoder.1.norm2.out"),
        (ModelName::DecoderOnly, "blocks.1.resid_post"),
    ];
    let ids = STAR.sentence.ids();
    for (name, path) in last {
        let with_bos: Vec<u32> = std::iter::once(text::BOS).chain(ids.clone()).collect();
        let source = if name == ModelName::DecoderOnly { &with_bos } else { &ids };
        let tape = model::load(name).unwrap().read(source, &Setup::default());
        let node = tape.nodes().last().unwrap();
        let (entry, whole) = (tape.entry(node), STAR.trace(name).value(path).unwrap());
        assert_eq!(entry.place.path, path);
        let part = whole.part(entry.place.origin, entry.value.shape());
        assert_eq!(*entry.value, part, "{name}");
    }
}

#[test]
fn a_thousand_tokens_are_read_in_bounded_memory() {
    let ids: Vec<u32> = STAR.sentence.ids().into_iter().cycle().take(1000).collect();
    for name in [ModelName::Elman, ModelName::Gru, ModelName::Transformer] {
        let tape = model::load(name).unwrap().read(&ids, &Setup::default());
        let numbers: usize = tape.nodes().map(|node| tape.shape(node).len()).sum();
        assert!(numbers * size_of::<f32>() < 200_000_000, "{name}: {numbers} numbers");
    }
}

fn walk_at(step: &str) -> (State, Option<Effect>) {
    let lesson = Arc::new(Lesson::embedded(Language::English).unwrap());
    let mut state = State::new(lesson, Theme::default());
    state.nav.step = state.lesson.find(step).unwrap();
    let reading = reading("The dog saw the cat.");
    let effect = update(&mut state, Action::Read(Ok(reading)));
    (state, effect)
}

#[test]
fn a_step_unfolds_once_and_any_key_shows_it_whole() {
    let (mut state, _) = walk_at("softmax");
    assert!(!state.is_unfolding(), "an exported frame stands still");
    let tick = |state: &mut State| {
        update(state, Action::Tick(BEAT));
        state.animation.beat
    };
    assert_eq!(tick(&mut state), None);
    state.animation.motion = Motion::Moving(Duration::ZERO);
    update(&mut state, Action::Do(Command::Unfold));
    assert!(state.wants_ticks());
    let beats: Vec<_> = (0..N_BEATS).map(|_| tick(&mut state)).collect();
    assert_eq!(beats, [Some(1), Some(2), Some(3), Some(4), None]);
    assert!(!state.wants_ticks(), "what is whole costs nothing");
    update(&mut state, Action::Do(Command::NextStep));
    assert_eq!(state.animation.beat, Some(0));
    update(&mut state, Action::Do(Command::Move(1, 0)));
    assert_eq!(state.animation.beat, None);
}

#[test]
fn while_a_step_unfolds_its_matrix_fills_row_by_row() {
    let (mut state, _) = walk_at("scores");
    let n_numbers = |state: &State| {
        let rows = drawn_text(state, 120, 36);
        rows.lines().filter(|line| line.starts_with('│')).map(|l| l.matches('.').count()).sum()
    };
    let mut counts: Vec<usize> = (0..N_BEATS)
        .map(|beat| {
            state.animation.beat = Some(beat);
            n_numbers(&state)
        })
        .collect();
    state.animation.beat = None;
    counts.push(n_numbers(&state));
    assert!(counts.windows(2).all(|pair| pair[0] < pair[1] || pair[0] == counts[N_BEATS]));
    assert!(counts[0] < counts[N_BEATS] / 2, "{counts:?}");
    assert_eq!(counts[N_BEATS - 1], counts[N_BEATS], "the last beat shows everything");
}

/// Only cells unfold: a half-drawn label says nothing.
#[test]
fn titles_labels_and_legends_are_whole_from_the_first_beat_on() {
    let (mut state, _) = walk_at("rnn-states");
    state.guide.asks_questions = false;
    for (step, label) in [
        ("rnn-states", "all that the decoder gets: 256 numbers"),
        ("rnn-states", "↓ unit → word"),
        ("mask", "× masked"),
        ("heads", "↓ query → key"),
        ("kv-cache", "numbers held"),
    ] {
        let step_index = state.lesson.find(step).unwrap();
        update(&mut state, Action::GoTo(step_index));
        for beat in 0..N_BEATS {
            state.animation.beat = Some(beat);
            let text = drawn_text(&state, 120, 36);
            assert!(text.contains(label), "{step} at beat {beat}: {label}\n{text}");
        }
        state.animation.beat = None;
    }
}

/// A reader without motion sees the last frame of a film; the first shows less.
#[test]
fn every_step_unfolds_from_less_to_the_whole() {
    let (mut state, _) = walk_at("task");
    state.guide.asks_questions = false;
    let reading = state.passes.reading.clone().unwrap();
    reading.measure();
    reading.pass_evidence();
    for step in 0..state.n_steps() {
        update(&mut state, Action::GoTo(step));
        let id = state.current().1.id.clone();
        assert!(state.unfolds(), "{id}");
        let whole = drawn(&state, 120, 36);
        let at = |state: &mut State, beat: usize| {
            state.animation.beat = Some(beat);
            drawn(state, 120, 36)
        };
        assert!(at(&mut state, 0) != whole, "{id}");
        // A schedule marks the word that is read, up to the last one.
        let has_schedule = state.specs().iter().any(|spec| matches!(spec.kind, PaneKind::Schedule));
        let last = at(&mut state, N_BEATS - 1);
        assert!(has_schedule || last == whole, "{id}\n{}", walk::text(&last));
        state.animation.beat = None;
    }
}

#[test]
fn times_are_asked_for_once_and_only_where_they_are_shown() {
    let (mut state, effect) = walk_at("translations");
    assert_eq!(effect, None);
    assert_eq!(update(&mut state, Action::Do(Command::NextStep)), Some(Effect::MeasureTimes));
    assert_eq!(update(&mut state, Action::Do(Command::NextStep)), None);
    let times = Arc::new(state.passes.reading.as_ref().unwrap().time());
    assert_eq!(
        times.keys().copied().collect::<Vec<_>>(),
        [ModelName::Elman, ModelName::Gru, ModelName::Transformer]
    );
    assert!(times.values().flatten().all(|time| !time.is_zero()));
    update(&mut state, Action::TimesMeasured(Arc::clone(&times)));
    assert!(state.passes.times.known().is_some());
}

#[test]
fn what_the_words_of_an_output_cost_is_computed_once_a_pass() {
    let costs = STAR.output_costs(ModelName::Transformer);
    assert!(Arc::ptr_eq(&costs, &STAR.output_costs(ModelName::Transformer)));
    let changes = Changes::default().with("mask=off".parse().unwrap());
    let changed = READER.read_changed(&Arc::new(STAR.clone()), changes).unwrap();
    assert_ne!(costs, changed.output_costs(ModelName::Transformer), "another pass has its own");
    let trace = STAR.trace(ModelName::Transformer);
    let probs = trace.value("probs").unwrap();
    let p = |(t, y): (usize, &text::Token)| probs.get(Cell::new(0, t, y.id as usize));
    let want: Vec<f32> = trace.output.iter().enumerate().map(p).map(|p| -p.ln()).collect();
    assert_eq!(costs.len(), want.len());
    assert!(costs.iter().zip(&want).all(|(cost, want)| (cost - want).abs() < 1e-4), "{costs:?}");
}
