//! Questions about a reading, answered by running its models again with everything kept.

use std::{ops::Range, sync::Arc};

use anyhow::{Context, Result, bail, ensure};

use super::Reading;
use crate::{
    analysis::evidence::{
        EvidenceQuestion, LogitRows, Run, Score,
        attribution::{Attribution, attribution},
        heads::{HeadScores, HeadTexts, TextTwice, head_scores},
        patching::Patching,
        promotion::{PartPiece, Promotion, promotions},
        saliency::{Saliency, saliency},
    },
    engine::{site::Role, tape::Keep},
    model::{Model, ModelName},
    text::{self, Refusal, Sentence, Tokenizer, refusal, words},
};

/// The question that a person asks, of which an [`EvidenceQuestion`] is made; what is left out follows from the reading's
/// changes, and else from the output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuestionAsked {
    /// A word, and one to set it against.
    pub words: Vec<String>,
    /// The place in the output, from 0.
    pub place: Option<usize>,
}

/// Which places of the output there are.
pub(super) fn places(n: usize) -> Refusal {
    match n {
        0 => refusal!("the output is empty, so no place of it can be asked about"),
        1 => refusal!("the output has one place, 0; ask about that"),
        n => {
            let last = n - 1;
            refusal!("the output has {n} places, 0 to {last}; ask about one of them", n, last)
        }
    }
}

/// The class with this name.
///
/// # Errors
/// If there is none; the message lists those that there are.
pub(super) fn class_named(classes: &[String], word: &str) -> Result<u32> {
    let class = classes.iter().position(|class| class.eq_ignore_ascii_case(word.trim()));
    let class = class.ok_or_else(|| {
        refusal!(
            "`{word}` is not a class of the model; its classes are {classes}",
            word = text::shown(word),
            classes = classes.join(", ")
        )
    });
    Ok(class? as u32)
}

impl Reading {
    /// A pass of a model over this sentence with everything kept; a decoder writes its own output, or reads `forced`, or
    /// the target of the changes.
    ///
    /// # Errors
    /// If the reading has no such model.
    pub fn run(&self, name: ModelName, forced: Option<Vec<u32>>) -> Result<Run> {
        let changes = self.changes_of(name);
        let forced = forced.or(self.forced(name)?);
        let run = Run::new(self.asked_model(name)?, &self.sentence.ids(), &changes, forced);
        Ok(run.with_own(&self.sentence.own))
    }

    /// What the changes make a decoder read, or the first sentence's pass.
    fn forced(&self, name: ModelName) -> Result<Option<Vec<u32>>> {
        Ok(self.target(name)?.or_else(|| self.given.get(&name)?.forced.clone()))
    }

    /// What a decoder reads of the text that the changes give it.
    fn target(&self, name: ModelName) -> Result<Option<Vec<u32>>> {
        let Some(text) = self.changes.target() else { return Ok(None) };
        Ok(Some(self.asked_model(name)?.given(self.tokenizer.ids_of_text(text)?)))
    }

    pub(super) fn asked_model(&self, name: ModelName) -> Result<&dyn Model> {
        self.model(name)
            .with_context(|| format!("{} has not read the sentence", name.in_sentence()))
    }

    /// The bytes that a run takes beside the weights; None if unknown.
    pub fn run_bytes(&self, name: ModelName) -> Option<u64> {
        self.model(name)?.pass_bytes(self.sentence.tokens.len(), Keep::All)
    }

    /// The tokens of a word as the screen shows it: with or without the mark of its space, or with that of a part of a
    /// word, which no token has itself.
    ///
    /// # Errors
    /// If it is not a token; the message suggests the nearest.
    pub fn tokens_of_word(&self, word: &str) -> Result<Vec<u32>> {
        // A space before a word is part of its token, one after it is not.
        let word = word.trim_end();
        ensure!(
            !word.is_empty(),
            refusal!("a word is missing; give one, or two with a comma between them")
        );
        if let Some(part) =
            word.strip_prefix('-').and_then(|rest| self.tokenizer.part_of_word(rest))
        {
            return Ok(vec![part]);
        }
        let vocab = self.tokenizer.vocab();
        // A space that is typed is the mark of a space; of the built-in models' tokens none has it.
        let bare = word.trim_start_matches(' ');
        let spaced = format!("·{bare}");
        let is_bare = |known: &str| known == bare && (bare == word || self.card.is_none());
        let found =
            vocab.iter().enumerate().filter(|(_, known)| is_bare(known) || **known == spaced);
        let found: Vec<u32> = found.map(|(id, _)| id as u32).collect();
        ensure!(
            !found.is_empty(),
            refusal!(
                "`{word}` is not a token of the model{near}; a word of several tokens is asked about by one of them, as the walk shows them",
                word = text::shown(word),
                near = text::near_clause(word, vocab.iter().map(String::as_str), 3)
            )
        );
        Ok(found)
    }

