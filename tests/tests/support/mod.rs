//! A folder to run the command in, and small experiments.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The binary beside this test's own.
pub(crate) fn binary() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.join("experiment")
}

pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        // `cargo test` builds the binary for its own tests; this crate asks for it by name.
        static BUILT: std::sync::Once = std::sync::Once::new();
        BUILT.call_once(|| {
            let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
            let status = Command::new(cargo)
                .args(["build", "--quiet", "--workspace", "--bin", "experiment"])
                .current_dir(root())
                .status()
                .unwrap();
            assert!(status.success());
        });
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.folder.path()).env("FLOWMAP_CACHE", self.path("cache"));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn summary(run: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(run.join("summary.json")).unwrap()).unwrap()
}

pub(crate) const SIMULATION: &str = r#"
name = "small"
[problem.kdv]
length = 30.0
points = 64
[solver.etdrk4]
dt = 0.01
[data]
dt = 0.1
steps = 4
[data.initial.solitons]
wavenumbers = [0.8]
positions = [10.0]
"#;

pub(crate) const TRAINING: &str = r#"
name = "learned"
seed = 5
[problem.kdv]
length = 20.0
points = 32
[solver.etdrk4]
dt = 0.01
[data]
train = 6
validation = 2
test = 2
dt = 0.1
steps = 6
[data.initial.truncated_fourier]
modes = 2
amplitude = 0.3
[model.semilinear_operator]
modes = 6
width = 8
layers = 2
[train]
epochs = 6
batch = 4
noise = 0.01
push_forward = 1
[evaluate]
baselines = ["persistence", "solver"]
"#;

pub(crate) const RECONSTRUCTION: &str = r#"
name = "system"
[problem.lorenz63]
[solver.dopri5]
[data]
train = 1
validation = 1
test = 1
dt = 0.02
steps = 4000
burn_in = 5.0
[data.initial.normal]
mean = [0.0, 0.0, 25.0]
std = 5.0
[data.observe]
standardise = true
[model.plrnn]
latent = 3
hidden = 20
[train]
epochs = 8
batches = 10
batch = 8
sequence = 40
schedule = "exponential"
validate_every = 2
[train.optimiser.radam]
rate = 3e-3
[train.forcing.adaptive]
anneal = 0.9
[evaluate]
baselines = ["sindy"]
gradients = true
"#;

pub(crate) const LABELS: &str = r#"
name = "labels"
[problem.spirals]
noise = 0.02
[data]
train = 24
validation = 8
test = 16
dt = 0.3
steps = 14
dropped = 0.4
[model.neural_cde]
hidden = 4
width = 8
[train]
epochs = 6
batch = 8
[train.optimiser.adam]
rate = 2e-2
[evaluate]
baselines = ["gru", "nearest_neighbour", "log_signature"]
"#;

pub(crate) const SOLUTION: &str = r#"
name = "wave"
[problem.advection]
length = 6.283185307179586
points = 32
speed = 3.0
[solver.etdrk4]
dt = 0.01
[data]
dt = 0.1
steps = 10
[data.initial.waves]
waves = [{ amplitude = 1.0, modes = [1] }]
[model.lpinn]
width = 8
depth = 2
iterations = 30
tolerance = 0.0
windows = 2
[model.lpinn.sampling]
points = 300
[model.lpinn.optimiser.levenberg_marquardt]
[evaluate]
baselines = ["pinn"]
speeds = [20.0]
"#;

pub(crate) const SERIES: &str = r#"
name = "series"
[data.file]
path = "series.csv"
train_fraction = 0.75
[data.observe]
channels = ["b"]
standardise = true
[model.autoregressive]
"#;

pub(crate) const STUDY: &str = r#"
name = "gradients"

[study.gradient]
steps = [40, 80]
judged = 80
time = 4.0
rows = 1
slots = 4
segment = 10
saves = 4
"#;
