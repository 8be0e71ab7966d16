//! The lesson's claims about the built-in models, over 300 sentences that none was trained on.
//!
//! `cargo test --test it claims -- --nocapture` prints every effect with its spread.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
    thread,
};

use lookback::{
    analysis::{
        measure::{
            accuracy::is_exact,
            chrf::{Chrf, CutText},
            gradient,
            readback::{read_back, share_right},
            typical::Typical,
        },
        reading::Reading,
        trace::Trace,
    },
    engine::change::{Change, Changes},
    model::ModelName,
};
use serde::Deserialize;

use crate::support::built_in::READER;

#[derive(Clone, Deserialize)]
struct Line {
    kind: String,
    en: String,
    fr: Vec<String>,
    /// Tokens, where a pronoun's noun is known.
    pronoun: Option<usize>,
    noun: Option<usize>,
    distractor: Option<usize>,
    /// The French pronoun.
    il: Option<String>,
}

static LINES: LazyLock<Vec<Line>> = LazyLock::new(|| {
    let lines = include_str!("../goldens/claims.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
});

/// Mean, its standard error, and the number of sentences.
#[derive(Clone, Copy, Debug)]
struct Effect {
    mean: f64,
    error: f64,
    n: usize,
}

impl Effect {
    fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Self { mean, error: (variance / n).sqrt(), n: values.len() }
    }

    /// Whether the mean is above `low` by three standard errors.
    fn is_above(self, low: f64) -> bool {
        self.mean - 3.0 * self.error > low
    }

    fn is_below(self, high: f64) -> bool {
        self.mean + 3.0 * self.error < high
    }
}

/// What is measured of one sentence, by name of the measure.
type Measured = BTreeMap<&'static str, f64>;

