//! Adapters: what fine-tuning changes in a model, kept beside it (Hu et al. 2022, *LoRA*), in the folders that PEFT writes.
//!
//! A weight becomes `W + s B A` with two thin matrices A and B, and `s = alpha / r`, or `alpha / sqrt(r)` (Kalajdzievski
//! 2023, rslora). The base stays in its file and nothing of its size is made: [`Adapted`] adds the product where lines
//! are read, and [`crate::engine::math::times`] multiplies by the two apart. Weights that an adapter holds whole replace
//! those of the model. All settings that are not run are refused together, by their names.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    path::Path,
    sync::Arc,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value as Json;

use super::{
    BODIES, Checkpoint, Config, ExpectedWeight, Packed, TensorInfo, WHY_NO_PICKLE, WeightLayout,
    config::TIED,
    folder::ADAPTER,
    listed,
    mapped::Mapped,
    safetensors, small,
    tensor::dimensions,
    wanted::{FilePart, OUTPUTS},
};
use crate::{
    engine::value::{LowRank, Matrix, Stored, StoredSize, Value},
    text::visible::shown,
};

const WEIGHTS: &str = "adapter_model.safetensors";
const PICKLE: &str = "adapter_model.bin";

/// What stands before the names of the model's own tensors.
const PREFIX: &str = "base_model.model.";

/// The endings of the names of the thin matrices; `.default` is the name of an adapter that was saved with it.
const A: [&str; 3] = [".lora_A.weight", ".lora_A.default.weight", ".lora_embedding_A"];
const B: [&str; 3] = [".lora_B.weight", ".lora_B.default.weight", ".lora_embedding_B"];

/// Parts of names that PEFT puts into those of tensors that it wraps.
const WRAPS: [&str; 3] = [".modules_to_save.default", ".modules_to_save", ".base_layer"];

/// The highest rank that is read.
const HIGHEST_RANK: usize = 1024;

/// Settings that change what is computed and are not run, and the values that leave it as it is.
const REFUSED: [(&str, &[&str]); 12] = [
    ("use_dora", &["false"]),
    ("use_qalora", &["false"]),
    ("lora_bias", &["false"]),
    ("layer_replication", &["null", "[]"]),
    ("trainable_token_indices", &["null", "[]", "{}"]),
    ("target_parameters", &["null", "[]"]),
    ("alora_invocation_tokens", &["null", "[]"]),
    ("alora_invocation_string", &["null", "\"\""]),
    ("use_bdlora", &["null", "false"]),
    ("monteclora_config", &["null"]),
    ("arrow_config", &["null"]),
    ("velora_config", &["null"]),
];

/// Ways to begin training that change the model's own weights.
const CHANGES_BASE: [&str; 5] = ["pissa", "olora", "corda", "loftq", "lora_ga"];

/// An adapter, compared with the model that it changes.
pub struct Adapter {
    title: String,
    method: &'static str,
    updates: HashMap<String, Update>,
    /// Whole tensors, by the name of that which each replaces.
    replaced: HashMap<String, TensorInfo>,
}

/// The two thin matrices of a weight.
pub struct Update {
    /// (rank, in)
    a: Matrix,
    /// (out, rank), with the factor.
    b: Matrix,
    is_table: bool,
}

impl Adapter {
    /// # Errors
    /// If the folder is not an adapter's, a setting is not run, or a tensor does not fit the model.
    pub fn open(folder: &Path, model: &Checkpoint) -> Result<Self> {
        let name = shown(&folder.to_string_lossy());
        let settings = small(folder, ADAPTER)?.with_context(|| {
            format!("{name} is not the folder of an adapter; there is no {ADAPTER} in it")
        })?;
        let settings =
            Config::from_json(shown(&folder.join(ADAPTER).to_string_lossy()), &settings)?;
        check(&settings)?;
        let tensors = tensors(folder, &name)?;
        let opened = Opened { settings: &settings, model };
        let (updates, replaced) = opened.matched(tensors)?;
        ensure!(!updates.is_empty() || !replaced.is_empty(), "{name} changes nothing");
        let title =
            folder.file_name().map_or_else(|| name.clone(), |n| shown(&n.to_string_lossy()));
        let method = if is_rank_stable(&settings)? { "rank-stabilised LoRA" } else { "LoRA" };
        Ok(Self { title, method, updates, replaced })
    }

