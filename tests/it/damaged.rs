//! Copies of model files with something wrong in them: bits turned, ends cut off, lengths swapped, names
//! twice, huge shapes. Each copy loads correctly or is refused with a sentence that names the file.
//!
//! The files are the tiny checkpoints that other tests read, as transformers and llama.cpp write them.
//! `LOOKBACK_COPIES=100000 cargo test --release --test it damaged::` tries so many copies of safetensors and
//! as many of GGUF; `LOOKBACK_CHECKPOINTS=FOLDER:FILE.gguf` harms copies of these instead.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::support::{
    any_tensor::wanted,
    damage::{harm_bytes, harm_json},
    gguf,
    rng::Random,
};
use half::f16;
use lookback::{analysis::reading::Reader, weights::Checkpoint};
use safetensors::{Dtype, SafeTensors};
use tempfile::TempDir;

const CHECKPOINTS: &str = "tests/goldens/checkpoints";

/// How many copies are tried by default.
const COPIES: usize = 2000;

/// The address space that may be added while all copies are read, in kilobytes: the threads' stacks and
/// the allocator's arenas, and nothing that a damaged length could ask for.
const GROWTH: u64 = 1024 * 1024;

/// A copy of a safetensors file, or of a JSON file beside it, with harm done.
fn harmed(file: &[u8], is_weights: bool, random: &mut Random) -> Vec<u8> {
    let mut copy = file.to_vec();
    for _ in 0..=random.below(2) {
        let start = if is_weights { 8 } else { 0 };
        let end = if is_weights { header_end(&copy) } else { Some(copy.len()) };
        let text = end.and_then(|end| String::from_utf8(copy.get(start..end)?.to_vec()).ok());
        match text.filter(|_| random.below(2) == 0) {
            Some(text) => {
                let mut new = harm_json(&text, random);
                let rest = copy.split_off(start + text.len());
                while is_weights && !new.len().is_multiple_of(8) {
                    new.push(' ');
                }
                let length = (new.len() as u64).to_le_bytes();
                let length = if is_weights { &length[..] } else { &[] };
                copy = [length, new.as_bytes(), &rest].concat();
            }
            None => harm_bytes(&mut copy, end.unwrap_or(file.len()), random),
        }
    }
    copy
}

/// Where the header of a safetensors file ends.
fn header_end(file: &[u8]) -> Option<usize> {
    let length = u64::from_le_bytes(file.first_chunk().copied()?);
    usize::try_from(length).ok()?.checked_add(8).filter(|end| *end <= file.len())
}

/// Opens it, reads every tensor, and has the model read a text; the checkpoint if its weights could
/// be read.
fn tried(path: &Path) -> Result<Checkpoint, String> {
    let message = |e: anyhow::Error| format!("{e:#}");
    let checkpoint = Checkpoint::open(path).map_err(message)?;
    for wanted in checkpoint.tensors().iter().filter_map(wanted) {
        checkpoint.weights(&[wanted]).map_err(message)?;
    }
    let reader = Reader::open(&checkpoint, false).map_err(message)?.up_to(8);
    // A text may have no tokens in a changed vocabulary, which is not the file's fault.
    let _ = reader.read("it was");
    Ok(checkpoint)
}

/// That its tensors are those that the safetensors crate finds in the same bytes. The crate also
/// refuses what does no harm: metadata of other kinds than text, bytes that belong to no tensor.
fn assert_correct(checkpoint: &Checkpoint, bytes: &[u8]) {
    let Ok(reference) = SafeTensors::deserialize(bytes) else { return };
    assert_eq!(checkpoint.tensors().len(), reference.len());
    for tensor in checkpoint.tensors() {
        let view = reference.tensor(&tensor.name).unwrap();
        assert_eq!(view.shape(), tensor.shape);
        let Some(wanted) = wanted(tensor).filter(|_| view.dtype() == Dtype::F32) else { continue };
        let value = checkpoint.weights(&[wanted]).unwrap().tensor(&tensor.name).unwrap();
        let numbers =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        let same = value.numbers().map(f32::to_bits).eq(numbers.map(f32::to_bits));
        assert!(same, "{}: other numbers than in the file", tensor.name);
    }
}

/// That its tensors are those of the file's own table, with all of its numbers, in whatever order: the
/// program gives some of them the order that transformers has.
fn assert_correct_from_gguf(checkpoint: &Checkpoint, bytes: &[u8]) {
    let table = gguf::table(bytes).expect("what was opened has a table");
    assert_eq!(checkpoint.tensors().len(), table.len());
    for (tensor, listed) in checkpoint.tensors().iter().zip(table) {
        assert_eq!(tensor.name_in_file, listed.name);
        let n = listed.sizes.iter().product::<u64>() as usize;
        assert_eq!(tensor.n_numbers(), n, "{}", listed.name);
        let f32s =
            || listed.bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        let f16s =
            || listed.bytes.chunks_exact(2).map(|b| f16::from_le_bytes(b.try_into().unwrap()));
        let numbers: Vec<f32> = match listed.kind {
            0 => f32s().take(n).collect(),
            1 => f16s().map(f32::from).take(n).collect(),
            _ => continue,
        };
        let Some(wanted) = wanted(tensor) else { continue };
        let value = checkpoint.weights(&[wanted]).unwrap().tensor(&tensor.name).unwrap();
        let sorted = |numbers: Vec<f32>| {
            // Of a number that is none, processors keep different bits when they widen it.
            let bits = |x: f32| if x.is_nan() { f32::NAN } else { x }.to_bits();
            let mut bits: Vec<u32> = numbers.into_iter().map(bits).collect();
            bits.sort_unstable();
            bits
        };
        let same = sorted(value.numbers().collect()) == sorted(numbers);
        assert!(same, "{}: other numbers than in the file", listed.name);
    }
}

