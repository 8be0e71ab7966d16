//! Translates the regular expressions of tokenizer.json to this engine's syntax.
//!
//! They are written for Oniguruma in Ruby's syntax, which `tokenizers` uses in Python. There `^` and `$` match at
//! every line, the flag `m` means `s`, `\w` is another set of characters, POSIX classes include non-ASCII
//! characters, and a quantifier after a counted repetition repeats it. Patterns with the same meaning in both stay
//! unchanged.

use serde_json::Value as Json;

/// The characters of `\w`, for the inside of a class; and inside a class of the pattern, where they are fewer.
const WORD: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}²³¹¼½¾";
const IN_CLASS: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}";

const LINE_BEGINS: &str = r"(?:\A|(?<=\n)(?!\z))";
const LINE_ENDS: &str = r"(?=\n|\z)";
const TEXT_ENDS: &str = r"(?=\n?\z)";
const NEW_LINE: &str = r"(?>\r\n|[\n-\r\x{85}\x{2028}\x{2029}])";

/// POSIX classes, as the inside of a class.
const POSIX: [(&str, &str); 13] = [
    ("alnum", r"\p{Alphabetic}\p{Nd}"),
    ("alpha", r"\p{Alphabetic}"),
    ("blank", r"\p{Zs}\t"),
    ("cntrl", r"\p{Cc}"),
    ("digit", r"\p{Nd}"),
    ("graph", r"[^\s\p{Cc}\p{Cn}]"),
    ("lower", r"\p{Lowercase}"),
    ("print", r"[^\s\p{Cc}\p{Cn}]\p{Zs}"),
    ("punct", r"\p{P}\p{S}"),
    ("space", r"\s"),
    ("upper", r"\p{Uppercase}"),
    ("word", IN_CLASS),
    ("xdigit", "0-9a-fA-F"),
];

/// Translates every pattern of a part, at any depth.
pub fn translate(part: &mut Json) {
    match part {
        Json::Array(items) => items.iter_mut().for_each(translate),
        Json::Object(fields) => {
            let pattern = fields.get_mut("pattern").and_then(|pattern| pattern.get_mut("Regex"));
            if let Some(Json::String(pattern)) = pattern {
                *pattern = translated(pattern);
            }
            fields.values_mut().for_each(translate);
        }
        _ => {}
    }
}

fn translated(pattern: &str) -> String {
    let mut to = Translation { rest: pattern, output: String::new(), atom: 0, open: vec![] };
    while let Some(c) = to.next() {
        to.one(c);
    }
    to.output
}

struct Translation<'a> {
    rest: &'a str,
    output: String,
    /// The output position of the last item that a quantifier can repeat.
    atom: usize,
    /// The output positions of the groups still open.
    open: Vec<usize>,
}

