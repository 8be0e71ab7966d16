//! A finished pass: every value by its site's path, every cell with its arithmetic.
//!
//! A trace is immutable; it holds tokens as text and knows no screen. Of a large pass it holds the boundaries of the
//! blocks, and the insides of the opened ones ([`Trace::opened`]).

mod inside;
mod magnitude;
mod whatif;

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use anyhow::{Result, bail};
use inside::OpenedBlock;
pub use magnitude::Magnitude;
pub use whatif::Counterparts;

use crate::{
    engine::{
        arithmetic::Arithmetic,
        math::{beam::Beams, picture::Downsampled},
        site::{Address, Axis, Place, Role, Site, Stream, in_layer, last_name, path_in},
        tape::{Node, Tape},
        value::{Cell, Shape, Value},
    },
    model::{
        EMBEDDING_TABLE, LOGITS, ModelName, PROBS, Pass,
        layer::attention::{CONTEXT, V, V_NORMALIZED},
    },
    text::{self, EOS, EntryJoin, Token, Tokenizer, refusal},
};

/// The scope of the probes.
const PROBES: &str = "readback.";

/// A site of a finished pass.
pub struct Recorded {
    /// Path, axes and caption; its origin is the site's first cell.
    pub place: Place,
    pub value: Arc<Value>,
    /// Whether its numbers are weights or inputs instead of computed.
    pub is_leaf: bool,
    parts: Vec<Node>,
    /// The computed pictures, by plane.
    pictures: Vec<OnceLock<Downsampled>>,
    magnitudes: Vec<OnceLock<Magnitude>>,
}

/// The most rows and columns of a plane's picture: more than a terminal shows.
const PICTURE: usize = 256;

impl Recorded {
    pub fn path(&self) -> &str {
        &self.place.path
    }

    /// The prefix of its path: `encoder.0.self_attn`; empty at the top of a model.
    pub fn scope(&self) -> &str {
        self.place.scope.prefix()
    }

    pub const fn role(&self) -> Role {
        self.place.role
    }

    pub fn caption(&self) -> &'static str {
        self.place.site.caption
    }

    pub fn axes(&self) -> [Axis; 3] {
        self.place.site.axes
    }

    pub fn shape(&self) -> Shape {
        self.value.shape()
    }

    /// A plane downsampled for the screen, computed once.
    pub fn picture(&self, plane: usize) -> &Downsampled {
        self.pictures[plane].get_or_init(|| Downsampled::of(&self.value.one_plane(plane), PICTURE))
    }

    /// The magnitude of a plane's numbers, computed once.
    pub fn magnitude(&self, plane: usize) -> Magnitude {
        let of = || Magnitude::of(self.value.one_plane(plane).iter().copied());
        *self.magnitudes[plane].get_or_init(of)
    }

    pub fn address(&self, cell: Cell) -> Address {
        self.place.address(cell)
    }
}

/// A path that every layer of a stack has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayeredPath {
    /// `encoder.{layer}.self_attn.scores`
    pub pattern: String,
    pub layer: usize,
}

/// An index of a cell.
pub struct CellIndex {
    pub axis: Axis,
    pub index: usize,
    /// The token that it stands for, or the class.
    pub token: Option<String>,
}

/// Every value of one model's pass over one sentence.
#[derive(Clone)]
pub struct Trace {
    pub model: ModelName,
    /// The source stream's tokens.
    pub source: Vec<Token>,
    /// The target stream's tokens: `<bos>` and the output. Empty for the decoder-only model.
    pub target: Vec<Token>,
    /// The model's output, with `<eos>` if it was reached.
    pub output: Vec<Token>,
    /// The output as text.
    pub output_text: String,
    /// The record of beam search, if the output was found by it.
    pub beams: Option<Beams>,
    /// The rows of the logits that the output was chosen from, if they are not the last ones.
    places: Option<Vec<usize>>,
    record: Arc<Record>,
    /// Blocks whose inside was recomputed, the latest last.
    opened: Vec<Arc<OpenedBlock>>,
    vocab: Arc<[String]>,
    /// Empty for a checkpoint.
    joins: Arc<[EntryJoin]>,
    /// The names of the classes that the model sorts into.
    classes: Arc<[String]>,
}

