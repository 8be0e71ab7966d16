//! Quantised blocks -> their numbers, exactly as the reference of the `ggml` library has it.
//!
//! A block is a few numbers as small integers `q` with a scale `d` (and a minimum `m`) in f16:
//! x = d q, or x = d q + m. Legacy formats have 32 numbers a block; the low nibbles are the first
//! 16 of them, the high nibbles the rest. K formats have 256 numbers in groups with scales of
//! their own, which are small integers too.

#![allow(clippy::inline_always, reason = "they take the width of the loop that they stand in")]

use std::array;

use half::f16;

/// Numbers of a legacy block.
pub const SMALL: usize = 32;
/// Numbers of a K block.
pub const LARGE: usize = 256;

/// An f16 in a block. The library's own conversion is a call that asks the processor what it can.
#[inline(always)]
pub fn half_at(block: &[u8], at: usize) -> f32 {
    const EXPONENT: u16 = 0x7C00;
    let bits = u16::from_le_bytes(run(block, at));
    if bits & EXPONENT == EXPONENT {
        return f16::from_bits(bits).to_f32(); // infinite, or not a number
    }
    shifted(bits) * TWO_TO_112
}

/// The exponent of f16 counts from 15, that of f32 from 127: [`shifted`] is 2^112 too small.
const TWO_TO_112: f32 = f32::from_bits((127 + 112) << 23);

/// Sign, exponent and fraction of an f16 in their places of an f32.
#[inline(always)]
const fn shifted(bits: u16) -> f32 {
    let bits = bits as u32;
    f32::from_bits((bits & 0x8000) << 16 | (bits & 0x7FFF) << 13)
}

/// An f16, without a branch: for loops over many.
#[inline(always)]
pub fn half(bytes: [u8; 2]) -> f32 {
    let bits = u16::from_le_bytes(bytes);
    let finite = shifted(bits) * TWO_TO_112;
    let odd = shifted(bits).to_bits() | 0x7F80_0000;
    if bits & 0x7C00 == 0x7C00 { f32::from_bits(odd) } else { finite }
}

/// Blocks of `BYTES` bytes, each with room for its `N` numbers.
#[inline(always)]
pub fn blocks<'a, const BYTES: usize, const N: usize>(
    bytes: &'a [u8],
    out: &'a mut [f32],
) -> impl Iterator<Item = (&'a [u8; BYTES], &'a mut [f32; N])> {
    bytes.as_chunks::<BYTES>().0.iter().zip(out.as_chunks_mut::<N>().0)
}

/// `N` bytes from `at` on.
#[inline(always)]
pub fn run<const N: usize>(block: &[u8], at: usize) -> [u8; N] {
    *block[at..].first_chunk().expect("a block is longer than its parts")
}

/// `of` of a legacy block's small integers. They have four bits at `at`, the halves of byte i standing 16
/// numbers apart, and a fifth one each in `fifths`, bit i belonging to number i.
#[inline(always)]
fn spread(block: &[u8], at: usize, fifths: u32, of: impl Fn(f32) -> f32) -> [f32; SMALL] {
    let bytes = run::<{ SMALL / 2 }>(block, at);
    let mut twice = [0; SMALL];
    twice[..SMALL / 2].copy_from_slice(&bytes);
    twice[SMALL / 2..].copy_from_slice(&bytes);
    array::from_fn(|i| {
        let four = u32::from(twice[i]) >> (i / (SMALL / 2) * 4) & 0xF;
        of((four | (fifths >> i & 1) << 4) as f32)
    })
}

/// The fifth bits of a block.
#[inline(always)]
fn fifths(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(run(block, at))
}

/// d f16, 32 signed bytes.
#[inline(always)]
pub fn q8_0(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<34, SMALL>(bytes, out) {
        let (d, qs) = (half_at(block, 0), run::<SMALL>(block, 2));
        *out = qs.map(|q| f32::from(q.cast_signed()) * d);
    }
}

/// d f16, 16 bytes of nibbles; x = d (q - 8).
#[inline(always)]
pub fn q4_0(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<18, SMALL>(bytes, out) {
        let d = half_at(block, 0);
        *out = spread(block, 2, 0, |q| (q - 8.0) * d);
    }
}