    /// The tensor that stands in place of this one.
    pub fn replaced(&self, name: &str) -> Option<&TensorInfo> {
        self.replaced.get(name)
    }

    /// What is added to the tensor of this name.
    pub fn update(&self, name: &str) -> Option<&Update> {
        self.updates.get(name)
    }

    /// `sql-lora: LoRA of rank 8 in 14 weights, 2 weights replaced`; what it changes in parts that are not run is counted
    /// apart.
    pub fn describe(&self, is_run: impl Fn(&str) -> bool) -> String {
        let updates = self.updates.iter().filter(|(name, _)| is_run(name));
        let ranks: Vec<usize> = updates.map(|(_, update)| update.a.nrows()).collect();
        let n_replaced = self.replaced.keys().filter(|name| is_run(name)).count();
        let n_idle = self.updates.len() + self.replaced.len() - ranks.len() - n_replaced;
        let rank = match (ranks.iter().min(), ranks.iter().max()) {
            (Some(low), Some(high)) if low < high => format!("{low} to {high}"),
            (Some(rank), _) => rank.to_string(),
            _ => "0".into(),
        };
        let weights = |n: usize| if n == 1 { "1 weight".into() } else { format!("{n} weights") };
        let n = weights(ranks.len());
        let replaced = match n_replaced {
            0 => String::new(),
            n => format!(", {} replaced", weights(n)),
        };
        let idle = match n_idle {
            0 => String::new(),
            n => format!("; {n} more of parts that are not run"),
        };
        format!("{}: {} of rank {rank} in {n}{replaced}{idle}", self.title, self.method)
    }
}

/// Names every setting that is not run.
fn check(settings: &Config) -> Result<()> {
    let kind = settings.string_or("peft_type", "")?;
    settings.must("peft_type", kind == "LORA", "LORA, the only kind of adapter that is read")?;
    let is_other = |(key, plain): &&(&str, &[&str])| {
        settings.get(key).is_some_and(|value| !plain.contains(&value.to_string().as_str()))
    };
    let refused = REFUSED.iter().filter(is_other);
    let fault = |key: &str| settings.must(key, false, "a LoRA without it").err();
    let starts = settings.get("init_lora_weights").and_then(Json::as_str).unwrap_or_default();
    let changes = CHANGES_BASE.iter().any(|way| starts.starts_with(way));
    let init = changes.then(|| {
        let wanted = "a way that leaves the model's own weights as they are";
        settings.must("init_lora_weights", false, wanted).err()
    });
    let faults = refused.filter_map(|(key, _)| fault(key)).chain(init.flatten());
    let faults = faults.chain(names_alone(settings).err());
    let faults: Vec<String> = faults.map(|fault| format!("{fault:#}")).collect();
    if faults.is_empty() { Ok(()) } else { bail!(faults.join("\n")) }
}

fn is_rank_stable(settings: &Config) -> Result<bool> {
    settings.bool_or("use_rslora", false)
}

fn tensors(folder: &Path, name: &str) -> Result<Vec<TensorInfo>> {
    let path = folder.join(WEIGHTS);
    if path.symlink_metadata().is_err() {
        let is_pickled = folder.join(PICKLE).symlink_metadata().is_ok();
        ensure!(!is_pickled, "{name} holds {PICKLE}, a pickle; {WHY_NO_PICKLE}");
        bail!("{name} has no {WEIGHTS}; fetch it again");
    }
    safetensors::tensors(&Arc::new(Mapped::open(&path)?))
}

/// An adapter's settings and the model.
struct Opened<'a> {
    settings: &'a Config,
    model: &'a Checkpoint,
}

/// The thin matrices of one weight in the file.
#[derive(Default)]
struct Pair {
    a: Option<TensorInfo>,
    b: Option<TensorInfo>,
    is_table: bool,
}

