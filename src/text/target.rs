//! What a model is taught, in tokens.

use anyhow::{Context, Result, ensure};

use super::{Tokenizer, refusal};

impl Tokenizer {
    /// The ids of what a model is taught, without special tokens.
    ///
    /// # Errors
    /// If the text is empty, too long, or has a token that the model does not have.
    pub fn target(&self, text: &str) -> Result<Vec<u32>> {
        ensure!(
            !text.trim().is_empty(),
            refusal!(
                "the target is empty; give what the model should write, as in \"Le chat dort.\""
            )
        );
        self.ids_of_text(text).context("the target cannot be taught")
    }
}
