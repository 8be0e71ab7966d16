//! The list of a plan's weights, each with its place in the files of a family.

mod mixers;
mod per_layer;

use std::ops::Range;

use super::{
    BLOCKS, Biases, ExpertMaps, FeedNames, HasBias, LatentNames, LatentUp, Names, QkvNames,
    StackForm,
};
use crate::{
    model::{
        decoder_only::plan::{DecoderPlan, LayerPlan, MixerPlan, PositionPlan},
        layer::{
            attention::{HeadSizes, LatentPlan, QkNormPlan},
            experts::ExpertsPlan,
            feed::FeedPlan,
            feed_forward::FeedKind,
            norm::QkNorm,
        },
    },
    weights::{
        ExpectedWeight, LineBlocks, Stack, TensorNames,
        WeightLayout::{
            self, Conv1d, Conv1dColumns, HeadColumns, HeadLinear, HeadRows, Linear, LinearBlocks,
            LinearRows, StackColumns, StackMxfp4, StackRows, StackVector, Table, Vector,
            VectorBlocks, VectorPart,
        },
    },
};

/// The parts of [`QkvNames::ByCore`].
pub const CORES: usize = 4;

/// The list being made.
pub struct NameList<'a> {
    pub names: &'a Names,
    pub plan: &'a DecoderPlan,
    pub biases: Biases,
    pub is_gguf: bool,
    pub wanted: Vec<ExpectedWeight>,
}

/// A linear map: the last part of our name, theirs, and its shape.
#[derive(Clone)]
struct Map<'a> {
    ours: &'a str,
    theirs: TensorNames,
    shape: (usize, usize),
    layouts: [WeightLayout; 2],
    has_bias: HasBias,
}

