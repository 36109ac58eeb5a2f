//! Memory whose vectors do not straddle cache lines.

use pulp::Simd;

use super::Real;

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;

/// Numbers from the start of a cache line on.
#[derive(Clone, Debug)]
pub(crate) struct Aligned<T> {
    storage: Vec<T>,
    offset: usize,
    len: usize,
}

impl<T: Real> Aligned<T> {
    /// `count` vectors of zeros.
    pub(crate) fn lanes<S: Simd>(count: usize) -> Self {
        let len = count * T::count::<S>();
        let storage = vec![T::default(); len + LINE / size_of::<T>()];
        let offset = storage.as_ptr().align_offset(LINE).min(LINE / size_of::<T>());
        Self { storage, offset, len }
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        &self.storage[self.offset..][..self.len]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.storage[self.offset..][..self.len]
    }

    pub(crate) fn get<S: Simd>(&self) -> &[T::Lanes<S>] {
        T::as_lanes::<S>(self.as_slice())
    }

    pub(crate) fn get_mut<S: Simd>(&mut self) -> &mut [T::Lanes<S>] {
        T::as_mut_lanes::<S>(self.as_mut_slice())
    }
}
