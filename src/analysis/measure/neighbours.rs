//! The words whose embeddings are most like a token's, and a map of them in two dimensions.
//!
//! Likeness is the cosine, over the whole vocabulary. The map is a principal component analysis (Pearson 1901) of the rows
//! found, scaled to length 1: the two directions in which they differ most.

use std::collections::BTreeSet;

use nalgebra::{DVector, SymmetricEigen};

use crate::{
    analysis::trace::Trace,
    engine::value::{Matrix, Value},
    model::EMBEDDING_TABLE,
    text::Tokenizer,
};

/// How many words are found.
const FOUND: usize = 40;

/// A word of the vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbour {
    pub word: String,
    /// The cosine of its embedding and the token's, -1 to 1.
    pub cosine: f32,
    /// Its place on the map, relative to the mean of all.
    pub place: (f32, f32),
}

/// The token itself and the words around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbourhood {
    /// The token first, then the most alike.
    pub words: Vec<Neighbour>,
    /// The part of the rows' variance that the map shows, 0 to 1.
    pub shown_variance: f32,
}

/// The neighbourhood of a token, among the whole words of the vocabulary. None if the trace has no table of
/// embeddings, or the token no direction in it.
pub fn neighbourhood(trace: &Trace, tokenizer: &Tokenizer, id: u32) -> Option<Neighbourhood> {
    let table = trace.value(EMBEDDING_TABLE).map(Value::matrix)?;
    let is_there = (id as usize) < table.nrows();
    let own =
        is_there.then(|| table.row(id as usize).transpose()).filter(|row| row.norm() > 0.0)?;
    // The table is stored by columns.
    let (products, mut squares) = (table * &own, DVector::<f32>::zeros(table.nrows()));
    for column in table.column_iter() {
        squares.zip_apply(&column, |sum, x| *sum += x * x);
    }
    let cosine = |other: usize| products[other] / (own.norm() * squares[other].sqrt());
    let words = (0..table.nrows() as u32).filter(|other| *other != id);
    let words = words.filter_map(|other| Some((other as usize, tokenizer.seen_word(other)?)));
    let mut words: Vec<(f32, usize, String)> =
        words.map(|(other, word)| (cosine(other), other, word)).collect();
    words.retain(|(cosine, ..)| cosine.is_finite());
    words.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    // `The` and `the` are one word on the map.
    let own_word = tokenizer.seen_word(id).unwrap_or_else(|| trace.word(id));
    let mut seen = BTreeSet::from([own_word.to_lowercase()]);
    words.retain(|(.., word)| seen.insert(word.to_lowercase()));
    words.truncate(FOUND);
    words.insert(0, (1.0, id as usize, own_word));
    // Of length 1, so that distances on the map mean what the cosine means.
    let entry = |i: usize, j: usize| table[(words[i].1, j)] / squares[words[i].1].sqrt();
    let rows = Matrix::from_fn(words.len(), table.ncols(), entry);
    let (places, shown_variance) = principal_plane(rows);
    let neighbour = |((cosine, _, word), place)| Neighbour { word, cosine, place };
    let words = words.into_iter().zip(places).map(neighbour).collect();
    Some(Neighbourhood { words, shown_variance })
}

/// The rows in the plane in which they differ most, and the part of their variance in it.
fn principal_plane(mut rows: Matrix) -> (Vec<(f32, f32)>, f32) {
    let mean = rows.row_mean();
    for mut row in rows.row_iter_mut() {
        row -= &mean;
    }
    let products = &rows * rows.transpose();
    let total = products.trace();
    let eigen = SymmetricEigen::new(products);
    let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let axis = |n: usize| -> Vec<f32> {
        let Some(&i) = order.get(n) else { return vec![0.0; rows.nrows()] };
        let column = eigen.eigenvectors.column(i);
        // A direction has no sign of its own: the token, which is first, stands right and above.
        let sign = if column[0] < 0.0 { -1.0 } else { 1.0 };
        column.iter().map(|x| sign * x * eigen.eigenvalues[i].max(0.0).sqrt()).collect()
    };
    let shown: f32 = order.iter().take(2).map(|&i| eigen.eigenvalues[i].max(0.0)).sum();
    let share = if total > 0.0 { shown / total } else { 1.0 };
    (axis(0).into_iter().zip(axis(1)).collect(), share.min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_a_plane_keep_their_distances() {
        // Four corners of a rectangle, turned into three dimensions.
        let corners = [[0.0, 0.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 1.0], [2.0, 2.0, 1.0]];
        let (places, shown) = principal_plane(Matrix::from_fn(4, 3, |i, j| corners[i][j]));
        let distance =
            |a: usize, b: usize| (places[a].0 - places[b].0).hypot(places[a].1 - places[b].1);
        assert!((distance(0, 1) - 8f32.sqrt()).abs() < 1e-5, "{places:?}");
        assert!((distance(0, 2) - 1.0).abs() < 1e-5 && (shown - 1.0).abs() < 1e-5);
        assert!(places[0].0 >= 0.0 && places[0].1 >= 0.0);
    }
}
