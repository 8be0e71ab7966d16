//! The chat template of a checkpoint: what it puts around a message, in the Jinja that Hugging Face's tokenizers hold.
//!
//! Rendered as transformers does it: blocks are trimmed, `tojson` escapes nothing, `raise_exception` and `strftime_now`
//! are there, and no special token is added afterwards, so that none comes twice. The work and the memory that
//! it takes are bounded. Days are those of UTC.

use std::{
    io::{self, Write},
    ops::Range,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use minijinja::{Environment, Error, ErrorKind, Value, context, syntax::SyntaxConfig};
use serde::Serialize;
use serde_json::{Serializer, Value as Json, ser::Formatter};

use super::{SpecialIds, Specials, visible::shown};

/// The longest template, in bytes; those in use have up to 20,000.
const LONGEST: usize = 256 << 10;

/// The most work of rendering: so many steps, or 64 bytes made for each.
const MOST_WORK: u64 = 400_000;

/// A checkpoint's template, and what is said to the model before the sentence.
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    source: String,
    system: Option<String>,
    /// The time of the conversation, in seconds since 1970.
    seconds: u64,
}

/// A rendered conversation, and where in it the sentence is.
#[derive(Debug, PartialEq, Eq)]
pub struct Rendered {
    pub text: String,
    pub sentence: Range<usize>,
}

/// The texts of the special tokens that a template may name.
#[derive(Clone, Debug, Default)]
pub struct SpecialTexts {
    pub bos: Option<String>,
    pub eos: Option<String>,
    pub unk: Option<String>,
    pub pad: Option<String>,
}

impl SpecialTexts {
    /// Those that tokenizer_config.json names, and no other, as in transformers; None without the file.
    pub fn named(specials: &Specials) -> Option<Self> {
        specials.tokenizer_config?;
        let text = |name| specials.content(name).map(str::to_owned);
        let [bos, eos] = [text("bos_token"), text("eos_token")];
        Some(Self { bos, eos, unk: text("unk_token"), pad: text("pad_token") })
    }

    /// The tokens of these ids.
    pub fn of(ids: &SpecialIds, token: impl Fn(u32) -> Option<String>) -> Self {
        let text = |id: Option<u32>| id.and_then(&token);
        let eos = ids.eos.last().copied();
        Self { bos: text(ids.bos), eos: text(eos), unk: text(ids.unk), pad: text(ids.pad) }
    }
}

impl ChatTemplate {
    pub const fn new(source: String, system: Option<String>, seconds: u64) -> Self {
        Self { source, system, seconds }
    }

    /// The text that the model reads of this sentence, to which it is to answer.
    ///
    /// # Errors
    /// If the template is damaged, takes too much work, or refuses the messages; if it leaves the sentence out.
    pub fn render(&self, sentence: &str, specials: &SpecialTexts) -> Result<Rendered> {
        let n = self.source.len();
        ensure!(n <= LONGEST, "the chat template has {n} bytes, the limit is {LONGEST}");
        let text = self.rendered(sentence, specials);
        let text = text.map_err(|e| anyhow!("the checkpoint's chat template: {}", fault(&e)))?;
        let place = self.place(&text, sentence, specials).context(
            "the checkpoint's chat template leaves the sentence out, or changes it; read it without --chat",
        )?;
        Ok(Rendered { sentence: place, text })
    }

    /// Where the sentence stands in the text, with the spaces around it if the template leaves them: before what follows a
    /// mark if the template gets that instead, since its own words may hold a short sentence too.
    fn place(&self, text: &str, sentence: &str, specials: &SpecialTexts) -> Option<Range<usize>> {
        const MARK: &str = "\u{e000}";
        let inner = sentence.trim();
        if inner.is_empty() {
            let at = text.rfind(sentence).filter(|_| !sentence.is_empty())?;
            return Some(at..at + sentence.len());
        }
        let marked = self.rendered(&sentence.replace(inner, MARK), specials).ok()?;
        let after = &marked[marked.rfind(MARK)? + MARK.len()..];
        let at = text.strip_suffix(after)?.strip_suffix(inner)?.len();
        let whole = at.saturating_sub(sentence.len() - sentence.trim_start().len());
        let stands = text.get(whole..).is_some_and(|rest| rest.starts_with(sentence));
        let (at, found) = if stands { (whole, sentence) } else { (at, inner) };
        Some(at..at + found.len())
    }

