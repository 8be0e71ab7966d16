//! What-ifs: what is to be different when a pass is run again, in one small language.
//!
//! | written | what it does |
//! | --- | --- |
//! | `mask=off` `positions=off` `scaling=off` `residual=off` | that part of the equations is left out, everywhere |
//! | `decoder.0.self_attn.mask=off` | the same, in one place only |
//! | `encoder.1.self_attn.head.2=off` | that head hands over nothing |
//! | `encoder.1.ffn=off` | that sub-layer adds nothing |
//! | `encoder.1=off` | the layer hands on what it was given |
//! | `encoder.1.self_attn.weights[2,7,1]=0.5` | one number set by hand; a row of weights still sums to 1 |
//! | `token.1=dog` | another word in the sentence, counted from 0 |
//! | `temperature=0.5` | logits are divided by it before the last softmax |
//! | `sample=7` `top_k=5` `top_p=0.9` | how the next token is drawn |
//! | `beam=4` | so many outputs are carried along, and the likeliest whole one is written |
//!
//! A change knows paths and numbers; whether a model has such a place is asked of a finished pass.

use std::{fmt, str::FromStr};

use anyhow::{Result, bail, ensure};

use crate::{
    math::sampling::Choosing,
    site::{Address, Place, lies_in},
    value::{Cell, Shape},
    visible::visible,
};

/// The most changes that can be combined.
pub const MOST: usize = 64;

/// What of a model can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// A whole layer, or a whole sub-layer.
    Whole,
    Head(usize),
    Mask,
    Positions,
    Scaling,
    Residual,
}

/// Parts that go by a name of their own.
const NAMED: [(&str, Part); 4] = [
    ("mask", Part::Mask),
    ("positions", Part::Positions),
    ("scaling", Part::Scaling),
    ("residual", Part::Residual),
];

/// One thing that is different.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A part is left out in `scope`; an empty scope is the whole model.
    Off {
        scope: String,
        part: Part,
    },
    /// One number set by hand.
    Set {
        address: Address,
        value: f32,
    },
    /// Another word at that place of the sentence.
    Token {
        position: usize,
        word: String,
    },
    Temperature(f32),
    /// Tokens are drawn by chance from this seed instead of taking the likeliest.
    Sample(u64),
    /// Only so many of the likeliest tokens may be drawn.
    TopK(usize),
    /// Only the likeliest tokens that together reach this probability may be drawn.
    TopP(f32),
    /// So many candidate outputs are carried along, and the likeliest whole one is taken.
    Beam(usize),
}

impl Change {
    /// What it is about: of two changes with the same subject the later one holds.
    pub fn subject(&self) -> String {
        match self {
            Self::Off { scope, part } => part.within(scope),
            Self::Set { address, .. } => address.to_string(),
            Self::Token { position, .. } => format!("token.{position}"),
            Self::Temperature(_) => "temperature".into(),
            Self::Sample(_) => "sample".into(),
            Self::TopK(_) => "top_k".into(),
            Self::TopP(_) => "top_p".into(),
            Self::Beam(_) => "beam".into(),
        }
    }

    /// In words, for the title of a changed pass: `head 2 of encoder.1.self_attn off`.
    pub fn words(&self) -> String {
        match self {
            Self::Off { scope, part: Part::Head(head) } => format!("head {head} of {scope} off"),
            Self::Off { scope, part } => format!("{} off", part.within(scope)),
            Self::Set { address, value } => format!("{address} set to {value}"),
            Self::Token { position, word } => format!("token {position} “{word}”"),
            Self::Temperature(t) => format!("temperature {t}"),
            Self::Sample(seed) => format!("sampled, seed {seed}"),
            Self::TopK(k) => format!("top {k}"),
            Self::TopP(p) => format!("top-p {p}"),
            Self::Beam(n) => format!("beam {n}"),
        }
    }
}

impl Part {
    /// `encoder.1.self_attn.head.2`, `mask`, `encoder.1`
    fn within(self, scope: &str) -> String {
        let name = match self {
            Self::Whole => return scope.to_owned(),
            // `encoder.0.residual1` names one residual, and is its own scope.
            Self::Residual if last(scope).starts_with("resid") => return scope.to_owned(),
            Self::Head(head) => format!("head.{head}"),
            named => NAMED.iter().find(|(_, part)| *part == named).map_or("", |n| n.0).to_owned(),
        };
        if scope.is_empty() { name } else { format!("{scope}.{name}") }
    }
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// As it is written, and read again by [`Change::from_str`].
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.subject())?;
        match self {
            Self::Off { .. } => f.write_str("off"),
            Self::Set { value, .. } | Self::Temperature(value) | Self::TopP(value) => {
                write!(f, "{value}")
            }
            Self::Token { word, .. } => f.write_str(word),
            Self::Sample(seed) => write!(f, "{seed}"),
            Self::TopK(n) | Self::Beam(n) => write!(f, "{n}"),
        }
    }
}

