//! The written form of changes: parsing and display.

use std::{fmt, str::FromStr};

use anyhow::{Result, bail, ensure};

use super::{Change, MOST_STEPS, NAMED, Part, is_residual, words, words_as_typed};
use crate::text::{Refusal, near, refusal, visible::shown};

/// The longest accepted what-if, in bytes; of one that is a text of its own.
const LONGEST: usize = 1024;
const LONGEST_TEXT: usize = 64 * 1024;

/// The written form, which [`Change::from_str`] parses.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.subject())?;
        match self {
            Self::Off { .. } => f.write_str("off"),
            Self::Set { value, .. }
            | Self::Temperature(value)
            | Self::TopP(value)
            | Self::Rate(value) => {
                write!(f, "{value}")
            }
            Self::Token { word: text, .. }
            | Self::Against(text)
            | Self::OtherModel(text)
            | Self::Target(text)
            | Self::Teach(text) => f.write_str(text),
            Self::Words { word, against } => {
                f.write_str(&words_as_typed([word].into_iter().chain(against)))
            }
            Self::Patch(patch) => write!(f, "{patch}"),
            Self::Sample(seed) => write!(f, "{seed}"),
            Self::TopK(n) | Self::Beam(n) | Self::Place(n) | Self::Learn { steps: n, .. } => {
                write!(f, "{n}")
            }
        }
    }
}

impl FromStr for Change {
    type Err = anyhow::Error;

    /// # Errors
    /// If the text is not a valid change; the message says what is allowed.
    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('=').map(|(subject, value)| (subject.trim(), value.trim()));
        match parts {
            Some(("against", value)) => return Self::against(value),
            Some(("target", value)) => return Self::target(value),
            Some(("teach", value)) => return Self::teach(value),
            _ => check_length(text, LONGEST)?,
        }
        let Some((subject, value)) = parts else {
            bail!(refusal!(
                "`{text}` is not a what-if; write what changes and to what, as in mask=off, encoder.1.self_attn.head.2=off, token.1=dog or temperature=0.5",
                text = shown(text)
            ))
        };
        if let Some(meant) = token_meant(subject).filter(|_| value != "off") {
            bail!(refusal!(
                "`{subject}` cannot be changed; did you mean {meant}={value}?",
                subject = shown(subject),
                meant,
                value = shown(value)
            ));
        }
        if subject.ends_with(']') {
            let value = number(subject, value, f32::is_finite, refusal!("a number"))?;
            return Ok(Self::Set { address: subject.parse()?, value });
        }
        if let Some(position) = subject.strip_prefix("token.") {
            return token(text, position, value);
        }
        let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_whole = |part: &str| !part.is_empty() && part.chars().all(is_of_a_name);
        ensure!(
            subject.split('.').all(is_whole),
            refusal!("`{text}` does not say what to change", text = shown(text))
        );
        match subject {
            "against_model" => Ok(Self::OtherModel(text_of(subject, value)?)),
            "patch" => Ok(Self::Patch(value.parse()?)),
            "temperature" => Ok(Self::Temperature(between(subject, value, 0.01, 100.0)?)),
            "sample" => Ok(Self::Sample(whole(subject, value, u64::MAX)?)),
            "top_k" => Ok(Self::TopK(at_least_one(subject, value, 1 << 20)?)),
            "top_p" => Ok(Self::TopP(between(subject, value, 0.01, 1.0)?)),
            "beam" => Ok(Self::Beam(at_least_one(subject, value, 16)?)),
            "rate" => Ok(Self::Rate(between(subject, value, 0.0, 10.0)?)),
            "words" => words::parsed(value),
            "place" => Self::place(value),
            "learn" => learn(subject, None, value),
            _ if subject.starts_with("learn.") => {
                learn(subject, subject.strip_prefix("learn."), value)
            }
            _ if value == "off" => Ok(off(subject)),
            _ => bail!(cannot_be_set(subject, value)),
        }
    }
}

/// Changes of which only the value is given.
impl Change {
    /// Another sentence.
    ///
    /// # Errors
    /// If the text is empty or too long.
    pub fn against(text: &str) -> Result<Self> {
        text_of("against", text).map(Self::Against)
    }

    /// What the decoder reads instead of its own output.
    ///
    /// # Errors
    /// If the text is empty or too long.
    pub fn target(text: &str) -> Result<Self> {
        text_of("target", text).map(Self::Target)
    }

