//! The hidden units of all feed-forwards by what they add to a word over another, the strongest first: what attribution
//! lists instead of its parts. Its site is the logits.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use unicode_width::UnicodeWidthStr;

use super::{
    Pane, PreferredSize, Scene, Title, Unfolding,
    attribution::{SignedLine, product, promotes, question, size_of_amounts},
    both::{ShownEvidence, difference},
    in_words::PaneWords,
};
use crate::{
    analysis::{
        evidence::attribution::LogitPart,
        reading::{PassEvidence, UnitOfPart},
    },
    engine::arithmetic::{Arithmetic, Expr, NumberName, NumberOf},
    engine::value::{Extent, PlaneCell},
    lesson::tr,
    text::{fixed, grouped},
    ui::widgets::lines::{List, put_on, put_text, without_top_rows},
};

pub(super) struct UnitList<'a> {
    scene: Scene<'a>,
    shown: ShownEvidence<'a>,
    rows: Vec<UnitRow<'a>>,
}

/// A unit, what it adds, and what it adds in A where B - A is shown.
struct UnitRow<'a> {
    part: &'a LogitPart,
    unit: usize,
    now: f32,
    was: Option<f32>,
    /// The words that it promotes, as far as they are said.
    words: &'a [String],
}

impl UnitRow<'_> {
    fn amount(&self) -> f32 {
        self.now - self.was.unwrap_or(0.0)
    }
}

impl<'a> UnitList<'a> {
    pub(super) fn new(scene: Scene<'a>) -> Self {
        let shown = scene.shown_evidence();
        Self { scene, shown, rows: rows(shown) }
    }

    fn row(&self) -> usize {
        self.scene.selection.row.min(self.rows.len().saturating_sub(1))
    }

    /// `blocks.3.ffn unit 341`
    fn label(&self, row: &UnitRow) -> String {
        let (scope, unit) = (&row.part.scope, row.unit);
        tr!(self.scene.language, "{scope} unit {unit}", scope, unit)
    }

    fn label_width(&self) -> u16 {
        self.rows.iter().map(|row| self.label(row).width() as u16).max().unwrap_or(20)
    }

    /// How many units there are, and what all of them add.
    fn total(&self, shown: ShownEvidence) -> Option<String> {
        let now = units_of(shown.found?)?;
        let was = shown.was().map_or(Some(0.0), |was| Some(units_of(was)?.1))?;
        let (n, sum) = (grouped(now.0), fixed(now.1 - was));
        let language = self.scene.language;
        Some(tr!(language, "the strongest of {n} units, which add {sum} together", n, sum))
    }

    /// Why there are no units.
    fn why_nothing(&self) -> &'static str {
        match self.shown.found {
            None => self.scene.no_evidence(),
            Some(_) => self.shown.why_not().unwrap_or_else(|| {
                self.scene.language.tr("no unit of a feed-forward writes to these logits")
            }),
        }
    }

    fn in_words_of(&self, row: &UnitRow) -> String {
        let language = self.scene.language;
        match row.was {
            Some(was) => self.scene.both_in_words(row.now, was),
            None if row.words.is_empty() => fixed(row.now),
            None => [fixed(row.now), promotes(row.words, language)].join(language.tr("; ")),
        }
    }
}

/// The number of units that a pass lists amounts of, and the sum of these; None where it has none.
fn units_of(found: &PassEvidence) -> Option<(usize, f32)> {
    let units = found.attribution.as_ref()?.parts.iter().flat_map(|part| &part.units);
    let (n, sum) = units.fold((0, 0.0), |(n, sum), amount| (n + 1, sum + amount));
    (n > 0).then_some((n, sum))
}

