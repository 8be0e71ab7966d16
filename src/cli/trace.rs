//! `lookback trace`: every value of a pass, by address.

mod against;
mod arrays;

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

use anyhow::{Result, anyhow, ensure};
use wildmatch::WildMatch;

use against::ArrayComparison;

use super::{
    args::{OutArgs, TraceArgs, TraceFormat},
    destination::check_file,
    failure::{Outcome, Usage},
    request::Request,
    source::{Purpose, Source},
    streams::Streams,
};
use crate::{
    analysis::{reading::Reading, trace::Recorded},
    export::{
        files::Files,
        numbers::{PassExport, axes, json, named, npz, safetensors},
    },
    model::ModelName,
    text::{
        near_clause,
        visible::{Visible, shown, visible_path},
    },
};

/// A format: its extensions, whether a terminal can show it, and its writer.
struct WritableFormat {
    id: TraceFormat,
    extensions: &'static [&'static str],
    is_text: bool,
    write: fn(&[PassExport], &mut dyn Write) -> io::Result<()>,
}

/// The first is the default.
static FORMATS: [WritableFormat; 3] = [
    WritableFormat {
        id: TraceFormat::Json,
        extensions: &["json", "jsonl"],
        is_text: true,
        write: json::write,
    },
    WritableFormat {
        id: TraceFormat::Npz,
        extensions: &["npz"],
        is_text: false,
        write: npz::write,
    },
    WritableFormat {
        id: TraceFormat::Safetensors,
        extensions: &["safetensors"],
        is_text: false,
        write: safetensors::write,
    },
];

static SCHEMA: &str = include_str!("../../assets/trace.schema.json");

pub fn run(asked: &TraceArgs, request: &Request, streams: &mut Streams) -> Outcome {
    if asked.schema {
        return Ok(write!(streams.out, "{SCHEMA}")?);
    }
    if let Some(path) = &asked.against {
        return compare(path, asked, request, streams);
    }
    if asked.list && asked.format.is_some() {
        return Err(anyhow!("--list prints lines of text; leave --format out")).usage();
    }
    let out = &asked.out.out;
    let format = if asked.list { &FORMATS[0] } else { format_of(asked.format, out).usage()? };
    if asked.list {
        check_file(out, &["tsv", "txt"], false).usage()?;
    } else {
        not_onto_a_terminal(format, out, io::stdout().is_terminal()).usage()?;
    }
    let names = request.names(&[ModelName::Transformer]);
    let reading = Source::read(request, &names, Purpose::Whole, streams)?.reading;
    let passes: Vec<_> = names.iter().map(|&name| pass(&reading, name, asked)).collect();
    if let Some(refusal) = unmatched(&passes, asked) {
        return Err(refusal).usage();
    }
    let write = if asked.list { list } else { format.write };
    to(&asked.out, streams.out, |out| write(&passes, out))
}

/// The largest differences of the pass to arrays in a file, worst first.
fn compare(path: &Path, asked: &TraceArgs, request: &Request, streams: &mut Streams) -> Outcome {
    let names = request.names(&[ModelName::Transformer]);
    let reading = Source::read(request, &names, Purpose::Whole, streams)?.reading;
    let asked = TraceArgs { weights: true, ..asked.clone() };
    let passes: Vec<_> = names.iter().map(|&name| pass(&reading, name, &asked)).collect();
    if let Some(refusal) = unmatched(&passes, &asked) {
        return Err(refusal).usage();
    }
    let whole = TraceArgs { sites: vec![], ..asked.clone() };
    let all: Vec<_> = names.iter().map(|&name| pass(&reading, name, &whole)).collect();
    let known: Vec<String> = named(&all).map(|(name, _)| name).collect();
    let named: Vec<_> = named(&passes).collect();
    let comparison = ArrayComparison::of(path, &named, &known)?;
    to(&asked.out, streams.out, |out| comparison.print(&mut Visible(out)))
}

/// The format of `--format`, else of the file's extension, else the default.
///
/// # Errors
/// If the two differ, or the extension is of no format.
fn format_of(requested: Option<TraceFormat>, out: &Path) -> Result<&'static WritableFormat> {
    let end = out.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let of_name = FORMATS.iter().find(|format| format.extensions.contains(&end.as_str()));
    let asked = FORMATS.iter().find(|format| Some(format.id) == requested);
    let known: Vec<&str> = FORMATS.iter().flat_map(|format| format.extensions).copied().collect();
    check_file(out, &known, asked.is_some())?;
    if let (Some(of_name), Some(asked)) = (of_name, asked) {
        ensure!(
            of_name.id == asked.id,
            "{} has the extension of {}, but {} is requested; change one of them",
            visible_path(out),
            of_name.extensions[0],
            asked.extensions[0]
        );
    }
    Ok(asked.or(of_name).unwrap_or(&FORMATS[0]))
}

