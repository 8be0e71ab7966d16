//! Heads that sort a text, or each of its tokens, into classes (Devlin et al. 2019, section 4): `softmax(act(x W + b) W' +
//! b')`; and heads that find an answer, whose two classes are its first and its last token. What stands for a text is the
//! row of its first token or, in a decoder, which sees backwards alone, of its last.

use anyhow::{Context, Result};
use serde_json::Value as Json;

use crate::{
    engine::{
        site::{
            Axis::{Channel, Class, Key, Position, Single},
            Role, Site,
        },
        tape::{LinearMap, Node, Tape},
    },
    model::{
        layer::{
            feed_forward::Activation,
            norm::{Norm, NormKind},
        },
        source_scope,
    },
    text::visible,
    weights::{Checkpoint, ExpectedWeight, TensorNames, WeightLayout, Weights},
};

pub static FIRST: Site = Site::matrix(
    "first",
    [Single, Channel],
    "the row of the first token, which stands for the whole text",
);
pub static LAST: Site = Site::matrix(
    "last",
    [Single, Channel],
    "the row of the last token, which has seen the whole text and stands for it",
);
pub static MEAN: Site = Site::matrix(
    "mean",
    [Single, Channel],
    "the mean of all tokens' rows, which stands for the text",
);
pub static SUM: Site = Site::matrix("sum", [Single, Channel], "x W + b, before the activation");
pub static HIDDEN: Site = Site::matrix(
    "hidden",
    [Single, Channel],
    "after the activation: the features that the classifier reads",
);
pub static LOGITS: Site =
    Site::matrix("logits", [Single, Class], "a score for every class of the text")
        .with(Role::ClassLogits);
pub static PROBS: Site =
    Site::matrix("probs", [Single, Class], "softmax: how likely each class of the text is");
pub static EACH: Site = Site::matrix(
    "probs",
    [Single, Class],
    "sigmoid: how likely each class is, whatever the others are",
);
pub static SUM_OF_TOKENS: Site =
    Site::matrix("sum", [Position, Channel], "x W + b, before the activation");
pub static HIDDEN_OF_TOKENS: Site = Site::matrix(
    "hidden",
    [Position, Channel],
    "after the activation: the features that the classifier reads",
);
pub static LOGITS_OF_TOKENS: Site =
    Site::matrix("logits", [Position, Class], "a score for every class of each token")
        .with(Role::ClassLogits);
pub static PROBS_OF_TOKENS: Site =
    Site::matrix("probs", [Position, Class], "softmax: how likely each class of a token is");
pub static EACH_OF_TOKENS: Site = Site::matrix(
    "probs",
    [Position, Class],
    "sigmoid: how likely each class of a token is, whatever the others are",
);

pub static LOGITS_OF_ENDS: Site = Site::matrix(
    "logits",
    [Position, Class],
    "how well the answer would begin, and end, with each token",
);
pub static START: Site = Site::matrix("start", [Single, Key], "the scores of the first token");
pub static START_PROBS: Site = Site::matrix(
    "start_probs",
    [Single, Key],
    "softmax over the tokens: how likely the answer begins with each",
)
.with(Role::Probabilities);
pub static END: Site = Site::matrix("end", [Single, Key], "the scores of the last token");
pub static END_PROBS: Site = Site::matrix(
    "end_probs",
    [Single, Key],
    "softmax over the tokens: how likely the answer ends with each",
)
.with(Role::Probabilities);

/// What is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorted {
    Text,
    Tokens,
    /// Tokens, by how well an answer would begin and end with them.
    Ends,
}

/// What stands for a whole text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextReading {
    FirstToken,
    /// The last but for those of padding, if this is their id.
    LastToken {
        padding: Option<u32>,
    },
    Mean,
}

/// What the scores become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// One of the classes: softmax.
    OneOf,
    /// Each by itself: sigmoid.
    Each,
    /// A score, as of a reranker.
    Score,
}

