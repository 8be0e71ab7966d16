//! Reads what the program has sent as a strict terminal would: printable text, and the few sequences that
//! the program itself sends. Everything else is a fault.

use std::sync::LazyLock;

use tokenizers::utils::SysRegex;

/// What stands beside printable text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Printable,
    LineEnd,
    Return,
    Tab,
    /// Colours and attributes: SGR.
    Look,
    /// The cursor to a row and a column.
    Move,
    /// The cursor up, or a line cleared: a line of progress.
    Progress,
    Clear,
    /// The alternate screen, the cursor, pasting, the mouse, frames drawn as one.
    Mode,
    /// OSC 11: which ground there is.
    Question,
    /// OSC 52: text for the clipboard.
    Clipboard,
}

use Sent::{
    Clear, Clipboard, LineEnd, Look, Mode, Move, Printable, Progress, Question, Return, Tab,
};

/// Lines of text.
pub const TEXT: &[Sent] = &[Printable, LineEnd];
/// Lines with columns.
pub const COLUMNS: &[Sent] = &[Printable, LineEnd, Tab];
/// Lines with colours.
pub const COLOURED: &[Sent] = &[Printable, LineEnd, Look];
/// What an event of a film sends.
pub const FILM: &[Sent] = &[Printable, Look, Move, Clear, Progress, Mode];
/// The walk, from the first byte to the last; a checkpoint is opened before it.
pub const WALK: &[Sent] =
    &[Printable, Progress, Look, Move, Clear, Mode, Question, Clipboard, LineEnd, Return];
/// A command that answers on a terminal.
pub const ANSWER: &[Sent] = &[Printable, LineEnd, Return, Tab, Progress, Look];

/// # Panics
/// If bytes hold anything else, with what stands around it.
#[track_caller]
pub fn only(allowed: &[Sent], bytes: &[u8], what: &str) {
    if let Err(fault) = read(allowed, bytes) {
        panic!("{what}: {fault}");
    }
}

/// The kinds that there are, in their order, or the first fault.
pub fn read(allowed: &[Sent], bytes: &[u8]) -> Result<Vec<Sent>, String> {
    let text = str::from_utf8(bytes).map_err(|e| format!("no UTF-8: {e}"))?;
    let (mut rest, mut has_base, mut kinds) = (text, false, vec![]);
    while let Some(c) = rest.chars().next() {
        let fault = |why: &str| {
            let before: Vec<char> =
                text[..text.len() - rest.len()].chars().rev().take(40).collect();
            let before: String = before.into_iter().rev().collect();
            format!("{why} after {before:?}: {:?}", rest.chars().take(40).collect::<String>())
        };
        let (kind, length) = match c {
            '\n' => (LineEnd, 1),
            '\r' => (Return, 1),
            '\t' => (Tab, 1),
            '\u{1b}' => sequence(rest).ok_or_else(|| fault("an unknown sequence"))?,
            c if is_variation(c) && has_base => (Printable, c.len_utf8()),
            c if HIDDEN.contains(c) => return Err(fault("a hidden character")),
            c => (Printable, c.len_utf8()),
        };
        if !allowed.contains(&kind) {
            return Err(fault(&format!("{kind:?}, which has no place here,")));
        }
        has_base = kind == Printable && !is_variation(c) && c != ' ';
        kinds.push(kind);
        rest = &rest[length..];
    }
    Ok(kinds)
}

/// What a sequence is, and its length; None of one that the program does not send.
fn sequence(text: &str) -> Option<(Sent, usize)> {
    const QUESTION: &str = "\x1b]11;?\x1b\\";
    if text.starts_with(QUESTION) {
        return Some((Question, QUESTION.len()));
    }
    if let Some(rest) = text.strip_prefix("\x1b]52;c;") {
        let (load, _) = rest.split_once('\x07')?;
        read(TEXT, &base64::decode(load).ok()?).ok()?;
        return Some((Clipboard, text.len() - rest.len() + load.len() + 1));
    }
    let rest = text.strip_prefix("\x1b[")?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == '?'))?;
    let (arguments, end_char) = (&rest[..end], rest[end..].chars().next()?);
    let kind = match (end_char, arguments) {
        ('m', _) if is_look(arguments) => Look,
        ('H', _) if arguments.split(';').count() == 2 && numbers(arguments).is_some() => Move,
        ('H', "") => Move,
        ('J', "2") => Clear,
        ('K', "" | "2") => Progress,
        ('A', _) if numbers(arguments)?.len() == 1 => Progress,
        ('h' | 'l', "?25" | "?1000" | "?1006" | "?1049" | "?2004" | "?2026") => Mode,
        _ => return None,
    };
    Some((kind, text.len() - rest.len() + end + 1))
}

fn numbers(arguments: &str) -> Option<Vec<u8>> {
    arguments.split(';').map(|n| n.parse().ok()).collect()
}

/// Attributes on and off, the sixteen colours, those of a table, and all others.
fn is_look(arguments: &str) -> bool {
    let Some(numbers) = numbers(arguments) else { return false };
    let mut rest = &numbers[..];
    while let Some((first, others)) = rest.split_first() {
        rest = match (first, others) {
            (38 | 48, [5, _, others @ ..] | [2, _, _, _, others @ ..]) => others,
            (0..=9 | 22..=25 | 27..=29 | 30..=37 | 39..=47 | 49 | 59 | 90..=97 | 100..=107, _) => {
                others
            }
            _ => return false,
        };
    }
    true
}

fn is_variation(c: char) -> bool {
    matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// What Unicode calls controls, formats and separators of lines, and what it has programs not draw; but the
/// signs that stand before numbers are seen.
static HIDDEN: LazyLock<Table> = LazyLock::new(|| {
    let all: String = ('\0'..=char::MAX).collect();
    let pattern =
        r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]";
    let seen = r"\p{Prepended_Concatenation_Mark}";
    let find = |pattern| SysRegex::new(pattern).unwrap();
    let mut table = Table(vec![false; 0x11_0000]);
    for (pattern, is_hidden) in [(pattern, true), (seen, false)] {
        for (from, _) in find(pattern).find_iter(&all) {
            let c = all[from..].chars().next().unwrap();
            table.0[c as usize] = is_hidden;
        }
    }
    table
});

/// A flag for every character.
struct Table(Vec<bool>);

impl Table {
    fn contains(&self, c: char) -> bool {
        self.0[c as usize]
    }
}

/// Whether Unicode has people not see it.
pub fn is_hidden(c: char) -> bool {
    HIDDEN.contains(c)
}