    /// The place in the output that is asked about, as it is written.
    ///
    /// # Errors
    /// If it is not a number.
    pub fn place(written: &str) -> Result<Self> {
        Ok(Self::Place(whole("place", written.trim(), u64::from(u32::MAX))? as usize))
    }

    /// What a translator should learn to write.
    ///
    /// # Errors
    /// If the text is empty or too long.
    pub fn teach(text: &str) -> Result<Self> {
        text_of("teach", text).map(Self::Teach)
    }
}

fn check_length(what_if: &str, longest: usize) -> Result<()> {
    ensure!(
        what_if.len() <= longest,
        refusal!(
            "the what-if `{text}` has {n} bytes, the limit is {longest}; shorten it",
            text = shown(what_if),
            n = what_if.len(),
            longest
        )
    );
    Ok(())
}

/// The subjects that take a value.
const WITH_VALUES: [&str; 14] = [
    "against",
    "against_model",
    "beam",
    "learn",
    "patch",
    "place",
    "rate",
    "sample",
    "target",
    "teach",
    "temperature",
    "top_k",
    "top_p",
    "words",
];

/// Why a subject cannot be set: it is a misspelt one, or a part of a model.
fn cannot_be_set(subject: &str, value: &str) -> Refusal {
    let near = near(subject, WITH_VALUES.into_iter(), 1).pop();
    let (subject, value) = (shown(subject), shown(value));
    if let Some(near) = near {
        return refusal!(
            "`{subject}` cannot be set; did you mean {near}={value}?",
            subject,
            near,
            value
        );
    }
    refusal!(
        "`{subject}` cannot be set to `{value}`; a part of the model can only be off, as in {subject}=off; a number needs its cell, as in encoder.1.self_attn.weights[2,7,1]=0.5",
        subject,
        value
    )
}

/// `token.1` for other spellings of it: `token1`, `tokens.1`, `TOKEN.1`, `token[1]`.
fn token_meant(subject: &str) -> Option<String> {
    let lower = subject.to_ascii_lowercase();
    let rest = lower.strip_prefix("tokens").or_else(|| lower.strip_prefix("token"))?;
    let position = rest.trim_matches(|c| "._-[]".contains(c));
    let is_position = !position.is_empty() && position.bytes().all(|byte| byte.is_ascii_digit());
    let meant = format!("token.{position}");
    (is_position && subject != meant).then_some(meant)
}

fn token(text: &str, position: &str, word: &str) -> Result<Change> {
    let Ok(position) = position.parse() else {
        bail!(refusal!(
            "`{text}`: which token? write its place from 0, as in token.1=dog",
            text = shown(text)
        ))
    };
    ensure!(
        !word.is_empty(),
        refusal!("`{text}` gives no word; write token.1=dog", text = shown(text))
    );
    Ok(Change::Token { position, word: word.to_owned() })
}

fn text_of(subject: &str, text: &str) -> Result<String> {
    let value = text.trim();
    check_length(value, LONGEST_TEXT)?;
    ensure!(
        !value.is_empty(),
        refusal!("{subject}= gives no text; write {subject}=The dog sleeps.", subject)
    );
    Ok(value.to_owned())
}

fn learn(subject: &str, model: Option<&str>, value: &str) -> Result<Change> {
    let steps = whole(subject, value, MOST_STEPS as u64)? as usize;
    ensure!(
        steps > 0,
        refusal!(
            "{subject}=0 takes no step of learning; give 1 to {most}",
            subject,
            most = MOST_STEPS
        )
    );
    Ok(Change::Learn { model: model.map(str::to_owned), steps })
}

fn off(subject: &str) -> Change {
    let (scope, name) = subject.rsplit_once('.').unwrap_or(("", subject));
    if name == "residual" && is_residual(scope) {
        return off(scope);
    }
    if let Some((_, part)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Change::Off { scope: scope.to_owned(), part: *part };
    }
    if is_residual(subject) {
        return Change::Off { scope: subject.to_owned(), part: Part::Residual };
    }
    let numbered = scope.rsplit_once('.').zip(name.parse().ok());
    let part = match numbered {
        Some(((_, "head"), number)) => Some(Part::Head(number)),
        Some(((_, "expert"), number)) => Some(Part::Expert(number)),
        _ => None,
    };
    if let (Some(((scope, _), _)), Some(part)) = (numbered, part) {
        return Change::Off { scope: scope.to_owned(), part };
    }
    Change::Off { scope: subject.to_owned(), part: Part::Whole }
}

