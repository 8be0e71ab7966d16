//! The description of a checkpoint in a few rows.

use std::collections::BTreeSet;

use crate::{
    model::{Architecture, Model, ModelSizes},
    text,
    weights::{Checkpoint, TensorInfo},
};

/// The description of a checkpoint, known before any pass.
pub struct Card {
    pub title: String,
    /// Labels and their texts.
    pub rows: Vec<(&'static str, String)>,
}

impl Card {
    pub fn of(checkpoint: &Checkpoint, kind: &Architecture, model: &dyn Model) -> Self {
        let n_parameters: usize = checkpoint.asked().into_iter().map(TensorInfo::n_numbers).sum();
        let n_bytes: usize = checkpoint.tensors().iter().map(|tensor| tensor.n_bytes).sum();
        let dtypes: BTreeSet<&str> =
            checkpoint.tensors().iter().map(|tensor| tensor.dtype.as_str()).collect();
        let dtypes: Vec<&str> = dtypes.into_iter().collect();
        let mut rows = vec![
            ("architecture", kind.title.to_owned()),
            ("parameters", parameters(n_parameters)),
            ("stored as", format!("{}, {:.1} MB", dtypes.join(" "), n_bytes as f64 / 1e6)),
        ];
        if let Some(sizes) = model.sizes() {
            rows.extend(of_sizes(sizes));
        }
        Self { title: checkpoint.title(), rows }
    }
}

/// A number of parameters as text: `134.5 million`; below a million, all digits.
fn parameters(n: usize) -> String {
    if n < 1_000_000 { text::grouped(n) } else { format!("{:.1} million", n as f64 / 1e6) }
}

fn of_sizes(sizes: ModelSizes) -> [(&'static str, String); 6] {
    let heads = sizes.heads;
    let shared = if heads.n_kv_heads == heads.n_heads {
        String::new()
    } else {
        format!(", keys and values of {}", heads.n_kv_heads)
    };
    let layers = match sizes.n_beside {
        0 => sizes.n_layers.to_string(),
        n => format!("encoder {}, decoder {n}", sizes.n_layers - n),
    };
    [
        ("layers", layers),
        ("d_model", heads.d_model.to_string()),
        ("heads", format!("{} of {}{shared}", heads.n_heads, heads.d_head)),
        ("d_ff", sizes.d_ff.to_string()),
        ("vocabulary", sizes.n_vocab.to_string()),
        ("longest text", format!("{} tokens", sizes.context)),
    ]
}
