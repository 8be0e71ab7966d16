//! The palette: a search for everything that can be done here.
//!
//! Commands, what-ifs, steps, stations of the map and sites; a query that parses as a what-if (`temperature=2`) or an address
//! (`logits[0,12]`) is offered as one.

use crate::lesson::Language;
use crate::lesson::tr;
use crate::ui::words::change_in_words;
use nucleo_matcher::{
    Config, Matcher,
    pattern::{CaseMatching, Normalization, Pattern},
};

use super::{KEYS, key_name};
use crate::{
    analysis::{evidence::slopes::LossSlopes, map::Station, measure::find::FINDERS},
    engine::{change::Change, site::Address, value::Cell},
    model::Name,
    ui::app::{Command as C, PaletteChoice, State, ViewKey, WhatIfKey},
};

/// A row of the palette.
pub struct Entry {
    pub text: String,
    /// Its key, chapter or caption.
    pub detail: String,
    pub pick: PaletteChoice,
}

impl AsRef<str> for Entry {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// The commands of the palette, with their names.
pub static COMMANDS: &[(C, &str)] = &[
    (C::NextStep, "next step"),
    (C::PreviousStep, "step before"),
    (C::NextChapter, "next chapter"),
    (C::PreviousChapter, "chapter before"),
    (C::FirstStep, "first step"),
    (C::LastStep, "last step"),
    (C::Find, "find a step"),
    (C::Edit, "another sentence"),
    (C::Unfold, "unfold this step once more"),
    (C::Lab, "a lab's hint, and its solution"),
    (C::StarPair, "the star pair: too tired, or too wide"),
    (C::Accept, "open the number under the cursor"),
    (C::ToggleWhatIf(WhatIfKey::Mask), "what if: causal mask off"),
    (C::ToggleWhatIf(WhatIfKey::Head), "what if: this head out"),
    (C::ToggleWhatIf(WhatIfKey::Layer), "what if: this layer out"),
    (C::ToggleWhatIf(WhatIfKey::Positions), "what if: positions off"),
    (C::ToggleWhatIf(WhatIfKey::Scaling), "what if: scaling off"),
    (C::ToggleWhatIf(WhatIfKey::Residual), "what if: residuals off"),
    (C::Temperature, "what if: another temperature"),
    (C::SetNumber, "what if: set the number under the cursor"),
    (C::Learn(1), "learn: one step"),
    (C::Learn(10), "learn: ten steps"),
    (C::Teach, "learn: what the model should write"),
    (C::Difference, "show the difference a change makes, or the pass before it"),
    (C::OtherSentence, "set another sentence beside this one"),
    (C::FirstDifference, "the first number that a change affects"),
    (C::Follow, "follow the word under the cursor, or explain its row"),
    (C::View(ViewKey::Attention), "attention: weights, norms of values, means, rollout"),
    (C::View(ViewKey::Logarithmic), "colours: logarithmic, or linear"),
    (C::View(ViewKey::FirstToken), "colours of attention: leave out the first word, or not"),
    (C::View(ViewKey::Threshold(-1)), "flow graph: more lines"),
    (C::View(ViewKey::Threshold(1)), "flow graph: fewer lines"),
    (C::Work, "patched values: stop the map, or go on with it"),
    (C::Reset, "undo all changes"),
    (C::NextPane, "next pane"),
    (C::PreviousPane, "pane before"),
    (C::Layer(-1), "layer below"),
    (C::Layer(1), "layer above"),
    (C::Head(-1), "head before"),
    (C::Head(1), "next head"),
    (C::Zoom(1), "zoom in"),
    (C::Zoom(-1), "zoom out"),
    (C::Screen(1, 0), "one screen down"),
    (C::Screen(-1, 0), "one screen up"),
    (C::Screen(0, 1), "one screen to the right"),
    (C::Screen(0, -1), "one screen to the left"),
    (C::FindCell, "find a cell of the matrix"),
    (C::FindAgain, "find the next such cell"),
    (C::Sort, "sort the table of heads"),
    (C::Bookmark, "bookmark this step, or remove its bookmark"),
    (C::Bookmarks, "list the bookmarks"),
    (C::Resume, "resume the last walk"),
    (C::NextTheme, "next colour theme"),
    (C::Deeper, "show the deeper paragraph, or hide it"),
    (C::Glossary, "what a word means"),
    (C::Play, "autoplay: start or stop"),
    (C::Pace(1), "autoplay: faster"),
    (C::Pace(-1), "autoplay: slower"),
    (C::Tour, "the short tour, or the whole walk"),
    (C::Questions, "questions to predict first, or none"),
    (C::Export, "export this frame to a file"),
    (C::Copy, "copy this frame as text"),
    (C::Help, "all keys"),
    (C::Suspend, "to the shell"),
    (C::Quit, "quit"),
];

/// Examples of what-ifs with a number; others can be typed.
const NUMERIC_EXAMPLES: [&str; 6] =
    ["temperature=0.5", "temperature=2", "sample=1", "top_k=5", "top_p=0.9", "beam=4"];

/// Entries that match a query, best first.
pub fn entries(state: &State, query: &str) -> Vec<Entry> {
    let query = query.trim();
    let mut entries: Vec<Entry> = literal_entry(state, query).into_iter().collect();
    if query.is_empty() {
        entries.extend(all_entries(state));
        return entries;
    }
    let literal = entries.first().map(|entry| entry.pick.clone());
    let is_other = |entry: &Entry| Some(&entry.pick) != literal.as_ref();
    let pattern = Pattern::parse(query, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
    // A step with this id comes before other matches.
    let named = state.lesson.steps().iter().position(|(_, step)| step.id == query);
    let is_named =
        |entry: &Entry| matches!(entry.pick, PaletteChoice::Step(step) if Some(step) == named);
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
fn literal_entry(state: &State, query: &str) -> Option<Entry> {
    if query.contains('=') {
        return Some(what_if_entry(query, state.lesson.language));
    }
    if !query.ends_with(']') {
        return None;
    }
    let pick = match query.parse::<Address>() {
        Err(why) => PaletteChoice::Nothing(why.to_string()),
        Ok(address) => model_of(state, &address).map_or_else(
            || {
                let language = state.lesson.language;
                PaletteChoice::Nothing(tr!(language, "no model has a number {address}", address))
            },
            |model| PaletteChoice::Open(model, address.clone()),
        ),
    };
    Some(Entry {
        text: query.to_owned(),
        detail: state.lesson.language.tr("open this number").into(),
        pick,
    })
}

fn what_if_entry(query: &str, language: Language) -> Entry {
    let (detail, pick) = match query.parse::<Change>() {
        Ok(change) => {
            let words = change_in_words(&change, language);
            (tr!(language, "what if: {words}", words), PaletteChoice::Change(change))
        }
        Err(why) => (why.to_string(), PaletteChoice::Nothing(why.to_string())),
    };
    Entry { text: query.to_owned(), detail, pick }
}

/// The step's model if it has the cell, else the first model that has it.
fn model_of(state: &State, address: &Address) -> Option<Name> {
    let reading = state.passes.reading.as_ref()?;
    let has_slope =
        |model: Name| LossSlopes::has_address(address) && reading.open(model, address).is_ok();
    let has = |model: &Name| {
        reading.has(*model) && (reading.trace(*model).cell(address).is_ok() || has_slope(*model))
    };
    [state.current().1.model].into_iter().chain(Name::ALL).find(has)
}

fn all_entries(state: &State) -> Vec<Entry> {
    let mut entries: Vec<Entry> = COMMANDS
        .iter()
        .map(|(command, text)| command_entry(*command, state.lesson.language.tr(text)))
        .collect();
    entries.extend(finder_entries(state.lesson.language));
    entries.extend(change_entries(state));
    entries.extend(step_entries(state));
    entries.extend(station_entries(state));
    entries.extend(shelf_entries(state));
    entries.extend(site_entries(state));
    entries
}

fn command_entry(command: C, text: &str) -> Entry {
    let key = KEYS.iter().flat_map(|binding| binding.keys).find(|(_, c)| *c == command);
    let detail = key.map_or_else(String::new, |(key, _)| key_name(*key));
    Entry { text: text.to_owned(), detail, pick: PaletteChoice::Command(command) }
}

/// Entries of the finders for cells in the focused matrix.
fn finder_entries(language: Language) -> impl Iterator<Item = Entry> {
    FINDERS.iter().enumerate().map(move |(i, finder)| Entry {
        text: format!("{}{}", language.tr("find: "), language.tr(finder.name)),
        detail: language.tr("in the matrix").into(),
        pick: PaletteChoice::Command(C::RunFinder(i)),
    })
}

fn change_entries(state: &State) -> Vec<Entry> {
    let Some(reading) = &state.passes.reading else { return vec![] };
    let entry = |change: Change| Entry {
        text: change.to_string(),
        detail: state.lesson.language.tr("what if").into(),
        pick: PaletteChoice::Change(change),
    };
    let examples = NUMERIC_EXAMPLES.iter().filter_map(|text| text.parse().ok());
    reading.trace(state.current().1.model).parts_off().chain(examples).map(entry).collect()
}

fn step_entries(state: &State) -> Vec<Entry> {
    let entry = |(i, (chapter, step)): (usize, &(usize, &crate::lesson::Step))| Entry {
        text: format!("{} ({})", step.title, step.id),
        detail: tr!(state.lesson.language, "step, chapter {chapter}", chapter),
        pick: PaletteChoice::Step(i),
    };
    state.lesson.steps().iter().enumerate().map(entry).collect()
}

/// Entries of the map's stations, each with the title of the step that it leads to.
fn station_entries(state: &State) -> Vec<Entry> {
    let Some(map) = state.map() else { return vec![] };
    let language = state.lesson.language;
    let entry = |station: &Station| {
        let step = state.step_of_station(station)?;
        Some(Entry {
            text: format!("{}{}", language.tr("map: "), station.path),
            detail: state.lesson.step(step).1.title.clone(),
            pick: PaletteChoice::Step(step),
        })
    };
    map.stations().filter_map(entry).collect()
}

/// Entries of the sentences of the shelf.
fn shelf_entries(state: &State) -> impl Iterator<Item = Entry> {
    state.lesson.shelf.iter().map(|sentence| Entry {
        text: sentence.text.clone(),
        detail: sentence.shows.clone(),
        pick: PaletteChoice::Sentence(sentence.text.clone()),
    })
}

/// Entries of the sites of every model in the step, those of its own model first.
fn site_entries(state: &State) -> Vec<Entry> {
    let (_, step) = state.current();
    let mut models = vec![step.model];
    for model in step.panes.iter().map(|pane| step.model_of(pane)) {
        if !models.contains(&model) {
            models.push(model);
        }
    }
    models.into_iter().flat_map(|model| site_entries_of(state, model)).collect()
}

fn site_entries_of(state: &State, model: Name) -> Vec<Entry> {
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
        Entry {
            text: site.path().to_owned(),
            detail: if is_own {
                language.tr(site.caption()).to_owned()
            } else {
                format!("{}: {}", language.tr(model.title()), language.tr(site.caption()))
            },
            pick: PaletteChoice::Open(model, site.address(cell)),
        }
    };
    reading.trace(model).sites().map(entry).collect()
}