impl FromStr for Change {
    type Err = anyhow::Error;

    /// # Errors
    /// If the text is no change; the message says what can be written.
    fn from_str(text: &str) -> Result<Self> {
        let Some((subject, value)) = text.split_once('=') else {
            bail!(
                "`{}` is no what-if; write what changes and to what, as in mask=off, \
                 encoder.1.self_attn.head.2=off, token.1=dog or temperature=0.5",
                visible(text)
            )
        };
        let (subject, value) = (subject.trim(), value.trim());
        ensure!(!subject.is_empty(), "`{}` says not what is to change", visible(text));
        if subject.ends_with(']') {
            let value = number(subject, value, f32::is_finite, "a number")?;
            return Ok(Self::Set { address: subject.parse()?, value });
        }
        if let Some(position) = subject.strip_prefix("token.") {
            return token(text, position, value);
        }
        match subject {
            "temperature" => {
                Ok(Self::Temperature(number(subject, value, within(0.01, 100.0), "0.01 to 100")?))
            }
            "sample" => Ok(Self::Sample(whole(subject, value, u64::MAX)?)),
            "top_k" => Ok(Self::TopK(at_least_one(subject, value, 1 << 20)?)),
            "top_p" => Ok(Self::TopP(number(subject, value, within(0.01, 1.0), "0.01 to 1")?)),
            "beam" => Ok(Self::Beam(at_least_one(subject, value, 16)?)),
            _ if value == "off" => Ok(off(subject)),
            _ => bail!(
                "`{}` cannot be set to `{}`; a part of the model can only be off, as in {}=off; \
                 a number needs its cell, as in encoder.1.self_attn.weights[2,7,1]=0.5",
                visible(subject),
                visible(value),
                visible(subject)
            ),
        }
    }
}

fn token(text: &str, position: &str, word: &str) -> Result<Change> {
    let Ok(position) = position.parse() else {
        bail!("`{}`: which token? write its place from 0, as in token.1=dog", visible(text))
    };
    ensure!(!word.is_empty(), "`{}` names no word; write token.1=dog", visible(text));
    Ok(Change::Token { position, word: word.to_owned() })
}

fn off(subject: &str) -> Change {
    let (scope, name) = subject.rsplit_once('.').unwrap_or(("", subject));
    if let Some((_, part)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Change::Off { scope: scope.to_owned(), part: *part };
    }
    if name.starts_with("resid") {
        return Change::Off { scope: subject.to_owned(), part: Part::Residual };
    }
    if let (Some((scope, "head")), Ok(head)) = (scope.rsplit_once('.'), name.parse()) {
        return Change::Off { scope: scope.to_owned(), part: Part::Head(head) };
    }
    Change::Off { scope: subject.to_owned(), part: Part::Whole }
}

fn within(low: f32, high: f32) -> impl Fn(f32) -> bool {
    move |v| (low..=high).contains(&v)
}

fn number(subject: &str, value: &str, is_good: impl Fn(f32) -> bool, wanted: &str) -> Result<f32> {
    match value.parse() {
        Ok(number) if is_good(number) => Ok(number),
        _ => bail!("{}=`{}`: give {wanted}", visible(subject), visible(value)),
    }
}

fn whole(subject: &str, value: &str, most: u64) -> Result<u64> {
    match value.parse() {
        Ok(number) if number <= most => Ok(number),
        _ => bail!("{}=`{}`: give a whole number up to {most}", visible(subject), visible(value)),
    }
}

fn at_least_one(subject: &str, value: &str, most: u64) -> Result<usize> {
    match whole(subject, value, most)? {
        0 => bail!("{subject}=0 would leave nothing; give at least 1"),
        n => Ok(n as usize),
    }
}

/// Changes that hold together; at most one for each subject.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes(Vec<Change>);

