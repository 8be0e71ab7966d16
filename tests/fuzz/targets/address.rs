//! An address: it is written as it is read, and opens into its arithmetic, or is refused.

use super::{READ, answered, bounded};
use lookback::{engine::site::Address, model::ModelName};

pub fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let trace = READ.1.trace(ModelName::Checkpoint);
    bounded(|| {
        let Some(address) = answered(text.parse::<Address>()) else { return };
        assert_eq!(address.to_string().parse::<Address>().ok().as_ref(), Some(&address));
        let Some(opened) = answered(trace.open(&address)) else { return };
        let Some(expr) = opened.expr else { return };
        let (want, got) = (f64::from(opened.value), expr.eval());
        assert!(
            (want - got).abs() <= 1e-4 * want.abs().max(1.0) || want.total_cmp(&got).is_eq(),
            "{address}"
        );
    });
}
