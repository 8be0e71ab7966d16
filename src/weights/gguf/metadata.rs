//! The header of a GGUF file, read front to back.
//!
//! Allocates only what the file has bytes for; arrays stay in the file until they are read.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};

use crate::{text::visible::shown, weights::LONGEST_NAME};

/// The most metadata entries; real files have some dozens.
const MOST_ENTRIES: u64 = 1 << 14;

/// The longest string other than a name, in bytes: a chat template, a character map.
const LONGEST_TEXT: usize = 1 << 24;

/// The deepest nesting of arrays; real files have none.
const DEEPEST: usize = 4;

/// A read position in the header.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub const fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The bytes not read yet.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end = end.with_context(|| {
            format!(
                "ends within its header: {n} bytes wanted, {} left; it is cut short",
                self.left()
            )
        })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A length-prefixed string.
    fn text(&mut self) -> Result<&'a [u8]> {
        let length = self.u64()?;
        let length = usize::try_from(length).ok().filter(|n| *n <= LONGEST_TEXT);
        let length =
            length.context("has a text longer than any that makes sense; it is damaged")?;
        self.take(length)
    }

    /// A string that is a name, and therefore short.
    pub fn name(&mut self) -> Result<String> {
        let name = self.text()?;
        ensure!(name.len() <= LONGEST_NAME, "has a name of {} bytes; it is damaged", name.len());
        Ok(lossy(name))
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A metadata value.
#[derive(Clone, Copy)]
pub enum Meta<'a> {
    Whole(i128),
    Float(f64),
    Bool(bool),
    Text(&'a [u8]),
    List(MetadataList<'a>),
}

/// An array that stays in the file.
#[derive(Clone, Copy)]
pub struct MetadataList<'a> {
    kind: u32,
    pub len: usize,
    /// Its size in the file, in bytes.
    pub n_bytes: usize,
    /// At its first element.
    from: Cursor<'a>,
}

impl<'a> MetadataList<'a> {
    /// Its elements, one after another.
    pub fn items(self) -> impl Iterator<Item = Meta<'a>> {
        let mut cursor = self.from;
        // It was read once before, so it does not end early.
        (0..self.len).map_while(move |_| value(&mut cursor, self.kind, 1).ok())
    }
}

impl Meta<'_> {
    pub fn whole(&self) -> Option<u64> {
        match *self {
            Meta::Whole(n) => u64::try_from(n).ok(),
            _ => None,
        }
    }

    pub const fn float(&self) -> Option<f64> {
        match *self {
            Meta::Float(x) => Some(x),
            Meta::Whole(n) => Some(n as f64),
            _ => None,
        }
    }

    pub const fn bool(&self) -> Option<bool> {
        match *self {
            Meta::Bool(b) => Some(b),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<String> {
        match self {
            Meta::Text(bytes) => Some(lossy(bytes)),
            _ => None,
        }
    }
}

/// The metadata entries by key.
#[derive(Default)]
pub struct Metadata<'a>(HashMap<String, Meta<'a>>);

impl<'a> Metadata<'a> {
    /// # Errors
    /// If an entry is invalid, or a key occurs twice.
    pub fn read(cursor: &mut Cursor<'a>, n_entries: u64) -> Result<Self> {
        ensure!(
            n_entries <= MOST_ENTRIES,
            "claims {n_entries} entries of metadata, the limit is {MOST_ENTRIES}; it is damaged"
        );
        let mut entries = HashMap::new();
        for _ in 0..n_entries {
            let key = cursor.name()?;
            let entry = cursor.u32().and_then(|kind| value(cursor, kind, 0));
            let entry = entry.with_context(|| format!("metadata `{}`", shown(&key)))?;
            ensure!(!entries.contains_key(&key), "has metadata `{}` twice", shown(&key));
            entries.insert(key, entry);
        }
        Ok(Self(entries))
    }

    pub fn get(&self, key: &str) -> Option<Meta<'a>> {
        self.0.get(key).copied()
    }

    pub fn whole(&self, key: &str) -> Option<u64> {
        self.get(key)?.whole()
    }

    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key)?.text()
    }

    pub fn list(&self, key: &str) -> Option<MetadataList<'a>> {
        match self.get(key)? {
            Meta::List(list) => Some(list),
            _ => None,
        }
    }
}

const TEXT: u32 = 8;
const LIST: u32 = 9;

/// The bytes of a value of this type id; None if they vary.
const fn size(kind: u32) -> Option<usize> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

fn value<'a>(cursor: &mut Cursor<'a>, kind: u32, depth: usize) -> Result<Meta<'a>> {
    Ok(match kind {
        0 => Meta::Whole(u8::from_le_bytes(cursor.array()?).into()),
        1 => Meta::Whole(i8::from_le_bytes(cursor.array()?).into()),
        2 => Meta::Whole(u16::from_le_bytes(cursor.array()?).into()),
        3 => Meta::Whole(i16::from_le_bytes(cursor.array()?).into()),
        4 => Meta::Whole(cursor.u32()?.into()),
        5 => Meta::Whole(i32::from_le_bytes(cursor.array()?).into()),
        6 => Meta::Float(shortest(f32::from_le_bytes(cursor.array()?))),
        7 => Meta::Bool(cursor.array::<1>()? != [0]),
        TEXT => Meta::Text(cursor.text()?),
        LIST => Meta::List(list(cursor, depth)?),
        10 => Meta::Whole(cursor.u64()?.into()),
        11 => Meta::Whole(i64::from_le_bytes(cursor.array()?).into()),
        12 => Meta::Float(f64::from_le_bytes(cursor.array()?)),
        _ => bail!("has an unknown kind of value: {kind}"),
    })
}

/// The f64 with the same shortest decimal form: 0.00001, not 0.000009999999747378752.
fn shortest(x: f32) -> f64 {
    x.to_string().parse().unwrap_or_else(|_| x.into())
}

/// An array; the cursor is moved past its end.
fn list<'a>(cursor: &mut Cursor<'a>, depth: usize) -> Result<MetadataList<'a>> {
    ensure!(depth < DEEPEST, "has arrays in arrays, {DEEPEST} deep");
    let (kind, len) = (cursor.u32()?, cursor.u64()?);
    // An element takes at least one byte, a string or an array eight.
    let least = size(kind).unwrap_or(8);
    let len = usize::try_from(len).ok().filter(|n| *n <= cursor.left() / least);
    let len = len.with_context(|| {
        format!("is an array longer than the {} bytes that are left of the file", cursor.left())
    })?;
    let from = *cursor;
    match size(kind) {
        Some(size) => drop(cursor.take(len * size)?),
        // Vocabularies: the bulk of a header.
        None if kind == TEXT => {
            for _ in 0..len {
                cursor.text()?;
            }
        }
        None => {
            for _ in 0..len {
                value(cursor, kind, depth + 1)?;
            }
        }
    }
    Ok(MetadataList { kind, len, n_bytes: cursor.at - from.at, from })
}
