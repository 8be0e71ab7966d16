//! Evidence about the pass before the changes, which is asked about the same words as the changed one, so that parts can
//! be set beside each other.

use std::sync::Arc;

use super::{super::Reading, PassEvidence};
use crate::{
    analysis::evidence::{
        EvidenceQuestion,
        next_words::{NextWord, next_words},
        score::WordAtRow,
    },
    model::ModelName,
    text::Token,
};

/// Evidence about the pass before the changes, asked about the same words.
pub struct EvidenceBefore {
    pub found: Arc<PassEvidence>,
    /// Whether its decoder wrote the same words up to the row asked about; if not, it was given those of the changed pass.
    pub writes_same: bool,
    /// The likeliest words of both passes at the row asked about.
    pub next_words: Vec<NextWordInBoth>,
}

/// A word's probability before the changes, and with them.
#[derive(Clone, Debug, PartialEq)]
pub struct NextWordInBoth {
    pub word: String,
    pub was: f32,
    pub now: f32,
}

/// Why there is no evidence about the pass before the changes.
const NO_COUNTERPART: &str = "The word asked about has no counterpart: A and B differ in length, or in their number of masks.";
const NO_ROOM: &str = "There is no room for a second pass with everything kept beside the walk.";

impl PassEvidence {
    /// The same of the pass before the changes, or why there is none; None until it is known.
    pub fn before(&self) -> Option<Result<&EvidenceBefore, &'static str>> {
        self.before.get().map(|before| before.as_ref().map_err(|why| *why))
    }

    /// Whether two decoders read the same up to the row asked about; a model that only reads has none.
    fn reads_as(&self, target: &[Token]) -> bool {
        let n = self.question.row + 1;
        self.target.iter().take(n).eq(target.iter().take(n))
    }
}

impl Reading {
    /// Fills in the evidence about the pass before the changes, if there are changes.
    pub(super) fn find_before(&self, name: ModelName, found: &PassEvidence) {
        if let Some(plain) = &self.plain {
            found.before.get_or_init(|| plain.before_of(name, found));
        }
    }

    /// What this pass, without changes, says about the question of another's evidence.
    fn before_of(
        &self,
        name: ModelName,
        of: &PassEvidence,
    ) -> Result<EvidenceBefore, &'static str> {
        let own = &self.trace(name).target;
        let writes_same = of.reads_as(own);
        let known = self.pass_evidence.get().and_then(|all| all.get(&name));
        let known = known.filter(|known| {
            let is_same = known.question == of.question && writes_same;
            is_same && known.rows.row_in(&of.rows, of.question.row) == Some(of.question.row)
        });
        let found = match known {
            Some(known) => Arc::clone(known),
            None => Arc::new(self.find_asked(name, of)?),
        };
        let words = next_words([&found.logits, &of.logits], &of.question);
        let ids: Vec<usize> = words.iter().map(|word| word.id).collect();
        let named = self.told_apart(&of.rows, &ids);
        let both = |(NextWord { was, now, .. }, word)| NextWordInBoth { word, was, now };
        let next_words = words.into_iter().zip(named).map(both).collect();
        Ok(EvidenceBefore { found, writes_same, next_words })
    }

    /// Runs this pass on what another's decoder read, and asks what that was asked.
    fn find_asked(&self, name: ModelName, of: &PassEvidence) -> Result<PassEvidence, &'static str> {
        if !self.may_run(name) {
            return Err(NO_ROOM);
        }
        let ids = of.target.iter().skip(1).map(|token| token.id);
        let forced = (!of.target.is_empty()).then(|| ids.collect::<Vec<u32>>());
        let run = self.run(name, forced.clone()).ok().ok_or(NO_ROOM)?;
        let row = of.rows.row_in(&run.rows(), of.question.row).ok_or(NO_COUNTERPART)?;
        let question = EvidenceQuestion { row, ..of.question };
        let output = of.output.iter().filter_map(|word| {
            Some(WordAtRow { row: of.rows.row_in(&run.rows(), word.row)?, ..*word })
        });
        let output = output.collect();
        Ok(PassEvidence { forced, output, ..self.find_about(name, &run, question) })
    }
}
