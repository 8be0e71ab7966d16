//! A pass with everything kept, and its values by address.

use std::{collections::HashMap, ops::Range, sync::Arc};

use crate::{
    engine::{
        change::Changes,
        site::{Axis, Place, Role, Stream, last_name, path_in},
        tape::{Keep, Node, Tape},
        value::{Cell, Value},
    },
    model::{
        LOGITS, Model, Pass, Setup,
        layer::attention::{CONTEXT, V, V_NORMALIZED},
    },
};

/// What a row of the logits is about, which says what it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsOf {
    /// A word of the output that a decoder writes beside the source.
    Output,
    /// The word after one that was read: it has seen those up to it.
    NextWords,
    /// A word that was read, by a model that sees all of them: a masked word, or the class of each.
    Words,
    /// The whole text: its class.
    Text,
}

/// A pass with everything kept.
pub struct Run {
    pub pass: Pass,
    /// The ids that were read, without what the model puts before them.
    pub ids: Vec<u32>,
    /// The tokens on the source stream that are the text's own: neither the model nor the tokenizer put them there.
    pub own: Range<usize>,
    /// What was changed in it, with the weights that were learned.
    pub changes: Arc<Changes>,
    pub rows_of: RowsOf,
    /// The path of the logits, of tokens or else of classes.
    logits: String,
    /// The rows of the logits that the output was chosen from, if they are not the last ones.
    places: Option<Vec<usize>>,
    /// The nodes of every site, in the order of computation.
    nodes: HashMap<String, Vec<Node>>,
    paths: Vec<String>,
}

/// The rows of a run's logits, which outlive the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogitRows {
    rows_of: RowsOf,
    pub is_of_classes: bool,
    n: usize,
    /// See [`Run::output_rows`].
    output: Vec<usize>,
}

impl LogitRows {
    /// The row of another run that asks what this row asks; None where the texts have no such row in common.
    pub fn row_in(&self, other: &Self, row: usize) -> Option<usize> {
        match self.rows_of {
            RowsOf::Output | RowsOf::Text => Some(row),
            _ if self.n == other.n => Some(row),
            RowsOf::NextWords => (row + 1 == self.n).then(|| other.n.checked_sub(1))?,
            RowsOf::Words => {
                let i = self.output.iter().position(|&masked| masked == row)?;
                (self.output.len() == other.output.len()).then_some(other.output[i])
            }
        }
    }
}

impl Run {
    /// Runs the model on a sentence; a decoder writes its own output, or is given `forced`.
    pub fn new(
        model: &dyn Model,
        ids: &[u32],
        changes: &Arc<Changes>,
        forced: Option<Vec<u32>>,
    ) -> Self {
        let setup = Arc::clone(changes);
        let pass =
            model.run(ids, &Setup { changes: setup, forced, keep: Keep::All, longest: None });
        let mut nodes: HashMap<String, Vec<Node>> = HashMap::new();
        let mut paths = vec![];
        for node in pass.tape.nodes() {
            let path = &pass.tape.entry(node).place.path;
            let known = nodes.entry(path.clone()).or_default();
            if known.is_empty() {
                paths.push(path.clone());
            }
            known.push(node);
        }
        let place = |path: &String| &pass.tape.entry(nodes[path][0]).place;
        let classes = paths.iter().map(place).find(|place| place.role == Role::ClassLogits);
        let places = model.written_at(&pass.source);
        let rows_of = match classes {
            _ if !pass.target.is_empty() => RowsOf::Output,
            Some(place) if place.site.axes[1] == Axis::Single => RowsOf::Text,
            Some(_) => RowsOf::Words,
            None if places.is_some() => RowsOf::Words,
            None => RowsOf::NextWords,
        };
        let logits = classes.map_or_else(|| LOGITS.name.to_owned(), |place| place.path.clone());
        let n_read = pass.source.len();
        let own = n_read.saturating_sub(ids.len())..n_read;
        let (ids, changes) = (ids.to_vec(), Arc::clone(changes));
        Self { pass, ids, own, changes, rows_of, logits, places, nodes, paths }
    }

    /// The same run of a text of which only these ids are its own.
    #[must_use]
    pub fn with_own(self, ids: &Range<usize>) -> Self {
        let n_before = self.n_before();
        Self { own: n_before + ids.start..n_before + ids.end, ..self }
    }

    pub const fn tape(&self) -> &Tape {
        &self.pass.tape
    }

    /// The nodes of a site; several where it was recorded row by row.
    pub fn nodes(&self, path: &str) -> &[Node] {
        self.nodes.get(path).map_or(&[], Vec::as_slice)
    }

    /// The node of a site that was recorded at once.
    pub fn node(&self, path: &str) -> Option<Node> {
        self.nodes(path).first().copied()
    }

    /// The sites that were computed, in the order of computation.
    pub fn sites(&self) -> impl Iterator<Item = &Place> {
        let first = |path: &String| self.node(path).filter(|&node| !self.tape().is_leaf(node));
        self.paths.iter().filter_map(first).map(|node| &self.tape().entry(node).place)
    }