/// The settings of a head for classes.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassesPlan {
    sorted: Sorted,
    outcome: Outcome,
    /// Names, safe to show.
    labels: Vec<String>,
    reading: TextReading,
    /// The map before that to the classes.
    dense: Option<FirstMap<Activation>>,
    /// The norm after that map.
    norm: Option<NormKind>,
    /// The names of the last map.
    out: &'static str,
}

/// A kind of head of a family, by the ending of its class's name.
#[derive(Clone, Copy)]
pub struct ClassHead {
    pub class: &'static str,
    pub sorted: Sorted,
    pub dense: Option<FirstMap<Dense>>,
    /// The names of the last map, which stand between `|`.
    pub out: &'static str,
}

/// The map before that to the classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirstMap<A> {
    /// The names of its tensors.
    pub names: &'static str,
    pub activation: A,
}

/// The activation of the first map.
#[derive(Clone, Copy)]
pub enum Dense {
    Of(Activation),
    /// That of the layers.
    AsLayers,
}

pub const TEXT: &str = "ForSequenceClassification";
pub const TOKENS: &str = "ForTokenClassification";
pub const ANSWER: &str = "ForQuestionAnswering";
/// ELECTRA's own task: which tokens a generator has replaced.
pub const PRE_TRAINING: &str = "ForPreTraining";

pub const OF_ANSWER: ClassHead =
    ClassHead { class: ANSWER, sorted: Sorted::Ends, dense: None, out: "qa_outputs" };

/// The heads of decoders.
const OF_DECODERS: [ClassHead; 3] = [
    ClassHead { class: TEXT, sorted: Sorted::Text, dense: None, out: "score" },
    ClassHead { class: TOKENS, sorted: Sorted::Tokens, dense: None, out: "score|classifier" },
    OF_ANSWER,
];

/// GGUF's pooling type of models that score a text, as rerankers do.
const RANK: u64 = 4;
/// The head of such a model, and below it the head with a map before the scores.
const OF_RANK: ClassHead =
    ClassHead { class: TEXT, sorted: Sorted::Text, dense: None, out: "cls.output" };
const OF_RANK_WITH_MAP: ClassHead = ClassHead {
    dense: Some(FirstMap { names: "cls", activation: Dense::Of(Activation::Tanh) }),
    ..OF_RANK
};

/// The norm of ModernBERT's head.
const NORM: &str = "head.norm.weight";

impl ClassesPlan {
    /// The head that the settings name, of these, and the file holds; None if there is none. `activation` is that of the
    /// layers.
    ///
    /// # Errors
    /// If a setting is of the wrong kind; if a GGUF file says that it has a head for scores, and does not.
    pub fn of(
        checkpoint: &Checkpoint,
        heads: &[ClassHead],
        activation: Activation,
        d_model: usize,
    ) -> Result<Option<Self>> {
        if let Some(ranking) = Self::of_rank(checkpoint, d_model)? {
            return Ok(Some(ranking));
        }
        let class = checkpoint.config().class().unwrap_or_default();
        let head = heads.iter().find(|head| class.ends_with(head.class));
        let Some(head) = head.filter(|_| checkpoint.modules().is_none()) else { return Ok(None) };
        Self::held(checkpoint, head, activation, d_model)
    }

    /// The head of a decoder.
    ///
    /// # Errors
    /// As for [`Self::of`].
    pub fn of_decoder(checkpoint: &Checkpoint, d_model: usize) -> Result<Option<Self>> {
        // None of them takes an activation from the layers.
        let found = Self::of(checkpoint, &OF_DECODERS, Activation::Tanh, d_model)?;
        let padding = checkpoint.config().id("pad_token_id")?;
        Ok(found.map(|plan| Self { reading: TextReading::LastToken { padding }, ..plan }))
    }