/// A tape with its sites.
struct Record {
    tape: Tape,
    sites: Vec<Recorded>,
    index: HashMap<String, usize>,
}

impl Record {
    fn new(tape: Tape) -> Self {
        let sites = assemble(&tape);
        let index = sites.iter().enumerate().map(|(i, s)| (s.place.path.clone(), i)).collect();
        Self { tape, sites, index }
    }

    fn site(&self, path: &str) -> Option<&Recorded> {
        self.index.get(path).map(|&i| &self.sites[i])
    }
}

impl Trace {
    pub fn new(model: ModelName, pass: Pass, tokenizer: &Tokenizer) -> Self {
        let tokens = |ids: &[u32]| tokenizer.tokens(ids);
        Self {
            model,
            source: tokens(&pass.source),
            target: tokens(&pass.target),
            output: tokens(&pass.output),
            output_text: tokenizer.decode(&pass.output),
            beams: pass.beams,
            places: None,
            record: Arc::new(Record::new(pass.tape)),
            opened: vec![],
            vocab: tokenizer.vocab(),
            joins: tokenizer.joins(),
            classes: Arc::default(),
        }
    }

    /// The same trace with the rows of the logits that the output was chosen from.
    #[must_use]
    pub fn written_at(self, places: Option<Vec<usize>>) -> Self {
        Self { places, ..self }
    }

    /// The same trace with the names of the model's classes.
    #[must_use]
    pub fn with_classes(self, classes: &[String]) -> Self {
        Self { classes: classes.into(), ..self }
    }

    /// Whether the model fills in masked tokens: each token attends to those after it too.
    pub const fn is_masked_lm(&self) -> bool {
        self.places.is_some()
    }

    /// The rows of the logits that the output's tokens were chosen from: the last ones, or the masked positions. Empty
    /// without logits.
    pub fn output_rows(&self) -> Vec<usize> {
        if let Some(places) = &self.places {
            return places.clone();
        }
        let n = self.logits().map_or(0, |logits| logits.shape().rows);
        (n.saturating_sub(self.output.len())..n).collect()
    }

    /// The path of the first site with NaN or infinity, if the last row of the pass is not finite. Minus infinity
    /// alone is allowed: masked scores have it.
    pub fn not_finite(&self) -> Option<&str> {
        let computed = || self.sites().filter(|site| !site.is_leaf);
        let last = computed().last()?;
        let shape = last.shape();
        let end = last.value.row(shape.planes - 1, shape.rows - 1);
        if end.iter().all(|x| x.is_finite()) {
            return None;
        }
        let is_odd = |x: f32| x.is_nan() || x == f32::INFINITY;
        computed().find(|site| site.value.numbers().any(is_odd)).map(Recorded::path)
    }

    /// The output's token that was chosen from a row of the logits, and its index in the output.
    pub fn output_at(&self, row: usize) -> Option<(usize, &Token)> {
        let i = self.output_rows().iter().position(|&at| at == row)?;
        Some((i, self.output.get(i)?))
    }

    /// All sites in the order of computation, weights where they are first used; of a closed block, its output only.
    pub fn sites(&self) -> impl Iterator<Item = &Recorded> {
        self.record.sites.iter().flat_map(|site| {
            let opened = self.opened_at(site.path()).filter(|opened| opened.is_of(site));
            let inner = opened.into_iter().flat_map(OpenedBlock::own_sites);
            inner.chain(opened.is_none().then_some(site))
        })
    }

    pub fn site(&self, path: &str) -> Option<&Recorded> {
        self.holder(path).map(|(_, site)| site)
    }

    /// The site that holds the number at an address; None if it is not a number of the pass itself.
    pub fn site_at(&self, address: &Address) -> Option<&Recorded> {
        self.site(address.site_path()?)
    }

