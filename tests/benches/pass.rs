//! The full pass of every built-in model, everything recorded, at 10, 20 and 40 tokens.
//!
//! PyTorch's times for the same models are made by `assets/training/bench_pytorch.py`.

use std::fmt;

use divan::{Bencher, black_box};
use lookback::{
    model::{self, Name},
    reading::Reader,
    text::Tokenizer,
};

fn main() {
    divan::main();
}

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";

/// In-world ids: the sentence repeated to the wanted length.
fn ids(n_tokens: usize) -> Vec<u32> {
    let tokenizer = Tokenizer::embedded().expect("the embedded tokenizer loads");
    let ids = tokenizer.sentence(SENTENCE).expect("the default sentence is in the world").ids();
    ids.into_iter().cycle().take(n_tokens).collect()
}

#[divan::bench(args = cases())]
fn full_pass(bencher: Bencher, case: &Case) {
    let model = model::load(case.name).expect("the embedded model loads");
    let ids = ids(case.n_tokens);
    bencher.bench(|| model.run(black_box(&ids)));
}

/// A model and the length of its sentence.
struct Case {
    name: Name,
    n_tokens: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.n_tokens)
    }
}

fn cases() -> Vec<Case> {
    let lengths = |name| [10, 20, 40].map(|n_tokens| Case { name, n_tokens });
    Name::ALL.into_iter().flat_map(lengths).collect()
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
    bencher.with_inputs(reading).bench_refs(|reading| reading.measures().influence.len());
}
