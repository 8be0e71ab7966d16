//! The chat template of a checkpoint: what it puts around a message, in the Jinja that Hugging Face's tokenizers hold.
//!
//! Rendered as transformers does it: blocks are trimmed, `tojson` writes JSON as Python does, `raise_exception` and
//! `strftime_now` are there, and no special token is added afterwards, so that none comes twice. The work and the
//! memory that it takes are bounded: what is made by fuel, what is read by [`gauge`], how deep it nests by [`reads`].
//! Days are those of UTC.

mod dates;
mod gauge;
mod python_json;
mod reads;

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

/// The most work of rendering, in steps of the template; 64 bytes of text count as one.
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
        let wrong = |text: String| anyhow!("the checkpoint's chat template: {text}");
        let source = reads::weighed(&self.source).map_err(|e| wrong(e.to_string()))?;
        let environment = environment(self.seconds);
        let template = environment.template_from_str(&source);
        let template = template.map_err(|e| wrong(fault(&e)))?;
        let rendered = |sentence: &str| template.render(self.values(sentence, specials));
        let text = rendered(sentence).map_err(|e| wrong(fault(&e)))?;
        let place = place(&text, sentence, rendered).context(
            "the checkpoint's chat template leaves the sentence out, or changes it; read it without --chat",
        )?;
        Ok(Rendered { sentence: place, text })
    }

    /// What the template is given.
    fn values(&self, sentence: &str, specials: &SpecialTexts) -> Value {
        let system = self.system.iter().map(|text| message("system", text));
        let messages: Vec<Value> = system.chain([message("user", sentence)]).collect();
        context! {
            messages,
            tools => Value::from(()),
            documents => Value::from(()),
            add_generation_prompt => true,
            ..Value::from_pairs(specials.0.clone())
        }
    }
}