impl Opened<'_> {
    /// The changes by the name of the tensor that each is for.
    fn matched(
        &self,
        tensors: Vec<TensorInfo>,
    ) -> Result<(HashMap<String, Update>, HashMap<String, TensorInfo>)> {
        let (mut pairs, mut whole) = (BTreeMap::<String, Pair>::new(), vec![]);
        for tensor in tensors {
            let ending =
                |ends: [&'static str; 3]| ends.into_iter().find(|end| tensor.name.ends_with(end));
            let (of_a, of_b) = (ending(A), ending(B));
            let Some(end) = of_a.or(of_b) else {
                whole.push(tensor);
                continue;
            };
            let module = tensor.name[..tensor.name.len() - end.len()].to_owned();
            let pair = pairs.entry(module).or_default();
            pair.is_table |= end.contains("embedding");
            *(if of_a.is_some() { &mut pair.a } else { &mut pair.b }) = Some(tensor);
        }
        let (mut updates, mut replaced, mut faults) = (HashMap::new(), HashMap::new(), vec![]);
        for (module, pair) in pairs {
            match self.update(&module, &pair) {
                Ok((name, update)) => drop(updates.insert(name, update)),
                Err(fault) => faults.push(format!("{}: {fault:#}", shown(&module))),
            }
        }
        for tensor in whole {
            match self.replacement(&tensor) {
                Ok(name) => drop(replaced.insert(name, tensor)),
                Err(fault) => faults.push(format!("{}: {fault:#}", tensor.shown())),
            }
        }
        ensure!(
            faults.is_empty(),
            "the adapter of {} does not fit {}:{}",
            self.settings.file(),
            self.model.name(),
            listed(&faults)
        );
        Ok((updates, replaced))
    }

    fn update(&self, module: &str, pair: &Pair) -> Result<(String, Update)> {
        let (a, b) = pair.a.as_ref().zip(pair.b.as_ref()).context("has only one of A and B")?;
        let ([rank, n_in], [n_out, of_b]) = (axes(a)?, axes(b)?);
        ensure!(rank == of_b, "has A of rank {rank} and B of rank {of_b}");
        ensure!((1..=HIGHEST_RANK).contains(&rank), "has rank {rank}, the limit is {HIGHEST_RANK}");
        let target = self.target(&format!("{}.weight", plain(module)))?;
        let sizes = if pair.is_table { [n_in, n_out] } else { [n_out, n_in] };
        let is_same = target.shape == sizes || target.shape == [sizes[1], sizes[0]];
        ensure!(
            is_same,
            "is for a weight of {}, but `{}` is {}",
            dimensions(&sizes),
            shown(&target.name_in_file),
            dimensions(&target.shape)
        );
        if pair.is_table {
            self.check_table()?;
        }
        let factor = self.factor(&plain(module), rank)?;
        let update = Update { a: decoded(a)?, b: decoded(b)? * factor, is_table: pair.is_table };
        Ok((target.name.clone(), update))
    }

    /// The name of the tensor that this one replaces.
    fn replacement(&self, tensor: &TensorInfo) -> Result<String> {
        let target = self.target(&plain(&tensor.name))?;
        ensure!(
            !self.model.is_gguf(),
            "replaces a tensor of the model, which is supported for a Hugging Face folder, not for a GGUF file"
        );
        ensure!(
            target.shape == tensor.shape,
            "is {}, but the model's is {}",
            dimensions(&tensor.shape),
            dimensions(&target.shape)
        );
        if target.shape.first() == Some(&self.model.config().usize_or("vocab_size", 0)?) {
            self.check_table()?;
        }
        Ok(target.name.clone())
    }

    /// Where logits use the table of embeddings, it is not known what an adapter of that table means for them.
    fn check_table(&self) -> Result<()> {
        let has_own = self.model.tensors().iter().any(|t| t.name.ends_with("lm_head.weight"));
        let is_tied = !has_own && self.model.config().bool_or(TIED, true)?;
        ensure!(
            !is_tied,
            "changes the table of embeddings, which the logits use too; that is not supported"
        );
        Ok(())
    }

    /// The model's tensor of this name, whichever of the two was saved with more before it: the names of modules are those
    /// in memory, which files of models that also see do not have.
    fn target(&self, name: &str) -> Result<&TensorInfo> {
        let starts = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
        let mut names = [name].into_iter().chain(starts).filter(|name| name.contains('.'));
        let longer = || {
            let end = format!(".{name}");
            let mut found = self.model.tensors().iter().filter(|t| t.name.ends_with(&end));
            found.next().filter(|_| found.next().is_none())
        };
        let elsewhere = || {
            let rests = BODIES.iter().filter_map(|body| name.strip_prefix(body));
            let mut names =
                rests.flat_map(|rest| BODIES.iter().map(move |body| format!("{body}{rest}")));
            names.find_map(|name| self.model.tensor(&name))
        };
        let target = names.find_map(|name| self.model.tensor(name));
        let target = target.or_else(elsewhere).or_else(longer);
        ensure!(
            target.is_some() || !OUTPUTS.iter().any(|output| name.ends_with(output)),
            "changes the map to the logits, for which the model takes its table of embeddings; that is not supported"
        );
        let brings_head =
            HEADS.iter().any(|head| name == *head || name.ends_with(&format!(".{head}")));
        ensure!(
            target.is_some() || !brings_head,
            "is of a head of classes, which a `{}` does not have; merge the adapter in Python (`merge_and_unload`) and open \
             the folder that is saved then",
            shown(self.model.config().class().unwrap_or("model"))
        );
        let target = target.with_context(|| {
            format!("the model has no tensor `{}`; is it another model's adapter?", shown(name))
        })?;
        let is_sorted = self.model.is_gguf() && name.contains("query_key_value");
        ensure!(!is_sorted, "GGUF files have other rows of it; give the Hugging Face folder");
        Ok(target)
    }

    /// What the product is multiplied by: `alpha / r`, or `alpha / sqrt(r)`.
    fn factor(&self, module: &str, rank: usize) -> Result<f32> {
        let patterns = self.settings.section(PATTERNS)?;
        let own = patterns.map_or(Ok(None), |patterns| of_pattern(&patterns, module))?;
        let alpha = match own {
            Some(alpha) => alpha,
            None => self.settings.float_or("lora_alpha", 8.0)?,
        };
        let rank = rank as f32;
        Ok(alpha / if is_rank_stable(self.settings)? { rank.sqrt() } else { rank })
    }
}

