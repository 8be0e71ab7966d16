//! The tensor names of BERT-family checkpoints.
//!
//! Names of the body have a prefix (`bert.`), unless the body was saved alone, as sentence-transformers does. Older
//! files call a norm's gain and bias `gamma` and `beta`.

use super::{BertPlan, family::BertFamily, head::HeadPlan};
use crate::weights::{Checkpoint, ExpectedWeight, LineBlocks, TensorNames, WeightLayout};

/// The shapes that occur, in the model's own sizes.
#[derive(Clone, Copy)]
enum Size {
    /// A linear map from d_model to d_model, from d_model to d_ff and back.
    Square,
    /// The i-th of three such maps in one tensor.
    Third(usize),
    /// The same, where their rows stand head by head.
    ThirdOfHeads(usize),
    Up,
    Down,
    /// From the width of the tables to d_model, and back.
    Wide,
    Narrow,
    /// A vector of d_model, d_ff or vocabulary numbers, or as wide as the tables.
    Model,
    Embed,
    Unit,
    Vocab,
    /// A table with a row for every token, position or token type.
    Tokens,
    Positions,
    Types,
    /// A row for every bucket of distances, a column for every head.
    Buckets,
    /// A row for every bucket of distances.
    Distances,
}
use Size::{
    Buckets, Distances, Down, Embed, Model, Narrow, Positions, Square, Third, ThirdOfHeads, Tokens,
    Types, Unit, Up, Vocab, Wide,
};

impl Size {
    /// Our shape, and the layout in the file.
    fn of(self, plan: &BertPlan) -> ((usize, usize), WeightLayout) {
        let (d_model, d_ff, d_embed) = (plan.heads.d_model, plan.feed.d_ff, plan.d_embed);
        match self {
            Square => ((d_model, d_model), WeightLayout::Linear),
            Third(i) => {
                let rows = i * d_model..(i + 1) * d_model;
                ((d_model, d_model), WeightLayout::LinearRows(rows))
            }
            ThirdOfHeads(i) => {
                let block = plan.heads.d_head;
                let whole = 3 * d_model;
                let blocks = LineBlocks { first: i * block, block, stride: 3 * block, whole };
                ((d_model, d_model), WeightLayout::LinearBlocks(blocks.into()))
            }
            Up => ((d_model, d_ff), WeightLayout::Linear),
            Down => ((d_ff, d_model), WeightLayout::Linear),
            Wide => ((d_embed, d_model), WeightLayout::Linear),
            Narrow => ((d_model, d_embed), WeightLayout::Linear),
            Embed => ((1, d_embed), WeightLayout::Vector),
            Buckets => {
                let n = plan.relative.map_or(0, |buckets| buckets.n);
                ((n, plan.heads.n_heads), WeightLayout::Table)
            }
            Distances => {
                let n = plan.distances.map_or(0, |buckets| 2 * buckets.span);
                ((n, d_model), WeightLayout::Table)
            }
            Model => ((1, d_model), WeightLayout::Vector),
            Unit => ((1, d_ff), WeightLayout::Vector),
            Vocab => ((1, plan.n_vocab), WeightLayout::Vector),
            Tokens => ((plan.n_vocab, d_embed), WeightLayout::Table),
            Positions => ((plan.n_positions, d_embed), WeightLayout::Table),
            Types => ((plan.n_types, d_embed), WeightLayout::Table),
        }
    }
}

/// A weight in a table.
#[derive(Clone, Copy)]
struct Row {
    ours: &'static str,
    /// Alternatives separated by `|`; the first that exists is taken.
    theirs: &'static str,
    size: Size,
}

const fn row(ours: &'static str, theirs: &'static str, size: Size) -> Row {
    Row { ours, theirs, size }
}

/// The weights of every body before its layers.
const TOKENS: [Row; 3] = [
    row("embed.weight", "embeddings.word_embeddings.weight", Tokens),
    row(
        "tokens.norm.gain",
        "embeddings.LayerNorm.weight|embeddings.LayerNorm.gamma|emb_ln.weight",
        Embed,
    ),
    row(
        "tokens.norm.bias",
        "embeddings.LayerNorm.bias|embeddings.LayerNorm.beta|emb_ln.bias",
        Embed,
    ),
];

