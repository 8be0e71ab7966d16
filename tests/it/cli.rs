//! The program as its users meet it: arguments in; text, files and exit codes out.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use lookback::{
    cli,
    engine::{site::Address, value::Cell},
    model::ModelName,
};

use crate::support::{
    built_in::reading,
    program::{LOCALE, Run, program, run},
};

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";

fn run_with(args: &[&str], change: impl FnOnce(&mut Command)) -> Run {
    let mut command = program();
    command.args(args);
    change(&mut command);
    Run::of(&mut command)
}

/// The command ends well; its output.
#[track_caller]
fn good(args: &[&str]) -> String {
    let Run { code, out, err } = run(args);
    assert_eq!(code, 0, "{args:?}: {err}");
    assert!(!err.contains("error"), "{args:?}: {err}");
    out
}

#[test]
fn what_would_be_lost_before_a_command_is_refused() {
    for command in [&["open", "probs[0,3]"][..], &["trace", "--list"], &["steps"], &["export"]] {
        let args = [&["--what-if", "encoder.1=off"][..], command].concat();
        bad(&args, 2, &["--what-if stands before a command"]);
    }
}

#[test]
fn a_name_that_contradicts_the_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.npz");
    bad(
        &["trace", "--format", "json", "--out", out.to_str().unwrap()],
        2,
        &["has the extension of npz, but json is requested"],
    );
    assert!(!out.exists());
}

#[test]
fn the_tip_for_a_value_with_a_dash_works() {
    bad(&["export", "--steps", "1", "--out", "-x"], 2, &["as in OPTION=-x"]);
    let folder = tempfile::tempdir().unwrap();
    let run = run_with(&["export", "--steps", "1", "--out=-x"], |command| {
        command.current_dir(folder.path());
    });
    assert_eq!(run.code, 0, "{}", run.err);
}

/// The command ends with `code` and one line of error that says all of `says`; nothing on stdout.
#[track_caller]
fn bad(args: &[&str], code: i32, says: &[&str]) -> String {
    let run = run(args);
    check_error(&run, args, code, says);
    run.err
}

#[track_caller]
fn check_error(run: &Run, args: &[&str], code: i32, says: &[&str]) {
    let Run { code: got, out, err } = run;
    assert_eq!(*got, code, "{args:?}: {err}");
    assert_eq!(out, "", "{args:?}");
    let last = err.lines().last().unwrap();
    assert!(last.starts_with("error: "), "{args:?}: {err}");
    assert_eq!(err.matches("error").count(), 1, "{args:?}: {err}");
    assert!(shows_no_controls(err), "{args:?}: {err:?}");
    for part in says {
        assert!(last.contains(part), "{args:?} should say `{part}`: {err}");
    }
}

/// Lines end; nothing else moves a terminal.
fn shows_no_controls(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || c == '\t' || !(c.is_control() || c == '\u{202e}'))
}

// The arithmetic that is printed.

type Function = fn(f64) -> f64;

/// Reads `a*b + exp(-c)/(d - e)` and the like.
struct Evaluator<'a> {
    rest: &'a str,
}

