//! Evidence beside attention weights: gradients, and the effect of knocking out the head.
//!
//! ```text
//!             weight          weight x slope    word's slope
//!  The    0.02 ▏            0.00              0.31 ██
//!  animal 0.91 ██████████   1.24 █████████    1.90 ██████████
//!  head off    log p  tokens of 14
//!  head 0    -1.6e-4   0 ▏
//!  head 2      -3.41   2 ██████████
//! ```

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::{Modifier, Style},
};

use super::{Pane, PreferredSize, Title, Unfolding, in_words::PaneWords, subject::Subject};
use crate::{
    analysis::{measure::ablation::KnockOut, reading::AttentionSlopes},
    engine::{
        site::{Axis, Stream},
        value::PlaneCell,
    },
    lesson::tr,
    text::{decimals, fixed, rounded, share, spoken},
    ui::widgets::lines::{fit, put_line, put_on, right, window},
};

/// Table of weights and of the evidence beside them; its site is the attention `weights`.
pub(super) struct AttentionEvidence<'a>(pub(super) Subject<'a>);

/// Width of a key's word, in columns.
const WORD_WIDTH: u16 = 10;
/// Most lines from one key to the next, as in other lists.
const MAX_PITCH: u16 = 3;
/// Width of a figure, in columns.
const FIGURE_WIDTH: usize = 7;

/// One of the three columns: its heading, one number per key, and the number drawn as a full bar.
struct Column {
    name: &'static str,
    numbers: Vec<f32>,
    largest: f32,
    are_shares: bool,
}

impl Column {
    /// A column whose bars are relative to its largest number.
    fn relative(name: &'static str, numbers: Vec<f32>) -> Self {
        let largest = numbers.iter().fold(f32::MIN_POSITIVE, |largest, v| largest.max(v.abs()));
        Self { name, numbers, largest, are_shares: false }
    }

    /// A number as wide as the column: shares as the texts say them, others all with the decimals that show about three
    /// digits of the largest, so that they can be compared.
    fn figure(&self, v: f32) -> String {
        const MOST_DECIMALS: f32 = 4.0;
        let text = match self.largest {
            _ if self.are_shares => share(v),
            largest if largest < 0.001 => return figure(v),
            largest => {
                let decimals = (2.0 - largest.log10().floor()).clamp(0.0, MOST_DECIMALS);
                rounded(v, decimals as usize)
            }
        };
        format!("{text:>FIGURE_WIDTH$}")
    }
}

impl<'a> AttentionEvidence<'a> {
    fn weights(&self) -> Vec<f32> {
        self.0.site.value.row(self.0.plane, self.0.row())
    }

