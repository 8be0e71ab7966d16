//! Which words counted for the word asked about: three ways to ask, side by side. Its site is the embedded words.

use std::ops::Range;

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
    analysis::{
        evidence::saliency::Saliency,
        reading::{Counting, EvidenceBefore, PassEvidence},
    },
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, NumberOf, Operand},
        site::Stream,
        value::{Cell, Extent, PlaneCell},
    },
    lesson::tr,
    text::{fixed, words},
    ui::widgets::lines::{List, put_line, put_on, put_text, right, without_top_rows},
};

pub(super) struct SaliencyTable<'a> {
    scene: Scene<'a>,
    shown: ShownEvidence<'a>,
    /// The tokens of each row.
    words: Vec<Range<usize>>,
    /// By row, that of A where B - A is shown.
    counterparts: Vec<Option<usize>>,
}

/// Width of a word and of a figure, in columns.
const WORD_WIDTH: usize = 10;
const FIGURE_WIDTH: usize = 13;
const HEADINGS: [&str; 3] = ["grad × input", "integrated", "left out"];

impl<'a> SaliencyTable<'a> {
    pub(super) fn new(scene: Scene<'a>) -> Self {
        let shown = scene.shown_evidence();
        let counting = scene.view.counting;
        if counting.for_output {
            scene.changed.unwrap_or(scene.reading).ask_what_counted_for_output(scene.model);
        }
        let of = |found: Option<&PassEvidence>| found.map_or_else(Vec::new, |f| rows(f, counting));
        let (words, words_of_a) = (of(shown.found), of(shown.was()));
        let tokens = shown.counterparts(Stream::Source);
        let counterpart = |word: &Range<usize>| {
            let start = tokens.get(word.start).copied().flatten()?;
            words_of_a.iter().position(|of_a| of_a.start == start && of_a.len() == word.len())
        };
        let counterparts = words.iter().map(counterpart).collect();
        Self { scene, shown, words, counterparts }
    }

