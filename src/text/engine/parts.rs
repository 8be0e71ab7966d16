//! The parts around a tokenizer's model: checked against unbounded work, then installed.

use anyhow::{Result, anyhow, ensure};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};
use tokenizers::{DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper};

use super::{
    sanitized,
    stages::{Decoders, Engine, Normalizers, PreTokenizers, longest_written},
};
use crate::text::plan::TokenizerParts;

/// The most stages of one part, those in its sequences counted; the longest in use have about ten.
const MOST_STAGES: usize = 100;

/// The most values of a part, each counted once for every level that it is in: the library copies a value at each level.
/// Those in use have up to some hundreds.
const MOST_READ: usize = 40_000;

/// How much longer a part may make a text.
const MOST_GROWTH: usize = 256;

/// The most tokens added around a text; those in use are a handful.
const MOST_AROUND: usize = 256;

/// The most steps of all patterns together with their counted repetitions written out.
const MOST_STEPS: usize = 40_000;

/// The steps of a class of characters that has thousands of them: `\p{L}`, `\w`.
const CLASS_STEPS: usize = 200;

/// Checks the parts as they are written, before the library reads them and compiles their patterns.
///
/// # Errors
/// If a part is too large or too deep, lets texts grow beyond the limit, or has patterns that are too long.
pub fn check(parts: &TokenizerParts) -> Result<()> {
    let TokenizerParts { normalizer, pre_tokenizer, post_processor, decoder } = parts;
    for (name, part) in [
        ("normalizer", normalizer),
        ("pre_tokenizer", pre_tokenizer),
        ("post_processor", post_processor),
        ("decoder", decoder),
    ] {
        let n = n_read(part, 1);
        ensure!(
            n <= MOST_READ,
            "`{name}` has stages of {n} values, each counted once for every level that it is in; the limit is \
             {MOST_READ}"
        );
    }
    let mut n_steps = 0;
    for (name, part) in
        [("normalizer", normalizer), ("pre_tokenizer", pre_tokenizer), ("decoder", decoder)]
    {
        let mut seen = Cost { growth: 1, n_steps };
        look(part, &mut seen)?;
        ensure!(
            seen.growth <= MOST_GROWTH,
            "`{name}` has stages that make a text up to {} times as long; the limit is {MOST_GROWTH}",
            seen.growth
        );
        n_steps = seen.n_steps;
    }
    Ok(())
}

fn n_read(part: &Json, level: usize) -> usize {
    let inner: usize = match part {
        Json::Array(items) => items.iter().map(|item| n_read(item, level + 1)).sum(),
        Json::Object(fields) => fields.values().map(|value| n_read(value, level + 1)).sum(),
        _ => 0,
    };
    level + inner
}

fn check_stages(name: &str, n_stages: usize) -> Result<()> {
    ensure!(n_stages <= MOST_STAGES, "`{name}` has {n_stages} stages, the limit is {MOST_STAGES}");
    Ok(())
}

/// Checks that a template contains the text once and few tokens: every occurrence is a copy. Checks the library's
/// own serialisation, since it reads several spellings.
fn check_templates(part: Option<&PostProcessorWrapper>) -> Result<()> {
    let mut put = Put { stages: 0, copies: 1, tokens: 0 };
    look_at_templates(&serde_json::to_value(part)?, &mut put);
    ensure!(
        put.stages <= MOST_STAGES && put.copies <= 1 && put.tokens <= MOST_AROUND,
        "`post_processor` has {} stages that put a text {} times among {} tokens; the limits are \
         {MOST_STAGES}, 1 and {MOST_AROUND}",
        put.stages,
        put.copies,
        put.tokens
    );
    Ok(())
}

/// The sum over all stages.
struct Put {
    stages: usize,
    copies: usize,
    tokens: usize,
}

fn look_at_templates(part: &Json, put: &mut Put) {
    put.stages += usize::from(part.get("type").is_some());
    if let Some(Json::Array(template)) = part.get("single") {
        let copies = template.iter().filter(|piece| piece.get("Sequence").is_some()).count();
        let special = template.iter().filter_map(|piece| piece["SpecialToken"]["id"].as_str());
        let tokens = special.map(|id| n_ids(part, id)).fold(0, usize::saturating_add);
        put.copies = put.copies.saturating_mul(copies.max(1));
        put.tokens = put.tokens.saturating_add(tokens);
    }
    let stages = part.get("processors").and_then(Json::as_array);
    stages.into_iter().flatten().for_each(|stage| look_at_templates(stage, put));
}

/// How many tokens a template's special token stands for.
fn n_ids(template: &Json, id: &str) -> usize {
    let tokens = template.get("special_tokens").and_then(|tokens| tokens.get(id)?.get("ids"));
    tokens.and_then(Json::as_array).map_or(0, Vec::len)
}

/// What a part does: the product over its stages, and the sum over those of all parts.
struct Cost {
    growth: usize,
    n_steps: usize,
}

