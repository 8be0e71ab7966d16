//! All heads of all layers as small pictures: a row a layer, a column a head. What is dark looks
//! nowhere; a diagonal looks beside itself, a column at one token, a block evenly.

use super::{words::PaneWords, words::words_of_heads};
use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
};

use super::{Pane, PreferredSize, Scene};
use crate::{
    analysis::measure::heads::{FIGURES, Figure, Summary},
    engine::math::picture::Picture,
    lesson::PaneSpec,
    ui::{
        theme::Theme,
        widgets::lines::{put_line, put_on, window},
    },
};

/// Its site is the attention `weights`.
pub(super) struct Wall<'a> {
    scene: Scene<'a>,
    spec: PaneSpec,
    /// Layer by layer; None until they are measured.
    layers: Option<Vec<Vec<&'a Summary>>>,
}

/// The columns of a layer's name.
const LABEL: u16 = 5;
/// Lines above the first picture: the heads' numbers and the frame's edge.
const ABOVE: u16 = 2;
/// Lines beneath the last: the frame's edge is its own.
const BENEATH: u16 = 1;
/// The smallest picture, columns and lines.
const SMALLEST: (u16, u16) = (4, 2);
/// The largest.
const LARGEST: (u16, u16) = (64, 32);

/// Where pictures stand in an area.
struct Grid {
    /// Columns and lines of a picture.
    size: (u16, u16),
    layers: Range<usize>,
    heads: Range<usize>,
}

impl Grid {
    /// The picture's place, its frame excluded.
    fn place(&self, area: Rect, layer: usize, head: usize) -> Rect {
        let (width, height) = self.size;
        Rect {
            x: area.x + LABEL + 1 + (head - self.heads.start) as u16 * (width + 1),
            y: area.y + ABOVE + (layer - self.layers.start) as u16 * (height + 1),
            width,
            height,
        }
    }
}

impl<'a> Wall<'a> {
    pub(super) fn new(scene: Scene<'a>, spec: &PaneSpec) -> Self {
        let heads = scene.reading.known_heads().map(|heads| heads.get(&scene.model));
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

    /// The selected layer and head, where they exist.
    fn at(&self) -> (usize, usize) {
        let layer = self.scene.selection.layer.min(self.layers().len().saturating_sub(1));
        let n_heads = self.layers().get(layer).map_or(0, Vec::len);
        (layer, self.scene.selection.head.min(n_heads.saturating_sub(1)))
    }

    fn selected(&self) -> Option<&'a Summary> {
        let (layer, head) = self.at();
        self.layers().get(layer)?.get(head).copied()
    }

    /// Pictures as large as lets all be in view, and of those that are too small as many as fit.
    fn grid(&self, area: Rect) -> Option<Grid> {
        let (n_layers, n_heads) = (self.layers().len(), self.n_heads());
        let width = area.width.checked_sub(LABEL + 1)?;
        let height = area.height.checked_sub(ABOVE + BENEATH)?;
        let fit = |room: u16, n: usize, least: u16, most: u16| {
            (room / (n as u16).max(1)).saturating_sub(1).clamp(least, most)
        };
        let wide = fit(width, n_heads, SMALLEST.0, LARGEST.0);
        let high = fit(height, n_layers, SMALLEST.1, LARGEST.1.min(wide).max(SMALLEST.1));
        let size = self.whole((wide, high));
        let in_view = |room: u16, size: u16| usize::from(room / (size + 1));
        let (heads, layers) = (in_view(width, size.0), in_view(height, size.1));
        (n_layers > 0 && heads > 0 && layers > 0).then(|| {
            let (layer, head) = self.at();
            Grid {
                size,
                layers: window(n_layers, layers, layer),
                heads: window(n_heads, heads, head),
            }
        })
    }

    /// The size at which every point of a picture takes as many columns and lines as any other, if it
    /// takes one at least; else no wider than is legible.
    fn whole(&self, (wide, high): (u16, u16)) -> (u16, u16) {
        let Some(picture) = self.layers().first().map(|heads| &heads[0].picture) else {
            return (wide, high);
        };
        let (rows, cols) = (picture.rows as u16, picture.cols as u16);
        let (points, n_rows) = (self.points_a_line(), self.points_a_line() * high);
        if wide < cols || n_rows < rows {
            return (wide.min(4 * high), high);
        }
        // A point is as high as two columns are wide where it is a line high.
        let across = if points == 2 { 1 } else { 2 };
        let down = (n_rows / rows).min((wide / cols).div_ceil(across));
        ((wide / cols).min(across * down) * cols, (down * rows).div_ceil(points))
    }

