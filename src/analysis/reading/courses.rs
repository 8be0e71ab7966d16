//! Models that are taught: steps of learning on the sentence, kept so that the next ones go on from there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, ensure};

use super::{Reading, learner::TargetKind, wishes::Slow};
use crate::{
    analysis::{
        evidence::{
            course::{Course, since_first},
            learner::{BeforeAfter, Learner, Optimizer},
        },
        trace::Recorded,
    },
    engine::{
        arithmetic::{Arithmetic, Expr, Operand},
        change::{Changes, Learned},
        site::{Address, AddressKind, Stream},
        value::Cell,
    },
    model::ModelName,
    text::{Token, refusal, shown},
    weights::memory,
};

/// What learning did to models, or would do, by model.
pub(super) type Courses = Arc<Mutex<BTreeMap<ModelName, Arc<Course>>>>;

/// The models whose first step is computed unasked.
const SHOWN: [ModelName; 2] = [ModelName::Transformer, ModelName::DecoderOnly];

/// The most weights that are taught.
const MOST_WEIGHTS: usize = 200_000_000;

/// The bytes that learning takes for each weight: the learner's copy, its gradient, and a copy for each of two passes.
const BYTES_A_WEIGHT: usize = 16;

/// A model that is taught, and what it is taught.
pub(super) struct Teaching {
    sentence: String,
    /// The changes of the pass in which it learns, with target and rate.
    settings: Changes,
    name: ModelName,
    learner: Learner,
    /// The loss on held-out sentences before the first step.
    held_out: Option<f32>,
    /// The output before the first step.
    before: Vec<Token>,
}

impl Teaching {
    /// Begins to teach a model what the changes of the reading say.
    fn begin(reading: &Reading, name: ModelName) -> Result<Self> {
        let (rule, changes) = (Optimizer::Sgd, &reading.changes);
        let target =
            changes.taught().filter(|_| reading.target_kind(name).is_ok_and(TargetKind::is_given));
        let rate = changes.rate().unwrap_or_else(|| rule.usual_rate());
        Ok(Self {
            sentence: reading.sentence.text.clone(),
            settings: (**changes).clone(),
            name,
            learner: reading.learner(name, target, rule, rate)?,
            held_out: reading.held_out_loss(name, &Arc::default()),
            before: reading.trace(name).output.clone(),
        })
    }

    /// Whether it can go on to this number of steps.
    fn leads_to(
        &self,
        sentence: &str,
        settings: &Changes,
        name: ModelName,
        n_steps: usize,
    ) -> bool {
        self.name == name
            && self.learner.n_steps() <= n_steps
            && self.settings == *settings
            && self.sentence == sentence
    }

    fn go_on_to(&mut self, n_steps: usize) -> Result<()> {
        while self.learner.n_steps() < n_steps {
            self.learner.step()?;
        }
        Ok(())
    }

    fn course(&self, reading: &Reading, learned: &Arc<Learned>) -> Course {
        let now = |before: f32| match self.learner.n_steps() {
            0 => Some(before),
            _ => reading.held_out_loss(self.name, learned),
        };
        let held_out =
            self.held_out.and_then(|before| Some(BeforeAfter { before, after: now(before)? }));
        let before = self.before.clone();
        Course::of(&self.learner, |ids| reading.tokenizer().tokens(ids), before, held_out)
    }
}

/// Weights after steps of learning, and what these did.
#[derive(Default)]
pub(super) struct Taught {
    pub learned: BTreeMap<ModelName, Arc<Learned>>,
    pub courses: BTreeMap<ModelName, Arc<Course>>,
}

impl Reading {
    /// What learning did to a model before this pass, or would do; None until it is computed (unless this
    /// reading waits), and for a model that cannot be taught.
    pub fn known_course(&self, name: ModelName) -> Option<Arc<Course>> {
        if self.waits {
            return self.course(name);
        }
        self.wishes.ask(Slow::Courses);
        self.computed_course(name)
    }

