//! What each head adds to a word over another, by the word that it looks at. Its site is one of attention; it says which
//! words are the columns.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Pane, Scene, Title, Unfolding,
    attribution::product,
    both::{ShownEvidence, difference},
    in_words::PaneWords,
    labelled::Table,
};
use crate::{
    analysis::{
        evidence::attribution::{HeadPart, LogitPart},
        reading::PassEvidence,
    },
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, NumberOf},
        site::Stream,
        value::Extent,
    },
    lesson::{PaneSpec, tr},
    text::fixed,
    ui::{
        descriptions::short_path,
        widgets::{
            heat::{Columns, Heat, Labels, Scale},
            lines::put_text,
        },
    },
};

/// A head of a part.
struct HeadOfPart<'a> {
    part: &'a LogitPart,
    head: usize,
}

pub(super) struct AttributedHeads<'a> {
    scene: Scene<'a>,
    shown: ShownEvidence<'a>,
    stream: Stream,
    /// In the order of computation.
    rows: Vec<HeadOfPart<'a>>,
    /// By column, that of A where B - A is shown.
    counterparts: Vec<Option<usize>>,
}

impl<'a> AttributedHeads<'a> {
    pub(super) fn new(scene: Scene<'a>, spec: &PaneSpec) -> Self {
        let shown = scene.shown_evidence();
        let stream = scene.site(spec).map_or(Stream::Source, |site| site.place.scope.keys());
        let rows = if shown.why_not().is_some() { vec![] } else { rows(shown.found, stream) };
        Self { scene, shown, stream, rows, counterparts: shown.counterparts(stream) }
    }

    fn head(&self, row: usize) -> Option<&'a HeadPart> {
        let HeadOfPart { part, head } = self.rows.get(row)?;
        part.heads.get(*head)
    }

    /// The number of the pass on the screen, and A's where B - A is shown; that of a word without a counterpart is NaN.
    fn both(&self, row: usize, col: usize) -> (f32, Option<f32>) {
        let of = |head: Option<&HeadPart>, col: Option<usize>| {
            head.zip(col).and_then(|(head, col)| head.by_key.get(col)).copied().unwrap_or(f32::NAN)
        };
        let was = self.shown.was().map(|was| {
            let head = self.rows.get(row).and_then(|HeadOfPart { part, head }| {
                let parts = &was.attribution.as_ref()?.parts;
                parts.iter().find(|was| was.path == part.path)?.heads.get(*head)
            });
            of(head, self.counterparts.get(col).copied().flatten())
        });
        (of(self.head(row), Some(col)), was)
    }

    fn amount(&self, row: usize, col: usize) -> f32 {
        match self.both(row, col) {
            (now, None) => now,
            (now, Some(was)) => now - was,
        }
    }

    fn n_cols(&self) -> usize {
        (0..self.rows.len()).filter_map(|row| Some(self.head(row)?.by_key.len())).max().unwrap_or(0)
    }

    fn label(&self, col: usize) -> String {
        let token = self.shown.found.and_then(|found| found.tokens(self.stream).get(col));
        token.map_or_else(String::new, |token| token.text.clone())
    }

    fn name(&self, row: usize) -> String {
        self.rows.get(row).map_or_else(String::new, |of| name(of.part, of.head))
    }

    /// `enc.2.self 4`: layer and head
    fn label_of_row(&self, row: usize) -> String {
        let label = |of: &HeadOfPart| format!("{} {}", short_path(&of.part.scope), of.head);
        self.rows.get(row).map_or_else(String::new, label)
    }

    fn heat(&self) -> Heat<'_> {
        let (n_rows, n_cols) = (self.rows.len(), self.n_cols());
        let all = (0..n_rows).flat_map(|row| (0..n_cols).map(move |col| (row, col)));
        let mut heat = self.scene.heat_of_table(Table {
            n_rows,
            n_cols,
            row_labels: Labels::new(n_rows, |row| self.label_of_row(row)),
            columns: Columns::Labels(Labels::new(n_cols, |col| self.label(col))),
            value: Box::new(|row, col| self.amount(row, col)),
            scale: Scale::signed(all.map(|(row, col)| self.amount(row, col))),
            axes: self.scene.language.tr("↓ heads → words looked at").to_owned(),
        });
        // A word of B may have no counterpart in A, and a head may be given something that no word gave.
        let is_of_no_word = |row| self.head(row).is_none_or(|head| head.by_key.is_empty());
        heat.colours.has_gaps = self.shown.was().is_some() || (0..n_rows).any(is_of_no_word);
        heat
    }
}

/// `blocks.3.attn.head.2`
fn name(part: &LogitPart, head: usize) -> String {
    format!("{}.head.{head}", part.scope)
}

