//! Attention summarised head by head: how spread, how far, and at what a head looks.
//!
//! A head's weights (query, key) are read once, column by column as they lie. What is kept of them
//! are a few figures and a small picture, so that hundreds of heads over a thousand tokens can stand
//! beside each other while no layer's weights stay in memory.

use std::{borrow::Borrow, collections::HashMap, sync::Arc};

use rayon::prelude::*;

use crate::{
    math::picture::Picture,
    site::{Axis, lies_in},
    text::Token,
    trace::{Recorded, Trace},
    value::{Matrix, Value},
};

/// The most rows and columns of a head's picture.
pub const PICTURE: usize = 64;

/// What is said of one head; every share is a mean over its rows, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Shannon entropy of a row, in nats.
    pub entropy: f32,
    /// Entropy as a share of ln n, the most that the n keys in a row's sight allow. None where no row
    /// sees two keys.
    pub spread: Option<f32>,
    /// |query - key| in positions. None where queries and keys are different tokens, as is all that
    /// speaks of their places.
    pub distance: Option<f32>,
    /// The weight on the first key.
    pub first: f32,
    /// The weight on the query's own token.
    pub own: Option<f32>,
    /// The weight on the token before, over the rows that have one.
    pub previous: Option<f32>,
    /// The weight on the tokens that followed earlier occurrences of the query's token, over the rows
    /// whose token has occurred before (prefix matching, Olsson et al. 2022, In-context Learning and
    /// Induction Heads). None where no token is repeated.
    pub induction: Option<f32>,
    /// The largest weight.
    pub largest: f32,
}

/// A column of a table of heads.
pub struct Figure {
    /// What stands above the column.
    pub heading: &'static str,
    /// What it says, for people.
    pub caption: &'static str,
    /// Whether it is a part of 1.
    pub is_share: bool,
    pub of: fn(&Figures) -> Option<f32>,
}

/// What can be compared between heads.
pub static FIGURES: [Figure; 8] = [
    Figure {
        heading: "entropy",
        caption: "mean entropy of a row, in nats",
        is_share: false,
        of: |figures| Some(figures.entropy),
    },
    Figure {
        heading: "spread",
        caption: "entropy as a share of the most that is possible",
        is_share: true,
        of: |figures| figures.spread,
    },
    Figure {
        heading: "distance",
        caption: "mean distance between query and key, in tokens",
        is_share: false,
        of: |figures| figures.distance,
    },
    Figure {
        heading: "first",
        caption: "mean weight on the first token",
        is_share: true,
        of: |figures| Some(figures.first),
    },
    Figure {
        heading: "previous",
        caption: "mean weight on the token before",
        is_share: true,
        of: |figures| figures.previous,
    },
    Figure {
        heading: "induction",
        caption: "mean weight on what followed the same token earlier",
        is_share: true,
        of: |figures| figures.induction,
    },
    Figure {
        heading: "self",
        caption: "mean weight on the token itself",
        is_share: true,
        of: |figures| figures.own,
    },
    Figure {
        heading: "largest",
        caption: "the largest weight",
        is_share: true,
        of: |figures| Some(figures.largest),
    },
];

/// One head.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The site of its weights: `encoder.0.self_attn.weights`.
    pub path: String,
    pub layer: usize,
    pub head: usize,
    pub figures: Figures,
    pub picture: Picture,
}

/// The attention weights of one layer (head, query, key).
pub struct Layer<V> {
    /// The site of the weights.
    pub path: String,
    pub layer: usize,
    pub weights: V,
    /// Where a row's token can look again: the ids of the tokens that rows and columns both stand for.
    /// None where they stand for different tokens.
    pub tokens: Option<Vec<u32>>,
}

/// Summaries of all heads, layer by layer. A layer is asked for when the one before is done with, so
/// that no more than one has to be in memory; its heads are read at once.
pub fn summaries<V: Borrow<Value>>(layers: impl IntoIterator<Item = Layer<V>>) -> Vec<Summary> {
    let mut all = vec![];
    for Layer { path, layer, weights, tokens } in layers {
        let repeats = tokens.as_deref().map(Repeats::new);
        let planes = weights.borrow().planes();
        let of = |(head, plane): (usize, &Matrix)| {
            let (figures, picture) = summary(plane, repeats.as_ref());
            Summary { path: path.clone(), layer, head, figures, picture }
        };
        all.par_extend(planes.par_iter().enumerate().map(of));
    }
    all
}

