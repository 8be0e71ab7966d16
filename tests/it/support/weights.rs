//! Files of weights, made by hand.

/// A safetensors file: name, dtype, shape, bytes of each tensor.
pub fn safetensors(tensors: &[(&str, &str, &[usize], Vec<u8>)]) -> Vec<u8> {
    let (mut entries, mut data) = (vec![], vec![]);
    for (name, dtype, shape, bytes) in tensors {
        let (begin, end) = (data.len(), data.len() + bytes.len());
        entries.push(format!(
            r#""{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{begin},{end}]}}"#
        ));
        data.extend_from_slice(bytes);
    }
    file(&format!("{{{}}}", entries.join(",")), &data)
}

fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut padded = header.to_owned();
    while !padded.len().is_multiple_of(8) {
        padded.push(' ');
    }
    [&(padded.len() as u64).to_le_bytes()[..], padded.as_bytes(), data].concat()
}

pub fn f32s(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

pub fn counted(n: usize) -> Vec<f32> {
    (0..n).map(|i| i as f32).collect()
}

/// A writer of GGUF, just as far as the test needs it.
#[derive(Default)]
pub struct Gguf(pub Vec<u8>);

impl Gguf {
    pub fn u32(&mut self, n: u32) -> &mut Self {
        self.0.extend(n.to_le_bytes());
        self
    }

    pub fn u64(&mut self, n: u64) -> &mut Self {
        self.0.extend(n.to_le_bytes());
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.u64(text.len() as u64).0.extend(text.as_bytes());
        self
    }

    pub fn number(&mut self, key: &str, n: u32) -> &mut Self {
        self.text(key).u32(4).u32(n)
    }

    pub fn tensor(&mut self, name: &str, sizes: &[u64], kind: u32, offset: u64) -> &mut Self {
        self.text(name).u32(sizes.len() as u32);
        for &n in sizes {
            self.u64(n);
        }
        self.u32(kind).u64(offset)
    }
}
