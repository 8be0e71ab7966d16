//! The insides of blocks: recomputed on demand, and then found like recorded values.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::{Record, Recorded, Trace};
use crate::engine::{
    site::{Scope, in_layer, lies_in, stack_of},
    tape::{Inside, Node, Tape},
    value::{Shape, Value},
};

/// The most numbers that opened blocks hold, which limits the memory for a long text; at least one block is always
/// held.
const MOST_NUMBERS: usize = 1 << 25;

/// A block whose inside was recomputed.
pub(super) struct OpenedBlock {
    /// The block: `blocks.3`.
    scope: Scope,
    /// The block's node on the tape of the pass.
    node: Node,
    /// The block's output and inputs on the tape of the inside.
    out: Node,
    inputs: Vec<Node>,
    record: Record,
}

impl OpenedBlock {
    fn new(scope: Scope, node: Node, Inside { tape, out, inputs }: Inside) -> Self {
        Self { scope, node, out, inputs, record: Record::new(tape) }
    }

    /// Whether a site of the pass is the block's output, in place of which its inside is listed.
    pub(super) fn is_of(&self, site: &Recorded) -> bool {
        site.parts.contains(&self.node)
    }

    /// A site that was recomputed, not given to the block: some of its inputs bear names of its own.
    fn site(&self, path: &str) -> Option<&Recorded> {
        self.record.site(path).filter(|site| !self.is_given(site))
    }

    fn is_given(&self, site: &Recorded) -> bool {
        site.parts.iter().any(|part| self.inputs.contains(part))
    }

    fn holds(&self, path: &str) -> bool {
        lies_in(path, self.scope.prefix())
    }

    /// The number of values that were recomputed and are held.
    fn n_numbers(&self) -> usize {
        let held = self.own_sites().filter(|site| !site.value.is_deferred());
        held.map(|site| site.shape().len()).sum()
    }

    /// The sites recorded inside, without the block's inputs.
    pub(super) fn own_sites(&self) -> impl Iterator<Item = &Recorded> {
        let is_own = |site: &&Recorded| self.holds(site.path()) && !self.is_given(site);
        self.record.sites.iter().filter(is_own)
    }
}

impl Trace {
    /// The site at this path inside an opened block, and its tape.
    pub(super) fn inside(&self, path: &str) -> Option<(&Tape, &Recorded)> {
        let opened = self.opened_at(path)?;
        Some((&opened.record.tape, opened.site(path)?))
    }

    /// The opened block that contains the path.
    pub(super) fn opened_at(&self, path: &str) -> Option<&OpenedBlock> {
        self.opened.iter().map(|opened| &**opened).find(|opened| opened.holds(path))
    }

    /// Whether the path is inside a block that is not opened.
    pub fn is_closed(&self, path: &str) -> bool {
        self.closed(path).is_some()
    }

    pub(super) fn closed(&self, path: &str) -> Option<(Node, &Scope)> {
        if self.opened_at(path).is_some() {
            return None;
        }
        let hidden = self.record.tape.hidden();
        hidden.into_iter().find(|(_, scope)| lies_in(path, scope.prefix()))
    }

    /// The paths of the blocks whose inside was not kept, in the order of computation: `blocks.0`, `blocks.1`.
    pub fn hidden(&self) -> Vec<String> {
        let hidden = self.record.tape.hidden();
        hidden.into_iter().map(|(_, scope)| scope.prefix().to_owned()).collect()
    }

    /// The same trace with the block at this path opened; the blocks opened earliest are closed if all hold too many
    /// numbers. None if the path is not in a closed block.
    #[must_use]
    pub fn opened(&self, path: &str) -> Option<Self> {
        let mut more = self.with_one_more(path)?;
        let n_numbers =
            |opened: &[Arc<OpenedBlock>]| opened.iter().map(|o| o.n_numbers()).sum::<usize>();
        while more.opened.len() > 1 && n_numbers(&more.opened) > MOST_NUMBERS {
            more.opened.remove(0);
        }
        Some(more)
    }

    fn with_one_more(&self, path: &str) -> Option<Self> {
        let (node, scope) = self.closed(path)?;
        let inside = self.record.tape.inside(node)?;
        let mut opened = self.opened.clone();
        opened.push(Arc::new(OpenedBlock::new(scope.clone(), node, inside)));
        Some(Self { opened, ..self.clone() })
    }

