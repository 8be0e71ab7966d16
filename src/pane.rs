//! What a step shows: one file a pane. A pane is a value that draws itself; it changes nothing.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    lesson::{PaneSpec, Selection},
    reading::Reading,
    theme::Theme,
};

/// All that a pane is a function of.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub reading: &'a Reading,
    pub model: crate::model::Name,
    pub selection: &'a Selection,
    pub theme: &'a Theme,
    /// Whether this pane has the cell cursor.
    pub focused: bool,
}

/// The cell under the cursor.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointed {
    /// `encoder.0.self_attn.weights[2,7,1]`
    pub address: String,
    pub value: f32,
    /// What the indices stand for: `head 2 · query "it" · key "animal"`.
    pub labels: String,
}

/// The room a pane asks for, in cells, without its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub min: (u16, u16),
    pub ideal: (u16, u16),
}

/// A part of the screen.
pub trait Pane {
    fn title(&self) -> String;

    /// Rows and columns that the cell cursor can walk; (0, 0) where there is nothing to point at.
    fn extent(&self) -> (usize, usize) {
        (0, 0)
    }

    /// The number at a place of the cursor.
    fn pointed(&self, _row: usize, _col: usize) -> Option<Pointed> {
        None
    }

    fn wanted(&self) -> Wanted;

    /// Draws into the area inside the frame; what does not fit scrolls so that the cursor's cell is
    /// in view.
    fn draw(&self, area: Rect, buf: &mut Buffer);
}

/// The pane that a step asks for.
pub fn of<'a>(_spec: &PaneSpec, _scene: Scene<'a>) -> Box<dyn Pane + 'a> {
    struct Empty;
    impl Pane for Empty {
        fn title(&self) -> String {
            String::new()
        }
        fn wanted(&self) -> Wanted {
            Wanted { min: (10, 3), ideal: (40, 10) }
        }
        fn draw(&self, _area: Rect, _buf: &mut Buffer) {}
    }
    Box::new(Empty)
}
