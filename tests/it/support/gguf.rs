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