    fn attention_slopes(&self) -> Option<&'a AttentionSlopes> {
        self.0.scene.reading.attention_slopes()?.get(&self.0.scene.model)
    }

    /// `d log p(output) / d weight` times the weight, per key: the first-order loss of the output's log p
    /// without this weight.
    fn shares_of_output(&self) -> Option<Vec<f32>> {
        let slopes = self.attention_slopes()?.slopes.get(self.0.site.path())?;
        let slopes = slopes.row(self.0.plane, self.0.row());
        Some(self.weights().into_iter().zip(slopes).map(|(w, slope)| w * slope).collect())
    }

    /// Norm of the output's gradient by each key's word, over all paths.
    fn slopes_of_words(&self) -> Option<&'a [f32]> {
        match self.0.site.place.stream(Axis::Key)? {
            Stream::Source => {
                Some(&self.0.scene.reading.influence()?.get(&self.0.scene.model)?.norms)
            }
            Stream::Target => Some(self.attention_slopes()?.target.as_slice()),
        }
    }

    fn columns(&self) -> Vec<Column> {
        let theme = self.0.scene.theme;
        let weights =
            Column { name: "weight", numbers: self.weights(), largest: 1.0, are_shares: true };
        let shares = self.shares_of_output();
        let words = self.slopes_of_words().map(<[f32]>::to_vec);
        let shares = shares.map(|s| Column::relative(theme.glyph("weight·∂", "weight*d"), s));
        let words = words.map(|s| Column::relative(theme.glyph("‖∂ word‖", "|d word|"), s));
        [Some(weights), shares, words].into_iter().flatten().collect()
    }

    /// Knock-out results of every head of this sub-layer.
    fn heads(&self) -> &'a [KnockOut] {
        let all = self.0.scene.reading.knock_outs();
        let heads = all.and_then(|all| all.get(&self.0.scene.model)?.get(self.0.site.scope()));
        heads.map_or(&[], Vec::as_slice)
    }

    /// The knock-out results in the order shown.
    fn listed_heads(&self) -> Vec<&'a KnockOut> {
        let mut heads: Vec<&KnockOut> = self.heads().iter().collect();
        if self.0.scene.view.knock_outs_by_effect {
            heads.sort_by(|a, b| b.change.abs().total_cmp(&a.change.abs()));
        }
        heads
    }

    fn draw_heading(&self, columns: &[Column], line: Rect, buf: &mut Buffer) {
        let (dim, pitch) = (self.0.scene.theme.dim(), pitch(line.width));
        for (i, column) in columns.iter().enumerate() {
            let x = line.x + WORD_WIDTH + i as u16 * pitch;
            let name =
                fit(self.0.scene.language.tr(column.name), usize::from(pitch).saturating_sub(1));
            put_line(buf, (x, line.y), line.right(), &[(&name, dim)]);
        }
        if columns.len() == 1 {
            let text = self.missing_gradients_text();
            put_line(buf, (line.x + WORD_WIDTH + pitch, line.y), line.right(), &[(text, dim)]);
        }
    }

    /// Why only the weights are shown.
    fn missing_gradients_text(&self) -> &'static str {
        if self.0.scene.reading.attention_slopes().is_some() {
            self.0.scene.language.tr("too long a text for gradients of this layer")
        } else {
            self.0.scene.measuring()
        }
    }

    fn draw_key(&self, key: usize, columns: &[Column], line: Rect, buf: &mut Buffer) {
        let theme = self.0.scene.theme;
        let is_at_cursor = self.0.scene.focused && key == self.0.col();
        let style =
            if is_at_cursor { theme.accent().add_modifier(Modifier::BOLD) } else { Style::new() };
        let word = format!("{} ", right(&self.0.label(2, key), usize::from(WORD_WIDTH) - 1));
        put_on(buf, line, &[(&word, style)]);
        let pitch = pitch(line.width);
        for (i, column) in columns.iter().enumerate() {
            let Some(&v) = column.numbers.get(key) else { continue };
            let x = line.x + WORD_WIDTH + i as u16 * pitch;
            let end = line.right().min(x + pitch - 1);
            let number = format!("{} ", column.figure(v));
            let x = put_line(buf, (x, line.y), end, &[(&number, style)]);
            let available_width = usize::from(end.saturating_sub(x));
            let bar = theme.bar(v.abs() / column.largest, available_width);
            put_line(buf, (x, line.y), end, &[(&bar, self.bar_style(v, column))]);
        }
    }

    /// Style of a number's bar: by its sign in a column that has both, else by its size.
    fn bar_style(&self, v: f32, column: &Column) -> Style {
        let theme = self.0.scene.theme;
        let is_signed = column.numbers.iter().any(|v| *v < 0.0);
        if is_signed { theme.signed_bar(v) } else { theme.ink(v / column.largest) }
    }

    /// Effect on the output of knocking out the selected head.
    fn knock_out_text(&self) -> String {
        let (heads, language) = (self.heads(), self.0.scene.language);
        let Some(knocked) = heads.get(self.0.plane) else {
            return match (self.0.scene.reading.knock_outs(), self.0.site.place.has_planes()) {
                (None, _) => String::new(),
                (Some(_), false) => language.tr("no head to knock out").to_owned(),
                // One pass per head would take too long.
                (Some(_), true) => {
                    tr!(language, "x switches head {head} off and runs again", head = self.0.plane)
                }
            };
        };
        let (change, n) = (decimals(knocked.change, 2), self.0.trace.output.len());
        let (head, change, tokens) = (knocked.head, change, knocked.tokens);
        tr!(
            language,
            "head {head} off: log p {change}, {tokens}/{n} tokens",
            head,
            change,
            tokens,
            n
        )
    }

    fn draw_head(&self, knocked: &KnockOut, largest: f32, line: Rect, buf: &mut Buffer) {
        let theme = self.0.scene.theme;
        let is_selected = knocked.head == self.0.plane;
        let style = if is_selected { theme.accent() } else { theme.dim() };
        let mark = if is_selected { theme.glyph("▸", ">") } else { " " };
        let change = figure(knocked.change);
        let head = self.0.scene.language.tr("head");
        let text = format!("{mark} {head} {:<3}{change} {:>3} ", knocked.head, knocked.tokens);
        let x = put_on(buf, line, &[(&text, style)]);
        let available_width = usize::from(line.right().saturating_sub(x)).min(30);
        let bar = theme.bar(knocked.change.abs() / largest, available_width);
        put_line(
            buf,
            (x, line.y),
            line.right(),
            &[(&bar, self.0.scene.theme.signed_bar(knocked.change))],
        );
    }

    fn draw_heads(&self, pitch: u16, area: Rect, buf: &mut Buffer) {
        let (heads, mut lines) = (self.listed_heads(), area.rows());
        if let Some(line) = lines.next() {
            let text = tr!(
                self.0.scene.language,
                "  head off   log p  tokens of {n}",
                n = self.0.trace.output.len()
            );
            put_on(buf, line, &[(&text, self.0.scene.theme.dim())]);
        }
        let largest =
            heads.iter().fold(f32::MIN_POSITIVE, |largest, h| largest.max(h.change.abs()));
        let available_lines = usize::from(area.height.saturating_sub(1));
        let selected = heads.iter().position(|knocked| knocked.head == self.0.plane);
        let shown = window(heads.len(), available_lines, selected.unwrap_or(self.0.plane));
        for (i, line) in shown.zip(lines.step_by(pitch.into())) {
            self.draw_head(heads[i], largest, line, buf);
        }
    }

    /// Lines from one key or head to the next.
    fn row_pitch(&self, height: u16) -> u16 {
        let n = (self.0.n_cols() + self.heads().len()).max(1) as u16;
        (height.saturating_sub(2) / n).clamp(1, MAX_PITCH)
    }

    /// Splits the height into lines for keys and lines for heads; heads leave at least four lines to the keys.
    fn split_height(&self, height: u16) -> (u16, u16) {
        if self.row_pitch(height) > 1 {
            return (self.0.n_cols() as u16, self.heads().len() as u16);
        }
        let rest = height.saturating_sub(2);
        let n_heads = self.heads().len() as u16;
        let keys = (self.0.n_cols() as u16).min(rest);
        let heads = n_heads.min(rest.saturating_sub(keys.min(rest.saturating_sub(n_heads).max(4))));
        (rest - heads, heads)
    }
}

