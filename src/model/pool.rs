//! From the rows of all tokens to one vector for the sentence, as a sentence-transformers folder says (Reimers and Gurevych
//! 2019, section 3): pooling, then linear maps, then length 1.

use anyhow::{Context, Result, bail, ensure};

use crate::{
    engine::{
        site::{
            Axis::{Channel, Single},
            Site,
        },
        tape::{LinearMap, Node, Tape},
    },
    model::{layer::feed_forward::Activation, source_scope},
    text::shown,
    weights::{Checkpoint, Config, ExpectedWeight, SentenceModule, WeightLayout, Weights},
};

pub static MEAN: Site =
    Site::matrix("pooled", [Single, Channel], "the mean of all tokens' vectors");
pub static FIRST: Site = Site::matrix("pooled", [Single, Channel], "the first token's vector");
pub static LAST: Site = Site::matrix("pooled", [Single, Channel], "the last token's vector");
pub static MAX: Site =
    Site::matrix("pooled", [Single, Channel], "the largest number of each channel");
pub static PLAIN_MEAN: Site =
    Site::matrix("mean", [Single, Channel], "the mean of all tokens' vectors");
pub static TIMES_ROOT: Site =
    Site::matrix("pooled", [Single, Channel], "the mean of all tokens' vectors, times √n");
pub static SUM: Site = Site::matrix("sum", [Single, Channel], "x W + b of a map after the pooling");
pub static OUT: Site = Site::matrix("out", [Single, Channel], "after the activation of that map");
pub static SENTENCE: Site =
    Site::matrix("sentence", [Single, Channel], "the sentence's vector, scaled to length 1");
pub static UNSCALED: Site =
    Site::matrix("sentence", [Single, Channel], "the sentence's vector, of whatever length");

/// How the vectors of all tokens are pooled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The mean over all tokens, special ones included: the default of sentence-transformers.
    Mean,
    First,
    Last,
    Max,
    /// The sum divided by the root of the number of tokens.
    MeanTimesRoot,
}

/// Poolings: as they are named, and the flags of older folders.
const POOLINGS: [(&str, &str, Option<Pooling>); 6] = [
    ("cls", "pooling_mode_cls_token", Some(Pooling::First)),
    ("max", "pooling_mode_max_tokens", Some(Pooling::Max)),
    ("mean", "pooling_mode_mean_tokens", Some(Pooling::Mean)),
    ("mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", Some(Pooling::MeanTimesRoot)),
    ("weightedmean", "pooling_mode_weightedmean_tokens", None),
    ("lasttoken", "pooling_mode_lasttoken", Some(Pooling::Last)),
];

/// A linear map after the pooling.
#[derive(Clone, Debug, PartialEq)]
pub struct DensePlan {
    /// Its folder, which its tensors' names begin with.
    folder: String,
    /// (in, out)
    shape: (usize, usize),
    has_bias: bool,
    /// None for the identity.
    activation: Option<Activation>,
}

impl DensePlan {
    /// The name of its weight in the checkpoint.
    fn weight(&self) -> String {
        format!("{}.linear.weight", self.folder)
    }
}

/// What follows the last layer.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolPlan {
    pooling: Pooling,
    maps: Vec<DensePlan>,
    /// Whether the vector is scaled to length 1.
    is_normalized: bool,
}

/// GGUF's pooling types.
const OF_GGUF: [(u64, Pooling); 3] = [(1, Pooling::Mean), (2, Pooling::First), (3, Pooling::Last)];

impl PoolPlan {
    /// As the folder's modules say, or GGUF's pooling type; None if neither says any.
    ///
    /// # Errors
    /// If a module is of a kind that is not run.
    pub fn asked_for(checkpoint: &Checkpoint, d_model: usize) -> Result<Option<Self>> {
        let is_asked = checkpoint.modules().is_some() || pooling_in_gguf(checkpoint).is_some();
        is_asked.then(|| Self::of(checkpoint, d_model)).transpose()
    }

