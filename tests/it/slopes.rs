//! A gradient opens into its sum, and the slopes in it open further, back to the logits: each sum is the slope that the
//! backward pass gave.

use std::{collections::BTreeSet, sync::Arc};

use lookback::{
    analysis::{
        evidence::{
            learner::{Learner, Optimizer},
            score::{Score, WordAtRow},
            slopes::LossSlopes,
        },
        reading::Reading,
    },
    engine::{
        arithmetic::{Arithmetic, Expr, Operand},
        change::Change,
        site::{Address, AddressKind},
        tape::{Node, Slopes},
        value::{Cell, Value},
    },
    model::ModelName,
};

use crate::support::{
    built_in::{READER, reading},
    tiny::Tiny,
};

const SENTENCE: &str = "The dog sleeps.";

/// Of a site, the cell with the largest slope and `n` others.
fn some_cells(slope: &Value, n: usize) -> Vec<Cell> {
    let cells: Vec<Cell> = slope.shape().cells().collect();
    let size = |cell: &&Cell| slope.get(**cell).abs();
    let steepest = cells.iter().max_by(|a, b| size(a).total_cmp(&size(b))).unwrap();
    let others = (1..=n).map(|i| cells[i * 7919 % cells.len()]);
    std::iter::once(*steepest).chain(others).collect()
}

fn largest(slope: &Value) -> f64 {
    slope.numbers().fold(0.0, |most: f64, x| most.max(f64::from(x).abs()))
}

fn eval(opened: &Arithmetic) -> f64 {
    opened.expr.as_ref().map(Expr::eval).unwrap()
}

fn slopes_in(opened: &Arithmetic) -> Vec<Operand> {
    let leaves = opened.expr.as_ref().unwrap().leaves();
    leaves.into_iter().filter(|o| o.address.kind == AddressKind::Gradient).cloned().collect()
}

/// Opens cells of every weight and of every value that the loss depends on. `is_open`: whether all operations of the
/// model say what they reach, so that nothing but the logits is without slopes to open.
fn assert_all_open(label: &str, learner: &Learner, is_open: bool) {
    let slopes = learner.slopes();
    let tape = slopes.run().tape();
    let mut n = 0;
    for node in tape.nodes() {
        let Some(slope) = slopes.get(node) else { continue };
        n += 1;
        let most = largest(slope);
        for cell in some_cells(slope, if tape.is_leaf(node) { 3 } else { 1 }) {
            let of = tape.entry(node).place.address(cell);
            let path = of.path.clone();
            let address = Address { kind: AddressKind::Gradient, ..of };
            let opened = slopes.open(&address).unwrap();
            assert_eq!(opened.value.to_bits(), slope.get(cell).to_bits(), "{label} {address}");
            let (got, want) = (eval(&opened), f64::from(opened.value));
            // A slope that is next to nothing because its terms cancel has their rounding: that of a key's bias is 0.
            let terms: f64 = opened.terms().iter().map(|term| term.value.abs()).sum();
            let near = 1e-5 * most + if path == "logits" { 1e-7 } else { 1e-6 * terms };
            assert!((got - want).abs() <= near, "{label} {address}: {got}, not {want} of {most}");
            let is_end = path == "logits" || want == 0.0 || !is_open;
            assert!(is_end || !slopes_in(&opened).is_empty(), "{label} {address} leads nowhere");
        }
    }
    assert!(n > 10, "{label} has {n} slopes");
}

/// From each weight down along the largest slopes; every row of a site that is met is opened once.
fn assert_leads_to_the_loss(label: &str, learner: &Learner) {
    let slopes = learner.slopes();
    for (weight, value) in learner.learned().iter() {
        let gradient = learner.gradient(weight).unwrap();
        if largest(&gradient) == 0.0 {
            continue;
        }
        assert_eq!(gradient.shape(), value.shape());
        let mut next = vec![LossSlopes::address(weight, some_cells(&gradient, 0)[0])];
        let row = |address: &Address| (address.path.clone(), address.cell.row);
        let mut met = BTreeSet::from([row(&next[0])]);
        while let Some(address) = next.pop() {
            let mut below = slopes_in(&slopes.open(&address).unwrap());
            below.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
            next.extend(below.into_iter().map(|o| o.address).filter(|a| met.insert(row(a))));
        }
        let is_logits = |(path, _): &(String, usize)| path == "logits";
        assert!(met.iter().any(is_logits), "{label} {weight} leads to {met:?}");
    }
}

