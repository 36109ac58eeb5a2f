//! Trajectories in files: NPZ, NPY (as APEBench lays it out), tables of text, and HDF5 as PDEArena, PDEBench and The Well do.

pub mod apebench;
mod blocks;
pub mod channels;
mod hdf5;
pub mod npy;
pub mod npz;
mod numbers;
pub mod pdearena;
pub mod pdebench;
pub mod table;
pub mod the_well;
pub mod trajectories;

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis};

pub use trajectories::{CACHE, CacheUse, Trajectories};

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
        entry: String,
        /// The entries there.
        found: Vec<String>,
        /// All that is wanted.
        wanted: &'static str,
    },
    /// It is HDF5 or a folder, in no layout that is known.
    #[error("{}: in no layout that is known: it holds {found}; known are {known}", path.display())]
    Layout {
        /// The file or folder.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// The layouts that are told apart.
        known: &'static str,
    },
    /// It has no trajectories that serve what is asked for.
    #[error("{}: no part '{part}'; there are {}", path.display(), found.join(", "))]
    NoPart {
        /// The file or folder.
        path: PathBuf,
        /// The part wanted.
        part: &'static str,
        /// The parts there.
        found: Vec<&'static str>,
    },
    /// Fields that belong together have different shapes.
    #[error("{}: fields of different shapes: {first:?}{} and {second:?}{}", path.display(), extent(first_shape), extent(second_shape))]
    Ragged {
        /// The file.
        path: PathBuf,
        /// A field.
        first: String,
        /// Its shape.
        first_shape: Vec<usize>,
        /// Another field.
        second: String,
        /// Its shape.
        second_shape: Vec<usize>,
    },
    /// The files of a folder have different fields.
    #[error("{}: fields {}, and {} in {}", path.display(), found.join(", "), wanted.join(", "), first.display())]
    Fields {
        /// The file.
        path: PathBuf,
        /// Its fields.
        found: Vec<String>,
        /// The fields of the first file.
        wanted: Vec<String>,
        /// The first file.
        first: PathBuf,
    },
    /// The time between two samples is not the same for all trajectories.
    #[error("{}: samples are {first} apart in the first trajectory and {other} in trajectory {trajectory}: one map learns one step", path.display())]
    Uneven {
        /// The file.
        path: PathBuf,
        /// The step of the first trajectory.
        first: f64,
        /// Another.
        other: f64,
        /// Its trajectory, from one.
        trajectory: usize,
    },
    /// The files of a folder have other places or times.
    #[error("{}: {axis} {found}, and {wanted} in {}", path.display(), first.display())]
    Apart {
        /// The file.
        path: PathBuf,
        /// What differs: "samples every" and the like.
        axis: String,
        /// That of the file.
        found: f64,
        /// That of the first file.
        wanted: f64,
        /// The first file.
        first: PathBuf,
    },
    /// Stored means and deviations are of other data.
    #[error("{}: statistics of another data set: {message}", path.display())]
    Statistics {
        /// The file of the statistics.
        path: PathBuf,
        /// What does not agree.
        message: String,
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
        entry: String,
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
    /// A number of a field is not finite.
    #[error(
        "{}: {value} in trajectory {}, sample {}{}, channel {channel}",
        path.display(), trajectory + 1, sample + 1, time.map_or(String::new(), |t| format!(" (time {t})"))
    )]
    NotFiniteField {
        /// The file.
        path: PathBuf,
        /// The trajectory, from zero.
        trajectory: usize,
        /// The sample, from zero.
        sample: usize,
        /// Its time, where the file says.
        time: Option<f64>,
        /// The channel: its name, or its number from one.
        channel: String,
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

/// What a file or folder holds.
#[derive(Debug)]
pub enum Opened {
    /// Trajectories.
    Whole(Box<Trajectories>),
    /// Trajectories that train, validate and test, as far as there are any; no part is empty, and at least one is there.
    Parts(Box<[Option<Trajectories>; 3]>),
}

/// The names of the parts of a data set.
pub const PARTS: [&str; 3] = ["train", "valid", "test"];

/// What an HDF5 file begins with, or what stands behind its user block.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Whether the signature of HDF5 stands at 512 bytes, or at twice, four times … as many.
fn behind_a_user_block(path: &Path) -> std::io::Result<bool> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let mut at = 512_u64;
    while at + SIGNATURE.len() as u64 <= length {
        let mut found = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut found)?;
        if found == *SIGNATURE {
            return Ok(true);
        }
        at *= 2;
    }
    Ok(false)
}

