//! What the texts of steps say of sentences that differ from the default one: long ones, and those without a pronoun.

use lookback::{
    analysis::{measure::heads::FIGURES, reading::Reading},
    lesson::{Language, Lesson, Selection, narrate},
    model::ModelName,
};

use crate::support::built_in::READER;

/// Longer than the probes reach, and without “it” or “they”.
const LONG: &str = "The old man who lived near the river did not want to sell his small house to the young doctor because he had been very happy there.";

fn measured(text: &str) -> Reading {
    let reading = READER.read(text).unwrap();
    reading.measure();
    reading
}

/// The text of a step where it starts.
fn said(language: Language, reading: &Reading, id: &str) -> String {
    let lesson = Lesson::embedded(language).unwrap();
    let step = lesson.steps()[lesson.find(id).unwrap()].1;
    let paragraphs = narrate(step, reading, &step.start(reading, Selection::default()));
    let spans = paragraphs.iter().flat_map(|paragraph| &paragraph.spans);
    spans.map(|span| span.text.as_str()).collect()
}

fn in_english(reading: &Reading, id: &str) -> String {
    said(Language::English, reading, id)
}

#[test]
fn probes_that_do_not_reach_the_beginning_are_not_said_to() {
    let long = measured(LONG);
    let text = in_english(&long, "rnn-read-back");
    assert!(text.contains("of the last 24 tokens can be read back"), "{text}");
    assert!(text.contains("The first of these, “near”, gets"), "{text}");
    let text = in_english(&long, "read-back-length");
    assert_eq!(text.matches("of the last 24").count(), 2, "{text}");
    let text = said(Language::Chinese, &long, "rnn-read-back");
    assert!(text.contains("（只问最后 24 个）") && !text.contains("句子的第一个"), "{text}");
    let short = measured("The dog sleeps.");
    let text = in_english(&short, "rnn-read-back");
    assert!(text.contains("The sentence's first token, “The”, gets"), "{text}");
}

#[test]
fn the_word_that_stands_in_for_a_pronoun_is_named_as_what_it_is() {
    let looks = |text: &str| in_english(&measured(text), "it-looks");
    let cut = looks("The dog sleeps.");
    assert!(cut.contains("“dog” puts"), "{cut}");
    assert!(cut.contains("the last word that is one token stands in"), "{cut}");
    let whole = looks("The girl saw the dog.");
    assert!(whole.contains("the last word stands in"), "{whole}");
    assert!(!looks("The dog drinks because it is hot.").contains("stands in"));
    for language in Language::ALL {
        let lesson = Lesson::embedded(language).unwrap();
        let formula = &lesson.steps()[lesson.find("it-looks").unwrap()].1.formula;
        assert!(!formula.contains("it”") && !formula.contains("it」"), "{formula}");
    }
}

#[test]
fn a_pronoun_is_said_to_mean_only_a_word_before_it() {
    for text in ["They sleep.", "It.", "IT BROKE.", "It is broken."] {
        let reading = measured(text);
        let range = in_english(&reading, "rnn-long-range");
        assert!(range.contains("not at a noun before it"), "{text}: {range}");
        assert!(!range.contains("says"), "{text}: {range}");
        let wide = in_english(&reading, "tired-or-wide");
        assert!(wide.contains("not at a noun before it; the Transformer writes"), "{wide}");
    }
    // A pronoun before it is named as what it is.
    let nurse = measured("The nurse said she would call the doctor before they left.");
    let range = in_english(&nurse, "rnn-long-range");
    assert!(range.contains("looks most at “she”, not at a noun before it"), "{range}");
    let wide = in_english(&nurse, "tired-or-wide");
    assert!(wide.contains("“they” looks most at “she” (0.49)"), "{wide}");
    let dog = measured("The dog didn't drink the water because it was too hot.");
    let range = in_english(&dog, "rnn-long-range");
    assert!(range.contains("shown later, says “water”"), "{range}");
}

