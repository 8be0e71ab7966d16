//! Tokenizers of checkpoints: the ids of the reference on every line of a nasty corpus, by way of
//! tokenizer.json and of the vocabulary inside a GGUF; damaged files are refused in words.

use std::{collections::HashMap, fs};

use lookback::{
    lesson::Language,
    text::{GgufVocab, OlderFiles, Specials, Tokenizer, tokenizer_json},
    ui::descriptions::unread_in_words,
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const NAMES: [&str; 8] =
    ["gpt2", "llama3", "qwen2", "smollm2", "roberta", "bert", "unigram", "llama2"];

/// Those that a GGUF can hold.
const IN_GGUF: [&str; 6] = ["gpt2", "llama3", "qwen2", "smollm2", "bert", "llama2"];

fn read(file: &str) -> String {
    fs::read_to_string(format!("tests/goldens/tokenization/{file}")).unwrap()
}

fn from_json(name: &str) -> Tokenizer {
    let specials = Specials { file: "tokenizer.json", ..Specials::default() };
    Tokenizer::from_json(read(&format!("{name}.json")).as_bytes(), &specials).unwrap()
}

fn from_gguf(name: &str) -> Tokenizer {
    Tokenizer::from_gguf(&vocab(&read(&format!("{name}.gguf.json")))).unwrap()
}

fn vocab(text: &str) -> GgufVocab {
    let read: Json = serde_json::from_str(text).unwrap();
    let texts = |key: &str| -> Vec<String> {
        read[key].as_array().into_iter().flatten().map(|t| t.as_str().unwrap().into()).collect()
    };
    let numbers = |key: &str| -> Vec<f64> {
        read[key].as_array().into_iter().flatten().map(|n| n.as_f64().unwrap()).collect()
    };
    let id = |key: &str| read[key].as_u64().map(|id| id as u32);
    GgufVocab {
        model: read["model"].as_str().unwrap().into(),
        pre: read["pre"].as_str().map(Into::into),
        tokens: texts("tokens"),
        scores: numbers("scores").into_iter().map(|n| n as f32).collect(),
        token_types: numbers("token_types").into_iter().map(|n| n as i32).collect(),
        merges: texts("merges"),
        bos: id("bos"),
        eos: id("eos"),
        unk: id("unk"),
        sep: id("sep"),
        cls: id("cls"),
        mask: id("mask"),
        pad: id("pad"),
        add_bos: read["add_bos"].as_bool(),
        ..GgufVocab::default()
    }
}

fn ids(value: &Json) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// What the reference makes of each text.
fn goldens(name: &str) -> Vec<(String, Vec<u32>, String)> {
    let text = read("goldens.jsonl");
    let rows = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let rows = rows.filter(|row| row["name"] == name);
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    rows.map(|row| (text(&row["text"]), ids(&row["ids"]), text(&row["decoded"]))).collect()
}

fn texts(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
    tokenizer.sentence(text).unwrap().tokens.into_iter().map(|t| t.text).collect()
}

#[test]
fn ids_and_texts_are_the_references_by_way_of_tokenizer_json() {
    for name in NAMES {
        let tokenizer = from_json(name);
        let goldens = goldens(name);
        assert!(goldens.len() > 50);
        for (text, ids, decoded) in goldens {
            assert_eq!(tokenizer.encode(&text).unwrap(), ids, "{name}: {text:?}");
            assert_eq!(tokenizer.text(&ids), decoded, "{name}: {text:?}");
        }
    }
}

#[test]
fn ids_are_the_same_by_way_of_a_gguf() {
    for name in IN_GGUF {
        let tokenizer = from_gguf(name);
        assert!(tokenizer.notes().is_empty());
        let goldens = goldens(name);
        assert!(goldens.len() > 50, "{name}: only {} texts", goldens.len());
        for (text, ids, decoded) in goldens {
            assert_eq!(tokenizer.encode(&text).unwrap(), ids, "{name}: {text:?}");
            assert_eq!(tokenizer.text(&ids), decoded, "{name}: {text:?}");
        }
    }
}

/// The tokenizers of the tiny checkpoints, on a corpus of their own.
#[test]
fn checkpoints_read_as_in_transformers() {
    let mut opened = HashMap::<String, Option<Tokenizer>>::new();
    let open = |name: &String| {
        // The newer form, which a GGUF cannot say, is in the folder of the model with a window.
        let folder = if name == "mistral" { "mistral_window" } else { name };
        let file = format!("tests/goldens/checkpoints/{folder}/tokenizer.json");
        let specials = Specials::default();
        Some(Tokenizer::from_json(&fs::read(file).ok()?, &specials).unwrap())
    };
    for line in fs::read_to_string("tests/goldens/tokenization.jsonl").unwrap().lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let text = row["text"].as_str().unwrap();
        for (name, want) in row["ids"].as_object().unwrap() {
            let tokenizer = opened.entry(name.clone()).or_insert_with(|| open(name));
            let Some(tokenizer) = tokenizer else { continue };
            assert_eq!(tokenizer.encode(text).unwrap(), ids(want), "{name}: {text:?}");
        }
    }
    assert!(opened.values().flatten().count() >= 8);
}

#[test]
fn tokens_are_shown_as_people_read_them() {
    let text = "The river\n🙂";
    let byte_level = "The ·river ␊ <0xF0> <0x9F> <0x99> <0x82>";
    let pieces = "<s> ·The ·r iv er ␊ <0xF0> <0x9F> <0x99> <0x82>";
    for (name, want) in [("gpt2", byte_level), ("llama2", pieces)] {
        for tokenizer in [from_json(name), from_gguf(name)] {
            assert_eq!(texts(&tokenizer, text).join(" "), want);
        }
    }
    let bert = from_json("bert");
    assert_eq!(texts(&bert, "the boatss").join(" "), "[CLS] the boats ##s [SEP]");
}

#[test]
fn masks_are_found_and_unknown_characters_are_named() {
    let config =
        json!({"mask_token": {"content": "[MASK]", "lstrip": false}, "cls_token": "[CLS]"});
    let specials = Specials { tokenizer_config: Some(&config), ..Specials::default() };
    let bert = Tokenizer::from_json(read("bert.json").as_bytes(), &specials).unwrap();
    let sentence = bert.sentence("the [MASK] runs 龘").unwrap();
    assert_eq!(bert.masked(&sentence), [2]);
    assert_eq!(bert.ids().cls, Some(2));
    assert!(bert.masked(&bert.sentence("the river").unwrap()).is_empty());
    let unknown: Vec<_> = sentence.unknown.iter().map(|u| u.word.as_str()).collect();
    assert_eq!(unknown, ["龘"]);
    let message = unread_in_words(&sentence, Language::English).unwrap();
    assert!(message.contains("no token for \"龘\"; `[UNK]` is read instead"), "{message}");
    assert!(from_json("gpt2").sentence("zxqv 🙂").unwrap().unknown.is_empty());
    let sentence = bert.sentence("naïve 𝔘 [UNK]").unwrap();
    assert_eq!(
        sentence.unknown.len(),
        1,
        "what is typed as [UNK] is known: {:?}",
        sentence.unknown
    );
}

