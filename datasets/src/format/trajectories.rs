//! Trajectories that stay in their files: windows of them are read through a cache of bounded size.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hdf5_pure::Dataset;
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis, IxDyn};

use super::blocks::{Block, Blocks, Place};
use super::the_well::Statistics;
use super::{FormatError, Series, guarded};

/// What windows may keep in memory unless a number is given, in bytes.
pub const CACHE: usize = 1 << 30;

/// Trajectories of one or several files, opened once.
#[derive(Debug)]
pub struct Trajectories {
    /// The file, or the folder of several.
    pub path: PathBuf,
    /// `[trajectory, time, channel, x, …]`.
    pub shape: Vec<usize>,
    /// The times of the samples; empty where the file does not say.
    pub times: Vec<f64>,
    /// The points of every axis; empty where the file does not say.
    pub coordinates: Vec<Vec<f64>>,
    /// The names that the file gives the channels; empty where it gives none.
    pub channels: Vec<String>,
    /// Means and deviations that came with the files.
    pub statistics: Option<Statistics>,
    pieces: Vec<Piece>,
    /// The trajectories in the pieces up to each.
    ends: Vec<usize>,
    /// Of every channel: its array in a piece, and its component there.
    slots: Vec<(usize, usize)>,
    blocks: Mutex<Blocks>,
}

/// Some of the trajectories: one file, or one group of it.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) path: PathBuf,
    pub(super) trajectories: usize,
    pub(super) arrays: Vec<Array>,
}

/// An array of a file, `[trajectory, time, x, …, component]`; axes along which it does not vary may be missing.
#[derive(Debug)]
pub(super) struct Array {
    pub(super) name: String,
    pub(super) storage: Storage,
    /// Whether it has an axis of trajectories, and one of times.
    pub(super) varies: [bool; 2],
    /// The samples of a trajectory in the array.
    pub(super) times: usize,
    /// The points of every axis; one where it does not vary.
    pub(super) points: Vec<usize>,
    pub(super) components: usize,
    /// Whether components come before the axes, `[trajectory, time, component, x, …]`.
    pub(super) leading: bool,
}

/// Where numbers lie.
#[derive(Debug)]
pub(super) enum Storage {
    /// One after the other, from `offset` on.
    Contiguous { file: Arc<Mutex<fs::File>>, offset: u64, number: Number },
    /// In chunks, perhaps packed; a row of the first axis at a time, and as many as one chunk holds together.
    Rows { dataset: Dataset, single: bool, together: usize },
    /// In memory, since nothing less can be read.
    Memory(Vec<f64>),
}

/// How a real number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) single: bool,
    pub(super) little_endian: bool,
}

impl Number {
    fn bytes(self) -> usize {
        if self.single { 4 } else { 8 }
    }

    fn decode(self, bytes: &[u8]) -> Block {
        macro_rules! all {
            ($kind:ty) => {
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| match self.little_endian {
                        true => <$kind>::from_le_bytes(*b),
                        false => <$kind>::from_be_bytes(*b),
                    })
                    .collect()
            };
        }
        if self.single { Block::Single(all!(f32)) } else { Block::Double(all!(f64)) }
    }
}

/// What a cache of windows has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// Bytes kept now.
    pub bytes: usize,
    /// The most that were kept at any time.
    pub peak: usize,
    /// Blocks read from the files.
    pub reads: usize,
}

impl Array {
    /// Numbers of one sample.
    fn sample(&self) -> usize {
        self.points.iter().product::<usize>() * self.components
    }

    /// Where a sample begins among the numbers of the array.
    fn first(&self, row: usize, time: usize) -> usize {
        let row = if self.varies[0] { row } else { 0 };
        let sample = if self.varies[1] { row * self.times + time } else { row };
        sample * self.sample()
    }

    /// The samples `range` of a trajectory, each a block; what is one block for several is so.
    fn blocks(
        &self,
        place: (usize, usize, usize),
        range: &Range<usize>,
        cache: &mut Blocks,
    ) -> Result<Vec<(Arc<Block>, usize)>, String> {
        let (piece, array, trajectory) = place;
        let row = if self.varies[0] { trajectory } else { 0 };
        let times = if self.varies[1] { range.clone() } else { 0..1 };
        let place = |time| Place { piece, array, row, time };
        let mut found: Vec<(Arc<Block>, usize)> = Vec::with_capacity(times.len());
        match &self.storage {
            Storage::Memory(_) => {}
            Storage::Contiguous { file, offset, number } => {
                let mut time = times.start;
                while time < times.end {
                    if let Some(block) = cache.get(place(time)) {
                        found.push((block, 0));
                        time += 1;
                        continue;
                    }
                    // All that are missing in a row at once.
                    let end = (time + 1..times.end).find(|t| cache.has(place(*t))).unwrap_or(times.end);
                    let size = self.sample() * number.bytes();
                    let mut bytes = vec![0; size * (end - time)];
                    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                    file.seek(SeekFrom::Start(offset + (self.first(row, time) * number.bytes()) as u64))
                        .and_then(|_| file.read_exact(&mut bytes))
                        .map_err(|e| e.to_string())?;
                    for (bytes, time) in bytes.chunks_exact(size).zip(time..end) {
                        found.push((cache.put(place(time), number.decode(bytes)), 0));
                    }
                    time = end;
                }
            }
            Storage::Rows { dataset, single, together } => {
                // A row is a trajectory, or else a sample of the only one.
                let rows = if self.varies[0] { row..row + 1 } else { times.clone() };
                let samples = if self.varies[0] && self.varies[1] { self.times } else { 1 };
                let place = |row| Place { piece, array, row, time: usize::MAX };
                let size = samples * self.sample();
                for row in rows {
                    let block = match cache.get(place(row)) {
                        Some(block) => block,
                        None => {
                            let first = row - row % together;
                            let read = Block::read(dataset, *single, first, *together)?;
                            let mut wanted = None;
                            for (i, part) in read.split(size).into_iter().enumerate() {
                                let kept = cache.put(place(first + i), part);
                                if first + i == row {
                                    wanted = Some(kept);
                                }
                            }
                            wanted.ok_or_else(|| format!("'{}' ends before row {row}", self.name))?
                        }
                    };
                    if samples == 1 {
                        found.push((block, 0));
                    } else {
                        found.extend(times.clone().map(|t| (block.clone(), t * self.sample())));
                    }
                }
            }
        }
        Ok(found)
    }
}

