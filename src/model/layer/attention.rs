//! Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2).

mod disentangled;
mod latent;
mod plan;
mod sites;

use std::iter;

use anyhow::Result;

pub use plan::{
    AttentionPlan, HeadSizes, KeySource, LatentPlan, Mask, QkNormPlan, ScoreScaling, Tempering,
    ValueSource,
};
pub use sites::*;

use crate::{
    engine::{
        math::AttentionOptions,
        site::{Scope, Site},
        tape::{Buckets, KvNodes, LinearMap, Node, Tape, Weight},
        value::Shape,
    },
    model::layer::norm::HeadNorm,
    weights::Weights,
};
use latent::Latent;

/// Where queries, keys and values come from.
enum Projections {
    Apart(Box<Maps>),
    Latent(Box<Latent>),
}

/// The maps from the stream: to keys and values only where they are the layer's own, to values where they are not what
/// the map to keys makes.
struct Maps {
    q: LinearMap,
    k: Option<LinearMap>,
    v: Option<LinearMap>,
    /// From vectors of distances to keys, and to queries, where these are not those of words.
    of_distances: Option<[LinearMap; 2]>,
}

impl Projections {
    fn load(
        weights: &Weights,
        scope: &Scope,
        heads: HeadSizes,
        plan: &AttentionPlan,
    ) -> Result<Self> {
        if let Some(plan) = plan.latent {
            return Ok(Self::Latent(Box::new(Latent::load(weights, scope, heads, plan)?)));
        }
        let (d_model, d_q, d_kv) = (heads.d_model, heads.d_q(), heads.d_kv());
        let map = |of, width| LinearMap::load(weights, scope, of, (d_model, width));
        let (has_keys, has_values) = (plan.has_keys(), plan.has_values());
        Ok(Self::Apart(Box::new(Maps {
            q: map("Q", d_q)?,
            k: has_keys.then(|| map("K", d_kv)).transpose()?,
            v: has_values.then(|| map("V", d_kv)).transpose()?,
            of_distances: plan
                .has_distance_maps
                .then(|| Ok::<_, anyhow::Error>([map("KD", d_kv)?, map("QD", d_q)?]))
                .transpose()?,
        })))
    }

    /// Records the weights, in the order in which they are listed.
    fn record(&self, tape: &mut Tape) {
        if let Self::Apart(maps) = self {
            for map in iter::once(&maps.q).chain(&maps.k).chain(&maps.v) {
                map.on(tape);
            }
        }
    }

    /// x (query, d_model) -> (head, query, d_k)
    fn queries(&self, tape: &mut Tape, at: &Scope, x: Node, heads: HeadSizes) -> Node {
        match self {
            Self::Apart(maps) => {
                let (w, b) = maps.q.on(tape);
                tape.project_heads(at.at(&Q), x, w, b, heads.n_heads)
            }
            Self::Latent(latent) => latent.queries(tape, at, x, heads.n_heads),
        }
    }

    /// memory (key, d_model) -> (kv head, key, d_k), (kv head, key, d_v)
    fn keys_values(&self, tape: &mut Tape, at: &Scope, memory: Node, heads: HeadSizes) -> KvNodes {
        match self {
            Self::Apart(maps) => {
                let project = |tape: &mut Tape, map: &LinearMap, site| {
                    let (w, b) = map.on(tape);
                    tape.project_heads(at.at(site), memory, w, b, heads.n_kv_heads)
                };
                let own = maps.k.as_ref().expect("a layer that borrows its keys makes none");
                let k = project(tape, own, &K);
                let v = match &maps.v {
                    Some(map) => project(tape, map, &V),
                    None => tape.identity(at.at(&V_OF_KEYS), k),
                };
                KvNodes { k, v }
            }
            Self::Latent(latent) => latent.keys_values(tape, at, memory, heads.n_heads),
        }
    }
}

