//! A table of evidence in its forms: text, JSON, CSV, npz.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

use anyhow::anyhow;
use serde_json::{Map, Value as Json, json};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::super::{
    args::evidence::{EvidenceFormat, EvidenceOut},
    failure::{Outcome, Usage},
    streams::Streams,
};
use crate::{
    export::{
        files::Files,
        numbers::npz::{self, Column},
    },
    text::visible::{Visible, visible_json},
};

/// A cell of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Field {
    Text(String),
    Count(usize),
    Number(f32),
    #[default]
    Missing,
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f32> for Field {
    /// Zero has no sign.
    fn from(number: f32) -> Self {
        Self::Number(number + 0.0)
    }
}

impl<T: Into<Self>> From<Option<T>> for Field {
    fn from(field: Option<T>) -> Self {
        field.map_or(Self::Missing, Into::into)
    }
}

impl From<usize> for Field {
    fn from(count: usize) -> Self {
        Self::Count(count)
    }
}

/// What a command found: a description, a table of one number a row, and the same for people.
pub struct Report {
    /// The command, the model, the sentence, what was asked.
    pub about: Map<String, Json>,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<Field>>,
    pub text: String,
}

impl Report {
    pub fn write(&self, out: &EvidenceOut, streams: &mut Streams) -> Outcome {
        let is_standard = out.out.out == Path::new("-");
        let format = out.format_of().usage()?;
        if format == EvidenceFormat::Npz && is_standard && io::stdout().is_terminal() {
            let why = "npz is not for a terminal; pass --out FILE.npz, or redirect the output";
            return Err(anyhow!(why)).usage();
        }
        let content = |out: &mut dyn Write| match format {
            EvidenceFormat::Table => write!(Visible(out), "{}", self.text),
            EvidenceFormat::Json => self.json(out),
            EvidenceFormat::Csv => self.csv(out),
            EvidenceFormat::Npz => self.npz(out),
        };
        if is_standard {
            return Ok(content(streams.out)?);
        }
        let mut files = Files::new([out.out.out.as_path()], out.out.force)?;
        files.stage(&out.out.out, content)?;
        Ok(files.finish()?)
    }

    fn described(&self) -> Map<String, Json> {
        let mut whole = Map::new();
        whole.insert("schema".into(), json!("lookback-evidence"));
        whole.insert("version".into(), json!(1));
        whole.extend(self.about.clone().into_iter().map(|(key, of)| (key, unsigned_zeros(of))));
        whole
    }

    fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        let row = |row: &Vec<Field>| -> Json {
            let fields = self.columns.iter().zip(row);
            fields
                .map(|(name, field)| ((*name).to_owned(), json_of(field)))
                .collect::<Map<_, _>>()
                .into()
        };
        let mut whole = self.described();
        whole.insert("rows".into(), self.rows.iter().map(row).collect());
        writeln!(out, "{}", visible_json(&Json::from(whole).to_string()))
    }

    /// RFC 4180, with a line end of Unix.
    fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut out = Visible(out);
        writeln!(out, "{}", self.columns.join(","))?;
        for row in &self.rows {
            let fields: Vec<String> = row.iter().map(csv_of).collect();
            writeln!(out, "{}", fields.join(","))?;
        }
        Ok(())
    }

    fn npz(&self, out: &mut dyn Write) -> io::Result<()> {
        let column = |(i, name): (usize, &&'static str)| {
            let fields = || self.rows.iter().map(move |row| &row[i]);
            let is_text = TEXTS.contains(name);
            debug_assert!(is_text || fields().all(|field| !matches!(field, Field::Text(_))));
            let column = if is_text {
                Column::Texts(fields().map(text_of).collect())
            } else {
                Column::Numbers(fields().map(number_of).collect())
            };
            ((*name).to_owned(), column)
        };
        let columns: Vec<(String, Column)> = self.columns.iter().enumerate().map(column).collect();
        npz::write_columns(&visible_json(&Json::from(self.described()).to_string()), &columns, out)
    }
}

