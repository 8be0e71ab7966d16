//! From which share on a flow has lines: the steps of the key, and the one at which a route begins.

use super::Flow;

/// The least share that a route follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold(usize);

/// The shares that it can be.
const SHARES: [f32; 9] = [0.005, 0.01, 0.02, 0.04, 0.08, 0.12, 0.16, 0.24, 0.32];

/// The lines from other words that a route has at least, for each layer.
const LEAST_PER_LAYER: usize = 3;
/// The most that a layer has for each word; with more they are no longer seen one by one.
const MOST_PER_WORD: usize = 4;

/// The lines of a route that come from other words, and whether a layer has too many of them.
struct Lines {
    n: usize,
    is_crowded: bool,
}

impl Threshold {
    pub fn share(self) -> f32 {
        SHARES[self.0]
    }

    /// The threshold some steps higher, or lower; None at the end.
    pub fn moved(self, by: isize) -> Option<Self> {
        self.0.checked_add_signed(by).filter(|i| *i < SHARES.len()).map(Self)
    }
}

/// What rows are made of, level after level: the words of the stream, and those of another text.
struct Sources(Vec<Vec<RowSources>>);

#[derive(Default)]
struct RowSources {
    own: Vec<(usize, f32)>,
    others: Vec<f32>,
}

impl Sources {
    fn of(flow: &Flow) -> Self {
        let row = |level: usize, row: usize| RowSources {
            own: flow.sources(level, row),
            others: flow.from_elsewhere(level, row).into_iter().map(|(_, share)| share).collect(),
        };
        let level = |level: usize| (0..flow.n_rows).map(|i| row(level, i)).collect();
        Self((1..flow.n_levels()).map(level).collect())
    }

    /// The lines of the route from a row.
    fn lines(&self, row: usize, threshold: f32) -> Lines {
        let mut lines = Lines { n: 0, is_crowded: false };
        let mut is_on = vec![false; self.0.first().map_or(0, Vec::len)];
        is_on[row] = true;
        for level in self.0.iter().rev() {
            let (mut n, mut below) = (0, vec![false; is_on.len()]);
            for (to, sources) in level.iter().enumerate().filter(|(to, _)| is_on[*to]) {
                for &(from, _) in sources.own.iter().filter(|(_, share)| *share >= threshold) {
                    below[from] = true;
                    n += usize::from(from != to);
                }
                n += sources.others.iter().filter(|share| **share >= threshold).count();
            }
            lines.n += n;
            lines.is_crowded |= n > MOST_PER_WORD * is_on.len();
            is_on = below;
        }
        lines
    }

    /// See [`Flow::thresholds`].
    fn threshold(&self, row: usize) -> Threshold {
        let least = LEAST_PER_LAYER * self.0.len();
        let last = SHARES.len() - 1;
        for i in (0..=last).rev() {
            let lines = self.lines(row, SHARES[i]);
            if lines.is_crowded {
                return Threshold((i + 1).min(last));
            }
            if lines.n >= least {
                return Threshold(i);
            }
        }
        Threshold(0)
    }
}

impl Flow {
    /// The threshold at which the route from each row begins: the largest at which two lines a layer come from other
    /// words; where they would be too many to be seen, as of attention that is even, the next one.
    pub fn thresholds(&self) -> Vec<Threshold> {
        let sources = Sources::of(self);
        (0..self.n_rows).map(|row| sources.threshold(row)).collect()
    }

    /// The same of one row.
    pub fn threshold(&self, row: usize) -> Threshold {
        Sources::of(self).threshold(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two levels of words that each take `share` from every word before them, and the rest from themselves.
    fn even(n: usize, share: f32) -> Sources {
        let row = |to: usize| RowSources {
            own: (0..to).map(|from| (from, share)).chain([(to, 1.0)]).collect(),
            others: vec![],
        };
        Sources((0..2).map(|_| (0..n).map(row).collect()).collect())
    }

    #[test]
    fn a_route_begins_at_the_largest_step_that_leaves_three_lines_a_layer() {
        for (n, share, step) in [(6, 0.03, 2), (6, 0.05, 3), (6, 0.3, 7)] {
            assert_eq!(even(n, share).threshold(n - 1), Threshold(step));
        }
        // With two words there are two lines from others at most.
        assert_eq!(even(2, 0.03).threshold(1), Threshold(0));
    }

    #[test]
    fn even_attention_over_many_words_is_no_carpet() {
        let sources = even(40, 0.03);
        assert!(sources.lines(39, 0.02).is_crowded);
        let chosen = sources.threshold(39);
        assert_eq!(chosen, Threshold(3));
        assert!(!sources.lines(39, chosen.share()).is_crowded);
    }

    #[test]
    fn words_of_another_text_count_as_lines() {
        let mut sources = even(2, 0.001);
        let others = || vec![0.2, 0.2, 0.1];
        for row in sources.0.iter_mut().flatten() {
            row.others = others();
        }
        assert_eq!(sources.threshold(1), Threshold(4));
    }
}
