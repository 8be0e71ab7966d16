//! A value times one learned number.

use super::{BackwardArgs, Leaf, Node, Operation, Tape, leaf};
use crate::engine::{
    arithmetic::Expr,
    math::map,
    site::Place,
    value::{Cell, Matrix, Value},
};

impl Tape {
    /// `s * x`. x of any shape, s (1, 1)
    pub fn scale_by(&mut self, place: Place, x: Node, s: Node) -> Node {
        self.record(place, ScaleBy, vec![x, s])
    }
}

struct ScaleBy;

/// The one number of a value.
fn number(s: &Value) -> f32 {
    s.get(Cell::default())
}

impl Operation for ScaleBy {
    fn formula(&self) -> &'static str {
        "s * x[i,j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let s = number(inputs[1]);
        map(inputs[0], |x| s * x)
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        Expr::Product(vec![leaf(1, 0, 0, 0), Expr::Leaf(Leaf { input: 0, cell })])
    }

    fn reached(&self, inputs: &[&Value], Leaf { input, cell }: Leaf) -> Option<Vec<Cell>> {
        Some(if input == 0 { vec![cell] } else { inputs[0].shape().cells().collect() })
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let s = number(pull.inputs[1]);
        let for_s = || {
            let planes = pull.inputs[0].planes().iter().zip(pull.grad.planes());
            let slope: f32 = planes.map(|(x, grad)| x.dot(grad)).sum();
            Matrix::from_element(1, 1, slope).into()
        };
        vec![pull.for_input(0, || map(pull.grad, |grad| s * grad)), pull.for_input(1, for_s)]
    }
}
