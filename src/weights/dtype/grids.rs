//! Quantised blocks whose integers are taken from a table, and those of three values: one to three bits a number.
//!
//! The formats that begin with IQ have an index for every four or eight numbers into a table of the points that are used
//! (`assets/grids`, from the `ggml` library, MIT licence), with signs beside: x = d scale point sign.

#![allow(clippy::inline_always, reason = "they take the width of the loop that they stand in")]

use std::array;

use super::quant::{FOUR_BITS, LARGE, SMALL, blocks, half, half_at, run};

static POINTS_2_XXS: &[u8; 256 * 8] = include_bytes!("../../../assets/grids/iq2_xxs.bin");
static POINTS_2_XS: &[u8; 512 * 8] = include_bytes!("../../../assets/grids/iq2_xs.bin");
static POINTS_2_S: &[u8; 1024 * 8] = include_bytes!("../../../assets/grids/iq2_s.bin");
static POINTS_3_XXS: &[u8; 256 * 4] = include_bytes!("../../../assets/grids/iq3_xxs.bin");
static POINTS_3_S: &[u8; 512 * 4] = include_bytes!("../../../assets/grids/iq3_s.bin");
static POINTS_1: &[u8; 2048 * 8] = include_bytes!("../../../assets/grids/iq1_s.bin");

/// The integers of IQ4: not as far apart near 0.
const UNEVEN: [f32; 16] = [
    -127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0,
    89.0, 113.0,
];

/// A point of a table.
#[inline(always)]
fn point<const N: usize>(table: &[u8], index: usize) -> &[u8; N] {
    &table.as_chunks::<N>().0[index]
}

/// The signs of eight numbers, of which the last makes the number of minuses even.
#[inline(always)]
const fn even_signs(seven: u32) -> u8 {
    let seven = (seven & 0x7F) as u8;
    seven | ((seven.count_ones() & 1) as u8) << 7
}

/// `d * point * sign` of some numbers, the first of which has the sign of bit `first`.
#[inline(always)]
fn signed<const N: usize>(d: f32, point: &[u8; N], signs: u8, first: usize, out: &mut [f32]) {
    for (i, (out, &p)) in out.iter_mut().zip(point).enumerate() {
        let sign = if signs >> (first + i) & 1 == 0 { 1.0 } else { -1.0 };
        *out = d * f32::from(p) * sign;
    }
}

#[inline(always)]
fn nibble(bytes: &[u8], i: usize) -> u8 {
    bytes[i / 2] >> (i % 2 * 4) & 0xF
}

#[inline(always)]
fn u16_at(block: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(run(block, at))
}

#[inline(always)]
fn u32_at(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(run(block, at))
}

/// d f16, then for every 32 numbers four indices, and 32 bits with four times seven signs and a scale.
#[inline(always)]
pub fn iq2_xxs(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<66, LARGE>(bytes, out) {
        let d = half_at(block, 0);
        for (g, out) in out.as_chunks_mut::<SMALL>().0.iter_mut().enumerate() {
            let beside = u32_at(block, 2 + g * 8 + 4);
            let scale = d * (0.5 + (beside >> 28) as f32) * 0.25;
            for (i, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                let point = point::<8>(POINTS_2_XXS, block[2 + g * 8 + i].into());
                signed(scale, point, even_signs(beside >> (7 * i)), 0, out);
            }
        }
    }
}

/// d f16, for every 8 numbers 16 bits with an index and seven signs, then 16 scales.
#[inline(always)]
pub fn iq2_xs(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<74, LARGE>(bytes, out) {
        let d = half_at(block, 0);
        for (j, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let q = u16_at(block, 2 + j * 2);
            let scale = d * (0.5 + f32::from(nibble(&block[66..], j / 2))) * 0.25;
            let point = point::<8>(POINTS_2_XS, usize::from(q & 511));
            signed(scale, point, even_signs((q >> 9).into()), 0, out);
        }
    }
}

/// d f16, 32 low bytes of indices, 32 bytes of signs, 8 bytes with two more bits of each index, 16 scales.
#[inline(always)]
pub fn iq2_s(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<82, LARGE>(bytes, out) {
        let d = half_at(block, 0);
        for (j, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let high = usize::from(block[66 + j / 4] >> (j % 4 * 2) & 3);
            let scale = d * (0.5 + f32::from(nibble(&block[74..], j / 2))) * 0.25;
            let point = point::<8>(POINTS_2_S, usize::from(block[2 + j]) | high << 8);
            signed(scale, point, block[34 + j], 0, out);
        }
    }
}

/// d f16, 64 indices of four numbers each, then for every 32 numbers four times seven signs and a scale.
#[inline(always)]
pub fn iq3_xxs(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<98, LARGE>(bytes, out) {
        let d = half_at(block, 0);
        for (j, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let beside = u32_at(block, 66 + j / 8 * 4);
            let scale = d * (0.5 + (beside >> 28) as f32) * 0.5;
            let signs = even_signs(beside >> (7 * (j / 2 % 4)));
            signed(scale, point::<4>(POINTS_3_XXS, block[2 + j].into()), signs, j % 2 * 4, out);
        }
    }
}

/// d f16, 64 low bytes of indices, 8 bytes of ninth bits, 32 bytes of signs, 8 scales.
#[inline(always)]
pub fn iq3_s(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<110, LARGE>(bytes, out) {
        let d = half_at(block, 0);
        for (j, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let high = usize::from(block[66 + j / 8] >> (j % 8) & 1);
            let scale = d * f32::from(1 + 2 * nibble(&block[106..], j / 8));
            let point = point::<4>(POINTS_3_S, usize::from(block[2 + j]) | high << 8);
            signed(scale, point, block[74 + j / 2], j % 2 * 4, out);
        }
    }
}