/// A sentence-transformers folder may have texts put into lower case, the names of special tokens in them too.
#[test]
fn texts_are_put_into_lower_case_where_the_folder_says_so() {
    let mut cased: Json = serde_json::from_str(&read("bert.json")).unwrap();
    cased["normalizer"]["lowercase"] = false.into();
    let open = |config: &Json| {
        let specials = Specials { sentence_config: Some(config), ..Specials::default() };
        Tokenizer::from_json(cased.to_string().as_bytes(), &specials).unwrap()
    };
    let lowers = open(&json!({"do_lower_case": true, "max_seq_length": 6}));
    let keeps = open(&json!({"do_lower_case": false}));
    let (typed, read) = ("The RIVER İ [MASK]", "the river i\u{307} [mask]");
    assert_eq!(lowers.encode(typed).unwrap(), keeps.encode(read).unwrap());
    assert_ne!(lowers.encode(typed).unwrap(), keeps.encode(typed).unwrap());
    let sentence = lowers.sentence(typed).unwrap();
    assert_eq!((sentence.ids(), &*sentence.text), (keeps.encode(read).unwrap(), typed));
    assert_eq!(lowers.replaced(&sentence, 1, "Boats").unwrap().tokens[1].text, "boats");
    assert_eq!((lowers.cut_at(), keeps.cut_at()), (Some(6), None));
}

/// What transformers' own classes follow: tokenizer_config.json, where tokenizer.json says something else.
#[test]
fn tokenizer_config_is_followed_where_transformers_follows_it() {
    let of = |name: &str, config: &Json| {
        let specials = Specials { tokenizer_config: Some(config), ..Specials::default() };
        Tokenizer::from_json(read(&format!("{name}.json")).as_bytes(), &specials).unwrap()
    };
    let same = |name: &str, config: Json, [one, other]: [&str; 2]| {
        let tokenizer = of(name, &config);
        tokenizer.encode(one).unwrap() == tokenizer.encode(other).unwrap()
    };
    let (case, accents) = (["The River", "the river"], ["thé river", "the river"]);
    for (class, lowers) in
        [("BertTokenizer", false), ("", false), ("PreTrainedTokenizerFast", true)]
    {
        let config = json!({"tokenizer_class": class, "do_lower_case": false});
        assert_eq!(same("bert", config, case), lowers, "{class}");
    }
    let keeps = json!({"tokenizer_class": "BertTokenizer", "strip_accents": false});
    assert!(!same("bert", keeps.clone(), accents) && same("bert", keeps, case));
    assert!(same("bert", json!({"strip_accents": null}), accents));
    for (class, leads) in [("RobertaTokenizer", true), ("PreTrainedTokenizerFast", false)] {
        let config = json!({"tokenizer_class": class, "add_prefix_space": true});
        assert_eq!(same("roberta", config, [" the river", "the river"]), leads, "{class}");
    }
}

/// Tokens that stand in tokenizer_config.json alone, and those that it has matched in another way.
#[test]
fn tokens_of_tokenizer_config_are_added() {
    let of = |config: Json| {
        let specials = Specials { tokenizer_config: Some(&config), ..Specials::default() };
        Tokenizer::from_json(read("gpt2.json").as_bytes(), &specials).unwrap()
    };
    let plain = of(json!({}));
    assert_eq!(texts(&plain, "a the old river").join(" "), "a ·the ·old ·river");
    for key in ["additional_special_tokens", "extra_special_tokens"] {
        let added = of(json!({key: ["<img>", {"content": "<doc>", "lstrip": true}]}));
        assert_eq!(texts(&added, "a the <img> <doc>").join(" "), "a ·the · <img> <doc>", "{key}");
        assert_eq!(added.vocab_size(), plain.vocab_size() + 2);
        assert_eq!(added.text(&added.encode("the<img>").unwrap()), "the");
    }
    assert_eq!(
        texts(&of(json!({"extra_special_tokens": {"image_token": "<img>"}})), "<img>"),
        ["<img>"]
    );
    let decoder = json!({"added_tokens_decoder": {
        "9": {"content": "riv", "special": false},
        "549": {"content": "<|endoftext|>", "special": true, "lstrip": true, "normalized": false}}});
    let decoded = of(decoder);
    assert_eq!(texts(&decoded, "a  <|endoftext|>").join(" "), "a <|endoftext|>");
    assert_eq!(texts(&decoded, "a the river").join(" "), "a ·the · riv er");
}

#[test]
fn one_word_stands_in_the_place_of_another() {
    let gpt2 = from_json("gpt2");
    let sentence = gpt2.sentence("The river runs").unwrap();
    let at = sentence.tokens.iter().position(|t| t.text == "·river").unwrap();
    for (word, want) in [("boats", "·boats"), ("·boats", "·boats"), ("the", "·the"), ("s", "·s")]
    {
        assert_eq!(gpt2.replaced(&sentence, at, word).unwrap().tokens[at].text, want);
    }
    assert_eq!(gpt2.replaced(&sentence, 0, "s").unwrap().tokens[0].text, "s");
    let error = gpt2.replaced(&sentence, at, "zxqv\u{1b}").unwrap_err().to_string();
    assert!(error.contains("zxqv␛") && error.contains("try "), "{error}");
    let bert = from_json("bert");
    let sentence = bert.sentence("the old boats").unwrap();
    assert_eq!(bert.replaced(&sentence, 2, "The").unwrap().tokens[2].text, "the");
    let error = bert.replaced(&sentence, 1, "The").unwrap_err().to_string();
    assert_eq!(error, "token 1 is `The` already; give another word");
    assert_eq!(bert.replaced(&sentence, 1, "[MASK]").unwrap().tokens[1].text, "[MASK]");
}

#[test]
fn texts_that_are_too_long_or_beyond_the_table_are_refused() {
    let gpt2 = from_json("gpt2").up_to(5);
    let error = gpt2.sentence("one two three four five six").unwrap_err().to_string();
    assert!(error.contains("the limit is 5; shorten it"), "{error}");
    assert!(gpt2.sentence("").unwrap_err().to_string().contains("empty"));
    let n = from_json("gpt2").vocab_size();
    assert!(from_json("gpt2").check(n).is_ok());
    let error = from_json("gpt2").check(n / 2).unwrap_err().to_string();
    assert!(error.contains("tokens lie beyond"), "{error}");
    let short = from_json("gpt2").with_rows(n - 1).unwrap();
    assert!(short.sentence("The river").is_ok());
    let error = short.sentence("a<|endoftext|>").unwrap_err().to_string();
    let want = format!(
        "`<|endoftext|>`, whose id is {}, but the model's embedding table has {} rows",
        n - 1,
        n - 1
    );
    assert!(error.contains(&want), "{error}");
    // In place of a word, and in a text that is given to a decoder.
    let sentence = short.sentence("The river").unwrap();
    let replaced = short.replaced(&sentence, 1, "<|endoftext|>").unwrap_err();
    let given = short.ids_of_text("a<|endoftext|>").unwrap_err();
    for error in [replaced, given] {
        assert!(error.to_string().contains(&want), "{error}");
    }
}