impl<'a> Evaluator<'a> {
    fn value(text: &'a str) -> f64 {
        let mut evaluator = Self { rest: text };
        let value = evaluator.sum();
        assert_eq!(evaluator.rest.trim(), "", "left over of {text}");
        value
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn sum(&mut self) -> f64 {
        let mut value = self.product();
        loop {
            if self.take("+") {
                value += self.product();
            } else if self.take("-") {
                value -= self.product();
            } else {
                return value;
            }
        }
    }

    fn product(&mut self) -> f64 {
        let mut value = self.factor();
        loop {
            if self.take("*") {
                value *= self.factor();
            } else if self.take("/") {
                value /= self.factor();
            } else {
                return value;
            }
        }
    }

    fn factor(&mut self) -> f64 {
        if self.take("-") {
            return -self.factor();
        }
        if self.take("(") {
            return self.closed();
        }
        let functions: [(&str, Function); 5] = [
            ("exp(", f64::exp),
            ("sqrt(", f64::sqrt),
            ("tanh(", f64::tanh),
            ("sin(", f64::sin),
            ("cos(", f64::cos),
        ];
        for (name, function) in functions {
            if self.take(name) {
                return function(self.closed());
            }
        }
        if self.take("max(0,") {
            return self.closed().max(0.0);
        }
        self.number()
    }

    fn closed(&mut self) -> f64 {
        let value = self.sum();
        assert!(self.take(")"), "no closing bracket before {}", self.rest);
        value
    }

    fn number(&mut self) -> f64 {
        if self.take("inf") {
            return f64::INFINITY;
        }
        let text = self.rest.trim_start();
        let in_exponent = |i: usize| text[..i].ends_with('e');
        let is_part = |(i, c): &(usize, char)| {
            c.is_ascii_digit() || *c == '.' || *c == 'e' || (*c == '-' && in_exponent(*i))
        };
        let end = text.char_indices().take_while(is_part).count();
        self.rest = &text[end..];
        text[..end].parse().unwrap_or_else(|_| panic!("no number at {text}"))
    }
}

#[test]
fn the_evaluator_knows_its_arithmetic() {
    let pairs = [
        ("1 + 2*3", 7.0),
        ("(1 + 2)*3 - 4/2", 7.0),
        ("exp(0)/(exp(0) + exp(-inf))", 1.0),
        ("max(0, -1.5e-3) + (-2)*sqrt(16)", -8.0),
        ("tanh(0)*1e3 + cos(0)", 1.0),
    ];
    for (text, want) in pairs {
        assert!((Evaluator::value(text) - want).abs() < 1e-12, "{text}");
    }
}

#[track_caller]
fn check_line(line: &str, cell: f32, what: &str) {
    let (text, printed) = line.rsplit_once(" = ").unwrap();
    let agree =
        |a: f64, b: f64| a.total_cmp(&b).is_eq() || (a - b).abs() <= 1e-5 * a.abs().max(1.0);
    let cell = f64::from(cell);
    assert!(agree(cell, Evaluator::value(text)), "{what} is {cell}, but prints {line}");
    assert!(agree(cell, Evaluator::value(printed)), "{what} is {cell}, but prints {line}");
}

/// Sampled cells of every site of every model: what is printed, evaluated, is the cell.
#[test]
fn the_printed_arithmetic_comes_to_the_cell() {
    for (sentence, seed) in [(SENTENCE, 1), ("The dog sleeps.", 2), ("zebra", 3)] {
        let reading = reading(sentence);
        for name in ModelName::ALL {
            let trace = reading.trace(name);
            for site in trace.sites().filter(|site| !site.is_leaf) {
                let n = site.shape().len();
                let cells: Vec<Cell> = site.shape().cells().collect();
                for i in (0..3).map(|i| (seed * 7919 + i * 104_729) % n) {
                    if site.value.get(cells[i]).is_nan() {
                        continue; // beyond the probes' reach
                    }
                    let address = site.address(cells[i]);
                    let opened = trace.open(&address).unwrap();
                    let what = format!("{name} {address}");
                    for terms in [1, 6, usize::MAX] {
                        check_line(&cli::line(&opened, terms).unwrap(), opened.value, &what);
                    }
                }
            }
        }
    }
}

// open

#[test]
fn open_prints_address_labels_formula_arithmetic_and_operands() {
    let out = good(&["open", "encoder.1.self_attn.weights[2,8,1]", SENTENCE]);
    let lines: Vec<&str> = out.lines().collect();
    let value: f32 =
        lines[0].strip_prefix("encoder.1.self_attn.weights[2,8,1] = ").unwrap().parse().unwrap();
    assert_eq!(lines[1], "softmax: shares that sum to 1 in each row");
    assert_eq!(lines[2], "head 2 · query 8 \"it\" · key 1 \"animal\"");
    assert_eq!(lines[4].trim(), "exp(x[i,j]) / sum_k exp(x[i,k])");
    check_line(lines[5].trim(), value, lines[0]);
    assert!(out.contains("\n  encoder.1.self_attn.scaled[2,8,1] = "), "{out}");
    assert!(out.contains("--all prints every term"), "{out}");
}

#[test]
fn open_takes_the_shares_of_a_row_and_the_share_of_one_part() {
    let row = good(&["open", "flow.blocks.1[3,0]", SENTENCE, "--model", "decoder_only"]);
    let part = row.lines().find_map(|line| line.trim().strip_prefix("share.")).unwrap();
    let (address, value) = part.split_once(" = ").unwrap();
    let value: f32 = value.split_whitespace().next().unwrap().parse().unwrap();
    let out = good(&["open", &format!("share.{address}"), SENTENCE, "--model", "decoder_only"]);
    check_line(out.lines().nth(2).unwrap().trim(), value, &out);
    for none in ["share.blocks.1.attn.weights[0,0,9]", "flow.blocks.9[0,0]"] {
        let none_has_it = format!("no model has the share `{none}`; `lookback flow` lists all");
        bad(&["open", none, SENTENCE], 2, &[&none_has_it]);
    }
    let elsewhere = run(&["open", "flow.blocks.1[3,0]", SENTENCE]);
    assert!(elsewhere.err.contains("has no share `flow.blocks.1[3,0]`;"), "{}", elsewhere.err);
}

#[test]
fn open_takes_the_gradient_of_a_weight_and_the_slopes_in_it() {
    let of_weight = "gradient.decoder.1.cross_attn.W_Q[3,5]";
    let mut address = of_weight.to_owned();
    for _ in 0..3 {
        let out = good(&["open", &address, SENTENCE]);
        let lines: Vec<&str> = out.lines().collect();
        let value = lines[0].strip_prefix(&format!("{address} = ")).unwrap().parse().unwrap();
        assert!(lines[1].starts_with("slope of the loss with respect to "), "{out}");
        check_line(lines[5].trim(), value, &out);
        let below = lines[6..].iter().find(|line| line.trim().starts_with("gradient."));
        address = below.unwrap().trim().split_once(" = ").unwrap().0.to_owned();
    }
    let deep = good(&["open", of_weight, SENTENCE, "--depth", "3"]);
    for below in ["q[", "scores[", "scaled["] {
        assert!(deep.contains(&format!("  gradient.decoder.1.cross_attn.{below}")), "{deep}");
    }
    let logits = good(&["open", "gradient.logits[0,12]", SENTENCE]);
    assert!(logits.contains("(p - [is the target]) / n"), "{logits}");
    assert!(logits.contains("\n  probs[0,12] = "), "{logits}");
    let gru = good(&["open", "gradient.decoder.W_hz[1,2]", SENTENCE, "--model", "gru"]);
    assert!(gru.contains("\n  gradient.gru.decoder.update_sum["), "{gru}");
    bad(&["open", "gradient.nothing[0,0]", SENTENCE], 2, &["a site `nothing`"]);
    bad(&["open", "gradient.logits[99,0]", SENTENCE], 2, &["not a cell of the pass"]);
    bad(&["open", "gradient.src.embed[0,0,0]", SENTENCE], 2, &["gradient.src.embed[0,0]"]);
}

#[test]
fn open_all_prints_every_term_and_every_operand() {
    let out = good(&["open", "encoder.0.self_attn.q[0,3,5]", "--all"]);
    assert_eq!(out.lines().nth(5).unwrap().matches('*').count(), 128, "{out}");
    assert_eq!(out.matches("learned in training").count(), 128, "{out}");
    assert!(!out.contains("more"), "{out}");
}

#[test]
fn open_goes_down_to_learned_numbers_and_stays_bounded() {
    let out = good(&["open", "rnn.encoder.hidden[1,5]", "--depth", "8"]);
    assert!(out.contains("learned in training"), "{out}");
    let deep = good(&["open", "probs[2,20]", "--depth", "64"]);
    assert!(deep.lines().count() < 5000, "{} lines", deep.lines().count());
    // What an operand's line is followed by, deeper indented, is its own arithmetic.
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = deep.lines().collect();
    let opened = lines.windows(2).filter(|pair| indent(pair[1]) > indent(pair[0]));
    let mut once = BTreeSet::new();
    for address in opened.filter_map(|pair| Some(pair[0].trim_start().split_once(" = ")?.0)) {
        assert!(once.insert(address), "{address} is opened twice");
    }
    assert!(once.len() > 50 && deep.contains("(opened above)"), "{} are opened", once.len());
}

#[test]
fn open_finds_the_model_that_has_the_site_and_says_so() {
    let run = run(&["open", "rnn.encoder.hidden[3,5]"]);
    assert_eq!(run.code, 0);
    assert!(run.err.contains("the Transformer has no site `rnn.encoder.hidden`"), "{}", run.err);
    assert!(run.err.contains("Elman RNN"), "{}", run.err);
    bad(&["open", "rnn.encoder.hidden[3,5]", "--model", "gru"], 2, &["--model elman"]);
    good(&["open", "rnn.encoder.hidden[3,5]", "--model", "elman"]);
}

#[test]
fn open_says_what_is_wrong_with_an_address() {
    bad(
        &["open", "encoder.0.self_attn.weigths[0,0,0]"],
        2,
        &["encoder.0.self_attn.weights", "--list"],
    );
    bad(&["open", "encoder.0.self_attn.weights[9,0,0]"], 2, &["head 0..4, query 0..13, key 0..13"]);
    bad(&["open", "encoder.0.self_attn.weights[0,0]"], 2, &["head 0..4"]);
    bad(&["open", "encoder.0.self_attn.weights"], 2, &["head 0..4", "weights[0,0,0]"]);
    for address in [
        "",
        "[",
        "]",
        "a[",
        "a[1]",
        "a[1,2,3,4]",
        "a[-1,0]",
        "a[x,y]",
        "logits[99999999999999999999,0]",
    ] {
        bad(&["open", address], 2, &["is not an address"]);
    }
    bad(&["open", "\u{1b}[2J[0,0]"], 2, &["is not an address"]);
    bad(&["open", "\u{1b}c[0,0]"], 2, &["has a site `␛c`"]);
    bad(&["open"], 2, &["<ADDRESS>"]);
}

#[test]
fn open_in_ascii_prints_ascii() {
    let out = good(&["open", "encoder.0.self_attn.q[0,3,5]", "--depth", "1", "--ascii"]);
    assert!(out.is_ascii(), "{out}");
}

// trace

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// The number at an address, out of a traced document.
fn at(document: &serde_json::Value, address: &str) -> f32 {
    let Address { path, cell, has_planes, .. } = address.parse().unwrap();
    let sites = document["sites"].as_array().unwrap();
    let site = sites.iter().find(|site| site["path"] == path.as_str()).unwrap();
    let plane = if has_planes { &site["values"][cell.plane] } else { &site["values"] };
    let value = &plane[cell.row][cell.col];
    value.as_str().map_or_else(|| value.as_f64().unwrap() as f32, |text| text.parse().unwrap())
}

#[test]
fn trace_gives_every_value_as_it_is() {
    let document = json(&good(&["trace", SENTENCE]));
    assert_eq!(document["schema"], "lookback-trace");
    assert_eq!(document["version"], 1);
    assert_eq!(document["model"], "transformer");
    assert_eq!(document["sentence"], SENTENCE);
    assert_eq!(document["tokens"]["source"][8]["text"], "it");
    let reading = reading(SENTENCE);
    let trace = reading.trace(ModelName::Transformer);
    assert_eq!(document["output_text"], trace.output_text.as_str());
    let sites = document["sites"].as_array().unwrap();
    let computed: Vec<_> = trace.sites().filter(|s| !s.is_leaf).collect();
    assert_eq!(sites.len(), computed.len());
    for (written, site) in sites.iter().zip(computed) {
        assert_eq!(written["path"], site.path());
        assert_eq!(
            written["axes"].as_array().unwrap().len(),
            written["shape"].as_array().unwrap().len()
        );
        for cell in site.shape().cells().step_by(17) {
            let got = at(&document, &site.address(cell).to_string());
            assert!(got.total_cmp(&site.value.get(cell)).is_eq(), "{}", site.address(cell));
        }
    }
}

#[test]
fn trace_writes_infinities_as_text_and_is_the_same_every_time() {
    let args = ["trace", "--sites", "decoder.?.self_attn.masked,logits"];
    let (one, two) = (good(&args), good(&args));
    assert_eq!(one, two);
    let document = json(&one);
    assert_eq!(document["sites"].as_array().unwrap().len(), 3);
    assert!(at(&document, "decoder.0.self_attn.masked[1,0,1]").is_infinite());
    assert_eq!(document["sites"][0]["axes"], serde_json::json!(["head", "query", "key"]));
}

#[test]
fn trace_leaves_weights_out_unless_they_are_named() {
    let has_weights = |args: &[&str]| good(args).contains("learned in training");
    assert!(!has_weights(&["trace", "The dog sleeps.", "--list"]));
    assert!(has_weights(&["trace", "The dog sleeps.", "--list", "--weights"]));
    assert!(has_weights(&["trace", "The dog sleeps.", "--list", "--sites", "embed.weight"]));
}

#[test]
fn trace_of_all_models_is_a_document_a_line() {
    let out = good(&["trace", "The dog sleeps.", "--model", "all", "--sites", "probs"]);
    let models: Vec<_> = out.lines().map(|line| json(line)["model"].clone()).collect();
    assert_eq!(models, ModelName::ALL.map(ModelName::id));
    for (args, n_columns) in [(&["--model", "all"][..], 5), (&[], 4)] {
        let list = good(&[&["trace", "--list"], args].concat());
        assert!(list.lines().count() > 50, "{list}");
        assert!(list.lines().all(|line| line.split('\t').count() == n_columns), "{list}");
    }
}

#[test]
fn trace_writes_a_file_whole_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pass.json");
    let args = ["trace", "The dog sleeps.", "--sites", "probs", "--out", path.to_str().unwrap()];
    good(&args);
    let first = fs::read_to_string(&path).unwrap();
    json(&first);
    bad(&args, 1, &["exists", "--force", "pass.json"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), first);
    good(&[&args[..], &["--force"]].concat());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn patterns_of_sites_have_stars_and_question_marks() {
    let path = "encoder.0.self_attn.weights";
    let matches = |glob| {
        let list = run(&["trace", "The dog sleeps.", "--list", "--sites", glob]).out;
        list.lines().any(|line| line.split('\t').next() == Some(path))
    };
    for glob in ["*", "encoder.*", "*.weights", "encoder.?.self_attn.*", "*0*attn*w*", path] {
        assert!(matches(glob), "{glob}");
    }
    for glob in ["", "encoder", "*.scores", "encoder.??.self_attn.*", "weights*"] {
        assert!(!matches(glob), "{glob}");
    }
}

#[test]
fn trace_says_which_sites_are_near() {
    bad(&["trace", "--sites", "encoder.0.self_attn.wieghts"], 2, &["encoder.0.self_attn.weights"]);
    bad(&["trace", "--format", "yaml"], 2, &["json"]);
}

// steps and the plain walk

#[test]
fn steps_are_listed_one_a_line() {
    let out = good(&["steps"]);
    let ids: Vec<&str> = out.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert!(ids.len() > 20);
    assert!(out.lines().all(|line| line.split('\t').count() == 3), "{out}");
    assert_eq!(out, good(&["steps", "The dog sleeps."]));
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
}

#[test]
fn the_lesson_is_in_the_requested_language() {
    let english = good(&["steps"]);
    assert_eq!(good(&["steps", "--lang", "en_US.UTF-8"]), english);
    let chinese = good(&["--lang", "zh-CN", "steps"]);
    assert!(chinese.contains("softmax\t") && chinese.contains("词元"), "{chinese}");
    let ids = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect()
    };
    assert_eq!(ids(&chinese), ids(&english));
    for name in LOCALE {
        let of_locale = |args| {
            let chinese = |c: &mut Command| {
                c.env(name, "zh_CN.UTF-8");
            };
            run_with(args, chinese).out
        };
        assert_eq!(of_locale(&["steps"]), chinese, "{name}");
        assert_eq!(of_locale(&["steps", "--lang", "en"]), english, "{name}");
    }
    let walk = good(&["--lang", "zh", "--at", "next-token"]);
    assert!(walk.contains("词元"), "{walk}");
    let frame = good(&["export", "--lang", "zh", "--steps", "softmax", "--size", "80x24"]);
    assert!(frame.contains("注意力"), "{frame}");
    bad(&["--lang", "tlh"], 2, &["--lang", "tlh", "en, zh"]);
    bad(&["steps", "--lang", ""], 2, &["--lang", "en, zh"]);
}