    /// The path of what a sum of the residual stream adds: `encoder.0.self_attn.out` for `encoder.0.residual1`; where a
    /// closed block ends, as an opened one of its kind says. None for another site, and for a sum of more than two.
    pub fn added(&self, sum: &Recorded) -> Option<String> {
        if !matches!(sum.role(), Role::Residual(_)) {
            return None;
        }
        let Some((_, scope)) = self.closed(sum.path()) else {
            return self.addend(sum.path()).map(|addend| addend.path.clone());
        };
        let twin = self.opened_twin(sum.path(), &sum.place.pattern()?)?;
        Some(in_layer(&self.addend(&twin)?.pattern()?, scope.layer_index()?))
    }

    /// The one value that the sum at this path adds to the stream.
    fn addend(&self, sum: &str) -> Option<&Place> {
        let (tape, site) = self.holder(sum)?;
        let &[addend] = tape.addends(*site.parts.first()?) else { return None };
        Some(&tape.entry(addend).place)
    }

    /// The pattern of a path in the layers of its stack, and its layer; of a weight, or inside a closed block, too. None
    /// outside layers.
    pub fn in_layers(&self, path: &str) -> Option<LayeredPath> {
        self.sites().find_map(|site| {
            let scope = &site.place.scope;
            Some(LayeredPath { pattern: scope.pattern_of(path)?, layer: scope.layer_index()? })
        })
    }

    /// The value of another site in the scope of this one: `weights` beside `encoder.0.self_attn.scores`.
    pub fn beside(&self, site: &Recorded, other: &Site) -> Option<&Recorded> {
        self.site(&path_in(site.scope(), other.name))
    }

    /// The values that the heads of an attention average, beside its weights or context: its own, normalised where it
    /// does so, or those of an earlier layer. (kv head, key, d_v)
    pub fn values_read(&self, site: &Recorded) -> Option<&Recorded> {
        let own = [V_NORMALIZED, V.name].map(|name| path_in(site.scope(), name));
        let own = own.iter().find_map(|path| self.site(path)).filter(|site| !site.is_leaf);
        own.or_else(|| {
            let (tape, context) = self.holder(&path_in(site.scope(), CONTEXT.name))?;
            let values = tape.inputs(*context.parts.first()?).get(1)?;
            self.site(&tape.entry(*values).place.path)
        })
    }

    /// A weight that a site is computed with, by its own name: `W_O` of `encoder.1.self_attn.out`. Layers may share one, under
    /// the name of the first.
    pub fn weight_of(&self, site: &str, name: &str) -> Option<&Value> {
        let (tape, site) = self.holder(site)?;
        let inputs = tape.inputs(*site.parts.first()?);
        let path = |input: &Node| &tape.entry(*input).place.path;
        Some(tape.value(*inputs.iter().find(|input| last_name(path(input)) == name)?))
    }

    /// The embedded tokens of a stream: (position, channel).
    pub fn embedding(&self, stream: Stream) -> Option<&Recorded> {
        self.sites()
            .find(|site| site.role() == Role::Embedding && site.place.scope.rows() == stream)
    }

    /// The logits of the pass: (position, vocab).
    pub fn logits(&self) -> Option<&Recorded> {
        self.site(LOGITS.name)
    }

    /// The probabilities of the tokens: (position, vocab).
    pub fn probs(&self) -> Option<&Recorded> {
        self.site(PROBS.name)
    }

    /// The site at a path, and the tape that holds it; the inside of a block is searched before the pass.
    fn holder(&self, path: &str) -> Option<(&Tape, &Recorded)> {
        let outside = || Some((&self.record.tape, self.record.site(path)?));
        self.inside(path).or_else(outside)
    }

    pub fn value(&self, path: &str) -> Option<&Value> {
        self.site(path).map(|site| &*site.value)
    }

    /// The site at this path.
    ///
    /// # Errors
    /// If there is none; the message suggests the nearest names.
    pub fn find(&self, path: &str) -> Result<&Recorded> {
        if let Some(site) = self.site(path) {
            return Ok(site);
        }
        let near = text::near_clause(path, self.sites().map(Recorded::path), 3);
        bail!(refusal!(
            "{model} has no site `{path}`{near}; `lookback trace --sites '*' --list` names them all",
            model = refusal!(self.model.in_sentence()),
            path = text::shown(path),
            near
        ))
    }

