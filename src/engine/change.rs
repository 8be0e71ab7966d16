//! What-ifs: changes under which a pass is run again, and the language they are written in.
//!
//! | written | what it does |
//! | --- | --- |
//! | `mask=off` `positions=off` `scaling=off` `residual=off` `sinks=off` | that part of the equations is left out everywhere |
//! | `adapter=off` | the weights are those of the model without its adapter |
//! | `decoder.0.self_attn.mask=off` | the same, in one sub-layer |
//! | `encoder.1.self_attn.head.2=off` | that head outputs zeros |
//! | `blocks.1.ffn.expert.2=off` | that expert is never chosen: tokens go to the next best |
//! | `encoder.1.ffn=off` | that sub-layer adds nothing |
//! | `encoder.1=off` | the layer returns its input unchanged |
//! | `encoder.1.self_attn.weights[2,7,1]=0.5` | one attention weight is set; its row still sums to 1 |
//! | `token.1=dog` | another word in the sentence, counted from 0; beside `against=` in the first of the two, A |
//! | `against=The dog sleeps.` | another sentence, B: the pass of it is shown beside that of the first |
//! | `against_model=PATH` | another model of the same shape, opened at the start |
//! | `patch=encoder.0.norm2.out[5]` `patch=encoder.1.self_attn.head.2` | a row, or a head, of the first sentence's pass put into that of the other |
//! | `target=Le chien dort.` | the decoder reads this text instead of its own output |
//! | `temperature=0.5` | logits are divided by it before the last softmax |
//! | `sample=7` `top_k=5` `top_p=0.9` | how the next token is drawn |
//! | `beam=4` | beam search with this many hypotheses |
//! | `learn=10` `learn.gru=10` | steps of learning on this sentence, taken before the pass, by one model |
//! | `teach=Le chat dort.` `rate=0.1` | what a translator should learn to write, and the learning rate |
//! | `words=il,elle` `words="10,000"` `place=3` | what evidence asks about; a word with a comma in quotes |
//!
//! A change holds paths and numbers. Whether a model has such a site is checked against a finished pass.

mod patch;
mod syntax;
mod words;

pub use patch::{Given, GivenPart, Patch};
pub use words::{question, words_as_typed};

use std::{collections::HashMap, fmt, sync::Arc};

use crate::engine::{
    math::sampling::Choosing,
    site::{Address, Place, Role, last_name, lies_in, path_in},
    value::{Cell, Shape, Value},
};

/// The most changes that can be combined.
pub const MOST: usize = 64;

/// The most steps of learning before a pass.
pub const MOST_STEPS: usize = 1000;

/// A part of a model that can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// A whole layer, or a whole sub-layer.
    Whole,
    Head(usize),
    Expert(usize),
    Mask,
    Positions,
    Scaling,
    Residual,
    Sinks,
    /// What an adapter changes in the weights.
    Adapter,
}

/// The parts written by name.
const NAMED: [(&str, Part); 6] = [
    ("mask", Part::Mask),
    ("positions", Part::Positions),
    ("scaling", Part::Scaling),
    ("residual", Part::Residual),
    ("sinks", Part::Sinks),
    ("adapter", Part::Adapter),
];

/// One change to a pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The part is off in `scope`; an empty scope is the whole model.
    Off {
        scope: String,
        part: Part,
    },
    /// One number set by hand.
    Set {
        address: Address,
        value: f32,
    },
    /// Another word at that position of the sentence, from 0.
    Token {
        position: usize,
        word: String,
    },
    /// Another sentence.
    Against(String),
    /// Another model of the same shape, by its name.
    OtherModel(String),
    /// A value of the first sentence's pass put into the other's.
    Patch(Patch),
    /// What the decoder reads instead of its own output.
    Target(String),
    Temperature(f32),
    /// Tokens are sampled with this seed instead of taking the likeliest.
    Sample(u64),
    /// Only this many of the likeliest tokens may be drawn.
    TopK(usize),
    /// Only the fewest likeliest tokens that together reach this probability may be drawn.
    TopP(f32),
    /// Beam search with this many hypotheses.
    Beam(usize),
    /// Steps of learning on this sentence before the pass, by the model with this id, or the one that is meant without
    /// one.
    Learn {
        model: Option<String>,
        steps: usize,
    },
    /// What a translator should learn to write; without it, what it writes.
    Teach(String),
    /// The learning rate.
    Rate(f32),
    /// The word that evidence asks about, and the one that it is set against.
    Words {
        word: String,
        against: Option<String>,
    },
    /// The place in the output that evidence asks about, from 0.
    Place(usize),
}