impl NameList<'_> {
    /// What stands before the layers and after them.
    pub fn ends(&mut self) {
        let DecoderPlan { heads: HeadSizes { d_model, .. }, n_vocab, logits, .. } = *self.plan;
        let names = *self.names;
        let embed = TensorNames::listed(names.embed);
        self.body("embed.weight", embed, "weight", (n_vocab, d_model), Table);
        if let PositionPlan::Learned { n_rows, .. } = self.plan.embedding.positions {
            self.body("positions.weight", names.positions, "weight", (n_rows, d_model), Table);
        }
        if self.plan.embedding.has_norm {
            self.norm("tokens.norm", names.embed_norm);
        }
        if let Some(plan) = self.plan.per_layer {
            self.per_layer_table(plan);
        }
        self.norm("final_norm", names.final_norm);
        if let Some(pool) = &self.plan.pool {
            self.wanted.extend(pool.expected_weights());
            return;
        }
        if let Some(classes) = &self.plan.classes {
            self.wanted.extend(classes.expected_weights(d_model));
            return;
        }
        let output = |ours: &str, kind: &str, shape, layout| {
            let theirs = TensorNames::listed(names.unembed).each(|name| format!("{name}.{kind}"));
            ExpectedWeight::new(ours, theirs, shape, layout)
        };
        if !logits.is_tied {
            self.wanted.push(output("unembed.weight", "weight", (n_vocab, d_model), Table));
        }
        if logits.has_bias {
            self.wanted.push(output("unembed.bias", "bias", (1, n_vocab), Vector));
        }
    }

    /// A tensor of the body, under any of the prefixes.
    fn body(
        &mut self,
        ours: &str,
        theirs: impl Into<TensorNames>,
        kind: &str,
        shape: (usize, usize),
        layout: WeightLayout,
    ) {
        let dot = if kind.is_empty() { "" } else { "." };
        let full = |name: &str| {
            let prefixes = self.names.body.iter();
            prefixes.map(|prefix| format!("{prefix}{name}{dot}{kind}")).collect::<TensorNames>()
        };
        let theirs = theirs.into().each(full);
        self.wanted.push(ExpectedWeight::new(ours, theirs, shape, layout));
    }

    fn norm(&mut self, ours: &str, theirs: impl Into<TensorNames>) {
        let (d_model, theirs) = (self.plan.heads.d_model, theirs.into());
        let style = self.plan.norm.style;
        if style.has_gain() {
            self.body(&format!("{ours}.gain"), theirs.clone(), "weight", (1, d_model), Vector);
        }
        if style.has_bias() {
            self.body(&format!("{ours}.bias"), theirs, "bias", (1, d_model), Vector);
        }
    }

    fn map(&mut self, l: usize, map: Map) {
        let [of_weight, of_bias] = map.layouts;
        let ours =
            |letter: char| format!("blocks.{l}.{}", map.ours.replace('*', &letter.to_string()));
        self.body(&ours('W'), map.theirs.clone(), "weight", map.shape, of_weight);
        if map.has_bias == HasBias::No {
            return;
        }
        self.body(&ours('b'), map.theirs, "bias", (1, map.shape.1), of_bias);
        if map.has_bias == HasBias::IfThere {
            self.last_as(ExpectedWeight::optional);
        }
    }

    /// Changes the last of the list.
    fn last_as(&mut self, change: impl Fn(ExpectedWeight) -> ExpectedWeight) {
        let last = self.wanted.pop().map(change);
        self.wanted.extend(last);
    }

    pub fn layer(&mut self, l: usize, layer: &LayerPlan) {
        let names = *self.names;
        let theirs = |name: &str| names.in_layer(l, name);
        let [first, after_first, second, after_second] = layer.has_norms();
        let norms = [
            (first, "norm1", names.norms[0]),
            (second, "norm2", names.norms[1]),
            (after_first, "post_norm1", names.post_norms[0]),
            (after_second, "post_norm2", names.post_norms[1]),
        ];
        for (_, ours, name) in norms.iter().filter(|(is_there, ..)| *is_there) {
            self.norm(&format!("blocks.{l}.{ours}"), theirs(name));
        }
        match layer.mixer {
            MixerPlan::None => {}
            MixerPlan::Attention => self.attention(l, layer),
            MixerPlan::StateSpace(plan) => self.state_space(l, plan),
            MixerPlan::DeltaNet(plan) => self.delta_net(l, plan),
            MixerPlan::Convolution(plan) => self.convolution(l, plan),
        }
        if let Some(feed) = layer.feed {
            self.feed(l, feed);
        }
        if let Some(plan) = self.plan.per_layer {
            self.per_layer(l, plan);
        }
        if layer.has_scalar {
            let kind = if self.is_gguf { "weight" } else { "" };
            self.body(&format!("blocks.{l}.scalar"), theirs(names.scalar), kind, (1, 1), Vector);
            self.last_as(ExpectedWeight::constant);
        }
    }

    fn attention(&mut self, l: usize, layer: &LayerPlan) {
        let (names, heads) = (*self.names, self.plan.heads_of(layer));
        let theirs = |name: &str| names.in_layer(l, name);
        let d_context =
            if let (QkvNames::Latent(of), Some(plan)) = (names.qkv, layer.attention.latent) {
                self.latent(l, of, plan);
                heads.n_heads * plan.d_value
            } else {
                self.queries_keys_values(l, layer);
                heads.d_q()
            };
        let of_out = if matches!(names.qkv, QkvNames::Columns(_)) { Conv1d } else { Linear };
        self.map(
            l,
            Map {
                ours: "attn.*_O",
                theirs: theirs(names.out),
                shape: (d_context, heads.d_model),
                layouts: [of_out, Vector],
                has_bias: self.biases.out,
            },
        );
        if let Some(QkNormPlan { of, kind, .. }) = layer.attention.qk_norm
            && kind.style.has_gain()
        {
            let norms = [("q_norm", heads.n_heads), ("k_norm", heads.n_kv_heads)];
            let n_norms = if layer.attention.has_keys() { 2 } else { 1 };
            for ((ours, n_heads), name) in norms.into_iter().zip(names.qk_norms).take(n_norms) {
                let (ours, width) =
                    (format!("blocks.{l}.attn.{ours}.gain"), of.width(n_heads, heads.d_head));
                let layout = match of {
                    QkNorm::PerHeadOwnGain => HeadRows(n_heads),
                    QkNorm::PerHead | QkNorm::WholeRow => Vector,
                };
                self.body(&ours, theirs(name), "weight", (1, width), layout);
            }
        }
        if layer.attention.has_sinks {
            let kind = if self.is_gguf { "weight" } else { "" };
            let ours = format!("blocks.{l}.attn.sinks");
            self.body(&ours, theirs(names.sinks), kind, (1, heads.n_heads), Vector);
        }
    }

    fn queries_keys_values(&mut self, l: usize, layer: &LayerPlan) {
        let (names, heads) = (*self.names, self.plan.heads_of(layer));
        let are_there = [true, layer.attention.has_keys(), layer.attention.has_values()];
        let theirs = |name: &str| names.in_layer(l, name);
        let has_bias = self.biases.qkv;
        let (d_q, d_kv) = (heads.d_q(), heads.d_kv());
        let widths = [("attn.*_Q", d_q), ("attn.*_K", d_kv), ("attn.*_V", d_kv)];
        for (i, (ours, width)) in widths.into_iter().enumerate().filter(|(i, _)| are_there[*i]) {
            let (theirs, layouts) = match names.qkv {
                QkvNames::WithGate(apart) if i == 0 => (theirs(apart[0]), with_gate(heads, 0)),
                QkvNames::Apart(apart) | QkvNames::WithGate(apart) => {
                    (theirs(apart[i]), [Linear, Vector])
                }
                QkvNames::ByHead(name) if !self.is_gguf => (theirs(name), by_head(heads, i)),
                QkvNames::Rows(name) | QkvNames::ByHead(name) => {
                    (theirs(name), [LinearRows(rows(heads, i)), VectorPart(rows(heads, i))])
                }
                QkvNames::Columns(name) => {
                    (theirs(name), [Conv1dColumns(rows(heads, i)), VectorPart(rows(heads, i))])
                }
                QkvNames::ByCore(name) => (theirs(name), by_core(heads, i)),
                QkvNames::Latent(_) => return,
            };
            let shape = (heads.d_model, width);
            self.map(l, Map { ours, theirs, shape, layouts, has_bias });
        }
        if let QkvNames::WithGate([both, ..]) = names.qkv {
            let (theirs, layouts) = (theirs(both), with_gate(heads, heads.d_head));
            let shape = (heads.d_model, d_q);
            self.map(l, Map { ours: "attn.*_G", theirs, shape, layouts, has_bias });
        }
    }

    /// Queries, keys and values by way of a few numbers.
    fn latent(&mut self, l: usize, names: LatentNames, plan: LatentPlan) {
        let HeadSizes { d_model, n_heads, .. } = self.plan.heads;
        let d_q = self.plan.heads.d_q();
        let all = *self.names;
        let theirs = |name: &str| all.in_layer(l, name);
        let (rank, shared, of_qkv) = (plan.kv_rank, plan.d_shared, self.biases.qkv);
        let plain = [Linear, Vector];
        let down = |rows: Range<usize>| [LinearRows(rows.clone()), VectorPart(rows)];
        let mut add = |ours: &str, name: &str, shape, layouts, has_bias| {
            self.map(l, Map { ours, theirs: theirs(name), shape, layouts, has_bias });
        };
        match plan.q_rank {
            None => add("attn.*_Q", names.q, (d_model, d_q), plain, HasBias::No),
            Some(q_rank) => {
                add("attn.*_DQ", names.q_parts[0], (d_model, q_rank), plain.clone(), of_qkv);
                add("attn.*_UQ", names.q_parts[2], (q_rank, d_q), plain, HasBias::No);
            }
        }
        add("attn.*_DKV", names.down, (d_model, rank), down(0..rank), of_qkv);
        add("attn.*_KR", names.down, (d_model, shared), down(rank..rank + shared), of_qkv);
        let widths = [("attn.*_UK", plan.d_own), ("attn.*_UV", plan.d_value)];
        for (i, (ours, width)) in widths.into_iter().enumerate() {
            let (name, layout) = names.up.stored(i, n_heads, plan.d_own, plan.d_value);
            let shape = (rank, n_heads * width);
            add(ours, name, shape, [layout, Vector], HasBias::No);
        }
        let norms = [
            ("q_latent_norm", names.q_parts[1], plan.q_rank),
            ("latent_norm", names.norm, Some(rank)),
        ];
        for (ours, name, width) in norms {
            if let Some(width) = width {
                let ours = format!("blocks.{l}.attn.{ours}.gain");
                self.body(&ours, theirs(name), "weight", (1, width), Vector);
            }
        }
    }

    fn feed(&mut self, l: usize, feed: FeedPlan) {
        match feed.experts {
            None => {
                self.network(l, "ffn", self.names.feed, feed.d_ff);
                if feed.kind == FeedKind::Xielu {
                    self.xielu(l);
                }
            }
            Some(plan) => self.experts(l, plan, feed.d_ff),
        }
    }

    /// What a layer's xIELU has learned.
    fn xielu(&mut self, l: usize) {
        for (ours, name) in ["positive", "negative"].into_iter().zip(self.names.xielu) {
            let theirs = self.names.in_layer(l, name);
            self.body(&format!("blocks.{l}.ffn.{ours}"), theirs, "", (1, 1), Vector);
        }
    }

    fn experts(&mut self, l: usize, plan: ExpertsPlan, d_ff: usize) {
        let names = self.names.experts;
        let all = *self.names;
        let theirs = |name: &str| all.in_layer(l, name);
        let d_model = self.plan.heads.d_model;
        self.map(
            l,
            Map {
                ours: "ffn.router.*",
                theirs: theirs(names.router),
                shape: (d_model, plan.n),
                layouts: [Linear, Vector],
                has_bias: if plan.has_router_bias { HasBias::Yes } else { HasBias::No },
            },
        );
        if plan.has_choice_bias {
            let ours = format!("blocks.{l}.ffn.router.b_choice");
            self.body(&ours, theirs(names.choice_bias), "", (1, plan.n), Vector);
            self.last_as(ExpectedWeight::constant);
        }
        for expert in 0..plan.n {
            let n_gates = usize::from(!plan.has_gates());
            for (i, kind) in ["gate", "up", "down"].into_iter().enumerate().skip(n_gates) {
                let shape = if i == 2 { (d_ff, d_model) } else { (d_model, d_ff) };
                let StoredMap { weight, bias } =
                    names.maps.stored(i, expert, plan.n, d_model, d_ff);
                let ours = |letter| format!("blocks.{l}.ffn.experts.{expert}.{letter}_{kind}");
                self.body(&ours('W'), theirs(&weight.name), weight.kind, shape, weight.layout);
                if plan.has_bias {
                    let (shape, theirs) = ((1, shape.1), theirs(&bias.name));
                    self.body(&ours('b'), theirs, bias.kind, shape, bias.layout);
                }
            }
        }
        if plan.beside.is_some() {
            self.beside(l, plan.n);
        }
        if let Some(shared) = plan.shared {
            self.network(l, "ffn.shared", names.shared, shared.d_ff);
            if shared.has_gate {
                let ours = format!("blocks.{l}.ffn.shared.w_share");
                self.body(&ours, theirs(names.shared_gate), "weight", (d_model, 1), Linear);
            }
        }
    }

    /// The norms and numbers of `n` experts that stand beside the shared one.
    fn beside(&mut self, l: usize, n: usize) {
        let names = self.names.experts.beside;
        let all = *self.names;
        let theirs = |name: &str| all.in_layer(l, name);
        let d_model = self.plan.heads.d_model;
        let ours = |name: &str| format!("blocks.{l}.ffn.{name}");
        let gain = (theirs(names.router_gain), theirs(names.scales));
        let norms = [
            ("experts.norm", names.norm),
            ("experts.post_norm", names.post_norm),
            ("shared.post_norm", names.shared_post_norm),
        ];
        let norms = norms.map(|(name, of)| (ours(name), theirs(of)));
        self.body(&ours("router.norm.gain"), gain.0, "", (1, d_model), Vector);
        self.body(&ours("router.scales"), gain.1, "", (1, n), Vector);
        for (ours, theirs) in norms {
            self.norm(&ours, theirs);
        }
    }

    /// A network for all tokens, named `scope` in its layer.
    fn network(&mut self, l: usize, scope: &str, names: FeedNames, d_ff: usize) {
        let all = *self.names;
        let theirs = |name: &str| all.in_layer(l, name);
        let d_model = self.plan.heads.d_model;
        let (up, down) = ((d_model, d_ff), (d_ff, d_model));
        let (linear, conv) = ([Linear, Vector], [Conv1d, Vector]);
        let rows =
            |first: usize| [LinearRows(first..first + d_ff), VectorPart(first..first + d_ff)];
        let maps = match names {
            FeedNames::Plain(one, two) => {
                vec![("*_1", one, up, linear.clone()), ("*_2", two, down, linear)]
            }
            FeedNames::Conv1d(one, two) => {
                vec![("*_1", one, up, conv.clone()), ("*_2", two, down, conv)]
            }
            FeedNames::Gated(gate, up_name, down_name) => vec![
                ("*_gate", gate, up, linear.clone()),
                ("*_up", up_name, up, linear.clone()),
                ("*_down", down_name, down, linear),
            ],
            FeedNames::FusedGate(both, down_name) => vec![
                ("*_gate", both, up, rows(0)),
                ("*_up", both, up, rows(d_ff)),
                ("*_down", down_name, down, linear),
            ],
        };
        for (ours, name, shape, layouts) in maps {
            let has_bias = self.biases.feed;
            let ours = &format!("{scope}.{ours}");
            self.map(l, Map { ours, theirs: theirs(name), shape, layouts, has_bias });
        }
    }
}

