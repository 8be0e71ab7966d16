//! The tensors that make one weight, found by their names and checked against each other.

use std::{collections::HashMap, num::NonZeroUsize, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    bits::{Ints, Numbers, Order, axes, lines},
    forms::{Affine, Codebook, Fp8, Grouped, Groups, Int8, NestedScales, Zeros},
};
use crate::{
    engine::value::StoredSize,
    text::visible::shown,
    weights::{
        Config, TensorInfo,
        tensor::{DecodedTensor, Quantised},
    },
};

/// The parts of a weight, put together.
pub struct Parts<'a> {
    /// The name that models ask for.
    name: String,
    form: String,
    quantised: Quantised,
    pub others: Vec<&'a TensorInfo>,
}

impl Parts<'_> {
    pub fn into_tensor(self, first: &TensorInfo) -> TensorInfo {
        let StoredSize { n_lines: lines, len } = self.quantised.source.size();
        let is_transposed = self.quantised.lines_are_inputs;
        let shape = match first.shape[..] {
            _ if is_transposed => vec![len, lines],
            [n, rows, _] => vec![n, rows, len],
            _ => vec![lines, len],
        };
        let n_bytes: usize = self.others.iter().map(|part| part.n_bytes).sum();
        TensorInfo {
            name: self.name,
            shape,
            dtype: self.form,
            form: None,
            n_bytes: first.n_bytes + n_bytes,
            // Of a Conv1D too the form has outputs and then inputs.
            is_transposed: true,
            quantised: Some(self.quantised),
            ..first.clone()
        }
    }
}

/// A tensor, and those that may belong to it.
pub struct TensorContext<'a> {
    pub tensor: &'a TensorInfo,
    pub all: &'a HashMap<&'a str, &'a TensorInfo>,
    pub how: &'a Config,
}

