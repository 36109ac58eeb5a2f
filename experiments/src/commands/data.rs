//! `experiment data`.

use std::path::Path;

use flowmap_datasets::format::{Series, apebench, npz, pdearena, pdebench, the_well};
use flowmap_datasets::generate::DataError;
use flowmap_datasets::labelled::{self, LabelledData};
use flowmap_datasets::observe::ObserveConfig;
use flowmap_datasets::problem::Problem;
use ndarray::{Array1, Array2, Array3, s};
use ndarray_npy::{NpzWriter, WriteNpzError};

use super::{Progress, print};
use crate::cli::{Layout, OverrideArgs};
use crate::config::load;
use crate::error::Error;

/// Makes and caches the data of a config, and writes them to `out` if it is given, in a layout or that of its ending.
///
/// # Errors
/// If the config is wrong, a trajectory diverges, or a file cannot be written.
pub fn data(
    config: &Path,
    out: Option<&Path>,
    layout: Option<Layout>,
    overrides: &OverrideArgs,
) -> Result<(), Error> {
    let loaded = load(config, &overrides.into()).map_err(Error::Config)?;
    let layout = out.map(|out| chosen(out, layout)).transpose()?;
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
    if let Some(problem) = &config.problem
        && let Ok(Problem::Labelled(kind)) = problem.build()
    {
        let data = labelled::draw(problem, &*kind, &config.data, config.seed);
        let Some(out) = out else {
            print(&data.card.hash);
            return Ok(());
        };
        if layout != Some(Layout::Npz) {
            return Err(Error::Usage {
                message: "--out: labelled series have times of their own, which other layouts have not"
                    .into(),
                hint: "end it in .npz".into(),
            });
        }
        write_labelled(out, &data).map_err(|e| Error::io(out)(std::io::Error::other(e.to_string())))?;
        print(&out.display().to_string());
        return Ok(());
    }
    let data = progress.data(&config)?;
    let (Some(out), Some(layout)) = (out, layout) else {
        print(&data.card.hash);
        return Ok(());
    };
    let written = match layout {
        Layout::Apebench => apebench::write(out, &data).map(Vec::from),
        Layout::Pdearena => pdearena::write(out, &data),
        Layout::TheWell => {
            let problem = config.problem.as_ref().and_then(|p| p.build().ok());
            let boundaries = problem.map_or(Vec::new(), |p| p.boundaries());
            the_well::write(out, &config.name, &boundaries, &data)
        }
        Layout::Npz | Layout::Pdebench => {
            let series = Series {
                values: data.values,
                times: data.times,
                coordinates: data.coordinates,
                channels: data.channels,
            };
            let write = if layout == Layout::Npz { npz::write } else { pdebench::write };
            write(out, &series).map(|()| vec![out.to_owned()])
        }
    };
    written.map_err(DataError::File)?.iter().for_each(|p| print(&p.display().to_string()));
    Ok(())
}

/// The layout of what is written: the one that is asked for, if the name fits it, or that of the ending.
fn chosen(out: &Path, layout: Option<Layout>) -> Result<Layout, Error> {
    const ENDINGS: [(&str, Layout); 4] = [
        ("npz", Layout::Npz),
        ("npy", Layout::Apebench),
        ("h5", Layout::Pdebench),
        ("hdf5", Layout::Pdebench),
    ];
    let ending = out.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let by_ending = ENDINGS.iter().find(|(e, _)| *e == ending).map(|(_, layout)| *layout);
    let fits = match layout {
        None => by_ending,
        Some(Layout::TheWell) => by_ending.is_none().then_some(Layout::TheWell),
        Some(Layout::Pdearena) => by_ending.filter(|l| *l == Layout::Pdebench).map(|_| Layout::Pdearena),
        Some(layout) => by_ending.filter(|l| *l == layout),
    };
    fits.ok_or_else(|| {
        let hint = match layout {
            None => "end it in .npz, .npy (APEBench), .h5 or .hdf5 (PDEBench), or give --layout",
            Some(Layout::Npz) => "end it in .npz",
            Some(Layout::Apebench) => "end it in .npy",
            Some(Layout::Pdebench | Layout::Pdearena) => "end it in .h5 or .hdf5",
            Some(Layout::TheWell) => "give a folder",
        };
        Error::Usage { message: format!("--out: a file that ends in '.{ending}'"), hint: hint.into() }
    })
}

/// `times` `[series, time]`, `values` `[series, time, channel]` and `label`; shorter series end in what is not a number.
fn write_labelled(path: &Path, data: &LabelledData) -> Result<(), WriteNpzError> {
    let longest = data.series.iter().map(|s| s.times.len()).max().unwrap_or(0);
    let (n, channels) = (data.series.len(), data.channels.len());
    let mut times = Array2::from_elem((n, longest), f64::NAN);
    let mut values = Array3::from_elem((n, longest, channels), f64::NAN);
    for (i, series) in data.series.iter().enumerate() {
        let end = series.times.len();
        times.slice_mut(s![i, ..end]).assign(&Array1::from(series.times.clone()));
        values.slice_mut(s![i, ..end, ..]).assign(&series.values);
    }
    let labels: Array1<u32> = data.series.iter().map(|s| s.label as u32).collect();
    let mut archive = NpzWriter::new(std::fs::File::create(path).map_err(|e| WriteNpzError::Npy(e.into()))?);
    archive.add_array("times", &times)?;
    archive.add_array("values", &values)?;
    archive.add_array("label", &labels)?;
    archive.finish().map(|_| ())
}
