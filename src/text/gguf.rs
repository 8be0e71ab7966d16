//! The vocabulary inside a GGUF file.

/// The vocabulary and how to use it; texts are as the file has them, not safe to show.
///
/// It stands in this room, not with the reader of GGUF files, because a tokenizer is made from it here;
/// `checkpoint` comes later in the order of rooms and fills it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GgufVocab {
    /// `gpt2`: byte-level BPE; `llama`: SentencePiece; `bert`: WordPiece; `t5`: unigram.
    pub model: String,
    /// Which way a text is split before BPE: `llama-bpe`, `gpt-2`, `qwen2` ...
    pub pre: Option<String>,
    pub tokens: Vec<String>,
    /// One a token, or none at all.
    pub scores: Vec<f32>,
    /// One a token, or none at all: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.
    pub token_types: Vec<i32>,
    /// Pairs with a space between, best first.
    pub merges: Vec<String>,
    pub bos: Option<u32>,
    pub eos: Option<u32>,
    pub unk: Option<u32>,
    pub sep: Option<u32>,
    pub cls: Option<u32>,
    pub mask: Option<u32>,
    pub pad: Option<u32>,
    pub add_bos: Option<bool>,
    pub add_eos: Option<bool>,
    pub add_space_prefix: Option<bool>,
    pub remove_extra_whitespaces: Option<bool>,
}
