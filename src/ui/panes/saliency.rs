//! Which words counted for the word asked about: three ways to ask, side by side. Its site is the embedded words.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};

use super::{
    Pane, PreferredSize, Scene, Title, Unfolding,
    both::{ShownEvidence, TOO_LARGE, difference},
    in_words::PaneWords,
};
use crate::{
    analysis::evidence::saliency::Saliency,
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, NumberOf, Operand},
        site::Stream,
        value::{Cell, Extent, PlaneCell},
    },
    lesson::tr,
    text::fixed,
    ui::widgets::lines::{List, put_line, put_on, put_text, right, without_top_rows},
};

pub(super) struct SaliencyTable<'a> {
    scene: Scene<'a>,
    shown: ShownEvidence<'a>,
    /// By word, that of A where B - A is shown.
    counterparts: Vec<Option<usize>>,
}

/// Width of a word and of a figure, in columns.
const WORD_WIDTH: usize = 10;
const FIGURE_WIDTH: usize = 13;
const HEADINGS: [&str; 3] = ["grad × input", "integrated", "left out"];

impl<'a> SaliencyTable<'a> {
    pub(super) fn new(scene: Scene<'a>) -> Self {
        let shown = scene.shown_evidence();
        Self { scene, shown, counterparts: shown.counterparts(Stream::Source) }
    }

    fn saliency(&self) -> Option<&'a Saliency> {
        self.shown.found?.saliency()
    }

    /// A's where B - A is shown.
    fn was(&self) -> Option<&'a Saliency> {
        self.shown.was()?.saliency()
    }

    fn n(&self) -> usize {
        self.shown.found.map_or(0, |found| found.source.len())
    }

    /// The figures of the pass on the screen, and A's where B - A is shown; None for a word without a counterpart.
    fn both(&self, saliency: &Saliency, row: usize) -> [(Option<f32>, Option<f32>); 3] {
        let at = self.counterparts.get(row).copied().flatten();
        let was = self.was().zip(at).map_or([None; 3], |(was, at)| figures(was, at));
        let now = figures(saliency, row);
        [0, 1, 2].map(|i| (now[i], was[i]))
    }

    /// The three figures as they are shown.
    fn shown_figures(&self, saliency: &Saliency, row: usize) -> [Option<f32>; 3] {
        if self.shown.before.is_none() {
            return figures(saliency, row);
        }
        self.both(saliency, row).map(|(now, was)| Some(now? - was?))
    }

    /// Why there are no figures to show; None where there are.
    fn why_nothing(&self) -> Option<String> {
        let (scene, language) = (self.scene, self.scene.language);
        let Some(found) = self.shown.found else { return Some(scene.no_evidence().to_owned()) };
        if let Some(why) = self.shown.why_not() {
            return Some(why.to_owned());
        }
        let found = match self.shown.was() {
            Some(was) if found.saliency().is_some() => was,
            _ => found,
        };
        if found.saliency().is_some() {
            return None;
        }
        let (n, all) = found.saliency_progress();
        Some(match (found.is_saliency_known(), all) {
            (true, _) => language.tr(TOO_LARGE).to_owned(),
            (false, 0) => scene.measuring().to_owned(),
            (false, _) => {
                let measuring = scene.measuring();
                tr!(language, "{measuring} {n} of {all} passes", measuring, n, all)
            }
        })
    }

    /// The products of a word's embedding and its gradient, channel by channel.
    fn products(&self, saliency: &Saliency, row: usize) -> Expr<Operand> {
        let trace = self.scene.reading.trace(self.scene.model);
        let embedded = trace.site(&saliency.embedding);
        let product = |(channel, slope): (usize, &f32)| {
            let cell = Cell::new(0, row, channel);
            let site = embedded?;
            let x = Operand { address: site.address(cell), value: site.value.get(cell) };
            Some(Expr::Product(vec![Expr::Leaf(x), Expr::Number(*slope)]))
        };
        Expr::Sum(saliency.slopes[row].iter().enumerate().filter_map(product).collect())
    }

    /// What the integral leaves over, and whether that is too much to believe it.
    fn gap_in_words(&self, saliency: &Saliency) -> String {
        let language = self.scene.language;
        let gap = tr!(
            language,
            "the integral leaves {gap} of {whole} unshared; its baseline is an embedding of zeros",
            gap = fixed(saliency.gap()),
            whole = fixed(saliency.score - saliency.baseline)
        );
        if saliency.is_complete() {
            return gap;
        }
        language.labelled(language.tr("do not trust the integrated gradients"), &gap)
    }

    /// The figures of a word in words.
    fn line(&self, word: &str, figures: [Option<f32>; 3]) -> String {
        let [gradient, integrated, left_out] =
            figures.map(|x| x.map_or_else(|| "-".to_owned(), fixed));
        tr!(
            self.scene.language,
            "“{word}”: gradient × input {gradient}, integrated {integrated}, left out {left_out}",
            word,
            gradient,
            integrated,
            left_out
        )
    }

    fn row(&self) -> usize {
        self.scene.selection.row.min(self.n().saturating_sub(1))
    }

    fn col(&self) -> usize {
        self.scene.selection.col.min(HEADINGS.len() - 1)
    }
}