    /// The same trace with the first block of every kind in every stack opened, whatever its size: it is shown first,
    /// and shows which sites such a block has.
    #[must_use]
    pub fn with_firsts(self) -> Self {
        let tape = &self.record.tape;
        let mut seen = HashSet::new();
        let is_first = |(node, scope): &(Node, &Scope)| {
            seen.insert((scope.stack().map(str::to_owned), tape.kind_of_block(*node)))
        };
        let firsts = tape.hidden().into_iter().filter(is_first);
        let firsts: Vec<String> = firsts.map(|(_, scope)| scope.prefix().to_owned()).collect();
        let open = |trace: Self, prefix: &String| trace.with_one_more(prefix).unwrap_or(trace);
        firsts.iter().fold(self, open)
    }

    /// The layers of all stacks, in order; of a closed one the output is known.
    pub fn known_layers(&self) -> Vec<usize> {
        let layer = |site: &Recorded| site.place.scope.layer_index();
        let layers: BTreeSet<usize> = self.sites().filter_map(layer).collect();
        layers.into_iter().collect()
    }

    /// Whether a layer has the site at `pattern`, where `{layer}` is the layer. Of a closed block that is told from an
    /// opened one of its kind.
    pub fn layer_has(&self, pattern: &str, layer: usize) -> bool {
        self.shape_in(pattern, layer).is_some()
    }

    /// The shape of the site at `pattern` in a layer, told as [`Self::layer_has`] is.
    pub fn shape_in(&self, pattern: &str, layer: usize) -> Option<Shape> {
        let path = in_layer(pattern, layer);
        let known = if self.is_closed(&path) { self.opened_twin(&path, pattern)? } else { path };
        self.site(&known).map(Recorded::shape)
    }

    /// The path of `pattern` in an opened block that is like the closed one at `path` and has it.
    pub(super) fn opened_twin(&self, path: &str, pattern: &str) -> Option<String> {
        let kind = |node: Node| self.record.tape.kind_of_block(node);
        let (node, _) = self.closed(path)?;
        let like = self.opened.iter().filter(|opened| kind(opened.node) == kind(node));
        let mut paths =
            like.filter_map(|opened| Some(in_layer(pattern, opened.scope.layer_index()?)));
        paths.find(|path| self.site(path).is_some())
    }

    /// The number of layers up to the last that has the site at `pattern`, where `{layer}` is the layer; opened or not.
    pub fn n_layers(&self, pattern: &str) -> usize {
        let last = self.known_layers().into_iter().rev().find(|&l| self.layer_has(pattern, l));
        last.map_or(0, |last| last + 1)
    }

    /// The number of layers of a stack, opened or not; of the deepest one if none is named.
    pub fn depth(&self, stack: Option<&str>) -> usize {
        let layer = |site: &Recorded| {
            let scope = &site.place.scope;
            scope.layer_index().filter(|_| stack.is_none() || scope.stack() == stack)
        };
        self.sites().filter_map(layer).max().map_or(0, |last| last + 1)
    }

    /// The number of all layers of the stack that `pattern` is about, whether they have the site or not.
    pub fn n_layers_of_stack(&self, pattern: &str) -> usize {
        stack_of(pattern).map_or(0, |stack| self.depth(Some(stack)))
    }

    /// The gradient of the sum of `seed * site` over the seeds, with respect to the site `wanted`. None if the site
    /// does not exist or nothing seeded depends on it.
    pub fn gradient(&self, seeds: &[(&str, Value)], wanted: &str) -> Option<Value> {
        let opened = self.opened_at(wanted).filter(|opened| opened.site(wanted).is_some());
        let (tape, seeds) = match opened {
            None => (&self.record.tape, self.seeds(seeds)?),
            Some(opened) => {
                let outside = self.seeds(seeds)?;
                let grads = self.record.tape.backward(&outside, &[opened.node]);
                (&opened.record.tape, vec![(opened.out, grads.get(&opened.node)?.clone())])
            }
        };
        let (_, wanted) = self.holder(wanted)?;
        let grads = tape.backward(&seeds, &wanted.parts);
        let mut out = Value::zeros(wanted.shape());
        for node in &wanted.parts {
            if let Some(grad) = grads.get(node) {
                out.put(tape.entry(*node).place.origin, grad);
            }
        }
        (!grads.is_empty()).then_some(out)
    }

    /// The seeds by node of the pass's tape.
    fn seeds(&self, seeds: &[(&str, Value)]) -> Option<Vec<(Node, Value)>> {
        let (tape, mut by_node) = (&self.record.tape, vec![]);
        for (path, seed) in seeds {
            for &node in &self.record.site(path)?.parts {
                let part = seed.part(tape.entry(node).place.origin, tape.shape(node));
                by_node.push((node, part));
            }
        }
        Some(by_node)
    }
}
