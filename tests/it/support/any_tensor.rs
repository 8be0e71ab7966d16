//! The weight that is expected of whatever tensor there is.

use lookback::weights::{ExpectedWeight, TensorInfo, WeightLayout};

/// The tensor as it is, if it can be read as a vector or a matrix.
pub fn wanted(tensor: &TensorInfo) -> Option<ExpectedWeight> {
    tensor.form?;
    let (shape, layout) = match tensor.shape[..] {
        [n] => ((1, n), WeightLayout::Vector),
        [rows, cols] => ((rows, cols), WeightLayout::Table),
        _ => return None,
    };
    Some(ExpectedWeight::new(&tensor.name, &tensor.name, shape, layout))
}
