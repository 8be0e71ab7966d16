//! Text in lines: cut or padded to a width, drawn in styled pieces; and the part of a list in view.

use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::text::wrapped;

/// The range of at most `size` of `n` items that contains `selected`, in the middle where possible.
pub fn window(n: usize, size: usize, selected: usize) -> Range<usize> {
    let size = size.min(n);
    let start = selected.saturating_sub(size / 2).min(n - size);
    start..start + size
}

/// Lines from one item of a list to the next where the area is high.
const MAX_PITCH: usize = 3;

/// A list in an area. Its items have a line each, or two where the area is so high that three lines an item fit; a blank
/// line separates items as soon as two fit. Item `selected` is in view.
#[derive(Clone, Copy, Debug)]
pub struct List {
    area: Rect,
    n: usize,
    selected: usize,
}

impl List {
    pub const fn new(area: Rect, n: usize, selected: usize) -> Self {
        Self { area, n, selected }
    }

    /// The area that it is in.
    pub const fn area(self) -> Rect {
        self.area
    }

    /// Lines from one item to the next.
    pub fn pitch(self) -> u16 {
        (usize::from(self.area.height) / self.n.max(1)).clamp(1, MAX_PITCH) as u16
    }

    fn shown(self) -> Range<usize> {
        window(self.n, usize::from(self.area.height / self.pitch()), self.selected)
    }

    /// The items in view, each with its lines.
    pub fn rows(self) -> impl Iterator<Item = (usize, Rect)> {
        let (area, pitch) = (self.area, self.pitch());
        let lines = move |(i, item): (usize, usize)| {
            let y = area.y + i as u16 * pitch;
            (item, Rect { y, height: (pitch - 1).max(1), ..area })
        };
        self.shown().enumerate().map(lines)
    }

    /// The item at a screen position.
    pub fn at(self, position: Position) -> Option<usize> {
        self.rows().find(|(_, lines)| lines.contains(position)).map(|(i, _)| i)
    }

    /// Numbers of items above and below those in view.
    pub fn out_of_view(self) -> [usize; 2] {
        let shown = self.shown();
        [shown.start, self.n - shown.end]
    }
}

/// Columns of the screen between two columns of a list.
const COLUMN_GAP: u16 = 3;

/// Whether a list of `n` items is whole in an area of that size only in two columns of at least `width`.
pub const fn needs_two_columns(size: Size, n: u16, width: u16) -> bool {
    let has_room = size.width >= 2 * width + COLUMN_GAP;
    has_room && n > size.height && n.div_ceil(2) <= size.height
}

/// The halves of an area for the two columns of a list.
pub const fn two_columns(area: Rect) -> [Rect; 2] {
    let width = area.width.saturating_sub(COLUMN_GAP) / 2;
    let left = Rect { width, ..area };
    [left, Rect { x: area.right() - width, ..left }]
}

/// Lines of an area of that height that a [`List`] uses for `n` items.
pub fn list_height(height: u16, n: u16) -> u16 {
    let pitch = (height / n.max(1)).clamp(1, MAX_PITCH as u16);
    (pitch * n).min(height)
}

/// The area without its first rows.
pub fn without_top_rows(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// Height of a list of `n` items at which each has the most lines.
pub const fn spaced_height(n: u16) -> u16 {
    n.saturating_mul(MAX_PITCH as u16)
}

/// Text in at most `width` columns, its end cut with `…` where it is longer; between the bytes of a token that is no
/// whole character, never inside `<0xE6>`, of which two digits are left where there is no room for it.
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
    if let Some(byte) = cut_byte(text, cut.len()) {
        cut.truncate(byte);
        let digits = &text[byte + BYTE.len()..][..2];
        if cut.width() + digits.len() < width && cut.chars().all(|c| c == '·') {
            cut += digits;
        }
    }
    cut.truncate(cut.trim_end().len());
    cut + "…"
}

/// How a byte of an incomplete character begins: `<0xE6>`.
const BYTE: &str = "<0x";