const POSITIONS: Row = row("positions.weight", "embeddings.position_embeddings.weight", Positions);
const TYPE: Row = row("types.weight", "embeddings.token_type_embeddings.weight", Types);

/// A layer, behind `encoder.layer.{layer}.`; ours behind `encoder.{layer}.`.
const BERT_LAYER: [Row; 16] = [
    row("self_attn.W_Q", "attention.self.query.weight", Square),
    row("self_attn.b_Q", "attention.self.query.bias", Model),
    row("self_attn.W_K", "attention.self.key.weight", Square),
    row("self_attn.b_K", "attention.self.key.bias", Model),
    row("self_attn.W_V", "attention.self.value.weight", Square),
    row("self_attn.b_V", "attention.self.value.bias", Model),
    row("self_attn.W_O", "attention.output.dense.weight", Square),
    row("self_attn.b_O", "attention.output.dense.bias", Model),
    row("norm1.gain", "attention.output.LayerNorm.weight|attention.output.LayerNorm.gamma", Model),
    row("norm1.bias", "attention.output.LayerNorm.bias|attention.output.LayerNorm.beta", Model),
    row("ffn.W_1", "intermediate.dense.weight", Up),
    row("ffn.b_1", "intermediate.dense.bias", Unit),
    row("ffn.W_2", "output.dense.weight", Down),
    row("ffn.b_2", "output.dense.bias", Model),
    row("norm2.gain", "output.LayerNorm.weight|output.LayerNorm.gamma", Model),
    row("norm2.bias", "output.LayerNorm.bias|output.LayerNorm.beta", Model),
];

/// DeBERTa's vectors of distances, with their norm.
const DISTANCES: [Row; 3] = [
    row("encoder.distances", "encoder.rel_embeddings.weight", Distances),
    row("encoder.distance_norm.gain", "encoder.LayerNorm.weight", Model),
    row("encoder.distance_norm.bias", "encoder.LayerNorm.bias", Model),
];

/// A layer of DeBERTa, behind `encoder.layer.{layer}.`.
const DEBERTA_LAYER: [Row; 16] = {
    let mut rows = BERT_LAYER;
    rows[0].theirs = "attention.self.query_proj.weight";
    rows[1].theirs = "attention.self.query_proj.bias";
    rows[2].theirs = "attention.self.key_proj.weight";
    rows[3].theirs = "attention.self.key_proj.bias";
    rows[4].theirs = "attention.self.value_proj.weight";
    rows[5].theirs = "attention.self.value_proj.bias";
    rows
};

/// A layer of the first DeBERTa, behind `encoder.layer.{layer}.`.
const FIRST_DEBERTA_LAYER: [Row; 18] = [
    row("self_attn.W_Q", "attention.self.in_proj.weight", ThirdOfHeads(0)),
    row("self_attn.b_Q", "attention.self.q_bias", Model),
    row("self_attn.W_K", "attention.self.in_proj.weight", ThirdOfHeads(1)),
    row("self_attn.W_V", "attention.self.in_proj.weight", ThirdOfHeads(2)),
    row("self_attn.b_V", "attention.self.v_bias", Model),
    row("self_attn.W_KD", "attention.self.pos_proj.weight", Square),
    row("self_attn.W_QD", "attention.self.pos_q_proj.weight", Square),
    row("self_attn.b_QD", "attention.self.pos_q_proj.bias", Model),
    BERT_LAYER[6],
    BERT_LAYER[7],
    BERT_LAYER[8],
    BERT_LAYER[9],
    BERT_LAYER[10],
    BERT_LAYER[11],
    BERT_LAYER[12],
    BERT_LAYER[13],
    BERT_LAYER[14],
    BERT_LAYER[15],
];

