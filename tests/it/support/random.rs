//! What a person, a cat on the keyboard or a bad program might send to the walk: keys, pastes, the mouse,
//! other sizes. The same seed gives the same.

use std::fmt;

use crossterm::event::{
    KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind as Kind,
};
use lookback::ui::keys::{KEYS, Key};

pub use super::rng::Random;

/// Largest terminal.
pub const LARGEST: (u16, u16) = (400, 120);

const SIZES: [(u16, u16); 12] = [
    (80, 24),
    (120, 36),
    (100, 30),
    (81, 25),
    (160, 50),
    (80, 24),
    (1, 1),
    (79, 24),
    (80, 23),
    (400, 1),
    (1, 120),
    LARGEST,
];

const PASTES: [&str; 16] = [
    "The dog sleeps.",
    "The animal didn't cross the street because it was too tired.",
    "two\nlines\r\nand\ttabs",
    "",
    " \n ",
    "猫 sat on the 🐈‍⬛ mat 👩‍👩‍👧‍👦.",
    "e\u{301}\u{301}\u{301}\u{301} a\u{300}",
    "\u{202e}drawkcab\u{202c} \u{2066}x",
    "a\u{1b}[2J\u{1b}]0;owned\u{7}b\u{9b}31m",
    "\u{0}\u{1}\u{7f}\u{85}\u{feff}\u{200b}",
    "find: the strongest",
    "mask=off",
    "encoder.1.self_attn.weights[2,8,1]=0.5",
    "temperature=1e30",
    "עברית العربية हिन्दी ไทย",
    "\u{1f1eb}\u{1f1f7}\u{fe0f}\u{20e3}☂\u{fe0f}",
];

const EDITING: [KeyCode; 12] = [
    KeyCode::Enter,
    KeyCode::Enter,
    KeyCode::Esc,
    KeyCode::Esc,
    KeyCode::Up,
    KeyCode::Down,
    KeyCode::Left,
    KeyCode::Right,
    KeyCode::Home,
    KeyCode::End,
    KeyCode::Delete,
    KeyCode::Backspace,
];

/// Something that comes in from the terminal.
#[derive(Clone, PartialEq)]
pub enum Given {
    Key(KeyEvent),
    Paste(String),
    Mouse(MouseEvent),
    Size(u16, u16),
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Key(key) if key.modifiers.is_empty() => write!(f, "{:?}", key.code),
            Self::Key(key) => write!(f, "{:?}-{:?}", key.modifiers, key.code),
            Self::Paste(text) => {
                let begin: String = text.chars().take(40).collect();
                write!(f, "paste {} bytes, {begin:?}", text.len())
            }
            Self::Mouse(mouse) => write!(f, "{:?} at {},{}", mouse.kind, mouse.column, mouse.row),
            Self::Size(width, height) => write!(f, "{width}x{height}"),
        }
    }
}

/// As a terminal reports a character.
fn typed(c: char) -> KeyEvent {
    let shift = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    KeyEvent::new(KeyCode::Char(c), shift)
}

impl Random {
    /// What comes next.
    pub fn given(&mut self) -> Given {
        match self.below(100) {
            0..=2 => self.size(),
            3..=4 => Given::Paste(self.paste()),
            5..=10 => self.mouse(),
            11..=20 => Given::Key(KeyEvent::new(self.of(&EDITING), KeyModifiers::NONE)),
            21..=30 => Given::Key(typed(self.letter())),
            31..=34 => Given::Key(self.odd()),
            _ => Given::Key(self.bound()),
        }
    }

    fn size(&mut self) -> Given {
        let (width, height) = match self.below(4) {
            0 => (1 + self.below(LARGEST.0.into()) as u16, 1 + self.below(LARGEST.1.into()) as u16),
            1 => (80 + self.below(80) as u16, 24 + self.below(30) as u16),
            _ => self.of(&SIZES),
        };
        Given::Size(width, height)
    }

    fn paste(&mut self) -> String {
        match self.below(12) {
            0 => self.of(&PASTES).repeat(70),
            1 => "word ".repeat(4000),
            _ => self.of(&PASTES).to_owned(),
        }
    }

    fn mouse(&mut self) -> Given {
        let kind = match self.below(6) {
            0 => Kind::ScrollUp,
            1 => Kind::ScrollDown,
            2 => Kind::Down(MouseButton::Right),
            _ => Kind::Down(MouseButton::Left),
        };
        let (column, row) = (self.below(130) as u16, self.below(40) as u16);
        Given::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    }

    fn letter(&mut self) -> char {
        self.of(&['a', 'e', 'o', 'T', 'h', 'd', 'g', ' ', '.', '1', '=', 'é', '猫', '🐈'])
    }

    /// A key that means little.
    fn odd(&mut self) -> KeyEvent {
        let ctrl = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
        let alt = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT);
        match self.below(4) {
            0 => ctrl(self.of(&['a', 'b', 'd', 'e', 'f', 'h', 'k', 'u', 'w', 'y', 'x', 'z'])),
            1 => alt(self.of(&['b', 'f', 'x'])),
            2 => KeyEvent::new(KeyCode::F(self.of(&[1, 4, 5, 12])), KeyModifiers::NONE),
            _ => KeyEvent::new(KeyCode::Insert, KeyModifiers::NONE),
        }
    }

    /// A key of the table.
    fn bound(&mut self) -> KeyEvent {
        let binding = &KEYS[self.below(KEYS.len())];
        let keys: Vec<Key> =
            binding.commands.iter().flat_map(|command| command.keys).copied().collect();
        match keys[self.below(keys.len())] {
            Key { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE } => typed(c),
            Key { code, modifiers } => KeyEvent::new(code, modifiers),
        }
    }
}
