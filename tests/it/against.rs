//! `trace --against`: a pass beside arrays of another program.

use std::{
    fs,
    io::{Cursor, Write},
    path::Path,
};

use lookback::{analysis::trace::Recorded, model::ModelName};
use safetensors::{Dtype, serialize_to_file, tensor::TensorView};
use tempfile::TempDir;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::support::{
    built_in::reading,
    program::{Run, program},
};

const SHORT: &str = "The dog sleeps.";

fn run(args: &[&str]) -> Run {
    Run::of(program().args(["trace", SHORT]).args(args))
}

fn compared(file: &Path, more: &[&str]) -> Vec<Vec<String>> {
    let Run { code, out, err } = run(&[&["--against", file.to_str().unwrap()], more].concat());
    assert_eq!(code, 0, "{err}");
    out.lines()
        .map(|line| {
            line.split("  ").filter(|w| !w.is_empty()).map(|w| w.trim().to_owned()).collect()
        })
        .collect()
}

/// An npz file as numpy writes it; deflated where the name says so.
fn npz(path: &Path, arrays: &[(&str, &str, bool, &str, Vec<u8>)]) {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    for (i, (name, descr, is_fortran, shape, bytes)) in arrays.iter().enumerate() {
        let method = [CompressionMethod::Stored, CompressionMethod::Deflated][i % 2];
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(format!("{name}.npy"), options).unwrap();
        let order = if *is_fortran { "True" } else { "False" };
        let text =
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        zip.write_all(b"\x93NUMPY\x01\x00").unwrap();
        zip.write_all(&(text.len() as u16).to_le_bytes()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    fs::write(path, zip.finish().unwrap().into_inner()).unwrap();
}

fn numbers(site: &Recorded) -> Vec<f32> {
    site.value.numbers().collect()
}

fn f32s(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

#[test]
fn the_same_pass_differs_nowhere() {
    let folder = TempDir::new().unwrap();
    for name in ["pass.npz", "pass.safetensors"] {
        let path = folder.path().join(name);
        assert_eq!(run(&["--out", path.to_str().unwrap()]).code, 0);
        let lines = compared(&path, &[]);
        let n = lines.iter().position(Vec::is_empty).unwrap() - 1;
        assert!(n > 80, "{n}");
        for line in &lines[1..=n] {
            assert_eq!((line[3].as_str(), line[4].as_str()), ("0", "0"), "{line:?}");
            assert!(line[5].starts_with("0 of "), "{line:?}");
        }
        assert!(lines[n + 2][0].starts_with("All differences are of the size of rounding"));
        assert_eq!(lines[n + 3][0], format!("{n} sites compared; 0 have no array in the file"));
        assert_eq!(lines.len(), n + 4);
        assert_eq!(run(&["--sites", "logits", "--force", "--out", path.to_str().unwrap()]).code, 0);
        let one = compared(&path, &[]).pop().unwrap();
        assert!(one[0].starts_with("1 site compared; "), "{one:?}");
    }
}

#[test]
fn a_changed_pass_differs_from_the_change_on_and_the_worst_is_first() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pass.npz");
    assert_eq!(run(&["--out", path.to_str().unwrap()]).code, 0);
    let lines = compared(&path, &["--what-if", "encoder.1.ffn=off"]);
    let shares: Vec<f32> =
        lines[1..].iter().take_while(|l| !l.is_empty()).map(|l| l[4].parse().unwrap()).collect();
    assert!(shares.is_sorted_by(|a, b| a >= b) && shares[0] > 0.5, "{shares:?}");
    let first =
        lines.iter().find_map(|l| l.first()?.strip_prefix("The first site").map(str::to_owned));
    assert!(first.unwrap().ends_with(": encoder.1.ffn.out"), "{lines:?}");
    let some = compared(&path, &["--sites", "logits,probs"]);
    assert!(some[1][0].starts_with("logits[") || some[1][0].starts_with("probs["), "{some:?}");
    assert_eq!(some.iter().filter(|line| line.len() > 5).count(), 3);
    assert!(!some.concat().concat().contains("no such site"), "{some:?}");
}

/// Arrays as other programs write them: in f64 with a batch axis, column after column with a number moved, of another
/// shape, with a NaN, and of no site.
fn theirs(path: &Path) -> (usize, usize) {
    let reading = reading(SHORT);
    let site = |path| reading.trace(ModelName::Transformer).site(path).unwrap();
    let (weights, out) = (site("encoder.0.self_attn.weights"), site("encoder.0.self_attn.out"));
    let (hidden, logits) = (site("encoder.1.ffn.hidden"), site("logits"));
    let (w, o, l) = (weights.shape(), out.shape(), logits.shape());
    let batch = format!("(1, {}, {}, {})", w.planes, w.rows, w.cols);
    let wide: Vec<u8> = numbers(weights).iter().flat_map(|&n| f64::from(n).to_le_bytes()).collect();
    let mut moved = numbers(out);
    moved[2 * o.cols + 5] += 100.0;
    let cells = (0..o.cols).flat_map(|c| (0..o.rows).map(move |r| r * o.cols + c));
    let columns: Vec<f32> = cells.map(|at| moved[at]).collect();
    let mut not_finite = numbers(logits);
    not_finite[7] = f32::NAN;
    let shape = |rows: usize, cols: usize| format!("({rows}, {cols})");
    npz(
        path,
        &[
            ("encoder.0.self_attn.weights", "<f8", false, &batch, wide),
            ("encoder.0.self_attn.out", "<f4", true, &shape(o.rows, o.cols), f32s(&columns)),
            ("encoder.1.ffn.hidden", "<f4", false, "(3, 3)", f32s(&numbers(hidden)[..9])),
            ("logits", "<f4", false, &shape(l.rows, l.cols), f32s(&not_finite)),
            ("encoder.1.fnn.hidden", "<f4", false, "(1,)", f32s(&[1.0])),
        ],
    );
    (o.rows, o.cols)
}

#[test]
fn numbers_of_other_types_orders_and_shapes_are_compared() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("theirs.npz");
    let (rows, cols) = theirs(&path);
    let lines = compared(&path, &[]);
    assert_eq!(lines[1][0], "logits[0,7]");
    assert_eq!((lines[1][2].as_str(), lines[1][4].as_str()), ("nan", "inf"));
    assert_eq!(lines[2][0], "encoder.0.self_attn.out[2,5]");
    assert!(lines[2][3] == "100" && lines[2][5] == format!("1 of {}", rows * cols), "{lines:?}");
    assert!(lines[3][0].starts_with("encoder.0.self_attn.weights[") && lines[3][3] == "0");
    let rest = lines[4..].iter().flatten().cloned().collect::<Vec<_>>().join("\n");
    for part in [
        "3 sites compared; ",
        "not compared: encoder.1.ffn.hidden: (3, 3) in the file, (",
        "encoder.1.fnn.hidden: no such site; the nearest is encoder.1.ffn.hidden",
        "differs by more than 1e-4 of its largest number: encoder.0.self_attn.out",
    ] {
        assert!(rest.contains(part), "{part}: {rest}");
    }
}

/// transformers adds the lowest number of a type, of f16 here, where this program has -inf.
#[test]
fn scores_are_masked_by_low_numbers_too() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("theirs.npz");
    let reading = reading(SHORT);
    let site = reading.trace(ModelName::Transformer).site("decoder.0.self_attn.masked").unwrap();
    let shape = site.shape();
    let shape = format!("({}, {}, {})", shape.planes, shape.rows, shape.cols);
    assert!(numbers(site).contains(&f32::NEG_INFINITY));
    let lines = |lowest: f32, moved: f32| {
        let low = |n: f32| if n == f32::NEG_INFINITY { lowest } else { n };
        let mut theirs: Vec<f32> = numbers(site).into_iter().map(low).collect();
        theirs[0] += moved;
        npz(&path, &[("decoder.0.self_attn.masked", "<f4", false, &shape, f32s(&theirs))]);
        compared(&path, &[])
    };
    for lowest in [f32::MIN, -65504.0] {
        let same = lines(lowest, 0.0);
        assert_eq!((same[1][3].as_str(), same[1][4].as_str()), ("0", "0"), "{same:?}");
        assert!(same[3][0].starts_with("All differences are of the size"), "{same:?}");
        // The scale is that of scores that count.
        assert!(lines(lowest, 0.1)[1][5].starts_with("1 of "));
    }
    assert_eq!(lines(-5.0, 0.0)[1][4], "inf");
}

