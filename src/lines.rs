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
    fn long_text_is_cut_between_characters() {
        assert_eq!(fit("animal", 6), "animal");
        assert_eq!(fit("animals", 6), "anima…");
        assert_eq!(fit("猫猫猫", 4), "猫…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!((left("猫", 4), right("猫", 4)), ("猫  ".to_owned(), "  猫".to_owned()));
    }
}
