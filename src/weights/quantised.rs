//! The quantised forms of Hugging Face's folders: a weight that is several tensors, made one again.
//!
//! | form | tensors beside one another | a number |
//! | --- | --- | --- |
//! | fp8 | `weight`, `weight_scale_inv` or `weight_scale` | q s, a scale a block, a line or the tensor |
//! | int8 (`compressed-tensors`, bitsandbytes) | `weight`, `weight_scale` or `SCB` | q s, a scale a line |
//! | bitsandbytes nf4, fp4 | `weight`, `weight.absmax`, `weight.quant_map`, `weight.quant_state...` | table[q] s |
//! | GPTQ, AWQ | `qweight`, `qzeros`, `scales`, `g_idx` | (q - z) s |
//! | compressed-tensors | `weight_packed`, `weight_scale`, `weight_zero_point`, `weight_global_scale` | (q - z) s |
//! | MLX affine | `weight`, `scales`, `biases` | q s + b |
//!
//! [`joined`] replaces the parts by one tensor of the name that a model asks for; its numbers are decoded in f32 when they
//! are read, and stay packed in their file. Which tensors belong together is for
//! [`beside`], which bits make a number for [`bits`] and [`forms`].

mod beside;
mod bits;
mod forms;

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use anyhow::{Context, Result};
use serde_json::Value as Json;

use super::{
    Config, ExpectedWeight, LineBlocks, LineSections, TensorInfo,
    tensor::{DecodedTensor, Quantised},
    wanted::FilePart,
};
use crate::{
    engine::value::{Lines, Stored, StoredSize, Value},
    text::visible::shown,
};
use beside::TensorContext;

/// Methods whose parts are put together; `mxfp4` is for the experts of gpt-oss alone.
const METHODS: [&str; 8] =
    ["fp8", "fbgemm_fp8", "bitsandbytes", "gptq", "awq", "compressed-tensors", "mxfp4", "mlx"];

/// The keys of how weights are quantised: Hugging Face's, and that of MLX.
const QUANTIZED: [&str; 2] = ["quantization_config", "quantization"];

/// How the weights of a checkpoint are quantised.
struct Method {
    /// The key of config.json that says so.
    key: &'static str,
    name: String,
    settings: Config,
}

impl Config {
    /// How the weights are quantised; None if they are not.
    fn method(&self) -> Option<Method> {
        let key = QUANTIZED.into_iter().find(|key| self.get(key).is_some_and(Json::is_object))?;
        let settings = self.section(key).ok()??;
        let name = settings.get("quant_method").and_then(Json::as_str).map(str::to_owned);
        // MLX does not name itself.
        let is_mlx = name.is_none() && settings.has("group_size") && settings.has("bits");
        let name = name.or_else(|| is_mlx.then(|| "mlx".to_owned()));
        Some(Method { key, name: name.unwrap_or_default(), settings })
    }

    /// How the weights are quantised, as a sentence that says that this is not read; None if it is, or if they are not.
    pub fn quantization(&self) -> Option<String> {
        let Method { key, name, settings } = self.method()?;
        let why = if METHODS.contains(&name.as_str()) {
            refused(&name, &settings)?
        } else {
            let by = if name.is_empty() { String::new() } else { format!(" by {}", shown(&name)) };
            return Some(format!(
                "{}: `{key}` says that the weights are quantised{by}, which is not supported; supported: {}",
                self.file(),
                METHODS.join(", ")
            ));
        };
        Some(format!("{}: `{key}`: {why}", self.file()))
    }
}

/// What a setting of a method has that is not read.
fn refused(method: &str, how: &Config) -> Option<String> {
    let number = |key: &str| how.get(key).and_then(Json::as_u64);
    let text = |key: &str| how.get(key).and_then(Json::as_str).map(str::to_lowercase);
    let not_read = |key: &str, value: &str, read: &str| {
        Some(format!("`{key}` is {}, which is not supported; supported: {read}", shown(value)))
    };
    match method {
        "gptq" => {
            let bits = number("bits").unwrap_or(4);
            let is_known = [2, 4, 8].contains(&bits);
            if is_known { None } else { not_read("bits", &bits.to_string(), "2, 4 and 8") }
        }
        "awq" => {
            let (bits, version) = (number("bits").unwrap_or(4), text("version"));
            let version = version.unwrap_or_else(|| "gemm".into());
            match (bits, version.as_str()) {
                (4, "gemm" | "exllama" | "ipex") => None,
                (4, other) => not_read("version", other, "gemm"),
                (bits, _) => not_read("bits", &bits.to_string(), "4"),
            }
        }
        "mlx" => {
            let mode = text("mode").unwrap_or_else(|| "affine".into());
            if mode == "affine" { None } else { not_read("mode", &mode, "affine") }
        }
        "compressed-tensors" => {
            let format = text("format").unwrap_or_default();
            let known = [
                "pack-quantized",
                "int-quantized",
                "float-quantized",
                "nvfp4-pack-quantized",
                "naive-quantized",
                "dense",
            ];
            if known.contains(&format.as_str()) {
                None
            } else {
                not_read("format", &format, &known.join(", "))
            }
        }
        _ => None,
    }
}

