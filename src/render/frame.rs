//! Frames of the walk: for every step the cells that the screen would show, and its text.

use std::{collections::BTreeSet, mem, sync::Arc, time::Duration};

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
};

use crate::{
    analysis::reading::Reading,
    engine::arithmetic::Arithmetic,
    lesson::{Language, Lesson, Selection, Step, quiz::QuizQuestion, tr},
    render::{perform::update_and_run, picture::Picture},
    text::{cell_value, visible::visible_lines},
    ui::{
        app::{Action, BEAT, N_BEATS, OpenedNumber, State},
        descriptions::number_name,
        panes::{self, Unfolding},
        plain::{self, PlainStep},
        screen::{self, inside},
        theme::Theme,
    },
};

/// The inside of a pane, and how it unfolds.
#[derive(Clone, Copy, Debug)]
pub struct UnfoldingArea {
    pub inside: Rect,
    pub unfolding: Unfolding,
}

/// One step as shown on the screen.
#[derive(Clone)]
pub struct Shot {
    /// Index of the step in the lesson.
    pub index: usize,
    /// How long a film shows it: as long as a reader needs, or a beat while the step unfolds.
    pub time: Duration,
    /// Whether the step is unfolded.
    pub is_whole: bool,
    /// The cells, once for each requested theme.
    pub views: Vec<FrameView>,
    /// How the panes in view unfold, one after the other.
    pub unfoldings: Vec<UnfoldingArea>,
    /// The open question, if any.
    asked: Option<QuizQuestion>,
    /// The opened cell in words, if any.
    opened: Option<String>,
    lesson: Arc<Lesson>,
    reading: Arc<Reading>,
    selection: Selection,
    view: panes::View,
}

/// The cells of a frame, drawn in a theme.
#[derive(Clone)]
pub struct FrameView {
    pub theme: Theme,
    pub buffer: Buffer,
}

impl FrameView {
    pub fn picture(&self) -> Picture {
        Picture::of(&self.buffer, &self.theme)
    }
}

impl Shot {
    /// The shot of the walk's current state, without overlays and without the message of the last key; None before
    /// anything is read.
    pub fn of(state: &State, size: Size, themes: &[Theme]) -> Option<Self> {
        let state = settled(state, size);
        let reading = Arc::clone(state.passes.reading.as_ref()?);
        let view = |&theme| FrameView { theme, buffer: drawn(&state.in_theme(theme), size) };
        let views = themes.iter().map(view).collect();
        Some(Self {
            index: state.nav.step,
            time: if state.is_unfolding() { BEAT } else { state.reading_time() },
            is_whole: !state.is_unfolding(),
            views,
            unfoldings: unfoldings(&state, size),
            asked: state.guide.quiz.as_ref().map(|quiz| quiz.asked.clone()),
            opened: state.opened().map(|level| opened(level, state.lesson.language)),
            lesson: Arc::clone(&state.lesson),
            reading,
            selection: state.nav.selection,
            view: state.nav.view,
        })
    }

    /// The cells in the first theme.
    pub fn buffer(&self) -> &Buffer {
        &self.views[0].buffer
    }

    /// The cells in the first theme as a picture.
    pub fn picture(&self) -> Picture {
        self.views[0].picture()
    }

    pub fn step(&self) -> &Step {
        self.lesson.step(self.index).1
    }

    /// The number and the name of its chapter.
    pub fn chapter(&self) -> (usize, &str) {
        let (chapter, _) = self.lesson.step(self.index);
        (chapter, &self.lesson.chapters[chapter].title)
    }

    /// The title: `Step 45 of 81: Where does “it” look?`
    pub fn title(&self) -> String {
        let n_steps = self.lesson.steps().len();
        let (n, title) = (self.index + 1, &self.step().title);
        tr!(self.lesson.language, "Step {n} of {n_steps}: {title}", n, n_steps, title)
    }

    pub fn lesson(&self) -> &Lesson {
        &self.lesson
    }

    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// The step as linear text, for readers who cannot see the picture. While a question is open, the question alone,
    /// since the rest would answer it.
    pub fn words(&self) -> String {
        if let Some(asked) = &self.asked {
            return visible_lines(&plain::question(&self.title(), asked));
        }
        let mut words = vec![];
        // Writing to a vector cannot fail.
        let shown = PlainStep { selection: &self.selection, view: self.view };
        let _ = plain::one(&self.lesson, &self.reading, self.index, shown, &mut words);
        let text = visible_lines(String::from_utf8_lossy(&words).trim());
        self.opened.as_ref().map_or_else(|| text.clone(), |opened| format!("{text}\n\n{opened}"))
    }
}

