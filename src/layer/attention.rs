//! Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2).

use anyhow::Result;

use crate::{
    checkpoint::Weights,
    site::{
        Axis::{Channel, Head, Key, Query},
        Scope, Site,
    },
    tape::{Node, Tape, Weight},
};

pub static Q: Site = Site::planes("q", [Head, Query, Channel], "queries: what each word asks for");
pub static K: Site =
    Site::planes("k", [Head, Key, Channel], "keys: what each word offers to be found by");
pub static V: Site =
    Site::planes("v", [Head, Key, Channel], "values: what each word hands over when looked at");
pub static SCORES: Site =
    Site::planes("scores", [Head, Query, Key], "q · k for every pair of words");
pub static SCALED: Site = Site::planes("scaled", [Head, Query, Key], "scores divided by sqrt(d_k)");
pub static MASKED: Site = Site::planes(
    "masked",
    [Head, Query, Key],
    "scaled scores, minus infinity where the key is in the future",
);
pub static WEIGHTS: Site =
    Site::planes("weights", [Head, Query, Key], "softmax: shares that sum to 1 in each row");
pub static CONTEXT: Site =
    Site::planes("context", [Head, Query, Channel], "values averaged by the weights");
pub static CONCAT: Site =
    Site::matrix("concat", [Query, Channel], "the heads' contexts side by side");
pub static OUT: Site = Site::matrix("out", [Query, Channel], "the heads mixed by W_O");

/// Whether a query may see keys that come after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    None,
    Causal,
}

/// The learned projections of one attention sub-layer.
pub struct Attention {
    scope: Scope,
    w_q: Weight,
    w_k: Weight,
    w_v: Weight,
    w_o: Weight,
    n_heads: usize,
}

impl Attention {
    /// Loads `W_Q`, `W_K`, `W_V` and `W_O`, each (d_model, d_model), named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, scope: Scope, d_model: usize, n_heads: usize) -> Result<Self> {
        let get = |name| weights.matrix(&scope.weight(name), (d_model, d_model));
        let (w_q, w_k, w_v, w_o) = (get("W_Q")?, get("W_K")?, get("W_V")?, get("W_O")?);
        Ok(Self { scope, w_q, w_k, w_v, w_o, n_heads })
    }

    /// Queries from `x`, keys and values from `memory` (the same node in self-attention).
    /// x (query, d_model), memory (key, d_model) -> (query, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node, memory: Node, mask: Mask) -> Node {
        let at = &self.scope;
        let [w_q, w_k, w_v, w_o] =
            [&self.w_q, &self.w_k, &self.w_v, &self.w_o].map(|w| tape.weight(w));
        let d_k = tape.shape(w_q).cols / self.n_heads;

        let q = tape.project_heads(at.at(&Q), x, w_q, self.n_heads); // (head, query, d_k)
        let k = tape.project_heads(at.at(&K), memory, w_k, self.n_heads); // (head, key, d_k)
        let v = tape.project_heads(at.at(&V), memory, w_v, self.n_heads); // (head, key, d_k)
        let scores = tape.matmul_nt(at.at(&SCORES), q, k); // (head, query, key)
        let scaled = tape.divide_by_root(at.at(&SCALED), scores, d_k); // (head, query, key)
        let visible = match mask {
            Mask::None => scaled,
            Mask::Causal => tape.causal_mask(at.at(&MASKED), scaled), // (head, query, key)
        };
        let weights = tape.softmax(at.at(&WEIGHTS), visible); // (head, query, key)
        let context = tape.matmul(at.at(&CONTEXT), weights, v); // (head, query, d_k)
        let concat = tape.concat_heads(at.at(&CONCAT), context); // (query, d_model)
        tape.linear(at.at(&OUT), concat, w_o, None) // (query, d_model)
    }
}
