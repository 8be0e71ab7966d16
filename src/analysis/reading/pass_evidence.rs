//! Evidence about passes that the screen shows, computed once for each reading: attribution, words that counted, patched
//! values.

mod before;
mod counted;

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, OnceLock},
};

pub use before::{EvidenceBefore, NextWordInBoth};
use counted::Counted;
pub use counted::Counting;

use super::{Patched, QuestionAsked, Reading, wishes::Slow};
use crate::{
    analysis::evidence::{
        EvidenceQuestion, LogitRows, RowsOf, Run,
        attribution::Attribution,
        flow::{Flow, NoFlow, Threshold},
        promotion::{HeadOrUnit, PartPiece, promotions, strongest},
        score::{Score, WordAtRow},
    },
    engine::{
        arithmetic::Arithmetic,
        site::{Address, Stream},
    },
    model::{ModelName, layer::attention::HeadSizes},
    text::{Token, words},
    weights::memory,
};

/// The words that a piece of a part promotes, strongest first.
pub struct PromotedWords {
    pub piece: HeadOrUnit,
    pub words: Vec<String>,
}

/// A hidden unit of a feed-forward.
pub struct UnitOfPart {
    /// The part of the attribution, and the unit in it.
    pub part: usize,
    pub unit: usize,
    /// The words that it promotes, strongest first; none where the model does not say.
    pub words: Vec<String>,
}

/// Evidence about one model's pass. What takes longer arrives later.
pub struct PassEvidence {
    /// The words asked about, or classes.
    pub word: String,
    pub against: String,
    /// The text's last words before them; the word that they stand at, where a model sees those after it too; empty for
    /// classes of the whole text.
    pub asked_at: String,
    pub rows_of: RowsOf,
    /// The tokens that the model read.
    pub source: Vec<Token>,
    pub target: Vec<Token>,
    /// The tokens of each word that the model read.
    pub words: Vec<Range<usize>>,
    /// None for a model without a residual stream.
    pub attribution: Option<Attribution>,
    /// By part of the attribution: its strongest piece, and the words that this promotes.
    pub promoted: Vec<Option<PromotedWords>>,
    /// The hidden units that add or take most, of all parts, the strongest first.
    pub units: Vec<UnitOfPart>,
    /// What every row of the stream that is written from is made of, and of a translator then those of the source; none
    /// for a model without one, and for a long text.
    flows: Vec<KnownFlow>,
    no_flow: Option<NoFlow>,
    question: EvidenceQuestion,
    stream_row: usize,
    /// The rows of the logits, and that which is asked about.
    rows: LogitRows,
    logits: Vec<f32>,
    /// The text that the decoder was given instead of its own output.
    forced: Option<Vec<u32>>,
    before: OnceLock<Result<EvidenceBefore, &'static str>>,
    /// The words of the whole output, and the rows that say them.
    output: Vec<WordAtRow>,
    counted: Counted,
    counted_for_output: Counted,
    patched: OnceLock<Option<Arc<Patched>>>,
}

/// A flow, with the threshold at which the route from each row begins.
struct KnownFlow {
    flow: Flow,
    thresholds: Vec<Threshold>,
}

impl PassEvidence {
    /// The row of the logits that is asked about.
    pub const fn row(&self) -> usize {
        self.question.row
    }

    /// The row of the stream that it is made from.
    pub const fn stream_row(&self) -> usize {
        self.stream_row
    }

    /// The tokens of a stream.
    pub fn tokens(&self, stream: Stream) -> &[Token] {
        stream.of(&self.source, &self.target)
    }

    /// What every row of a stream is made of.
    pub fn flow_of(&self, stream: Stream) -> Option<&Flow> {
        Some(&self.known_flow(stream)?.flow)
    }

    fn known_flow(&self, stream: Stream) -> Option<&KnownFlow> {
        self.flows.iter().find(|known| known.flow.stream == stream)
    }

