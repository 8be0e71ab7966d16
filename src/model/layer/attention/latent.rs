//! Multi-head latent attention (DeepSeek-AI 2024, *DeepSeek-V2*, section 2.1): each token's keys and values are made from
//! a few numbers, which are all that a cache has to keep, and from a few rotated channels that all heads share.
//!
//! Queries, keys and values are written out for every head, so that attention goes on as in every other model.

use anyhow::Result;

use super::{HeadSizes, K_JOINED, K_OWN, K_SHARED, LATENT, LatentPlan, Q, Q_LATENT, V_UNPACKED};
use crate::{
    engine::{
        site::Scope,
        tape::{KvNodes, LinearMap, Node, Tape},
    },
    model::layer::norm::Norm,
    weights::Weights,
};

/// The maps that queries, keys and values are made with.
pub struct Latent {
    q: Queries,
    /// To what is kept.
    down: LinearMap,
    norm: Norm,
    /// To the channels that all heads share.
    shared: LinearMap,
    k_up: LinearMap,
    v_up: LinearMap,
}

/// To the few numbers that queries are made from, and from them to queries.
struct LatentQueries {
    down: LinearMap,
    norm: Norm,
    up: LinearMap,
}

/// From the stream itself, or by way of a few numbers.
enum Queries {
    Whole(Box<LinearMap>),
    Latent(Box<LatentQueries>),
}

impl Latent {
    /// Loads `W_Q` (d_model, d_q), or `W_DQ` (d_model, q_rank), `q_latent_norm.gain` and `W_UQ` (q_rank, d_q); `W_DKV`
    /// (d_model, kv_rank), `latent_norm.gain`, `W_KR` (d_model, d_shared), `W_UK` (kv_rank, n_heads * d_own) and `W_UV`
    /// (kv_rank, n_heads * d_value), with the biases that are there, named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        scope: &Scope,
        heads: HeadSizes,
        plan: LatentPlan,
    ) -> Result<Self> {
        let HeadSizes { d_model, n_heads, .. } = heads;
        let map = |of, shape| LinearMap::load(weights, scope, of, shape);
        let norm = |name, width| Norm::load(weights, scope.child(name), width, plan.norm);
        let q = match plan.q_rank {
            None => Queries::Whole(Box::new(map("Q", (d_model, heads.d_q()))?)),
            Some(rank) => Queries::Latent(Box::new(LatentQueries {
                down: map("DQ", (d_model, rank))?,
                norm: norm("q_latent_norm", rank)?,
                up: map("UQ", (rank, heads.d_q()))?,
            })),
        };
        Ok(Self {
            q,
            down: map("DKV", (d_model, plan.kv_rank))?,
            norm: norm("latent_norm", plan.kv_rank)?,
            shared: map("KR", (d_model, plan.d_shared))?,
            k_up: map("UK", (plan.kv_rank, n_heads * plan.d_own))?,
            v_up: map("UV", (plan.kv_rank, n_heads * plan.d_value))?,
        })
    }

    /// x (query, d_model) -> (head, query, d_own + d_shared)
    pub fn queries(&self, tape: &mut Tape, at: &Scope, x: Node, n_heads: usize) -> Node {
        let (x, map) = match &self.q {
            Queries::Whole(map) => (x, map.as_ref()),
            Queries::Latent(by_latent) => {
                let latent = by_latent.down.forward(tape, at.at(&Q_LATENT), x); // (query, q_rank)
                (by_latent.norm.forward(tape, latent), &by_latent.up)
            }
        };
        let (w, b) = map.on(tape);
        tape.project_heads(at.at(&Q), x, w, b, n_heads)
    }

    /// memory (key, d_model) -> (head, key, d_own + d_shared), (head, key, d_value)
    pub fn keys_values(
        &self,
        tape: &mut Tape,
        at: &Scope,
        memory: Node,
        n_heads: usize,
    ) -> KvNodes {
        let latent = self.down.forward(tape, at.at(&LATENT), memory); // (key, kv_rank)
        let latent = self.norm.forward(tape, latent);
        let shared = self.shared.forward(tape, at.at(&K_SHARED), memory); // (key, d_shared)
        let (w, b) = self.k_up.on(tape);
        let own = tape.project_heads(at.at(&K_OWN), latent, w, b, n_heads); // (head, key, d_own)
        let k = tape.join_shared(at.at(&K_JOINED), own, shared);
        let (w, b) = self.v_up.on(tape);
        KvNodes { k, v: tape.project_heads(at.at(&V_UNPACKED), latent, w, b, n_heads) }
    }
}
