//! Quantised blocks against the `gguf` package (`assets/training/quants.py` made the references).

use std::fs;

use lookback::weights::Dtype;
use safetensors::SafeTensors;

/// Packed blocks, and the bits of their numbers.
fn golden(format: &str) -> (Vec<u8>, Vec<u32>) {
    let bytes = fs::read(format!("tests/goldens/quants/{format}.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = file.tensor("numbers").unwrap();
    let bits = numbers.data().as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
    (file.tensor("packed").unwrap().data().to_vec(), bits)
}

#[test]
fn blocks_are_decoded_to_the_last_bit() {
    for name in [
        "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K", "MXFP4", "Q2_K", "Q3_K",
        "IQ4_NL", "IQ4_XS", "IQ3_XXS", "IQ3_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ1_S", "IQ1_M",
        "TQ1_0", "TQ2_0", "NVFP4",
    ] {
        let (packed, want) = golden(name);
        let format = Dtype::named(name).unwrap().format();
        assert_eq!(packed.len() / format.bytes * format.numbers, want.len(), "{name}");
        let mut got = vec![0.0; want.len()];
        (format.decode)(&packed, &mut got);
        let differing = got.iter().zip(&want).position(|(got, want)| got.to_bits() != *want);
        assert_eq!(differing, None, "{name}: the first number that differs");
    }
}
