//! JSON: the description with the values, one document per pass and line, streamed.
//!
//! Numbers are f32 in the shortest form that reads back unchanged; `"inf"`, `"-inf"` and `"nan"` represent those that
//! JSON lacks.

use std::io::{self, Write};

use super::{PassExport, describe, list};
use crate::{
    analysis::trace::Recorded,
    engine::value::{Matrix, Value},
};

/// # Errors
/// If the writer fails.
pub fn write(passes: &[PassExport], out: &mut dyn Write) -> io::Result<()> {
    for pass in passes {
        describe(pass, out, site)?;
        writeln!(out)?;
    }
    Ok(())
}

fn site(site: &Recorded, out: &mut dyn Write) -> io::Result<()> {
    write!(out, ",\"values\":")?;
    values(&site.value, site.place.has_planes(), out)
}

fn values(value: &Value, has_planes: bool, out: &mut dyn Write) -> io::Result<()> {
    let of = |p, out: &mut dyn Write| plane(&value.passing_plane(p), out);
    if has_planes { list(0..value.shape().planes, out, of) } else { of(0, out) }
}

fn plane(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    list(matrix.row_iter(), out, |row, out| list(row.iter(), out, |n, out| number(*n, out)))
}

fn number(n: f32, out: &mut dyn Write) -> io::Result<()> {
    if n.is_finite() {
        return Ok(serde_json::to_writer(out, &n)?);
    }
    write!(out, "\"{}\"", n.to_string().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_read_back() {
        for n in [0.1_f32, -1.0e-30, 16_777_216.0, f32::MIN_POSITIVE, f32::INFINITY, f32::NAN] {
            let mut out = vec![];
            assert!(number(n, &mut out).is_ok());
            let written = String::from_utf8_lossy(&out).replace('"', "");
            let back: f32 = written.parse().unwrap_or(0.0);
            assert!(back.total_cmp(&n).is_eq() || n.is_nan() && back.is_nan(), "{written}");
        }
    }
}
