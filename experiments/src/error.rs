//! What can end an experiment early, and the exit status it earns.

use std::path::{Path, PathBuf};

use flowmap_datasets::format::FormatError;
use flowmap_datasets::generate::DataError;

use crate::config::ConfigErrors;

/// Why an experiment ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is wrong; nothing was written.
    #[error("{0}")]
    Config(ConfigErrors),
    /// Bad usage.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What would be right.
        hint: String,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The data cannot be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A figure cannot be drawn.
    #[error("a figure cannot be drawn: {0}")]
    Plot(String),
    /// A checkpoint is damaged or of another making.
    #[error("{}: {message}", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A numerical failure; what there is was kept.
    #[error("{0}")]
    Numerical(String),
    /// The user interrupted the run; a checkpoint was written.
    #[error("interrupted; `--resume` continues")]
    Interrupted,
}

impl Error {
    /// An input or output error at a path.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// The exit status.
    pub fn status(&self) -> u8 {
        match self {
            Self::Numerical(_) | Self::Data(DataError::Diverged { .. }) => 3,
            Self::Interrupted => 130,
            _ => 2,
        }
    }

    /// Advice, where there is any.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::PermissionDenied => {
                    Some("choose a folder that you may write, with --out".into())
                }
                std::io::ErrorKind::StorageFull => {
                    Some("free some space; what was written before is whole".into())
                }
                std::io::ErrorKind::AlreadyExists
                | std::io::ErrorKind::NotADirectory
                | std::io::ErrorKind::ReadOnlyFilesystem => Some("choose another --out".into()),
                std::io::ErrorKind::NotFound => Some("check the path".into()),
                _ => None,
            },
            Self::Data(DataError::File(error)) => {
                let hint = match error {
                    FormatError::Open { .. } => "a relative path of a config starts at the config's folder",
                    FormatError::NoPart { .. } => {
                        "give a folder or file with this part, or a second file by data.file.test"
                    }
                    FormatError::Uneven { .. } => "take files of one step each",
                    FormatError::Statistics { .. } => {
                        "put stats.yaml beside the files that it is about, or remove it"
                    }
                    FormatError::NotFiniteField { .. } => {
                        "take the trajectory out of the file, or ask for fewer trajectories or steps"
                    }
                    _ => return None,
                };
                Some(hint.into())
            }
            Self::Checkpoint { .. } => Some("start anew without --resume".into()),
            _ => None,
        }
    }
}
