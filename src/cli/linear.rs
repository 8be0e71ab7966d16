//! `lookback --linear`: the walk as plain text, one step at a time, controlled by lines of input. It moves no cursor and
//! overwrites nothing, so it suits screen readers, slow connections and scripts.

use crate::lesson::Language;
use crate::lesson::tr;
use std::{
    io::{self, BufRead, Read, Write},
    sync::Arc,
};

use crate::{
    analysis::reading::Reading,
    lesson::Lesson,
    text::shown,
    ui::{
        app::{Action, Command, State, update},
        plain,
        theme::{Depth, Glyphs, Theme},
    },
};

/// The limit on a line's bytes.
const MOST_BYTES: u64 = 16 * 1024;

/// The commands and their descriptions.
const COMMANDS: [(&str, &str); 8] = [
    ("Enter or n", "the next step"),
    ("p", "the step before"),
    ("r", "this step again"),
    ("a number", "that chapter, as in 3"),
    ("/words", "the step that matches best, as in /softmax"),
    ("#ID", "the step with that ID of `lookback steps`, as in #it-looks"),
    ("?", "these commands"),
    ("q", "the end"),
];

/// The command of a line.
#[derive(Debug, PartialEq, Eq)]
enum Asked<'a> {
    Do(Command),
    Again,
    Find(&'a str),
    Id(&'a str),
    Help,
    Quit,
    Unknown(&'a str),
}

impl<'a> Asked<'a> {
    fn of(line: &'a str) -> Self {
        match (line, line.split_at_checked(1)) {
            ("" | "n", _) => Self::Do(Command::NextStep),
            ("p", _) => Self::Do(Command::PreviousStep),
            ("r", _) => Self::Again,
            ("q", _) => Self::Quit,
            ("?", _) => Self::Help,
            (_, Some(("/", words))) => Self::Find(words.trim()),
            (_, Some(("#", id))) => Self::Id(id.trim()),
            _ => line
                .parse()
                .map_or(Self::Unknown(line), |chapter| Self::Do(Command::Chapter(chapter))),
        }
    }
}

/// Runs the walk until the input ends or a line quits.
pub fn run(
    lesson: Arc<Lesson>,
    reading: Arc<Reading>,
    step: usize,
    is_prompted: bool,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> io::Result<()> {
    reading.measures(); // some of the narration waits for them
    plain::opening(&reading, lesson.language, out)?;
    let mut state = State::new(lesson, Theme::new(Depth::None, Glyphs::Ascii));
    update(&mut state, Action::Read(Ok(reading)));
    update(&mut state, Action::GoTo(step));
    show(&state, out)?;
    loop {
        if is_prompted {
            let language = state.lesson.language;
            write!(out, "\n{}", language.tr("Enter goes on, ? lists the commands: "))?;
        }
        out.flush()?;
        let Some(line) = next_line(input)? else { return Ok(()) };
        if line.len() as u64 >= MOST_BYTES {
            let text = state
                .lesson
                .language
                .tr("A line is far too long to be a command, so the walk ends here.");
            return writeln!(out, "\n{text}");
        }
        if !answer(&mut state, line.trim(), out)? {
            return Ok(());
        }
    }
}

/// The next line without its newline; None at the end of the input.
fn next_line(input: &mut dyn BufRead) -> io::Result<Option<String>> {
    let mut bytes = vec![];
    let n = input.take(MOST_BYTES).read_until(b'\n', &mut bytes)?;
    Ok((n > 0).then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Carries out a command; false if it quits.
fn answer(state: &mut State, line: &str, out: &mut dyn Write) -> io::Result<bool> {
    match Asked::of(line) {
        Asked::Quit => return Ok(false),
        Asked::Help => help(state.lesson.language, out)?,
        Asked::Again => show(state, out)?,
        Asked::Do(command) => {
            let before = state.nav.step;
            update(state, Action::Do(command));
            moved(state, before, out)?;
        }
        Asked::Find(words) => find(state, words, out)?,
        Asked::Id(id) => match state.lesson.find(id) {
            Ok(step) => {
                update(state, Action::GoTo(step));
                show(state, out)?;
            }
            Err(why) => writeln!(out, "\n{}.", shown(&why.to_string()))?,
        },
        Asked::Unknown(line) => {
            let (language, name) = (state.lesson.language, shown(line));
            let text = tr!(language, "No command is called {name}. ? lists them.", name);
            writeln!(out, "\n{text}")?;
        }
    }
    Ok(true)
}

/// Prints the new step, or why it is the same.
fn moved(state: &State, before: usize, out: &mut dyn Write) -> io::Result<()> {
    let language = state.lesson.language;
    if let Some(message) = &state.message {
        let why = message.text.replace(language.tr("; g goes back to the first"), "");
        return writeln!(out, "\n{}", tr!(language, "Not moved: {why}.", why));
    }
    if state.nav.step == before {
        return writeln!(out, "\n{}", language.tr("This is that step already. r says it again."));
    }
    show(state, out)
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

fn show(state: &State, out: &mut dyn Write) -> io::Result<()> {
    let Some(reading) = &state.passes.reading else { return Ok(()) };
    plain::one(&state.lesson, reading, state.nav.step, &state.nav.selection, out)
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
        assert_eq!(Asked::of(""), Asked::Do(Command::NextStep));
        assert_eq!(Asked::of("3"), Asked::Do(Command::Chapter(3)));
        assert_eq!(Asked::of("/ soft max"), Asked::Find("soft max"));
        assert_eq!(Asked::of("#x"), Asked::Id("x"));
        assert_eq!(Asked::of("é"), Asked::Unknown("é"));
        assert_eq!(Asked::of("99999999999999999999999"), Asked::Unknown("99999999999999999999999"));
    }
}
