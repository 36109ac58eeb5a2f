//! Trajectories in files: NPZ, and HDF5 as PDEBench lays it out.

pub mod npz;
pub mod pdebench;

use std::io::Read;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;

/// Trajectories of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// `[trajectory, time, channel, x, …]`.
    pub values: ArrayD<f64>,
    /// The times of the samples.
    pub times: Vec<f64>,
    /// The points of every axis.
    pub coordinates: Vec<Vec<f64>>,
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
    #[error("{}: neither an NPZ archive nor an HDF5 file (it begins with {found:?})", path.display())]
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
    #[error("{}: no entry '{entry}'; there are {}", path.display(), found.join(", "))]
    Missing {
        /// The file.
        path: PathBuf,
        /// The entry wanted.
        entry: &'static str,
        /// The entries there.
        found: Vec<String>,
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
    /// It cannot be written.
    #[error("{}: cannot be written: {message}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

/// Reads a file of either kind, told by its first bytes.
///
/// # Errors
/// If the file is missing, foreign, damaged, or lacks what it must hold.
pub fn read(path: &Path) -> Result<Series, FormatError> {
    let open = |source| FormatError::Open { path: path.to_owned(), source };
    let mut head = Vec::new();
    std::fs::File::open(path).and_then(|f| f.take(8).read_to_end(&mut head)).map_err(open)?;
    if head.starts_with(b"PK\x03\x04") {
        npz::read(path)
    } else if head == b"\x89HDF\r\n\x1a\n" {
        pdebench::read(path)
    } else {
        Err(FormatError::Foreign {
            path: path.to_owned(),
            found: String::from_utf8_lossy(&head).into_owned(),
        })
    }
}

/// Runs a reader of files that may hold anything; a panic inside a library is the file's damage.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, FormatError>) -> Result<T, FormatError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(FormatError::Damaged { path: path.to_owned(), message: "it cannot be decoded".into() })
    })
}