    /// Rows of points that share a line.
    fn points_a_line(&self) -> u16 {
        if self.theme().has_colour() && !self.theme().is_ascii() { 2 } else { 1 }
    }

    fn draw_axes(&self, grid: &Grid, area: Rect, buf: &mut Buffer) {
        let (layer, head) = self.at();
        let style = |is_at: bool| {
            let accent = self.theme().accent().add_modifier(Modifier::BOLD);
            if is_at { accent } else { self.theme().dim() }
        };
        put_on(buf, area, &[("head", self.theme().dim())]);
        for i in grid.heads.clone() {
            let place = grid.place(area, grid.layers.start, i);
            let name = i.to_string();
            let indent = place.width.saturating_sub(name.len() as u16) / 2;
            put_line(buf, (place.x + indent, area.y), area.right(), &[(&name, style(i == head))]);
        }
        for i in grid.layers.clone() {
            let place = grid.place(area, i, grid.heads.start);
            let name = format!("{:>4}", self.layers()[i][0].layer);
            let y = place.y + (place.height - 1) / 2;
            put_line(buf, (area.x, y), area.right(), &[(&name, style(i == layer))]);
        }
        let y = area.y + 1;
        put_line(buf, (area.x, y), area.right(), &[("layer", self.theme().dim())]);
    }

    fn draw_picture(&self, picture: &Picture, place: Rect, buf: &mut Buffer) {
        let has_halves = self.points_a_line() == 2;
        let n_rows = usize::from(place.height * self.points_a_line());
        let n_rows = if n_rows < picture.rows { n_rows } else { n_rows - n_rows % picture.rows };
        let part = |i: usize, n: usize, of: usize| {
            let from = i * of / n;
            from..((i + 1) * of / n).clamp(from + 1, of)
        };
        // The root lets the many small weights of long sentences be seen beside the large.
        let point = |x: u16, y: usize| {
            let cols = part(x.into(), place.width.into(), picture.cols);
            (y < n_rows).then(|| picture.most(part(y, n_rows, picture.rows), cols).sqrt())
        };
        for (y, line) in place.rows().enumerate() {
            for x in 0..place.width {
                let cell = &mut buf[(line.x + x, line.y)];
                if has_halves {
                    let [ink, ground] =
                        [2 * y, 2 * y + 1].map(|y| self.theme().sequential(point(x, y)?));
                    cell.set_char('▀').set_style(Style { fg: ink, bg: ground, ..Style::new() });
                } else if let Some(v) = point(x, y) {
                    cell.set_char(self.theme().shade(v));
                    if let Some(colour) = self.theme().sequential(v) {
                        cell.set_style(self.theme().on(colour));
                    }
                }
            }
        }
    }

    /// A frame in the gaps around the selected picture.
    fn draw_frame(&self, place: Rect, area: Rect, buf: &mut Buffer) {
        let style = if self.scene.focused {
            self.theme().accent().add_modifier(Modifier::BOLD)
        } else {
            self.theme().dim()
        };
        let (left, top) = (place.x - 1, place.y - 1);
        let width = usize::from(place.width);
        let sign = |unicode, ascii| self.theme().glyph(unicode, ascii);
        let bar = sign("━", "=").repeat(width);
        let edge = |a: &str, b: &str| format!("{a}{bar}{b}");
        let above = edge(sign("┏", "+"), sign("┓", "+"));
        let beneath = edge(sign("┗", "+"), sign("┛", "+"));
        put_line(buf, (left, top), area.right(), &[(&above, style)]);
        put_line(buf, (left, place.bottom()), area.right(), &[(&beneath, style)]);
        for y in place.y..place.bottom() {
            for x in [left, place.right()] {
                put_line(buf, (x, y), area.right(), &[(sign("┃", "|"), style)]);
            }
        }
    }

