//! The bytes that a terminal sends, cut into keys, mouse events, pastes and answers.
//!
//! What a sequence means is left to `terminput`, which reads whole sequences only. Where one ends follows from ECMA-48,
//! so that reports which nobody asked for are dropped whole, and from time, so that one without an end never keeps the
//! keys after it: after a moment of silence a byte that cannot go on with the sequence is a key again. One that can is
//! taken as the rest for a while longer, because lines can be slow. Ctrl-C is a key everywhere but in the middle of a
//! paste that goes on.

use std::{mem, time::Duration};

use crossterm::event::Event;

use super::background::{background_in, belongs};
use crate::ui::theme::Background;

/// What the terminal sent.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Typed(Event),
    Background(Background),
}

/// The silence after which a lone Esc is a key, and what is not a key yet is in doubt.
const MOMENT: Duration = Duration::from_millis(50);

/// How long what is in doubt may still go on.
const LINGER: Duration = Duration::from_secs(1);

/// The longest sequence, in bytes; of a longer one the rest is dropped too.
const LONGEST: usize = 256;

/// The most bytes of a paste; a sentence may have fewer.
const LONGEST_PASTE: usize = 1 << 20;

const ESC: u8 = 0x1b;
const CTRL_C: u8 = 0x03;
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// Cuts bytes into events.
#[derive(Default)]
pub struct Sequences {
    state: State,
    /// Whether there was silence in the middle of it.
    is_late: bool,
    heard: Vec<Heard>,
}

/// What the bytes so far may become.
#[derive(Debug, Default, PartialEq)]
enum State {
    #[default]
    Ground,
    /// A sequence or a character, not yet complete.
    Part(Vec<u8>),
    Paste(Vec<u8>),
    /// A paste fell silent without its end. One byte may be a key, or the first of the rest.
    AfterPaste(Option<u8>),
}

/// What an incomplete sequence is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// ESC alone.
    Escape,
    /// `ESC [` and parameters.
    Csi,
    /// `ESC [ M` and up to two of three bytes.
    X10Mouse,
    /// `ESC [ [`, of the Linux console's function keys.
    LinuxKey,
    /// `ESC O`
    Ss3,
    /// `ESC ]` and text.
    Osc,
    /// `ESC P`, `ESC X`, `ESC ^`, `ESC _` and text.
    OtherString,
    /// The beginning of a character of several bytes, perhaps after ESC.
    Utf8,
}

fn kind(part: &[u8]) -> Kind {
    match part {
        [ESC] => Kind::Escape,
        [ESC, b'[', b'M', ..] => Kind::X10Mouse,
        [ESC, b'[', b'[', ..] => Kind::LinuxKey,
        [ESC, b'[', ..] => Kind::Csi,
        [ESC, b'O', ..] => Kind::Ss3,
        [ESC, b']', ..] => Kind::Osc,
        [ESC, b'P' | b'X' | b'^' | b'_', ..] => Kind::OtherString,
        _ => Kind::Utf8,
    }
}

/// The bytes of a character that begins like this; None if none does.
fn utf8_length(first: u8) -> Option<usize> {
    match first {
        0xC2..=0xDF => Some(2),
        0xE0..=0xEF => Some(3),
        0xF0..=0xF4 => Some(4),
        _ => None,
    }
}

impl Sequences {
    /// What these bytes complete.
    pub fn hear(&mut self, bytes: &[u8]) -> Vec<Heard> {
        for &byte in bytes {
            self.byte(byte);
        }
        // A paste goes on after such a byte, or has its end: what comes last was typed.
        if let State::Paste(text) = &mut self.state
            && text.last() == Some(&CTRL_C)
        {
            text.pop();
            let text = mem::take(text);
            self.paste(&text);
            self.first(CTRL_C);
            self.state = State::Ground;
        }
        mem::take(&mut self.heard)
    }

