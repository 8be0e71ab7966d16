//! Small pictures of all attention heads: one row per layer, one column per head. Dark cells have small
//! weights; a diagonal attends to neighbours, a column to one token, an even block to all tokens.

use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::{Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use super::{
    Pane, PreferredSize, Scene, Title,
    in_words::{PaneWords, words_of_heads},
};
use crate::{
    analysis::measure::heads::{FIGURES, Figure, Summary},
    engine::{
        math::picture::Downsampled,
        value::{Extent, PlaneCell},
    },
    lesson::{Language, LayerHead, PaneSpec, tr},
    text::rounded,
    ui::{
        theme::Theme,
        widgets::lines::{put_line, put_on, window},
    },
};

/// Pane of all heads' pictures; its site is the attention `weights`.
pub(super) struct Wall<'a> {
    scene: Scene<'a>,
    spec: PaneSpec,
    /// Heads by layer; None until measured.
    layers: Option<Vec<Vec<&'a Summary>>>,
}

/// Width of a layer's label, in columns.
const LABEL_WIDTH: u16 = 5;
/// Lines above the first picture: the head numbers and the frame's top edge.
const LINES_ABOVE: u16 = 2;
/// Lines below the frame of the last picture: the caption.
const LINES_BELOW: u16 = 1;
/// Minimum size of a picture.
const MIN_PICTURE: Size = Size::new(4, 2);
/// Maximum size of a picture.
const MAX_PICTURE: Size = Size::new(64, 32);

/// Layout of the pictures: their size and the visible layers and heads.
struct Grid {
    /// Size of a picture.
    size: Size,
    layers: Range<usize>,
    heads: Range<usize>,
}

impl Grid {
    /// The area of a picture, without its frame.
    fn picture_area(&self, area: Rect, layer: usize, head: usize) -> Rect {
        let Size { width, height } = self.size;
        Rect {
            x: area.x + LABEL_WIDTH + 1 + (head - self.heads.start) as u16 * (width + 1),
            y: area.y + LINES_ABOVE + (layer - self.layers.start) as u16 * (height + 1),
            width,
            height,
        }
    }
}

impl<'a> Wall<'a> {
    pub(super) fn new(scene: Scene<'a>, spec: &PaneSpec) -> Self {
        let heads = scene.reading.heads().map(|heads| heads.get(&scene.model));
        let layers = heads.map(|heads| {
            let mut layers: Vec<Vec<&Summary>> = vec![];
            for summary in heads.into_iter().flatten() {
                if spec.path(summary.layer).as_ref() != Some(&summary.path) {
                    continue;
                }
                match layers.last_mut().filter(|heads| heads[0].path == summary.path) {
                    Some(heads) => heads.push(summary),
                    None => layers.push(vec![summary]),
                }
            }
            layers
        });
        Self { scene, spec: spec.clone(), layers }
    }

    fn layers(&self) -> &[Vec<&'a Summary>] {
        self.layers.as_deref().unwrap_or_default()
    }

    fn n_heads(&self) -> usize {
        self.layers().iter().map(Vec::len).max().unwrap_or(0)
    }

