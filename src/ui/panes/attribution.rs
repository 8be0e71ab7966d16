//! What pushed a word above another: the parts of the logit difference, as signed bars. Its site is the logits.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, Title, Unfolding, saliency::TOO_LARGE, words::PaneWords};
use crate::{
    analysis::{
        evidence::{
            RowsOf,
            attribution::{Attribution, Factor, Factors, LogitPart, PartKind},
        },
        reading::Findings,
    },
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, NumberOf, Operand},
        site::{Address, AddressKind, Stream},
    },
    lesson::{Language, tr},
    text::fixed,
    ui::widgets::lines::{List, left, put_line, put_on, put_text, without_top_rows},
};

pub(super) struct AttributionList<'a> {
    scene: Scene<'a>,
    found: Option<&'a Findings>,
    parts: Vec<&'a LogitPart>,
}

/// Width of an amount, in columns.
const AMOUNT_WIDTH: u16 = 9;
/// Least and greatest width of the bars to both sides.
const LEAST_BARS: u16 = 8;
const MOST_BARS: u16 = 96;

impl<'a> AttributionList<'a> {
    pub(super) fn new(scene: Scene<'a>) -> Self {
        let found = scene.reading.known_findings().and_then(|all| all.get(&scene.model));
        Self { scene, found, parts: parts(found) }
    }

    fn row(&self) -> usize {
        self.scene.selection.row.min(self.parts.len().saturating_sub(1))
    }

    fn label_width(&self) -> u16 {
        self.parts.iter().map(|part| part.path.len() as u16).max().unwrap_or(20)
    }

    fn most(&self) -> f32 {
        self.parts.iter().map(|part| part.amount.abs()).fold(f32::MIN_POSITIVE, f32::max)
    }

    /// The words that the strongest head or unit of a part promotes.
    fn promoted(&self, row: usize) -> Option<String> {
        let (_, words) = self.found?.promoted.get(row)?.as_ref()?;
        let language = self.scene.language;
        let words: Vec<String> = words.iter().map(|word| tr!(language, "“{word}”", word)).collect();
        Some(tr!(language, "it promotes {words}", words = words.join(language.tr(", "))))
    }

    /// The head or the unit that adds most to a part, or takes most from it.
    fn strongest(&self, part: &LogitPart) -> Option<String> {
        let language = self.scene.language;
        let of = |amounts: &mut dyn Iterator<Item = (usize, f32)>| {
            amounts.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
        };
        let (head, amount) = match part.kind {
            PartKind::Attention => of(&mut part.heads.iter().map(|head| head.amount).enumerate())?,
            PartKind::FeedForward => {
                let (unit, amount) = of(&mut part.units.iter().copied().enumerate())?;
                return Some(tr!(language, "most from unit {unit}: {x}", unit, x = fixed(amount)));
            }
            _ => return None,
        };
        let keys = &part.heads[head].by_key;
        let key = keys.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?.0;
        let found = self.found?;
        let words = if part.keys == Stream::Source { &found.source } else { &found.target };
        let word = words.get(key).map_or("", |token| &token.text);
        Some(tr!(
            language,
            "most from head {head}: {x}, by way of “{word}”",
            head,
            x = fixed(amount),
            word
        ))
    }
}

impl AttributionList<'_> {
    /// What the parts add up to, in so many columns where that can be.
    fn sum_in_words(&self, attribution: &Attribution, width: usize) -> String {
        let (language, x) = (self.scene.language, fixed(attribution.score));
        let (whole, short) = if !attribution.adds_up() {
            let rest = fixed(attribution.rest());
            let short = tr!(language, "logits: {x} = these, and {rest} left over", x, rest);
            let whole = tr!(
                language,
                "logits: {x} = the sum of these, and {rest} left over, as the last layer is not linear",
                x,
                rest
            );
            (whole, short)
        } else if attribution.is_before_cap {
            let text = tr!(language, "logits before the soft cap: {x} = the sum of these", x);
            (text.clone(), text)
        } else {
            let whole = tr!(
                language,
                "logits: {x} = the sum of these, with the norm's scale held fixed",
                x
            );
            (whole, tr!(language, "logits: {x} = the sum, norm's scale fixed", x))
        };
        if whole.width() <= width { whole } else { short }
    }
}

/// What a cell of a part adds: the cell, which opens in turn, times the slope of the logit.
pub(super) fn product(part: &LogitPart, factor: &Factor) -> Expr<Operand> {
    let Factors { path, has_planes, .. } = &part.factors;
    let address = Address {
        kind: AddressKind::Value,
        path: path.clone(),
        cell: factor.cell,
        has_planes: *has_planes,
    };
    let cell = Expr::Leaf(Operand { address, value: factor.value });
    Expr::Product(vec![cell, Expr::Number(factor.slope)])
}

/// The parts to show; none before they are computed, and for a model without a residual stream.
fn parts(found: Option<&Findings>) -> Vec<&LogitPart> {
    let attribution = found.and_then(|found| found.attribution.as_ref());
    attribution.map_or_else(Vec::new, |a: &Attribution| a.parts.iter().collect())
}

