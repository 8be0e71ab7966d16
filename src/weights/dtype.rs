//! The number formats of weight files, plain and quantised: one table row each, with its decoder.

mod grids;
mod quant;

pub use quant::{FOUR_BITS, half_of_power};

use half::bf16;

use crate::engine::math::wide;

/// A number format that can be read. Names such as `Q8_0` are those of `ggml`.
#[allow(non_camel_case_types, reason = "as everybody writes them")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    F32,
    F16,
    Bf16,
    F64,
    Q8_0,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q4K,
    Q5K,
    Q6K,
    Mxfp4,
    Q2K,
    Q3K,
    Iq4Nl,
    Iq4Xs,
    Iq3Xxs,
    Iq3S,
    Iq2Xxs,
    Iq2Xs,
    Iq2S,
    Iq1S,
    Iq1M,
    Tq1_0,
    Tq2_0,
    Nvfp4,
}

/// The block layout of a number format, and its decoder.
pub struct BlockFormat {
    pub dtype: Dtype,
    pub name: &'static str,
    /// Its type id in a GGUF file.
    pub ggml: u32,
    /// Numbers in a block.
    pub numbers: usize,
    /// Bytes of a block.
    pub bytes: usize,
    /// Whole blocks -> their numbers.
    pub decode: fn(&[u8], &mut [f32]),
}

/// In the order of [`Dtype`].
static FORMATS: &[BlockFormat] = &[
    row(Dtype::F32, "F32", 0, 1, 4, |bytes, out| wide!(f32s(bytes, out))),
    row(Dtype::F16, "F16", 1, 1, 2, |bytes, out| wide!(f16s(bytes, out))),
    row(Dtype::Bf16, "BF16", 30, 1, 2, |bytes, out| wide!(bf16s(bytes, out))),
    row(Dtype::F64, "F64", 28, 1, 8, |bytes, out| wide!(f64s(bytes, out))),
    row(Dtype::Q8_0, "Q8_0", 8, 32, 34, |bytes, out| wide!(quant::q8_0(bytes, out))),
    row(Dtype::Q4_0, "Q4_0", 2, 32, 18, |bytes, out| wide!(quant::q4_0(bytes, out))),
    row(Dtype::Q4_1, "Q4_1", 3, 32, 20, |bytes, out| wide!(quant::q4_1(bytes, out))),
    row(Dtype::Q5_0, "Q5_0", 6, 32, 22, |bytes, out| wide!(quant::q5_0(bytes, out))),
    row(Dtype::Q5_1, "Q5_1", 7, 32, 24, |bytes, out| wide!(quant::q5_1(bytes, out))),
    row(Dtype::Q4K, "Q4_K", 12, 256, 144, |bytes, out| wide!(quant::q4_k(bytes, out))),
    row(Dtype::Q5K, "Q5_K", 13, 256, 176, |bytes, out| wide!(quant::q5_k(bytes, out))),
    row(Dtype::Q6K, "Q6_K", 14, 256, 210, |bytes, out| wide!(quant::q6_k(bytes, out))),
    row(Dtype::Mxfp4, "MXFP4", 39, 32, 17, |bytes, out| wide!(quant::mxfp4(bytes, out))),
    row(Dtype::Q2K, "Q2_K", 10, 256, 84, |bytes, out| wide!(quant::q2_k(bytes, out))),
    row(Dtype::Q3K, "Q3_K", 11, 256, 110, |bytes, out| wide!(quant::q3_k(bytes, out))),
    row(Dtype::Iq4Nl, "IQ4_NL", 20, 32, 18, |bytes, out| wide!(grids::iq4_nl(bytes, out))),
    row(Dtype::Iq4Xs, "IQ4_XS", 23, 256, 136, |bytes, out| wide!(grids::iq4_xs(bytes, out))),
    row(Dtype::Iq3Xxs, "IQ3_XXS", 18, 256, 98, |bytes, out| wide!(grids::iq3_xxs(bytes, out))),
    row(Dtype::Iq3S, "IQ3_S", 21, 256, 110, |bytes, out| wide!(grids::iq3_s(bytes, out))),
    row(Dtype::Iq2Xxs, "IQ2_XXS", 16, 256, 66, |bytes, out| wide!(grids::iq2_xxs(bytes, out))),
    row(Dtype::Iq2Xs, "IQ2_XS", 17, 256, 74, |bytes, out| wide!(grids::iq2_xs(bytes, out))),
    row(Dtype::Iq2S, "IQ2_S", 22, 256, 82, |bytes, out| wide!(grids::iq2_s(bytes, out))),
    row(Dtype::Iq1S, "IQ1_S", 19, 256, 50, |bytes, out| wide!(grids::iq1_s(bytes, out))),
    row(Dtype::Iq1M, "IQ1_M", 29, 256, 56, |bytes, out| wide!(grids::iq1_m(bytes, out))),
    row(Dtype::Tq1_0, "TQ1_0", 34, 256, 54, |bytes, out| wide!(grids::tq1_0(bytes, out))),
    row(Dtype::Tq2_0, "TQ2_0", 35, 256, 66, |bytes, out| wide!(grids::tq2_0(bytes, out))),
    row(Dtype::Nvfp4, "NVFP4", 40, 64, 36, |bytes, out| wide!(grids::nvfp4(bytes, out))),
];

