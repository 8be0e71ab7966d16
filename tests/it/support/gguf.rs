//! The table of tensors of a GGUF file, read without the program: what docs/gguf.md of the `ggml`
//! repository says, and no more.

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

/// A file taken apart, to be written again with other metadata and names.
pub struct Apart {
    /// Key, kind of the value, bytes of the value.
    pub entries: Vec<(String, u32, Vec<u8>)>,
    pub tensors: Vec<Owned>,
}

/// A tensor with its bytes.
pub struct Owned {
    pub name: String,
    /// Innermost first.
    pub sizes: Vec<u64>,
    pub kind: u32,
    pub bytes: Vec<u8>,
}

const U32: u32 = 4;
const F32: u32 = 6;
const BOOL: u32 = 7;
const TEXT: u32 = 8;

impl Apart {
    pub fn read(file: &[u8]) -> Self {
        let mut at = Place { file, at: 16 };
        let n_entries = at.u64().unwrap();
        let entry = |_| {
            let (key, kind) = (at.text().unwrap(), at.u32().unwrap());
            let start = at.at;
            at.pass(kind).unwrap();
            (String::from_utf8(key.to_vec()).unwrap(), kind, file[start..at.at].to_vec())
        };
        let entries = (0..n_entries).map(entry).collect();
        let listed = table(file).unwrap();
        // Each ends where the next begins.
        let start = |of: &Listed| file.len() - of.bytes.len();
        let end = |of: &Listed| {
            let after = listed.iter().map(start).filter(|&at| at > start(of));
            after.min().unwrap_or(file.len())
        };
        let owned = |of: &Listed| Owned {
            name: of.name.clone(),
            sizes: of.sizes.clone(),
            kind: of.kind,
            bytes: file[start(of)..end(of)].to_vec(),
        };
        Self { entries, tensors: listed.iter().map(owned).collect() }
    }

    /// Gives the architecture another name, in all keys.
    pub fn call(&mut self, from: &str, to: &str) -> &mut Self {
        for (key, ..) in &mut self.entries {
            if let Some(rest) = key.strip_prefix(&format!("{from}.")) {
                *key = format!("{to}.{rest}");
            }
        }
        self.text("general.architecture", to)
    }

    /// Gives a key another name; without one it goes.
    pub fn rekey(&mut self, from: &str, to: Option<&str>) -> &mut Self {
        let Some(i) = self.entries.iter().position(|(key, ..)| key == from) else { return self };
        let (_, kind, value) = self.entries.remove(i);
        if let Some(to) = to {
            self.entries.push((to.to_owned(), kind, value));
        }
        self
    }

    fn put(&mut self, key: &str, kind: u32, value: Vec<u8>) -> &mut Self {
        self.rekey(key, None);
        self.entries.push((key.to_owned(), kind, value));
        self
    }

    pub fn number(&mut self, key: &str, n: u32) -> &mut Self {
        self.put(key, U32, n.to_le_bytes().into())
    }

    pub fn float(&mut self, key: &str, x: f32) -> &mut Self {
        self.put(key, F32, x.to_le_bytes().into())
    }

    pub fn flag(&mut self, key: &str, is_on: bool) -> &mut Self {
        self.put(key, BOOL, vec![u8::from(is_on)])
    }

    pub fn text(&mut self, key: &str, text: &str) -> &mut Self {
        let mut value = (text.len() as u64).to_le_bytes().to_vec();
        value.extend(text.as_bytes());
        self.put(key, TEXT, value)
    }

    /// Gives tensors other names, by what their names hold.
    pub fn rename(&mut self, from: &str, to: &str) -> &mut Self {
        for tensor in &mut self.tensors {
            tensor.name = tensor.name.replace(from, to);
        }
        self
    }

    /// The file.
    pub fn written(&self) -> Vec<u8> {
        let mut file = super::weights::Gguf(b"GGUF".to_vec());
        file.u32(3).u64(self.tensors.len() as u64).u64(self.entries.len() as u64);
        for (key, kind, value) in &self.entries {
            file.text(key).u32(*kind).0.extend(value);
        }
        let mut offset = 0;
        for Owned { name, sizes, kind, bytes } in &self.tensors {
            file.tensor(name, sizes, *kind, offset);
            offset += (bytes.len() as u64).next_multiple_of(32);
        }
        for Owned { bytes, .. } in &self.tensors {
            file.0.resize(file.0.len().next_multiple_of(32), 0);
            file.0.extend(bytes);
        }
        file.0
    }
}