    fn computed_course(&self, name: ModelName) -> Option<Arc<Course>> {
        self.courses.lock().unwrap_or_else(PoisonError::into_inner).get(&name).map(Arc::clone)
    }

    /// Whether the changes say how a model is to learn: by which rate, or what.
    pub fn sets_lesson(&self, name: ModelName) -> bool {
        let is_taught = || self.target_kind(name).is_ok_and(TargetKind::is_given);
        self.changes.rate().is_some() || self.changes.taught().is_some() && is_taught()
    }

    /// The same, computed if need be for a model in the binary; takes some passes.
    pub fn course(&self, name: ModelName) -> Option<Arc<Course>> {
        let is_known = self.computed_course(name).is_some();
        let may_begin = is_known || (name != ModelName::Checkpoint && self.has(name));
        may_begin.then(|| self.begun_course(name, false).ok())?
    }

    /// The same of every model, computed if need be.
    ///
    /// # Errors
    /// If the model cannot be taught, or there is not enough memory and that is to be checked.
    pub fn begun_course(&self, name: ModelName, checks_memory: bool) -> Result<Arc<Course>> {
        if let Some(known) = self.computed_course(name) {
            return Ok(known);
        }
        self.check_teaching(name, checks_memory)?;
        let course = Teaching::begin(self, name)?.course(self, &Arc::default());
        let mut courses = self.courses.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(courses.entry(name).or_insert_with(|| Arc::new(course))))
    }

    /// Computes what steps ask for: the first step of the models that are shown learning.
    pub fn courses(&self) {
        for name in SHOWN {
            self.course(name);
        }
    }

    /// The arithmetic of a cell; a learned weight is what it was and what learning added.
    ///
    /// # Errors
    /// As for [`crate::analysis::trace::Trace::open`].
    pub fn open(&self, name: ModelName, address: &Address) -> Result<Arithmetic> {
        match address.kind {
            AddressKind::Value => self.open_value(name, address),
            AddressKind::Gradient => {
                let course = self.known_course(name).with_context(|| {
                    format!("{address} is not known: {} has not learned here", name.in_sentence())
                })?;
                Ok(self.over_own_cells(name, course.open_slope(address)?))
            }
            AddressKind::Share | AddressKind::Flow => {
                let found = self.known_pass_evidence();
                let share = found.and_then(|all| all.get(&name)?.open_flow(address));
                share.with_context(|| format!("{address} has no share"))
            }
        }
    }

    fn open_value(&self, name: ModelName, address: &Address) -> Result<Arithmetic> {
        let opened = self.trace(name).open(address)?;
        let is_learned =
            self.learned.get(&name).is_some_and(|learned| learned.contains_key(&address.path));
        let plain = self.plain_trace(name).filter(|_| is_learned);
        let was = plain.and_then(|plain| Some(plain.site(&address.path)?.value.get(address.cell)));
        Ok(was.map_or(opened.clone(), |was| since_first(opened, was)))
    }

    /// The site of an address, or that of which it is the slope. None for a share, and for a slope where the site's rows
    /// are other words in the pass in which the model learns.
    pub fn site_of(&self, name: ModelName, address: &Address) -> Option<&Recorded> {
        match address.kind {
            AddressKind::Value => self.trace(name).site(&address.path),
            AddressKind::Gradient => self.site_of_slope(name, &address.path),
            AddressKind::Share | AddressKind::Flow => None,
        }
    }

    fn site_of_slope(&self, name: ModelName, path: &str) -> Option<&Recorded> {
        let trace = self.trace(name);
        let site = trace.site(path)?;
        let is_of_target = |axis| site.place.stream(axis) == Some(Stream::Target);
        let is_of_target = site.axes().into_iter().any(is_of_target);
        let has_same_words =
            || self.computed_course(name).is_some_and(|course| course.reads(&trace.target));
        (!is_of_target || has_same_words()).then_some(site)
    }

    /// The arithmetic of a slope with numbers in place of cells that this pass does not have: the pass in which a model
    /// learns reads the target, and this one may have written another text.
    fn over_own_cells(&self, name: ModelName, slope: Arithmetic) -> Arithmetic {
        let trace = self.trace(name);
        let has = |site: &Recorded, cell: Cell, value: f32| {
            let near = 1e-5 * value.abs().max(1.0);
            site.shape().holds(cell) && (site.value.get(cell) - value).abs() <= near
        };
        let is_own = |Operand { address, value }: &Operand| {
            let Some(path) = address.site_path() else { return true };
            match trace.site(path) {
                Some(site) => has(site, address.cell, *value),
                None => trace.is_closed(path),
            }
        };
        let cell = |operand: Operand| {
            if is_own(&operand) { Expr::Leaf(operand) } else { Expr::Number(operand.value) }
        };
        Arithmetic { expr: slope.expr.map(|expr| expr.expand(&mut { cell })), ..slope }
    }

    /// The bytes that teaching this model takes; None for one of unknown size.
    pub fn teaching_bytes(&self, name: ModelName) -> Option<u64> {
        let weights = self.card.as_ref()?.n_weights as u64 * BYTES_A_WEIGHT as u64;
        Some(weights + 3 * self.run_bytes(name)?)
    }
}

