//! Lookback: see how an RNN and a Transformer read your own sentence.
pub mod value;
pub mod math;
pub mod site;
pub mod arithmetic;
pub mod tape;
pub mod text;
pub mod checkpoint;
pub mod layer;
pub mod model;
pub mod trace;
pub mod measure;
pub mod reading;
pub mod lesson;
pub mod theme;
pub mod heat;
pub mod pane;