impl Change {
    /// The part, cell or setting that it changes. Of two changes with the same subject the later one is used.
    pub fn subject(&self) -> String {
        match self {
            Self::Off { scope, part } => part.within(scope),
            Self::Set { address, .. } => address.to_string(),
            Self::Token { position, .. } => format!("token.{position}"),
            Self::Against(_) => "against".into(),
            Self::OtherModel(_) => "against_model".into(),
            Self::Patch(_) => "patch".into(),
            Self::Target(_) => "target".into(),
            Self::Temperature(_) => "temperature".into(),
            Self::Sample(_) => "sample".into(),
            Self::TopK(_) => "top_k".into(),
            Self::TopP(_) => "top_p".into(),
            Self::Beam(_) => "beam".into(),
            Self::Learn { model: None, .. } => "learn".into(),
            Self::Learn { model: Some(model), .. } => format!("learn.{model}"),
            Self::Teach(_) => "teach".into(),
            Self::Rate(_) => "rate".into(),
            Self::Words { .. } => "words".into(),
            Self::Place(_) => "place".into(),
        }
    }

    /// Whether it is about the same; each value of another pass is about itself.
    fn has_subject_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Patch(one), Self::Patch(other)) => one == other,
            _ => self.subject() == other.subject(),
        }
    }
}

impl Part {
    /// Whether leaving the part out, everywhere or in a scope, changes values of that role.
    pub const fn makes(self, role: Role) -> bool {
        match self {
            Self::Mask => matches!(role, Role::MaskedScores),
            Self::Positions => matches!(role, Role::Positions | Role::AddedPositions),
            Self::Scaling => matches!(role, Role::ScaledScores),
            Self::Residual => matches!(role, Role::Residual(_)),
            Self::Sinks => matches!(role, Role::SinkShares),
            Self::Whole | Self::Head(_) | Self::Expert(_) | Self::Adapter => false,
        }
    }

    /// `encoder.1.self_attn.head.2`, `mask`, `encoder.1`
    fn within(self, scope: &str) -> String {
        let name = match self {
            Self::Whole => return scope.to_owned(),
            // `encoder.0.residual1` names a single residual and is its own scope.
            Self::Residual if is_residual(scope) => return scope.to_owned(),
            Self::Head(head) => format!("head.{head}"),
            Self::Expert(expert) => format!("expert.{expert}"),
            named => NAMED.iter().find(|(_, part)| *part == named).map_or("", |n| n.0).to_owned(),
        };
        path_in(scope, &name)
    }
}

/// Whether a path is that of a sum of the residual stream, as it is typed: `encoder.0.residual1`, `blocks.0.resid_mid`.
fn is_residual(path: &str) -> bool {
    last_name(path).starts_with("resid")
}

/// Changes that apply together, at most one for each subject. Two are equal if the same was asked for, whatever weights
/// were learned.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    all: Vec<Change>,
    /// Weights in place of the model's own, after steps of learning.
    learned: Option<Arc<Learned>>,
    /// What it is given by another pass, as a patch says.
    given: Option<Arc<Given>>,
}

/// Weights that take the place of a model's own, by name.
pub type Learned = HashMap<String, Arc<Value>>;

