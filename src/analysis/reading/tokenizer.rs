//! The choice of a checkpoint's tokenizer.

use anyhow::{Context, Result, bail};

use crate::{
    text::{Specials, Tokenizer},
    weights::{Checkpoint, TokenizerSource},
};

/// The tokenizer that comes with a checkpoint.
///
/// # Errors
/// If it is damaged, of an unknown kind, or missing; the message names the file and the fault.
pub fn tokenizer(checkpoint: &Checkpoint) -> Result<Tokenizer> {
    let config = checkpoint.config();
    let beside = |name| checkpoint.beside(name);
    let eos = checkpoint.ends()?;
    match checkpoint.tokenizer() {
        TokenizerSource::Json { file, bytes } => {
            let specials = Specials {
                file: &checkpoint.name_beside(file),
                tokenizer_config: beside("tokenizer_config.json"),
                special_tokens_map: beside("special_tokens_map.json"),
                sentence_config: checkpoint.sentence_config(),
                model_type: config.string_or("model_type", "")?,
                bos: config.id("bos_token_id")?,
                eos: &eos,
                pad: config.id("pad_token_id")?,
            };
            Tokenizer::from_json(bytes, &specials)
        }
        TokenizerSource::Gguf(vocab) => Tokenizer::from_gguf(vocab).context(checkpoint.name()),
        TokenizerSource::None if checkpoint.is_gguf() => bail!(
            "{} holds no supported vocabulary (`tokenizer.ggml.model`), so no text can be read; \
             convert the model again, with its tokenizer",
            checkpoint.name()
        ),
        TokenizerSource::None => bail!(
            "{} is missing, so no text can be read; put it beside the weights, or vocab.json and \
             merges.txt, vocab.txt, or a SentencePiece model; of other files \
             `transformers.AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)` makes it",
            checkpoint.name_beside("tokenizer.json")
        ),
    }
}
