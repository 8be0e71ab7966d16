//! Colours, glyphs and number formats.

/// How everything looks.
#[derive(Clone, Debug, Default)]
pub struct Theme {}
