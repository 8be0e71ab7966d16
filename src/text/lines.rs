//! Where lines may break: at spaces, and beside wide characters, since Chinese writes no spaces between words. All
//! wrapped text is cut into [`runs`] or words, and lines are filled with them by [`fill`].

use std::ops::Range;

use unicode_linebreak::linebreaks;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character is two cells wide, as in Chinese, Japanese and Korean.
pub fn is_wide(c: char) -> bool {
    c.width() == Some(2)
}

/// The byte offsets at which a line may break without a space: beside a wide character, where the Unicode line
/// breaking algorithm (UAX 14) allows it. No line then begins with `，` or `」` or ends with `「`.
fn breaks(text: &str) -> impl Iterator<Item = usize> {
    linebreaks(text).map(|(at, _)| at).filter(|&at| {
        let (before, after) = text.split_at(at);
        match (before.chars().next_back(), after.chars().next()) {
            (Some(a), Some(b)) => !a.is_whitespace() && (is_wide(a) || is_wide(b)),
            _ => false,
        }
    })
}

/// A part of a text that stays on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRun {
    /// In bytes of the text.
    pub range: Range<usize>,
    /// Whether whitespace or the beginning of the text precedes it.
    pub is_spaced: bool,
}

/// The parts of a text that each stay on one line, without the whitespace between them.
pub fn runs(text: &str) -> Vec<LineRun> {
    let mut breaks = breaks(text).peekable();
    let (mut runs, mut is_spaced): (Vec<LineRun>, bool) = (vec![], true);
    for (at, c) in text.char_indices() {
        let may_break = breaks.next_if_eq(&at).is_some();
        if c.is_whitespace() {
            is_spaced = true;
            continue;
        }
        let end = at + c.len_utf8();
        // A percent sign stays with its number, which a space separates from it.
        let goes_on = (!is_spaced && !may_break) || c == '%';
        match runs.last_mut().filter(|_| goes_on) {
            Some(run) => run.range.end = end,
            None => runs.push(LineRun { range: at..end, is_spaced }),
        }
        is_spaced = false;
    }
    runs
}

/// A text in lines of at most `width` columns, without the whitespace between them; a longer run has a line of its own.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let runs = runs(text);
    let widths = runs.iter().map(|run| ItemWidth {
        space: run.is_spaced.into(),
        item: text[run.range.clone()].width(),
    });
    let joined = |line: Range<usize>| {
        runs[line].iter().fold(String::new(), |mut joined, run| {
            joined += if run.is_spaced && !joined.is_empty() { " " } else { "" };
            joined + &text[run.range.clone()]
        })
    };
    fill(widths, width).into_iter().map(joined).collect()
}

/// The columns of an item of a line, and of the space before it, which is left out where it begins a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemWidth {
    pub space: usize,
    pub item: usize,
}

/// Fills lines of `width` columns with items, one after another; returns the items of each line. A wider item has a line of
/// its own. There is always a line, which is empty without items.
pub fn fill(items: impl IntoIterator<Item = ItemWidth>, width: usize) -> Vec<Range<usize>> {
    let (mut lines, mut line, mut used) = (vec![], 0..0, 0);
    for ItemWidth { space, item } in items {
        if !line.is_empty() && used + space + item > width {
            lines.push(line.clone());
            line = line.end..line.end;
        }
        used = if line.is_empty() { item } else { used + space + item };
        line.end += 1;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_filled_and_a_wide_item_has_a_line_of_its_own() {
        let filled = |widths: &[usize]| -> Vec<usize> {
            let items = widths.iter().map(|&item| ItemWidth { space: 1, item });
            fill(items, 7).into_iter().map(|line| line.len()).collect()
        };
        assert_eq!(filled(&[3, 3, 2, 9, 1]), [2, 1, 1, 1]);
        assert_eq!(filled(&[3, 3]), [2], "the space that begins a line takes no room");
        assert_eq!(filled(&[3, 4]), [1, 1]);
        assert_eq!(filled(&[]), [0]);
    }

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

    #[test]
    fn a_percent_sign_stays_with_its_number() {
        assert_eq!(wrapped("about 12 % of 9", 8), ["about", "12 % of", "9"]);
    }

    #[test]
    fn runs_are_words_and_what_lies_between_breaks() {
        let text = " 一个 RNN\n读完，";
        let parts: Vec<_> =
            runs(text).into_iter().map(|run| (&text[run.range], run.is_spaced)).collect();
        let want = [("一", true), ("个", false), ("RNN", true), ("读", true), ("完，", false)];
        assert_eq!(parts, want);
    }
}
