//! What a model is taught, in tokens; and what it says, where that has no words.

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

    /// The mask token as it is typed.
    pub fn mask(&self) -> String {
        self.ids().mask.map_or_else(|| "[MASK]".to_owned(), |id| self.token(id).text)
    }

    /// The text of ids, safe to show; of special tokens alone their names, such as `<eos>`.
    pub fn said(&self, ids: &[u32]) -> String {
        let text = self.decode(ids);
        if !text.trim().is_empty() {
            return text;
        }
        let names: Vec<String> = ids.iter().map(|&id| self.token(id).text).collect();
        names.join(" ")
    }
}
