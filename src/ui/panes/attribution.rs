//! What pushed a word above another: the parts of the logit difference, as signed bars. Its site is the logits.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};

use unicode_width::UnicodeWidthStr;

use super::{
    Pane, PreferredSize, Scene, Title, Unfolding,
    both::{ShownEvidence, difference},
    in_words::PaneWords,
};
use crate::{
    analysis::{
        evidence::{
            RowsOf,
            attribution::{
                Attribution, Factor, Factors, LogitPart, PartKind, PartPair, part_pairs,
            },
        },
        reading::PassEvidence,
    },
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, NumberOf, Operand},
        site::{Address, AddressKind},
        value::{Extent, PlaneCell},
    },
    lesson::{Language, tr},
    text::fixed,
    ui::{
        theme::Theme,
        widgets::lines::{List, first_fitting, left, put_line, put_on, put_text, without_top_rows},
    },
};

pub(super) struct AttributionList<'a> {
    scene: Scene<'a>,
    shown: ShownEvidence<'a>,
    rows: Vec<Row<'a>>,
}

/// A part, and the same of A where B - A is shown.
struct Row<'a> {
    part: &'a LogitPart,
    amount: f32,
    pair: Option<PartPair<'a>>,
}

/// Width of an amount, in columns.
const AMOUNT_WIDTH: u16 = 9;
/// Least and greatest width of the bars to both sides.
const LEAST_BARS: u16 = 8;
const MOST_BARS: u16 = 96;

/// The sizes that a list of `n` signed amounts asks for, with labels of this width.
pub(super) fn size_of_amounts(n: usize, label_width: u16) -> PreferredSize {
    let n = n.max(8) as u16;
    let width = label_width + AMOUNT_WIDTH + 2;
    PreferredSize::new(Size::new(width + LEAST_BARS, n.min(6)), Size::new(width + 24, n + 1))
        .of_items(n, 1, width + MOST_BARS)
}

/// A line of such a list: an amount as a bar to the left or to the right.
pub(super) struct SignedLine<'a> {
    pub label: &'a str,
    pub label_width: usize,
    pub amount: f32,
    /// The largest of the list, by magnitude.
    pub most: f32,
    pub is_at_cursor: bool,
}

impl SignedLine<'_> {
    pub(super) fn draw(&self, theme: Theme, lines: Rect, buf: &mut Buffer) {
        let x = self.amount;
        let style = if self.is_at_cursor { theme.cursor() } else { Style::new() };
        let label = left(self.label, self.label_width);
        let amount = format!(" {:>8} ", fixed(x));
        let end = put_on(buf, lines, &[(&label, style), (&amount, style)]);
        let half = lines.right().saturating_sub(end + 1).min(MOST_BARS) / 2;
        let bar = theme.bar(x.abs() / self.most, usize::from(half));
        let middle = end + half;
        let at = |x: u16| (x, lines.y);
        put_line(buf, at(middle), lines.right(), &[(theme.glyph("│", "|"), theme.dim())]);
        if x < 0.0 {
            // There are no blocks that grow to the left: whole cells only.
            let length = (-x / self.most * f32::from(half)).round() as u16;
            let solid = theme.glyph("█", "#").repeat(usize::from(length));
            put_line(buf, at(middle - length), middle, &[(&solid, theme.signed_bar(x))]);
        } else {
            put_line(buf, at(middle + 1), lines.right(), &[(&bar, theme.signed_bar(x))]);
        }
    }
}

impl<'a> AttributionList<'a> {
    pub(super) fn new(scene: Scene<'a>) -> Self {
        let shown = scene.shown_evidence();
        Self { scene, shown, rows: rows(shown) }
    }

    fn row(&self) -> usize {
        self.scene.selection.row.min(self.rows.len().saturating_sub(1))
    }

    fn label_width(&self) -> u16 {
        self.rows.iter().map(|row| row.part.path.len() as u16).max().unwrap_or(20)
    }

    fn most(&self) -> f32 {
        self.rows.iter().map(|row| row.amount.abs()).fold(f32::MIN_POSITIVE, f32::max)
    }
}