#[test]
fn an_it_without_il_or_elle_is_said_to_have_another_form() {
    let object = measured("I bought a car and sold it.");
    let task = in_english(&object, "task");
    assert!(task.contains("As an object, “it” is le, la or l'"), "{task}");
    let range = in_english(&object, "rnn-long-range");
    assert!(range.contains("often has to choose a gender"), "{range}");
    let subject = measured("The dog didn't drink the water because it was too hot.");
    assert!(!in_english(&subject, "task").contains("As an object"));
    let range = in_english(&subject, "rnn-long-range");
    assert!(range.contains("French has to choose il or elle, so"), "{range}");
}

#[test]
fn an_it_that_stands_for_no_noun_has_nothing_to_choose() {
    for text in ["It is raining again.", "It was late when we came home.", "It's ten o'clock."] {
        let reading = measured(text);
        for id in ["task", "tired-or-wide"] {
            let said = in_english(&reading, id);
            assert!(said.contains("“It” stands for no noun"), "{text}: {said}");
            let said = self::said(Language::Chinese, &reading, id);
            assert!(said.contains("「It」不指任何名词"), "{text}: {said}");
        }
        let range = in_english(&reading, "rnn-long-range");
        assert!(range.contains("a word such as “it”"), "{range}");
        assert!(range.contains("has none that stands for a noun"), "{range}");
    }
    let children = "The teacher told the children that they should not go out when it rained.";
    let task = in_english(&measured(children), "task");
    assert!(task.contains("for “they”, the Transformer writes"), "{task}");
    let hungry = in_english(&measured("The cat ate because it was hungry."), "task");
    assert!(hungry.contains("for “it”, the Transformer writes"), "{hungry}");
}

#[test]
fn a_number_is_a_word_with_all_its_tokens() {
    let brothers = measured("Anna has 144 brothers and 25 cats.");
    let influence = in_english(&brothers, "influence");
    assert!(influence.contains("Transformer “144” (32% of all, 3 tokens together)"), "{influence}");
    let texts: Vec<&str> = brothers.sentence.tokens.iter().map(|token| &*token.text).collect();
    assert_eq!(texts[2..5], ["1", "-4", "-4"]);
    assert_eq!(READER.read("1 2 dogs").unwrap().sentence.tokens[1].text, "2");
    let bikes = measured("I sold 3 cars and 40 bikes in 1999.");
    let looks = in_english(&bikes, "it-looks");
    assert!(looks.contains("on “1999” (4 tokens together)"), "{looks}");
    assert!(looks.contains("the last word that is one token stands in"), "{looks}");
}

#[test]
fn a_word_that_occurs_twice_has_its_position() {
    let cat = measured("The dog saw the cat and the cat saw the bird.");
    let twin = in_english(&cat, "unguided-twin");
    assert!(twin.contains("to “saw” at 8 with") && twin.contains("on “saw” at 2 its"), "{twin}");
    let chinese = said(Language::Chinese, &cat, "unguided-twin");
    assert!(chinese.contains("位于 8 的「saw」"), "{chinese}");
    let once = in_english(&measured("The girl saw a dog."), "softmax");
    assert!(!once.contains("” at "), "{once}");
}

#[test]
fn an_unknown_word_that_occurs_twice_is_named_once() {
    let twice = in_english(&READER.read("The zorblax saw the zorblax.").unwrap(), "tokens");
    assert!(twice.contains("Never seen in training: “zorblax”."), "{twice}");
}

#[test]
fn suggested_words_fit_the_sentence_and_have_a_meaning() {
    let suggested = |text: &str| READER.read(text).unwrap().sentence.unknown[0].instead.clone();
    let tattered = suggested("He bought tattered shirts.");
    assert!(tattered.contains(&"three".to_owned()), "{tattered:?}");
    let zorblax = suggested("The zorblax sleeps.");
    assert!(zorblax.contains(&"dog".to_owned()), "{zorblax:?}");
    let quoted = suggested("The “zorply” cat saw it.");
    assert!(quoted.contains(&"old".to_owned()) && quoted.len() == 3, "{quoted:?}");
    assert_eq!(suggested("THE dog sleeps."), ["the"]);
}

