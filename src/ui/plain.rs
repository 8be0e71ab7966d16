//! The whole walk as linear text: for pipes, files and screen readers.
//!
//! Headings for chapters and steps, the narration, and the numbers of the panes in words. Nothing depends on columns,
//! colour or glyphs.

use crate::ui::descriptions::{adapted_notes, changes_in_words, unknown_in_words, unread_in_words};
use std::io::{self, Write};

use crate::{
    analysis::reading::Reading,
    lesson::{
        Language, Lesson, PaneSpec, Paragraph, Selection, Step, looks_through, narrate,
        quiz::QuizQuestion, tr,
    },
    text::{visible, wrapped},
    ui::{
        panes::{self, PaneWords, Scene, View},
        theme::{Depth, Glyphs, Theme},
    },
};

const WIDTH: usize = 80;

/// What of a step is described: the selection, and what its maps show.
#[derive(Clone, Copy)]
pub struct PlainStep<'a> {
    pub selection: &'a Selection,
    pub view: View,
}

/// Which steps of the walk are written.
#[derive(Clone, Copy)]
pub struct PlainRange {
    /// The first, 0-based.
    pub from: usize,
    /// Whether of the others only those of the short tour.
    pub in_tour: bool,
}

/// Writes the steps of a range.
///
/// # Errors
/// If the writer fails.
pub fn walk(
    lesson: &Lesson,
    reading: &Reading,
    PlainRange { from, in_tour }: PlainRange,
    view: View,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (reading, language) = (&reading.waiting(), lesson.language);
    opening(reading, lesson.language, out)?;
    let steps = lesson.steps();
    let mut chapter = None;
    let is_written = |i: usize, step: &Step| i == from || !in_tour || step.in_tour;
    let written = steps.iter().enumerate().skip(from).filter(|(i, (_, s))| is_written(*i, s));
    for (i, (in_chapter, _)) in written {
        if chapter.replace(*in_chapter) != Some(*in_chapter) {
            let title = &lesson.chapters[*in_chapter].title;
            let chapter = tr!(language, "Chapter {n}. {title}", n = in_chapter, title);
            writeln!(out, "\n\n# {chapter}")?;
        }
        let selection = lesson.start(i, reading);
        step(i, lesson, reading, PlainStep { selection: &selection, view }, out)?;
    }
    writeln!(out, "\n")?;
    write_wrapped(
        out,
        "",
        language.tr("End of the walk. `lookback open ADDRESS` shows how a number was computed."),
    )
}

/// Writes one step under the title of its chapter.
///
/// # Errors
/// If the writer fails.
pub fn one(
    lesson: &Lesson,
    reading: &Reading,
    i: usize,
    shown: PlainStep,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (chapter, _) = lesson.step(i);
    let title = &lesson.chapters[chapter].title;
    writeln!(out, "\n{}", tr!(lesson.language, "Chapter {n}. {title}", n = chapter, title))?;
    step(i, lesson, reading, shown, out)
}

/// Writes paragraphs, each after an empty line.
///
/// # Errors
/// If the writer fails.
pub fn paragraphs(paragraphs: &[Paragraph], out: &mut dyn Write) -> io::Result<()> {
    for paragraph in paragraphs {
        writeln!(out)?;
        write_wrapped(out, "", &paragraph_text(paragraph))?;
    }
    Ok(())
}

/// Text of a question: a title, the question, and its options on a line each.
pub fn question(title: &str, asked: &QuizQuestion) -> String {
    let question = asked.question.iter().map(paragraph_text);
    let options = asked.options.iter().map(|option| format!("- {option}"));
    let lines: Vec<String> = question.chain(options).collect();
    format!("{title}\n\n{}", lines.join("\n"))
}

/// Writes what the walk is, and [`read`].
///
/// # Errors
/// If the writer fails.
pub fn opening(reading: &Reading, language: Language, out: &mut dyn Write) -> io::Result<()> {
    let reads = match &reading.card {
        Some(card) => tr!(language, "{model} reads a text", model = card.title),
        None => language.tr("an RNN and a Transformer read a sentence").to_owned(),
    };
    write_wrapped(out, "", &tr!(language, "Lookback: {reads}, step by step.", reads))?;
    let note = language.tr(
        "Where a text speaks of keys, colours, lines or a map, it means the screen; its numbers are here in words.",
    );
    write_wrapped(out, "", note)?;
    read(reading, language, out)
}

/// Writes the sentence, its number of tokens, its changes, how it is read, and the words that no model knows.
///
/// # Errors
/// If the writer fails.
pub fn read(reading: &Reading, language: Language, out: &mut dyn Write) -> io::Result<()> {
    let sentence = &reading.sentence;
    writeln!(out)?;
    write_wrapped(out, "", &tr!(language, "The sentence: {text}", text = visible(&sentence.text)))?;
    writeln!(out, "{}", tr!(language, "Tokens: {n}.", n = sentence.tokens.len()))?;
    if reading.plain.is_some() {
        let words = visible(&changes_in_words(&reading.changes, language));
        write_wrapped(out, "", &tr!(language, "This is a changed pass: {words}.", words))?;
    }
    let adapted = adapted_notes(sentence, language, usize::MAX);
    for note in adapted.into_iter().chain(unread_in_words(sentence, language)) {
        write_wrapped(out, "", &tr!(language, "Note: {note}.", note))?;
    }
    if sentence.first_unread().is_some() {
        return Ok(());
    }
    for unknown in sentence.unknown_words() {
        let word = unknown_in_words(unknown, language);
        write_wrapped(out, "", &tr!(language, "Never seen in training: {word}.", word))?;
    }
    Ok(())
}

