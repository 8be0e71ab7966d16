//! The lesson of checkpoints: the same in every language, and fitted to what a model has.

use std::{collections::BTreeSet, path::Path};

use lookback::{
    analysis::reading::{Reader, Reading},
    lesson::{Language, Lesson, Selection, Step, deepen, fact, narrate, template::Template},
    model::ModelName,
    weights::Checkpoint,
};

fn lesson(language: Language) -> Lesson {
    Lesson::for_checkpoint(language).expect("the lesson loads")
}

fn links(text: &Template) -> BTreeSet<&str> {
    text.marks().filter_map(|mark| mark.site.as_deref()).collect()
}

#[test]
fn every_language_has_the_same_steps_blanks_and_links() {
    let (english, chinese) = (lesson(Language::English), lesson(Language::Chinese));
    assert_eq!(english.steps().len(), chinese.steps().len());
    for ((_, a), (_, b)) in english.steps().into_iter().zip(chinese.steps()) {
        assert_eq!(a.id, b.id);
        for (a_text, b_text) in [(&a.text, &b.text), (&a.deeper, &b.deeper)] {
            let (blanks, others): (BTreeSet<_>, BTreeSet<_>) =
                (a_text.facts().collect(), b_text.facts().collect());
            assert_eq!(blanks, others, "{}", a.id);
            assert_eq!(links(a_text), links(b_text), "{}", a.id);
        }
    }
}

#[test]
fn formulas_are_read_as_they_stand() {
    for language in Language::ALL {
        for (_, step) in lesson(language).steps() {
            assert!(!step.formula.contains(['{', '}']), "{language} {}: {}", step.id, step.formula);
        }
    }
}

fn read(name: &str) -> Reading {
    let path = Path::new("tests/goldens/checkpoints").join(name);
    let checkpoint = Checkpoint::open(&path).expect("the checkpoint opens");
    let reader = Reader::open(&checkpoint, true).expect("it can be run");
    reader.read("The river was wide. The river was cold.").expect("it can be read")
}

#[test]
fn the_tensors_of_all_layers_are_one_line_and_hold_all_weights() {
    for name in ["gpt2", "bart", "bert_text"] {
        let reading = read(name);
        let card = reading.card.as_ref().expect("a checkpoint has a card");
        let sum: usize = card.tensors.iter().map(|group| group.n_weights).sum();
        assert_eq!(sum, card.n_weights, "{name}");
        assert!(card.tensors.is_sorted_by(|a, b| a.n_weights >= b.n_weights), "{name}");
        let names: Vec<&str> = card.tensors.iter().map(|group| &*group.name).collect();
        assert!(names.iter().any(|name| name.contains(".*.")), "{names:?}");
        assert!(!names.iter().any(|name| name.contains(".0.")), "{names:?}");
        let group = card.tensors.iter().find(|group| group.n_tensors > 1).expect("two layers");
        let shape = group.shape.as_ref().expect("layers are alike");
        assert_eq!(group.n_weights, group.n_tensors * shape.iter().product::<usize>(), "{name}");
    }
}

fn fitted(reading: &Reading, language: Language) -> Lesson {
    let trace = reading.trace(ModelName::Checkpoint);
    lesson(language).fitting(trace)
}

fn text_of(step: &Step, reading: &Reading, layer: usize) -> String {
    let at = Selection { layer, ..Selection::default() };
    let paragraphs = narrate(step, reading, &at).into_iter().chain(deepen(step, reading, &at));
    paragraphs.flat_map(|paragraph| paragraph.spans).map(|span| span.text).collect()
}

