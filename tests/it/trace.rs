//! A pass as numbers: JSON, npz and safetensors say the same of every site, bit for bit.

use std::{
    fs,
    io::{Cursor, Read},
    process::Command,
};

use lookback::{analysis::trace::Recorded, model::ModelName};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value as Json;
use zip::ZipArchive;

use crate::support::{built_in::reading, program::program};

const SHORT: &str = "The dog sleeps.";

fn trace(args: &[&str]) -> Command {
    let mut command = program();
    command.arg("trace").args(args);
    command
}

/// What the command writes to its pipe.
#[track_caller]
fn traced(args: &[&str]) -> Vec<u8> {
    let output = trace(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The one line of error that the command ends with.
#[track_caller]
fn refused(args: &[&str], code: i32) -> String {
    let output = trace(args).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {err}");
    assert!(output.stdout.is_empty(), "{args:?}");
    assert!(err.starts_with("error: ") && err.lines().count() == 1, "{args:?}: {err}");
    err
}

/// An array as a file has it.
#[derive(Debug, PartialEq)]
struct Array {
    name: String,
    shape: Vec<usize>,
    bits: Vec<u32>,
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap()))
}

/// The array that a site should be.
fn wanted(site: &Recorded, name: String) -> Array {
    let shape = site.shape();
    let planes = site.place.has_planes().then_some(shape.planes);
    Array {
        name,
        shape: planes.into_iter().chain([shape.rows, shape.cols]).collect(),
        bits: shape.cells().map(|cell| site.value.get(cell).to_bits()).collect(),
    }
}

/// The arrays of an npz file in its order, and its description.
fn from_npz(file: Vec<u8>) -> (Vec<Array>, Json) {
    let mut zip = ZipArchive::new(Cursor::new(file)).unwrap();
    let mut members = (0..zip.len()).map(|i| {
        let mut member = zip.by_index(i).unwrap();
        let name = member.name().strip_suffix(".npy").unwrap().to_owned();
        assert_eq!(member.size(), member.compressed_size(), "{name} can be mapped");
        let mut bytes = vec![];
        member.read_to_end(&mut bytes).unwrap();
        (name, bytes)
    });
    let (name, metadata) = members.next().unwrap();
    assert_eq!(name, "__metadata__");
    let text: String = words(from_npy(&metadata).2).map(|c| char::from_u32(c).unwrap()).collect();
    let array = |(name, bytes): (String, Vec<u8>)| {
        let (descr, shape, numbers) = from_npy(&bytes);
        assert_eq!(descr, "<f4", "{name}");
        Array { name, shape, bits: words(numbers).collect() }
    };
    (members.map(array).collect(), serde_json::from_str(&text).unwrap())
}

/// Type, shape and data of an array file.
fn from_npy(bytes: &[u8]) -> (String, Vec<usize>, &[u8]) {
    let (start, rest) = bytes.split_at(10);
    assert_eq!(start[..8], *b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([start[8], start[9]]));
    let (header, data) = rest.split_at(length);
    let header = std::str::from_utf8(header).unwrap();
    let between = |from: &str, to: &str| {
        let rest = header.split_once(from).unwrap().1;
        rest.split_once(to).unwrap().0.to_owned()
    };
    assert!(header.ends_with('\n') && (length + 10).is_multiple_of(64), "{header}");
    assert_eq!(between("'fortran_order': ", ","), "False");
    let shape = between("'shape': (", ")");
    let sizes = shape.split(", ").filter(|n| !n.is_empty()).map(|n| n.parse().unwrap());
    (between("'descr': '", "'"), sizes.collect(), data)
}

/// The arrays of a safetensors file by name, and its description.
fn from_safetensors(file: &[u8]) -> (Vec<Array>, Json) {
    let (_, header) = SafeTensors::read_metadata(file).unwrap();
    let metadata = header.metadata().clone().unwrap();
    assert_eq!(metadata.keys().collect::<Vec<_>>(), ["lookback"]);
    let tensors = SafeTensors::deserialize(file).unwrap();
    let array = |(name, tensor): (&str, safetensors::tensor::TensorView)| {
        assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
        let bits = words(tensor.data()).collect();
        Array { name: name.to_owned(), shape: tensor.shape().to_vec(), bits }
    };
    let mut arrays: Vec<Array> = tensors.iter().map(array).collect();
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    (arrays, serde_json::from_str(&metadata["lookback"]).unwrap())
}

/// The numbers of a site in JSON, nested or not.
fn bits(values: &Json, into: &mut Vec<u32>) {
    match values {
        Json::Array(values) => values.iter().for_each(|value| bits(value, into)),
        Json::String(text) => into.push(text.parse::<f32>().unwrap().to_bits()),
        number => into.push((number.as_f64().unwrap() as f32).to_bits()),
    }
}

