//! Sentence-transformers folders: the rows of all tokens become one vector as the folder's modules say.

use std::{fs, path::Path};

use crate::support::{
    program::{Run, run as run_program},
    weights::{f32s, safetensors},
};
use anyhow::Result;
use lookback::{
    engine::value::Cell,
    model::{Architecture, Pass, Setup},
    weights::Checkpoint,
};
use tempfile::TempDir;

const GOLDEN: &str = "tests/goldens/checkpoints/minilm";
const IDS: [u32; 5] = [2, 9, 11, 7, 3];

/// A copy of the model, with these files beside.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(Path::new(GOLDEN).join(name), folder.path().join(name)).unwrap();
    }
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn run(folder: &Path) -> Result<Pass> {
    let checkpoint = Checkpoint::open(folder)?;
    let model = Architecture::of(&checkpoint)?.open(&checkpoint)?;
    Ok(model.run(&IDS, &Setup::default()))
}

/// A list of modules after the transformer.
fn list(modules: &[&str]) -> String {
    let first =
        r#"{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"}"#;
    let module = |(i, kind): (usize, &&str)| {
        let i = i + 1;
        let kind_of = format!("sentence_transformers.models.{kind}");
        format!(r#"{{"idx":{i},"name":"{i}","path":"{i}_{kind}","type":"{kind_of}"}}"#)
    };
    let rest: Vec<String> = modules.iter().enumerate().map(module).collect();
    format!("[{first},{}]", rest.join(","))
}

/// A pass with this pooling, not scaled to length 1.
fn pooled(settings: &str) -> Result<Pass> {
    let modules = list(&["Pooling"]);
    run(folder(&[("modules.json", &modules), ("1_Pooling/config.json", settings)]).path())
}

fn numbers(pass: &Pass, path: &str) -> Vec<f32> {
    pass.value(path).unwrap_or_else(|| panic!("no {path}")).numbers().collect()
}

/// The last layer's rows of all tokens.
fn rows(pass: &Pass) -> Vec<Vec<f32>> {
    let last = (0..).map(|l| format!("encoder.{l}.norm2.out"));
    let last = last.take_while(|path| pass.value(path).is_some()).last().unwrap();
    let value = pass.value(&last).unwrap();
    (0..IDS.len()).map(|t| value.row(0, t)).collect()
}

#[track_caller]
fn close(got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= 1e-5 * want.abs().max(1.0), "{got} {want}");
    }
}

