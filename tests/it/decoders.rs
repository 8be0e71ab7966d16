//! Settings of decoder-only checkpoints: what they ask of the file, and which are refused. The numbers
//! are compared in `checkpoints.rs`.

use std::{fs, path::Path};

use lookback::{
    analysis::reading::Reader,
    model::{Architecture, Setup},
    weights::Checkpoint,
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{
    gguf::Apart,
    tiny::{
        FOLDER, IDS, Settings, Tiny, assert_opens, edited, error_of, error_of_edited, logits_of,
        opened, opening_error, with_names,
    },
};

#[test]
fn biases_are_those_that_the_settings_ask_for() {
    let asked = error_of("smollm2", &[("attention_bias", json!(true))]);
    assert!(asked.contains("`model.layers.0.self_attn.q_proj.bias`"), "{asked}");
    assert_eq!(error_of("llama_biased", &[("mlp_bias", json!(false))]), "");
    let of_qwen2 = error_of("smollm2", &[("model_type", json!("qwen2"))]);
    assert!(of_qwen2.contains("`model.layers.1.self_attn.v_proj.bias`"), "{of_qwen2}");
    assert!(!of_qwen2.contains("o_proj.bias"), "{of_qwen2}");
}

#[test]
fn an_output_that_is_not_tied_must_be_there() {
    let untied = error_of("smollm2", &[("tie_word_embeddings", json!(false))]);
    for part in ["no `lm_head.weight`", "the map to the logits", "`tie_word_embeddings`"] {
        assert!(untied.contains(part), "{part}: {untied}");
    }
}

/// Advice that would make a classifier write words by its embeddings is given to none.
#[test]
fn a_model_without_an_output_is_told_what_it_is_instead() {
    let text = |class: &str| {
        let untied = ("tie_word_embeddings", json!(false));
        error_of("smollm2", &[untied, ("architectures", json!([class]))])
    };
    for (class, what) in [
        ("LlamaForSequenceClassification", "whose head is not run"),
        ("LlamaForRewardModel", "whose head is not run"),
        ("LlamaModel", "the body of a model alone"),
    ] {
        let text = text(class);
        assert!(text.contains(&format!("is a `{class}`, {what}; it has no `lm_head")), "{text}");
        assert!(!text.contains("tie_word_embeddings"), "{text}");
    }
    assert!(text("Custom").contains("tie_word_embeddings"));
    // Other names than a language model's are explained by it too.
    let answers = [
        ("architectures", json!(["LlamaForQuestionAnswering"])),
        ("tie_word_embeddings", json!(false)),
        ("num_hidden_layers", json!(9)),
    ];
    assert!(error_of("smollm2", &answers).contains("is a `LlamaForQuestionAnswering`"));
}

#[test]
fn settings_that_cannot_be_run_are_named() {
    for (name, key, value) in [
        ("qwen2_windows", "layer_types", json!(["sliding_attention"])),
        ("qwen2_windows", "layer_types", json!(["chunked_attention", "x", "y"])),
        ("llama_linear", "partial_rotary_factor", json!(0.5)),
        ("mistral", "hidden_act", json!("mish")),
        ("mistral", "rope_scaling", json!({"rope_type": "longrope", "short_factor": [1.0]})),
        ("mistral", "rope_scaling", json!({"rope_type": "axial", "factor": 2.0})),
        ("opt", "layer_norm_elementwise_affine", json!(false)),
        ("gpt_neox", "rotary_pct", json!(0.33)),
        ("deberta_text", "pooler_hidden_size", json!(7)),
        ("olmo", "clip_qkv", json!(-1)),
        ("exaone4", "sliding_window_pattern", json!("LXG")),
        ("hunyuan_moe", "moe_topk", json!([1, 2])),
        ("codegen", "n_head", json!(6)),
    ] {
        let text = error_of(name, &[(key, value)]);
        assert!(text.contains(&format!("`{key}`")), "{key}: {text}");
    }
}

/// Inside MPT's settings of attention, and without a setting that says how many channels a head has.
#[test]
fn the_setting_at_fault_is_named_and_no_other() {
    let attention = json!({"alibi": false, "clip_qkv": 0.5, "qk_ln": true, "softmax_scale": null});
    let text = error_of("mpt", &[("attn_config", attention)]);
    for part in ["`attn_config`: `alibi` is `false`", "`attn_config`: `qk_ln` is `true`"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("clip_qkv") && !text.contains("softmax_scale"), "{text}");
    let odd = error_of("smollm2", &[("head_dim", json!(null)), ("hidden_size", json!(27))]);
    assert!(odd.contains("an even number of rotated channels: of 3 in a head they are 3"), "{odd}");
    assert!(!odd.contains("missing"), "{odd}");
}

/// As torch.compile, DDP and PEFT save a model that is inside theirs.
#[test]
fn names_of_a_model_inside_another_are_its_own() {
    for prefix in ["_orig_mod.", "module.", "base_model.model.", "module._orig_mod."] {
        let folder = with_names("llama3", &[], |name| format!("{prefix}{name}"));
        assert_eq!(opening_error(folder.path()), "", "{prefix}");
    }
    let inside = with_names("llama3", &[], |name| name.replace("model.", "model._orig_mod."));
    assert_eq!(opening_error(inside.path()), "");
    let some = with_names("llama3", &[], |name| name.replace("lm_head.", "module.lm_head."));
    assert!(opening_error(some.path()).contains("lm_head.weight"));
}

#[test]
fn settings_that_cannot_be_run_are_named_all_at_once() {
    let text = error_of(
        "opt",
        &[
            ("do_layer_norm_before", json!(false)),
            ("word_embed_proj_dim", json!(7)),
            ("activation_function", json!("mish")),
        ],
    );
    for key in ["do_layer_norm_before", "word_embed_proj_dim", "activation_function"] {
        assert!(text.contains(&format!("`{key}`")), "{key}: {text}");
    }
}

/// Missing sizes, settings of parts and variants are found by different readers.
#[test]
fn all_readers_of_settings_say_at_once_what_is_wrong() {
    type Settings = &'static [(&'static str, &'static str)];
    let cases: [(&str, Settings); 8] = [
        (
            "llama3",
            &[
                ("hidden_act", r#""mish""#),
                ("rope_scaling", r#"{"rope_type": "foo"}"#),
                ("num_key_value_heads", "5"),
            ],
        ),
        (
            "smollm2",
            &[
                ("hidden_size", "null"),
                ("num_hidden_layers", "null"),
                ("num_attention_heads", "null"),
                ("intermediate_size", "0"),
                ("vocab_size", "null"),
            ],
        ),
        ("qwen2_windows", &[("hidden_act", r#""mish""#), ("layer_types", r#"["x"]"#)]),
        // What a family makes of its settings comes after what all families have.
        (
            "gemma2",
            &[("use_bidirectional_attention", "true"), ("attn_logit_softcapping", r#""x""#)],
        ),
        (
            "modernbert",
            &[
                ("norm_bias", "true"),
                ("attention_bias", "true"),
                ("decoder_bias", "false"),
                ("vocab_size", "null"),
            ],
        ),
        (
            "bert",
            &[
                ("position_embedding_type", r#""relative_key""#),
                ("is_decoder", "true"),
                ("hidden_act", r#""mish""#),
                ("intermediate_size", "null"),
            ],
        ),
        ("albert", &[("num_hidden_groups", "2"), ("inner_group_num", "2")]),
        ("marian", &[("encoder_layers", "null"), ("decoder_ffn_dim", "null"), ("d_model", "null")]),
    ];
    for (name, settings) in cases {
        let changes: Vec<(&str, Json)> =
            settings.iter().map(|(key, value)| (*key, value.parse().unwrap())).collect();
        let text = error_of(name, &changes);
        for (key, _) in settings {
            let key = if *key == "rope_scaling" { "rope_type" } else { key };
            assert_eq!(text.matches(&format!("`{key}`")).count(), 1, "{name}, {key}: {text}");
        }
        assert_eq!(text.lines().count(), settings.len(), "{name}: {text}");
    }
}

#[test]
fn a_text_ends_where_the_settings_of_generation_say_so() {
    let folder = edited("smollm2", |config| drop(config.insert("eos_token_id".into(), json!(5))));
    let ends_beside = |generation: &str| {
        fs::write(folder.path().join("generation_config.json"), generation).unwrap();
        opened(folder.path()).unwrap().ends().to_vec()
    };
    assert_eq!(ends_beside(r#"{"eos_token_id": [7, 9]}"#), [7, 9]);
    assert_eq!(ends_beside(r#"{"max_length": 20}"#), [5]);
}

#[test]
fn settings_of_generation_that_a_continuation_does_not_obey_are_named() {
    let folder = edited("smollm2", |_| ());
    let named = |generation: &str| {
        fs::write(folder.path().join("generation_config.json"), generation).unwrap();
        opened(folder.path()).unwrap().not_obeyed().join(" ")
    };
    assert_eq!(named(r#"{"do_sample": false, "min_length": 0, "temperature": 0.6}"#), "");
    let all = r#"{"do_sample": true, "no_repeat_ngram_size": 2, "bad_words_ids": [[3]], "forced_bos_token_id": 1}"#;
    let want =
        "`do_sample: true` `no_repeat_ngram_size: 2` `bad_words_ids` `forced_bos_token_id: 1`";
    assert_eq!(named(all), want);
}

/// BART's training puts its begin token before every text to write; where no setting forces it, it is not written first.
#[test]
fn a_text_that_a_bart_is_given_begins_as_those_of_its_training() {
    // Copies without settings of generation.
    for (name, given) in [("bart", 0), ("marian", 9), ("pegasus", 9)] {
        let folder = edited(name, |_| ());
        let model = opened(folder.path()).unwrap();
        assert_eq!((model.given(vec![9, 8])[0], model.first()), (given, None), "{name}");
    }
    let forced = opened(Path::new("tests/goldens/checkpoints/bart")).unwrap();
    assert_eq!((forced.given(vec![9, 8]), forced.first()), (vec![0, 9, 8], Some(0)));
    assert_eq!(forced.given(vec![0, 9]), [0, 9]);
}

/// EXAONE 4's pattern as it is hosted: a letter for each layer of a run.
#[test]
fn a_pattern_of_windows_may_be_letters() {
    let of = |pattern: Json| {
        logits_of("exaone4", |config| {
            config.remove("layer_types");
            config.insert("sliding_window_pattern".into(), pattern.clone());
        })
    };
    let [letters, number, other] = [json!("LLLG"), json!(4), json!("LG")].map(of);
    assert!(letters == number && letters != other);
}

#[test]
fn a_default_does_not_hide_the_same_size_under_another_key() {
    for (name, key, other) in [
        ("qwen3_moe", "num_experts", "num_local_experts"),
        ("olmoe", "num_experts", "num_local_experts"),
        ("gpt_oss", "num_local_experts", "num_experts"),
    ] {
        assert_eq!(error_of_edited(name, |config| rename(config, key, other)), "", "{name}");
    }
    let folder = edited("gptj", |config| rename(config, "n_positions", "max_position_embeddings"));
    assert_eq!(opened(folder.path()).unwrap().sizes().unwrap().context, 80);
}

fn rename(config: &mut Settings, key: &str, other: &str) {
    let value = config.remove(key).unwrap();
    config.insert(other.into(), value);
}

/// Their reference makes one mask for all layers.
#[test]
fn settings_of_single_layers_do_not_matter_where_all_see_the_window() {
    let window = [("use_sliding_window", json!(true)), ("sliding_window", json!(5))];
    let with = |name: &str, more: &[(&str, Json)]| {
        let settings = window.iter().chain(more).cloned();
        logits_of(name, |config| config.extend(settings.map(|(key, value)| (key.into(), value))))
    };
    let kinds = json!(["full_attention", "sliding_attention"]);
    let name = "qwen3_moe";
    let all = with(name, &[]);
    assert_eq!(with(name, &[("max_window_layers", json!(1))]), all);
    assert_eq!(with(name, &[("layer_types", kinds.clone())]), all);
    assert_ne!(with(name, &[("sliding_window", json!(9))]), all);
    // Transformers reads a Mistral that names kinds of layers as a Ministral, and saves it as one.
    let name = "mistral_window";
    let (all, listed) = (with(name, &[]), with(name, &[("layer_types", kinds.clone())]));
    assert_ne!(listed, all);
    let ministral = ("model_type", json!("ministral"));
    assert_eq!(with(name, std::slice::from_ref(&ministral)), all);
    assert_eq!(with(name, &[ministral, ("layer_types", kinds)]), listed);
}

/// The activations of transformers' settings.
#[test]
fn an_activation_that_is_not_named_is_that_of_the_type() {
    for (name, key, default) in
        [("m2m", "activation_function", "relu"), ("albert", "hidden_act", "gelu_new")]
    {
        let named = logits_of(name, |config| drop(config.insert(key.into(), default.into())));
        assert_eq!(logits_of(name, |config| drop(config.remove(key))), named, "{name}");
        let other = logits_of(name, |config| drop(config.insert(key.into(), "gelu".into())));
        assert_ne!(other, named, "{name}");
    }
}

#[test]
fn a_refused_rotation_is_named_by_the_key_it_came_under() {
    let weird = json!({"rope_type": "weird", "rope_theta": 1e4});
    for key in ["rope_scaling", "rope_parameters"] {
        let error = error_of("mistral", &[(key, weird.clone())]);
        assert!(error.contains(&format!("`{key}`: `rope_type` is")), "{error}");
    }
}

#[test]
fn olmo_2_has_no_windows_and_its_own_base_of_rotation() {
    let plain = logits_of("olmo2", |_| ());
    let windowed =
        logits_of("olmo2", |config| drop(config.insert("sliding_window".into(), 5.into())));
    assert_eq!(windowed, plain);
    // Its default is what the settings of this one say.
    assert_eq!(logits_of("olmo2", |config| drop(config.remove("rope_theta"))), plain);
    let olmo3 = logits_of("olmo3", |config| drop(config.insert("sliding_window".into(), 5.into())));
    assert_ne!(
        logits_of("olmo3", |config| drop(config.insert("sliding_window".into(), 3.into()))),
        olmo3
    );
}

/// The defaults of transformers 5.23.
#[test]
fn settings_of_rotation_that_are_missing_are_those_of_the_reference() {
    let of_gpt_oss = json!({"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0,
        "truncate": false, "original_max_position_embeddings": 4096, "rope_theta": 150_000.0});
    let of_ministral = json!({"type": "yarn", "rope_theta": 1e6, "factor": 16.0, "beta_fast": 32.0,
        "original_max_position_embeddings": 16384, "beta_slow": 1.0, "mscale_all_dim": 1.0, "mscale": 1.0,
        "llama_4_scaling_beta": 0.1});
    for (name, key, default) in [
        ("gpt_oss", "rope_parameters", of_gpt_oss),
        ("ministral3", "rope_parameters", of_ministral),
        ("cohere", "rope_theta", json!(500_000.0)),
        ("cohere2", "rope_theta", json!(10_000.0)),
    ] {
        let with = |rope: Option<(&str, Json)>| {
            logits_of(name, |config| {
                for key in ["rope_theta", "rope_scaling", "rope_parameters"] {
                    config.remove(key);
                }
                config.extend(rope.map(|(key, value)| (key.to_owned(), value)));
            })
        };
        let missing = with(None);
        assert_eq!(with(Some((key, default))), missing, "{name}");
        assert_eq!(with(Some(("rope_scaling", Json::Null))), missing, "{name}");
        let plain = json!({"rope_type": "default", "rope_theta": 700.0});
        for key in ["rope_scaling", "rope_parameters"] {
            let given = with(Some((key, plain.clone())));
            assert_eq!(given, with(Some(("rope_parameters", plain.clone()))), "{name}");
            assert_ne!(given, missing, "{name}");
        }
    }
}

#[test]
fn listed_layers_of_smollm3_see_the_window_whether_it_is_used_or_not() {
    let kinds = ["full_attention", "full_attention", "full_attention", "sliding_attention"];
    let with = |settings: Json| {
        logits_of("smollm3", |config| config.extend(settings.as_object().unwrap().clone()))
    };
    let listed = with(json!({"sliding_window": 5, "layer_types": kinds}));
    let used = with(json!({"sliding_window": 5, "use_sliding_window": true}));
    assert_eq!(listed, used);
    assert_ne!(listed, with(json!({"sliding_window": 5})));
}

/// Text parts are saved without what their type has anyway.
#[test]
fn sizes_that_a_text_part_leaves_out_are_those_of_its_type() {
    for (kind, d_model) in [("llama", 4096), ("mistral", 4096), ("phi3", 3072)] {
        let without_sizes = error_of_edited("mistral3", |config| {
            let text = config["text_config"].as_object_mut().unwrap();
            text.retain(|key, _| key == "vocab_size");
            text.insert("model_type".into(), kind.into());
        });
        let want = format!("want (331, {d_model})");
        assert!(without_sizes.contains(&want), "{kind}: {without_sizes}");
    }
    let folder = edited("gpt2", |config| drop(config.remove("n_positions")));
    let error = opened(folder.path()).err().map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(error.contains("want (1024, "), "{error}");
}

#[test]
fn gpt_neox_takes_its_own_keys_of_rotation_and_not_the_later_ones_outside_the_settings_of_rope() {
    let without = |keys: &[&str], settings: Json| {
        logits_of("gpt_neox", |config| {
            config.retain(|key, _| !keys.contains(&key.as_str()));
            config.extend(settings.as_object().unwrap().clone());
        })
    };
    let with = |settings| without(&[], settings);
    let plain = with(json!({}));
    assert_eq!(with(json!({"rope_theta": 7.0, "partial_rotary_factor": 0.5})), plain);
    let own = with(json!({"rotary_emb_base": 7, "rotary_pct": 0.5}));
    assert_ne!(own, plain);
    let inside = json!({"rope_theta": 7.0, "partial_rotary_factor": 0.5, "rope_type": "default"});
    assert_eq!(with(json!({"rope_parameters": inside.clone()})), own);
    let neither = |settings| without(&["rotary_emb_base", "rotary_pct"], settings);
    let usual = with(json!({"rotary_emb_base": 10_000, "rotary_pct": 0.25}));
    assert_eq!(neither(json!({"rope_theta": 7.0, "partial_rotary_factor": 0.5})), usual);
    assert_eq!(neither(json!({"rope_parameters": inside})), own);
}

/// transformers has no such step for DeepSeek-V2.
#[test]
fn deepseek_v2s_weights_of_experts_are_not_normalised_and_the_reader_is_told() {
    let with = |is_normalised: bool| {
        let folder =
            edited("deepseek_v2", |config| config["norm_topk_prob"] = json!(is_normalised));
        let tokenizer = "tests/goldens/checkpoints/deepseek_v2/tokenizer.json";
        fs::copy(tokenizer, folder.path().join("tokenizer.json")).unwrap();
        let reader = Reader::open(&Checkpoint::open(folder.path()).unwrap(), true).unwrap();
        reader.read("the old river").unwrap().card.as_ref().unwrap().left_out.clone()
    };
    let normalised = logits_of("deepseek_v2", |config| config["norm_topk_prob"] = json!(true));
    assert_eq!(normalised, logits_of("deepseek_v2", |_| ()));
    assert_eq!(with(false), None);
    assert!(with(true).unwrap().contains("`norm_topk_prob` is not followed"));
}

#[test]
fn no_turns_of_yarn_stand_for_its_defaults() {
    let with = |betas: [f32; 2]| {
        logits_of("llama_yarn", |config| {
            for (key, beta) in ["beta_fast", "beta_slow"].into_iter().zip(betas) {
                config["rope_scaling"][key] = json!(beta);
            }
        })
    };
    assert_eq!(with([0.0, 0.0]), with([32.0, 1.0]));
    let negative = json!({"rope_type": "yarn", "factor": 4.0, "beta_fast": -1.0});
    let error = error_of("llama_yarn", &[("rope_scaling", negative)]);
    assert!(error.contains("`beta_fast`"), "{error}");
}

/// Rows of the table that differ from another in names of settings alone.
#[test]
fn families_with_the_same_parts_compute_the_same() {
    let as_type = |name: &str, kind: &str, settings: &[(&str, Json)]| {
        logits_of(name, |config| {
            config.insert("model_type".into(), kind.into());
            config.extend(settings.iter().map(|(key, value)| ((*key).into(), value.clone())));
        })
    };
    let same = |name: &str, kind: &str, settings: &[(&str, Json)]| {
        assert!(as_type(name, kind, settings) == logits_of(name, |_| ()), "{kind}");
    };
    same("llama_biased", "seed_oss", &[("attention_out_bias", json!(true))]);
    same("exaone4", "exaone4", &[("layer_types", json!(null))]);
    same(
        "exaone4",
        "exaone4",
        &[("layer_types", json!(null)), ("sliding_window_pattern", json!(4))],
    );
    same(
        "hunyuan_moe",
        "hunyuan_v1_moe",
        &[("moe_topk", json!(2)), ("num_experts", json!([5, 5]))],
    );
    // Of these two only one has a bias after attention.
    let helium = [("attention_bias", json!(true)), ("mlp_bias", json!(true))];
    let unbiased = [("attention_bias", json!(false)), ("mlp_bias", json!(false))];
    let of_helium = |settings| as_type("ernie4_5", "helium", settings);
    assert!(of_helium(&helium) != of_helium(&unbiased));
    assert!(of_helium(&unbiased) == as_type("ernie4_5", "ernie4_5", &[("use_bias", json!(false))]));
}

#[test]
fn queries_keys_and_values_are_clipped_only_where_the_settings_say_so() {
    for name in ["olmoe", "mpt"] {
        let clipped = |limit: Json| {
            logits_of(name, |config| {
                let of =
                    |config: &mut Settings| drop(config.insert("clip_qkv".into(), limit.clone()));
                match config.get_mut("attn_config").and_then(Json::as_object_mut) {
                    Some(attention) => of(attention),
                    None => of(config),
                }
            })
        };
        let plain = logits_of(name, |_| ());
        assert!(clipped(json!(1e6)) == plain, "{name}");
        assert!(clipped(json!(0.5)) != plain, "{name}");
    }
}

#[test]
fn numbers_of_learned_bends_of_clips_and_of_norms_open_into_arithmetic_that_gives_them() {
    for name in ["nemotron", "apertus", "olmo", "hunyuan"] {
        let trace = Tiny::open(name).plain();
        let is_of = |path: &str| {
            let parts = ["norm", "clipped", "_rot", "ffn.hidden"];
            parts.iter().any(|part| path.contains(part))
        };
        let computed = trace.sites().filter(|site| !site.is_leaf && is_of(site.path()));
        let n = computed.inspect(|site| assert_opens(name, &trace, site, 5)).count();
        assert!(n >= 10, "{name}: {n} sites");
    }
}

#[test]
fn seed_oss_as_gguf_is_a_qwen2_with_another_name_of_a_norm() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("model.gguf");
    let mut file = Apart::read(&fs::read(Path::new(FOLDER).join("qwen2.gguf")).unwrap());
    let file = file.call("qwen2", "seed_oss").rename("ffn_norm", "post_attention_norm");
    fs::write(&path, file.written()).unwrap();
    let logits = |path: &Path| {
        let pass = opened(path).unwrap().run(&IDS, &Setup::default());
        pass.value("logits").unwrap().clone()
    };
    assert!(logits(&path) == logits(&Path::new(FOLDER).join("qwen2.gguf")));
}

#[test]
fn what_is_missing_is_named() {
    let unknown = |path: &Path| {
        let checkpoint = Checkpoint::open(path).unwrap();
        Architecture::of(&checkpoint).err().map(|error| format!("{error:#}")).unwrap_or_default()
    };
    let doge = edited("llama3", |config| drop(config.insert("model_type".into(), "doge".into())));
    let doge = unknown(doge.path());
    assert!(doge.contains("a part is missing: attention that learns"), "{doge}");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("model.gguf");
    let read = |name: &str| Apart::read(&fs::read(Path::new(FOLDER).join(name)).unwrap());
    fs::write(&path, read("llama2.gguf").call("llama", "apertus").written()).unwrap();
    let apertus = unknown(&path);
    assert!(apertus.contains("a part is missing: xIELU's numbers"), "{apertus}");
    let sections = "glm4.rope.dimension_sections";
    fs::write(&path, read("glm4.gguf").number(sections, 2).written()).unwrap();
    let sees = opening_error(&path);
    assert!(sees.contains("`mrope_section`"), "{sees}");
}
