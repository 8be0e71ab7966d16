//! Arrays that another program wrote, by name: the npz of numpy, stored or deflated, or safetensors.
//!
//! Sizes are compared with what is wanted before anything is read, so a small file cannot take much memory.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::Metadata};
use zip::ZipArchive;

use crate::{
    export::files::reason,
    text::{visible::shown, visible_path},
    weights::Mapped,
};

/// The longest header of an array, in bytes; numpy writes some hundred.
const LONGEST_HEADER: usize = 1 << 16;

/// A file of arrays.
pub struct Arrays {
    path: PathBuf,
    file: Kind,
    pub names: Vec<String>,
}

enum Kind {
    Npz(Box<ZipArchive<File>>),
    /// With its header, which ends at this byte.
    Safetensors(Mapped, Metadata, usize),
}

/// An array: its axes, and its numbers in row-major order.
pub struct Array {
    pub shape: Vec<usize>,
    pub numbers: Vec<f32>,
}

impl Arrays {
    /// # Errors
    /// If the file cannot be read, or is of neither format.
    pub fn open(path: &Path) -> Result<Self> {
        let name = visible_path(path);
        let unread = |e: io::Error| {
            anyhow!("{name} cannot be read; {}; give another file with --against", reason(&e))
        };
        // Opening a pipe would block.
        let is_file = fs::metadata(path).map_err(unread)?.is_file();
        ensure!(is_file, "{name} is not a regular file; save the arrays to one first");
        let mut file = File::open(path).map_err(unread)?;
        let mut start = [0; 4];
        let n = file.read(&mut start).map_err(unread)?;
        let (kind, names) = if start[..n].starts_with(b"PK") {
            let zip = ZipArchive::new(file).map_err(|_error| {
                anyhow!("{name} is a damaged npz file; write it again with numpy.savez")
            })?;
            let names: Vec<String> = zip.file_names().map(str::to_owned).collect();
            (Kind::Npz(Box::new(zip)), names)
        } else {
            let file = Mapped::open(path)?;
            let (length, header) = SafeTensors::read_metadata(file.bytes()).map_err(|_error| {
                anyhow!(
                    "{name} is neither an npz nor a safetensors file; give one that numpy.savez or \
                     safetensors wrote"
                )
            })?;
            let names = header.tensors().into_keys().collect();
            (Kind::Safetensors(file, header, size_of::<u64>() + length), names)
        };
        Ok(Self { path: path.to_owned(), file: kind, names })
    }

    /// The name of an array, without the ending that npz adds.
    pub fn plain(name: &str) -> &str {
        name.strip_suffix(".npy").unwrap_or(name)
    }

    /// An array with its numbers as f32, if there are `n_wanted` of them; else with none.
    ///
    /// # Errors
    /// If it is damaged, or of a type that is not a number.
    pub fn read(&mut self, name: &str, n_wanted: usize) -> Result<Array> {
        let read = match &mut self.file {
            Kind::Npz(zip) => npy(zip, name, n_wanted),
            Kind::Safetensors(file, header, end) => {
                tensor(&file.bytes()[*end..], header, name, n_wanted)
            }
        };
        read.with_context(|| {
            format!("{}: `{}`", visible_path(&self.path), shown(Self::plain(name)))
        })
    }
}

/// A type of numbers: its bytes, and how to read one.
struct NumberForm {
    bytes: usize,
    read: fn(&[u8]) -> f32,
}

const fn form(bytes: usize, read: fn(&[u8]) -> f32) -> NumberForm {
    NumberForm { bytes, read }
}

macro_rules! little {
    ($type:ty) => {
        |b: &[u8]| <$type>::from_le_bytes(b.try_into().unwrap_or_default()) as f32
    };
}

const F16: NumberForm = form(2, |b| f16::from_le_bytes([b[0], b[1]]).to_f32());
const BF16: NumberForm = form(2, |b| bf16::from_le_bytes([b[0], b[1]]).to_f32());
const F32: NumberForm = form(4, little!(f32));
const F64: NumberForm = form(8, little!(f64));
const BYTE: NumberForm = form(1, |b| f32::from(b[0]));
const I32: NumberForm = form(4, little!(i32));
const I64: NumberForm = form(8, little!(i64));

/// The types of npy files that are read, as numpy writes them; those with `>` have their bytes the other way round.
static OF_NPY: [(&str, &NumberForm); 8] = [
    ("<f2", &F16),
    ("<f4", &F32),
    ("<f8", &F64),
    ("|b1", &BYTE),
    ("|u1", &BYTE),
    ("<i4", &I32),
    ("<i8", &I64),
    ("<V2", &BF16),
];