#[test]
fn arrays_of_safetensors_may_be_of_half_precision() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("theirs.safetensors");
    let reading = reading(SHORT);
    let site = reading.trace(ModelName::Transformer).site("encoder.0.ffn.out").unwrap();
    let shape = [site.shape().rows, site.shape().cols];
    let half: Vec<u8> =
        numbers(site).iter().flat_map(|&n| half::f16::from_f32(n).to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F16, shape.to_vec(), &half).unwrap();
    serialize_to_file([("encoder.0.ffn.out", view)], None, &path).unwrap();
    let lines = compared(&path, &[]);
    let share: f32 = lines[1][4].parse().unwrap();
    assert!(share > 0.0 && share < 1e-3, "{share}");
}

#[test]
fn what_is_not_compared_is_not_called_the_same() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("theirs.npz");
    let reading = reading(SHORT);
    let site = reading.trace(ModelName::Transformer).site("logits").unwrap();
    let shape = format!("({}, {})", site.shape().rows, site.shape().cols);
    let named = ("logits", "<f4", false, &*shape, f32s(&numbers(site)));
    npz(&path, &[named, ("probs", "<f4", false, "(1,)", f32s(&[1.0]))]);
    let lines = compared(&path, &[]);
    assert!(lines[3][0].starts_with("All differences of what was compared are"), "{lines:?}");
}

