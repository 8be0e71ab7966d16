//! What guides a person through the walk: questions before answers, further paragraphs, the short
//! way, and pages that turn by themselves.
//!
//! Time comes in as [`super::Action::Tick`] and from nowhere else.

use std::{collections::BTreeMap, time::Duration};

use super::{Command, State};
use crate::lesson::{Paragraph, Span, deepen, mark_terms, narrate, question, quiz::Question};

/// Words a minute at pace 1.
const WORDS_A_MINUTE: f32 = 200.0;
/// To look at the panes, beside the reading.
const LOOKING: Duration = Duration::from_secs(3);
/// How fast pages turn, beside [`WORDS_A_MINUTE`].
const PACES: [f32; 7] = [0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0];
const USUAL_PACE: usize = 2;

/// The guide's part of the state.
#[derive(Clone, Debug)]
pub struct Guide {
    /// Whether the further paragraph is shown.
    pub is_deeper: bool,
    /// Whether next and previous go from stop to stop of the short way.
    pub in_tour: bool,
    /// Whether questions are put before answers. Never where nobody can answer.
    pub asks: bool,
    /// The question on the screen.
    pub quiz: Option<OpenQuiz>,
    /// What is said of the answer just given.
    verdict: Option<Vec<Paragraph>>,
    /// By step, for this sentence: whether the answer was right.
    answers: BTreeMap<String, bool>,
    /// How long the step has been shown, while pages turn by themselves.
    playing: Option<Duration>,
    pace: usize,
}

impl Default for Guide {
    fn default() -> Self {
        Self {
            is_deeper: false,
            in_tour: false,
            asks: false,
            quiz: None,
            verdict: None,
            answers: BTreeMap::new(),
            playing: None,
            pace: USUAL_PACE,
        }
    }
}

/// A question that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenQuiz {
    pub asked: Question,
    pub chosen: usize,
}

impl Guide {
    /// A guide whose pages turn at the nearest pace that there is.
    pub fn at_pace(pace: f32) -> Self {
        let distance = |i: &usize| ((PACES[*i] - pace).abs() * 1000.0) as u32;
        let pace = (0..PACES.len()).min_by_key(distance).unwrap_or(USUAL_PACE);
        Self { pace, ..Self::default() }
    }

    /// Pages turn by themselves from the beginning.
    #[must_use]
    pub fn playing(mut self) -> Self {
        self.playing = Some(Duration::ZERO);
        self
    }

    /// How many answers were right, and how many were given.
    pub fn score(&self) -> (usize, usize) {
        (self.answers.values().filter(|&&right| right).count(), self.answers.len())
    }

    pub const fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    pub fn pace(&self) -> f32 {
        PACES[self.pace]
    }

    /// Another sentence: its answers are its own.
    pub(super) fn forget(&mut self) {
        self.answers.clear();
    }
}

impl State {
    /// Whether this state needs ticks. The place for every other reason.
    pub fn wants_ticks(&self) -> bool {
        !self.is_exporting()
            && self.passes.reading.is_some()
            && (self.guide.is_playing() || self.has_animation())
    }

    /// The paragraphs of the narration: the question, or the verdict, the text and what is deeper.
    pub(super) fn paragraphs(&self) -> Vec<Paragraph> {
        let Some(reading) = &self.passes.reading else { return vec![] };
        if let Some(quiz) = &self.guide.quiz {
            return asked(quiz);
        }
        let (_, step) = self.current();
        let mut paragraphs = self.guide.verdict.clone().unwrap_or_default();
        if reading.plain.is_some() {
            paragraphs.push(of(plain(step.changed_pass())));
        }
        let selection = self.selection_in_words();
        paragraphs.extend(narrate(step, reading, &selection));
        if self.guide.is_deeper {
            paragraphs.extend(deepen(step, reading, &selection));
        }
        paragraphs.extend(self.summary());
        mark_terms(&self.lesson.glossary, &paragraphs)
    }

    /// How the predictions went, on the last step.
    fn summary(&self) -> Option<Paragraph> {
        let (right, n) = self.guide.score();
        (n > 0 && self.nav.step + 1 == self.n_steps())
            .then(|| strong(format!("You predicted {right} of {n} rightly.")))
    }

    /// What the step asks, unless it has been answered.
    pub(super) fn ask(&mut self) {
        (self.guide.quiz, self.guide.verdict) = (None, None);
        self.guide.playing = self.guide.playing.map(|_| Duration::ZERO);
        let (_, step) = self.current();
        if !self.guide.asks || self.guide.answers.contains_key(&step.id) {
            return;
        }
        let Some(reading) = &self.passes.reading else { return };
        let asked = question(step, reading, &self.selection_in_words());
        self.guide.quiz = asked.map(|asked| OpenQuiz { asked, chosen: 0 });
        if self.guide.quiz.is_some() && self.guide.playing.take().is_some() {
            self.show_message("a question: the pages wait for your answer; a lets them go on");
        }
    }

    /// Whether the open question took this command.
    pub(super) fn in_quiz(&mut self, command: Command) -> bool {
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
        let said = if is_right {
            format!("Right: {}.", option(chosen))
        } else {
            format!("Not {}; it is {}.", option(chosen), option(asked.right))
        };
        let mut verdict = strong(format!("{said} "));
        verdict.spans.extend(asked.reveal.into_iter().flat_map(|p| p.spans));
        verdict.spans.push(plain(format!(" ({right} of {n} so far.)")));
        self.guide.verdict = Some(vec![verdict]);
        self.nav.scroll = 0;
    }

    pub(super) fn toggle_questions(&mut self) {
        self.guide.asks = !self.guide.asks;
        if self.guide.asks {
            self.show_message("questions come before answers from the next step on");
        } else {
            self.guide.quiz = None;
            self.show_message("no questions any more; P brings them back");
        }
    }

