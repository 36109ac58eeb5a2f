//! The path itself: a binary tree of intervals, descended from its root at every question.

use pulp::Arch;

use super::normal::normal_pair;
use super::pieces::{Bridge, Piece};
use super::{LevyPath, Noise, Path};

/// Positions within the span of a path are multiples of `2⁻⁴⁴` of it.
const BITS: usize = 44;
/// How much narrower than a leaf the grain of a path is, at least, as a power of two.
const BELOW_LEAF: usize = 4;
/// Times that differ by less than this many units in their last place are the same time.
const ROUNDING: f64 = 8.0;
/// The deepest leaves of all.
const DEEPEST: usize = BITS - BELOW_LEAF;
/// The depth of a path that is not told its tolerance.
const DEPTH: usize = 20;
/// How much finer than the steps the leaves of a path on a grid are.
const BELOW_GRID: usize = 10;
/// Times beyond the ends by less than this part of the span are the ends.
const SLACK: f64 = 1e-9;

/// Brownian motion on `[t0, t1]` as a function of a seed, a row, a component and the time.
///
/// The increment `W` and the space-time Lévy area `H` of the whole interval, and those of the first half of every interval given
/// the whole, are made of normal numbers that belong to the place of the interval in a binary tree: the counter of
/// [`philox`](super::philox) is the place, the row and the component, its key the seed. A question is answered by descending from
/// the root, so a value depends neither on what was asked before, nor on the other rows, nor on the thread or the device that asks.
/// The intervals of the last descent are kept, `O(log)` of them, which makes a walk along a grid as cheap as drawing its steps one
/// after the other.
///
/// Down to the leaves the law is exact, jointly in all questions; within a leaf each single time has its exact law given the leaf's
/// ends, but two times in one leaf share their noise, so leaves are to be narrower than steps
/// ([`tolerance`](Self::tolerance)). Increments add up to rounding. Outside `[t0, t1]` the path is NaN, which ends a solve by its name.
///
/// ```
/// use flowmap_solvers::brownian::{Brownian, Path};
/// let mut path = Brownian::new(7, 0.0, 2.0, &[0.0; 3]);
/// let (mut a, mut b, mut whole) = ([0.0; 3], [0.0; 3], [0.0; 3]);
/// path.increment(1.1, 2.0, &mut b);
/// path.increment(0.3, 1.1, &mut a);
/// path.increment(0.3, 2.0, &mut whole);
/// assert!((a[0] + b[0] - whole[0]).abs() < 1e-14);
/// ```
///
/// The tree is that of A. Jelinčič, J. Foster, P. Kidger, "Single-seed generation of Brownian paths and integrals for adaptive and
/// high order SDE solvers" (2024), with a counter in the place of split keys.
#[derive(Clone, Debug)]
pub struct Brownian {
    key: [u32; 2],
    t0: f64,
    span: f64,
    /// Times are rounded to positions that are multiples of `2^grain`, so that their rounding does not show.
    grain: usize,
    depth: usize,
    components: usize,
    /// Row and component of every lane.
    lanes: Vec<[u32; 2]>,
    root: Vec<Piece>,
    levels: Vec<Children>,
    /// The answer in the making.
    sum: Vec<Piece>,
    values: Vec<f64>,
    arch: Arch,
}

/// The two halves of one interval.
#[derive(Clone, Debug)]
struct Children {
    /// Which interval of its level; none as long as nothing was asked.
    of: Option<u64>,
    pieces: [Vec<Piece>; 2],
}

impl Brownian {
    /// The path of a seed on `[t0, t1]` (in either order), with the rows and components of `like`.
    pub fn new<W: Noise>(seed: u64, t0: f64, t1: f64, like: &W) -> Self {
        let (rows, components) = like.shape();
        let span = (t1 - t0).abs().max(f64::MIN_POSITIVE);
        let rounding = ROUNDING * f64::EPSILON * t0.abs().max(t1.abs()) / span * (1_u64 << BITS) as f64;
        let grain = rounding.log2().ceil().clamp(0.0, DEEPEST as f64) as usize;
        let mut path = Self {
            key: [seed as u32, (seed >> 32) as u32],
            t0: t0.min(t1),
            span,
            grain,
            depth: DEPTH.min(DEEPEST - grain),
            components,
            lanes: vec![[0; 2]; rows * components],
            root: Vec::new(),
            levels: Vec::new(),
            sum: vec![Piece::default(); rows * components],
            values: Vec::new(),
            arch: Arch::new(),
        };
        path.plant(0);
        path
    }

    /// The path of a seed for a walk of `steps` steps of `dt` from `t0`: the ends of the steps are ends of intervals of the tree, and
    /// a step costs one draw.
    ///
    /// It is another path than that of [`new`](Self::new) over the same time, since its tree spans `dt 2ᵏ`, the power of two that holds
    /// all steps. Half steps, quarters and so on are places of the tree too.
    pub fn on_grid<W: Noise>(seed: u64, t0: f64, dt: f64, steps: u64, like: &W) -> Self {
        let doublings = steps.clamp(1, 1 << DEEPEST).next_power_of_two().trailing_zeros() as usize;
        let mut path = Self::new(seed, t0, t0 + dt * (1_u64 << doublings) as f64, like);
        path.depth = (doublings + BELOW_GRID).min(path.deepest());
        path
    }

