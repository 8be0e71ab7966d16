//! An address: it is written as it is read, and opens into its arithmetic, or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lookback::{engine::site::Address, model::Name};
use lookback_fuzz::{READ, answered, bounded};

fuzz_target!(|text: &str| {
    let trace = READ.1.trace(Name::Checkpoint);
    bounded(|| {
        let Some(address) = answered(text.parse::<Address>()) else { return };
        assert_eq!(address.to_string().parse::<Address>().ok().as_ref(), Some(&address));
        let Some(opened) = answered(trace.open(&address)) else { return };
        let Some(expr) = opened.expr else { return };
        let (want, got) = (f64::from(opened.value), expr.eval());
        assert!((want - got).abs() <= 1e-4 * want.abs().max(1.0) || want == got, "{address}");
    });
});
