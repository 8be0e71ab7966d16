//! Each fuzz target on its corpus and on harmed copies of it: a quick look without the fuzzer, in every run of the tests.
//! `LOOKBACK_COPIES=100000 cargo test --release --test fuzz` tries so many copies of each kind.

#[path = "../it/support/rng.rs"]
mod rng;
#[path = "../it/support/damage.rs"]
mod damage;
#[path = "lib.rs"]
mod kinds;

use std::{env, fs, path::Path, sync::LazyLock};

use damage::{harm_bytes, harm_json};
use rng::Random;

/// How many copies are tried by default.
const COPIES: usize = 3000;

/// All kinds side by side, with the models that they share.
static TOGETHER: LazyLock<()> = LazyLock::new(|| kinds::together(16));

/// The files of a target's corpus, sorted by name.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new("tests/fuzz/corpus").join(target);
    let entries = fs::read_dir(folder).expect("every target has a corpus");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file")).collect()
}

/// One of the files with some harm done: bytes turned or moved, numbers and names put in others' places.
fn harmed(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut copy = random.of(corpus);
    for _ in 0..=random.below(3) {
        match String::from_utf8(copy.clone()) {
            Ok(text) if random.below(2) == 0 => copy = harm_json(&text, random).into(),
            _ => harm_bytes(&mut copy, usize::MAX, random),
        }
    }
    copy
}

fn replay(target: &str) {
    LazyLock::force(&TOGETHER);
    let (_, run) = kinds::TARGETS.into_iter().find(|(name, _)| *name == target).expect("a target");
    let corpus = corpus(target);
    for input in &corpus {
        run(input);
    }
    let n = env::var("LOOKBACK_COPIES").map_or(COPIES, |n| n.parse().expect("a number"));
    for seed in 0..n {
        run(&harmed(&corpus, &mut Random(seed as u64)));
    }
}

/// A test for each target, so that the one that fails has a name.
macro_rules! targets {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                replay(stringify!($target));
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let replayed = [$(stringify!($target)),*];
            assert!(kinds::TARGETS.iter().map(|(name, _)| *name).eq(replayed));
        }
    };
}

targets!(adapter address chat config evidence gguf lesson quantised safetensors sentence settings tokenizer what_if);
