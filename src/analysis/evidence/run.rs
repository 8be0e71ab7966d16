//! A pass with everything kept, and its values by address.

use std::{collections::HashMap, sync::Arc};

use crate::{
    engine::{
        change::Changes,
        site::{Place, Role, path_in},
        tape::{Keep, Node, Tape},
        value::Value,
    },
    model::{
        LOGITS, Model, Pass, Setup,
        layer::attention::{CONTEXT, V, V_NORMALIZED},
    },
};

/// A pass with everything kept.
pub struct Run {
    pub pass: Pass,
    /// The ids that were read, without what the model puts before them.
    pub ids: Vec<u32>,
    /// What was changed in it, with the weights that were learned.
    pub changes: Arc<Changes>,
    /// The nodes of every site, in the order of computation.
    nodes: HashMap<String, Vec<Node>>,
    paths: Vec<String>,
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
        Self { pass, ids: ids.to_vec(), changes: Arc::clone(changes), nodes, paths }
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

    /// The number of rows of the logits.
    pub fn n_rows(&self) -> usize {
        self.nodes(LOGITS.name).iter().map(|&node| self.tape().shape(node).rows).sum()
    }

    /// The nodes of the logits; several where they were recorded row by row.
    pub fn logits_nodes(&self) -> &[Node] {
        self.nodes(LOGITS.name)
    }

    /// A row of the logits, of this pass or of a replay of it.
    pub fn logits<'a>(&self, value: impl Fn(Node) -> &'a Value, row: usize) -> Option<Vec<f32>> {
        let (node, local) = self.row(LOGITS.name, row)?;
        Some(value(node).row(0, local))
    }

    /// A row of the logits of this pass.
    pub fn logits_of_row(&self, row: usize) -> Option<Vec<f32>> {
        self.logits(|node| self.tape().value(node), row)
    }

    /// The embedded words that the model read: the site, one row a token.
    pub fn embedding(&self) -> Option<&str> {
        ["src.embed", "tokens.embed"].into_iter().find(|path| !self.nodes(path).is_empty())
    }

    /// The tokens that stand before the sentence's own.
    pub fn n_before(&self) -> usize {
        self.pass.source.len().saturating_sub(self.ids.len())
    }

    /// Whether the rows of the logits are positions of the sentence itself.
    pub fn reads_only(&self) -> bool {
        self.pass.target.is_empty()
    }
}
