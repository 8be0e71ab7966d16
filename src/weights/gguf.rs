//! The GGUF format, versions 2 and 3: counts, metadata, a table of tensors, then their bytes.
//!
//! Source: the specification in the `ggml` repository, docs/gguf.md.

mod metadata;
mod names;
mod settings;
mod vocab;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use anyhow::{Context, Result, bail, ensure};

use super::{
    Config, Dtype, LONGEST_NAME, Packed, TensorInfo, WHY_NO_PICKLE, is_pickle,
    mapped::Mapped,
    pairs::MOST_TENSORS,
    tensor::RowOrder,
    tensor::{LONG_FACTORS, ROPE_FACTORS, SHORT_FACTORS, checked_shape, n_bytes, no_overlap},
};
use crate::{
    engine::value::Stored,
    text::{GgufVocab, visible::shown},
};
pub use names::{is_in_gguf, name_in_file};
pub use settings::WITH_EXPERTS;

use metadata::{Cursor, Metadata};
use settings::{LongFactors, TensorSettings, settings};

const MAGIC: [u8; 4] = *b"GGUF";

/// The default alignment of tensors, in bytes.
const ALIGNMENT: u64 = 32;

/// Formats that are recognised but not read: type id, name, numbers and bytes of a block.
const OTHERS: [(u32, &str, usize, usize); 7] = [
    (9, "Q8_1", 32, 40),
    (15, "Q8_K", 256, 292),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (41, "Q1_0", 128, 18),
];

/// The content of a GGUF file under Hugging Face's names.
pub struct Gguf {
    pub config: Config,
    pub tensors: Vec<TensorInfo>,
    pub vocab: Option<GgufVocab>,
    pub chat_template: Option<String>,
}

/// What precedes the tensors of a file.
struct Header<'a> {
    metadata: Metadata<'a>,
    entries: Vec<TableEntry>,
    /// The offset of the tensors' bytes.
    data: u64,
}

/// The model in a file, or in all parts of a split one, in order.
///
/// # Errors
/// Naming file, tensor and fault.
pub fn open(parts: &[PathBuf]) -> Result<Gguf> {
    let files = parts.iter().map(|part| Ok(Arc::new(Mapped::open(part)?)));
    let files = files.collect::<Result<Vec<_>>>()?;
    let headers = files.iter().enumerate().map(|(i, file)| part(file, i, files.len()));
    let headers = headers.collect::<Result<Vec<_>>>()?;
    let (file, header) = files.first().zip(headers.first()).context("no part is given")?;
    let architecture = architecture(&header.metadata).with_context(|| file.name.clone())?;
    let mut tensors = vec![];
    for (file, Header { entries, data, .. }) in files.iter().zip(&headers) {
        let metadata = &header.metadata;
        let reader = TensorReader { file, metadata, architecture: &architecture, data: *data };
        tensors.extend(reader.tensors(entries).with_context(|| file.name.clone())?);
    }
    all_there(&header.metadata, tensors.len()).with_context(|| file.name.clone())?;
    let settings = settings(&header.metadata, &architecture, &tensor_settings(&tensors));
    let config = Config::new(metadata_of(&file.name), settings);
    let vocab = vocab::vocab(&header.metadata, &architecture).with_context(|| file.name.clone())?;
    let chat_template = header.metadata.text("tokenizer.chat_template");
    Ok(Gguf { config, tensors, vocab, chat_template })
}

/// What the metadata of a file are called in messages.
pub fn metadata_of(name: &str) -> String {
    format!("{name}: metadata")
}

/// The header of a file that is this part, counted from 0, of so many.
fn part(file: &Mapped, number: usize, n_parts: usize) -> Result<Header<'_>> {
    let read = || {
        let header = header(file)?;
        let count = |key| header.metadata.whole(key).unwrap_or(0);
        let (at, of) = (count("split.no"), count("split.count").max(1));
        ensure!(
            of == n_parts as u64 && at == number as u64,
            "says that it is part {} of {of}, but is read as part {} of {n_parts}; parts lie in one folder, \
             with the names they had when they were split, as in model-00001-of-0000{of}.gguf",
            at.saturating_add(1),
            number + 1
        );
        Ok(header)
    };
    read().with_context(|| file.name.clone())
}

fn header(file: &Mapped) -> Result<Header<'_>> {
    let mut cursor = Cursor::new(file.bytes());
    let (n_tensors, n_entries) = counts(&mut cursor)?;
    let metadata = Metadata::read(&mut cursor, n_entries)?;
    let entries = entries(&mut cursor, n_tensors)?;
    let data = data(&metadata, cursor.at)?;
    Ok(Header { metadata, entries, data })
}

fn architecture(metadata: &Metadata) -> Result<String> {
    let found = metadata.text("general.architecture");
    let found = found.context("does not name its architecture: `general.architecture`")?;
    ensure!(
        found.len() <= LONGEST_NAME,
        "names an architecture of {} bytes, the limit is {LONGEST_NAME}; it is damaged, fetch it again",
        found.len()
    );
    Ok(found)
}

