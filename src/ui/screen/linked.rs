//! Lines whose pieces lead somewhere: a click finds what is drawn under it.

use ratatui::{
    layout::{Position, Rect},
    text::{Line, Span},
};

/// A piece of a line, with what a click on it leads to.
pub struct LinkedSpan<T> {
    pub span: Span<'static>,
    pub to: Option<T>,
}

impl<T> LinkedSpan<T> {
    pub const fn new(span: Span<'static>, to: T) -> Self {
        Self { span, to: Some(to) }
    }

    /// A piece that leads nowhere.
    pub const fn plain(span: Span<'static>) -> Self {
        Self { span, to: None }
    }
}

/// The line to draw.
pub fn drawn<T>(pieces: Vec<LinkedSpan<T>>) -> Line<'static> {
    pieces.into_iter().map(|piece| piece.span).collect()
}

pub fn width<T>(pieces: &[LinkedSpan<T>]) -> usize {
    pieces.iter().map(|piece| piece.span.width()).sum()
}

/// What the piece leads to that is drawn at a position, of a line that begins where the area does.
pub fn target_at<T>(pieces: Vec<LinkedSpan<T>>, area: Rect, position: Position) -> Option<T> {
    let column = usize::from(position.x.checked_sub(area.x).filter(|_| area.contains(position))?);
    let mut end = 0;
    let mut pieces = pieces.into_iter();
    let found = pieces.find(|piece| {
        end += piece.span.width();
        column < end
    });
    found?.to
}
