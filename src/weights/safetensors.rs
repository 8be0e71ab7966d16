//! The safetensors format: eight bytes of length, a JSON header that names the tensors, then their bytes.
//!
//! The header is parsed here, not by the `safetensors` crate, which keeps the last of two tensors of one name
//! and whose errors do not name the tensor.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use super::{
    Dtype, LONGEST_NAME, TensorInfo, WHY_NO_PICKLE, is_pickle,
    mapped::Mapped,
    pairs::Pairs,
    tensor::RowOrder,
    tensor::{checked_shape, n_bytes, no_overlap},
};
use crate::text::visible::shown;

/// The limit of the reference implementation.
const LONGEST_HEADER: usize = 100_000_000;

/// Dtypes that are recognised but not read, with the bytes of one number.
const OTHERS: [(&str, usize); 13] = [
    ("C64", 8),
    ("I64", 8),
    ("U64", 8),
    ("I32", 4),
    ("U32", 4),
    ("I16", 2),
    ("U16", 2),
    ("I8", 1),
    ("U8", 1),
    ("BOOL", 1),
    ("F8_E4M3", 1),
    ("F8_E5M2", 1),
    ("F8_E8M0", 1),
];

/// A tensor's entry in the header.
#[derive(Deserialize)]
struct HeaderEntry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// Whether a file that begins like this is one: a length that makes sense, then a brace.
pub fn is_start(start: [u8; 9]) -> bool {
    let [length @ .., brace] = start;
    u64::from_le_bytes(length) <= LONGEST_HEADER as u64 && brace == b'{'
}

/// The tensors of a file, in the order of its header.
///
/// # Errors
/// Naming file, tensor and fault: an invalid header, a duplicate name, bytes outside the file or shared by two
/// tensors, a shape that does not match the bytes.
pub fn tensors(file: &Arc<Mapped>) -> Result<Vec<TensorInfo>> {
    let (header, data) = header(file).with_context(|| file.name.clone())?;
    let Pairs(entries) = header;
    let mut tensors = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        ensure!(
            name.len() <= LONGEST_NAME,
            "{}: tensor `{}` has a name of {} bytes, the limit is {LONGEST_NAME}; the file is damaged",
            file.name,
            shown(&name),
            name.len()
        );
        let tensor = tensor(file, data, &name, &entry);
        tensors.push(tensor.with_context(|| format!("{}: tensor `{}`", file.name, shown(&name)))?);
    }
    no_overlap(tensors.iter())?;
    Ok(tensors)
}

/// The header's entries, and the offset of the tensors' bytes.
fn header(file: &Mapped) -> Result<(Pairs<HeaderEntry>, usize)> {
    let bytes = file.bytes();
    ensure!(
        !is_pickle(bytes),
        "is a pickle by its first bytes, whatever its name says; {WHY_NO_PICKLE}"
    );
    ensure!(
        !bytes.starts_with(b"GGUF"),
        "is a GGUF file by its first bytes; give that file alone, not its folder or index"
    );
    let (length, rest) = bytes.split_first_chunk::<8>().context(
        "has fewer than the eight bytes that a safetensors file begins with; fetch it again",
    )?;
    let length = u64::from_le_bytes(*length);
    let length = usize::try_from(length).ok().filter(|n| *n <= LONGEST_HEADER);
    let length = length.with_context(|| {
        format!("claims a header longer than the limit of {LONGEST_HEADER} bytes; it is damaged or not a safetensors file")
    })?;
    let text = rest.get(..length).with_context(|| {
        format!("claims a header of {length} bytes, but has {} after its length; it is cut short or not a safetensors file", rest.len())
    })?;
    let entries = serde_json::from_slice(text).map_err(|e| {
        anyhow!("has a header that does not describe tensors: {}", shown(&e.to_string()))
    })?;
    Ok((entries, 8 + length))
}

/// A tensor, checked: its bytes lie inside the file and match its shape.
fn tensor(file: &Arc<Mapped>, data: usize, name: &str, entry: &HeaderEntry) -> Result<TensorInfo> {
    let (shape, len) = checked_shape(&entry.shape)?;
    let held = file.bytes().len() - data;
    let [begin, end] = entry.data_offsets;
    ensure!(begin <= end, "ends at byte {end}, before it begins at {begin}");
    ensure!(
        usize::try_from(end).is_ok_and(|end| end <= held),
        "lies at bytes {begin} to {end}, but the file has only {held} bytes of tensors; it is cut short"
    );
    let (begin, end) = (begin as usize, end as usize);
    let form = Dtype::named(&entry.dtype);
    if let Some(size) = size(form, &entry.dtype) {
        let needed = n_bytes(len, 1, 1, size)?;
        ensure!(
            end - begin == needed,
            "has {} bytes, but {} numbers of {} are {needed}",
            end - begin,
            len,
            shown(&entry.dtype)
        );
    }
    Ok(TensorInfo {
        name: name.to_owned(),
        name_in_file: name.to_owned(),
        shape,
        dtype: shown(&entry.dtype),
        form,
        n_bytes: end - begin,
        file: Arc::clone(file),
        start: data + begin,
        order: RowOrder::InOrder,
        is_transposed: false,
        quantised: None,
    })
}

/// The bytes of one number; None for unknown dtypes.
fn size(form: Option<Dtype>, name: &str) -> Option<usize> {
    let known = form.map(|form| form.format().bytes);
    known.or_else(|| OTHERS.iter().find(|(other, _)| *other == name).map(|(_, size)| *size))
}
