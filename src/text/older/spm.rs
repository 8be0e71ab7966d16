//! SentencePiece models (Kudo and Richardson 2018), a protobuf: pieces with scores, how they were trained, and how a
//! text is normalised.

use anyhow::{Context, Result, bail, ensure};
use prost::Message;
use serde_json::{Value as Json, json};

use super::{OlderFiles, added_token, check_added, check_size, ids, refuse_own_ids, template};
use crate::text::{gguf::merges_by_score, shown};

/// `sentencepiece_model.proto`, as far as it is read.
#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(message, repeated, tag = "1")]
    pieces: Vec<Piece>,
    #[prost(message, optional, tag = "2")]
    trainer: Option<Trainer>,
    #[prost(message, optional, tag = "3")]
    normalizer: Option<Normalizer>,
}

#[derive(Clone, PartialEq, Message)]
struct Piece {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(float, tag = "2")]
    score: f32,
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
}

impl Piece {
    /// The kind of one that is matched before anything else.
    fn special(&self) -> Option<i32> {
        self.kind.filter(|kind| [UNKNOWN, CONTROL, USER_DEFINED].contains(kind))
    }
}

#[derive(Clone, PartialEq, Message)]
struct Trainer {
    #[prost(int32, optional, tag = "3")]
    model_type: Option<i32>,
    #[prost(bool, tag = "35")]
    byte_fallback: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Normalizer {
    #[prost(bytes = "vec", tag = "2")]
    precompiled_charsmap: Vec<u8>,
    #[prost(bool, optional, tag = "3")]
    add_dummy_prefix: Option<bool>,
    #[prost(bool, optional, tag = "4")]
    remove_extra_whitespaces: Option<bool>,
}

/// Kinds of pieces; an ordinary one has none.
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;

/// Kinds of models.
const UNIGRAM: i32 = 1;
const BPE: i32 = 2;

/// The space as a piece spells it.
const SPACE: &str = "▁";

/// Stands before a piece that is only written, never read: a character that no text has.
const ONLY_WRITTEN: &str = "\u{f8f0}";

fn parsed(bytes: &[u8]) -> Result<Model> {
    let model = Model::decode(bytes).ok().filter(|model| !model.pieces.is_empty());
    let model = model.context("it is not a readable SentencePiece model; fetch it again")?;
    check_size(model.pieces.len())?;
    check_added(model.pieces.iter().filter_map(Piece::special).count())?;
    Ok(model)
}

impl Model {
    fn kind(&self) -> i32 {
        self.trainer.as_ref().and_then(|trainer| trainer.model_type).unwrap_or(UNIGRAM)
    }

    fn has_byte_fallback(&self) -> bool {
        self.trainer.as_ref().is_some_and(|trainer| trainer.byte_fallback)
    }

    /// Whether a space is put before every text.
    fn leads(&self) -> bool {
        self.normalizer.as_ref().and_then(|n| n.add_dummy_prefix).unwrap_or(true)
    }

    fn unknown(&self) -> Result<usize> {
        let unknown = self.pieces.iter().position(|piece| piece.kind == Some(UNKNOWN));
        unknown.context("it has no piece for what is unknown")
    }

    fn id(&self, name: &str) -> Option<u64> {
        self.pieces.iter().position(|piece| piece.text == name).map(|id| id as u64)
    }

    /// The special pieces, at these ids.
    fn added(&self, id_of: impl Fn(usize) -> Option<u64>) -> Vec<Json> {
        let token = |(i, piece): (usize, &Piece)| {
            let is_control = piece.special()? != USER_DEFINED;
            Some(added_token(id_of(i)?, &piece.text, is_control, false))
        };
        self.pieces.iter().enumerate().filter_map(token).collect()
    }

    /// The normalizers before the spaces are spelled, with the space before the text.
    fn normalizers(&self) -> Vec<Json> {
        let spec = self.normalizer.clone().unwrap_or_default();
        let mut stages = vec![];
        if !spec.precompiled_charsmap.is_empty() {
            let map = base64::encode(&spec.precompiled_charsmap);
            stages.push(json!({"type": "Precompiled", "precompiled_charsmap": map}));
        }
        if spec.remove_extra_whitespaces.unwrap_or(true) {
            // Spaces alone: other white space is text to SentencePiece.
            for (pattern, content) in [("^ +| +$", ""), (" {2,}", " ")] {
                let pattern = json!({"Regex": pattern});
                stages.push(json!({"type": "Replace", "pattern": pattern, "content": content}));
            }
        }
        if self.leads() {
            stages.push(json!({"type": "Prepend", "prepend": SPACE}));
        }
        stages
    }