/// A layer of DistilBERT, behind `transformer.layer.{layer}.`.
const DISTILBERT_LAYER: [Row; 16] = [
    row("self_attn.W_Q", "attention.q_lin.weight", Square),
    row("self_attn.b_Q", "attention.q_lin.bias", Model),
    row("self_attn.W_K", "attention.k_lin.weight", Square),
    row("self_attn.b_K", "attention.k_lin.bias", Model),
    row("self_attn.W_V", "attention.v_lin.weight", Square),
    row("self_attn.b_V", "attention.v_lin.bias", Model),
    row("self_attn.W_O", "attention.out_lin.weight", Square),
    row("self_attn.b_O", "attention.out_lin.bias", Model),
    row("norm1.gain", "sa_layer_norm.weight", Model),
    row("norm1.bias", "sa_layer_norm.bias", Model),
    row("ffn.W_1", "ffn.lin1.weight", Up),
    row("ffn.b_1", "ffn.lin1.bias", Unit),
    row("ffn.W_2", "ffn.lin2.weight", Down),
    row("ffn.b_2", "ffn.lin2.bias", Model),
    row("norm2.gain", "output_layer_norm.weight", Model),
    row("norm2.bias", "output_layer_norm.bias", Model),
];

/// The head that predicts masked tokens: dense map and norm.
const BERT_HEAD: [Row; 4] = [
    row("mlm.W", "cls.predictions.transform.dense.weight", Narrow),
    row("mlm.b", "cls.predictions.transform.dense.bias", Embed),
    row(
        "mlm.norm.gain",
        "cls.predictions.transform.LayerNorm.weight|cls.predictions.transform.LayerNorm.gamma",
        Embed,
    ),
    row(
        "mlm.norm.bias",
        "cls.predictions.transform.LayerNorm.bias|cls.predictions.transform.LayerNorm.beta",
        Embed,
    ),
];

const ROBERTA_HEAD: [Row; 4] = [
    row("mlm.W", "lm_head.dense.weight", Narrow),
    row("mlm.b", "lm_head.dense.bias", Embed),
    row("mlm.norm.gain", "lm_head.layer_norm.weight", Embed),
    row("mlm.norm.bias", "lm_head.layer_norm.bias", Embed),
];

const DISTILBERT_HEAD: [Row; 4] = [
    row("mlm.W", "vocab_transform.weight", Narrow),
    row("mlm.b", "vocab_transform.bias", Embed),
    row("mlm.norm.gain", "vocab_layer_norm.weight", Embed),
    row("mlm.norm.bias", "vocab_layer_norm.bias", Embed),
];

const ELECTRA_HEAD: [Row; 4] = [
    row("mlm.W", "generator_predictions.dense.weight", Narrow),
    row("mlm.b", "generator_predictions.dense.bias", Embed),
    row("mlm.norm.gain", "generator_predictions.LayerNorm.weight", Embed),
    row("mlm.norm.bias", "generator_predictions.LayerNorm.bias", Embed),
];

const ALBERT_HEAD: [Row; 4] = [
    row("mlm.W", "predictions.dense.weight", Narrow),
    row("mlm.b", "predictions.dense.bias", Embed),
    row("mlm.norm.gain", "predictions.LayerNorm.weight", Embed),
    row("mlm.norm.bias", "predictions.LayerNorm.bias", Embed),
];

const DEBERTA_HEAD: [Row; 4] = [
    row(
        "mlm.W",
        "lm_predictions.lm_head.dense.weight|cls.predictions.transform.dense.weight",
        Narrow,
    ),
    row("mlm.b", "lm_predictions.lm_head.dense.bias|cls.predictions.transform.dense.bias", Embed),
    row(
        "mlm.norm.gain",
        "lm_predictions.lm_head.LayerNorm.weight|cls.predictions.transform.LayerNorm.weight",
        Embed,
    ),
    row(
        "mlm.norm.bias",
        "lm_predictions.lm_head.LayerNorm.bias|cls.predictions.transform.LayerNorm.bias",
        Embed,
    ),
];

/// The one layer of an ALBERT, behind the names of its group.
const ALBERT_LAYER: [Row; 16] = [
    row("self_attn.W_Q", "attention.query.weight", Square),
    row("self_attn.b_Q", "attention.query.bias", Model),
    row("self_attn.W_K", "attention.key.weight", Square),
    row("self_attn.b_K", "attention.key.bias", Model),
    row("self_attn.W_V", "attention.value.weight", Square),
    row("self_attn.b_V", "attention.value.bias", Model),
    row("self_attn.W_O", "attention.dense.weight", Square),
    row("self_attn.b_O", "attention.dense.bias", Model),
    row("norm1.gain", "attention.LayerNorm.weight", Model),
    row("norm1.bias", "attention.LayerNorm.bias", Model),
    row("ffn.W_1", "ffn.weight", Up),
    row("ffn.b_1", "ffn.bias", Unit),
    row("ffn.W_2", "ffn_output.weight", Down),
    row("ffn.b_2", "ffn_output.bias", Model),
    row("norm2.gain", "full_layer_layer_norm.weight", Model),
    row("norm2.bias", "full_layer_layer_norm.bias", Model),
];

