//! How numbers are packed in a file: one table of formats.

use half::{bf16, f16};

/// A form of numbers that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    F32,
    F16,
    Bf16,
}

/// What a block of numbers takes, and how it is decoded.
pub struct Format {
    pub dtype: Dtype,
    pub name: &'static str,
    /// Its number in a GGUF file.
    pub ggml: u32,
    /// Numbers in a block.
    pub numbers: usize,
    /// Bytes of a block.
    pub bytes: usize,
    /// Whole blocks -> their numbers.
    pub decode: fn(&[u8], &mut [f32]),
}

static FORMATS: [Format; 3] = [
    row(Dtype::F32, "F32", 0, (1, 4), f32s),
    row(Dtype::F16, "F16", 1, (1, 2), f16s),
    row(Dtype::Bf16, "BF16", 30, (1, 2), bf16s),
];

const fn row(
    dtype: Dtype,
    name: &'static str,
    ggml: u32,
    (numbers, bytes): (usize, usize),
    decode: fn(&[u8], &mut [f32]),
) -> Format {
    Format { dtype, name, ggml, numbers, bytes, decode }
}

impl Dtype {
    /// By the name that a safetensors file or `gguf` gives it.
    pub fn named(name: &str) -> Option<Self> {
        FORMATS.iter().find(|f| f.name == name).map(|f| f.dtype)
    }

    /// A clause on what is read.
    pub fn known() -> String {
        let names: Vec<&str> = FORMATS.iter().map(|f| f.name).collect();
        format!("read are {}", names.join(", "))
    }

    pub fn format(self) -> &'static Format {
        &FORMATS[self as usize]
    }
}

fn f32s(bytes: &[u8], out: &mut [f32]) {
    let fours = bytes.as_chunks::<4>().0;
    for (out, b) in out.iter_mut().zip(fours) {
        *out = f32::from_le_bytes(*b);
    }
}

fn f16s(bytes: &[u8], out: &mut [f32]) {
    for (out, b) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *out = f16::from_le_bytes(*b).to_f32();
    }
}

fn bf16s(bytes: &[u8], out: &mut [f32]) {
    for (out, b) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *out = bf16::from_le_bytes(*b).to_f32();
    }
}