#[test]
fn settings_name_special_tokens_and_the_file_says_how_texts_begin() {
    let config = json!({"bos_token": "<|endoftext|>", "add_bos_token": true, "pad_token": "[PAD]"});
    let specials = Specials { tokenizer_config: Some(&config), eos: &[7], ..Specials::default() };
    let gpt2 = Tokenizer::from_json(read("gpt2.json").as_bytes(), &specials).unwrap();
    let n = from_json("gpt2").vocab_size() as u32;
    assert_eq!(gpt2.encode("a").unwrap(), from_json("gpt2").encode("a").unwrap());
    assert_eq!((gpt2.ids().bos, gpt2.ids().pad, gpt2.ids().eos), (Some(n - 1), Some(n), vec![7]));
}

#[test]
fn every_way_to_split_can_be_used() {
    let names = [
        "gpt-2",
        "llama-bpe",
        "dbrx",
        "qwen2",
        "qwen35",
        "smollm",
        "tekken",
        "gpt-4o",
        "falcon",
        "bloom",
        "viking",
        "deepseek-llm",
        "deepseek-coder",
        "deepseek-v3",
    ];
    for name in names {
        let mut vocab = vocab(&read("gpt2.gguf.json"));
        vocab.pre = Some(name.into());
        let tokenizer = Tokenizer::from_gguf(&vocab).unwrap();
        assert!(tokenizer.notes().is_empty(), "{name}");
        let ids = tokenizer.encode("Ὗώ K-4567  \n\t字 a1!").unwrap();
        assert_eq!(tokenizer.text(&ids), "Ὗώ K-4567  \n\t字 a1!", "{name}");
    }
}

#[test]
fn an_unknown_way_to_split_is_noted() {
    let mut vocab = vocab(&read("gpt2.gguf.json"));
    vocab.pre = Some("brand-new".into());
    let tokenizer = Tokenizer::from_gguf(&vocab).unwrap();
    assert!(tokenizer.notes()[0].contains("`brand-new`"));
    assert_eq!(
        tokenizer.encode("The river").unwrap(),
        from_json("gpt2").encode("The river").unwrap()
    );
}

/// gpt2's tokenizer.json with something else at one place.
fn with(at: &str, value: Json) -> Json {
    let mut bad: Json = serde_json::from_str(&read("gpt2.json")).unwrap();
    *bad.pointer_mut(at).unwrap() = value;
    bad
}