    fn theme(&self) -> &'a Theme {
        self.scene.theme
    }

    /// Indices of the selected layer and head, clamped to existing ones.
    fn selected_indices(&self) -> (usize, usize) {
        // Some layers have no heads.
        let distance = |i: &usize| self.layers()[*i][0].layer.abs_diff(self.scene.selection.layer);
        let layer = (0..self.layers().len()).min_by_key(distance).unwrap_or(0);
        let n_heads = self.layers().get(layer).map_or(0, Vec::len);
        (layer, self.scene.selection.head.min(n_heads.saturating_sub(1)))
    }

    fn selected(&self) -> Option<&'a Summary> {
        let (layer, head) = self.selected_indices();
        self.layers().get(layer)?.get(head).copied()
    }

    /// Lays out the pictures as large as possible with all heads visible; at minimum size, as many as fit.
    fn grid(&self, area: Rect) -> Option<Grid> {
        let (n_layers, n_heads) = (self.layers().len(), self.n_heads());
        let width = area.width.checked_sub(LABEL_WIDTH + 1)?;
        let height = area.height.checked_sub(LINES_ABOVE + LINES_BELOW)?;
        let fit = |available: u16, n: usize, min: u16, max: u16| {
            (available / (n as u16).max(1)).saturating_sub(1).clamp(min, max)
        };
        let (min, max) = (MIN_PICTURE, MAX_PICTURE);
        let wide = fit(width, n_heads, min.width, max.width);
        let high = fit(height, n_layers, min.height, max.height.min(wide).max(min.height));
        let size = self.rounded_size(Size::new(wide, high));
        let n_visible = |available: u16, size: u16| usize::from(available / (size + 1));
        let (heads, layers) = (n_visible(width, size.width), n_visible(height, size.height));
        (n_layers > 0 && heads > 0 && layers > 0).then(|| {
            let (layer, head) = self.selected_indices();
            Grid {
                size,
                layers: window(n_layers, layers, layer),
                heads: window(n_heads, heads, head),
            }
        })
    }

    /// Rounds a picture's size so that all its points are equally large; if a point would be smaller than a
    /// character, only limits the width to four times the height, and the height to one point a row.
    fn rounded_size(&self, size: Size) -> Size {
        let Some(picture) = self.layers().first().map(|heads| &heads[0].picture) else {
            return size;
        };
        let Size { width: wide, height: high } = size;
        let (rows, cols) = (picture.rows as u16, picture.cols as u16);
        let (points, n_rows) = (self.points_per_line(), self.points_per_line() * high);
        if wide < cols || n_rows < rows {
            return Size::new(wide.min(4 * high), high.min(rows.div_ceil(points)));
        }
        // A point one line high is as high as two columns are wide.
        let across = if points == 2 { 1 } else { 2 };
        let down = (n_rows / rows).min((wide / cols).div_ceil(across));
        Size::new((wide / cols).min(across * down) * cols, (down * rows).div_ceil(points))
    }

    /// Rows of points per line: two with half-block characters, else one.
    fn points_per_line(&self) -> u16 {
        if self.theme().has_colour() && !self.theme().is_ascii() { 2 } else { 1 }
    }

    fn draw_axes(&self, grid: &Grid, area: Rect, buf: &mut Buffer) {
        let (layer, head) = self.selected_indices();
        let style = |is_selected: bool| {
            let accent = self.theme().accent().add_modifier(Modifier::BOLD);
            if is_selected { accent } else { self.theme().dim() }
        };
        put_on(buf, area, &[(self.scene.language.tr("head"), self.theme().dim())]);
        for i in grid.heads.clone() {
            let picture_area = grid.picture_area(area, grid.layers.start, i);
            let name = i.to_string();
            let indent = picture_area.width.saturating_sub(name.len() as u16) / 2;
            put_line(
                buf,
                (picture_area.x + indent, area.y),
                area.right(),
                &[(&name, style(i == head))],
            );
        }
        for i in grid.layers.clone() {
            let picture_area = grid.picture_area(area, i, grid.heads.start);
            let name = format!("{:>4}", self.layers()[i][0].layer);
            let y = picture_area.y + (picture_area.height - 1) / 2;
            put_line(buf, (area.x, y), area.right(), &[(&name, style(i == layer))]);
        }
        let y = area.y + 1;
        put_line(
            buf,
            (area.x, y),
            area.right(),
            &[(self.scene.language.tr("layer"), self.theme().dim())],
        );
    }

    fn draw_picture(&self, picture: &Downsampled, picture_area: Rect, buf: &mut Buffer) {
        let has_halves = self.points_per_line() == 2;
        let n_rows = usize::from(picture_area.height * self.points_per_line());
        let n_rows = if n_rows < picture.rows { n_rows } else { n_rows - n_rows % picture.rows };
        let cell_range = |i: usize, n: usize, of: usize| {
            let from = i * of / n;
            from..((i + 1) * of / n).clamp(from + 1, of)
        };
        // The square root makes the many small weights of long sentences visible beside the large ones.
        let point = |x: u16, y: usize| {
            let cols = cell_range(x.into(), picture_area.width.into(), picture.cols);
            (y < n_rows).then(|| picture.most(cell_range(y, n_rows, picture.rows), cols).sqrt())
        };
        for (y, line) in picture_area.rows().enumerate() {
            for x in 0..picture_area.width {
                let cell = &mut buf[(line.x + x, line.y)];
                if has_halves {
                    let [upper, lower] =
                        [2 * y, 2 * y + 1].map(|y| self.theme().sequential(point(x, y)?));
                    if upper.is_some() || lower.is_some() {
                        let style = Style { fg: upper, bg: lower, ..Style::new() };
                        cell.set_char('▀').set_style(style);
                    }
                } else if let Some(v) = point(x, y) {
                    cell.set_char(self.theme().shade(v));
                    if let Some(colour) = self.theme().sequential(v) {
                        cell.set_style(self.theme().on(colour));
                    }
                }
            }
        }
    }

    /// Draws a frame in the gaps around the selected picture.
    fn draw_frame(&self, picture_area: Rect, area: Rect, buf: &mut Buffer) {
        let style = if self.scene.focused {
            self.theme().accent().add_modifier(Modifier::BOLD)
        } else {
            self.theme().dim()
        };
        let (left, top) = (picture_area.x - 1, picture_area.y - 1);
        let width = usize::from(picture_area.width);
        let sign = |unicode, ascii| self.theme().glyph(unicode, ascii);
        let bar = sign("━", "=").repeat(width);
        let edge = |a: &str, b: &str| format!("{a}{bar}{b}");
        let above = edge(sign("┏", "+"), sign("┓", "+"));
        let below = edge(sign("┗", "+"), sign("┛", "+"));
        put_line(buf, (left, top), area.right(), &[(&above, style)]);
        put_line(buf, (left, picture_area.bottom()), area.right(), &[(&below, style)]);
        for y in picture_area.y..picture_area.bottom() {
            for x in [left, picture_area.right()] {
                put_line(buf, (x, y), area.right(), &[(sign("┃", "|"), style)]);
            }
        }
    }

    /// What the pictures show, and which of them are in view.
    fn legend(&self, range: &str) -> String {
        let language = self.scene.language;
        tr!(
            language,
            "query {down} key {right}, large weights light{range}",
            down = language.tr(self.theme().glyph("↓", "down")),
            right = language.tr(self.theme().glyph("→", "right")),
            range
        )
    }

    /// ` · layers 0-3 of 12`: the visible layers and heads where not all fit, else empty.
    fn visible_range_text(&self, grid: &Grid) -> String {
        let language = self.scene.language;
        let range_text = |what: &str, shown: &Range<usize>, n: usize| {
            let text = || {
                let (first, last, what) = (shown.start, shown.end - 1, language.tr(what));
                tr!(language, " · {what} {first}-{last} of {n}", what, first, last, n)
            };
            if shown.len() < n { text() } else { String::new() }
        };
        let layers = range_text("layers", &grid.layers, self.layers().len());
        layers + &range_text("heads", &grid.heads, self.n_heads())
    }
}

