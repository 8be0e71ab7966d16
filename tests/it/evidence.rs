//! Evidence against PyTorch, captum and TransformerLens (`evidence_golden.py` and `lens_golden.py` of `assets/training`
//! made the references), and properties that hold whatever the weights are.

use std::{collections::BTreeMap, sync::Arc};

use lookback::{
    analysis::{
        evidence::{
            EvidenceQuestion, Run, Score,
            attribution::{PartKind, attribution},
            heads::{HeadScores, SCORES},
            learner::Optimizer,
            patching::{PatchKind, Patching},
            saliency::saliency,
            score::WordAtRow,
        },
        reading::{QuestionAsked, Reading},
    },
    engine::{
        change::{Change, Changes},
        value::Value,
    },
    model::{self, Model, ModelName},
    text::{Token, words},
};

use crate::support::{
    built_in::{READER, reading},
    evidence::{Goldens, assert_near, ids},
    tiny::Tiny,
};

const SAMPLE: usize = 32;
const STRIDE: usize = 7919;

fn sample(value: &Value) -> Vec<f32> {
    let all: Vec<f32> = value.numbers().collect();
    (0..SAMPLE).map(|i| all[i * STRIDE % all.len()]).collect()
}

fn run_of(model: &dyn Model, ids: &[u32], forced: Option<Vec<u32>>) -> Run {
    Run::new(model, ids, &Arc::default(), forced)
}

/// The run of the first side, and of the second, which reads the first's output.
fn runs(goldens: &Goldens, name: ModelName) -> [Run; 2] {
    let model = model::load(name).unwrap();
    let [a, b] = goldens.sides(name);
    let first = run_of(&*model, &a, None);
    let forced = (!first.reads_only()).then(|| first.pass.target[1..].to_vec());
    let second = run_of(&*model, &b, forced);
    [first, second]
}

const BOTH: [ModelName; 2] = [ModelName::Transformer, ModelName::DecoderOnly];

#[test]
fn ten_steps_of_learning_are_those_of_pytorch() {
    let goldens = Goldens::read();
    let star = reading(goldens.cases["sentence"].as_str().unwrap());
    let taught = goldens.cases["taught"].as_str().unwrap();
    for name in [
        ModelName::Elman,
        ModelName::Gru,
        ModelName::RnnAttention,
        ModelName::Transformer,
        ModelName::DecoderOnly,
    ] {
        let target = (name != ModelName::DecoderOnly).then_some(taught);
        for (rule, optimizer) in [("sgd", Optimizer::Sgd), ("adam", Optimizer::Adam)] {
            let rate = goldens.cases["rates"][rule].as_f64().unwrap() as f32;
            let mut learner = star.learner(name, target, optimizer, rate).unwrap();
            for (weight, want) in goldens.under(&format!("learning/{name}/gradient/")) {
                let got = learner.gradient(weight).unwrap();
                assert_near(&format!("{name} d loss / d {weight}"), &sample(&got), want, 1e-5);
            }
            (0..10).for_each(|_| learner.step().unwrap());
            let learned = learner.learned();
            let mut n = 0;
            for (weight, want) in goldens.under(&format!("learning/{name}/{rule}/")) {
                let label = format!("{name} {rule} {weight}");
                if weight == "losses" {
                    assert_near(&label, &learner.losses, want, 1e-5);
                    continue;
                }
                n += 1;
                let got = sample(&learned[weight]);
                // Adam divides by the gradient's own size: where that is next to nothing, its rounding is the step.
                let slopes = &goldens.tensors[&format!("learning/{name}/gradient/{weight}")];
                let is_sure = |i: &usize| rule == "sgd" || slopes[*i].abs() > 1e-4;
                let (sure, unsure): (Vec<usize>, Vec<usize>) = (0..SAMPLE).partition(is_sure);
                let of = |all: &[f32], at: &[usize]| at.iter().map(|&i| all[i]).collect::<Vec<_>>();
                let is_rough = rule == "adam" && name == ModelName::RnnAttention;
                let bound = if is_rough { 5e-5 } else { 1e-5 };
                assert_near(&label, &of(&got, &sure), &of(want, &sure), bound);
                assert_near(&label, &of(&got, &unsure), &of(want, &unsure), 2e-4);
            }
            assert!(n > 8, "{name} has {n} weights");
        }
    }
}