/// Opens a file, told by its first bytes, or a table of text by its ending; or a folder of HDF5 files. What can be read in parts is not read yet.
///
/// # Errors
/// If it is missing, foreign, damaged, empty, or lacks what it must hold.
pub fn open(path: &Path) -> Result<Opened, FormatError> {
    let fail = |source| FormatError::Open { path: path.to_owned(), source };
    if path.is_dir() {
        return folder(path);
    }
    let mut head = Vec::new();
    std::fs::File::open(path).and_then(|f| f.take(8).read_to_end(&mut head)).map_err(fail)?;
    let series = if head.starts_with(b"PK\x03\x04") {
        npz::read(path)?
    } else if head == SIGNATURE || behind_a_user_block(path).map_err(fail)? {
        return hdf5::open(path);
    } else if head.starts_with(b"\x93NUMPY") {
        match npy::open(path)? {
            Some(fields) => return Ok(Opened::Whole(Box::new(fields))),
            None => npy::read(path)?,
        }
    } else if table::named(path) {
        table::read(path)?
    } else {
        return Err(FormatError::Foreign {
            path: path.to_owned(),
            found: String::from_utf8_lossy(&head).into_owned(),
        });
    };
    if series.values.is_empty() {
        return Err(FormatError::Empty { path: path.to_owned() });
    }
    Ok(Opened::Whole(Box::new(Trajectories::in_memory(path, series))))
}

/// All of a file as [`open`] finds it, parts one after the other.
///
/// # Errors
/// As [`open`].
pub fn read(path: &Path) -> Result<Series, FormatError> {
    open(path)?.whole()
}

impl Opened {
    /// The shape of its trajectories, `[time, channel, x, …]`.
    pub fn sample_shape(&self) -> &[usize] {
        match self {
            Self::Whole(all) => &all.shape[1..],
            Self::Parts(parts) => parts.iter().flatten().next().map_or(&[], |part| &part.shape[1..]),
        }
    }

    /// All of it, parts one after the other.
    ///
    /// # Errors
    /// As [`Trajectories::window`], or if the parts differ in their shapes.
    pub fn whole(self) -> Result<Series, FormatError> {
        let parts = match self {
            Self::Whole(all) => return all.whole(),
            Self::Parts(parts) => (*parts).into_iter().flatten(),
        };
        let mut all: Option<Series> = None;
        for part in parts {
            let path = part.path.clone();
            let part = part.whole()?;
            match &mut all {
                None => all = Some(part),
                Some(all) => all.values.append(Axis(0), part.values.view()).map_err(|e| {
                    FormatError::Damaged { path: path.clone(), message: format!("its parts differ: {e}") }
                })?,
            }
        }
        all.ok_or_else(|| FormatError::Empty { path: PathBuf::new() })
    }
}

/// A folder of The Well, `data/train/*.hdf5` and so on, or one of PDEArena's files.
fn folder(path: &Path) -> Result<Opened, FormatError> {
    let within = |folder: &Path| -> Result<Vec<PathBuf>, FormatError> {
        let fail = |source| FormatError::Open { path: folder.to_owned(), source };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(fail)? {
            let file = entry.map_err(fail)?.path();
            let ending = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
            if ["h5", "hdf5"].contains(&ending) && file.is_file() {
                found.push(file);
            }
        }
        found.sort();
        Ok(found)
    };
    let root = if path.join("data").is_dir() { path.join("data") } else { path.to_owned() };
    let parts =
        PARTS.map(|part| root.join(part)).map(|p| if p.is_dir() { within(&p) } else { Ok(Vec::new()) });
    let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (mut opened, mut any) = ([None, None, None], false);
    for (to, (part, files)) in opened.iter_mut().zip(PARTS.iter().zip(parts)) {
        if !files.is_empty() {
            let trees = files.iter().map(|f| hdf5::Tree::open(f)).collect::<Result<_, _>>()?;
            *to = Some(guarded(path, || the_well::open(&root.join(part), trees))?);
            any = true;
        }
    }
    if any {
        the_well::with_statistics(path, &mut opened)?;
        return Ok(Opened::Parts(Box::new(opened)));
    }
    let files = within(path)?;
    if files.is_empty() {
        return Err(FormatError::Layout {
            path: path.to_owned(),
            found: "no file that ends in .h5 or .hdf5".into(),
            known: "a folder of PDEArena's files, and one of The Well with data/train, data/valid and data/test",
        });
    }
    let trees = files.iter().map(|f| hdf5::Tree::open(f)).collect::<Result<Vec<_>, _>>()?;
    guarded(path, || pdearena::open(path, &trees))
}

/// A shape for a message.
fn extent(shape: &[usize]) -> String {
    format!(" {shape:?}")
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
