//! Where lines may break in scripts without spaces between words, such as Chinese.

use unicode_linebreak::linebreaks;
use unicode_width::UnicodeWidthChar;

/// Whether a character is two cells wide, as in Chinese, Japanese and Korean.
pub fn is_wide(c: char) -> bool {
    c.width() == Some(2)
}

/// The byte offsets at which a line may break without a space: beside a wide character, where the Unicode line
/// breaking algorithm (UAX 14) allows it. No line then begins with `，` or `」` or ends with `「`.
pub fn breaks(text: &str) -> impl Iterator<Item = usize> {
    linebreaks(text).map(|(at, _)| at).filter(|&at| {
        let (before, after) = text.split_at(at);
        match (before.chars().next_back(), after.chars().next()) {
            (Some(a), Some(b)) => !a.is_whitespace() && (is_wide(a) || is_wide(b)),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> String {
        let mut from = 0;
        let mut cut = |at| {
            let part = &text[from..at];
            from = at;
            part.to_owned()
        };
        let mut parts: Vec<String> = breaks(text).map(&mut cut).collect();
        parts.push(cut(text.len()));
        parts.join("|")
    }

    #[test]
    fn text_with_spaces_breaks_at_its_spaces_only() {
        for text in ["read-back, 1/2 — didn't “it”?", "encoder.0.self_attn.weights[2,7,1]", ""]
        {
            assert_eq!(breaks(text).count(), 0, "{text}");
        }
    }

    #[test]
    fn no_line_begins_with_closing_marks_or_ends_with_opening_ones() {
        assert_eq!(parts("它，看「街道」。"), "它，|看|「街|道」。");
        assert_eq!(parts("值（12%）：…！？"), "值|（12%）：…！？");
        assert_eq!(parts("查询、键；值"), "查|询、|键；|值");
        assert_eq!(parts("一个 RNN 读完"), "一|个 RNN 读|完");
    }
}