/// All measures of all sentences, computed on two threads.
static MEASURED: LazyLock<BTreeMap<&'static str, Effect>> = LazyLock::new(|| {
    let all = Mutex::new(BTreeMap::<&'static str, Vec<f64>>::new());
    let next = Mutex::new(LINES.iter().enumerate());
    let work = || {
        while let Some((i, line)) = { next.lock().unwrap().next() } {
            for (name, value) in measured(i, line) {
                all.lock().unwrap().entry(name).or_default().push(value);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let effects = all.into_inner().unwrap().into_iter();
    let effects: BTreeMap<_, _> = effects.map(|(name, v)| (name, Effect::of(&v))).collect();
    for (name, Effect { mean, error, n }) in &effects {
        eprintln!("{name}: {mean:.3} +- {error:.3} (n = {n})");
    }
    effects
});

fn effect(name: &str) -> Effect {
    MEASURED[name]
}

const TRANSLATORS: [(ModelName, [&str; 3]); 5] = [
    (ModelName::Elman, ["chrf elman", "exact elman", "far elman"]),
    (ModelName::Gru, ["chrf gru", "exact gru", "far gru"]),
    (ModelName::RnnAttention, ["chrf rnn_attention", "exact rnn_attention", "far rnn_attention"]),
    (ModelName::Transformer, ["chrf transformer", "exact transformer", "far transformer"]),
    (ModelName::TransformerUnguided, ["chrf unguided", "exact unguided", "far unguided"]),
];

/// One sentence in so many has the derivatives of its last hidden state taken, a backward pass a unit.
const FORGETTING_EVERY: usize = 20;

/// One in so many has the gradient of its output taken, a backward pass a model.
const INFLUENCE_EVERY: usize = 3;

fn measured(i: usize, line: &Line) -> Measured {
    let reading = Arc::new(READER.read(&line.en).unwrap());
    let n = reading.sentence.tokens.len();
    let mut found = Measured::new();
    for (name, [chrf, exact, far]) in TRANSLATORS {
        let trace = reading.trace(name);
        let references = || line.fr.iter().map(String::as_str);
        let cut: Vec<CutText> = references().map(CutText::of).collect();
        found.insert(chrf, f64::from(Chrf::of(&trace.output_text, &cut).score()));
        found.insert(exact, f64::from(u8::from(is_exact(&trace.output_text, references()))));
        if n >= 8 && i.is_multiple_of(INFLUENCE_EVERY) {
            let norms = gradient::norms(&gradient::influence(trace).unwrap());
            found.insert(far, first_half(&norms));
        }
    }
    for (name, [forgotten, back, back_early]) in [
        (ModelName::Elman, ["forgotten elman", "read back elman", "read back far elman"]),
        (ModelName::Gru, ["forgotten gru", "read back gru", "read back far gru"]),
    ] {
        let answers = read_back(reading.trace(name));
        found.insert(back, f64::from(share_right(&answers).unwrap()));
        if n >= 8 && i.is_multiple_of(FORGETTING_EVERY) {
            let norms = gradient::norms(&gradient::forgetting(reading.trace(name)).unwrap());
            found.insert(forgotten, f64::from((norms[0] / norms[n - 1]).log10()));
        }
        if n >= 8 {
            let far = &answers[..answers.len() / 2];
            let near = &answers[answers.len() / 2..];
            let drop = share_right(near).unwrap() - share_right(far).unwrap();
            found.insert(back_early, f64::from(drop));
        }
    }
    found.extend(of_heads(&reading));
    if let (Some(pronoun), Some(noun)) = (line.pronoun, line.noun) {
        found.extend(of_pronoun(line, &reading, (pronoun, noun)));
    }
    found
}

/// The curves that the charts show beside a sentence's own, over one in [`INFLUENCE_EVERY`] sentences.
fn typical() -> Typical {
    /// Fewest sentences that a point stands for.
    const FEWEST: usize = 15;
    let chosen = LINES.iter().step_by(INFLUENCE_EVERY).collect::<Vec<_>>();
    let (mut influence, mut read_back) = (Sums::new(), Sums::new());
    for line in &chosen {
        let reading = READER.read(&line.en).unwrap();
        for name in
            [ModelName::Elman, ModelName::Gru, ModelName::RnnAttention, ModelName::Transformer]
        {
            let norms = gradient::norms(&gradient::influence(reading.trace(name)).unwrap());
            let mean = norms.iter().sum::<f32>() / norms.len() as f32;
            add(&mut influence, name, norms.iter().rev().map(|norm| norm / mean));
        }
        for (name, counts) in reading.count_read_back_by_length() {
            add(&mut read_back, name, counts.iter().map(|count| count.right as f32));
        }
    }
    let means = |sums: Sums| {
        let mean = |points: Vec<(f64, usize)>| {
            let points = points.into_iter().take_while(|(_, n)| *n >= FEWEST);
            points.map(|(sum, n)| ((sum / n as f64) * 1000.0).round() as f32 / 1000.0).collect()
        };
        sums.into_iter().map(|(name, points)| (name.id().to_owned(), mean(points))).collect()
    };
    // A backward pass a unit: too slow for a test, and made by assets/training/forgetting.py.
    let forgetting = Typical::embedded().unwrap().forgetting;
    Typical {
        n_sentences: chosen.len(),
        influence: means(influence),
        read_back: means(read_back),
        forgetting,
    }
}

/// Sum and number of what was added at each index, by model.
type Sums = BTreeMap<ModelName, Vec<(f64, usize)>>;

fn add(sums: &mut Sums, name: ModelName, points: impl Iterator<Item = f32>) {
    let sums = sums.entry(name).or_default();
    for (i, point) in points.enumerate() {
        sums.resize(sums.len().max(i + 1), (0.0, 0));
        sums[i].0 += f64::from(point);
        sums[i].1 += 1;
    }
}

/// `LOOKBACK_DOCUMENTS=update` writes the file again.
#[test]
fn the_curves_stored_with_the_weights_are_those_of_the_models() {
    let found = typical();
    if std::env::var_os("LOOKBACK_DOCUMENTS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/models/typical.json");
        std::fs::write(path, serde_json::to_string(&found).unwrap() + "\n").unwrap();
        return;
    }
    let stored = Typical::embedded().unwrap();
    assert_eq!(stored.n_sentences, found.n_sentences);
    for (stored, found) in
        [(&stored.influence, &found.influence), (&stored.read_back, &found.read_back)]
    {
        assert!(stored.keys().eq(found.keys()));
        for (stored, found) in stored.values().zip(found.values()) {
            assert_eq!(stored.len(), found.len());
            assert!(
                stored.iter().zip(found).all(|(a, b)| (a - b).abs() < 0.01),
                "{stored:?}\n{found:?}"
            );
        }
    }
}

/// The curve comes from PyTorch over a hundred sentences; the program's own over a few of them is near it.
#[test]
fn the_stored_forgetting_is_that_of_sentences_like_these() {
    let stored = Typical::embedded().unwrap().forgetting;
    assert_eq!(stored.keys().map(String::as_str).collect::<Vec<_>>(), ["elman", "gru"]);
    let chosen = LINES.iter().step_by(INFLUENCE_EVERY).filter(|line| line.en.len() > 30);
    let mut sums = Sums::new();
    for line in chosen.step_by(12) {
        let reading = READER.read(&line.en).unwrap();
        for name in [ModelName::Elman, ModelName::Gru] {
            let norms = gradient::norms(&gradient::forgetting(reading.trace(name)).unwrap());
            let mean = norms.iter().sum::<f32>() / norms.len() as f32;
            add(&mut sums, name, norms.iter().rev().take(6).map(|norm| norm / mean));
        }
    }
    for (name, points) in sums {
        let curve = &stored[name.id()];
        for (distance, ((sum, n), stored)) in points.iter().zip(curve).enumerate() {
            let found = sum / *n as f64;
            let is_near = (found / f64::from(*stored)).ln().abs() < 0.5;
            assert!(is_near, "{name:?}, {distance} before the last: {found}, stored {stored}");
        }
    }
}

/// The share of the influence in the first half of the words, a middle one counted half.
fn first_half(norms: &[f32]) -> f64 {
    let half = norms.len() / 2;
    let middle = if norms.len() % 2 == 1 { norms[half] / 2.0 } else { 0.0 };
    f64::from((norms[..half].iter().sum::<f32>() + middle) / norms.iter().sum::<f32>())
}

/// The column of the largest weight of each row.
fn largest(trace: &Trace, path: &str, head: usize) -> Vec<usize> {
    let weights = trace.value(path).unwrap();
    let rows = 0..weights.shape().rows;
    let of = |row: Vec<f32>| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
    rows.map(|row| of(weights.row(head, row))).collect()
}

/// How much of the rows rests on one column, for the head where that is most, and in how many rows two heads of the
/// last layer look at different words.
fn of_heads(reading: &Reading) -> Measured {
    let trace = reading.trace(ModelName::Transformer);
    let n = reading.sentence.tokens.len();
    let mut found = Measured::new();
    if n < 6 {
        return found;
    }
    for (path, names) in [
        ("encoder.0.self_attn.weights", ["sink 0.0", "sink 0.1", "sink 0.2", "sink 0.3"]),
        ("encoder.1.self_attn.weights", ["sink 1.0", "sink 1.1", "sink 1.2", "sink 1.3"]),
    ] {
        for (head, name) in names.into_iter().enumerate() {
            let columns = largest(trace, path, head);
            let count = |c: usize| columns.iter().filter(|&&other| other == c).count();
            let most = (0..n).map(count).max().unwrap();
            found.insert(name, most as f64 / n as f64);
        }
    }
    let columns: Vec<_> =
        (0..4).map(|head| largest(trace, "encoder.1.self_attn.weights", head)).collect();
    let differs = |row: &usize| columns.iter().any(|head| head[*row] != columns[0][*row]);
    found.insert("heads differ", (0..n).filter(differs).count() as f64 / n as f64);
    let previous = |head: usize| {
        let hits = largest(trace, "encoder.1.self_attn.weights", head);
        hits.iter().enumerate().skip(1).filter(|(i, col)| **col + 1 == *i).count() as f64
            / (n - 1) as f64
    };
    let best = (0..4).map(previous).fold(0.0, f64::max);
    found.insert("a head looks at the word before", best);
    found
}

/// Where the guided head looks from the pronoun, the same in the twin, the right French pronoun, and what is left of it
/// without that head, or without another one.
fn of_pronoun(line: &Line, reading: &Arc<Reading>, (pronoun, noun): (usize, usize)) -> Measured {
    let path = "encoder.1.self_attn.weights";
    let weight = |name: ModelName, head: usize| {
        f64::from(reading.trace(name).value(path).unwrap().row(head, pronoun)[noun])
    };
    let right = |reading: &Reading, name: ModelName| {
        let text = reading.trace(name).output_text.to_lowercase().replace('\'', "' ");
        let il = line.il.as_deref().unwrap();
        f64::from(u8::from(text.split_whitespace().any(|word| word == il)))
    };
    let without = |head: usize| {
        let change: Change = format!("encoder.1.self_attn.head.{head}=off").parse().unwrap();
        let changes: Changes = [change].into_iter().collect();
        right(&READER.read_changed(reading, changes).unwrap(), ModelName::Transformer)
    };
    let others = [0, 1, 3].map(|head| weight(ModelName::TransformerUnguided, head));
    let twin = others.into_iter().fold(weight(ModelName::TransformerUnguided, 2), f64::max);
    assert!(line.distractor.is_some() && line.kind == "coreference");
    Measured::from([
        ("pronoun: guided head on its noun", weight(ModelName::Transformer, 2)),
        ("pronoun: the twin's best head on it", twin),
        ("pronoun right: transformer", right(reading, ModelName::Transformer)),
        ("pronoun right: gru", right(reading, ModelName::Gru)),
        ("pronoun right: without the guided head", without(2)),
        ("pronoun right: without another head", (without(0) + without(1) + without(3)) / 3.0),
    ])
}

#[test]
fn attention_translates_better_than_one_vector_and_gates_better_than_none() {
    assert_eq!(LINES.len(), 300);
    let chrf = |name| effect(name).mean;
    assert!(chrf("chrf gru") > chrf("chrf elman") + 5.0);
    assert!(chrf("chrf rnn_attention") > chrf("chrf gru") + 5.0);
    assert!(chrf("chrf transformer") > chrf("chrf rnn_attention"));
    assert!(chrf("chrf transformer") > chrf("chrf gru") + 15.0);
    assert!(effect("exact transformer").mean > effect("exact gru").mean);
}

/// What steps rnn-forgetting, gru-read-back and read-back-length say.
#[test]
fn far_words_are_read_back_less_though_no_derivative_vanishes() {
    for name in ["forgotten elman", "forgotten gru"] {
        let ratio = effect(name);
        assert!(ratio.is_above(-0.3) && ratio.is_below(0.3), "{name}: {ratio:?}");
    }
    assert!(effect("read back elman").mean > effect("read back gru").mean);
    assert!(effect("read back far elman").is_above(0.1));
    assert!(effect("read back far gru").is_above(0.1));
}

/// What step distance says.
#[test]
fn influence_does_not_decay_with_distance() {
    for name in ["far elman", "far gru", "far rnn_attention", "far transformer"] {
        let share = effect(name);
        assert!(share.is_above(0.4) && share.is_below(0.65), "{name}: {share:?}");
    }
}

#[test]
fn heads_look_at_different_words_and_none_of_the_encoder_rests_on_one_column() {
    assert!(effect("heads differ").is_above(0.8));
    assert!(effect("a head looks at the word before").is_above(0.5));
    for head in ["0.0", "0.1", "0.2", "0.3", "1.0", "1.1", "1.2", "1.3"] {
        let sink = MEASURED[&*format!("sink {head}")];
        assert!(sink.is_below(0.5), "{head}: {sink:?}");
    }
}

#[test]
fn the_guided_head_finds_the_noun_and_the_pronoun_depends_on_it() {
    assert!(effect("pronoun: guided head on its noun").is_above(0.8));
    assert!(
        effect("pronoun: guided head on its noun").mean
            > effect("pronoun: the twin's best head on it").mean
    );
    assert!(effect("pronoun right: transformer").is_above(0.85));
    let (guided, other) = (
        effect("pronoun right: without the guided head"),
        effect("pronoun right: without another head"),
    );
    assert!(guided.mean < other.mean, "{guided:?} {other:?}");
}