/// All heads of a pass, in the order of computation. A block that is closed is opened for as long as it
/// is looked at, and no other with it.
pub fn of_trace(trace: &Trace) -> Vec<Summary> {
    let hidden = trace.hidden();
    let is_outside = |site: &&Recorded| !hidden.iter().any(|block| lies_in(site.path(), block));
    let outside = trace.sites().filter(is_outside).filter_map(|site| layer_of(trace, site));
    let inside = hidden.iter().flat_map(|block| {
        let opened = trace.opened(block);
        let trace = opened.as_ref().unwrap_or(trace);
        let sites = trace.sites().filter(|site| lies_in(site.path(), block));
        sites.filter_map(|site| layer_of(trace, site)).collect::<Vec<_>>()
    });
    summaries(outside.chain(inside))
}

/// The site as a layer, if it is the weights of heads.
fn layer_of(trace: &Trace, site: &Recorded) -> Option<Layer<Arc<Value>>> {
    let is_of_heads = site.axes() == [Axis::Head, Axis::Query, Axis::Key];
    let ids = |tokens: &[Token]| tokens.iter().map(|token| token.id).collect();
    let (rows, keys) = (site.place.rows, site.place.keys);
    (is_of_heads && site.path().ends_with(".weights")).then(|| Layer {
        path: site.path().to_owned(),
        layer: site.path().split('.').find_map(|part| part.parse().ok()).unwrap_or(0),
        weights: Arc::clone(&site.value),
        tokens: (rows == keys).then(|| ids(trace.tokens(rows))),
    })
}

/// Where tokens occur again.
struct Repeats {
    /// By key, the queries whose token occurred just before that key, and comes again after it.
    lookers: Vec<Vec<usize>>,
    /// How many rows have an earlier occurrence with a token after it.
    n_rows: usize,
}

impl Repeats {
    fn new(tokens: &[u32]) -> Self {
        let mut places: HashMap<u32, Vec<usize>> = HashMap::new();
        tokens.iter().enumerate().for_each(|(i, &id)| places.entry(id).or_default().push(i));
        let after = |key: usize| {
            let Some(before) = key.checked_sub(1) else { return vec![] };
            places[&tokens[before]].iter().copied().filter(|&query| query > key).collect()
        };
        let lookers: Vec<Vec<usize>> = (0..tokens.len()).map(after).collect();
        let mut looks = vec![false; tokens.len()];
        lookers.iter().flatten().for_each(|&query| looks[query] = true);
        Self { lookers, n_rows: looks.into_iter().filter(|looks| *looks).count() }
    }
}

/// What is gathered row by row while columns go by.
struct Rows {
    /// sum over keys of -w ln w.
    entropy: Vec<f32>,
    /// sum over keys of w |query - key|.
    distance: Vec<f32>,
    /// The largest weight of the columns that share a column of the picture.
    most: Vec<f32>,
}

impl Rows {
    fn new(n: usize) -> Self {
        Self { entropy: vec![0.0; n], distance: vec![0.0; n], most: vec![0.0; n] }
    }

    /// One column, from the row `from` on: loops that the compiler makes wide.
    fn take(&mut self, column: &[f32], key: usize, from: usize) {
        let column = &column[from..];
        for (entropy, &w) in self.entropy[from..].iter_mut().zip(column) {
            *entropy -= w * ln(w);
        }
        for (i, (distance, &w)) in (from as i32..).zip(self.distance[from..].iter_mut().zip(column))
        {
            *distance += w * (i - key as i32).abs() as f32;
        }
        for (most, &w) in self.most[from..].iter_mut().zip(column) {
            *most = if w > *most { w } else { *most };
        }
    }
}