    /// Leaves that are no wider than `tolerance`, a time. Coarser and finer trees of a seed agree at the ends of the coarser leaves.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        let depth = (self.span / tolerance).log2().ceil();
        // A tolerance that is zero, or none, is as fine as times are.
        self.depth =
            if depth.is_nan() { self.deepest() } else { depth.max(0.0) as usize }.min(self.deepest());
        self.levels.clear();
        self
    }

    fn deepest(&self) -> usize {
        DEEPEST - self.grain
    }

    /// The same path, with `row` in the place of its first row: a batch in parts, or one of its rows alone.
    #[must_use]
    pub fn first_row(mut self, row: usize) -> Self {
        self.plant(row);
        self
    }

    /// Draws the root.
    fn plant(&mut self, first_row: usize) {
        let components = self.components.max(1);
        for (i, lane) in self.lanes.iter_mut().enumerate() {
            *lane = [(first_row + i / components) as u32, (i % components) as u32];
        }
        let (w, h) = (self.span.sqrt(), (self.span / 12.0).sqrt());
        let draw = |lane: &[u32; 2]| {
            let normals = normal_pair(self.key, 0, *lane);
            Piece { w: w * normals.0, h: h * normals.1 }
        };
        self.root = self.lanes.iter().map(draw).collect();
        self.levels.clear();
    }

    /// Where a time lies, if it lies in the span.
    fn position(&self, t: f64) -> Option<u64> {
        let x = (t - self.t0) / self.span;
        let grains = (1_u64 << (BITS - self.grain)) as f64;
        (-SLACK..=1.0 + SLACK)
            .contains(&x)
            .then(|| ((x.clamp(0.0, 1.0) * grains).round() as u64) << self.grain)
    }

    /// The length of an interval of positions.
    #[inline]
    fn length(&self, positions: u64) -> f64 {
        self.span * (positions as f64 / (1_u64 << BITS) as f64)
    }

    /// Fills `sum` with the piece over `[t0, t1]`; whether it is that of the reverse, or none if a time lies outside.
    fn gather(&mut self, t0: f64, t1: f64) -> Option<bool> {
        let (s, t) = (self.position(t0)?, self.position(t1)?);
        self.sum.fill(Piece::default());
        if s != t {
            self.between(s.min(t), s.max(t));
        }
        Some(s > t)
    }

    /// Fills `sum` with the piece over the positions `s < t`.
    fn between(&mut self, s: u64, t: u64) {
        // The deepest interval that holds both.
        let (mut level, mut k) = (0, 0);
        loop {
            let size = size(level);
            let start = k * size;
            if t - s == size {
                let Self { sum, root, levels, .. } = self;
                sum.copy_from_slice(pieces(root, levels, level, k));
                return;
            }
            if level == self.depth {
                self.within_leaf(k, s - start, t - start);
                return;
            }
            self.split(level, k);
            let middle = start + size / 2;
            if s < middle && t > middle {
                break;
            }
            level += 1;
            k = 2 * k + u64::from(s >= middle);
        }
        self.from(level + 1, 2 * k, s);
        self.up_to(level + 1, 2 * k + 1, t, t - s);
    }

    /// Fills `sum` with the piece from `s` to the end of an interval.
    fn from(&mut self, mut level: usize, mut k: u64, s: u64) {
        let mut length = 0;
        loop {
            let size = size(level);
            let start = k * size;
            if s == start {
                self.extend::<true>(level, k, length);
                return;
            }
            if level == self.depth {
                self.extend_by_part::<true>(k, s - start, length);
                return;
            }
            self.split(level, k);
            (level, k) = (level + 1, 2 * k);
            if s < start + size / 2 {
                self.extend::<true>(level, k + 1, length);
                length += size / 2;
            } else {
                k += 1;
            }
        }
    }

    /// Extends `sum` by the piece from the start of an interval to `t`; in the end it is `total` long.
    fn up_to(&mut self, mut level: usize, mut k: u64, t: u64, total: u64) {
        loop {
            let size = size(level);
            let start = k * size;
            let before = total - (t - start);
            if t == start + size {
                self.extend::<false>(level, k, before);
                return;
            }
            if level == self.depth {
                self.extend_by_part::<false>(k, t - start, before);
                return;
            }
            self.split(level, k);
            (level, k) = (level + 1, 2 * k);
            if t > start + size / 2 {
                self.extend::<false>(level, k, before);
                k += 1;
            }
            if t == start + size / 2 {
                self.extend::<false>(level, k, before);
                return;
            }
        }
    }

    /// Joins a whole interval to `sum`, which is `length` long: before it or after it.
    fn extend<const BEFORE: bool>(&mut self, level: usize, k: u64, length: u64) {
        let (own, added) = (self.length(length), self.length(size(level)));
        let Self { sum, root, levels, arch, .. } = self;
        let new = pieces(root, levels, level, k);
        arch.dispatch(|| {
            for (sum, new) in sum.iter_mut().zip(new) {
                *sum = if BEFORE {
                    Piece::join(added, *new, own, *sum)
                } else {
                    Piece::join(own, *sum, added, *new)
                };
            }
        });
    }

    /// Joins a part of a leaf to `sum`: what comes after `a` positions of it, before; or its first `a`, after.
    fn extend_by_part<const BEFORE: bool>(&mut self, k: u64, a: u64, length: u64) {
        let size = size(self.depth);
        let own = self.length(length);
        let (first, second) = (self.length(a), self.length(size - a));
        let bridge = Bridge::new(first, second);
        let Self { sum, root, levels, lanes, key, depth, .. } = self;
        let whole = pieces(root, levels, *depth, k);
        for ((sum, whole), lane) in sum.iter_mut().zip(whole).zip(lanes) {
            let (left, right) = bridge.split(*whole, normal_pair(*key, node(*depth, k), *lane));
            *sum = if BEFORE {
                Piece::join(second, right, own, *sum)
            } else {
                Piece::join(own, *sum, first, left)
            };
        }
    }

    /// Fills `sum` with the piece over the positions `s < t` of a leaf.
    fn within_leaf(&mut self, k: u64, s: u64, t: u64) {
        let size = size(self.depth);
        let lengths = |a: u64| (self.length(a), self.length(size - a));
        let (to_s, to_t) = (lengths(s), lengths(t));
        // A bridge to an end of the leaf is the leaf or nothing.
        let bridges =
            [(s, to_s), (t, to_t)].map(|(a, (x, y))| (a > 0 && a < size).then(|| Bridge::new(x, y)));
        let Self { sum, root, levels, lanes, key, depth, .. } = self;
        let whole = pieces(root, levels, *depth, k);
        for ((sum, whole), lane) in sum.iter_mut().zip(whole).zip(lanes) {
            let normals = normal_pair(*key, node(*depth, k), *lane);
            let head = bridges[1].map_or(*whole, |b| b.split(*whole, normals).0);
            *sum = match &bridges[0] {
                None => head,
                Some(b) => head.remainder(to_s.0, b.split(*whole, normals).0, to_t.0 - to_s.0),
            };
        }
    }

    /// Sees to it that the halves of interval `k` of a level are there, provided that the interval itself is.
    #[inline]
    fn split(&mut self, level: usize, k: u64) {
        if self.levels.get(level).is_none_or(|c| c.of != Some(k)) {
            self.draw(level, k);
        }
    }

    fn draw(&mut self, level: usize, k: u64) {
        let n = self.lanes.len();
        if self.levels.len() == level {
            let pieces = [vec![Piece::default(); n], vec![Piece::default(); n]];
            self.levels.push(Children { of: None, pieces });
        }
        let half = self.length(size(level + 1));
        let bridge = Bridge::new(half, half);
        let (above, below) = self.levels.split_at_mut(level);
        let whole = pieces(&self.root, above, level, k);
        let children = &mut below[0];
        children.of = Some(k);
        let [left, right] = &mut children.pieces;
        let (key, lanes, node) = (self.key, &self.lanes, node(level, k));
        self.arch.dispatch(|| {
            for (((left, right), whole), lane) in left.iter_mut().zip(right).zip(whole).zip(lanes) {
                (*left, *right) = bridge.split(*whole, normal_pair(key, node, *lane));
            }
        });
    }

    fn write<W: Noise>(&mut self, out: &mut W, scale: f64, of: impl Fn(&Piece) -> f64) {
        self.values.clear();
        self.values.extend(self.sum.iter().map(|p| scale * of(p)));
        out.fill(&self.values);
    }
}

