//! Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2).

use std::sync::Arc;

use anyhow::Result;

use crate::{
    checkpoint::Weights,
    site::{
        Axis::{Channel, Head, Key, Query},
        Scope, Site,
    },
    tape::{Node, Rope, Tape, Weight},
};

pub static Q: Site = Site::planes("q", [Head, Query, Channel], "queries: what each word asks for");
pub static K: Site =
    Site::planes("k", [Head, Key, Channel], "keys: what each word offers to be found by");
pub static V: Site =
    Site::planes("v", [Head, Key, Channel], "values: what each word hands over when looked at");
pub static Q_ROT: Site = Site::planes(
    "q_rot",
    [Head, Query, Channel],
    "queries turned by their positions: rotary position embedding",
);
pub static K_ROT: Site = Site::planes(
    "k_rot",
    [Head, Key, Channel],
    "keys turned by their positions: rotary position embedding",
);
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
    /// Causal, and only so many keys back, the query's own included (Beltagy et al. 2020).
    Window(usize),
}

/// How many heads, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    pub d_model: usize,
    pub n_heads: usize,
    /// Heads of keys and values: fewer than `n_heads` where neighbours share them (Ainslie et al. 2023).
    pub n_kv_heads: usize,
    pub d_head: usize,
}

impl Heads {
    /// `d_model` cut into equal slices, each head with keys and values of its own.
    pub const fn slices(d_model: usize, n_heads: usize) -> Self {
        Self { d_model, n_heads, n_kv_heads: n_heads, d_head: d_model / n_heads }
    }

    /// The width of all queries side by side.
    pub const fn d_q(self) -> usize {
        self.n_heads * self.d_head
    }

    /// The width of all keys, or values, side by side.
    pub const fn d_kv(self) -> usize {
        self.n_kv_heads * self.d_head
    }
}

/// A learned linear map; its bias may be absent.
struct Map {
    w: Weight,
    b: Option<Weight>,
}

impl Map {
    fn load(weights: &Weights, scope: &Scope, of: char, shape: (usize, usize)) -> Result<Self> {
        Ok(Self {
            w: weights.matrix(&scope.weight(&format!("W_{of}")), shape)?,
            b: weights.optional_row(&scope.weight(&format!("b_{of}")), shape.1)?,
        })
    }

    fn on(&self, tape: &mut Tape) -> (Node, Option<Node>) {
        let w = tape.weight(&self.w);
        (w, self.b.as_ref().map(|b| tape.weight(b)))
    }
}

/// The learned projections of one attention sub-layer.
pub struct Attention {
    scope: Scope,
    q: Map,
    k: Map,
    v: Map,
    o: Map,
    heads: Heads,
    rope: Option<Arc<Rope>>,
}

impl Attention {
    /// Loads `W_Q` (d_model, d_q), `W_K` and `W_V` (d_model, d_kv) and `W_O` (d_q, d_model), and
    /// `b_Q` to `b_O` where they are there, named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, scope: Scope, heads: Heads) -> Result<Self> {
        let (d_model, d_q, d_kv) = (heads.d_model, heads.d_q(), heads.d_kv());
        let map = |of, shape| Map::load(weights, &scope, of, shape);
        let (q, k) = (map('Q', (d_model, d_q))?, map('K', (d_model, d_kv))?);
        let (v, o) = (map('V', (d_model, d_kv))?, map('O', (d_q, d_model))?);
        Ok(Self { scope, q, k, v, o, heads, rope: None })
    }

    /// The same with queries and keys turned by their positions.
    #[must_use]
    pub fn with_rope(self, rope: Option<Arc<Rope>>) -> Self {
        Self { rope, ..self }
    }

    /// Queries from `x`, keys and values from `memory` (the same node in self-attention).
    /// x (query, d_model), memory (key, d_model) -> (query, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node, memory: Node, mask: Mask) -> Node {
        let at = &self.scope;
        let [w_q, w_k, w_v, w_o] = [&self.q, &self.k, &self.v, &self.o].map(|map| map.on(tape));
        let Heads { n_heads, n_kv_heads, d_head: d_k, .. } = self.heads;

        let mut q = tape.project_heads(at.at(&Q), x, w_q, n_heads); // (head, query, d_k)
        let mut k = tape.project_heads(at.at(&K), memory, w_k, n_kv_heads); // (kv head, key, d_k)
        let v = tape.project_heads(at.at(&V), memory, w_v, n_kv_heads); // (kv head, key, d_k)
        if let Some(rope) = &self.rope {
            q = tape.rotate(at.at(&Q_ROT), q, rope);
            k = tape.rotate(at.at(&K_ROT), k, rope);
        }
        let past = tape.remember(at.prefix(), k, v); // (kv head, d_k, key), where there is a past
        let scores = match past {
            None => tape.matmul_nt(at.at(&SCORES), q, k), // (head, query, key)
            Some((keys, _)) => tape.matmul(at.at(&SCORES), q, keys),
        };
        let scaled = tape.divide_by_root(at.at(&SCALED), scores, d_k); // (head, query, key)
        let visible = match mask {
            Mask::None => scaled,
            Mask::Causal => tape.causal_mask(at.at(&MASKED), scaled, None), // (head, query, key)
            Mask::Window(n) => tape.causal_mask(at.at(&MASKED), scaled, Some(n)),
        };
        let weights = tape.softmax(at.at(&WEIGHTS), visible); // (head, query, key)
        let context = match past {
            None => tape.matmul(at.at(&CONTEXT), weights, v), // (head, query, d_k)
            Some((_, values)) => tape.matmul_nt(at.at(&CONTEXT), weights, values),
        };
        let concat = tape.concat_heads(at.at(&CONCAT), context); // (query, d_q)
        tape.linear(at.at(&OUT), concat, w_o.0, w_o.1) // (query, d_model)
    }
}