/// BART reads and learns the token with which its settings begin every output, DeBERTa the norm of its table of distances,
/// and the row of padding, with which Marian and Pegasus begin, learns nothing from being read.
#[test]
fn tiny_checkpoints_learn_as_the_classes_of_transformers_do() {
    let goldens = Goldens::read();
    let name = ModelName::Checkpoint;
    for model in ["bart", "deberta", "marian", "pegasus"] {
        let case = &goldens.cases[&*format!("taught/{model}")];
        let [text, target] = ["text", "target"].map(|key| case[key].as_str().unwrap());
        let reading = Tiny::open(model).reader.read(text).unwrap();
        for (rule, optimizer) in [("sgd", Optimizer::Sgd), ("adam", Optimizer::Adam)] {
            let rate = case["rates"][rule].as_f64().unwrap() as f32;
            let mut learner = reading.learner(name, Some(target), optimizer, rate).unwrap();
            let want = &goldens.tensors[&format!("taught/{model}/{rule}/losses")];
            (1..want.len()).for_each(|_| learner.step().unwrap());
            assert_near(&format!("{model} {rule}"), &learner.losses, want, 1e-5);
        }
    }
    let deberta = Tiny::open("deberta").reader.read("of birds [MASK] could").unwrap();
    let learner = deberta.learner(name, Some("u"), Optimizer::Sgd, 0.005).unwrap();
    let moved = learner.moved();
    for weight in ["encoder.distances", "encoder.distance_norm.gain", "encoder.distance_norm.bias"]
    {
        assert!(moved.iter().any(|of| of.name == weight && of.distance > 1e-4), "{weight}");
    }
}

#[test]
fn a_decoder_that_is_given_a_text_reads_the_first_token_of_every_output_before_it() {
    let tiny = Tiny::open("bart");
    let plain = Arc::new(tiny.reader.read("of birds").unwrap());
    let given: Changes = [Change::target("old").unwrap()].into_iter().collect();
    let reading = tiny.reader.read_changed(&plain, given).unwrap();
    let read = |target: &[Token]| target.iter().map(|token| token.id).collect::<Vec<_>>();
    let target = read(&reading.trace(ModelName::Checkpoint).target);
    assert_eq!(target, [2, 0, 82, 271], "</s> <s> o ld");
    let own = read(&plain.trace(ModelName::Checkpoint).target);
    assert_eq!(own[..2], target[..2], "as where it writes itself");
    let learner = plain.learner(ModelName::Checkpoint, Some("old"), Optimizer::Sgd, 0.005).unwrap();
    assert_eq!(learner.target(), [0, 82, 271, 2]);
}

#[test]
fn a_rate_of_zero_changes_nothing() {
    let star = reading("The dog sleeps.");
    for name in ModelName::ALL {
        for optimizer in [Optimizer::Sgd, Optimizer::Adam] {
            let mut learner = star.learner(name, None, optimizer, 0.0).unwrap();
            learner.step().unwrap();
            assert_eq!(learner.losses[0].to_bits(), learner.losses[1].to_bits(), "{name}");
            assert!(learner.moved().iter().all(|moved| moved.distance == 0.0), "{name}");
            let plain = star.run(name, None).unwrap();
            let same = star.run_with(name, &learner.learned()).unwrap();
            assert_eq!(plain.pass.output, same.pass.output, "{name}");
            let row = plain.n_rows() - 1;
            assert_eq!(plain.logits_of_row(row), same.logits_of_row(row), "{name}");
        }
    }
}

