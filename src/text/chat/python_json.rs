//! JSON as Python's `json.dumps` writes it, which is what `tojson` of a chat template is in transformers: keys in their
//! order, nothing escaped that need not be, a space after commas and colons. Length and depth are bounded.

use std::io::{self, Write};

use minijinja::{Error, ErrorKind, Value, value::Kwargs};
use serde::Serialize;
use serde_json::{Serializer, Value as Json, ser::Formatter};

/// The most spaces that a level is indented by.
const WIDEST: usize = 16;

/// The most bytes of a text, and levels in it. Values that hold one another can stand for far more than they take.
const LONGEST: usize = 1 << 20;
const DEEPEST: usize = 100;

/// The filter, with the options that transformers has.
///
/// # Errors
/// If a value has no JSON, or an option is not known.
#[allow(clippy::needless_pass_by_value, reason = "a filter owns its options")]
pub fn filter(value: &Value, options: Kwargs) -> Result<Value, Error> {
    if value.is_undefined() {
        let fault = "Object of type Undefined is not JSON serializable";
        return Err(Error::new(ErrorKind::BadSerialization, fault));
    }
    let indent: Option<usize> = options.get("indent")?;
    let separators: Option<Vec<String>> = options.get("separators")?;
    let escapes: Option<bool> = options.get("ensure_ascii")?;
    let sorts: Option<bool> = options.get("sort_keys")?;
    options.assert_all_used()?;
    let usual = [if indent.is_some() { "," } else { ", " }, ": "].map(str::to_owned);
    let pair = |given: Vec<String>| {
        let wrong = |given: Vec<String>| format!("{} separators, want 2", given.len());
        given.try_into().map_err(|e| Error::new(ErrorKind::InvalidOperation, wrong(e)))
    };
    let style = Python {
        indent: indent.map(|n| " ".repeat(n.min(WIDEST))),
        separators: separators.map_or(Ok(usual), pair)?,
        escapes: escapes.unwrap_or(false),
        depth: 0,
        is_empty: true,
    };
    let wrong = |e: serde_json::Error| Error::new(ErrorKind::BadSerialization, e.to_string());
    let mut text = written(value, style.clone()).map_err(wrong)?;
    if sorts.unwrap_or(false) {
        // Objects of serde_json are sorted; this one is no longer than the text.
        let sorted: Result<Json, _> = serde_json::to_value(value);
        text = sorted.and_then(|sorted| written(&sorted, style)).map_err(wrong)?;
    }
    Ok(Value::from_safe_string(String::from_utf8_lossy(&text).into_owned()))
}

fn written(value: &impl Serialize, style: Python) -> serde_json::Result<Vec<u8>> {
    let mut out = Bounded(vec![]);
    value.serialize(&mut Serializer::with_formatter(&mut out, style))?;
    Ok(out.0)
}

/// A text that may not become longer than [`LONGEST`].
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            return Err(io::Error::other("the JSON of a value is too long"));
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Clone)]
struct Python {
    indent: Option<String>,
    /// Between items, and after a key.
    separators: [String; 2],
    /// Whether characters outside ASCII are escaped.
    escapes: bool,
    depth: usize,
    /// Whether what is open has no item yet.
    is_empty: bool,
}

impl Python {
    fn line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        let Some(indent) = &self.indent else { return Ok(()) };
        write!(out, "\n{}", indent.repeat(self.depth))
    }

    fn open<W: ?Sized + Write>(&mut self, out: &mut W, sign: &str) -> io::Result<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(io::Error::other("a value is too deep for JSON"));
        }
        self.is_empty = true;
        out.write_all(sign.as_bytes())
    }

    fn item<W: ?Sized + Write>(&mut self, out: &mut W, is_first: bool) -> io::Result<()> {
        self.is_empty = false;
        if !is_first {
            out.write_all(self.separators[0].as_bytes())?;
        }
        self.line(out)
    }

    fn close<W: ?Sized + Write>(&mut self, out: &mut W, sign: &str) -> io::Result<()> {
        self.depth -= 1;
        if !self.is_empty {
            self.line(out)?;
        }
        self.is_empty = false;
        out.write_all(sign.as_bytes())
    }
}

impl Formatter for Python {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, "[")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.item(out, first)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, "]")
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, "{")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.item(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(self.separators[1].as_bytes())
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, "}")
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        if !self.escapes {
            return out.write_all(text.as_bytes());
        }
        let mut units = [0; 2];
        text.chars().try_for_each(|letter| match letter {
            ' '..='~' => write!(out, "{letter}"),
            _ => letter.encode_utf16(&mut units).iter().try_for_each(|u| write!(out, "\\u{u:04x}")),
        })
    }
}