/// Writes one component of a sample into a field.
fn assign(array: &Array, component: usize, values: ArrayViewD<'_, f64>, mut to: ArrayViewMutD<'_, f64>) {
    let axis = if array.leading { 0 } else { array.points.len() };
    let part = values.index_axis_move(Axis(axis), component);
    if let Some(wide) = part.broadcast(to.raw_dim()) {
        to.assign(&wide);
    }
}

impl Trajectories {
    /// Of pieces with the same channels, `[time, x, …]` each; `slots` say where the channels lie in a piece.
    pub(super) fn new(
        path: &Path,
        sample: (usize, &[usize]),
        pieces: Vec<Piece>,
        slots: Vec<(usize, usize)>,
        channels: Vec<String>,
    ) -> Result<Self, FormatError> {
        let (times, points) = sample;
        let mut trajectories = 0;
        let ends = pieces.iter().map(|p| {
            trajectories += p.trajectories;
            trajectories
        });
        let ends = ends.collect();
        let mut shape = vec![trajectories, times, slots.len()];
        shape.extend(points);
        if shape.contains(&0) {
            return Err(FormatError::Empty { path: path.to_owned() });
        }
        for piece in &pieces {
            piece.whole()?;
        }
        Ok(Self {
            path: path.to_owned(),
            shape,
            times: Vec::new(),
            coordinates: Vec::new(),
            channels,
            statistics: None,
            pieces,
            ends,
            slots,
            blocks: Mutex::new(Blocks::new(CACHE)),
        })
    }

    /// With the times of the samples and the points of every axis.
    pub(super) fn placed(self, times: Vec<f64>, coordinates: Vec<Vec<f64>>) -> Self {
        Self { times, coordinates, ..self }
    }

    /// All of a file that cannot be read in parts.
    pub fn in_memory(path: &Path, series: Series) -> Self {
        let shape = series.values.shape().to_vec();
        let values = match series.values.is_standard_layout() {
            true => series.values.into_raw_vec_and_offset().0,
            false => series.values.iter().copied().collect(),
        };
        let array = Array {
            name: "values".into(),
            storage: Storage::Memory(values),
            varies: [true; 2],
            times: shape[1],
            points: shape[3..].to_vec(),
            components: shape[2],
            leading: true,
        };
        let piece = Piece { path: path.to_owned(), trajectories: shape[0], arrays: vec![array] };
        Self {
            path: path.to_owned(),
            times: series.times,
            coordinates: series.coordinates,
            channels: series.channels,
            statistics: None,
            pieces: vec![piece],
            ends: vec![shape[0]],
            slots: (0..shape[2]).map(|c| (0, c)).collect(),
            shape,
            blocks: Mutex::new(Blocks::new(0)),
        }
    }

    /// With `bytes` as the most that the cache may hold.
    #[must_use]
    pub fn with_cache(mut self, bytes: usize) -> Self {
        self.blocks = Mutex::new(Blocks::new(bytes));
        self
    }

    /// With the channels `chosen`, in this order.
    #[must_use]
    pub fn select(mut self, chosen: &[usize]) -> Self {
        self.slots = chosen.iter().map(|c| self.slots[*c]).collect();
        if !self.channels.is_empty() {
            self.channels = chosen.iter().map(|c| self.channels[*c].clone()).collect();
        }
        if let Some(Statistics { of, .. }) = &mut self.statistics {
            of.mean = chosen.iter().map(|c| of.mean[*c]).collect();
            of.std = chosen.iter().map(|c| of.std[*c]).collect();
        }
        self.shape[2] = chosen.len();
        self
    }

