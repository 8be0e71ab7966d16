//! Guidance through the walk: questions before the text, further paragraphs, the short tour, and automatic page
//! turning.
//!
//! Time advances only with [`super::Action::Tick`].

use std::{collections::BTreeMap, time::Duration};

use super::{Command, Line, State};
use crate::lesson::{
    Language, Paragraph, Span, deepen, mark_terms, narrate, question, quiz::Question, tr,
};

/// Reading speed at pace 1, in words per minute.
const WORDS_A_MINUTE: f32 = 200.0;
/// Time for looking at the panes, added to the reading time.
const LOOKING_TIME: Duration = Duration::from_secs(3);
/// Selectable multiples of [`WORDS_A_MINUTE`].
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
    /// Verdict on the last answer, shown above the text.
    verdict: Option<Vec<Paragraph>>,
    /// By step id, for the current sentence: whether the answer was right.
    answers: BTreeMap<String, bool>,
    /// Time for which the step has been shown; None while pages do not turn.
    page_time: Option<Duration>,
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
    pub asked: Question,
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
}

impl State {
    /// Whether this state needs ticks: pages turn or a step unfolds, and no export is being named.
    pub fn wants_ticks(&self) -> bool {
        !self.is_exporting()
            && self.passes.reading.is_some()
            && (self.guide.is_playing() || self.is_unfolding())
    }

    /// The paragraphs of the narration: the open question alone, or else verdict, text, further text and score.
    pub(super) fn paragraphs(&self) -> Vec<Paragraph> {
        let Some(reading) = &self.passes.reading else { return vec![] };
        if let Some(quiz) = &self.guide.quiz {
            return question_paragraphs(quiz, self.lesson.language);
        }
        let (_, step) = self.current();
        let mut paragraphs = self.guide.verdict.clone().unwrap_or_default();
        let selection = self.narration_selection();
        if step.shows_change(reading) {
            paragraphs.push(paragraph_of(plain_span(step.changed_pass(reading, &selection))));
        }
        // What a solved lab shows stands first: below the task it would be out of view on a small screen.
        let lab = self.lab_paragraphs();
        let (solved, unsolved) = if self.solves_lab() { (lab, vec![]) } else { (vec![], lab) };
        paragraphs.extend(solved);
        paragraphs.extend(narrate(step, reading, &selection));
        if self.guide.is_deeper {
            paragraphs.extend(deepen(step, reading, &selection));
        }
        paragraphs.extend(unsolved);
        paragraphs.extend(self.summary());
        mark_terms(&self.lesson.glossary, &paragraphs)
    }

    /// The further text of the step, after a blank line, if it fits whole in `n_lines` and is not shown anyway.
    pub(super) fn further_text(&self, width: u16, n_lines: usize) -> Vec<Line> {
        let Some(reading) = self.passes.reading.as_ref().filter(|_| !self.guide.is_deeper) else {
            return vec![];
        };
        let (_, step) = self.current();
        let paragraphs = deepen(step, reading, &self.narration_selection());
        let lines = [vec![vec![]], self.measured(&paragraphs, true).lines(width)].concat();
        if paragraphs.is_empty() || lines.len() > n_lines { vec![] } else { lines }
    }

    /// The score of the predictions, on the last step.
    fn summary(&self) -> Option<Paragraph> {
        let (right, n) = self.guide.score();
        (n > 0 && self.nav.step + 1 == self.n_steps()).then(|| {
            let language = self.lesson.language;
            strong_paragraph(tr!(language, "{right} of {n} predictions right.", right, n))
        })
    }

    /// Opens the step's question, unless it has been answered or questions are off.
    pub(super) fn ask_question(&mut self) {
        (self.guide.quiz, self.guide.verdict) = (None, None);
        self.guide.hinted = self.guide.hinted.filter(|step| *step == self.nav.step);
        self.guide.page_time = self.guide.page_time.map(|_| Duration::ZERO);
        let (_, step) = self.current();
        if !self.guide.asks_questions || self.guide.answers.contains_key(&step.id) {
            return;
        }
        let Some(reading) = &self.passes.reading else { return };
        let asked = question(step, reading, &self.narration_selection());
        self.guide.quiz = asked.map(|asked| OpenQuiz { asked, chosen: 0 });
        if self.guide.quiz.is_some() && self.guide.page_time.take().is_some() {
            self.show_message("a question: autoplay waits for your answer; a resumes it");
        }
    }

    /// Runs a command on the open question; false if there is none or it does not handle the command.
    pub(super) fn run_in_quiz(&mut self, command: Command) -> bool {
        let Some(quiz) = &mut self.guide.quiz else { return false };
        match command {
            Command::Move(by, 0) => {
                let last = quiz.asked.options.len().saturating_sub(1);
                quiz.chosen = quiz.chosen.saturating_add_signed(by).min(last);
            }
            Command::Accept => self.answer(),
            Command::Leave | Command::NextStep => {
                self.guide.quiz = None;
                self.show_message("skipped");
            }
            Command::Move(..) | Command::Layer(_) | Command::Head(_) => {
                self.show_message("↑ ↓ choose, Enter answers, Esc skips the question");
            }
            Command::NextPane | Command::PreviousPane | Command::Deeper | Command::Glossary => {
                self.show_message("first the question: ↑ ↓ choose, Enter answers, Esc skips it");
            }
            _ => return false,
        }
        true
    }

    fn answer(&mut self) {
        let Some(OpenQuiz { asked, chosen }) = self.guide.quiz.take() else { return };
        let is_right = chosen == asked.right;
        let id = self.current().1.id.clone();
        self.guide.answers.insert(id, is_right);
        let (right, n) = self.guide.score();
        let option = |i: usize| asked.options[i].as_str();
        let language = self.lesson.language;
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
        self.guide.verdict = Some(vec![verdict]);
        self.nav.scroll = 0;
        self.unfold();
    }

