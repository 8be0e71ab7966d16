//! Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2).

use std::sync::Arc;

use anyhow::Result;

use crate::{
    engine::{
        math::{AttentionOptions, Scaling},
        site::{
            Axis::{Channel, Head, Key, Query, Single},
            Role, Scope, Site,
        },
        tape::{Buckets, Node, Root, Rope, Tape, Weight},
    },
    model::layer::norm::{HeadNorm, NormKind, QkNorm},
    weights::Weights,
};

pub static Q: Site =
    Site::planes("q", [Head, Query, Channel], "queries: what each word asks for").called(&["Q"]);
pub static K: Site =
    Site::planes("k", [Head, Key, Channel], "keys: what each word offers to be found by")
        .called(&["K"]);
pub static V: Site =
    Site::planes("v", [Head, Key, Channel], "values: what each word passes on when attended to")
        .called(&["V"]);
pub static Q_ROT: Site = Site::planes(
    "q_rot",
    [Head, Query, Channel],
    "queries rotated by their positions: rotary position embedding",
)
.with(Role::Positions);
pub static K_ROT: Site = Site::planes(
    "k_rot",
    [Head, Key, Channel],
    "keys rotated by their positions: rotary position embedding",
)
.with(Role::Positions);
pub static Q_TEMPERED: Site = Site::planes(
    "q_tempered",
    [Head, Query, Channel],
    "queries, longer the later they stand: scores stay sharp in long texts",
)
.with(Role::Positions);
pub static SCORES: Site =
    Site::planes("scores", [Head, Query, Key], "q · k for every pair of words")
        .called(&["S", "Q Kᵀ"]);
pub static SCALED: Site = Site::planes("scaled", [Head, Query, Key], "scores divided by sqrt(d_k)")
    .with(Role::ScaledScores)
    .called(&["/ √d_k", "/√d_k", "scaled"]);
pub static MULTIPLIED: Site = Site::planes(
    "scaled",
    [Head, Query, Key],
    "scores times the multiplier that the settings give",
)
.with(Role::ScaledScores)
.called(&["/ √d_k", "/√d_k", "scaled"]);
pub static CAPPED: Site = Site::planes(
    "capped",
    [Head, Query, Key],
    "scores bent by a soft cap: none is larger than the cap",
)
.called(&["capped", "c · tanh(s / c)"]);
pub static MASKED: Site = Site::planes(
    "masked",
    [Head, Query, Key],
    "scaled scores, minus infinity where the key is in the future",
)
.with(Role::MaskedScores)
.called(&["masked", "mask"]);
pub static WINDOWED: Site = Site::planes(
    "masked",
    [Head, Query, Key],
    "scores, minus infinity where the key is in the future, or before the window",
)
.with(Role::MaskedScores)
.called(&["masked", "mask"]);
pub static AROUND: Site = Site::planes(
    "masked",
    [Head, Query, Key],
    "scores, minus infinity where the key is further away than the window reaches",
)
.with(Role::MaskedScores)
.called(&["masked", "mask"]);
pub static DISTANCE: Site = Site::planes(
    "bias",
    [Head, Query, Key],
    "ALiBi: each head's slope times the distance of the key",
)
.with(Role::Positions)
.called(&["bias", "m_h · (j − i)"]);
pub static BIAS: Site = Site::planes(
    "bias",
    [Head, Query, Key],
    "relative position bias: what each head learned to add at this distance",
)
.with(Role::Positions);
pub static BIASED: Site = Site::planes("biased", [Head, Query, Key], "scores + bias");
pub static BIASED_MASKED: Site = Site::planes(
    "masked",
    [Head, Query, Key],
    "scores + bias, minus infinity where the key is in the future",
)
.with(Role::MaskedScores)
.called(&["masked", "mask"]);
pub static WEIGHTS: Site =
    Site::planes("weights", [Head, Query, Key], "softmax: shares that sum to 1 in each row")
        .with(Role::AttentionWeights)
        .called(&["A"]);
pub static WEIGHTS_WITH_SINK: Site = Site::planes(
    "weights",
    [Head, Query, Key],
    "softmax with the head's sink, whose share is dropped: rows sum to less than 1",
)
.with(Role::AttentionWeights)
.called(&["A"]);
pub static SINK: Site = Site::planes(
    "sink",
    [Head, Query, Single],
    "the share that the head's sink takes from each query: what is missing to 1",
)
.with(Role::SinkShares)
.called(&["sink"]);
pub static CONTEXT: Site =
    Site::planes("context", [Head, Query, Channel], "values averaged by the weights")
        .with(Role::HeadContext)
        .called(&["context"]);
