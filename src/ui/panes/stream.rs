//! The residual stream of one word: one band of channels per station, in order of layers, with the length
//! (norm) of the row and of each sub-layer's addition.

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::Style,
};
use unicode_width::UnicodeWidthStr;

use super::{
    CursorCell, Pane, PreferredSize, Title, Unfolding, in_words::PaneWords, subject::Subject,
};
use crate::{
    analysis::{
        measure::stream::{self, StreamPoint},
        trace::Magnitude,
    },
    engine::value::Extent,
    lesson::tr,
    text::fixed,
    ui::widgets::{
        heat,
        lines::{List, put_line, put_on, right, window, without_top_rows},
    },
};

/// Pane of a residual stream; its site is the stream's first, `input`.
pub(super) struct StreamPane<'a>(pub(super) Subject<'a>);

/// Width of a station's name, in columns.
const NAME_WIDTH: u16 = 17;
/// Width of a length, in columns.
const FIGURE_WIDTH: u16 = 7;
/// Width of the figures beside the band, in columns.
const FIGURES_WIDTH: u16 = 2 * FIGURE_WIDTH + 2;
const MAX_BAR_WIDTH: u16 = 16;

impl StreamPane<'_> {
    fn stations(&self) -> Vec<StreamPoint> {
        stream::stations(self.0.trace, self.0.site.path())
    }

    fn numbers(&self, station: &StreamPoint) -> Vec<f32> {
        let value = self.0.trace.value(&station.site);
        value.map_or_else(Vec::new, |value| value.row(0, self.0.row()))
    }

    fn length(&self, path: &str) -> f32 {
        stream::length(self.0.trace, path, self.0.row()).unwrap_or(f32::NAN)
    }

    /// Width of the band in columns: one per channel, or one per two channels where space is short.
    fn band_width(&self, width: u16) -> u16 {
        let available_width = width.saturating_sub(NAME_WIDTH + FIGURES_WIDTH);
        let n = self.0.n_cols() as u16;
        if available_width >= n { n } else { n.div_ceil(2).min(available_width) }
    }

    /// Number of channels per column of the band.
    fn channels_per_column(&self, band: u16) -> usize {
        if usize::from(band) < self.0.n_cols() { 2 } else { 1 }
    }

    /// The first visible channel.
    fn first_channel(&self, band: u16) -> usize {
        let per_column = self.channels_per_column(band);
        let columns = self.0.n_cols().div_ceil(per_column);
        window(columns, band.into(), self.0.col() / per_column).start * per_column
    }

    fn draw_heading(&self, band: u16, line: Rect, buf: &mut Buffer) {
        let theme = self.0.scene.theme;
        let (first, last) = (self.first_channel(band), self.0.n_cols() - 1);
        let text = format!(
            "{} {first}{}{last} ",
            self.0.scene.language.tr("channels"),
            theme.glyph("–", "-")
        );
        let text = right(&text, NAME_WIDTH.into());
        put_on(buf, line, &[(&text, theme.dim())]);
        let x =
            line.x + NAME_WIDTH + ((self.0.col() - first) / self.channels_per_column(band)) as u16;
        if self.0.scene.focused && x < line.x + NAME_WIDTH + band {
            put_line(buf, (x, line.y), line.right(), &[(theme.glyph("▾", "v"), theme.accent())]);
        }
        let width = usize::from(FIGURE_WIDTH);
        let language = self.0.scene.language;
        let heads = format!(
            " {} {}",
            right(language.tr("length"), width),
            right(language.tr("added"), width)
        );
        put_line(buf, (line.x + NAME_WIDTH + band, line.y), line.right(), &[(&heads, theme.dim())]);
    }

    fn draw_band(&self, numbers: &[f32], ramp_end: f32, line: Rect, buf: &mut Buffer) {
        let per_column = self.channels_per_column(line.width);
        let shown = numbers.get(self.first_channel(line.width)..).unwrap_or(&[]);
        for (channels, x) in shown.chunks(per_column).zip(line.x..line.right()) {
            let (sign, style) = self.cell(channels, ramp_end);
            put_line(buf, (x, line.y), line.right(), &[(&sign, style)]);
        }
    }

    /// Character and style for one or two channels; without colours, the shade of the larger number.
    fn cell(&self, channels: &[f32], ramp_end: f32) -> (String, Style) {
        let theme = self.0.scene.theme;
        let relative = |v: f32| v / ramp_end;
        let strongest =
            channels.iter().copied().reduce(|a, b| if b.abs() > a.abs() { b } else { a });
        let shade = theme.shade(relative(strongest.unwrap_or(0.0))).to_string();
        let colour = |v: &f32| theme.diverging(relative(*v));
        match (channels.first().and_then(colour), channels.get(1).and_then(colour)) {
            (Some(left), Some(right)) if !theme.is_ascii() => {
                ("▌".to_owned(), Style::new().fg(left).bg(right))
            }
            (Some(left), None) if channels.len() == 1 => (" ".to_owned(), Style::new().bg(left)),
            _ => (shade, Style::new()),
        }
    }

    fn draw_station(&self, station: &StreamPoint, scale: Scale, line: Rect, buf: &mut Buffer) {
        let theme = self.0.scene.theme;
        let layer = station.layer.map_or_else(String::new, |layer| format!("{layer} "));
        let plus = if station.added.is_some() { "+ " } else { "" };
        let mut name = format!("{layer}{plus}{}", self.0.scene.language.tr(station.name));
        if name.width() >= usize::from(NAME_WIDTH) {
            name = name.replace("feed-forward", "ffn"); // layers from 10 on
        }
        let style = if station.added.is_some() { theme.accent() } else { Style::new() };
        let name = format!("{} ", right(&name, usize::from(NAME_WIDTH) - 1));
        put_on(buf, line, &[(&name, style)]);
        let band = self.band_width(line.width);
        let x = line.x + NAME_WIDTH.min(line.width);
        let frame = Rect { x, width: band.min(line.right() - x), ..line };
        self.draw_band(&self.numbers(station), scale.number, frame, buf);
        let width = usize::from(FIGURE_WIDTH);
        let length = format!(" {}", theme.figure(self.length(&station.site), width));
        let added = station.added.as_ref().map(|path| self.length(path));
        let figure = added.map_or_else(String::new, |v| format!(" {} ", theme.figure(v, width)));
        let pieces = [(&*length, theme.dim()), (&*figure, style)];
        let x = put_line(buf, (x + band, line.y), line.right(), &pieces);
        let available_width = line.right().saturating_sub(x).min(MAX_BAR_WIDTH);
        let bar = theme.bar(added.unwrap_or(0.0) / scale.added, available_width.into());
        put_line(buf, (x, line.y), line.right(), &[(&bar, style)]);
    }

    /// Index of the station to keep visible: the middle one of the selected layer.
    fn selected_station(&self, stations: &[StreamPoint]) -> usize {
        let layer = self.0.scene.selection.layer;
        let in_layer = stations.iter().filter(|station| station.layer == Some(layer)).count();
        let first = stations.iter().position(|station| station.layer == Some(layer));
        first.map_or(stations.len().saturating_sub(1), |first| first + in_layer / 2)
    }

    fn scale(&self, stations: &[StreamPoint]) -> Scale {
        let added = stations.iter().filter_map(|station| station.added.as_ref());
        let numbers = stations.iter().flat_map(|station| self.numbers(station));
        Scale {
            number: heat::Scale::signed(numbers).end(),
            added: Magnitude::of(added.map(|path| self.length(path))).most.max(f32::MIN_POSITIVE),
        }
    }
}

