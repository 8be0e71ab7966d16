//! The palette: a search for everything that can be done here.
//!
//! Commands, what-ifs, steps, stations of the map and sites; a query that parses as a what-if (`temperature=2`) or an address
//! (`logits[0,12]`) is offered as one.

use nucleo_matcher::{
    Config, Matcher,
    pattern::{CaseMatching, Normalization, Pattern},
};

use super::{KeyCommand, commands, key_name};
use crate::{
    analysis::{map::Station, measure::find::FINDERS},
    engine::{
        change::{Change, Changes, question},
        site::{Address, AddressKind},
        value::Cell,
    },
    lesson::{Language, tr},
    model::ModelName,
    ui::{
        app::{Command, PaletteChoice, State},
        descriptions::changes_in_words,
    },
};

/// A row of the palette.
pub struct PaletteEntry {
    pub text: String,
    /// Its key, chapter or caption.
    pub detail: String,
    pub pick: PaletteChoice,
}

impl AsRef<str> for PaletteEntry {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// Examples of what-ifs with a number; others can be typed.
const NUMERIC_EXAMPLES: [&str; 6] =
    ["temperature=0.5", "temperature=2", "sample=1", "top_k=5", "top_p=0.9", "beam=4"];

/// Entries that match a query, best first.
pub fn entries(state: &State, query: &str) -> Vec<PaletteEntry> {
    let query = query.trim();
    let mut entries: Vec<PaletteEntry> = literal_entry(state, query).into_iter().collect();
    if query.is_empty() {
        entries.extend(all_entries(state));
        return entries;
    }
    let literal = entries.first().map(|entry| entry.pick.clone());
    let is_other = |entry: &PaletteEntry| Some(&entry.pick) != literal.as_ref();
    let pattern = Pattern::parse(query, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
    // A step with this id comes before other matches.
    let named = state.lesson.steps().iter().position(|(_, step)| step.id == query);
    let is_named = |entry: &PaletteEntry| matches!(entry.pick, PaletteChoice::Step(step) if Some(step) == named);
    let (named, rest): (Vec<_>, Vec<_>) =
        all_entries(state).into_iter().filter(is_other).partition(is_named);
    entries.extend(named);
    let found = pattern.match_list(rest, &mut matcher);
    entries.extend(found.into_iter().map(|(entry, _)| entry));
    entries
}

/// The action of the entry with this index.
pub fn pick(state: &State, query: &str, chosen: usize) -> PaletteChoice {
    let entry = entries(state, query).into_iter().nth(chosen);
    let language = state.lesson.language;
    let query = query.trim();
    let nothing = || PaletteChoice::Nothing(tr!(language, "nothing matches “{query}”", query));
    entry.map_or_else(nothing, |entry| entry.pick)
}

/// The entry for a query written as a what-if or an address.
fn literal_entry(state: &State, query: &str) -> Option<PaletteEntry> {
    if query.contains('=') {
        return Some(what_if_entry(state, query));
    }
    if !query.ends_with(']') {
        return None;
    }
    let pick = match query.parse::<Address>() {
        Err(why) => PaletteChoice::Nothing(state.lesson.language.refusal(&why)),
        Ok(address) => model_of(state, &address).map_or_else(
            || {
                let language = state.lesson.language;
                PaletteChoice::Nothing(tr!(language, "no model has a number {address}", address))
            },
            |model| PaletteChoice::Open(model, address.clone()),
        ),
    };
    Some(PaletteEntry {
        text: query.to_owned(),
        detail: state.lesson.language.tr("open this number").into(),
        pick,
    })
}

fn what_if_entry(state: &State, query: &str) -> PaletteEntry {
    let language = state.lesson.language;
    let checked = question(query).and_then(|changes| {
        changes.iter().try_for_each(|change| state.check_change(change))?;
        Ok(changes)
    });
    let (detail, pick) = match checked {
        _ if query.find('=') == Some(query.len() - 1) => {
            let text =
                tr!(language, "type a value for {subject}", subject = query.trim_end_matches('='));
            (text.clone(), PaletteChoice::Nothing(text))
        }
        Ok(changes) => {
            let all: Changes = changes.iter().cloned().collect();
            let words = changes_in_words(&all, language);
            let pick = match <[Change; 1]>::try_from(changes) {
                Ok([change]) => PaletteChoice::Change(change),
                Err(changes) => PaletteChoice::EvidenceWords(changes),
            };
            (tr!(language, "what if: {words}", words), pick)
        }
        Err(why) => {
            let why = language.refusal(&why);
            (why.clone(), PaletteChoice::Nothing(why))
        }
    };
    PaletteEntry { text: query.to_owned(), detail, pick }
}

/// The step's model if it has the cell, else the first model that has it.
fn model_of(state: &State, address: &Address) -> Option<ModelName> {
    let reading = state.passes.reading.as_ref()?;
    let has_number = |model: ModelName| match address.kind {
        AddressKind::Value => reading.trace(model).cell(address).is_ok(),
        _ => reading.open(model, address).is_ok(),
    };
    let has = |model: &ModelName| reading.has(*model) && has_number(*model);
    [state.current().1.model].into_iter().chain(ModelName::ALL).find(has)
}

fn all_entries(state: &State) -> Vec<PaletteEntry> {
    let mut entries: Vec<PaletteEntry> = command_entries(state.lesson.language).collect();
    entries.extend(finder_entries(state.lesson.language));
    entries.extend(change_entries(state));
    entries.extend(step_entries(state));
    entries.extend(station_entries(state));
    entries.extend(shelf_entries(state));
    entries.extend(site_entries(state));
    entries
}

/// Entries of the commands that have a name, each with its first key.
fn command_entries(language: Language) -> impl Iterator<Item = PaletteEntry> {
    commands().filter_map(move |KeyCommand { command, name, keys }| {
        Some(PaletteEntry {
            text: language.tr((*name)?).to_owned(),
            detail: keys.first().map_or_else(String::new, |key| key_name(*key)),
            pick: PaletteChoice::Command(*command),
        })
    })
}

/// Entries of the finders for cells in the focused matrix.
fn finder_entries(language: Language) -> impl Iterator<Item = PaletteEntry> {
    FINDERS.iter().enumerate().map(move |(i, finder)| PaletteEntry {
        text: format!("{}{}", language.tr("find: "), language.tr(finder.name)),
        detail: language.tr("in the matrix").into(),
        pick: PaletteChoice::Command(Command::RunFinder(i)),
    })
}

fn change_entries(state: &State) -> Vec<PaletteEntry> {
    let Some(reading) = &state.passes.reading else { return vec![] };
    let entry = |change: Change| PaletteEntry {
        text: change.to_string(),
        detail: state.lesson.language.tr("what if").into(),
        pick: PaletteChoice::Change(change),
    };
    let examples = NUMERIC_EXAMPLES.iter().filter_map(|text| text.parse().ok());
    reading.trace(state.current().1.model).parts_off().chain(examples).map(entry).collect()
}

fn step_entries(state: &State) -> Vec<PaletteEntry> {
    let entry = |(i, (chapter, step)): (usize, &(usize, &crate::lesson::Step))| PaletteEntry {
        text: format!("{} ({})", step.title, step.id),
        detail: tr!(state.lesson.language, "step, chapter {chapter}", chapter),
        pick: PaletteChoice::Step(i),
    };
    state.lesson.steps().iter().enumerate().map(entry).collect()
}

/// Entries of the map's stations, each with the title of the step that it leads to.
fn station_entries(state: &State) -> Vec<PaletteEntry> {
    let Some(map) = state.map() else { return vec![] };
    let language = state.lesson.language;
    let entry = |station: &Station| {
        let step = state.step_of_station(station)?;
        Some(PaletteEntry {
            text: format!("{}{}", language.tr("map: "), station.path),
            detail: state.lesson.step(step).1.title.clone(),
            pick: PaletteChoice::Step(step),
        })
    };
    map.stations().filter_map(entry).collect()
}

/// Entries of the sentences of the shelf.
fn shelf_entries(state: &State) -> impl Iterator<Item = PaletteEntry> {
    state.lesson.shelf.iter().map(|sentence| PaletteEntry {
        text: sentence.text.clone(),
        detail: sentence.shows.clone(),
        pick: PaletteChoice::Sentence(sentence.text.clone()),
    })
}

/// Entries of the sites of every model in the step, those of its own model first.
fn site_entries(state: &State) -> Vec<PaletteEntry> {
    let (_, step) = state.current();
    let mut models = vec![step.model];
    for model in step.panes.iter().map(|pane| step.model_of(pane)) {
        if !models.contains(&model) {
            models.push(model);
        }
    }
    models.into_iter().flat_map(|model| site_entries_of(state, model)).collect()
}

fn site_entries_of(state: &State, model: ModelName) -> Vec<PaletteEntry> {
    let Some(reading) = &state.passes.reading else { return vec![] };
    let selection = state.nav.selection;
    let is_own = model == state.current().1.model;
    let language = state.lesson.language;
    let entry = |site: &crate::analysis::trace::Recorded| {
        let shape = site.shape();
        let within = |i: usize, n: usize| i.min(n - 1);
        let cell = Cell::new(
            within(selection.head, shape.planes),
            within(selection.row, shape.rows),
            within(selection.col, shape.cols),
        );
        PaletteEntry {
            text: site.path().to_owned(),
            detail: if is_own {
                language.tr(site.caption()).to_owned()
            } else {
                language.labelled(language.tr(model.title()), language.tr(site.caption()))
            },
            pick: PaletteChoice::Open(model, site.address(cell)),
        }
    };
    reading.trace(model).sites().map(entry).collect()
}