/// A layer of MPNet, behind `encoder.layer.{layer}.`.
const MPNET_LAYER: [Row; 16] = [
    row("self_attn.W_Q", "attention.attn.q.weight", Square),
    row("self_attn.b_Q", "attention.attn.q.bias", Model),
    row("self_attn.W_K", "attention.attn.k.weight", Square),
    row("self_attn.b_K", "attention.attn.k.bias", Model),
    row("self_attn.W_V", "attention.attn.v.weight", Square),
    row("self_attn.b_V", "attention.attn.v.bias", Model),
    row("self_attn.W_O", "attention.attn.o.weight", Square),
    row("self_attn.b_O", "attention.attn.o.bias", Model),
    row("norm1.gain", "attention.LayerNorm.weight", Model),
    row("norm1.bias", "attention.LayerNorm.bias", Model),
    row("ffn.W_1", "intermediate.dense.weight", Up),
    row("ffn.b_1", "intermediate.dense.bias", Unit),
    row("ffn.W_2", "output.dense.weight", Down),
    row("ffn.b_2", "output.dense.bias", Model),
    row("norm2.gain", "output.LayerNorm.weight", Model),
    row("norm2.bias", "output.LayerNorm.bias", Model),
];

/// A layer of Nomic Embed as transformers saves it, behind `layers.{layer}.`.
const NOMIC_LAYER: [Row; 11] = [
    row("self_attn.W_Q", "self_attn.q_proj.weight", Square),
    row("self_attn.W_K", "self_attn.k_proj.weight", Square),
    row("self_attn.W_V", "self_attn.v_proj.weight", Square),
    row("self_attn.W_O", "self_attn.o_proj.weight", Square),
    row("norm1.gain", "post_attention_layernorm.weight", Model),
    row("norm1.bias", "post_attention_layernorm.bias", Model),
    row("ffn.W_gate", "mlp.gate_proj.weight", Up),
    row("ffn.W_up", "mlp.up_proj.weight", Up),
    row("ffn.W_down", "mlp.down_proj.weight", Down),
    row("norm2.gain", "post_mlp_layernorm.weight", Model),
    row("norm2.bias", "post_mlp_layernorm.bias", Model),
];

/// The same as it is hosted, behind `encoder.layers.{layer}.`.
const HOSTED_NOMIC_LAYER: [Row; 11] = [
    row("self_attn.W_Q", HOSTED_QKV, Third(0)),
    row("self_attn.W_K", HOSTED_QKV, Third(1)),
    row("self_attn.W_V", HOSTED_QKV, Third(2)),
    row("self_attn.W_O", "attn.out_proj.weight", Square),
    row("norm1.gain", "norm1.weight", Model),
    row("norm1.bias", "norm1.bias", Model),
    row("ffn.W_gate", "mlp.fc12.weight", Up),
    row("ffn.W_up", "mlp.fc11.weight", Up),
    row("ffn.W_down", "mlp.fc2.weight", Down),
    row("norm2.gain", "norm2.weight", Model),
    row("norm2.bias", "norm2.bias", Model),
];

/// Queries, keys and values in one tensor.
const HOSTED_QKV: &str = "attn.Wqkv.weight";

const NOMIC_HEAD: [Row; 4] = [
    row("mlm.W", "cls.predictions.transform.dense.weight", Narrow),
    row("mlm.b", "cls.predictions.transform.dense.bias", Embed),
    row("mlm.norm.gain", "cls.predictions.transform.layer_norm.weight", Embed),
    row("mlm.norm.bias", "cls.predictions.transform.layer_norm.bias", Embed),
];