    pub(super) fn toggle_deeper(&mut self) {
        let short = self.lines_of_text();
        self.guide.is_deeper = !self.guide.is_deeper;
        // Where not all fits, the new paragraph comes into view.
        self.nav.scroll = if self.guide.is_deeper { short } else { 0 };
        self.show_message(if self.guide.is_deeper {
            "deeper: one paragraph more at every step; PgDn scrolls"
        } else {
            "the short text again"
        });
    }
}

/// The short way.
impl State {
    /// The stops of the way one is on: of the tour, or all steps.
    fn stops(&self) -> Vec<usize> {
        let steps = self.lesson.steps().into_iter().enumerate();
        let is_stop = |step: &crate::lesson::Step| !self.guide.in_tour || step.in_tour;
        steps.filter(|(_, (_, step))| is_stop(step)).map(|(i, _)| i).collect()
    }

    /// Which stop of the tour this is, and of how many; None on the full walk.
    pub fn tour_place(&self) -> Option<(usize, usize)> {
        let stops = self.stops();
        let passed = stops.iter().filter(|&&stop| stop <= self.nav.step).count();
        self.guide.in_tour.then_some((passed, stops.len()))
    }

    pub(super) fn next_stop(&self) -> Option<usize> {
        self.stops().into_iter().find(|&stop| stop > self.nav.step)
    }

    pub(super) fn stop_before(&self) -> Option<usize> {
        self.stops().into_iter().rev().find(|&stop| stop < self.nav.step)
    }

    pub(super) fn toggle_tour(&mut self) {
        self.guide.in_tour = !self.guide.in_tour;
        if !self.guide.in_tour {
            self.show_message("the full walk again");
            return;
        }
        let stops = self.stops();
        let here = stops.iter().rev().find(|&&stop| stop <= self.nav.step);
        if let Some(&stop) = here.filter(|&&stop| stop != self.nav.step) {
            self.enter(stop);
        }
        self.show_message(format!("the short tour, {} steps; T goes back to all", stops.len()));
    }
}

/// Pages that turn by themselves.
impl State {
    pub(super) fn toggle_play(&mut self) {
        if self.guide.playing.take().is_some() {
            self.show_message("the pages stand still");
        } else if self.guide.quiz.is_some() {
            self.show_message("first the question: ↑ ↓ choose, Enter answers, Esc skips it");
        } else {
            self.guide.playing = Some(Duration::ZERO);
        }
    }

    pub(super) fn pace_by(&mut self, by: isize) {
        let pace = self.guide.pace.saturating_add_signed(by).min(PACES.len() - 1);
        let is_edge = pace == self.guide.pace;
        self.guide.pace = pace;
        if is_edge || !self.guide.is_playing() {
            self.show_message(format!("pace {}; a starts and stops the pages", self.guide.pace()));
        }
    }

    /// A key that is no part of it stops the pages.
    pub(super) fn stop_playing(&mut self) {
        if self.guide.playing.take().is_some() {
            self.show_message("the pages stand still; a lets them go on");
        }
    }

    pub(super) fn tick(&mut self, elapsed: Duration) {
        if self.passes.reading.is_none() || !self.overlay.is_none() {
            return;
        }
        let Some(spent) = self.guide.playing.map(|spent| spent + elapsed) else { return };
        self.guide.playing = Some(spent);
        if spent < self.reading_time() {
            return;
        }
        if let Some(step) = self.next_stop() {
            self.message = None;
            self.enter(step);
        } else {
            self.guide.playing = None;
            self.show_message("that was the last step; g goes back to the first");
        }
    }

    /// How long the text takes at this pace.
    pub fn reading_time(&self) -> Duration {
        let paragraphs = self.paragraphs();
        let text = paragraphs.iter().flat_map(|p| &p.spans).map(|span| span.text.as_str());
        let minutes = n_words(&text.collect::<Vec<_>>().join("\n")) / WORDS_A_MINUTE;
        (LOOKING + Duration::from_secs_f32(60.0 * minutes)).div_f32(self.guide.pace())
    }

    /// The part of the step's time that is over, 0 to 1, and what is left.
    pub fn progress(&self) -> Option<(f32, Duration)> {
        let (spent, all) = (self.guide.playing?, self.reading_time());
        Some(((spent.as_secs_f32() / all.as_secs_f32()).min(1.0), all.saturating_sub(spent)))
    }
}

/// Two signs of a script without spaces take about as long as a word.
fn n_words(text: &str) -> f32 {
    let is_whole = |c: &char| ('\u{3040}'..='\u{9fff}').contains(c);
    let signs = text.chars().filter(is_whole).count();
    let spaced = |word: &&str| word.chars().any(|c| c.is_alphanumeric() && !is_whole(&c));
    text.split_whitespace().filter(spaced).count() as f32 + signs as f32 / 2.0
}

/// A question in lines: what is asked, the options, how to answer.
fn asked(quiz: &OpenQuiz) -> Vec<Paragraph> {
    let mut lines: Vec<Paragraph> = quiz.asked.question.clone();
    for (i, option) in quiz.asked.options.iter().enumerate() {
        let is_chosen = i == quiz.chosen;
        let line = if is_chosen { format!("▸ {option}") } else { format!("· {option}") };
        lines.push(if is_chosen { strong(line) } else { of(plain(line)) });
    }
    lines.push(of(plain("↑ ↓ choose · Enter answers · Esc skips".into())));
    lines
}

const fn plain(text: String) -> Span {
    Span { text, site: None, strong: false, is_term: false }
}

fn of(span: Span) -> Paragraph {
    Paragraph { spans: vec![span] }
}

fn strong(text: String) -> Paragraph {
    of(Span { strong: true, ..plain(text) })
}
