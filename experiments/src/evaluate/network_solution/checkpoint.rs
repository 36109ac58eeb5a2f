//! What a solve needs to go on: one file, written whole or not at all.

use std::collections::HashMap;
use std::path::PathBuf;

use flowmap_models::gauss_newton::Memory;
use ndarray::Array2;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::solve::Moment;
use crate::error::Error;
use crate::run_dir::{RunDir, write_atomically};

const FORMAT_VERSION: &str = "2";

/// The place of a solve.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// The weights of every window so far; those of the last are on their way unless it is done.
    pub(super) windows: Vec<Vec<f64>>,
    /// Whether each was solved in the Eulerian frame though the model's is another.
    pub(super) fallen_back: Vec<bool>,
    /// When each ends.
    pub(super) ends: Vec<f64>,
    /// How long those to come are, if they were shortened.
    pub(super) length: f64,
    /// Steps in the last window.
    pub(super) iteration: usize,
    /// Whether the last window is done.
    pub(super) done: bool,
    /// What the optimiser remembers.
    pub(super) memory: Memory,
    /// The points of the last window.
    pub(super) points: Array2<f64>,
    /// Every step so far.
    pub(super) history: Vec<Moment>,
    /// Seconds of solving.
    pub(super) seconds: f64,
}

/// The file of one network's solve.
pub(super) struct Store(PathBuf);

impl Store {
    pub(super) fn open(run: &RunDir, role: &str) -> Result<Self, Error> {
        let folder = run.join("checkpoints").join(role);
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        Ok(Self(folder.join("last.safetensors")))
    }

    pub(super) fn save(&self, place: &Place) -> Result<(), Error> {
        let moments: Vec<f64> =
            place.history.iter().flat_map(|m| [m.seconds, m.rms, m.error.unwrap_or(f64::NAN)]).collect();
        let fallen: Vec<f64> = place.fallen_back.iter().map(|f| f64::from(u8::from(*f))).collect();
        let numbers = vec![
            place.iteration as f64,
            f64::from(u8::from(place.done)),
            place.seconds,
            // Exact up to 2⁵³ steps.
            place.memory.step as f64,
            place.length,
        ];
        let mut arrays = vec![
            ("place".to_owned(), numbers),
            ("fallen_back".to_owned(), fallen),
            ("ends".to_owned(), place.ends.clone()),
            ("scalars".to_owned(), place.memory.scalars.clone()),
            ("points".to_owned(), place.points.iter().copied().collect()),
            ("history".to_owned(), moments),
        ];
        let named = |name: &str, i: usize, v: &Vec<f64>| (format!("{name}-{i:06}"), v.clone());
        arrays.extend(place.windows.iter().enumerate().map(|(i, w)| named("window", i, w)));
        arrays.extend(place.memory.vectors.iter().enumerate().map(|(i, v)| named("memory", i, v)));
        let bytes: Vec<(String, Vec<u8>)> = arrays
            .into_iter()
            .map(|(name, values)| (name, values.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let damaged = |e: safetensors::SafeTensorError| self.damaged(e.to_string());
        let views = bytes.iter().map(|(name, bytes)| {
            TensorView::new(Dtype::F64, vec![bytes.len() / 8], bytes).map(|view| (name.clone(), view))
        });
        let views: Vec<_> = views.collect::<Result<_, _>>().map_err(damaged)?;
        let version = HashMap::from([("flowmap_format".to_owned(), FORMAT_VERSION.to_owned())]);
        let file = safetensors::serialize(views, Some(version)).map_err(damaged)?;
        write_atomically(&self.0, &file)
    }

    pub(super) fn load(&self) -> Result<Option<Place>, Error> {
        if !self.0.exists() {
            return Ok(None);
        }
        let bytes = std::fs::read(&self.0).map_err(Error::io(&self.0))?;
        let damaged = |e: safetensors::SafeTensorError| self.damaged(e.to_string());
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let version = metadata.metadata().as_ref().and_then(|m| m.get("flowmap_format"));
        if version.map(String::as_str) != Some(FORMAT_VERSION) {
            return Err(
                self.damaged(format!("not of format version {FORMAT_VERSION}, which this program reads"))
            );
        }
        let file = SafeTensors::deserialize(&bytes).map_err(damaged)?;
        let read = |name: &str| -> Result<Vec<f64>, Error> {
            let data = file.tensor(name).map_err(damaged)?;
            let numbers = data
                .data()
                .chunks_exact(8)
                .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]));
            Ok(numbers.collect())
        };
        let all = |prefix: &str| -> Result<Vec<Vec<f64>>, Error> {
            let mut names: Vec<_> =
                file.names().into_iter().filter(|n| n.starts_with(prefix)).map(ToString::to_string).collect();
            names.sort();
            names.iter().map(|n| read(n)).collect()
        };
        let numbers = read("place")?;
        let [iteration, done, seconds, step, length] = numbers[..] else {
            return Err(self.damaged("its place is incomplete".into()));
        };
        let points = read("points")?;
        let history = read("history")?;
        let moment =
            |m: &[f64]| Moment { seconds: m[0], rms: m[1], error: Some(m[2]).filter(|e| !e.is_nan()) };
        Ok(Some(Place {
            windows: all("window-")?,
            fallen_back: read("fallen_back")?.iter().map(|f| *f == 1.0).collect(),
            ends: read("ends")?,
            length,
            iteration: iteration as usize,
            done: done == 1.0,
            memory: Memory { step: step as u64, scalars: read("scalars")?, vectors: all("memory-")? },
            points: Array2::from_shape_vec((points.len() / 2, 2), points)
                .map_err(|e| self.damaged(e.to_string()))?,
            history: history.chunks_exact(3).map(moment).collect(),
            seconds,
        }))
    }

    fn damaged(&self, message: String) -> Error {
        Error::Checkpoint { path: self.0.clone(), message }
    }
}
