//! A JSON object as a list of pairs, which keeps duplicate names.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor},
};

/// The most tensors; the largest models have some tens of thousands.
pub const MOST_TENSORS: usize = 1 << 17;

/// The key of a safetensors header's metadata, which is skipped.
const REMARKS: &str = "__metadata__";

/// Names and values in the order of the text.
pub struct Pairs<T>(pub Vec<(String, T)>);

struct Collect<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Collect<T> {
    type Value = Pairs<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a name for every tensor")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs<T>, M::Error> {
        let mut pairs = vec![];
        while let Some(name) = map.next_key::<String>()? {
            if name == REMARKS {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if pairs.len() == MOST_TENSORS {
                return Err(M::Error::custom(format!(
                    "there are more than {MOST_TENSORS} tensors"
                )));
            }
            pairs.push((name, map.next_value()?));
        }
        Ok(Pairs(pairs))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collect(PhantomData))
    }
}