pub static CONCAT: Site =
    Site::matrix("concat", [Query, Channel], "the heads' contexts side by side")
        .called(&["[head_0 ; … ; head_h]", "concat"]);
pub static OUT: Site = Site::matrix("out", [Query, Channel], "the heads mixed by W_O")
    .with(Role::SubLayerOutput)
    .called(&["out", "attention(x)", "attention(y)"]);

/// Whether a query may see keys that come after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    None,
    Causal,
    /// Causal, and only so many keys back, the query's own included (Beltagy et al. 2020).
    Window(usize),
    /// Both sides, so many keys away.
    Around(usize),
}

impl Mask {
    /// How many keys a query sees, its own the last; None sees those after it too.
    const fn window(self) -> Option<usize> {
        match self {
            Self::None | Self::Around(_) => None,
            Self::Causal => Some(usize::MAX),
            Self::Window(n) => Some(n),
        }
    }
}

/// The number and size of attention heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadSizes {
    pub d_model: usize,
    pub n_heads: usize,
    /// Heads of keys and values: fewer than `n_heads` if several query heads share one (Ainslie et al. 2023).
    pub n_kv_heads: usize,
    pub d_head: usize,
}

impl HeadSizes {
    /// `d_model` cut into equal slices, each head with keys and values of its own.
    pub const fn slices(d_model: usize, n_heads: usize) -> Self {
        Self { d_model, n_heads, n_kv_heads: n_heads, d_head: d_model / n_heads }
    }

    /// The width of all query heads together.
    pub const fn d_q(self) -> usize {
        self.n_heads * self.d_head
    }

    /// The width of all key heads, or value heads, together.
    pub const fn d_kv(self) -> usize {
        self.n_kv_heads * self.d_head
    }
}

/// A learned linear map with an optional bias.
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

/// How the scores of a layer are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScoreScaling {
    /// Not at all, or the learned queries include it.
    None,
    Root(Root),
    Factor(f32),
}

impl ScoreScaling {
    /// Divided by the root of a head's width (Vaswani et al. 2017, eq. 1).
    pub const fn by_root(d_head: usize) -> Self {
        Self::Root(Root { n: d_head, times: 1 })
    }

    fn number(self) -> Scaling {
        match self {
            Self::None => Scaling::None,
            Self::Root(root) => Scaling::DividedBy(root.number()),
            Self::Factor(factor) => Scaling::Times(factor),
        }
    }
}

/// Queries that grow with their position: `q * (1 + beta * ln(1 + floor(position / trained)))` (Meta 2025, *Llama 4*).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tempering {
    pub beta: f32,
    /// The positions that the model was trained on, in tokens.
    pub trained: usize,
}

impl Tempering {
    fn factor(self, position: usize) -> f32 {
        1.0 + self.beta * ((1 + position / self.trained.max(1)) as f32).ln()
    }
}

/// What an attention layer has beside its projections, its mask and softmax.
#[derive(Clone, Debug)]
pub struct AttentionPlan {
    pub scaling: ScoreScaling,
    /// Queries and keys are normalised before they are rotated.
    pub qk_norm: Option<(QkNorm, NormKind)>,
    /// Queries and keys are rotated by their positions.
    pub rope: Option<Arc<Rope>>,
    pub tempering: Option<Tempering>,
    /// Scores are bent to lie within it.
    pub cap: Option<f32>,
    /// The slope of each head's bias by distance.
    pub slopes: Option<Arc<[f32]>>,
    /// Whether each head has a learned score that no key gets.
    pub has_sinks: bool,
}

impl AttentionPlan {
    /// Scores divided by the root of a head's width, and nothing more.
    pub const fn plain(d_head: usize) -> Self {
        Self {
            scaling: ScoreScaling::by_root(d_head),
            qk_norm: None,
            rope: None,
            tempering: None,
            cap: None,
            slopes: None,
            has_sinks: false,
        }
    }
}

/// The learned projections of one attention sub-layer.
pub struct Attention {
    scope: Scope,
    q: Map,
    k: Map,
    v: Map,
    o: Map,
    qk_norms: Option<[HeadNorm; 2]>,
    sinks: Option<Weight>,
    heads: HeadSizes,
    plan: AttentionPlan,
}

/// A learned bias per head and distance, added to the scores. table (bucket, head)
#[derive(Clone, Copy, Debug)]
pub struct Relative {
    pub table: Node,
    pub buckets: Buckets,
}