/// Scales of all stations: the number at the end of the colour ramp, and the length of the longest addition.
#[derive(Clone, Copy)]
struct Scale {
    number: f32,
    added: f32,
}

impl Pane for StreamPane<'_> {
    fn title(&self) -> Title {
        let name = self.0.title.as_deref().unwrap_or("residual stream");
        let name = self.0.scene.language.tr(name);
        let word = self.0.label(1, self.0.row());
        Title::named(name).with(tr!(self.0.scene.language, "“{word}”", word))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.0.n_rows(), self.0.n_cols())
    }

    /// The cell of the stream's last station.
    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        let last = self.stations().pop()?;
        Subject::new(self.0.scene, &last.site, None)?.cursor_cell(row, col)
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.stations().len() as u16 + 1;
        let columns = self.0.n_cols() as u16;
        PreferredSize::new(
            Size::new(NAME_WIDTH + 20 + FIGURES_WIDTH, n.min(6)),
            Size::new(NAME_WIDTH + columns + FIGURES_WIDTH + MAX_BAR_WIDTH, n),
        )
        .of_items(n - 1, 1, NAME_WIDTH + columns + FIGURES_WIDTH + MAX_BAR_WIDTH)
    }

    fn list(&self, area: Rect) -> Option<List> {
        let stations = self.stations();
        let selected = self.selected_station(&stations);
        Some(List::new(without_top_rows(area, 1), stations.len(), selected))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let (subject, language) = (&self.0, self.0.scene.language);
        let length = |path: &str| {
            stream::length(subject.trace, path, subject.row()).map_or_else(String::new, fixed)
        };
        let line = |station: StreamPoint| {
            let added = station
                .added
                .map(|path| tr!(language, ", {path} added {length}", path, length = length(&path)));
            tr!(
                language,
                "{site}: length {length}{added}",
                site = station.site,
                length = length(&station.site),
                added = added.unwrap_or_default()
            )
        };
        subject.in_words(self.stations().into_iter().map(line).collect())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let stations = self.stations();
        let scale = self.scale(&stations);
        let mut lines = area.rows();
        if let Some(line) = lines.next() {
            self.draw_heading(self.band_width(line.width), line, buf);
        }
        for (i, line) in self.list(area).into_iter().flat_map(List::rows) {
            self.draw_station(&stations[i], scale, line, buf);
        }
    }
}
