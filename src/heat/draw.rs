//! A heat map as characters and colours, where its layout says.

use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use super::{CellWidth, Columns, Heat, Labels, Layout, NUMBERS, Scale, fit};

impl Heat<'_> {
    /// Draws cells as wide as they fit.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        self.draw_as(self.fitting(area), area, buf);
    }

    /// Draws cells with numbers, even if they pan: where a few numbers say more than all colours.
    pub fn draw_numbers(&self, area: Rect, buf: &mut Buffer) {
        self.draw_as(NUMBERS, area, buf);
    }

    /// Draws many rows under few columns: two rows a line where the terminal can show that.
    pub fn draw_strips(&self, area: Rect, buf: &mut Buffer) {
        self.draw_as(self.strips(area), area, buf);
    }

    fn draw_as(&self, cell: CellWidth, area: Rect, buf: &mut Buffer) {
        if area.is_empty() || self.n_rows == 0 || self.n_cols == 0 {
            return;
        }
        let layout = self.layout(cell, area);
        self.draw_header(&layout, area, buf);
        let each = cell.rows_a_line();
        for (line, row) in layout.rows.clone().step_by(each).enumerate() {
            let y = area.y + layout.header + line as u16 * layout.lines;
            if y >= area.bottom() {
                break;
            }
            let middle = y + (layout.lines - 1) / 2;
            self.draw_row_label(&layout, row, (area.x, middle), buf);
            for y in y..y + layout.lines {
                self.draw_ground(&layout, row, (area.x + layout.label_width, y), buf);
            }
            self.draw_cells(&layout, row, (area.x + layout.label_width, middle), buf);
        }
        let n_lines = layout.rows.len().div_ceil(each) as u16 * layout.lines;
        let y = area.y + layout.header + n_lines;
        if y < area.bottom() {
            self.draw_legend(&layout, Rect { y, height: 1, ..area }, buf);
        }
    }

    fn draw_row_label(&self, layout: &Layout, row: usize, (x, y): (u16, u16), buf: &mut Buffer) {
        let each = layout.cell.rows_a_line();
        let is_at_cursor = row / each == self.cursor.0 / each;
        let is_far = matches!(layout.cell, CellWidth::Block { .. }) && each > 1;
        let (label, style) = match (is_far, is_at_cursor) {
            (true, true) => (self.row_labels.get(self.cursor.0), self.label_style(true)),
            (true, false) => (ruled(row, each), self.theme.dim()),
            (false, _) => (self.row_labels.get(row), self.label_style(is_at_cursor)),
        };
        let Some(label) = label else { return };
        let width = usize::from(layout.label_width).saturating_sub(1);
        let text = fit(&label, width);
        let indent = width.saturating_sub(text.width()) as u16;
        buf.set_stringn(x + indent, y, text, width, style);
    }

    fn label_style(&self, is_at_cursor: bool) -> Style {
        if is_at_cursor { self.theme.accent().add_modifier(Modifier::BOLD) } else { Style::new() }
    }

    fn draw_header(&self, layout: &Layout, area: Rect, buf: &mut Buffer) {
        let left = area.x + layout.label_width;
        if let CellWidth::Block { .. } = layout.cell {
            let width = area.right().saturating_sub(left);
            return self.draw_ruler(layout, Rect { x: left, width, ..area }, buf);
        }
        match (&self.columns, layout.cell.room_for_words()) {
            (Columns::Labels(labels), Some(w)) => {
                for (i, col) in layout.cols.clone().enumerate() {
                    let Some(label) = labels.get(col) else { continue };
                    let width = usize::from(w) - 1;
                    let text = fit(&label, width);
                    let indent = 1 + (width - text.width().min(width)) as u16;
                    let x = left + i as u16 * w + indent;
                    let style = self.label_style(col == self.cursor.1);
                    buf.set_stringn(x, area.y, text, width, style);
                }
            }
            (Columns::Labels(labels), None) => {
                self.draw_upright(labels, layout.cell, layout, area, buf);
            }
            (Columns::Counted, _) => {
                let width = area.right().saturating_sub(left);
                self.draw_count(layout, Rect { x: left, width, ..area }, buf);
            }
        }
    }

    /// Words above narrow columns, letter under letter.
    fn draw_upright(
        &self,
        labels: &Labels,
        cell: CellWidth,
        layout: &Layout,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let high = usize::from(layout.header);
        for (i, col) in layout.cols.clone().enumerate() {
            let Some(label) = labels.get(col) else { continue };
            let narrow = |c: char| if c.to_string().width() == 1 { c } else { '?' };
            let letters: Vec<char> = label.chars().take(high).map(narrow).collect();
            let x = area.x + layout.label_width + cell.columns(i) as u16;
            for (j, letter) in letters.iter().enumerate() {
                let y = area.y + (high - letters.len() + j) as u16;
                if x < area.right() && y < area.bottom() {
                    buf[(x, y)].set_char(*letter).set_style(self.label_style(col == self.cursor.1));
                }
            }
        }
    }

    /// The cursor's column by number, and others as far from it as stays legible.
    fn draw_count(&self, layout: &Layout, line: Rect, buf: &mut Buffer) {
        let cell = layout.cell;
        let every = match cell {
            CellWidth::Number(_) => 1,
            CellWidth::Plain(w) | CellWidth::Strip(w) => (8 / usize::from(w)).max(1),
            CellWidth::Half | CellWidth::Block { .. } => 16,
        };
        for (i, col) in layout.cols.clone().enumerate() {
            let is_cursor = self.focused && col == self.cursor.1;
            let near = self.focused && col.abs_diff(self.cursor.1) * 2 < every * 2 && every > 1;
            if is_cursor || (col % every == 0 && !near) {
                let x = line.x + cell.columns(i) as u16;
                let text = match cell {
                    CellWidth::Number(w) => format!("{col:>width$}", width = usize::from(w) - 1),
                    _ => col.to_string(),
                };
                let room = usize::from(line.right().saturating_sub(x));
                let style = if is_cursor { self.label_style(true) } else { self.theme.dim() };
                buf.set_stringn(x, line.y, text, room, style);
            }
        }
    }

    /// The lines of a high row, without numbers.
    fn draw_ground(&self, layout: &Layout, row: usize, (left, y): (u16, u16), buf: &mut Buffer) {
        if layout.lines == 1 {
            return;
        }
        for (i, col) in layout.cols.clone().enumerate() {
            let (CellWidth::Number(w) | CellWidth::Plain(w)) = layout.cell else { return };
            let v = (self.value)(row, col);
            let (text, style) = self.plain_cell(v, usize::from(w), false);
            let is_blank = matches!(layout.cell, CellWidth::Number(_)) && self.is_without_colour();
            let text = if is_blank { " ".repeat(usize::from(w)) } else { text };
            buf.set_string(left + layout.cell.columns(i) as u16, y, text, style);
        }
    }

    fn draw_cells(&self, layout: &Layout, row: usize, (left, y): (u16, u16), buf: &mut Buffer) {
        match layout.cell {
            CellWidth::Half => return self.draw_half_cells(layout, row, (left, y), buf),
            CellWidth::Block { .. } => return self.draw_blocks(layout, row, (left, y), buf),
            _ => {}
        }
        for (i, col) in layout.cols.clone().enumerate() {
            let is_cursor = self.is_cursor(row, col);
            let at = (left + layout.cell.columns(i) as u16, y);
            match layout.cell {
                CellWidth::Number(w) => {
                    self.draw_number((self.value)(row, col), w, is_cursor, at, buf);
                    if !is_cursor && self.mark(row, col).is_some() {
                        let width = w - 1;
                        let area = Rect { x: at.0, y: at.1, width, height: 1 };
                        buf.set_style(area, self.theme.strong().underlined());
                    }
                }
                CellWidth::Plain(w) => {
                    let v = (self.value)(row, col);
                    let (text, style) = self.plain_cell(v, usize::from(w), is_cursor);
                    let is_marked = !is_cursor && self.mark(row, col).is_some();
                    let text = if is_marked { self.dot().repeat(usize::from(w)) } else { text };
                    buf.set_string(at.0, at.1, text, style);
                }
                CellWidth::Strip(w) => self.draw_pair((row, col), w, at, buf),
                CellWidth::Half | CellWidth::Block { .. } => {}
            }
        }
    }

    /// A number, right-aligned with a space after it; the cursor's brackets stand in the spaces
    /// around it, so that no digit is lost.
    fn draw_number(
        &self,
        v: f32,
        width: u16,
        is_cursor: bool,
        (x, y): (u16, u16),
        buf: &mut Buffer,
    ) {
        // Two decimals tell shares apart; more would only be noise in a field of them.
        let digits = if self.scale == Scale::Unit { 6 } else { 8 };
        let inner = usize::from(width) - 1;
        let number = format!("{:>inner$}", self.theme.number(v, inner.min(digits)));
        let plain = || if v.is_finite() { Style::new() } else { self.theme.dim() };
        let style = self.style(v).unwrap_or_else(plain);
        if !is_cursor {
            let faint = self.scale == Scale::Unit && v < 0.005;
            let ink = if faint { self.theme.dim() } else { Style::new() };
            buf.set_string(x, y, format!("{number} "), style.patch(ink));
            return;
        }
        let blank = number.len() - number.trim_start().len();
        buf.set_string(x, y, " ".repeat(usize::from(width)), style);
        let text = format!("[{}]", number.trim_start());
        let cursor = self.theme.cursor().fg(Color::Reset).bg(Color::Reset);
        buf.set_string((x + blank as u16).saturating_sub(1), y, text, cursor);
    }

    /// Two rows in one line: the upper half is the ink, the lower half the ground.
    fn draw_pair(
        &self,
        (row, col): (usize, usize),
        width: u16,
        (x, y): (u16, u16),
        buf: &mut Buffer,
    ) {
        let colour = |row: usize| {
            let v = if row < self.n_rows { (self.value)(row, col) } else { f32::NAN };
            self.style(v).and_then(|s| s.bg)
        };
        let mut style = Style::new();
        style.fg = colour(row);
        style.bg = colour(row + 1);
        buf.set_string(x, y, "▀".repeat(usize::from(width)), style);
        let [is_upper, is_lower] = [row, row + 1].map(|row| self.is_cursor(row, col));
        if [row, row + 1].into_iter().any(|row| self.mark(row, col).is_some()) {
            buf.set_string(x, y, self.dot().repeat(usize::from(width)), style);
        }
        if is_upper || is_lower {
            let mark = if is_upper { '▴' } else { '▾' };
            let cursor = self.theme.cursor().fg(Color::Reset).bg(Color::Reset);
            buf.set_string(x, y, framed(mark, usize::from(width)), cursor);
        }
    }

    /// The cell that is chosen among those spoken of stands out like the cursor's own.
    fn is_cursor(&self, row: usize, col: usize) -> bool {
        match self.mark(row, col) {
            Some(is_chosen) => is_chosen,
            None => self.focused && (row, col) == self.cursor,
        }
    }

    fn mark(&self, row: usize, col: usize) -> Option<bool> {
        self.marks.get(row, col)
    }

    fn dot(&self) -> &'static str {
        self.theme.glyph("•", "o")
    }

    fn style(&self, v: f32) -> Option<Style> {
        let at = self.scale.place(v);
        let colour = match self.scale {
            Scale::Unit => self.theme.sequential(at),
            Scale::Signed(_) | Scale::Clipped { .. } => self.theme.diverging(at),
        };
        colour.filter(|_| v.is_finite()).map(|c| self.theme.on(c))
    }

    fn plain_cell(&self, v: f32, width: usize, is_cursor: bool) -> (String, Style) {
        let fill = if v.is_nan() {
            '?'
        } else if v.is_infinite() {
            if self.theme.is_ascii() { 'x' } else { '×' }
        } else if self.is_without_colour() {
            self.theme.shade(self.scale.place(v))
        } else {
            ' '
        };
        if is_cursor {
            let mark = if self.theme.is_ascii() { '@' } else { '◆' };
            return (framed(mark, width), self.theme.cursor());
        }
        let style = self.style(v).unwrap_or_else(|| self.theme.dim());
        (fill.to_string().repeat(width), style)
    }

    /// Two columns a character: the left half is the ink, the right half the ground.
    fn draw_half_cells(
        &self,
        layout: &Layout,
        row: usize,
        (left, y): (u16, u16),
        buf: &mut Buffer,
    ) {
        for (i, col) in layout.cols.clone().step_by(2).enumerate() {
            let colour = |col: usize| {
                let v = if col < self.n_cols { (self.value)(row, col) } else { f32::NAN };
                self.style(v).and_then(|s| s.bg)
            };
            let is_cursor = self.is_cursor(row, col) || self.is_cursor(row, col + 1);
            let is_marked = [col, col + 1].into_iter().any(|col| self.mark(row, col).is_some());
            let mut style = Style::new();
            style.fg = colour(col);
            style.bg = colour(col + 1);
            let (mark, style) = match (is_cursor, is_marked) {
                (true, _) => ("◆", self.theme.cursor()),
                (false, true) => (self.dot(), self.theme.accent()),
                (false, false) => ("▌", style),
            };
            buf.set_string(left + i as u16, y, mark, style);
        }
    }

    /// Blocks of cells, two above each other in a character where it has halves.
    fn draw_blocks(&self, layout: &Layout, row: usize, (left, y): (u16, u16), buf: &mut Buffer) {
        let CellWidth::Block { rows, cols, has_halves } = layout.cell else { return };
        let block = |row: usize| row.min(self.n_rows)..(row + rows).min(self.n_rows);
        let line = row..(row + layout.cell.rows_a_line()).min(self.n_rows);
        for (i, col) in layout.cols.clone().step_by(cols).enumerate() {
            let columns = col..(col + cols).min(self.n_cols);
            let upper = self.loudest(block(row), columns.clone());
            let (sign, style) = if has_halves {
                let lower = Some(block(row + rows)).filter(|rows| !rows.is_empty());
                let ground = |v: f32| self.style(v).and_then(|style| style.bg);
                let mut style = Style::new();
                style.fg = ground(upper);
                style.bg = lower.and_then(|rows| ground(self.loudest(rows, columns.clone())));
                ("▀".to_owned(), style)
            } else {
                self.plain_cell(upper, 1, false)
            };
            let has_cursor =
                self.focused && line.contains(&self.cursor.0) && columns.contains(&self.cursor.1);
            let mark = self.marks.in_block(&line, &columns).or(has_cursor.then_some(true));
            let (sign, style) = match mark {
                Some(true) => (self.theme.glyph("◆", "@").to_owned(), self.theme.cursor()),
                Some(false) => (self.dot().to_owned(), self.theme.accent()),
                None => (sign, style),
            };
            buf.set_string(left + i as u16, y, sign, style);
        }
    }

    /// The cursor's column by name above blocks, others by number as far from it as stays legible.
    fn draw_ruler(&self, layout: &Layout, line: Rect, buf: &mut Buffer) {
        const EVERY: usize = 12;
        let each = layout.cell.fitting(1);
        let name = match &self.columns {
            Columns::Labels(labels) => labels.get(self.cursor.1).unwrap_or_default(),
            Columns::Counted => self.cursor.1.to_string(),
        };
        let at = self.cursor.1.saturating_sub(layout.cols.start) / each;
        for i in (0..layout.cell.columns(layout.cols.len())).step_by(EVERY) {
            let text = (layout.cols.start + i * each).to_string();
            let x = line.x + i as u16;
            let room = usize::from(line.right().saturating_sub(x));
            buf.set_stringn(x, line.y, text, room, self.theme.dim());
        }
        if self.focused {
            let name = fit(&name, usize::from(line.width).min(EVERY));
            let x = (line.x + at as u16).min(line.right().saturating_sub(name.width() as u16));
            let from = x.saturating_sub(1).max(line.x);
            let blank = " ".repeat(name.width() + 2);
            let room = |x: u16| usize::from(line.right().saturating_sub(x));
            buf.set_stringn(from, line.y, blank, room(from), Style::new());
            buf.set_stringn(x, line.y, &name, room(x), self.label_style(true));
        }
    }

    fn draw_legend(&self, layout: &Layout, line: Rect, buf: &mut Buffer) {
        const STEPS: u16 = 9;
        let (low, high) = self.scale.ends();
        let dim = self.theme.dim();
        let number = |v| self.theme.number(v, 5).trim().to_owned();
        let mut x = line.x + layout.label_width.min(line.width);
        let mut put = |buf: &mut Buffer, text: &str, style: Style| {
            let room = usize::from(line.right().saturating_sub(x));
            x = buf.set_stringn(x, line.y, text, room, style).0;
            usize::from(line.right().saturating_sub(x))
        };
        put(buf, &number(low), dim);
        put(buf, " ", dim);
        for i in 0..STEPS {
            let v = low + (high - low) * f32::from(i) / f32::from(STEPS - 1);
            let (text, style) = self.plain_cell(v, 1, false);
            put(buf, &text, style);
        }
        put(buf, &format!(" {}", number(high)), dim);
        if let Scale::Clipped { most, .. } = self.scale {
            put(buf, &format!("  outliers to {}", number(most)), dim);
        }
        let masked = self.theme.glyph("  × masked", "  x masked");
        let room = put(buf, if self.has_masked(layout) { masked } else { "" }, dim);
        let out_of_view = self.out_of_view(layout).concat() + &self.said_of_blocks(layout);
        // What is out of view matters more than what the axes are called.
        let axes = format!("  {}", self.axes);
        if out_of_view.is_empty() || axes.width() + out_of_view.width() <= room {
            put(buf, &axes, dim);
        }
        put(buf, &out_of_view, dim);
    }

    /// `  rows 3-12 of 13`, counted from 0, where not all rows or columns are shown.
    fn out_of_view(&self, layout: &Layout) -> [String; 2] {
        let part = |what: &str, shown: &Range<usize>, n: usize| {
            let last = shown.end.saturating_sub(1);
            let text = || format!("  {what} {}-{last} of {n}", shown.start);
            if shown.len() < n { text() } else { String::new() }
        };
        [part(self.rows_are, &layout.rows, self.n_rows), part("columns", &layout.cols, self.n_cols)]
    }

    /// `  each point 13 x 9 cells, the largest`.
    fn said_of_blocks(&self, layout: &Layout) -> String {
        match layout.cell {
            CellWidth::Block { rows, cols, .. } if rows * cols > 1 => {
                let times = self.theme.glyph("×", "x");
                format!("  each point the largest of {rows} {times} {cols} cells")
            }
            _ => String::new(),
        }
    }

    fn has_masked(&self, layout: &Layout) -> bool {
        if matches!(layout.cell, CellWidth::Block { .. }) {
            return self.loudest(0..1, self.n_cols - 1..self.n_cols).is_infinite();
        }
        layout.rows.clone().any(|r| layout.cols.clone().any(|c| (self.value)(r, c).is_infinite()))
    }
}

/// The number of a row, beside every fourth line of so many rows each.
fn ruled(row: usize, each: usize) -> Option<String> {
    (row / each).is_multiple_of(4).then(|| row.to_string())
}

/// A mark as wide as a cell: `[]` in two columns, `[ ◆ ]` in five.
fn framed(mark: char, width: usize) -> String {
    match width {
        0 => String::new(),
        1 => mark.to_string(),
        2 => "[]".to_owned(),
        _ => format!("[{mark:^inner$}]", inner = width - 2),
    }
}
