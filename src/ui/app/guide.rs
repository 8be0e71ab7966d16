//! Guidance through the walk: questions before the text, further paragraphs, the short tour, and automatic page
//! turning.
//!
//! Time advances only with [`super::Action::Tick`].

use std::{collections::BTreeMap, time::Duration};

use super::{
    Command,
    reply::{Notice, Reply},
};
use crate::lesson::{Language, Lesson, Paragraph, Span, Step, quiz::QuizQuestion, tr};

/// Selectable multiples of the usual reading speed.
const PACES: [f32; 7] = [0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0];
const DEFAULT_PACE: usize = 2;

/// Settings and progress of the guidance.
#[derive(Clone, Debug)]
pub struct Guide {
    /// The step whose lab's hint is shown.
    pub(super) hinted: Option<usize>,
    /// Whether the further paragraph is shown.
    pub is_deeper: bool,
    /// Whether next and previous visit only the steps of the short tour.
    pub in_tour: bool,
    /// Whether a step's question comes before its text; false where nobody can answer.
    pub asks_questions: bool,
    /// The question on the screen.
    pub quiz: Option<OpenQuiz>,
    /// The step whose question could not be asked yet.
    pub(super) question_to_come: Option<usize>,
    /// Verdict on the last answer, shown above the text.
    pub(super) verdict: Option<Vec<Paragraph>>,
    /// By step id, for the current sentence: whether the answer was right.
    answers: BTreeMap<String, bool>,
    /// Time for which the step has been shown; None while pages do not turn.
    pub(super) page_time: Option<Duration>,
    pace: usize,
}

impl Default for Guide {
    fn default() -> Self {
        Self {
            hinted: None,
            is_deeper: false,
            in_tour: false,
            asks_questions: false,
            quiz: None,
            question_to_come: None,
            verdict: None,
            answers: BTreeMap::new(),
            page_time: None,
            pace: DEFAULT_PACE,
        }
    }
}

/// An unanswered question, with the index of the chosen option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenQuiz {
    pub asked: QuizQuestion,
    pub chosen: usize,
}

impl Guide {
    /// A guide with the selectable pace nearest to `pace`.
    pub fn at_pace(pace: f32) -> Self {
        let distance = |i: &usize| ((PACES[*i] - pace).abs() * 1000.0) as u32;
        let pace = (0..PACES.len()).min_by_key(distance).unwrap_or(DEFAULT_PACE);
        Self { pace, ..Self::default() }
    }

    /// Starts automatic page turning.
    #[must_use]
    pub fn playing(mut self) -> Self {
        self.page_time = Some(Duration::ZERO);
        self
    }

    /// Number of right answers, and of all answers.
    pub fn score(&self) -> (usize, usize) {
        (self.answers.values().filter(|&&right| right).count(), self.answers.len())
    }

    pub const fn is_playing(&self) -> bool {
        self.page_time.is_some()
    }

    pub fn pace(&self) -> f32 {
        PACES[self.pace]
    }

    /// Forgets the answers, which hold for one sentence.
    pub(super) fn clear_answers(&mut self) {
        self.answers.clear();
    }

    /// Closes what belongs to the step before.
    pub(super) fn begin_step(&mut self, step: usize) {
        (self.quiz, self.verdict) = (None, None);
        self.question_to_come = None;
        self.hinted = self.hinted.filter(|hinted| *hinted == step);
        self.page_time = self.page_time.map(|_| Duration::ZERO);
    }

    /// Whether a step's question is to be asked: it has not been answered, and questions are on.
    pub(super) fn asks(&self, step: &Step) -> bool {
        self.asks_questions && !self.answers.contains_key(&step.id)
    }

    /// Opens a question.
    pub(super) fn ask(&mut self, asked: Option<QuizQuestion>) -> Option<Notice> {
        self.quiz = asked.map(|asked| OpenQuiz { asked, chosen: 0 });
        let waits = self.quiz.is_some() && self.page_time.take().is_some();
        waits.then(|| "a question: autoplay waits for your answer; a resumes it".into())
    }

    /// Runs a command on the open question; None if there is none or it does not handle the command. What Enter does is
    /// left to [`Self::answer`].
    pub(super) fn run_in_quiz(&mut self, command: Command) -> Option<Reply> {
        let quiz = self.quiz.as_mut()?;
        match command {
            Command::Move(by, 0) => {
                let last = quiz.asked.options.len().saturating_sub(1);
                quiz.chosen = quiz.chosen.saturating_add_signed(by).min(last);
                Some(Reply::NONE)
            }
            Command::Leave | Command::NextStep => {
                self.quiz = None;
                Some(Reply::says("skipped"))
            }
            Command::Move(..) | Command::Layer(_) | Command::Head(_) => {
                Some(Reply::says("↑ ↓ choose, Enter answers, Esc skips the question"))
            }
            Command::NextPane | Command::PreviousPane | Command::Deeper | Command::Glossary => {
                Some(Reply::says("first the question: ↑ ↓ choose, Enter answers, Esc skips it"))
            }
            _ => None,
        }
    }

