//! `lookback models`: the checkpoints on this machine, and which of them can be opened.

use std::{
    io::{self, Write},
    path::MAIN_SEPARATOR,
    sync::Arc,
};

use anyhow::Result;
use rayon::prelude::*;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::{
    args::{ModelsArgs, ModelsFormat},
    failure::Outcome,
    inspect::width,
    streams::Streams,
};
use crate::{
    model::{Architecture, Model},
    text::{
        visible,
        visible::{shown, visible_json},
    },
    ui::widgets::lines::{fit, left, right},
    weights::{
        Checkpoint, Peek,
        memory::bytes,
        places::{LocalModel, Places},
    },
};

/// The whole listing; its JSON has the same fields.
#[derive(Serialize)]
struct Listing {
    schema: &'static str,
    version: u32,
    looked_in: Vec<String>,
    models: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    place: &'static str,
    path: String,
    bytes: u64,
    architecture: Option<String>,
    opens: bool,
    why_not: Option<String>,
}

pub fn run(asked: &ModelsArgs, streams: &mut Streams) -> Outcome {
    let listing = listing(&Places::of(&super::variable));
    match asked.format {
        ModelsFormat::Json => {
            let text = serde_json::to_string_pretty(&listing).map_err(anyhow::Error::from)?;
            Ok(writeln!(streams.out, "{}", visible_json(&text))?)
        }
        ModelsFormat::Table if listing.models.is_empty() => Ok(none(&listing, streams.out)?),
        ModelsFormat::Table => Ok(table(&listing.models, width(), streams.out)?),
    }
}

fn listing(places: &Places) -> Listing {
    let folders = places.folders().map(|folder| folder.to_string_lossy().into_owned());
    Listing {
        schema: "lookback-models",
        version: 1,
        looked_in: folders.collect(),
        models: places.models().par_iter().map(row).collect(),
    }
}

fn row(model: &LocalModel) -> Row {
    let Peek { architecture, n_bytes, obstacle } = Peek::at(&model.path);
    let why_not = model.obstacle.map(str::to_owned).or(obstacle);
    let why_not = why_not.or_else(|| unsupported(architecture.as_deref()));
    let why_not = why_not.or_else(|| refused(model));
    Row {
        name: model.name.clone(),
        place: model.place.title(),
        path: model.path.to_string_lossy().into_owned(),
        bytes: n_bytes,
        architecture,
        opens: why_not.is_none(),
        why_not,
    }
}

/// Why a model of this type cannot be run.
fn unsupported(architecture: Option<&str>) -> Option<String> {
    let Some(name) = architecture else {
        return Some("config.json does not say `model_type`".into());
    };
    let is_unknown = Architecture::named(name).is_none();
    is_unknown.then(|| format!("models of type `{}` cannot be run", shown(name)))
}

/// Why a model of a type that can be run is refused: a setting, a head, tensors that are not those of its settings.
fn refused(model: &LocalModel) -> Option<String> {
    let why = format!("{:#}", opened(model).err()?);
    // Its row says already what it is called and where it is.
    let path = shown(&model.path.to_string_lossy());
    let why = why.replace(&format!("{path}{MAIN_SEPARATOR}"), "").replace(&format!("{path}: "), "");
    let why = why.strip_prefix(&shown(&model.name)).unwrap_or(&why);
    Some(why.trim_start_matches([':', ' ']).to_owned())
}

fn opened(model: &LocalModel) -> Result<Arc<dyn Model>> {
    let checkpoint = Checkpoint::open(&model.path)?.titled(model.name.clone());
    Architecture::of(&checkpoint)?.open(&checkpoint)
}

fn none(listing: &Listing, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "No checkpoints were found. Looked in")?;
    for folder in &listing.looked_in {
        writeln!(out, "  {}", visible(folder))?;
    }
    writeln!(
        out,
        "\nOther programs fetch them, as in `hf download HuggingFaceTB/SmolLM2-135M` or `ollama pull smollm2:135m`;\n\
         a folder or a file elsewhere is given by its path: `lookback --model PATH`."
    )
}

const TITLES: [&str; 5] = ["NAME", "PLACE", "SIZE", "ARCHITECTURE", "OPENS"];

/// The columns of a row, safe to show.
fn cells(row: &Row) -> [String; 5] {
    let opens = row.why_not.as_ref().map_or_else(|| "yes".into(), |why| format!("no: {why}"));
    let mut lines = opens.lines();
    let first = lines.next().unwrap_or_default();
    // A colon ends a line that says nothing without the next.
    let next = lines.next().filter(|_| first.ends_with(':'));
    let opens = next.map_or_else(|| first.to_owned(), |next| format!("{first} {}", next.trim()));
    let size = if row.bytes == 0 { "-".into() } else { bytes(row.bytes) };
    let architecture = row.architecture.as_deref().map_or_else(|| "-".into(), shown);
    [shown(&row.name), row.place.into(), size, architecture, opens]
}

/// One model a line; the last column is cut to the width.
fn table(rows: &[Row], width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let titles = TITLES.map(str::to_owned);
    let lines: Vec<[String; 5]> = [titles].into_iter().chain(rows.iter().map(cells)).collect();
    let widest = |i: usize| lines.iter().map(|cells| cells[i].width()).max().unwrap_or(0);
    let (names, places, sizes, kinds) = (widest(0), widest(1), widest(2), widest(3));
    for [name, place, size, kind, opens] in &lines {
        let (name, place) = (left(name, names), left(place, places));
        let (size, kind) = (right(size, sizes), left(kind, kinds));
        let line = format!("{name}  {place}  {size}  {kind}  {opens}");
        writeln!(out, "{}", fit(line.trim_end(), width.unwrap_or(usize::MAX)))?;
    }
    Ok(())
}
