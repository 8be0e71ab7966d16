//! The map of a model: its parts in the order in which numbers flow, made from the sites of a pass.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
};

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::site::{Axis, Role, Stream, last_name, lies_in, parent},
    model::rnn::PROJ,
};

/// A part of a model that the map names: an embedding, an attention, a norm, the logits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// The path of what it holds: `encoder.0.self_attn`, `encoder.0.residual1`.
    pub path: String,
    holding: Holding,
    /// The last name of the path; `embed`, `embed+pos` and `+` for what has other names in other models.
    pub name: String,
    pub kind: StationKind,
}

/// What a station does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StationKind {
    /// Adds a sub-layer's output to the residual stream.
    Sum,
    /// Only reads, so that nothing follows from it: the probe of a hidden state.
    Probe,
    /// Turns tokens into vectors; positions may be added to them.
    Embedding {
        has_positions: bool,
    },
    /// Carries a hidden state from word to word.
    Recurrence,
    Attention,
    Norm,
    /// The probabilities of tokens.
    Probabilities,
    Other,
}

impl StationKind {
    /// The kind of the station at a path, by the roles of what it holds.
    fn of(sites: &[&Recorded], path: &str) -> Self {
        let held = || sites.iter().filter(|site| lies_in(site.path(), path));
        let has = |role| held().any(|site| site.role() == role);
        // Not a part that has a norm, as attention has of its queries.
        let is_scale =
            |site: &&Recorded| site.role() == Role::NormScale && parent(site.path()) == path;
        if held().any(|site| site.place.is_of(&PROJ)) {
            Self::Probe
        } else if has(Role::Embedding) {
            let has_positions = has(Role::Positions) || has(Role::AddedPositions);
            Self::Embedding { has_positions }
        } else if has(Role::HiddenState) {
            Self::Recurrence
        } else if has(Role::AttentionWeights) {
            Self::Attention
        } else if held().any(is_scale) {
            Self::Norm
        } else if has(Role::Probabilities) {
            Self::Probabilities
        } else {
            Self::Other
        }
    }

    /// Whether words meet in it.
    pub const fn mixes_words(self) -> bool {
        matches!(self, Self::Recurrence | Self::Attention)
    }
}

/// Which sites a station holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holding {
    /// The one at its path.
    Site,
    /// Those whose scope its path is.
    Scope,
    /// Those, and the sites of the scopes within.
    Everything,
}

impl Station {
    /// Whether a site belongs to it.
    pub fn holds(&self, site: &str) -> bool {
        match self.holding {
            Holding::Site => site == self.path,
            Holding::Scope => parent(site) == self.path,
            Holding::Everything => lies_in(site, &self.path),
        }
    }
}

/// Stations that follow each other: those of one layer, or those between two stacks of layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub stations: Vec<Station>,
    pub stack: Option<LayerStack>,
}

/// The stack of identical layers that a section shows one layer of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerStack {
    /// `encoder`
    pub name: String,
    /// The layer shown, from 0.
    pub layer: usize,
    pub n_layers: usize,
}

/// A model's parts: one line for each stream of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelMap {
    pub source: Vec<Section>,
    /// Empty if the model has one stream.
    pub target: Vec<Section>,
    /// What goes from the source line to the target line: `K, V`, `annotations` or `h_n`.
    pub link: &'static str,
}

impl ModelMap {
    /// The map of a pass. Of each stack of layers it shows layer `layer`, or the last one before it.
    pub fn of(trace: &Trace, layer: usize) -> Self {
        let sites: Vec<&Recorded> = trace.sites().filter(|site| !site.is_leaf).collect();
        let line = |stream| {
            let of_stream = |site: &&&Recorded| site.place.scope.rows() == stream;
            sections(&sites.iter().filter(of_stream).copied().collect::<Vec<_>>(), layer)
        };
        let (mut source, target) = (line(Stream::Source), line(Stream::Target));
        // An attention of the target computes its keys from the source: it stands where it ends.
        let has = |station: &Station| stations(&target).any(|other| other.path == station.path);
        for section in &mut source {
            section.stations.retain(|station| !has(station));
        }
        Self { source, target, link: link(&sites) }
    }

    /// The stations of both lines, in the order of the flow.
    pub fn stations(&self) -> impl Iterator<Item = &Station> {
        stations(&self.source).chain(stations(&self.target))
    }

    /// One for each stream of tokens.
    pub const fn n_lines(&self) -> u16 {
        if self.target.is_empty() { 1 } else { 2 }
    }
}

fn stations(line: &[Section]) -> impl Iterator<Item = &Station> {
    line.iter().flat_map(|section| &section.stations)
}

/// What the target line reads of the source line.
fn link(sites: &[&Recorded]) -> &'static str {
    let crosses = |site: &&&Recorded| {
        site.axes().contains(&Axis::Key)
            && site.place.scope.rows() == Stream::Target
            && site.place.scope.keys() == Stream::Source
    };
    match sites.iter().find(crosses) {
        Some(site) if site.axes()[0] == Axis::Head => "K, V",
        Some(_) => "annotations",
        None => "h_n",
    }
}

