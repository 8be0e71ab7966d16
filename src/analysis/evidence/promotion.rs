//! What a part promotes: the words that its direction in the residual stream raises (Geva et al. 2022).
//!
//! A head or a hidden unit adds a multiple of a direction to the stream. Put through the norms that it goes through, their
//! scales held fixed as in attribution, the last norm and the unembedding, the direction ranks the vocabulary: the first
//! words are those that it raises most, the last those that it lowers. What later parts make of it is not in this list.
//! A head with a curved function (BERT's) is followed along its tangent in this pass.

mod norms;
mod tangent;

use norms::DirectNorms;
use tangent::HeadTangent;

use super::{attribution::LogitPart, run::Run};
use crate::{
    engine::{
        math::largest,
        site::{Role, path_in},
        tape::Node,
        value::{Cell, Matrix, Shape, Value},
    },
    model::{Model, layer::attention::CONTEXT},
};

/// A piece of a sub-layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadOrUnit {
    Head(usize),
    Unit(usize),
}

/// A piece of a sub-layer's part.
#[derive(Clone, Copy, Debug)]
pub struct PartPiece<'a> {
    pub part: &'a LogitPart,
    pub of: HeadOrUnit,
}

/// A piece and the words that it promotes, by id, strongest first, with what it adds to their logits: through a curved
/// head to first order, else where a norm after all layers is that of the direction alone, so that only the order has a
/// meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Promotion {
    pub piece: HeadOrUnit,
    pub words: Vec<(u32, f32)>,
}

/// The piece that adds most to a part, or takes most from it.
pub fn strongest(part: &LogitPart) -> Option<HeadOrUnit> {
    let most = |amounts: &mut dyn Iterator<Item = f32>| {
        let numbered = amounts.enumerate().filter(|(_, amount)| *amount != 0.0);
        numbered.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).map(|(i, _)| i)
    };
    let head = most(&mut part.heads.iter().map(|head| head.amount)).map(HeadOrUnit::Head);
    head.or_else(|| most(&mut part.units.iter().copied()).map(HeadOrUnit::Unit))
}

/// What pieces of sub-layers promote at a row of the output: the `n` strongest words. None where the model does not say
/// what a direction means, and of a piece that adds nothing.
pub fn promotions(
    model: &dyn Model,
    run: &Run,
    pieces: &[PartPiece],
    row: usize,
    n: usize,
) -> Vec<Option<Promotion>> {
    let head = HeadTangent::of(run, row);
    let norms = DirectNorms::of(run, row, head.is_some());
    let at_end = |piece: &PartPiece| {
        let (out, _) = run.row(&piece.part.path, row)?;
        let direction = norms.through(out, direction(run, piece, row)?);
        direction.iter().any(|x| *x != 0.0).then_some(direction)
    };
    let directions: Vec<_> = pieces.iter().map(at_end).collect();
    let known: Vec<&Vec<f32>> = directions.iter().flatten().collect();
    let Some(d_model) = known.first().map(|direction| direction.len()) else {
        return vec![None; pieces.len()];
    };
    let raised = match head {
        Some(head) => Some(head.logits(&Matrix::from_fn(known.len(), d_model, |i, c| known[i][c]))),
        None => unembedded(model, run, &known, d_model),
    };
    let Some(raised) = raised else { return vec![None; pieces.len()] };
    let mut rows = raised.row_iter();
    let each = pieces.iter().zip(&directions).map(|(piece, direction)| {
        direction.as_ref()?;
        let raised: Vec<f32> = rows.next()?.iter().copied().collect();
        let words = largest(&raised, n).into_iter().map(|word| (word as u32, raised[word]));
        Some(Promotion { piece: piece.of, words: words.collect() })
    });
    each.collect()
}

/// Whether promotions go through a curved head along its tangent at a row.
pub fn is_along_tangent(run: &Run, row: usize) -> bool {
    HeadTangent::of(run, row).is_some()
}

/// What the unembedding makes of directions, less what it makes of none: what the bias of a norm says of itself belongs
/// to no part. None where the model writes no words. (direction, vocab)
fn unembedded(
    model: &dyn Model,
    run: &Run,
    directions: &[&Vec<f32>],
    d_model: usize,
) -> Option<Matrix> {
    let n = directions.len();
    let value = |i: usize, c: usize| directions.get(i).map_or(0.0, |direction| direction[c]);
    let rows = Matrix::from_fn(n + 1, d_model, value);
    let logits = model.unembed(&rows, &run.changes)?;
    Some(Matrix::from_fn(n, logits.ncols(), |i, word| logits[(i, word)] - logits[(n, word)]))
}

/// What the piece alone adds to the stream at a row: the sub-layer's output with the piece, less that without any.
fn direction(run: &Run, piece: &PartPiece, row: usize) -> Option<Vec<f32>> {
    let (out, local) = run.row(&piece.part.path, row)?;
    let scope = run.tape().entry(out).place.scope.prefix().to_owned();
    let inside = inside(run, &scope, piece.of, row)?;
    let tape = run.tape();
    let value = tape.value(inside);
    let only = match piece.of {
        HeadOrUnit::Head(head) => {
            let mut only = Value::zeros(value.shape());
            let origin = Cell::new(head, 0, 0);
            let shape = Shape { planes: 1, ..value.shape() };
            only.put(origin, &value.part(origin, shape));
            only
        }
        HeadOrUnit::Unit(unit) => {
            let matrix = value.matrix();
            let of = |row, col| if col == unit { matrix[(row, col)] } else { 0.0 };
            Value::from(Matrix::from_fn(matrix.nrows(), matrix.ncols(), of))
        }
    };
    let out_with = |value: Value| {
        let replay = tape.replay(vec![(inside, value)], &[out]);
        replay.value(out).row(0, local)
    };
    let (with, without) = (out_with(only), out_with(Value::zeros(value.shape())));
    Some(with.into_iter().zip(without).map(|(a, b)| a - b).collect())
}

/// The node of what the sub-layer's pieces are columns or planes of.
fn inside(run: &Run, scope: &str, piece: HeadOrUnit, row: usize) -> Option<Node> {
    let path = match piece {
        HeadOrUnit::Head(_) => path_in(scope, CONTEXT.name),
        HeadOrUnit::Unit(_) => {
            let mut hidden = run.with_role(Role::FeedForwardHidden);
            hidden.find(|site| site.scope.prefix() == scope)?.path.clone()
        }
    };
    run.row(&path, row).map(|(node, _)| node)
}
