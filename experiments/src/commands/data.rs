//! `experiment data`.

use std::path::Path;

use flowmap_datasets::format::{Series, npz, pdebench};
use flowmap_datasets::generate::DataError;
use flowmap_datasets::observe::ObserveConfig;

use super::{Progress, print};
use crate::cli::OverrideArgs;
use crate::config::load;
use crate::error::Error;

/// Makes and caches the data of a config, and writes them to `out` if it is given.
///
/// # Errors
/// If the config is wrong, a trajectory diverges, or a file cannot be written.
pub fn data(config: &Path, out: Option<&Path>, overrides: &OverrideArgs) -> Result<(), Error> {
    let loaded = load(config, &overrides.into()).map_err(Error::Config)?;
    let ending = out.map(|o| o.extension().and_then(|e| e.to_str()).unwrap_or_default().to_owned());
    if let Some(ending) = &ending
        && !["npz", "h5", "hdf5"].contains(&ending.as_str())
    {
        return Err(Error::Usage {
            message: format!("--out: a file that ends in '.{ending}'"),
            hint: "end it in .npz, .h5 or .hdf5".into(),
        });
    }
    if loaded.config.study.is_some() {
        return Err(Error::Usage {
            message: format!("{}: a study has no data", loaded.path.display()),
            hint: "give the config of an experiment with a problem or a file".into(),
        });
    }
    let mut config = loaded.config.clone();
    if out.is_some() {
        // A file holds the channels as they are; what else is done to them is the config's to say.
        let alone = |o: ObserveConfig| ObserveConfig { channels: o.channels, ..ObserveConfig::default() };
        config.data.observe = config.data.observe.map(alone);
    }
    let progress = Progress::new(false, false);
    if !loaded.members.is_empty() {
        progress.say("of a sweep, only the data of the config without it are made");
    }
    let data = progress.data(&config)?;
    if let (Some(out), Some(ending)) = (out, ending) {
        let series = Series {
            values: data.values,
            times: data.times,
            coordinates: data.coordinates,
            channels: data.channels,
        };
        let written = if ending == "npz" { npz::write(out, &series) } else { pdebench::write(out, &series) };
        written.map_err(DataError::File)?;
        print(&out.display().to_string());
    } else {
        print(&data.card.hash);
    }
    Ok(())
}