/// The three figures of a token.
fn figures(saliency: &Saliency, row: usize) -> [Option<f32>; 3] {
    [Some(saliency.gradient[row]), Some(saliency.integrated[row]), saliency.left_out(row)]
}

/// Columns from one figure to the next; where there is room, each figure has a bar.
fn pitch(area: Rect) -> u16 {
    let width = area.width.saturating_sub(WORD_WIDTH as u16) / HEADINGS.len() as u16;
    width.max(FIGURE_WIDTH as u16)
}

impl Pane for SaliencyTable<'_> {
    fn title(&self) -> Title {
        let language = self.scene.language;
        let unasked = language.tr("which words counted");
        let asked = self.shown.found.map(|found| {
            let (word, against) = (&found.word, &found.against);
            tr!(language, "which words counted for “{word}” over “{against}”", word, against)
        });
        let title = Title::named(asked.unwrap_or_else(|| unasked.to_owned())).else_named(unasked);
        self.shown.marked(self.scene, title)
    }

    fn extent(&self) -> Extent {
        Extent::new(self.n(), HEADINGS.len())
    }

    /// What a figure is the sum of: products over channels, points of the integral, a score less another.
    fn arithmetic(&self, row: usize, col: usize) -> Option<Arithmetic> {
        let saliency = self.saliency()?;
        let name = HEADINGS[col.min(HEADINGS.len() - 1)];
        if self.shown.before.is_some() {
            let (now, was) = *self.both(saliency, row).get(col)?;
            let word = &self.shown.found?.source.get(row)?.text;
            let name = self.scene.language.tr(name);
            let of = NumberOf::Described(format!("{name} “{word}”"));
            return Some(difference(of, now?, was?));
        }
        let value = figures(saliency, row).get(col).copied()??;
        let (formula, expr) = match col {
            0 => ("sum_c x[c] * d score / d x[c]", self.products(saliency, row)),
            1 => {
                let terms = saliency.points.iter().map(|point| Expr::Number(point[row]));
                let formula =
                    "sum over 50 points t of weight_t * sum_c x[c] * d score(t x) / d x[c]";
                (formula, Expr::Sum(terms.collect()))
            }
            _ => {
                let [whole, without] = [saliency.score, saliency.without[row]?].map(Expr::Number);
                ("score - score without the word", Expr::difference(whole, without))
            }
        };
        Some(Arithmetic {
            name: NumberName::Words {
                what: name,
                of: Some(NumberOf::Word(self.shown.found?.source.get(row)?.text.clone())),
            },
            value,
            formula,
            expr: Some(expr),
        })
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        let (saliency, language) = (self.saliency()?, self.scene.language);
        let word = &self.shown.found?.source.get(row)?.text;
        if self.shown.before.is_none() {
            return Some(format!("{word}  {}", self.gap_in_words(saliency)));
        }
        self.was()?;
        let (now, was) = *self.both(saliency, row).get(col)?;
        let none = || language.tr("no counterpart").to_owned();
        let both = now.zip(was).map_or_else(none, |(now, was)| self.scene.both_in_words(now, was));
        Some(format!("{word}  {}  {both}", language.tr(HEADINGS[col])))
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.n().max(8) as u16;
        let width = (WORD_WIDTH + 3 * FIGURE_WIDTH) as u16;
        PreferredSize::new(Size::new(width, n.min(6) + 1), Size::new(width, n + 1)).of_items(
            n,
            1,
            3 * width,
        )
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(without_top_rows(area, 1), self.n(), self.row()))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        let across = usize::from(position.x.saturating_sub(area.x)).saturating_sub(WORD_WIDTH);
        let col = (across / usize::from(pitch(area))).min(HEADINGS.len() - 1);
        Some(PlaneCell::new(self.list(area)?.at(position)?, col))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { language, model, .. } = self.scene;
        let (found, before) = self.scene.evidence_in_words();
        let lines = found.and_then(|found| {
            let saliency = found.saliency()?;
            let (word, against) = (&found.word, &found.against);
            let asked =
                tr!(language, "which words counted for “{word}” over “{against}”", word, against);
            let lines = found.source.iter().enumerate();
            let lines = lines.map(|(row, token)| self.line(&token.text, figures(saliency, row)));
            let gap = self.gap_in_words(saliency);
            Some([asked].into_iter().chain(lines).chain([gap]).collect::<Vec<_>>())
        });
        let before = before.and_then(|before| {
            let saliency = before.found.saliency()?;
            let lines = before.found.source.iter().enumerate();
            let lines = lines.map(|(row, token)| self.line(&token.text, figures(saliency, row)));
            let given =
                (!before.writes_same).then(|| language.tr("A reads what B wrote").to_owned());
            let asked = language.tr("the same words in A, before the change").to_owned();
            Some([asked].into_iter().chain(given).chain(lines).collect::<Vec<_>>())
        });
        let lines = lines.into_iter().chain(before).flatten().collect();
        PaneWords::of_model(language, "Which words counted", model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (theme, language) = (self.scene.theme, self.scene.language);
        if let Some(why) = self.why_nothing() {
            put_text(buf, area, &why, theme.dim());
            return;
        }
        let (Some(found), Some(saliency)) = (self.shown.found, self.saliency()) else { return };
        let pitch = pitch(area);
        let column_x = |i: usize| area.x + WORD_WIDTH as u16 + i as u16 * pitch;
        for (i, heading) in HEADINGS.into_iter().enumerate() {
            let heading = right(language.tr(heading), FIGURE_WIDTH);
            put_line(buf, (column_x(i), area.y), area.right(), &[(&heading, theme.dim())]);
        }
        let n = self.n();
        let column = |i: usize| (0..n).filter_map(move |row| self.shown_figures(saliency, row)[i]);
        let most = [0, 1, 2].map(|i| column(i).map(f32::abs).fold(f32::MIN_POSITIVE, f32::max));
        for (row, lines) in self.list(area).into_iter().flat_map(List::rows) {
            let is_at_cursor = self.scene.focused && row == self.row();
            let style = if is_at_cursor { theme.accent() } else { Style::new() };
            let word = right(&found.source[row].text, WORD_WIDTH);
            put_on(buf, lines, &[(&word, style)]);
            for (i, (figure, most)) in
                self.shown_figures(saliency, row).into_iter().zip(most).enumerate()
            {
                let text = figure.map_or_else(|| theme.glyph("–", "-").to_owned(), fixed);
                // The strongest of a column stand out by weight; signs are written.
                let is_strong = figure.is_some_and(|x| x.abs() > 0.5 * most);
                let style = if is_strong { theme.strong() } else { theme.dim() };
                let is_cursor = is_at_cursor && i == self.col();
                let style = if is_cursor { theme.cursor() } else { style };
                let text = right(&text, FIGURE_WIDTH);
                let end = lines.right().min(column_x(i) + pitch);
                let x = put_line(buf, (column_x(i), lines.y), end, &[(&text, style)]);
                let Some(figure) = figure else { continue };
                let bar = theme.bar(figure.abs() / most, end.saturating_sub(x + 2).into());
                put_line(buf, (x + 1, lines.y), end, &[(&bar, theme.signed_bar(figure))]);
            }
        }
    }
}
