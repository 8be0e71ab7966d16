//! Tiny checkpoints with random weights: passes over them, and what is said of changed settings.

use std::{fs, path::Path, sync::Arc};

use lookback::{
    analysis::{
        reading::Reader,
        trace::{Recorded, Trace},
    },
    engine::{
        change::{Change, Changes},
        tape::Keep,
    },
    model::{Architecture, Model, ModelName, Setup},
    weights::Checkpoint,
};
use safetensors::{SafeTensors, serialize_to_file};
use serde_json::Value as Json;
use tempfile::TempDir;

pub const FOLDER: &str = "tests/goldens/checkpoints";

/// What the passes read.
pub const IDS: [u32; 7] = [12, 40, 7, 88, 12, 101, 63];

pub struct Tiny {
    pub model: Arc<dyn Model>,
    pub reader: Reader,
}

impl Tiny {
    pub fn open(name: &str) -> Self {
        let checkpoint = Checkpoint::open(&Path::new(FOLDER).join(name)).unwrap();
        let model = Architecture::of(&checkpoint).unwrap().open(&checkpoint).unwrap();
        Self { model, reader: Reader::open(&checkpoint, true).unwrap() }
    }

    pub fn run(&self, changes: Changes, keep: Keep) -> Trace {
        let setup = Setup { changes: Arc::new(changes), keep, ..Setup::default() };
        Trace::new(ModelName::Checkpoint, self.model.run(&IDS, &setup), self.reader.tokenizer())
    }

    /// The logits of a text read at once, and the largest difference to those of it read in parts.
    pub fn read_in_parts(&self, change: Option<&str>) -> (Vec<f32>, f32) {
        let setup = Setup { changes: Arc::new(changes(change.as_slice())), ..Setup::default() };
        let read = |parts: &[&[u32]]| {
            let mut writer = self.model.writer(&setup).unwrap();
            parts.iter().fold(vec![], |_, part| writer.read(part).unwrap())
        };
        let whole = read(&[&IDS]);
        let parts = [vec![&IDS[..1], &IDS[1..3], &IDS[3..]], IDS.chunks(1).collect()];
        let differences = parts.iter().flat_map(|parts| {
            let got = read(parts);
            assert_eq!(got.len(), whole.len());
            got.into_iter().zip(&whole).map(|(a, b)| (a - b).abs()).collect::<Vec<_>>()
        });
        let largest = differences.fold(0.0, f32::max);
        (whole, largest)
    }

    pub fn what_if(&self, texts: &[&str]) -> Trace {
        self.run(changes(texts), Keep::All)
    }

    pub fn plain(&self) -> Trace {
        self.what_if(&[])
    }
}

pub fn changes(texts: &[&str]) -> Changes {
    texts.iter().map(|text| text.parse::<Change>().unwrap()).collect()
}

/// A row of a site with one plane.
pub fn row(trace: &Trace, site: &str, row: usize) -> Vec<f32> {
    trace.value(site).unwrap().row(0, row)
}

/// That one in so many numbers of a site opens into arithmetic that gives it.
#[track_caller]
pub fn assert_opens(name: &str, trace: &Trace, site: &Recorded, every: usize) {
    for cell in site.shape().cells().step_by(every) {
        let opened = trace.open(&site.address(cell)).unwrap();
        let (got, want) = (opened.expr.unwrap().eval(), f64::from(site.value.get(cell)));
        let is_same = got.total_cmp(&want).is_eq();
        let is_near = is_same || (got - want).abs() <= 1e-4 * want.abs().max(1.0);
        assert!(is_near, "{name} {}: opens to {got}, is {want}", site.address(cell));
    }
}

/// A folder with the weights of another, and its settings with changes.
pub fn with_settings(
    from: &Path,
    settings: &str,
    weights: &str,
    changes: &[(&str, Json)],
) -> TempDir {
    let folder = TempDir::new().unwrap();
    // Python writes infinity, which is no JSON.
    let text = fs::read_to_string(from.join(settings)).unwrap().replace("Infinity", "null");
    let mut config: Json = serde_json::from_str(&text).unwrap();
    for (key, value) in changes {
        config[key] = value.clone();
    }
    fs::write(folder.path().join(settings), config.to_string()).unwrap();
    fs::copy(from.join(weights), folder.path().join(weights)).unwrap();
    folder
}

/// A folder with the weights of a checkpoint under other names, and its settings with changes.
pub fn with_names(
    name: &str,
    changes: &[(&str, Json)],
    rename: impl Fn(&str) -> String,
) -> TempDir {
    const WEIGHTS: &str = "model.safetensors";
    let folder = with_settings(&Path::new(FOLDER).join(name), "config.json", WEIGHTS, changes);
    let path = folder.path().join(WEIGHTS);
    let bytes = fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter().map(|(name, view)| (rename(&name), view));
    serialize_to_file(tensors, None, &path).unwrap();
    folder
}

/// The error of a checkpoint whose settings are changed; empty if it can be run.
pub fn error_of(name: &str, changes: &[(&str, Json)]) -> String {
    let from = Path::new(FOLDER).join(name);
    opening_error(with_settings(&from, "config.json", "model.safetensors", changes).path())
}

/// The error of a folder; empty if it can be run.
pub fn opening_error(folder: &Path) -> String {
    opened(folder).err().map(|error| format!("{error:#}")).unwrap_or_default()
}

/// The error of a checkpoint whose settings are edited, some of them taken away; empty if it can be run.
pub fn error_of_edited(name: &str, edit: impl FnOnce(&mut Settings)) -> String {
    opening_error(edited(name, edit).path())
}

/// What a config.json holds.
pub type Settings = serde_json::Map<String, Json>;

/// A folder with the weights of a tiny checkpoint, and its settings edited.
pub fn edited(name: &str, edit: impl FnOnce(&mut Settings)) -> TempDir {
    let folder =
        with_settings(&Path::new(FOLDER).join(name), "config.json", "model.safetensors", &[]);
    let path = folder.path().join("config.json");
    let mut config: Settings = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut config);
    fs::write(path, Json::Object(config).to_string()).unwrap();
    folder
}

/// The model in a folder.
pub fn opened(folder: &Path) -> anyhow::Result<Arc<dyn Model>> {
    let checkpoint = Checkpoint::open(folder).unwrap();
    Architecture::of(&checkpoint)?.open(&checkpoint)
}

/// The logits of a tiny checkpoint whose settings are edited, after twice the usual text: longer than its windows.
pub fn logits_of(name: &str, edit: impl FnOnce(&mut Settings)) -> Vec<f32> {
    let model = opened(edited(name, edit).path()).unwrap();
    let pass = model.run(&[IDS, IDS].concat(), &Setup::default());
    pass.value("logits").unwrap().matrix().iter().copied().collect()
}
