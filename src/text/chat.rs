//! The chat template of a checkpoint: what it puts around a message, in the Jinja that Hugging Face's tokenizers hold.
//!
//! Rendered as transformers does it: blocks are trimmed, `tojson` writes JSON as Python does, `raise_exception` and
//! `strftime_now` are there, and no special token is added afterwards, so that none comes twice. The work and the
//! memory that it takes are bounded. Days are those of UTC.

mod dates;
mod python_json;

use std::{collections::BTreeMap, ops::Range};

use anyhow::{Context as _, Result, anyhow, ensure};
use dates::strftime;
use minijinja::{
    Environment, Error, ErrorKind, Value, context, syntax::SyntaxConfig, value::ValueKind,
};
use serde_json::Value as Json;

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

/// The texts of the special tokens that a template may name, by name: `bos_token`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecialTexts(pub BTreeMap<String, String>);

impl SpecialTexts {
    /// Those that tokenizer_config.json names, and no other, as in transformers; None without the file.
    pub fn named(specials: &Specials) -> Option<Self> {
        specials.tokenizer_config.map(|_| Self(specials.texts()))
    }

    /// The tokens of these ids.
    pub fn of(ids: &SpecialIds, token: impl Fn(u32) -> Option<String>) -> Self {
        let text = |(name, id): (&str, Option<u32>)| Some((name.to_owned(), token(id?)?));
        Self(ids.named().into_iter().filter_map(text).collect())
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
        let values = context! {
            messages,
            tools => Value::from(()),
            documents => Value::from(()),
            add_generation_prompt => true,
            ..Value::from_pairs(specials.0.clone())
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
    environment.add_filter("tojson", python_json::filter);
    minijinja_contrib::add_to_environment(&mut environment);
    // Of Python, where letters have an order and an index too.
    environment.add_test("iterable", |value: &Value| !value.is_none() && value.try_iter().is_ok());
    environment.add_test("sequence", |value: &Value| {
        let kinds = [ValueKind::Seq, ValueKind::Map, ValueKind::String, ValueKind::Undefined];
        kinds.contains(&value.kind())
    });
    Ok(environment)
}

/// Blocks that transformers marks with `generation` are rendered as they stand; what is set in one is not set after it.
fn without_generation(source: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(source.len()), source);
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        let Some((inner, after)) = tag[2..].split_once("%}") else { break };
        let replaced = match inner.trim_matches(|c: char| c == '-' || c == '+' || c.is_whitespace())
        {
            "generation" => inner.replace("generation", "with"),
            "endgeneration" => inner.replace("endgeneration", "endwith"),
            _ => inner.to_owned(),
        };
        out.extend([before, "{%", &replaced, "%}"]);
        rest = after;
    }
    out + rest
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
            (
                "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}\
                 {{ ns.x | tojson }}",
                "too long",
            ),
            (
                "{% set ns = namespace(x=1) %}{% for i in range(200) %}{% set ns.x = [ns.x] %}{% endfor %}\
                 {{ ns.x | tojson(sort_keys=true) }}",
                "too deep",
            ),
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
        let config = serde_json::json!({
            "bos_token": null, "eos_token": {"content": "<end>"}, "sep_token": "", "image_token": "<image>",
            "add_bos_token": true, "extra_special_tokens": {"audio": "<audio>"},
        });
        let specials = Specials {
            tokenizer_config: Some(&config),
            bos: Some(1),
            eos: &[2, 3],
            ..Specials::default()
        };
        let texts = SpecialTexts::named(&specials).unwrap();
        let want = [
            ("audio", "<audio>"),
            ("eos_token", "<end>"),
            ("image_token", "<image>"),
            ("sep_token", ""),
        ];
        assert_eq!(texts.0, want.map(|(name, text)| (name.into(), text.into())).into());
        assert!(SpecialTexts::named(&Specials::default()).is_none());
        // A map beside it counts more, if it is of that time.
        let map = serde_json::json!({"eos_token": "<of the map>"});
        let eos = |config: &Json| {
            let specials = Specials {
                tokenizer_config: Some(config),
                special_tokens_map: Some(&map),
                ..Specials::default()
            };
            SpecialTexts::named(&specials).unwrap().0["eos_token"].clone()
        };
        assert_eq!(eos(&config), "<of the map>");
        let newer = serde_json::json!({"eos_token": "<end>", "added_tokens_decoder": {}});
        assert_eq!(eos(&newer), "<end>");
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