/// The maps to classes that an adapter of a classifier brings along.
const HEADS: [&str; 6] = [
    "classifier.weight",
    "classifier.bias",
    "score.weight",
    "score.bias",
    "qa_outputs.weight",
    "qa_outputs.bias",
];

/// Numbers of its own for some modules.
const PATTERNS: &str = "alpha_pattern";

/// Checks that patterns are names, not expressions.
fn names_alone(settings: &Config) -> Result<()> {
    let Some(patterns) = settings.section(PATTERNS)? else { return Ok(()) };
    let is_expression =
        |key: &&str| key.contains(['^', '$', '*', '+', '?', '(', '[', '{', '|', '\\']);
    let expressions: Vec<&str> = patterns.keys().filter(is_expression).collect();
    ensure!(
        expressions.is_empty(),
        "`{PATTERNS}` has expressions, and only names are supported: {}",
        quoted(&expressions)
    );
    Ok(())
}

/// The first names, and how many more there are.
fn quoted(names: &[&str]) -> String {
    const MOST_NAMED: usize = 6;
    let more = names.len().saturating_sub(MOST_NAMED);
    let named = names.iter().take(MOST_NAMED).map(|name| format!("`{}`", shown(name)));
    let more = (more > 0).then(|| format!("and {more} more"));
    named.chain(more).collect::<Vec<_>>().join(", ")
}

/// The number for a module among those by pattern: the end of its name. Of several that fit, PEFT takes the first of the
/// file, whose order is not read here.
fn of_pattern(patterns: &Config, module: &str) -> Result<Option<f32>> {
    let fits = |key: &&str| {
        module == *key || module.strip_suffix(key).is_some_and(|rest| rest.ends_with('.'))
    };
    let names: Vec<&str> = patterns.keys().filter(fits).collect();
    let numbers = names.iter().map(|name| patterns.float(name)).collect::<Result<Vec<f32>>>()?;
    ensure!(
        numbers.windows(2).all(|two| two[0].to_bits() == two[1].to_bits()),
        "has several numbers in `{PATTERNS}`, of which the order in the file decides, and that is not read: {}; leave one",
        quoted(&names)
    );
    Ok(numbers.first().copied())
}

