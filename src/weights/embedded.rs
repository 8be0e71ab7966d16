//! The weights that are embedded in the binary.

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        const FILES: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../../assets/models/", $name, ".safetensors")))),*];
    };
}

files!["elman", "gru", "rnn_attention", "transformer", "transformer_unguided", "decoder_only"];

pub(super) fn file(model: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(name, _)| *name == model).map(|(_, bytes)| *bytes)
}
