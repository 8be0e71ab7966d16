//! Checkpoints by name, where other programs keep them: found, listed, or refused in a sentence. Parts of split files.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use crate::support::{
    program::{Run, program},
    weights::{Gguf, counted, f32s},
};
use lookback::weights::{Checkpoint, places::Places};
use serde_json::Value as Json;
use tempfile::TempDir;

const GOLDEN: &str = "tests/goldens/checkpoints";
const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

fn copy(from: &str, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(Path::new(GOLDEN).join(from)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

fn write(path: PathBuf, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A repository in a cache of Hugging Face.
fn cached(cache: &Path, name: &str, golden: &str) -> PathBuf {
    let repository = cache.join(format!("models--{}", name.replace('/', "--")));
    write(repository.join("refs/main"), HASH);
    let snapshot = repository.join("snapshots").join(HASH);
    copy(golden, &snapshot);
    snapshot
}

/// A model in a folder of Ollama's, under a name such as `library/llama3.2/1b`.
fn pulled(folder: &Path, name: &str, digest: &str) {
    let layers = format!(
        r#"{{"layers":[{{"mediaType":"application/vnd.ollama.image.template","digest":"sha256:00"}},
        {{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:{digest}"}}]}}"#
    );
    write(folder.join("manifests/registry.ollama.ai").join(name), layers);
    let blob = folder.join(format!("blobs/sha256-{digest}"));
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::copy(Path::new(GOLDEN).join("llama2.gguf"), blob).unwrap();
}

/// A home where each program has models.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    let hub = home.path().join(".cache/huggingface/hub");
    cached(&hub, "some/tiny-gpt2", "gpt2");
    let ollama = home.path().join(".ollama/models");
    pulled(&ollama, "library/llama3.2/latest", "ab12");
    pulled(&ollama, "library/llama3.2/1b", "cd34");
    pulled(&ollama, "someone/small/q4", "ef56");
    let studio = home.path().join(".lmstudio/models/pub/repo");
    fs::create_dir_all(&studio).unwrap();
    for name in ["a.gguf", "b.gguf", "mmproj-b.gguf"] {
        fs::copy(Path::new(GOLDEN).join("gpt2.gguf"), studio.join(name)).unwrap();
    }
    home
}

fn places(variables: &[(&str, &str)]) -> Places {
    let all: HashMap<&str, &str> = variables.iter().copied().collect();
    Places::of(&|name| all.get(name).map(|&value| value.to_owned()))
}

fn of_home(home: &Path) -> Places {
    places(&[("HOME", home.to_str().unwrap()), ("OLLAMA_MODELS", "~/.ollama/models")])
}

fn title(places: &Places, name: &str) -> String {
    places.open(Path::new(name)).unwrap_or_else(|e| panic!("{name}: {e:#}")).title()
}

fn refused(places: &Places, name: &str) -> String {
    format!("{:#}", places.open(Path::new(name)).err().unwrap())
}

#[test]
fn a_model_is_found_by_the_name_that_another_program_gives_it() {
    let home = home();
    let places = of_home(home.path());
    for (name, want) in [
        ("some/tiny-gpt2", "some/tiny-gpt2"),
        ("llama3.2", "llama3.2:latest"),
        ("ollama:llama3.2", "llama3.2:latest"),
        ("llama3.2:1b", "llama3.2:1b"),
        ("someone/small", "someone/small:q4"),
        ("ollama:someone/small:q4", "someone/small:q4"),
        ("pub/repo/b.gguf", "pub/repo/b.gguf"),
        ("hf.co/pub/repo:B", "pub/repo/b.gguf"),
    ] {
        assert_eq!(title(&places, name), want);
    }
    let snapshot = home.path().join(".cache/huggingface/hub/models--some--tiny-gpt2/snapshots");
    assert_eq!(title(&places, snapshot.join(HASH).to_str().unwrap()), "some/tiny-gpt2");
}

#[test]
fn a_listed_name_with_a_space_is_found() {
    let home = home();
    copy("gpt2", &home.path().join(".lmstudio/models/pub/My Model"));
    let listed = run(home.path(), &["models"]).out;
    assert!(listed.contains("pub/My Model"), "{listed}");
    assert_eq!(title(&of_home(home.path()), "pub/My Model"), "pub/My Model");
}

#[test]
fn each_variable_moves_the_cache() {
    let folder = TempDir::new().unwrap();
    let base = folder.path().to_str().unwrap();
    for (variable, below) in [
        ("HF_HUB_CACHE", ""),
        ("HUGGINGFACE_HUB_CACHE", ""),
        ("HF_HOME", "hub"),
        ("XDG_CACHE_HOME", "huggingface/hub"),
        ("HOME", ".cache/huggingface/hub"),
    ] {
        let name = format!("of/{}", variable.to_lowercase());
        cached(&folder.path().join(below), &name, "gpt2");
        assert_eq!(title(&places(&[(variable, base)]), &name), name);
    }
    let both = places(&[("HF_HUB_CACHE", "/nowhere"), ("HOME", base)]);
    assert!(!both.has("of/home"));
}

#[test]
fn a_snapshot_without_a_main_branch_is_found_if_it_is_the_only_one() {
    let cache = TempDir::new().unwrap();
    let snapshot = cached(cache.path(), "some/gpt2", "gpt2");
    let repository = snapshot.parent().unwrap().parent().unwrap();
    let places = places(&[("HF_HUB_CACHE", cache.path().to_str().unwrap())]);
    fs::remove_file(repository.join("refs/main")).unwrap();
    assert!(places.has("some/gpt2"));
    copy("gpt2", &repository.join("snapshots/other"));
    assert!(!places.has("some/gpt2"));
    write(repository.join("refs/main"), "../../..\n");
    assert!(!places.has("some/gpt2"));
}

#[test]
fn what_is_not_here_says_where_was_looked_and_how_to_fetch_it() {
    let home = home();
    let places = of_home(home.path());
    for (name, want) in [
        ("Qwen/Qwen3-0.6B", "`hf download Qwen/Qwen3-0.6B`"),
        ("owner/name/file.gguf", "`hf download owner/name`"),
        ("hf.co/owner/name", "`hf download owner/name`"),
        ("https://huggingface.co/owner/name", "`hf download owner/name`"),
        ("owner/name-GGUF:Q8_0", "`hf download owner/name-GGUF`"),
        ("qwen3:0.6b", "`ollama pull qwen3:0.6b`"),
        ("ollama:qwen3", "`ollama pull qwen3`"),
    ] {
        let error = refused(&places, name);
        assert!(error.contains(want) && error.contains(".cache/huggingface/hub"), "{error}");
        assert!(error.contains(".ollama/models") && error.contains("lookback models"), "{error}");
    }
    // A word alone, or what is in a folder that is here, may be a path that is mistyped.
    for path in ["nofile", "tests/none"] {
        let error = refused(&places, path);
        assert!(error.contains("check the path") && !error.contains("pull"), "{error}");
        assert!(!error.contains("download") && error.contains("lookback models"), "{error}");
    }
    for path in ["./none", "/none", "../x/y", "none.gguf", "a b/c", "a/../../etc"] {
        assert!(refused(&places, path).contains("cannot be read"), "{path}");
    }
}

#[test]
fn a_name_of_several_models_is_refused_with_their_names() {
    let home = home();
    let places = of_home(home.path());
    let error = refused(&places, "pub/repo");
    assert!(
        error.contains("2 models; give one of them: pub/repo/a.gguf, pub/repo/b.gguf"),
        "{error}"
    );
    let hub = home.path().join(".cache/huggingface/hub");
    cached(&hub, "llama3.2", "gpt2");
    let error = refused(&places, "llama3.2");
    assert!(
        error.contains("models--llama3.2/snapshots") && error.contains("sha256-ab12"),
        "{error}"
    );
    assert_eq!(title(&places, "ollama:llama3.2"), "llama3.2:latest");
}

#[test]
fn manifests_that_are_no_manifests_do_no_harm() {
    let home = TempDir::new().unwrap();
    let folder = home.path().join(".ollama/models");
    let digest = "../../../../etc/passwd";
    pulled(&folder, "library/bad/1b", "ab");
    let manifest = folder.join("manifests/registry.ollama.ai/library/bad/1b");
    for text in ["", "[", "{}", r#"{"layers":[]}"#, &"[".repeat(100_000)] {
        fs::write(&manifest, text).unwrap();
        assert!(!refused(&of_home(home.path()), "bad").is_empty());
    }
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("ab", digest)).unwrap();
    assert!(!refused(&of_home(home.path()), "bad:1b").contains("passwd"));
    write(folder.join("manifests/registry.ollama.ai/library/x\u{1b}[2J/1b"), "{}");
    assert!(of_home(home.path()).models().iter().any(|model| model.name.contains('\u{1b}')));
}

/// The program in this home, with nothing else of the environment that counts.
fn run(home: &Path, args: &[&str]) -> Run {
    let mut command = program();
    for name in ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"] {
        command.env_remove(name);
    }
    command.env("HOME", home).env("OLLAMA_MODELS", home.join(".ollama/models"));
    Run::of(command.args(args))
}

#[test]
fn models_are_listed_with_what_they_are_and_whether_they_open() {
    let home = home();
    let hub = home.path().join(".cache/huggingface/hub");
    let odd = cached(&hub, "some/mamba", "gpt2");
    fs::write(odd.join("config.json"), r#"{"model_type":"mamba\u001b[2J"}"#).unwrap();
    // What its config.json, its class and its tensors say against it, as `inspect` does.
    for (name, from, to) in [
        ("some/act", r#""hidden_act": "silu""#, r#""hidden_act": "mish""#),
        ("some/head", "LlamaForCausalLM", "LlamaForMultipleChoice"),
        ("some/large", r#""num_hidden_layers": 2"#, r#""num_hidden_layers": 7"#),
    ] {
        let snapshot = cached(&hub, name, "smollm2");
        let config = fs::read_to_string(snapshot.join("config.json")).unwrap();
        assert!(config.contains(from), "{config}");
        fs::write(snapshot.join("config.json"), config.replace(from, to)).unwrap();
    }
    let packed = cached(&hub, "some/packed", "llama2");
    let config = fs::read_to_string(packed.join("config.json")).unwrap();
    let packed_config =
        config.replacen('{', r#"{"quantization_config":{"quant_method":"hqq"},"#, 1);
    fs::write(packed.join("config.json"), packed_config).unwrap();
    write(hub.join("datasets--x--y/snapshots/1/a.json"), "{}");
    let Run { code, out, err } = run(home.path(), &["models"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<&str> = out.lines().collect();
    let line = |name: &str| *lines.iter().find(|line| line.starts_with(name)).unwrap();
    assert!(lines[0].starts_with("NAME ") && lines.len() == 1 + 11, "{out}");
    assert!(
        line("some/tiny-gpt2 ").contains("Hugging Face")
            && line("some/tiny").ends_with("gpt2          yes"),
        "{out}"
    );
    assert!(
        line("llama3.2:1b ").ends_with("yes") && line("pub/repo/a.gguf ").contains("LM Studio")
    );
    assert!(line("some/mamba ").ends_with("no: models of type `mamba␛[2J` cannot be run"), "{out}");
    assert!(line("some/packed ").contains("quantised by hqq, which is not supported"), "{out}");
    assert!(
        line("some/act ").contains("no: config.json: `hidden_act`: the activation `mish`"),
        "{out}"
    );
    assert!(line("some/head ").contains("no: is a `LlamaForMultipleChoice`, whose head"), "{out}");
    let large = line("some/large ");
    assert!(large.contains("no: does not hold what its config.json describes"), "{out}");
    assert!(large.contains("model.layers.2."), "{out}");
    let Run { out: json, .. } = run(home.path(), &["models", "--format", "json"]);
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["schema"], &json["version"]), (&"lookback-models".into(), &1.into()));
    let models = json["models"].as_array().unwrap();
    assert_eq!((models.len(), json["looked_in"].as_array().unwrap().len()), (11, 4));
    let opening = models.iter().filter(|model| model["opens"] == true);
    for name in opening.map(|model| model["name"].as_str().unwrap()) {
        let Run { code, out, .. } = run(home.path(), &["inspect", name, "--json"]);
        let report: Json = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &report["runs"], &report["title"]), (0, &true.into(), &name.into()));
    }
}

/// The file of a model of Ollama's is named by its hash.
#[test]
fn faults_of_a_model_that_was_asked_for_by_name_begin_with_it() {
    let home = home();
    let blob = home.path().join(".ollama/models/blobs/sha256-cd34");
    let bytes = fs::read(&blob).unwrap();
    let opened = of_home(home.path()).open(Path::new("llama3.2:1b")).unwrap();
    assert_eq!(opened.config().file(), "llama3.2:1b: metadata");
    let at = bytes.windows(5).position(|part| part == b"llama").unwrap();
    let mut other = bytes.clone();
    other[at..at + 5].copy_from_slice(b"grok7");
    fs::write(&blob, other).unwrap();
    let inspect = || run(home.path(), &["trace", "--list", "hi", "--model", "llama3.2:1b"]).err;
    let error = inspect();
    assert!(error.contains("llama3.2:1b is a model of type `grok7`"), "{error}");
    assert!(!error.contains("sha256"), "{error}");
    fs::write(&blob, &bytes[..bytes.len() - 64]).unwrap();
    assert!(inspect().starts_with("error: llama3.2:1b: "), "{}", inspect());
}

/// Without its adapter a model of Ollama's is another, and its template is in another language.
#[test]
fn layers_of_ollama_that_are_not_read_are_named() {
    let home = home();
    let folder = home.path().join(".ollama/models");
    pulled(&folder, "someone/tuned/latest", "0a");
    let manifest = folder.join("manifests/registry.ollama.ai/someone/tuned/latest");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("image.template", "image.adapter")).unwrap();
    let error = refused(&of_home(home.path()), "someone/tuned");
    assert!(error.starts_with("someone/tuned:latest: ") && error.contains("adapter"), "{error}");
    let listed = run(home.path(), &["models"]).out;
    let line = listed.lines().find(|line| line.starts_with("someone/tuned:latest")).unwrap();
    assert!(line.contains("no: its manifest has an adapter"), "{line}");
    let Run { code, err, .. } =
        run(home.path(), &["trace", "--list", "hi", "--model", "llama3.2:1b", "--chat"]);
    assert!(
        code == 1 && err.contains("llama3.2:1b has no chat template but that of Ollama"),
        "{err}"
    );
}

#[test]
fn the_list_of_models_says_the_first_fault_in_full() {
    let home = TempDir::new().unwrap();
    let snapshot = cached(&home.path().join(".cache/huggingface/hub"), "some/half", "llama2");
    let shards = fs::read_dir(&snapshot).unwrap().map(|entry| entry.unwrap().path());
    let shards: Vec<PathBuf> =
        shards.filter(|path| path.extension().is_some_and(|end| end == "safetensors")).collect();
    assert!(shards.len() > 1);
    fs::remove_file(&shards[0]).unwrap();
    let out = run(home.path(), &["models"]).out;
    let missing = shards[0].file_name().unwrap().to_str().unwrap();
    let line = out.lines().find(|line| line.starts_with("some/half")).unwrap();
    assert!(line.contains(missing), "{line}");
}

#[test]
fn where_there_is_no_model_it_says_where_it_looked() {
    let home = TempDir::new().unwrap();
    let Run { code, out, err } = run(home.path(), &["models"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("No checkpoints were found.") && out.contains("hf download"), "{out}");
    assert!(out.contains(&format!("{}/.ollama/models\n", home.path().display())), "{out}");
}

#[test]
fn a_plain_name_is_a_model_if_one_is_here() {
    let home = home();
    cached(&home.path().join(".cache/huggingface/hub"), "gpt2", "gpt2");
    let Run { code, out, err } =
        run(home.path(), &["--model", "gpt2", "trace", "--list", "the old man"]);
    assert!(code == 0 && out.contains("logits"), "{err}");
    let Run { code, err, .. } = run(home.path(), &["--model", "gpt3", "steps"]);
    assert!(code == 2 && err.contains("there is no such model; there are elman, gru"), "{err}");
}

/// A part of a split GGUF: `tensors` are name and first number, two numbers each.
fn part(number: u32, of: u32, total: u32, tensors: &[(&str, f32)]) -> Vec<u8> {
    let mut file = Gguf::default();
    file.0.extend(b"GGUF");
    file.u32(3).u64(tensors.len() as u64).u64(5);
    file.text("general.architecture").u32(8).text("llama").number("llama.block_count", 1);
    file.number("split.no", number).number("split.count", of);
    file.number("split.tensors.count", total);
    for (i, (name, _)) in tensors.iter().enumerate() {
        file.tensor(name, &[8], 0, 32 * i as u64);
    }
    while !file.0.len().is_multiple_of(32) {
        file.0.push(0);
    }
    for (_, first) in tensors {
        file.0.extend(f32s(&counted(8).iter().map(|n| n + first).collect::<Vec<_>>()));
    }
    file.0
}

#[test]
fn all_parts_of_a_split_file_are_read_by_any_of_them() {
    let folder = TempDir::new().unwrap();
    let path = |i: usize| folder.path().join(format!("m-{i:05}-of-00002.gguf"));
    fs::write(path(1), part(0, 2, 3, &[("a", 0.0)])).unwrap();
    let alone = Checkpoint::open(&path(1)).err().unwrap().to_string();
    assert!(alone.contains("one of 2 parts") && alone.contains("m-00002-of-00002.gguf"), "{alone}");
    fs::write(path(2), part(1, 2, 3, &[("b", 10.0), ("c", 20.0)])).unwrap();
    fs::write(folder.path().join("mmproj-m.gguf"), part(0, 1, 0, &[])).unwrap();
    for path in [path(1), path(2), folder.path().to_owned()] {
        let checkpoint = Checkpoint::open(&path).unwrap();
        let names: Vec<&str> = checkpoint.tensors().iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }
    for (bytes, want) in [
        (part(0, 2, 3, &[("b", 0.0)]), "says that it is part 1 of 2, but is read as part 2 of 2"),
        (part(1, 3, 3, &[("b", 0.0)]), "part 2 of 3"),
        (part(1, 2, 3, &[("b", 0.0)]), "its parts have 3 tensors, but they have 2"),
        (part(1, 2, 3, &[("a", 0.0), ("c", 0.0)]), "two tensors `a`"),
    ] {
        fs::write(path(2), bytes).unwrap();
        let error = format!("{:#}", Checkpoint::open(&path(1)).err().unwrap());
        assert!(error.contains(want), "{want}\n  {error}");
    }
    let renamed = folder.path().join("renamed.gguf");
    fs::copy(path(1), &renamed).unwrap();
    let error = format!("{:#}", Checkpoint::open(&renamed).err().unwrap());
    assert!(
        error.contains("renamed.gguf") && error.contains("model-00001-of-00002.gguf"),
        "{error}"
    );
}

#[test]
fn a_folder_of_several_gguf_files_is_refused_with_their_names() {
    let folder = TempDir::new().unwrap();
    for name in ["a.gguf", "mmproj-a.gguf"] {
        fs::copy(Path::new(GOLDEN).join("gpt2.gguf"), folder.path().join(name)).unwrap();
    }
    assert!(Checkpoint::open(folder.path()).unwrap().is_gguf());
    fs::copy(Path::new(GOLDEN).join("gpt2.gguf"), folder.path().join("b.gguf")).unwrap();
    let error = Checkpoint::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("2 models; give one of them: a.gguf, b.gguf"), "{error}");
}

#[test]
fn a_file_is_known_by_its_content_whatever_its_name() {
    let folder = TempDir::new().unwrap();
    copy("gpt2", folder.path());
    let gguf = fs::read(Path::new(GOLDEN).join("gpt2.gguf")).unwrap();
    let safetensors = fs::read(folder.path().join("model.safetensors")).unwrap();
    for name in ["sha256-ab12", "model.bin", "x.gguf", "y.safetensors"] {
        let path = folder.path().join(name);
        fs::write(&path, &gguf).unwrap();
        assert!(Checkpoint::open(&path).unwrap().is_gguf(), "{name}");
        fs::write(&path, &safetensors).unwrap();
        assert!(!Checkpoint::open(&path).unwrap().is_gguf(), "{name}");
        fs::write(&path, "\u{1}\u{2}").unwrap();
        assert!(Checkpoint::open(&path).is_err(), "{name}");
    }
}

#[test]
fn an_adapter_says_what_it_is_and_of_which_model() {
    let folder = TempDir::new().unwrap();
    let adapter =
        r#"{"peft_type":"LORA","base_model_name_or_path":"meta-llama/Llama\u001b-3.2-1B"}"#;
    write(folder.path().join("adapter_config.json"), adapter);
    let weights = folder.path().join("adapter_model.safetensors");
    fs::copy(Path::new(GOLDEN).join("gpt2/model.safetensors"), &weights).unwrap();
    for path in [folder.path(), &weights] {
        let error = Checkpoint::open(path).err().unwrap().to_string();
        let want = "is an adapter (LORA), not a model: it changes `meta-llama/Llama␛-3.2-1B`";
        assert!(error.contains(want), "{error}");
        let how = "--model meta-llama/Llama␛-3.2-1B --adapter ";
        assert!(error.contains(how), "{error}");
    }
    write(folder.path().join("adapter_config.json"), "{}");
    let error = Checkpoint::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("a model that it does not name"), "{error}");
    write(folder.path().join("adapter_config.json"), "[");
    assert!(Checkpoint::open(folder.path()).is_err());
}