/// The learned projections of one attention sub-layer.
pub struct Attention {
    scope: Scope,
    projections: Projections,
    o: LinearMap,
    gate: Option<LinearMap>,
    q_norm: Option<HeadNorm>,
    k_norm: Option<HeadNorm>,
    v_norm: Option<HeadNorm>,
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
    all: KvNodes,
    is_past: bool,
    /// Those of the new positions; None if all come from the past.
    made: Option<KvNodes>,
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

    /// As [`Self::load`], and what else the plan has: `q_norm.gain`, `k_norm.gain`, `sinks` (1, n_heads), `W_G`, `W_KD` and `W_QD` (d_model, d_q); or, in place of
    /// `W_Q` to `W_V`, the maps of [`LatentPlan`].
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn planned(
        weights: &Weights,
        scope: Scope,
        heads: HeadSizes,
        plan: AttentionPlan,
    ) -> Result<Self> {
        let projections = Projections::load(weights, &scope, heads, &plan)?;
        let d_context = plan.latent.map_or(heads.d_q(), |latent| heads.n_heads * latent.d_value);
        let o = LinearMap::load(weights, &scope, "O", (d_context, heads.d_model))?;
        let load_gate = || LinearMap::load(weights, &scope, "G", (heads.d_model, d_context));
        let gate = plan.has_gate.then(load_gate).transpose()?;
        let norm = |name, n_heads, QkNormPlan { of, kind, .. }: QkNormPlan| {
            HeadNorm::load(weights, scope.child(name), of.width(n_heads, heads.d_head), of, kind)
        };
        let has_keys = plan.has_keys();
        let of_keys = plan.qk_norm.filter(|_| has_keys);
        let of_values = plan.v_norm.filter(|_| has_keys);
        let v_norm = |kind| HeadNorm::without_gain(scope.child("v_norm"), kind);
        let v_norm = of_values.map(v_norm);
        let q_norm = plan.qk_norm.map(|of| norm("q_norm", heads.n_heads, of)).transpose()?;
        let k_norm = of_keys.map(|of| norm("k_norm", heads.n_kv_heads, of)).transpose()?;
        let sinks = plan.has_sinks.then(|| weights.row(&scope.weight("sinks"), heads.n_heads));
        let sinks = sinks.transpose()?;
        Ok(Self { scope, projections, o, gate, q_norm, k_norm, v_norm, sinks, heads, plan })
    }