    pub(super) fn toggle_questions(&mut self) {
        self.guide.asks_questions = !self.guide.asks_questions;
        if self.guide.asks_questions {
            self.show_message("questions come before answers from the next step on");
        } else {
            self.guide.quiz = None;
            self.show_message("no more questions; P turns them on again");
        }
    }

    pub(super) fn toggle_deeper(&mut self) {
        let n_lines_before = self.n_narration_lines();
        self.guide.is_deeper = !self.guide.is_deeper;
        // If not everything fits, scroll to the new paragraph.
        self.nav.scroll = if self.guide.is_deeper { n_lines_before } else { 0 };
        self.show_message(if self.guide.is_deeper {
            "deeper: one paragraph more at every step; PgDn scrolls"
        } else {
            "the short text again"
        });
    }
}

/// The short tour.
impl State {
    /// Indices of the steps that next and previous visit.
    fn stops(&self) -> Vec<usize> {
        let steps = self.lesson.steps().into_iter().enumerate();
        let is_stop = |step: &crate::lesson::Step| !self.guide.in_tour || step.in_tour;
        steps.filter(|(_, (_, step))| is_stop(step)).map(|(i, _)| i).collect()
    }

    /// Number of the current tour stop (from 1), and of all stops; None outside the tour.
    pub fn tour_position(&self) -> Option<(usize, usize)> {
        let stops = self.stops();
        let number = stops.iter().filter(|&&stop| stop <= self.nav.step).count();
        self.guide.in_tour.then_some((number, stops.len()))
    }

    pub(super) fn next_stop(&self) -> Option<usize> {
        self.stops().into_iter().find(|&stop| stop > self.nav.step)
    }

    pub(super) fn previous_stop(&self) -> Option<usize> {
        self.stops().into_iter().rev().find(|&stop| stop < self.nav.step)
    }

    pub(super) fn toggle_tour(&mut self) {
        self.guide.in_tour = !self.guide.in_tour;
        if !self.guide.in_tour {
            self.show_message("the full walk again");
            return;
        }
        let stops = self.stops();
        // On from here; back to the last stop only from a step after it.
        let nearest = stops.iter().find(|&&stop| stop >= self.nav.step).or(stops.last());
        if let Some(&stop) = nearest.filter(|&&stop| stop != self.nav.step) {
            self.enter(stop);
        }
        self.show_message(tr!(
            self.lesson.language,
            "the short tour, {n} steps; T goes back to all",
            n = stops.len()
        ));
    }
}

/// Automatic page turning.
impl State {
    pub(super) fn toggle_play(&mut self) {
        if self.guide.page_time.take().is_some() {
            self.show_message("autoplay is off");
        } else if self.guide.quiz.is_some() {
            self.show_message("first the question: ↑ ↓ choose, Enter answers, Esc skips it");
        } else {
            self.guide.page_time = Some(Duration::ZERO);
        }
    }

    pub(super) fn pace_by(&mut self, by: isize) {
        let pace = self.guide.pace.saturating_add_signed(by).min(PACES.len() - 1);
        let is_edge = pace == self.guide.pace;
        self.guide.pace = pace;
        if is_edge || !self.guide.is_playing() {
            self.show_message(tr!(
                self.lesson.language,
                "pace {pace}; a starts and stops autoplay",
                pace = self.guide.pace()
            ));
        }
    }

    /// Stops page turning when another key is pressed.
    pub(super) fn stop_playing(&mut self) {
        if self.guide.page_time.take().is_some() {
            self.show_message("autoplay is paused; a resumes it");
        }
    }

    pub(super) fn advance_pages(&mut self, elapsed: Duration) {
        if self.passes.reading.is_none() || !self.overlay.is_none() {
            return;
        }
        let Some(spent) = self.guide.page_time.map(|spent| spent + elapsed) else { return };
        self.guide.page_time = Some(spent);
        if spent < self.reading_time() {
            return;
        }
        if let Some(step) = self.next_stop() {
            self.message = None;
            self.enter(step);
        } else {
            self.guide.page_time = None;
            self.show_key_hint("that was the last step", "g goes back to the first");
        }
    }

    /// Time to read the text and look at the panes, at the current pace.
    pub fn reading_time(&self) -> Duration {
        let paragraphs = self.paragraphs();
        let text = paragraphs.iter().flat_map(|p| &p.spans).map(|span| span.text.as_str());
        let minutes = n_words(&text.collect::<Vec<_>>().join("\n")) / WORDS_A_MINUTE;
        (LOOKING_TIME + Duration::from_secs_f32(60.0 * minutes)).div_f32(self.guide.pace())
    }

    /// Elapsed fraction of the step's time, 0 to 1, and the time left; None while pages do not turn.
    pub fn progress(&self) -> Option<(f32, Duration)> {
        let (spent, total) = (self.guide.page_time?, self.reading_time());
        Some(((spent.as_secs_f32() / total.as_secs_f32()).min(1.0), total.saturating_sub(spent)))
    }
}

/// Number of words; two characters of a script without spaces count as one.
fn n_words(text: &str) -> f32 {
    let is_unspaced = |c: &char| ('\u{3040}'..='\u{9fff}').contains(c);
    let unspaced = text.chars().filter(is_unspaced).count();
    let has_spaced_letter =
        |word: &&str| word.chars().any(|c| c.is_alphanumeric() && !is_unspaced(&c));
    text.split_whitespace().filter(has_spaced_letter).count() as f32 + unspaced as f32 / 2.0
}

/// The question, its options and the keys, a paragraph each.
fn question_paragraphs(quiz: &OpenQuiz, language: Language) -> Vec<Paragraph> {
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