fn step(
    i: usize,
    lesson: &Lesson,
    reading: &Reading,
    PlainStep { selection, view }: PlainStep,
    out: &mut dyn Write,
) -> io::Result<()> {
    let steps = lesson.steps();
    let ((_, step), language) = (steps[i], lesson.language);
    let place = tr!(
        language,
        "Step {n} of {all}. {title}",
        n = i + 1,
        all = steps.len(),
        title = step.title
    );
    writeln!(out, "\n\n## {place}\n")?;
    let formula = formula_text(&step.formula, language);
    if !formula.is_empty() {
        write_wrapped(out, "", &tr!(language, "Formula: {formula}", formula))?;
    }
    write_wrapped(out, "", &tr!(language, "Source: {source}", source = step.source))?;
    if step.shows_change(reading) {
        changed(step, reading, selection, language, out)?;
    }
    if let Some(row) = looks_through(step, reading, selection) {
        reading.lens(step.model, row); // the narration needs it
    }
    paragraphs(&narrate(step, reading, selection), out)?;
    for pane in step.panes.iter().filter(|pane| !pane.kind.is_measured_here()) {
        if pane.kind.has_attention_forms()
            && let Some(path) = pane.path(selection.layer)
        {
            reading.attention_map(step.model_of(pane), &path, view.attention);
        }
        let shown = PlainStep { selection, view };
        let described = pane_in_words(step, pane, reading, shown, lesson.language);
        writeln!(out)?;
        write_wrapped(out, "", &format!("{}{}", described.heading, language.tr(": ").trim_end()))?;
        for line in &described.lines {
            write_wrapped(out, "- ", line)?;
        }
    }
    Ok(())
}

/// Writes that the pass is changed, and what the step's model writes in it and before.
fn changed(
    step: &Step,
    reading: &Reading,
    selection: &Selection,
    language: Language,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out)?;
    write_wrapped(out, "", &visible(&step.changed_pass(reading, selection)))?;
    let Some(before) = reading.plain_trace(step.model) else { return Ok(()) };
    let [now, was] = [reading.trace(step.model), before].map(|trace| trace.output_text.trim());
    let text = match (now, was) {
        ("", "") => return Ok(()),
        _ if now == was => tr!(language, "It writes the same: {text}", text = now),
        _ => tr!(language, "It writes: {now} It wrote: {was}", now, was),
    };
    write_wrapped(out, "", &visible(&text))
}

/// Heading and numbers of a pane in words, under the title that the lesson gives it.
fn pane_in_words(
    step: &Step,
    pane: &PaneSpec,
    reading: &Reading,
    PlainStep { selection, view }: PlainStep,
    language: Language,
) -> PaneWords {
    let (model, theme) = (step.model_of(pane), Theme::new(Depth::None, Glyphs::Ascii));
    let scene = Scene {
        reading,
        language,
        model,
        selection: *selection,
        theme: &theme,
        focused: false,
        marks: &[],
        shows_difference: false,
        changed: None,
        beat: None,
        times: None,
        view,
    };
    let PaneWords { heading, lines } = panes::new_pane(pane, scene).in_words();
    let title = pane.title.as_ref().filter(|title| *title != model.title());
    let title = title.map(|title| language.labelled(language.tr(title), "")).unwrap_or_default();
    PaneWords { heading: format!("{title}{heading}"), lines }
}

/// A formula whose parts, which wide gaps separate on the screen, are separated by semicolons.
fn formula_text(formula: &str, language: Language) -> String {
    let parts = formula.split("  ").map(str::trim).filter(|part| !part.is_empty());
    parts.fold(String::new(), |text, part| match text.chars().last() {
        None => part.to_owned(),
        Some(';' | ',' | ':') => format!("{text} {part}"),
        Some(_) => [&text, language.tr("; "), part].concat(),
    })
}

fn paragraph_text(paragraph: &Paragraph) -> String {
    paragraph.spans.iter().map(|span| span.text.as_str()).collect()
}

/// Writes text in lines of at most [`WIDTH`] columns; a longer word has a line of its own. Scripts without spaces
/// break between characters.
fn write_wrapped(out: &mut dyn Write, bullet: &str, text: &str) -> io::Result<()> {
    let indent = " ".repeat(bullet.len());
    for (i, line) in wrapped(text, WIDTH - bullet.len()).iter().enumerate() {
        writeln!(out, "{}{line}", if i == 0 { bullet } else { &indent })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() -> io::Result<()> {
        let mut out = vec![];
        let long = "x".repeat(90);
        write_wrapped(&mut out, "- ", &format!("{} {long} b", "a ".repeat(50)))?;
        let text = String::from_utf8_lossy(&out);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("- {}a", "a ".repeat(38)));
        assert_eq!(lines[2], format!("  {long}"));
        assert_eq!(lines[3], "  b");
        Ok(())
    }

    #[test]
    fn parts_of_a_formula_are_separated() {
        let pairs = [
            ("path: n-1 and 1    steps: O(n)", "path: n-1 and 1; steps: O(n)"),
            ("A V;  norm(y);  norm(z)", "A V; norm(y); norm(z)"),
            ("x ← m · x / 0.9,  m = 0", "x ← m · x / 0.9, m = 0"),
            ("Q = x W_Q   K = x W_K   V = x W_V", "Q = x W_Q; K = x W_K; V = x W_V"),
        ];
        for (formula, text) in pairs {
            assert_eq!(formula_text(formula, Language::English), text);
        }
    }

    #[test]
    fn chinese_lines_break_between_characters() -> io::Result<()> {
        let mut out = vec![];
        write_wrapped(&mut out, "- ", &format!("RNN {}，然后「停」。", "读".repeat(37)))?;
        let text = String::from_utf8_lossy(&out);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("- RNN {}", "读".repeat(36)));
        assert_eq!(lines[1], "  读，然后「停」。");
        Ok(())
    }
}