/// The units to show, the strongest first; where B - A is shown, of those that are strong in either the ones that differ
/// most.
fn rows<'a>(shown: ShownEvidence<'a>) -> Vec<UnitRow<'a>> {
    let Some((found, now)) = shown.found.and_then(|f| Some((f, f.attribution.as_ref()?))) else {
        return vec![];
    };
    let row = |UnitOfPart { part, unit, words }: &'a UnitOfPart| {
        let part = &now.parts[*part];
        UnitRow { part, unit: *unit, now: part.units[*unit], was: None, words }
    };
    let mut rows: Vec<UnitRow> = found.units.iter().map(row).collect();
    if shown.before.is_none() {
        return rows;
    }
    let Some((before, was)) = shown.was().and_then(|was| Some((was, was.attribution.as_ref()?)))
    else {
        return vec![];
    };
    for UnitOfPart { part, unit, .. } in &before.units {
        let path = &was.parts[*part].path;
        let is_known = rows.iter().any(|row| row.unit == *unit && row.part.path == *path);
        let part = now.parts.iter().find(|part| part.path == *path && *unit < part.units.len());
        if let (Some(part), false) = (part, is_known) {
            let now = part.units[*unit];
            rows.push(UnitRow { part, unit: *unit, now, was: None, words: &[] });
        }
    }
    for row in &mut rows {
        let part = was.parts.iter().find(|part| part.path == row.part.path);
        row.was = Some(part.and_then(|part| part.units.get(row.unit)).copied().unwrap_or(0.0));
    }
    rows.sort_by(|a, b| b.amount().abs().total_cmp(&a.amount().abs()));
    rows
}

impl Pane for UnitList<'_> {
    fn title(&self) -> Title {
        let language = self.scene.language;
        let unasked = language.tr("feed-forward units by what they add");
        let title = match self.shown.found {
            None => Title::named(unasked),
            Some(found) => {
                let asked = question(found, language);
                Title::named(tr!(language, "feed-forward units, {asked}", asked))
            }
        };
        self.shown.marked(self.scene, title.else_named(unasked))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.rows.len(), 1)
    }

    fn is_sortable(&self) -> bool {
        true
    }

    /// The unit's cells, each times the slope of the logit.
    fn arithmetic(&self, row: usize, _: usize) -> Option<Arithmetic> {
        let row = self.rows.get(row)?;
        let of = NumberOf::Described(self.label(row));
        if let Some(was) = row.was {
            return Some(difference(of, row.now, was));
        }
        // The cells of the pass on the screen are others.
        if self.shown.is_given {
            return None;
        }
        let hidden = row.part.factors.first()?;
        let cells = hidden.cells.iter().filter(|factor| factor.cell.col == row.unit);
        Some(Arithmetic {
            name: NumberName::Words { what: "added to the logit", of: Some(of) },
            value: row.now,
            formula: "sum over rows of the hidden unit x slope of the logit",
            expr: Some(Expr::Sum(cells.map(|factor| product(hidden, factor)).collect())),
        })
    }

    fn status_line(&self, row: usize, _: usize) -> Option<String> {
        let row = self.rows.get(row)?;
        Some(format!("{}  {}", self.label(row), self.in_words_of(row)))
    }

    fn preferred_size(&self) -> PreferredSize {
        size_of_amounts(self.rows.len(), self.label_width())
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
        let line = |row: UnitRow| language.labelled(&self.label(&row), &self.in_words_of(&row));
        let lines = rows(shown).into_iter().map(line);
        let asked = found.map(|found| question(found, language));
        let lines = asked.into_iter().chain(self.total(shown)).chain(lines).collect();
        PaneWords::of_model(
            language,
            "What units of feed-forward add, the strongest first",
            model,
            lines,
        )
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        let total = self.total(self.shown).filter(|_| !self.rows.is_empty());
        let Some(total) = total else {
            put_text(buf, area, self.why_nothing(), theme.dim());
            return;
        };
        put_on(buf, area, &[(&total, theme.dim())]);
        let amounts = self.rows.iter().map(|row| row.amount().abs());
        let (label_width, most) =
            (self.label_width().into(), amounts.fold(f32::MIN_POSITIVE, f32::max));
        for (row, lines) in self.list(area).into_iter().flat_map(List::rows) {
            let is_at_cursor = self.scene.focused && row == self.row();
            let (label, amount) = (self.label(&self.rows[row]), self.rows[row].amount());
            let line = SignedLine { label: &label, label_width, amount, most, is_at_cursor };
            line.draw(*theme, lines, buf);
        }
    }
}