/// An array of an npz file.
fn npy(zip: &mut ZipArchive<File>, name: &str, n_wanted: usize) -> Result<Array> {
    let mut member = zip.by_name(name).map_err(|e| anyhow!("cannot be unpacked: {e}"))?;
    let mut start = [0; 8];
    member.read_exact(&mut start).context("is cut short")?;
    ensure!(start.starts_with(b"\x93NUMPY"), "is not an array of numpy");
    let mut length = [0; 4];
    let n_length = if start[6] == 1 { 2 } else { 4 };
    member.read_exact(&mut length[..n_length]).context("is cut short")?;
    let length = u32::from_le_bytes(length) as usize;
    ensure!(length <= LONGEST_HEADER, "has a header of {length} bytes");
    let mut header = vec![0; length];
    member.read_exact(&mut header).context("is cut short")?;
    let header = String::from_utf8_lossy(&header);
    let kind = field(&header, "descr").context("does not say its type")?;
    let kind = kind.trim_matches('\'');
    let is_big_endian = kind.starts_with('>');
    let known = OF_NPY
        .iter()
        .find(|(of, _)| of.trim_start_matches('<') == kind.trim_start_matches(['<', '>']));
    let form = known
        .map(|(_, form)| form)
        .with_context(|| format!("has the type `{}`; save it as float32", shown(kind)))?;
    let is_fortran = field(&header, "fortran_order") == Some("True");
    let shape = sizes(field(&header, "shape").context("does not say its shape")?)?;
    if n_numbers(&shape) != Some(n_wanted) {
        return Ok(Array { shape, numbers: vec![] });
    }
    let mut bytes = vec![0; n_wanted * form.bytes];
    member.read_exact(&mut bytes).context("is cut short")?;
    if is_big_endian {
        bytes.chunks_exact_mut(form.bytes).for_each(<[u8]>::reverse);
    }
    let numbers: Vec<f32> = bytes.chunks_exact(form.bytes).map(form.read).collect();
    let numbers = if is_fortran { in_rows(&numbers, &shape) } else { numbers };
    Ok(Array { shape, numbers })
}

fn n_numbers(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |n, &axis| n.checked_mul(axis))
}

/// The value of a key in the Python dictionary of a header: up to the comma that ends it.
fn field<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{key}':"))?;
    let rest = rest.trim_start();
    let end = if rest.starts_with('(') { rest.find(')')? + 1 } else { rest.find([',', '}'])? };
    Some(rest[..end].trim())
}

/// `(4, 14, 14)`, `(7,)`, `()`
fn sizes(text: &str) -> Result<Vec<usize>> {
    let inner = text.trim_start_matches('(').trim_end_matches(')');
    let sizes = inner.split(',').map(str::trim).filter(|size| !size.is_empty());
    let sizes = sizes.map(str::parse).collect::<Result<_, _>>();
    sizes.with_context(|| format!("has the shape `{}`", shown(text)))
}

/// Numbers whose first axis varies fastest, as numbers whose last does.
fn in_rows(numbers: &[f32], shape: &[usize]) -> Vec<f32> {
    let at = |i: usize| {
        let (mut rest, mut place, mut step) = (i, 0, numbers.len());
        for &axis in shape.iter().rev() {
            step /= axis.max(1);
            place += rest % axis * step;
            rest /= axis;
        }
        numbers[place]
    };
    (0..numbers.len()).map(at).collect()
}

/// An array of a safetensors file, whose `bytes` follow its header.
fn tensor(bytes: &[u8], header: &Metadata, name: &str, n_wanted: usize) -> Result<Array> {
    let info = header.info(name).context("is missing")?;
    let form = match info.dtype {
        Dtype::F16 => &F16,
        Dtype::BF16 => &BF16,
        Dtype::F32 => &F32,
        Dtype::F64 => &F64,
        Dtype::BOOL | Dtype::U8 => &BYTE,
        Dtype::I32 => &I32,
        Dtype::I64 => &I64,
        other => bail!("has dtype {other:?}; save it as float32"),
    };
    let shape = info.shape.clone();
    let is_wanted = n_numbers(&shape) == Some(n_wanted);
    let (begin, end) = info.data_offsets;
    let wanted = if is_wanted { &bytes[begin..end] } else { &[] };
    Ok(Array { shape, numbers: wanted.chunks_exact(form.bytes).map(form.read).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_numpy_are_read() {
        let header = "{'descr': '<f4', 'fortran_order': True, 'shape': (4, 14, 3), }   \n";
        assert_eq!(field(header, "descr"), Some("'<f4'"));
        assert_eq!(field(header, "fortran_order"), Some("True"));
        assert_eq!(sizes(field(header, "shape").unwrap()).unwrap(), [4, 14, 3]);
        assert_eq!(sizes("(7,)").unwrap(), [7]);
        assert!(sizes("()").unwrap().is_empty() && sizes("(x, 2)").is_err());
    }

    #[test]
    fn the_first_axis_may_vary_fastest() {
        let by_columns = [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]; // (2, 3)
        assert_eq!(in_rows(&by_columns, &[2, 3]), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }
}
