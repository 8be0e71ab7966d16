//! The addresses of numbers: sites, their axes, and addresses such as `encoder.0.self_attn.weights[2,7,1]`.
//!
//! A [`Site`] names a value of a model. A [`Scope`] is the part of the model that records it (`encoder.0.self_attn`).
//! Together they make a [`Place`], the name that traces, panes, exports and tests use.

use std::{fmt, ptr, str::FromStr, sync::Arc};

use crate::{
    engine::value::Cell,
    text::{refusal, visible::shown},
};

/// The sequence of tokens that an axis indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// The input sentence.
    Source,
    /// The decoder's input: `<bos>`, then its own output.
    Target,
}

impl Stream {
    /// What belongs to this stream.
    pub fn of<T>(self, source: T, target: T) -> T {
        match self {
            Self::Source => source,
            Self::Target => target,
        }
    }
}

/// What an axis of a site indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Axis {
    /// Length 1: the plane axis of a plain matrix, the column of a mean.
    Single,
    Head,
    /// Heads that share something: B and C of a state space.
    Group,
    /// Positions of the scope's own stream.
    Position,
    /// Positions of the scope's own stream, as queries.
    Query,
    /// Positions of the attended stream.
    Key,
    /// Components of a vector of size d_model (or a slice of it).
    Channel,
    /// Components of a hidden state or a hidden layer.
    Unit,
    /// Tokens of the vocabulary.
    Vocab,
    /// The distances of two tokens that occur in the text, in the rows of their table.
    Distance,
    /// The experts of a mixture.
    Expert,
    /// The experts that a token goes through, the weightiest first.
    Choice,
    /// The classes that a text, or a token, is sorted into.
    Class,
    /// Rows of a weight matrix.
    In,
    /// Columns of a weight matrix.
    Out,
}

impl Axis {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "-",
            Self::Head => "head",
            Self::Group => "group",
            Self::Position => "position",
            Self::Query => "query",
            Self::Key => "key",
            Self::Channel => "channel",
            Self::Unit => "unit",
            Self::Vocab => "vocab",
            Self::Distance => "distance",
            Self::Expert => "expert",
            Self::Choice => "choice",
            Self::Class => "class",
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// What a site's numbers are in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A step of the computation without another role.
    Intermediate,
    /// Each token's row of the embedding table.
    Embedding,
    /// Encodings of positions that are added to the embedding.
    AddedPositions,
    /// Embeddings of token types that are added to the embedding.
    AddedTypes,
    /// Encodings of positions that rotate or bias, or what they rotate or bias.
    Positions,
    /// What the first layer reads: where a residual stream begins.
    StreamInput,
    /// The variance or the mean square that a norm divides by the root of.
    NormScale,
    /// Scores divided by the root of d_k.
    ScaledScores,
    /// Scores, minus infinity where a query may not look.
    MaskedScores,
    /// Attention weights: each row sums to 1, or to less where a sink takes a share.
    AttentionWeights,
    /// The share of each row of attention that goes to the head's sink, which no key gets.
    SinkShares,
    /// The weighted sum of values, a plane for each head.
    HeadContext,
    /// The hidden units of a feed-forward sub-layer.
    FeedForwardHidden,
    /// A router's score of every expert.
    RouterLogits,
    /// A router's probability of every expert: each row sums to 1; or its affinity, between 0 and 1.
    RouterProbabilities,
    /// What experts are chosen by, where that is not their score alone.
    RouterChoice,
    /// The weight of every expert: 0 where it is not chosen.
    RouterWeights,
    /// What a sub-layer adds to the residual stream.
    SubLayerOutput,
    /// The residual stream at the input of a layer.
    LayerInput,
    /// The residual stream after the output of a sub-layer was added to it.
    Residual(SubLayer),
    /// The residual stream times a number that its layer has learned.
    ScaledStream,
    /// The residual stream after a norm (post-norm models).
    NormedStream,
    /// The norm after the last layer of a pre-norm model.
    LastNorm,
    /// A state that each word keeps a share of and adds to: a plane for each head.
    State,
    /// What is read in such a state, a plane for each head.
    StateOutput,
    /// What a short convolution lets through.
    Convolved,
    /// A layer's own embedding of each token.
    LayerEmbedding,
    /// A recurrent cell's hidden state, from -1 to 1.
    HiddenState,
    /// Numbers after tanh, from -1 to 1.
    Tanh,
    /// A gate, from 0 to 1.
    Gate,
    /// A score for each token of the vocabulary.
    Logits,
    /// The scores before a soft cap bends them.
    UncappedLogits,
    /// A score for each class of the text, or of each token.
    ClassLogits,
    /// Probabilities of tokens: each row sums to 1.
    Probabilities,
}