#[test]
fn without_a_terminal_the_walk_is_plain_text() {
    let out = good(&[]);
    assert!(out.contains(SENTENCE));
    assert!(shows_no_controls(&out));
    for line in good(&["steps"]).lines() {
        let title = line.rsplit('\t').next().unwrap();
        assert!(out.contains(&format!(". {title}\n")), "{title}");
    }
    assert!(out.lines().all(|line| line.chars().count() <= 90), "a line is too long");
    let dumb = run_with(&[], |c| {
        c.env("TERM", "dumb").env("CLICOLOR_FORCE", "1");
    });
    assert_eq!(dumb.out, out, "nothing in the environment changes plain text");
}

#[test]
fn the_walk_begins_where_it_is_asked_to() {
    let steps = good(&["steps"]);
    let (id, title) = steps
        .lines()
        .map(|l| (l.split('\t').next().unwrap(), l.rsplit('\t').next().unwrap()))
        .nth(7)
        .unwrap();
    let out = good(&["--at", id]);
    let first = out.lines().find(|line| line.starts_with("## ")).unwrap();
    assert!(first.starts_with("## Step 8 of ") && first.ends_with(title), "{first}");
    bad(&["--at", "tokenz"], 2, &["tokens", "lookback steps"]);
}

// The sentence

#[test]
fn a_sentence_comes_from_standard_input() {
    let mut child = program()
        .args(["open", "src.embed[1,0]", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"The animal sleeps.\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 \"animal\""));
}

#[test]
fn the_walk_reads_a_sentence_from_standard_input_once() {
    let mut child =
        program().arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"The dog sleeps.\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("The dog sleeps."));
}

#[test]
fn a_sentence_of_nothing_is_refused() {
    for sentence in ["", " ", "\n\t  \n", "\u{a0}"] {
        for command in [
            &["steps"][..],
            &["trace"],
            &["open", "logits[0,0]"],
            &["export", "--steps", "tokens"],
            &[],
        ] {
            bad(&[command, &[sentence]].concat(), 2, &["empty", "type a few words"]);
        }
    }
    bad(&["trace", "-"], 2, &["empty"]);
}