    /// The attention that a what-if gave something that its heads did not take from words, where there is no flow for
    /// that.
    pub fn replaced_in_flow(&self) -> Option<&str> {
        match self.no_flow.as_ref()? {
            NoFlow::Replaced(scope) => Some(scope),
            NoFlow::OfModel => None,
        }
    }

    /// The threshold at which the route from a row of a stream begins.
    pub fn threshold_of(&self, stream: Stream, row: usize) -> Option<Threshold> {
        self.known_flow(stream)?.thresholds.get(row).copied()
    }

    /// What an address of a flow names, or of one of its shares.
    pub fn open_flow(&self, address: &Address) -> Option<Arithmetic> {
        self.flows.iter().find_map(|known| known.flow.open_address(address))
    }

    /// The maps of patched values, whose cells arrive one by one; None until they begin, and without another sentence.
    pub fn patched(&self) -> Option<&Patched> {
        self.patched.get()?.as_deref()
    }

    /// Whether it is known if there are maps.
    pub fn is_patching_known(&self) -> bool {
        self.patched.get().is_some()
    }
}

/// The evidence by model; a model for which it would take too long has none.
pub type EvidenceByModel = BTreeMap<ModelName, Arc<PassEvidence>>;

/// Words, and one to put in place of each that turns the pronoun: one token, so that the places of both sentences agree.
const TURNED: [[&str; 2]; 4] =
    [["tired", "wide"], ["wide", "tired"], ["hot", "tired"], ["thirsty", "hot"]];

/// The two sentences that differ in one word, which decides whether the pronoun is `il` or `elle`.
pub const STAR_PAIR: [&str; 2] = [
    "The animal didn't cross the street because it was too tired.",
    "The animal didn't cross the street because it was too wide.",
];

/// The models whose evidence is shown.
const SHOWN: [ModelName; 3] =
    [ModelName::Transformer, ModelName::DecoderOnly, ModelName::Checkpoint];

/// The words that a piece is said to promote.
const N_PROMOTED: usize = 3;

/// The units that are listed, and those of them of which it is said what they promote.
const N_UNITS: usize = 40;
const N_PROMOTING: usize = 12;

/// The work that a screen may wait for in the background: of a pass with everything kept, and of many passes.
const MOST_OF_RUN: usize = 100_000_000_000;
const MOST_OF_MANY: usize = 400_000_000_000;

/// A token's work in a recurrent model, which reports no sizes: its steps are recorded one by one.
const WORK_OF_RNN: usize = 8_000_000;

/// The same of the flow, whose operations are not matrix products.
const MOST_OF_FLOW: usize = 6_000_000_000;
/// The most bytes of a pass with everything kept that is run without being asked for.
const MOST_BYTES: u64 = 1 << 30;

/// The passes, forwards and backwards, that integrated gradients take, roughly.
const N_OF_SALIENCY: usize = 200;

/// What a patched pass takes of a whole one, on the average.
const PART_OF_PASS: f32 = 0.6;

/// The words that a row of the logits is about: see [`PassEvidence::asked_at`].
fn asked_at(run: &Run, read: &[Token], row: usize) -> String {
    let n_words = match run.rows_of {
        RowsOf::Output | RowsOf::NextWords => 3,
        RowsOf::Words => 1,
        RowsOf::Text => 0,
    };
    let read = &read[..=row.min(read.len().saturating_sub(1))];
    let last = read[read.len().saturating_sub(n_words)..].iter().map(|token| token.text.as_str());
    last.collect::<Vec<_>>().join(" ")
}

impl Reading {
    /// The evidence about all passes, computed at the first call, in tenths of a second for the built-in models.
    pub fn pass_evidence(&self) -> &EvidenceByModel {
        self.courses();
        let all = self.first_pass_evidence();
        for (name, found) in all {
            self.find_before(*name, found);
            self.find_counts_of_both(*name, found, false, || true);
            if let Some(patched) = self.find_patched(*name, found).filter(|_| self.is_soon(*name)) {
                patched.complete();
            }
        }
        all
    }

