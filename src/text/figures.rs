//! Numbers as text: one function for each kind of number. The theme fits them into columns.

/// `1,234,567`
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    groups.map(String::from_utf8_lossy).collect::<Vec<_>>().join(",")
}

/// A number with `n` decimals, without the sign of what rounds to 0.
pub fn rounded(x: impl Into<f64>, n: usize) -> String {
    let x = x.into();
    let text = format!("{x:.n$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.chars().all(|c| matches!(c, '0' | '.')) => zero.to_owned(),
        _ => text,
    }
}

/// A number in about three digits: `0.12`, `31.4`, `-∞`.
pub fn spoken(x: f32) -> String {
    match x.abs() {
        _ if !x.is_finite() => not_finite(x.into()),
        0.0 => "0".into(),
        a if a >= 10_000.0 => format!("{x:.1e}"),
        a if a >= 100.0 => format!("{x:.0}"),
        a if a >= 10.0 => format!("{x:.1}"),
        a if a >= 0.095 => format!("{x:.2}"),
        a if a >= 0.000_95 => format!("{x:.4}").trim_end_matches('0').into(),
        _ => format!("{x:.0e}"),
    }
}

/// A cell's value, with four decimals.
pub fn cell_value(v: impl Into<f64>) -> String {
    decimals(v, 4)
}

/// A number with three decimals.
pub fn fixed(v: f32) -> String {
    decimals(v, 3)
}

/// A number with `n` decimals; with an exponent and two decimals fewer where these would show zero; without decimals
/// from 1000 on, and in three digits where that is a million or more.
pub fn decimals(v: impl Into<f64>, n: usize) -> String {
    let v = v.into();
    match v.abs() {
        _ if !v.is_finite() => not_finite(v),
        0.0 => format!("{:.n$}", 0.0),
        a if a < 10_f64.powi(-(n as i32)) => format!("{v:.*e}", n.saturating_sub(2)),
        a if a >= 1e6 => format!("{v:.2e}"),
        a if a >= 1000.0 => format!("{v:.0}"),
        _ => format!("{v:.n$}"),
    }
}

/// A share of 1 with two decimals; only none and all are rounded to 0 and 1: `0.25`, `<0.01`.
pub fn share(share: f32) -> String {
    match share {
        x if !x.is_finite() => not_finite(x.into()),
        x if x > 0.0 && x < 0.005 => "<0.01".into(),
        x if (0.995..1.0).contains(&x) => ">0.99".into(),
        x => rounded(x, 2),
    }
}

/// A share of 1 as a percentage, with a decimal near none and near all: `3.1%`, `42%`, `<0.1%`.
pub fn percent(share: f32) -> String {
    let is_near_an_end = share > 0.0 && share < 0.0995 || (0.995..1.0).contains(&share);
    percent_with(share, usize::from(is_near_an_end))
}

/// A share of 1 as a percentage with one decimal, for columns: `42.0%`, `<0.1%`.
pub fn percent_in_tenths(share: f32) -> String {
    percent_with(share, 1)
}

/// Only none and all are rounded to 0 and 100%.
fn percent_with(share: f32, n_decimals: usize) -> String {
    match share {
        x if !x.is_finite() => not_finite(x.into()),
        x if x > 0.0 && x < 0.000_5 => "<0.1%".into(),
        x if (0.9995..1.0).contains(&x) => ">99.9%".into(),
        x => rounded(100.0 * x, n_decimals) + "%",
    }
}

/// A number in `digits` significant digits, without zeros at its end, as programs read it; with an exponent only where
/// a person would write one: `0.1234568`, `1.5e12`, `-inf`.
pub fn significant(n: f64, digits: usize) -> String {
    if n == 0.0 {
        return "0".into();
    }
    if !n.is_finite() {
        return n.to_string().to_lowercase();
    }
    let scientific = format!("{n:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-5..=9).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        return trimmed(&format!("{n:.decimals$}")).to_owned();
    }
    format!("{}e{exponent}", trimmed(mantissa))
}

/// `∞`, `-∞`, `NaN`
fn not_finite(v: f64) -> String {
    match v {
        f64::INFINITY => "∞",
        f64::NEG_INFINITY => "-∞",
        _ => "NaN",
    }
    .into()
}

fn trimmed(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rounds_to_zero_has_no_sign() {
        assert_eq!(
            ["0.00", "0.00", "-0.01", "1.25"],
            [-0.004, 0.0, -0.006, 1.25].map(|x| rounded(x, 2))
        );
        assert_eq!(
            [share(-0.004), percent(-0.004), percent_in_tenths(-0.0)],
            ["0.00", "0%", "0.0%"]
        );
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 134_515_008].map(grouped), ["0", "999", "1,000", "134,515,008"]);
    }

    #[test]
    fn numbers_are_short() {
        let pairs = [
            (0.0, "0.000"),
            (-0.0, "0.000"),
            (0.1234, "0.123"),
            (-2.5e-6, "-2.5e-6"),
            (1234.5, "1234"),
            (f32::NEG_INFINITY, "-∞"),
            (f32::NAN, "NaN"),
        ];
        for (v, want) in pairs {
            assert_eq!(fixed(v), want);
        }
        assert_eq!([0.21_f32, 1e-5, -3.0].map(cell_value), ["0.2100", "1.00e-5", "-3.0000"]);
        assert_eq!(
            [-0.0_f32, -0.44, -0.000_2, 1.0].map(|v| decimals(v, 2)),
            ["0.00", "-0.44", "-2e-4", "1.00"]
        );
        let texts = [1234.4, 56.78, 3.333, 0.5, 0.0123, 0.00123, 1.5e-7, 0.0, -2.0, 12_345.0];
        let want =
            ["1234", "56.8", "3.33", "0.50", "0.0123", "0.0012", "2e-7", "0", "-2.00", "1.2e4"];
        assert_eq!(texts.map(spoken).to_vec(), want);
    }

    #[test]
    fn shares_are_never_rounded_to_nothing_or_to_all() {
        assert_eq!([0.001, 0.25, 1.0, 0.9999].map(share), ["<0.01", "0.25", "1.00", ">0.99"]);
        let shares = [0.0, 0.000_1, 0.012, 0.5, 0.997, 0.9999, 1.0];
        let texts = ["0%", "<0.1%", "1.2%", "50%", "99.7%", ">99.9%", "100%"];
        assert_eq!(shares.map(percent), texts);
        assert_eq!([0.0, 0.000_1, 0.5].map(percent_in_tenths), ["0.0%", "<0.1%", "50.0%"]);
    }
}
