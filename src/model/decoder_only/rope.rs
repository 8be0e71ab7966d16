//! The rotation speeds of a checkpoint's channels: RoPE's base and the scaling methods that stretch it.

use std::f64::consts::TAU;

use anyhow::{Result, ensure};

use crate::{
    engine::tape::{Dynamic, Longer, Rope, RotaryPairs},
    weights::Config,
};

/// The sizes that scaling depends on.
#[derive(Clone, Copy)]
struct Base {
    theta: f64,
    /// The number of rotated channels.
    d: usize,
    /// The positions that the model was trained on before it was stretched.
    trained: f64,
    /// The most positions.
    longest: f64,
}

impl Base {
    /// Radians a position, by pair: `theta^(-2j/d)` (Su et al. 2021, section 3.2.2).
    fn speeds(self) -> Vec<f64> {
        (0..self.d / 2).map(|j| self.theta.powf(-2.0 * j as f64 / self.d as f64)).collect()
    }
}

/// What a scaling method makes of the speeds.
struct ScaledSpeeds {
    speeds: Vec<f64>,
    /// Of cosine and sine.
    factor: f64,
}

impl ScaledSpeeds {
    const fn plain(speeds: Vec<f64>) -> Self {
        Self { speeds, factor: 1.0 }
    }
}

/// A scaling method.
type Scale = fn(&Config, Base) -> Result<ScaledSpeeds>;

/// The supported methods, by their names in config.json.
const KINDS: [(&str, Scale); 9] = [
    ("default", |_, base| Ok(ScaledSpeeds::plain(base.speeds()))),
    ("linear", linear),
    ("dynamic", |_, base| Ok(ScaledSpeeds::plain(base.speeds()))),
    ("llama3", llama3),
    ("yarn", yarn),
    ("longrope", longrope),
    ("su", longrope),
    (PROPORTIONAL, proportional),
    ("factors", by_factors),
];

/// Where only some pairs of a head turn, each as if all did.
const PROPORTIONAL: &str = "proportional";

/// How a family rotates, where its settings do not say otherwise.
#[derive(Clone, Copy)]
pub struct RopeStyle {
    pub theta: f32,
    /// The keys of the base; of several, the first that is there.
    pub theta_keys: &'static [&'static str],
    pub pairs: RotaryPairs,
    /// The share of a head's channels that is rotated, by key; None where the settings cannot change it.
    pub part: Option<(&'static str, f32)>,
}

impl RopeStyle {
    pub const WHOLE: Self = Self {
        theta: 10_000.0,
        theta_keys: &["rope_theta"],
        pairs: RotaryPairs::Halves,
        part: None,
    };
}

/// The sizes of the model that is rotated.
#[derive(Clone, Copy)]
pub struct RopeSizes {
    pub d_head: usize,
    /// The number of positions in the config.
    pub longest: usize,
}

/// The speeds that a config describes.
///
/// # Errors
/// If a setting is missing or out of bounds, or the kind of scaling is none of those that can be run.
pub fn rope(config: &Config, sizes: RopeSizes, style: RopeStyle) -> Result<Rope> {
    let RopeSizes { d_head, longest } = sizes;
    let d = n_rotated(config, d_head, style)?;
    let key = config.key(style.theta_keys);
    let theta = f64::from(config.float_or(key, style.theta)?);
    config.must(key, theta > 1.0, "a number above 1")?;
    let rope_of = |scaled| Rope { pairs: style.pairs, ..rope_of(scaled) };
    let Some(scaling) = config.section("rope_scaling")? else {
        let base = Base { theta, d, trained: 0.0, longest: 0.0 };
        return Ok(rope_of(ScaledSpeeds::plain(base.speeds())));
    };
    let key = if scaling.has("rope_type") { "rope_type" } else { "type" };
    let kind = scaling.string_or(key, "default")?;
    if style.part.is_none() && kind != PROPORTIONAL {
        whole(config)?;
        whole(&scaling)?;
    }
    let found = KINDS.iter().find(|(name, _)| *name == kind);
    scaling.must(key, found.is_some(), &format!("one of {}", KINDS.map(|(n, _)| n).join(", ")))?;
    let trained = trained(config, &scaling, longest)? as f64;
    let base = Base { theta, d, trained, longest: longest as f64 };
    let scaled =
        found.map_or(Ok(ScaledSpeeds::plain(vec![])), |(_, scale)| scale(&scaling, base))?;
    let longer = match kind {
        // transformers uses this length, whatever the original length in the settings.
        "dynamic" => {
            let factor = f64::from(scaling.float("factor")?);
            Some(Longer::Dynamic(Dynamic { theta, factor, trained: longest }))
        }
        "longrope" | "su" => {
            let speeds = divided(&scaling, "long_factor", base)?;
            let speeds = speeds.into_iter().map(|speed| speed as f32).collect();
            Some(Longer::Given { trained: base.trained as usize, speeds })
        }
        _ => None,
    };
    Ok(Rope { longer, ..rope_of(scaled) })
}

