//! The error function, and GELU in its exact form.

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

/// Numerator of [`erf`] in x², lowest power first.
const ABOVE: [f32; 5] =
    [FRAC_2_SQRT_PI, 1.852_083_2e-1, 5.095_569_6e-2, 3.408_291e-3, 2.290_506_6e-4];
/// Denominator of [`erf`] in x², lowest power first.
const BELOW: [f32; 7] = [
    1.0,
    4.974_692_5e-1,
    1.109_850_5e-1,
    1.407_047e-2,
    1.017_962_5e-3,
    2.354_796_6e-5,
    -1.179_160_3e-7,
];
/// Beyond this, erf rounds to 1 in f32.
const FLAT: f32 = 3.743_921;

/// The error function, `2 / sqrt(pi)` times the integral of `exp(-t²)` from 0 to x, to 4e-7: the quotient of two
/// polynomials that Eigen uses for f32. It has no branches, so that compilers vectorise it.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let within = x.clamp(-FLAT, FLAT);
    let square = within * within;
    within * polynomial(&ABOVE, square) / polynomial(&BELOW, square)
}

/// Horner's rule, the coefficients from the lowest power.
#[inline(always)]
fn polynomial(coefficients: &[f32], x: f32) -> f32 {
    coefficients.iter().rev().fold(0.0, |sum, &c| sum * x + c)
}

/// GELU in its exact form, `x/2 (1 + erf(x / sqrt 2))`, as in BERT (Hendrycks and Gimpel 2016, section 2).
#[inline(always)]
pub fn gelu_erf(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))
}

/// The derivative of [`gelu_erf`].
pub fn gelu_erf_slope(x: f32) -> f32 {
    let density = (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
    0.5 * (1.0 + erf(x * FRAC_1_SQRT_2)) + x * density
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_agrees_with_the_tables() {
        let table = [(0.0, 0.0), (0.1, 0.112_462_9), (0.5, 0.520_499_9), (1.0, 0.842_700_8)];
        let far = [(2.0, 0.995_322_3), (3.0, 0.999_977_9), (40.0, 1.0)];
        for (x, want) in table.into_iter().chain(far) {
            assert!((erf(x) - want).abs() < 5e-7, "{x}: {} for {want}", erf(x));
            assert!((erf(-x) + want).abs() < 5e-7);
        }
        assert!(erf(f32::NAN).is_nan());
    }

    #[test]
    fn gelu_slope_is_the_derivative() {
        for x in [-2.0_f32, -0.3, 0.0, 0.7, 3.0] {
            let numeric = (gelu_erf(x + 1e-2) - gelu_erf(x - 1e-2)) / 2e-2;
            assert!((numeric - gelu_erf_slope(x)).abs() < 1e-3);
        }
    }
}
