//! `lookback trace`: every value of a pass, by address.

use std::{
    io::{self, Write},
    path::Path,
};

use anyhow::anyhow;
use wildmatch::WildMatch;

use super::{
    Streams,
    args::{Out, Trace as Asked, TraceFormat},
    failure::{Outcome, Usage},
    read,
};
use crate::{
    export::{files::Files, json},
    model::Name,
    reading::Reading,
    text::{nearest, visible},
    trace::Recorded,
};

pub fn run(asked: &Asked, streams: &mut Streams) -> Outcome {
    let reading = read(&asked.text, streams)?;
    let chosen: Vec<_> =
        asked.model.0.iter().map(|&name| (name, sites(&reading, name, asked))).collect();
    if chosen.iter().all(|(_, sites)| sites.is_empty()) {
        return Err(nothing(&reading, asked)).usage();
    }
    let TraceFormat::Json = asked.format;
    to(&asked.out, streams.out, |out| {
        for (name, sites) in &chosen {
            if asked.list {
                list(sites, asked.model.0.len() > 1, *name, out)?;
            } else {
                json::write(
                    reading.trace(*name),
                    (&reading.sentence.text, &reading.changes),
                    sites,
                    out,
                )?;
            }
        }
        Ok(())
    })
}

/// Sites that a pattern matches; without a pattern all that are computed, weights if asked for.
fn sites<'a>(reading: &'a Reading, name: Name, asked: &Asked) -> Vec<&'a Recorded> {
    let globs: Vec<_> = asked.sites.iter().map(|glob| WildMatch::new(glob)).collect();
    let wanted = |site: &&Recorded| {
        let is_named = globs.iter().any(|glob| glob.matches(site.path()));
        if globs.is_empty() { asked.weights || !site.is_leaf } else { is_named }
    };
    reading.trace(name).sites().iter().filter(wanted).collect()
}

fn nothing(reading: &Reading, asked: &Asked) -> anyhow::Error {
    let globs = asked.sites.join(",");
    let models = asked.model.0.iter();
    let paths = models.flat_map(|&name| reading.trace(name).sites()).map(Recorded::path);
    let near = nearest(&globs, paths, 3).join(", ");
    let globs = visible(&globs);
    anyhow!(
        "no site matches `{globs}`; the nearest are {near}; `lookback trace --list` names them all"
    )
}

/// PATH, axes, shape, caption; before them the model, where there are several.
fn list(
    sites: &[&Recorded],
    is_one_of_many: bool,
    name: Name,
    out: &mut dyn Write,
) -> io::Result<()> {
    for site in sites {
        let (names, sizes): (Vec<_>, Vec<_>) =
            json::axes(site).into_iter().map(|(name, size)| (name, size.to_string())).unzip();
        if is_one_of_many {
            write!(out, "{name}\t")?;
        }
        let (names, sizes) = (names.join(","), sizes.join("x"));
        writeln!(out, "{}\t{names}\t{sizes}\t{}", site.path(), site.caption())?;
    }
    Ok(())
}

/// Writes to standard output, or to a file that appears whole or not at all.
fn to(
    place: &Out,
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