impl Translation<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn one(&mut self, c: char) {
        match c {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.group(),
            ')' => {
                self.output.push(')');
                self.atom = self.open.pop().unwrap_or(0);
            }
            '^' => self.put(LINE_BEGINS),
            '$' => self.put(LINE_ENDS),
            '{' => self.count(),
            '*' | '+' | '?' => self.output.push(c),
            _ => self.put(c.encode_utf8(&mut [0; 4])),
        }
    }

    /// Writes an item that a quantifier can repeat.
    fn put(&mut self, text: &str) {
        self.atom = self.output.len();
        self.output.push_str(text);
    }

    fn escape(&mut self) {
        match self.next() {
            None => self.output.push('\\'),
            Some('w') => self.put(&format!("[{WORD}]")),
            Some('W') => self.put(&format!("[^{WORD}]")),
            Some('b') => {
                self.put(&format!("(?:(?<=[{WORD}])(?![{WORD}])|(?<![{WORD}])(?=[{WORD}]))"));
            }
            Some('B') => {
                self.put(&format!("(?:(?<=[{WORD}])(?=[{WORD}])|(?<![{WORD}])(?![{WORD}]))"));
            }
            Some('Z') => self.put(TEXT_ENDS),
            Some('R') => self.put(NEW_LINE),
            Some('N') => self.put(r"[^\n]"),
            Some('O') => self.put("(?s:.)"),
            Some(c) => {
                self.atom = self.output.len();
                self.as_it_is(c);
            }
        }
    }

    /// A backslash, the next character, and the braces that follow.
    fn as_it_is(&mut self, c: char) {
        let inside = self.rest.strip_prefix('{').filter(|_| matches!(c, 'p' | 'P' | 'x' | 'u'));
        let Some((inside, rest)) = inside.and_then(|rest| rest.split_once('}')) else {
            self.output.extend(['\\', c]);
            return;
        };
        self.rest = rest;
        let c = match (c, inside.starts_with('^')) {
            ('p', true) => 'P',
            ('P', true) => 'p',
            _ => c,
        };
        self.output.extend(['\\', c, '{']);
        self.output.push_str(inside.trim_start_matches('^'));
        self.output.push('}');
    }

    /// A group; its flag `m` becomes `s`.
    fn group(&mut self) {
        self.open.push(self.output.len());
        self.output.push('(');
        let Some(inside) = self.rest.strip_prefix('?') else { return };
        let flags: String =
            inside.chars().take_while(|c| matches!(c, 'i' | 'm' | 'x' | '-')).collect();
        let rest = &inside[flags.len()..];
        if rest.starts_with([':', ')']) {
            self.output.push('?');
            self.output.push_str(&flags.replace('m', "s"));
            self.rest = rest;
        }
    }

    /// `{1,3}`; a `+` behind it, or a `?` behind a single number, repeats the whole again.
    fn count(&mut self) {
        let inside = self.rest.split_once('}').filter(|(inside, _)| {
            !inside.is_empty() && inside.chars().all(|c| c.is_ascii_digit() || c == ',')
        });
        let Some((inside, rest)) = inside else {
            self.put("{");
            return;
        };
        self.rest = rest;
        let is_again = rest.starts_with('+') || (rest.starts_with('?') && !inside.contains(','));
        if is_again {
            self.output.insert_str(self.atom, "(?:");
        }
        self.output.extend(["{", inside, "}"]);
        if is_again {
            self.output.push(')');
        }
    }

    /// A class with the classes nested in it.
    fn class(&mut self) {
        self.atom = self.output.len();
        self.begin_class();
        let (mut depth, mut last) = (1, '[');
        while depth > 0 {
            let Some(c) = self.next() else { return };
            match c {
                '\\' => self.escape_in_class(),
                '[' if self.posix() => {}
                '[' => {
                    self.begin_class();
                    depth += 1;
                }
                ']' => {
                    self.output.push(']');
                    depth -= 1;
                }
                // Doubled, these subtract classes in this engine.
                '-' | '~' if last == c => self.output.extend(['\\', c]),
                _ => self.output.push(c),
            }
            last = c;
        }
    }

    /// `[`, and the characters with a special meaning behind it.
    fn begin_class(&mut self) {
        self.output.push('[');
        for first in ['^', ']'] {
            if let Some(rest) = self.rest.strip_prefix(first) {
                self.output.push_str(if first == ']' { r"\]" } else { "^" });
                self.rest = rest;
            }
        }
    }

    fn escape_in_class(&mut self) {
        match self.next() {
            None => self.output.push('\\'),
            Some('w') => self.output.extend(["[", IN_CLASS, "]"]),
            Some('W') => self.output.extend(["[^", IN_CLASS, "]"]),
            Some(c) => self.as_it_is(c),
        }
    }

    /// `[:name:]`, if it is such a class.
    fn posix(&mut self) -> bool {
        let Some((name, rest)) = self.rest.strip_prefix(':').and_then(|rest| rest.split_once(":]"))
        else {
            return false;
        };
        let (not, name) = name.strip_prefix('^').map_or(("", name), |name| ("^", name));
        let Some((_, inside)) = POSIX.iter().find(|(known, _)| *known == name) else {
            return false;
        };
        self.output.extend(["[", not, inside, "]"]);
        self.rest = rest;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_stays() {
        for same in [
            r"(?i:'s|'t|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)",
            r"(?<=a)b(?<n>c)\k<n>\x{41}{2,}?x{",
            r"[a-z&&[^aeiou]]+|[!-/:-~]|[^\S\n]",
        ] {
            assert_eq!(translated(same), same);
        }
    }

    #[test]
    fn what_means_another_thing_is_said_otherwise() {
        for (theirs, ours) in [
            (r"\s+$", format!(r"\s+{LINE_ENDS}")),
            (r"^a|\^[$]", format!(r"{LINE_BEGINS}a|\^[$]")),
            (r"\p{N}{1,3}+", r"(?:\p{N}{1,3})+".into()),
            (r"(a|[b-c]{2})?x{3}?y{1,2}?", r"(a|[b-c]{2})?(?:x{3})?y{1,2}?".into()),
            (r"(ab){2}+", "(?:(ab){2})+".into()),
            (r"\w[^\w\s]", format!(r"[{WORD}][^[{IN_CLASS}]\s]")),
            (r"[[:punct:]][^[:^space:]x]", r"[[\p{P}\p{S}]][^[^\s]x]".into()),
            (r"(?m:.)(?mi)\p{^L}[+--]", r"(?s:.)(?si)\P{L}[+-\-]".into()),
            (r"[]a]\Z", format!(r"[\]a]{TEXT_ENDS}")),
        ] {
            assert_eq!(translated(theirs), ours);
        }
    }
}
