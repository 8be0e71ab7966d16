//! The full pass of every built-in model, everything recorded, at 10, 20 and 40 tokens.
//!
//! PyTorch's times for the same models are made by `assets/training/bench_pytorch.py`.

use divan::{Bencher, black_box};
use lookback::{
    model::{self, Name},
    text::Tokenizer,
};

fn main() {
    divan::main();
}

/// In-world ids: the sentence repeated to the wanted length.
fn ids(n_tokens: usize) -> Vec<u32> {
    let tokenizer = Tokenizer::embedded().expect("the embedded tokenizer loads");
    let text = "The animal didn't cross the street because it was too tired.";
    let ids = tokenizer.sentence(text).expect("the default sentence is in the world").ids();
    ids.into_iter().cycle().take(n_tokens).collect()
}

#[divan::bench(args = [10, 20, 40], consts = [0, 1, 2, 3, 4, 5])]
fn full_pass<const MODEL: usize>(bencher: Bencher, n_tokens: usize) {
    let model = model::load(Name::ALL[MODEL]).expect("the embedded model loads");
    let ids = ids(n_tokens);
    bencher.bench(|| model.run(black_box(&ids)));
}
