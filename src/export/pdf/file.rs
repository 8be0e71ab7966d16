//! Objects of a PDF file, written one after another; then the table of where each stands. What is written
//! is forgotten, so that long documents need no more memory than short ones.

use std::io::{self, Write};

use flate2::{Compression, write::ZlibEncoder};
use pdf_writer::{Chunk, Filter, Ref, Settings, Stream};

/// A file on its way.
pub struct File<'a> {
    out: &'a mut dyn Write,
    /// How many bytes are written.
    length: usize,
    /// Where the objects begin, 1 first; 0 for those still to come.
    offsets: Vec<usize>,
}

impl<'a> File<'a> {
    /// # Errors
    /// If the writer fails, here and below.
    pub fn new(out: &'a mut dyn Write) -> io::Result<Self> {
        let mut file = Self { out, length: 0, offsets: vec![] };
        // Bytes that are no characters tell programs that this is no text.
        file.write(b"%PDF-1.7\n%\x80\x80\x80\x80\n")?;
        Ok(file)
    }

    /// The name of an object that others may speak of before it is written.
    pub fn name(&mut self) -> Ref {
        self.offsets.push(0);
        Ref::new(self.offsets.len() as i32)
    }

    /// Writes an object.
    pub fn put(&mut self, name: Ref, fill: impl FnOnce(&mut Chunk)) -> io::Result<()> {
        let mut chunk = Chunk::with_settings(Settings { pretty: false });
        fill(&mut chunk);
        self.offsets[name.get() as usize - 1] = self.length;
        self.write(chunk.as_bytes())
    }

    /// Writes data, packed.
    pub fn put_data(
        &mut self,
        name: Ref,
        data: &[u8],
        describe: impl FnOnce(&mut Stream),
    ) -> io::Result<()> {
        let mut packed = ZlibEncoder::new(vec![], Compression::default());
        packed.write_all(data)?;
        let packed = packed.finish()?;
        self.put(name, |chunk| {
            let mut stream = chunk.stream(name, &packed);
            stream.filter(Filter::FlateDecode);
            describe(&mut stream);
        })
    }

    /// Ends the file with the table.
    pub fn finish(mut self, catalog: Ref, info: Ref) -> io::Result<()> {
        let start = self.length;
        let size = self.offsets.len() + 1;
        let mut table = format!("xref\n0 {size}\n0000000000 65535 f \n");
        table.extend(self.offsets.iter().map(|offset| format!("{offset:010} 00000 n \n")));
        let (catalog, info) = (catalog.get(), info.get());
        self.write(table.as_bytes())?;
        let trailer = format!("<</Size {size}/Root {catalog} 0 R/Info {info} 0 R>>");
        self.write(format!("trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n").as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length += bytes.len();
        self.out.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_where_objects_stand() -> io::Result<()> {
        let mut out = vec![];
        let mut file = File::new(&mut out)?;
        let [first, second] = [file.name(), file.name()];
        file.put_data(second, b"data", |_| ())?;
        file.put(first, |chunk| {
            chunk.indirect(first).primitive(7);
        })?;
        file.finish(first, second)?;
        let text = String::from_utf8_lossy(&out);
        let lines: Vec<&str> = text.lines().collect();
        let table = lines.iter().position(|line| *line == "0 3").unwrap_or(0);
        for (object, line) in [("1 0 obj", table + 2), ("2 0 obj", table + 3)] {
            let at = lines[line][..10].parse().unwrap_or(0);
            assert!(out[at..].starts_with(object.as_bytes()), "{object}");
        }
        Ok(())
    }
}
