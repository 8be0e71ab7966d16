//! Evidence for what a model says: which parts of it, which words and which values carried its answer.
//!
//! Every method works on a [`Run`], a pass with everything kept, and asks about a [`Score`]: a word, a word against
//! another, or a whole output. None of them knows a model; the tape is enough.
//!
//! | method | question | anchor |
//! | --- | --- | --- |
//! | [`attribution`] | which part pushed this word above that one | direct logit attribution (Elhage et al. 2021) |
//! | [`promotion`] | which words a head or a hidden unit raises | Geva et al. 2022 |
//! | [`saliency`] | which words counted | gradient x input, integrated gradients (Sundararajan et al. 2017), leaving one out |
//! | [`patching`] | which value carries the difference of two sentences | activation patching (Meng et al. 2022) |
//! | [`flow`] | from which words a row was made, layer by layer | information flow routes (Ferrando and Voita 2024) |
//! | [`heads`] | where every head looks, and whether it copies | head detectors (TransformerLens), OV circuit (Elhage et al. 2021) |
//! | [`next_words`] | what a change does to the next word | |
//! | [`learner`], [`course`] | what a step of training changes | SGD, Adam (Kingma and Ba 2015) |

pub mod attribution;
pub mod course;
pub mod flow;
pub mod heads;
pub mod learner;
pub mod next_words;
pub mod patching;
pub mod promotion;
mod quadrature;
pub mod question;
pub mod run;
pub mod saliency;
pub mod score;
pub mod slopes;

pub use question::EvidenceQuestion;
pub use run::{LogitRows, RowsOf, Run};
pub use score::{Score, WordAtRow};