/// The stations of one stream's sites, in the order in which each is finished; embeddings where they begin.
fn sections(sites: &[&Recorded], layer: usize) -> Vec<Section> {
    let stacks = stacks(sites, layer);
    let is_shown = |site: &&&Recorded| match site.place.scope.layer_index() {
        Some(index) => stack_of(site, &stacks).is_some_and(|stack| stack.layer == index),
        None => true,
    };
    let sites: Vec<&Recorded> = sites.iter().filter(is_shown).copied().collect();
    // Scopes, and whether each is that of a norm.
    let mut all: BTreeMap<&str, bool> = BTreeMap::new();
    for site in &sites {
        *all.entry(parent(site.path())).or_default() |= site.role() == Role::NormScale;
    }
    let scopes: BTreeSet<&str> = sites.iter().map(|site| scope_of(site, &all)).collect();
    let holding = |site: &Recorded| {
        let scope = scope_of(site, &all);
        let has_parts = scopes.iter().any(|s| *s != scope && lies_in(s, scope));
        let is_layer = site.place.scope.layer_prefix() == Some(scope);
        let is_alone = || {
            let in_scope = sites.iter().filter(|other| scope_of(other, &all) == scope).count();
            in_scope == 1 && site.role() != Role::SubLayerOutput
        };
        if !has_parts {
            Holding::Everything
        } else if scope.is_empty() || is_layer || is_alone() {
            Holding::Site
        } else {
            Holding::Scope
        }
    };
    let mut placed: Vec<(Option<&LayerStack>, Station)> = vec![];
    for site in sites.iter().filter(|site| site.role() != Role::LayerInput) {
        let holding = holding(site);
        let path = if holding == Holding::Site { site.path() } else { scope_of(site, &all) };
        let station = station(&sites, site, path, holding);
        // An embedding stands where it begins: its norm comes after it, and so may what a layer reads of both.
        let is_known = || placed.iter().any(|(_, before)| before.path == station.path);
        if matches!(station.kind, StationKind::Embedding { .. }) && is_known() {
            continue;
        }
        // A part that is worked on again later stands where it is finished.
        placed.retain(|(_, before)| before.path != station.path);
        placed.push((stack_of(site, &stacks), station));
    }
    let runs = placed.chunk_by(|(a, _), (b, _)| a == b);
    let section = |run: &[(Option<&LayerStack>, Station)]| Section {
        stack: run[0].0.cloned(),
        stations: run.iter().map(|(_, station)| station.clone()).collect(),
    };
    runs.map(section).collect()
}

/// The scope of a site; of a norm within a sub-layer, as those of queries and keys are, that of the sub-layer. A router,
/// which the model has no scope for, has one here: `blocks.0.ffn.router`.
fn scope_of<'a>(site: &'a Recorded, scopes: &BTreeMap<&str, bool>) -> &'a str {
    let scope = parent(site.path());
    let is_norm = scopes.get(scope).is_some_and(|is_norm| *is_norm);
    let Some(layer) = site.place.scope.layer_prefix().filter(|_| is_norm) else {
        return scope;
    };
    let mut outer = iter::successors(Some(parent(scope)), |scope| Some(parent(scope)))
        .take_while(|outer| *outer != layer && lies_in(outer, layer));
    outer.find(|outer| scopes.contains_key(outer)).unwrap_or(scope)
}

fn station(sites: &[&Recorded], site: &Recorded, path: &str, holding: Holding) -> Station {
    let kind = match site.role() {
        Role::Residual(_) => StationKind::Sum,
        _ => StationKind::of(sites, path),
    };
    let is_layer = site.place.scope.layer_prefix() == Some(path);
    let name = match kind {
        StationKind::Sum => "+",
        StationKind::Embedding { has_positions: true } => "embed+pos",
        StationKind::Embedding { has_positions: false } => "embed",
        // A layer that is one station is that of a recurrent model.
        _ if is_layer => "hidden",
        _ => last_name(path),
    };
    Station { path: path.to_owned(), holding, name: name.to_owned(), kind }
}

/// The stacks of layers among sites. Each shows layer `layer`, or its first if the inside of that one is not there.
fn stacks(sites: &[&Recorded], layer: usize) -> BTreeMap<String, LayerStack> {
    let mut stacks = BTreeMap::<String, LayerStack>::new();
    for site in sites {
        let scope = &site.place.scope;
        let (Some(name), Some(index)) = (scope.stack(), scope.layer_index()) else { continue };
        let new = || LayerStack { name: name.to_owned(), layer: 0, n_layers: 0 };
        let stack = stacks.entry(name.to_owned()).or_insert_with(new);
        stack.n_layers = stack.n_layers.max(index + 1);
        if index == layer && scope.layer_prefix() != Some(scope.prefix()) {
            stack.layer = layer;
        }
    }
    stacks
}

fn stack_of<'a>(
    site: &Recorded,
    stacks: &'a BTreeMap<String, LayerStack>,
) -> Option<&'a LayerStack> {
    stacks.get(site.place.scope.stack()?)
}