    /// The classes of a model that sorts texts or tokens; none of another.
    fn classes_of(&self, run: &Run) -> &[String] {
        self.model(ModelName::Checkpoint)
            .filter(|_| run.is_of_classes())
            .map_or(&[], |m| m.classes())
    }

    /// The word of a question as it is shown: a token, or a class.
    pub fn answer(&self, run: &Run, id: u32) -> String {
        let class = self.classes_of(run).get(id as usize).cloned();
        class.unwrap_or_else(|| self.tokenizer.token(id).text)
    }

    /// The words of some rows of logits as they are shown, tokens or classes; of two tokens that look alike, one as the
    /// vocabulary writes it, with the mark of a space.
    pub fn told_apart(&self, rows: &LogitRows, ids: &[usize]) -> Vec<String> {
        if rows.is_of_classes {
            let classes =
                self.model(ModelName::Checkpoint).map_or(&[][..], |model| model.classes());
            return ids.iter().map(|&id| classes.get(id).cloned().unwrap_or_default()).collect();
        }
        let words: Vec<String> =
            ids.iter().map(|&id| self.tokenizer.token(id as u32).text).collect();
        let vocab = self.tokenizer.vocab();
        let written = |(i, word): (usize, &String)| {
            let is_alone = words.iter().filter(|other| *other == word).count() == 1;
            if is_alone { word.clone() } else { vocab[ids[i]].clone() }
        };
        words.iter().enumerate().map(written).collect()
    }

    /// What a word of a question may stand for: the tokens of the word, or a class.
    fn answers(&self, run: &Run, word: &str) -> Result<Vec<u32>> {
        let classes = self.classes_of(run);
        if classes.is_empty() {
            return self.tokens_of_word(word);
        }
        Ok(vec![class_named(classes, word)?])
    }

    /// What is asked: these words and this place, or else those that the changes of the reading ask about.
    fn asked(&self, asked: &QuestionAsked) -> QuestionAsked {
        let QuestionAsked { words, place } = asked.clone();
        let words = if words.is_empty() { self.changes.asked_words() } else { words };
        QuestionAsked { words, place: place.or(self.changes.asked_place()) }
    }

    /// The question about a run of this reading.
    ///
    /// # Errors
    /// If a word is not a token, if both are the same, or if the place is not in the output.
    pub fn question(&self, run: &Run, asked: &QuestionAsked) -> Result<EvidenceQuestion> {
        let asked = self.asked(asked);
        ensure!(asked.words.len() <= 2, "give one word, or two with a comma between them");
        let words = asked.words.iter().map(|word| self.answers(run, word));
        let words = words.collect::<Result<Vec<_>>>()?;
        if let [word, against] = &words[..] {
            ensure!(word != against, "both words are the same; give two, or one alone");
        }
        let output = self.tokenizer.tokens(&run.pass.output);
        if let Some(place) = asked.place {
            let n = run.output_rows().len();
            ensure!(place < n, places(n));
        }
        let first_of = |word: &str| self.tokenizer.ids_of_text(word).ok()?.first().copied();
        let tokens_of = |word: &str| {
            self.tokens_of_word(word).unwrap_or_else(|_| first_of(word).into_iter().collect())
        };
        EvidenceQuestion::about(run, &output, &words, asked.place, tokens_of)
            .context("the model gives no two words or classes that could be set against each other")
    }

    /// What pushed a word above another.
    ///
    /// # Errors
    /// If the model has no residual stream.
    pub fn attribution(&self, run: &Run, question: &EvidenceQuestion) -> Result<Attribution> {
        attribution(run, &question.score()).context(
            "the logits of this model are not a sum of parts, as it has no residual stream; gradients work for it",
        )
    }

    /// The `n` words that each of these pieces of sub-layers promotes at a row; None for a piece that says nothing.
    ///
    /// # Errors
    /// If the reading has no such model.
    pub fn promotions(
        &self,
        name: ModelName,
        run: &Run,
        pieces: &[PartPiece],
        row: usize,
        n: usize,
    ) -> Result<Vec<Option<Promotion>>> {
        Ok(promotions(self.asked_model(name)?, run, pieces, row, n))
    }

    /// Which tokens counted for a score.
    ///
    /// # Errors
    /// If the model embeds no words.
    pub fn saliency(&self, name: ModelName, run: &Run, score: &Score) -> Result<Saliency> {
        let tokens = words::single(run.pass.source.len());
        self.saliency_while(name, run, score, &tokens, |_, _| true)?
            .context("the words of this model cannot be followed: it does not embed them")
    }

