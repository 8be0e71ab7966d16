//! The reference values of evidence, which `assets/training/evidence_golden.py` and `lens_golden.py` make.

use std::{collections::BTreeMap, fs};

use lookback::{analysis::evidence::EvidenceQuestion, model::ModelName};
use safetensors::SafeTensors;
use serde_json::Value as Json;

pub struct Goldens {
    pub tensors: BTreeMap<String, Vec<f32>>,
    pub cases: Json,
}

impl Goldens {
    pub fn read() -> Self {
        Self::of("evidence")
    }

    pub fn of(file: &str) -> Self {
        let bytes = fs::read(format!("tests/goldens/{file}.safetensors")).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let cases = serde_json::from_str(&header.metadata().clone().unwrap()["cases"]).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensors = file.iter().map(|(name, view)| {
            let four = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            (name.to_owned(), view.data().chunks_exact(4).map(four).collect())
        });
        Self { tensors: tensors.collect(), cases }
    }

    pub fn ids(&self, name: ModelName, key: &str) -> Vec<u32> {
        ids(&self.cases[name.id()][key])
    }

    pub fn sides(&self, name: ModelName) -> [Vec<u32>; 2] {
        [0, 1].map(|i| ids(&self.cases[name.id()]["sides"][i]))
    }

    pub fn question(&self, name: ModelName) -> EvidenceQuestion {
        let pair = self.ids(name, "pair");
        let row = self.cases[name.id()]["row"].as_u64().unwrap() as usize;
        EvidenceQuestion { row, word: pair[0], against: pair[1] }
    }

    /// The tensors whose names begin so, by the rest of their names.
    pub fn under(&self, prefix: &str) -> Vec<(&str, &[f32])> {
        let of = |(key, numbers): (&'_ String, &'_ Vec<f32>)| -> Option<(&str, &[f32])> {
            let rest = self.tensors.get_key_value(key)?.0.strip_prefix(prefix)?;
            let _ = numbers;
            Some((rest, &self.tensors[key]))
        };
        self.tensors.iter().filter_map(of).collect()
    }
}

pub fn ids(json: &Json) -> Vec<u32> {
    json.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// Within `bound` of the largest number, or of 1 if that is smaller.
pub fn assert_near(label: &str, got: &[f32], want: &[f32], bound: f32) {
    assert_eq!(got.len(), want.len(), "{label}");
    let scale = want.iter().fold(1.0, |most: f32, x| most.max(x.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= bound * scale, "{label}[{i}]: got {got}, want {want}");
    }
}