/// The losses of PyTorch, where an ALBERT's layers have the same weights.
#[test]
fn layers_with_the_same_weights_learn_together() {
    let reading = Arc::new(Tiny::open("albert").reader.read("the [MASK] runs").unwrap());
    let name = ModelName::Checkpoint;
    let mut learner = reading.learner(name, Some("a"), Optimizer::Sgd, 0.005).unwrap();
    assert_eq!(learner.n_weights(), 9_379);
    (0..2).for_each(|_| learner.step().unwrap());
    assert_near("albert", &learner.losses, &[11.52894, 9.98146, 7.32820], 1e-5);
    let run = reading.run_with(name, &learner.learned()).unwrap();
    let words = learner.target();
    let row = reading.sentence.tokens.iter().position(|token| token.text == "[MASK]").unwrap();
    let loss = -Score::LogProbability(vec![WordAtRow::new(row, words[0])]).of_run(&run).unwrap();
    assert_near("its own pass", &[loss], &learner.losses[2..], 1e-5);
}

/// Transformers' buffers, and its tables of sines. The losses are PyTorch's.
#[test]
fn constants_of_a_model_are_not_learned() {
    let learner = |name: &str, text: &str| {
        let reading = Arc::new(Tiny::open(name).reader.read(text).unwrap());
        reading.learner(ModelName::Checkpoint, None, Optimizer::Sgd, 0.01).unwrap()
    };
    let mut gemma = learner("gemma4", "the winter birds");
    (0..2).for_each(|_| gemma.step().unwrap());
    assert_near("gemma4", &gemma.losses, &[11.8772, 10.5697, 9.7058], 1e-4);
    for (name, constant, learned) in [
        ("gemma4", "blocks.0.scalar", "blocks.0.norm1.gain"),
        ("marian", "unembed.bias", "embed.weight"),
        ("bart", "unembed.bias", "src.positions.weight"),
        ("pegasus", "src.positions.weight", "embed.weight"),
        ("pegasus", "tgt.positions.weight", "embed.weight"),
        ("deepseek_v3", "blocks.1.ffn.router.b_choice", "blocks.1.ffn.router.W"),
    ] {
        let weights = learner(name, "the winter birds").learned();
        assert!(weights.contains_key(learned), "{name}: {learned}");
        assert!(!weights.contains_key(constant), "{name}: {constant}");
    }
}

/// The gradient of a weight is the slope of the loss: a small step along it changes the loss as much.
#[test]
fn the_loss_falls_by_the_square_of_the_gradient() {
    let star = reading("The dog sleeps.");
    for name in [ModelName::Gru, ModelName::Transformer, ModelName::DecoderOnly] {
        let target = (name != ModelName::DecoderOnly).then_some("Le chat dort.");
        let rate = 1e-4;
        let mut learner = star.learner(name, target, Optimizer::Sgd, rate).unwrap();
        let weights: Vec<String> = learner.learned().keys().cloned().collect();
        let squares = weights.iter().map(|name| {
            let gradient = learner.gradient(name).unwrap();
            gradient.numbers().map(|g| f64::from(g) * f64::from(g)).sum::<f64>()
        });
        let want = f64::from(rate) * squares.sum::<f64>();
        learner.step().unwrap();
        let got = f64::from(learner.losses[0] - learner.losses[1]);
        assert!((got / want - 1.0).abs() < 0.05, "{name}: the loss fell by {got}, not {want}");
    }
}

#[test]
fn a_taught_translation_is_written_after_some_steps() {
    let star = reading("The dog sleeps.");
    let mut learner = star
        .learner(ModelName::Transformer, Some("Le chat dort."), Optimizer::Adam, 0.001)
        .unwrap();
    (0..40).for_each(|_| learner.step().unwrap());
    let after = star.run_with(ModelName::Transformer, &learner.learned()).unwrap();
    let wanted = READER.tokenizer().encode("Le chat dort.").unwrap();
    let written = &after.pass.output[..after.pass.output.len() - 1];
    assert_eq!(written, wanted, "losses {:?}", learner.losses);
    let loss = star.held_out_losses(ModelName::Transformer, &learner.learned()).unwrap();
    assert!(loss.before < loss.after, "what nobody asked about got worse: {loss:?}");
}

