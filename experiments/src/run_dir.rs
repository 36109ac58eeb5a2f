//! The folder that a run leaves.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::config::Loaded;
use crate::error::Error;

/// A run folder.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Makes a run folder: `--out`, or `runs/NAME/DATE-TIME-HASH`.
    ///
    /// # Errors
    /// If the folder is there and not empty, or cannot be made; nothing of it is then left.
    pub fn create(out: Option<&Path>, loaded: &Loaded) -> Result<Self, Error> {
        let path = match out {
            Some(out) => out.to_owned(),
            None => {
                let stamp = timestamp(now()).replace(['-', ':'], "").replace('T', "-");
                let folder = format!("{}-{}", stamp.trim_end_matches('Z'), &fingerprint(loaded)[..8]);
                Path::new("runs").join(&loaded.config.name).join(folder)
            }
        };
        if fs::read_dir(&path).is_ok_and(|mut d| d.next().is_some()) {
            return Err(Error::Usage {
                message: format!("{} is not empty", path.display()),
                hint: "choose another --out, or continue the run there with --resume".into(),
            });
        }
        // The first folder that is not there yet: what a failure half-way takes away again.
        let missing = path.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).last();
        let missing = missing.map(Path::to_owned);
        let run = Self { path };
        match run.furnish(loaded) {
            Ok(()) => Ok(run),
            Err(error) => {
                run.clear(missing.as_deref());
                Err(error)
            }
        }
    }

    fn furnish(&self, loaded: &Loaded) -> Result<(), Error> {
        for folder in [self.path.clone(), self.join("plots"), self.join("checkpoints")] {
            fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        }
        self.write("config.toml", loaded.source.as_bytes())?;
        self.write("resolved.toml", resolved(loaded).as_bytes())
    }

    /// Removes what [`Self::furnish`] has made, down to the folder `missing` that was not there before it.
    fn clear(&self, missing: Option<&Path>) {
        for file in ["config.toml", "resolved.toml"] {
            let _ = fs::remove_file(self.join(file));
        }
        for folder in ["plots", "checkpoints"] {
            let _ = fs::remove_dir(self.join(folder));
        }
        // Only what is empty goes: somebody else may have begun to write there.
        let Some(missing) = missing else { return };
        for folder in self.path.ancestors().take_while(|p| p.starts_with(missing)) {
            let _ = fs::remove_dir(folder);
        }
    }

    /// Opens the run folder that `--resume` means.
    ///
    /// # Errors
    /// If there is none, or it is of another configuration.
    pub fn reopen(out: Option<&Path>, loaded: &Loaded) -> Result<Self, Error> {
        let wanted = resolved(loaded);
        let same = |path: &Path| fs::read_to_string(path.join("resolved.toml")).is_ok_and(|r| r == wanted);
        match out {
            Some(path) if same(path) => Ok(Self { path: path.to_owned() }),
            Some(path) if path.join("resolved.toml").exists() => Err(Error::Usage {
                message: format!("{} is a run of another configuration", path.display()),
                hint: "compare its resolved.toml with `experiment check CONFIG`".into(),
            }),
            Some(path) => Err(Error::Usage {
                message: format!("{} is no run folder", path.display()),
                hint: "give the folder of the interrupted run with --out".into(),
            }),
            None => {
                let parent = Path::new("runs").join(&loaded.config.name);
                let mut runs: Vec<_> =
                    fs::read_dir(&parent).into_iter().flatten().flatten().map(|e| e.path()).collect();
                runs.sort();
                runs.into_iter().rev().find(|r| same(r)).map(|path| Self { path }).ok_or_else(|| {
                    Error::Usage {
                        message: format!("no run of this configuration in {}", parent.display()),
                        hint: "give the folder of the interrupted run with --out".into(),
                    }
                })
            }
        }
    }

    /// Removes the folder and what the run has written.
    pub(crate) fn discard(self) {
        let _ = fs::remove_dir_all(&self.path);
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        write_atomically(&self.join(name), bytes)
    }

    /// Appends one line of JSON to `metrics.jsonl`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn log(&self, line: &Value) -> Result<(), Error> {
        let path = self.join("metrics.jsonl");
        let append = || -> std::io::Result<()> {
            let mut file = fs::OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(format!("{line}\n").as_bytes())
        };
        append().map_err(Error::io(&path))
    }

    /// Drops the logged lines at and after a step of one model, which a resumed run writes again.
    ///
    /// # Errors
    /// If the log cannot be rewritten.
    pub fn trim_log(&self, model: &str, step: u64) -> Result<(), Error> {
        let Ok(text) = fs::read_to_string(self.join("metrics.jsonl")) else { return Ok(()) };
        let keep = |line: &&str| {
            serde_json::from_str::<Value>(line)
                .is_ok_and(|v| v["model"] != model || v["step"].as_u64().is_some_and(|s| s <= step))
        };
        let kept: String = text.lines().filter(keep).map(|l| format!("{l}\n")).collect();
        self.write("metrics.jsonl", kept.as_bytes())
    }
}

