//! The settings of `generate` of Hugging Face, from generation_config.json, or from config.json without it; which of them
//! a model's output does not obey.

use serde_json::Value as Json;

use crate::{
    text::visible::shown,
    weights::{Checkpoint, Config},
};

/// The settings that can change what is written, with the values that change nothing beside null. Those that only matter
/// beside one of them are not listed.
const CHANGING: [(&str, &[f64]); 19] = [
    ("num_beams", &[1.0]),
    ("do_sample", &[]),
    ("repetition_penalty", &[1.0]),
    ("encoder_repetition_penalty", &[1.0]),
    ("no_repeat_ngram_size", &[0.0]),
    ("encoder_no_repeat_ngram_size", &[0.0]),
    ("bad_words_ids", &[]),
    ("min_length", &[0.0]),
    ("min_new_tokens", &[0.0]),
    ("forced_bos_token_id", &[]),
    ("forced_eos_token_id", &[]),
    ("exponential_decay_length_penalty", &[]),
    ("suppress_tokens", &[]),
    ("begin_suppress_tokens", &[]),
    ("sequence_bias", &[]),
    ("guidance_scale", &[1.0]),
    ("forced_decoder_ids", &[]),
    ("force_words_ids", &[]),
    ("penalty_alpha", &[0.0]),
];

/// The settings of a checkpoint's generation.
pub fn settings(checkpoint: &Checkpoint) -> Config {
    checkpoint.generation().unwrap_or_else(|| checkpoint.config().clone())
}

/// The settings that change what is written and are not among the `obeyed` ones: `repetition_penalty: 1.2`, of lists the
/// key alone; safe to show.
pub fn not_obeyed(settings: &Config, obeyed: &[&str]) -> Vec<String> {
    let changes_nothing = |value: &Json, idle: &[f64]| match value {
        Json::Bool(is_on) => !is_on,
        Json::Array(list) => list.is_empty(),
        other => other.as_f64().is_some_and(|number| idle.contains(&number)),
    };
    let others = CHANGING.iter().filter(|(key, _)| !obeyed.contains(key));
    let found = others.filter_map(|(key, idle)| {
        let value = settings.get(key).filter(|value| !changes_nothing(value, idle))?;
        let is_short = !(value.is_array() || value.is_object());
        Some(if is_short {
            format!("`{key}: {}`", shown(&value.to_string()))
        } else {
            format!("`{key}`")
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_are_not_obeyed_are_listed_unless_they_change_nothing() {
        let of = |text: &str, obeyed: &[&str]| {
            not_obeyed(&Config::from_json(String::new(), text.as_bytes()).unwrap(), obeyed)
        };
        let idle = r#"{"num_beams": 1, "do_sample": false, "repetition_penalty": 1.0, "suppress_tokens": [],
            "encoder_no_repeat_ngram_size": 0, "guidance_scale": null, "min_length": 0, "temperature": 0.6}"#;
        assert_eq!(of(idle, &[]), [""; 0]);
        let busy = r#"{"num_beams": 4, "do_sample": true, "repetition_penalty": 1.2, "begin_suppress_tokens": [3],
            "encoder_repetition_penalty": 1.5, "exponential_decay_length_penalty": [4, 1.5],
            "no_repeat_ngram_size": 3}"#;
        let want = [
            "num_beams: 4",
            "do_sample: true",
            "repetition_penalty: 1.2",
            "encoder_repetition_penalty: 1.5",
            "exponential_decay_length_penalty",
            "begin_suppress_tokens",
        ];
        assert_eq!(of(busy, &["no_repeat_ngram_size"]), want.map(|one| format!("`{one}`")));
        assert!(of(busy, &[]).contains(&"`no_repeat_ngram_size: 3`".to_owned()));
    }
}