/// The names that differ between families.
struct Names {
    /// Before the names of a body that was saved with a head.
    prefix: &'static str,
    /// Before the names of a layer; `*` is its number.
    layer_prefix: &'static str,
    /// The map from the tables to the layers.
    project: [&'static str; 2],
    layer: &'static [Row],
    head: &'static [Row; 4],
    /// The bias of the logits, where their table is the embedding.
    tied: Row,
    /// Their own table, and its bias.
    untied: [Row; 2],
}

static BERT: Names = BERT_NAMES;

const BERT_NAMES: Names = Names {
    prefix: "bert.",
    layer_prefix: "encoder.layer.*.",
    project: ["", ""],
    layer: &BERT_LAYER,
    head: &BERT_HEAD,
    tied: row("unembed.bias", "cls.predictions.decoder.bias|cls.predictions.bias", Vocab),
    untied: [
        row("unembed.weight", "cls.predictions.decoder.weight", Tokens),
        row("unembed.bias", "cls.predictions.decoder.bias|cls.predictions.bias", Vocab),
    ],
};

static DEBERTA: Names = DEBERTA_NAMES;

static FIRST_DEBERTA: Names = Names { layer: &FIRST_DEBERTA_LAYER, ..DEBERTA_NAMES };

const DEBERTA_NAMES: Names = Names {
    prefix: "deberta.",
    layer_prefix: "encoder.layer.*.",
    project: ["", ""],
    layer: &DEBERTA_LAYER,
    head: &DEBERTA_HEAD,
    tied: row(
        "unembed.bias",
        "lm_predictions.lm_head.bias|cls.predictions.decoder.bias|cls.predictions.bias",
        Vocab,
    ),
    untied: [
        row("unembed.weight", "cls.predictions.decoder.weight", Tokens),
        row("unembed.bias", "cls.predictions.decoder.bias|cls.predictions.bias", Vocab),
    ],
};

static ROBERTA: Names = ROBERTA_NAMES;

const ROBERTA_NAMES: Names = Names {
    prefix: "roberta.",
    layer_prefix: "encoder.layer.*.",
    project: ["", ""],
    layer: &BERT_LAYER,
    head: &ROBERTA_HEAD,
    tied: row("unembed.bias", "lm_head.decoder.bias|lm_head.bias", Vocab),
    untied: [
        row("unembed.weight", "lm_head.decoder.weight", Tokens),
        row("unembed.bias", "lm_head.decoder.bias|lm_head.bias", Vocab),
    ],
};

static DISTILBERT: Names = Names {
    prefix: "distilbert.",
    layer_prefix: "transformer.layer.*.",
    project: ["", ""],
    layer: &DISTILBERT_LAYER,
    head: &DISTILBERT_HEAD,
    tied: row("unembed.bias", "vocab_projector.bias", Vocab),
    untied: [
        row("unembed.weight", "vocab_projector.weight", Tokens),
        row("unembed.bias", "vocab_projector.bias", Vocab),
    ],
};

static ELECTRA: Names = Names {
    prefix: "electra.",
    layer_prefix: "encoder.layer.*.",
    project: ["embeddings_project.weight", "embeddings_project.bias"],
    layer: &BERT_LAYER,
    head: &ELECTRA_HEAD,
    tied: row("unembed.bias", "generator_lm_head.bias", Vocab),
    untied: [
        row("unembed.weight", "generator_lm_head.weight", Tokens),
        row("unembed.bias", "generator_lm_head.bias", Vocab),
    ],
};

static ALBERT: Names = Names {
    prefix: "albert.",
    layer_prefix: "encoder.albert_layer_groups.0.albert_layers.0.",
    project: [
        "encoder.embedding_hidden_mapping_in.weight",
        "encoder.embedding_hidden_mapping_in.bias",
    ],
    layer: &ALBERT_LAYER,
    head: &ALBERT_HEAD,
    tied: row("unembed.bias", "predictions.decoder.bias|predictions.bias", Vocab),
    untied: [
        row("unembed.weight", "predictions.decoder.weight", Tokens),
        row("unembed.bias", "predictions.decoder.bias|predictions.bias", Vocab),
    ],
};

static MPNET: Names = Names {
    prefix: "mpnet.",
    layer_prefix: "encoder.layer.*.",
    project: ["", ""],
    layer: &MPNET_LAYER,
    ..ROBERTA_NAMES
};

static NOMIC: Names = Names {
    prefix: "nomic_bert.",
    layer_prefix: "layers.*.",
    layer: &NOMIC_LAYER,
    head: &NOMIC_HEAD,
    ..BERT_NAMES
};

static HOSTED_NOMIC: Names = Names {
    prefix: "nomic_bert.",
    layer_prefix: "encoder.layers.*.",
    layer: &HOSTED_NOMIC_LAYER,
    head: &NOMIC_HEAD,
    ..BERT_NAMES
};

impl BertFamily {
    fn names(self, checkpoint: &Checkpoint) -> &'static Names {
        let is_hosted = || checkpoint.tensors().iter().any(|t| t.name.ends_with(HOSTED_QKV));
        match self {
            Self::Nomic if is_hosted() => &HOSTED_NOMIC,
            Self::Nomic => &NOMIC,
            Self::Bert => &BERT,
            Self::Roberta => &ROBERTA,
            Self::DistilBert => &DISTILBERT,
            Self::Electra => &ELECTRA,
            Self::Albert => &ALBERT,
            Self::MpNet => &MPNET,
            Self::Deberta => &DEBERTA,
            Self::FirstDeberta => &FIRST_DEBERTA,
        }
    }

