//! What several tests use.

pub mod any_tensor;
pub mod browser;
pub mod built_in;
pub mod damage;
pub mod emulator;
pub mod evidence;
pub mod gguf;
pub mod hostile;
#[cfg(unix)]
pub mod nobody;
pub mod program;
pub mod random;
pub mod reader;
pub mod rng;
pub mod session;
pub mod sources;
pub mod tiny;
pub mod walk;
pub mod walker;
pub mod weights;
