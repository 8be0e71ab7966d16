//! What several tests use.

pub mod browser;
pub mod built_in;
pub mod chance;
pub mod emulator;
pub mod evidence;
pub mod gguf;
pub mod harm;
pub mod hostile;
pub mod program;
pub mod random;
pub mod reader;
pub mod session;
pub mod sources;
pub mod tiny;
pub mod walk;
pub mod walker;
pub mod wanted;
pub mod weights;
