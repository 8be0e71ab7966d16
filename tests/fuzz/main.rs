//! The fuzzer of the target that `LOOKBACK_TARGET` names.
#![no_main]

use std::{
    env,
    sync::{LazyLock, atomic::Ordering},
};

use libfuzzer_sys::fuzz_target;
use lookback_fuzz::{ALONE, TARGETS};

static RUN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = env::var("LOOKBACK_TARGET").expect("LOOKBACK_TARGET names a target");
    let found = TARGETS.into_iter().find(|(name, _)| *name == wanted);
    let (_, run) = found.unwrap_or_else(|| panic!("there is no target {wanted}"));
    // Everything happens on the fuzzer's own thread: handing over costs more than passes so small.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    pool.build_global().expect("no work was handed over before");
    ALONE.store(true, Ordering::Relaxed);
    run
});

fuzz_target!(|bytes: &[u8]| RUN(bytes));
