//! The full pass of every built-in model, everything recorded, at 10, 20 and 40 tokens.
//!
//! PyTorch's times for the same models are made by `assets/training/bench_pytorch.py`.

use std::fmt;

use divan::{Bencher, black_box};
use lookback::{
    analysis::{
        evidence::{flow::Flow, learner::Optimizer},
        reading::{QuestionAsked, Reader},
    },
    engine::site::Stream,
    model::{self, ModelName, Setup},
    text::Tokenizer,
};
use rayon::prelude::*;

fn main() {
    divan::main();
}

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";

/// Held-out sentences by length, the same that PyTorch is timed on.
const BY_LENGTH: [(usize, &str); 3] = [
    (10, "This school that she liked isn't so dark."),
    (
        20,
        "A doctor next to Mary pushed the boat behind the shops yesterday but she bought a boy's \
         table.",
    ),
    (
        40,
        "A soldier built your farmer's road and liked three frogs in the small grey boat but he \
         chased our angry owl near the small ill dogs that Paul didn't look for with Julia, and \
         Mary ate.",
    ),
];

fn ids(case: &Case) -> Vec<u32> {
    let tokenizer = Tokenizer::embedded().expect("the embedded tokenizer loads");
    let mut ids = tokenizer.sentence(case.text).expect("the sentences can be read").ids();
    // Words of several tokens make some of them longer than they were counted.
    assert!(ids.len() >= case.n_tokens);
    ids.truncate(case.n_tokens);
    ids
}

#[divan::bench(args = cases())]
fn full_pass(bencher: Bencher, case: &Case) {
    let model = model::load(case.name).expect("the embedded model loads");
    let ids = ids(case);
    bencher.bench(|| model.run(black_box(&ids), &Setup::default()));
}

/// A model and the length of its sentence.
struct Case {
    name: ModelName,
    n_tokens: usize,
    text: &'static str,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.n_tokens)
    }
}

fn cases() -> Vec<Case> {
    let lengths = |name| BY_LENGTH.map(|(n_tokens, text)| Case { name, n_tokens, text });
    ModelName::ALL.into_iter().flat_map(lengths).collect()
}

/// Tokenizer and all models, from the bytes in the binary.
#[divan::bench]
fn load_everything(bencher: Bencher) {
    bencher.bench(Reader::embedded);
}

#[divan::bench]
fn load_tokenizer(bencher: Bencher) {
    bencher.bench(Tokenizer::embedded);
}

/// All models on the default sentence: what the first frame waits for.
#[divan::bench]
fn read_default_sentence(bencher: Bencher) {
    let reader = Reader::embedded().expect("the embedded models load");
    bencher.bench(|| reader.read(black_box(SENTENCE)));
}

/// The gradient measures, which the screen shows when they are ready.
#[divan::bench]
fn measure_default_sentence(bencher: Bencher) {
    let reader = Reader::embedded().expect("the embedded models load");
    let reading = || reader.read(SENTENCE).expect("the default sentence is in the world");
    bencher.with_inputs(reading).bench_refs(|reading| reading.measure());
}

/// All maps of patched values of the star pair in the Transformer, cell by cell on all cores.
#[divan::bench]
fn patch_the_star_pair(bencher: Bencher) {
    let reader = Reader::embedded().expect("the embedded models load");
    let reading = reader.read(SENTENCE).expect("the default sentence is in the world");
    let wide = reading.sentence_of(&SENTENCE.replace("tired", "wide")).expect("so is its pair");
    let patching = reading
        .patching(ModelName::Transformer, &wide, &QuestionAsked::default())
        .expect("the two are answered differently");
    let cells = patching.cells();
    bencher.bench(|| cells.par_iter().filter_map(|cell| patching.measure(*cell)).sum::<f32>());
}

/// One step of learning of the Transformer on the default sentence, and the pass after it: what the screen shows when a
/// key takes a step.
#[divan::bench]
fn learn_one_step(bencher: Bencher) {
    let reader = Reader::embedded().expect("the embedded models load");
    let reading = reader.read(SENTENCE).expect("the default sentence is in the world");
    let begin = || {
        let rule = Optimizer::Sgd;
        let learner = reading.learner(ModelName::Transformer, None, rule, rule.usual_rate());
        learner.expect("it learns what it writes")
    };
    bencher.with_inputs(begin).bench_local_refs(|learner| {
        learner.step().expect("the rate is small");
        reading.run_with(ModelName::Transformer, &learner.learned()).map(|run| run.n_rows())
    });
}

/// What every row of the language model's stream is made of, for the flow graph.
#[divan::bench]
fn flow_of_the_language_model(bencher: Bencher) {
    let reader = Reader::embedded().expect("the embedded models load");
    let reading = reader.read(SENTENCE).expect("the default sentence is in the world");
    let run = reading.run(ModelName::DecoderOnly, None).expect("it has read the sentence");
    bencher.bench(|| Flow::new(black_box(&run), Stream::Source));
}