#[test]
fn ten_thousand_words_are_refused_with_the_limit_and_the_number() {
    let words = "dog ".repeat(10_000);
    bad(&["trace", &words], 2, &["10000 tokens", "limit is 96", "shorten"]);
    bad(&["trace", &"x".repeat(100_000)], 2, &["100000 bytes", "96 tokens"]);
}

#[test]
fn a_sentence_at_the_limit_is_read() {
    let words = "the ".repeat(96);
    good(&["trace", &words, "--sites", "probs"]);
    bad(&["trace", &"the ".repeat(97)], 2, &["97 tokens"]);
    let run = run(&[&words]);
    assert_eq!(run.code, 0, "{}", run.err);
}

#[test]
fn odd_text_is_read_and_shown_safely() {
    let sentences = [
        "\u{1b}[31mThe dog\u{1b}[0m sleeps.",
        "The dog\u{7}\u{8}\r sleeps.\u{9b}2J",
        "The 🐈‍⬛ sleeps.",
        "猫は眠る。",
        "הכלב ישן",
        "\u{202e}.speels god ehT",
        "e\u{301}te\u{301}",
        "-- --",
    ];
    for sentence in sentences {
        for command in [
            &["--at", "next-token"][..],
            &["steps"],
            &["open", "probs[0,3]"],
            &["trace", "--sites", "probs"],
        ] {
            let args = [command, &["--", sentence]].concat();
            let Run { code, out, err } = run(&args);
            assert_eq!(code, 0, "{args:?}: {err}");
            assert!(shows_no_controls(&out), "{args:?}");
            assert!(shows_no_controls(&err), "{args:?}: {err:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_sentence_of_invalid_utf8_is_refused() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let broken = OsStr::from_bytes(b"The \xff dog\x1b[2J");
    for command in [&[][..], &["steps"], &["trace"], &["open", "logits[0,0]"]] {
        let run = run_with(command, |c| {
            c.arg(broken);
        });
        check_error(&run, command, 2, &["not valid UTF-8", "�", "type it again"]);
    }
}

// Arguments

#[test]
fn a_wrong_option_or_name_offers_the_nearest() {
    bad(&["--asci"], 2, &["--ascii"]);
    bad(&["--modl", "gru"], 2, &["--model"]);
    bad(&["open", "logits[0,0]", "--dpth", "2"], 2, &["--depth"]);
    bad(&["open", "logits[0,0]", "--model", "transfomer"], 2, &["nearest is transformer"]);
    bad(&["--color", "sometimes"], 2, &["auto, always, never"]);
    bad(&["The", "dog", "sleeps."], 2, &["in quotes"]);
    bad(&["The dog sleeps.", "steps"], 2, &["stands before a command"]);
    bad(&["--at", "tokens", "steps"], 2, &["--at is for the walk"]);
    bad(&["completions", "tcsh"], 2, &["bash"]);
    bad(&["man", "opne"], 2, &["nearest is open"]);
}

#[test]
fn a_number_out_of_its_bounds_is_answered_with_them() {
    bad(&["learn", "The dog sleeps.", "--steps", "-1"], 2, &["a whole number from 0 to 1000"]);
    bad(&["learn", "The dog sleeps.", "--rate", "-1"], 2, &["a number from 0 to 10"]);
    bad(&["attribute", "--units", "-1"], 2, &["a whole number from 0 on"]);
    bad(&["attribute", "--place", "99999999999999999999999"], 2, &["a smaller number"]);
    bad(&["export", "--threads", "0"], 2, &["a whole number from 1 to 256"]);
    let steps = good(&["steps"]).lines().count();
    bad(&["export", "--steps", "0"], 2, &[&format!("steps are 1 to {steps}")]);
    bad(&["--what-if", "learn=0", "steps"], 2, &["give 1 to 1000"]);
}

#[test]
fn attribute_says_which_place_it_is_about_and_keeps_contractions_whole() {
    let out = good(&["attribute", "--words", "animal", "--by-word"]);
    assert!(out.contains("says no \"animal\"") && out.contains("--place N"), "{out}");
    assert!(out.lines().any(|line| line.contains(" didn't ")), "{out}");
    let said = good(&["attribute", "--words", "il,elle"]);
    assert!(said.contains("the first place where the output says \"elle\""), "{said}");
    assert!(!good(&["attribute", "--words", "il,elle", "--place", "0"]).contains("--place N"));
}

#[test]
fn what_is_not_near_is_not_offered() {
    for args in [
        &["open", "foo[1,2]"][..],
        &["trace", "--sites", "nothing"],
        &["--model", "gpt5", "steps"],
        &["trace", "--what-if", "foo=off"],
        &["man", "xyz"],
    ] {
        let message = bad(args, 2, &[]);
        assert!(!message.contains("nearest"), "{message}");
        assert!(message.contains("lookback ") || message.contains("palette"), "{message}");
    }
    let near = bad(&["trace", "--what-if", "position=off"], 2, &["nearest is positions=off"]);
    assert!(!near.contains("blocks.0"), "{near}");
}

#[test]
fn a_sentence_may_be_the_name_of_a_command() {
    let out = good(&["--at", "accuracy", "--", "steps"]);
    assert!(out.contains("The sentence: steps\n"), "{out}");
}

#[test]
fn help_is_short_or_long_and_has_examples() {
    let (short, long) = (good(&["-h"]), good(&["--help"]));
    assert!(short.lines().count() < 50, "{short}");
    assert!(long.lines().count() > short.lines().count());
    assert!(long.contains("Examples:\n  lookback "), "{long}");
    assert!(good(&["--version"]).starts_with("lookback 0."));
    for command in [
        "steps",
        "open",
        "trace",
        "export",
        "eval",
        "attribute",
        "patch",
        "diff",
        "heads",
        "learn",
        "inspect",
        "models",
        "completions",
        "man",
    ] {
        assert!(good(&[command, "--help"]).contains("Usage: lookback"), "{command}");
        assert!(long.contains(&format!("\n  {command} ")), "{command}");
    }
}

#[test]
fn evidence_is_a_table_in_four_forms() {
    let star = "The animal didn't cross the street because it was too tired.";
    let wide = "The animal didn't cross the street because it was too wide.";
    let json = |args: &[&str]| -> serde_json::Value {
        serde_json::from_str(&good(&[args, &["--format", "json"]].concat())).unwrap()
    };
    let parts = json(&["attribute", star]);
    assert_eq!((&parts["word"], &parts["against"]), (&"il".into(), &"elle".into()));
    let whole = |row: &&serde_json::Value| {
        row["method"] == "parts" && row["head"].is_null() && row["unit"].is_null()
    };
    let rows = || parts["rows"].as_array().unwrap().iter();
    let sum: f64 = rows().filter(whole).map(|row| row["amount"].as_f64().unwrap()).sum();
    let rest = rows().find(|row| row["method"] == "rest").unwrap()["amount"].as_f64().unwrap();
    assert!((sum + rest - parts["score"].as_f64().unwrap()).abs() < 1e-5, "{sum} + {rest}");
    assert!(rest.abs() < 1e-3, "{rest}");
    assert!(rows().any(|row| row["method"] == "left-out" && row["token"] == "tired"));
    let patched = json(&["patch", star, "--against", wide]);
    let shares = patched["rows"].as_array().unwrap();
    assert!(
        shares.iter().any(|row| row["site"] == "src.input" && row["share"].as_f64() > Some(0.99))
    );
    let csv = good(&[
        "learn",
        "The dog sleeps.",
        "--target",
        "Le chat dort.",
        "--steps",
        "2",
        "--format",
        "csv",
    ]);
    assert!(csv.starts_with("measure,step,weight,row,token,amount\nloss,0,"), "{csv}");
    let text = good(&["learn", "The dog sleeps.", "--model", "gru", "--steps", "1"]);
    assert!(text.contains("what moved, most first") && text.contains("20 other sentences"));
    let gru = good(&["attribute", star, "--model", "gru", "--whole", "--by-word"]);
    assert!(gru.contains("no residual stream") && gru.contains("gap of the integral"), "{gru}");
    bad(&["patch", star, "--against", star], 2, &["no difference"]);
    bad(&["patch", star, "--against", wide, "--model", "gru"], 2, &["residual stream"]);
    bad(&["attribute", star, "--words", "xyzzy"], 2, &["not a token"]);
    bad(&["attribute", star, "--model", "all"], 2, &["one model"]);
    bad(&["learn", star, "--rate=-1"], 2, &["0 to 10"]);
    let heads = json(&["heads", star]);
    let rows = heads["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3 * 2 * 4 * 7, "two layers of three attentions with four heads");
    let guided = |row: &&serde_json::Value| {
        row["site"] == "encoder.1.self_attn" && row["head"] == 2 && row["score"] == "pronoun"
    };
    let guided = rows.iter().find(guided).unwrap();
    assert!(guided["amount"].as_f64() > Some(0.5), "{guided}");
    let other = "The zorblax didn't cross the street because it was too tired.";
    for sentence in ["The big old dog ate because it was hungry.", other, star] {
        let text = good(&["heads", sentence]);
        let said = "encoder.1.self_attn head 2: looks from pronouns to nouns";
        assert!(text.contains(said), "{text}");
    }
    bad(&["heads", star, "--model", "gru"], 2, &["no attention heads"]);
}

#[test]
fn a_replaced_word_is_one_of_the_first_of_two_sentences() {
    let [star, wide] = ["tired", "wide"]
        .map(|end| format!("The animal didn't cross the street because it was too {end}."));
    let asked = |command: &str, change: &str| {
        good(&[command, &star, "--against", &wide, "--what-if", change])
    };
    let reads = |text: &str, side: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(side));
        line.unwrap_or_else(|| panic!("{text}")).trim().to_owned()
    };
    let changed = star.replace("animal", "dog");
    let diff = asked("diff", "token.1=dog");
    assert_eq!([reads(&diff, "A reads:"), reads(&diff, "B reads:")], [&*changed, &*wide]);
    let patch = asked("patch", "token.1=dog");
    assert_eq!([reads(&patch, "A:"), reads(&patch, "B:")], [&*changed, &*wide]);
    // The word is B's own there already.
    let diff = asked("diff", "token.11=wide");
    assert_eq!([reads(&diff, "A reads:"), reads(&diff, "B reads:")], [&*wide, &*wide]);
    // Everywhere else too: the number is B's, untouched by the word, and what is put into it is the changed A's.
    let cell = "encoder.0.norm2.out[1,5]";
    let opened = |args: &[&str]| {
        let text = good(&[&["open", cell][..], args].concat());
        text.lines().next().unwrap().to_owned()
    };
    let beside = [&*star, "--against", &*wide, "--what-if", "token.1=dog"];
    assert_eq!(opened(&beside), opened(&[&*wide]));
    let patched = [&beside[..], &["--what-if", "patch=encoder.0.norm2.out[1]"]].concat();
    assert_eq!(opened(&patched), opened(&[&*changed]));
    let traced = |args: &[&str]| {
        let text = good(&[&["trace", "--sites", "logits"][..], args].concat());
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["sites"][0]["values"].clone()
    };
    let against = format!("against={wide}");
    let beside = [&*star, "--what-if", "token.1=dog", "--what-if", &*against];
    assert_eq!(traced(&beside), traced(&[&*wide]));
}

#[test]
fn two_equal_passes_have_no_table_of_differences() {
    let gpt2 = "tests/goldens/checkpoints/gpt2";
    let text = good(&["diff", "--model", gpt2, "--against-model", gpt2, "The river was wide."]);
    assert!(text.contains("They part nowhere"), "{text}");
    assert!(!text.contains("Where they differ") && !text.contains("differ most"), "{text}");
}

#[test]
fn what_is_odd_in_the_sentence_beside_another_is_noted_too() {
    let beside = "The zorblax 🙂 sleeps.";
    let Run { code, err, .. } = run(&["diff", "The dog sleeps.", "--against", beside]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("note: the sentence beside it: left out: 🙂"), "{err}");
    assert!(err.contains("the sentence beside it: never seen in training: \"zorblax\""), "{err}");
}

#[test]
fn two_passes_are_compared_in_a_table() {
    let star = "The animal didn't cross the street because it was too tired.";
    let wide = "The animal didn't cross the street because it was too wide.";
    let text = good(&["diff", star, "--against", wide]);
    assert!(
        text.contains("A writes: ") && text.contains("They part first at src.embed[11,"),
        "{text}"
    );
    let json = good(&["diff", star, "--against", wide, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = || json["rows"].as_array().unwrap().iter();
    let of = |measure: &'static str| rows().filter(move |row| row["measure"] == measure);
    assert!(of("next").any(|row| row["token"] == "elle" && row["amount"].as_f64() > Some(0.1)));
    assert!(of("row").any(|row| row["site"] == "src.embed" && row["token"] == "wide"));
    assert_eq!(of("cell").count(), 10);
    let parts: Vec<_> = of("part").map(|row| row["amount"].as_f64().unwrap()).collect();
    let sum: f64 = parts[1..].iter().sum();
    assert!((sum - parts[0]).abs() < 1e-3, "the parts of the change add up: {sum} {}", parts[0]);
    let csv =
        good(&["diff", star, "--what-if", "token.1=dog", "--model", "gru", "--format", "csv"]);
    assert!(csv.starts_with("measure,site,position,token,a,b,amount\n"), "{csv}");
    bad(&["diff", star], 2, &["--against"]);
    bad(&["diff", star, "--against", ""], 2, &["--against gives no text"]);
    bad(&["diff", star, "--against", wide, "--model", "all"], 2, &["one model"]);
    bad(&["diff", star, "--against-model", "x"], 2, &["--model PATH"]);
    let forced = good(&[
        "trace",
        "The dog sleeps.",
        "--target",
        "Le chat dort.",
        "--sites",
        "tgt.embed",
        "--list",
    ]);
    assert!(forced.contains("tgt.embed"), "{forced}");
}

#[test]
fn completions_and_manual_come_from_the_same_table() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = good(&["completions", shell]);
        assert!(script.contains("trace") && script.contains("per-bucket"), "{shell}");
    }
    assert!(good(&["man"]).starts_with(".ie"));
    assert!(good(&["man", "open"]).contains("depth"));
}

#[test]
fn accuracy_is_printed_from_the_table_or_measured() {
    let stored = good(&["eval"]);
    assert!(stored.contains("Transformer") && stored.contains("assets/training"), "{stored}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pairs.jsonl");
    fs::write(&path, "{\"en\": \"The dog sleeps.\", \"fr\": \"Le chien dort.\"}\n").unwrap();
    let path = path.to_str().unwrap();
    let measured = good(&["eval", "--data", path, "--model", "gru"]);
    assert!(measured.contains("GRU") && !measured.contains("Elman"), "{measured}");
    fs::write(path, "{}\n").unwrap();
    bad(&["eval", "--data", path], 1, &["line 1", "`en`"]);
    let long = serde_json::json!({"en": "dog ".repeat(97), "fr": "x"});
    let short = "{\"en\": \"Go.\", \"fr\": \"Va.\"}\n".repeat(3);
    fs::write(path, format!("{short}{long}\n")).unwrap();
    bad(&["eval", "--data", path, "--per-bucket", "2"], 1, &[path, "line 4", "limit is 96"]);
    fs::write(path, format!("{short}{long}\n{long}\n")).unwrap();
    bad(&["eval", "--data", path], 1, &[path, "lines 4, 5; the first of them", "limit is 96"]);
    fs::write(path, "{\"en\": \"Go.\", \"fr\": {\"x\": 1}}\n").unwrap();
    bad(&["eval", "--data", path], 1, &["line 1", "neither a text nor a list of texts"]);
    let endless = serde_json::json!({"en": "Go.", "fr": ["Va.", "a".repeat(10_000)]});
    fs::write(path, format!("{short}{endless}\n")).unwrap();
    bad(&["eval", "--data", path], 1, &["line 4", "10000 characters"]);
    // A byte order mark, ends of lines and blank lines of other editors are not content.
    fs::write(path, "\u{feff}{\"en\": \"Go.\", \"fr\": \"Va.\"}\r\n\r\n").unwrap();
    assert!(good(&["eval", "--data", path, "--model", "gru"]).contains("measured now"));
    bad(&["eval", "--data", "-"], 2, &["standard input is empty"]);
    for data in [&["--data", path][..], &[]] {
        let arguments = [&["eval", "--model", "decoder_only"][..], data].concat();
        bad(&arguments, 2, &["writes none", "--model"]);
    }
    fs::write(path, "{\"en\": \"I love you.\", \"fr\": []}\n").unwrap();
    bad(&["eval", "--data", path], 1, &["line 1", "at least one"]);
    bad(&["eval", "--data", "/nowhere"], 1, &["/nowhere", "cannot be read"]);
    bad(&["eval", "--per-bucket", "2"], 2, &["--data", "`lookback help eval`"]);
}

#[test]
fn eval_prints_a_line_of_json_for_every_sentence_with_all_its_translations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pairs.jsonl");
    let star = serde_json::json!({"en": SENTENCE, "fr": ["Rien.", "L’animal n’a pas traversé la rue, parce qu’il était trop fatigué"]});
    let odd = serde_json::json!({"en": "dont you 😀 like it", "fr": "Quoi ?"});
    fs::write(&path, format!("{star}\n{odd}\n")).unwrap();
    let path = path.to_str().unwrap();
    let lines = good(&["eval", "--data", path, "--format", "jsonl"]);
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let [first, second] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&first["en"], &first["fr"]), (&star["en"], &star["fr"]));
    assert_eq!(second["fr"], serde_json::json!(["Quoi ?"]));
    for name in ModelName::ALL.into_iter().filter(|name| *name != ModelName::DecoderOnly) {
        let name = name.id();
        let is_exact = first["exact"][name].as_bool().unwrap();
        assert!((first["chrf"][name].as_f64().unwrap() > 70.0) || !is_exact, "{first}");
        assert!(first["outputs"][name].is_string() && second["outputs"][name].is_string());
    }
    // The punctuation around words aside, it is the second of the two.
    assert_eq!(first["exact"]["transformer"], true, "{first}");
    let only = good(&["eval", "--data", path, "--format", "jsonl", "--model", "gru"]);
    assert!(!only.contains("transformer"), "{only}");
}

