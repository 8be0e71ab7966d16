//! Which positions of two texts stand for each other.

/// The most pairs of tokens that are compared; of longer texts only the beginning and the end are matched.
const MOST_PAIRS: usize = 1 << 18;

/// By position of `b`, that of `a` that stands for it: the same tokens in the same order, as many as there are, and between
/// two of these one by one if both texts have as many there.
pub fn aligned<T: PartialEq>(a: &[T], b: &[T]) -> Vec<Option<usize>> {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let left = a.len().min(b.len()) - start;
    let end = a.iter().rev().zip(b.iter().rev()).take(left).take_while(|(a, b)| a == b).count();
    let (a_rest, b_rest) = (&a[start..a.len() - end], &b[start..b.len() - end]);
    let mut same: Vec<Option<usize>> = (0..start).map(Some).collect();
    same.extend(common(a_rest, b_rest).into_iter().map(|i| Some(start + i?)));
    same.extend((a.len() - end..a.len()).map(Some));
    with_gaps(same, a.len())
}

/// By position of `b`, that of the same token of `a`, in a longest sequence that both have; where tokens at the same
/// places are one, those (Hirschberg 1975). None for longer texts than are compared.
pub fn common<T: PartialEq>(a: &[T], b: &[T]) -> Vec<Option<usize>> {
    let mut found = vec![None; b.len()];
    if a.len() * b.len() > MOST_PAIRS {
        return found;
    }
    // By where both begin: how many tokens are common from there on.
    let mut lengths = vec![vec![0_u16; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            lengths[i][j] = if a[i] == b[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    let in_place = |i: usize| (a[i] == b[i]).then_some(i);
    if a.len() == b.len() && (0..a.len()).filter_map(in_place).count() == usize::from(lengths[0][0])
    {
        return (0..a.len()).map(in_place).collect();
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            found[j] = Some(i);
            (i, j) = (i + 1, j + 1);
        } else if lengths[i + 1][j] >= lengths[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

/// The same with each run of positions that stand for none beside the run of `a` at the same place, if that is as long.
fn with_gaps(mut found: Vec<Option<usize>>, n_a: usize) -> Vec<Option<usize>> {
    let mut from = 0;
    while let Some(begin) = (from..found.len()).find(|&j| found[j].is_none()) {
        let end = (begin..found.len()).find(|&j| found[j].is_some()).unwrap_or(found.len());
        let before = begin.checked_sub(1).and_then(|j| found[j]).map_or(0, |i| i + 1);
        let after = found.get(end).copied().flatten().unwrap_or(n_a);
        if after - before == end - begin {
            found[begin..end].iter_mut().zip(before..).for_each(|(j, i)| *j = Some(i));
        }
        from = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(a: &str, b: &str) -> Vec<Option<usize>> {
        let split = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        aligned(&split(a), &split(b))
    }

    #[test]
    fn words_stand_for_those_at_their_place_from_the_start_or_from_the_end() {
        assert_eq!(aligned(&[1, 2, 3, 4], &[1, 7, 3, 4]), [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(aligned(&[1, 2, 3, 4], &[1, 7, 8, 4]), [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(aligned(&[1, 2, 3], &[1, 7, 8, 3]), [Some(0), None, None, Some(2)]);
        assert_eq!(aligned(&[1, 7, 8, 3], &[1, 2, 3]), [Some(0), None, Some(3)]);
        assert_eq!(aligned(&[5, 5, 5], &[5, 5]), [Some(0), Some(1)]);
        assert_eq!(aligned(&[1, 2], &[3, 4]), [Some(0), Some(1)]);
        assert_eq!(aligned::<u8>(&[], &[]), []);
    }

    #[test]
    fn words_that_agree_stand_for_each_other_wherever_they_are() {
        let some = |places: &[usize]| places.iter().map(|&i| Some(i)).collect::<Vec<_>>();
        let mut want = some(&[0, 1, 2]);
        want.extend([vec![None], some(&[3, 4, 5, 6, 7])].concat());
        let [ate, never] = [
            "the old man ate because it was hungry",
            "the old man never ate because she was hungry",
        ];
        assert_eq!(words(ate, never), want);
        let sister = "I told my sister that the s oup is hot";
        let brother = "I told my brother that the cheese is hot";
        let want = [some(&[0, 1, 2, 3, 4, 5]), vec![None], some(&[8, 9])].concat();
        assert_eq!(words(sister, brother), want);
        // Also where both are as long.
        let want = [some(&[0, 1]), vec![None], some(&[2, 3, 4, 6])].concat();
        assert_eq!(
            words("the dog ate because it very hungry", "the dog never ate because it hungry"),
            want
        );
    }

    /// As many as any order-preserving choice of equal tokens has.
    #[test]
    fn no_longer_sequence_is_common() {
        fn longest(a: &[u8], b: &[u8]) -> usize {
            let [Some(first), Some(other)] = [a.first(), b.first()] else { return 0 };
            let both = usize::from(first == other) + longest(&a[1..], &b[1..]);
            both.max(longest(&a[1..], b)).max(longest(a, &b[1..]))
        }
        let text = |seed: usize| -> Vec<u8> {
            (0..3 + seed % 4).map(|i| (seed * (i + 3) * 7 / 5 % 3) as u8).collect()
        };
        for seed in 0..60 {
            let (a, b) = (text(seed), text(seed / 3 + 11));
            let found = aligned(&a, &b);
            let known: Vec<usize> = found.iter().flatten().copied().collect();
            assert!(known.is_sorted_by(|x, y| x < y), "{a:?} {b:?} {found:?}");
            let same = found.iter().zip(&b).filter(|(i, b)| i.is_some_and(|i| a[i] == **b));
            assert_eq!(same.count(), longest(&a, &b), "{a:?} {b:?} {found:?}");
        }
    }
}