    /// Whether the file has the head that predicts masked tokens.
    pub fn has_head(self, checkpoint: &Checkpoint) -> bool {
        TensorNames::listed(self.names(checkpoint).head[0].theirs).are_in(checkpoint)
    }

    /// Whether the file has a separate table for the logits.
    pub fn has_unembed(self, checkpoint: &Checkpoint) -> bool {
        checkpoint.tensor(self.names(checkpoint).untied[0].theirs).is_some()
    }
}

/// The weights that a model of this plan needs.
pub fn expected_weights(
    checkpoint: &Checkpoint,
    family: BertFamily,
    plan: &BertPlan,
) -> Vec<ExpectedWeight> {
    let names = family.names(checkpoint);
    let has_body =
        |prefix: &&str| checkpoint.tensor(&format!("{prefix}{}", TOKENS[0].theirs)).is_some();
    let prefix = ["", names.prefix, BERT.prefix].into_iter().find(has_body).unwrap_or(names.prefix);
    let of_body = |row: &Row| one(row, "", prefix, plan);
    let mut all: Vec<ExpectedWeight> = TOKENS.iter().map(of_body).collect();
    if plan.has_positions {
        all.insert(1, of_body(&POSITIONS));
    }
    if plan.distances.is_some() {
        let n = if plan.has_distance_norm { DISTANCES.len() } else { 1 };
        all.extend(DISTANCES[..n].iter().map(of_body));
    }
    if plan.n_types > 0 {
        all.push(of_body(&TYPE));
    }
    if plan.is_projected {
        let [w, b] = names.project;
        let own = [row("tokens.W_project", w, Wide), row("tokens.b_project", b, Model)];
        all.extend(own.iter().map(of_body));
    }
    if plan.relative.is_some() {
        let table = "encoder.relative_attention_bias.weight";
        all.push(of_body(&row("encoder.relative", table, Buckets)));
    }
    for l in 0..plan.n_layers {
        let within = names.layer_prefix.replace('*', &l.to_string());
        let (ours, theirs) = (format!("encoder.{l}."), format!("{prefix}{within}"));
        all.extend(names.layer.iter().map(|row| one(row, &ours, &theirs, plan)));
    }
    if let HeadPlan::MaskedWords { is_tied, .. } = plan.head {
        let last = if is_tied { std::slice::from_ref(&names.tied) } else { &names.untied };
        all.extend(names.head.iter().chain(last).map(|row| one(row, "", "", plan)));
    }
    match &plan.head {
        HeadPlan::Pool(pool) => all.extend(pool.expected_weights()),
        HeadPlan::Classes(classes) => all.extend(classes.expected_weights(plan.heads.d_model)),
        HeadPlan::MaskedWords { .. } => {}
    }
    all
}

/// A row of a table with the prefixes of our name and theirs.
fn one(row: &Row, ours: &str, theirs: &str, plan: &BertPlan) -> ExpectedWeight {
    let (shape, layout) = row.size.of(plan);
    let theirs = TensorNames::listed(row.theirs).each(|name| format!("{theirs}{name}"));
    ExpectedWeight::new(format!("{ours}{}", row.ours), theirs, shape, layout)
}