impl AttributionList<'_> {
    /// What the parts add up to; None where there are none to show.
    fn total(&self, shown: ShownEvidence, width: usize) -> Option<String> {
        let now = shown.found?.attribution.as_ref()?;
        match shown.before {
            None => Some(self.sum_in_words(now, width)),
            Some(before) => {
                Some(self.change_in_words(before.ok()?.attribution.as_ref()?, now, width))
            }
        }
    }

    /// Why there are no parts.
    fn why_nothing(&self) -> &'static str {
        match self.shown.found {
            None => self.scene.no_evidence(),
            Some(PassEvidence { attribution: None, .. }) => {
                let language = self.scene.language;
                language.tr("this model has no residual stream, so its logits are not a sum")
            }
            Some(_) => self.shown.why_not().unwrap_or_default(),
        }
    }

    /// The head or unit whose amounts differ most in two passes.
    fn most_changed(&self, pair: &PartPair) -> Option<String> {
        let language = self.scene.language;
        let (now, was) = pair.part_now.zip(pair.part_was)?;
        let most = |all: Vec<f32>| {
            all.into_iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
        };
        let heads = now.heads.iter().zip(&was.heads).map(|(now, was)| now.amount - was.amount);
        let units = now.units.iter().zip(&was.units).map(|(now, was)| now - was);
        let of_head = most(heads.collect())
            .map(|(head, x)| tr!(language, "most from head {head}: {x}", head, x = fixed(x)));
        let of_unit = most(units.collect())
            .map(|(unit, x)| tr!(language, "most from unit {unit}: {x}", unit, x = fixed(x)));
        of_head.or(of_unit)
    }

    /// What a part adds, in one pass or in both, which head or unit does most of it, and what that promotes.
    fn part_in_words(&self, found: Option<&PassEvidence>, row: &Row) -> Vec<String> {
        let (language, part) = (self.scene.language, row.part);
        if let Some(pair) = &row.pair {
            let both = self.scene.both_in_words(pair.now(), pair.was());
            return [both].into_iter().chain(self.most_changed(pair)).collect();
        }
        let more = found.into_iter().flat_map(|found| {
            let of_piece = [strongest(found, part, language), promoted(found, part, language)];
            of_piece.into_iter().flatten()
        });
        [fixed(row.amount)].into_iter().chain(more).collect()
    }

    /// What the differences of parts add up to, in at most `width` columns where that can be.
    fn change_in_words(&self, was: &Attribution, now: &Attribution, width: usize) -> String {
        let language = self.scene.language;
        let both = self.scene.both_in_words(now.score, was.score);
        let whole = if was.adds_up() && now.adds_up() {
            tr!(language, "logits: {both}, the sum of these", both)
        } else {
            let rest = fixed(now.rest() - was.rest());
            tr!(language, "logits: {both}, these and {rest} left over", both, rest)
        };
        let short = tr!(language, "logits: {both}", both);
        first_fitting([whole, short, both], width)
    }

    /// What the parts add up to, in at most `width` columns where that can be.
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
pub(super) fn product(of: &Factors, factor: &Factor) -> Expr<Operand> {
    let Factors { path, has_planes, .. } = of;
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
fn rows<'a>(shown: ShownEvidence<'a>) -> Vec<Row<'a>> {
    let attribution = |found: &'a PassEvidence| found.attribution.as_ref();
    let Some(now) = shown.found.and_then(attribution) else { return vec![] };
    if shown.before.is_none() {
        let row = |part| Row { part, amount: part.amount, pair: None };
        return now.parts.iter().map(row).collect();
    }
    let Some(was) = shown.was().and_then(attribution) else { return vec![] };
    let row = |pair: PartPair<'a>| {
        let part = pair.part_now.or(pair.part_was)?;
        Some(Row { part, amount: pair.now() - pair.was(), pair: Some(pair) })
    };
    part_pairs(was, now).into_iter().filter_map(row).collect()
}

