//! The numbers of a heat map: all have the same number of decimals, so that they can be compared.

use super::{Heat, Scale};
use crate::ui::theme::with_decimals;

/// Significant digits that the largest number has at least: with one, -1.4 and -1 would be alike.
const LEAST_DIGITS: i32 = 2;
/// The most decimals in narrow and in wide cells, and the columns from which on a cell is wide.
const NARROW_DECIMALS: usize = 2;
const WIDE_DECIMALS: usize = 4;
const WIDE: usize = 7;
/// Columns of a share, `.17`, and of the longest number.
const SHARE_WIDTH: usize = 3;
const WIDEST: usize = 11;

impl Scale {
    /// The fewest columns in which numbers of this scale can be compared.
    pub(super) fn number_width(self) -> usize {
        if self.is_of_shares() {
            return SHARE_WIDTH;
        }
        let fits = |width: &usize| self.decimals(*width).is_some();
        (SHARE_WIDTH..WIDEST).find(fits).unwrap_or(WIDEST)
    }

    /// The decimals of all numbers in cells of `width` columns: as many as the largest leaves room for. None if it does
    /// not fit with [`LEAST_DIGITS`].
    fn decimals(self, width: usize) -> Option<usize> {
        /// The end of a scale on which all numbers are 0.
        const ZERO: f32 = 1e-6;
        let largest = if self.max() > ZERO { self.max() } else { 1.0 };
        let least = (LEAST_DIGITS - 1 - largest.log10().floor() as i32).max(0) as usize;
        let limit = if width < WIDE { NARROW_DECIMALS } else { WIDE_DECIMALS };
        let largest = if matches!(self, Self::Amount(_)) { largest } else { -largest };
        (least..=limit.max(least)).rev().find(|n| with_decimals(largest, *n, width).is_some())
    }
}

impl Heat<'_> {
    /// A number in at most `width` columns.
    pub(super) fn number(&self, v: f32, width: usize) -> String {
        // Two decimals are enough to compare shares.
        if self.scale.is_of_shares() {
            return self.theme.number(v, width.min(WIDE - 1));
        }
        let decimals = self.scale.decimals(width).filter(|_| v.is_finite());
        let text = decimals.and_then(|decimals| with_decimals(v, decimals, width));
        text.unwrap_or_else(|| self.theme.number(v, width))
    }

    /// The numbers at the ends of the colour scale, with the decimals that both have room for.
    pub(super) fn end_texts(&self, low: f32, high: f32) -> [String; 2] {
        let [of_low, of_high] = [low, high].map(|v| self.theme.decimals_of_end(v));
        let Some(of_high) = of_high else {
            let low = if low < 0.0 { self.theme.scale_end(low) } else { "0".to_owned() };
            return [low, self.theme.scale_end(high)];
        };
        let least = of_high.min(of_low.unwrap_or(0));
        [low, high].map(|v| format!("{v:.least$}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_numbers_of_a_matrix_have_the_decimals_of_its_largest() {
        let decimals = |most: f32| [3, 4, 5, 6].map(|width| Scale::Signed(most).decimals(width));
        assert_eq!(decimals(144.2), [None, Some(0), Some(0), Some(1)]);
        assert_eq!(decimals(16.2), [Some(0), Some(0), Some(1), Some(2)]);
        assert_eq!(decimals(1.4), [None, Some(1), Some(2), Some(2)], "never -1 beside -1.4");
        assert_eq!(decimals(0.56), [None, Some(2), Some(2), Some(2)]);
        assert_eq!(decimals(0.0031), [None, None, None, Some(4)], "else colours alone");
        assert_eq!(Scale::Signed(1e-6).decimals(4), Some(1), "all are 0");
    }

    #[test]
    fn the_least_width_follows_the_largest_number() {
        let of = |scale: Scale| scale.number_width();
        assert_eq!([of(Scale::Unit), of(Scale::Signed(350.5)), of(Scale::Amount(16.0))], [3, 4, 3]);
        assert_eq!([of(Scale::Signed(1.4)), of(Scale::Signed(0.0031))], [4, 6]);
    }
}