    /// The evidence that takes one pass; what takes many is filled in later by [`Self::find_more`].
    pub fn first_pass_evidence(&self) -> &EvidenceByModel {
        self.pass_evidence.get_or_init(|| {
            let names = SHOWN.into_iter().filter(|&name| self.has(name));
            names.filter_map(|name| Some((name, Arc::new(self.find(name)?)))).collect()
        })
    }

    /// Fills in what takes many passes, and begins with the maps of patched values where they take seconds at most;
    /// `on_progress` is called whenever something is new, and says whether to go on. Returns whether it went on to the end.
    pub fn find_more(&self, mut on_progress: impl FnMut() -> bool) -> bool {
        self.first_pass_evidence();
        if !on_progress() {
            return false;
        }
        for (name, found) in self.first_pass_evidence() {
            self.find_before(*name, found);
            if !on_progress() {
                return false;
            }
            let patched = self.find_patched(*name, found);
            if !on_progress() {
                return false;
            }
            if let Some(patched) = patched.filter(|_| self.is_soon(*name)) {
                patched.work(&mut on_progress);
                if !on_progress() {
                    return false;
                }
            }
            self.find_counts_of_both(*name, found, false, &mut on_progress);
            if !on_progress() {
                return false;
            }
        }
        true
    }

    /// Goes on with the maps of patched values that are not complete, whatever time they take.
    pub fn patch_on(&self, mut on_progress: impl FnMut() -> bool) {
        for (name, found) in self.first_pass_evidence() {
            if let Some(patched) = self.find_patched(*name, found) {
                patched.work(&mut on_progress);
            }
        }
    }

    /// Asks the thread that computes the maps of a model's patched values to stop.
    pub fn stop_patching(&self, name: ModelName) {
        if let Some(patched) = self.pass_evidence.get().and_then(|all| all.get(&name)?.patched()) {
            patched.stop();
        }
    }

    /// The evidence if it has been computed, or if this reading waits for it; else None, for the screen never waits,
    /// and it is asked for.
    pub fn known_pass_evidence(&self) -> Option<&EvidenceByModel> {
        if self.waits {
            return Some(self.pass_evidence());
        }
        self.wishes.ask(Slow::PassEvidence);
        self.pass_evidence.get()
    }

    fn work(&self, name: ModelName) -> usize {
        let n = self.sentence.tokens.len();
        self.sizes(name).map_or(n * WORK_OF_RNN, |sizes| sizes.work(n))
    }

    /// Whether the maps of patched values are complete within seconds.
    fn is_soon(&self, name: ModelName) -> bool {
        let Some(patched) = self.pass_evidence.get().and_then(|all| all.get(&name)?.patched())
        else {
            return false;
        };
        let passes = patched.progress().1 as f32 * PART_OF_PASS;
        self.work(name) as f32 * passes <= MOST_OF_MANY as f32
    }

    /// Whether a pass with everything kept is run without being asked for.
    fn may_run(&self, name: ModelName) -> bool {
        let has_room = || {
            let bytes = self.run_bytes(name).filter(|_| name == ModelName::Checkpoint);
            bytes.is_none_or(|bytes| {
                bytes <= MOST_BYTES && memory::check(bytes.saturating_mul(3), false).is_ok()
            })
        };
        self.work(name) <= MOST_OF_RUN && has_room()
    }

    fn find(&self, name: ModelName) -> Option<PassEvidence> {
        if !self.may_run(name) {
            return None;
        }
        let run = self.run(name, None).ok()?;
        let question = self.question(&run, &QuestionAsked::default()).ok()?;
        let (flows, no_flow) = self.find_flows(name, &run);
        Some(PassEvidence { flows, no_flow, ..self.find_about(name, &run, question) })
    }

