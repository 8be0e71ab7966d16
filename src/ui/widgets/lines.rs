//! Text on lines: cut or filled to so many columns, put in pieces; and which of many things are in view.

use std::ops::Range;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The part of `n` things of which `room` fit, with `at` inside and, where possible, in the middle.
pub fn window(n: usize, room: usize, at: usize) -> Range<usize> {
    let room = room.min(n);
    let start = at.saturating_sub(room / 2).min(n - room);
    start..start + room
}

/// Text in at most `width` columns, its end cut with `…` where it is longer.
pub fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.truncate(cut.trim_end().len());
    cut + "…"
}

/// Text in at most `width` columns, its beginning cut with `…` where it is longer.
pub fn fit_end(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let fits = |rest: &&str| rest.width() < width;
    let end = text.char_indices().map(|(i, _)| &text[i..]).find(fits);
    if width > 0 { format!("…{}", end.unwrap_or_default()) } else { String::new() }
}

/// Text in exactly `width` columns, at their left.
pub fn left(text: &str, width: usize) -> String {
    let text = fit(text, width);
    let blank = width.saturating_sub(text.width());
    text + &" ".repeat(blank)
}

/// Text in exactly `width` columns, at their right.
pub fn right(text: &str, width: usize) -> String {
    let text = fit(text, width);
    " ".repeat(width.saturating_sub(text.width())) + &text
}

/// A text that fits, or nothing: half of a number says something else than the whole.
pub fn whole(text: &str, width: usize) -> &str {
    if text.width() <= width { text } else { "" }
}

/// `word 0.34` in at most `width` columns: the word is cut, then left out; the number stays whole, or
/// nothing is said.
pub fn named(word: &str, number: &str, width: usize) -> String {
    let room = width.saturating_sub(number.width() + 1);
    if room < 2 && room < word.width() {
        return whole(number, width).to_owned();
    }
    format!("{} {number}", fit(word, room))
}

/// A line of styled pieces; what does not fit is cut. Returns the column after the last piece.
pub fn put_line(buf: &mut Buffer, (x, y): (u16, u16), right: u16, pieces: &[(&str, Style)]) -> u16 {
    let mut x = x;
    for (text, style) in pieces {
        if x >= right || y >= buf.area.bottom() {
            break;
        }
        x = buf.set_stringn(x, y, text, usize::from(right - x), *style).0;
    }
    x
}

/// The same from the left of an area, on its first line.
pub fn put_on(buf: &mut Buffer, line: Rect, pieces: &[(&str, Style)]) -> u16 {
    put_line(buf, (line.x, line.y), line.right(), pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_its_place() {
        assert_eq!(window(10, 4, 0), 0..4);
        assert_eq!(window(10, 4, 5), 3..7);
        assert_eq!(window(10, 4, 9), 6..10);
        assert_eq!(window(3, 10, 2), 0..3);
        assert_eq!(window(0, 10, 0), 0..0);
    }

    #[test]
    fn a_number_is_whole_or_absent() {
        let at = |width| named("[CLS]", "0.34", width);
        assert_eq!(
            [10, 9, 7, 6, 4].map(at),
            ["[CLS] 0.34", "[CL… 0.34", "[… 0.34", "0.34", "0.34"]
        );
        assert_eq!((at(3), named(".", "0.34", 6)), (String::new(), ". 0.34".to_owned()));
        assert_eq!((whole("72", 2), whole("72", 1)), ("72", ""));
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(fit("animal", 6), "animal");
        assert_eq!(fit("animals", 6), "anima…");
        assert_eq!(fit("猫猫猫", 4), "猫…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(
            ["animals", "猫猫猫", "abc", "a"].map(|t| fit_end(t, 4)),
            ["…als", "…猫", "abc", "a"]
        );
        assert_eq!([0, 1].map(|width| fit_end("abc", width)), ["", "…"]);
        assert_eq!((left("猫", 4), right("猫", 4)), ("猫  ".to_owned(), "  猫".to_owned()));
    }
}