/// A name without what PEFT adds to it.
fn plain(name: &str) -> String {
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    WRAPS.iter().fold(name.to_owned(), |name, wrap| name.replace(wrap, ""))
}

fn axes(tensor: &TensorInfo) -> Result<[usize; 2]> {
    match tensor.shape[..] {
        [rows, cols] => Ok([rows, cols]),
        _ => bail!("has a part of {}, want two axes", dimensions(&tensor.shape)),
    }
}

/// A thin matrix, decoded.
fn decoded(tensor: &TensorInfo) -> Result<Matrix> {
    let [rows, cols] = axes(tensor)?;
    let packed = Packed::of(tensor, cols, 0..rows, 0..cols)?;
    let mut numbers = vec![0.0; rows * cols];
    packed.read(0..rows, &mut numbers);
    Ok(Matrix::from_row_slice(rows, cols, &numbers))
}

impl Update {
    /// The weight with the product added, as a view of both.
    ///
    /// # Errors
    /// If the tensor is laid out in a way that the product cannot follow.
    pub fn added_to(
        &self,
        wanted: &ExpectedWeight,
        tensor: &TensorInfo,
        base: &Value,
    ) -> Result<Arc<Value>> {
        let kept = base.as_stored().context("is a vector, to which no product can be added")?;
        let FilePart { lines, numbers, .. } = wanted.part(tensor.is_transposed);
        // Whether the tensor's lines are inputs: rows of a table, and of a Conv1D as Hugging Face stores it.
        let is_conv1d =
            matches!(wanted.layout, WeightLayout::Conv1d | WeightLayout::Conv1dColumns(_));
        let are_inputs = self.is_table || (is_conv1d && !tensor.is_transposed);
        let (left, right) = if are_inputs {
            (self.a.transpose(), self.b.transpose())
        } else {
            (self.b.clone(), self.a.clone())
        };
        let is_whole = tensor.shape == [left.nrows(), right.ncols()];
        ensure!(is_whole, "is {}, which its adapter does not fit", dimensions(&tensor.shape));
        let blocks = wanted.layout.blocks(wanted.shape.1);
        let line = |i| blocks.as_ref().map_or(lines.start + i, |blocks| blocks.line(i));
        let left = Matrix::from_fn(lines.len(), left.ncols(), |i, r| left[(line(i), r)]);
        let right = right.columns(numbers.start, numbers.len()).into_owned();
        // Forms whose lines are inputs, where the tensor's are outputs.
        let is_transposed = tensor.quantised.as_ref().is_some_and(|how| how.lines_are_inputs);
        let (left, right) =
            if is_transposed { (right.transpose(), left.transpose()) } else { (left, right) };
        let source = Adapted { base: Arc::clone(&kept.source), left, right };
        Ok(Arc::new(Value::stored(Arc::new(source), kept.lines)))
    }
}

/// Lines of a base with a product of two thin matrices added.
struct Adapted {
    base: Arc<dyn Stored>,
    /// (line, rank)
    left: Matrix,
    /// (rank, number)
    right: Matrix,
}

impl Adapted {
    /// Adds the product's part of a line. out (number)
    fn add(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
        for (r, &factor) in self.left.row(line).iter().enumerate() {
            let right = self.right.row(r);
            for (out, i) in out.iter_mut().zip(numbers.clone()) {
                *out += factor * right[i];
            }
        }
    }
}

impl Stored for Adapted {
    fn size(&self) -> StoredSize {
        self.base.size()
    }

    fn number(&self, line: usize, i: usize) -> f32 {
        let mut number = [self.base.number(line, i)];
        self.add(line, i..i + 1, &mut number);
        number[0]
    }

    fn read(&self, lines: Range<usize>, out: &mut [f32]) {
        let len = self.size().len;
        self.base.read(lines.clone(), out);
        for (line, out) in lines.zip(out.chunks_exact_mut(len)) {
            self.add(line, 0..len, out);
        }
    }

    fn block(&self) -> usize {
        self.base.block()
    }

    fn read_part(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
        self.base.read_part(line, numbers.clone(), out);
        self.add(line, numbers, out);
    }

    fn low_rank(&self) -> Option<LowRank<'_>> {
        Some(LowRank { base: &self.base, left: &self.left, right: &self.right })
    }
}