    /// What a run says about a question, but for its flows.
    fn find_about(&self, name: ModelName, run: &Run, question: EvidenceQuestion) -> PassEvidence {
        let tokens = |ids: &[u32]| self.tokenizer.tokens(ids);
        let (source, target) = (tokens(&run.pass.source), tokens(&run.pass.target));
        let [word, against] = [question.word, question.against].map(|id| self.answer(run, id));
        let attribution = self.attribution(run, &question).ok();
        let promoted = attribution.as_ref().map(|a| self.promoted(name, run, a, question.row));
        let units = attribution.as_ref().map(|a| self.units(name, run, a, question.row));
        let read = if target.is_empty() { &source } else { &target };
        PassEvidence {
            asked_at: asked_at(run, read, question.row),
            rows_of: run.rows_of,
            promoted: promoted.unwrap_or_default(),
            units: units.unwrap_or_default(),
            flows: vec![],
            no_flow: None,
            stream_row: run.stream_row(question.row),
            rows: run.rows(),
            logits: run.logits_of_row(question.row).unwrap_or_default(),
            forced: None,
            before: OnceLock::new(),
            attribution,
            word,
            against,
            words: words::words(&source),
            source,
            target,
            question,
            output: Score::words_of_output(run),
            counted: Counted::default(),
            counted_for_output: Counted::default(),
            patched: OnceLock::new(),
        }
    }

    /// The flows that there are, and why another is missing.
    fn find_flows(&self, name: ModelName, run: &Run) -> (Vec<KnownFlow>, Option<NoFlow>) {
        let Some(sizes) = self.sizes(name) else { return (vec![], None) };
        let streams: &[Stream] =
            if run.reads_only() { &[Stream::Source] } else { &[Stream::Target, Stream::Source] };
        let n_rows = run.n_rows().max(run.pass.source.len());
        let HeadSizes { n_heads, d_model, .. } = sizes.heads;
        let products = Flow::products(sizes.n_layers, n_heads, d_model, n_rows);
        let mut no_flow = None;
        let streams = streams.iter().filter(|_| products <= MOST_OF_FLOW);
        let flows = streams.filter_map(|&stream| match Flow::new(run, stream) {
            Ok(flow) => Some(KnownFlow { thresholds: flow.thresholds(), flow }),
            Err(why) => {
                no_flow = Some(why);
                None
            }
        });
        (flows.collect(), no_flow)
    }

    /// The strongest piece of each part, and the words that it promotes.
    fn promoted(
        &self,
        name: ModelName,
        run: &Run,
        attribution: &Attribution,
        row: usize,
    ) -> Vec<Option<PromotedWords>> {
        let Some(model) = self.model(name) else { return vec![] };
        let pieces: Vec<_> = attribution.parts.iter().map(strongest).collect();
        let known = attribution.parts.iter().zip(&pieces);
        let known: Vec<_> =
            known.filter_map(|(part, piece)| Some(PartPiece { part, of: (*piece)? })).collect();
        let mut found = promotions(model, run, &known, row, N_PROMOTED).into_iter();
        let words = |piece: &Option<HeadOrUnit>| {
            (*piece)?;
            let promotion = found.next()??;
            let words = promotion.words.iter().map(|(id, _)| self.tokenizer.token(*id).text);
            Some(PromotedWords { piece: promotion.piece, words: words.collect() })
        };
        pieces.iter().map(words).collect()
    }

    /// The hidden units that add or take most, and the words that they promote.
    fn units(
        &self,
        name: ModelName,
        run: &Run,
        attribution: &Attribution,
        row: usize,
    ) -> Vec<UnitOfPart> {
        let parts = &attribution.parts;
        let units = parts.iter().enumerate().flat_map(|(part, of)| {
            let numbered = of.units.iter().enumerate().filter(|(_, amount)| **amount != 0.0);
            numbered.map(move |(unit, amount)| (part, unit, amount.abs()))
        });
        let mut units: Vec<_> = units.collect();
        units.sort_by(|a, b| b.2.total_cmp(&a.2));
        units.truncate(N_UNITS);
        let piece = |&(part, unit, _): &(usize, usize, f32)| PartPiece {
            part: &parts[part],
            of: HeadOrUnit::Unit(unit),
        };
        let pieces: Vec<PartPiece> = units.iter().take(N_PROMOTING).map(piece).collect();
        let promoted = self.model(name).map(|m| promotions(m, run, &pieces, row, N_PROMOTED));
        let mut promoted = promoted.unwrap_or_default().into_iter();
        let named = |(part, unit, _): (usize, usize, f32)| {
            let ids = promoted.next().flatten().map_or_else(Vec::new, |promotion| promotion.words);
            let words = ids.iter().map(|(id, _)| self.tokenizer.token(*id).text).collect();
            UnitOfPart { part, unit, words }
        };
        units.into_iter().map(named).collect()
    }

