//! Why something is refused, as a value: a message in English that a screen can say in another language.
//!
//! `refusal!` makes one where the message is written. It travels as an error like any other; a command line prints it,
//! and `Language::refusal` translates its form and fills the blanks.

use std::{
    error::Error,
    fmt::{self, Display, Write},
};

/// An English message with blanks in braces, or a part of one, and what fills the blanks; the default says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    form: &'static str,
    blanks: Vec<(&'static str, Blank)>,
}

/// What fills a blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blank {
    /// The same in every language: what was typed, a number, an address.
    Verbatim(String),
    /// Words that are translated too.
    Words(Refusal),
}

impl Refusal {
    pub fn new(form: &'static str, blanks: Vec<(&'static str, Blank)>) -> Self {
        Self { form, blanks }
    }

    /// The message with its forms replaced by their translations.
    pub fn translated(&self, tr: impl Copy + Fn(&'static str) -> &'static str) -> String {
        let text = |blank: &Blank| match blank {
            Blank::Verbatim(text) => text.clone(),
            Blank::Words(words) => words.translated(tr),
        };
        let blanks: Vec<_> = self.blanks.iter().map(|(name, blank)| (*name, text(blank))).collect();
        let blanks: Vec<(&str, &dyn Display)> =
            blanks.iter().map(|(name, text)| (*name, text as &dyn Display)).collect();
        filled(tr(self.form), &blanks)
    }
}

/// The message in English.
impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.translated(|form| form))
    }
}

impl Error for Refusal {}

impl From<Refusal> for Blank {
    fn from(words: Refusal) -> Self {
        Self::Words(words)
    }
}

macro_rules! verbatim {
    ($($type:ty),*) => {
        $(impl From<$type> for Blank {
            fn from(value: $type) -> Self {
                Self::Verbatim(value.to_string())
            }
        })*
    };
}
verbatim!(&str, String, u32, u64, usize, f32);

/// A form with its blanks filled by name; a blank without a value is left out.
pub fn filled(form: &str, blanks: &[(&str, &dyn Display)]) -> String {
    let (mut filled, mut rest) = (String::new(), form);
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        filled += before;
        if let Some((_, value)) = blanks.iter().find(|blank| blank.0 == name) {
            let _ = write!(filled, "{value}"); // writing to a String cannot fail
        }
        rest = after;
    }
    filled + rest
}

/// `refusal!("with {word} it has {n} tokens", word = shown(&word), n)`: a [`Refusal`]. The form needs a translation in
/// every `assets/lessons/interface-ID.toml`.
macro_rules! refusal {
    (@value $name:ident) => { $name };
    (@value $name:ident $value:expr) => { $value };
    ($form:expr $(, $name:ident $(= $value:expr)?)* $(,)?) => {
        $crate::text::Refusal::new(
            $form,
            vec![$((
                stringify!($name),
                $crate::text::Blank::from($crate::text::refusal!(@value $name $($value)?)),
            )),*],
        )
    };
}
pub(crate) use refusal;

#[cfg(test)]
mod tests {
    #[test]
    fn forms_are_translated_and_what_was_typed_is_not() {
        let most = 9_usize;
        let wanted = refusal!("a number up to {most}", most);
        let refused = refusal!("`{value}`: give {wanted}", value = "a {number}", wanted);
        assert_eq!(refused.to_string(), "`a {number}`: give a number up to 9");
        let translated = refused.translated(|form| match form {
            "`{value}`: give {wanted}" => "{wanted} statt {value}",
            _ => "eine Zahl bis {most}",
        });
        assert_eq!(translated, "eine Zahl bis 9 statt a {number}");
    }

    #[test]
    fn it_is_found_in_the_error_that_carries_it() {
        let refused = refusal!("it is empty");
        let error = anyhow::Error::from(refused.clone()).context("it cannot be read");
        assert_eq!(format!("{error:#}"), "it cannot be read: it is empty");
        assert_eq!(error.downcast_ref(), Some(&refused));
    }
}