/// A pooling: its name, the flag of older folders, words of its caption, and one column of rows -> its number.
type Case = (&'static str, &'static str, &'static str, fn(&[f32]) -> f32);

const CASES: [Case; 5] = [
    ("cls", "pooling_mode_cls_token", "the first token's", |x| x[0]),
    ("lasttoken", "pooling_mode_lasttoken", "the last token's", |x| x[x.len() - 1]),
    ("max", "pooling_mode_max_tokens", "largest number", |x| {
        x.iter().copied().fold(f32::MIN, f32::max)
    }),
    ("mean", "pooling_mode_mean_tokens", "the mean of all", |x| {
        x.iter().sum::<f32>() / x.len() as f32
    }),
    ("mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", "times √n", |x| {
        x.iter().sum::<f32>() / (x.len() as f32).sqrt()
    }),
];

#[test]
fn each_pooling_is_done_in_todays_form_and_the_older_one() {
    for (mode, flag, caption, number) in CASES {
        let today = format!(
            r#"{{"embedding_dimension":384,"pooling_mode":"{mode}","include_prompt":true}}"#
        );
        let older = format!(r#"{{"pooling_mode_weightedmean_tokens":false,"{flag}":true}}"#);
        for settings in [today, older] {
            let pass = pooled(&settings).unwrap();
            let rows = rows(&pass);
            let column = |c: usize| rows.iter().map(|row| row[c]).collect::<Vec<_>>();
            let want: Vec<f32> = (0..rows[0].len()).map(|c| number(&column(c))).collect();
            close(&numbers(&pass, "pooled"), &want);
            close(&numbers(&pass, "sentence"), &numbers(&pass, "pooled"));
            let mut sites = pass.tape.nodes().map(|node| &pass.tape.entry(node).place);
            let site = sites.find(|place| place.path == "pooled").unwrap().site;
            assert!(site.caption.contains(caption), "{mode}: {}", site.caption);
        }
    }
}

#[test]
fn poolings_that_are_not_run_are_refused_by_name() {
    for (settings, want) in [
        (r#"{"pooling_mode":"weightedmean"}"#, "the pooling `weightedmean` is not supported"),
        (r#"{"pooling_mode":"a\u001b"}"#, "`a␛` is not supported"),
        (r#"{"pooling_mode":["cls","mean"]}"#, "several poolings are joined (cls, mean)"),
        (
            r#"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":true}"#,
            "several poolings are joined (cls, mean)",
        ),
        (r#"{"pooling_mode":3}"#, "`pooling_mode` is `3`, want a text"),
    ] {
        let error = format!("{:#}", pooled(settings).err().unwrap());
        assert!(error.contains(want) && error.contains("1_Pooling/config.json"), "{error}");
    }
}

#[test]
fn maps_and_length_are_as_the_folder_says() {
    let d = numbers(&pooled("{}").unwrap(), "pooled").len();
    let weight: Vec<f32> = (0..3 * d).map(|i| (i % 7) as f32 - 3.0).collect();
    let tensors = safetensors(&[
        ("linear.weight", "F32", &[3, d], f32s(&weight)),
        ("linear.bias", "F32", &[3], f32s(&[0.5, -0.25, 0.0])),
    ]);
    let settings = format!(
        r#"{{"in_features":{d},"out_features":3,"bias":true,"activation_function":"torch.nn.modules.activation.Tanh"}}"#
    );
    let modules = list(&["Pooling", "Dense", "Normalize"]);
    let files = [("modules.json", modules.as_str()), ("2_Dense/config.json", &settings)];
    let folder = folder(&files);
    let missing = format!("{:#}", run(folder.path()).err().unwrap());
    assert!(missing.contains("2_Dense/model.safetensors is missing"), "{missing}");
    fs::write(folder.path().join("2_Dense/model.safetensors"), tensors).unwrap();
    let pass = run(folder.path()).unwrap();
    let x = numbers(&pass, "pooled");
    let row = |r: usize| (0..d).map(|c| weight[r * d + c] * x[c]).sum::<f32>();
    let want: Vec<f32> = (0..3).map(|r| (row(r) + [0.5, -0.25, 0.0][r]).tanh()).collect();
    close(&numbers(&pass, "dense.0.out"), &want);
    let length = want.iter().map(|x| x * x).sum::<f32>().sqrt();
    close(&numbers(&pass, "sentence"), &want.iter().map(|x| x / length).collect::<Vec<_>>());
    for node in pass.tape.nodes().filter(|&node| !pass.tape.is_leaf(node)).collect::<Vec<_>>() {
        let opened = pass.tape.open(node, Cell::default());
        let (got, want) = (opened.expr.unwrap().eval(), f64::from(opened.value));
        assert!((got - want).abs() < 1e-4, "{:?}", opened.name);
    }
    let settings = settings.replace("Tanh", "Tanhshrink");
    fs::write(folder.path().join("2_Dense/config.json"), settings).unwrap();
    let error = format!("{:#}", run(folder.path()).err().unwrap());
    assert!(error.contains("2_Dense/config.json") && error.contains("tanhshrink"), "{error}");
}

#[test]
fn lists_of_modules_that_make_no_sense_are_refused() {
    let other = list(&["Pooling", "Normalize", "LSTM"]);
    for (modules, want) in [
        (other.as_str(), "`LSTM` is not supported at this place"),
        ("{}", "is not a list of modules"),
        (r#"[{"path":"../x","type":"a.Pooling"}]"#, "`../x`, which is not a folder"),
        (r#"[{"path":"/etc","type":"a.Pooling"}]"#, "`/etc`, which is not a folder"),
        (&format!("[{}]", vec![r#"{"path":"","type":"x"}"#; 40].join(",")), "lists 40 modules"),
    ] {
        let error =
            format!("{:#}", run(folder(&[("modules.json", modules)]).path()).err().unwrap());
        assert!(error.contains(want), "{error}");
    }
}

/// What sentence-transformers would not read is read, and said.
#[test]
fn a_text_that_the_folder_has_cut_is_noted() {
    let modules = list(&["Pooling"]);
    let note = |settings: &str, has_modules: bool| {
        let own = ("sentence_bert_config.json", settings);
        let files = [
            own,
            ("modules.json", &*modules),
            ("1_Pooling/config.json", r#"{"pooling_mode_mean_tokens": true}"#),
        ];
        let folder = folder(&files[..if has_modules { 3 } else { 1 }]);
        let path = folder.path().to_str().unwrap();
        let Run { code, err, .. } =
            run_program(&["trace", "the birds sleep", "--model", path, "--sites", "sentence"]);
        assert_eq!(code, 0, "{err}");
        err
    };
    assert!(note(r#"{"max_seq_length": 4}"#, true).contains("cuts it to 4 for this model"));
    assert!(!note(r#"{"max_seq_length": 256}"#, true).contains("cuts it"));
    assert!(!note(r#"{"max_seq_length": 4}"#, false).contains("cuts it"));
}

#[test]
fn a_transformer_in_a_folder_of_its_own_has_the_modules_of_the_one_above() {
    const OWN: &str = "0_Transformer";
    let above = TempDir::new().unwrap();
    let modules = list(&["Pooling"]).replace(r#""path":"","#, &format!(r#""path":"{OWN}","#));
    fs::write(above.path().join("modules.json"), modules).unwrap();
    fs::create_dir(above.path().join("1_Pooling")).unwrap();
    fs::write(above.path().join("1_Pooling/config.json"), r#"{"pooling_mode":"cls"}"#).unwrap();
    fs::rename(folder(&[]).keep(), above.path().join(OWN)).unwrap();
    for path in [above.path().to_owned(), above.path().join(OWN)] {
        let pass = run(&path).unwrap();
        close(&numbers(&pass, "sentence"), &rows(&pass)[0]);
    }
}

#[test]
fn a_decoder_with_a_pooling_makes_one_vector_and_writes_nothing() {
    let folder = TempDir::new().unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        let from = Path::new("tests/goldens/checkpoints/qwen3").join(name);
        fs::copy(from, folder.path().join(name)).unwrap();
    }
    let modules = list(&["Pooling", "Normalize"]);
    fs::write(folder.path().join("modules.json"), modules).unwrap();
    fs::create_dir(folder.path().join("1_Pooling")).unwrap();
    let settings = r#"{"pooling_mode":"lasttoken"}"#;
    fs::write(folder.path().join("1_Pooling/config.json"), settings).unwrap();
    let pass = run(folder.path()).unwrap();
    assert!(pass.output.is_empty() && pass.value("logits").is_none());
    let normed = pass.value("final_norm.out").unwrap();
    let last: Vec<f32> = normed.row(0, IDS.len() - 1);
    let length = last.iter().map(|x| x * x).sum::<f32>().sqrt();
    let want: Vec<f32> = last.iter().map(|x| x / length).collect();
    close(&numbers(&pass, "sentence"), &want);
    let path = folder.path().to_str().unwrap();
    let page = run_program(&["--model", path, "of birds a could"]);
    assert!(
        page.out.contains("scaled to length 1") && !page.out.contains("logits"),
        "{}",
        page.out
    );
}