/// A number in its column, as the narration says it, since both show the knock-out.
fn figure(v: f32) -> String {
    let text = if v == 0.0 { "0.00".to_owned() } else { spoken(v) };
    format!("{text:>FIGURE_WIDTH$}")
}

/// Width of each of the three columns of numbers, in columns.
const fn pitch(width: u16) -> u16 {
    let pitch = width.saturating_sub(WORD_WIDTH) / 3;
    if pitch < FIGURE_WIDTH as u16 + 2 { FIGURE_WIDTH as u16 + 2 } else { pitch }
}

impl Pane for AttentionEvidence<'_> {
    fn title(&self) -> Title {
        let language = self.0.scene.language;
        let from = tr!(language, "from “{word}”", word = self.0.label(1, self.0.row()));
        Title::named(language.tr("evidence")).with_parts(self.0.title()).with(from)
    }

    fn subject(&self) -> Option<&Subject<'_>> {
        Some(&self.0)
    }

    fn is_sortable(&self) -> bool {
        !self.heads().is_empty()
    }

    fn preferred_size(&self) -> PreferredSize {
        let (keys, heads) = (self.0.n_cols() as u16, self.heads().len() as u16);
        let (min, ideal) = (WORD_WIDTH + 3 * (FIGURE_WIDTH as u16 + 2), keys + 2 + heads);
        PreferredSize::new(Size::new(min, 6), Size::new(74, ideal)).of_items(keys + heads, 2, 180)
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        let (keys, _) = self.split_height(area.height);
        let pitch = self.row_pitch(area.height);
        let lines = Rect { y: area.y.saturating_add(1), height: pitch * keys, ..area };
        let shown = window(self.0.n_cols(), keys.into(), self.0.col());
        let line = lines.intersection(area).contains(position).then(|| position.y - lines.y)?;
        let key = shown.start + usize::from(line / pitch);
        (line % pitch == 0 && shown.contains(&key)).then(|| PlaneCell::new(self.0.row(), key))
    }

    fn out_of_view(&self, area: Rect) -> [usize; 2] {
        let (n_keys, n_heads) = (self.0.n_cols(), self.heads().len());
        let (keys, heads) = self.split_height(area.height);
        let hidden = (n_keys - n_keys.min(keys.into())) + (n_heads - n_heads.min(heads.into()));
        let above = window(n_keys, keys.into(), self.0.col()).start;
        [above, hidden.saturating_sub(above)]
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let (subject, view, language) = (&self.0, self.0.view(), self.0.scene.language);
        let Some(found) = self.attention_slopes() else {
            return subject.in_words(vec![]);
        };
        let slopes = found.slopes.get(subject.site.path());
        let slopes = slopes.map(|slopes| slopes.row(view.plane, view.row)).unwrap_or_default();
        let weights = view.values(view.row).into_iter().zip(slopes).enumerate();
        let keys = weights.map(|(key, (weight, slope))| {
            let word = subject.quoted(Axis::Key, key);
            tr!(
                language,
                "{word}: weight {weight}, times its slope {slope}",
                word,
                weight = fixed(weight),
                slope = fixed(weight * slope)
            )
        });
        let n = subject.trace.output.len();
        let heads = self.heads().iter().map(|without| {
            let (head, change, tokens) = (without.head, spoken(without.change), without.tokens);
            tr!(
                language,
                "without head {head}: log p {change}, {tokens} of {n} tokens change",
                head,
                change,
                tokens,
                n
            )
        });
        subject.in_words(keys.chain(heads).collect())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let columns = self.columns();
        let (keys, heads) = self.split_height(area.height);
        let mut lines = area.rows();
        if let Some(line) = lines.next() {
            self.draw_heading(&columns, line, buf);
        }
        let shown = window(self.0.n_cols(), keys.into(), self.0.col());
        let pitch = self.row_pitch(area.height);
        let n = pitch * shown.len() as u16;
        for (key, line) in shown.zip(lines.by_ref().step_by(pitch.into())) {
            self.draw_key(key, &columns, line, buf);
        }
        let top = area.y + area.height.min(n + 1);
        if heads > 0 {
            let height = (pitch * heads + 1).min(area.bottom() - top);
            self.draw_heads(pitch, Rect { y: top, height, ..area }, buf);
        } else if let Some(line) = area.rows().nth(usize::from(n) + 1) {
            let knock_out_text = self.knock_out_text();
            put_on(buf, line, &[(&knock_out_text, Style::new().bold())]);
        }
    }
}