/// A copy of a state for a frame of this size, with everything that it shows opened.
pub fn settled(state: &State, size: Size) -> State {
    let mut state = state.for_frame();
    update_and_run(&mut state, Action::Resize(size));
    state
}

/// The text of an opened number: `Opened: logits[0,12] = 3.1416; x W + b`.
fn opened(level: &OpenedNumber, language: Language) -> String {
    let Arithmetic { name, value, formula, .. } = &level.arithmetic;
    let value = cell_value(*value);
    tr!(
        language,
        "Opened: {name} = {value}; {formula}",
        name = number_name(name, language),
        value,
        formula = language.tr(formula)
    )
}

fn drawn(state: &State, size: Size) -> Buffer {
    let area = Rect::from((Position::ORIGIN, size));
    let mut buffer = Buffer::empty(area);
    screen::draw(state, area, &mut buffer);
    buffer
}

fn is_cut(state: &State, area: Rect) -> bool {
    let (plan, lines) = state.plan(area, &state.preferred_sizes(&state.panes()));
    lines.len() > plan.n_text_lines()
}

/// The insides of the panes in view, and how each unfolds; none while a question is open.
fn unfoldings(state: &State, size: Size) -> Vec<UnfoldingArea> {
    if !state.unfolds() {
        return vec![];
    }
    let panes = state.panes();
    let area = Rect::from((Position::ORIGIN, size));
    let (plan, _) = state.plan(area, &state.preferred_sizes(&panes));
    let in_view = panes.iter().zip(plan.frames).filter_map(|(pane, frame)| Some((pane, frame?)));
    in_view
        .map(|(pane, frame)| UnfoldingArea { inside: inside(frame), unfolding: pane.unfolding() })
        .collect()
}

/// The beats of a step, the last one whole.
fn beats(state: &State) -> impl Iterator<Item = Option<usize>> + use<> {
    let n = if state.unfolds() { N_BEATS } else { 0 };
    (0..n).map(Some).chain([None])
}

/// A walk for viewing only: each frame is independent of which others are drawn.
#[derive(Clone)]
pub struct Walk {
    state: State,
    themes: Vec<Theme>,
}

impl Walk {
    /// A walk before its first step, whose frames are drawn in each of the themes. Slow measures are computed for the
    /// steps that show them. Times are left out: frames are the same at every run.
    pub fn new(lesson: Arc<Lesson>, reading: &Reading, themes: Vec<Theme>, size: Size) -> Self {
        let lesson = Arc::new(Arc::unwrap_or_clone(lesson).without_measured_panes());
        let mut state = State::new(lesson, themes.first().copied().unwrap_or_default());
        update_and_run(&mut state, Action::Resize(size));
        update_and_run(&mut state, Action::Read(Ok(Arc::new(reading.waiting()))));
        Self { state, themes }
    }

    /// The same walk with maps drawn so.
    #[must_use]
    pub fn with_view(self, view: panes::View) -> Self {
        Self { state: self.state.with_view(view), ..self }
    }

    /// The wanted steps whose text does not fit on their frames.
    pub fn cut(self, wanted: &[usize]) -> Vec<usize> {
        let area = self.state.size.into();
        let steps = self.visit(wanted, move |state| (state.nav.step, is_cut(state, area)));
        steps.filter(|(_, is_cut)| *is_cut).map(|(step, _)| step).collect()
    }

    /// The shots of the wanted steps, in the order of the walk.
    pub fn shots(mut self, wanted: &[usize]) -> impl Iterator<Item = Shot> {
        let themes = mem::take(&mut self.themes);
        self.visit(wanted, move |state| Shot::of(state, state.size, &themes)).flatten()
    }

    /// The shots of the wanted steps for a film: the beats of each, then the whole step.
    pub fn unfolding_shots(mut self, wanted: &[usize]) -> impl Iterator<Item = Shot> {
        let themes = mem::take(&mut self.themes);
        let shots = move |state: &State| -> Vec<Shot> {
            let shot = |beat: Option<usize>| Shot::of(&state.at_beat(beat), state.size, &themes);
            beats(state).filter_map(shot).collect()
        };
        self.visit(wanted, shots).flatten()
    }

    /// Number of [`Self::unfolding_shots`].
    pub fn n_beats(self, wanted: &[usize]) -> usize {
        self.visit(wanted, |state| beats(state).count()).sum()
    }

    /// The results of `look` at the wanted steps, each visited once, in order.
    fn visit<T>(
        mut self,
        wanted: &[usize],
        mut look: impl FnMut(&State) -> T,
    ) -> impl Iterator<Item = T> {
        let steps: BTreeSet<usize> = wanted.iter().copied().collect();
        steps.into_iter().map(move |step| {
            update_and_run(&mut self.state, Action::GoTo(step));
            look(&self.state)
        })
    }
}
