//! The terminal's background: requested with OSC 11, the answer separated from the keys.
//!
//! The wait for the answer is short, and no key typed meanwhile is lost. The reader of keys gets the answer as `Alt-]
//! 1 1 ; r g b : … Ctrl-G` and must not take it for typing, however late it comes.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use crate::ui::theme::Background;

/// The query. A terminal that does not know it does not answer.
pub const QUESTION: &[u8] = b"\x1b]11;?\x1b\\";

/// The result of a key.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Typed(Event),
    Background(Background),
    /// The key is part of an answer.
    Part,
}

/// Separates answers from keys.
#[derive(Default)]
pub struct Listener {
    /// The answer so far.
    answer: Option<String>,
}

/// The most characters of an answer; longer than `11;rgba:ffff/ffff/ffff/ffff`.
const LONGEST: usize = 32;

impl Listener {
    pub fn hear(&mut self, event: Event) -> Heard {
        let Event::Key(KeyEvent { code: KeyCode::Char(c), modifiers, .. }) = event else {
            return Heard::Typed(event);
        };
        match (&mut self.answer, c, modifiers) {
            (None, ']', KeyModifiers::ALT) => {
                self.answer = Some(String::new());
                Heard::Part
            }
            (None, ..) => Heard::Typed(event),
            (Some(answer), 'g', KeyModifiers::CONTROL)
            | (Some(answer), '\\', KeyModifiers::ALT) => {
                let found = background_in(answer);
                self.answer = None;
                found.map_or(Heard::Part, Heard::Background)
            }
            (Some(answer), c, _) if belongs(answer, c) => {
                answer.push(c);
                Heard::Part
            }
            // The user typed Alt-].
            (Some(_), ..) => {
                self.answer = None;
                Heard::Typed(event)
            }
        }
    }
}

/// Whether an answer may continue with this character.
fn belongs(answer: &str, c: char) -> bool {
    let start = "11;rgb";
    match start.chars().nth(answer.len()) {
        Some(wanted) => c == wanted,
        None => answer.len() < LONGEST && (c.is_ascii_hexdigit() || ":/a".contains(c)),
    }
}

/// The background of an answer, `11;rgb:ffff/ffff/ffff`, with one to four digits per colour.
fn background_in(answer: &str) -> Option<Background> {
    let (_, colours) = answer.split_once(':')?;
    let mut parts = colours.split('/').map(channel);
    let (red, green, blue) = (parts.next()??, parts.next()??, parts.next()??);
    Some(Background::of(red, green, blue))
}

fn channel(digits: &str) -> Option<u8> {
    let most = 16_u32.checked_pow(digits.len() as u32)?.checked_sub(1)?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    (1..=4).contains(&digits.len()).then_some((value * 255 / most) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(c: char, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(c), modifiers))
    }

    /// The typed keys and the recognised backgrounds, for an answer with keys before and after it.
    fn heard(answer: &str, end: Event) -> (String, Vec<Background>) {
        let plain = |c| key(c, KeyModifiers::NONE);
        let mut events = vec![plain('a'), key(']', KeyModifiers::ALT)];
        events.extend(answer.chars().map(plain));
        events.extend([end, plain('b')]);
        let mut listener = Listener::default();
        let (mut typed, mut backgrounds) = (String::new(), vec![]);
        for event in events {
            match listener.hear(event) {
                Heard::Typed(Event::Key(KeyEvent { code: KeyCode::Char(c), .. })) => typed.push(c),
                Heard::Background(background) => backgrounds.push(background),
                _ => {}
            }
        }
        (typed, backgrounds)
    }

    #[test]
    fn an_answer_is_heard_and_keys_around_it_are_kept() {
        let bell = || key('g', KeyModifiers::CONTROL);
        let string_end = key('\\', KeyModifiers::ALT);
        for (answer, background) in [
            ("11;rgb:ffff/ffff/ffff", Background::Light),
            ("11;rgb:ff/f0/dd", Background::Light),
            ("11;rgb:1e1e/1e1e/2e2e", Background::Dark),
            ("11;rgba:0000/0000/0000/ffff", Background::Dark),
        ] {
            assert_eq!(heard(answer, bell()), ("ab".to_owned(), vec![background]), "{answer}");
        }
        assert_eq!(heard("11;rgb:f/f/f", string_end), ("ab".to_owned(), vec![Background::Light]));
        assert_eq!(heard("11;rgb:", bell()), ("ab".to_owned(), vec![]));
    }

    #[test]
    fn what_is_no_answer_is_typed() {
        let space = key(' ', KeyModifiers::NONE);
        assert_eq!(heard("x", space), ("ax b".to_owned(), vec![]));
    }
}