    /// The head of a GGUF file of a model that scores a text; None of another.
    fn of_rank(checkpoint: &Checkpoint, d_model: usize) -> Result<Option<Self>> {
        let kind = checkpoint.config().get("pooling_type").and_then(Json::as_u64);
        if kind != Some(RANK) {
            return Ok(None);
        }
        let has_map = checkpoint.tensor("cls.weight").is_some();
        let head = if has_map { OF_RANK_WITH_MAP } else { OF_RANK };
        let found = Self::held(checkpoint, &head, Activation::Tanh, d_model)?;
        Ok(Some(found.with_context(|| {
            format!(
                "{}: `pooling_type` is `{RANK}`, of a model that scores a text, but there is no `{}.weight`, the \
                 map to its scores",
                checkpoint.name(),
                OF_RANK.out
            )
        })?))
    }

    /// This head, if the file holds its last map.
    fn held(
        checkpoint: &Checkpoint,
        head: &ClassHead,
        activation: Activation,
        d_model: usize,
    ) -> Result<Option<Self>> {
        let config = checkpoint.config();
        let weights = TensorNames::listed(head.out).each(|name| format!("{name}.weight"));
        let weight = weights.iter().find_map(|name| checkpoint.tensor(name));
        let Some(&[n, width]) = weight.map(|weight| weight.shape.as_slice()) else {
            return Ok(None);
        };
        if width != d_model || n == 0 || head.sorted == Sorted::Ends && n != 2 {
            return Ok(None);
        }
        let kind = config.string_or("problem_type", "")?;
        let outcome = match (kind, n) {
            _ if head.class == PRE_TRAINING => Outcome::Each,
            ("multi_label_classification", _) => Outcome::Each,
            ("regression", _) | (_, 1) => Outcome::Score,
            _ => Outcome::OneOf,
        };
        let labels = match head.class {
            PRE_TRAINING => vec!["replaced".to_owned()],
            ANSWER => vec!["start".to_owned(), "end".to_owned()],
            _ => labels(config.get("id2label"), n),
        };
        let of = |dense: Dense| match dense {
            Dense::Of(own) => own,
            Dense::AsLayers => activation,
        };
        let dense = head
            .dense
            .map(|of_head| FirstMap { names: of_head.names, activation: of(of_head.activation) });
        Ok(Some(Self {
            sorted: head.sorted,
            outcome,
            labels,
            reading: TextReading::FirstToken,
            dense,
            norm: None,
            out: head.out,
        }))
    }

    /// This head with a norm after its first map, which reads the text in this way.
    #[must_use]
    pub fn normed(self, norm: NormKind, reading: TextReading) -> Self {
        Self { norm: Some(norm), reading, ..self }
    }

    pub fn expected_weights(&self, d_model: usize) -> Vec<ExpectedWeight> {
        let map = |[w, b]: [&str; 2], theirs: &str, n: usize| {
            let theirs = TensorNames::listed(theirs);
            let named = |part: &str| theirs.each(|name| format!("{name}.{part}"));
            [
                ExpectedWeight::new(w, named("weight"), (d_model, n), WeightLayout::Linear),
                ExpectedWeight::new(b, named("bias"), (1, n), WeightLayout::Vector),
            ]
        };
        let dense = self.dense.map(|of| map(["classes.W_1", "classes.b_1"], of.names, d_model));
        let dense = dense.map(|[w, b]| [w, if self.norm.is_some() { b.optional() } else { b }]);
        let [w, b] = map(["classes.W_2", "classes.b_2"], self.out, self.labels.len());
        let is_of_decoder = matches!(self.reading, TextReading::LastToken { .. });
        let out = [w, if is_of_decoder { b.optional() } else { b }];
        let norm = self.norm.map(|_| {
            ExpectedWeight::new("classes.norm.gain", NORM, (1, d_model), WeightLayout::Vector)
        });
        dense.into_iter().flatten().chain(norm).chain(out).collect()
    }
}

/// The longest name of a class that is shown, in characters.
const LONGEST: usize = 60;

