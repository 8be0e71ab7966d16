//! Gradient norm of each word: of the last hidden state, or of the output.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords, is_of_state};
use crate::{
    analysis::measure::gradient::Squares,
    engine::{
        arithmetic::{Arithmetic, Expr, Function, NumberName, NumberOf},
        value::{Extent, PlaneCell},
    },
    lesson::{PaneSpec, tr},
    text::Token,
    text::{fixed, percent},
    ui::widgets::lines::{List, put_bar, put_on, right},
};

pub(super) struct GradientPane<'a> {
    scene: Scene<'a>,
    title: Option<String>,
    path: String,
    /// Whether the gradients are of the last hidden state; else of the output.
    of_state: bool,
}

/// Width below which a word's norm is omitted and only its share is shown.
const MIN_WIDTH_WITH_NORM: u16 = 32;

impl<'a> GradientPane<'a> {
    pub(super) fn new(scene: Scene<'a>, spec: &PaneSpec) -> Self {
        let site = scene.site(spec);
        let path = site.map_or_else(String::new, |site| site.path().to_owned());
        Self { scene, title: spec.title.clone(), path, of_state: is_of_state(site) }
    }

    fn norms(&self) -> Option<&'a [f32]> {
        Some(&self.scene.gradients(self.of_state)?.get(&self.scene.model)?.norms)
    }

    fn squares(&self) -> Option<&'a Squares> {
        Some(&self.scene.gradients(self.of_state)?.get(&self.scene.model)?.squares)
    }

    fn words(&self) -> Vec<&'a str> {
        let trace = self.scene.reading.trace(self.scene.model);
        trace.source.iter().map(|t| t.text.as_str()).collect()
    }

    fn cursor_row(&self) -> usize {
        self.scene.selection.row.min(self.words().len().saturating_sub(1))
    }

    /// What is shown of each word.
    fn quantity(&self) -> &'static str {
        let [what, ascii] = if self.of_state {
            ["‖d last state / d word‖", "|d last state / d word|"]
        } else {
            ["‖d log p(output) / d word‖", "|d log p(output) / d word|"]
        };
        self.scene.theme.glyph(what, ascii)
    }
}

impl Pane for GradientPane<'_> {
    fn title(&self) -> Title {
        let name = self.title.as_deref().unwrap_or_else(|| self.scene.model.title());
        let name = self.scene.language.tr(name);
        Title::named(name).with(self.scene.language.tr(self.quantity()))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.words().len(), 1)
    }

    /// The norm as the root of a sum of squares: one per unit of the state, or per channel of the embedding.
    fn arithmetic(&self, row: usize, _: usize) -> Option<Arithmetic> {
        let squares = self.squares()?.get(row)?;
        let formula = if self.of_state {
            "sqrt(sum over units of |d h_n[unit] / d x_t|^2)"
        } else {
            "sqrt(sum over channels of (d log p / d x_j[channel])^2)"
        };
        let sum = Expr::Sum(squares.iter().map(|&square| Expr::Number(square)).collect());
        Some(Arithmetic {
            name: NumberName::Words {
                what: self.quantity(),
                of: Some(NumberOf::Word((*self.words().get(row)?).to_owned())),
            },
            value: *self.norms()?.get(row)?,
            formula,
            expr: Some(Expr::call(Function::Sqrt, sum)),
        })
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.words().len() as u16;
        PreferredSize::new(Size::new(20, n.min(5)), Size::new(MIN_WIDTH_WITH_NORM, n))
            .of_items(n, 0, 140)
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(area, self.words().len(), self.cursor_row()))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        Some(PlaneCell::new(self.list(area)?.at(position)?, 0))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let language = self.scene.language;
        let norms = self.norms().unwrap_or(&[]);
        let largest = norms.iter().copied().fold(0.0, f32::max);
        let words = norms.iter().zip(&self.scene.reading.sentence.tokens).enumerate();
        let line = |(i, (norm, token)): (usize, (&f32, &Token))| {
            let share = percent(if largest > 0.0 { norm / largest } else { 0.0 });
            tr!(
                language,
                "{i} \"{word}\": {norm}, {share} of the largest",
                i,
                word = token.text,
                norm = fixed(*norm),
                share
            )
        };
        let heading = tr!(language, "Gradient of {path} by word", path = self.path);
        PaneWords::of_model(language, &heading, self.scene.model, words.map(line).collect())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        let Some(norms) = self.norms() else {
            put_on(buf, area, &[(self.scene.measuring(), theme.dim())]);
            return;
        };
        let is_narrow = area.width < MIN_WIDTH_WITH_NORM;
        let total = norms.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        let largest = norms.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let words = self.words();
        for (i, lines) in self.list(area).into_iter().flat_map(List::rows) {
            let is_at_cursor = self.scene.focused && i == self.cursor_row();
            let word = right(words[i], if is_narrow { 8 } else { 12 });
            let figure = format!(" {}", theme.figure(norms[i], 7));
            let share_text = format!("{:>4.0}% ", 100.0 * norms[i] / total);
            let style = if is_at_cursor { theme.cursor() } else { Style::new() };
            let figure = if is_narrow { "" } else { &*figure };
            let pieces = [(&*word, style), (figure, style), (&*share_text, theme.dim())];
            let x = put_on(buf, lines, &pieces);
            let available_width = usize::from(area.right().saturating_sub(x));
            let share = norms[i] / largest;
            put_bar(buf, x, lines, &theme.bar(share, available_width), theme.ink(share));
        }
    }
}