/// The head or the unit that adds most to a part, or takes most from it.
fn strongest(found: &PassEvidence, part: &LogitPart, language: Language) -> Option<String> {
    let of = |amounts: &mut dyn Iterator<Item = (usize, f32)>| {
        amounts.filter(|(_, x)| *x != 0.0).max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
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
    let key = keys.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    let Some((key, _)) = key else {
        return Some(tr!(language, "most from head {head}: {x}", head, x = fixed(amount)));
    };
    let words = found.tokens(part.keys);
    let word = words.get(key).map_or("", |token| &token.text);
    Some(tr!(
        language,
        "most from head {head}: {x}, by way of “{word}”",
        head,
        x = fixed(amount),
        word
    ))
}

/// The words that the strongest head or unit of a part promotes.
fn promoted(found: &PassEvidence, part: &LogitPart, language: Language) -> Option<String> {
    let mut parts = found.attribution.as_ref()?.parts.iter();
    let row = parts.position(|own| own.path == part.path)?;
    let words = &found.promoted.get(row)?.as_ref()?.words;
    Some(promotes(words, language))
}

/// `it promotes “il”, “ils”`
pub(super) fn promotes(words: &[String], language: Language) -> String {
    let words: Vec<String> = words.iter().map(|word| tr!(language, "“{word}”", word)).collect();
    tr!(language, "it promotes {words}", words = words.join(language.tr(", ")))
}

/// The words asked about, and where.
pub(super) fn question(found: &PassEvidence, language: Language) -> String {
    let PassEvidence { word, against, asked_at, rows_of, .. } = found;
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

impl<'a> Pane for AttributionList<'a> {
    fn title(&self) -> Title {
        let language = self.scene.language;
        let unasked = language.tr("what pushed the word");
        let asked = self.shown.found.map(|found| question(found, language));
        let title = Title::named(asked.unwrap_or_else(|| unasked.to_owned())).else_named(unasked);
        self.shown.marked(self.scene, title)
    }

    fn extent(&self) -> Extent {
        Extent::new(self.rows.len(), 1)
    }

    /// A part as the sum over its cells: weights of attention, hidden units, or its own numbers.
    fn arithmetic(&self, row: usize, _: usize) -> Option<Arithmetic> {
        let Row { part, pair, .. } = self.rows.get(row)?;
        if let Some(pair) = pair {
            return Some(difference(NumberOf::Site(part.path.clone()), pair.now(), pair.was()));
        }
        // The cells of the pass on the screen are others.
        if self.shown.is_given {
            return None;
        }
        let of_site = |of: &'a Factors| of.cells.iter().map(move |factor| product(of, factor));
        let factors = part.factors.iter().flat_map(of_site);
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
        let row = self.rows.get(row)?;
        Some(format!("{}  {}", row.part.path, self.part_in_words(self.shown.found, row).join("  ")))
    }

    fn preferred_size(&self) -> PreferredSize {
        size_of_amounts(self.rows.len(), self.label_width())
    }

    fn is_sortable(&self) -> bool {
        true
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(without_top_rows(area, 1), self.rows.len(), self.row()))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        Some(PlaneCell::new(self.list(area)?.at(position)?, 0))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { language, model, .. } = self.scene;
        let (found, before) = self.scene.evidence_in_words();
        let shown = ShownEvidence {
            found,
            before: before.map(|before| Ok(&*before.found)),
            is_given: before.is_some_and(|before| !before.writes_same),
        };
        let line =
            |row: Row| format!("{}: {}", row.part.path, self.part_in_words(found, &row).join("; "));
        let lines = rows(shown).into_iter().map(line);
        let asked = found.map(|found| question(found, language));
        let given = shown.is_given.then(|| language.tr("A reads what B wrote").to_owned());
        let lines =
            asked.into_iter().chain(given).chain(self.total(shown, usize::MAX)).chain(lines);
        PaneWords::of_model(language, "What pushed the word", model, lines.collect())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        let Some(total) = self.total(self.shown, area.width.into()) else {
            put_text(buf, area, self.why_nothing(), theme.dim());
            return;
        };
        put_on(buf, area, &[(&total, theme.dim())]);
        let (label, most) = (usize::from(self.label_width()), self.most());
        for (row, lines) in self.list(area).into_iter().flat_map(List::rows) {
            let Row { part, amount, .. } = self.rows[row];
            let is_at_cursor = self.scene.focused && row == self.row();
            let line =
                SignedLine { label: &part.path, label_width: label, amount, most, is_at_cursor };
            line.draw(*theme, lines, buf);
        }
    }
}