/// The doubled numbers of four bits of microscaling formats: a sign, two bits of exponent, one of mantissa.
pub const FOUR_BITS: [f32; 16] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 0.0, -1.0, -2.0, -3.0, -4.0, -6.0, -8.0, -12.0];

/// Half the power of two that a byte of exponent stands for: 2^(e - 128).
#[inline(always)]
pub const fn half_of_power(e: u8) -> f32 {
    let e = e as u32;
    f32::from_bits(if e < 2 { 0x0020_0000 << e } else { (e - 1) << 23 })
}

/// An exponent, 16 bytes of nibbles; x = 2^(e - 128) q (Open Compute Project 2023, *Microscaling Formats*).
#[inline(always)]
pub fn mxfp4(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<17, SMALL>(bytes, out) {
        let d = half_of_power(block[0]);
        *out = array::from_fn(|i| {
            let byte = block[1 + i % (SMALL / 2)];
            d * FOUR_BITS[usize::from(byte >> (i / (SMALL / 2) * 4) & 0xF)]
        });
    }
}

/// d, m f16, 16 bytes of nibbles; x = d q + m.
#[inline(always)]
pub fn q4_1(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<20, SMALL>(bytes, out) {
        let (d, m) = (half_at(block, 0), half_at(block, 2));
        *out = spread(block, 4, 0, |q| q * d + m);
    }
}

/// d f16, 4 bytes of fifth bits, 16 bytes of nibbles; x = d (q - 16).
#[inline(always)]
pub fn q5_0(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<22, SMALL>(bytes, out) {
        let d = half_at(block, 0);
        *out = spread(block, 6, fifths(block, 2), |q| (q - 16.0) * d);
    }
}

/// d, m f16, 4 bytes of fifth bits, 16 bytes of nibbles; x = d q + m.
#[inline(always)]
pub fn q5_1(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<24, SMALL>(bytes, out) {
        let (d, m) = (half_at(block, 0), half_at(block, 2));
        *out = spread(block, 8, fifths(block, 4), |q| q * d + m);
    }
}

/// The 6-bit scale and minimum of group `g` of eight, out of 12 bytes.
#[inline(always)]
fn scale_and_min(scales: [u8; 12], g: usize) -> (f32, f32) {
    let (scale, min) = if g < 4 {
        (scales[g] & 63, scales[g + 4] & 63)
    } else {
        let (low, high) = (scales[g + 4], (scales[g - 4] >> 6, scales[g] >> 6));
        (low & 0xF | high.0 << 4, low >> 4 | high.1 << 4)
    };
    (f32::from(scale), f32::from(min))
}

/// d, m f16, 12 bytes of scales, 128 bytes of nibbles; eight groups of 32, of which two share 32
/// bytes: x = d scale q - m min.
#[inline(always)]
pub fn q4_k(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<144, LARGE>(bytes, out) {
        let (d, m) = (half_at(block, 0), half_at(block, 2));
        for (g, out) in out.as_chunks_mut::<SMALL>().0.iter_mut().enumerate() {
            let (scale, min) = scale_and_min(run(block, 4), g);
            let (scale, min) = (d * scale, m * min);
            let (qs, shift) = (run::<SMALL>(block, 16 + g / 2 * SMALL), g % 2 * 4);
            for i in 0..SMALL {
                out[i] = scale * f32::from(qs[i] >> shift & 0xF) - min;
            }
        }
    }
}

/// 16 bytes of scales and minima, 64 of pairs of bits, d, m f16; x = d scale q - m min in groups of 16. Either half of 128
/// numbers has four runs of 32, which share bytes.
#[inline(always)]
pub fn q2_k(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<84, LARGE>(bytes, out) {
        let (d, m) = (half_at(block, 80), half_at(block, 82));
        for (r, out) in out.as_chunks_mut::<SMALL>().0.iter_mut().enumerate() {
            let pairs = run::<SMALL>(block, 16 + r / 4 * SMALL);
            let both = |g: usize| {
                let byte = block[r * 2 + g];
                (d * f32::from(byte & 0xF), m * f32::from(byte >> 4))
            };
            let scales = [both(0), both(1)];
            *out = array::from_fn(|i| {
                let (scale, min) = scales[i / 16];
                scale * f32::from(pairs[i] >> (r % 4 * 2) & 3) - min
            });
        }
    }
}