/// The most address space that this process has had, in kilobytes, where the system tells.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}

fn n_copies() -> usize {
    env::var("LOOKBACK_COPIES").map_or(COPIES, |n| n.parse().expect("LOOKBACK_COPIES is a number"))
}

/// The checkpoints to harm: folders, or GGUF files.
fn checkpoints(are_folders: bool) -> Vec<PathBuf> {
    let tiny = || fs::read_dir(CHECKPOINTS).unwrap().map(|entry| entry.unwrap().path()).collect();
    let own = env::var_os("LOOKBACK_CHECKPOINTS");
    let mut paths: Vec<_> = own.as_ref().map_or_else(tiny, |own| env::split_paths(own).collect());
    paths.retain(|path| {
        let is_folder = path.join("model.safetensors").is_file();
        if are_folders { is_folder } else { path.extension().is_some_and(|end| end == "gguf") }
    });
    paths.sort();
    assert!(own.is_some() || paths.len() >= 8, "only {paths:?}");
    paths
}

/// How many copies were opened, and how many refused; a refusal must name the place.
#[derive(Default, Debug)]
struct Count {
    opened: usize,
    refused: usize,
}

impl Count {
    fn take<T>(&mut self, seed: usize, outcome: Result<T, String>, place: &str) -> Option<T> {
        match outcome {
            Ok(found) => {
                self.opened += 1;
                Some(found)
            }
            Err(message) => {
                assert!(message.contains(place), "copy {seed}: {place} is not named: {message}");
                self.refused += 1;
                None
            }
        }
    }

    /// Both happen, or the harm is none or total.
    fn check(&self, before: u64) {
        if self.opened + self.refused == 0 {
            return; // none of that format was named
        }
        eprintln!("{self:?}, {} kB of address space more", peak() - before);
        assert!(self.opened * 50 > self.refused && self.refused * 50 > self.opened, "{self:?}");
        assert!(peak() - before < GROWTH, "from {before} to {} kB", peak());
    }
}

#[test]
fn harmed_folders_load_correctly_or_are_refused() {
    let (before, mut count, folders) = (peak(), Count::default(), checkpoints(true));
    for (which, folder) in folders.iter().enumerate() {
        let copy = TempDir::new().unwrap();
        let place = copy.path().file_name().unwrap().to_string_lossy().into_owned();
        let files = ["model.safetensors", "config.json", "tokenizer.json"];
        let whole = files.map(|name| fs::read(folder.join(name)).unwrap());
        for (name, bytes) in files.iter().zip(&whole) {
            fs::write(copy.path().join(name), bytes).unwrap();
        }
        assert!(tried(copy.path()).is_ok(), "{}: the files themselves", folder.display());
        for seed in (which..n_copies()).step_by(folders.len()) {
            let mut random = Random(seed as u64);
            let i = [0, 0, 1, 2][random.below(4)];
            let bytes = harmed(&whole[i], i == 0, &mut random);
            fs::write(copy.path().join(files[i]), &bytes).unwrap();
            let opened = count.take(seed, tried(copy.path()), &place);
            if let Some(checkpoint) = opened.filter(|_| i == 0) {
                assert_correct(&checkpoint, &bytes);
            }
            fs::write(copy.path().join(files[i]), &whole[i]).unwrap();
        }
    }
    count.check(before);
}

#[test]
fn harmed_gguf_files_load_correctly_or_are_refused() {
    let (before, mut count, files) = (peak(), Count::default(), checkpoints(false));
    for (which, file) in files.iter().enumerate() {
        let folder = TempDir::new().unwrap();
        let (path, whole) = (folder.path().join("model.gguf"), fs::read(file).unwrap());
        let tensors = gguf::table(&whole).unwrap();
        let header = whole.len() - tensors.iter().map(|listed| listed.bytes.len()).max().unwrap();
        for seed in (which..n_copies()).step_by(files.len()) {
            let (mut bytes, mut random) = (whole.clone(), Random(seed as u64));
            for _ in 0..=random.below(2) {
                harm_bytes(&mut bytes, header, &mut random);
            }
            fs::write(&path, &bytes).unwrap();
            if let Some(checkpoint) = count.take(seed, tried(&path), "model.gguf") {
                assert_correct_from_gguf(&checkpoint, &bytes);
            }
        }
    }
    count.check(before);
}