    /// The spelling of spaces; without `leads` the space before the text is there already.
    fn metaspace(leads: bool) -> Json {
        let scheme = if leads { "always" } else { "never" };
        json!({"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": true})
    }
}

/// A model's tokenizer.json; the model type says which tokens stand around a text.
pub(super) fn sentencepiece(bytes: &[u8], files: &OlderFiles) -> Result<Json> {
    let model = parsed(bytes)?;
    if let ("m2m_100", BPE, Some(vocab)) = (files.model_type, model.kind(), files.vocab_json) {
        return m2m(&model, vocab, files);
    }
    refuse_own_ids(files.model_type)?;
    match model.kind() {
        BPE => bpe(&model, files),
        UNIGRAM if files.model_type.starts_with("xlm-roberta") => Ok(xlm_roberta(&model)),
        UNIGRAM if files.model_type == "camembert" => camembert(&model),
        UNIGRAM if files.model_type == "mbart" => mbart(&model, files),
        UNIGRAM if files.model_type == "pegasus" => pegasus(&model, files),
        UNIGRAM => unigram(&model, files),
        other => bail!("it is of kind {other}; supported: 1 (unigram) and 2 (BPE)"),
    }
}

/// Llama's kind: pairs are merged by the score of the result.
fn bpe(model: &Model, files: &OlderFiles) -> Result<Json> {
    let tokens: Vec<String> = model.pieces.iter().map(|piece| piece.text.clone()).collect();
    let scores: Vec<f32> = model.pieces.iter().map(|piece| piece.score).collect();
    let merges = merges_by_score(&tokens, &scores)?;
    let merges: Vec<[&str; 2]> = merges.iter().map(|merge| [&*merge.0, &*merge.1]).collect();
    let vocab: serde_json::Map<String, Json> =
        tokens.iter().enumerate().map(|(id, token)| (token.clone(), json!(id))).collect();
    let leads = model.leads();
    let mut normalizers = model.normalizers();
    normalizers.push(json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE}));
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if leads {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    let around = |setting: &str, default: bool, name: &'static str| {
        let is_wanted = files.flag(setting).unwrap_or(default);
        let id = model.id(name).filter(|_| is_wanted);
        id.map(|id| (name, id)).into_iter().collect::<Vec<_>>()
    };
    let begin =
        [around("add_bos_token", true, "<s>"), around("add_bos_token", true, "<bos>")].concat();
    let end =
        [around("add_eos_token", false, "</s>"), around("add_eos_token", false, "<eos>")].concat();
    Ok(json!({
        "version": "1.0",
        "added_tokens": model.added(|i| Some(i as u64)),
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "post_processor": template(&begin, &end),
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {"type": "BPE", "vocab": vocab, "merges": merges, "fuse_unk": true,
            "unk_token": tokens[model.unknown()?], "byte_fallback": model.has_byte_fallback()},
    }))
}

/// The languages of M2M-100, in the order of their ids.
const M2M_LANGUAGES: &str = "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu \
     ha he hi hr ht hu hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or \
     pa pl ps pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh yi yo zh zu";

/// M2M-100's ids: those of vocab.json, then a token `__en__` for each language. The text's stands before it; English, if
/// the settings name none.
fn m2m(model: &Model, vocab: &[u8], files: &OlderFiles) -> Result<Json> {
    let mut vocab = ids(vocab, "vocab.json")?;
    check_size(vocab.len()).context("vocab.json")?;
    let missing = model.pieces.iter().filter(|piece| !vocab.contains_key(&piece.text)).count();
    ensure!(missing == 0, "vocab.json lacks {missing} of its pieces; fetch both again");
    let mut added = vec![];
    for name in ["<s>", "<pad>", "</s>", "<unk>"] {
        let id = vocab.get(name).with_context(|| format!("vocab.json lacks `{name}`"))?;
        added.push(added_token(*id, name, true, false));
    }
    let first = vocab.len() as u64;
    for (language, id) in M2M_LANGUAGES.split_whitespace().zip(first..) {
        let name = format!("__{language}__");
        added.push(added_token(id, &name, true, false));
        vocab.insert(name, id);
    }
    let language = files.setting("src_lang").and_then(Json::as_str).unwrap_or("en");
    let begin = format!("__{language}__");
    let of = |name: &str| {
        let id = vocab.get(name).copied();
        id.with_context(|| {
            format!("`src_lang` is {}, which is not one of its languages", shown(language))
        })
    };
    let template = template(&[(&begin, of(&begin)?)], &[("</s>", of("</s>")?)]);
    let mut json = bpe(model, files)?;
    json["model"]["vocab"] = json!(vocab);
    json["added_tokens"] = added.into();
    json["post_processor"] = template;
    Ok(json)
}

