//! Stands where there is nothing to show.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Pane, PreferredSize, Scene, words::PaneWords};
use crate::{lesson::PaneSpec, model::Name, ui::widgets::lines::put_on};

/// Stands where a site does not exist in the selected layer, or is not there yet.
pub struct Missing {
    why: &'static str,
    model: Name,
    style: Style,
}

impl Missing {
    pub fn of(spec: &PaneSpec, scene: Scene) -> Self {
        let path = spec.path(scene.selection.layer).unwrap_or_default();
        let is_closed = scene.reading.trace(scene.model).is_closed(&path);
        let why = if is_closed { "this layer is being computed" } else { "not in this layer" };
        Self { why, model: scene.model, style: scene.theme.dim() }
    }
}

impl Pane for Missing {
    fn title(&self) -> String {
        self.why.to_owned()
    }

    fn preferred_size(&self) -> PreferredSize {
        PreferredSize::new((10, 1), (40, 20))
    }

    fn in_words(&self) -> PaneWords {
        PaneWords::new(self.model.title(), vec![])
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        put_on(buf, area, &[(self.why, self.style)]);
    }
}
