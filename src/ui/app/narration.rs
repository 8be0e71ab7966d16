//! The narration of the step, and the layout of the screen around it.

use std::time::Duration;

use ratatui::layout::Rect;

use super::{
    Line, Prose, ROOMY, ScreenLayout, State, TopRows,
    glossary::{Space, definitions},
    guide::{paragraph_of, plain_span, question_paragraphs, strong_paragraph},
    layout::StageText,
};
use crate::{
    analysis::trace::Trace,
    lesson::{
        Paragraph, deepen, has_changes_too_many, is_lab_solved, lab_text, mark_terms, narrate, tr,
    },
    ui::panes::PreferredSize,
};

/// Reading speed at pace 1, in words per minute.
const WORDS_A_MINUTE: f32 = 200.0;
/// Time for looking at the panes, added to the reading time.
const LOOKING_TIME: Duration = Duration::from_secs(3);
/// Height in lines of an open inspector.
const INSPECTOR_LINES: u16 = 14;

impl State {
    /// Whether this state needs ticks: pages turn or a step unfolds, and no export is being named.
    pub fn wants_ticks(&self) -> bool {
        !self.is_exporting()
            && self.passes.reading.is_some()
            && (self.guide.is_playing() || self.is_unfolding())
    }

    /// The paragraphs of the narration: the open question alone, or else verdict, text, further text and score.
    fn paragraphs(&self) -> Vec<Paragraph> {
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
    fn further_text(&self, width: u16, n_lines: usize) -> Vec<Line> {
        let Some(reading) = self.passes.reading.as_ref().filter(|_| !self.guide.is_deeper) else {
            return vec![];
        };
        let (_, step) = self.current();
        let paragraphs = deepen(step, reading, &self.narration_selection());
        let lines = [vec![vec![]], self.measured(&paragraphs, true).lines(width)].concat();
        if paragraphs.is_empty() || lines.len() > n_lines { vec![] } else { lines }
    }

    /// The definitions of the step's terms; none before the first reading.
    fn definitions(&self, space: Space) -> Vec<Line> {
        if self.passes.reading.is_none() {
            return vec![];
        }
        definitions(&self.lesson, self.current().1, self.guide.is_deeper, space)
    }

    /// The score of the predictions, on the last step.
    fn summary(&self) -> Option<Paragraph> {
        let (right, n) = self.guide.score();
        (n > 0 && self.nav.step + 1 == self.n_steps()).then(|| {
            let language = self.lesson.language;
            strong_paragraph(tr!(language, "{right} of {n} predictions right.", right, n))
        })
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

    /// Whether the current step's lab is solved by what is on the screen.
    pub(super) fn solves_lab(&self) -> bool {
        let (Some(reading), (_, step)) = (&self.passes.reading, self.current()) else {
            return false;
        };
        is_lab_solved(step, reading, &self.narration_selection())
    }

    /// Beside a lab's task: what its solution shows, or else the hint if it was asked for, and what to do. Empty at
    /// other steps.
    pub fn lab_paragraphs(&self) -> Vec<Paragraph> {
        let (Some(reading), (_, step)) = (&self.passes.reading, self.current()) else {
            return vec![];
        };
        if step.lab.is_none() {
            return vec![];
        }
        let language = self.lesson.language;
        let selection = self.narration_selection();
        let (is_solved, was_solved) = (self.solves_lab(), self.saved.has_solved(&step.id));
        let mut paragraphs = vec![];
        if is_solved {
            paragraphs.push(strong_paragraph(language.tr("Solved.").to_owned()));
        }
        if is_solved || self.hint_is_shown() {
            paragraphs.extend(lab_text(step, reading, &selection, is_solved));
        }
        if !is_solved {
            let state = match (was_solved, self.hint_is_shown()) {
                (_, true) => "Not solved yet. ! plays a solution.",
                (true, false) => "Solved before. ! shows a hint.",
                (false, false) => "Not solved yet. ! shows a hint.",
            };
            paragraphs.push(paragraph_of(plain_span(language.tr(state).to_owned())));
            if has_changes_too_many(step, reading, &selection) {
                let why = "This lab looks at one change alone: r takes all of them back.";
                paragraphs.push(paragraph_of(plain_span(language.tr(why).to_owned())));
            }
        }
        paragraphs
    }

    pub fn hint_is_shown(&self) -> bool {
        self.guide.hinted == Some(self.nav.step)
    }

    /// The narration wrapped to `width` columns.
    pub fn prose(&self, width: u16, is_airy: bool) -> Vec<Line> {
        self.measured(&self.paragraphs(), is_airy).lines(width)
    }

    fn measured(&self, paragraphs: &[Paragraph], is_airy: bool) -> Prose {
        Prose::of_step(self.current().1, self.nav.selection.layer, paragraphs, is_airy)
    }

    /// Whether the row that compares the outputs of both passes is drawn: there are two, and one of them writes words.
    fn has_outputs(&self) -> bool {
        let model = self.current().1.model;
        let writes = |trace: &Trace| !trace.output_text.is_empty();
        self.passes.reading.as_ref().is_some_and(|reading| {
            reading
                .plain_trace(model)
                .is_some_and(|plain| writes(plain) || writes(reading.trace(model)))
        })
    }

    /// The layout of a screen of this size, and the lines of the narration.
    pub fn plan(&self, area: Rect, wanted: &[PreferredSize]) -> (ScreenLayout, Vec<Line>) {
        let rows = TopRows {
            has_outputs: self.has_outputs(),
            n_map_lines: self.map().map_or(1, |map| map.n_lines()),
            has_attention: self.attended_row().is_some(),
        };
        let mut plan = ScreenLayout::new(area, rows);
        if self.opened().is_some() {
            plan.arrange(wanted, self.nav.focus, StageText::Inspector(INSPECTOR_LINES));
            return (plan, vec![]);
        }
        let is_airy = plan.is_airy();
        let prose = self.measured(&self.paragraphs(), is_airy);
        let n_lines = |width| prose.n_lines(width);
        let is_question = self.guide.quiz.is_some();
        let text = if is_question {
            StageText::Question(&n_lines)
        } else {
            StageText::Narration(&n_lines)
        };
        plan.arrange(wanted, self.nav.focus, text);
        let width = plan.text_width();
        let mut lines = prose.lines(width);
        let n_lines = plan.n_text_lines();
        if lines.len() > n_lines {
            lines = prose.lines(plan.width_beside_more());
        } else if !is_question {
            if area.width >= ROOMY {
                lines.extend(self.further_text(width, n_lines - lines.len()));
            }
            let space = Space { width, n_lines: n_lines - lines.len(), is_airy };
            lines.extend(self.definitions(space));
        }
        (plan, lines)
    }

    /// Layout of the terminal's screen, and the lines of the narration.
    pub(super) fn current_layout(&self) -> (ScreenLayout, Vec<Line>) {
        self.plan(self.size.into(), &self.preferred_sizes(&self.panes()))
    }

    pub(super) fn n_narration_lines(&self) -> usize {
        self.current_layout().1.len()
    }

    /// Lines of narration in view at once, and the largest scroll offset.
    pub(super) fn page_and_last_offset(&self) -> (usize, usize) {
        let (plan, lines) = self.current_layout();
        let page = plan.n_text_lines();
        (page, lines.len().saturating_sub(page))
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