/// `entropy 1.23 · spread 0.45 · distance 2.1 ...`: the head's figures, joined by `separator`.
fn place_of(summary: &Summary, language: Language) -> String {
    let Summary { layer, head, .. } = summary;
    tr!(language, "layer {layer} head {head}", layer, head)
}

fn figures_text(summary: &Summary, separator: &str, language: Language) -> String {
    let figure = |figure: &Figure| {
        let value = (figure.of)(&summary.figures)?;
        Some(format!("{} {}", language.tr(figure.heading), rounded(value, 2)))
    };
    FIGURES.iter().filter_map(figure).collect::<Vec<_>>().join(separator)
}

impl Pane for Wall<'_> {
    fn title(&self) -> Title {
        let language = self.scene.language;
        let name = language.tr(self.spec.title.as_deref().unwrap_or("all heads"));
        let title = Title::named(name);
        let Some(summary) = self.selected() else { return title };
        title.with(place_of(summary, language))
    }

    fn status_line(&self, _: usize, _: usize) -> Option<String> {
        let summary = self.selected()?;
        let language = self.scene.language;
        let figures = figures_text(summary, "  ", language);
        Some(format!("{}  {figures}", place_of(summary, language)))
    }

    fn head_at_offset(&self, rows: isize, cols: isize) -> Option<LayerHead> {
        let (layer, head) = self.selected_indices();
        let layer = layer.saturating_add_signed(rows).min(self.layers().len().checked_sub(1)?);
        let heads = &self.layers()[layer];
        let head = head.saturating_add_signed(cols).min(heads.len() - 1);
        Some(LayerHead { layer: heads[0].layer, head })
    }

    fn visible_extent(&self, area: Rect) -> Extent {
        self.grid(area)
            .map_or(Extent::new(1, 1), |grid| Extent::new(grid.layers.len(), grid.heads.len()))
    }

    fn preferred_size(&self) -> PreferredSize {
        let (n_layers, n_heads) = (self.layers().len() as u16, self.n_heads() as u16);
        let size = |Size { width, height }: Size| {
            Size::new(
                LABEL_WIDTH + 1 + n_heads.saturating_mul(width + 1),
                LINES_ABOVE + LINES_BELOW + n_layers.saturating_mul(height + 1),
            )
        };
        let (ideal, min) = (size(Size::new(12, 6)), size(MIN_PICTURE));
        let legend = LABEL_WIDTH + 1 + self.legend("").width() as u16;
        let ideal = Size { width: ideal.width.max(legend), ..ideal };
        PreferredSize::new(Size::new(min.width.min(40), min.height.min(8)), ideal)
            .up_to(size(MAX_PICTURE).height)
    }

    /// Layer and head of the picture at a position.
    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        let grid = self.grid(area)?;
        let heads = |i| grid.heads.clone().map(move |head| (i, head));
        let mut all = grid.layers.clone().flat_map(heads);
        let (i, head) = all.find(|&(i, head)| {
            head < self.layers()[i].len() && grid.picture_area(area, i, head).contains(position)
        })?;
        Some(PlaneCell::new(self.layers()[i][0].layer, head))
    }

    fn in_words(&self) -> PaneWords {
        words_of_heads(self.scene, &self.spec)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let dim = self.theme().dim();
        let put_text = |text: &str, buf: &mut Buffer| {
            put_on(buf, area, &[(text, dim)]);
        };
        if self.layers.is_none() {
            return put_text(self.scene.measuring(), buf);
        }
        let Some(grid) = self.grid(area) else {
            return put_text(self.scene.language.tr("no heads"), buf);
        };
        self.draw_axes(&grid, area, buf);
        for layer in grid.layers.clone() {
            for head in grid.heads.clone() {
                let Some(summary) = self.layers()[layer].get(head) else { continue };
                let picture_area = grid.picture_area(area, layer, head);
                self.draw_picture(&summary.picture, picture_area, buf);
                if (layer, head) == self.selected_indices() {
                    self.draw_frame(picture_area, area, buf);
                }
            }
        }
        let last = grid.picture_area(area, grid.layers.end - 1, grid.heads.start);
        let y = last.bottom() + 1;
        if y < area.bottom() {
            let text = self.legend(&self.visible_range_text(&grid));
            put_line(
                buf,
                (area.x + LABEL_WIDTH + 1, y),
                area.right(),
                &[(&text, Style::new().patch(dim))],
            );
        }
    }
}
