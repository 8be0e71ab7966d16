//! The report as text.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::{Report, Tensor};
use crate::{
    text::{self, grouped},
    ui::widgets::lines::{left, right},
    weights::memory::bytes,
};

/// The number of tensors that are listed without being asked for all.
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
        writeln!(out, "{label:<INDENT$}{}", wrapped(&answer, width))?;
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
        ("d_embed", sizes.d_embed.map(grouped)),
        ("d_hidden", sizes.d_hidden.map(grouped)),
        ("heads", heads(report)),
        ("d_ff", sizes.d_ff.map(|d_ff| of_both(d_ff, sizes.decoder_d_ff))),
        ("vocabulary", sizes.vocabulary.map(grouped)),
        ("context", sizes.context.map(grouped)),
        ("parameters", Some(parameters(report))),
        ("tokenizer", Some(tokenizer(report))),
        ("adapter", report.adapter.clone()),
        ("memory", Some(memory(report))),
        ("not finite", not_finite(report)),
        ("runs", Some(runs(report))),
        ("note", report.note.clone()),
        ("shown", shown(report)),
        ("tensors", Some(grouped(report.tensors.len()))),
    ];
    rows.into_iter().filter_map(|(label, answer)| Some((label, answer?))).collect()
}

fn architecture(report: &Report) -> String {
    let name = report.architecture.name.as_deref().map(text::shown);
    let name = name.unwrap_or_else(|| "config.json does not say `model_type`".into());
    match report.architecture.title {
        Some(title) => format!("{title} ({name})"),
        None => name,
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
    let sizes = &report.sizes;
    let heads = sizes.heads?;
    let d_heads = sizes.d_heads.clone().or_else(|| sizes.d_head.map(|d_head| d_head.to_string()));
    let wide = d_heads.map_or_else(String::new, |d_heads| format!(" with {d_heads} channels each"));
    let shared = sizes.kv_heads.filter(|n| *n != heads);
    let shared = shared.map_or_else(String::new, |n| format!(", and {n} of keys and values"));
    Some(of_both(heads, sizes.decoder_heads) + &wide + &shared)
}

/// A size of the encoder, and that of the decoder where it is another.
fn of_both(encoder: usize, decoder: Option<usize>) -> String {
    match decoder.filter(|decoder| *decoder != encoder) {
        None => grouped(encoder),
        Some(decoder) => {
            format!("{} of the encoder, {} of the decoder", grouped(encoder), grouped(decoder))
        }
    }
}

/// Broken between words for a terminal of this width, later lines under the first.
fn wrapped(answer: &str, width: Option<usize>) -> String {
    let Some(room) = width.map(|width| width.saturating_sub(INDENT).max(20)) else {
        return answer.to_owned();
    };
    let lines: Vec<String> = answer.lines().flat_map(|line| text::wrapped(line, room)).collect();
    lines.join(&format!("\n{:INDENT$}", ""))
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
        Some(found) => match (text::shown(&found.kind), found.tokens) {
            (kind, Some(n)) => format!("{kind}, {} tokens", grouped(n)),
            (kind, None) => format!("{kind}, which does not load"),
        },
    }
}

fn memory(report: &Report) -> String {
    let memory = &report.memory;
    let mut parts = vec![format!("{} of weights", bytes(memory.weights))];
    parts.extend(memory.passes.iter().map(|p| {
        let (read, walked) = (bytes(p.bytes), bytes(p.walk));
        format!("{read} to read {} tokens, {walked} to walk through", grouped(p.tokens))
    }));
    parts.extend(memory.available.map(|free| format!("{} are free", bytes(free))));
    parts.join("; ")
}

fn runs(report: &Report) -> String {
    let indented = |why: &String| why.replace('\n', &format!("\n{:INDENT$}", ""));
    report.why_not.as_ref().map_or_else(|| "yes".into(), |why| format!("no: {}", indented(why)))
}

/// The tensors with numbers that are NaN or infinite, and the first of each; whether all numbers were looked at.
fn not_finite(report: &Report) -> Option<String> {
    let odd =
        report.tensors.iter().filter_map(|tensor| Some((tensor, tensor.not_finite.as_ref()?)));
    let lines = odd.map(|(tensor, odd)| {
        let first: Vec<String> = odd.first.iter().map(ToString::to_string).collect();
        let (n, name, first) =
            (grouped(odd.count), text::shown(&tensor.name_in_file), first.join(","));
        format!("{n} of {name}, first [{first}], which is {}", odd.value)
    });
    let mut lines: Vec<String> = lines.collect();
    if report.sampled {
        lines.push("only a sample of the numbers was looked at".to_owned());
    }
    (!lines.is_empty()).then(|| lines.join("; "))
}

fn shown(report: &Report) -> Option<String> {
    let chapter = |c: &super::Chapter| format!("{} ({})", c.title, c.steps);
    let chapters: Vec<String> = report.shows.iter().map(chapter).collect();
    let steps: usize = report.shows.iter().map(|c| c.steps).sum();
    (!chapters.is_empty()).then(|| format!("{steps} steps: {}", chapters.join(", ")))
}

/// Name, shape, dtype and size, in columns; a name that is too long for the width loses its middle.
fn tensors(tensors: &[Tensor], width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let cells: Vec<[String; 4]> = tensors.iter().map(cells).collect();
    let widest = |i: usize| cells.iter().map(|row| row[i].width()).max().unwrap_or(0);
    let used = if tensors.iter().all(|tensor| tensor.used) { 0 } else { "  not used".len() };
    let rest = widest(1) + widest(2) + widest(3) + 2 + 3 * 2 + used;
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(rest).max(12));
    let name = widest(0).min(room);
    let (shapes, dtypes, sizes) = (widest(1), widest(2), widest(3));
    // Not by a width in a format, which panics where the file's names are longer than it can be.
    for ([title, shape, dtype, size], tensor) in cells.iter().zip(tensors) {
        let (title, shape) = (left(&shortened(title, name), name), right(shape, shapes));
        let (dtype, size) = (left(dtype, dtypes), right(size, sizes));
        let used = if tensor.used { "" } else { "  not used" };
        writeln!(out, "  {title}  {shape}  {dtype}  {size}{used}")?;
    }
    Ok(())
}

fn cells(tensor: &Tensor) -> [String; 4] {
    let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
    let size = bytes(tensor.bytes as u64);
    [text::shown(&tensor.name_in_file), shape.join(" x "), tensor.dtype.clone(), size]
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