    /// The site and the cell of the address of a value.
    ///
    /// # Errors
    /// If it is another number's, the site is unknown or the cell is outside it; the message says what exists.
    pub fn cell(&self, address: &Address) -> Result<(&Recorded, Cell)> {
        let site = self.find(&address.name())?;
        let (shape, [plane, row, col]) = (site.shape(), site.axes());
        if !shape.holds(address.cell) || (site.place.has_planes() && !address.has_planes) {
            let planes = if site.place.has_planes() {
                format!("{} 0..{}, ", plane.name(), shape.planes)
            } else {
                String::new()
            };
            bail!(refusal!(
                "`{address}` lies outside its site, whose indices are {indices} (the last excluded)",
                address = address.to_string(),
                indices = format!(
                    "[{planes}{} 0..{}, {} 0..{}]",
                    row.name(),
                    shape.rows,
                    col.name(),
                    shape.cols
                )
            ));
        }
        Ok((site, address.cell))
    }

    /// The arithmetic of one cell.
    ///
    /// # Errors
    /// As for [`Self::cell`], or if a probe has no value at this distance.
    pub fn open(&self, address: &Address) -> Result<Arithmetic> {
        let (_, cell) = self.cell(address)?;
        let part = self.holder(&address.path).and_then(|(tape, site)| {
            let (node, local) = part(tape, site, cell)?;
            Some(tape.open(node, local))
        });
        let Some(arithmetic) = part else {
            bail!(refusal!(
                "`{address}` was not computed: the probes reach back 40 words",
                address = address.to_string()
            ));
        };
        Ok(arithmetic)
    }

    /// The tokens of a stream.
    pub fn tokens(&self, stream: Stream) -> &[Token] {
        stream.of(&self.source, &self.target)
    }

    /// The token with this id, as shown.
    pub fn word(&self, token: u32) -> String {
        self.vocab.get(token as usize).cloned().unwrap_or_else(|| token.to_string())
    }

    /// The tokens of a text, as shown in their places.
    pub fn written(&self, ids: &[u32]) -> Vec<String> {
        let before = |i: usize| i.checked_sub(1).map(|i| ids[i]);
        ids.iter().enumerate().map(|(i, &id)| self.word_after(before(i), id as usize)).collect()
    }

    /// The token with this id as it is shown after another one, or at the beginning: a part of a word as `-s`. A `·` for
    /// the space is left only where the token without it is not part of a word: `qu'` may be followed by both `elle` and
    /// `·elle`.
    fn word_after(&self, before: Option<u32>, id: usize) -> String {
        let text = self.word(id as u32);
        let before = before.filter(|before| *before > EOS).map(|before| self.word(before));
        let is_word = |before: &String| before.ends_with(char::is_alphanumeric);
        let may_go_on = before.as_ref().is_none_or(is_word);
        match self.joins.get(id).filter(|_| may_go_on) {
            Some(EntryJoin::GoesOn) => format!("-{text}"),
            Some(EntryJoin::AfterSpace) => text.trim_start_matches('·').to_owned(),
            _ => text,
        }
    }

    /// [`Self::label`] of an index in a row: an entry of the vocabulary as it is shown after the tokens read there.
    pub fn label_in_row(&self, site: &Recorded, axis: Axis, i: usize, row: usize) -> String {
        if axis != Axis::Vocab || site.place.stream(axis).is_some() {
            return self.label(site, axis, i);
        }
        let tokens =
            site.place.stream(site.axes()[1]).map_or(&[][..], |stream| self.tokens(stream));
        // Probes answer which token stood in a row; elsewhere a row says what comes after it.
        let is_answer = site.path().starts_with(PROBES);
        let before = if is_answer { row.checked_sub(1) } else { Some(row) };
        self.word_after(before.and_then(|row| tokens.get(row)).map(|token| token.id), i)
    }

