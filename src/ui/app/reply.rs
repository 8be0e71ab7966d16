//! What the parts of the state answer when they are changed. [`super::update()`] combines the answers: a part knows
//! neither the message line nor the other parts.

use super::{Effect, Message, Overlay};
use crate::{lesson::Language, text::visible};

/// Something to say to the person, in English or already in the lesson's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    text: String,
    /// The key that helps, in words.
    key_hint: Option<&'static str>,
    is_error: bool,
}

impl Notice {
    pub fn error(text: impl Into<String>) -> Self {
        Self { text: text.into(), key_hint: None, is_error: true }
    }

    /// A notice with the key of the walk that helps; shown only where there are keys.
    pub fn with_key(text: &str, key_hint: &'static str) -> Self {
        Self { key_hint: Some(key_hint), ..text.to_owned().into() }
    }

    /// The message in a language.
    pub fn into_message(self, language: Language) -> Message {
        let text = language.tr(&self.text);
        // A screen needs no backticks around what was typed.
        let text = if self.is_error { text.replace('`', "") } else { text.to_owned() };
        Message {
            text: visible(&text),
            key_hint: self.key_hint.map(|hint| language.tr(hint)),
            is_error: self.is_error,
        }
    }
}

impl From<String> for Notice {
    fn from(text: String) -> Self {
        Self { text, key_hint: None, is_error: false }
    }
}

impl From<&str> for Notice {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// What follows from a change of a part.
#[derive(Default)]
pub(super) struct Reply {
    /// What to open over the walk; [`Overlay::None`] closes what is open.
    pub overlay: Option<Overlay>,
    /// The step to enter.
    pub step: Option<usize>,
    /// What to say, instead of what entering the step says.
    pub notice: Option<Notice>,
    /// Work for the caller of `update`.
    pub effect: Option<Effect>,
}

impl Reply {
    pub const NONE: Self = Self { overlay: None, step: None, notice: None, effect: None };

    pub fn says(notice: impl Into<Notice>) -> Self {
        Self { notice: Some(notice.into()), ..Self::NONE }
    }

    pub fn fails(why: impl Into<String>) -> Self {
        Self::says(Notice::error(why))
    }

    pub fn asks(effect: Effect) -> Self {
        Self { effect: Some(effect), ..Self::NONE }
    }

    pub fn opens(overlay: Overlay) -> Self {
        Self { overlay: Some(overlay), ..Self::NONE }
    }

    pub fn enters(step: usize) -> Self {
        Self { step: Some(step), ..Self::NONE }
    }
}

impl From<Option<Notice>> for Reply {
    fn from(notice: Option<Notice>) -> Self {
        Self { notice, ..Self::NONE }
    }
}

impl From<Notice> for Reply {
    fn from(notice: Notice) -> Self {
        Self::says(notice)
    }
}

impl From<Option<Effect>> for Reply {
    fn from(effect: Option<Effect>) -> Self {
        Self { effect, ..Self::NONE }
    }
}
