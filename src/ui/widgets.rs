//! Reusable drawings that know no lesson and no state: text on lines, a matrix as cells, lines over words.

pub mod lines;
pub mod heat;
pub mod chart;