#[test]
fn labs_about_a_pronoun_or_a_long_sentence_ask_for_one_first() {
    for text in ["The dog sleeps.", LONG] {
        let pronoun = in_english(&measured(text), "lab-pronoun");
        assert!(pronoun.contains("stands for a noun: press * or i first"), "{pronoun}");
        assert!(!pronoun.contains("token."), "{pronoun}");
    }
    let short = in_english(&measured("The dog sleeps."), "lab-one-word");
    assert!(
        short.contains("has fewer: press * or i first") && !short.contains("token."),
        "{short}"
    );
    let long = in_english(&measured(LONG), "lab-one-word");
    assert!(long.contains("token.1=cat") || long.contains("token.2=cat"), "{long}");
    let dog = measured("The dog didn't drink the water because it was too hot.");
    for (id, change) in [("lab-pronoun", "token.11=tired"), ("lab-one-word", "token.1=cat")] {
        let text = in_english(&dog, id);
        assert!(text.contains(change), "{text}");
    }
    let last = in_english(&measured("Where is it?"), "lab-pronoun");
    assert!(last.contains("type token.N= and a word"), "{last}");
}

#[test]
fn without_a_pronoun_the_steps_that_write_show_a_choice() {
    let steps = [
        "energies",
        "attention-softmax",
        "attention-context",
        "attention-decoder",
        "cross-weights",
        "cross-context",
        "probabilities",
        "next-token",
    ];
    for text in ["The dog sleeps.", "The girl saw the dog.", LONG] {
        let reading = measured(text);
        for id in steps {
            let said = in_english(&reading, id);
            assert!(!said.contains("<eos>”"), "{text} {id}: {said}");
            assert!(!said.contains(">0.99."), "{text} {id}: {said}");
        }
        let decoder = in_english(&reading, "decoder-sum");
        assert!(!decoder.contains("<bos>”:"), "{decoder}");
    }
}

#[test]
fn what_is_quoted_of_a_long_translation_shows_where_it_differs() {
    const HOUSE: &str = "The old man who lived near the river did not want to sell his small house to the young doctor because it had been in his family for many years.";
    let reading = measured(HOUSE);
    let [ours, twins] = [ModelName::Transformer, ModelName::TransformerUnguided]
        .map(|model| reading.trace(model).output_text.trim().trim_end_matches('.'));
    assert_ne!(ours, twins);
    let text = in_english(&reading, "unguided-twin");
    let quoted = text.split("French differs too: “").nth(1).unwrap();
    let quoted = quoted.split('”').next().unwrap();
    let bare = quoted.trim_matches(|c| c == '…' || c == ' ');
    assert!(twins.contains(bare) && !ours.contains(bare), "{quoted}");
}

#[test]
fn what_may_come_next_is_written_as_the_tokens_of_the_sentence_are() {
    let reading = measured("The dog sleeps.");
    let trace = reading.trace(ModelName::DecoderOnly);
    let site = trace.probs().unwrap();
    let after = |word: &str, id: u32| {
        let row = trace.source.iter().position(|token| token.text == word).unwrap();
        trace.label_in_row(site, site.axes()[2], id as usize, row)
    };
    let s = reading.sentence.tokens.iter().find(|token| token.text == "-s").unwrap();
    assert_eq!(after("sleep", s.id), "-s");
    assert_eq!(after(".", s.id), "s", "after a mark it is no part of a word");
    let it = READER.read("Is it").unwrap().sentence.tokens[1].clone();
    assert_eq!(after("dog", it.id), "it");
    assert_eq!(after(".", it.id), "·it");
    // What was written is listed as the strip shows it.
    for text in ["The dog didn't drink the water because it was too hot.", LONG] {
        for model in [ModelName::Transformer, ModelName::RnnAttention, ModelName::Elman] {
            let reading = measured(text);
            let output = &reading.trace(model).output;
            let ids: Vec<u32> = output.iter().map(|token| token.id).collect();
            let written = reading.trace(model).written(&ids);
            for (token, word) in output.iter().zip(written) {
                assert_eq!(token.text, word.trim_start_matches('·'), "{text}");
            }
        }
    }
}

