//! The weights of what stands in place of attention.

use std::ops::Range;

use super::{Map, NameList};
use crate::{
    model::{
        decoder_only::names::{DeltaMaps, HasBias},
        layer::{convolution::ConvolutionPlan, delta::DeltaPlan, state_space::StateSpacePlan},
    },
    weights::{
        LineBlocks, LineSections, TensorNames,
        WeightLayout::{
            self, HeadRows, Linear, LinearBlocks, LinearRows, Taps, Vector, VectorPart,
        },
    },
};

/// Some rows of a map, and its bias's numbers.
fn part(rows: Range<usize>) -> [WeightLayout; 2] {
    [LinearRows(rows.clone()), VectorPart(rows)]
}

impl DeltaMaps {
    /// The tensor of each of the two maps, and its layout there. `widths`: how many rows each section of each map has for
    /// one head of keys.
    fn stored(
        self,
        n_key_heads: usize,
        widths: [&[usize]; 2],
    ) -> [(&'static str, WeightLayout); 2] {
        let name = match self {
            Self::Apart(names) => return names.map(|name| (name, Linear)),
            Self::ByKeyHead(name) => name,
        };
        let stride = widths.concat().iter().sum();
        let mut first = 0;
        let mut section = |block: usize| {
            let blocks = LineBlocks { first, block, stride, whole: n_key_heads * stride };
            first += block;
            blocks
        };
        widths.map(|widths| {
            let sections = widths.iter().map(|&width| LineSections::from(section(width)));
            (name, sections.reduce(LineSections::then).map_or(Linear, LinearBlocks))
        })
    }
}

impl NameList<'_> {
    /// A name in a layer of the file, with each of its alternatives.
    pub(super) fn of_layer(&self, l: usize, name: &str) -> TensorNames {
        self.names.in_layer(l, name)
    }

    /// GGUF files do not say which biases they have.
    const fn bias_if(&self, has_bias: bool) -> HasBias {
        match (self.is_gguf, has_bias) {
            (true, _) => HasBias::IfThere,
            (false, true) => HasBias::Yes,
            (false, false) => HasBias::No,
        }
    }

    pub(super) fn linear(
        &mut self,
        l: usize,
        ours: &str,
        name: &str,
        shape: (usize, usize),
        layouts: [WeightLayout; 2],
        has_bias: HasBias,
    ) {
        let theirs = self.of_layer(l, name);
        self.map(l, Map { ours, theirs, shape, layouts, has_bias });
    }

    /// One filter a channel, and a number that is added. shape (tap, channel)
    fn filters(
        &mut self,
        l: usize,
        ours: &str,
        name: &str,
        shape: (usize, usize),
        has_bias: HasBias,
    ) {
        let (ours, theirs) = (format!("{ours}.*"), self.of_layer(l, name));
        let layouts = [Taps, Vector];
        self.map(l, Map { ours: &ours, theirs, shape, layouts, has_bias });
    }

    /// A short convolution: one map to both gates and the input, a filter a channel, the map back.
    pub(super) fn convolution(&mut self, l: usize, plan: ConvolutionPlan) {
        let names = self.names.convolution;
        let d_model = self.plan.heads.d_model;
        let has_bias = self.bias_if(plan.has_bias);
        for (i, ours) in ["conv.*_B", "conv.*_C", "conv.*_x"].into_iter().enumerate() {
            let layouts = part(i * d_model..(i + 1) * d_model);
            self.linear(l, ours, names.inputs, (d_model, d_model), layouts, has_bias);
        }
        self.filters(l, "conv.filter", names.filter, (plan.n_taps, d_model), has_bias);
        let shape = (d_model, d_model);
        self.linear(l, "conv.*_out", names.out, shape, [Linear, Vector], has_bias);
    }

    /// A state space: one map to gate, inputs and steps, a filter a channel, what each head has learned, the map back.
    pub(super) fn state_space(&mut self, l: usize, plan: StateSpacePlan) {
        let names = self.names.state_space;
        let (d_model, d_inner) = (self.plan.heads.d_model, plan.d_inner());
        let has_bias = self.bias_if(plan.has_bias);
        let widths =
            [("ssm.*_z", d_inner), ("ssm.*_xBC", plan.d_conv()), ("ssm.*_dt", plan.n_heads)];
        let mut first = 0;
        for (ours, width) in widths {
            let layouts = part(first..first + width);
            self.linear(l, ours, names.inputs, (d_model, width), layouts, has_bias);
            first += width;
        }
        let has_filter_bias = self.bias_if(plan.has_filter_bias);
        self.filters(l, "ssm.conv", names.filter, (plan.n_taps, plan.d_conv()), has_filter_bias);
        // GGUF files have those of heads as columns.
        let of_head = if self.is_gguf { HeadRows(plan.n_heads) } else { Vector };
        let of_heads = [
            ("dt_bias", names.dt_bias, Vector),
            (plan.rate.name(), names.rate, of_head.clone()),
            ("D", names.skip, of_head),
        ];
        for (ours, name, layout) in of_heads {
            let (ours, name) = (format!("blocks.{l}.ssm.{ours}"), self.of_layer(l, name));
            self.body(&ours, name, "", (1, plan.n_heads), layout);
        }
        let norm = self.of_layer(l, names.norm);
        let layout = if self.is_gguf { HeadRows(plan.n_groups) } else { Vector };
        self.body(&format!("blocks.{l}.ssm.norm.gain"), norm, "weight", (1, d_inner), layout);
        let shape = (d_inner, d_model);
        self.linear(l, "ssm.*_out", names.out, shape, [Linear, Vector], has_bias);
    }

    /// A gated delta net: one map to queries, keys and values, one each to gate, corrections and forgetting, a filter a
    /// channel, what each head has learned, the map back.
    pub(super) fn delta_net(&mut self, l: usize, plan: DeltaPlan) {
        let names = self.names.delta;
        let d_model = self.plan.heads.d_model;
        let n_key_heads = plan.n_key_heads;
        let n_each = plan.n_heads / n_key_heads;
        let (d_key, d_values) = (plan.d_key, n_each * plan.d_value);
        let [qkv, z] = names.inputs.stored(n_key_heads, [&[d_key, d_key, d_values], &[d_values]]);
        let [beta, dt] = names.steps.stored(n_key_heads, [&[n_each], &[n_each]]);
        let maps = [
            ("delta.*_QKV", qkv, (d_model, plan.d_conv())),
            ("delta.*_z", z, (d_model, plan.d_values())),
            ("delta.*_beta", beta, (d_model, plan.n_heads)),
            ("delta.*_dt", dt, (d_model, plan.n_heads)),
            ("delta.*_out", (names.out, Linear), (plan.d_values(), d_model)),
        ];
        for (ours, (name, layout), shape) in maps {
            self.linear(l, ours, name, shape, [layout, Vector], HasBias::No);
        }
        self.filters(l, "delta.conv", names.filter, (plan.n_taps, plan.d_conv()), HasBias::No);
        let of_heads = [("dt_bias", names.dt_bias), (plan.rate.name(), names.rate)];
        for (ours, name) in of_heads {
            let (ours, name) = (format!("blocks.{l}.delta.{ours}"), self.of_layer(l, name));
            self.body(&ours, name, "", (1, plan.n_heads), Vector);
        }
        let norm = self.of_layer(l, names.norm);
        let ours = format!("blocks.{l}.delta.norm.gain");
        self.body(&ours, norm, "weight", (1, plan.d_value), Vector);
    }
}
