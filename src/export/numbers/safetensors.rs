//! safetensors, for `safetensors.numpy.load_file`, `safetensors.torch.load_file` and other readers.
//!
//! The description is the metadata's only entry, `lookback`: several entries would be written in the order of a hash
//! map, which differs between runs.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use safetensors::{Dtype, View, serialize};

use super::{PassExport, bytes, description, named, shape};
use crate::{analysis::trace::Recorded, engine::value::Value};

/// The metadata key of the description.
const KEY: &str = "lookback";

/// A site's value with the interface that the file's writer requires.
struct Array<'a> {
    shape: Vec<usize>,
    value: &'a Value,
}

impl<'a> From<&'a Recorded> for Array<'a> {
    fn from(site: &'a Recorded) -> Self {
        Self { shape: shape(site), value: &site.value }
    }
}

impl View for Array<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        bytes(self.value).into()
    }

    fn data_len(&self) -> usize {
        self.value.shape().len() * size_of::<f32>()
    }
}

/// Writes the passes: one f32 tensor per site, with its named axes in the order of [`super::axes`].
///
/// # Errors
/// If the writer fails, or the description is longer than the format allows (100 MB).
pub fn write(passes: &[PassExport], out: &mut dyn Write) -> io::Result<()> {
    let metadata = [(KEY.to_owned(), description(passes)?)].into();
    let arrays = named(passes).map(|(name, site)| (name, Array::from(site)));
    out.write_all(&serialize(arrays, Some(metadata)).map_err(io::Error::other)?)
}