/// The models that the changes ask to teach, taught: from where an earlier teaching stopped, if it leads there. `read`
/// reads the plain sentence with other changes.
///
/// # Errors
/// If a model cannot be taught, or there is not enough memory and that is to be checked.
pub(super) fn teach(
    plain: &Reading,
    changes: &Changes,
    teachings: &mut Vec<Teaching>,
    checks_memory: bool,
    read: impl Fn(Changes) -> Result<Reading>,
) -> Result<Taught> {
    let settings = changes.without_lessons();
    let mut taught = Taught::default();
    for (id, n_steps) in changes.lessons() {
        let name = plain.meant_by(id)?;
        plain.check_teaching(name, checks_memory)?;
        let sentence = &plain.sentence.text;
        let known = teachings.iter().position(|t| t.leads_to(sentence, &settings, name, n_steps));
        let known = known.map(|i| teachings.swap_remove(i));
        teachings.retain(|other| other.name != name); // its memory is free before more is taken
        let mut teaching = match known {
            Some(known) => known,
            None if settings.is_empty() => Teaching::begin(plain, name)?,
            None => Teaching::begin(&read(settings.clone())?, name)?,
        };
        teaching.go_on_to(n_steps)?;
        let weights = teaching.learner.learned();
        taught.courses.insert(name, Arc::new(teaching.course(plain, &weights)));
        taught.learned.insert(name, weights);
        teachings.push(teaching);
    }
    Ok(taught)
}

impl Reading {
    /// The model that is asked to learn, by an id or without one.
    pub(super) fn meant_by(&self, id: Option<&str>) -> Result<ModelName> {
        let all = || self.names().map(ModelName::id).collect::<Vec<_>>().join(", ");
        let refused = || {
            refusal!(
                "no model `{model}` here can learn; those that can are {all}",
                model = shown(id.unwrap_or(ModelName::Transformer.id())),
                all = all()
            )
        };
        Ok(self.names().find(|name| name.is_meant_by(id)).ok_or_else(refused)?)
    }

    fn check_teaching(&self, name: ModelName, checks_memory: bool) -> Result<()> {
        let Some(card) = self.card.as_ref().filter(|_| name == ModelName::Checkpoint) else {
            return Ok(());
        };
        ensure!(
            card.n_weights <= MOST_WEIGHTS,
            refusal!(
                "only models of at most 200 million weights can be taught; this one has {n} million",
                n = format!("{:.0}", card.n_weights as f64 / 1e6)
            )
        );
        let Some(needed) = self.teaching_bytes(name) else { return Ok(()) };
        memory::check(needed, !checks_memory)
    }
}