    /// The token at index `i` of a site's axis, or the name of the class; None for an axis that counts other things.
    pub fn token(&self, site: &Recorded, axis: Axis, i: usize) -> Option<&str> {
        match (site.place.stream(axis), axis) {
            (Some(stream), _) => self.tokens(stream).get(i).map(|token| &*token.text),
            (None, Axis::Vocab) => self.vocab.get(i).map(|token| &**token),
            (None, Axis::Class) => self.classes.get(i).map(|class| &**class),
            _ => None,
        }
    }

    /// The label of index `i` of a site's axis: a token, or a number.
    pub fn label(&self, site: &Recorded, axis: Axis, i: usize) -> String {
        self.token(site, axis, i).map_or_else(|| i.to_string(), str::to_owned)
    }

    /// What a cell's indices count: of each axis but single ones, the index and the token there.
    pub fn indices(&self, site: &Recorded, cell: Cell) -> impl Iterator<Item = CellIndex> {
        let axes = site.axes().into_iter().zip([cell.plane, cell.row, cell.col]);
        let counted = axes.filter(|(axis, _)| *axis != Axis::Single);
        counted.map(move |(axis, index)| {
            let has_token = self.token(site, axis, index).is_some();
            let token = has_token.then(|| self.label_in_row(site, axis, index, cell.row));
            CellIndex { axis, index, token }
        })
    }

    /// The token of a row of the embedding table; None for another site.
    pub fn word_of_row(&self, site: &Recorded, row: usize) -> Option<&str> {
        let is_table = site.is_leaf && site.path() == EMBEDDING_TABLE;
        self.vocab.get(row).filter(|_| is_table).map(String::as_str)
    }
}

/// The part of a site that holds a cell, and the cell relative to the part.
fn part(tape: &Tape, site: &Recorded, cell: Cell) -> Option<(Node, Cell)> {
    site.parts.iter().find_map(|&node| {
        let entry = tape.entry(node);
        let local = cell.counted_from(entry.place.origin)?;
        entry.value.shape().holds(local).then_some((node, local))
    })
}

/// The sites, each assembled from its parts; cells that no part covers are NaN.
fn assemble(tape: &Tape) -> Vec<Recorded> {
    let mut order: Vec<Vec<Node>> = vec![];
    let mut index: HashMap<&str, usize> = HashMap::new();
    for node in tape.nodes() {
        let path = tape.entry(node).place.path.as_str();
        let i = *index.entry(path).or_insert_with(|| {
            order.push(vec![]);
            order.len() - 1
        });
        order[i].push(node);
    }
    order.into_iter().map(|parts| recorded(tape, parts)).collect()
}

fn recorded(tape: &Tape, parts: Vec<Node>) -> Recorded {
    let first = tape.entry(parts[0]);
    let mut place = first.place.clone();
    let is_leaf = tape.is_leaf(parts[0]);
    let value = if parts.len() == 1 && place.origin == Cell::default() {
        Arc::clone(&first.value)
    } else {
        Arc::new(join(tape, &parts))
    };
    place.origin = Cell::default();
    let n_planes = value.shape().planes;
    let (pictures, magnitudes) = (vec![OnceLock::new(); n_planes], vec![OnceLock::new(); n_planes]);
    Recorded { place, value, is_leaf, parts, pictures, magnitudes }
}

fn join(tape: &Tape, parts: &[Node]) -> Value {
    let end = |node: &Node| {
        let (o, s) = (tape.entry(*node).place.origin, tape.shape(*node));
        (o.plane + s.planes, o.row + s.rows, o.col + s.cols)
    };
    let ends: Vec<_> = parts.iter().map(end).collect();
    let most = |f: fn(&(usize, usize, usize)) -> usize| ends.iter().map(f).max().unwrap_or(0);
    let shape = Shape { planes: most(|e| e.0), rows: most(|e| e.1), cols: most(|e| e.2) };
    let mut whole = Value::zeros(shape).map(|_| f32::NAN);
    for node in parts {
        whole.put(tape.entry(*node).place.origin, tape.value(*node));
    }
    whole
}
