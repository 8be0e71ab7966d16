//! Every site of every model, opened: the arithmetic comes to the cell.

use lookback::{analysis::reading::Reading, engine::value::Cell, model::ModelName};
use proptest::prelude::*;

use crate::support::built_in::{READER, reading};

/// Equal to 1e-5, relative to numbers above 1.
fn agree(want: f32, got: f64) -> bool {
    let want = f64::from(want);
    want.total_cmp(&got).is_eq()
        || (want.is_nan() && got.is_nan())
        || (want - got).abs() <= 1e-5 * want.abs().max(1.0)
}

/// Cells spread over a site: `n` of them, chosen by `seed`.
fn sample(len: usize, n: usize, seed: usize) -> impl Iterator<Item = usize> {
    (0..n.min(len)).map(move |i| (seed.wrapping_mul(2_654_435_761) + i * 7919) % len)
}

fn check(reading: &Reading, seed: usize) {
    for name in ModelName::ALL {
        let trace = reading.trace(name);
        let mut n_opened = 0;
        for site in trace.sites().filter(|s| !s.is_leaf) {
            let cells: Vec<Cell> = site.shape().cells().collect();
            for i in sample(cells.len(), 4, seed) {
                if site.value.get(cells[i]).is_nan() {
                    continue; // beyond the probes' reach
                }
                let address = site.address(cells[i]);
                let opened = trace.open(&address).unwrap();
                assert_eq!(opened.name.address(), Some(&address));
                let expr = opened.expr.expect("a computed site has arithmetic");
                assert!(
                    agree(opened.value, expr.eval()),
                    "{name} {address}: the cell is {}, its arithmetic comes to {}",
                    opened.value,
                    expr.eval()
                );
                n_opened += 1;
            }
        }
        assert!(n_opened > 20, "{name}: only {n_opened} cells were opened");
    }
}

#[test]
fn the_default_sentence() {
    check(&reading("The animal didn't cross the street because it was too tired."), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_sentence(
        words in prop::collection::vec("the|dog|animal|cat|street|sleeps|didn't|zebra|was|tired", 1..24),
        seed in 0_usize..1_000_000,
    ) {
        let mut sentence = words.join(" ");
        sentence.truncate(60);
        check(&READER.read(&sentence).unwrap(), seed);
    }
}

#[test]
fn operands_lead_down_to_a_weight_or_a_token() {
    let reading = reading("The dog sleeps.");
    let trace = reading.trace(ModelName::Transformer);
    let mut address = "logits[0,7]".parse().unwrap();
    for _ in 0..80 {
        let opened = trace.open(&address).unwrap();
        let Some(expr) = opened.expr else { return };
        let leaves = expr.leaves();
        address = leaves[0].address.clone();
    }
    panic!("80 steps did not reach a leaf: {address}");
}
