//! The glossary, the terms of the current step first.

use super::{Line, wrap};
use crate::lesson::{Lesson, Paragraph, Span, Step, tr};

/// The terms of the glossary that match a query.
pub struct FoundTerms {
    /// Indices of the terms, those of the step first.
    pub terms: Vec<usize>,
    /// The number of the step's terms.
    pub n_here: usize,
}

pub(super) fn terms(lesson: &Lesson, step: &Step, query: &str) -> FoundTerms {
    let query = query.trim().to_lowercase();
    let glossary = lesson.glossary.iter().enumerate();
    let matches = |text: &str| text.to_lowercase().contains(&query);
    let found = glossary.filter(|(_, term)| {
        matches(&term.term) || term.also.iter().any(|also| !query.is_empty() && matches(also))
    });
    let text = text_of(step);
    let (here, elsewhere): (Vec<_>, Vec<_>) = found.partition(|(_, term)| term.is_in(&text));
    let n_here = here.len();
    FoundTerms { terms: here.into_iter().chain(elsewhere).map(|(i, _)| i).collect(), n_here }
}

/// Where definitions go: lines of a width, as many as fit.
#[derive(Clone, Copy)]
pub(super) struct Space {
    pub width: u16,
    pub n_lines: usize,
    /// Whether a blank line is before each definition, and not only before the first.
    pub is_airy: bool,
}

/// The definitions of the terms that a step's title and shown text have, those that fit whole.
pub(super) fn definitions(
    lesson: &Lesson,
    step: &Step,
    shows_further_text: bool,
    space: Space,
) -> Vec<Line> {
    let further = if shows_further_text { step.deeper.source.as_str() } else { "" };
    let text = joined([&step.title, &step.text.source, further]);
    let mut lines: Vec<Line> = vec![];
    for term in lesson.glossary.iter().filter(|term| term.is_in(&text)) {
        let span = |text: String, strong| Span { text, site: None, strong, is_term: strong };
        let text = tr!(lesson.language, ": {text}", text = term.text);
        let spans = vec![span(term.term.clone(), true), span(text, false)];
        let definition = wrap(&[Paragraph { spans }], |_| None, space.width, false);
        let n_blank = usize::from(space.is_airy || lines.is_empty());
        if lines.len() + n_blank + definition.len() <= space.n_lines {
            lines.extend(vec![vec![]; n_blank]);
            lines.extend(definition);
        }
    }
    lines
}

/// Title, text and further text of a step.
pub(super) fn text_of(step: &Step) -> String {
    joined([&step.title, &step.text.source, &step.deeper.source])
}

/// Texts one after the other, with single spaces.
fn joined(texts: [&str; 3]) -> String {
    texts.join("\n").split_whitespace().collect::<Vec<_>>().join(" ")
}
