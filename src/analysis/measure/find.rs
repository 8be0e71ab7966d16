//! Cells of interest in a matrix: a table of finders, each a function of the plane (row, column) and of the current
//! cell.

use std::cmp::Ordering;

use crate::engine::value::{Matrix, PlaneCell};

/// The most cells that a finder ranks.
const RANKED: usize = 100;

/// The weight on the first token from which a row counts as attending to it alone.
const NEARLY_ALL: f32 = 0.9;

/// A found cell, and the entropy of its row if it was found by that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub at: PlaneCell,
    /// The entropy of the row in nats.
    pub entropy: Option<f32>,
}

impl Hit {
    const fn new(at: PlaneCell) -> Self {
        Self { at, entropy: None }
    }
}

/// The order of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResultOrder {
    /// Best first.
    Best,
    /// Row by row, from the current cell.
    Reading,
}

/// A search for cells.
pub struct Finder {
    /// Its name, as a person would ask for it.
    pub name: &'static str,
    order: ResultOrder,
    find: fn(&Matrix, PlaneCell) -> Vec<Hit>,
}

/// A search result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoundCell {
    pub hit: Hit,
    /// Its index among the `n` results, from 1.
    pub nth: usize,
    pub n: usize,
}

/// All finders.
pub static FINDERS: [Finder; 11] = [
    Finder {
        name: "the strongest cell off the diagonal",
        order: ResultOrder::Best,
        find: off_diagonal,
    },
    Finder {
        name: "the next row with over 0.9 on the first token",
        order: ResultOrder::Reading,
        find: on_the_first,
    },
    Finder { name: "the largest cell", order: ResultOrder::Best, find: |m, _| best(m, |_, v| v) },
    Finder { name: "the smallest cell", order: ResultOrder::Best, find: |m, _| best(m, |_, v| -v) },
    Finder {
        name: "the largest cell of this row",
        order: ResultOrder::Best,
        find: |m, here| best(m, |at, v| if at.row == here.row { v } else { f32::NAN }),
    },
    Finder {
        name: "the smallest cell of this row",
        order: ResultOrder::Best,
        find: |m, here| best(m, |at, v| if at.row == here.row { -v } else { f32::NAN }),
    },
    Finder {
        name: "the largest cell of this column",
        order: ResultOrder::Best,
        find: |m, here| best(m, |at, v| if at.col == here.col { v } else { f32::NAN }),
    },
    Finder {
        name: "the least certain row (highest entropy)",
        order: ResultOrder::Best,
        find: |m, _| by_entropy(m),
    },
    Finder { name: "the next NaN or infinity", order: ResultOrder::Reading, find: not_finite },
    Finder {
        name: "the first cell",
        order: ResultOrder::Reading,
        find: |_, _| vec![Hit::new(PlaneCell::new(0, 0))],
    },
    Finder {
        name: "the last cell",
        order: ResultOrder::Reading,
        find: |m, _| vec![Hit::new(PlaneCell::new(m.nrows() - 1, m.ncols() - 1))],
    },
];

impl Finder {
    /// The best result, or in reading order the next from the current cell; None if there is none.
    pub fn first(&self, plane: &Matrix, at: PlaneCell) -> Option<FoundCell> {
        self.answer(plane, at, false)
    }

    /// The result after the current cell; after the last comes the first.
    pub fn next(&self, plane: &Matrix, at: PlaneCell) -> Option<FoundCell> {
        self.answer(plane, at, true)
    }

    fn answer(&self, plane: &Matrix, at: PlaneCell, goes_on: bool) -> Option<FoundCell> {
        if plane.is_empty() {
            return None;
        }
        let hits = (self.find)(plane, at);
        let here = hits.iter().position(|hit| goes_on && hit.at == at);
        let next = match self.order {
            ResultOrder::Best => here.map_or(0, |here| here + 1),
            ResultOrder::Reading => hits.partition_point(|hit| hit.at <= at),
        };
        let i = if next < hits.len() { next } else { 0 };
        hits.get(i).map(|&hit| FoundCell { hit, nth: i + 1, n: hits.len() })
    }
}

/// All cells, column by column, the order in memory.
fn cells(plane: &Matrix) -> impl Iterator<Item = (PlaneCell, f32)> {
    let columns = plane.as_slice().chunks_exact(plane.nrows()).enumerate();
    columns.flat_map(|(col, column)| {
        column.iter().enumerate().map(move |(row, &v)| (PlaneCell { row, col }, v))
    })
}

/// The finite cells with the highest keys, best first, ties in reading order; cells whose key is NaN are skipped.
fn best(plane: &Matrix, key: impl Fn(PlaneCell, f32) -> f32) -> Vec<Hit> {
    let better = |a: &(f32, PlaneCell), b: &(f32, PlaneCell)| {
        b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1))
    };
    let mut top: Vec<(f32, PlaneCell)> = vec![];
    let mut least = f32::NEG_INFINITY;
    for (at, v) in cells(plane) {
        if !v.is_finite() {
            continue;
        }
        let key = key(at, v);
        if key >= least {
            top.push((key, at));
        }
        if top.len() >= 8 * RANKED {
            top.select_nth_unstable_by(RANKED, better);
            top.truncate(RANKED);
            least = top.iter().map(|(key, _)| *key).fold(f32::INFINITY, f32::min);
        }
    }
    top.sort_unstable_by(better);
    top.into_iter().take(RANKED).map(|(_, at)| Hit::new(at)).collect()
}

fn off_diagonal(plane: &Matrix, _: PlaneCell) -> Vec<Hit> {
    best(plane, |at, v| if at.row == at.col { f32::NAN } else { v.abs() })
}

