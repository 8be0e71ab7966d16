//! Placeholder for a pane without data.

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::Style,
};

use super::{Pane, PreferredSize, Scene, Title, in_words::PaneWords};
use crate::{lesson::PaneSpec, ui::widgets::lines::put_on};

/// Pane shown where a site does not exist in the selected layer, or is not computed yet.
pub struct Missing {
    reason: &'static str,
    model: &'static str,
    style: Style,
}

impl Missing {
    pub fn of(spec: &PaneSpec, scene: Scene) -> Self {
        let path = spec.path(scene.selection.layer).unwrap_or_default();
        let is_closed = scene.reading.trace(scene.model).is_closed(&path);
        let reason = if is_closed { "this layer is being computed" } else { "not in this layer" };
        Self {
            reason: scene.language.tr(reason),
            model: scene.language.tr(scene.model.title()),
            style: scene.theme.dim(),
        }
    }
}

impl Pane for Missing {
    fn title(&self) -> Title {
        Title::named(self.reason)
    }

    fn preferred_size(&self) -> PreferredSize {
        PreferredSize::new(Size::new(10, 1), Size::new(40, 20))
    }

    fn in_words(&self) -> PaneWords {
        PaneWords::new(self.model, vec![])
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        put_on(buf, area, &[(self.reason, self.style)]);
    }
}