/// Writes a file whole or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    flowmap_datasets::file::write_atomically(path, bytes).map_err(Error::io(path))
}

/// The configuration as it runs.
pub fn resolved(loaded: &Loaded) -> String {
    toml::to_string(&loaded.config).unwrap_or_default()
}

fn fingerprint(loaded: &Loaded) -> String {
    Sha256::digest(resolved(loaded)).iter().map(|b| format!("{b:02x}")).collect()
}

/// What ran: version, device, seed, threads, time, command.
pub fn provenance(loaded: &Loaded, device: &str) -> Map<String, Value> {
    let git = std::process::Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .stderr(std::process::Stdio::null())
        .output()
        .ok()
        .filter(|o| o.status.success())
        .map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    let facts = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "git": git,
        "device": device,
        "dtype": "f32 for models, f64 for solvers",
        "seed": loaded.config.seed,
        "threads": rayon::current_num_threads(),
        "start": timestamp(now()),
        "end": Value::Null,
        "command": std::env::args().collect::<Vec<_>>().join(" "),
        "system": format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        "config": loaded.path.display().to_string(),
        "fingerprint": fingerprint(loaded),
    });
    match facts {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// `2026-01-31T12:34:56Z`.
pub fn timestamp(seconds: u64) -> String {
    // Days to a civil date: H. Hinnant, "chrono-compatible low-level date algorithms".
    let (days, rest) = ((seconds / 86_400) as i64, seconds % 86_400);
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// The largest memory held so far, where the system tells.
pub fn peak_rss_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kb| (kb / 102.4).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::RunDir;
    use crate::config::{Loaded, Overrides, load};
    use crate::error::Error;

    fn loaded(folder: &Path) -> Loaded {
        let path = folder.join("small.toml");
        let text = "name = \"small\"\n[problem.lorenz63]\n[solver.dopri5]\n[data]\ndt = 0.1\nsteps = 4\n";
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("{e}"));
        load(&path, &Overrides::default()).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn a_folder_that_cannot_be_made_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        let loaded = loaded(folder.path());
        // So long a path that `plots` can be made in it, and `checkpoints` cannot.
        let mut deep = folder.path().join("deep");
        let rest = |deep: &Path| 4085 - deep.as_os_str().len();
        while rest(&deep) > 250 {
            deep.push("x".repeat(200));
        }
        deep.push("x".repeat(rest(&deep) - 1));
        assert!(matches!(RunDir::create(Some(&deep), &loaded), Err(Error::Io { .. })));
        assert!(!folder.path().join("deep").exists());
        let below = folder.path().join("a/b/c");
        // A folder that was there before stays, and so does what is not ours.
        let run = RunDir::create(Some(&below), &loaded).unwrap_or_else(|e| panic!("{e}"));
        std::fs::write(folder.path().join("a/b/other"), "").unwrap_or_else(|e| panic!("{e}"));
        run.clear(Some(&folder.path().join("a")));
        assert!(!below.exists() && folder.path().join("a/b/other").exists());
        // A file in the way.
        let blocked = folder.path().join("small.toml/run");
        let error = RunDir::create(Some(&blocked), &loaded).err();
        assert_eq!(error.and_then(|e| e.hint()).as_deref(), Some("choose another --out"));
    }

    #[test]
    fn timestamps_are_civil_dates() {
        assert_eq!(super::timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(super::timestamp(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(super::timestamp(4_102_444_799), "2099-12-31T23:59:59Z");
    }
}