fn between(subject: &str, value: &str, low: f32, high: f32) -> Result<f32> {
    let is_good = |v| (low..=high).contains(&v);
    number(subject, value, is_good, refusal!("{low} to {high}", low, high))
}

fn number(
    subject: &str,
    value: &str,
    is_good: impl Fn(f32) -> bool,
    wanted: Refusal,
) -> Result<f32> {
    match value.parse() {
        Ok(number) if is_good(number) => Ok(number),
        _ => refuse(subject, value, wanted),
    }
}

fn refuse<T>(subject: &str, value: &str, wanted: Refusal) -> Result<T> {
    let subject = shown(subject);
    if value.is_empty() {
        bail!(refusal!("type a value for {subject}: {wanted}", subject, wanted));
    }
    let value = shown(value);
    bail!(refusal!("{subject}=`{value}`: give {wanted}", subject, value, wanted))
}

fn whole(subject: &str, value: &str, most: u64) -> Result<u64> {
    match value.parse() {
        Ok(number) if number <= most => Ok(number),
        _ => refuse(subject, value, refusal!("a whole number up to {most}", most)),
    }
}

fn at_least_one(subject: &str, value: &str, most: u64) -> Result<usize> {
    match whole(subject, value, most)? {
        0 => bail!(refusal!("{subject}=0 would leave nothing; give at least 1", subject)),
        n => Ok(n as usize),
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
            "adapter=off",
            "blocks.3.adapter=off",
            "encoder.1.self_attn.weights[2,7,1]=0.5",
            "rnn.encoder.hidden[3,5]=-1.25",
            "token.1=dog",
            "token.3=a=b",
            "against=The dog = an animal.",
            "target=Le chien dort.",
            "patch=encoder.0.norm2.out[5]",
            "patch=encoder.1.self_attn.head.2",
            "temperature=0.5",
            "sample=18446744073709551615",
            "top_k=5",
            "top_p=0.9",
            "beam=4",
            "learn=10",
            "learn.gru=1",
            "words=il,elle",
            "words=il",
            "words=\"10,000\"",
            "words=\",\",\"\"\"",
            "place=3",
            "teach=Le chat dort.",
            "rate=0.1",
        ] {
            let change: Change = text.parse().unwrap();
            assert_eq!(change.to_string(), text);
        }
    }

    #[test]
    fn a_text_is_checked_however_it_is_given() {
        let long = "a".repeat(LONGEST_TEXT + 1);
        for make in [Change::against, Change::target, Change::teach] {
            let change = make(" The dog = an animal. ").unwrap();
            assert_eq!(change.to_string().parse::<Change>().unwrap(), change);
            assert!(make(" ").is_err() && make(&long).is_err());
        }
    }

    #[test]
    fn a_misspelt_subject_is_answered_with_the_one_that_is_meant() {
        let error = |text: &str| text.parse::<Change>().unwrap_err().to_string();
        for text in ["token1=cat", "tokens.1=cat", "TOKEN.1=cat", "token[1]=cat"] {
            assert!(error(text).contains("did you mean token.1=cat?"), "{text}: {}", error(text));
        }
        assert!(error("temprature=2").contains("did you mean temperature=2?"));
        assert!(error("learn=0").contains("give 1 to 1000"));
        assert!(error("foo=cat").contains("can only be off"));
    }

    #[test]
    fn a_malformed_change_is_refused_with_a_reason() {
        for text in [
            "",
            "mask",
            "mask=on",
            "=off",
            "token.x=dog",
            "token.1=",
            "against=",
            "target= ",
            "patch=",
            "patch=encoder.1",
            "temperature=0",
            "top_k=0",
            "temperature=nan",
            "top_p=2",
            "beam=99",
            "learn=0",
            "learn=1001",
            "learn.gru=x",
            "words=",
            "words=il,",
            "words=il,il",
            "words=il,elle,on",
            "words=\"il\",il",
            "teach=",
            "rate=-1",
            "weights[1,2]=x",
            "weights[1]=1",
            "blocks.0.resid_mid,1].residual=off",
            "sample=-1",
        ] {
            let error = text.parse::<Change>().unwrap_err().to_string();
            assert!(error.len() > 15, "{text}: {error}");
        }
    }
}