    /// Whose keys and values it reads.
    pub const fn keys(&self) -> KeySource {
        self.plan.keys
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

    /// The keys as they are compared, and the values as they are summed: made apart from the rest, since later layers
    /// read them too. x (position, d_model) -> (kv head, key, d_k), (kv head, key, d_k)
    pub fn lend(&self, tape: &mut Tape, x: Node) -> KvNodes {
        let made = self.projections.keys_values(tape, &self.scope, x, self.heads);
        let KvNodes { k, v } = self.unrotated(tape, made);
        KvNodes { k: self.rotated(tape, &K_ROT, self.k_norm.as_ref(), k), v }
    }

    /// Self-attention over keys and values that were made before, by the attention in the scope `of`; of a text that
    /// goes on, over those of all its words. x (query, d_model) -> (query, d_model)
    pub fn forward_over(
        &self,
        tape: &mut Tape,
        x: Node,
        of: &Scope,
        made: KvNodes,
        mask: Mask,
    ) -> Node {
        let (w_o, b_o) = self.o.on(tape);
        let q = self.projections.queries(tape, &self.scope, x, self.heads); // (head, query, d_k)
        let q = self.clipped_queries(tape, q);
        let q = self.rotated(tape, &Q_ROT, self.q_norm.as_ref(), q);
        let is_own = of.prefix() == self.scope.prefix();
        let known =
            if is_own { tape.remember(of.prefix(), made) } else { tape.recall(of.prefix()) };
        let all = known.unwrap_or(made);
        let kv = KeyValues { all, is_past: known.is_some(), made: Some(made) };
        let context = self.context(tape, q, kv, mask, None);
        self.mixed(tape, x, context, w_o, b_o)
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
        self.projections.record(tape);
        let (w_o, b_o) = self.o.on(tape);
        let q = self.projections.queries(tape, at, x, self.heads); // (head, query, d_k)
        // Keys and values of another stream stay the same while a text is continued.
        let known = if x == memory { None } else { tape.recall(at.prefix()) };
        let (q, kv) = match known {
            Some(all) => (q, KeyValues { all, is_past: true, made: None }),
            None => self.project_kv(tape, q, memory),
        };
        let context = self.context(tape, q, kv, mask, relative);
        self.mixed(tape, x, context, w_o, b_o)
    }

    /// The values averaged by the weights. (head, query, d_k)
    fn context(
        &self,
        tape: &mut Tape,
        q: Node,
        kv: KeyValues,
        mask: Mask,
        relative: Option<Relative>,
    ) -> Node {
        let context = self.fused(tape, q, kv, mask, relative);
        context.unwrap_or_else(|| self.step_by_step(tape, q, kv, mask, relative))
    }

    /// The heads mixed. x (query, d_model), context (head, query, d_k) -> (query, d_model)
    fn mixed(&self, tape: &mut Tape, x: Node, context: Node, w_o: Node, b_o: Option<Node>) -> Node {
        let at = &self.scope;
        let concat = tape.concat_heads(at.at(&CONCAT), context); // (query, d_q)
        let to_mix = self.gated(tape, x, concat);
        tape.linear(at.at(&OUT), to_mix, w_o, b_o) // (query, d_model)
    }

    /// The contexts times their gate, where there is one. x (query, d_model), concat (query, d_q) -> (query, d_q)
    fn gated(&self, tape: &mut Tape, x: Node, concat: Node) -> Node {
        let Some(gate) = &self.gate else { return concat };
        let gate = gate.forward(tape, self.scope.at(&GATE), x);
        let gate = tape.sigmoid(self.scope.at(&GATE_ACT), gate);
        tape.mul(self.scope.at(&GATED), concat, gate)
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
        let place = self.scope.at(&CONTEXT);
        let is_apart = matches!(mask, Mask::Around(_) | Mask::Chunk(_)) || self.sinks.is_some();
        let made = kv.made.filter(|_| !is_apart && tape.fuses_attention(&place))?;
        let (scaling, cap) = (self.plan.scaling.number(), self.plan.cap);
        let how = AttentionOptions { scaling, cap, window: mask.window() };
        let scores = Shape { cols: tape.shape(made.k).rows, ..tape.shape(q) };
        let bias = self.bias(tape, scores, relative);
        Some(tape.fused_attention(place, q, made, bias, how))
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
            tape.matmul(at.at(&SCORES), q, kv.all.k) // (head, query, key)
        } else {
            tape.matmul_nt(at.at(&SCORES), q, kv.all.k)
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
            tape.matmul_nt(at.at(&CONTEXT), weights, kv.all.v) // (head, query, d_k)
        } else {
            tape.matmul(at.at(&CONTEXT), weights, kv.all.v)
        }
    }

    /// The queries and keys as they are compared (normalised, clipped, rotated and tempered, where the layer does so), and the
    /// values, with those of the past. q (head, query, d_k), memory (key, d_model)
    fn project_kv(&self, tape: &mut Tape, mut q: Node, memory: Node) -> (Node, KeyValues) {
        let at = &self.scope;
        let kv = self.projections.keys_values(tape, at, memory, self.heads);
        q = self.clipped_queries(tape, q);
        let KvNodes { k, v } = self.unrotated(tape, kv);
        q = self.rotated(tape, &Q_ROT, self.q_norm.as_ref(), q);
        let made = KvNodes { k: self.rotated(tape, &K_ROT, self.k_norm.as_ref(), k), v };
        if let Some(tempering) = self.plan.tempering {
            let first = tape.n_past();
            let rows = first..first + tape.shape(q).rows;
            let factors = rows.map(|position| tempering.factor(position)).collect();
            q = tape.scale_rows(at.at(&Q_TEMPERED), q, factors);
        }
        let past = tape.remember(at.prefix(), made);
        let all = past.unwrap_or(made);
        (q, KeyValues { all, is_past: past.is_some(), made: Some(made) })
    }

