//! What every encoder-only model is as a [`Model`]: it reads a text once, and its head says a token for each place, or makes
//! one vector of the text.

use std::sync::Arc;

use super::{INPUT, head::Head};
use crate::{
    engine::{
        change::Changes,
        tape::{Keep, Node, Tape},
        value::Matrix,
    },
    model::{Model, ModelSizes, Pass, Setup, source_scope},
};

/// A stack of layers that every token passes once, and a head on it.
pub(in crate::model) trait Encoder: Send + Sync {
    /// The last layer's output after every token, as the head reads it. -> (position, d_model)
    fn encode(&self, tape: &mut Tape, ids: &[u32]) -> Node;

    fn head(&self) -> &Head;

    /// The sizes, as if there were a head of words.
    fn encoder_sizes(&self) -> ModelSizes;

    /// Rows of the last layer as the head reads them. (position, d_model) -> (position, d_model)
    fn finish(&self, _tape: &mut Tape, rows: Node) -> Node {
        rows
    }
}

impl<E: Encoder> Model for E {
    /// The output is a token for every masked position, or for every position if none is masked; empty for a model
    /// without a head of words.
    fn run(&self, source: &[u32], setup: &Setup) -> Pass {
        let mut tape = setup.tape();
        let x = self.encode(&mut tape, source);
        let output = self.head().forward(&mut tape, x, source, &setup.choosing());
        Pass { tape, source: source.to_vec(), target: vec![], output, beams: None }
    }

    fn read(&self, source: &[u32], setup: &Setup) -> Tape {
        let mut tape = setup.tape();
        self.encode(&mut tape, source);
        tape
    }

    fn sizes(&self) -> Option<ModelSizes> {
        Some(self.encoder_sizes())
    }

    /// Without a head of words there are no logits of words.
    fn pass_bytes(&self, n: usize, keep: Keep) -> Option<u64> {
        let all = self.encoder_sizes();
        let has_words = self.head().places(&[]).is_some();
        let sizes = if has_words { all } else { ModelSizes { n_vocab: 0, ..all } };
        Some(sizes.bytes(n, keep) as u64)
    }

    fn classes(&self) -> &[String] {
        self.head().classes()
    }

    fn written_at(&self, source: &[u32]) -> Option<Vec<usize>> {
        self.head().places(source)
    }

    fn unembed(&self, rows: &Matrix, changes: &Arc<Changes>) -> Option<Matrix> {
        let mut tape = Tape::changed(Arc::clone(changes));
        let x = tape.leaf(source_scope("tokens").at(&INPUT), Arc::new(rows.clone().into()));
        let x = self.finish(&mut tape, x);
        let logits = self.head().logits(&mut tape, x)?;
        Some(tape.value(logits).matrix().clone())
    }
}
