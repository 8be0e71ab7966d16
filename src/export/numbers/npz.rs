//! npz, for `numpy.load`: a zip file of arrays, each in the format of `numpy.save`.
//!
//! The description is the array `__metadata__`, a string scalar: `json.loads(str(z["__metadata__"]))`. Members are
//! stored, not deflated: compression saves only a seventh, in six times the time. No member has a date or the name of
//! a system, so that the same pass gives the same bytes.

use std::io::{self, Cursor, Write};

use zip::{CompressionMethod, DateTime, System, ZipWriter, write::SimpleFileOptions};

use super::{PassExport, bytes, description, named, shape};

/// The member that holds the description.
const METADATA: &str = "__metadata__";

/// The alignment of an array's numbers, in bytes.
const ALIGNMENT: usize = 64;

/// Writes the passes: one f32 array per site, with its named axes in the order of [`super::axes`].
///
/// # Errors
/// If the writer fails.
pub fn write(passes: &[PassExport], out: &mut dyn Write) -> io::Result<()> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    let (descr, description) = text(&description(passes)?);
    member(&mut zip, METADATA, &header(&descr, &[]), &description)?;
    for (name, site) in named(passes) {
        member(&mut zip, &name, &header("<f4", &shape(site)), &bytes(&site.value))?;
    }
    out.write_all(zip.finish()?.get_ref())
}

/// A column of a table.
pub enum Column {
    Numbers(Vec<f32>),
    Texts(Vec<String>),
}

/// Writes a table: an array for each column, of numbers or of texts, and the description.
///
/// # Errors
/// If the writer fails.
pub fn write_columns(
    description: &str,
    columns: &[(String, Column)],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    let (descr, description) = text(description);
    member(&mut zip, METADATA, &header(&descr, &[]), &description)?;
    for (name, column) in columns {
        match column {
            Column::Numbers(numbers) => {
                let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
                member(&mut zip, name, &header("<f4", &[numbers.len()]), &bytes)?;
            }
            Column::Texts(texts) => {
                let longest =
                    texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
                let descr = format!("<U{longest}");
                member(&mut zip, name, &header(&descr, &[texts.len()]), &padded(texts, longest))?;
            }
        }
    }
    out.write_all(zip.finish()?.get_ref())
}

/// Texts as numpy stores them: four bytes a character, zeros up to the longest.
fn padded(texts: &[String], longest: usize) -> Vec<u8> {
    let one = |text: &String| {
        let characters = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(longest);
        characters.flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
    };
    texts.iter().flat_map(one).collect()
}

fn member(
    zip: &mut ZipWriter<Cursor<Vec<u8>>>,
    name: &str,
    header: &[u8],
    numbers: &[u8],
) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix);
    zip.start_file(format!("{name}.npy"), options)?;
    zip.write_all(header)?;
    zip.write_all(numbers)
}

/// The header of version 1.0 of the format: the magic string, the length of the rest, a Python dictionary, spaces, and
/// a line end.
fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let mut sizes = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if shape.len() == 1 {
        sizes.push(','); // a tuple of one
    }
    let start = b"\x93NUMPY\x01\x00";
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let before = start.len() + 2;
    let length = (before + text.len() + 1).next_multiple_of(ALIGNMENT) - before;
    let length_field = (length as u16).to_le_bytes();
    let padded = format!("{text:<width$}\n", width = length - 1);
    [&start[..], &length_field, padded.as_bytes()].concat()
}

/// A string as numpy stores it: its type, and four bytes per character.
fn text(text: &str) -> (String, Vec<u8>) {
    let characters = text.chars().flat_map(|c| u32::from(c).to_le_bytes());
    (format!("<U{}", text.chars().count()), characters.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_that_numpy_writes() {
        let space = " ".repeat(53);
        let written = header("<f4", &[4, 14, 14]);
        let want = format!(
            "NUMPY\x01\x00\x76\x00{{'descr': '<f4', 'fortran_order': False, 'shape': (4, 14, 14), }}{space}\n"
        );
        assert_eq!((written[0], &written[1..]), (0x93, want.as_bytes()));
        assert_eq!(header("<U20000", &[]).len(), 128);
    }
}
