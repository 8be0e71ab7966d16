//! GGUF files: settings, names, orders of lines.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::{fs, path::Path};

use lookback::{
    checkpoint::{Checkpoint, Layout, TokenizerSource, Wanted},
    value::Cell,
};
use safetensors::SafeTensors;

/// What a tensor must be: rows, columns, numbers.
fn reference() -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let bytes = fs::read("tests/goldens/quants/llama.reference.safetensors").unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.iter().map(|(name, view)| {
        let fours = view.data().as_chunks::<4>().0;
        let numbers = fours.iter().map(|b| f32::from_le_bytes(*b)).collect();
        (name.to_owned(), view.shape().to_vec(), numbers)
    });
    tensors.collect()
}

#[test]
fn a_llama_is_read_under_hugging_faces_names_and_in_its_order() {
    let checkpoint = Checkpoint::open(Path::new("tests/goldens/quants/llama.gguf")).unwrap();
    let reference = reference();
    let wanted = reference.iter().map(|(name, shape, _)| match shape[..] {
        [n] => Wanted::new(name, name, (1, n), Layout::Vector),
        [rows, cols] => Wanted::new(name, name, (cols, rows), Layout::Linear),
        _ => unreachable!(),
    });
    let weights = checkpoint.weights(&wanted.collect::<Vec<_>>()).unwrap();
    assert_eq!(weights.names().len(), checkpoint.tensors().len());
    for (name, shape, numbers) in &reference {
        let value = weights.tensor(name).unwrap();
        let cols = *shape.last().unwrap();
        for (i, want) in numbers.iter().enumerate() {
            let (row, col) = (i / cols, i % cols);
            let cell = if shape.len() == 1 { Cell::new(0, 0, col) } else { Cell::new(0, col, row) };
            assert_eq!(value.get(cell).to_bits(), want.to_bits(), "{name} {row} {col}");
        }
        let matrix = value.matrix();
        assert!(
            shape.len() == 1 || matrix[(cols - 1, 1)].to_bits() == numbers[2 * cols - 1].to_bits()
        );
    }
}

#[test]
fn metadata_become_settings_of_config_json() {
    let checkpoint = Checkpoint::open(Path::new("tests/goldens/quants/llama.gguf")).unwrap();
    let config = checkpoint.config();
    let sizes = [
        ("hidden_size", 32),
        ("num_hidden_layers", 1),
        ("num_attention_heads", 4),
        ("num_key_value_heads", 2),
        ("intermediate_size", 256),
        ("vocab_size", 11),
        ("max_position_embeddings", 64),
    ];
    for (key, want) in sizes {
        assert_eq!(config.usize(key).unwrap(), want, "{key}");
    }
    assert_eq!(config.string("model_type").unwrap(), "llama");
    assert_eq!(config.get("rms_norm_eps").unwrap().to_string(), "0.00001");
    assert_eq!(config.get("rope_theta").unwrap().to_string(), "10000.0");
    assert!(config.bool_or("tie_word_embeddings", false).unwrap());
    assert!(!config.has("partial_rotary_factor") && !config.has("rope_scaling"));
    let TokenizerSource::Gguf(vocab) = checkpoint.tokenizer() else { panic!("no vocabulary") };
    assert_eq!((vocab.model.as_str(), vocab.tokens.len()), ("llama", 11));
    assert_eq!((vocab.scores[3], vocab.bos, vocab.add_bos), (-3.0, Some(1), Some(true)));
}
