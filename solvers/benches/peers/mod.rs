//! Times a case and, with `FLOWMAP_PEERS=python` (the interpreter of an environment made by `setup.sh`), its peers in the
//! same run, in turns, since what else a machine does changes with time.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Turns; in each one every implementation runs three times.
const TURNS: usize = 3;

/// The seconds that one implementation took, and what it computed.
struct Timing {
    name: String,
    seconds: Vec<f64>,
    check: f64,
}

impl Timing {
    fn median(&mut self) -> f64 {
        self.seconds.sort_by(f64::total_cmp);
        self.seconds[self.seconds.len() / 2]
    }
}

/// Times ways to solve the case of a script of this folder, each of which returns what the script calls `check`; prints
/// medians, and the ratio of every peer's to the slowest of them.
pub(crate) fn compare(script: &str, ways: &[(&str, &dyn Fn() -> f64)]) {
    let python = std::env::var("FLOWMAP_PEERS").ok();
    let mut ours: Vec<Timing> = Vec::new();
    let mut peers: Vec<Timing> = Vec::new();
    for _ in 0..TURNS {
        for (name, solve) in ways {
            let mut runs = Vec::new();
            let mut check = solve();
            for _ in 0..3 {
                let started = Instant::now();
                check = solve();
                runs.push(started.elapsed().as_secs_f64());
            }
            record(&mut ours, format!("flowmap-{name}"), &runs, check);
        }
        for (name, runs, check) in python.iter().flat_map(|python| run(python, script)) {
            record(&mut peers, name, &runs, check);
        }
    }
    let mut slowest = 0.0_f64;
    for timing in &mut ours {
        let median = timing.median();
        slowest = slowest.max(median);
        println!("{:<20} {median:>9.4} s                check {:.12}", timing.name, timing.check);
    }
    for timing in &mut peers {
        let (median, check) = (timing.median(), timing.check);
        println!("{:<20} {median:>9.4} s  {:>6.2} times  check {check:.12}", timing.name, median / slowest);
    }
}

fn record(timings: &mut Vec<Timing>, name: String, runs: &[f64], check: f64) {
    match timings.iter_mut().find(|t| t.name == name) {
        Some(timing) => timing.seconds.extend(runs),
        None => timings.push(Timing { name, seconds: runs.to_vec(), check }),
    }
}

/// The lines of a script: names, the seconds of the runs, what was computed.
fn run(python: &str, script: &str) -> Vec<(String, Vec<f64>, f64)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../solvers/benches/peers").join(script);
    // NumPy's BLAS shall choose its kernels by the machine.
    let output = Command::new(python).arg(script).env_remove("OPENBLAS_CORETYPE").output();
    let output = output.expect("the peers' interpreter runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter_map(|line| {
        let field = |key: &str, end: &[char]| {
            let rest = &line[line.find(&format!("\"{key}\""))? + key.len() + 3..];
            Some(rest.trim_start_matches([' ', '"', '[']).split(end).next()?.to_owned())
        };
        let runs =
            field("runs", &[']'])?.split(',').map(|s| s.trim().parse()).collect::<Result<_, _>>().ok()?;
        Some((field("peer", &['"'])?, runs, field("check", &[',', '}'])?.parse().ok()?))
    });
    lines.collect()
}
