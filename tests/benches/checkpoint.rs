//! How long a checkpoint takes: opening, a pass with everything that the screen needs, the inside of one
//! block, and writing on. One length a process, so that the peak of memory is that length's.
//!
//! `cargo bench --bench checkpoint -- PATH N [REPEATS]` prints one line of JSON;
//! assets/training/bench_checkpoint.py runs it beside PyTorch.

use std::{
    env, fs, iter,
    path::PathBuf,
    time::{Duration, Instant},
};

use lookback::{
    engine::math::argmax,
    model::{Architecture, Model, Setup},
    weights::Checkpoint,
};

/// Tokens that are written on.
const WRITTEN: usize = 64;

#[expect(clippy::print_stdout, reason = "its line is what it is for")]
fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let [path, n, rest @ ..] = &args[..] else { return };
    let n: usize = n.parse().expect("N is a number of tokens");
    let repeats = rest.first().map_or(5, |repeats| repeats.parse().expect("REPEATS is a number"));

    let start = Instant::now();
    let checkpoint = Checkpoint::open(&PathBuf::from(path)).expect("the checkpoint opens");
    let kind = Architecture::of(&checkpoint).expect("its kind is known");
    let model = kind.open(&checkpoint).expect("its weights fit");
    let opened = start.elapsed();

    let sizes = model.sizes().expect("its sizes are known");
    let ids: Vec<u32> = (0..n).map(|i| ((i * 7919 + 11) % sizes.n_vocab) as u32).collect();
    let setup = Setup { keep: sizes.keep(n), ..Setup::default() };
    let first = timed(1, || drop(model.run(&ids, &setup)));
    let pass = timed(repeats, || drop(model.run(&ids, &setup)));
    let peak = peak_of_memory();
    let run = model.run(&ids, &setup);
    let inside = run.tape.hidden().first().map(|(node, _)| *node);
    let inside = inside.map(|node| timed(repeats, || drop(run.tape.inside(node))));
    drop(run);
    let peak_open = peak_of_memory();
    let (prompt, written) = write_on(&*model, &ids).unwrap_or_default();
    println!(
        "{{\"n\": {n}, \"opened_ms\": {:.1}, \"first_ms\": {:.1}, \"pass_ms\": {:.1}, \"inside_ms\": {:.1}, \
         \"peak_mb\": {peak}, \"peak_open_mb\": {peak_open}, \"prompt_ms\": {:.1}, \"tokens_per_s\": {:.1}}}",
        ms(opened),
        ms(first),
        ms(pass),
        ms(inside.unwrap_or_default()),
        ms(prompt),
        if written.is_zero() { 0.0 } else { WRITTEN as f64 / written.as_secs_f64() },
    );
}

/// The fastest of several runs: what the machine can do when nobody disturbs it.
fn timed(repeats: usize, mut run: impl FnMut()) -> Duration {
    let once = |()| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    iter::repeat_n((), repeats).map(once).min().unwrap_or_default()
}

/// Reads the prompt and writes greedily, whatever ends a text. None if the model does not write on.
fn write_on(model: &dyn Model, ids: &[u32]) -> Option<(Duration, Duration)> {
    let setup = Setup::default();
    let mut writer = model.writer(&setup)?;
    let start = Instant::now();
    let mut logits = writer.read(ids).expect("the prompt fits");
    let prompt = start.elapsed();
    let start = Instant::now();
    for _ in 0..WRITTEN {
        let next = argmax(logits.iter().copied()).unwrap_or(0);
        let Some(more) = writer.read(&[next as u32]) else { break };
        logits = more;
    }
    Some((prompt, start.elapsed()))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The most memory that this process has held, in MB; 0 where the system does not say.
fn peak_of_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kb.unwrap_or(0) / 1024
}