#[test]
fn parts_of_a_logit_are_those_of_pytorch() {
    let goldens = Goldens::read();
    for name in BOTH {
        let [run, _] = runs(&goldens, name);
        let found = attribution(&run, &goldens.question(name).score()).unwrap();
        let mut n = 0;
        for (part, want) in goldens.under(&format!("attribution/{name}/")) {
            let (path, is_heads) = part.strip_suffix("/heads").map_or((part, false), |p| (p, true));
            n += 1;
            let got =
                found.parts.iter().find(|p| p.path == path).unwrap_or_else(|| panic!("{path}"));
            if is_heads {
                let keys: Vec<f32> = got.heads.iter().flat_map(|h| h.by_key.clone()).collect();
                assert_near(part, &keys, want, 1e-5);
            } else {
                assert_near(part, &[got.amount], want, 1e-5);
            }
        }
        assert!(n > 6, "{name}: {n} parts");
    }
}

#[test]
fn the_parts_add_up_to_the_logits_of_any_words() {
    for text in ["The dog sleeps.", "The animal didn't cross the street because it was too tired."]
    {
        let reading = reading(text);
        for name in [ModelName::Transformer, ModelName::TransformerUnguided, ModelName::DecoderOnly]
        {
            let run = reading.run(name, None).unwrap();
            for (row, word, against) in [(0, 5, 900), (run.n_rows() - 1, 380, 1474)] {
                for score in [Score::Difference { row, word, against }, Score::Logit { row, word }]
                {
                    let found = attribution(&run, &score).unwrap();
                    assert!(
                        found.rest().abs() < 2e-5 * found.score.abs().max(10.0),
                        "{name} {}",
                        found.rest()
                    );
                    for part in &found.parts {
                        let heads: f32 = part.heads.iter().map(|head| head.amount).sum();
                        let keys: f32 = part.heads.iter().flat_map(|head| &head.by_key).sum();
                        let units: f32 = part.units.iter().sum();
                        let inside = match part.kind {
                            PartKind::Attention => heads,
                            PartKind::FeedForward => units,
                            _ => continue,
                        };
                        assert!((inside + part.bias - part.amount).abs() < 1e-4, "{}", part.path);
                        assert!(part.kind != PartKind::Attention || (heads - keys).abs() < 1e-4);
                    }
                }
            }
        }
        let gru = reading.run(ModelName::Gru, None).unwrap();
        assert!(attribution(&gru, &Score::Logit { row: 0, word: 5 }).is_none());
    }
}

#[test]
fn words_count_as_captum_says() {
    let goldens = Goldens::read();
    for name in BOTH {
        let [run, _] = runs(&goldens, name);
        let model = model::load(name).unwrap();
        assert_eq!(run.pass.output, goldens.ids(name, "output"), "{name}");
        let scores =
            [("difference", goldens.question(name).score()), ("output", Score::of_output(&run))];
        for (key, score) in scores {
            let tokens = words::single(run.pass.source.len());
            let found = saliency(&*model, &run, &score, &tokens, |_, _| true).unwrap();
            let want = |what: &str| &goldens.tensors[&format!("saliency/{name}/{key}/{what}")][..];
            let label = |what: &str| format!("{name} {key} {what}");
            assert_near(&label("gradient"), &found.gradient, want("gradient"), 1e-4);
            assert_near(&label("integrated"), &found.integrated, want("integrated"), 1e-4);
            assert_near(&label("ends"), &[found.score, found.baseline], want("ends"), 1e-5);
            let n = found.without.len();
            let left_out: Vec<f32> = (0..n).filter_map(|i| found.left_out(i)).collect();
            assert_near(&label("left out"), &left_out, want("left_out"), 1e-4);
            assert_eq!(n - left_out.len(), run.n_before());
        }
    }
}

#[test]
fn integrated_gradients_of_every_model_add_up_to_the_score() {
    let star = reading("The dog sleeps.");
    for name in ModelName::ALL {
        let run = star.run(name, None).unwrap();
        let found = star.saliency(name, &run, &Score::of_output(&run)).unwrap();
        let whole = (found.score - found.baseline).abs();
        assert!(
            found.gap().abs() < 0.05 * whole.max(1.0),
            "{name}: {} of {whole} is left",
            found.gap()
        );
        assert!(found.is_complete() || whole < 1.0, "{name}");
    }
}