    /// What is out of view.
    fn place_said(&self, grid: &Grid) -> String {
        let part = |what: &str, shown: &Range<usize>, n: usize| {
            let text = || format!(" · {what} {}-{} of {n}", shown.start, shown.end - 1);
            if shown.len() < n { text() } else { String::new() }
        };
        let layers = part("layers", &grid.layers, self.layers().len());
        layers + &part("heads", &grid.heads, self.n_heads())
    }
}

/// `entropy 1.23 · spread 0.45 · distance 2.1 ...`: what there is.
fn in_words(summary: &Summary, between: &str) -> String {
    let figure = |figure: &Figure| {
        let value = (figure.of)(&summary.figures)?;
        Some(format!("{} {value:.2}", figure.heading))
    };
    FIGURES.iter().filter_map(figure).collect::<Vec<_>>().join(between)
}

impl Pane for Wall<'_> {
    fn title(&self) -> String {
        let name = self.spec.title.clone().unwrap_or_else(|| "all heads".to_owned());
        let Some(summary) = self.selected() else { return name };
        format!("{name} · layer {} head {}", summary.layer, summary.head)
    }

    fn status_line(&self, _: usize, _: usize) -> Option<String> {
        let summary = self.selected()?;
        Some(format!("layer {} head {}  {}", summary.layer, summary.head, in_words(summary, "  ")))
    }

    fn head_by(&self, rows: isize, cols: isize) -> Option<(usize, usize)> {
        let (layer, head) = self.at();
        let layer = layer.saturating_add_signed(rows).min(self.layers().len().checked_sub(1)?);
        let last = self.layers()[layer].len() - 1;
        Some((layer, head.saturating_add_signed(cols).min(last)))
    }

    fn in_view(&self, area: Rect) -> (usize, usize) {
        self.grid(area).map_or((1, 1), |grid| (grid.layers.len(), grid.heads.len()))
    }

    fn preferred_size(&self) -> PreferredSize {
        let (n_layers, n_heads) = (self.layers().len() as u16, self.n_heads() as u16);
        let size = |(width, height): (u16, u16)| {
            (
                LABEL + 1 + n_heads.saturating_mul(width + 1),
                ABOVE + BENEATH + n_layers.saturating_mul(height + 1),
            )
        };
        let (ideal, least) = (size((12, 6)), size(SMALLEST));
        PreferredSize::new((least.0.min(40), least.1.min(8)), ideal).up_to(size(LARGEST).1)
    }

    /// Layer and head of a picture.
    fn cell_at(&self, area: Rect, at: Position) -> Option<(usize, usize)> {
        let grid = self.grid(area)?;
        let heads = |layer| grid.heads.clone().map(move |head| (layer, head));
        let mut all = grid.layers.clone().flat_map(heads);
        all.find(|&(layer, head)| {
            head < self.layers()[layer].len() && grid.place(area, layer, head).contains(at)
        })
    }

    fn in_words(&self) -> PaneWords {
        words_of_heads(self.scene, &self.spec)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let dim = self.theme().dim();
        let say = |text: &str, buf: &mut Buffer| {
            put_on(buf, area, &[(text, dim)]);
        };
        if self.layers.is_none() {
            return say(self.scene.measuring(), buf);
        }
        let Some(grid) = self.grid(area) else {
            return say("no heads", buf);
        };
        self.draw_axes(&grid, area, buf);
        for layer in grid.layers.clone() {
            for head in grid.heads.clone() {
                let Some(summary) = self.layers()[layer].get(head) else { continue };
                let place = grid.place(area, layer, head);
                self.draw_picture(&summary.picture, place, buf);
                if (layer, head) == self.at() {
                    self.draw_frame(place, area, buf);
                }
            }
        }
        let last = grid.place(area, grid.layers.end - 1, grid.heads.start);
        let y = last.bottom() + 1;
        if y < area.bottom() {
            let text = format!(
                "query {} key {}, large weights light{}",
                self.theme().glyph("↓", "down"),
                self.theme().glyph("→", "right"),
                self.place_said(&grid)
            );
            put_line(
                buf,
                (area.x + LABEL + 1, y),
                area.right(),
                &[(&text, Style::new().patch(dim))],
            );
        }
    }
}
