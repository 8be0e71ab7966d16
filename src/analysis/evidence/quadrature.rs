//! Points and weights of Gauss and Legendre, for the integral of integrated gradients.

/// The points and weights of an integral over 0 to 1: exact for polynomials of degree 2n - 1.
pub fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let point = |i: usize| {
        // A root of the Legendre polynomial, by Newton's method from a near guess (Abramowitz and Stegun, 22.16.6).
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            let (value, derivative) = legendre(n, x);
            slope = derivative;
            let step = value / derivative;
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        (0.5 * (1.0 - x), 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..n).map(point).collect()
}

/// The Legendre polynomial of degree n at x, and its derivative.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut now) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (before, now) = (now, ((2.0 * k - 1.0) * x * now - (k - 1.0) * before) / k);
    }
    (now, n as f64 * (x * now - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_integrated_exactly() {
        for n in [2, 7, 50] {
            let points = gauss_legendre(n);
            for power in 0..2 * n as i32 {
                let sum: f64 = points.iter().map(|(x, w)| w * x.powi(power)).sum();
                assert!((sum - 1.0 / f64::from(power + 1)).abs() < 1e-12, "{n} {power} {sum}");
            }
        }
    }
}