fn patching(goldens: &Goldens, name: ModelName) -> Patching {
    let [a, b] = runs(goldens, name);
    let question = goldens.question(name);
    Patching::new(a, b, question, [question.score(), question.score()]).unwrap()
}

#[test]
fn patched_passes_are_those_of_pytorch() {
    let goldens = Goldens::read();
    for name in BOTH {
        let patching = patching(&goldens, name);
        let mut found: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
        for cell in patching.cells() {
            let site = patching.maps[cell.map].rows[cell.row].as_str();
            found.entry(site).or_default().push(patching.measure(cell).unwrap());
        }
        let wanted = goldens.under(&format!("patching/{name}/"));
        assert_eq!(wanted.len(), found.len(), "{name}");
        for (site, want) in wanted {
            assert_near(site, &found[site], want, 1e-4);
        }
    }
}

/// Of a tiny checkpoint: both runs, and the question that `lens_golden.py` asks.
fn lens_case(goldens: &Goldens, name: &str) -> ([Run; 2], EvidenceQuestion) {
    let tiny = Tiny::open(name);
    let case = &goldens.cases[name];
    let runs = [0, 1].map(|side| run_of(&*tiny.model, &ids(&case["sides"][side]), None));
    let pair = ids(&case["pair"]);
    let question = EvidenceQuestion { row: runs[0].n_rows() - 1, word: pair[0], against: pair[1] };
    (runs, question)
}

#[test]
fn patched_checkpoints_are_those_of_transformer_lens() {
    let goldens = Goldens::of("transformer_lens");
    for name in ["gpt2", "llama3", "gpt_neox"] {
        let ([a, b], question) = lens_case(&goldens, name);
        let patching = Patching::new(a, b, question, [question.score(), question.score()]).unwrap();
        let mut found: BTreeMap<(&str, usize), Vec<f32>> = BTreeMap::new();
        for cell in patching.cells() {
            let map = &patching.maps[cell.map];
            found
                .entry((map.kind.name(), cell.row))
                .or_default()
                .push(patching.measure(cell).unwrap());
        }
        let has_middle = goldens.tensors.contains_key(&format!("{name}/patching/resid_mid"));
        let wanted = goldens.under(&format!("{name}/patching/"));
        assert_eq!(wanted.len(), if has_middle { 5 } else { 4 });
        for (hook, want) in wanted {
            let (kind, first, every) = match hook {
                "resid_pre" => ("residual", 0, if has_middle { 2 } else { 1 }),
                "resid_mid" => ("residual", 1, 2),
                "attn_out" => ("attention", 0, 1),
                "mlp_out" => ("feed-forward", 0, 1),
                _ => ("heads", 0, 1),
            };
            let n_cols = found[&(kind, 0)].len();
            for (layer, want) in want.chunks(n_cols).enumerate() {
                let got = &found[&(kind, first + every * layer)];
                assert_near(&format!("{name} {hook} {layer}"), got, want, 1e-4);
            }
        }
    }
}

#[test]
fn parts_of_a_checkpoints_logits_are_those_of_transformer_lens() {
    let goldens = Goldens::of("transformer_lens");
    for name in ["gpt2", "llama3", "gpt_neox"] {
        let ([a, _], question) = lens_case(&goldens, name);
        let found = attribution(&a, &question.score()).unwrap();
        let parts: Vec<f32> =
            found.parts.iter().filter(|p| p.kind != PartKind::Bias).map(|p| p.amount).collect();
        let heads: Vec<f32> =
            found.parts.iter().flat_map(|part| &part.heads).map(|head| head.amount).collect();
        let want = |what: &str| &goldens.tensors[&format!("{name}/attribution/{what}")][..];
        assert_near(&format!("{name} parts"), &parts, want("parts"), 1e-4);
        assert_near(&format!("{name} heads"), &heads, want("heads"), 1e-4);
    }
}

#[test]
fn everything_patched_is_the_other_pass() {
    let goldens = Goldens::read();
    for name in BOTH {
        let patching = patching(&goldens, name);
        let input = &patching.maps[0].rows[0];
        assert_eq!(patching.maps[0].kind, PatchKind::Residual);
        assert!((patching.whole(input).unwrap() - 1.0).abs() < 1e-4, "{input}");
    }
}