const fn row(
    dtype: Dtype,
    name: &'static str,
    ggml: u32,
    numbers: usize,
    bytes: usize,
    decode: fn(&[u8], &mut [f32]),
) -> BlockFormat {
    BlockFormat { dtype, name, ggml, numbers, bytes, decode }
}

impl Dtype {
    /// The format of that name in a safetensors file or in `gguf`.
    pub fn named(name: &str) -> Option<Self> {
        FORMATS.iter().find(|f| f.name == name).map(|f| f.dtype)
    }

    /// The format of that type id in a GGUF file.
    pub fn numbered(ggml: u32) -> Option<Self> {
        FORMATS.iter().find(|f| f.ggml == ggml).map(|f| f.dtype)
    }

    /// A clause that lists the readable formats, for messages.
    pub fn known() -> String {
        let names: Vec<&str> = FORMATS.iter().map(|f| f.name).collect();
        names.join(", ")
    }

    pub fn format(self) -> &'static BlockFormat {
        &FORMATS[self as usize]
    }
}

/// A number of a sign, four bits of exponent and three of fraction, without infinity (Micikevicius et al. 2022).
pub fn e4m3(bits: u8) -> f32 {
    let (sign, exponent, fraction) = (bits >> 7, bits >> 3 & 0xF, bits & 7);
    eight_bits(sign, exponent, f32::from(fraction) / 8.0, 7, bits & 0x7F == 0x7F)
}

/// A number of a sign, five bits of exponent and two of fraction; the half of an f16.
pub fn e5m2(bits: u8) -> f32 {
    quant::half([0, bits])
}

/// `± (1 + fraction) 2^(exponent - bias)`; without the 1 where the exponent is 0.
fn eight_bits(sign: u8, exponent: u8, fraction: f32, bias: i32, is_nan: bool) -> f32 {
    let (whole, exponent) = if exponent == 0 { (0.0, 1) } else { (1.0, i32::from(exponent)) };
    let size = (whole + fraction) * 2_f32.powi(exponent - bias);
    match (is_nan, sign) {
        (true, _) => f32::NAN,
        (_, 0) => size,
        _ => -size,
    }
}

fn f32s(bytes: &[u8], out: &mut [f32]) {
    let fours = bytes.as_chunks::<4>().0;
    for (out, b) in out.iter_mut().zip(fours) {
        *out = f32::from_le_bytes(*b);
    }
}

fn f64s(bytes: &[u8], out: &mut [f32]) {
    for (out, b) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *out = f64::from_le_bytes(*b) as f32;
    }
}

fn f16s(bytes: &[u8], out: &mut [f32]) {
    for (out, b) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *out = quant::half(*b);
    }
}

fn bf16s(bytes: &[u8], out: &mut [f32]) {
    for (out, b) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *out = bf16::from_le_bytes(*b).to_f32();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_dtypes() {
        assert!(FORMATS.iter().enumerate().all(|(i, f)| f.dtype as usize == i));
    }

    #[test]
    fn a_number_of_eight_bytes_becomes_the_nearest_of_four() {
        let numbers = [0.1, -1e300, f64::NAN, 3.0];
        let bytes: Vec<u8> = numbers.iter().flat_map(|n: &f64| n.to_le_bytes()).collect();
        let mut out = [0.0; 4];
        (Dtype::named("F64").unwrap().format().decode)(&bytes, &mut out);
        assert_eq!(out.map(f32::to_bits), numbers.map(|n| (n as f32).to_bits()));
    }
}
