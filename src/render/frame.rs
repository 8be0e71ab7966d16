//! Frames of the walk: for every step the cells that the screen would show, and what is said about them.

use std::{mem, sync::Arc, time::Duration};

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
};

use crate::{
    analysis::reading::Reading,
    engine::arithmetic::Arithmetic,
    lesson::{Lesson, Selection, Step, quiz::Asked},
    render::picture::Picture,
    text::visible::visible_lines,
    ui::{
        app::{Action, Level, State, update},
        plain, screen,
        theme::Theme,
    },
};

/// One step as it stands on the screen.
#[derive(Clone)]
pub struct Shot {
    /// Index of the step in the lesson.
    pub index: usize,
    /// How long a person looks at it.
    pub time: Duration,
    /// The cells, once for every theme that was asked for.
    pub views: Vec<View>,
    /// The question that waits for its answer.
    asked: Option<Asked>,
    /// The number that is open, in words.
    opened: Option<String>,
    lesson: Arc<Lesson>,
    reading: Arc<Reading>,
    selection: Selection,
}

/// The cells of a frame, drawn in a theme.
#[derive(Clone)]
pub struct View {
    pub theme: Theme,
    pub buffer: Buffer,
}

impl View {
    pub fn picture(&self) -> Picture {
        Picture::of(&self.buffer, &self.theme)
    }
}

impl Shot {
    /// Of the walk as it is, without what lies over it and without the message of the last key; None
    /// before anything is read. The state is left as it was.
    pub fn of(state: &mut State, size: Size, themes: &[Theme]) -> Option<Self> {
        state.open_insides();
        let reading = Arc::clone(state.reading.as_ref()?);
        let own = state.theme;
        let over = (mem::take(&mut state.overlay), state.message.take());
        let views = themes.iter().map(|&theme| {
            state.theme = theme;
            View { theme, buffer: drawn(state, size) }
        });
        let views = views.collect();
        state.theme = own;
        (state.overlay, state.message) = over;
        Some(Self {
            index: state.step,
            time: state.reading_time(),
            views,
            asked: state.guide.quiz.as_ref().map(|quiz| quiz.asked.clone()),
            opened: state.opened().map(opened),
            lesson: Arc::clone(&state.lesson),
            reading,
            selection: state.selection,
        })
    }

    /// The cells in the first theme.
    pub fn buffer(&self) -> &Buffer {
        &self.views[0].buffer
    }

    /// The cells in the first theme, as the eye sees them.
    pub fn picture(&self) -> Picture {
        self.views[0].picture()
    }

    pub fn step(&self) -> &Step {
        self.lesson.steps()[self.index].1
    }

    /// The number of its chapter, and what that is called.
    pub fn chapter(&self) -> (usize, &str) {
        let (chapter, _) = self.lesson.steps()[self.index];
        (chapter, &self.lesson.chapters[chapter].title)
    }

    /// `Step 45 of 81: Where does “it” look?`
    pub fn title(&self) -> String {
        let n_steps = self.lesson.steps().len();
        format!("Step {} of {n_steps}: {}", self.index + 1, self.step().title)
    }

    pub fn lesson(&self) -> &Lesson {
        &self.lesson
    }

    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// What is told and shown, as linear text: for those who do not see the picture. While a question
    /// waits, the question alone: the rest would answer it.
    pub fn words(&self) -> String {
        if let Some(asked) = &self.asked {
            return visible_lines(&plain::question(&self.title(), asked));
        }
        let mut words = vec![];
        // Nothing is refused by a vector.
        let _ = plain::one(&self.lesson, &self.reading, self.index, &self.selection, &mut words);
        let told = visible_lines(String::from_utf8_lossy(&words).trim());
        self.opened.as_ref().map_or_else(|| told.clone(), |opened| format!("{told}\n\n{opened}"))
    }
}

/// `Opened: logits[0,12] = 3.1416; x W + b`.
fn opened(level: &Level) -> String {
    let Arithmetic { address, value, formula, .. } = &level.arithmetic;
    format!("Opened: {address} = {value:.4}; {formula}")
}

fn drawn(state: &State, size: Size) -> Buffer {
    let area = Rect::from((Position::ORIGIN, size));
    let mut buffer = Buffer::empty(area);
    screen::draw(state, area, &mut buffer);
    buffer
}

fn is_cut(state: &State, area: Rect) -> bool {
    let wanted: Vec<_> = state.panes().iter().map(|pane| pane.wanted()).collect();
    let (plan, lines) = state.plan(area, &wanted);
    lines.len() > plan.prose.height.into()
}

/// A walk that is only looked at. Every step is entered from the one before, as a person would who
/// presses nothing but →: a frame is the same whatever else is drawn.
pub struct Walk {
    state: State,
    size: Size,
    themes: Vec<Theme>,
}

impl Walk {
    /// Stands before the first step; every frame will be drawn in each of the themes. Computes the
    /// slow measures, so that they are on the frames.
    pub fn new(lesson: Arc<Lesson>, reading: Arc<Reading>, themes: Vec<Theme>, size: Size) -> Self {
        reading.measures();
        let mut state = State::new(lesson, themes.first().copied().unwrap_or_default());
        update(&mut state, Action::Resize(size.width, size.height));
        update(&mut state, Action::Read(Ok(reading)));
        Self { state, size, themes }
    }

    /// Those of the wanted steps whose text does not fit on their frames.
    pub fn cut(self, wanted: &[usize]) -> Vec<usize> {
        let area = Rect::from((Position::ORIGIN, self.size));
        let steps = self.visit(wanted, move |state| (state.step, is_cut(state, area)));
        steps.filter(|(_, is_cut)| *is_cut).map(|(step, _)| step).collect()
    }

    /// Takes the shots of the steps that are wanted, in the order of the walk.
    pub fn shots(mut self, wanted: &[usize]) -> impl Iterator<Item = Shot> {
        let (size, themes) = (self.size, mem::take(&mut self.themes));
        self.visit(wanted, move |state| Shot::of(state, size, &themes)).flatten()
    }

    /// Enters every step up to the last that is wanted, and looks at the wanted ones.
    fn visit<T>(
        mut self,
        wanted: &[usize],
        mut look: impl FnMut(&mut State) -> T,
    ) -> impl Iterator<Item = T> {
        let n_steps = wanted.iter().max().map_or(0, |last| last + 1);
        (0..n_steps).filter_map(move |step| {
            if step > 0 {
                self.state.enter(step);
            }
            self.state.message = None; // what is said after a key; no key was pressed
            wanted.contains(&step).then(|| look(&mut self.state))
        })
    }
}
