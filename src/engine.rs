//! The numeric engine: values, pure functions on them, and the tape that records a pass.
//!
//! Holds values made of planes ([`value`]) and functions on them ([`math`]); sites and addresses ([`site`]); what-ifs
//! ([`change`]); the recorded operations with forward pass, opened cells and gradients ([`tape`]), and the expression
//! of an opened cell ([`arithmetic`]). Loops are shared among the threads of a [`pool`].
//!
//! Promises that one call records a value and what it was computed from, and that results have the same bytes for any
//! number of threads. Knows no model, no token text and no screen.

pub mod fault;
pub mod pool;
pub mod value;
pub mod math;
pub mod site;
pub mod arithmetic;
pub mod change;
pub mod tape;