    /// The same; the mean, scaled to length 1, by default.
    ///
    /// # Errors
    /// If a module is of a kind that is not run.
    pub fn of(checkpoint: &Checkpoint, d_model: usize) -> Result<Self> {
        let pooling = pooling_in_gguf(checkpoint).unwrap_or(Pooling::Mean);
        let mut plan = Self { pooling, maps: vec![], is_normalized: true };
        let Some(modules) = checkpoint.modules() else {
            plan.maps = maps_in_gguf(checkpoint);
            return Ok(plan);
        };
        plan.is_normalized = false;
        let mut width = d_model;
        for module in modules {
            plan.add(module, &mut width)?;
        }
        let weight = |map: &&DensePlan| checkpoint.tensor(&map.weight()).is_none();
        if let Some(map) = plan.maps.iter().find(weight) {
            bail!(
                "{} is missing; it has the weights of a map after the pooling; a .bin file beside it is a pickle, \
                 which is not read",
                checkpoint.name_beside(&format!("{}/model.safetensors", map.folder))
            );
        }
        Ok(plan)
    }

    /// Adds a module; `width` is that of the vector before it, and then of that after it.
    fn add(&mut self, module: &SentenceModule, width: &mut usize) -> Result<()> {
        let is_last = self.is_normalized;
        match module.kind.as_str() {
            "Pooling" if self.maps.is_empty() && !is_last => {
                self.pooling = pooling(&module.settings)?;
            }
            "Dense" if !is_last => {
                let map = dense(module, *width)?;
                *width = map.shape.1;
                self.maps.push(map);
            }
            "Normalize" => self.is_normalized = true,
            "Dropout" => {}
            kind => bail!(
                "modules.json: a module of type `{}` is not supported at this place; supported: Pooling, \
                 then Dense, then Normalize",
                shown(kind)
            ),
        }
        Ok(())
    }

    /// The weights of its maps.
    pub fn expected_weights(&self) -> Vec<ExpectedWeight> {
        let of = |(i, map): (usize, &DensePlan)| {
            let ours = |part: &str| format!("dense.{i}.{part}");
            let w = ExpectedWeight::new(ours("W"), map.weight(), map.shape, WeightLayout::Linear);
            let b = ExpectedWeight::new(
                ours("b"),
                format!("{}.linear.bias", map.folder),
                (1, map.shape.1),
                WeightLayout::Vector,
            );
            [Some(w), map.has_bias.then_some(b)]
        };
        self.maps.iter().enumerate().flat_map(of).flatten().collect()
    }
}

fn pooling_in_gguf(checkpoint: &Checkpoint) -> Option<Pooling> {
    let kind = checkpoint.config().get("pooling_type").and_then(serde_json::Value::as_u64);
    OF_GGUF.iter().find(|(number, _)| Some(*number) == kind).map(|(_, pooling)| *pooling)
}

/// The maps that a GGUF file has, without biases and activations.
fn maps_in_gguf(checkpoint: &Checkpoint) -> Vec<DensePlan> {
    let map = |folder: &str| {
        let map = DensePlan {
            folder: folder.to_owned(),
            shape: (0, 0),
            has_bias: false,
            activation: None,
        };
        let &[d_out, d_in] = checkpoint.tensor(&map.weight())?.shape.as_slice() else {
            return None;
        };
        Some(DensePlan { shape: (d_in, d_out), ..map })
    };
    ["2_Dense", "3_Dense"].into_iter().filter_map(map).collect()
}

/// # Errors
/// If it is of a kind that is not run, or several are to be joined.
fn pooling(settings: &Config) -> Result<Pooling> {
    const KEY: &str = "pooling_mode";
    let named: Vec<&str> = match settings.get(KEY) {
        Some(serde_json::Value::Array(all)) => all.iter().filter_map(|one| one.as_str()).collect(),
        Some(_) => vec![settings.string(KEY)?],
        None => {
            let is_on = |flag: &str| settings.bool_or(flag, false).unwrap_or(false);
            POOLINGS.iter().filter(|(_, flag, _)| is_on(flag)).map(|(name, ..)| *name).collect()
        }
    };
    ensure!(
        named.len() <= 1,
        "{}: several poolings are joined ({}), which is not supported",
        settings.file(),
        shown(&named.join(", "))
    );
    let name = named.first().copied().unwrap_or("mean");
    let found = POOLINGS.iter().find(|(known, ..)| *known == name).and_then(|(.., found)| *found);
    found.with_context(|| {
        format!("{}: the pooling `{}` is not supported", settings.file(), shown(name))
    })
}

