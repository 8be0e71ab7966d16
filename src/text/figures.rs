//! Numbers as text: grouped digits.

/// `1,234,567`
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    groups.map(String::from_utf8_lossy).collect::<Vec<_>>().join(",")
}

/// A number as narration says it, in about three digits: `0.12`, `31.4`, `−∞`.
pub fn spoken(x: f32) -> String {
    match x.abs() {
        _ if x.is_nan() => "NaN".into(),
        a if a.is_infinite() => if x > 0.0 { "∞" } else { "−∞" }.into(),
        0.0 => "0".into(),
        a if a >= 10_000.0 => format!("{x:.1e}"),
        a if a >= 100.0 => format!("{x:.0}"),
        a if a >= 10.0 => format!("{x:.1}"),
        a if a >= 0.095 => format!("{x:.2}"),
        a if a >= 0.000_95 => format!("{x:.4}").trim_end_matches('0').into(),
        _ => format!("{x:.0e}"),
    }
}

/// A number in so many significant digits, without zeros at its end; with an exponent only where a
/// person would write one: `0.1234568`, `1.5e12`.
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

/// A number with three decimals, with an exponent if very small, without decimals from 1000 on.
pub fn fixed(v: f32) -> String {
    match v.abs() {
        a if v.is_nan() || a.is_infinite() => v.to_string().to_lowercase(),
        a if a > 0.0 && a < 0.0005 => format!("{v:.1e}"),
        a if a >= 1000.0 => format!("{v:.0}"),
        _ => format!("{v:.3}"),
    }
}

/// A share of 1 as a percentage: `3.1 %`, `42 %`.
pub fn percent(share: f32) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
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
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 134_515_008].map(grouped), ["0", "999", "1,000", "134,515,008"]);
    }

    #[test]
    fn numbers_are_short() {
        let pairs = [(0.0, "0.000"), (0.1234, "0.123"), (-2.5e-6, "-2.5e-6"), (1234.5, "1234")];
        for (v, want) in pairs {
            assert_eq!(fixed(v), want);
        }
        assert_eq!([0.0, 0.012, 0.5, 1.0].map(percent), ["0 %", "1.2 %", "50 %", "100 %"]);
    }
}
