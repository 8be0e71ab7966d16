//! A wish for whatever tensor there is.

use lookback::weights::{Layout, TensorInfo, Wanted};

/// The tensor as it is, if it can be read as a vector or a matrix.
pub fn wanted(tensor: &TensorInfo) -> Option<Wanted> {
    tensor.form?;
    let (shape, layout) = match tensor.shape[..] {
        [n] => ((1, n), Layout::Vector),
        [rows, cols] => ((rows, cols), Layout::Table),
        _ => return None,
    };
    Some(Wanted::new(&tensor.name, &tensor.name, shape, layout))
}