/// Checks the number of tensors that a split file says its parts have together.
fn all_there(metadata: &Metadata, n_tensors: usize) -> Result<()> {
    let stated = metadata.whole("split.tensors.count").unwrap_or(n_tensors as u64);
    ensure!(
        stated == n_tensors as u64,
        "says that its parts have {stated} tensors, but they have {n_tensors}; fetch them again"
    );
    Ok(())
}

/// What a header says of a checkpoint.
pub struct HeaderPeek {
    pub architecture: Option<String>,
    /// Why it cannot be opened.
    pub obstacle: Option<String>,
}

/// The architecture that the header names, and why the file cannot be read.
///
/// # Errors
/// If a header is damaged.
pub fn peek(parts: &[PathBuf]) -> Result<HeaderPeek> {
    let (mut named, mut unread) = (None, BTreeSet::new());
    for (i, path) in parts.iter().enumerate() {
        let file = Mapped::open(path)?;
        let header = part(&file, i, parts.len())?;
        let kinds: BTreeSet<u32> = header.entries.iter().map(|entry| entry.kind).collect();
        let is_unread = |kind: &&u32| Dtype::numbered(**kind).is_none();
        unread.extend(kinds.iter().filter(is_unread).map(|&kind| block(None, kind).0));
        if i == 0 {
            let architecture = architecture(&header.metadata)?;
            let experts = header.metadata.whole(&format!("{architecture}.expert_count"));
            named = Some(settings::model_type(&architecture, experts.unwrap_or(0)));
        }
    }
    let unread: Vec<String> = unread.into_iter().collect();
    let obstacle = || format!("its tensors are in {}, which is not supported", unread.join(", "));
    let obstacle = (!unread.is_empty()).then(obstacle);
    Ok(HeaderPeek { architecture: named, obstacle })
}

/// Refuses files of another format that have a .gguf name.
fn refuse_others(bytes: &[u8]) -> Result<()> {
    ensure!(
        !is_pickle(bytes),
        "is a pickle by its first bytes, whatever its name says; {WHY_NO_PICKLE}"
    );
    Ok(())
}

/// The numbers of tensors and of metadata entries, from the file's first bytes.
fn counts(cursor: &mut Cursor) -> Result<(u64, u64)> {
    refuse_others(cursor.rest())?;
    let magic = cursor.u32()?.to_le_bytes();
    ensure!(
        magic == MAGIC,
        "does not begin with GGUF; it is not such a file, or damaged: fetch it again"
    );
    match cursor.u32()? {
        2 | 3 => {}
        1 => bail!("is GGUF of version 1, which nobody writes any more; convert the model again"),
        n if n.swap_bytes() <= 3 => {
            bail!("is GGUF for big-endian machines; convert the model again, without that option")
        }
        n => bail!("is GGUF of version {n}; versions 2 and 3 are supported"),
    }
    let (n_tensors, n_entries) = (cursor.u64()?, cursor.u64()?);
    ensure!(
        n_tensors <= MOST_TENSORS as u64,
        "claims {n_tensors} tensors, the limit is {MOST_TENSORS}; it is damaged"
    );
    Ok((n_tensors, n_entries))
}

/// A tensor's entry in the table.
struct TableEntry {
    name: String,
    /// Innermost first.
    sizes: Vec<u64>,
    kind: u32,
    /// In bytes from the beginning of the tensor data.
    offset: u64,
}

fn entries(cursor: &mut Cursor, n: u64) -> Result<Vec<TableEntry>> {
    (0..n).map(|_| entry(cursor)).collect()
}

fn entry(cursor: &mut Cursor) -> Result<TableEntry> {
    let name = cursor.name()?;
    let n_axes = cursor.u32()?;
    ensure!(n_axes <= 4, "tensor `{}` has {n_axes} axes, the limit is 4", shown(&name));
    let sizes = (0..n_axes).map(|_| cursor.u64()).collect::<Result<_>>()?;
    Ok(TableEntry { name, sizes, kind: cursor.u32()?, offset: cursor.u64()? })
}

/// The offset of the tensor data: the end of the table, rounded up to the alignment.
fn data(metadata: &Metadata, table_end: usize) -> Result<u64> {
    let alignment = metadata.whole("general.alignment").unwrap_or(ALIGNMENT);
    ensure!(
        alignment.is_power_of_two() && alignment <= 1 << 20,
        "metadata `general.alignment` is {alignment}, want a power of two"
    );
    let end = (table_end as u64).checked_next_multiple_of(alignment);
    end.context("has a table of tensors without an end")
}

/// What a tensor's entry is checked against.
struct TensorReader<'a> {
    file: &'a Arc<Mapped>,
    metadata: &'a Metadata<'a>,
    architecture: &'a str,
    data: u64,
}