/// `d (point ± 1/8)` of eight numbers; points are -1, 0 and 1.
#[inline(always)]
fn shifted_point(d: f32, index: usize, is_below: bool, out: &mut [f32; 8]) {
    let delta = if is_below { -0.125 } else { 0.125 };
    let point = point::<8>(POINTS_1, index);
    *out = point.map(|p| d * (f32::from(p.cast_signed()) + delta));
}

/// d f16, 32 low bytes of indices, then for every 32 numbers 16 bits: three more for each index, a scale, a sign.
#[inline(always)]
pub fn iq1_s(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<50, LARGE>(bytes, out) {
        let d = half_at(block, 0);
        for (j, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let beside = u16_at(block, 34 + j / 4 * 2);
            let high = usize::from(beside >> (j % 4 * 3) & 7);
            let scale = d * f32::from(2 * (beside >> 12 & 7) + 1);
            let index = usize::from(block[2 + j]) | high << 8;
            shifted_point(scale, index, beside & 0x8000 != 0, out);
        }
    }
}

/// 32 low bytes of indices, for each four bits with three more and a sign, then four times 16 bits with four scales and
/// a quarter of d.
#[inline(always)]
pub fn iq1_m(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<56, LARGE>(bytes, out) {
        let scales: [u16; 4] = array::from_fn(|i| u16_at(block, 48 + i * 2));
        let quarter = |i: usize| (scales[i] & 0xF000) >> (12 - 4 * i);
        let d = half((quarter(0) | quarter(1) | quarter(2) | quarter(3)).to_le_bytes());
        for (j, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let beside = nibble(&block[32..], j);
            let scale = scales[j / 8] >> (j / 2 % 4 * 3) & 7;
            let index = usize::from(block[j]) | usize::from(beside & 7) << 8;
            shifted_point(d * f32::from(2 * scale + 1), index, beside & 8 != 0, out);
        }
    }
}

/// d f16, 16 bytes of nibbles.
#[inline(always)]
pub fn iq4_nl(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<18, SMALL>(bytes, out) {
        let d = half_at(block, 0);
        *out = of_nibbles(run(block, 2), d, &UNEVEN);
    }
}

/// d times the number of each nibble: the low ones, then the high ones.
#[inline(always)]
fn of_nibbles(bytes: [u8; 16], d: f32, numbers: &[f32; 16]) -> [f32; SMALL] {
    array::from_fn(|i| d * numbers[usize::from(bytes[i % 16] >> (i / 16 * 4) & 0xF)])
}

/// d f16, 2 bytes of high and 4 of low bits of eight scales, then 16 bytes of nibbles for each.
#[inline(always)]
pub fn iq4_xs(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<136, LARGE>(bytes, out) {
        let (d, high) = (half_at(block, 0), u16_at(block, 2));
        for (g, out) in out.as_chunks_mut::<SMALL>().0.iter_mut().enumerate() {
            let scale = nibble(&block[4..], g) | ((high >> (2 * g) & 3) as u8) << 4;
            let d = d * (f32::from(scale) - 32.0);
            *out = of_nibbles(run(block, 8 + g * 16), d, &UNEVEN);
        }
    }
}

/// 48 bytes of five and 4 of four digits to the base of three, d f16; x = d (digit - 1).
#[inline(always)]
pub fn tq1_0(bytes: &[u8], out: &mut [f32]) {
    const POWERS: [u8; 5] = [1, 3, 9, 27, 81];
    for (block, out) in blocks::<54, LARGE>(bytes, out) {
        let d = half_at(block, 52);
        let digits = |from: usize, n: usize, of: usize, out: &mut [f32]| {
            for (power, out) in POWERS[..of].iter().zip(out.chunks_exact_mut(n)) {
                for (out, byte) in out.iter_mut().zip(&block[from..]) {
                    let digit = (u16::from(byte.wrapping_mul(*power)) * 3) >> 8;
                    *out = d * (f32::from(digit) - 1.0);
                }
            }
        };
        digits(0, 32, 5, &mut out[..160]);
        digits(32, 16, 5, &mut out[160..240]);
        digits(48, 4, 4, &mut out[240..]);
    }
}

/// 64 bytes of pairs of bits, d f16; x = d (q - 1).
#[inline(always)]
pub fn tq2_0(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<66, LARGE>(bytes, out) {
        let d = half_at(block, 64);
        for (r, out) in out.as_chunks_mut::<SMALL>().0.iter_mut().enumerate() {
            let pairs = run::<SMALL>(block, r / 4 * SMALL);
            *out = array::from_fn(|i| d * (f32::from(pairs[i] >> (r % 4 * 2) & 3) - 1.0));
        }
    }
}

/// Half an unsigned number of four bits of exponent and three of fraction.
#[inline(always)]
fn half_e4m3(bits: u8) -> f32 {
    let (exponent, fraction) = (bits >> 3 & 0xF, f32::from(bits & 7));
    match (bits, exponent) {
        (0 | 0x7F, _) => 0.0,
        (_, 0) => fraction * f32::from_bits((127 - 10) << 23),
        _ => (1.0 + fraction / 8.0) * f32::from_bits((u32::from(exponent) + 127 - 8) << 23),
    }
}

/// Four scales, then 8 bytes of nibbles for each; x = d q.
#[inline(always)]
pub fn nvfp4(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in blocks::<36, 64>(bytes, out) {
        for (g, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let (d, qs) = (half_e4m3(block[g]), run::<8>(block, 4 + g * 8));
            *out = array::from_fn(|i| d * FOUR_BITS[usize::from(qs[i % 8] >> (i / 8 * 4) & 0xF)]);
        }
    }
}