    fn rendered(&self, sentence: &str, specials: &SpecialTexts) -> Result<String, Error> {
        let source = without_generation(&self.source);
        let environment = environment(self.seconds)?;
        let template = environment.template_from_str(&source)?;
        let system = self.system.iter().map(|text| message("system", text));
        let messages: Vec<Value> = system.chain([message("user", sentence)]).collect();
        let SpecialTexts { bos, eos, unk, pad } = specials;
        let text = |text: &Option<String>| text.as_deref().map(Value::from).unwrap_or_default();
        let values = context! {
            messages,
            tools => Value::from(()),
            documents => Value::from(()),
            add_generation_prompt => true,
            bos_token => text(bos),
            eos_token => text(eos),
            unk_token => text(unk),
            pad_token => text(pad),
        };
        template.render(values)
    }
}

fn message(role: &str, content: &str) -> Value {
    context! { role, content }
}

/// What went wrong, in a line.
fn fault(error: &Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(" (line {line})"));
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    format!("{}{line}", shown(&detail))
}

fn environment(seconds: u64) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_fuel(Some(MOST_WORK));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |text: String| -> Result<(), Error> {
        Err(Error::new(ErrorKind::InvalidOperation, text))
    });
    environment.add_function("strftime_now", move |format: &str| strftime(format, seconds));
    environment.add_filter("tojson", |value: Value, options: minijinja::value::Kwargs| {
        let indent: Option<usize> = options.get("indent")?;
        json(&value, indent)
    });
    Ok(environment)
}

/// Blocks that transformers marks with `generation` are rendered as they stand.
fn without_generation(source: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(source.len()), source);
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        let Some((inner, after)) = tag[2..].split_once("%}") else { break };
        let replaced = match inner.trim_matches(|c: char| c == '-' || c == '+' || c.is_whitespace())
        {
            "generation" => inner.replace("generation", "if true"),
            "endgeneration" => inner.replace("endgeneration", "endif"),
            _ => inner.to_owned(),
        };
        out.extend([before, "{%", &replaced, "%}"]);
        rest = after;
    }
    out + rest
}

/// JSON as Python writes it: a space after commas and colons, nothing escaped that need not be.
fn json(value: &Value, indent: Option<usize>) -> Result<Value, Error> {
    let wrong = |e: serde_json::Error| Error::new(ErrorKind::BadSerialization, e.to_string());
    let value: Json = serde_json::to_value(value).map_err(wrong)?;
    let mut out = vec![];
    match indent {
        None => value.serialize(&mut Serializer::with_formatter(&mut out, Spaced)),
        Some(n) => {
            let spaces = " ".repeat(n.min(16));
            let formatter = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
            value.serialize(&mut Serializer::with_formatter(&mut out, formatter))
        }
    }
    .map_err(wrong)?;
    Ok(Value::from_safe_string(String::from_utf8_lossy(&out).into_owned()))
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// A date and time in UTC, in the words of C's `strftime`; what is not known stays as it is.
fn strftime(format: &str, seconds: u64) -> String {
    let days = seconds / 86_400;
    let (year, month, day) = date(days.min(1 << 30));
    let (month_name, day_name) = (MONTHS[month - 1], DAYS[(days % 7) as usize]);
    let of_day = seconds % 86_400;
    let (mut out, mut characters) = (String::new(), format.chars());
    while let Some(c) = characters.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let directive = characters.next();
        let words = match directive.unwrap_or('%') {
            'Y' => year.to_string(),
            'y' => format!("{:02}", year % 100),
            'm' => format!("{month:02}"),
            'd' => format!("{day:02}"),
            'B' => month_name.to_owned(),
            'b' | 'h' => month_name[..3].to_owned(),
            'A' => day_name.to_owned(),
            'a' => day_name[..3].to_owned(),
            'H' => format!("{:02}", of_day / 3600),
            'M' => format!("{:02}", of_day / 60 % 60),
            'S' => format!("{:02}", of_day % 60),
            'F' => format!("{year}-{month:02}-{day:02}"),
            '%' => "%".to_owned(),
            other => format!("%{other}"),
        };
        out.push_str(&words);
    }
    out
}