impl TensorReader<'_> {
    fn tensors(&self, entries: &[TableEntry]) -> Result<Vec<TensorInfo>> {
        let tensors: Result<Vec<TensorInfo>> =
            entries.iter().map(|entry| self.tensor(entry)).collect();
        let tensors = tensors?;
        no_overlap(tensors.iter())?;
        Ok(tensors)
    }

    fn tensor(&self, entry: &TableEntry) -> Result<TensorInfo> {
        self.checked(entry).with_context(|| format!("tensor `{}`", shown(&entry.name)))
    }

    fn checked(&self, entry: &TableEntry) -> Result<TensorInfo> {
        let rows_first: Vec<u64> = entry.sizes.iter().rev().copied().collect();
        let (shape, len) = checked_shape(&rows_first)?;
        let form = Dtype::numbered(entry.kind);
        let (dtype, block) = block(form, entry.kind);
        let line = shape.last().copied().unwrap_or(1);
        let n_bytes = block.map_or(Ok(0), |(numbers, bytes)| n_bytes(len, line, numbers, bytes))?;
        let order = self.order(entry, &shape)?;
        Ok(TensorInfo {
            name: names::translated(self.architecture, &entry.name),
            name_in_file: entry.name.clone(),
            shape,
            dtype,
            form,
            n_bytes,
            file: Arc::clone(self.file),
            start: self.start(entry.offset, n_bytes)?,
            order,
            is_transposed: names::is_transposed(self.architecture, &entry.name),
            quantised: None,
        })
    }

    /// The offset of a tensor in the file, checked so that its bytes end inside it.
    fn start(&self, offset: u64, n_bytes: usize) -> Result<usize> {
        let size = self.file.bytes().len();
        let start = self.data.checked_add(offset).and_then(|start| usize::try_from(start).ok());
        let start = start.filter(|s| s.checked_add(n_bytes).is_some_and(|end| end <= size));
        start.with_context(|| {
            format!(
                "has {n_bytes} bytes from byte {} on, but the file has only {size}; it is cut short",
                self.data.saturating_add(offset)
            )
        })
    }

    fn order(&self, entry: &TableEntry, shape: &[usize]) -> Result<RowOrder> {
        let heads =
            |name: &str| self.metadata.whole(&format!("{}.attention.{name}", self.architecture));
        let queries = heads("head_count").unwrap_or(0);
        let keys = heads("head_count_kv").unwrap_or(queries);
        let found = names::interleaved_heads(self.architecture, &entry.name, queries, keys);
        let Some(heads) = found else {
            return Ok(RowOrder::InOrder);
        };
        let lines = shape.first().copied().unwrap_or(0);
        let head = usize::try_from(heads).ok().filter(|n| *n > 0 && lines.is_multiple_of(*n));
        let head = head.map(|n| lines / n).filter(|head| *head > 0 && head.is_multiple_of(2));
        let head =
            head.with_context(|| format!("has {lines} lines, which are not {heads} heads"))?;
        Ok(RowOrder::Interleaved(head))
    }
}

/// The name of a format, and the numbers and bytes of its blocks if known.
fn block(form: Option<Dtype>, kind: u32) -> (String, Option<(usize, usize)>) {
    if let Some(format) = form.map(Dtype::format) {
        return (format.name.to_owned(), Some((format.numbers, format.bytes)));
    }
    let other = OTHERS.iter().find(|(number, ..)| *number == kind);
    other.map_or_else(
        || (format!("number {kind}"), None),
        |(_, name, numbers, bytes)| ((*name).to_owned(), Some((*numbers, *bytes))),
    )
}

/// The settings that follow from the tensors.
fn tensor_settings(tensors: &[TensorInfo]) -> TensorSettings {
    let find = |name: &str| tensors.iter().find(|t| t.name_in_file == name);
    let rows = |name: &str| find(name).and_then(|t| t.shape.first().copied());
    TensorSettings {
        n_tokens: rows("token_embd.weight"),
        n_token_types: rows("token_types.weight"),
        d_ff: rows("blk.0.ffn_gate.weight"),
        d_expert: find("blk.0.ffn_gate_exps.weight").and_then(|t| t.shape.get(1).copied()),
        factors: find(ROPE_FACTORS).and_then(small),
        long_factors: find(SHORT_FACTORS)
            .and_then(small)
            .zip(find(LONG_FACTORS).and_then(small))
            .map(|(short, long)| LongFactors { short, long }),
        has_output: find("output.weight").is_some(),
        is_t5_gated: find("enc.blk.0.ffn_gate.weight").is_some(),
        has_query_bias: find("blk.0.attn_q.bias").is_some(),
        has_ffn_bias: find("blk.0.ffn_up.bias").is_some(),
    }
}

/// The numbers of a short vector; None if it is longer than any setting.
fn small(tensor: &TensorInfo) -> Option<Vec<f32>> {
    const LONGEST: usize = 4096;
    let n = tensor.n_numbers();
    let packed = Packed::of(tensor, n, 0..1, 0..n).ok().filter(|_| (1..=LONGEST).contains(&n))?;
    let mut numbers = vec![0.0; n];
    packed.read(0..1, &mut numbers);
    Some(numbers)
}
