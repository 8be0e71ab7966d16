//! The glossary, the terms of the current step first.

use tui_input::Input;

use super::{Command, Line, Overlay, State, wrap};
use crate::lesson::{Paragraph, Span, Step};

impl State {
    /// Indices of the terms that match a query, the step's terms first; and the number of the step's terms.
    pub fn terms(&self, query: &str) -> (Vec<usize>, usize) {
        let query = query.trim().to_lowercase();
        let glossary = self.lesson.glossary.iter().enumerate();
        let matches = |text: &str| text.to_lowercase().contains(&query);
        let found = glossary.filter(|(_, term)| {
            matches(&term.term) || term.also.iter().any(|also| !query.is_empty() && matches(also))
        });
        let text = text_of(self.current().1);
        let (here, elsewhere): (Vec<_>, Vec<_>) = found.partition(|(_, term)| term.is_in(&text));
        let n_here = here.len();
        (here.into_iter().chain(elsewhere).map(|(i, _)| i).collect(), n_here)
    }

    /// The definitions of the terms that the step's title and shown text have, in lines of `width` columns, as many as
    /// fit whole in `n_lines`; none before the first reading. A blank line is before the first, and before each if the
    /// screen is airy.
    pub(super) fn definitions(&self, width: u16, n_lines: usize, is_airy: bool) -> Vec<Line> {
        if self.passes.reading.is_none() {
            return vec![];
        }
        let step = self.current().1;
        let further = if self.guide.is_deeper { step.deeper.source.as_str() } else { "" };
        let text = joined([&step.title, &step.text.source, further]);
        let mut lines: Vec<Line> = vec![];
        for term in self.lesson.glossary.iter().filter(|term| term.is_in(&text)) {
            let span = |text: String, strong| Span { text, site: None, strong, is_term: strong };
            let spans =
                vec![span(term.term.clone(), true), span(format!(": {}", term.text), false)];
            let definition = wrap(&[Paragraph { spans }], |_| None, width, false);
            let n_blank = usize::from(is_airy || lines.is_empty());
            if lines.len() + n_blank + definition.len() <= n_lines {
                lines.extend(vec![vec![]; n_blank]);
                lines.extend(definition);
            }
        }
        lines
    }

    pub(super) fn open_glossary(&mut self) {
        if self.lesson.glossary.is_empty() {
            self.show_message("this lesson has no glossary");
        } else {
            self.overlay = Overlay::Glossary { query: Input::default(), chosen: 0 };
        }
    }

    pub(super) fn run_in_glossary(&mut self, command: Command) {
        let Overlay::Glossary { query, chosen } = &self.overlay else { return };
        let (found, _) = self.terms(query.value());
        let chosen = *chosen;
        match command {
            Command::Accept => match found.get(chosen).and_then(|&term| self.explained(term)) {
                Some(step) => {
                    self.overlay = Overlay::None;
                    self.enter(step);
                }
                None => self.show_message("no such word; Esc leaves the glossary"),
            },
            Command::Move(rows, _) => self.overlay.move_by(rows, found.len()),
            _ => {}
        }
    }

    /// Index of the step that explains a term: the first with the term in its title or its chapter's, else in its
    /// text.
    pub fn explained(&self, term: usize) -> Option<usize> {
        let term = self.lesson.glossary.get(term)?;
        let steps = self.lesson.steps();
        let first =
            |text: fn(&Step) -> String| steps.iter().position(|(_, s)| term.is_in(&text(s)));
        let mut chapters = self.lesson.chapters.iter();
        let chapter = chapters.position(|chapter| term.is_in(&chapter.title));
        let chapter_start = chapter.and_then(|chapter| self.first_of(chapter));
        first(|s| s.title.clone())
            .into_iter()
            .chain(chapter_start)
            .min()
            .or_else(|| first(|s| s.text.source.clone()))
            .or_else(|| first(text_of))
    }
}

/// Title, text and further text of a step.
fn text_of(step: &Step) -> String {
    joined([&step.title, &step.text.source, &step.deeper.source])
}

/// Texts one after the other, with single spaces.
fn joined(texts: [&str; 3]) -> String {
    texts.join("\n").split_whitespace().collect::<Vec<_>>().join(" ")
}