fn look(part: &Json, seen: &mut Cost) -> Result<()> {
    match part {
        Json::Array(items) => items.iter().try_for_each(|item| look(item, seen)),
        Json::Object(fields) => {
            if let Some(pattern) = fields.get("pattern") {
                let content = fields.get("content").and_then(Json::as_str).unwrap_or("");
                seen.growth = seen.growth.saturating_mul(growth(pattern, content));
                seen.n_steps = seen.n_steps.saturating_add(pattern_steps(pattern));
                ensure!(
                    seen.n_steps <= MOST_STEPS,
                    "the patterns up to `{}` have {} steps written out, the limit is {MOST_STEPS}",
                    sanitized(pattern),
                    seen.n_steps
                );
            }
            check_texts(fields)?;
            fields.values().try_for_each(|value| look(value, seen))
        }
        _ => Ok(()),
    }
}

/// The most bytes that go before each piece of a text.
const LONGEST_PREPENDED: usize = 64;

/// What is put into a text again and again must be short.
fn check_texts(fields: &Map<String, Json>) -> Result<()> {
    let text = |key| fields.get(key).and_then(Json::as_str).unwrap_or("");
    let prepended = text("prepend").len();
    ensure!(
        prepended <= LONGEST_PREPENDED,
        "`prepend` has {prepended} bytes, the limit is {LONGEST_PREPENDED}"
    );
    let longest = longest_written(text("precompiled_charsmap"))?;
    ensure!(
        longest <= MOST_GROWTH,
        "`precompiled_charsmap` writes {longest} bytes for one character, the limit is {MOST_GROWTH}"
    );
    Ok(())
}

/// The factor by which a text can grow if `content` replaces every match of `pattern`; a regular expression may
/// match the empty string between any two characters.
fn growth(pattern: &Json, content: &str) -> usize {
    let matched = pattern.get("String").and_then(Json::as_str).map_or(1, |text| text.len().max(1));
    content.len().div_ceil(matched).max(1)
}

/// The steps of a pattern; a text that is looked for has one for each byte.
fn pattern_steps(pattern: &Json) -> usize {
    let regex = pattern.get("Regex").and_then(Json::as_str).map(steps);
    regex.unwrap_or_else(|| pattern.get("String").and_then(Json::as_str).map_or(0, str::len))
}

/// The length of a regular expression with its counted repetitions written out: `(ab{3}){10}` has about 40 steps, and
/// a class of characters of Unicode as many as its automaton has about. Counts inside a class count too, an
/// overestimate.
fn steps(pattern: &str) -> usize {
    let mut open: Vec<usize> = vec![];
    let (mut sum, mut last) = (0usize, 0usize);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let count = if c == '{' { counted(rest) } else { None };
        match (c, count) {
            (_, Some((times, length))) => {
                sum = sum.saturating_add(last.saturating_mul(times.saturating_sub(1)));
                last = last.saturating_mul(times);
                rest = &rest[length..];
            }
            ('(', None) => open.push(std::mem::take(&mut sum)),
            (')', None) => {
                last = sum;
                sum = sum.saturating_add(open.pop().unwrap_or(0));
            }
            ('\\', None) => {
                let escaped = rest.chars().next();
                rest = &rest[escaped.map_or(0, char::len_utf8)..];
                if matches!(escaped, Some('p' | 'P')) {
                    rest = &rest[class_name(rest)..];
                }
                last = if escaped.is_some_and(|c| "pPwWdDsSbBhHRX".contains(c)) {
                    CLASS_STEPS
                } else {
                    1
                };
                sum = sum.saturating_add(last);
            }
            _ => {
                last = 1;
                sum = sum.saturating_add(1);
            }
        }
    }
    open.into_iter().fold(sum, usize::saturating_add)
}

/// The length of the name of a Unicode class: `L`, `{Lu}`.
fn class_name(text: &str) -> usize {
    let end = if text.starts_with('{') { text.find('}').map(|end| end + 1) } else { None };
    end.unwrap_or_else(|| text.chars().next().map_or(0, char::len_utf8))
}

/// The larger number in `3}` or `1,3}`, and the length of the text read.
fn counted(text: &str) -> Option<(usize, usize)> {
    let inside = &text[..text.find('}')?];
    let numbers: Option<Vec<usize>> =
        inside.split(',').map(|n| if n.is_empty() { Some(0) } else { n.parse().ok() }).collect();
    Some((numbers?.into_iter().max()?, inside.len() + 1))
}