/// Where the sentence stands in the text, with the spaces around it if the template leaves them: before what follows a
/// mark if the template gets that instead, since its own words may hold a short sentence too.
fn place(
    text: &str,
    sentence: &str,
    rendered: impl Fn(&str) -> Result<String, Error>,
) -> Option<Range<usize>> {
    const MARK: &str = "\u{e000}";
    let inner = sentence.trim();
    if inner.is_empty() {
        let at = text.rfind(sentence).filter(|_| !sentence.is_empty())?;
        return Some(at..at + sentence.len());
    }
    let marked = rendered(&sentence.replace(inner, MARK)).ok()?;
    let after = &marked[marked.rfind(MARK)? + MARK.len()..];
    let at = text.strip_suffix(after)?.strip_suffix(inner)?.len();
    let whole = at.saturating_sub(sentence.len() - sentence.trim_start().len());
    let stands = text.get(whole..).is_some_and(|rest| rest.starts_with(sentence));
    let (at, found) = if stands { (whole, sentence) } else { (at, inner) };
    Some(at..at + found.len())
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

fn environment(seconds: u64) -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.unwrap_or_default());
    environment.set_fuel(Some(MOST_WORK));
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
    gauge::bound(&mut environment);
    environment
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
                "{% set ns = namespace(x='a' * 90000) %}{% set x = [ns.x, ns.x, ns.x, ns.x, ns.x, ns.x] %}\
                 {{ [x, x, x] | tojson }}",
                "too long",
            ),
            (
                "{% set x = [[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]] %}\
                 {% set x = [[[[[[[[[[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]]]]]]]]] %}\
                 {% set x = [[[[[[[[[[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]]]]]]]]] %}\
                 {{ [[[[[[[[[[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]]]]]]]]] | tojson(sort_keys=true) }}",
                "too deep for JSON",
            ),
            ("nothing, which holds the two letters", "leaves the sentence out"),
            ("{{ messages[0].content | upper }}", "leaves the sentence out"),
        ] {
            let error = format!("{:#}", rendered(source).unwrap_err());
            assert!(error.contains(part), "{source}: {error}");
        }
    }

    #[track_caller]
    fn fails(source: &str, part: &str) {
        let error = format!("{:#}", rendered(source).unwrap_err());
        assert!(error.contains(part), "{source:.300}: {error}");
    }

    /// What two values of 8,000 numbers each are asked, again and again.
    fn asked(often: &str) -> String {
        format!(
            "{{% set ns = namespace(a=[1], b=[1]) %}}{{% for i in range(12) %}}\
             {{% set ns.a = [ns.a, ns.a] %}}{{% set ns.b = [ns.b, ns.b] %}}{{% endfor %}}\
             {{% set a = ns.a %}}{{% set b = ns.b %}}{{% for i in range(200) %}}{often}{{% endfor %}}"
        )
    }

    #[test]
    fn what_values_stand_for_is_weighed_whatever_reads_them() {
        for read in [
            "a",
            "a ~ ''",
            "a == b",
            "a in [b]",
            "''.join([a]) | length",
            "[1] | select('equalto', a) | list",
            "1 is eq a",
            "{a: 1} | length",
        ] {
            fails(&asked(&format!("{{{{ {read} }}}}")), "its values are too large");
        }
        for tag in [
            "{% set x | replace(a ~ '', '') %}{% endset %}",
            "{% for x in [1] if a == b %}{% endfor %}",
            "{% macro f(x=a == b) %}{{ x }}{% endmacro %}{{ f() }}",
            "{% filter replace(a ~ '', '') %}{% endfilter %}",
            "{% with x = 1, y = a == b %}{% endwith %}",
            "{% if 0 %}{% elif a == b %}{% endif %}",
        ] {
            fails(&asked(tag), "its values are too large");
        }
        fails("{{ debug() }}", "debug is unknown");
        fails("{{ messages | pprint }}", "pprint is unknown");
    }

    #[test]
    fn values_grow_neither_in_variables_nor_arguments_nor_objects() {
        let again = |n: usize, text: &str| text.repeat(n);
        let large = "its values are too large";
        let held = "a namespace cannot hold another one";
        for (source, part) in [
            (format!("{{% set a = [1] %}}{}{{{{ a }}}}", again(40, "{% set a = [a, a] %}")), large),
            (format!("{{% set a = 1 %}}{}{{{{ a }}}}", again(40, "{% set a = a, a %}")), large),
            (
                "{% macro f(a, n) %}{{ f([a, a], n - 1) if n else a == [1] }}{% endmacro %}{{ f([1], 60) }}".into(),
                large,
            ),
            (
                "{% for x in [[1]] recursive %}{{ loop([x, x]) if loop.depth < 60 else x }}{% endfor %}".into(),
                "chat template",
            ),
            (
                "{% set ns = namespace(a=1) %}{% for i in range(60) %}{% set ns.a = cycler([ns.a, ns.a]) %}\
                 {% endfor %}{{ ns.a }}"
                    .into(),
                "`cycler` takes no lists",
            ),
            // What holds itself has no end.
            ("{% set a = namespace() %}{% set a.x = [a] %}".into(), held),
            ("{% set a = namespace() %}{% set a.x = {'k': a.items()} %}".into(), held),
            (
                "{% set a = namespace() %}{% macro f() %}{% set a.x = a %}{% endmacro %}{{ a ~ f() }}".into(),
                held,
            ),
            (
                "{% set a = namespace() %}{% for x in [1, a] %}{% set a.x = loop %}{% endfor %}".into(),
                held,
            ),
            (
                "{% set ns = namespace(a=[1]) %}{% for i in range(30000) %}{% set ns.a = [ns.a] %}{% endfor %}"
                    .into(),
                "too deep",
            ),
            (
                "{% set ns = namespace(a=[1]) %}{% for i in range(30000) %}{% set ns.a = ns.a[0:] %}{% endfor %}"
                    .into(),
                "fuel",
            ),
            ("{% set else = [1] %}{% set else = [else, else] %}".into(), "calls a value `else`"),
            ("{% set __weighed__ = {} %}".into(), "a name of this program's own"),
        ] {
            fails(&source, part);
        }
        // Each is computed from the one before only while it is read.
        let unmade = format!("{{% set a = [[1]] %}}{}", again(2000, "{% set a = [a[0][0:]] %}"));
        fails(&unmade, large);
        let made = format!("{{% set a = [1] %}}{}{{{{ a }}}}", again(2000, "{% set a = a[0:] %}"));
        assert_eq!(rendered(&format!("{made}{{{{ messages[0].content }}}}")).unwrap(), "[1]hi");
    }

    #[test]
    fn texts_made_of_many_copies_are_bounded_before_they_are_made() {
        let large = "its values are too large";
        let format = "a format makes too long a text";
        for (source, part) in [
            ("{{ 'x'.join(['y' * 1000000] * 100000) }}", "a list cannot be multiplied"),
            ("{{ (100000 * ['y' * 1000000]) ~ '' }}", "a list cannot be multiplied"),
            (
                "{{ 2 * -1 * messages | list | length * messages[0:] ~ '' }}",
                "a list cannot be multiplied",
            ),
            ("{{ ('{0}' * 10000).format('y' * 300000) }}", format),
            ("{{ ('%(a)s' * 10000) | format({'a': 'y' * 300000}) }}", format),
            ("{{ '{0:999999999}'.format('a') }}", format),
            ("{{ '%999999999d' | format(1) }}", format),
            ("{{ ([1] | batch(90000, 'y' * 1000000)) ~ '' }}", large),
            ("{{ (range(9) | slice(90000, 'y' * 1000000)) ~ '' }}", large),
        ] {
            fails(source, part);
        }
        let copies = "y,".repeat(300);
        fails(&format!("{{% set y = 'y' * 1000000 %}}{{{{ [{copies}] | join }}}}"), large);
    }

    /// Tests have a quarter of the stack of a program, and this part of the library is not optimised for them.
    #[test]
    fn expressions_nest_no_deeper_than_the_stack_allows() {
        let repeated = |begin: &str, part: &str, end: &str| {
            [20_000, 290].map(|n| format!("{{{{ {begin}{}{end} }}}}", part.repeat(n)))
        };
        for [deep, shallow] in [
            repeated("", "-", "1"),
            repeated("", "not ", "1"),
            repeated("messages", "[0]", ""),
            repeated("messages", ".a", ""),
            repeated("messages", "()", ""),
            repeated("1", "+1", ""),
            repeated("1", "**1", ""),
            repeated("1", "==1", ""),
            repeated("1", " and 1", ""),
            repeated("1", "|abs", ""),
            repeated("'a'", "~'a'", ""),
        ] {
            fails(&deep, "operators, the limit is 300");
            assert!(!format!("{:?}", rendered(&shallow)).contains("operators"));
        }
        fails(&repeated("", "1 if 1 else ", "1")[0], "operators, the limit is 300");
        fails(&repeated("1", " is defined", "")[0], "operators, the limit is 300");
        let branches = |n: usize| format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(n));
        fails(&branches(8000), "more than 200 `elif`");
        let most = format!("{}{{{{ messages[0].content }}}}", branches(200));
        assert_eq!(rendered(&most).unwrap(), "hi");
        for (open, close) in [("(", ")"), ("[", "]"), ("{1: ", "}")] {
            let nested = |n: usize| format!("{{{{ {}1{} }}}}", open.repeat(n), close.repeat(n));
            fails(&nested(140), "recursion limits");
            let most = format!("{}{{{{ messages[0].content }}}}", nested(70));
            assert!(rendered(&most).unwrap().ends_with("hi"));
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
