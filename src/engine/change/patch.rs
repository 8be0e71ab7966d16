//! A value of one pass put into another: what is put where, and the numbers.

use std::{fmt, str::FromStr, sync::Arc};

use anyhow::{Error, bail};

use super::Edit;
use crate::{
    engine::{
        site::Place,
        value::{Cell, Shape, Value},
    },
    text::{refusal, visible::shown},
};

/// What a pass takes from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch {
    /// A row of a site: `encoder.0.norm2.out[5]`.
    Row { path: String, row: usize },
    /// A head's context at all positions: `encoder.1.self_attn.head.2`.
    Head { scope: String, head: usize },
}

impl fmt::Display for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { path, row } => write!(f, "{path}[{row}]"),
            Self::Head { scope, head } => write!(f, "{scope}.head.{head}"),
        }
    }
}

impl FromStr for Patch {
    type Err = Error;

    /// # Errors
    /// If the text names neither a row of a site nor a head.
    fn from_str(text: &str) -> Result<Self, Error> {
        let is_path = |path: &str| {
            let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            path.split('.').all(|part| !part.is_empty() && part.chars().all(is_of_a_name))
        };
        let row = text.strip_suffix(']').and_then(|rest| rest.split_once('['));
        if let Some((path, row)) = row
            && let Ok(row) = row.trim().parse()
            && is_path(path)
        {
            return Ok(Self::Row { path: path.to_owned(), row });
        }
        if let Some((scope, head)) = text.rsplit_once(".head.")
            && let Ok(head) = head.parse()
            && is_path(scope)
        {
            return Ok(Self::Head { scope: scope.to_owned(), head });
        }
        bail!(refusal!(
            "patch=`{value}`: give a row of a site, as in encoder.0.norm2.out[5], or a head, as in encoder.1.self_attn.head.2",
            value = shown(text)
        ))
    }
}

/// What a pass is given by another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    pub parts: Vec<GivenPart>,
    /// The output that a decoder reads, so that both passes read the same.
    pub forced: Option<Vec<u32>>,
}

/// A part of a site that is given.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenPart {
    /// The site that takes it.
    pub path: String,
    /// The place of its first cell.
    pub at: Cell,
    pub value: Arc<Value>,
}

impl Given {
    /// The edits of a value recorded at this place.
    pub(super) fn edits(&self, place: &Place, shape: Shape) -> Vec<Edit> {
        let edit = |part: &GivenPart| {
            let local = part.at.counted_from(place.origin)?;
            shape.holds(local).then(|| Edit::Part(local, Arc::clone(&part.value)))
        };
        let own = self.parts.iter().filter(|part| part.path == place.path);
        own.filter_map(edit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_patched_is_written_as_it_is_read() {
        for text in ["encoder.0.norm2.out[5]", "src.input[0]", "blocks.3.attn.head.11"] {
            assert_eq!(text.parse::<Patch>().unwrap().to_string(), text);
        }
        for text in ["", "encoder.0", "x[1,2]", "x[y]", ".head.1", "a.head.x", "a..b[1]", "[1]"] {
            assert!(text.parse::<Patch>().is_err(), "{text}");
        }
    }
}