/// Where the byte begins that a cut at `end` would go through.
fn cut_byte(text: &str, end: usize) -> Option<usize> {
    let begins = |i: &usize| {
        let rest = text[*i..].strip_prefix(BYTE)?.as_bytes();
        matches!(rest, [a, b, b'>', ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
            .then_some(*i)
    };
    let from = end.saturating_sub(BYTE.len() + 2);
    (from..end).filter(|i| text.is_char_boundary(*i)).find_map(|i| begins(&i))
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

/// Text in exactly `width` columns, left-aligned.
pub fn left(text: &str, width: usize) -> String {
    let text = fit(text, width);
    let blank = width.saturating_sub(text.width());
    text + &" ".repeat(blank)
}

/// Text in exactly `width` columns, right-aligned.
pub fn right(text: &str, width: usize) -> String {
    let text = fit(text, width);
    " ".repeat(width.saturating_sub(text.width())) + &text
}

/// The text if it fits in `width` columns, else nothing: a cut number would be misread.
pub fn whole(text: &str, width: usize) -> &str {
    if text.width() <= width { text } else { "" }
}

/// `word 0.34` in at most `width` columns: the word is cut, then left out; the number is whole or absent.
pub fn named(word: &str, number: &str, width: usize) -> String {
    let word_width = width.saturating_sub(number.width() + 1);
    if word_width < 2 && word_width < word.width() {
        return whole(number, width).to_owned();
    }
    format!("{} {number}", fit(word, word_width))
}

/// Draws a bar from column `x` on, as thick as the area is high.
pub fn put_bar(buf: &mut Buffer, x: u16, area: Rect, bar: &str, style: Style) {
    for line in area.rows() {
        put_line(buf, (x, line.y), line.right(), &[(bar, style)]);
    }
}

/// The first of these texts that fits in `width` columns, the longest first; else the last one.
pub fn first_fitting<const N: usize>(texts: [String; N], width: usize) -> String {
    let fitting = texts.iter().position(|text| text.width() <= width);
    texts.into_iter().nth(fitting.unwrap_or(N - 1)).unwrap_or_default()
}

/// Draws styled pieces from `start` on; where they go beyond column `right`, they end with `…`. Returns the column
/// after the last piece.
pub fn put_line(
    buf: &mut Buffer,
    start: impl Into<Position>,
    right: u16,
    pieces: &[(&str, Style)],
) -> u16 {
    let Position { mut x, y } = start.into();
    for (i, (text, style)) in pieces.iter().enumerate() {
        if x >= right || y >= buf.area.bottom() {
            break;
        }
        let room = usize::from(right - x);
        let is_end = text.width() >= room;
        let goes_on = || pieces[i + 1..].iter().any(|(text, _)| !text.trim().is_empty());
        x = if is_end && (text.trim_end().width() > room || goes_on()) {
            buf.set_stringn(x, y, fit(&format!("{text}…"), room), room, *style).0
        } else {
            buf.set_stringn(x, y, text, room, *style).0
        };
    }
    x
}

/// Draws a text over the lines of an area, broken between words.
pub fn put_text(buf: &mut Buffer, area: Rect, text: &str, style: Style) {
    for (row, line) in area.rows().zip(wrapped(text, area.width.into())) {
        put_on(buf, row, &[(&line, style)]);
    }
}

/// [`put_line`] on the first line of an area.
pub fn put_on(buf: &mut Buffer, line: Rect, pieces: &[(&str, Style)]) -> u16 {
    if line.height == 0 {
        return line.x;
    }
    put_line(buf, line, line.right(), pieces)
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Cell;

    use super::*;

    #[test]
    fn a_window_contains_the_selected_item() {
        assert_eq!(window(10, 4, 0), 0..4);
        assert_eq!(window(10, 4, 5), 3..7);
        assert_eq!(window(10, 4, 9), 6..10);
        assert_eq!(window(3, 10, 2), 0..3);
        assert_eq!(window(0, 10, 0), 0..0);
    }

    #[test]
    fn a_list_counts_the_items_out_of_view() {
        let out_of_view =
            |height, selected| List::new(Rect::new(0, 0, 20, height), 14, selected).out_of_view();
        assert_eq!(
            [out_of_view(9, 0), out_of_view(9, 7), out_of_view(9, 13)],
            [[0, 5], [3, 2], [5, 0]]
        );
        assert_eq!([out_of_view(14, 3), out_of_view(30, 3)], [[0, 0]; 2]);
    }

    #[test]
    fn a_list_has_two_columns_where_it_is_whole_only_so() {
        let needs = |width, height| needs_two_columns(Size { width, height }, 31, 36);
        assert!(needs(75, 16) && needs(75, 30));
        assert!(!needs(74, 16), "too narrow");
        assert!(!needs(75, 15), "too low");
        assert!(!needs(75, 31), "one column is enough");
        let [left, right] = two_columns(Rect::new(10, 2, 75, 16));
        assert_eq!([left, right], [Rect::new(10, 2, 36, 16), Rect::new(49, 2, 36, 16)]);
    }

    #[test]
    fn a_number_is_whole_or_absent() {
        let named_in = |width| named("[CLS]", "0.34", width);
        assert_eq!(
            [10, 9, 7, 6, 4].map(named_in),
            ["[CLS] 0.34", "[CL… 0.34", "[… 0.34", "0.34", "0.34"]
        );
        assert_eq!((named_in(3), named(".", "0.34", 6)), (String::new(), ". 0.34".to_owned()));
        assert_eq!((whole("72", 2), whole("72", 1)), ("72", ""));
    }

    #[test]
    fn what_goes_on_beyond_the_edge_ends_with_a_sign() {
        let drawn = |pieces: &[&str], width: u16| {
            let mut buf = Buffer::empty(Rect::new(0, 0, 12, 1));
            let pieces: Vec<(&str, Style)> = pieces.iter().map(|p| (*p, Style::new())).collect();
            put_line(&mut buf, (0, 0), width, &pieces);
            let shown: String = buf.content.iter().map(Cell::symbol).collect();
            shown.trim_end().to_owned()
        };
        assert_eq!(drawn(&["it was 0.5"], 10), "it was 0.5");
        assert_eq!(drawn(&["it was 0.5"], 9), "it was 0…");
        assert_eq!(drawn(&["it was ", "0.5"], 7), "it was…");
        assert_eq!(drawn(&["it was ", " ", "  "], 6), "it was");
        assert_eq!(drawn(&["it was   "], 6), "it was");
        let texts = || ["a long text".to_owned(), "a text".to_owned()];
        assert_eq!(
            [11, 10, 3].map(|width| first_fitting(texts(), width)),
            ["a long text", "a text", "a text"]
        );
    }

    #[test]
    fn bytes_are_cut_between_each_other() {
        let two = "<0xE6><0x97>";
        assert_eq!([12, 11, 7, 6].map(|width| fit(two, width)), [two, "<0xE6>…", "<0xE6>…", "E6…"]);
        assert_eq!([3, 2, 1].map(|width| fit(two, width)), ["E6…", "…", "…"]);
        assert_eq!(
            [8, 7, 4].map(|width| fit("·<0xE6><0x97>", width)),
            ["·<0xE6>…", "·E6…", "·E6…"]
        );
        assert_eq!(fit("abc<0xE6>", 7), "abc…");
        assert_eq!(fit("a <0xhigh>", 7), "a <0xh…");
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
