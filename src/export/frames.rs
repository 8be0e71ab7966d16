//! Frames of the walk: for every step the cells that the screen would show.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};

use crate::{
    app::{Action, State, update},
    lesson::Lesson,
    reading::Reading,
    screen,
    theme::Theme,
};

/// A walk that is only looked at. Every step is entered from the one before, as a person would who
/// presses nothing but →: a frame is the same whatever else is drawn.
pub struct Walk {
    state: State,
    area: Rect,
}

impl Walk {
    /// Stands before the first step. Computes the slow measures, so that they are on the frames.
    pub fn new(lesson: Arc<Lesson>, reading: Arc<Reading>, theme: Theme, size: Size) -> Self {
        reading.measures();
        let mut state = State::new(lesson, theme);
        update(&mut state, Action::Resize(size.width, size.height));
        update(&mut state, Action::Read(Ok(reading)));
        Self { state, area: Rect::from((ratatui::layout::Position::ORIGIN, size)) }
    }

    /// Draws the steps one by one, those that are wanted: their index and their cells.
    pub fn frames(mut self, wanted: &[usize]) -> impl Iterator<Item = (usize, Buffer)> {
        let n_steps = wanted.iter().max().map_or(0, |last| last + 1);
        (0..n_steps).filter_map(move |step| {
            if step > 0 {
                self.state.enter(step);
            }
            self.state.message = None; // what is said after a key; no key was pressed
            wanted.contains(&step).then(|| (step, self.draw()))
        })
    }

    fn draw(&self) -> Buffer {
        let mut buffer = Buffer::empty(self.area);
        screen::draw(&self.state, self.area, &mut buffer);
        buffer
    }
}