    /// Which words counted, each one or more tokens, while `goes_on`, which is called with the passes that are done, of how
    /// many. None where it says no, and for a model that embeds no words.
    ///
    /// # Errors
    /// If the reading has no such model.
    pub fn saliency_while(
        &self,
        name: ModelName,
        run: &Run,
        score: &Score,
        words: &[Range<usize>],
        goes_on: impl FnMut(usize, usize) -> bool,
    ) -> Result<Option<Saliency>> {
        Ok(saliency(self.asked_model(name)?, run, score, words, goes_on))
    }

    /// What every attention head of a model does.
    ///
    /// # Errors
    /// If the model has no attention heads.
    pub fn head_scores(&self, name: ModelName) -> Result<Vec<HeadScores>> {
        let run = self.run(name, None)?;
        let twice = self.read_twice(name, &run)?;
        let tokens = |ids: &[u32]| self.tokenizer.tokens(ids);
        let (source, target) = (tokens(&run.pass.source), tokens(&run.pass.target));
        let texts =
            HeadTexts { run: &run, twice: twice.as_ref(), source: &source, target: &target };
        let scores = head_scores(&texts);
        ensure!(!scores.is_empty(), "{} has no attention heads", name.in_sentence());
        Ok(scores)
    }

    /// The run of the same text read twice, between what the model and the tokenizer put around it; a decoder reads its
    /// output twice. None if that is too long.
    fn read_twice(&self, name: ModelName, run: &Run) -> Result<Option<TextTwice>> {
        let Sentence { own, typed, .. } = &self.sentence;
        let own = typed.as_ref().unwrap_or(own);
        let ids = [&run.ids[..own.end], &run.ids[own.start..]].concat();
        if ids.len() > self.token_limit() {
            return Ok(None);
        }
        let model = self.asked_model(name)?;
        let read = run.pass.target.get(1..).unwrap_or_default();
        let has_first = model.first().is_some_and(|first| read.first() == Some(&first));
        let (begin, words) = read.split_at(has_first.into());
        let forced = (!run.reads_only()).then(|| [begin, words, words].concat());
        let copies = [run.n_before() + own.end, 1 + begin.len() + words.len()];
        Ok(Some(TextTwice {
            source: copies[0]..copies[0] + own.len(),
            target: copies[1]..copies[1] + words.len(),
            run: Run::new(model, &ids, &self.changes_of(name), forced),
        }))
    }

    /// A sentence as the models read it.
    ///
    /// # Errors
    /// If it is empty or too long.
    pub fn sentence_of(&self, text: &str) -> Result<Sentence> {
        self.tokenizer.sentence(text)
    }

    /// The patching of another sentence with values of this one. A decoder reads this sentence's output in both passes.
    ///
    /// # Errors
    /// If both passes answer the question alike.
    pub fn patching(
        &self,
        name: ModelName,
        against: &Sentence,
        asked: &QuestionAsked,
    ) -> Result<Patching> {
        self.patching_of(name, &self.sentence, against, asked)
    }

    /// As [`Self::patching`], of two sentences.
    pub(super) fn patching_of(
        &self,
        name: ModelName,
        giving: &Sentence,
        against: &Sentence,
        asked: &QuestionAsked,
    ) -> Result<Patching> {
        let model = self.asked_model(name)?;
        let changes = Arc::new(self.changes_of(name).without_patch());
        let plain = Run::new(model, &giving.ids(), &changes, self.target(name)?);
        ensure!(
            plain.with_role(Role::SubLayerOutput).next().is_some(),
            "{} has no residual stream to patch; a Transformer has one",
            name.in_sentence()
        );
        let forced = (!plain.reads_only()).then(|| plain.pass.target[1..].to_vec());
        let other = Run::new(model, &against.ids(), &changes, forced);
        let mut question = self.question(&plain, asked)?;
        if self.asked(asked) == QuestionAsked::default() {
            question = EvidenceQuestion::between(&plain, &other, question);
        }
        let row = plain.row_in(&other, question.row).with_context(|| {
            format!(
                "the sentences have {} and {} tokens; of sentences of different lengths only the last word can be asked about, or masked words that both have",
                plain.ids.len(),
                other.ids.len()
            )
        })?;
        let score = question.score();
        let moved = EvidenceQuestion { row, ..question }.score();
        let [word, against] = [question.word, question.against].map(|id| self.answer(&plain, id));
        match Patching::new(plain, other, question, [score, moved]) {
            Some(patching) => Ok(patching),
            None => bail!(
                "both sentences give `{word}` and `{against}` the same logits: there is no difference to explain; give another sentence, or other words"
            ),
        }
    }

    /// The tokenizer of this reading's models.
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }
}