/// The number of rotated channels of a head.
fn n_rotated(config: &Config, d_head: usize, style: RopeStyle) -> Result<usize> {
    let (key, d) = match style.part {
        Some((key, default)) if !config.has("rotary_dim") => {
            let part = config.float_or(key, default)?;
            config.must(key, part > 0.0 && part <= 1.0, "a share above 0, at most 1")?;
            (key, (d_head as f32 * part) as usize)
        }
        _ => ("rotary_dim", config.usize_or("rotary_dim", d_head)?),
    };
    config.must("rotary_dim", d <= d_head, "at most `head_dim`")?;
    let is_even = d > 0 && d.is_multiple_of(2);
    let wanted = format!("an even number of rotated channels: of {d_head} in a head they are {d}");
    match [key, "head_dim"].into_iter().find(|key| config.has(key)) {
        Some(key) => config.must(key, is_even, &wanted)?,
        None => ensure!(is_even, "{}: want {wanted}", config.file()),
    }
    Ok(d)
}

/// Checks that whole heads are rotated. Without scaling, transformers ignores the setting in these architectures;
/// with scaling, it fails.
fn whole(config: &Config) -> Result<()> {
    let part = config.float_or("partial_rotary_factor", 1.0)?;
    config.must("partial_rotary_factor", part.to_bits() == 1_f32.to_bits(), "1 with a scaling")
}

/// The positions that a model was trained on before it was stretched.
fn trained(config: &Config, scaling: &Config, longest: usize) -> Result<usize> {
    const KEY: &str = "original_max_position_embeddings";
    if config.has(KEY) { config.usize(KEY) } else { scaling.usize_or(KEY, longest) }
}

/// The most positions: those of the config, or those that its scaling stretches them to.
///
/// # Errors
/// If a setting is not a valid number.
pub fn context(config: &Config, longest: usize) -> Result<usize> {
    let Some(scaling) = config.section("rope_scaling")? else { return Ok(longest) };
    let trained = trained(config, &scaling, longest)? as f64;
    let stretched = trained * f64::from(scaling.float_or("factor", 1.0)?);
    Ok(longest.max(stretched as usize))
}

/// A rotation in f32, for texts no longer than the model was trained on.
fn rope_of(ScaledSpeeds { speeds, factor }: ScaledSpeeds) -> Rope {
    let speeds = speeds.into_iter().map(|speed| speed as f32).collect();
    Rope { speeds, factor: factor as f32, longer: None, pairs: RotaryPairs::Halves, first: 0 }
}

/// All speeds divided by the factor (Chen et al. 2023, *Extending Context Window via Positional
/// Interpolation*).
fn linear(scaling: &Config, base: Base) -> Result<ScaledSpeeds> {
    let factor = f64::from(scaling.float("factor")?);
    scaling.must("factor", factor > 0.0, "a number above 0")?;
    Ok(ScaledSpeeds::plain(base.speeds().into_iter().map(|speed| speed / factor).collect()))
}

/// The first pairs of a head alone, as fast as if all were rotated; the others are not (Gemma 4).
fn proportional(scaling: &Config, base: Base) -> Result<ScaledSpeeds> {
    const KEY: &str = "partial_rotary_factor";
    let part = f64::from(scaling.float_or(KEY, 1.0)?);
    scaling.must(KEY, part > 0.0 && part <= 1.0, "a share above 0, at most 1")?;
    let factor = f64::from(scaling.float_or("factor", 1.0)?);
    scaling.must("factor", factor > 0.0, "a number above 0")?;
    let n = (part * base.d as f64 / 2.0) as usize;
    let slowed = |(j, speed): (usize, f64)| if j < n { speed / factor } else { 0.0 };
    Ok(ScaledSpeeds::plain(base.speeds().into_iter().enumerate().map(slowed).collect()))
}

/// Each speed divided by a factor of its own: GGUF files have them worked out.
fn by_factors(scaling: &Config, base: Base) -> Result<ScaledSpeeds> {
    Ok(ScaledSpeeds::plain(divided(scaling, "factors", base)?))
}

/// LongRoPE (Ding et al. 2024): each speed divided by a factor of its own, others for texts longer than
/// the model was trained on, and a factor for cosine and sine.
fn longrope(scaling: &Config, base: Base) -> Result<ScaledSpeeds> {
    let stretched = f64::from(scaling.float_or("factor", (base.longest / base.trained) as f32)?);
    let grown = if stretched > 1.0 { 1.0 + stretched.ln() / base.trained.ln() } else { 1.0 };
    let attention = scaling.float_or("attention_factor", grown.sqrt() as f32)?;
    let speeds = divided(scaling, "short_factor", base)?;
    Ok(ScaledSpeeds { speeds, factor: f64::from(attention) })
}

