//! The sites of attention: what each head computes, from queries, keys and values to its output.

use crate::engine::site::{
    Axis::{Channel, Distance, Head, Key, Query, Single},
    Role, Site,
};

pub static Q: Site =
    Site::planes("q", [Head, Query, Channel], "queries: what each word asks for").called(&["Q"]);
pub static K: Site =
    Site::planes("k", [Head, Key, Channel], "keys: what each word offers to be found by")
        .called(&["K"]);
pub static V: Site =
    Site::planes("v", [Head, Key, Channel], "values: what each word passes on when attended to")
        .called(&["V"]);
pub static V_OF_KEYS: Site = Site::planes(
    "v",
    [Head, Key, Channel],
    "values: what the map to keys made, before it is normalised and rotated",
)
.called(&["V"]);
/// The path of values that were normalised, in the scope of their attention.
pub const V_NORMALIZED: &str = "v_norm.normalized";
pub static Q_CLIPPED: Site =
    Site::planes("q_clipped", [Head, Query, Channel], "queries, no further from 0 than the limit");
pub static K_CLIPPED: Site =
    Site::planes("k_clipped", [Head, Key, Channel], "keys, no further from 0 than the limit");
pub static V_CLIPPED: Site =
    Site::planes("v_clipped", [Head, Key, Channel], "values, no further from 0 than the limit");
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
pub static CHUNKED: Site = Site::planes(
    "masked",
    [Head, Query, Key],
    "scores, minus infinity where the key is in the future, or in an earlier chunk of the text",
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
pub static GATE: Site = Site::matrix(
    "gate",
    [Query, Channel],
    "x W_G: how much of each channel of the heads' contexts is to be let through, before sigmoid",
);
pub static GATE_ACT: Site = Site::matrix("gate_act", [Query, Channel], "the gate after sigmoid")
    .with(Role::Gate)
    .called(&["σ(x W_G)"]);
pub static GATED: Site =
    Site::matrix("gated", [Query, Channel], "concat * the gate: what is let through")
        .called(&["gated"]);
pub static OUT: Site = Site::matrix("out", [Query, Channel], "the heads mixed by W_O")
    .with(Role::SubLayerOutput)
    .called(&["out", "attention(x)", "attention(y)"]);
pub static Q_LATENT: Site = Site::matrix(
    "q_latent",
    [Query, Channel],
    "what the queries of all heads are made from: x W_DQ, a few numbers",
);
pub static LATENT: Site = Site::matrix(
    "latent",
    [Key, Channel],
    "what the keys and values of all heads are made from: x W_DKV, a few numbers",
)
.called(&["x W_DKV"]);
pub static K_SHARED: Site = Site::matrix(
    "k_shared",
    [Key, Channel],
    "the channels of keys that will know positions, the same for all heads: x W_KR",
)
.called(&["k_R", "x W_KR"]);
pub static K_OWN: Site = Site::planes(
    "k_own",
    [Head, Key, Channel],
    "the channels of keys that each head makes from what is kept: c W_UK",
)
.called(&["c W_UK"]);
pub static K_JOINED: Site = Site::planes(
    "k",
    [Head, Key, Channel],
    "keys: each head's own channels, then those that all heads share",
)
.called(&["K"]);
pub static V_UNPACKED: Site = Site::planes(
    "v",
    [Head, Key, Channel],
    "values: what each head makes from what is kept: c W_UV",
)
.called(&["V", "c W_UV"]);

pub static K_DISTANCE: Site = Site::planes(
    "k_distance",
    [Head, Distance, Channel],
    "keys of distances: what a distance offers to be found by",
)
.with(Role::Positions);
pub static Q_DISTANCE: Site = Site::planes(
    "q_distance",
    [Head, Distance, Channel],
    "queries of distances: what a distance asks for",
)
.with(Role::Positions);
pub static TO_POSITION: Site = Site::planes(
    "c2p",
    [Head, Query, Key],
    "content to position: q of the word · k of the distance",
)
.called(&["q kd"]);
pub static FROM_POSITION: Site = Site::planes(
    "p2c",
    [Head, Query, Key],
    "position to content: k of the word · q of the distance",
)
.called(&["k qd"]);
pub static SUMMED: Site = Site::planes(
    "summed",
    [Head, Query, Key],
    "scores + content to position + position to content",
);
pub static SCALED_SUM: Site =
    Site::planes("scaled", [Head, Query, Key], "the sum of the three divided by sqrt(3 d_k)")
        .with(Role::ScaledScores)
        .called(&["/ √(3 d_k)", "scaled"]);
