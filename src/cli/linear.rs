//! `lookback --linear`: the walk as plain text, one step at a time, controlled by lines of input. It moves no cursor and
//! overwrites nothing, so it suits screen readers, slow connections and scripts.

use std::{
    io::{self, BufRead, Read, Write},
    sync::Arc,
};

use crate::{
    analysis::reading::{Reading, Readings},
    engine::change::{Change, Changes},
    lesson::{Language, tr},
    text::{
        shown,
        visible::{visible, visible_lines},
    },
    ui::{
        app::{
            Action, Command, Effect, PaletteChoice, ReadFailure, State, ViewKey, WalkStart,
            WhatIfKey, update,
        },
        memory::Memory,
        plain::{self, PlainStep},
    },
};

/// The limit on a line's bytes.
const MOST_BYTES: u64 = 16 * 1024;

/// The commands and their descriptions.
const COMMANDS: [(&str, &str); 21] = [
    ("Enter or n", "the next step"),
    ("p", "the step before"),
    ("r", "this step again"),
    ("a number", "that chapter, as in 3"),
    ("/words", "the step that matches best, as in /softmax"),
    ("#ID", "the step with that ID of `lookback steps`, as in #it-looks"),
    ("i SENTENCE", "another sentence, as in i The dog sleeps."),
    (":WHAT-IF", "a changed pass, as in :token.1=cat; : alone undoes it"),
    (", . [ ]", "the head before, the next; the layer below, above"),
    ("open ADDRESS", "how a number was computed, as in open logits[0,3]"),
    (":against=SENTENCE", "a second sentence, read beside the first"),
    (":words=WORD,WORD", "the words that the evidence is about, as in :words=il,elle"),
    ("x", "this head off, or on again"),
    ("C", "maps of attention as weights, norms of values, means, rollout"),
    ("S", "a table of heads sorted; units of feed-forward instead of the parts of a logit"),
    ("E or &", "which words counted: tokens of a word added up; for the whole output"),
    ("N or M", "one step of learning, or ten; : alone takes them back"),
    ("I TEXT", "what the model should learn to write, as in I Le chat dort."),
    ("!", "the hint of a lab; again, its solution"),
    ("? or help", "these commands"),
    ("q", "the end"),
];

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
enum LineCommand<'a> {
    Do(Command),
    Again,
    Find(&'a str),
    Id(&'a str),
    Sentence(&'a str),
    Change(&'a str),
    Target(&'a str),
    Open(&'a str),
    Help,
    Quit,
    Unknown(&'a str),
}

impl<'a> LineCommand<'a> {
    fn of(line: &'a str) -> Self {
        match (line, line.split_at_checked(1)) {
            ("" | "n", _) => Self::Do(Command::NextStep),
            ("p", _) => Self::Do(Command::PreviousStep),
            ("r", _) => Self::Again,
            ("q", _) => Self::Quit,
            ("?" | "help", _) => Self::Help,
            ("!", _) => Self::Do(Command::Lab),
            ("N", _) => Self::Do(Command::Learn(1)),
            ("M", _) => Self::Do(Command::Learn(10)),
            ("x", _) => Self::Do(Command::ToggleWhatIf(WhatIfKey::Head)),
            ("C", _) => Self::Do(Command::View(ViewKey::Attention)),
            ("S", _) => Self::Do(Command::Sort),
            ("E", _) => Self::Do(Command::View(ViewKey::ByWord)),
            ("&", _) => Self::Do(Command::View(ViewKey::ForOutput)),
            (",", _) => Self::Do(Command::Head(-1)),
            (".", _) => Self::Do(Command::Head(1)),
            ("[", _) => Self::Do(Command::Layer(-1)),
            ("]", _) => Self::Do(Command::Layer(1)),
            (":", _) => Self::Do(Command::Reset),
            _ if line.starts_with("open ") => Self::Open(line["open ".len()..].trim()),
            (_, Some((":", change))) => Self::Change(change.trim()),
            (_, Some(("I", text))) if text.starts_with(' ') => Self::Target(text.trim()),
            (_, Some(("i", text))) if text.starts_with(' ') => Self::Sentence(text.trim()),
            (_, Some(("/", words))) => Self::Find(words.trim()),
            (_, Some(("#", id))) => Self::Id(id.trim()),
            _ => line
                .parse()
                .map_or(Self::Unknown(line), |chapter| Self::Do(Command::Chapter(chapter))),
        }
    }
}

/// The most lines in a row that leave all as it was: more of them are not a script but some other file, or one without end.
const MOST_IDLE: usize = 100;

/// How the walk begins, with its first reading.
pub struct LinearStart {
    pub walk: WalkStart,
    pub readings: Readings,
    pub reading: Arc<Reading>,
}

/// Runs the walk until the input ends or a line quits; returns what is to be kept. `keep` is given it too whenever a
/// bookmark is set or a lab is solved.
pub fn run(
    start: LinearStart,
    is_prompted: bool,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    keep: &mut dyn FnMut(&Memory),
) -> io::Result<Memory> {
    let LinearStart { walk, mut readings, reading } = start;
    let reading = Arc::new(reading.waiting());
    let mut state = State::begin(walk);
    plain::opening(&reading, state.lesson.language, out)?;
    update(&mut state, Action::Read(Ok(reading)));
    update(&mut state, Action::Dismiss);
    show(&state, out)?;
    let (mut n_idle, mut kept) = (0, state.memory());
    loop {
        if is_prompted {
            let language = state.lesson.language;
            write!(out, "\n{}", language.tr("Enter goes on, ? lists the commands: "))?;
        }
        out.flush()?;
        let line = next_line(input)?;
        let text = line.as_deref().unwrap_or_default();
        if text.len() as u64 >= MOST_BYTES {
            let why = "A line is far too long to be a command, so the walk ends here.";
            return ended(&state, why, out);
        }
        let before = standing(&state);
        let goes_on = match &line {
            Some(line) => answer(&mut state, &mut readings, line.trim(), out)?,
            None => false,
        };
        let memory = state.memory();
        if !memory.has_marks_of(&kept) {
            keep(&memory);
            kept = memory;
        }
        n_idle = if standing(&state) == before { n_idle + 1 } else { 0 };
        if n_idle > MOST_IDLE && !is_prompted {
            let why = "Too many lines in a row change nothing, so the walk ends here.";
            return ended(&state, why, out);
        }
        if !goes_on {
            return Ok(state.memory());
        }
    }
}

/// Where the walk stands: what is read, and what of it is shown.
fn standing(state: &State) -> impl PartialEq + use<> {
    let sentence = state.passes.reading.as_ref().map(|reading| reading.sentence.text.clone());
    let picked = (state.nav.step, state.nav.selection, state.nav.view);
    (sentence, state.passes.changes.clone(), picked, state.hint_is_shown())
}

/// Says why the walk ends; returns what is to be kept.
fn ended(state: &State, why: &'static str, out: &mut dyn Write) -> io::Result<Memory> {
    writeln!(out, "\n{}", state.lesson.language.tr(why))?;
    Ok(state.memory())
}

/// The next line without its newline; None at the end of the input.
fn next_line(input: &mut dyn BufRead) -> io::Result<Option<String>> {
    let mut bytes = vec![];
    let n = input.take(MOST_BYTES).read_until(b'\n', &mut bytes)?;
    Ok((n > 0).then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Carries out a command; false if it quits.
fn answer(
    state: &mut State,
    readings: &mut Readings,
    line: &str,
    out: &mut dyn Write,
) -> io::Result<bool> {
    match LineCommand::of(line) {
        LineCommand::Quit => return Ok(false),
        LineCommand::Help => help(state.lesson.language, out)?,
        LineCommand::Again => show(state, out)?,
        LineCommand::Do(command) => {
            let before = standing(state);
            let effect = update(state, Action::Do(command));
            let is_another = standing(state) != before;
            match effect {
                Some(Effect::Read { sentence, changes }) => {
                    read(state, readings, &sentence, &changes, out)?;
                }
                _ => moved(state, is_another, out)?,
            }
        }
        LineCommand::Sentence(text) => {
            pick(state, readings, PaletteChoice::Sentence(text.to_owned()), out)?;
        }
        LineCommand::Change(written) => change(state, readings, written.parse(), out)?,
        LineCommand::Target(text) => change(state, readings, Change::teach(text), out)?,
        LineCommand::Open(address) => open(state, address, out)?,
        LineCommand::Find(words) => find(state, words, out)?,
        LineCommand::Id(id) => {
            if let Ok(step) = state.lesson.find(id) {
                update(state, Action::GoTo(step));
                return show(state, out).map(|()| true);
            }
            let (language, id) = (state.lesson.language, shown(id));
            writeln!(out, "\n{}", tr!(language, "No step has the ID {id}; / finds words.", id))?;
        }
        LineCommand::Unknown(line) => unknown(line, state.lesson.language, out)?,
    }
    Ok(true)
}

/// Reads the sentence with one more change, and prints the step or what is wrong with the change.
fn change(
    state: &mut State,
    readings: &mut Readings,
    change: anyhow::Result<Change>,
    out: &mut dyn Write,
) -> io::Result<()> {
    match change {
        Ok(change) => pick(state, readings, PaletteChoice::Change(change), out),
        Err(why) => writeln!(out, "\n{}.", visible(&why.to_string())),
    }
}

/// Reads what a choice asks for, and prints the step.
fn pick(
    state: &mut State,
    readings: &mut Readings,
    choice: PaletteChoice,
    out: &mut dyn Write,
) -> io::Result<()> {
    match update(state, Action::Pick(choice)) {
        Some(Effect::Read { sentence, changes }) => read(state, readings, &sentence, &changes, out),
        // Plain text is made of a reading that waits: what takes long is computed when it is printed.
        _ => Ok(()),
    }
}

/// Reads a sentence under changes, and prints the step with it or why it cannot be read.
fn read(
    state: &mut State,
    readings: &mut Readings,
    sentence: &str,
    changes: &Changes,
    out: &mut dyn Write,
) -> io::Result<()> {
    let outcome = readings
        .read(sentence, changes)
        .map(|reading| Arc::new(reading.waiting()))
        .map_err(|why| ReadFailure { sentence: sentence.to_owned(), why: why.into() });
    if let Ok(reading) = &outcome {
        plain::read(reading, state.lesson.language, out)?;
    }
    let language = state.lesson.language;
    let why = outcome.as_ref().err().map(|failure| language.refusal(&failure.why));
    update(state, Action::Read(outcome));
    update(state, Action::Dismiss);
    match why {
        Some(why) => writeln!(out, "\n{}.", visible(&why)),
        None => show(state, out),
    }
}

/// Prints the step if it is another or shows something else, or why it is the same.
fn moved(state: &State, is_another: bool, out: &mut dyn Write) -> io::Result<()> {
    let language = state.lesson.language;
    if is_another {
        return show(state, out);
    }
    if let Some(message) = &state.message {
        return writeln!(out, "\n{}", tr!(language, "Not moved: {why}.", why = message.text));
    }
    writeln!(out, "\n{}", language.tr("This is that step already. r says it again."))
}

fn find(state: &mut State, words: &str, out: &mut dyn Write) -> io::Result<()> {
    let (found, language) = (state.found(words), state.lesson.language);
    let Some((&best, others)) = found.split_first().filter(|_| !words.is_empty()) else {
        return writeln!(out, "\n{}", language.tr("No step matches that. ? lists the commands."));
    };
    update(state, Action::GoTo(best));
    show(state, out)?;
    if !others.is_empty() {
        let steps = state.lesson.steps();
        let names: Vec<&str> = others.iter().take(5).map(|&i| steps[i].1.id.as_str()).collect();
        let more = others.len().saturating_sub(names.len());
        let more = if more > 0 { tr!(language, ", and {more} more", more) } else { String::new() };
        let ids = format!("#{}", names.join(", #"));
        writeln!(out, "\n{}", tr!(language, "Also found: {ids}{more}.", ids, more))?;
    }
    Ok(())
}

/// Prints how a number was computed, or why it cannot be looked up.
fn open(state: &State, address: &str, out: &mut dyn Write) -> io::Result<()> {
    let Some(reading) = &state.passes.reading else { return Ok(()) };
    let (address, terms) = match address.strip_suffix("--all") {
        Some(address) => (address.trim_end(), usize::MAX),
        None => (address, super::open::TERMS),
    };
    match super::open::text(reading, state.current().1.model, address, terms) {
        Ok(text) => write!(out, "\n{}", visible_lines(&text)),
        Err(why) => writeln!(out, "\n{}.", visible(&format!("{why:#}"))),
    }
}

/// Says how a command is typed whose name stands alone, or that there is none of that name.
fn unknown(line: &str, language: Language, out: &mut dyn Write) -> io::Result<()> {
    let is_named = |(typed, _): &&(&str, &str)| typed.split(' ').next() == Some(line);
    let text = match COMMANDS.iter().find(is_named) {
        Some((typed, what)) => language.labelled(language.tr(typed), language.tr(what)),
        None => tr!(language, "No command is called {name}. ? lists them.", name = shown(line)),
    };
    writeln!(out, "\n{text}")
}

fn show(state: &State, out: &mut dyn Write) -> io::Result<()> {
    let Some(reading) = &state.passes.reading else { return Ok(()) };
    let shown = PlainStep { selection: &state.nav.selection, view: state.nav.view };
    plain::one(&state.lesson, reading, state.nav.step, shown, out)?;
    plain::paragraphs(&state.lab_paragraphs(), out)
}

fn help(language: Language, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}", language.tr("Commands, each ended with Enter:"))?;
    COMMANDS.iter().try_for_each(|(typed, what)| {
        writeln!(out, "- {}: {}", language.tr(typed), language.tr(what))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_ask_for_commands() {
        assert_eq!(LineCommand::of(""), LineCommand::Do(Command::NextStep));
        assert_eq!(LineCommand::of("3"), LineCommand::Do(Command::Chapter(3)));
        assert_eq!(LineCommand::of("/ soft max"), LineCommand::Find("soft max"));
        assert_eq!(LineCommand::of("#x"), LineCommand::Id("x"));
        assert_eq!(LineCommand::of("open logits[0,3]"), LineCommand::Open("logits[0,3]"));
        assert_eq!(LineCommand::of("help"), LineCommand::Help);
        assert_eq!(LineCommand::of("é"), LineCommand::Unknown("é"));
        assert_eq!(
            LineCommand::of("99999999999999999999999"),
            LineCommand::Unknown("99999999999999999999999")
        );
    }
}