fn on_the_first(plane: &Matrix, _: PlaneCell) -> Vec<Hit> {
    let first = plane.column(0);
    let rows = first.iter().enumerate().filter(|(_, w)| **w > NEARLY_ALL);
    rows.map(|(row, _)| Hit::new(PlaneCell::new(row, 0))).collect()
}

fn not_finite(plane: &Matrix, _: PlaneCell) -> Vec<Hit> {
    let mut hits: Vec<Hit> =
        cells(plane).filter(|(_, v)| !v.is_finite()).map(|(at, _)| Hit::new(at)).collect();
    hits.sort_unstable_by_key(|hit| hit.at);
    hits
}

/// For each row of weights that sums to 1, its largest cell; highest entropy first.
fn by_entropy(plane: &Matrix) -> Vec<Hit> {
    let of = |row: usize| {
        let (mut sum, mut entropy, mut most) = (0.0, 0.0, (0, 0.0));
        for (col, &w) in plane.row(row).iter().enumerate() {
            if !(0.0..=1.0).contains(&w) {
                return None;
            }
            sum += w;
            entropy -= if w > 0.0 { w * w.ln() } else { 0.0 };
            most = if w > most.1 { (col, w) } else { most };
        }
        let is_whole = (sum - 1.0_f32).abs() < 1e-2;
        is_whole.then_some(Hit { at: PlaneCell::new(row, most.0), entropy: Some(entropy) })
    };
    let mut hits: Vec<Hit> = (0..plane.nrows()).filter_map(of).collect();
    let entropy = |hit: &Hit| hit.entropy.unwrap_or(0.0);
    let by_entropy = |a: &Hit, b: &Hit| -> Ordering { entropy(b).total_cmp(&entropy(a)) };
    hits.sort_by(by_entropy);
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finder(name: &str) -> &'static Finder {
        FINDERS.iter().find(|finder| finder.name.contains(name)).unwrap()
    }

    /// The cells that a finder gives from a cell, and then from each result.
    fn walk(name: &str, plane: &Matrix, from: (usize, usize), n: usize) -> Vec<(usize, usize)> {
        let mut at = PlaneCell::new(from.0, from.1);
        let mut step = |i: usize| {
            let finder = finder(name);
            let found = if i == 0 { finder.first(plane, at) } else { finder.next(plane, at) };
            at = found?.hit.at;
            Some((at.row, at.col))
        };
        (0..n).filter_map(&mut step).collect()
    }

    fn plane() -> Matrix {
        let nan = f32::NAN;
        Matrix::from_row_slice(
            3,
            4,
            &[
                0.9,
                -0.7,
                0.1,
                nan, //
                0.95,
                0.2,
                0.3,
                0.3, //
                0.1,
                0.1,
                5.0,
                f32::NEG_INFINITY,
            ],
        )
    }

    #[test]
    fn the_best_comes_first_and_the_next_best_follows() {
        assert_eq!(walk("largest cell", &plane(), (0, 0), 3), [(2, 2), (1, 0), (0, 0)]);
        assert_eq!(walk("smallest cell", &plane(), (0, 0), 1), [(0, 1)]);
        assert_eq!(walk("off the diagonal", &plane(), (2, 2), 2), [(1, 0), (0, 1)]);
        assert_eq!(walk("largest cell of this row", &plane(), (1, 1), 3), [(1, 0), (1, 2), (1, 3)]);
        assert_eq!(walk("largest cell of this column", &plane(), (1, 1), 1), [(1, 1)]);
    }

    #[test]
    fn after_the_last_comes_the_first() {
        assert_eq!(walk("first token", &plane(), (0, 0), 2), [(1, 0), (1, 0)]);
        assert_eq!(walk("NaN", &plane(), (0, 0), 3), [(0, 3), (2, 3), (0, 3)]);
        let found = finder("NaN").next(&plane(), PlaneCell::new(0, 3)).unwrap();
        assert_eq!((found.nth, found.n), (2, 2));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let plane = Matrix::from_element(3, 3, 0.5);
        assert!(finder("NaN").next(&plane, PlaneCell::default()).is_none());
        assert!(finder("first token").next(&plane, PlaneCell::default()).is_none());
        assert!(
            finder("entropy").next(&plane, PlaneCell::default()).is_none(),
            "these rows are no shares of 1"
        );
        let one = Matrix::from_element(1, 1, 1.0);
        assert!(finder("off the diagonal").next(&one, PlaneCell::default()).is_none());
    }

    #[test]
    fn the_least_certain_row_is_the_most_even() {
        let plane = Matrix::from_row_slice(3, 3, &[1.0, 0.0, 0.0, 0.2, 0.5, 0.3, 0.0, 0.5, 0.5]);
        assert_eq!(walk("least certain", &plane, (0, 0), 3), [(1, 1), (2, 1), (0, 0)]);
        let hit = finder("least certain").next(&plane, PlaneCell::new(1, 1)).unwrap().hit;
        assert!((hit.entropy.unwrap() - 2.0_f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn of_many_cells_the_best_hundred_are_ranked() {
        let plane =
            Matrix::from_fn(300, 300, |row, col| ((row * 7919 + col * 104_729) % 90_001) as f32);
        let ranked = (finder("largest cell").find)(&plane, PlaneCell::default());
        let values: Vec<f32> = ranked.iter().map(|hit| plane[(hit.at.row, hit.at.col)]).collect();
        let mut all: Vec<f32> = plane.iter().copied().collect();
        all.sort_unstable_by(|a, b| b.total_cmp(a));
        assert_eq!(values, all[..100]);
    }
}
