//! The terminal's background: requested with OSC 11, and read from the answer.

use crate::ui::theme::Background;

/// The query. A terminal that does not know it does not answer.
pub const QUESTION: &[u8] = b"\x1b]11;?\x1b\\";

/// The most characters of an answer; longer than `11;rgba:ffff/ffff/ffff/ffff`.
const LONGEST: usize = 32;

/// Whether an answer may continue with this byte.
pub fn belongs(answer: &[u8], byte: u8) -> bool {
    match b"11;rgb".get(answer.len()) {
        Some(wanted) => byte == *wanted,
        None => answer.len() < LONGEST && (byte.is_ascii_hexdigit() || b":/a".contains(&byte)),
    }
}

/// The background of an answer, `11;rgb:ffff/ffff/ffff` and its end, with one to four digits per colour; None for
/// other texts.
pub fn background_in(answer: &[u8]) -> Option<Background> {
    let answer = answer.strip_suffix(b"\x07").or_else(|| answer.strip_suffix(b"\x1b\\"))?;
    let colours = std::str::from_utf8(answer).ok()?.strip_prefix("11;rgb")?;
    let (_, colours) = colours.split_once(':')?;
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

    #[test]
    fn an_answer_is_read_and_other_texts_are_not() {
        for (answer, background) in [
            ("11;rgb:ffff/ffff/ffff\x07", Some(Background::Light)),
            ("11;rgb:ff/f0/dd\x1b\\", Some(Background::Light)),
            ("11;rgb:1e1e/1e1e/2e2e\x07", Some(Background::Dark)),
            ("11;rgba:0000/0000/0000/ffff\x07", Some(Background::Dark)),
            ("11;rgb:f/f/f\x1b\\", Some(Background::Light)),
            ("11;rgb:\x07", None),
            ("11;rgb:fffff/0/0\x07", None),
            ("10;rgb:ff/ff/ff\x07", None),
            ("11;rgb:ff/ff/ff", None),
        ] {
            assert_eq!(background_in(answer.as_bytes()), background, "{answer:?}");
        }
    }

    #[test]
    fn an_answer_continues_with_what_answers_have() {
        let answer = b"11;rgb:1e1e/1e1e/2e2e";
        assert!((0..answer.len()).all(|n| belongs(&answer[..n], answer[n])));
        assert!(!belongs(b"11;rgb:ff", b'q') && !belongs(b"", b'q') && !belongs(&[b'1'; 32], b'1'));
    }
}