impl PartialEq for Changes {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

/// An edit of a recorded value.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    Cell(Cell, f32),
    /// A part, from this cell on.
    Part(Cell, Arc<Value>),
    /// A whole plane set to zero.
    Plane(usize),
    /// A whole column set to one number.
    Column(usize, f32),
    /// All planes set to zero.
    All,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.learned.is_none() && self.given.is_none()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.all.iter()
    }

    /// These changes and one more, which replaces an earlier one with the same subject.
    #[must_use]
    pub fn with(&self, change: Change) -> Self {
        let mut changes = self.without(&change);
        // Probabilities have a temperature of 1 by themselves.
        if change != Change::Temperature(1.0) {
            changes.all.push(change);
        }
        changes
    }

    #[must_use]
    pub fn without(&self, change: &Change) -> Self {
        let others = self.all.iter().filter(|other| !other.has_subject_of(change));
        Self { all: others.cloned().collect(), ..self.clone() }
    }

    /// These changes, in a model with other weights.
    #[must_use]
    pub fn with_weights(&self, learned: Arc<Learned>) -> Self {
        Self { learned: Some(learned), ..self.clone() }
    }

    /// These changes, in a pass that is given something by another.
    #[must_use]
    pub fn with_given(&self, given: Arc<Given>) -> Self {
        Self { given: Some(given), ..self.clone() }
    }

    /// These changes without values of another pass.
    #[must_use]
    pub fn without_patch(&self) -> Self {
        let others = self.all.iter().filter(|change| !matches!(change, Change::Patch(_)));
        Self { all: others.cloned().collect(), given: None, ..self.clone() }
    }

    /// These changes, of the first sentence itself.
    #[must_use]
    pub fn without_other(&self) -> Self {
        let others = self.all.iter().filter(|change| !matches!(change, Change::Against(_)));
        Self { all: others.cloned().collect(), ..self.clone() }
    }

    /// The replaced words, and the other changes. Beside another sentence the words are those of the first.
    pub fn words_and_others(&self) -> (Self, Self) {
        let is_word = |change: &&Change| matches!(change, Change::Token { .. });
        let (words, others): (Vec<&Change>, Vec<&Change>) = self.all.iter().partition(is_word);
        let of =
            |all: Vec<&Change>| Self { all: all.into_iter().cloned().collect(), ..self.clone() };
        (of(words), of(others))
    }

    /// What is put into the pass from another.
    pub fn patches(&self) -> impl Iterator<Item = &Patch> {
        self.all.iter().filter_map(|change| match change {
            Change::Patch(patch) => Some(patch),
            _ => None,
        })
    }

    /// The weight that takes the place of the model's own of that name.
    pub fn learned(&self, name: &str) -> Option<&Arc<Value>> {
        self.learned.as_ref()?.get(name)
    }

    /// These changes without `change` if they contain it, else with it.
    #[must_use]
    pub fn toggled(&self, change: Change) -> Self {
        if self.all.contains(&change) { self.without(&change) } else { self.with(change) }
    }

    /// Whether the part is off at this place.
    pub fn is_off(&self, place: &Place, part: Part) -> bool {
        self.all.iter().any(|change| {
            matches!(change, Change::Off { scope, part: off } if *off == part && lies_in(&place.path, scope))
        })
    }

    /// Whether a step of attention between queries and context may differ, in the sub-layer of this place: a part of it
    /// is off, or one of its numbers is set.
    pub fn change_scores(&self, context: &Place) -> bool {
        let in_sub_layer = |path: &str| lies_in(path, context.scope.prefix());
        let changes = |change: &Change| match change {
            Change::Off { scope, part } => {
                use Part::{Mask, Positions, Scaling, Sinks};
                matches!(part, Mask | Positions | Scaling | Sinks) && lies_in(&context.path, scope)
            }
            Change::Set { address, .. } => address.site_path().is_some_and(in_sub_layer),
            _ => false,
        };
        let given = self.given.iter().flat_map(|given| &given.parts);
        let mut given = given.filter(|part| part.path != context.path);
        self.all.iter().any(changes) || given.any(|part| in_sub_layer(&part.path))
    }

    /// Whether the layer with this prefix is off.
    pub fn is_layer_off(&self, prefix: &str) -> bool {
        self.all.iter().any(
            |change| matches!(change, Change::Off { scope, part: Part::Whole } if scope == prefix),
        )
    }

    /// The sentence that is read instead.
    pub fn against(&self) -> Option<&str> {
        self.all.iter().find_map(|change| match change {
            Change::Against(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The name of the other model that reads.
    pub fn other_model(&self) -> Option<&str> {
        self.all.iter().find_map(|change| match change {
            Change::OtherModel(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The text that the decoder reads instead of its own output.
    pub fn target(&self) -> Option<&str> {
        self.all.iter().find_map(|change| match change {
            Change::Target(text) => Some(text.as_str()),
            _ => None,
        })
    }

    pub fn temperature(&self) -> f32 {
        self.choosing().temperature
    }

    /// The models that learn before the pass, as [`Change::Learn`] names them, with their steps.
    pub fn lessons(&self) -> impl Iterator<Item = (Option<&str>, usize)> {
        self.all.iter().filter_map(|change| match change {
            Change::Learn { model, steps } => Some((model.as_deref(), *steps)),
            _ => None,
        })
    }

    /// These changes without the steps of learning.
    #[must_use]
    pub fn without_lessons(&self) -> Self {
        let others = self.all.iter().filter(|change| !matches!(change, Change::Learn { .. }));
        Self { all: others.cloned().collect(), learned: None, ..self.clone() }
    }

    /// What a translator should learn to write.
    pub fn taught(&self) -> Option<&str> {
        self.all.iter().find_map(|change| match change {
            Change::Teach(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The learning rate, if it is not the usual one.
    pub fn rate(&self) -> Option<f32> {
        self.all.iter().find_map(|change| match change {
            Change::Rate(rate) => Some(*rate),
            _ => None,
        })
    }

    /// The words that evidence asks about; none where nobody said.
    pub fn asked_words(&self) -> Vec<String> {
        let asked = self.all.iter().find_map(|change| match change {
            Change::Words { word, against } => {
                Some([word].into_iter().chain(against).cloned().collect())
            }
            _ => None,
        });
        asked.unwrap_or_default()
    }

    /// The place in the output that evidence asks about.
    pub fn asked_place(&self) -> Option<usize> {
        self.all.iter().find_map(|change| match change {
            Change::Place(place) => Some(*place),
            _ => None,
        })
    }

    /// Whether numbers of the pass are set by hand, or taken from another pass.
    pub fn sets_numbers(&self) -> bool {
        self.all.iter().any(|change| matches!(change, Change::Set { .. } | Change::Patch(_)))
    }

    /// Whether they say at most what evidence asks about and what steps of learning would do, so that there is no other
    /// pass.
    pub fn only_ask(&self) -> bool {
        let asks = |change: &Change| {
            use Change::{Place, Rate, Teach, Words};
            matches!(change, Words { .. } | Place(_) | Teach(_) | Rate(_))
        };
        self.all.iter().all(asks)
    }

    /// How the next token is chosen.
    pub fn choosing(&self) -> Choosing {
        self.all.iter().fold(Choosing::default(), |choosing, change| match *change {
            Change::Temperature(temperature) => Choosing { temperature, ..choosing },
            Change::Sample(seed) => Choosing { sample: Some(seed), ..choosing },
            Change::TopK(k) => Choosing { top_k: Some(k), ..choosing },
            Change::TopP(p) => Choosing { top_p: Some(p), ..choosing },
            Change::Beam(width) => Choosing { beam: Some(width), ..choosing },
            _ => choosing,
        })
    }

    /// The edits of a value with this shape, recorded at this place; cells count from the value's own first cell.
    pub fn edits(&self, place: &Place, shape: Shape) -> Vec<Edit> {
        let given = self.given.iter().flat_map(|given| given.edits(place, shape));
        self.all.iter().filter_map(|change| edit(change, place, shape)).chain(given).collect()
    }
}

impl FromIterator<Change> for Changes {
    fn from_iter<T: IntoIterator<Item = Change>>(changes: T) -> Self {
        changes.into_iter().fold(Self::default(), |all, change| all.with(change))
    }
}

/// The written form, separated by spaces.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.all.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(" "))
    }
}

fn edit(change: &Change, place: &Place, shape: Shape) -> Option<Edit> {
    let is_in = |scope: &str, role| place.role == role && place.scope.prefix() == scope;
    match change {
        Change::Off { scope, part: Part::Head(head) }
            if is_in(scope, Role::HeadContext) || is_in(scope, Role::StateOutput) =>
        {
            let plane = head.checked_sub(place.origin.plane)?;
            (plane < shape.planes && place.has_planes()).then_some(Edit::Plane(plane))
        }
        Change::Off { scope, part: Part::Expert(expert) }
            if is_in(scope, Role::RouterLogits) || is_in(scope, Role::RouterChoice) =>
        {
            (*expert < shape.cols).then_some(Edit::Column(*expert, f32::NEG_INFINITY))
        }
        Change::Off { scope, part: Part::Whole } if is_in(scope, Role::SubLayerOutput) => {
            Some(Edit::All)
        }
        Change::Set { address, value } if address.site_path() == Some(&place.path) => {
            let local = address.cell.counted_from(place.origin)?;
            shape.holds(local).then_some(Edit::Cell(local, *value))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_two_with_one_subject_holds() {
        let parse = |text: &str| text.parse::<Change>().unwrap();
        let changes = Changes::default().with(parse("temperature=2")).with(parse("temperature=3"));
        assert_eq!(changes.to_string(), "temperature=3");
        let changes = changes.toggled(parse("mask=off"));
        assert_eq!(changes.to_string(), "temperature=3 mask=off");
        assert_eq!(changes.toggled(parse("mask=off")).to_string(), "temperature=3");
    }
}
