//! GGUF files: settings, names, orders of lines.

use std::{fs, ops::Range, path::Path};

use crate::support::weights::{Gguf, counted, f32s};
use lookback::{
    engine::value::Cell,
    weights::{Checkpoint, Config, ExpectedWeight, TokenizerSource, WeightLayout},
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
        [n] => ExpectedWeight::new(name, name, (1, n), WeightLayout::Vector),
        [rows, cols] => ExpectedWeight::new(name, name, (cols, rows), WeightLayout::Linear),
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
    assert!(config.usize("rotary_dim").unwrap() == 8 && !config.has("rope_scaling"));
    let TokenizerSource::Gguf(vocab) = checkpoint.tokenizer() else { panic!("no vocabulary") };
    assert_eq!((vocab.model.as_str(), vocab.tokens.len()), ("llama", 11));
    assert_eq!((vocab.scores[3], vocab.bos, vocab.add_bos), (-3.0, Some(1), Some(true)));
}

/// A GPT-2 of one layer, width 2 and feed-forward 3, as converters write it: maps are (out, in).
fn gpt2(folder: &Path) -> Checkpoint {
    let tensors: [(&str, &[u64]); 4] = [
        ("token_embd.weight", &[2, 5]),
        ("blk.0.attn_qkv.weight", &[2, 6]),
        ("blk.0.attn_qkv.bias", &[6]),
        ("blk.0.ffn_up.weight", &[2, 3]),
    ];
    let mut file = Gguf::default();
    file.0.extend(b"GGUF");
    file.u32(3).u64(4).u64(4).text("general.architecture").u32(8).text("gpt2");
    file.number("gpt2.block_count", 1).number("gpt2.embedding_length", 2);
    file.text("general.name").u32(8).text("x");
    for (i, (name, sizes)) in tensors.iter().enumerate() {
        file.tensor(name, sizes, 0, i as u64 * 64);
    }
    while !file.0.len().is_multiple_of(32) {
        file.0.push(0);
    }
    file.0.extend(f32s(&counted(64)));
    fs::write(folder.join("model.gguf"), &file.0).unwrap();
    Checkpoint::open(&folder.join("model.gguf")).unwrap()
}

#[test]
fn a_gpt2_answers_the_same_wishes_as_hugging_faces() {
    let folder = tempfile::TempDir::new().unwrap();
    let checkpoint = gpt2(folder.path());
    let name = |part: &str| [format!("h.0.{part}"), format!("transformer.h.0.{part}")];
    let part = |ours: &str, range: Range<usize>| {
        ExpectedWeight::new(
            ours,
            name("attn.c_attn.weight"),
            (2, 2),
            WeightLayout::Conv1dColumns(range),
        )
    };
    let weights = checkpoint
        .weights(&[
            ExpectedWeight::new(
                "embed",
                ["wte.weight", "transformer.wte.weight"],
                (5, 2),
                WeightLayout::Table,
            ),
            part("q", 0..2),
            part("k", 2..4),
            part("v", 4..6),
            ExpectedWeight::new(
                "b",
                name("attn.c_attn.bias"),
                (1, 2),
                WeightLayout::VectorPart(4..6),
            ),
            ExpectedWeight::new("up", name("mlp.c_fc.weight"), (2, 3), WeightLayout::Conv1d),
        ])
        .unwrap();
    let get = |name, row, col| weights.tensor(name).unwrap().get(Cell::new(0, row, col)) as u32;
    // Numbers are counted through the file, 16 a tensor; the second line of keys is the fourth of all.
    assert_eq!([get("embed", 4, 1), get("k", 0, 1), get("k", 1, 1)], [9, 22, 23]);
    assert_eq!([get("b", 0, 1), get("up", 1, 2), get("v", 0, 0)], [37, 53, 24]);
    assert!(weights.tensor("q").unwrap().as_stored().unwrap().source.as_f32_slice().is_some());
    assert_eq!(checkpoint.config().usize("n_embd").unwrap(), 2);
}