/// The speeds, each divided by its factor.
fn divided(scaling: &Config, key: &str, base: Base) -> Result<Vec<f64>> {
    let factors = scaling.floats(key)?.unwrap_or_default();
    let is_right = factors.len() == base.d / 2 && factors.iter().all(|factor| *factor > 0.0);
    scaling.must(key, is_right, "a number above 0 for every pair of channels")?;
    let divided = |(speed, factor): (f64, &f32)| speed / f64::from(*factor);
    Ok(base.speeds().into_iter().zip(&factors).map(divided).collect())
}

/// Slow pairs divided by the factor, fast ones left, those between mixed (Grattafiori et al. 2024,
/// *The Llama 3 Herd of Models*; as released with Llama 3.1).
fn llama3(scaling: &Config, base: Base) -> Result<ScaledSpeeds> {
    let [factor, low, high] = ["factor", "low_freq_factor", "high_freq_factor"]
        .map(|key| scaling.float(key).map(f64::from));
    let (factor, low, high) = (factor?, low?, high?);
    let is_right = factor > 0.0 && low > 0.0 && high > low;
    scaling.must("high_freq_factor", is_right, "a number above low_freq_factor")?;
    let scaled = |speed: f64| {
        let turns = base.trained * speed / TAU;
        let mix = ((turns - low) / (high - low)).clamp(0.0, 1.0);
        (1.0 - mix) * speed / factor + mix * speed
    };
    Ok(ScaledSpeeds::plain(base.speeds().into_iter().map(scaled).collect()))
}

/// YaRN (Peng et al. 2023, section 3.2): by the number of turns within the trained length, and a
/// factor for cosine and sine.
fn yarn(scaling: &Config, base: Base) -> Result<ScaledSpeeds> {
    let number = |key, default| scaling.float_or(key, default).map(f64::from);
    let stretched = base.longest / base.trained;
    let factor = f64::from(scaling.float_or("factor", stretched as f32)?);
    scaling.must("factor", factor > 0.0, "a number above 0")?;
    // 0 stands for the default.
    let turns = |key, default| -> Result<f64> {
        let turns = number(key, default)?;
        scaling.must(key, turns >= 0.0, "a number above 0")?;
        Ok(if turns == 0.0 { f64::from(default) } else { turns })
    };
    let (fast, slow) = (turns("beta_fast", 32.0)?, turns("beta_slow", 1.0)?);
    let pair =
        |turns: f64| base.d as f64 * (base.trained / (turns * TAU)).ln() / (2.0 * base.theta.ln());
    let is_cut = scaling.bool_or("truncate", true)?;
    let whole = |x: f64, to: fn(f64) -> f64| if is_cut { to(x) } else { x };
    let low = whole(pair(fast), f64::floor).max(0.0);
    let high = whole(pair(slow), f64::ceil).min(base.d as f64 - 1.0);
    let width = if (high - low).abs() < f64::EPSILON { 0.001 } else { high - low };
    let scaled = |(j, speed): (usize, f64)| {
        let slowed = ((j as f64 - low) / width).clamp(0.0, 1.0);
        slowed * speed / factor + (1.0 - slowed) * speed
    };
    let speeds = base.speeds().into_iter().enumerate().map(scaled).collect();
    let (m, m_all) = (number("mscale", 0.0)?, number("mscale_all_dim", 0.0)?);
    let by_m = if m > 0.0 && m_all > 0.0 {
        grown(factor, m) / grown(factor, m_all)
    } else {
        grown(factor, 1.0)
    };
    let attention = scaling.float_or("attention_factor", by_m as f32)?;
    Ok(ScaledSpeeds { speeds, factor: f64::from(attention) })
}

/// YaRN's factor of scores, by the factor of the stretched text (Peng et al. 2023, section 3.4).
fn grown(scale: f64, m: f64) -> f64 {
    if scale <= 1.0 { 1.0 } else { 0.1 * m * scale.ln() + 1.0 }
}

/// What queries and keys are each multiplied by beside the factor of cosine and sine: DeepSeek. None if that is nothing.
///
/// # Errors
/// If a setting is not a valid number.
pub fn magnitude(config: &Config) -> Result<Option<f32>> {
    let Some(scaling) = config.section("rope_scaling")? else { return Ok(None) };
    let m = f64::from(scaling.float_or("mscale_all_dim", 0.0)?);
    if m == 0.0 {
        return Ok(None);
    }
    Ok(Some(grown(f64::from(scaling.float("factor")?), m) as f32))
}