    /// What the cache has done.
    pub fn cache_use(&self) -> CacheUse {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).used()
    }

    /// `[time, channel, x, …]`, `length` samples of a trajectory from `start` on.
    ///
    /// # Errors
    /// If the file has become shorter, or cannot be decoded.
    pub fn window(&self, trajectory: usize, start: usize, length: usize) -> Result<ArrayD<f64>, FormatError> {
        let index = self.ends.partition_point(|end| *end <= trajectory);
        let Some(piece) = self.pieces.get(index) else {
            return Err(FormatError::Empty { path: self.path.clone() });
        };
        let row = trajectory + piece.trajectories - self.ends[index];
        let mut shape = self.shape[1..].to_vec();
        shape[0] = length;
        let mut out = ArrayD::zeros(shape);
        let mut cache = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let range = start..start + length;
        for (channel, (slot, component)) in self.slots.iter().enumerate() {
            let array = &piece.arrays[*slot];
            let mut dim = array.points.clone();
            dim.insert(if array.leading { 0 } else { dim.len() }, array.components);
            let dim = IxDyn(&dim);
            let damaged = |message: String| FormatError::Damaged { path: piece.path.clone(), message };
            let view = |values: &[f64], mut to: ArrayViewMutD<'_, f64>| match ArrayViewD::from_shape(
                dim.clone(),
                values,
            ) {
                Ok(values) => {
                    assign(array, *component, values, to.view_mut());
                    Ok(())
                }
                Err(e) => Err(damaged(e.to_string())),
            };
            let mut column = out.index_axis_mut(Axis(1), channel);
            if let Storage::Memory(values) = &array.storage {
                for (time, to) in range.clone().zip(column.axis_iter_mut(Axis(0))) {
                    view(&values[array.first(row, time)..][..array.sample()], to)?;
                }
                continue;
            }
            let blocks = guarded(&piece.path, || {
                array.blocks((index, *slot, row), &range, &mut cache).map_err(damaged)
            })?;
            for (i, to) in column.axis_iter_mut(Axis(0)).enumerate() {
                // One block stands for all times where nothing varies.
                let (block, at) = &blocks[i.min(blocks.len() - 1)];
                view(&block.doubles(*at, array.sample()), to)?;
            }
        }
        Ok(out)
    }

    /// All of it.
    ///
    /// # Errors
    /// As [`window`](Self::window).
    pub fn whole(self) -> Result<Series, FormatError> {
        let mut values = ArrayD::zeros(self.shape.clone());
        for (i, mut to) in values.axis_iter_mut(Axis(0)).enumerate() {
            to.assign(&self.window(i, 0, self.shape[1])?);
        }
        Ok(Series { values, times: self.times, coordinates: self.coordinates, channels: self.channels })
    }

    /// Some trajectories, some samples of each, all finite.
    ///
    /// # Errors
    /// As [`window`](Self::window), or with the place of the first value that is no finite number.
    pub fn part(
        &self,
        trajectories: Range<usize>,
        samples: Range<usize>,
    ) -> Result<ArrayD<f64>, FormatError> {
        let mut shape = self.shape.clone();
        (shape[0], shape[1]) = (trajectories.len(), samples.len());
        let mut values = ArrayD::zeros(shape);
        for (mut to, trajectory) in values.axis_iter_mut(Axis(0)).zip(trajectories) {
            to.assign(&self.finite(trajectory, samples.clone())?);
        }
        Ok(values)
    }

    /// Some samples of a trajectory, all finite.
    ///
    /// # Errors
    /// As [`part`](Self::part).
    pub fn finite(&self, trajectory: usize, samples: Range<usize>) -> Result<ArrayD<f64>, FormatError> {
        let values = self.window(trajectory, samples.start, samples.len())?;
        match values.indexed_iter().find(|(_, v)| !v.is_finite()) {
            None => Ok(values),
            Some((at, value)) => Err(FormatError::NotFiniteField {
                path: self.path.clone(),
                trajectory,
                sample: samples.start + at[0],
                time: self.times.get(samples.start + at[0]).copied(),
                channel: match self.channels.get(at[1]) {
                    Some(name) => format!("'{name}'"),
                    None => (at[1] + 1).to_string(),
                },
                value: *value,
            }),
        }
    }
}

impl Piece {
    /// Whether the files are as long as they say.
    fn whole(&self) -> Result<(), FormatError> {
        for array in &self.arrays {
            let Storage::Contiguous { file, offset, number } = &array.storage else { continue };
            let rows = if array.varies[0] { self.trajectories } else { 1 };
            let times = if array.varies[1] { array.times } else { 1 };
            let factors = [rows, times, array.sample(), number.bytes()];
            let size = factors.iter().try_fold(1_u64, |size, n| size.checked_mul(*n as u64));
            let Some(wanted) = size.and_then(|size| size.checked_add(*offset)) else {
                let message = format!("'{}' would be larger than any file", array.name);
                return Err(FormatError::Damaged { path: self.path.clone(), message });
            };
            let file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let found =
                file.metadata().map_err(|source| FormatError::Open { path: self.path.clone(), source })?;
            if found.len() < wanted {
                let message = format!("'{}' ends at byte {wanted}, the file at {}", array.name, found.len());
                return Err(FormatError::Damaged { path: self.path.clone(), message });
            }
        }
        Ok(())
    }
}