/// Keys and values of new positions (head, key, d_k), or with those of a cached past (head, d_k, key).
#[derive(Clone, Copy)]
struct KeyValues {
    keys: Node,
    values: Node,
    is_past: bool,
    /// The keys and values of the new positions; None if all come from the past.
    made: Option<[Node; 2]>,
}

impl Attention {
    /// Loads `W_Q` (d_model, d_q), `W_K` and `W_V` (d_model, d_kv) and `W_O` (d_q, d_model), and
    /// `b_Q` to `b_O` if present, named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, scope: Scope, heads: HeadSizes) -> Result<Self> {
        Self::planned(weights, scope, heads, AttentionPlan::plain(heads.d_head))
    }

    /// As [`Self::load`], and what else the plan has: `q_norm.gain`, `k_norm.gain`, `sinks` (1, n_heads).
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn planned(
        weights: &Weights,
        scope: Scope,
        heads: HeadSizes,
        plan: AttentionPlan,
    ) -> Result<Self> {
        let (d_model, d_q, d_kv) = (heads.d_model, heads.d_q(), heads.d_kv());
        let map = |of, shape| Map::load(weights, &scope, of, shape);
        let (q, k) = (map('Q', (d_model, d_q))?, map('K', (d_model, d_kv))?);
        let (v, o) = (map('V', (d_model, d_kv))?, map('O', (d_q, d_model))?);
        let norm = |name, n_heads, (of, kind): (QkNorm, NormKind)| {
            HeadNorm::load(weights, scope.child(name), of.width(n_heads, heads.d_head), of, kind)
        };
        let qk_norms = match plan.qk_norm {
            None => None,
            Some(of) => {
                Some([norm("q_norm", heads.n_heads, of)?, norm("k_norm", heads.n_kv_heads, of)?])
            }
        };
        let sinks = plan.has_sinks.then(|| weights.row(&scope.weight("sinks"), heads.n_heads));
        let sinks = sinks.transpose()?;
        Ok(Self { scope, q, k, v, o, qk_norms, sinks, heads, plan })
    }

    /// This layer with scores scaled in another way.
    #[must_use]
    pub fn scaled(self, scaling: ScoreScaling) -> Self {
        Self { plan: AttentionPlan { scaling, ..self.plan }, ..self }
    }

    /// The output of attention: queries from `x`, keys and values from `memory` (the same node in self-attention).
    /// x (query, d_model), memory (key, d_model) -> (query, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node, memory: Node, mask: Mask) -> Node {
        self.attend(tape, x, memory, mask, None)
    }

    /// Self-attention, with relative position bias if the model has one.
    /// x (position, d_model) -> (position, d_model)
    pub fn forward_relative(
        &self,
        tape: &mut Tape,
        x: Node,
        mask: Mask,
        relative: Option<Relative>,
    ) -> Node {
        self.attend(tape, x, x, mask, relative)
    }

    fn attend(
        &self,
        tape: &mut Tape,
        x: Node,
        memory: Node,
        mask: Mask,
        relative: Option<Relative>,
    ) -> Node {
        let at = &self.scope;
        let [w_q, w_k, w_v, w_o] = [&self.q, &self.k, &self.v, &self.o].map(|map| map.on(tape));
        let q = tape.project_heads(at.at(&Q), x, w_q, self.heads.n_heads); // (head, query, d_k)
        // Keys and values of another stream stay the same while a text is continued.
        let known = if x == memory { None } else { tape.recall(at.prefix()) };
        let (q, kv) = match known {
            Some((keys, values)) => (q, KeyValues { keys, values, is_past: true, made: None }),
            None => self.project_kv(tape, q, memory, w_k, w_v),
        };
        let context = self.fused(tape, q, kv, mask, relative);
        let context = context.unwrap_or_else(|| self.step_by_step(tape, q, kv, mask, relative));
        let concat = tape.concat_heads(at.at(&CONCAT), context); // (query, d_q)
        tape.linear(at.at(&OUT), concat, w_o.0, w_o.1) // (query, d_model)
    }

    /// The context from a fused kernel; None if its steps are recorded. (head, query, d_k)
    fn fused(
        &self,
        tape: &mut Tape,
        q: Node,
        kv: KeyValues,
        mask: Mask,
        relative: Option<Relative>,
    ) -> Option<Node> {
        let adds = matches!(mask, Mask::Around(_))
            || relative.is_some()
            || self.sinks.is_some()
            || self.plan.slopes.is_some();
        let [k, v] = kv.made.filter(|_| !adds)?;
        let (scaling, cap) = (self.plan.scaling.number(), self.plan.cap);
        let how = AttentionOptions { scaling, cap, window: mask.window() };
        tape.fused_attention(self.scope.at(&CONTEXT), [q, k, v], how)
    }

    /// The context with every step recorded. (head, query, d_k)
    fn step_by_step(
        &self,
        tape: &mut Tape,
        q: Node,
        kv: KeyValues,
        mask: Mask,
        relative: Option<Relative>,
    ) -> Node {
        let at = &self.scope;
        let scores = if kv.is_past {
            tape.matmul(at.at(&SCORES), q, kv.keys) // (head, query, key)
        } else {
            tape.matmul_nt(at.at(&SCORES), q, kv.keys)
        };
        let visible = self.visible(tape, scores, mask, relative); // (head, query, key)
        let weights = match &self.sinks {
            None => tape.softmax(at.at(&WEIGHTS), visible), // (head, query, key)
            Some(sinks) => {
                let sinks = tape.weight(sinks);
                tape.sink_shares(at.at(&SINK), visible, sinks);
                tape.softmax_with_sinks(at.at(&WEIGHTS_WITH_SINK), visible, sinks)
            }
        };
        if kv.is_past {
            tape.matmul_nt(at.at(&CONTEXT), weights, kv.values) // (head, query, d_k)
        } else {
            tape.matmul(at.at(&CONTEXT), weights, kv.values)
        }
    }

    /// The queries and keys as they are compared (normalised, rotated and tempered, where the layer does so), and the
    /// values, with those of the past. q (head, query, d_k), memory (key, d_model)
    fn project_kv(
        &self,
        tape: &mut Tape,
        mut q: Node,
        memory: Node,
        w_k: (Node, Option<Node>),
        w_v: (Node, Option<Node>),
    ) -> (Node, KeyValues) {
        let (at, n_heads) = (&self.scope, self.heads.n_kv_heads);
        let mut k = tape.project_heads(at.at(&K), memory, w_k, n_heads); // (kv head, key, d_k)
        let v = tape.project_heads(at.at(&V), memory, w_v, n_heads); // (kv head, key, d_k)
        if let Some([q_norm, k_norm]) = &self.qk_norms {
            q = q_norm.forward(tape, q);
            k = k_norm.forward(tape, k);
        }
        if let Some(rope) = &self.plan.rope {
            q = tape.rotate(at.at(&Q_ROT), q, rope);
            k = tape.rotate(at.at(&K_ROT), k, rope);
        }
        if let Some(tempering) = self.plan.tempering {
            let first = tape.n_past();
            let rows = first..first + tape.shape(q).rows;
            let factors = rows.map(|position| tempering.factor(position)).collect();
            q = tape.scale_rows(at.at(&Q_TEMPERED), q, factors);
        }
        let kv = match tape.remember(at.prefix(), k, v) {
            None => KeyValues { keys: k, values: v, is_past: false, made: Some([k, v]) },
            Some((keys, values)) => KeyValues { keys, values, is_past: true, made: Some([k, v]) },
        };
        (q, kv)
    }

    /// The scores scaled, biased and masked. (head, query, key) -> (head, query, key)
    fn visible(
        &self,
        tape: &mut Tape,
        mut scores: Node,
        mask: Mask,
        relative: Option<Relative>,
    ) -> Node {
        let at = &self.scope;
        scores = match self.plan.scaling {
            ScoreScaling::None => scores,
            ScoreScaling::Root(root) => tape.divide_by_root(at.at(&SCALED), scores, root),
            ScoreScaling::Factor(factor) => tape.scale_scores(at.at(&MULTIPLIED), scores, factor),
        };
        if let Some(cap) = self.plan.cap {
            scores = tape.soft_cap(at.at(&CAPPED), scores, cap);
        }
        let shape = tape.shape(scores);
        if let Some(slopes) = &self.plan.slopes {
            let bias = tape.distance_bias(at.at(&DISTANCE), slopes, (shape.rows, shape.cols));
            scores = tape.add(at.at(&BIASED), scores, bias);
        }
        if let Some(Relative { table, buckets }) = relative {
            let pairs = (shape.rows, shape.cols);
            let bias = tape.relative_bias(at.at(&BIAS), table, pairs, buckets);
            scores = tape.add(at.at(&BIASED), scores, bias);
        }
        let is_biased = relative.is_some() || self.plan.slopes.is_some();
        let masked = if is_biased { &BIASED_MASKED } else { &MASKED };
        match mask {
            Mask::None => scores,
            Mask::Causal => tape.causal_mask(at.at(masked), scores, None),
            Mask::Window(n) => tape.causal_mask(at.at(&WINDOWED), scores, Some(n)),
            Mask::Around(n) => tape.mask_around(at.at(&AROUND), scores, n),
        }
    }
}
