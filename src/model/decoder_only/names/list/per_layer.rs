//! The weights of per-layer embeddings.

use super::NameList;
use crate::{
    model::{
        decoder_only::names::HasBias,
        layer::per_layer::{GAIN, PerLayerPlan},
    },
    weights::WeightLayout::{Linear, Table, Vector},
};

impl NameList<'_> {
    /// What all layers share.
    pub(super) fn per_layer_table(&mut self, plan: PerLayerPlan) {
        let (names, d_model) = (self.names.per_layer, self.plan.heads.d_model);
        let all = plan.d_all();
        self.body("tokens.ple.table", names.table, "weight", (plan.n_tokens, all), Table);
        self.body("tokens.ple.W_P", names.map, "weight", (d_model, all), Linear);
        self.body(GAIN, names.norm, "weight", (1, plan.width), Vector);
    }

    /// What each layer has.
    pub(super) fn per_layer(&mut self, l: usize, plan: PerLayerPlan) {
        let (names, d_model) = (self.names.per_layer, self.plan.heads.d_model);
        let maps = [
            ("ple.*_gate", names.gate, (d_model, plan.width)),
            ("ple.*_out", names.out, (plan.width, d_model)),
        ];
        for (ours, name, shape) in maps {
            self.linear(l, ours, name, shape, [Linear, Vector], HasBias::No);
        }
        let theirs = self.of_layer(l, names.post_norm);
        self.norm(&format!("blocks.{l}.ple.post_norm"), theirs);
    }
}