    fn saliency(&self) -> Option<&'a Saliency> {
        self.shown.found?.saliency_of(self.scene.view.counting)
    }

    /// A's where B - A is shown.
    fn was(&self) -> Option<&'a Saliency> {
        self.shown.was()?.saliency_of(self.scene.view.counting)
    }

    fn n(&self) -> usize {
        self.words.len()
    }

    /// The row of a word that a token belongs to; the cursor moves over tokens.
    fn row_of(&self, token: usize) -> usize {
        let row = self.words.iter().position(|word| token < word.end);
        row.unwrap_or(self.n().saturating_sub(1))
    }

    fn word(&self, row: usize) -> Option<String> {
        Some(words::joined(self.shown.found?.source.get(self.words.get(row)?.clone())?))
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
        let for_output = self.scene.view.counting.for_output;
        if for_output && !found.has_output() {
            return Some(
                language.tr("this model writes nothing that words could count for").to_owned(),
            );
        }
        if for_output && self.shown.was().is_some_and(|was| !found.writes_as(was)) {
            let why = language.tr("A writes other words, so that there is no output of both");
            return Some(why.to_owned());
        }
        let found = match self.shown.was() {
            Some(was) if self.saliency().is_some() => was,
            _ => found,
        };
        if found.saliency_of(self.scene.view.counting).is_some() {
            return None;
        }
        let (n, all) = found.saliency_progress(for_output);
        Some(match (found.is_saliency_known(for_output), all) {
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
        let product = |token: usize, channel: usize, slope: f32| {
            let cell = Cell::new(0, token, channel);
            let site = embedded?;
            let x = Operand { address: site.address(cell), value: site.value.get(cell) };
            Some(Expr::Product(vec![Expr::Leaf(x), Expr::Number(slope)]))
        };
        let of_token = |token: usize| {
            let slopes = saliency.slopes[token].iter().enumerate();
            slopes.filter_map(move |(channel, slope)| product(token, channel, *slope))
        };
        Expr::Sum(self.words[row].clone().flat_map(of_token).collect())
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

    /// The words asked about, or the whole output.
    fn asked(&self, found: &PassEvidence) -> String {
        let language = self.scene.language;
        if self.scene.view.counting.for_output {
            return language.tr("which words counted for the whole output").to_owned();
        }
        let (word, against) = (&found.word, &found.against);
        tr!(language, "which words counted for “{word}” over “{against}”", word, against)
    }

    /// The lines of a pass in words.
    fn lines_of(&self, found: &PassEvidence) -> Option<Vec<String>> {
        let counting = self.scene.view.counting;
        let saliency = found.saliency_of(counting)?;
        let rows = rows(found, counting).into_iter().enumerate();
        let line = |(row, word): (usize, Range<usize>)| {
            self.line(&words::joined(&found.source[word]), figures(saliency, row))
        };
        Some(rows.map(line).collect())
    }

    fn row(&self) -> usize {
        self.row_of(self.scene.selection.row)
    }

    fn col(&self) -> usize {
        self.scene.selection.col.min(HEADINGS.len() - 1)
    }
}

/// The tokens of each row of a pass.
fn rows(found: &PassEvidence, counting: Counting) -> Vec<Range<usize>> {
    if counting.by_word { found.words.clone() } else { words::single(found.source.len()) }
}

/// The three figures of a row.
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
        let asked = self.shown.found.map(|found| self.asked(found));
        let title = Title::named(asked.unwrap_or_else(|| unasked.to_owned())).else_named(unasked);
        let by_word = self.scene.view.counting.by_word;
        let title = if by_word { title.with(language.tr("tokens added up")) } else { title };
        self.shown.marked(self.scene, title)
    }

    fn extent(&self) -> Extent {
        Extent::new(self.words.last().map_or(0, |word| word.end), HEADINGS.len())
    }

    /// From word to word, where the tokens of one are added up.
    fn moved_to(
        &self,
        PlaneCell { row, col }: PlaneCell,
        rows: isize,
        _: isize,
    ) -> Option<PlaneCell> {
        if !self.scene.view.counting.by_word {
            return None;
        }
        let here = self.row_of(row);
        let to = here.saturating_add_signed(rows).min(self.n().saturating_sub(1));
        (to != here).then(|| PlaneCell::new(self.words[to].start, col))
    }

    /// What a figure is the sum of: products over channels, points of the integral, a score less another.
    fn arithmetic(&self, token: usize, col: usize) -> Option<Arithmetic> {
        let (row, saliency) = (self.row_of(token), self.saliency()?);
        let name = HEADINGS[col.min(HEADINGS.len() - 1)];
        if self.shown.before.is_some() {
            let (now, was) = *self.both(saliency, row).get(col)?;
            let word = self.word(row)?;
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
            name: NumberName::Words { what: name, of: Some(NumberOf::Word(self.word(row)?)) },
            value,
            formula,
            expr: Some(expr),
        })
    }

    fn status_line(&self, token: usize, col: usize) -> Option<String> {
        let (saliency, language) = (self.saliency()?, self.scene.language);
        let row = self.row_of(token);
        let word = self.word(row)?;
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
        Some(PlaneCell::new(self.words.get(self.list(area)?.at(position)?)?.start, col))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { language, model, .. } = self.scene;
        if self.scene.view.counting.for_output {
            self.scene.reading.count_for_output(model);
        }
        let (found, before) = self.scene.evidence_in_words();
        let lines = found.and_then(|found| {
            let lines = self.lines_of(found)?;
            let gap = self.gap_in_words(found.saliency_of(self.scene.view.counting)?);
            Some([self.asked(found)].into_iter().chain(lines).chain([gap]).collect::<Vec<_>>())
        });
        let counts_for_one = |before: &&EvidenceBefore| {
            let is_of_words = !self.scene.view.counting.for_output;
            is_of_words || found.is_some_and(|found| found.writes_as(&before.found))
        };
        let before = before.filter(counts_for_one).and_then(|before| {
            let lines = self.lines_of(&before.found)?;
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
        let Some(saliency) = self.saliency() else { return };
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
            let word = right(&self.word(row).unwrap_or_default(), WORD_WIDTH);
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