/// # Errors
/// If the library does not know a part, or a template copies the text.
pub fn put(engine: &mut Engine, parts: TokenizerParts) -> Result<()> {
    let normalizer: Option<NormalizerWrapper> = read("normalizer", parts.normalizer)?;
    let pre_tokenizer: Option<PreTokenizerWrapper> = read("pre_tokenizer", parts.pre_tokenizer)?;
    let post_processor: Option<PostProcessorWrapper> =
        read("post_processor", parts.post_processor)?;
    check_templates(post_processor.as_ref())?;
    let decoder: Option<DecoderWrapper> = read("decoder", parts.decoder)?;
    let normalizers = normalizer.map(Normalizers::new).transpose().map_err(sanitized)?;
    let pre_tokenizers = PreTokenizers::new(pre_tokenizer).map_err(sanitized)?;
    let decoders = decoder.as_ref().map(Decoders::new).transpose().map_err(sanitized)?;
    check_stages("normalizer", normalizers.as_ref().map_or(0, Normalizers::n_stages))?;
    check_stages("pre_tokenizer", pre_tokenizers.n_stages())?;
    check_stages("decoder", decoders.as_ref().map_or(0, Decoders::n_stages))?;
    engine.with_normalizer(normalizers).map_err(sanitized)?;
    engine.with_pre_tokenizer(Some(pre_tokenizers));
    engine.with_post_processor(post_processor);
    engine.with_decoder(decoders);
    Ok(())
}

/// A token before or after every text.
pub struct EndToken {
    pub token: String,
    pub id: u32,
}

/// Installs a template that adds tokens before and after every text.
///
/// # Errors
/// None that is known.
pub fn put_ends(
    engine: &mut Engine,
    begin: Option<&EndToken>,
    end: Option<&EndToken>,
) -> Result<()> {
    let special = |end: &EndToken| json!({"SpecialToken": {"id": end.token, "type_id": 0}});
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let single: Vec<Json> =
        begin.map(special).into_iter().chain([text]).chain(end.map(special)).collect();
    let known: Map<String, Json> = begin
        .into_iter()
        .chain(end)
        .map(|EndToken { token, id }| {
            (token.clone(), json!({"id": token, "ids": [id], "tokens": [token]}))
        })
        .collect();
    let template = json!({
        "type": "TemplateProcessing",
        "single": single,
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": known,
    });
    let template: Option<PostProcessorWrapper> = read("post_processor", template)?;
    engine.with_post_processor(template);
    Ok(())
}

fn read<T: DeserializeOwned>(name: &str, part: Json) -> Result<Option<T>> {
    serde_json::from_value(part)
        .map_err(|e| anyhow!("`{name}` cannot be read: {}; perhaps a newer kind", sanitized(e)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_repetitions_multiply() {
        assert_eq!(steps("ab{3}"), 4);
        assert_eq!(steps("(ab{3}){10}"), 40);
        assert!(steps("(((a{1000}){1000}){1000}){1000}") > MOST_STEPS);
        let llama = r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|\s+(?!\S)";
        assert!((1000..3000).contains(&steps(llama)), "{}", steps(llama));
        assert!(steps(r"\pL{300}") > MOST_STEPS && steps(r"\p{L}{300}") > MOST_STEPS);
    }

    /// Read as it stands, this takes the library a quarter of a minute.
    #[test]
    fn nested_stages_are_counted_before_they_are_read() {
        let tree = |list: &str, leaf: Json, depth: usize| {
            let sequence =
                |part: Json, copies: usize| json!({"type": "Sequence", list: vec![part; copies]});
            let wide = (0..depth).fold(leaf, |part, _| sequence(part, 2));
            (0..25).fold(wide, |part, _| sequence(part, 1))
        };
        let parts = |depth: usize| {
            let leaf = || json!({"type": "Lowercase"});
            [
                TokenizerParts {
                    normalizer: tree("normalizers", leaf(), depth),
                    ..TokenizerParts::default()
                },
                TokenizerParts {
                    pre_tokenizer: tree("pretokenizers", leaf(), depth),
                    ..TokenizerParts::default()
                },
                TokenizerParts {
                    post_processor: tree("processors", leaf(), depth),
                    ..TokenizerParts::default()
                },
                TokenizerParts {
                    decoder: tree("decoders", leaf(), depth),
                    ..TokenizerParts::default()
                },
            ]
        };
        for (deep, shallow) in parts(12).iter().zip(&parts(2)) {
            assert!(check(shallow).is_ok());
            let error = check(deep).unwrap_err().to_string();
            assert!(error.contains("for every level that it is in"), "{error}");
        }
        let piece = json!({"SpecialToken": {"id": "<s>", "type_id": 0}});
        let template = json!({"type": "TemplateProcessing", "single": vec![piece; 80_000]});
        assert!(
            check(&TokenizerParts { post_processor: template, ..TokenizerParts::default() })
                .is_err()
        );
    }

    #[test]
    fn texts_do_not_grow_without_end() {
        let double = |n| {
            serde_json::json!({"type": "Sequence", "normalizers": vec![
                serde_json::json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}); n
            ]})
        };
        let parts = |n| TokenizerParts { normalizer: double(n), ..TokenizerParts::default() };
        assert!(check(&parts(3)).is_ok());
        let error = check(&parts(40)).unwrap_err().to_string();
        assert!(error.contains("`normalizer`"), "{error}");
    }
}