/// Figures and picture of one plane (query, key), in one sweep over its columns.
fn summary(plane: &Matrix, repeats: Option<&Repeats>) -> (Figures, Picture) {
    let (n, n_keys) = plane.shape();
    let is_causal = looks_back(plane);
    let sees = |row: usize| if is_causal { row + 1 } else { n_keys };
    let mut rows = Rows::new(n);
    let (high, wide) = (n.min(PICTURE), n_keys.min(PICTURE));
    let mut cells = vec![0.0; high * wide];
    let (mut own, mut previous, mut induction) = (0.0, 0.0, 0.0);
    for key in 0..n_keys {
        let column = plane.column(key);
        let column = column.as_slice();
        rows.take(column, key, if is_causal { key } else { 0 });
        own += column.get(key).copied().unwrap_or(0.0);
        previous += column.get(key + 1).copied().unwrap_or(0.0);
        let lookers = repeats.and_then(|repeats| repeats.lookers.get(key));
        induction += lookers.into_iter().flatten().map(|&query| column[query]).sum::<f32>();
        let at = key * wide / n_keys;
        if (key + 1) * wide / n_keys > at {
            pool(&mut rows.most, cells.iter_mut().skip(at).step_by(wide).collect());
        }
    }
    let mean = |sum: f32, n: usize| (n > 0).then(|| sum / n as f32);
    let of_self = |value: Option<f32>| value.filter(|_| repeats.is_some());
    let spreads = rows.entropy.iter().enumerate().filter(|(row, _)| sees(*row) > 1);
    let spreads = spreads.map(|(row, entropy)| entropy / (sees(row) as f32).ln());
    let (n_spreads, spread) = spreads.fold((0, 0.0), |(n, sum), share| (n + 1, sum + share));
    let figures = Figures {
        entropy: total(&rows.entropy) / n as f32,
        spread: mean(spread, n_spreads),
        distance: of_self(mean(total(&rows.distance), n)),
        first: plane.column(0).mean(),
        own: of_self(mean(own, n)),
        previous: of_self(mean(previous, n.saturating_sub(1))),
        induction: repeats.and_then(|repeats| mean(induction, repeats.n_rows)),
        largest: cells.iter().copied().fold(0.0, f32::max),
    };
    (figures, Picture::new(high, wide, cells))
}

/// Whether no row looks past itself: a causal mask, and what lies above its diagonal need not be read.
fn looks_back(plane: &Matrix) -> bool {
    let mut above = (0..plane.ncols())
        .map(|key| &plane.as_slice()[key * plane.nrows()..][..key.min(plane.nrows())]);
    plane.is_square() && above.all(|column| column.iter().all(|w| *w == 0.0))
}

/// Takes the largest of the rows that share a row of the picture into its column, and begins anew.
fn pool(most: &mut [f32], mut column: Vec<&mut f32>) {
    let (n, high) = (most.len(), column.len());
    for (row, w) in most.iter_mut().enumerate() {
        let cell = &mut *column[row * high / n];
        *cell = cell.max(*w);
        *w = 0.0;
    }
}

fn total(rows: &[f32]) -> f32 {
    rows.iter().sum()
}