    /// Queries as they are before they are rotated. (head, query, d_k)
    fn clipped_queries(&self, tape: &mut Tape, q: Node) -> Node {
        let q = normed(tape, self.q_norm.as_ref().filter(|_| !self.is_normed_last()), q);
        self.clipped(tape, &Q_CLIPPED, q)
    }

    /// Keys and values, normalised and clipped where the layer does so. (kv head, key, d_k)
    fn unrotated(&self, tape: &mut Tape, KvNodes { k, v }: KvNodes) -> KvNodes {
        let k = normed(tape, self.k_norm.as_ref().filter(|_| !self.is_normed_last()), k);
        let v = normed(tape, self.v_norm.as_ref(), v);
        let k = self.clipped(tape, &K_CLIPPED, k);
        KvNodes { k, v: self.clipped(tape, &V_CLIPPED, v) }
    }

    /// Whether queries and keys are normalised after they are rotated.
    fn is_normed_last(&self) -> bool {
        self.plan.qk_norm.is_some_and(|norm| norm.after_rope)
    }

    /// Queries, keys or values within the layer's bounds, where it has such. (head, position, d_k)
    fn clipped(&self, tape: &mut Tape, site: &'static Site, x: Node) -> Node {
        let Some(limit) = self.plan.clip else { return x };
        tape.clamp(self.scope.at(site), x, Some(-limit), limit)
    }

    /// Queries or keys rotated by their positions, and then normalised, where the layer does so. (head, position, d_k)
    fn rotated(
        &self,
        tape: &mut Tape,
        site: &'static Site,
        norm: Option<&HeadNorm>,
        x: Node,
    ) -> Node {
        let rotated = match &self.plan.rope {
            Some(rope) => tape.rotate(self.scope.at(site), x, rope),
            None => x,
        };
        normed(tape, norm.filter(|_| self.is_normed_last()), rotated)
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
        let bias = self.bias(tape, tape.shape(scores), relative);
        let masked = if bias.is_some() { &BIASED_MASKED } else { &MASKED };
        if let Some(bias) = bias {
            scores = tape.add(at.at(&BIASED), scores, bias);
        }
        match mask {
            Mask::None => scores,
            Mask::Causal => tape.causal_mask(at.at(masked), scores, None),
            Mask::Window(n) => tape.causal_mask(at.at(&WINDOWED), scores, Some(n)),
            Mask::Chunk(n) => tape.mask_chunks(at.at(&CHUNKED), scores, n),
            Mask::Around(n) => tape.mask_around(at.at(&AROUND), scores, n),
        }
    }
    /// What positions add to scores of this shape, where they do. (head, query, key)
    fn bias(&self, tape: &mut Tape, scores: Shape, relative: Option<Relative>) -> Option<Node> {
        let at = &self.scope;
        if let Some(Relative { table, buckets }) = relative {
            return Some(tape.relative_bias(at.at(&BIAS), table, scores, buckets));
        }
        let slopes = self.plan.slopes.as_ref()?;
        Some(tape.distance_bias(at.at(&DISTANCE), slopes, scores))
    }
}

/// `norm(x)`; `x` itself without a norm. (head, position, d_k)
fn normed(tape: &mut Tape, norm: Option<&HeadNorm>, x: Node) -> Node {
    norm.map_or(x, |norm| norm.forward(tape, x))
}