/// Where a map of one expert is stored.
struct StoredMap {
    weight: StoredTensor,
    bias: StoredTensor,
}

struct StoredTensor {
    name: String,
    /// The last part of its name: `weight`, `bias`, or none.
    kind: &'static str,
    layout: WeightLayout,
}

impl StoredTensor {
    fn new(name: impl Into<String>, kind: &'static str, layout: WeightLayout) -> Self {
        Self { name: name.into(), kind, layout }
    }
}

impl ExpertMaps {
    /// Gate (0), up (1) or down (2) of one expert of `n`, which has `d_ff` units.
    fn stored(self, i: usize, expert: usize, n: usize, d_model: usize, d_ff: usize) -> StoredMap {
        let n_out = if i == 2 { d_model } else { d_ff };
        let whole = Stack { n, index: expert, each: n_out, first: 0, step: 1 };
        let of_pair = |first, step| {
            if i == 2 { whole } else { Stack { each: 2 * d_ff, first, step, ..whole } }
        };
        let named = |name: &str, [weight, bias]: [WeightLayout; 2]| StoredMap {
            weight: StoredTensor::new(name, "weight", weight),
            bias: StoredTensor::new(name, "bias", bias),
        };
        match self {
            Self::Apart(names) => {
                named(&names[i].replace('*', &expert.to_string()), [Linear, Vector])
            }
            Self::Stacked(names) => named(names[i], [StackRows(whole), StackVector(whole)]),
            Self::StackedPairs(both, down) => {
                let stack = of_pair(i * d_ff, 1);
                named(if i == 2 { down } else { both }, [StackRows(stack), StackVector(stack)])
            }
            Self::BarePairs(both, down) => {
                let (name, stack) = (if i == 2 { down } else { both }, of_pair(i * d_ff, 1));
                StoredMap {
                    weight: StoredTensor::new(name, "", StackRows(stack)),
                    bias: StoredTensor::new(format!("{name}_bias"), "", StackVector(stack)),
                }
            }
            Self::BareColumns(both, down) => {
                let (name, stack) = (if i == 2 { down } else { both }, of_pair(i * d_ff, 1));
                StoredMap {
                    weight: StoredTensor::new(name, "", StackColumns(stack)),
                    bias: StoredTensor::new(format!("{name}_bias"), "", StackVector(stack)),
                }
            }
            Self::Alternating(both, down, form) => {
                let (name, stack) = (if i == 2 { down } else { both }, of_pair(i, 2));
                let (end, layout) = match form {
                    StackForm::Plain => ("", StackColumns(stack)),
                    StackForm::Mxfp4 => (BLOCKS, StackMxfp4(stack)),
                };
                StoredMap {
                    weight: StoredTensor::new(format!("{name}{end}"), "", layout),
                    bias: StoredTensor::new(format!("{name}_bias"), "", StackVector(stack)),
                }
            }
        }
    }
}