/// T5's, ALBERT's and DeBERTa's kind.
fn unigram(model: &Model, files: &OlderFiles) -> Result<Json> {
    let mut vocab: Vec<(String, f64)> =
        model.pieces.iter().map(|piece| (piece.text.clone(), piece.score.into())).collect();
    let mut added = model.added(|i| Some(i as u64));
    if files.model_type == "t5" {
        // Marks of left-out parts, which are not in the file.
        let n = files.setting("extra_ids").and_then(Json::as_u64).unwrap_or(100).min(1000);
        for i in (0..n).rev() {
            let name = format!("<extra_id_{i}>");
            added.push(added_token(vocab.len() as u64, &name, true, false));
            vocab.push((name, 0.0));
        }
    }
    let is_deberta = files.model_type == "deberta-v2";
    if is_deberta && model.id(MASK).is_none() {
        added.push(added_token(vocab.len() as u64, MASK, true, false));
        vocab.push((MASK.to_owned(), 0.0));
    }
    let of = |name: &'static str| model.id(name).map(|id| (name, id));
    let (begin, end) = if is_deberta || files.model_type == "albert" {
        (of("[CLS]"), of("[SEP]"))
    } else {
        (None, of("</s>"))
    };
    let mut normalizers = vec![];
    if is_deberta && files.flag("do_lower_case").unwrap_or(false) {
        normalizers.push(json!({"type": "Lowercase"}));
    }
    if files.model_type == "albert" {
        let quotes =
            |from: &str| json!({"type": "Replace", "pattern": {"String": from}, "content": "\""});
        normalizers.extend([quotes("``"), quotes("''")]);
        if !files.flag("keep_accents").unwrap_or(false) {
            normalizers.extend(["NFKD", "StripAccents"].map(|kind| json!({"type": kind})));
        }
        if files.flag("do_lower_case").unwrap_or(true) {
            normalizers.push(json!({"type": "Lowercase"}));
        }
    }
    normalizers.extend(model.normalizers());
    let [begin, end] = [begin, end].map(|token| token.into_iter().collect::<Vec<_>>());
    let template = template(&begin, &end);
    let around = Around { normalizers, added, template };
    let mut json = of_pieces(model, &vocab, model.unknown()?, around);
    if is_deberta && files.flag("split_by_punct").unwrap_or(false) {
        // Each piece is a word, which begins with a space.
        let marks = json!({"type": "Punctuation", "behavior": "Isolated"});
        json["pre_tokenizer"] =
            json!({"type": "Sequence", "pretokenizers": [marks, Model::metaspace(true)]});
    }
    Ok(json)
}

/// DeBERTa's mask, which is not in the file.
const MASK: &str = "[MASK]";

/// A model's pieces from one on, behind tokens of another's own and before others.
struct Shifted<'a> {
    /// Each with its score.
    own: Vec<(String, f64)>,
    /// How many of the model's pieces are left out.
    skipped: usize,
    after: &'a [&'a str],
    unknown: usize,
    /// Those of all that are matched before anything else.
    special: &'a [&'a str],
    /// Around a text, by name.
    begin: &'a [&'static str],
    end: &'a [&'static str],
}