/// The natural logarithm of a weight, to about 1e-7; finite at 0, where it is multiplied by 0.
///
/// w = 2^e m with m in [sqrt(1/2), sqrt(2)), and ln m = 2 artanh(s), s = (m - 1) / (m + 1), by its
/// series. The library's logarithm cannot be taken of several numbers at once, and is most of a sweep.
#[inline]
fn ln(w: f32) -> f32 {
    const ROOT_OF_HALF: i32 = 0x3f35_04f3;
    let bits = (w.to_bits() as i32).wrapping_sub(ROOT_OF_HALF);
    let exponent = (bits >> 23) as f32;
    let m = f32::from_bits(((bits & 0x007f_ffff) + ROOT_OF_HALF) as u32);
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let series = 2.0 + z * (2.0 / 3.0 + z * (2.0 / 5.0 + z * (2.0 / 7.0)));
    exponent * std::f32::consts::LN_2 + s * series
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&[f32]], tokens: Option<&[u32]>) -> Summary {
        let plane = Matrix::from_fn(rows.len(), rows[0].len(), |row, col| rows[row][col]);
        let layer = Layer {
            path: "blocks.3.attn.weights".into(),
            layer: 3,
            weights: Value::from(plane),
            tokens: tokens.map(<[u32]>::to_vec),
        };
        summaries([layer]).remove(0)
    }

    fn near(got: impl Into<Option<f32>>, want: impl Into<Option<f32>>) {
        let (got, want) = (got.into(), want.into());
        let is_near = got.zip(want).map_or(got == want, |(got, want)| (got - want).abs() < 1e-5);
        assert!(is_near, "{got:?} is not {want:?}");
    }

    #[test]
    fn a_head_that_looks_at_all_alike_has_all_the_entropy() {
        let row: &[f32] = &[0.25; 4];
        let figures = of(&[row; 4], Some(&[5, 6, 7, 8])).figures;
        near(figures.entropy, 4.0_f32.ln());
        near(figures.spread, 1.0);
        near(figures.distance, (6.0 + 4.0 + 4.0 + 6.0) / 16.0);
        near(figures.own, 0.25);
        near(figures.first, 0.25);
        near(figures.induction, None);
    }

    #[test]
    fn a_causal_head_s_spread_is_of_what_each_row_sees() {
        let third = 1.0 / 3.0;
        let figures =
            of(&[&[1.0, 0.0, 0.0], &[0.5, 0.5, 0.0], &[third; 3]], Some(&[1, 2, 3])).figures;
        near(figures.spread, 1.0);
        near(figures.entropy, (2.0_f32.ln() + 3.0_f32.ln()) / 3.0);
        near(figures.first, (1.0 + 0.5 + third) / 3.0);
        near(figures.previous, f32::midpoint(0.5, third));
        near(figures.own, (1.0 + 0.5 + third) / 3.0);
        near(figures.largest, 1.0);
    }

    /// a b a b: the second a looks at the first b, the second b at the second a.
    #[test]
    fn induction_is_the_weight_on_what_followed_the_same_token() {
        let tokens = [7, 8, 7, 8];
        let rows: [&[f32]; 4] = [
            &[1.0, 0.0, 0.0, 0.0],
            &[1.0, 0.0, 0.0, 0.0],
            &[0.2, 0.7, 0.1, 0.0],
            &[0.3, 0.0, 0.6, 0.1],
        ];
        near(of(&rows, Some(&tokens)).figures.induction, f32::midpoint(0.7, 0.6));
        near(of(&rows, Some(&[1, 2, 3, 4])).figures.induction, None);
        // The token right after an occurrence is the query itself: that would be `self`.
        near(of(&rows, Some(&[1, 2, 3, 3])).figures.induction, None);
        // Three of a kind: what followed both is added.
        near(of(&rows, Some(&[7, 7, 1, 7])).figures.induction, 0.0 + 0.6);
    }

    #[test]
    fn cross_attention_has_no_diagonal() {
        let figures = of(&[&[0.9, 0.1, 0.0], &[0.0, 0.0, 1.0]], None).figures;
        assert_eq!((figures.distance, figures.own, figures.previous), (None, None, None));
        near(figures.first, 0.45);
        near(figures.largest, 1.0);
    }

    #[test]
    fn one_token_looks_at_itself() {
        let figures = of(&[&[1.0]], Some(&[1])).figures;
        assert_eq!((figures.spread, figures.previous, figures.induction), (None, None, None));
        near(figures.own, 1.0);
        near(figures.entropy, 0.0);
    }

    #[test]
    fn a_picture_keeps_the_strongest_weight_of_every_block() {
        let n = 200;
        let mut plane = Matrix::from_element(n, n, 0.001);
        plane[(199, 0)] = 0.8;
        plane[(70, 131)] = 0.6;
        let (_, picture) = summary(&plane, None);
        assert_eq!((picture.rows, picture.cols), (PICTURE, PICTURE));
        near(picture.get(63, 0), 0.8);
        near(picture.get(70 * 64 / 200, 131 * 64 / 200), 0.6);
        let strong = (0..64).flat_map(|row| (0..64).map(move |col| (row, col)));
        assert_eq!(strong.filter(|&(row, col)| picture.get(row, col) > 0.5).count(), 2);
        near(picture.most(0..64, 1..64), 0.6);
    }

    #[test]
    fn small_planes_are_their_own_picture() {
        let summary = of(&[&[0.9, 0.1, 0.0], &[0.0, 0.25, 0.75]], None);
        let picture = &summary.picture;
        assert_eq!((picture.rows, picture.cols), (2, 3));
        assert_eq!((picture.get(0, 0), picture.get(1, 2), picture.get(1, 0)), (0.9, 0.75, 0.0));
        assert_eq!((summary.layer, summary.head), (3, 0));
    }

    #[test]
    fn the_logarithm_is_near_enough() {
        for i in 1..=10_000 {
            let w = i as f32 / 10_000.0;
            assert!((ln(w) - w.ln()).abs() < 3e-7 * w.ln().abs().max(1.0), "{w}");
        }
        for w in [1e-30_f32, 1e-7, 0.707, 0.7072, 1.0] {
            assert!((ln(w) - w.ln()).abs() < 1e-5, "{w}");
        }
        assert!((0.0 * ln(0.0)).abs() < f32::EPSILON);
        assert!((f32::NAN * ln(f32::NAN)).is_nan());
    }

    #[test]
    fn layers_are_asked_for_one_by_one() {
        let layer = |layer| Layer {
            path: format!("blocks.{layer}.attn.weights"),
            layer,
            weights: Value::from_planes(vec![Matrix::from_element(2, 2, 0.5); 3]),
            tokens: None,
        };
        let all = summaries((0..4).map(layer));
        let places: Vec<_> = all.iter().map(|s| (s.layer, s.head)).collect();
        assert_eq!(places.len(), 12);
        assert!(places.is_sorted());
    }
}