    fn find_patched<'a>(
        &self,
        name: ModelName,
        found: &'a PassEvidence,
    ) -> Option<&'a Arc<Patched>> {
        found.patched.get_or_init(|| self.patched(name).map(Arc::new)).as_ref()
    }

    /// The sentence with the word that turns its pronoun; of the built-in models the star pair's second, if it has
    /// none.
    pub fn counterpart(&self) -> Option<String> {
        let is_built_in = self.card.is_none();
        self.with_other_word().or_else(|| is_built_in.then(|| STAR_PAIR[1].to_owned()))
    }

    fn with_other_word(&self) -> Option<String> {
        TURNED.iter().find_map(|[from, to]| with_word_replaced(self.first_text(), from, to))
    }

    /// The text of this sentence as it is read, or of the first of two.
    fn first_text(&self) -> &str {
        match (self.changes.against(), &self.plain) {
            (Some(_), Some(first)) => first.sentence.read_text(),
            _ => self.sentence.read_text(),
        }
    }

    /// The two sentences that are patched, as far as can be said before: this one and that set beside it, or its
    /// counterpart, or the star pair.
    pub fn patched_pair(&self) -> Option<[String; 2]> {
        if let Some(other) = self.changes.against() {
            return Some([self.first_text().to_owned(), other.to_owned()]);
        }
        let own = self.sentence.read_text().to_owned();
        let stars = || self.card.is_none().then(|| STAR_PAIR.map(str::to_owned));
        self.with_other_word().map(|other| [own, other]).or_else(stars)
    }

    /// The patching of the pair; of the star pair where its own sentence and its counterpart say nothing.
    fn patched(&self, name: ModelName) -> Option<Patched> {
        let patched = self.patched_pair().and_then(|pair| self.patched_with(name, pair));
        let is_own = self.changes.against().is_some() || name == ModelName::Checkpoint;
        let stars = || self.patched_with(name, STAR_PAIR.map(str::to_owned));
        patched.or_else(|| if is_own { None } else { stars() })
    }

    fn patched_with(&self, name: ModelName, sentences: [String; 2]) -> Option<Patched> {
        let [a, b] = [&sentences[0], &sentences[1]].map(|text| self.sentence_of(text).ok());
        let patching = self.patching_of(name, &a?, &b?, &QuestionAsked::default()).ok()?;
        let EvidenceQuestion { word, against, .. } = patching.question;
        let [word, against] = [word, against].map(|id| self.answer(&patching.a, id));
        let tokens = |ids: &[u32]| self.tokenizer.tokens(ids);
        let (source, target) = (tokens(&patching.b.pass.source), tokens(&patching.b.pass.target));
        Some(Patched::new(patching, sentences, word, against, source, target))
    }
}

/// A text with another word in place of one that it has once.
fn with_word_replaced(text: &str, from: &str, to: &str) -> Option<String> {
    let is_outside = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let is_word = |(at, _): &(usize, &str)| {
        is_outside(text[..*at].chars().next_back())
            && is_outside(text[at + from.len()..].chars().next())
    };
    let mut found = text.match_indices(from).filter(is_word);
    let (at, _) = found.next().filter(|_| found.next().is_none())?;
    Some([&text[..at], to, &text[at + from.len()..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_replaced_where_it_stands_once_as_a_word() {
        let replaced = |text| with_word_replaced(text, "hot", "tired");
        assert_eq!(replaced("Too hot.").as_deref(), Some("Too tired."));
        assert_eq!(replaced("The hotel was hot").as_deref(), Some("The hotel was tired"));
        assert_eq!(replaced("A photo of a hotel."), None);
        assert_eq!(replaced("hot, hot"), None);
    }
}
