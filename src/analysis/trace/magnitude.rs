//! The magnitude of a matrix's numbers.

/// The largest magnitude of the finite numbers, and the mean magnitude of those that are not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Magnitude {
    pub most: f32,
    pub mean: f32,
}

impl Magnitude {
    pub fn of(numbers: impl IntoIterator<Item = f32>) -> Self {
        let (mut n, mut sum, mut most) = (0_usize, 0.0_f64, 0.0_f32);
        for size in numbers.into_iter().map(f32::abs).filter(|size| size.is_finite()) {
            n += usize::from(size > 0.0);
            sum += f64::from(size);
            most = most.max(size);
        }
        Self { most, mean: (sum / n.max(1) as f64) as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::Magnitude;

    #[test]
    fn what_is_masked_or_silent_does_not_count() {
        let numbers = [1.0, -3.0, 0.0, f32::NEG_INFINITY, f32::NAN];
        assert_eq!(Magnitude::of(numbers), Magnitude { most: 3.0, mean: 2.0 });
        assert_eq!(Magnitude::of([]), Magnitude::default());
    }
}