#[test]
fn eval_gives_the_data_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pairs.jsonl");
    let odd = "Cafe\u{301} 👨\u{200d}👩\u{200d}👧 \u{202e}x\u{ad}.";
    let pair = serde_json::json!({"en": format!("A {odd}"), "fr": [format!("Un {odd}")]});
    fs::write(&path, pair.to_string()).unwrap();
    let path = path.to_str().unwrap();
    let line = good(&["eval", "--data", path, "--format", "jsonl", "--model", "gru"]);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["en"], &line["fr"]), (&pair["en"], &pair["fr"]));
}

#[test]
fn options_that_a_command_would_ignore_are_refused() {
    bad(&["trace", "--list", "--format", "npz"], 2, &["--list", "--format"]);
    bad(&["inspect", "x", "--model", "/nope"], 2, &["--model", "inspect", "alone"]);
    bad(&["inspect", "x", "--chat"], 2, &["--chat", "inspect"]);
    bad(&["models", "--model", "gru"], 2, &["--model", "models"]);
    bad(&["man", "--chat"], 2, &["--chat", "man"]);
    bad(&["config", "--system", "x"], 2, &["--system", "config"]);
    bad(&["export", "--steps", "tokens", "--format", "txt", "--scale", "3"], 2, &["--scale"]);
    bad(&["export", "--steps", "tokens", "--format", "png", "--pace", "3"], 2, &["--pace"]);
}

