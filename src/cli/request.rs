//! What a command is asked to do: arguments, environment and settings, resolved once.
//!
//! [`super::args`] holds what was typed; a [`Request`] holds what that comes to (ripgrep calls these low-level and
//! high-level arguments). Commands take a request and ask nothing of the environment.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, anyhow};

use super::{
    args::{self, BesideArgs, ModelArgs, TargetArgs, TextArgs, evidence::QuestionArgs},
    colour::Environment,
    failure::{Outcome, Usage},
    known::Chosen,
    language::language,
    look::Look,
    progress::{Progress, Spinner},
    sentence,
    settings::Settings,
    view::ViewArgs,
};
use crate::{
    analysis::reading::QuestionAsked,
    engine::change::{Change, Changes, MOST},
    lesson::Language,
    model::ModelName,
    text::ChatTemplate,
    ui::panes::View,
    weights::{Checkpoint, places::Places},
};

const NO_CHAT_MODEL: &str = "--chat is for a checkpoint; give it too, with --model PATH";
const NO_CHAT: &str = "--system is a part of a chat; give --chat too";
const NO_FIRST: &str =
    "--against-model sets a checkpoint beside another; give that too, with --model PATH";
const NO_MODEL: &str = "--adapter changes a checkpoint; give that too, with --model PATH";

/// The sentence, the models, the changes, the language, the look and the view of a command.
pub struct Request<'a> {
    /// The options of the look, for `config`, which says where a value comes from.
    pub asked: args::LookArgs,
    pub settings: Settings,
    pub changes: Changes,
    pub language: Language,
    pub look: Look,
    /// How maps are drawn.
    pub view: View,
    /// Whether a checkpoint is opened although it needs more memory than is free.
    pub no_memory_check: bool,
    pub model: Option<Chosen>,
    /// The path of another checkpoint, to be set beside the first.
    other_model: Option<PathBuf>,
    /// The folder of the checkpoint's adapter.
    adapter: Option<PathBuf>,
    /// Where checkpoints are looked for by name.
    places: Places,
    /// Whether the sentence is a message in the checkpoint's chat template, and what is said before it.
    chat: bool,
    system: Option<String>,
    text: &'a TextArgs,
    sentence: OnceLock<String>,
    /// The time that a chat template is told, in seconds since 1970.
    now: u64,
}

impl<'a> Request<'a> {
    /// # Errors
    /// If there are too many changes.
    pub fn new(
        asked: args::LookArgs,
        which: &ModelArgs,
        text: &'a TextArgs,
        settings: Settings,
        env: Environment,
    ) -> Outcome<Self> {
        let is_of_checkpoint = matches!(which.model, Some(Chosen::Path(_)));
        let wrong = match which {
            ModelArgs { adapter: Some(_), .. } if !is_of_checkpoint => Some(NO_MODEL),
            ModelArgs { chat: true, .. } if !is_of_checkpoint => Some(NO_CHAT_MODEL),
            ModelArgs { system: Some(_), chat: false, .. } => Some(NO_CHAT),
            _ => None,
        };
        if let Some(wrong) = wrong {
            return Err(anyhow::anyhow!(wrong)).usage();
        }
        Ok(Self {
            asked,
            changes: changes(&text.what_if).usage()?,
            language: language(asked.lang, settings.lang, env),
            look: Look::of(asked, &settings, env),
            view: View::default(),
            settings,
            no_memory_check: which.no_memory_check,
            model: which.model.clone(),
            other_model: None,
            adapter: which.adapter.clone(),
            places: Places::of(env),
            chat: which.chat,
            system: which.system.clone(),
            text,
            sentence: OnceLock::new(),
            now: now(env),
        })
    }