impl<'a> TensorContext<'a> {
    /// The name without this ending.
    fn stem(&self, end: &str) -> Option<&'a str> {
        self.tensor.name.strip_suffix(end)
    }

    fn find(&self, name: &str) -> Option<&'a TensorInfo> {
        self.all.get(name).copied()
    }

    fn needed(&self, name: &str) -> Result<&'a TensorInfo> {
        self.find(name).with_context(|| format!("has no `{}` beside it", shown(name)))
    }

    /// fp8, and integers of eight or fewer bits in lines, with their scales.
    pub fn scaled(&self) -> Result<Option<Parts<'a>>> {
        if let Some(stem) = self.stem(".weight_packed") {
            return self.packed(stem).map(Some);
        }
        let Some(stem) = self.stem(".weight") else { return Ok(None) };
        let names = ["weight_scale_inv", "weight_scale"];
        let scales = names.iter().find_map(|name| self.find(&format!("{stem}.{name}")));
        let Some(scales) = scales else { return Ok(None) };
        let input = ["input_scale", "activation_scale", "weight_zero_point"];
        let input = input.iter().filter_map(|name| self.find(&format!("{stem}.{name}")));
        let others: Vec<_> = [scales].into_iter().chain(input).collect();
        let [n_lines, len] = axes(self.tensor)?;
        let is_integer = self.tensor.dtype == "I8";
        let source: Arc<dyn DecodedTensor> = if is_integer {
            ensure!(
                self.find(&format!("{stem}.weight_zero_point")).is_none(),
                "has zero points, which are not supported for integers of eight bits"
            );
            Arc::new(Int8::of(self.tensor, Numbers::of(scales)?, 1.0, StoredSize { n_lines, len })?)
        } else {
            Arc::new(Fp8::of(self.tensor, scales, self.block()?, StoredSize { n_lines, len })?)
        };
        let form = if is_integer { "int8" } else { "fp8" };
        Ok(Some(parts(stem, form, source, false, others)))
    }

    /// The lines and numbers of a block with a scale of its own, where the settings give them: `weight_block_size`, or
    /// compressed-tensors' `block_structure` of the first group of weights that has one.
    fn block(&self) -> Result<Option<StoredSize>> {
        let of_group = |group: &'a Json| group.get("weights")?.get("block_structure");
        let groups = self.how.get("config_groups").and_then(Json::as_object);
        let of_groups = || groups?.values().find_map(of_group).filter(|size| !size.is_null());
        let size = self.how.get("weight_block_size").filter(|size| !size.is_null());
        let Some(size) = size.or_else(of_groups) else { return Ok(None) };
        let found = <[NonZeroUsize; 2]>::deserialize(size).ok();
        let [rows, cols] = found.context(
            "has blocks whose size, `weight_block_size` or `block_structure`, is not two whole numbers",
        )?;
        Ok(Some(StoredSize::new(rows.get(), cols.get())))
    }

    /// compressed-tensors: integers of few bits along the line, or nvfp4.
    fn packed(&self, stem: &str) -> Result<Parts<'a>> {
        let name = |end: &str| format!("{stem}.{end}");
        let scales = self.needed(&name("weight_scale"))?;
        let global = self.find(&name("weight_global_scale"));
        let [n_lines, n_words] = axes(self.tensor)?;
        let mut others = vec![scales];
        let ends = [
            "weight_shape",
            "weight_zero_point",
            "weight_g_idx",
            "weight_global_scale",
            "input_global_scale",
        ];
        others.extend(ends.iter().filter_map(|end| self.find(&name(end))));
        if self.tensor.dtype == "U8" {
            let global = global.context("has no `weight_global_scale` beside it")?;
            let table = Codebook::nvfp4(
                self.tensor,
                scales,
                global,
                StoredSize::new(n_lines, 2 * n_words),
            )?;
            return Ok(parts(stem, "nvfp4", Arc::new(table), false, others));
        }
        let len = match self.find(&name("weight_shape")) {
            Some(shape) => last_of(shape)?,
            None => 8 * n_words,
        };
        let bits = (32 * n_words) / len.max(1);
        let ints = Ints::of(self.tensor, StoredSize { n_lines, len }, bits, Order::AlongLine)?;
        let n_groups = axes(scales)?[1];
        let zeros = match self.find(&name("weight_zero_point")) {
            None => Zeros::Same((1_u32 << (bits - 1)) as f32),
            Some(zeros) => Zeros::DownPacked(Ints::of(
                zeros,
                StoredSize::new(n_lines, n_groups),
                bits,
                Order::DownLines,
            )?),
        };
        let index = self.find(&name("weight_g_idx")).map(Numbers::of).transpose()?;
        let source =
            Grouped::new(ints, Numbers::of(scales)?, zeros, index, Groups::OfLine(n_groups))?;
        Ok(parts(stem, &format!("int{bits}"), Arc::new(source), false, others))
    }

    /// GPTQ: integers packed down the lines, which are those of inputs (Frantar et al. 2023).
    pub fn gptq(&self) -> Result<Option<Parts<'a>>> {
        let Some(stem) = self.stem(".qweight") else { return Ok(None) };
        let name = |end: &str| format!("{stem}.{end}");
        let (scales, zeros) = (self.needed(&name("scales"))?, self.needed(&name("qzeros"))?);
        let [n_words, len] = axes(self.tensor)?;
        // `dynamic` gives some modules bits of their own: a line of zero points has a number for each output.
        let bits = if self.how.has("dynamic") {
            axes(zeros)?[1] * 32 / len.max(1)
        } else {
            self.how.usize_or("bits", 4)?
        };
        let n_lines = n_words * 32 / bits;
        let ints = Ints::of(self.tensor, StoredSize { n_lines, len }, bits, Order::DownLines)?;
        let n_groups = axes(scales)?[0];
        // The first version of the format stores a zero point less one.
        let is_later = self.how.string_or("checkpoint_format", "gptq")? == "gptq_v2";
        let add = if is_later { 0.0 } else { 1.0 };
        let zeros_packed = Ints::of(zeros, StoredSize::new(n_groups, len), bits, Order::AlongLine)?;
        let mut others = vec![scales, zeros];
        let index = self.find(&name("g_idx"));
        others.extend(index);
        let index = index.map(Numbers::of).transpose()?;
        let zeros = Zeros::Packed(zeros_packed, add);
        let source =
            Grouped::new(ints, Numbers::of(scales)?, zeros, index, Groups::OfLines(n_groups))?;
        Ok(Some(parts(stem, &format!("GPTQ {bits} bit"), Arc::new(source), true, others)))
    }

    /// AWQ: integers packed along the lines, which are those of inputs, in an order of their own (Lin et al. 2024).
    pub fn awq(&self) -> Result<Option<Parts<'a>>> {
        let Some(stem) = self.stem(".qweight") else { return Ok(None) };
        let name = |end: &str| format!("{stem}.{end}");
        let (scales, zeros) = (self.needed(&name("scales"))?, self.needed(&name("qzeros"))?);
        let [n_lines, n_words] = axes(self.tensor)?;
        let size = StoredSize::new(n_lines, n_words * 8);
        let ints = Ints::of(self.tensor, size, 4, Order::Awq)?;
        let n_groups = axes(scales)?[0];
        let zeros_packed = Ints::of(zeros, StoredSize::new(n_groups, size.len), 4, Order::Awq)?;
        let zero_points = Zeros::Packed(zeros_packed, 0.0);
        let groups = Groups::OfLines(n_groups);
        let source = Grouped::new(ints, Numbers::of(scales)?, zero_points, None, groups)?;
        Ok(Some(parts(stem, "AWQ 4 bit", Arc::new(source), true, vec![scales, zeros])))
    }

    /// MLX: integers along the line, a scale and a bias for every group.
    pub fn mlx(&self) -> Result<Option<Parts<'a>>> {
        let Some(stem) = self.stem(".weight") else { return Ok(None) };
        let Some(scales) = self.find(&format!("{stem}.scales")) else { return Ok(None) };
        let biases = self.needed(&format!("{stem}.biases"))?;
        let own = self.how.section(stem).ok().flatten();
        let bits = match &own {
            Some(own) if own.has("bits") => own.usize("bits")?,
            _ => self.how.usize("bits")?,
        };
        ensure!((2..=8).contains(&bits), "has numbers of {bits} bits, want 2 to 8");
        let [n_lines, n_words] = lines(self.tensor)?;
        let len = n_words * 32 / bits;
        let ints = Ints::of(self.tensor, StoredSize { n_lines, len }, bits, Order::AlongLine)?;
        let source = Affine::of(ints, scales, biases)?;
        Ok(Some(parts(
            stem,
            &format!("MLX {bits} bit"),
            Arc::new(source),
            false,
            vec![scales, biases],
        )))
    }

    /// bitsandbytes: a table of 16 numbers with scales that may be quantised too (Dettmers et al. 2023), or eight bits.
    pub fn bitsandbytes(&self) -> Result<Option<Parts<'a>>> {
        let Some(stem) = self.stem(".weight") else { return Ok(None) };
        if let Some(scales) = self.find(&format!("{stem}.SCB")) {
            let [n_lines, len] = axes(self.tensor)?;
            let source = Int8::of(
                self.tensor,
                Numbers::of(scales)?,
                1.0 / 127.0,
                StoredSize { n_lines, len },
            )?;
            let format = self.find(&format!("{stem}.weight_format"));
            let others = [scales].into_iter().chain(format).collect();
            return Ok(Some(parts(stem, "int8", Arc::new(source), false, others)));
        }
        let beside = |end: &str| self.find(&format!("{stem}.weight.{end}"));
        let Some(absmax) = beside("absmax") else { return Ok(None) };
        let states =
            ["nf4", "fp4"].map(|kind| (kind, beside(&format!("quant_state.bitsandbytes__{kind}"))));
        let state = states.iter().find_map(|(kind, state)| Some((*kind, (*state)?)));
        let (kind, state) = state.context("has no `quant_state` beside it")?;
        let settings: Json = serde_json::from_slice(state.bytes())
            .ok()
            .filter(Json::is_object)
            .context("has a `quant_state` that is not valid JSON")?;
        let shape =
            settings.get("shape").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let axis = |i: usize| shape.get(i).and_then(Json::as_u64).filter(|n| *n <= 1 << 24);
        let (Some(n_lines), Some(len), 2) = (axis(0), axis(1), shape.len()) else {
            bail!("has a `quant_state` whose `shape` is not two sizes")
        };
        let map = beside("quant_map").context("has no `quant_map` beside it")?;
        let nested = match (beside("nested_absmax"), beside("nested_quant_map")) {
            (Some(absmax), Some(map)) => Some(NestedScales { absmax, map }),
            _ => None,
        };
        let mut others = vec![absmax, map, state];
        others.extend(nested.into_iter().flat_map(|of| [of.absmax, of.map]));
        let size = StoredSize::new(n_lines as usize, len as usize);
        let table = Codebook::bitsandbytes(self.tensor, absmax, map, nested, &settings, size)?;
        Ok(Some(parts(stem, kind, Arc::new(table), false, others)))
    }
}

/// The weight of a module, put together; `lines_are_inputs` as in [`Quantised`].
fn parts<'a>(
    stem: &str,
    form: &str,
    source: Arc<dyn DecodedTensor>,
    lines_are_inputs: bool,
    others: Vec<&'a TensorInfo>,
) -> Parts<'a> {
    let quantised = Quantised { source, lines_are_inputs };
    Parts { name: format!("{stem}.weight"), form: form.to_owned(), quantised, others }
}

/// The last of the sizes that a tensor holds.
fn last_of(shape: &TensorInfo) -> Result<usize> {
    let sizes = Numbers::of(shape)?;
    let n = sizes.len().checked_sub(1).map(|last| sizes.get(last));
    let n = n.filter(|n| *n >= 1.0 && *n <= 16_777_216.0);
    Ok(n.context("has a `weight_shape` that is not two sizes")? as usize)
}