/// The sub-layers of a Transformer layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubLayer {
    /// The self-attention of a decoder-only model.
    Attention,
    SelfAttention,
    CrossAttention,
    FeedForward,
    /// A state space in place of attention.
    StateSpace,
    /// A gated delta net in place of attention.
    DeltaNet,
    /// A short convolution in place of attention.
    Convolution,
    /// A layer's own embedding of each token, added through a gate.
    LayerEmbedding,
    /// Attention and feed-forward, which read the same stream and are added at once.
    Both,
}

/// A row of a model's table of sites.
#[derive(Debug, PartialEq, Eq)]
pub struct Site {
    pub name: &'static str,
    pub role: Role,
    /// What planes, rows and columns count.
    pub axes: [Axis; 3],
    /// A one-line description.
    pub caption: &'static str,
    /// What formulas call it.
    pub symbols: &'static [&'static str],
}

impl Site {
    /// A site whose value is one matrix.
    pub const fn matrix(name: &'static str, axes: [Axis; 2], caption: &'static str) -> Self {
        Self::planes(name, [Axis::Single, axes[0], axes[1]], caption)
    }

    /// A site with one plane per head (or output step).
    pub const fn planes(name: &'static str, axes: [Axis; 3], caption: &'static str) -> Self {
        Self { name, role: Role::Intermediate, axes, caption, symbols: &[] }
    }

    /// The same site with a role.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// The same site with its symbols in formulas.
    #[must_use]
    pub const fn called(self, symbols: &'static [&'static str]) -> Self {
        Self { symbols, ..self }
    }
}

/// Weights are sites too, so that arithmetic can be opened down to them.
pub static WEIGHT: Site = Site::matrix("", [Axis::In, Axis::Out], "learned in training");

/// What files hold beside weights: transformers' buffers.
static CONSTANT: Site =
    Site::matrix("", [Axis::In, Axis::Out], "a constant of the model, which no training changes");

/// A part of a model, with the streams that its axes index.
#[derive(Clone, Debug)]
pub struct Scope {
    prefix: Arc<str>,
    layer: Option<LayerScope>,
    rows: Stream,
    keys: Stream,
}

/// The layer that a scope is, or lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LayerScope {
    /// Counted from 0.
    index: u32,
    /// The bytes of the layer's own prefix.
    length: u32,
}

impl Scope {
    pub fn new(prefix: impl Into<String>, rows: Stream, keys: Stream) -> Self {
        let prefix = Arc::from(prefix.into());
        Self { prefix, layer: None, rows, keys }
    }

