//! HDF5 files: what is in them, and which of the known layouts that is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hdf5_pure::{
    AttrValue, ChunkCacheConfig, DType, Dataset, Datatype, DatatypeByteOrder, File, FileAccessProperties,
    Layout,
};

use super::trajectories::{Array, Number, Storage};
use super::{FormatError, Opened, PARTS, guarded, pdearena, pdebench, the_well};

/// The layouts that are told apart, for messages.
const KNOWN: &str = "PDEArena (groups 'train', 'valid' or 'test' of fields [trajectory, time, x, …]), The Well (groups 't0_fields', \
                     't1_fields'), PDEBench ('tensor', or fields beside 't-coordinate', or groups '0000', … with 'data')";

/// An open file.
pub(super) struct Tree {
    pub(super) path: PathBuf,
    file: File,
    raw: Arc<Mutex<std::fs::File>>,
}

/// Opens a file in whichever layout it is.
///
/// # Errors
/// If it is damaged, in no layout that is known, or its fields do not fit each other.
pub(super) fn open(path: &Path) -> Result<Opened, FormatError> {
    guarded(path, || {
        let tree = Tree::open(path)?;
        let (groups, datasets) = (tree.groups("")?, tree.datasets("")?);
        let whole = |all| Opened::Whole(Box::new(all));
        let has = |name: &str| datasets.iter().any(|d| d == name);
        if groups.iter().any(|g| PARTS.contains(&g.as_str())) {
            pdearena::open(path, &[tree])
        } else if groups.iter().any(|g| the_well::GROUPS.contains(&g.as_str())) {
            the_well::open(path, vec![tree]).map(whole)
        } else if has("tensor") {
            pdebench::open_tensor(&tree).map(whole)
        } else if has("t-coordinate") {
            pdebench::open_fields(&tree).map(whole)
        } else if pdebench::is_by_seed(&tree, &groups) {
            pdebench::open_seeds(&tree, groups).map(whole)
        } else {
            let name = |kind: &str, names: &[String]| match names.len() {
                0 => None,
                n if n > 8 => Some(format!("{kind} {}, … ({n} in all)", names[..8].join(", "))),
                _ => Some(format!("{kind} {}", names.join(", "))),
            };
            let found: Vec<_> =
                name("groups", &groups).into_iter().chain(name("arrays", &datasets)).collect();
            let found = if found.is_empty() { "nothing".to_owned() } else { found.join(" and ") };
            Err(FormatError::Layout { path: path.to_owned(), found, known: KNOWN })
        }
    })
}

impl Tree {
    /// Opens a file; nothing but its heading is read.
    pub(super) fn open(path: &Path) -> Result<Self, FormatError> {
        let raw = std::fs::File::open(path)
            .map_err(|source| FormatError::Open { path: path.to_owned(), source })?;
        // What is kept in memory is kept by the windows.
        let chunks = ChunkCacheConfig::new().with_max_bytes(0);
        let properties = FileAccessProperties::new().with_chunk_cache(chunks);
        let file = File::open_streaming_with_options(path, properties)
            .map_err(|e| FormatError::Damaged { path: path.to_owned(), message: e.to_string() })?;
        let (found, wanted) = (file.file_size(), file.superblock().eof_address);
        if found < wanted {
            let message = format!("{found} bytes of {wanted}");
            return Err(FormatError::Damaged { path: path.to_owned(), message });
        }
        Ok(Self { path: path.to_owned(), file, raw: Arc::new(Mutex::new(raw)) })
    }

    pub(super) fn damaged(&self, message: impl ToString) -> FormatError {
        FormatError::Damaged { path: self.path.clone(), message: message.to_string() }
    }

    pub(super) fn misfit(&self, entry: &str, found: Vec<usize>, wanted: &'static str) -> FormatError {
        FormatError::Shape { path: self.path.clone(), entry: entry.to_owned(), found, wanted }
    }

    fn group(&self, name: &str) -> Result<hdf5_pure::Group, FormatError> {
        if name.is_empty() {
            Ok(self.file.root())
        } else {
            self.file.group(name).map_err(|e| self.damaged(e))
        }
    }

