//! Disentangled attention (He et al. 2021, *DeBERTa*, section 3.1): scores of words with words, of words with distances,
//! and of distances with words. The first DeBERTa has maps of their own for distances, the others those of words.

use std::sync::Arc;

use super::{
    Attention, CONCAT, CONTEXT, FROM_POSITION, K_DISTANCE, OUT, Projections, Q_DISTANCE,
    SCALED_SUM, SCORES, SUMMED, TO_POSITION, WEIGHTS,
};
use crate::engine::tape::{Distances, KvNodes, Meets, Node, Root, Tape};

impl Attention {
    /// Self-attention on both sides. x (position, d_model), table (distance, d_model) -> (position, d_model)
    pub fn forward_disentangled(
        &self,
        tape: &mut Tape,
        x: Node,
        table: Node,
        distances: &Arc<Distances>,
    ) -> Node {
        let (at, heads) = (&self.scope, self.heads);
        self.projections.record(tape);
        let (w_o, b_o) = self.o.on(tape);
        let q = self.projections.queries(tape, at, x, heads); // (head, query, d_k)
        let KvNodes { k, v } = self.projections.keys_values(tape, at, x, heads); // (head, key, d_k)
        let mut terms = vec![tape.matmul_nt(at.at(&SCORES), q, k)]; // (head, query, key)
        if let Projections::Apart(maps) = &self.projections
            && let Some(map) = &maps.k
        {
            let [of_k, of_q] = maps.of_distances.as_ref().map_or([map, &maps.q], |[k, q]| [k, q]);
            let [(w_k, b_k), (w_q, b_q)] = [of_k, of_q].map(|map| map.on(tape));
            let kd = tape.project_heads(at.at(&K_DISTANCE), table, w_k, b_k, heads.n_heads);
            let qd = tape.project_heads(at.at(&Q_DISTANCE), table, w_q, b_q, heads.n_heads);
            let (to, from) = (at.at(&TO_POSITION), at.at(&FROM_POSITION));
            terms.push(tape.dot_by_distance(to, q, kd, distances, Meets::Query));
            terms.push(tape.dot_by_distance(from, k, qd, distances, Meets::Key));
        }
        let summed = tape.sum(at.at(&SUMMED), &terms);
        let root = Root { n: 3 * heads.d_head, times: 1 };
        let scaled = tape.divide_by_root(at.at(&SCALED_SUM), summed, root);
        let weights = tape.softmax(at.at(&WEIGHTS), scaled);
        let context = tape.matmul(at.at(&CONTEXT), weights, v); // (head, query, d_k)
        let concat = tape.concat_heads(at.at(&CONCAT), context);
        tape.linear(at.at(&OUT), concat, w_o, b_o) // (position, d_model)
    }
}
