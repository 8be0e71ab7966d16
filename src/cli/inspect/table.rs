//! The report as text.

use std::io::{self, Write};

use super::{Report, Tensor};
use crate::{checkpoint::memory::bytes, text::grouped};

/// So many tensors are listed without being asked for all.
const FEW: usize = 24;

/// Where the answers begin.
const INDENT: usize = 14;

pub fn print(
    report: &Report,
    all: bool,
    width: Option<usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{} ({})\n", report.title, report.format)?;
    for (label, answer) in rows(report) {
        writeln!(out, "{label:<INDENT$}{answer}")?;
    }
    let shown = if all { report.tensors.len() } else { FEW };
    tensors(&report.tensors[..shown.min(report.tensors.len())], width, out)?;
    match report.tensors.len().saturating_sub(shown) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more; --tensors lists all"),
    }
}

/// Labels and answers, those left out that nobody knows.
fn rows(report: &Report) -> Vec<(&'static str, String)> {
    let sizes = &report.sizes;
    let rows = [
        ("architecture", Some(architecture(report))),
        ("layers", layers(report)),
        ("d_model", sizes.d_model.map(grouped)),
        ("heads", heads(report)),
        ("d_ff", sizes.d_ff.map(grouped)),
        ("vocabulary", sizes.vocabulary.map(grouped)),
        ("context", sizes.context.map(grouped)),
        ("parameters", Some(parameters(report))),
        ("tokenizer", Some(tokenizer(report))),
        ("memory", Some(memory(report))),
        ("runs", Some(runs(report))),
        ("shown", shown(report)),
        ("tensors", Some(grouped(report.tensors.len()))),
    ];
    rows.into_iter().filter_map(|(label, answer)| Some((label, answer?))).collect()
}

fn architecture(report: &Report) -> String {
    let name =
        report.architecture.name.as_deref().unwrap_or("config.json does not say `model_type`");
    match report.architecture.title {
        Some(title) => format!("{title} ({name})"),
        None => name.to_owned(),
    }
}

fn layers(report: &Report) -> Option<String> {
    let layers = grouped(report.sizes.layers?);
    Some(match report.sizes.decoder_layers {
        None => layers,
        Some(decoder) => format!("{layers} of the encoder, {decoder} of the decoder"),
    })
}

fn heads(report: &Report) -> Option<String> {
    let heads = report.sizes.heads?;
    let shared = report.sizes.kv_heads.filter(|n| *n != heads);
    Some(shared.map_or_else(
        || grouped(heads),
        |shared| format!("{heads}, and {shared} of keys and values"),
    ))
}

fn parameters(report: &Report) -> String {
    let parameters = &report.parameters;
    let kinds: Vec<String> = match parameters.by_dtype.len() {
        1 => parameters.by_dtype.keys().cloned().collect(),
        _ => parameters.by_dtype.iter().map(|(d, n)| format!("{} {d}", grouped(*n))).collect(),
    };
    format!("{} ({})", grouped(parameters.count), kinds.join(", "))
}

fn tokenizer(report: &Report) -> String {
    match &report.tokenizer {
        None => "none".into(),
        Some(found) => match found.tokens {
            Some(n) => format!("{}, {} tokens", found.kind, grouped(n)),
            None => format!("{}, which does not load", found.kind),
        },
    }
}

fn memory(report: &Report) -> String {
    let memory = &report.memory;
    let mut parts = vec![format!("{} of weights", bytes(memory.weights))];
    let read = |n: usize| format!("to read {} tokens", grouped(n));
    parts.extend(memory.passes.iter().map(|p| format!("{} {}", bytes(p.bytes), read(p.tokens))));
    parts.extend(memory.available.map(|free| format!("{} are free", bytes(free))));
    parts.join("; ")
}

fn runs(report: &Report) -> String {
    let indented = |why: &String| why.replace('\n', &format!("\n{:INDENT$}", ""));
    report.why_not.as_ref().map_or_else(|| "yes".into(), |why| format!("no: {}", indented(why)))
}

fn shown(report: &Report) -> Option<String> {
    let chapter = |c: &super::Chapter| format!("{} ({})", c.title, c.steps);
    let chapters: Vec<String> = report.shows.iter().map(chapter).collect();
    (!chapters.is_empty()).then(|| chapters.join(", "))
}

/// Name, shape, dtype and size, in columns; a name that is too long for the width loses its middle.
fn tensors(tensors: &[Tensor], width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let cells: Vec<[String; 4]> = tensors.iter().map(cells).collect();
    let widest = |i: usize| cells.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let rest = widest(1) + widest(2) + widest(3) + 2 + 3 * 2;
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(rest).max(12));
    let name = widest(0).min(room);
    for [title, shape, dtype, size] in &cells {
        let (title, shapes, dtypes, sizes) =
            (shortened(title, name), widest(1), widest(2), widest(3));
        writeln!(out, "  {title:<name$}  {shape:>shapes$}  {dtype:<dtypes$}  {size:>sizes$}")?;
    }
    Ok(())
}

fn cells(tensor: &Tensor) -> [String; 4] {
    let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
    let size = bytes(tensor.bytes as u64);
    [tensor.name.clone(), shape.join(" x "), tensor.dtype.clone(), size]
}

/// At most `room` characters, both ends of it.
fn shortened(name: &str, room: usize) -> String {
    let all: Vec<char> = name.chars().collect();
    if all.len() <= room {
        return name.to_owned();
    }
    let kept = room.saturating_sub(3);
    let (head, tail) = (kept / 2, kept - kept / 2);
    all[..head].iter().chain(&['.'; 3]).chain(&all[all.len() - tail..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shortened("model.layers.0.mlp", 12), "mode...0.mlp");
        assert_eq!(shortened("short", 12), "short");
    }
}