impl LatentUp {
    /// Where keys (0) or values (1) are stored, of heads whose keys have `own` rows and whose values have `value`.
    fn stored(
        self,
        i: usize,
        n_heads: usize,
        own: usize,
        value: usize,
    ) -> (&'static str, WeightLayout) {
        match self {
            Self::ByHead(name) => {
                let (first, block) = if i == 0 { (0, own) } else { (own, value) };
                let stride = own + value;
                let whole = n_heads * stride;
                (name, LinearBlocks(LineBlocks { first, block, stride, whole }.into()))
            }
            Self::Stacked(names) if i == 0 => (names[0], HeadColumns(n_heads)),
            Self::Stacked(names) => (names[1], HeadLinear(n_heads)),
        }
    }
}

/// The rows of queries, keys or values where all stand one after another.
const fn rows(heads: HeadSizes, i: usize) -> Range<usize> {
    let (d_q, d_kv) = (heads.d_q(), heads.d_kv());
    match i {
        0 => 0..d_q,
        1 => d_q..d_q + d_kv,
        _ => d_q + d_kv..d_q + 2 * d_kv,
    }
}

/// The rows of each head's queries, or of its gates behind them.
fn with_gate(heads: HeadSizes, first: usize) -> [WeightLayout; 2] {
    let (block, stride) = (heads.d_head, 2 * heads.d_head);
    let blocks = LineBlocks { first, block, stride, whole: heads.n_heads * stride };
    [LinearBlocks(blocks.into()), VectorBlocks(blocks)]
}

/// The rows of queries, keys or values where they stand head by head.
fn by_head(heads: HeadSizes, i: usize) -> [WeightLayout; 2] {
    let HeadSizes { n_heads, n_kv_heads, d_head, .. } = heads;
    let of_queries = n_heads / n_kv_heads * d_head;
    let stride = of_queries + 2 * d_head;
    let (first, block) = match i {
        0 => (0, of_queries),
        1 => (of_queries, d_head),
        _ => (of_queries + d_head, d_head),
    };
    let blocks = LineBlocks { first, block, stride, whole: n_kv_heads * stride };
    [LinearBlocks(blocks.into()), VectorBlocks(blocks)]
}

/// The rows of queries, keys or values in each of four parts, where values stand before keys.
fn by_core(heads: HeadSizes, i: usize) -> [WeightLayout; 2] {
    let block = heads.d_q() / CORES;
    let (stride, first) = (3 * block, [0, 2 * block, block][i]);
    let blocks = LineBlocks { first, block, stride, whole: CORES * stride };
    [LinearBlocks(blocks.into()), VectorBlocks(blocks)]
}
