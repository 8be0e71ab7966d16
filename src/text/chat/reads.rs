//! Rewrites a template so that each value that it reads is weighed: `x` becomes `__weighed__[x]`.
//!
//! The library offers no other place to look at values between the steps of an expression. Names alone are enough: what
//! an expression makes of weighed values is not much heavier, but for products, whose factors are checked. Tags are cut
//! as the library cuts them, so that no name escapes. How deep an expression nests is bounded here too, because the
//! library takes a part of the stack for each level.

use anyhow::{Result, ensure};

/// The names of the map that weighs, of the filter for what a namespace holds and of that for factors.
pub const WEIGHED: &str = "__weighed__";
pub const HELD: &str = "__held__";
pub const FACTOR: &str = "__factor__";

/// The most operators of a tag; those in use have up to some tens.
const MOST_OPERATORS: usize = 300;

/// The most `elif` of a template, each of which is a level deeper.
const MOST_BRANCHES: usize = 200;

/// Words that cannot name a value; the library would let a template call a value `else`.
const WORDS: [&str; 14] = [
    "and",
    "else",
    "if",
    "in",
    "is",
    "not",
    "or",
    "recursive",
    "true",
    "True",
    "false",
    "False",
    "none",
    "None",
];

/// A token, and the blanks before it.
struct Token<'a> {
    blanks: &'a str,
    text: &'a str,
}

/// # Errors
/// If a tag has too many operators, or a name is not allowed.
pub fn weighed(source: &str) -> Result<String> {
    // A template could give the name to another value.
    ensure!(!source.contains(WEIGHED), "it has a name of this program's own, `{WEIGHED}`");
    let (mut out, mut rest, mut n_branches) = (String::with_capacity(2 * source.len()), source, 0);
    while let Some(at) = next_tag(rest) {
        let signs = 2 + usize::from(rest[at + 2..].starts_with(['-', '+']));
        let (before, tag) = rest.split_at(at + signs);
        out.push_str(before);
        let (written, length) = match rest.as_bytes()[at + 1] {
            b'#' => as_it_stands(tag, tag.find("#}").map(|end| end + 2)),
            b'{' => expression(tag, "}}")?,
            _ => {
                n_branches += usize::from(tag.trim_start().starts_with("elif"));
                ensure!(n_branches <= MOST_BRANCHES, "it has more than {MOST_BRANCHES} `elif`");
                statement(tag)?
            }
        };
        out.push_str(&written);
        rest = &tag[length..];
    }
    Ok(out + rest)
}