/// # Errors
/// If a setting is missing, of the wrong kind, or of what is not run.
fn dense(module: &SentenceModule, width: usize) -> Result<DensePlan> {
    let settings = &module.settings;
    let (d_in, d_out) = (settings.usize("in_features")?, settings.usize("out_features")?);
    settings.must("in_features", d_in == width, &format!("{width}, the width before it"))?;
    let has_residual = settings.bool_or("use_residual", false)?;
    settings.must("use_residual", !has_residual, "false")?;
    let kind = settings.string_or("activation_function", "Tanh")?;
    let kind = kind.rsplit('.').next().unwrap_or_default().to_lowercase();
    let activation = match kind.as_str() {
        "identity" => None,
        name => Some(Activation::named(name).with_context(|| settings.file().to_owned())?),
    };
    Ok(DensePlan {
        folder: module.folder.clone(),
        shape: (d_in, d_out),
        has_bias: settings.bool_or("bias", true)?,
        activation,
    })
}

/// A map with its weights.
struct Dense {
    map: LinearMap,
    activation: Option<Activation>,
}

/// The pooling with the weights of its maps.
pub struct Pool {
    plan: PoolPlan,
    maps: Vec<Dense>,
}

impl Pool {
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, plan: &PoolPlan) -> Result<Self> {
        let load = |(i, map): (usize, &DensePlan)| {
            let name = |letter: &str| format!("dense.{i}.{letter}");
            Ok(Dense {
                map: LinearMap::named(weights, &name("W"), &name("b"), map.shape)?,
                activation: map.activation,
            })
        };
        let maps = plan.maps.iter().enumerate().map(load).collect::<Result<_>>()?;
        Ok(Self { plan: plan.clone(), maps })
    }

    /// Records the sentence's vector. x (position, d_model) -> (1, width)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let mut y = self.pooled(tape, x); // (1, d_model)
        for (i, map) in self.maps.iter().enumerate() {
            y = map.forward(tape, y, i); // (1, out)
        }
        let at = source_scope("");
        if self.plan.is_normalized {
            tape.l2_normalize(at.at(&SENTENCE), y)
        } else {
            tape.one_row(at.at(&UNSCALED), y, 0)
        }
    }

    /// x (position, d_model) -> (1, d_model)
    fn pooled(&self, tape: &mut Tape, x: Node) -> Node {
        let (at, n) = (source_scope(""), tape.shape(x).rows);
        match self.plan.pooling {
            Pooling::Mean => tape.mean_of_rows(at.at(&MEAN), x),
            Pooling::First => tape.one_row(at.at(&FIRST), x, 0),
            Pooling::Last => tape.one_row(at.at(&LAST), x, n - 1),
            Pooling::Max => tape.max_of_rows(at.at(&MAX), x),
            Pooling::MeanTimesRoot => {
                let mean = tape.mean_of_rows(at.at(&PLAIN_MEAN), x);
                tape.scale(at.at(&TIMES_ROOT), mean, (n as f32).sqrt())
            }
        }
    }
}

impl Dense {
    /// x (1, in) -> (1, out)
    fn forward(&self, tape: &mut Tape, x: Node, i: usize) -> Node {
        let at = source_scope(&format!("dense.{i}"));
        match self.activation {
            None => self.map.forward(tape, at.at(&OUT), x),
            Some(activation) => {
                let sum = self.map.forward(tape, at.at(&SUM), x);
                activation.on(tape, at.at(&OUT), sum)
            }
        }
    }
}