/// The tensors of a folder with those put together that are parts of one weight.
///
/// # Errors
/// Naming the tensor, if parts are missing or do not fit each other.
pub fn joined(tensors: Vec<TensorInfo>, config: &Config) -> Result<Vec<TensorInfo>> {
    let Some(Method { name, settings, .. }) = config.method() else { return Ok(tensors) };
    if config.quantization().is_some() || name == "mxfp4" {
        return Ok(tensors);
    }
    let all: HashMap<&str, &TensorInfo> = tensors.iter().map(|t| (t.name.as_str(), t)).collect();
    let (mut made, mut taken) = (HashMap::new(), HashSet::new());
    for tensor in &tensors {
        let beside = TensorContext { tensor, all: &all, how: &settings };
        let found = match name.as_str() {
            "gptq" => beside.gptq(),
            "awq" => beside.awq(),
            "mlx" => beside.mlx(),
            "bitsandbytes" => beside.bitsandbytes(),
            _ => beside.scaled(),
        };
        let found = found.with_context(|| format!("{}: `{}`", tensor.file(), tensor.shown()))?;
        let Some(parts) = found else { continue };
        for part in &parts.others {
            taken.insert(part.name.clone());
        }
        made.insert(tensor.name.clone(), parts.into_tensor(tensor));
    }
    let kept = tensors.into_iter().filter_map(|tensor| match made.remove(&tensor.name) {
        Some(made) => Some(made),
        None => (!taken.contains(&tensor.name)).then_some(tensor),
    });
    Ok(kept.collect())
}

/// Some lines of a quantised tensor, and of each some numbers.
struct Part {
    source: Arc<dyn DecodedTensor>,
    lines: LineSections,
    numbers: LineSections,
    size: StoredSize,
}

impl Quantised {
    /// The weight that a model wants of this tensor.
    pub fn weight(&self, wanted: &ExpectedWeight) -> Value {
        let FilePart { lines, numbers, stand } = wanted.part(true);
        let whole = |range: &Range<usize>| {
            let (first, len) = (range.start, range.len().max(1));
            LineSections::from(LineBlocks { first, block: len, stride: len, whole: 0 })
        };
        let blocks = wanted.layout.blocks(wanted.shape.1);
        let (n_lines, n_numbers) = (lines.len(), numbers.len());
        let (of_lines, of_numbers) = (blocks.unwrap_or_else(|| whole(&lines)), whole(&numbers));
        let part = if self.lines_are_inputs {
            Part {
                source: Arc::clone(&self.source),
                lines: of_numbers,
                numbers: of_lines,
                size: StoredSize::new(n_numbers, n_lines),
            }
        } else {
            Part {
                source: Arc::clone(&self.source),
                lines: of_lines,
                numbers: of_numbers,
                size: StoredSize::new(n_lines, n_numbers),
            }
        };
        let stand = match (stand, self.lines_are_inputs) {
            (Lines::Rows, true) => Lines::Columns,
            (Lines::Columns, true) => Lines::Rows,
            (stand, false) => stand,
        };
        Value::stored(Arc::new(part), stand)
    }
}

impl Stored for Part {
    fn size(&self) -> StoredSize {
        self.size
    }

    fn number(&self, line: usize, i: usize) -> f32 {
        let mut number = [0.0];
        self.read_part(line, i..i + 1, &mut number);
        number[0]
    }

    fn read(&self, lines: Range<usize>, out: &mut [f32]) {
        let len = self.size.len;
        for (line, out) in lines.zip(out.chunks_exact_mut(len)) {
            self.read_part(line, 0..len, out);
        }
    }

    fn read_part(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
        let line = self.lines.line(line);
        let mut at = numbers.start;
        let mut rest = out;
        while at < numbers.end {
            // The numbers that follow one another in the whole.
            let n = self.numbers.n_following(at).min(numbers.end - at);
            let first = self.numbers.line(at);
            let (now, later) = rest.split_at_mut(n);
            self.source.read(line, first..first + n, now);
            rest = later;
            at += n;
        }
    }
}
