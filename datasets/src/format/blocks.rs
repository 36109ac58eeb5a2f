//! Blocks of numbers read from files, of which the last used are kept up to a number of bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hdf5_pure::Dataset;

use super::trajectories::CacheUse;

/// Numbers as the file has them; single ones are widened when they are used.
#[derive(Debug)]
pub(super) enum Block {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

/// Which block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) piece: usize,
    pub(super) array: usize,
    pub(super) row: usize,
    /// The sample; all of a row where the file has no less.
    pub(super) time: usize,
}

/// The blocks kept. What is larger than the budget is never kept.
#[derive(Debug)]
pub(super) struct Blocks {
    budget: usize,
    kept: HashMap<Place, (u64, Arc<Block>)>,
    /// The places by their last use.
    order: BTreeMap<u64, Place>,
    clock: u64,
    used: CacheUse,
}

impl Block {
    /// `count` rows of a data set from `first` on, or as many as there are.
    pub(super) fn read(dataset: &Dataset, single: bool, first: usize, count: usize) -> Result<Self, String> {
        let (first, count) = (first as u64, count as u64);
        if single {
            dataset.read_f32_rows(first, count).map(Self::Single).map_err(|e| e.to_string())
        } else {
            dataset.read_f64_rows(first, count).map(Self::Double).map_err(|e| e.to_string())
        }
    }

    /// Parts of `size` numbers.
    pub(super) fn split(self, size: usize) -> Vec<Self> {
        match self {
            Self::Single(v) if v.len() == size => vec![Self::Single(v)],
            Self::Double(v) if v.len() == size => vec![Self::Double(v)],
            Self::Single(v) => v.chunks_exact(size).map(|c| Self::Single(c.to_vec())).collect(),
            Self::Double(v) => v.chunks_exact(size).map(|c| Self::Double(c.to_vec())).collect(),
        }
    }

    /// Some of the numbers.
    pub(super) fn doubles(&self, first: usize, count: usize) -> Vec<f64> {
        match self {
            Self::Single(v) => v[first..first + count].iter().map(|v| f64::from(*v)).collect(),
            Self::Double(v) => v[first..first + count].to_vec(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Single(v) => 4 * v.len(),
            Self::Double(v) => 8 * v.len(),
        }
    }
}

impl Blocks {
    pub(super) fn new(budget: usize) -> Self {
        let (kept, order) = (HashMap::new(), BTreeMap::new());
        Self { budget, kept, order, clock: 0, used: CacheUse::default() }
    }

    pub(super) fn used(&self) -> CacheUse {
        self.used
    }

    pub(super) fn has(&self, place: Place) -> bool {
        self.kept.contains_key(&place)
    }

    pub(super) fn get(&mut self, place: Place) -> Option<Arc<Block>> {
        let (last, block) = self.kept.get_mut(&place)?;
        self.order.remove(last);
        self.clock += 1;
        *last = self.clock;
        self.order.insert(self.clock, place);
        Some(block.clone())
    }

    /// Keeps a block that was read; those unused for longest make room before.
    pub(super) fn put(&mut self, place: Place, block: Block) -> Arc<Block> {
        let (bytes, block) = (block.bytes(), Arc::new(block));
        self.used.reads += 1;
        if bytes > self.budget || self.has(place) {
            return block;
        }
        while self.used.bytes + bytes > self.budget
            && let Some((_, oldest)) = self.order.pop_first()
        {
            if let Some((_, gone)) = self.kept.remove(&oldest) {
                self.used.bytes -= gone.bytes();
            }
        }
        self.clock += 1;
        self.kept.insert(place, (self.clock, block.clone()));
        self.order.insert(self.clock, place);
        self.used.bytes += bytes;
        self.used.peak = self.used.peak.max(self.used.bytes);
        block
    }
}