/// The arrays of a JSON document, which is a description when they are taken out.
fn from_json(document: &mut Json, prefix: &str) -> Vec<Array> {
    let sites = document["sites"].as_array_mut().unwrap().iter_mut();
    let array = |site: &mut Json| {
        let values = site.as_object_mut().unwrap().remove("values").unwrap();
        let mut array = Array {
            name: format!("{prefix}{}", site["path"].as_str().unwrap()),
            shape: serde_json::from_value(site["shape"].clone()).unwrap(),
            bits: vec![],
        };
        assert_eq!(site["axes"].as_array().unwrap().len(), array.shape.len());
        bits(&values, &mut array.bits);
        array
    };
    sites.map(array).collect()
}

fn names(arrays: &[Array]) -> Vec<&str> {
    arrays.iter().map(|array| array.name.as_str()).collect()
}

/// Says which array differs, not what is in it.
#[track_caller]
fn assert_same(got: &[Array], want: &[Array]) {
    assert_eq!(names(got), names(want));
    for (got, want) in got.iter().zip(want) {
        assert_eq!(got.shape, want.shape, "{}", got.name);
        assert!(got.bits == want.bits, "{}", got.name);
    }
}

#[test]
fn every_site_of_every_model_is_the_same_in_every_form() {
    let reading = reading(SHORT);
    let of = |name: ModelName| {
        reading.trace(name).sites().map(move |site| wanted(site, format!("{name}/{}", site.path())))
    };
    let want: Vec<Array> = ModelName::ALL.into_iter().flat_map(of).collect();
    let all = |format| traced(&[SHORT, "--model", "all", "--weights", "--format", format]);

    let text = String::from_utf8(all("json")).unwrap();
    let mut documents: Vec<Json> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let in_json = documents.iter_mut().zip(ModelName::ALL);
    let in_json = in_json.flat_map(|(document, name)| from_json(document, &format!("{name}/")));
    assert_same(&in_json.collect::<Vec<_>>(), &want);

    let (in_npz, description) = from_npz(all("npz"));
    assert_same(&in_npz, &want);
    assert_eq!(description, Json::from(documents.clone()));

    let (in_safetensors, description) = from_safetensors(&all("safetensors"));
    let mut by_name = want;
    by_name.sort_by(|a, b| a.name.cmp(&b.name));
    assert_same(&in_safetensors, &by_name);
    assert_eq!(description, Json::from(documents));
}

#[test]
fn a_changed_pass_of_one_model_has_plain_names_and_says_what_is_changed() {
    let args = |format| {
        let sites = "encoder.?.self_attn.weights,decoder.*.masked,logits";
        let sentence = "The \"dog\" 🐈 sleeps.";
        [sentence, "--what-if", "mask=off", "--sites", sites, "--format", format]
    };
    let mut document: Json = serde_json::from_slice(&traced(&args("json"))).unwrap();
    let mut arrays = from_json(&mut document, "");
    assert_eq!(document["what_if"], serde_json::json!(["mask=off"]));
    assert!(document["sentence"].as_str().unwrap().contains("\"dog\" 🐈"));
    assert_eq!(arrays[0].name, "encoder.0.self_attn.weights");
    let (in_npz, description) = from_npz(traced(&args("npz")));
    assert_same(&in_npz, &arrays);
    assert_eq!(description, document);
    let (in_safetensors, description) = from_safetensors(&traced(&args("safetensors")));
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    assert_same(&in_safetensors, &arrays);
    assert_eq!(description, document);
}

#[test]
fn masked_scores_are_minus_infinity() {
    let args = ["--sites", "decoder.0.self_attn.masked", "--format", "npz"];
    let (arrays, _) = from_npz(traced(&args));
    let [heads, queries, keys] = arrays[0].shape[..] else { panic!("{:?}", arrays[0].shape) };
    let at =
        |head, query, key| f32::from_bits(arrays[0].bits[(head * queries + query) * keys + key]);
    for head in 0..heads {
        assert!(at(head, 0, 0).is_finite());
        assert!((1..keys).all(|key| at(head, 0, key).to_bits() == f32::NEG_INFINITY.to_bits()));
    }
}