    /// How long to wait for a byte before [`Self::silence`]; None for ever.
    pub fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::AfterPaste(None) => Some(LINGER),
            _ if self.is_late => Some(LINGER),
            _ => Some(MOMENT),
        }
    }

    /// What no byte for that long completes.
    pub fn silence(&mut self) -> Vec<Heard> {
        let was_late = mem::replace(&mut self.is_late, false);
        match mem::take(&mut self.state) {
            State::Ground | State::AfterPaste(None) => {}
            State::AfterPaste(Some(byte)) => self.byte(byte),
            State::Paste(text) => {
                self.paste(&text);
                self.state = State::AfterPaste(None);
            }
            State::Part(part) => match kind(&part) {
                Kind::Escape => self.sequence(&part),
                // Alt and a letter, if nothing follows.
                Kind::OtherString if part.len() == 2 => self.sequence(&part),
                Kind::Csi | Kind::Ss3 | Kind::Osc if !was_late => {
                    self.is_late = true;
                    self.state = State::Part(part);
                }
                _ => {}
            },
        }
        mem::take(&mut self.heard)
    }

    fn byte(&mut self, byte: u8) {
        match mem::take(&mut self.state) {
            State::Part(part) => self.part(part, byte),
            State::Paste(text) => self.pasted(text, byte),
            State::AfterPaste(None) if byte >= b' ' && byte != 0x7f => {
                self.state = State::AfterPaste(Some(byte));
            }
            State::Ground | State::AfterPaste(None) => self.first(byte),
            State::AfterPaste(Some(first)) => self.pasted(vec![first], byte),
        }
    }

    fn first(&mut self, byte: u8) {
        self.is_late = false;
        match byte {
            ESC => self.state = State::Part(vec![ESC]),
            _ if utf8_length(byte).is_some() => self.state = State::Part(vec![byte]),
            0..0x80 => self.sequence(&[byte]),
            // No character begins like this.
            _ => {}
        }
    }

    /// Goes on with a sequence.
    fn part(&mut self, mut part: Vec<u8>, byte: u8) {
        let kind = kind(&part);
        if byte == CTRL_C || (kind == Kind::Escape && byte == ESC) {
            if kind == Kind::Escape {
                self.sequence(&part);
            }
            return self.first(byte);
        }
        let step = self.step(kind, &part, byte);
        part.push(byte);
        match step {
            Step::Stray => self.first(byte),
            Step::Ends => {
                self.is_late = false;
                self.sequence(&part);
            }
            Step::GoesOn => {
                // Only what tells the kind is kept of a sequence that is too long.
                part.truncate(LONGEST);
                self.state = State::Part(part);
            }
        }
    }

    /// What a byte does to a sequence.
    fn step(&self, kind: Kind, part: &[u8], byte: u8) -> Step {
        match kind {
            Kind::Escape => match byte {
                b'[' | b'O' | b']' | b'P' | b'X' | b'^' | b'_' => Step::GoesOn,
                _ if utf8_length(byte).is_some() => Step::GoesOn,
                0..0x80 => Step::Ends,
                _ => Step::Stray,
            },
            Kind::Csi => match byte {
                b'0'..=b';' => Step::GoesOn,
                b'M' | b'[' | b'<' if part.len() == 2 => Step::GoesOn,
                // After a moment only what keys and mouse reports go on and end with.
                b' '..=b'?' if !self.is_late => Step::GoesOn,
                b'@'..=b'~' if !self.is_late || ends_late(part, byte) => Step::Ends,
                _ => Step::Stray,
            },
            Kind::X10Mouse => match byte {
                ..b' ' => Step::Stray,
                _ if part.len() == 5 => Step::Ends,
                _ => Step::GoesOn,
            },
            Kind::LinuxKey if byte.is_ascii_graphic() => Step::Ends,
            Kind::Ss3
                if byte.is_ascii_uppercase() || (byte.is_ascii_graphic() && !self.is_late) =>
            {
                Step::Ends
            }
            Kind::LinuxKey | Kind::Ss3 => Step::Stray,
            Kind::Osc | Kind::OtherString => self.in_string(kind, part, byte),
            Kind::Utf8 => {
                let from = usize::from(part[0] == ESC);
                match utf8_length(part[from]) {
                    Some(length) if byte & 0xC0 == 0x80 && part.len() + 1 == from + length => {
                        Step::Ends
                    }
                    Some(_) if byte & 0xC0 == 0x80 => Step::GoesOn,
                    _ => Step::Stray,
                }
            }
        }
    }

    fn in_string(&self, kind: Kind, part: &[u8], byte: u8) -> Step {
        let may_end = part.len() > 2 && part.ends_with(&[ESC]);
        match byte {
            0x07 => Step::Ends,
            b'\\' if may_end => Step::Ends,
            _ if may_end => Step::Stray,
            ESC => Step::GoesOn,
            ..b' ' => Step::Stray,
            _ if !self.is_late => Step::GoesOn,
            // After a moment only what an answer that was asked for may go on with.
            _ if kind == Kind::Osc && belongs(&part[2..], byte) => Step::GoesOn,
            _ => Step::Stray,
        }
    }

    /// A byte of a paste.
    fn pasted(&mut self, mut text: Vec<u8>, byte: u8) {
        text.push(byte);
        if let Some(text) = text.strip_suffix(PASTE_ENDS) {
            return self.paste(text);
        }
        if text.len() > LONGEST_PASTE {
            text.remove(LONGEST_PASTE - PASTE_ENDS.len());
        }
        self.state = State::Paste(text);
    }

    fn paste(&mut self, text: &[u8]) {
        if !text.is_empty() {
            let text = String::from_utf8_lossy(text).into_owned();
            self.heard.push(Heard::Typed(Event::Paste(text)));
        }
    }

    /// A complete sequence; one that is not an event is dropped.
    fn sequence(&mut self, bytes: &[u8]) {
        if bytes == PASTE_BEGINS {
            self.state = State::Paste(vec![]);
            return;
        }
        if let Some(text) = bytes.strip_prefix(b"\x1b]") {
            self.heard.extend(background_in(text).map(Heard::Background));
            return;
        }
        if bytes.len() > 2 && kind(bytes) == Kind::OtherString {
            return;
        }
        let event = terminput::Event::parse_from(bytes).ok().flatten();
        let event = event.and_then(|event| terminput_crossterm::to_crossterm(event).ok());
        self.heard.extend(event.map(Heard::Typed));
    }
}