/// Refuses to write binary data to a terminal.
fn not_onto_a_terminal(format: &WritableFormat, out: &Path, is_terminal: bool) -> Result<()> {
    let end = format.extensions[0];
    ensure!(
        format.is_text || !is_terminal || out != Path::new("-"),
        "{end} is not for a terminal; pass --out FILE.{end}, or redirect the output"
    );
    Ok(())
}

/// The sites that a pattern matches; without patterns all computed sites, and weights with `--weights`.
fn pass<'a>(reading: &'a Reading, name: ModelName, asked: &TraceArgs) -> PassExport<'a> {
    let globs: Vec<_> = asked.sites.iter().map(|glob| WildMatch::new(glob)).collect();
    let wanted = |site: &&Recorded| {
        let is_named = globs.iter().any(|glob| glob.matches(site.path()));
        if globs.is_empty() { asked.weights || !site.is_leaf } else { is_named }
    };
    let trace = reading.trace(name);
    let sites = trace.sites().filter(wanted).collect();
    PassExport { trace, sentence: &reading.sentence.text, changes: &reading.changes, sites }
}

/// The refusal of the first pattern that matches no site.
fn unmatched(passes: &[PassExport], asked: &TraceArgs) -> Option<anyhow::Error> {
    let is_matched = |glob: &&String| {
        let glob = WildMatch::new(glob);
        passes.iter().any(|pass| pass.sites.iter().any(|site| glob.matches(site.path())))
    };
    let glob = asked.sites.iter().find(|glob| !is_matched(glob))?;
    let paths = passes.iter().flat_map(|pass| pass.trace.sites()).map(Recorded::path);
    let near = near_clause(glob, paths, 3);
    let glob = shown(glob);
    Some(anyhow!("no site matches `{glob}`{near}; `lookback trace --list` names them all"))
}

/// Prints path, axes, shape and caption; the model first, if there are several.
fn list(passes: &[PassExport], out: &mut dyn Write) -> io::Result<()> {
    let out = &mut Visible(out);
    for PassExport { trace, sites, .. } in passes {
        for site in sites {
            let (names, sizes): (Vec<_>, Vec<_>) =
                axes(site).into_iter().map(|(name, size)| (name, size.to_string())).unzip();
            if passes.len() > 1 {
                write!(out, "{}\t", trace.model)?;
            }
            let (names, sizes) = (names.join(","), sizes.join("x"));
            writeln!(out, "{}\t{names}\t{sizes}\t{}", site.path(), site.caption())?;
        }
    }
    Ok(())
}

/// Writes to standard output, or to a file that appears complete or not at all.
fn to(
    place: &OutArgs,
    standard: &mut dyn Write,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Outcome {
    if place.out == Path::new("-") {
        return Ok(content(standard)?);
    }
    let mut files = Files::new([place.out.as_path()], place.force)?;
    files.stage(&place.out, content)?;
    Ok(files.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_file_means_a_form_unless_one_is_asked_for() {
        let meant = |format, out: &str| format_of(format, Path::new(out)).map(|format| format.id);
        let is = |format, out, wanted| meant(format, out).is_ok_and(|found| found == wanted);
        assert!(is(None, "-", TraceFormat::Json));
        assert!(is(None, "folder.npz/pass", TraceFormat::Json));
        assert!(is(None, "passes.jsonl", TraceFormat::Json));
        assert!(is(None, "pass.NPZ", TraceFormat::Npz));
        assert!(is(None, "a/pass.safetensors", TraceFormat::Safetensors));
        assert!(is(Some(TraceFormat::Npz), "pass.numbers", TraceFormat::Npz));
        assert!(is(Some(TraceFormat::Npz), "pass.npz", TraceFormat::Npz));
        assert!(meant(Some(TraceFormat::Npz), "pass.safetensors").is_err());
        assert!(meant(None, "pass.csv").is_err() && meant(None, "pass.npz.bak").is_err());
        assert!(meant(None, "new/").is_err() && meant(Some(TraceFormat::Npz), "new/").is_err());
    }

    #[test]
    fn arrays_go_to_files_and_pipes_only() {
        for format in &FORMATS {
            let may = |out, is_terminal| not_onto_a_terminal(format, Path::new(out), is_terminal);
            assert_eq!(may("-", true).is_ok(), format.is_text);
            assert!(may("-", false).is_ok() && may("pass", true).is_ok());
        }
    }
}
