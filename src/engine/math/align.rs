//! Which positions of two texts stand for each other.

/// By position of `b`, that of `a` that stands for it: the same words from the start and from the end, and between them
/// one by one if there are as many.
pub fn aligned<T: PartialEq>(a: &[T], b: &[T]) -> Vec<Option<usize>> {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let left = a.len().min(b.len()) - start;
    let end = a.iter().rev().zip(b.iter().rev()).take(left).take_while(|(a, b)| a == b).count();
    let of = |i: usize| match i {
        i if i < start || a.len() == b.len() => Some(i),
        i if i >= b.len() - end => Some(a.len() - (b.len() - i)),
        _ => None,
    };
    (0..b.len()).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_those_at_their_place_from_the_start_or_from_the_end() {
        assert_eq!(aligned(&[1, 2, 3, 4], &[1, 7, 3, 4]), [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(aligned(&[1, 2, 3, 4], &[1, 7, 8, 4]), [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(aligned(&[1, 2, 3], &[1, 7, 8, 3]), [Some(0), None, None, Some(2)]);
        assert_eq!(aligned(&[1, 7, 8, 3], &[1, 2, 3]), [Some(0), None, Some(3)]);
        assert_eq!(aligned(&[5, 5, 5], &[5, 5]), [Some(0), Some(1)]);
    }
}