/// The terms that a step of a checkpoint's walk explains.
fn terms_of(language: Language, id: &str) -> Vec<(String, String)> {
    let lesson = Lesson::for_checkpoint(language).unwrap();
    let step = lesson.steps()[lesson.find(id).unwrap()].1;
    let text = [step.title.as_str(), &step.text.source].join("\n");
    let here = lesson.glossary.iter().filter(|term| term.is_in(&text));
    here.map(|term| (term.term.clone(), term.text.clone())).collect()
}

#[test]
fn terms_are_explained_where_they_mean_what_is_explained() {
    let has = |terms: &[(String, String)], term: &str| terms.iter().any(|(name, _)| name == term);
    let lesson = Lesson::embedded(Language::English).unwrap();
    let paths = &lesson.steps()[lesson.find("paths").unwrap()].1.text.source;
    let value = lesson.glossary.iter().find(|term| term.term == "value").unwrap();
    assert!(!value.is_in(paths));
    assert!(!has(&terms_of(Language::English, "own-against"), "key"));
    let masked = terms_of(Language::Chinese, "mlm-which-words");
    assert!(has(&masked, "[MASK]") && !has(&masked, "掩码"), "{masked:?}");
    let encoder = terms_of(Language::English, "enc-scores");
    let text = &encoder.iter().find(|(term, _)| term == "encoder").unwrap().1;
    assert!(text.contains("BERT"), "{text}");
    for language in Language::ALL {
        let own = Lesson::for_checkpoint(language).unwrap();
        let all: Vec<&str> = own.steps().iter().map(|(_, step)| &*step.text.source).collect();
        let mask = own.glossary.iter().find(|term| term.term == "[MASK]").unwrap();
        assert!(mask.is_in(&all.join(" ")), "{language}");
        let names: Vec<&str> = own.glossary.iter().map(|term| term.term.as_str()).collect();
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len(), "{language}");
    }
}

#[test]
fn amounts_are_said_once_in_brackets_and_in_the_right_number() {
    let sentences =
        ["The dog sleeps.", "IT WAS HOT.", "The zorblax didn't sleep because it was too hot."];
    for text in sentences {
        let reading = measured(text);
        for id in ["influence", "tired-or-wide", "three-witnesses"] {
            for language in Language::ALL {
                let said = said(language, &reading, id);
                assert!(!said.contains(") (") && !said.contains("）（"), "{text} {id}: {said}");
                for wrong in ["and 1 of its", "and 0 of its", "词元数为"] {
                    assert!(!said.contains(wrong), "{text} {id}: {said}");
                }
            }
        }
        let witnesses = in_english(&reading, "three-witnesses");
        let numbers =
            ["none of its tokens changes", "one of its tokens changes", "of its tokens change."];
        assert!(numbers.iter().any(|number| witnesses.contains(number)), "{witnesses}");
    }
}

#[test]
fn a_table_s_text_names_the_columns_that_every_screen_has() {
    let lesson = Lesson::for_checkpoint(Language::English).unwrap();
    for id in ["own-head-table", "enc-head-table"] {
        let step = lesson.steps()[lesson.find(id).unwrap()].1;
        let secondary = FIGURES.iter().filter(|figure| figure.is_secondary);
        for figure in secondary {
            assert!(!step.formula.contains(figure.heading), "{id}: {}", figure.heading);
        }
        assert!(step.text.source.contains("– where there is nothing to measure"), "{id}");
        assert!(!step.text.source.contains("its spread"), "{id}");
    }
}