/// Cells of a recorded value that get another number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Edit {
    Cell(Cell, f32),
    /// A whole plane becomes zeros.
    Plane(usize),
    /// Everything becomes zeros.
    All,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }

    /// Adds a change, in the place of an earlier one with the same subject.
    #[must_use]
    pub fn with(&self, change: Change) -> Self {
        let mut changes = self.without(&change);
        changes.0.push(change);
        changes
    }

    #[must_use]
    pub fn without(&self, change: &Change) -> Self {
        let others = self.0.iter().filter(|other| other.subject() != change.subject());
        Self(others.cloned().collect())
    }

    /// Takes the change away if it is there, else adds it.
    #[must_use]
    pub fn toggled(&self, change: Change) -> Self {
        if self.0.contains(&change) { self.without(&change) } else { self.with(change) }
    }

    /// `mask off, head 2 of encoder.1.self_attn off`
    pub fn words(&self) -> String {
        self.0.iter().map(Change::words).collect::<Vec<_>>().join(", ")
    }

    /// Whether the part is left out at that place.
    pub fn is_off(&self, place: &Place, part: Part) -> bool {
        self.0.iter().any(|change| {
            matches!(change, Change::Off { scope, part: off } if *off == part && lies_in(&place.path, scope))
        })
    }

    /// Whether the layer of that prefix is left out.
    pub fn is_layer_off(&self, prefix: &str) -> bool {
        self.0.iter().any(
            |change| matches!(change, Change::Off { scope, part: Part::Whole } if scope == prefix),
        )
    }

    pub fn temperature(&self) -> f32 {
        self.choosing().temperature
    }

    /// How the next token is chosen.
    pub fn choosing(&self) -> Choosing {
        self.0.iter().fold(Choosing::default(), |choosing, change| match *change {
            Change::Temperature(temperature) => Choosing { temperature, ..choosing },
            Change::Sample(seed) => Choosing { sample: Some(seed), ..choosing },
            Change::TopK(k) => Choosing { top_k: Some(k), ..choosing },
            Change::TopP(p) => Choosing { top_p: Some(p), ..choosing },
            Change::Beam(width) => Choosing { beam: Some(width), ..choosing },
            _ => choosing,
        })
    }

    /// What is different in a value of that shape, recorded at that place; cells count from the
    /// value's own first cell.
    pub fn edits(&self, place: &Place, shape: Shape) -> Vec<Edit> {
        self.0.iter().filter_map(|change| edit(change, place, shape)).collect()
    }
}

impl FromIterator<Change> for Changes {
    fn from_iter<T: IntoIterator<Item = Change>>(changes: T) -> Self {
        changes.into_iter().fold(Self::default(), |all, change| all.with(change))
    }
}

/// As they are written, with a space between them.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(" "))
    }
}

fn edit(change: &Change, place: &Place, shape: Shape) -> Option<Edit> {
    let stands_at = |scope: &str, name: &str| {
        place.path.strip_prefix(scope).and_then(|rest| rest.strip_prefix('.')) == Some(name)
    };
    let o = place.origin;
    match change {
        Change::Off { scope, part: Part::Head(head) } if stands_at(scope, "context") => {
            let plane = head.checked_sub(o.plane)?;
            (plane < shape.planes && place.has_planes()).then_some(Edit::Plane(plane))
        }
        Change::Off { scope, part: Part::Whole } if stands_at(scope, "out") => Some(Edit::All),
        Change::Set { address, value } if address.path == place.path => {
            let Cell { plane, row, col } = address.cell;
            let local = Cell::new(
                plane.checked_sub(o.plane)?,
                row.checked_sub(o.row)?,
                col.checked_sub(o.col)?,
            );
            shape.holds(local).then_some(Edit::Cell(local, *value))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "mask=off",
            "decoder.0.self_attn.mask=off",
            "encoder.1.self_attn.head.2=off",
            "encoder.1=off",
            "encoder.0.residual1=off",
            "encoder.1.ffn=off",
            "encoder.1.self_attn.weights[2,7,1]=0.5",
            "rnn.encoder.hidden[3,5]=-1.25",
            "token.1=dog",
            "token.3=a=b",
            "temperature=0.5",
            "sample=18446744073709551615",
            "top_k=5",
            "top_p=0.9",
            "beam=4",
        ] {
            let change: Change = text.parse().unwrap();
            assert_eq!(change.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_change_is_refused_in_words() {
        for text in [
            "",
            "mask",
            "mask=on",
            "=off",
            "token.x=dog",
            "token.1=",
            "temperature=0",
            "top_k=0",
            "temperature=nan",
            "top_p=2",
            "beam=99",
            "weights[1,2]=x",
            "weights[1]=1",
            "sample=-1",
        ] {
            let error = text.parse::<Change>().unwrap_err().to_string();
            assert!(error.len() > 15, "{text}: {error}");
        }
    }

    #[test]
    fn the_later_of_two_with_one_subject_holds() {
        let parse = |text: &str| text.parse::<Change>().unwrap();
        let changes = Changes::default().with(parse("temperature=2")).with(parse("temperature=3"));
        assert_eq!(changes.to_string(), "temperature=3");
        let changes = changes.toggled(parse("mask=off"));
        assert_eq!(changes.words(), "temperature 3, mask off");
        assert_eq!(changes.toggled(parse("mask=off")).to_string(), "temperature=3");
    }
}
