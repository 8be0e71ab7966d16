//! The table of tensors of a GGUF file, read without the program: what docs/gguf.md of the `ggml`
//! repository says, and no more; and files that are made of others.

use super::weights::{Gguf, f32s};

/// A tensor as the file's table has it.
#[derive(Debug)]
pub struct Listed<'a> {
    pub name: String,
    /// Innermost first.
    pub sizes: Vec<u64>,
    /// 0 is F32, 1 F16.
    pub kind: u32,
    /// From here on, to the end of the file.
    pub bytes: &'a [u8],
}

/// None if the file is no such file.
pub fn table(file: &[u8]) -> Option<Vec<Listed<'_>>> {
    let mut at = Place { file, at: 8 };
    let (n_tensors, n_entries) = (at.u64()?, at.u64()?);
    let mut alignment = 32;
    for _ in 0..n_entries {
        let (key, kind) = (at.text()?, at.u32()?);
        let mut value = at;
        at.pass(kind)?;
        // What is not a whole number of four bytes says nothing.
        if key == b"general.alignment" && kind == 4 {
            alignment = value.u32()?;
        }
    }
    let mut table = vec![];
    for _ in 0..n_tensors {
        let name = String::from_utf8_lossy(at.text()?).into_owned();
        let n_axes = at.u32()?;
        let sizes = (0..n_axes).map(|_| at.u64()).collect::<Option<_>>()?;
        table.push((name, sizes, at.u32()?, at.u64()?));
    }
    let data = at.at.next_multiple_of(alignment as usize) as u64;
    let listed = |(name, sizes, kind, offset): (_, _, _, u64)| {
        let start = data.checked_add(offset)?;
        Some(Listed { name, sizes, kind, bytes: file.get(start as usize..)? })
    };
    table.into_iter().map(listed).collect()
}

#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Place<'a> {
    fn take(&mut self, n: u64) -> Option<&'a [u8]> {
        let taken = self.file.get(self.at..)?.get(..usize::try_from(n).ok()?)?;
        self.at += taken.len();
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.u64()?;
        self.take(length)
    }

    /// Goes past a value.
    fn pass(&mut self, kind: u32) -> Option<()> {
        match kind {
            0 | 1 | 7 => self.take(1).map(drop),
            2 | 3 => self.take(2).map(drop),
            4..=6 => self.take(4).map(drop),
            10..=12 => self.take(8).map(drop),
            8 => self.text().map(drop),
            9 => {
                let (kind, n) = (self.u32()?, self.u64()?);
                (0..n).try_for_each(|_| self.pass(kind))
            }
            _ => None,
        }
    }
}

/// What a file is changed to.
#[derive(Default)]
pub struct Remade<'a> {
    /// The architecture's name in the file, and that in its place.
    pub renamed: Option<(&'a str, &'a str)>,
    /// Further entries of metadata.
    pub metadata: Gguf,
    /// Their number.
    pub n_metadata: u64,
    /// Further tensors: name, sizes (innermost first), numbers.
    pub tensors: Vec<(&'a str, Vec<u64>, Vec<f32>)>,
}

impl Remade<'_> {
    /// # Panics
    /// If it is no file of GGUF.
    pub fn of(&self, file: &[u8]) -> Vec<u8> {
        self.made_of(file).unwrap()
    }

    fn made_of(&self, file: &[u8]) -> Option<Vec<u8>> {
        let mut at = Place { file, at: 8 };
        let (n_tensors, n_entries) = (at.u64()?, at.u64()?);
        let mut made = Gguf(file[..8].to_vec());
        made.u64(n_tensors + self.tensors.len() as u64).u64(n_entries + self.n_metadata);
        for _ in 0..n_entries {
            self.entry(&mut at, &mut made)?;
        }
        made.0.extend(&self.metadata.0);
        let table = at.at;
        for _ in 0..n_tensors {
            at.text()?;
            let n_axes = at.u32()?;
            at.take(8 * u64::from(n_axes) + 12)?;
        }
        made.0.extend(&file[table..at.at]);
        let mut data = file.get(at.at.next_multiple_of(32)..)?.to_vec();
        for (name, sizes, numbers) in &self.tensors {
            data.resize(data.len().next_multiple_of(32), 0);
            made.tensor(name, sizes, 0, data.len() as u64);
            data.extend(f32s(numbers));
        }
        made.0.resize(made.0.len().next_multiple_of(32), 0);
        made.0.extend(data);
        Some(made.0)
    }

    /// Copies an entry of metadata.
    fn entry(&self, at: &mut Place, made: &mut Gguf) -> Option<()> {
        let key = String::from_utf8_lossy(at.text()?).into_owned();
        let from = at.at;
        let kind = at.u32()?;
        at.pass(kind)?;
        let Some((was, now)) = self.renamed else {
            made.text(&key).0.extend(&at.file[from..at.at]);
            return Some(());
        };
        if key == "general.architecture" {
            made.text(&key).u32(8).text(now);
            return Some(());
        }
        let own = key.strip_prefix(was).filter(|rest| rest.starts_with('.'));
        let key = own.map_or_else(|| key.clone(), |rest| format!("{now}{rest}"));
        made.text(&key).0.extend(&at.file[from..at.at]);
        Some(())
    }
}