    /// The groups in a group, by their names; in the file itself, whose name is empty.
    pub(super) fn groups(&self, group: &str) -> Result<Vec<String>, FormatError> {
        let mut names = self.group(group)?.groups().map_err(|e| self.damaged(e))?;
        names.sort();
        Ok(names)
    }

    /// The arrays in a group, by their names.
    pub(super) fn datasets(&self, group: &str) -> Result<Vec<String>, FormatError> {
        let mut names = self.group(group)?.datasets().map_err(|e| self.damaged(e))?;
        names.sort();
        Ok(names)
    }

    /// The attributes of a group.
    pub(super) fn attributes(&self, group: &str) -> Result<HashMap<String, AttrValue>, FormatError> {
        self.group(group)?.attrs().map_err(|e| self.damaged(e))
    }

    pub(super) fn dataset(&self, name: &str) -> Result<Dataset, FormatError> {
        self.file.dataset(name).map_err(|e| self.damaged(format!("'{name}': {e}")))
    }

    /// The shape of an array.
    pub(super) fn shape(&self, name: &str) -> Result<Vec<usize>, FormatError> {
        let shape = self.dataset(name)?.shape().map_err(|e| self.damaged(format!("'{name}': {e}")))?;
        Ok(shape.into_iter().map(|n| n as usize).collect())
    }

    /// All numbers of a small array, and its shape; none if there is no such array.
    pub(super) fn numbers(&self, name: &str) -> Result<Option<(Vec<usize>, Vec<f64>)>, FormatError> {
        let (group, own) = name.rsplit_once('/').unwrap_or(("", name));
        if !self.datasets(group)?.iter().any(|d| d == own) {
            return Ok(None);
        }
        let values = self.dataset(name)?.read_f64().map_err(|e| self.damaged(format!("'{name}': {e}")))?;
        Ok(Some((self.shape(name)?, values)))
    }

    /// A large array of real numbers, of which nothing is read yet. Of its axes, those of trajectories and times come first, as `varies`
    /// says; then those of space, and `trailing` ones of components.
    pub(super) fn array(&self, name: &str, varies: [bool; 2], trailing: usize) -> Result<Array, FormatError> {
        let dataset = self.dataset(name)?;
        let fail = |e: hdf5_pure::Error| self.damaged(format!("'{name}': {e}"));
        let shape = self.shape(name)?;
        let kind = dataset.dtype().map_err(fail)?;
        let single = match kind {
            DType::F32 => true,
            DType::F64
            | DType::I8
            | DType::I16
            | DType::I32
            | DType::I64
            | DType::U8
            | DType::U16
            | DType::U32
            | DType::U64 => false,
            other => {
                return Err(FormatError::Kind {
                    path: self.path.clone(),
                    found: format!("{other} in '{name}'"),
                });
            }
        };
        let before = varies.iter().filter(|v| **v).count();
        if shape.len() < before + trailing {
            return Err(self.misfit(name, shape, "trajectories, times, axes and components"));
        }
        let (points, components) = shape[before..].split_at(shape.len() - before - trailing);
        let times = if varies[1] { shape[before - 1] } else { 1 };
        let little_endian = match dataset.datatype().map_err(fail)? {
            Datatype::FloatingPoint { byte_order: DatatypeByteOrder::LittleEndian, .. } => Some(true),
            Datatype::FloatingPoint { byte_order: DatatypeByteOrder::BigEndian, .. } => Some(false),
            _ => None,
        };
        let storage = match (dataset.layout().map_err(fail)?, little_endian) {
            (Layout::Contiguous { address: Some(offset), .. }, Some(little_endian)) => Storage::Contiguous {
                file: self.raw.clone(),
                offset,
                number: Number { single, little_endian },
            },
            _ if before == 0 => Storage::Memory(dataset.read_f64().map_err(fail)?),
            (layout, _) => {
                let together = match layout {
                    Layout::Chunked { chunk_shape, .. } => chunk_shape.first().map_or(1, |n| *n as usize),
                    _ => 1,
                };
                Storage::Rows { dataset, single, together: together.max(1) }
            }
        };
        Ok(Array {
            name: name.to_owned(),
            storage,
            varies,
            times,
            points: points.to_vec(),
            components: components.iter().product(),
            leading: false,
        })
    }
}