/// The words asked about, and where.
fn question(found: &Findings, language: Language) -> String {
    let Findings { word, against, asked_at, rows_of, .. } = found;
    match rows_of {
        RowsOf::Output | RowsOf::NextWords => tr!(
            language,
            "after “{before}”: “{word}” over “{against}”",
            before = asked_at,
            word,
            against
        ),
        RowsOf::Words => tr!(
            language,
            "at “{place}”: “{word}” over “{against}”",
            place = asked_at,
            word,
            against
        ),
        RowsOf::Text => tr!(language, "“{word}” over “{against}”", word, against),
    }
}

impl Pane for AttributionList<'_> {
    fn title(&self) -> Title {
        let language = self.scene.language;
        match self.found {
            None => Title::named(language.tr("what pushed the word")),
            Some(found) => Title::named(question(found, language)),
        }
    }

    fn extent(&self) -> (usize, usize) {
        (self.parts.len(), 1)
    }

    /// A part as the sum over its cells: weights of attention, hidden units, or its own numbers.
    fn arithmetic(&self, row: usize, _: usize) -> Option<Arithmetic> {
        let part = self.parts.get(row)?;
        let factors = part.factors.cells.iter().map(|factor| product(part, factor));
        let rest = (part.bias != 0.0).then_some(Expr::Number(part.bias));
        Some(Arithmetic {
            name: NumberName::Words {
                what: "added to the logit",
                of: Some(NumberOf::Site(part.path.clone())),
            },
            value: part.amount,
            formula: "sum over its cells of cell x slope of the logit, and the bias",
            expr: Some(Expr::Sum(factors.chain(rest).collect())),
        })
    }

    fn status_line(&self, row: usize, _: usize) -> Option<String> {
        let part = self.parts.get(row)?;
        let amount = fixed(part.amount);
        let first = format!("{}  {amount}", part.path);
        let more = self.strongest(part).into_iter().chain(self.promoted(row));
        Some([first].into_iter().chain(more).collect::<Vec<_>>().join("  "))
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.parts.len().max(8) as u16;
        let width = self.label_width() + AMOUNT_WIDTH + 2;
        PreferredSize::new((width + LEAST_BARS, n.min(6)), (width + 24, n + 1)).of_items(
            n,
            1,
            width + MOST_BARS,
        )
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(without_top_rows(area, 1), self.parts.len(), self.row()))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<(usize, usize)> {
        Some((self.list(area)?.at(position)?, 0))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, language, model, .. } = self.scene;
        let found = reading.findings().get(&model);
        let line = |(row, part): (usize, &LogitPart)| {
            let promoted = self.promoted(row).map_or_else(String::new, |text| format!("; {text}"));
            format!("{}: {}{promoted}", part.path, fixed(part.amount))
        };
        let lines = parts(found).into_iter().enumerate().map(line);
        let asked = found.map(|found| question(found, language));
        let sum = found.and_then(|found| found.attribution.as_ref());
        let sum = sum.map(|attribution| self.sum_in_words(attribution, usize::MAX));
        let lines = asked.into_iter().chain(sum).chain(lines);
        PaneWords::of_model(language, "What pushed the word", model, lines.collect())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (theme, language) = (self.scene.theme, self.scene.language);
        let Some(found) = self.found else {
            let is_known = self.scene.reading.known_findings().is_some();
            let text = if is_known { language.tr(TOO_LARGE) } else { self.scene.measuring() };
            put_text(buf, area, text, theme.dim());
            return;
        };
        let Some(attribution) = &found.attribution else {
            let text =
                language.tr("this model has no residual stream, so its logits are not a sum");
            put_on(buf, area, &[(text, theme.dim())]);
            return;
        };
        let total = self.sum_in_words(attribution, area.width.into());
        put_on(buf, area, &[(&total, theme.dim())]);
        let (label, most) = (usize::from(self.label_width()), self.most());
        for (row, lines) in self.list(area).into_iter().flat_map(List::rows) {
            let part = self.parts[row];
            let is_at_cursor = self.scene.focused && row == self.row();
            let style = if is_at_cursor { theme.cursor() } else { Style::new() };
            let amount = format!(" {:>8} ", fixed(part.amount));
            let x = put_on(buf, lines, &[(&left(&part.path, label), style), (&amount, style)]);
            let half = lines.right().saturating_sub(x + 1).min(MOST_BARS) / 2;
            let bar = theme.bar(part.amount.abs() / most, usize::from(half));
            let middle = x + half;
            put_line(
                buf,
                (middle, lines.y),
                lines.right(),
                &[(theme.glyph("│", "|"), theme.dim())],
            );
            if part.amount < 0.0 {
                // There are no blocks that grow to the left: whole cells only.
                let length = (-part.amount / most * f32::from(half)).round() as u16;
                let solid = theme.glyph("█", "#").repeat(usize::from(length));
                put_line(buf, (middle - length, lines.y), middle, &[(&solid, theme.incorrect())]);
            } else {
                put_line(buf, (middle + 1, lines.y), lines.right(), &[(&bar, theme.correct())]);
            }
        }
    }
}