/// The positions in an interval of a level.
#[inline]
fn size(level: usize) -> u64 {
    1 << (BITS - level)
}

/// The place of an interval in the tree; the root's own value has place zero.
#[inline]
fn node(level: usize, k: u64) -> u64 {
    (1 << level) + k
}

/// The pieces of interval `k` of a level whose parent was split.
#[inline]
fn pieces<'a>(root: &'a [Piece], levels: &'a [Children], level: usize, k: u64) -> &'a [Piece] {
    match level {
        0 => root,
        _ => &levels[level - 1].pieces[(k & 1) as usize],
    }
}

/// # Panics
/// If `w` has another number of entries than the path has lanes.
impl<W: Noise> Path<W> for Brownian {
    fn increment(&mut self, t0: f64, t1: f64, w: &mut W) {
        let sign = self.gather(t0, t1).map_or(f64::NAN, |reverse| if reverse { -1.0 } else { 1.0 });
        self.write(w, sign, |p| p.w);
    }
}

/// # Panics
/// If `w` or `h` has another number of entries than the path has lanes.
impl<W: Noise> LevyPath<W> for Brownian {
    fn increment_and_area(&mut self, t0: f64, t1: f64, w: &mut W, h: &mut W) {
        let sign = self.gather(t0, t1).map_or(f64::NAN, |reverse| if reverse { -1.0 } else { 1.0 });
        self.write(w, sign, |p| p.w);
        self.write(h, sign.abs(), |p| p.h);
    }
}
