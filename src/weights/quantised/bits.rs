//! Numbers and packed integers in the bytes of a tensor.

use std::{ops::Range, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use half::{bf16, f16};

use crate::{
    engine::value::StoredSize,
    weights::{
        TensorInfo,
        dtype::{e4m3, e5m2},
        mapped::Mapped,
        tensor::dimensions,
    },
};

/// The bytes of a tensor in its file.
pub struct Bytes {
    file: Arc<Mapped>,
    pub range: Range<usize>,
}

impl Bytes {
    pub fn of(tensor: &TensorInfo) -> Self {
        let range = tensor.start..tensor.start + tensor.n_bytes;
        Self { file: Arc::clone(&tensor.file), range }
    }

    pub fn get(&self) -> &[u8] {
        &self.file.bytes()[self.range.clone()]
    }
}

/// Numbers of a plain type, one by one: scales, indices.
pub struct Numbers {
    bytes: Bytes,
    width: usize,
    read: fn(&[u8]) -> f32,
}

/// A plain type of numbers.
struct PlainType {
    name: &'static str,
    n_bytes: usize,
    read: fn(&[u8]) -> f32,
}

const fn plain(name: &'static str, n_bytes: usize, read: fn(&[u8]) -> f32) -> PlainType {
    PlainType { name, n_bytes, read }
}

static PLAIN: [PlainType; 9] = [
    plain("F32", 4, |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
    plain("F16", 2, |b| f16::from_le_bytes([b[0], b[1]]).to_f32()),
    plain("BF16", 2, |b| bf16::from_le_bytes([b[0], b[1]]).to_f32()),
    plain("I32", 4, |b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]) as f32),
    plain("I64", 8, |b| i64::from_le_bytes(*b.first_chunk().unwrap_or(&[0; 8])) as f32),
    plain("I8", 1, |b| f32::from(b[0].cast_signed())),
    plain("U8", 1, |b| f32::from(b[0])),
    plain("F8_E4M3", 1, |b| e4m3(b[0])),
    plain("F8_E5M2", 1, |b| e5m2(b[0])),
];

impl Numbers {
    pub fn of(tensor: &TensorInfo) -> Result<Self> {
        let found = PLAIN.iter().find(|known| known.name == tensor.dtype);
        let &PlainType { n_bytes: width, read, .. } = found.with_context(|| {
            format!("`{}` has dtype {}, which is not supported here", tensor.shown(), tensor.dtype)
        })?;
        Ok(Self { bytes: Bytes::of(tensor), width, read })
    }

    pub fn len(&self) -> usize {
        self.bytes.range.len() / self.width
    }

    pub fn get(&self, i: usize) -> f32 {
        (self.read)(&self.bytes.get()[i * self.width..(i + 1) * self.width])
    }
}

/// How integers are packed into words of 32 bits, the lowest bits first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Those of a line follow one another.
    AlongLine,
    /// A word holds the integers of one column in lines that follow one another.
    DownLines,
    /// As [`Self::AlongLine`], in each word the even ones first.
    Awq,
}

/// Where the i-th of eight integers lies in a word of AWQ's.
const AWQ: [usize; 8] = [0, 4, 1, 5, 2, 6, 3, 7];

/// Packed integers of a few bits: lines of equal length.
pub struct Ints {
    bytes: Bytes,
    pub size: StoredSize,
    bits: usize,
    order: Order,
    /// Words from a line, or from a group of lines, to the next.
    stride: usize,
}

impl Ints {
    pub fn of(tensor: &TensorInfo, size: StoredSize, bits: usize, order: Order) -> Result<Self> {
        ensure!(
            ["I32", "U32"].contains(&tensor.dtype.as_str()),
            "`{}` has dtype {}, want words of 32 bits",
            tensor.shown(),
            tensor.dtype
        );
        ensure!((1..=8).contains(&bits), "has numbers of {bits} bits");
        let is_down = order == Order::DownLines;
        ensure!(
            !is_down || 32_usize.is_multiple_of(bits),
            "has numbers of {bits} bits across words"
        );
        let StoredSize { n_lines, len } = size;
        let words = |n: usize| (n * bits).div_ceil(32);
        let want = if is_down { [words(n_lines), len] } else { [n_lines, words(len)] };
        ensure!(
            lines(tensor)? == want,
            "`{}` is {}, want {}",
            tensor.shown(),
            dimensions(&tensor.shape),
            dimensions(&want)
        );
        Ok(Self { bytes: Bytes::of(tensor), size, bits, order, stride: want[1] })
    }

    fn word(&self, i: usize) -> u32 {
        let bytes = &self.bytes.get()[i * 4..i * 4 + 4];
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    pub fn get(&self, line: usize, i: usize) -> u32 {
        let mask = (1_u32 << self.bits) - 1;
        let each = 32 / self.bits;
        match self.order {
            Order::DownLines => {
                self.word(line / each * self.stride + i) >> (line % each * self.bits) & mask
            }
            Order::Awq => {
                self.word(line * self.stride + i / each) >> (AWQ[i % 8] * self.bits) & mask
            }
            Order::AlongLine => {
                let bit = i * self.bits;
                let (at, from) = (line * self.stride + bit / 32, bit % 32);
                let low = self.word(at) >> from;
                let is_cut = from + self.bits > 32;
                let high = if is_cut { self.word(at + 1) << (32 - from) } else { 0 };
                (low | high) & mask
            }
        }
    }
}

/// Lines and the length of one: of a stack too, whose lines follow one another.
pub fn lines(tensor: &TensorInfo) -> Result<[usize; 2]> {
    match tensor.shape[..] {
        [n, rows, cols] => Ok([n * rows, cols]),
        _ => axes(tensor),
    }
}

/// The two axes of a part.
pub fn axes(tensor: &TensorInfo) -> Result<[usize; 2]> {
    match tensor.shape[..] {
        [rows, cols] => Ok([rows, cols]),
        _ => bail!("`{}` is {}, want two axes", tensor.shown(), dimensions(&tensor.shape)),
    }
}
