//! A state space without its states, where nobody will look at them.

use std::sync::Arc;

use super::{Node, StateInputs, Tape};
use crate::engine::{
    math::{ScanInputs, scan},
    site::Place,
};

impl Tape {
    /// `C state + D x` at every row, by one kernel, and the last state held under a name for the rows to come. None if
    /// the states are kept or the pass is changed: the steps are then recorded one by one. c (group, position, number of
    /// the state), d (1, head) -> (head, position, channel)
    pub fn scan(
        &mut self,
        place: Place,
        name: &str,
        from: StateInputs,
        c: Node,
        d: Node,
    ) -> Option<Node> {
        if !self.discards_intermediates || !self.changes.is_empty() {
            return None;
        }
        let before = self.held(name);
        let inputs = ScanInputs {
            decay: self.value(from.decay).matrix(),
            dt: self.value(from.dt).matrix(),
            b: self.value(from.b),
            c: self.value(c),
            x: self.value(from.x),
            d: self.value(d).matrix(),
        };
        let (out, state) = scan(inputs, before.map(|before| self.value(before)));
        self.hold(name, |_| state);
        let row = place.origin.row + self.n_past();
        Some(self.leaf(place.row(row), Arc::new(out)))
    }
}