    /// Layer `index` of this stack of layers: `encoder.0` of `encoder`.
    #[must_use]
    pub fn layer(&self, index: usize) -> Self {
        let prefix: Arc<str> = path_in(&self.prefix, &index.to_string()).into();
        let layer = Some(LayerScope { index: index as u32, length: prefix.len() as u32 });
        Self { prefix, layer, rows: self.rows, keys: self.keys }
    }

    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self { prefix: path_in(&self.prefix, name).into(), ..self.clone() }
    }

    /// The same scope attending to another stream, for cross-attention.
    #[must_use]
    pub fn over(&self, keys: Stream) -> Self {
        Self { keys, ..self.clone() }
    }

    pub fn at(&self, site: &'static Site) -> Place {
        Place {
            path: path_in(&self.prefix, site.name),
            site,
            role: site.role,
            scope: self.clone(),
            origin: Cell::default(),
        }
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Its own name: `self_attn` of `encoder.0.self_attn`.
    pub fn name(&self) -> &str {
        last_name(&self.prefix)
    }

    /// The number of the layer that this scope is or lies in, from 0.
    pub fn layer_index(&self) -> Option<usize> {
        self.layer.map(|layer| layer.index as usize)
    }

    /// The prefix of that layer: `encoder.0` of `encoder.0.self_attn`.
    pub fn layer_prefix(&self) -> Option<&str> {
        self.layer.map(|layer| &self.prefix[..layer.length as usize])
    }

    /// The prefix of the stack of layers that this scope lies in: `encoder` of `encoder.0.self_attn`.
    pub fn stack(&self) -> Option<&str> {
        let (stack, _) = self.layer_prefix()?.rsplit_once('.')?;
        Some(stack)
    }

    /// The pattern of a path in the layer that this scope is or lies in; None outside layers, and of another path.
    pub fn pattern_of(&self, path: &str) -> Option<String> {
        let layer = self.layer_prefix().filter(|layer| lies_in(path, layer))?;
        Some(format!("{}.{LAYER}{}", self.stack()?, &path[layer.len()..]))
    }

    /// The stream that rows count.
    pub const fn rows(&self) -> Stream {
        self.rows
    }

    /// The stream that is looked at.
    pub const fn keys(&self) -> Stream {
        self.keys
    }

    /// The name of a weight in this scope, in the checkpoint and on the tape.
    pub fn weight(&self, name: &str) -> String {
        path_in(&self.prefix, name)
    }
}