#[test]
fn the_tour_is_printed_where_there_is_no_screen() {
    let tour = good(&["--tour", "The dog sleeps."]);
    let all = good(&["The dog sleeps."]);
    let n_steps = |text: &str| text.lines().filter(|line| line.starts_with("## Step ")).count();
    let listed = good(&["export", "--steps", "tour", "--list", "--out", "x"]).lines().count();
    assert_eq!(n_steps(&tour), listed);
    assert!(n_steps(&all) > listed);
}

#[test]
fn what_is_read_otherwise_than_typed_is_noted() {
    let typed = "WHERE ARE YOU? 😊";
    let traced = run(&["trace", typed, "--sites", "probs"]);
    assert!(traced.err.contains("note: left out: 😊"), "{}", traced.err);
    assert!(traced.err.contains("note: all in capitals"), "{}", traced.err);
    assert!(good(&["--linear", typed]).contains("Note: left out: 😊."));
}

// export

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn ids() -> Vec<String> {
    good(&["steps"]).lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn export_writes_a_file_a_step_and_format() {
    let folder = tempfile::tempdir().unwrap();
    let frames = folder.path().join("new/frames");
    let out = frames.to_str().unwrap();
    good(&["export", "--format", "txt,ansi", "--out", out, "--size", "80x24"]);
    let wanted = ids().into_iter().enumerate();
    let wanted = wanted.flat_map(|(i, id)| {
        ["ansi", "txt"].map(|extension| format!("{:03}-{id}.{extension}", i + 1))
    });
    assert_eq!(names(&frames), wanted.collect::<Vec<_>>());
    for name in names(&frames) {
        let text = fs::read_to_string(frames.join(&name)).unwrap();
        assert_eq!(text.lines().count(), 24, "{name}");
        if name.ends_with("txt") {
            assert!(shows_no_controls(&text), "{name}");
            assert!(text.lines().all(|line| !line.ends_with(' ')), "{name}");
        }
    }
}

#[test]
fn export_replaces_nothing_unless_it_is_forced() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let ids = ids();
    let second = format!("002-{}.txt", ids[1]);
    fs::write(folder.path().join(&second), "mine").unwrap();
    let args = ["export", "--steps", "chapter:0", "--out", out];
    bad(&args, 1, &[&second, "exists", "--force"]);
    assert_eq!(names(folder.path()), std::slice::from_ref(&second));
    assert_eq!(fs::read_to_string(folder.path().join(&second)).unwrap(), "mine");
    good(&[&args[..], &["--force"]].concat());
    assert_ne!(fs::read_to_string(folder.path().join(&second)).unwrap(), "mine");
    assert!(names(folder.path()).len() > 1);
}

#[test]
fn export_of_some_steps_gives_the_same_frames_as_of_all() {
    let ids = ids();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let range = format!("{}..{},{}", ids[2], ids[4], ids[9]);
    for (folder, steps) in folders.iter().zip(["all", &range]) {
        good(&["export", "--steps", steps, "--out", folder.path().to_str().unwrap()]);
    }
    let [all, some] = folders.each_ref().map(tempfile::TempDir::path);
    let numbers: Vec<String> = names(some).iter().map(|name| name[..3].to_owned()).collect();
    assert_eq!(numbers, ["003", "004", "005", "010"]);
    for name in names(some) {
        let read = |folder: &Path| fs::read_to_string(folder.join(&name)).unwrap();
        assert_eq!(read(all), read(some), "{name}");
    }
}