/// A description in which no zero has a sign.
fn unsigned_zeros(json: Json) -> Json {
    match json {
        Json::Number(n) if n.is_f64() && n.as_f64() == Some(0.0) => json!(0.0),
        Json::Array(all) => all.into_iter().map(unsigned_zeros).collect(),
        other => other,
    }
}

/// The columns of text, of all commands; the others are numbers.
const TEXTS: [&str; 10] = [
    "key_token",
    "map",
    "measure",
    "method",
    "part",
    "query_token",
    "score",
    "site",
    "token",
    "weight",
];

fn json_of(field: &Field) -> Json {
    match field {
        Field::Text(text) => json!(text),
        Field::Count(n) => json!(n),
        Field::Number(x) if x.is_finite() => json!(x),
        Field::Number(x) => json!(x.to_string().to_lowercase()),
        Field::Missing => Json::Null,
    }
}

fn text_of(field: &Field) -> String {
    match field {
        Field::Text(text) => text.clone(),
        Field::Count(n) => n.to_string(),
        Field::Number(x) => x.to_string(),
        Field::Missing => String::new(),
    }
}

fn csv_of(field: &Field) -> String {
    let text = text_of(field);
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn number_of(field: &Field) -> f32 {
    match field {
        Field::Count(n) => *n as f32,
        Field::Number(x) => *x,
        Field::Text(_) | Field::Missing => f32::NAN,
    }
}

/// Text in at least `width` columns of a terminal, at their left end; a longer one is whole.
pub fn left_aligned(text: &str, width: usize) -> String {
    format!("{text}{:1$}", "", width.saturating_sub(text.width()))
}

/// The same at their right end.
pub fn right_aligned(text: &str, width: usize) -> String {
    format!("{:1$}{text}", "", width.saturating_sub(text.width()))
}

/// The first characters of a text that fit in `width` columns of a terminal.
pub fn cut(text: &str, width: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    text.chars().take_while(fits).collect()
}

/// A bar of up to `width` characters to the left or to the right of a middle.
pub fn signed_bar(share: f32, width: usize) -> String {
    let n = (share.abs().min(1.0) * width as f32).round() as usize;
    let bar = "#".repeat(n);
    if share < 0.0 {
        format!("{bar:>width$}|{:width$}", "")
    } else {
        format!("{:width$}|{bar:<width$}", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            about: Map::new(),
            columns: vec!["site", "amount"],
            rows: vec![vec!["a,\"b\"".into(), 0.5.into()], vec!["c".into(), Field::Missing]],
            text: String::new(),
        }
    }

    #[test]
    fn csv_quotes_what_it_has_to() {
        let mut out = vec![];
        report().csv(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "site,amount\n\"a,\"\"b\"\"\",0.5\nc,\n");
    }

    #[test]
    fn no_zero_has_a_sign() {
        let about = json!({"score": -0.0, "ends": [-0.0, 1.5]}).as_object().cloned().unwrap();
        let rows = vec![vec!["a".into(), (-0.0).into()]];
        let report = Report { about, rows, ..report() };
        let (mut json, mut csv) = (vec![], vec![]);
        report.json(&mut json).unwrap();
        report.csv(&mut csv).unwrap();
        for text in [json, csv].map(|bytes| String::from_utf8(bytes).unwrap()) {
            assert!(!text.contains("-0"), "{text}");
        }
    }

    #[test]
    fn json_has_an_object_for_each_row() {
        let mut out = vec![];
        report().json(&mut out).unwrap();
        let json: Json = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["rows"][0]["amount"], 0.5);
        assert!(json["rows"][1]["amount"].is_null() && json["schema"] == "lookback-evidence");
    }

    #[test]
    fn columns_are_measured_as_a_terminal_shows_them() {
        assert_eq!([left_aligned("头", 4), right_aligned("头 2", 6)], ["头  ", "  头 2"]);
        assert_eq!([cut("前馈层", 5), left_aligned("residual", 3)], ["前馈", "residual"]);
    }

    #[test]
    fn bars_go_both_ways() {
        assert_eq!(signed_bar(-0.5, 4), "  ##|    ");
        assert_eq!(signed_bar(1.0, 4), "    |####");
    }
}