    /// The same request with another pass beside it, and with what a decoder is made to read.
    ///
    /// # Errors
    /// If a text is empty, if a what-if says the same, or if the other model stands beside none.
    pub fn beside(self, beside: &BesideArgs, target: &TargetArgs) -> Outcome<Self> {
        self.said_once("--against", beside.against.is_some(), "against")?;
        self.said_once("--against-model", beside.against_model.is_some(), "against_model")?;
        self.said_once("--target", target.target.is_some(), "target")?;
        for (option, text) in [("--against", &beside.against), ("--target", &target.target)] {
            if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
                let wrong = anyhow!("{option} gives no text; write {option} \"The dog sleeps.\"");
                return Err(wrong).usage();
            }
        }
        let path = beside.against_model.as_ref();
        if path.is_some() && self.checkpoint().is_none() {
            return Err(anyhow::anyhow!(NO_FIRST)).usage();
        }
        let name = path.map(|path| Ok(Change::OtherModel(path.to_string_lossy().into_owned())));
        let sentence = beside.against.as_deref().map(Change::against);
        let more = [sentence, name, target.target.as_deref().map(Change::target)];
        let mut changes = self.changes;
        for change in more.into_iter().flatten() {
            changes = changes.with(change.usage()?);
        }
        Ok(Self { changes, other_model: path.cloned(), ..self })
    }

    /// What is asked about.
    ///
    /// # Errors
    /// If a what-if asks too.
    pub fn question(&self, question: &QuestionArgs) -> Outcome<QuestionAsked> {
        self.said_once("--words", !question.words.is_empty(), "words")?;
        self.said_once("--place", question.place.is_some(), "place")?;
        Ok(question.asked())
    }

    /// # Errors
    /// If an option is given, and a what-if with the same subject too: one of them would be lost without a word.
    pub fn said_once(&self, option: &str, is_given: bool, subject: &str) -> Outcome {
        let is_both = is_given && self.has_what_if(subject);
        let wrong =
            || anyhow!("{option} and the what-if {subject}= say the same; give one of them");
        if is_both { Err(wrong()).usage() } else { Ok(()) }
    }

    /// Whether there is a what-if with this subject.
    pub fn has_what_if(&self, subject: &str) -> bool {
        self.changes.iter().any(|change| change.subject() == subject)
    }

    /// The same request with maps drawn so.
    pub fn viewed(self, view: ViewArgs) -> Self {
        Self { view: view.view(), ..self }
    }

    /// The sentence; standard input is read here, once.
    ///
    /// # Errors
    /// If standard input cannot be read, or the sentence is too long or not UTF-8.
    pub fn sentence(&self) -> Outcome<&str> {
        if self.sentence.get().is_none() {
            let _ = self.sentence.set(sentence::of(self.text)?);
        }
        Ok(self.sentence.get().map_or("", String::as_str))
    }

    /// Whether a sentence was given, as an argument or on standard input.
    pub const fn has_sentence(&self) -> bool {
        self.text.sentence.is_some()
    }

    /// Whether the sentence is on standard input.
    pub fn reads_standard_input(&self) -> bool {
        self.text.sentence.as_ref().is_some_and(|sentence| sentence == "-")
    }

    /// The path of the checkpoint, if one is asked for.
    pub fn checkpoint(&self) -> Option<&Path> {
        match &self.model {
            Some(Chosen::Path(path)) => Some(path),
            _ => None,
        }
    }

    /// The checkpoint at this path or of this name, with its adapter.
    ///
    /// # Errors
    /// If it cannot be opened, or the adapter does not fit it.
    pub fn open(&self, path: &Path) -> anyhow::Result<Checkpoint> {
        let checkpoint = self.places.open(path)?;
        match &self.adapter {
            Some(adapter) => checkpoint.with_adapter(adapter),
            None => Ok(checkpoint),
        }
    }

    /// The checkpoint to be set beside the first, if one is asked for. The adapter belongs to the first.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open_other(&self) -> anyhow::Result<Option<Checkpoint>> {
        self.other_model.as_ref().map(|path| self.places.open(path)).transpose()
    }

    /// The chat template that the sentence is read in; None if none is asked for.
    ///
    /// # Errors
    /// If the checkpoint has none.
    pub fn chat_template(&self, checkpoint: &Checkpoint) -> anyhow::Result<Option<ChatTemplate>> {
        if !self.chat {
            return Ok(None);
        }
        let source = checkpoint
            .chat_template()?
            .with_context(|| format!("{}; leave out --chat", checkpoint.no_chat_template()))?;
        Ok(Some(ChatTemplate::new(source, self.system.clone(), self.now)))
    }

    /// A count of finished parts, shown where this terminal can show it.
    pub fn progress(&self, what: &'static str, total: usize) -> Progress {
        Progress::new(what, total, self.look.is_dumb)
    }

    /// Work of unknown length, shown where this terminal can show it.
    pub fn spinner(&self, what: &'static str) -> Spinner {
        Spinner::new(what, self.look.is_dumb)
    }

    /// The models that are asked for; `otherwise` where no model is.
    pub fn names(&self, otherwise: &[ModelName]) -> Vec<ModelName> {
        match &self.model {
            None => otherwise.to_vec(),
            Some(Chosen::All) => ModelName::ALL.to_vec(),
            Some(Chosen::BuiltIn(name)) => vec![*name],
            Some(Chosen::Path(_)) => vec![ModelName::Checkpoint],
        }
    }
}

/// Seconds since 1970: now, or as `SOURCE_DATE_EPOCH` says, so that a run can be repeated on another day.
fn now(env: Environment) -> u64 {
    let said = env("SOURCE_DATE_EPOCH").and_then(|text| text.parse().ok());
    said.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
    })
}

fn changes(asked: &[Change]) -> anyhow::Result<Changes> {
    anyhow::ensure!(asked.len() <= MOST, "at most {MOST} changes can be combined");
    Ok(asked.iter().cloned().collect())
}
