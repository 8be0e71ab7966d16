//! The numeric engine: values, pure functions on them, and the tape that records a pass.
//!
//! Holds matrices by plane ([`value`]) and functions on them ([`math`]); what a value is and where it
//! lives ([`site`]); what-ifs ([`change`]); the operations with their forward pass, opened cells and gradients
//! ([`tape`]), and how an opened cell is written ([`arithmetic`]).
//!
//! Promises that a value and its provenance are recorded by the same line, and the same bytes for any number of
//! threads. Knows no model, no token text and no screen.

pub mod fault;
pub mod value;
pub mod math;
pub mod site;
pub mod arithmetic;
pub mod change;
pub mod tape;