    /// Answers the question of the step with this id by the chosen option; false if none is open.
    pub(super) fn answer(&mut self, step: &str, language: Language) -> bool {
        let Some(OpenQuiz { asked, chosen }) = self.quiz.take() else { return false };
        let is_right = chosen == asked.right;
        self.answers.insert(step.to_owned(), is_right);
        let (right, n) = self.score();
        let option = |i: usize| asked.options[i].as_str();
        let result = if is_right {
            tr!(language, "Right: {option}.", option = option(chosen))
        } else {
            tr!(
                language,
                "Not {chosen}; it is {right}.",
                chosen = option(chosen),
                right = option(asked.right)
            )
        };
        let mut verdict = strong_paragraph(format!("{result} "));
        verdict.spans.extend(asked.reveal.into_iter().flat_map(|p| p.spans));
        verdict.spans.push(plain_span(tr!(language, " ({right} of {n} so far.)", right, n)));
        self.verdict = Some(vec![verdict]);
        true
    }

    pub(super) fn toggle_questions(&mut self) -> Notice {
        self.asks_questions = !self.asks_questions;
        if self.asks_questions {
            return "questions come before answers from the next step on".into();
        }
        self.quiz = None;
        "no more questions; P turns them on again".into()
    }

    pub(super) fn toggle_deeper(&mut self) -> Notice {
        self.is_deeper = !self.is_deeper;
        if self.is_deeper {
            "deeper: one paragraph more at every step; PgDn scrolls".into()
        } else {
            "the short text again".into()
        }
    }
}

/// The short tour.
impl Guide {
    /// Indices of the steps that next and previous visit.
    pub(super) fn stops(&self, lesson: &Lesson) -> Vec<usize> {
        let steps = lesson.steps().into_iter().enumerate();
        let is_stop = |step: &Step| !self.in_tour || step.in_tour;
        steps.filter(|(_, (_, step))| is_stop(step)).map(|(i, _)| i).collect()
    }

    /// The stop after a step.
    pub(super) fn next_stop(&self, lesson: &Lesson, step: usize) -> Option<usize> {
        self.stops(lesson).into_iter().find(|&stop| stop > step)
    }

    /// The stop before a step.
    pub(super) fn previous_stop(&self, lesson: &Lesson, step: usize) -> Option<usize> {
        self.stops(lesson).into_iter().rev().find(|&stop| stop < step)
    }

    /// Switches between the tour and all steps; enters the nearest stop.
    pub(super) fn toggle_tour(&mut self, lesson: &Lesson, step: usize) -> Reply {
        self.in_tour = !self.in_tour;
        if !self.in_tour {
            return Reply::says("the full walk again");
        }
        let stops = self.stops(lesson);
        // On from here; back to the last stop only from a step after it.
        let nearest = stops.iter().find(|&&stop| stop >= step).or(stops.last());
        let n = stops.len();
        let notice = tr!(lesson.language, "the short tour, {n} steps; T goes back to all", n);
        Reply { step: nearest.copied().filter(|stop| *stop != step), ..Reply::says(notice) }
    }
}

/// Automatic page turning.
impl Guide {
    pub(super) fn toggle_play(&mut self) -> Option<Notice> {
        if self.page_time.take().is_some() {
            return Some("autoplay is off".into());
        }
        if self.quiz.is_some() {
            return Some("first the question: ↑ ↓ choose, Enter answers, Esc skips it".into());
        }
        self.page_time = Some(Duration::ZERO);
        None
    }

    pub(super) fn pace_by(&mut self, by: isize, language: Language) -> Option<Notice> {
        let pace = self.pace.saturating_add_signed(by).min(PACES.len() - 1);
        let is_edge = pace == self.pace;
        self.pace = pace;
        (is_edge || !self.is_playing()).then(|| {
            tr!(language, "pace {pace}; a starts and stops autoplay", pace = self.pace()).into()
        })
    }

    /// Stops page turning when another key is pressed.
    pub(super) fn stop_playing(&mut self) -> Option<Notice> {
        self.page_time.take().map(|_| "autoplay is paused; a resumes it".into())
    }

    /// Adds elapsed time to that of the page; returns it, or None while pages do not turn.
    pub(super) fn spend(&mut self, elapsed: Duration) -> Option<Duration> {
        self.page_time = self.page_time.map(|spent| spent + elapsed);
        self.page_time
    }

    /// Ends page turning at the last step.
    pub(super) fn end_playing(&mut self) -> Notice {
        self.page_time = None;
        Notice::with_key("that was the last step", "g goes back to the first")
    }
}

/// The question, its options and the keys, a paragraph each.
pub(super) fn question_paragraphs(quiz: &OpenQuiz, language: Language) -> Vec<Paragraph> {
    let mut lines: Vec<Paragraph> = quiz.asked.question.clone();
    for (i, option) in quiz.asked.options.iter().enumerate() {
        let is_chosen = i == quiz.chosen;
        let line = if is_chosen { format!("▸ {option}") } else { format!("· {option}") };
        lines.push(if is_chosen { strong_paragraph(line) } else { paragraph_of(plain_span(line)) });
    }
    lines.push(paragraph_of(plain_span(
        language.tr("↑ ↓ choose · Enter answers · Esc skips").to_owned(),
    )));
    lines
}

pub(super) const fn plain_span(text: String) -> Span {
    Span { text, site: None, strong: false, is_term: false }
}

pub(super) fn paragraph_of(span: Span) -> Paragraph {
    Paragraph { spans: vec![span] }
}

pub(super) fn strong_paragraph(text: String) -> Paragraph {
    paragraph_of(Span { strong: true, ..plain_span(text) })
}