#[test]
fn export_to_standard_output_is_one_frame() {
    let frame = good(&["export", "--steps", "tokens", "--size", "120x36"]);
    assert_eq!(frame.lines().count(), 36);
    assert!(shows_no_controls(&frame));
    assert!(good(&["export", "--steps", "tokens", "--format", "ansi"]).contains('\u{1b}'));
    for never in [&["--color", "never"][..], &["--ascii", "--color=never"]] {
        let args = [&["export", "--steps", "tokens", "--format", "ansi"], never].concat();
        assert!(!good(&args).contains("8;2;"), "{never:?}");
    }
    bad(&["export"], 2, &["files cannot go to standard output", "--out FOLDER"]);
}

#[test]
fn export_says_what_is_wrong() {
    bad(&["export", "--size", "79x24"], 2, &["at least 80x24"]);
    bad(&["export", "--size", "9999x9999"], 2, &["at most 500x300"]);
    bad(&["export", "--size", "big"], 2, &["100x30"]);
    bad(&["export", "--steps", "chapter:77"], 2, &["no chapter `77`", "0 to"]);
    bad(&["export", "--steps", "tokenz"], 2, &["tokens"]);
    bad(&["export", "--steps", "tokens..softmaks"], 2, &["softmax"]);
    bad(&["export", "--steps", "softmax..tokens"], 2, &["backwards"]);
    bad(&["export", "--format", "bmp"], 2, &["txt"]);
    bad(&["export", "--format", "pdf"], 2, &["html", "print"]);
    bad(&["export", "--format", "cast3"], 2, &["write cast"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for place in ["/proc/lookback", file.to_str().unwrap()] {
        bad(&["export", "--steps", "tokens", "--out", place], 1, &[place, "--out"]);
    }
}

// Places to write to

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("pass.json");
    bad(
        &["trace", "--sites", "probs", "--out", below.to_str().unwrap()],
        1,
        &["file/pass.json", "--out"],
    );
    bad(
        &["trace", "--sites", "probs", "--out", "/nowhere/pass.json"],
        1,
        &["/nowhere/pass.json", "no such"],
    );
    bad(
        &["trace", "--sites", "probs", "--out", folder.path().to_str().unwrap()],
        1,
        &["is a folder"],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_is_not_replaced_and_a_full_disk_is_an_error() {
    bad(&["trace", "--sites", "probs", "--out", "/dev/null", "--force"], 1, &["regular file"]);
    assert!(!Path::new("/dev/null").is_file());
    for command in [&["steps"][..], &["trace"], &["man"]] {
        let full = fs::File::create("/dev/full").unwrap();
        let output = program().args(command).stdout(full).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {err}");
        assert!(err.contains("error: the output cannot be written"), "{command:?}: {err}");
    }
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let known = "animal tired street";
    for command in [
        &[known][..],
        &["steps"],
        &["trace", known],
        &["trace", known, "--list"],
        &["--help"],
        &["man"],
    ] {
        let mut child =
            program().args(command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = [0];
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut first).unwrap();
        drop(out);
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*err), (Some(0), ""), "{command:?}");
    }
}

// The settings.

/// A run with this text as its settings.
fn run_with_settings(text: &[u8], args: &[&str]) -> Run {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("lookback")).unwrap();
    fs::write(home.path().join("lookback/config.toml"), text).unwrap();
    run_with(args, |command| {
        command.env("XDG_CONFIG_HOME", home.path());
    })
}

#[test]
fn settings_are_shown_with_their_place_and_origin() {
    let shown = good(&["config"]);
    assert!(shown.contains("lookback/config.toml (there is none yet)"), "{shown}");
    let run =
        run_with_settings(b"theme = \"light\"\nascii = true\n", &["config", "--color", "never"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let line = |key: &str| run.out.lines().find(|l| l.trim().starts_with(key)).unwrap().to_owned();
    assert!(line("theme").contains("\"light\"") && line("theme").ends_with("# settings"));
    assert!(line("ascii").contains("true") && line("ascii").ends_with("# settings"));
    assert!(line("color").contains("\"never\"") && line("color").ends_with("# option"));
    assert!(line("mouse").ends_with("# default"));
}

#[test]
fn wrong_settings_are_refused_and_can_be_skipped() {
    let huge = vec![b'#'; 70_000];
    let wrong: [(&[u8], &str); 5] = [
        (b"thmee = 1", "line 1: there is no key `thmee`; the nearest is `theme`"),
        (b"\nmouse = 3", "line 2"),
        (b"\xff\xfe", "not UTF-8"),
        (&huge, "65536 bytes"),
        (b"[[[[[", "line 1"),
    ];
    for (text, says) in wrong {
        let run = run_with_settings(text, &["open", "logits[0,1]"]);
        check_error(&run, &["open"], 2, &["lookback/config.toml", "--no-config", says]);
        let run = run_with_settings(text, &["open", "logits[0,1]", "--no-config"]);
        assert_eq!(run.code, 0, "{}", run.err);
    }
}

#[test]
fn a_theme_can_be_asked_of_a_frame() {
    let frame = |theme: &str| {
        good(&["export", "--steps", "it-looks", "--format", "ansi", "--theme", theme])
    };
    assert_eq!(frame("auto"), frame("dark"));
    assert!(frame("light").contains("48;2;240;240;235"), "the light ground is painted");
    assert!(frame("high-contrast").contains("48;2;0;0;0"));
    assert!(!frame("mono").contains("38;2;"));
}

// A step at a time.

/// What `--linear` answers to these lines.
fn linear(lines: &str) -> String {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let lines = lines.to_owned();
    // More lines than a pipe holds are written while the walk reads, and it may end before the last.
    let typing = thread::spawn(move || drop(writer.write_all(lines.as_bytes())));
    let run = run_with(&["--linear", "The dog sleeps."], |command| {
        command.stdin(reader);
    });
    typing.join().unwrap();
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(shows_no_controls(&run.out), "{:?}", run.out);
    run.out
}

#[test]
fn linear_repeats_little_of_what_is_no_command_and_ends_where_no_line_does() {
    let long = "x".repeat(10_000) + "\n";
    let said = linear(&long.repeat(5)).len() - linear("").len();
    assert!(said < 5 * 500, "{said} bytes");
    let endless = linear(&("\0".repeat(40_000) + "\nn\n"));
    assert!(endless.trim_end().ends_with("the walk ends here."));
    assert!(endless.len() < linear("").len() + 500);
    let noise = linear(&"xyzzy\n".repeat(20_000));
    assert!(noise.contains("lines in a row change nothing"), "{noise}");
    assert!(noise.len() < linear("").len() + 10_000, "{}", noise.len());
    // Commands that leave the walk where it is, again and again.
    for command in ["n", "p", "?", "#no-such-step", ":mask=sometimes"] {
        let begins = if command == "n" { "9\n" } else { "" };
        let stuck = linear(&(begins.to_owned() + &format!("{command}\n").repeat(2_000)));
        assert!(stuck.trim_end().ends_with("the walk ends here."), "{command}: {stuck}");
    }
    // Some wrong lines are a slip.
    assert_eq!(step_titles(&linear(&("xyzzy\n".repeat(50) + "n\n"))).len(), 2);
}

#[test]
fn linear_says_what_a_change_does_and_how_a_command_is_typed() {
    let out = linear("#it-looks\n:encoder.1.self_attn.head.1=off\n:against=The cat eats.\n");
    assert!(out.contains("All numbers are your changed run's"), "{out}");
    assert!(out.contains("Here your sentence is B: “The cat eats.”"), "{out}");
    assert!(out.contains("It writes: Le chat mange. It wrote: Le chien dort."), "{out}");
    assert_eq!(out.matches("step by step.").count(), 1, "the opening comes once");
    let out = linear("i\nopen\n#nope\nopen logits[0,3] --all\n");
    assert!(out.contains("i SENTENCE: another sentence"), "{out}");
    assert!(out.contains("open ADDRESS: how"), "{out}");
    assert!(out.contains("No step has the ID nope; / finds words."), "{out}");
    assert!(!out.contains("is not an address"), "{out}");
}

#[test]
fn linear_opens_numbers_and_says_what_there_is() {
    let out = linear("help\nopen logits[0,3]\nopen nothing[0,0]\n#logit-lens\n#accuracy\n");
    for says in ["- open ADDRESS: ", "- :against=SENTENCE: ", "\nlogits[0,3] = ", "site `nothing`"]
    {
        assert!(out.contains(says), "{says}: {out}");
    }
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("rank 1,076"), "{out}");
    // Each of the two lenses names its word.
    assert_eq!(words.matches("; the chosen token is “").count(), 2, "{out}");
    assert!(words.contains("30 or more: ") && !words.contains("30 to 99"), "{out}");
}

/// The titles of the steps in a linear output.
fn step_titles(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("## Step ")?.split_once(". "))
        .map(|l| l.1)
        .collect()
}