fn check(
    label: &str,
    reading: &Arc<Reading>,
    name: ModelName,
    target: Option<&str>,
    is_open: bool,
) {
    let mut learner = reading.learner(name, target, Optimizer::Sgd, 0.01).unwrap();
    for n_steps in [0, 2] {
        (0..n_steps).for_each(|_| learner.step().unwrap());
        assert_all_open(&format!("{label} after {n_steps}"), &learner, is_open);
    }
    if is_open {
        assert_leads_to_the_loss(label, &learner);
    }
}

#[test]
fn slopes_of_every_built_in_model_open_into_their_sums() {
    let star = reading(SENTENCE);
    for name in ModelName::ALL {
        let target = (name != ModelName::DecoderOnly).then_some("Le chat dort.");
        check(name.id(), &star, name, target, true);
    }
}

#[test]
fn slopes_of_checkpoints_open_into_their_sums() {
    let plain = ["gpt2", "llama3", "gemma2", "gpt_neox", "olmo2", "rnn", "lstm", "bart"];
    let open = plain.into_iter().chain(["nemotron", "apertus", "olmo", "hunyuan"]);
    // Some of their operations do not say what they reach: experts, states, learned distances.
    let in_part = ["mixtral", "mamba2", "gpt_oss", "deepseek_v3", "gemma4", "qwen35", "t5"];
    let all = open.map(|family| (family, true));
    for (family, is_open) in all.chain(in_part.map(|family| (family, false))) {
        let tiny = Tiny::open(family);
        let read = Arc::new(tiny.reader.read(SENTENCE).unwrap());
        check(family, &read, ModelName::Checkpoint, None, is_open);
    }
}

#[test]
fn slopes_of_a_changed_pass_open_where_numbers_are_set_by_hand() {
    let texts = ["encoder.0.self_attn.weights[1,2,0]=0.5", "decoder.1.cross_attn.head.2=off"];
    let changes = texts.iter().map(|text| text.parse::<Change>().unwrap()).collect();
    let changed = Arc::new(READER.read_changed(&reading(SENTENCE), changes).unwrap());
    check("changed", &changed, ModelName::Transformer, None, false);
}

#[test]
fn of_a_large_pass_only_the_gradients_of_weights_open() {
    let learner =
        reading(SENTENCE).learner(ModelName::Transformer, None, Optimizer::Sgd, 0.1).unwrap();
    let run = learner.slopes().run();
    let tape = run.tape();
    let is_weight = |node: &Node| learner.learned().contains_key(&tape.entry(*node).place.path);
    let weights: Vec<Node> = tape.nodes().filter(is_weight).collect();
    let words = learner.target().into_iter().enumerate();
    let words = words.map(|(row, word)| WordAtRow { row, word });
    let score = Score::LogProbability(words.collect());
    let seeds = score.seeds(run, |node| tape.value(node), -1.0);
    let replay = tape.replay(Vec::<(Node, Value)>::new(), run.logits_nodes());
    let slopes = Slopes::new(replay, &seeds, &weights, 0);
    for weight in weights {
        let gradient = slopes.get(weight).unwrap();
        let cell = some_cells(gradient, 0)[0];
        let terms = slopes.terms(tape, weight, cell);
        let got: f64 = terms.iter().map(Expr::eval).sum();
        let want = f64::from(gradient.get(cell));
        assert!((got - want).abs() < 1e-5 * want.abs(), "{}", tape.entry(weight).place.path);
        let leaves = terms.iter().flat_map(Expr::leaves).map(|leaf| &leaf.address);
        let mut unopened = leaves.filter(|address| address.kind == AddressKind::Gradient);
        assert!(unopened.all(|address| address.path == "logits"));
    }
}