/// The scale of group `g` of sixteen, out of 12 bytes: low nibbles, high nibbles, then pairs of bits of all.
#[inline(always)]
fn six_bits(scales: [u8; 12], g: usize) -> f32 {
    let low = scales[g % 8] >> (g / 8 * 4) & 0xF;
    let high = scales[8 + g % 4] >> (g / 4 * 2) & 3;
    f32::from(low | high << 4) - 32.0
}

/// 32 bytes of third bits, 64 of pairs, 12 of scales, d f16; x = d scale (q - 4) in groups of 16, in runs as Q2_K.
#[inline(always)]
pub fn q3_k(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<110, LARGE>(bytes, out) {
        let (d, scales) = (half_at(block, 108), run::<12>(block, 96));
        let thirds = run::<SMALL>(block, 0);
        for (r, out) in out.as_chunks_mut::<SMALL>().0.iter_mut().enumerate() {
            let pairs = run::<SMALL>(block, 32 + r / 4 * SMALL);
            let scales = [d * six_bits(scales, r * 2), d * six_bits(scales, r * 2 + 1)];
            *out = array::from_fn(|i| {
                let q = pairs[i] >> (r % 4 * 2) & 3 | (thirds[i] >> r & 1) << 2;
                scales[i / 16] * (f32::from(q) - 4.0)
            });
        }
    }
}

/// As Q4_K, with 32 bytes of fifth bits before the nibbles: bit g belongs to group g.
#[inline(always)]
pub fn q5_k(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<176, LARGE>(bytes, out) {
        let (d, m) = (half_at(block, 0), half_at(block, 2));
        let high = run::<SMALL>(block, 16);
        for (g, out) in out.as_chunks_mut::<SMALL>().0.iter_mut().enumerate() {
            let (scale, min) = scale_and_min(run(block, 4), g);
            let (scale, min) = (d * scale, m * min);
            let (qs, shift) = (run::<SMALL>(block, 48 + g / 2 * SMALL), g % 2 * 4);
            for i in 0..SMALL {
                let q = qs[i] >> shift & 0xF | (high[i] >> g & 1) << 4;
                out[i] = scale * f32::from(q) - min;
            }
        }
    }
}

/// 128 bytes of low nibbles, 64 of high pairs of bits, 16 signed scales, d f16; x = d scale (q - 32)
/// in groups of 16. Either half of 128 numbers has four runs of 32, which share bytes.
#[inline(always)]
pub fn q6_k(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<210, LARGE>(bytes, out) {
        let d = half_at(block, 208);
        for (r, out) in out.as_chunks_mut::<SMALL>().0.iter_mut().enumerate() {
            let (half, r) = (r / 4, r % 4);
            let low = run::<SMALL>(block, half * 64 + r % 2 * SMALL);
            let high = run::<SMALL>(block, 128 + half * SMALL);
            let (shift, pair) = (r / 2 * 4, r * 2);
            let q: [u8; SMALL] =
                array::from_fn(|i| low[i] >> shift & 0xF | (high[i] >> pair & 3) << 4);
            let scale = |g: usize| d * f32::from(block[192 + half * 8 + r * 2 + g].cast_signed());
            let scales = [scale(0), scale(1)];
            *out = array::from_fn(|i| scales[i / 16] * (f32::from(q[i]) - 32.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::f16;

    #[test]
    fn every_half_is_the_number_that_the_library_says() {
        for bits in 0..=u16::MAX {
            let want = f16::from_bits(bits).to_f32();
            for got in [super::half_at(&bits.to_le_bytes(), 0), super::half(bits.to_le_bytes())] {
                assert!(
                    got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                    "{bits:#x}"
                );
            }
        }
    }
}