/// What a byte does to an incomplete sequence.
enum Step {
    GoesOn,
    Ends,
    /// It is not part of it: the sequence is dropped, the byte begins something else.
    Stray,
}

/// Whether a byte ends a sequence that has been silent for a moment: a mouse report or a key, not a letter typed since.
fn ends_late(part: &[u8], byte: u8) -> bool {
    match part.get(2) {
        Some(b'<') => matches!(byte, b'M' | b'm'),
        Some(b'?' | b'>' | b'=') => false,
        _ => matches!(byte, b'A'..=b'H' | b'P'..=b'S' | b'Z' | b'~'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEventKind};

    /// `|` stands for a moment of silence; keys are named, everything else by its kind.
    fn heard(text: &str) -> String {
        heard_bytes(text.as_bytes())
    }

    fn heard_bytes(bytes: &[u8]) -> String {
        let mut sequences = Sequences::default();
        let mut all = vec![];
        for part in bytes.split_inclusive(|byte| *byte == b'|') {
            let (bytes, is_silent) =
                part.strip_suffix(b"|").map_or((part, false), |bytes| (bytes, true));
            all.extend(sequences.hear(bytes));
            if is_silent && sequences.patience() == Some(MOMENT) {
                all.extend(sequences.silence());
            }
        }
        all.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    fn name(heard: &Heard) -> String {
        match heard {
            Heard::Background(background) => format!("{background:?}"),
            Heard::Typed(Event::Key(KeyEvent { code, modifiers, .. })) => {
                let alt = if modifiers.contains(KeyModifiers::ALT) { "Alt-" } else { "" };
                let ctrl = if modifiers.contains(KeyModifiers::CONTROL) { "Ctrl-" } else { "" };
                match code {
                    KeyCode::Char(c) => format!("{alt}{ctrl}{c}"),
                    code => format!("{alt}{ctrl}{code:?}"),
                }
            }
            Heard::Typed(Event::Paste(text)) => format!("paste({text})"),
            Heard::Typed(Event::Mouse(mouse)) => match mouse.kind {
                MouseEventKind::Down(_) => format!("click({},{})", mouse.column, mouse.row),
                kind => format!("{kind:?}"),
            },
            Heard::Typed(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn keys_mouse_pastes_and_answers_are_heard() {
        let cases = [
            ("a\r\x7f\t\x03é猫", "a Enter Backspace Tab Ctrl-c é 猫"),
            ("\x1b[A\x1bOB\x1b[1;5C\x1b[3~\x1b[Z\x1b[[A", "Up Down Ctrl-Right Delete BackTab F(1)"),
            ("\x1b|q", "Esc q"),
            ("\x1b\x1b|\x1bx\x1bé\x1bP|", "Esc Esc Alt-x Alt-é Alt-P"),
            ("\x1b[<0;5;6M\x1b[M !!q", "click(4,5) click(0,0) q"),
            ("\x1b[200~a\x1b[Ab\x1b[201~q", "paste(a\u{1b}[Ab) q"),
            ("\x1b]11;rgb:ffff/ffff/ffff\x1b\\q\x1b]11;rgba:00/00/00/ff\x07q", "Light q Dark q"),
        ];
        for (sent, want) in cases {
            assert_eq!(heard(sent), want, "{sent:?}");
        }
    }

    #[test]
    fn nothing_keeps_the_keys_after_it() {
        let sent = [
            "\x1b[?2026;2$y",
            "\x1b[?997;1n|",
            "\x1b[?62;22c",
            "\x1b[?1;2",
            "\x1b[",
            "\x1b[<",
            "\x1b[<0;5;",
            "\x1b[M",
            "\x1b[M!",
            "\x1b[M!!",
            "\x1b[1;5",
            "\x1b[[",
            "\x1bO",
            "\x1b]",
            "\x1b]11;rgb:ff",
            "\x1b]52;c;aGk=",
            "\x1b]10;rgb:0/0/0\x1b",
            "\x1bP1$r0m",
            "\x1bP>|xterm(1)\x1b\\",
            "\x1b_Gi=1;OK",
            "\x1b^x",
            "\x1bXx",
            "\x1b[200~",
            "\x1b[5;",
        ];
        for sent in sent {
            let sent = sent.trim_end_matches('|');
            // The bar inside one of them is no silence.
            let mut sequences = Sequences::default();
            let mut all = sequences.hear(sent.as_bytes());
            all.extend(sequences.silence());
            all.extend(sequences.hear(b"q"));
            all.extend(sequences.silence());
            all.extend(sequences.hear(b"\x03"));
            let all: Vec<String> = all.iter().map(name).collect();
            assert_eq!(all, ["q", "Ctrl-c"], "{sent:?}");
            let mut sequences = Sequences::default();
            let mut all = sequences.hear(sent.as_bytes());
            all.extend(sequences.silence());
            all.extend(sequences.hear(b"?"));
            all.extend(sequences.silence());
            let all: Vec<String> = all.iter().map(name).collect();
            assert_eq!(all, ["?"], "{sent:?}");
            let mut sequences = Sequences::default();
            sequences.hear(sent.as_bytes());
            let at_once = sequences.hear(b"\x03");
            assert_eq!(at_once.last().map(name).as_deref(), Some("Ctrl-c"), "{sent:?}");
        }
        for cut in [&b"\xe7\x8c"[..], b"\xf0\x9f\x90", b"\xff\xfe", b"\x1b\xe7"] {
            assert_eq!(heard_bytes(&[cut, b"q"].concat()), "q", "{cut:?}");
            assert_eq!(heard_bytes(&[cut, b"|q"].concat()), "q", "{cut:?}");
        }
        assert_eq!(heard("\x1b[200~one|q|\x03"), "paste(one) q Ctrl-c");
        assert_eq!(heard("\x1b[200~one|\x03"), "paste(one) Ctrl-c");
    }

    #[test]
    fn a_slow_line_is_waited_for() {
        let cases = [
            ("\x1b[|A", "Up"),
            ("\x1b[1;|5C", "Ctrl-Right"),
            ("\x1b[<0|;5|;6|M", "click(4,5)"),
            ("\x1bO|A", "Up"),
            ("\x1b]11;rgb:ff|/ff/ff\x07q", "Light q"),
            ("\x1b]|11;rgb:0/0/0\x1b\\q", "Dark q"),
            ("\x1b[200~one |two|three\x1b[201~q", "paste(one ) paste(two) paste(three) q"),
        ];
        for (sent, want) in cases {
            assert_eq!(heard(sent), want, "{sent:?}");
        }
        // A longer silence ends that.
        let mut sequences = Sequences::default();
        assert!(sequences.hear(b"\x1b[<0").is_empty() && sequences.silence().is_empty());
        assert_eq!(sequences.patience(), Some(LINGER));
        assert!(sequences.silence().is_empty() && sequences.patience().is_none());
        assert_eq!(sequences.hear(b"5").iter().map(name).collect::<String>(), "5");
    }

    #[test]
    fn endless_sequences_take_little_memory() {
        let mut sequences = Sequences::default();
        for begin in [&b"\x1b["[..], b"\x1b]", b"\x1bP", PASTE_BEGINS] {
            sequences.hear(begin);
            assert!(sequences.hear(&vec![b'1'; 3 << 20]).is_empty());
            match &sequences.state {
                State::Part(bytes) => assert!(bytes.len() <= LONGEST),
                State::Paste(bytes) => assert!(bytes.len() <= LONGEST_PASTE),
                state => panic!("{state:?}"),
            }
            sequences.silence();
            sequences.silence();
        }
    }
}
