//! Evidence that the screen shows, computed once for each reading: attribution, words that counted, patched values.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{Asked, Reading};
use crate::{
    analysis::evidence::{
        Question,
        attribution::Attribution,
        patching::{PatchMap, Patching},
        saliency::Saliency,
    },
    model::Name,
    text::Token,
};

/// Evidence about one model's pass.
pub struct Findings {
    /// The words asked about, and the text's last words before them.
    pub word: String,
    pub against: String,
    pub before: String,
    /// The tokens that the model read.
    pub source: Vec<Token>,
    pub target: Vec<Token>,
    /// None for a model without a residual stream.
    pub attribution: Option<Attribution>,
    pub saliency: Option<Saliency>,
    pub patched: Option<Patched>,
}

/// Two sentences, and how much of their difference each value carries.
pub struct Patched {
    /// The sentence that gives values, and the one that gets them.
    pub sentences: [String; 2],
    pub word: String,
    pub against: String,
    /// The difference of logits in both.
    pub ends: [f32; 2],
    pub maps: Vec<PatchMap>,
    /// By map, row by row; None where a word has no counterpart.
    pub shares: Vec<Vec<Vec<Option<f32>>>>,
    /// The tokens of the one that gets values.
    pub source: Vec<Token>,
    pub target: Vec<Token>,
}

impl Patched {
    /// The map that a site is a row of.
    pub fn map_of(&self, site: &str) -> Option<usize> {
        self.maps.iter().position(|map| map.rows.iter().any(|row| row == site))
    }
}

/// By model; a model for which it would take too long has none.
pub type AllFindings = BTreeMap<Name, Findings>;

/// Pairs of words of which one turns the pronoun.
const TURNED: [[&str; 2]; 4] =
    [["tired", "wide"], ["wide", "tired"], ["hot", "thirsty"], ["thirsty", "hot"]];

/// The star pair, for a sentence that has no counterpart.
const STARS: [&str; 2] = [
    "The animal didn't cross the street because it was too tired.",
    "The animal didn't cross the street because it was too wide.",
];

/// The models whose evidence is shown.
const SHOWN: [Name; 3] = [Name::Transformer, Name::DecoderOnly, Name::Checkpoint];

/// The passes that all evidence about a model takes, roughly, for the limit on its time.
const N_PASSES: usize = 400;

impl Reading {
    /// The evidence, with what learning would do; computed at the first call, in tenths of a second.
    pub fn findings(&self) -> &AllFindings {
        self.courses();
        self.findings.get_or_init(|| {
            let names = SHOWN.into_iter().filter(|&name| self.has(name));
            names.filter_map(|name| Some((name, self.find(name)?))).collect()
        })
    }

    /// The evidence if it has been computed, else None; for the screen, which never waits.
    pub fn known_findings(&self) -> Option<&AllFindings> {
        self.findings.get()
    }

    fn find(&self, name: Name) -> Option<Findings> {
        const MOST_PRODUCTS: usize = 400_000_000_000;
        let n = self.sentence.tokens.len();
        let products = self.sizes(name).map_or(0, |sizes| sizes.products(n));
        if products.saturating_mul(N_PASSES) > MOST_PRODUCTS {
            return None;
        }
        let run = self.run(name, None).ok()?;
        let question = self.question(&run, &Asked::default()).ok()?;
        let tokens = |ids: &[u32]| self.tokenizer.tokens(ids);
        let (source, target) = (tokens(&run.pass.source), tokens(&run.pass.target));
        let read = if target.is_empty() { &source } else { &target };
        let read = &read[..=question.row.min(read.len().saturating_sub(1))];
        let last = &read[read.len().saturating_sub(3)..];
        let [word, against] = self.words_of(&question);
        Some(Findings {
            before: last.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" "),
            attribution: self.attribution(&run, &question).ok(),
            saliency: self.saliency(name, &run, &question.score()).ok(),
            patched: self.patched(name),
            word,
            against,
            source,
            target,
        })
    }

    fn words_of(&self, question: &Question) -> [String; 2] {
        [question.word, question.against].map(|id| self.tokenizer.token(id).text)
    }

    /// The patching of the counterpart of this sentence, or of the star pair.
    fn patched(&self, name: Name) -> Option<Patched> {
        let own = self.sentence.read_text().to_owned();
        let turned = TURNED.iter().find_map(|[from, to]| {
            let words: Vec<&str> = own.split(from).collect();
            (words.len() == 2).then(|| words.join(to))
        });
        let of_own = turned.and_then(|other| self.patched_with(name, [own, other]));
        of_own.or_else(|| {
            let stars = STARS.map(str::to_owned);
            (name != Name::Checkpoint).then(|| self.patched_with(name, stars))?
        })
    }

    fn patched_with(&self, name: Name, sentences: [String; 2]) -> Option<Patched> {
        let [a, b] = [&sentences[0], &sentences[1]].map(|text| self.sentence_of(text).ok());
        let patching = self.patching_of(name, &a?, &b?, &Asked::default()).ok()?;
        let cells = patching.cells();
        let all: Vec<Option<f32>> = cells.par_iter().map(|cell| patching.measure(*cell)).collect();
        let mut shares: Vec<Vec<Vec<Option<f32>>>> =
            patching.maps.iter().map(|map| vec![vec![None; map.n_cols]; map.rows.len()]).collect();
        for (cell, share) in cells.iter().zip(all) {
            shares[cell.map][cell.row][cell.col] = share;
        }
        let Patching { b, ends, maps, .. } = &patching;
        let [word, against] = self.words_of(&patching.question);
        let tokens = |ids: &[u32]| self.tokenizer.tokens(ids);
        Some(Patched {
            sentences,
            word,
            against,
            ends: *ends,
            source: tokens(&b.pass.source),
            target: tokens(&b.pass.target),
            maps: maps.clone(),
            shares,
        })
    }
}