#[test]
fn heads_do_what_they_do_in_pytorch() {
    let goldens = Goldens::read();
    let texts = [
        (ModelName::Transformer, goldens.cases["sentence"].as_str().unwrap().to_owned()),
        (ModelName::DecoderOnly, goldens.cases["read_on"][0].as_str().unwrap().to_owned()),
    ];
    for (name, text) in texts {
        let found = reading(&text).head_scores(name).unwrap();
        let mut n = 0;
        for (scope, want) in goldens.under(&format!("heads/{name}/")) {
            for (head, want) in want.chunks(7).enumerate() {
                n += 1;
                let is_it = |h: &&HeadScores| h.scope == scope && h.head == head;
                let got = found.iter().find(is_it).unwrap();
                for ((got, want), score) in got.scores.iter().zip(want).zip(&SCORES) {
                    let label = format!("{name} {scope} head {head} {}", score.name);
                    assert_eq!(got.is_none(), want.is_nan(), "{label}: {got:?} {want}");
                    let got = got.unwrap_or(f32::NAN);
                    assert!(want.is_nan() || (got - want).abs() < 1e-4, "{label}: {got} {want}");
                }
            }
        }
        assert_eq!(n, found.len(), "{name}");
    }
    let gru = reading("The dog sleeps.").head_scores(ModelName::Gru);
    assert!(gru.unwrap_err().to_string().contains("no attention heads"));
}

/// The words are read twice, `[CLS]`, `<s>` and the like once.
#[test]
fn copies_are_those_of_the_words_alone() {
    let goldens = Goldens::read();
    for model in ["llama3", "bert", "bart"] {
        let reading = Tiny::open(model).reader.read("of birds a could").unwrap();
        let found = reading.head_scores(ModelName::Checkpoint).unwrap();
        let copies = goldens.under(&format!("copies/{model}/"));
        assert!(copies.len() > 1, "{model}");
        for (scope, want) in copies {
            let of_scope = found.iter().filter(|head| head.scope == scope);
            let got = of_scope.flat_map(|head| [head.scores[3].unwrap(), head.scores[4].unwrap()]);
            assert_near(&format!("{model} {scope}"), &got.collect::<Vec<_>>(), want, 1e-4);
        }
    }
}

#[test]
fn a_sentence_without_a_difference_is_refused_in_words() {
    let star = reading("The dog sleeps.");
    let same = star.sentence_of("The dog sleeps.").unwrap();
    let refused = star.patching(ModelName::Transformer, &same, &QuestionAsked::default());
    assert!(refused.err().unwrap().to_string().contains("no difference"));
    let asked = QuestionAsked { words: vec!["qqqq".into()], place: None };
    let run = star.run(ModelName::Transformer, None).unwrap();
    assert!(star.question(&run, &asked).unwrap_err().to_string().contains("not a token"));
    let asked = QuestionAsked { words: vec![], place: Some(99) };
    assert!(star.question(&run, &asked).unwrap_err().to_string().contains("0 to"));
    assert!(star.learner(ModelName::DecoderOnly, Some("x"), Optimizer::Sgd, 0.1).is_err());
}

/// Sentences of different lengths are matched from both ends; a recurrent network has no maps.
#[test]
fn sentences_of_other_lengths_are_patched_where_they_agree() {
    let star: Arc<Reading> = reading("The dog didn't drink the water because it was too hot.");
    let other =
        star.sentence_of("The old dog didn't drink the milk because it was too hot.").unwrap();
    let patching =
        star.patching(ModelName::Transformer, &other, &QuestionAsked::default()).unwrap();
    let shares: Vec<Option<f32>> =
        patching.cells().into_iter().map(|cell| patching.measure(cell)).collect();
    assert!(shares.iter().any(Option::is_none) && shares.iter().any(Option::is_some));
    assert!(shares.iter().flatten().all(|share| share.is_finite()));
    let gru = star.patching(ModelName::Gru, &other, &QuestionAsked::default());
    assert!(gru.err().unwrap().to_string().contains("residual stream"));
}
