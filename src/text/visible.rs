//! Text from outside, made safe to show.

/// Text that is safe to show: controls and invisible or direction-changing characters are written
/// out (`␛`, `␊`, `<U+202E>`), everything else stays.
pub fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '\u{0}'..='\u{1f}' => out.extend(char::from_u32(0x2400 + c as u32)),
            '\u{7f}' => out.push('␡'),
            c if is_hidden(c) => out.extend(format!("<U+{:04X}>", c as u32).chars()),
            c => out.push(c),
        }
        out
    })
}

/// C1 controls, zero-width and bidirectional formatting characters, line separators, the byte-order
/// mark, tags and private or unassigned specials.
fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_never_stay_raw() {
        assert_eq!(visible("a\u{1b}[2Jb\n\u{202e}c\u{9b}"), "a␛[2Jb␊<U+202E>c<U+009B>");
        assert_eq!(visible("naïve 猫 🐈"), "naïve 猫 🐈");
    }
}