/// Models that a hostile tokenizer.json may hold, and a word of the error.
fn hostile_models() -> Vec<(Json, &'static str)> {
    let model = |value: Json| with("/model", value);
    vec![
        (model(json!({"type": "BPE", "vocab": {}, "merges": []})), "empty"),
        (model(json!({"type": "Magic", "vocab": {"a": 0}})), "`Magic`"),
        (
            model(json!({"type": "BPE", "vocab": {"a": 4_000_000_000_u32}, "merges": []})),
            "4000000000",
        ),
        (model(json!({"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "aaaa"]]})), "merge 0"),
        (model(json!({"type": "BPE", "vocab": {"a": 0}, "merges": ["a b c"]})), "merge"),
        (model(json!({"type": "BPE", "vocab": {"ab": 0, "a": 1}, "merges": ["a b"]})), "b"),
        (
            model(json!({"type": "BPE", "vocab": {"é": 0, "a": 1}, "merges": [["a", "é"]],
                "continuing_subword_prefix": "x"})),
            "merge 0",
        ),
        (model(json!({"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": 9})), "unk_id"),
        (model(json!({"type": "Unigram", "vocab": {"a": 0}, "unk_id": 0})), "list"),
        (
            model(json!({"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "a",
                "continuing_subword_prefix": "##", "max_input_chars_per_word": 1_000_000_000})),
            "max_input_chars_per_word",
        ),
        (model(json!({"type": "WordPiece", "vocab": {"a".repeat(5000): 0}})), "5000 bytes"),
        (
            model(json!({"type": "BPE", "vocab": {"a": 0}, "merges": [],
                "end_of_word_suffix": "x".repeat(1000)})),
            "1000 bytes",
        ),
    ]
}

/// What else it may hold.
fn hostile_parts() -> Vec<(Json, &'static str)> {
    let double = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let special = json!({"SpecialToken": {"id": "X", "type_id": 0}});
    let template = |single: Json, n_ids: usize| {
        let special = json!({"id": "X", "ids": vec![0; n_ids], "tokens": vec!["x"; n_ids]});
        json!({"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": {"X": special}})
    };
    vec![
        (json!([]), "tokenizer.json"),
        (json!({"version": "1.0"}), "model"),
        (with("/version", json!("9.9")), "9.9"),
        (with("/pre_tokenizer", json!({"type": "Warp"})), "pre_tokenizer"),
        (
            with(
                "/pre_tokenizer",
                json!({"type": "Split", "behavior": "Isolated", "invert": false,
                "pattern": {"Regex": "((((a{999}){999}){999}){999})"}}),
            ),
            "steps",
        ),
        (
            with("/normalizer", json!({"type": "Sequence", "normalizers": vec![double; 40]})),
            "times as long",
        ),
        (
            with("/normalizer", json!({"type": "Prepend", "prepend": "x".repeat(1000)})),
            "1000 bytes",
        ),
        (
            with(
                "/normalizer",
                json!({"type": "Precompiled", "precompiled_charsmap":
                base64::encode([&[4, 0, 0, 0, 0, 0, 0, 0], [b'x'; 900].as_slice()].concat())}),
            ),
            "900 bytes for one character",
        ),
        (
            with("/normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "////fw=="})),
            "a trie of 2147483647 bytes, but has 0",
        ),
        (with("/post_processor", template(vec![text.clone(); 200].into(), 1)), "200 times"),
        (with("/post_processor", template(vec![special; 200].into(), 1000)), "200000 tokens"),
        (
            with("/post_processor", template(vec![text; 200_000].into(), 1)),
            "each counted once for every level",
        ),
        (with("/added_tokens", json!([{"id": 1, "content": 7}])), "tokenizer.json"),
    ]
}

#[test]
fn damaged_and_hostile_files_are_refused_in_words() {
    let specials = Specials { file: "tokenizer.json of x", ..Specials::default() };
    for (json, word) in hostile_models().into_iter().chain(hostile_parts()) {
        let refused = Tokenizer::from_json(json.to_string().as_bytes(), &specials).err();
        let error = format!("{:#}", refused.expect(word));
        assert!(error.starts_with("tokenizer.json of x: "), "{error}");
        assert!(error.contains(word) && !error.contains('\u{1b}'), "{word}: {error}");
    }
    let whole = read("llama2.json");
    for cut in (0..whole.len()).step_by(97).filter(|&cut| whole.is_char_boundary(cut)) {
        assert!(Tokenizer::from_json(&whole.as_bytes()[..cut], &specials).is_err());
    }
}

/// Sequences of stages of which each alone is harmless, by the part that they are of.
fn multiplying_stages() -> Vec<(&'static str, Json)> {
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": false});
    let normalizers = |stages: Vec<Json>| json!({"type": "Sequence", "normalizers": stages});
    let pre_tokenizers = |stages: Vec<Json>| json!({"type": "Sequence", "pretokenizers": stages});
    let prepend = json!({"prepend": "\u{10000}\u{10001}"});
    let any =
        json!({"type": "Split", "pattern": {"Regex": ""}, "behavior": "Isolated", "invert": false});
    let metaspace =
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true});
    let twice = json!({"type": "Replace", "pattern": {"Regex": "(?=.)"}, "content": "é"});
    let nested = (0..30).fold(byte_level.clone(), |inner, _| {
        normalizers(vec![json!({"type": "ByteLevel"}), inner])
    });
    vec![
        ("/normalizer", normalizers(vec![json!({"type": "ByteLevel"}); 24])),
        ("/normalizer", nested),
        ("/normalizer", normalizers(vec![prepend; 20_000])),
        (
            "/normalizer",
            normalizers([vec![twice; 2], vec![json!({"type": "ByteLevel"}); 20]].concat()),
        ),
        ("/pre_tokenizer", pre_tokenizers(vec![byte_level.clone(); 40])),
        (
            "/pre_tokenizer",
            pre_tokenizers(
                (0..30)
                    .flat_map(|_| [any.clone(), metaspace.clone(), byte_level.clone()])
                    .collect(),
            ),
        ),
        ("/pre_tokenizer", json!({"type": "FixedLength", "length": 0})),
    ]
}

#[test]
fn stages_that_multiply_a_text_together_are_stopped() {
    let specials = Specials { file: "tokenizer.json", ..Specials::default() };
    let words = "Ü🙂 ".repeat(2000);
    for (part, stages) in multiplying_stages() {
        let shown: String = stages.to_string().chars().take(80).collect();
        let error = Tokenizer::from_json(with(part, stages).to_string().as_bytes(), &specials)
            .and_then(|tokenizer| {
                tokenizer.encode("é").and_then(|_| tokenizer.encode(&words)).map(|ids| ids.len())
            });
        let error = format!("{:#}", error.expect_err(&shown));
        let known = ["far longer", "stages", "damaged", "more than"];
        assert!(known.iter().any(|word| error.contains(word)), "{shown}: {error}");
    }
}

/// Each added token goes through the normalizer when the file is opened.
#[test]
fn added_tokens_are_normalized_within_the_budget() {
    let stages = vec![json!({"type": "ByteLevel"}); 12];
    let mut file = with("/normalizer", json!({"type": "Sequence", "normalizers": stages}));
    let added = (0..2000).map(|i| {
        json!({"id": 60_000 + i, "content": format!("é{i}"), "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": true, "special": false})
    });
    file["added_tokens"] = added.collect();
    let refused = Tokenizer::from_json(file.to_string().as_bytes(), &Specials::default()).err();
    assert!(refused.is_some_and(|e| format!("{e:#}").contains("far longer")));
}

/// They find nothing in a word: in too many ways at once, at each of many places after many others, and at each place in
/// a way that takes long without any step back.
#[test]
fn a_pattern_that_takes_for_ever_is_given_up() {
    for (pattern, n) in [
        (r"(a*)(a*)(a*)\1\2\3b|.", 20_000),
        (r"(a*)(a{0,20})\2c|a", 20_000),
        (r"(?=(?:a{1,100}){1,100}b)a", 300),
    ] {
        let text = "a".repeat(n);
        let split = json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
        let file = with("/pre_tokenizer", split).to_string();
        let tokenizer = Tokenizer::from_json(file.as_bytes(), &Specials::default()).unwrap();
        let ids = tokenizer.encode(&text).map(|ids| ids.len());
        let error = format!("{:#}", ids.unwrap_err());
        assert!(error.contains("takes too long") || error.contains("acktrack"), "{error}");
    }
}

/// Each pattern is short, and a class of Unicode has thousands of states.
#[test]
fn patterns_are_limited_together() {
    let split = json!({"type": "Split", "pattern": {"Regex": r"(?=\pL{50})(?=\w{60})\p{L}{40}"},
        "behavior": "Isolated", "invert": false});
    let file =
        with("/pre_tokenizer", json!({"type": "Sequence", "pretokenizers": vec![split; 90]}));
    let refused = Tokenizer::from_json(file.to_string().as_bytes(), &Specials::default()).err();
    assert!(refused.is_some_and(|e| format!("{e:#}").contains("steps written out")));
}

/// The time of a Unigram word is its length times that of the longest token, and ids are shown as a list.
#[test]
fn vocabularies_cost_no_more_than_their_files() {
    let pieces: Vec<Json> = (1..64).map(|n| json!(["a".repeat(64 * n), -1.0])).collect();
    let mut file = with("/model", json!({"type": "Unigram", "vocab": pieces, "unk_id": 0}));
    (file["normalizer"], file["pre_tokenizer"]) = (Json::Null, Json::Null);
    let tokenizer =
        Tokenizer::from_json(file.to_string().as_bytes(), &Specials::default()).unwrap();
    let error = format!("{:#}", tokenizer.encode(&"a".repeat(60_000)).unwrap_err());
    assert!(error.contains("takes too long"), "{error}");
    let sparse = with(
        "/model",
        json!({"type": "WordLevel", "vocab": {"a": 0, "b": 2_000_000}, "unk_token": "a"}),
    );
    let refused = Tokenizer::from_json(sparse.to_string().as_bytes(), &Specials::default()).err();
    assert!(refused.is_some_and(|e| format!("{e:#}").contains("ids up to 2000000")));
    let tokens: Vec<String> = (1..512).map(|n| "a".repeat(n)).collect();
    let scores = vec![0.0; tokens.len()];
    let vocab = GgufVocab { model: "llama".into(), tokens, scores, ..GgufVocab::default() };
    let refused = Tokenizer::from_gguf(&vocab).err();
    assert!(refused.is_some_and(|e| format!("{e:#}").contains("merges")));
}

#[test]
fn damaged_vocabularies_are_refused_in_words() {
    let good = vocab(&read("llama2.gguf.json"));
    let cases = [
        (GgufVocab { model: "rwkv\u{1b}".into(), ..good.clone() }, "`rwkv␛`"),
        (GgufVocab { scores: vec![], ..good.clone() }, "no scores"),
        (
            GgufVocab { tokens: vec![], scores: vec![], token_types: vec![], ..good.clone() },
            "empty",
        ),
        (GgufVocab { merges: vec!["a".into()], ..good.clone() }, "merge"),
    ];
    for (vocab, word) in cases {
        let error = format!("{:#}", Tokenizer::from_gguf(&vocab).err().expect(word));
        assert!(error.contains(word), "{error}");
    }
    let odd = GgufVocab { scores: vec![f32::NAN; good.tokens.len()], bos: Some(9999), ..good };
    assert!(Tokenizer::from_gguf(&odd).unwrap().encode("the river").is_ok());
}

thread_local! {
    static BYTE_LEVEL: Vec<Tokenizer> =
        ["gpt2", "llama3", "smollm2", "roberta"].map(from_json).into();
}

proptest! {
    #[test]
    fn byte_level_texts_come_back(text in "\\PC{0,40}|[ a-z'.,\\n\\t0-9é]{0,40}|.{0,20}") {
        let back = BYTE_LEVEL.with(|all| {
            all.iter().map(|t| t.round_trip(&text).unwrap()).collect::<Vec<_>>()
        });
        prop_assert!(back.iter().all(|back| *back == text));
    }

    #[test]
    fn damage_anywhere_is_an_error_or_harmless(
        name in prop::sample::select(NAMES.to_vec()),
        at in 0.0..1.0_f64,
        damage in prop::collection::vec(any::<u8>(), 1..4),
    ) {
        let mut bytes = read(&format!("{name}.json")).into_bytes();
        let at = (at * (bytes.len() - damage.len()) as f64) as usize;
        bytes[at..at + damage.len()].copy_from_slice(&damage);
        if let Ok(tokenizer) = Tokenizer::from_json(&bytes, &Specials::default())
            && let Ok(ids) = tokenizer.encode("The river's  <s>[MASK]</s> 12 🙂")
        {
            let _ = (tokenizer.text(&ids), tokenizer.vocab());
        }
    }

    #[test]
    fn no_text_is_too_odd(text in ".{0,60}") {
        for name in ["bert", "unigram", "llama2"] {
            prop_assert!(from_json(name).encode(&text).is_ok());
        }
    }
}

/// The ids of SentencePiece itself, without the tokens around a text.
fn of_sentencepiece(name: &str) -> Vec<(String, Vec<u32>)> {
    // Names of special tokens are text to SentencePiece, and tokens to those who use its models.
    let is_special =
        |text: &str| ["<s>", "</s>", "<unk>", "<pad>", "<0x"].iter().any(|s| text.contains(s));
    let text = read("older.jsonl");
    let rows = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let rows = rows.filter(|row| row["name"] == name && !is_special(row["text"].as_str().unwrap()));
    rows.map(|row| (row["text"].as_str().unwrap().to_owned(), ids(&row["ids"]))).collect()
}

fn model(name: &str) -> Vec<u8> {
    fs::read(format!("tests/goldens/tokenization/{name}.model")).unwrap()
}

fn from_older(files: &OlderFiles) -> Tokenizer {
    let json = tokenizer_json(files).unwrap().expect("files enough");
    let specials = Specials { tokenizer_config: files.tokenizer_config, ..Specials::default() };
    Tokenizer::from_json(&json, &specials).unwrap()
}

#[test]
fn sentencepiece_models_give_the_ids_of_sentencepiece() {
    for (name, file, model_type, begin, end) in [
        ("unigram", "spiece.model", "t5", None, Some(1)),
        ("bpe", "tokenizer.model", "llama", Some(1), None),
    ] {
        let bytes = model(name);
        let sentencepiece = Some((file, &*bytes));
        let tokenizer =
            from_older(&OlderFiles { sentencepiece, model_type, ..OlderFiles::default() });
        let goldens = of_sentencepiece(name);
        assert!(goldens.len() > 50);
        for (text, ids) in goldens {
            let wanted: Vec<u32> = begin.into_iter().chain(ids).chain(end).collect();
            assert_eq!(tokenizer.encode(&text).unwrap(), wanted, "{name}: {text:?}");
        }
    }
}

/// transformers' `LlamaTokenizer` takes the vocabulary alone from a file, unless the type of the model has it read whole
/// (`assets/training/llama_tokenizer_golden.py`).
#[test]
fn the_class_of_llama_spells_spaces_as_its_settings_say() {
    let text = read("llama_class.jsonl");
    let rows: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() > 400);
    for same in
        rows.chunk_by(|a, b| ["file", "model_type", "config"].iter().all(|key| a[key] == b[key]))
    {
        let (file, config) = (same[0]["file"].as_str().unwrap(), &same[0]["config"]);
        let model_type = same[0]["model_type"].as_str().unwrap();
        let bytes = fs::read(format!("tests/goldens/tokenization/{file}")).unwrap();
        let sentencepiece = Some(("tokenizer.model", &*bytes)).filter(|_| file.ends_with("model"));
        let older = OlderFiles {
            sentencepiece,
            tokenizer_config: Some(config),
            model_type,
            ..OlderFiles::default()
        };
        let json = tokenizer_json(&older).unwrap().unwrap_or(bytes.clone());
        let specials =
            Specials { tokenizer_config: Some(config), model_type, ..Specials::default() };
        let tokenizer = Tokenizer::from_json(&json, &specials).unwrap();
        for row in same {
            let (text, ids) = (row["text"].as_str().unwrap(), ids(&row["ids"]));
            assert_eq!(tokenizer.encode(text).unwrap(), ids, "{config} {text:?}");
            assert_eq!(tokenizer.text(&ids), row["decoded"].as_str().unwrap(), "{config} {text:?}");
        }
    }
}

/// M2M-100 numbers the pieces of its SentencePiece model as its vocab.json says, and puts the language first.
#[test]
fn pieces_have_the_ids_of_m2ms_vocabulary() {
    let bytes = model("bpe");
    let sentencepiece = Some(("sentencepiece.bpe.model", &*bytes));
    let plain = OlderFiles { sentencepiece, model_type: "llama", ..OlderFiles::default() };
    let plain: Json = serde_json::from_slice(&tokenizer_json(&plain).unwrap().unwrap()).unwrap();
    let pieces = plain["model"]["vocab"].as_object().unwrap();
    let n = pieces.len() as u64;
    // The other way round, behind the padding.
    let own = |id: u64| n - id;
    let mut vocab: serde_json::Map<String, Json> = pieces
        .iter()
        .map(|(piece, id)| (piece.clone(), json!(own(id.as_u64().unwrap()))))
        .collect();
    vocab.insert("<pad>".into(), json!(0));
    let json = serde_json::to_vec(&vocab).unwrap();
    let german = json!({"src_lang": "de"});
    for (config, language) in [(None, 18), (Some(&german), 16)] {
        let files = OlderFiles {
            vocab_json: Some(&json),
            sentencepiece,
            tokenizer_config: config,
            model_type: "m2m_100",
            ..OlderFiles::default()
        };
        let tokenizer = from_older(&files);
        for (text, ids) in of_sentencepiece("bpe") {
            let ids = ids.into_iter().map(|id| own(id.into()) as u32);
            let wanted: Vec<u32> =
                [n as u32 + 1 + language].into_iter().chain(ids).chain([own(2) as u32]).collect();
            assert_eq!(tokenizer.encode(&text).unwrap(), wanted, "{text:?}");
        }
    }
    let unknown = json!({"src_lang": "x-klingon"});
    let files = OlderFiles {
        vocab_json: Some(&json),
        sentencepiece,
        tokenizer_config: Some(&unknown),
        model_type: "m2m_100",
        ..OlderFiles::default()
    };
    let refused = format!("{:#}", tokenizer_json(&files).unwrap_err());
    assert!(refused.contains("`src_lang` is x-klingon"), "{refused}");
}

/// The ids that a model type gives to pieces: fairseq's and Pegasus' begin with tokens of their own.
#[test]
fn model_types_with_ids_of_their_own_give_theirs() {
    // Model, type, what is added to an id, the id of what is unknown (in the model, and then), tokens around.
    type Own = (&'static str, &'static str, u32, [u32; 2], Vec<u32>, Vec<u32>);
    let n = 140;
    // Names of special tokens that the model itself does not know.
    let is_plain = |(text, _): &(String, Vec<u32>)| !text.contains('[') && !text.contains("<mask>");
    let cases: [Own; 5] = [
        ("fairseq", "camembert", 4, [0, 3], vec![5], vec![6]),
        ("fairseq", "xlm-roberta", 1, [0, 3], vec![0], vec![2]),
        // English is the fourth language behind the pieces.
        ("fairseq", "mbart", 1, [0, 3], vec![], vec![2, n + 1 + 3]),
        ("unigram", "pegasus", 103, [2, 105], vec![], vec![1]),
        ("deberta", "deberta-v2", 0, [3, 3], vec![1], vec![2]),
    ];
    for (name, model_type, offset, [unknown, then], begin, end) in cases {
        let bytes = model(name);
        let sentencepiece = Some(("sentencepiece.bpe.model", &*bytes));
        let tokenizer =
            from_older(&OlderFiles { sentencepiece, model_type, ..OlderFiles::default() });
        let goldens = of_sentencepiece(name);
        assert!(goldens.len() > 50);
        for (text, ids) in goldens.into_iter().filter(is_plain) {
            let own = ids.iter().map(|&id| if id == unknown { then } else { id + offset });
            let wanted: Vec<u32> =
                begin.iter().copied().chain(own).chain(end.iter().copied()).collect();
            assert_eq!(tokenizer.encode(&text).unwrap(), wanted, "{model_type}: {text:?}");
        }
    }
}

/// What ALBERT's and DeBERTa's settings say of quotes, accents, capitals and marks.
#[test]
fn settings_of_sentencepiece_models_are_followed_each_by_itself() {
    let ids = |model_type, name, config: &Json, text: &str| {
        let bytes = model(name);
        let tokenizer = from_older(&OlderFiles {
            sentencepiece: Some(("spiece.model", &*bytes)),
            tokenizer_config: Some(config),
            model_type,
            ..OlderFiles::default()
        });
        tokenizer.encode(text).unwrap()
    };
    for (lowers, keeps) in [(true, false), (true, true), (false, false), (false, true)] {
        let config = json!({"do_lower_case": lowers, "keep_accents": keeps});
        let same = |one: &str, other: &str| {
            let ids = |text| ids("albert", "unigram", &config, text);
            ids(one) == ids(other)
        };
        assert!(same("``a'' river", "\"a\" river"), "{config}");
        assert_eq!(same("thé rïver", "the river"), !keeps, "{config}");
        assert_eq!(same("THE river", "the river"), lowers, "{config}");
    }
    let split = |splits: bool, text: &str| {
        ids("deberta-v2", "deberta", &json!({"split_by_punct": splits}), text)
    };
    assert_eq!(split(true, "river,boats!"), split(false, "river , boats !"));
    assert_ne!(split(false, "river,boats!"), split(false, "river , boats !"));
}

/// mBART-50 has more languages than mBART, and puts the text's first; both take it from the settings.
#[test]
fn the_language_of_a_text_stands_where_its_mbart_wants_it() {
    let bytes = model("fairseq");
    let files = |config| OlderFiles {
        sentencepiece: Some(("sentencepiece.bpe.model", &*bytes)),
        tokenizer_config: Some(config),
        model_type: "mbart",
        ..OlderFiles::default()
    };
    let languages = 140 + 1;
    let of_class = json!({"tokenizer_class": "MBart50Tokenizer", "src_lang": "sl_SI"});
    let of_codes = json!({"language_codes": "ML50"});
    let german = json!({"src_lang": "de_DE"});
    for (config, begin, end) in [
        (&of_class, vec![languages + 51], vec![2]),
        (&of_codes, vec![languages + 3], vec![2]),
        (&german, vec![], vec![2, languages + 2]),
    ] {
        let ids = from_older(&files(config)).encode("the river").unwrap();
        assert!(ids.starts_with(&begin) && ids.ends_with(&end), "{config}: {ids:?}");
    }
    let slovenian = json!({"src_lang": "sl_SI"});
    let refused = format!("{:#}", tokenizer_json(&files(&slovenian)).unwrap_err());
    assert!(refused.contains("`src_lang` is sl_SI"), "{refused}");
}

#[test]
fn unigram_vocabularies_of_gguf_give_the_ids_of_sentencepiece() {
    let bytes = model("unigram");
    let sentencepiece = Some(("spiece.model", &*bytes));
    let files = OlderFiles { sentencepiece, model_type: "mt5", ..OlderFiles::default() };
    let json: Json = serde_json::from_slice(&tokenizer_json(&files).unwrap().unwrap()).unwrap();
    let pieces = json["model"]["vocab"].as_array().unwrap();
    let map = json["normalizer"]["normalizers"][0]["precompiled_charsmap"].as_str().unwrap();
    let vocab = GgufVocab {
        model: "t5".into(),
        tokens: pieces.iter().map(|piece| piece[0].as_str().unwrap().to_owned()).collect(),
        scores: pieces.iter().map(|piece| piece[1].as_f64().unwrap() as f32).collect(),
        eos: Some(1),
        unk: Some(2),
        charsmap: base64::decode(map).unwrap(),
        ..GgufVocab::default()
    };
    let tokenizer = Tokenizer::from_gguf(&vocab).unwrap();
    for (text, ids) in of_sentencepiece("unigram") {
        assert_eq!(tokenizer.encode(&text).unwrap(), [&ids[..], &[1]].concat(), "{text:?}");
    }
}

#[test]
fn merges_of_tokens_with_spaces_are_read() {
    let tokens = ["<unk>", "<s>", "</s>", "▁", "a", " ", "b", " b", "a b"].map(str::to_owned);
    let vocab = GgufVocab {
        model: "llama".into(),
        tokens: tokens.to_vec(),
        merges: vec!["  b".into(), "a  b".into()],
        unk: Some(0),
        ..GgufVocab::default()
    };
    assert!(Tokenizer::from_gguf(&vocab).is_ok());
    let odd = GgufVocab { merges: vec!["a  x".into()], ..vocab };
    assert!(Tokenizer::from_gguf(&odd).is_err());
}

/// A byte-level vocabulary as tekken.json has it gives the ids of the same one as tokenizer.json.
#[test]
fn tekken_json_gives_the_ids_of_its_ranks() {
    const SPECIAL: usize = 12;
    let merged = ["th", "he", "the", " t", " the", "er", "ie", " w", " wi", "in"];
    let bytes = (0..=255_u8).map(|byte| vec![byte]);
    let tokens: Vec<Vec<u8>> = bytes.chain(merged.map(|text| text.as_bytes().to_vec())).collect();
    let row = |(rank, bytes): (usize, &Vec<u8>)| serde_json::json!({"rank": rank, "token_bytes": base64::encode(bytes), "token_str": null});
    let vocab: Vec<Json> = tokens.iter().enumerate().map(row).collect();
    let file = serde_json::json!({"config": {"pattern": null, "num_vocab_tokens": 400, "default_vocab_size": 400,
        "default_num_special_tokens": SPECIAL, "version": "v3"}, "vocab": vocab});
    let file = serde_json::to_vec(&file).unwrap();
    let tokenizer = from_older(&OlderFiles { tekken: Some(&file), ..OlderFiles::default() });
    // The same by hand: in each piece of the pattern, the pair that makes the lowest rank is joined first.
    let id = |text: &str| {
        (tokens.iter().position(|token| token == text.as_bytes()).unwrap() + SPECIAL) as u32
    };
    let of = |pieces: &[&str]| -> Vec<u32> {
        [1].into_iter().chain(pieces.iter().map(|piece| id(piece))).collect()
    };
    for (text, pieces) in [
        ("the winter", &["the", " wi", "n", "t", "er"][..]),
        ("there is the", &["the", "r", "e", " ", "i", "s", " the"]),
        ("  the\n", &[" ", " the", "\n"]),
    ] {
        assert_eq!(tokenizer.encode(text).unwrap(), of(pieces), "{text:?}");
    }
    let wrong =
        br#"{"config": {"default_vocab_size": 10, "default_num_special_tokens": 20}, "vocab": []}"#;
    let files = OlderFiles { tekken: Some(wrong), ..OlderFiles::default() };
    assert!(format!("{:#}", tokenizer_json(&files).unwrap_err()).contains("more special tokens"));
}

/// Marian's ids are those of vocab.json, for the pieces of source.spm; the target's pieces are only written.
#[test]
fn marians_files_give_their_own_ids() {
    let bytes = model("unigram");
    let plain = OlderFiles {
        sentencepiece: Some(("spiece.model", &*bytes)),
        model_type: "mt5",
        ..OlderFiles::default()
    };
    let plain = from_older(&plain);
    let n = plain.vocab_size();
    let json = tokenizer_json(&OlderFiles {
        sentencepiece: Some(("spiece.model", &*bytes)),
        model_type: "mt5",
        ..OlderFiles::default()
    });
    let json: Json = serde_json::from_slice(&json.unwrap().unwrap()).unwrap();
    let pieces: Vec<&str> =
        json["model"]["vocab"].as_array().unwrap().iter().map(|p| p[0].as_str().unwrap()).collect();
    // Another order, and tokens that only the target has.
    let place = |id: usize| (id * 11 + 3) % n;
    let mut vocab: serde_json::Map<String, Json> = pieces
        .iter()
        .enumerate()
        .map(|(id, piece)| ((*piece).to_owned(), place(id).into()))
        .collect();
    vocab.insert("▁seulement".into(), n.into());
    vocab.insert(">>fra<<".into(), (n + 1).into());
    let vocab = serde_json::to_vec(&vocab).unwrap();
    let files = OlderFiles {
        sentencepiece: Some(("source.spm", &*bytes)),
        vocab_json: Some(&vocab),
        model_type: "marian",
        ..OlderFiles::default()
    };
    let marian = from_older(&files);
    for (text, ids) in of_sentencepiece("unigram") {
        let wanted: Vec<u32> =
            ids.iter().chain([&1]).map(|id| place(*id as usize) as u32).collect();
        assert_eq!(marian.encode(&text).unwrap(), wanted, "{text:?}");
    }
    assert_eq!(marian.text(&[n as u32]), "seulement");
    assert!(!marian.encode("seulement").unwrap().contains(&(n as u32)));
    assert_eq!(marian.encode(">>fra<< a").unwrap()[0], n as u32 + 1);
}

/// The older files that say what a tokenizer.json says.
struct Older {
    vocab_json: Vec<u8>,
    merges_txt: String,
    vocab_txt: String,
    tokenizer_config: Json,
}

impl Older {
    fn of(whole: &Json, mut config: Json) -> Self {
        let mut vocab = whole["model"]["vocab"].as_object().unwrap().clone();
        let added = || whole["added_tokens"].as_array().into_iter().flatten();
        for token in added() {
            vocab.entry(token["content"].as_str().unwrap()).or_insert(token["id"].clone());
        }
        let merge = |merge: &Json| match merge.as_str() {
            Some(text) => text.to_owned(),
            None => format!("{} {}", merge[0].as_str().unwrap(), merge[1].as_str().unwrap()),
        };
        let merges = whole["model"]["merges"].as_array().into_iter().flatten().map(merge);
        let merges_txt = format!("#version: 0.2\n{}\n", merges.collect::<Vec<_>>().join("\n"));
        let mut lines: Vec<(&str, u64)> =
            vocab.iter().map(|(t, id)| (&**t, id.as_u64().unwrap())).collect();
        lines.sort_by_key(|(_, id)| *id);
        // A file of lines cannot hold the end of a line, which no text has as a token either.
        let lines = lines.iter().map(|(t, _)| if *t == "\n" { "[unused0]" } else { *t });
        let vocab_txt = lines.collect::<Vec<_>>().join("\n");
        config["added_tokens_decoder"] = added()
            .map(|token| (token["id"].to_string(), token.clone()))
            .collect::<serde_json::Map<String, Json>>()
            .into();
        let vocab_json = serde_json::to_vec(&vocab).unwrap();
        Self { vocab_json, merges_txt, vocab_txt, tokenizer_config: config }
    }

    fn open(&self, model_type: &str) -> Tokenizer {
        let is_wordpiece = model_type == "bert";
        from_older(&OlderFiles {
            vocab_json: (!is_wordpiece).then_some(&self.vocab_json),
            merges_txt: (!is_wordpiece).then_some(self.merges_txt.as_bytes()),
            vocab_txt: is_wordpiece.then_some(self.vocab_txt.as_bytes()),
            tokenizer_config: Some(&self.tokenizer_config),
            model_type,
            ..OlderFiles::default()
        })
    }
}

/// vocab.json with merges.txt, and vocab.txt, taken from a tokenizer.json, give its ids.
#[test]
fn older_files_give_the_ids_of_tokenizer_json() {
    for (name, config) in [
        ("gpt2", json!({})),
        ("roberta", json!({"tokenizer_class": "RobertaTokenizer"})),
        ("qwen2", json!({"tokenizer_class": "Qwen2Tokenizer"})),
        ("bert", json!({"do_lower_case": true})),
    ] {
        let whole: Json = serde_json::from_str(&read(&format!("{name}.json"))).unwrap();
        let (older, newer) = (Older::of(&whole, config).open(name), from_json(name));
        for (text, ids, decoded) in goldens(name) {
            assert_eq!(
                older.encode(&text).unwrap(),
                newer.encode(&text).unwrap(),
                "{name}: {text:?}"
            );
            assert_eq!(older.encode(&text).unwrap(), ids, "{name}: {text:?}");
            assert_eq!(older.text(&ids), decoded, "{name}: {text:?}");
        }
    }
}

/// The first DeBERTa has RoBERTa's pieces between other special tokens.
#[test]
fn older_files_of_the_first_deberta_begin_and_end_a_text_with_its_own_tokens() {
    let mut roberta = read("roberta.json");
    for (name, own) in [
        ("<s>", "[CLS]"),
        ("</s>", "[SEP]"),
        ("<pad>", "[PAD]"),
        ("<unk>", "[UNK]"),
        ("<mask>", "[MASK]"),
    ] {
        roberta = roberta.replace(&format!("\"{name}\""), &format!("\"{own}\""));
    }
    let whole: Json = serde_json::from_str(&roberta).unwrap();
    let by_class = json!({"tokenizer_class": "DebertaTokenizer"});
    for (config, model_type) in [(by_class, "roberta"), (json!({}), "deberta")] {
        let deberta = Older::of(&whole, config).open(model_type);
        let plain = goldens("roberta").into_iter();
        for (text, ids, _) in plain.filter(|(text, ..)| !text.contains(['<', '['])) {
            assert_eq!(deberta.encode(&text).unwrap(), ids, "{text:?}");
        }
        let texts = texts(&deberta, "the river");
        assert_eq!([&texts[0], &texts[texts.len() - 1]], ["[CLS]", "[SEP]"]);
    }
}

/// The space of `add_prefix_space` stands before the text, in both forms of the files.
#[test]
fn a_space_is_put_before_the_text_and_before_no_piece_of_it() {
    for (name, class) in [("gpt2", "GPT2Tokenizer"), ("roberta", "RobertaTokenizer")] {
        let mut whole: Json = serde_json::from_str(&read(&format!("{name}.json"))).unwrap();
        whole["pre_tokenizer"]["add_prefix_space"] = true.into();
        let newer =
            Tokenizer::from_json(whole.to_string().as_bytes(), &Specials::default()).unwrap();
        let config = json!({"tokenizer_class": class, "add_prefix_space": true});
        let older = Older::of(&whole, config).open(name);
        for (text, ..) in goldens(name) {
            assert_eq!(older.encode(&text).unwrap(), newer.encode(&text).unwrap(), "{text:?}");
        }
        let texts = texts(&older, "the river-boats?").join(" ");
        assert!(texts.contains("·the") && !texts.contains("·-") && !texts.contains("·?"));
    }
}

#[test]
fn damaged_older_files_are_refused_in_words() {
    let wrong = |files: OlderFiles| format!("{:#}", tokenizer_json(&files).unwrap_err());
    let sentencepiece = |bytes| OlderFiles {
        sentencepiece: Some(("tokenizer.model", bytes)),
        ..OlderFiles::default()
    };
    assert!(wrong(sentencepiece(b"")).contains("tokenizer.model"));
    assert!(
        wrong(sentencepiece(b"\xff\xff\xff\xff\xff"))
            .contains("not a readable SentencePiece model")
    );
    let bytes = model("unigram");
    let other = OlderFiles { model_type: "xlnet", ..sentencepiece(&bytes) };
    assert!(wrong(other).contains("save_pretrained"));
    let bare = OlderFiles { vocab_txt: Some(b"a\nb"), ..OlderFiles::default() };
    assert!(wrong(bare).contains("lacks `[CLS]`"));
    let pair =
        OlderFiles { vocab_json: Some(b"{"), merges_txt: Some(b""), ..OlderFiles::default() };
    assert!(wrong(pair).contains("vocab.json"));
    assert!(tokenizer_json(&OlderFiles::default()).unwrap().is_none());
    for cut in (0..bytes.len()).step_by(97) {
        let _ = tokenizer_json(&sentencepiece(&bytes[..cut]));
    }
}

/// A small file of which a large vocabulary would be made.
#[test]
fn a_tekken_json_of_more_than_it_holds_is_refused() {
    let refused = |file: &Json| {
        let file = serde_json::to_vec(file).unwrap();
        let files = OlderFiles { tekken: Some(&file), ..OlderFiles::default() };
        format!("{:#}", tokenizer_json(&files).unwrap_err())
    };
    let config = |n_special: usize| json!({"pattern": null, "default_vocab_size": 1 << 21, "default_num_special_tokens": n_special});
    let counted = refused(&json!({"config": config(1 << 21), "vocab": []}));
    assert!(counted.contains("counts 2097152 special tokens and lists 0"), "{counted}");
    // Each of these is made of two others at every place.
    let mut tokens: Vec<(usize, usize)> = (0..=200)
        .flat_map(|a| (0..=200 - a).map(move |b| (a, b)))
        .filter(|&(a, b)| a + b > 0)
        .collect();
    tokens.sort_by_key(|(a, b)| a + b);
    let row = |(rank, (a, b)): (usize, &(usize, usize))| json!({"rank": rank, "token_bytes": base64::encode("a".repeat(*a) + &"b".repeat(*b))});
    let vocab: Vec<Json> = tokens.iter().enumerate().map(row).collect();
    let merged = refused(&json!({"config": config(1000), "vocab": vocab}));
    assert!(merged.contains("more than 32 times as many"), "{merged}");
}

/// Each takes kilobytes and much time to build, in whatever file it stands.
#[test]
fn more_added_tokens_than_any_model_has_are_refused() {
    const MANY: usize = (1 << 17) + 1;
    let wanted = format!("{MANY} special tokens, the limit is 131072");
    let piece = |i: usize| {
        let text = format!("c{i}");
        let inside = [&[0x0A, text.len() as u8][..], text.as_bytes(), &[0x18, 3]].concat();
        [&[0x0A, inside.len() as u8][..], &inside].concat()
    };
    let bytes: Vec<u8> = (0..MANY).flat_map(piece).collect();
    let sentencepiece = Some(("tokenizer.model", &*bytes));
    let refused = tokenizer_json(&OlderFiles { sentencepiece, ..OlderFiles::default() });
    assert!(format!("{:#}", refused.unwrap_err()).contains(&wanted));

    let wanted = format!("there are {MANY} added tokens, the limit is 131072");
    let tokens: Vec<String> = (0..MANY).map(|i| format!("c{i}")).collect();
    let vocab = GgufVocab {
        model: "llama".into(),
        scores: vec![0.0; MANY],
        token_types: vec![3; MANY],
        unk: Some(0),
        tokens,
        ..GgufVocab::default()
    };
    let refused = format!("{:#}", Tokenizer::from_gguf(&vocab).err().unwrap());
    assert!(refused.contains(&wanted), "{refused}");
    let mut whole: Json = serde_json::from_str(&read("gpt2.json")).unwrap();
    let token = |(id, text): (usize, &String)| {
        json!({"id": 100_000 + id, "content": text, "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true})
    };
    whole["added_tokens"] = vocab.tokens.iter().enumerate().map(token).collect();
    let refused = Tokenizer::from_json(whole.to_string().as_bytes(), &Specials::default());
    let refused = format!("{:#}", refused.err().unwrap());
    assert!(refused.contains(&wanted), "{refused}");
}