/// Whether a path is `scope` or inside it; every path is inside the empty scope.
pub fn lies_in(path: &str, scope: &str) -> bool {
    let rest = path.strip_prefix(scope);
    scope.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What stands for the number of the layer in a pattern of paths: `encoder.{layer}.self_attn.scores`.
const LAYER: &str = "{layer}";

/// Whether a pattern names a site of every layer.
pub fn is_layered(pattern: &str) -> bool {
    pattern.contains(LAYER)
}

/// The stack whose layers a pattern counts: `encoder` of `encoder.{layer}.self_attn.scores`.
pub fn stack_of(pattern: &str) -> Option<&str> {
    pattern.split_once(LAYER)?.0.strip_suffix('.')
}

/// The path of a pattern in a layer.
pub fn in_layer(pattern: &str, layer: usize) -> String {
    pattern.replace(LAYER, &layer.to_string())
}

/// The path of a name in a scope; in the empty scope, the name alone.
pub fn path_in(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// The last name of a path: `scores` of `encoder.0.self_attn.scores`.
pub fn last_name(path: &str) -> &str {
    path_ends(path).next().unwrap_or(path)
}

/// Longer and longer ends of a path: `scores`, `self_attn.scores` and so on, up to the whole of it.
pub fn path_ends(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('.').map(|(at, _)| &path[at + 1..]).chain([path])
}

/// A path without its last name: `encoder.0.self_attn` of `encoder.0.self_attn.scores`; empty if it has one name.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// A site's full path, its axes, and the origin of the recorded part.
///
/// A recurrent model records a site row by row: the part of step `t` has its origin at row `t`.
#[derive(Clone, Debug)]
pub struct Place {
    pub path: String,
    pub site: &'static Site,
    /// The site's own, or what it is in this model.
    pub role: Role,
    pub scope: Scope,
    pub origin: Cell,
}

impl Place {
    pub fn weight(path: impl Into<String>) -> Self {
        let path: String = path.into();
        let scope = Scope::new(parent(&path), Stream::Source, Stream::Source);
        Self { path, site: &WEIGHT, role: WEIGHT.role, scope, origin: Cell::default() }
    }

    /// The same place of numbers that are not learned.
    #[must_use]
    pub fn constant(self) -> Self {
        Self { site: &CONSTANT, ..self }
    }

    /// Whether it holds values of this site.
    pub fn is_of(&self, site: &'static Site) -> bool {
        ptr::eq(self.site, site)
    }

    /// Whether it holds numbers that were learned in training.
    pub fn is_weight(&self) -> bool {
        self.is_of(&WEIGHT)
    }

    /// The same place with a role that depends on the model.
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// The same place with its origin at `row`.
    #[must_use]
    pub fn row(mut self, row: usize) -> Self {
        self.origin.row = row;
        self
    }

    /// The same place with its origin at `plane`.
    #[must_use]
    pub fn plane(mut self, plane: usize) -> Self {
        self.origin.plane = plane;
        self
    }

    /// The pattern of this site's paths in the layers of its stack; None outside layers.
    pub fn pattern(&self) -> Option<String> {
        self.scope.pattern_of(&self.path)
    }

    /// The stream that an axis of this place indexes; None if the axis does not count tokens.
    pub fn stream(&self, axis: Axis) -> Option<Stream> {
        match axis {
            Axis::Position | Axis::Query => Some(self.scope.rows),
            Axis::Key => Some(self.scope.keys),
            _ => None,
        }
    }

    /// The address of a cell, given relative to the part recorded here.
    pub fn address(&self, local: Cell) -> Address {
        let o = self.origin;
        let cell = Cell::new(o.plane + local.plane, o.row + local.row, o.col + local.col);
        Address {
            kind: AddressKind::Value,
            path: self.path.clone(),
            cell,
            has_planes: self.has_planes(),
        }
    }

    pub fn has_planes(&self) -> bool {
        self.site.axes[0] != Axis::Single
    }
}

/// The longest accepted address, in bytes.
const LONGEST_ADDRESS: usize = 1024;

/// What the number at an address is. All kinds but the first are written before the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// A number of the pass itself.
    Value,
    /// The slope of the loss with respect to such a number: `gradient.embed.weight[12,3]`.
    Gradient,
    /// The share of a part in a row of the residual stream: `share.blocks.3.attn.weights[0,2,1]`.
    Share,
    /// All shares of a row of the residual stream after a layer: `flow.blocks.3[2,0]`.
    Flow,
}

impl AddressKind {
    const WRITTEN: [Self; 3] = [Self::Gradient, Self::Share, Self::Flow];

    /// What is written before the path.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Value => "",
            Self::Gradient => "gradient.",
            Self::Share => "share.",
            Self::Flow => "flow.",
        }
    }

    /// The kind of a written name, and the path in it.
    fn split(name: &str) -> (Self, &str) {
        let written = |kind: Self| Some((kind, name.strip_prefix(kind.prefix())?));
        Self::WRITTEN.into_iter().find_map(written).unwrap_or((Self::Value, name))
    }
}

/// The address of one number: `encoder.0.self_attn.weights[2,7,1]`, or `logits[3,17]` for a plain matrix.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    pub kind: AddressKind,
    /// The path of the value, or of what the number is computed from.
    pub path: String,
    pub cell: Cell,
    /// Whether the plane index is written.
    pub has_planes: bool,
}

impl Address {
    /// The path of the site that holds the number; None if it is not a number of the pass itself.
    pub fn site_path(&self) -> Option<&str> {
        (self.kind == AddressKind::Value).then_some(&self.path)
    }

    /// The address without its cell: `gradient.embed.weight`.
    pub fn name(&self) -> String {
        format!("{}{}", self.kind.prefix(), self.path)
    }

