//! Reusable drawings that depend on no lesson and no state: text lines, heat maps, line charts.

pub mod lines;
pub mod heat;
pub mod chart;