/// The names of `n` classes, by the numbers that `id2label` has.
fn labels(named: Option<&Json>, n: usize) -> Vec<String> {
    let name = |i: usize| {
        let name = named.and_then(|all| all.get(i.to_string())?.as_str());
        let name = name.filter(|name| !name.is_empty());
        let shown: Option<String> = name.map(|name| visible(name).chars().take(LONGEST).collect());
        shown.unwrap_or_else(|| format!("LABEL_{i}"))
    };
    (0..n).map(name).collect()
}

struct ActivatedMap {
    map: LinearMap,
    activation: Activation,
}

/// The head with its weights.
pub struct Classes {
    plan: ClassesPlan,
    dense: Option<ActivatedMap>,
    norm: Option<Norm>,
    out: LinearMap,
}

impl Classes {
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, plan: &ClassesPlan, d_model: usize) -> Result<Self> {
        let map = |w, b, n| LinearMap::named(weights, w, b, (d_model, n));
        let dense = match plan.dense {
            None => None,
            Some(FirstMap { activation, .. }) => {
                let map = map("classes.W_1", "classes.b_1", d_model)?;
                Some(ActivatedMap { map, activation })
            }
        };
        let out = map("classes.W_2", "classes.b_2", plan.labels.len())?;
        let scope = source_scope("classes").child("norm");
        let norm = plan.norm.map(|kind| Norm::load(weights, scope, d_model, kind)).transpose()?;
        Ok(Self { plan: plan.clone(), dense, norm, out })
    }

    pub fn labels(&self) -> &[String] {
        &self.plan.labels
    }

    /// Records scores and probabilities of the text of these ids. x (position, d_model) -> (1, class), or (position, class)
    pub fn forward(&self, tape: &mut Tape, x: Node, ids: &[u32]) {
        let at = source_scope("classes");
        let is_text = self.plan.sorted == Sorted::Text;
        let of = |text: &'static Site, tokens: &'static Site| if is_text { text } else { tokens };
        let mut x = match self.plan.reading {
            _ if !is_text => x,
            TextReading::FirstToken => tape.one_row(at.at(&FIRST), x, 0),
            TextReading::LastToken { padding } => {
                let last = ids.iter().rposition(|&id| Some(id) != padding);
                tape.one_row(at.at(&LAST), x, last.unwrap_or(0))
            }
            TextReading::Mean => tape.mean_of_rows(at.at(&MEAN), x),
        };
        if let Some(ActivatedMap { map, activation }) = &self.dense {
            let sum = map.forward(tape, at.at(of(&SUM, &SUM_OF_TOKENS)), x);
            x = activation.on(tape, at.at(of(&HIDDEN, &HIDDEN_OF_TOKENS)), sum);
        }
        if let Some(norm) = &self.norm {
            x = norm.forward(tape, x);
        }
        let (w, b) = self.out.on(tape);
        if self.plan.sorted == Sorted::Ends {
            let logits = tape.linear(at.at(&LOGITS_OF_ENDS), x, w, b); // (position, 2)
            return ends(tape, logits);
        }
        let logits = tape.linear(at.at(of(&LOGITS, &LOGITS_OF_TOKENS)), x, w, b);
        match self.plan.outcome {
            Outcome::OneOf => {
                tape.softmax_of_logits(at.at(of(&PROBS, &PROBS_OF_TOKENS)), logits);
            }
            Outcome::Each => {
                tape.sigmoid(at.at(of(&EACH, &EACH_OF_TOKENS)), logits);
            }
            Outcome::Score => {}
        }
    }
}

/// Records how likely the answer begins and ends with each token. logits (position, 2)
fn ends(tape: &mut Tape, logits: Node) {
    let at = source_scope("answer");
    for (col, (scores, probs)) in
        [(&START, &START_PROBS), (&END, &END_PROBS)].into_iter().enumerate()
    {
        let scores = tape.one_column(at.at(scores), logits, col); // (1, position)
        tape.softmax_of_logits(at.at(probs), scores); // (1, position)
    }
}