/// The heads whose keys are words of this stream, where the model records what they look at; of those of one attention
/// some may take nothing from words, as a what-if gave them something else.
fn rows(found: Option<&PassEvidence>, stream: Stream) -> Vec<HeadOfPart<'_>> {
    let parts = found.and_then(|found| found.attribution.as_ref()).map(|all| &all.parts);
    let parts = parts.into_iter().flatten().filter(|part| part.keys == stream);
    let mut rows = vec![];
    for part in parts.filter(|part| part.heads.iter().any(|head| !head.by_key.is_empty())) {
        rows.extend((0..part.heads.len()).map(|head| HeadOfPart { part, head }));
    }
    rows
}

impl Pane for AttributedHeads<'_> {
    fn title(&self) -> Title {
        let language = self.scene.language;
        let title = match self.shown.found {
            None => Title::named(language.tr("which head, from which word")),
            Some(PassEvidence { word, against, .. }) => Title::named(tr!(
                language,
                "which head, from which word: “{word}” over “{against}”",
                word,
                against
            )),
        };
        self.shown.marked(self.scene, title)
    }

    fn heat_map(&self) -> Option<Heat<'_>> {
        (!self.rows.is_empty()).then(|| self.heat())
    }

    fn extent(&self) -> Extent {
        Extent::new(self.rows.len(), self.n_cols())
    }

    /// The weight on the word, times what its value pushes.
    fn arithmetic(&self, row: usize, col: usize) -> Option<Arithmetic> {
        let HeadOfPart { part, head } = self.rows.get(row)?;
        if let (now, Some(was)) = self.both(row, col) {
            let (head, word) = (name(part, *head), self.label(col));
            let of = tr!(self.scene.language, "{head} from “{word}”", head, word);
            return (!was.is_nan() && !now.is_nan())
                .then(|| difference(NumberOf::Described(of), now, was));
        }
        // The cells of the pass on the screen are others.
        if self.shown.is_given {
            return None;
        }
        if self.head(row)?.by_key.is_empty() {
            return None;
        }
        let weights = part.factors.first()?;
        let of = weights.cells.iter().filter(|f| f.cell.plane == *head && f.cell.col == col);
        let terms: Vec<_> = of.map(|factor| product(weights, factor)).collect();
        let (head, word) = (name(part, *head), self.label(col));
        Some(Arithmetic {
            name: NumberName::Words {
                what: "added to the logit",
                of: Some(NumberOf::Described(tr!(
                    self.scene.language,
                    "{head} from “{word}”",
                    head,
                    word
                ))),
            },
            value: self.amount(row, col),
            formula: "weight x what the word's value adds to the logit",
            expr: (!terms.is_empty()).then_some(Expr::Sum(terms)),
        })
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        let whole = fixed(self.head(row)?.amount);
        let (head, word, x) = (self.name(row), self.label(col), fixed(self.amount(row, col)));
        let language = self.scene.language;
        match self.both(row, col) {
            (now, None) if now.is_nan() => {
                return Some(tr!(
                    language,
                    "{head}  {whole}, of no word: a what-if gave it",
                    head,
                    whole
                ));
            }
            (now, Some(was)) if !was.is_nan() && !now.is_nan() => {
                let both = self.scene.both_in_words(now, was);
                return Some(tr!(language, "{head}  from “{word}”  {both}", head, word, both));
            }
            (_, Some(_)) => {
                let none = language.tr("no counterpart");
                return Some(tr!(
                    language,
                    "{head}  from “{word}”  {both}",
                    head,
                    word,
                    both = none
                ));
            }
            (_, None) => {}
        }
        Some(tr!(language, "{head}  from “{word}”  {x}, of {whole} in all", head, word, x, whole))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { language, model, .. } = self.scene;
        let (found, before) = self.scene.evidence_in_words();
        let was = before.and_then(|before| before.found.attribution.as_ref());
        let line = |HeadOfPart { part, head }: &HeadOfPart| {
            let now = part.heads[*head].amount;
            let was = was.and_then(|was| was.parts.iter().find(|was| was.path == part.path));
            let was = was.and_then(|was| was.heads.get(*head));
            let amount =
                was.map_or_else(|| fixed(now), |was| self.scene.both_in_words(now, was.amount));
            format!("{}: {amount}", name(part, *head))
        };
        let lines = rows(found, self.stream).iter().map(line).collect();
        PaneWords::of_model(language, "What each head adds", model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let Scene { theme, language, .. } = self.scene;
        let Some(heat) = self.heat_map() else {
            let text = match (self.shown.found, self.shown.why_not()) {
                (None, _) => self.scene.no_evidence(),
                (Some(_), Some(why)) => why,
                (Some(_), None) => language.tr("no head writes to these logits"),
            };
            put_text(buf, area, text, theme.dim());
            return;
        };
        heat.draw(area, buf);
    }
}
