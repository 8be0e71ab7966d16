//! The search for steps: by title, by the terms of the glossary that they explain, by text.

use super::glossary::text_of;
use crate::lesson::{Lesson, Step};

/// Indices of the steps that match a query, best first; all steps if it is empty. Titles come before the steps that
/// explain a term of the glossary, and these before texts.
pub(super) fn found(lesson: &Lesson, query: &str) -> Vec<usize> {
    let query = query.trim().to_lowercase();
    let steps = lesson.steps();
    let explaining = explaining(lesson, &query);
    let rank = |(i, (chapter, step)): (usize, &(usize, &Step))| {
        let chapter = &lesson.chapters[*chapter].title;
        let by_title = rank(&query, [&step.title, &step.id, chapter, &step.formula]);
        let rank = match by_title {
            Some(rank) => (0, rank),
            None if explaining.contains(&i) => (1, 0),
            None if is_in_text(step, &query) => (2, 0),
            None => return None,
        };
        Some((rank, i))
    };
    let mut found: Vec<_> = steps.iter().enumerate().filter_map(rank).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, i)| i).collect()
}

/// The steps that explain the terms whose names begin with the query.
fn explaining(lesson: &Lesson, query: &str) -> Vec<usize> {
    if query.is_empty() {
        return vec![];
    }
    let terms = lesson.glossary.iter().enumerate();
    let named = terms.filter(|(_, term)| {
        let mut names = std::iter::once(&term.term).chain(&term.also);
        names.any(|name| name.to_lowercase().starts_with(query))
    });
    named.filter_map(|(i, _)| explained(lesson, i)).collect()
}

/// Index of the step that explains a term: the first with the term in its title or its chapter's, else in its text.
pub(super) fn explained(lesson: &Lesson, term: usize) -> Option<usize> {
    let term = lesson.glossary.get(term)?;
    let steps = lesson.steps();
    let first = |text: fn(&Step) -> String| steps.iter().position(|(_, s)| term.is_in(&text(s)));
    let mut chapters = lesson.chapters.iter();
    let chapter = chapters.position(|chapter| term.is_in(&chapter.title));
    let chapter_start = chapter.and_then(|chapter| first_of(lesson, chapter));
    first(|s| s.title.clone())
        .into_iter()
        .chain(chapter_start)
        .min()
        .or_else(|| first(|s| s.text.source.clone()))
        .or_else(|| first(text_of))
}

/// Index of a chapter's first step; None if there is no such chapter.
pub(super) fn first_of(lesson: &Lesson, chapter: usize) -> Option<usize> {
    let chapters = &lesson.chapters;
    (chapter < chapters.len())
        .then(|| chapters[..chapter].iter().map(|chapter| chapter.steps.len()).sum())
}

/// Whether the text or the further text of a step has all words of a query.
fn is_in_text(step: &Step, query: &str) -> bool {
    let text = [step.text.source.as_str(), &step.deeper.source].join("\n").to_lowercase();
    query.split_whitespace().all(|word| text.contains(word))
}

/// How well texts, in order of weight, match a query: 0 is best. None if no text matches.
fn rank(query: &str, texts: [&str; 4]) -> Option<usize> {
    let texts = texts.map(str::to_lowercase);
    let starts = |t: &String| t.starts_with(query);
    let starts_word = |t: &String| t.match_indices(query).any(|(i, _)| !ends_in_word(&t[..i]));
    let contains = |t: &String| t.contains(query);
    let contains_all_words = |t: &String| query.split_whitespace().all(|word| t.contains(word));
    let criteria: [&dyn Fn(&String) -> bool; 4] =
        [&starts, &starts_word, &contains, &contains_all_words];
    let best = |t: &String| criteria.iter().position(|test| test(t));
    let ranks = texts.iter().enumerate().filter_map(|(i, t)| Some(best(t)? * texts.len() + i));
    let joined = texts.join(" ");
    ranks.min().or_else(|| contains_all_words(&joined).then_some(usize::MAX))
}

fn ends_in_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(char::is_alphanumeric)
}