/// A kind of model, how many steps it has at least, and some that it must have or must not have.
const KINDS: [(&str, usize, &[&str], &[&str]); 28] = [
    ("gpt2", 25, &["own-positions", "own-layer-norm", "own-ffn"], &["own-rope", "own-gated"]),
    ("olmo", 24, &["own-plain-norm", "own-gated"], &["own-layer-norm", "own-rms-norm"]),
    ("apertus", 24, &["own-rms-norm", "own-ffn", "own-xielu"], &["own-gated", "own-plain-norm"]),
    ("llama3", 24, &["own-rms-norm", "own-rope", "own-gated"], &["own-positions", "own-ffn"]),
    (
        "qwen2_moe",
        27,
        &["own-router", "own-experts", "own-shared-expert"],
        &["own-gated", "own-router-scores"],
    ),
    (
        "gpt_oss",
        26,
        &["own-learned-sinks", "own-router-scores", "own-experts"],
        &["own-weights", "own-sink", "own-router", "own-shared-expert"],
    ),
    (
        "deepseek_v3",
        31,
        &[
            "own-latent",
            "own-latent-rope",
            "own-latent-cache",
            "own-gated",
            "own-router-affinities",
            "own-expert-groups",
            "own-shared-expert",
        ],
        &["own-queries", "own-rope", "own-cache", "own-router", "own-router-scores"],
    ),
    (
        "mamba2",
        20,
        &[
            "own-ssm-steps",
            "own-state",
            "own-state-read",
            "own-state-cache",
            "own-resid-ssm",
            "own-state-patching",
        ],
        &["own-queries", "own-weights", "own-wall", "own-cache", "own-gated", "own-resid-post"],
    ),
    (
        "lfm2",
        32,
        &[
            "own-short-conv",
            "own-resid-conv",
            "own-weights",
            "own-rope",
            "own-cache",
            "own-gated",
            "own-state-patching",
        ],
        &["own-state", "own-positions", "own-ffn", "own-state-cache", "own-flow"],
    ),
    (
        "qwen35",
        36,
        &[
            "own-delta-keys",
            "own-delta-write",
            "own-delta-state",
            "own-delta-cache",
            "own-resid-delta",
            "own-attn-gate",
            "own-weights",
            "own-cache",
            "own-state-patching",
        ],
        &["own-state", "own-ssm-steps", "own-positions", "own-ffn", "own-state-cache", "own-flow"],
    ),
    (
        "qwen35_moe",
        39,
        &["own-delta-state", "own-attn-gate", "own-router", "own-experts", "own-shared-expert"],
        &["own-gated", "own-router-scores"],
    ),
    (
        "qwen3_next",
        39,
        &["own-delta-state", "own-attn-gate", "own-router", "own-experts", "own-shared-expert"],
        &["own-gated", "own-router-scores"],
    ),
    (
        "granite4",
        36,
        &["own-state", "own-resid-ssm-mid", "own-router-scores", "own-experts", "own-resid-post"],
        &["own-resid-ssm", "own-resid-attn", "own-rope", "own-plain-experts"],
    ),
    (
        "nemotron_h",
        36,
        &[
            "own-state",
            "own-resid-ssm",
            "own-resid-attn",
            "own-router-affinities",
            "own-plain-experts",
            "own-shared-expert",
            "own-ffn",
            "own-resid-post",
        ],
        &["own-resid-ssm-mid", "own-resid-mid", "own-rope", "own-gated", "own-experts"],
    ),
    (
        "llama4",
        32,
        &["own-rope", "own-mask", "own-router-each", "own-weighted-experts", "own-shared-expert"],
        &["own-experts", "own-plain-experts", "own-router-affinities"],
    ),
    (
        "lfm2_moe",
        34,
        &["own-short-conv", "own-gated", "own-router-affinities", "own-experts"],
        &["own-router-each", "own-plain-experts", "own-shared-expert"],
    ),
    (
        "gemma4_shared",
        36,
        &[
            "own-queries",
            "own-borrowed-keys",
            "own-value-norm",
            "own-rope",
            "own-resid-ffn",
            "own-layer-embedding",
            "own-layer-embedding-gate",
            "own-layer-scalar",
            "own-cache",
        ],
        &["own-scaling", "own-resid-post", "own-router", "own-positions"],
    ),
    (
        "gemma4_moe",
        36,
        &["own-router", "own-experts", "own-shared-expert", "own-layer-scalar", "own-value-norm"],
        &["own-gated", "own-layer-embedding", "own-borrowed-keys", "own-scaling"],
    ),
    (
        "bert",
        25,
        &[
            "own-types",
            "enc-weights",
            "mlm",
            "mlm-which-part",
            "mlm-flow",
            "mlm-which-words",
            "enc-against",
            "mlm-patching",
            "mlm-learning",
        ],
        &["sentence-vector", "own-mask", "own-which-part", "own-learning", "class-flow"],
    ),
    (
        "bert_text",
        24,
        &[
            "own-classes",
            "class-which-part",
            "class-flow",
            "class-which-words",
            "enc-against",
            "class-patching",
        ],
        &["mlm-which-part", "mlm-learning", "own-learning"],
    ),
    ("electra_score", 16, &["enc-against"], &["class-which-part", "class-patching"]),
    ("deberta", 17, &["enc-distances", "mlm"], &["enc-scaled", "own-positions", "own-types"]),
    ("bert_answer", 19, &["own-answer", "own-types"], &["own-classes", "sentence-vector"]),
    ("minilm", 13, &["sentence-vector", "enc-against"], &["mlm", "own-logits", "class-flow"]),
    ("t5", 14, &["enc-bias", "dec-cross"], &["enc-scaled", "own-source-positions"]),
    ("t5_encoder", 14, &["enc-bias", "sentence-vector"], &["enc-scaled", "dec-cross"]),
    ("bart", 16, &["own-source-positions", "enc-scaled", "dec-cross"], &["enc-bias"]),
    ("lstm", 6, &["lm-gates", "lm-hidden"], &["lm-gru", "own-weights"]),
];