    /// The sites with a role.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Place> {
        self.sites().filter(move |place| place.role == role)
    }

    /// Whether a scope has a value with a role.
    pub fn has_role_in(&self, scope: &str, role: Role) -> bool {
        self.with_role(role).any(|place| place.scope.prefix() == scope)
    }

    /// The node that holds a row of a site, and the row in it.
    pub fn row(&self, path: &str, row: usize) -> Option<(Node, usize)> {
        self.nodes(path).iter().find_map(|&node| {
            let local = row.checked_sub(self.tape().entry(node).place.origin.row)?;
            (local < self.tape().shape(node).rows).then_some((node, local))
        })
    }

    /// The values that the heads of an attention average: its own, normalised where it does so, or those of an earlier
    /// layer. (kv head, key, d_v)
    pub fn values_read(&self, scope: &str) -> Option<Node> {
        let own = [V_NORMALIZED, V.name].iter().find_map(|name| self.node(&path_in(scope, name)));
        own.or_else(|| {
            let context = self.node(&path_in(scope, CONTEXT.name))?;
            self.tape().inputs(context).get(1).copied()
        })
    }

    /// A weight that a site is computed with, by its own name: `W_O` of `encoder.1.self_attn.out`. Layers may share one, under
    /// the name of the first.
    pub fn weight_of(&self, site: &str, name: &str) -> Option<&Value> {
        let inputs = self.tape().inputs(self.node(site)?);
        let path = |input: &Node| &self.tape().entry(*input).place.path;
        Some(self.tape().value(*inputs.iter().find(|input| last_name(path(input)) == name)?))
    }

    /// Whether the logits are those of classes; a word of a question is then the number of a class.
    pub fn is_of_classes(&self) -> bool {
        self.logits != LOGITS.name
    }

    /// The number of rows of the logits.
    pub fn n_rows(&self) -> usize {
        self.logits_nodes().iter().map(|&node| self.tape().shape(node).rows).sum()
    }

    /// The rows of the logits that the output was chosen from: the last ones, or the masked ones; all of those of
    /// classes.
    pub fn output_rows(&self) -> Vec<usize> {
        let n = self.n_rows();
        match &self.places {
            Some(places) => places.clone(),
            None if self.is_of_classes() => (0..n).collect(),
            None => (n.saturating_sub(self.pass.output.len())..n).collect(),
        }
    }

    /// See [`LogitRows::row_in`].
    pub fn row_in(&self, other: &Self, row: usize) -> Option<usize> {
        self.rows().row_in(&other.rows(), row)
    }

    /// The rows of the logits.
    pub fn rows(&self) -> LogitRows {
        LogitRows {
            rows_of: self.rows_of,
            is_of_classes: self.is_of_classes(),
            n: self.n_rows(),
            output: self.output_rows(),
        }
    }

    /// The nodes of the logits; several where they were recorded row by row.
    pub fn logits_nodes(&self) -> &[Node] {
        self.nodes(&self.logits)
    }

    /// The node that holds a row of the logits, and the row in it.
    pub fn logits_row(&self, row: usize) -> Option<(Node, usize)> {
        self.row(&self.logits, row)
    }

    /// The row of the stream that a row of the logits is made from: of a text's class the one that the head picks, and 0
    /// where it takes several together.
    pub fn stream_row(&self, row: usize) -> usize {
        match self.logits_nodes() {
            [node, ..] if self.rows_of == RowsOf::Text => self.picked_row(*node).unwrap_or(0),
            _ => row,
        }
    }

    /// The row of an earlier value that a value of one row repeats, or is computed from.
    fn picked_row(&self, node: Node) -> Option<usize> {
        let &before = self.tape().inputs(node).first()?;
        if self.tape().shape(before).rows == 1 {
            return self.picked_row(before);
        }
        Some(self.tape().repeated(node, Cell::new(0, 0, 0))?.cell.row)
    }

    /// A row of the logits, of this pass or of a replay of it.
    pub fn logits<'a>(&self, value: impl Fn(Node) -> &'a Value, row: usize) -> Option<Vec<f32>> {
        let (node, local) = self.logits_row(row)?;
        Some(value(node).row(0, local))
    }

    /// A row of the logits of this pass.
    pub fn logits_of_row(&self, row: usize) -> Option<Vec<f32>> {
        self.logits(|node| self.tape().value(node), row)
    }

    /// The embedded words that the model read: the site, one row a token.
    pub fn embedding(&self) -> Option<&str> {
        let mut embedded = self.with_role(Role::Embedding);
        Some(&embedded.find(|place| place.scope.rows() == Stream::Source)?.path)
    }

    /// The tokens that stand before the sentence's own.
    pub fn n_before(&self) -> usize {
        self.pass.source.len().saturating_sub(self.ids.len())
    }

    /// Whether the model reads its sentence alone, and has no output beside it.
    pub fn reads_only(&self) -> bool {
        self.rows_of != RowsOf::Output
    }
}