/// The settings of a file with this metadata and one tensor, `rope_freqs.weight`: 0 and 1.
fn settings(n_entries: u64, metadata: impl Fn(&mut Gguf)) -> Config {
    let mut file = Gguf::default();
    file.0.extend(b"GGUF");
    file.u32(2).u64(1).u64(n_entries + 1).text("general.architecture").u32(8).text("llama");
    metadata(&mut file);
    file.tensor("rope_freqs.weight", &[2], 0, 0);
    file.0.resize(file.0.len().next_multiple_of(32), 0);
    file.0.extend(f32s(&counted(2)));
    let folder = tempfile::TempDir::new().unwrap();
    fs::write(folder.path().join("model.gguf"), &file.0).unwrap();
    Checkpoint::open(folder.path()).unwrap().config().clone()
}

#[test]
fn what_turns_queries_and_keys_becomes_settings() {
    let config = settings(4, |file| {
        file.number("llama.embedding_length", 16).number("llama.attention.head_count", 2);
        file.number("llama.rope.dimension_count", 4);
        file.text("llama.rope.scaling.type").u32(8).text("yarn");
    });
    let scaling = config.section("rope_scaling").unwrap().unwrap();
    assert_eq!(scaling.string("rope_type").unwrap(), "factors");
    assert_eq!(scaling.floats("factors").unwrap(), Some(vec![0.0, 1.0]));
    assert_eq!(config.usize("rotary_dim").unwrap(), 4);
    let experts = settings(1, |file| {
        file.number("llama.expert_count", 8);
    });
    assert_eq!(experts.string("model_type").unwrap(), "llama with experts");
}

/// As bytes, or letter by letter in base64, as Ollama's file of snowflake-arctic-embed2 has it.
#[test]
fn the_map_of_characters_is_a_list_of_bytes_or_of_letters() {
    const KEY: &str = "tokenizer.ggml.precompiled_charsmap";
    let opened = |list: &dyn Fn(&mut Gguf)| {
        let mut file = Gguf::default();
        file.0.extend(b"GGUF");
        file.u32(3).u64(0).u64(3).text("general.architecture").u32(8).text("bert");
        file.text("tokenizer.ggml.model").u32(8).text("t5");
        file.text(KEY).u32(9);
        list(&mut file);
        file.0.resize(file.0.len().next_multiple_of(32), 0);
        let folder = tempfile::TempDir::new().unwrap();
        fs::write(folder.path().join("model.gguf"), &file.0).unwrap();
        let checkpoint = Checkpoint::open(folder.path())?;
        let TokenizerSource::Gguf(vocab) = checkpoint.tokenizer() else { panic!("no vocabulary") };
        anyhow::Ok(vocab.charsmap.clone())
    };
    let letters = |text: &'static str| {
        opened(&move |file| {
            file.u32(8).u64(text.len() as u64);
            for letter in text.chars() {
                file.text(&letter.to_string());
            }
        })
    };
    let bytes = opened(&|file| file.u32(0).u64(4).0.extend([1, 2, 255, 0]));
    assert_eq!(bytes.unwrap(), [1, 2, 255, 0]);
    assert_eq!(letters("AQL/AA==").unwrap(), [1, 2, 255, 0]);
    assert!(format!("{:#}", letters("A?").unwrap_err()).contains("base64"));
}

#[test]
fn a_number_of_every_layer_is_one_where_all_agree() {
    let heads = |second: u32| {
        settings(1, |file| {
            file.text("llama.attention.head_count").u32(9).u32(4).u64(2).u32(8).u32(second);
        })
    };
    assert_eq!(heads(8).usize("num_attention_heads").unwrap(), 8);
    let error = heads(4).usize("num_attention_heads").unwrap_err().to_string();
    assert!(error.contains("a different number in every layer"), "{error}");
}