/// Year, month and day, so many days after 1 January 1970 (Hinnant 2014, `civil_from_days`).
const fn date(days: u64) -> (u64, usize, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month as usize, day)
}

/// The template among those of a tokenizer_config.json: one, or the one called `default` of several.
///
/// # Errors
/// If there are several and none of them is the usual one.
pub fn template_of(value: &Json) -> Result<Option<String>> {
    let text = |value: &Json| value.as_str().map(str::to_owned);
    match value {
        Json::String(source) => Ok(Some(source.clone())),
        Json::Array(several) => {
            let is_default =
                |one: &&Json| one.get("name").and_then(Json::as_str) == Some("default");
            let one = several.iter().find(is_default).and_then(|one| text(one.get("template")?));
            one.context("there are several chat templates, none of which is called `default`")
                .map(Some)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(source: &str) -> Result<String> {
        let template = ChatTemplate::new(source.to_owned(), None, 0);
        Ok(template.render("hi", &SpecialTexts::default())?.text)
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, want) in [
            (0, "1970-01-01 Thu 01 Jan 00:00:00"),
            (951_782_400, "2000-02-29 Tue 29 Feb 00:00:00"),
            (1_709_251_199, "2024-02-29 Thu 29 Feb 23:59:59"),
            (4_102_444_800, "2100-01-01 Fri 01 Jan 00:00:00"),
        ] {
            assert_eq!(strftime("%Y-%m-%d %a %d %b %H:%M:%S", seconds), want);
        }
        assert_eq!(strftime("%A %B %y %F %% %q %", 86_400), "Friday January 70 1970-01-02 % %q %");
    }

    #[test]
    fn templates_that_fail_say_why_and_none_runs_for_ever() {
        for (source, part) in [
            ("{% for x in %}", "line 1"),
            ("{{ raise_exception('no system \u{1b}role') }}", "no system ␛role"),
            (
                "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
                "fuel",
            ),
            ("{% for i in range(90000) %}{{ 'a' * 1000 }}{% endfor %}", "chat template"),
            ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "chat template"),
            ("nothing, which holds the two letters", "leaves the sentence out"),
            ("{{ messages[0].content | upper }}", "leaves the sentence out"),
        ] {
            let error = format!("{:#}", rendered(source).unwrap_err());
            assert!(error.contains(part), "{source}: {error}");
        }
    }

    #[test]
    fn the_sentence_is_found_where_it_stands_last() {
        let template = ChatTemplate::new(
            "{{ messages[0].content }}|{{ messages[-1].content | trim }}|".into(),
            Some("hi".into()),
            0,
        );
        let rendered = template.render(" hi ", &SpecialTexts::default()).unwrap();
        assert_eq!(rendered.text, "hi|hi|");
        assert_eq!(rendered.sentence, 3..5);
    }

    #[test]
    fn parts_marked_for_training_are_rendered_as_they_stand() {
        let source = "{%- generation -%} {{ messages[0]['content'] }} {%- endgeneration %} {% if true %}!{% endif %}";
        assert_eq!(rendered(source).unwrap(), "hi !");
        // The end of a tag does not share its sign with the beginning.
        assert!(rendered("{%}").is_err() && rendered("{%").is_err());
    }

    #[test]
    fn a_template_has_the_tokens_that_the_tokenizer_names() {
        let config = serde_json::json!({"bos_token": null, "eos_token": {"content": "<end>"}});
        let specials = Specials {
            tokenizer_config: Some(&config),
            bos: Some(1),
            eos: &[2, 3],
            ..Specials::default()
        };
        let texts = SpecialTexts::named(&specials).unwrap();
        assert_eq!((texts.bos, texts.eos.as_deref()), (None, Some("<end>")));
        assert!(SpecialTexts::named(&Specials::default()).is_none());
    }

    #[test]
    fn one_of_several_templates_is_the_default() {
        let of = |text: &str| template_of(&serde_json::from_str(text).unwrap());
        assert_eq!(of("\"a\"").unwrap().as_deref(), Some("a"));
        let several = r#"[{"name":"tool_use","template":"t"},{"name":"default","template":"d"}]"#;
        assert_eq!(of(several).unwrap().as_deref(), Some("d"));
        assert!(of(r#"[{"name":"rag","template":"r"}]"#).is_err() && of("null").unwrap().is_none());
    }
}