    /// The cell as it is written after the name: `[2,7,1]`.
    pub fn indices(&self) -> String {
        let Cell { plane, row, col } = self.cell;
        if self.has_planes { format!("[{plane},{row},{col}]") } else { format!("[{row},{col}]") }
    }

    /// The address without the path before its last part: `weights[2,8,1]`, `gradient.W_1[3,5]`.
    pub fn last_part(&self) -> String {
        Self { path: last_name(&self.path).to_owned(), ..self.clone() }.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name(), self.indices())
    }
}

impl FromStr for Address {
    type Err = anyhow::Error;

    /// Parses `path[row,col]` or `path[plane,row,col]`.
    ///
    /// # Errors
    /// If the text has another form; the message shows the expected one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            refusal!(
                "`{text}` is not an address; write a site and a cell, as in encoder.0.self_attn.weights[2,7,1] or logits[0,12]",
                text = shown(text)
            )
        };
        anyhow::ensure!(
            text.len() <= LONGEST_ADDRESS,
            refusal!(
                "`{text}` has {n} bytes, an address at most {longest}; shorten it",
                text = shown(text),
                n = text.len(),
                longest = LONGEST_ADDRESS
            )
        );
        let (name, rest) = text.trim().split_once('[').ok_or_else(wrong)?;
        let inside = rest.strip_suffix(']').ok_or_else(wrong)?;
        let indices = inside.split(',').map(|n| n.trim().parse::<usize>().ok());
        let indices = indices.collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
        let (cell, has_planes) = match indices[..] {
            [row, col] => (Cell::new(0, row, col), false),
            [plane, row, col] => (Cell::new(plane, row, col), true),
            _ => return Err(wrong().into()),
        };
        let (kind, path) = AddressKind::split(name);
        if path.is_empty() {
            return Err(wrong().into());
        }
        Ok(Self { kind, path: path.to_owned(), cell, has_planes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_holds_what_stands_beneath_it() {
        assert!(lies_in("encoder.1.x", "") && lies_in("encoder.1.x", "encoder.1"));
        assert!(lies_in("encoder.1", "encoder.1") && !lies_in("encoder.10.x", "encoder.1"));
    }

    #[test]
    fn a_path_has_a_pattern_in_its_own_layer_only() {
        let stack = Scope::new("encoder", Stream::Source, Stream::Source);
        let far = stack.layer(1024).child("self_attn");
        let pattern = |scope: &Scope, path| scope.pattern_of(path);
        assert_eq!(
            pattern(&far, "encoder.1024.ffn.W_1").as_deref(),
            Some("encoder.{layer}.ffn.W_1")
        );
        assert_eq!(pattern(&far, "encoder.1024").as_deref(), Some("encoder.{layer}"));
        assert_eq!(pattern(&far, "encoder.10240.x"), None);
        assert_eq!(pattern(&stack, "encoder.0.x"), None);
    }

    #[test]
    fn the_kind_of_an_address_is_written_and_read() {
        let cases = [
            ("logits[3,17]", AddressKind::Value, "logits", "logits[3,17]"),
            ("gradient.a.W_1[3,5]", AddressKind::Gradient, "a.W_1", "gradient.W_1[3,5]"),
            (
                "share.blocks.1.attn.weights[0,2,1]",
                AddressKind::Share,
                "blocks.1.attn.weights",
                "share.weights[0,2,1]",
            ),
            ("flow.blocks.1[3,0]", AddressKind::Flow, "blocks.1", "flow.1[3,0]"),
            ("shared.share[0,0]", AddressKind::Value, "shared.share", "share[0,0]"),
        ];
        for (text, kind, path, last) in cases {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.kind, &*address.path), (kind, path));
            assert_eq!((address.to_string(), address.last_part()), (text.into(), last.into()));
        }
        assert!("gradient.[0,0]".parse::<Address>().is_err());
    }
}
