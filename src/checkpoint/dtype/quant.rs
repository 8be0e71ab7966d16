//! Quantised blocks -> their numbers, exactly as the reference of the `ggml` library has it.
//!
//! A block is a few numbers as small integers `q` with a scale `d` (and a minimum `m`) in f16:
//! x = d q, or x = d q + m. Legacy formats have 32 numbers a block; the low nibbles are the first
//! 16 of them, the high nibbles the rest. K formats have 256 numbers in groups with scales of
//! their own, which are small integers too.

#![allow(clippy::inline_always, reason = "they take the width of the loop that they stand in")]

/// Numbers of a legacy block.
const SMALL: usize = 32;
/// Numbers of a K block.
const LARGE: usize = 256;

#[inline(always)]
fn half_at(block: &[u8], at: usize) -> f32 {
    let bits = u32::from(u16::from_le_bytes([block[at], block[at + 1]]));
    // The exponent of f16 counts from 15, that of f32 from 127: moved over, a number is 2^112 too small,
    // subnormal ones too.
    let (sign, magnitude) = ((bits & 0x8000) << 16, (bits & 0x7FFF) << 13);
    let is_finite = bits & 0x7C00 != 0x7C00;
    let moved = f32::from_bits(magnitude) * f32::from_bits((127 + 112) << 23);
    let value = if is_finite { moved.to_bits() } else { magnitude | 0x7F80_0000 };
    f32::from_bits(value | sign)
}

/// Every number of a legacy block from its low four bits and its place: the two halves of byte i
/// stand 16 numbers apart.
#[inline(always)]
fn spread(qs: &[u8], out: &mut [f32], of: impl Fn(u8, usize) -> f32) {
    let (low, high) = out.split_at_mut(SMALL / 2);
    for (i, ((q, low), high)) in qs.iter().zip(low).zip(high).enumerate() {
        *low = of(q & 0xF, i);
        *high = of(q >> 4, i + SMALL / 2);
    }
}

/// The fifth bits of a block: bit i belongs to number i.
#[inline(always)]
fn fifths(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

/// The fifth bit of number `i`, in its place.
#[inline(always)]
const fn fifth(bits: u32, i: usize) -> u8 {
    ((bits >> i & 1) << 4) as u8
}

/// d f16, 32 signed bytes.
#[inline(always)]
pub fn q8_0(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.chunks_exact(34).zip(out.chunks_exact_mut(SMALL)) {
        let d = half_at(block, 0);
        for (out, &q) in out.iter_mut().zip(&block[2..]) {
            *out = f32::from(q.cast_signed()) * d;
        }
    }
}

/// d f16, 16 bytes of nibbles; x = d (q - 8).
#[inline(always)]
pub fn q4_0(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.chunks_exact(18).zip(out.chunks_exact_mut(SMALL)) {
        let d = half_at(block, 0);
        spread(&block[2..], out, |q, _| (f32::from(q) - 8.0) * d);
    }
}

/// d, m f16, 16 bytes of nibbles; x = d q + m.
#[inline(always)]
pub fn q4_1(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.chunks_exact(20).zip(out.chunks_exact_mut(SMALL)) {
        let (d, m) = (half_at(block, 0), half_at(block, 2));
        spread(&block[4..], out, |q, _| f32::from(q) * d + m);
    }
}

/// d f16, 4 bytes of fifth bits, 16 bytes of nibbles; x = d (q - 16).
#[inline(always)]
pub fn q5_0(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.chunks_exact(22).zip(out.chunks_exact_mut(SMALL)) {
        let (d, bits) = (half_at(block, 0), fifths(block, 2));
        spread(&block[6..], out, |q, i| (f32::from(q | fifth(bits, i)) - 16.0) * d);
    }
}

/// d, m f16, 4 bytes of fifth bits, 16 bytes of nibbles; x = d q + m.
#[inline(always)]
pub fn q5_1(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.chunks_exact(24).zip(out.chunks_exact_mut(SMALL)) {
        let (d, m, bits) = (half_at(block, 0), half_at(block, 2), fifths(block, 4));
        spread(&block[8..], out, |q, i| f32::from(q | fifth(bits, i)) * d + m);
    }
}

/// The 6-bit scale and minimum of group `g` of eight, out of 12 bytes.
#[inline(always)]
fn scale_and_min(scales: &[u8], g: usize) -> (f32, f32) {
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
    for (block, out) in bytes.chunks_exact(144).zip(out.chunks_exact_mut(LARGE)) {
        let (d, m) = (half_at(block, 0), half_at(block, 2));
        for (g, out) in out.chunks_exact_mut(32).enumerate() {
            let (scale, min) = scale_and_min(&block[4..16], g);
            let (scale, min) = (d * scale, m * min);
            let qs = &block[16 + g / 2 * 32..][..32];
            for (out, q) in out.iter_mut().zip(qs) {
                *out = scale * f32::from(q >> (g % 2 * 4) & 0xF) - min;
            }
        }
    }
}

/// As Q4_K, with 32 bytes of fifth bits before the nibbles: bit g belongs to group g.
#[inline(always)]
pub fn q5_k(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.chunks_exact(176).zip(out.chunks_exact_mut(LARGE)) {
        let (d, m) = (half_at(block, 0), half_at(block, 2));
        for (g, out) in out.chunks_exact_mut(32).enumerate() {
            let (scale, min) = scale_and_min(&block[4..16], g);
            let (scale, min) = (d * scale, m * min);
            let (qh, qs) = (&block[16..48], &block[48 + g / 2 * 32..][..32]);
            for (out, (q, h)) in out.iter_mut().zip(qs.iter().zip(qh)) {
                let q = q >> (g % 2 * 4) & 0xF | (h >> g & 1) << 4;
                *out = scale * f32::from(q) - min;
            }
        }
    }
}

/// 128 bytes of low nibbles, 64 of high pairs of bits, 16 signed scales, d f16; x = d scale (q - 32)
/// in groups of 16. Either half of 128 numbers has four runs of 32, which share bytes.
#[inline(always)]
pub fn q6_k(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.chunks_exact(210).zip(out.chunks_exact_mut(LARGE)) {
        let d = half_at(block, 208);
        for (g, out) in out.chunks_exact_mut(16).enumerate() {
            let (half, run, from) = (g / 8, g % 8 / 2, g % 2 * 16);
            let scale = d * f32::from(block[192 + g].cast_signed());
            let low = &block[half * 64 + run % 2 * 32 + from..][..16];
            let high = &block[128 + half * 32 + from..][..16];
            for (out, (low, high)) in out.iter_mut().zip(low.iter().zip(high)) {
                let q = low >> (run / 2 * 4) & 0xF | (high >> (run * 2) & 3) << 4;
                *out = scale * (f32::from(q) - 32.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use half::f16;

    #[test]
    fn every_half_is_the_number_that_the_library_says() {
        for bits in 0..=u16::MAX {
            let (got, want) =
                (super::half_at(&bits.to_le_bytes(), 0), f16::from_bits(bits).to_f32());
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{bits:#x}");
        }
    }
}