#[test]
fn a_pipe_and_a_file_get_the_same_bytes_on_every_run() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["json", "npz", "safetensors"] {
        let path = folder.path().join(format!("pass.{format}"));
        let path = path.to_str().unwrap();
        let piped = traced(&[SHORT, "--format", format]);
        assert!(traced(&[SHORT, "--out", path]).is_empty());
        assert!(fs::read(path).unwrap() == piped, "the name of the file means {format}");
        assert!(refused(&[SHORT, "--out", path], 1).contains("exists"));
        // A format that contradicts the extension is a mistake in one of them.
        let other = if format == "json" { "npz" } else { "json" };
        let both = [SHORT, "--out", path, "--format", other, "--force"];
        assert!(refused(&both, 2).contains(&format!("but {other} is requested")));
        traced(&[SHORT, "--out", path, "--format", format, "--force"]);
        assert!(fs::read(path).unwrap() == piped);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn what_cannot_be_written_is_refused_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pass");
    for format in ["json", "npz", "safetensors"] {
        let to = ["--format", format, "--out", path.to_str().unwrap()];
        let none = [&to[..], &["--sites", "encoder.0.self_attn.wieghts"]].concat();
        assert!(refused(&none, 2).contains("encoder.0.self_attn.weights"));
        let nowhere = ["--format", format, "--out", "/nowhere/pass"];
        assert!(refused(&nowhere, 1).contains("/nowhere/pass"));
    }
    assert!(refused(&["--format", "npy"], 2).contains("npz"));
    let listed = refused(&[SHORT, "--list", "--out", "list.npz"], 2);
    assert!(listed.contains("the known ones are tsv, txt"), "{listed}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn arrays_are_not_shown_on_a_terminal() {
    use portable_pty::{CommandBuilder, PtySize, native_pty_system};
    let pty = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_lookback"));
    command.args(["trace", "--format", "npz"]);
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    assert_eq!(child.wait().unwrap().exit_code(), 2);
    let mut shown = String::new();
    // A terminal whose program has ended may say so with an error.
    let _ = pty.master.try_clone_reader().unwrap().read_to_string(&mut shown);
    assert!(shown.contains("pass --out FILE.npz"), "{shown}");
}

/// Whether a value is as a schema says; of JSON Schema only the words that ours uses.
#[track_caller]
fn check(value: &Json, schema: &Json, whole: &Json, at: &str) {
    if let Err(fault) = fault(value, schema, whole, at) {
        panic!("{fault}");
    }
}

fn fault(value: &Json, schema: &Json, whole: &Json, at: &str) -> Result<(), String> {
    let words = schema.as_object().unwrap();
    let is =
        |holds: bool| if holds { Ok(()) } else { Err(format!("{at} is {value}, want {schema}")) };
    for (word, wanted) in words {
        match word.as_str() {
            "$schema" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let target = whole.pointer(wanted.as_str().unwrap().trim_start_matches('#'));
                fault(value, target.unwrap(), whole, at)?;
            }
            "type" => is(match wanted.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "number" => value.is_number(),
                "integer" => value.is_u64(),
                _ => false,
            })?,
            "const" => is(value == wanted)?,
            "enum" => is(wanted.as_array().unwrap().contains(value))?,
            "required" => {
                let mut keys = wanted.as_array().unwrap().iter();
                is(keys.all(|key| value.get(key.as_str().unwrap()).is_some()))?;
            }
            "additionalProperties" => {
                let mut keys = value.as_object().unwrap().keys();
                is(keys.all(|key| words["properties"].get(key).is_some()))?;
            }
            "properties" => {
                for (key, part) in value.as_object().unwrap() {
                    fault(part, &wanted[key], whole, &format!("{at}.{key}"))?;
                }
            }
            "items" => {
                for (i, part) in value.as_array().into_iter().flatten().enumerate() {
                    fault(part, wanted, whole, &format!("{at}[{i}]"))?;
                }
            }
            "anyOf" => {
                let mut ways = wanted.as_array().unwrap().iter();
                is(ways.any(|way| fault(value, way, whole, at).is_ok()))?;
            }
            unknown => panic!("this test does not know `{unknown}`"),
        }
    }
    Ok(())
}

#[test]
fn the_schema_that_is_printed_describes_what_is_written() {
    let schema: Json = serde_json::from_slice(&traced(&["--schema"])).unwrap();
    let names = ModelName::ALL.map(ModelName::id);
    assert_eq!(schema["properties"]["model"]["enum"], serde_json::json!(names));
    let args = [SHORT, "--model", "all", "--sites", "*.hidden,*.mean,*.masked,blocks.*,*.bias"];
    for changes in [&[][..], &["--what-if", "scaling=off"]] {
        let text = String::from_utf8(traced(&[&args[..], changes].concat())).unwrap();
        assert_eq!(text.lines().count(), ModelName::ALL.len());
        for line in text.lines() {
            check(&serde_json::from_str(line).unwrap(), &schema, &schema, "document");
        }
        let npz = traced(&[&args[..], changes, &["--format", "npz"]].concat());
        let documents = from_npz(npz).1;
        assert_eq!(documents.as_array().unwrap().len(), ModelName::ALL.len());
        for document in documents.as_array().unwrap() {
            check(document, &schema, &schema, "document");
        }
    }
}