fn next_tag(text: &str) -> Option<usize> {
    let is_tag = |at: &usize| matches!(text.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#'));
    text.match_indices('{').map(|(at, _)| at).find(is_tag)
}

/// As much of the text, or all of it, where the library will find the end missing.
fn as_it_stands(text: &str, length: Option<usize>) -> (String, usize) {
    let length = length.unwrap_or(text.len());
    (text[..length].to_owned(), length)
}

/// Blocks that transformers marks with `generation` are rendered as they stand; what is set in one is not set after it.
fn statement(tag: &str) -> Result<(String, usize)> {
    if let Some(begin) = bare(tag, "raw") {
        let ends = tag.match_indices("{%").map(|(at, _)| at + 2).filter(|at| *at > begin);
        let end = |at: usize| {
            let inner = tag[at..].strip_prefix(['-', '+']).unwrap_or(&tag[at..]);
            Some(tag.len() - inner.len() + bare(inner, "endraw")?)
        };
        return Ok(as_it_stands(tag, ends.into_iter().find_map(end)));
    }
    for (name, known) in [("generation", "with"), ("endgeneration", "endwith")] {
        if let Some(length) = bare(tag, name) {
            return Ok((tag[..length].replacen(name, known, 1), length));
        }
    }
    expression(tag, "%}")
}

/// The length of a tag that is this word alone, its end included.
fn bare(tag: &str, word: &str) -> Option<usize> {
    let blank = |c: char| c.is_ascii_whitespace();
    let after = tag.trim_start_matches(blank).strip_prefix(word)?.trim_start_matches(blank);
    let after = after.strip_prefix(['-', '+']).unwrap_or(after).strip_prefix("%}")?;
    Some(tag.len() - after.len())
}

/// A tag up to its end, and the length of what was read.
fn expression(tag: &str, end: &str) -> Result<(String, usize)> {
    let (tokens, length) = tokens(tag, end);
    let is_operator = |token: &&Token| WORDS.contains(&token.text) || !is_plain(token.text);
    let n_operators = tokens.iter().filter(is_operator).count();
    ensure!(
        n_operators <= MOST_OPERATORS,
        "a tag has {n_operators} operators, the limit is {MOST_OPERATORS}"
    );
    let head = if end == "%}" { tokens.first().map_or("", |token| token.text) } else { "" };
    let (targets, factors) = (targets(&tokens, head)?, factors(&tokens));
    let held = holds(&tokens, head);
    let mut out = String::new();
    for (i, token) in tokens.iter().enumerate() {
        out.push_str(token.blanks);
        let is_read = is_name(token.text) && !targets[i] && is_value(&tokens, i, head);
        if is_read {
            out.extend([WEIGHED, "[", token.text, "]"]);
        } else {
            out.push_str(token.text);
        }
        if factors[i] {
            out.extend(["|", FACTOR]);
        }
        if held == Some(i) {
            out.push('(');
        }
    }
    if held.is_some() {
        out.extend([")|", HELD]);
    }
    let written: usize = tokens.iter().map(|token| token.blanks.len() + token.text.len()).sum();
    out.push_str(&tag[written..length]);
    Ok((out, length))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Whether a token nests nothing.
fn is_plain(text: &str) -> bool {
    is_name(text) || text.starts_with(|c: char| c.is_ascii_digit() || "'\",:)]}".contains(c))
}

/// The tokens up to the end of a tag, which is none within brackets; and the length of all that was read.
fn tokens<'a>(tag: &'a str, end: &str) -> (Vec<Token<'a>>, usize) {
    let (mut found, mut depth, mut rest) = (vec![], 0i64, tag);
    loop {
        let text = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let after = text.strip_prefix(['-', '+']).unwrap_or(text).strip_prefix(end);
        let after = after.or_else(|| text.strip_prefix(end)).filter(|_| depth == 0);
        let length = token(text);
        if let (Some(after), _) | (None, after @ "") = (after, text) {
            return (found, tag.len() - after.len());
        }
        let (blanks, token) = (&rest[..rest.len() - text.len()], &text[..length]);
        depth += match token {
            "(" | "[" | "{" => 1,
            ")" | "]" | "}" => -1,
            _ => 0,
        };
        found.push(Token { blanks, text: token });
        rest = &text[length..];
    }
}

/// The length of the token at the beginning.
fn token(text: &str) -> usize {
    let bytes = text.as_bytes();
    let while_is = |is: fn(&u8) -> bool| bytes.iter().take_while(|byte| is(byte)).count();
    match bytes {
        [quote @ (b'\'' | b'"'), ..] => {
            let mut is_escaped = false;
            let end = bytes.iter().skip(1).position(|byte| {
                let ends = byte == quote && !is_escaped;
                is_escaped = *byte == b'\\' && !is_escaped;
                ends
            });
            end.map_or(text.len(), |end| end + 2)
        }
        [b'/', b'/', ..] | [b'*', b'*', ..] | [b'=' | b'!' | b'<' | b'>', b'=', ..] => 2,
        [b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z', ..] => {
            while_is(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        }
        _ => text.chars().next().map_or(0, char::len_utf8),
    }
}

/// Which tokens belong to names that a tag gives to values.
///
/// # Errors
/// If such a name is one of [`WORDS`], which stand as they are.
fn targets(tokens: &[Token], head: &str) -> Result<Vec<bool>> {
    let has_parameters =
        head == "macro" || head == "call" && tokens.get(1).is_some_and(|token| token.text == "(");
    let (own_depth, mut depth) = (usize::from(has_parameters), 0usize);
    let mut is_target = has_parameters || ["for", "set", "with"].contains(&head);
    let mut is_open = true;
    let mut found = vec![];
    for (i, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                is_open &= !has_parameters || depth > 0;
                is_target &= is_open;
            }
            "=" if depth == own_depth => is_target = false,
            "|" if depth == 0 && head == "set" => is_target = false,
            "in" if head == "for" => is_target = false,
            "," if depth == own_depth && (has_parameters || head == "with") => is_target = is_open,
            _ => {}
        }
        let is_attribute = i > 0 && tokens[i - 1].text == ".";
        ensure!(
            i == 0 || !is_target || is_attribute || !WORDS.contains(&token.text),
            "it calls a value `{}`",
            token.text
        );
        found.push(is_target);
    }
    Ok(found)
}

/// The sign before what is put into a namespace: `{% set ns.x = ...`.
fn holds(tokens: &[Token], head: &str) -> Option<usize> {
    let sign = tokens.iter().position(|token| token.text == "=").filter(|_| head == "set")?;
    tokens[..sign].iter().any(|token| token.text == ".").then_some(sign)
}