#[test]
fn files_that_cannot_be_compared_say_why() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let refused = |path: &Path, code: i32, part: &str| {
        let Run { code: found, out, err } = run(&["--against", path.to_str().unwrap()]);
        assert!(found == code && out.is_empty(), "{found} {out}");
        assert!(err.contains(part) && err.lines().count() == 1, "{err}");
    };
    refused(&at("none.npz"), 1, "cannot be read; no such file or directory; give another file");
    fs::write(at("text"), "hello").unwrap();
    refused(&at("text"), 1, "neither an npz nor a safetensors file; give one");
    fs::write(at("cut.npz"), "PK\u{3}\u{4}").unwrap();
    refused(&at("cut.npz"), 1, "damaged npz file; write it again");
    refused(Path::new("/dev/zero"), 1, "is not a regular file; save the arrays to one first");
    npz(&at("other.npz"), &[("logit", "<f4", false, "(1,)", f32s(&[1.0]))]);
    refused(
        &at("other.npz"),
        1,
        "no array with the name of a site; logit: no such site; the nearest is logits",
    );
    let (rows, cols) = {
        let reading = reading(SHORT);
        let shape = reading.trace(ModelName::Transformer).site("logits").unwrap().shape();
        (shape.rows, shape.cols)
    };
    let shape = format!("({rows}, {cols})");
    let other = format!("({cols}, {rows})");
    npz(&at("turned.npz"), &[("logits", "<f4", false, &other, vec![0; 4 * rows * cols])]);
    let part =
        format!("no array with the shape of its site; logits: {other} in the file, {shape} here");
    refused(&at("turned.npz"), 1, &part);
    npz(&at("short.npz"), &[("logits", "<f4", false, &shape, vec![0; 12])]);
    refused(&at("short.npz"), 1, "`logits`: is cut short");
    npz(&at("kind.npz"), &[("logits", "<c8", false, &shape, vec![0; 12])]);
    refused(&at("kind.npz"), 1, "has the type `<c8`; save it as float32");
    let ones = f32s(&vec![1.0; rows * cols]);
    let turned: Vec<u8> = ones.chunks(4).flat_map(|n| n.iter().rev().copied()).collect();
    let [of_numpy, of_others] =
        [("little.npz", "<f4", ones), ("big.npz", ">f4", turned)].map(|(name, form, bytes)| {
            npz(&at(name), &[("logits", form, false, &shape, bytes)]);
            compared(&at(name), &[])[1].clone()
        });
    assert_eq!(of_numpy, of_others, "bytes the other way round are the same numbers");
    let Run { code, err, .. } = run(&["--against", "x.npz", "--list"]);
    assert!(code == 2 && err.contains("--list"), "{err}");
}