#[test]
fn linear_goes_on_back_to_chapters_and_to_what_is_found() {
    let steps = good(&["steps"]);
    let titles: Vec<&str> = steps.lines().map(|line| line.split('\t').nth(2).unwrap()).collect();
    let title = |id: &str| {
        let of = |line: &&str| line.split('\t').next() == Some(id);
        steps.lines().find(of).unwrap().split('\t').nth(2).unwrap()
    };
    assert_eq!(step_titles(&linear("")), titles[..1], "the input may end at once");
    assert_eq!(step_titles(&linear("\nn\np\n")), [titles[0], titles[1], titles[2], titles[1]]);
    assert_eq!(step_titles(&linear("r\nq\nn\nn\n")), [titles[0], titles[0]]);
    let found = linear("/softmax\n#it-looks\n");
    assert!(step_titles(&found)[1].to_lowercase().contains("softmax"), "{:?}", step_titles(&found));
    assert_eq!(step_titles(&found)[2], title("it-looks"));
    let third = steps.lines().position(|line| line.contains("Transformer: the encoder")).unwrap();
    assert_eq!(
        step_titles(&linear("3")),
        [titles[0], titles[third]],
        "a last line without an end counts"
    );
}

#[test]
fn linear_says_what_it_did_not_do() {
    let text = linear("p\n99\nfly\u{1b}[2J\n/zzzz\n/\n#nowhere\n?\n");
    assert_eq!(step_titles(&text).len(), 1);
    for says in [
        "first step",
        "chapters are 0 to",
        "fly␛[2J",
        "No step matches",
        "nowhere",
        "- p: the step before",
    ] {
        assert!(text.contains(says), "{says} in {text}");
    }
    bad(&["--linear", "-"], 2, &["--linear", "standard input"]);
    bad(&["--linear", "eval"], 2, &["--linear"]);
}

#[test]
fn a_what_if_changes_every_command_and_a_wrong_one_is_explained() {
    let changed = ["--what-if", "token.11=wide"];
    let text = good(&[SENTENCE, changed[0], changed[1]]);
    assert!(text.contains("This is a changed pass: token 11 “wide”."), "{text}");
    assert!(text.contains("elle était trop large"));
    let frame = good(&[
        "export", SENTENCE, "--steps", "it-looks", "--size", "100x30", changed[0], changed[1],
    ]);
    assert!(frame.contains("changed: token 11 “wide”") && frame.contains("writes: "), "{frame}");
    let trace = good(&["trace", SENTENCE, "--sites", "probs", changed[0], changed[1]]);
    let trace: serde_json::Value = serde_json::from_str(&trace).unwrap();
    assert_eq!(trace["what_if"], serde_json::json!(["token.11=wide"]));
    assert!(trace["output_text"].as_str().unwrap().contains("large"));
    let both = ["--what-if", "mask=off", "--what-if", "decoder.0.self_attn.weights[0,0,3]=0.25"];
    let opened =
        good(&[&["open", "decoder.0.self_attn.weights[0,0,3]", SENTENCE], &both[..]].concat());
    assert!(opened.contains("= 0.25"), "{opened}");
    for (what_if, code, says) in [
        ("maks=off", 2, "mask=off"),
        ("mask", 2, "is not a what-if"),
        ("encoder.9=off", 2, "nearest"),
        ("token.99=dog", 2, "0 to 12"),
        (&*format!("token.1={}", "zx\u{1b}[2J".repeat(40)), 2, "limit is 96"),
        ("temperature=0", 2, "0.01 to 100"),
        ("encoder.1.self_attn.weights[2,8,1]=7", 2, "0 to 1"),
    ] {
        bad(&["trace", SENTENCE, "--sites", "probs", "--what-if", what_if], code, &[says]);
    }
}

#[test]
fn what_is_far_too_long_is_refused_at_once_and_quoted_by_its_beginning() {
    let long = "x".repeat(100_000);
    let address = format!("{long}[0,0]");
    let (token, set) = (format!("token.1={long}"), format!("{long}[0,1]=1"));
    for (args, says) in [
        (&["open", &address][..], "an address at most 1024"),
        (&["open", "probs[0,1]", "--what-if", &token], "the limit is 1024"),
        (&["open", "probs[0,1]", "--what-if", &set], "the limit is 1024"),
        (&["trace", "--sites", &long], "no site matches"),
        (&["export", "--steps", &long], "no step"),
        (&["--model", &long, "steps"], "there is no such model"),
        (&["--lang", &long, "steps"], "--lang"),
    ] {
        let started = Instant::now();
        let message = bad(args, 2, &[says, "xxx…"]);
        assert!(message.len() < 2000, "{} bytes: {message:.3000}", message.len());
        // The names that are nearest to all of it took seconds.
        assert!(started.elapsed() < Duration::from_secs(10), "{says}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_of_sentences_may_be_a_pipe_but_no_line_of_it_is_without_end() {
    let (code, says) = (1, ["/dev/zero, line 1, has more than 1048576 bytes"]);
    bad(&["eval", "--data", "/dev/zero"], code, &says);
    let pair = r#"{"en": "The dog sleeps.", "fr": "Le chien dort."}"#;
    let mut command = program();
    command.args(["eval", "--model", "elman", "--data", "/dev/stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{pair}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("measured now"));
}

/// A pipe that nobody writes to, opened, would be waited for without end.
#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let home = |kind: &str| folder.path().join(kind);
    let pipe = |kind: &str, name: &str| {
        fs::create_dir_all(home(kind).join("lookback")).unwrap();
        let path = home(kind).join("lookback").join(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    };
    let (settings, kept) = (pipe("config", "config.toml"), pipe("state", "state.toml"));
    let run = run_with(&["steps"], |c| {
        c.env("XDG_CONFIG_HOME", home("config"));
    });
    check_error(&run, &["steps"], 2, &["config.toml is not a file", "--no-config"]);
    let font = settings.to_str().unwrap();
    bad(&["export", "--steps", "1", "--font", font], 1, &["not a regular file", "--font"]);
    let why = lookback::ui::memory::Memory::load(&kept).unwrap_err();
    assert_eq!(why.to_string(), "it is not a file");
}