#[test]
fn each_kind_of_model_gets_the_steps_that_it_has_and_no_other() {
    for (name, least, has, has_not) in KINDS {
        let reading = read(name);
        let lesson = fitted(&reading, Language::English);
        let ids: Vec<&str> = lesson.steps().iter().map(|(_, step)| step.id.as_str()).collect();
        assert!(ids.len() >= least, "{name}: {ids:?}");
        assert!(has.iter().all(|id| ids.contains(id)), "{name}: {ids:?}");
        assert!(!has_not.iter().any(|id| ids.contains(id)), "{name}: {ids:?}");
    }
}

#[test]
fn every_step_has_the_numbers_that_it_speaks_of() {
    for language in Language::ALL {
        for (name, ..) in KINDS {
            let reading = read(name);
            reading.measure();
            let lesson = fitted(&reading, language);
            for (i, (_, step)) in lesson.steps().into_iter().enumerate() {
                let text = text_of(step, &reading, lesson.start(i, &reading).layer);
                for nothing in ["(no value)", "NaN", "(measuring)", "（没有", " 0 tokens"] {
                    assert!(!text.contains(nothing), "{name} {}: {text}", step.id);
                }
            }
        }
    }
}

#[test]
fn the_text_is_about_the_selected_layer_of_the_stack_that_the_step_shows() {
    for (model, step, layer, want) in [
        ("rnn", "lm-hidden", 1, "Layer 1:"),
        ("rnn", "lm-hidden", 5, "Layer 1:"),
        ("marian", "dec-cross", 2, "of layer 2"),
    ] {
        let reading = read(model);
        let lesson = fitted(&reading, Language::English);
        let (_, step) = lesson.step(lesson.find(step).unwrap());
        let text = text_of(step, &reading, layer);
        assert!(text.contains(want), "{model}: {text}");
    }
}

#[test]
fn a_fact_that_a_checkpoint_has_no_value_for_says_so() {
    for (name, ..) in KINDS {
        let reading = read(name);
        let lesson = fitted(&reading, Language::English);
        for (_, step) in lesson.steps() {
            let text = |fact: &str| {
                let text = Template::try_from(format!("{{{fact}}}")).expect("a text");
                let mut step = step.clone();
                (step.text, step.deeper) = (text, Template::default());
                text_of(&step, &reading, 0)
            };
            let texts: Vec<String> = fact::all().map(|fact| text(fact.name)).collect();
            assert!(texts.iter().any(|text| !text.is_empty()), "{name} {}", step.id);
            assert_eq!(text("out_gru"), text("chrf_elman"), "{name} {}", step.id);
            assert!(text("out_gru").contains("no value"), "{name}: {}", text("out_gru"));
        }
    }
}