/// Whether a name stands for a value, and neither for a function, a filter, a test, an attribute nor an argument.
fn is_value(tokens: &[Token], i: usize, head: &str) -> bool {
    let before = |n: usize| i.checked_sub(n).map_or("", |at| tokens[at].text);
    let after = tokens.get(i + 1).map_or("", |token| token.text);
    let is_word = WORDS.contains(&tokens[i].text);
    let is_of_tag = !head.is_empty() && (i == 0 || head.starts_with("end"));
    let is_filter = before(1) == "|" || head == "filter" && i == 1;
    let is_test = before(1) == "is" || before(1) == "not" && before(2) == "is";
    let is_other = before(1) == "." || after == "=" || after == "(";
    !(is_word || is_of_tag || is_filter || is_test || is_other)
}

/// After which tokens a factor of a product ends.
fn factors(tokens: &[Token]) -> Vec<bool> {
    let mut found = vec![false; tokens.len()];
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text);
    // A star after these gives the items of a list to a function.
    let is_product = |i: &usize| text(*i) == "*" && !["(", ","].contains(&text(i - 1));
    for i in (1..tokens.len()).filter(is_product) {
        found[i - 1] = true;
        let mut end = i + 1;
        while text(end) == "-" {
            end += 1;
        }
        end = closing(tokens, end);
        loop {
            end = match text(end + 1) {
                "." | "|" => end + 2,
                "(" | "[" => closing(tokens, end + 1),
                _ => break,
            };
        }
        if let Some(factor) = found.get_mut(end) {
            *factor = true;
        }
    }
    found
}

/// The place of the bracket that closes the one here, or this place if there is none.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0i64;
    let closes = |token: &Token| {
        depth += match token.text {
            "(" | "[" | "{" => 1,
            ")" | "]" | "}" => -1,
            _ => 0,
        };
        depth <= 0
    };
    open + tokens.iter().skip(open).position(closes).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_values_are_weighed_and_no_others() {
        let read = |source: &str| {
            weighed(source).unwrap().replace(WEIGHED, "§").replace(FACTOR, "¶").replace(HELD, "=")
        };
        for (source, want) in [
            ("a {{ x }} b", "a {{ §[x] }} b"),
            ("{{- x.y['z'][i] -}}", "{{- §[x].y['z'][§[i]] -}}"),
            ("{{ f(x, k=y, *z) | g(w) | h }}", "{{ f(§[x], k=§[y], *§[z]) | g(§[w]) | h }}"),
            (
                "{{ x is not eq y and not z in w }}",
                "{{ §[x] is not eq §[y] and not §[z] in §[w] }}",
            ),
            (
                "{{ {'}}': x, y: none} ~ \"a\\\"}}\" }}",
                "{{ {'}}': §[x], §[y]: none} ~ \"a\\\"}}\" }}",
            ),
            ("{{ x if y else 1.5 }}", "{{ §[x] if §[y] else 1.5 }}"),
            ("{{ -x.y * f(z)|g('*') ** w }}", "{{ -§[x].y|¶ * f(§[z])|g('*')|¶ ** §[w] }}"),
            ("{{ 2*(x)*[y][0] }}", "{{ 2|¶*(§[x])|¶*[§[y]][0]|¶ }}"),
            ("{% set a, b.c = x, y %}", "{% set a, b.c =( §[x], §[y])|= %}"),
            ("{%+ set a | f(x) -%}", "{%+ set a | f(§[x]) -%}"),
            ("{% set x == y %}", "{% set x == y %}"),
            ("{% for a, b in x if a recursive %}", "{% for a, b in §[x] if §[a] recursive %}"),
            ("{% with a = x, (b, c) = y %}", "{% with a = §[x], (b, c) = §[y] %}"),
            ("{% macro f(a, b=[x, y], c=z) %}", "{% macro f(a, b=[§[x], §[y]], c=§[z]) %}"),
            (
                "{% call(a, b=x) f(y) %}{% call f(y) %}",
                "{% call(a, b=§[x]) f(§[y]) %}{% call f(§[y]) %}",
            ),
            (
                "{% filter f(x) %}{% endmacro f %}{% elif x %}",
                "{% filter f(§[x]) %}{% endmacro f %}{% elif §[x] %}",
            ),
            ("{# {{ x }} #}{{ y }}", "{# {{ x }} #}{{ §[y] }}"),
            (
                "{% raw -%}{{ x }}{% endraw y %}{%+ endraw %}{{ y }}",
                "{% raw -%}{{ x }}{% endraw y %}{%+ endraw %}{{ §[y] }}",
            ),
            ("{%-generation -%}{% endgeneration%}", "{%-with -%}{% endwith%}"),
            ("{ {{ x", "{ {{ §[x]"),
            ("{{ 'x", "{{ 'x"),
            ("{{ (x }}", "{{ (§[x] }}"),
            ("{% raw %}{{ x }}", "{% raw %}{{ x }}"),
            ("{# {{ x }}", "{# {{ x }}"),
            ("{% é x %}", "{% é §[x] %}"),
        ] {
            assert_eq!(read(source), want);
        }
    }
}