impl Shifted<'_> {
    fn json(self, model: &Model) -> Result<Json> {
        let pieces = model.pieces.iter().skip(self.skipped);
        let pieces = pieces.map(|piece| (piece.text.clone(), f64::from(piece.score)));
        let after = self.after.iter().map(|name| ((*name).to_owned(), 0.0));
        let vocab: Vec<(String, f64)> = self.own.into_iter().chain(pieces).chain(after).collect();
        let id = |name: &str| {
            let found = vocab.iter().position(|(token, _)| token == name);
            found.map(|id| id as u64).with_context(|| format!("it lacks `{name}`"))
        };
        let token = |name: &&str| Some(added_token(id(name).ok()?, name, true, *name == "<mask>"));
        let added = self.special.iter().filter_map(token).collect();
        let around = |names: &[&'static str]| -> Result<Vec<(&'static str, u64)>> {
            names.iter().map(|name| Ok((*name, id(name)?))).collect()
        };
        let template = template(&around(self.begin)?, &around(self.end)?);
        let normalizers = model.normalizers();
        Ok(of_pieces(model, &vocab, self.unknown, Around { normalizers, added, template }))
    }
}

fn scored<'a>(names: impl IntoIterator<Item = &'a str>, score: f64) -> Vec<(String, f64)> {
    names.into_iter().map(|name| (name.to_owned(), score)).collect()
}

/// CamemBERT's ids: five tokens of its own, then the model's pieces without the first, then the mask.
fn camembert(model: &Model) -> Result<Json> {
    let own = scored(["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>"], 0.0);
    let special =
        ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>", "<mask>"];
    let (begin, end) = (&["<s>"], &["</s>"]);
    Shifted {
        own: [own, scored(["<unk>NOTUSED"], -100.0)].concat(),
        skipped: 1,
        after: &["<mask>"],
        unknown: 3,
        special: &special,
        begin,
        end,
    }
    .json(model)
}

/// The languages of mBART-50, in the order of their ids; the first mBART has the first 25.
const MBART_LANGUAGES: [&str; 52] = [
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN",
    "it_IT", "ja_XX", "kk_KZ", "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO",
    "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN", "af_ZA", "az_AZ", "bn_IN", "fa_IR", "he_IL",
    "hr_HR", "id_ID", "ka_GE", "km_KH", "mk_MK", "ml_IN", "mn_MN", "mr_IN", "pl_PL", "ps_AF",
    "pt_XX", "sv_SE", "sw_KE", "ta_IN", "te_IN", "th_TH", "tl_XX", "uk_UA", "ur_PK", "xh_ZA",
    "gl_ES", "sl_SI",
];
const N_FIRST_MBART: usize = 25;

/// mBART's ids: fairseq's four tokens, the model's pieces without its first three, languages, the mask. The text's language
/// (English, if the settings name none) stands behind it; in mBART-50 before it.
fn mbart(model: &Model, files: &OlderFiles) -> Result<Json> {
    const OWN: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];
    let says = |setting: &str, value: &str| {
        files.setting(setting).and_then(Json::as_str).is_some_and(|own| own.starts_with(value))
    };
    let is_50 = says("tokenizer_class", "MBart50") || says("language_codes", "ML50");
    let languages = if is_50 { &MBART_LANGUAGES[..] } else { &MBART_LANGUAGES[..N_FIRST_MBART] };
    let asked = files.setting("src_lang").and_then(Json::as_str).unwrap_or("en_XX");
    let language = languages.iter().find(|language| **language == asked).with_context(|| {
        format!("`src_lang` is {}, which is not one of its languages", shown(asked))
    })?;
    let after = [languages, &["<mask>"]].concat();
    let special = [&OWN[..], &after].concat();
    let (begin, end): (&[&str], &[&str]) =
        if is_50 { (&[language], &["</s>"]) } else { (&[], &["</s>", language]) };
    Shifted {
        own: scored(OWN, 0.0),
        skipped: 3,
        after: &after,
        unknown: 3,
        special: &special,
        begin,
        end,
    }
    .json(model)
}

/// Pegasus' ids: padding and end, its masks, tokens that are never used, then the model's pieces without the first two.
fn pegasus(model: &Model, files: &OlderFiles) -> Result<Json> {
    let offset = files.setting("offset").and_then(Json::as_u64).unwrap_or(103).min(1000);
    let unused: Vec<String> = (2..offset).map(|i| format!("<unk_{i}>")).collect();
    let special = ["<pad>", "</s>", "<mask_1>", "<mask_2>"];
    Shifted {
        own: [scored(special, 0.0), scored(unused.iter().map(String::as_str), -100.0)].concat(),
        skipped: 2,
        after: &[],
        unknown: model.unknown()? + offset as usize,
        special: &special,
        begin: &[],
        end: &["</s>"],
    }
    .json(model)
}

