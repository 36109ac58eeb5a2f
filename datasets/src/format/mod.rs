//! Trajectories in files: NPZ, NPY (as APEBench lays it out), tables of text, and HDF5 as PDEBench does.

pub mod apebench;
pub mod npy;
pub mod npz;
mod numbers;
pub mod pdebench;
pub mod table;

use std::io::Read;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;

/// Trajectories of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// `[trajectory, time, channel, x, …]`.
    pub values: ArrayD<f64>,
    /// The times of the samples; empty where the file does not say.
    pub times: Vec<f64>,
    /// The points of every axis.
    pub coordinates: Vec<Vec<f64>>,
    /// The names of the channels; empty where the file does not say.
    pub channels: Vec<String>,
}

/// Why a file cannot be read or written. Every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It cannot be opened.
    #[error("{}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// It is of another kind.
    #[error(
        "{}: neither an NPY array, an NPZ archive, an HDF5 file nor a table that ends in .csv, .tsv, .txt or .dat (it begins with {found:?})",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        found: String,
    },
    /// It is damaged, perhaps cut off.
    #[error("{}: damaged or cut off: {message}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        message: String,
    },
    /// An entry is missing.
    #[error("{}: no entry '{entry}'; there are {}, and wanted are {wanted}", path.display(), found.join(", "))]
    Missing {
        /// The file.
        path: PathBuf,
        /// The entry wanted.
        entry: &'static str,
        /// The entries there.
        found: Vec<String>,
        /// All that is wanted.
        wanted: &'static str,
    },
    /// Its values are no real numbers.
    #[error("{}: values of type {found}, where real numbers are wanted: save them as float64", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// NumPy's name of the type.
        found: String,
    },
    /// It holds no sample.
    #[error("{}: the file has no samples", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// An entry has another shape than it must have.
    #[error("{}: '{entry}' has the shape {found:?}, not {wanted}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The entry.
        entry: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// What it must be.
        wanted: &'static str,
    },
    /// A number of a table cannot be read.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line, from one.
        line: usize,
        /// The column of the table, from one.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A number is not finite.
    #[error("{}: {value} in row {row}, column {column}{}", path.display(), trajectory.map_or(String::new(), |t| format!(" of trajectory {t}")))]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The trajectory, from one, where there are several.
        trajectory: Option<usize>,
        /// The sample, from one.
        row: usize,
        /// The channel, from one.
        column: usize,
        /// What stands there.
        value: f64,
    },
    /// It cannot be written.
    #[error("{}: cannot be written: {message}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

/// Reads a file, told by its first bytes, or a table of text by its ending.
///
/// # Errors
/// If the file is missing, foreign, damaged, empty, or lacks what it must hold.
pub fn read(path: &Path) -> Result<Series, FormatError> {
    let open = |source| FormatError::Open { path: path.to_owned(), source };
    let mut head = Vec::new();
    std::fs::File::open(path).and_then(|f| f.take(8).read_to_end(&mut head)).map_err(open)?;
    let series = if head.starts_with(b"PK\x03\x04") {
        npz::read(path)?
    } else if head == b"\x89HDF\r\n\x1a\n" {
        pdebench::read(path)?
    } else if head.starts_with(b"\x93NUMPY") {
        npy::read(path)?
    } else if table::named(path) {
        table::read(path)?
    } else {
        return Err(FormatError::Foreign {
            path: path.to_owned(),
            found: String::from_utf8_lossy(&head).into_owned(),
        });
    };
    if series.values.is_empty() { Err(FormatError::Empty { path: path.to_owned() }) } else { Ok(series) }
}

impl Series {
    /// Makes sure that every value is finite.
    ///
    /// # Errors
    /// With the place of the first that is not; `path` is the file to name.
    pub fn require_finite(&self, path: &Path) -> Result<(), FormatError> {
        match self.values.indexed_iter().find(|(_, v)| !v.is_finite()) {
            None => Ok(()),
            Some((at, value)) => Err(FormatError::NotFinite {
                path: path.to_owned(),
                trajectory: (self.values.shape()[0] > 1).then_some(at[0] + 1),
                row: at[1] + 1,
                column: at[2] + 1,
                value: *value,
            }),
        }
    }
}

/// Runs a reader of files that may hold anything; a panic inside a library is the file's damage.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, FormatError>) -> Result<T, FormatError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(FormatError::Damaged { path: path.to_owned(), message: "it cannot be decoded".into() })
    })
}
