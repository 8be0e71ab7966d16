//! Dropout, as in training: what a sub-layer adds, with a tenth of its numbers dropped. Its site is the addend.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Pane, Title, Unfolding, in_words::PaneWords, subject::Subject, update::numbered_heat};
use crate::{
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, NumberOf, Operand},
        math::sampling::uniform,
        value::{Cell, Extent},
    },
    lesson::tr,
    text::rounded,
    ui::widgets::heat::{Heat, Labels},
};

/// The share that is dropped in training (assets/training/train.py, `DROPOUT`).
const SHARE: f32 = 0.1;

/// What the numbers that stay are divided by, so that the mean stays.
const KEPT: f32 = 1.0 - SHARE;

/// The seed of the mask; training draws another at each step.
const SEED: u64 = 1;

pub(super) struct Dropout<'a>(pub(super) Subject<'a>);

impl Dropout<'_> {
    fn shape(&self) -> Extent {
        Extent::new(self.0.n_rows(), self.0.n_cols())
    }

    fn is_dropped(&self, row: usize, col: usize) -> bool {
        uniform(SEED, row * self.0.n_cols() + col) < f64::from(SHARE)
    }

    /// A number as training lets it through: 0, or divided by the share that is kept, so that the mean stays.
    fn value(&self, row: usize, col: usize) -> f32 {
        let value = self.0.site.value.get(Cell::new(0, row, col));
        if self.is_dropped(row, col) { 0.0 } else { value / KEPT }
    }

    fn n_dropped(&self) -> usize {
        let Extent { rows, cols } = self.shape();
        let is_dropped =
            |row: usize| (0..cols).filter(move |&col| self.is_dropped(row, col)).count();
        (0..rows).map(is_dropped).sum()
    }

    fn heat(&self) -> Heat<'_> {
        let heat = numbered_heat(self.0.scene, self.shape(), |row, col| self.value(row, col));
        let row_labels = Labels::new(self.0.n_rows(), |row| self.0.label(1, row));
        Heat { row_labels, rows_may_grow: true, rows_may_share: true, ..heat }
    }
}

impl Pane for Dropout<'_> {
    fn title(&self) -> Title {
        let Extent { rows, cols } = self.shape();
        Title::named(tr!(
            self.0.scene.language,
            "dropout {share}: {n} of {all} dropped",
            share = SHARE,
            n = self.n_dropped(),
            all = rows * cols
        ))
    }

    fn heat_map(&self) -> Option<Heat<'_>> {
        Some(self.heat())
    }

    fn extent(&self) -> Extent {
        self.shape()
    }

    fn arithmetic(&self, row: usize, col: usize) -> Option<Arithmetic> {
        let cell = Cell::new(0, row, col);
        let site = self.0.site;
        let address = site.address(cell);
        let of = Some(NumberOf::Number(address.clone()));
        let name = NumberName::Words { what: "after dropout", of };
        let operand = Operand { address, value: site.value.get(cell) };
        let leaf = Expr::Leaf(operand);
        let expr = if self.is_dropped(row, col) {
            Expr::Product(vec![leaf, Expr::Number(0.0)])
        } else {
            Expr::quotient(leaf, Expr::Number(KEPT))
        };
        Some(Arithmetic {
            name,
            value: self.value(row, col),
            formula: "0 with probability 0.1, else x / 0.9",
            expr: Some(expr),
        })
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        let x = self.0.site.value.get(Cell::new(0, row, col));
        let language = self.0.scene.language;
        let address = self.0.site.address(Cell::new(0, row, col));
        Some(if self.is_dropped(row, col) {
            tr!(language, "{address}: {x}, dropped: 0", address, x = rounded(x, 4))
        } else {
            let [x, scaled] = [x, self.value(row, col)].map(|x| rounded(x, 4));
            format!("{address}: {x} / {KEPT} = {scaled}")
        })
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let (subject, language) = (&self.0, self.0.scene.language);
        let row = subject.row();
        let n = (0..subject.n_cols()).filter(|&col| self.is_dropped(row, col)).count();
        let line = tr!(
            language,
            "of {word}, {n} of {all} numbers are dropped; the others are divided by {kept}",
            word = subject.quoted(subject.site.axes()[1], row),
            n,
            all = subject.n_cols(),
            kept = KEPT
        );
        subject.in_words(vec![line])
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        self.heat().draw(area, buf);
    }
}