/// The ids of fairseq: four tokens of its own, then the model's pieces without its first three, then the mask.
fn xlm_roberta(model: &Model) -> Json {
    const OWN: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];
    let own = OWN.iter().map(|name| ((*name).to_owned(), 0.0));
    let rest = model.pieces.iter().skip(3).map(|piece| (piece.text.clone(), piece.score.into()));
    let mut vocab: Vec<(String, f64)> = own.chain(rest).collect();
    let mask = vocab.len() as u64;
    vocab.push(("<mask>".to_owned(), 0.0));
    let mut added: Vec<Json> =
        OWN.into_iter().zip(0..).map(|(name, id)| added_token(id, name, true, false)).collect();
    added.push(added_token(mask, "<mask>", true, true));
    let template = template(&[("<s>", 0)], &[("</s>", 2)]);
    of_pieces(model, &vocab, 3, Around { normalizers: model.normalizers(), added, template })
}

/// Marian's source model: pieces as in source.spm, ids as in vocab.json, which also holds the target's pieces.
pub(super) fn marian(source: &[u8], vocab: &[u8]) -> Result<Json> {
    let model = parsed(source).context("source.spm")?;
    ensure!(model.kind() == UNIGRAM, "source.spm is not a unigram model, as Marian's are");
    let ids = ids(vocab, "vocab.json")?;
    check_size(ids.len()).context("vocab.json")?;
    let largest = ids.values().max().copied().unwrap_or(0);
    ensure!(
        largest < 2 * ids.len() as u64,
        "vocab.json has {} tokens and the id {largest}; fetch it again",
        ids.len()
    );
    let scores: std::collections::HashMap<&str, f64> =
        model.pieces.iter().map(|piece| (&*piece.text, piece.score.into())).collect();
    let mut pieces: Vec<(String, f64)> =
        (0..=largest).map(|id| (format!("{ONLY_WRITTEN}{id}"), 0.0)).collect();
    for (token, id) in &ids {
        let score = scores.get(&**token).copied();
        let name = if score.is_some() { token.clone() } else { format!("{ONLY_WRITTEN}{token}") };
        pieces[*id as usize] = (name, score.unwrap_or(0.0));
    }
    let of =
        |name: &str| ids.get(name).copied().with_context(|| format!("vocab.json lacks `{name}`"));
    let (unk, eos) = (of("<unk>")?, of("</s>")?);
    pieces[unk as usize].0 = "<unk>".into();
    pieces[eos as usize].0 = "</s>".into();
    let mut added =
        vec![added_token(unk, "<unk>", true, false), added_token(eos, "</s>", true, false)];
    if let Some(pad) = ids.get("<pad>") {
        pieces[*pad as usize].0 = "<pad>".into();
        added.push(added_token(*pad, "<pad>", true, false));
    }
    // `>>fra<<` chooses the language that is written.
    let chooses = ids.iter().filter(|(token, _)| token.starts_with(">>") && token.ends_with("<<"));
    for (token, id) in chooses {
        pieces[*id as usize].0.clone_from(token);
        added.push(added_token(*id, token, true, false));
    }
    let template = template(&[], &[("</s>", eos)]);
    let around = Around { normalizers: model.normalizers(), added, template };
    let mut json = of_pieces(&model, &pieces, unk as usize, around);
    json["decoder"] = json!({"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": ONLY_WRITTEN}, "content": ""}, Model::metaspace(model.leads())]});
    Ok(json)
}

/// What stands around a model in tokenizer.json.
struct Around {
    normalizers: Vec<Json>,
    added: Vec<Json>,
    template: Json,
}

fn of_pieces(model: &Model, vocab: &[(String, f64)], unknown: usize, around: Around) -> Json {
    let Around { normalizers, added, template } = around;
    json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": Model::metaspace(false),
        "post_processor": template,
        "decoder": Model::metaspace(model.leads()),
        "model": {"type": "Unigram", "unk_id": unknown, "vocab": vocab,
            "byte_fallback": model.has_byte_fallback()},
    })
}
