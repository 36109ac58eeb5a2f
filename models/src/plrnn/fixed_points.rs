//! All fixed points and cycles of a piecewise-linear map, by a search through its linear regions.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use nalgebra::{DMatrix, DVector};
use ndarray::Array1;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::PiecewiseLinearMap;
use super::cycle::Cycle;
use super::regions::Region;
use super::words::{all_words, closest_returns, extent, orbit, pieces, words};

/// The largest residual of a cycle's points, relative to the terms of the map.
const RESIDUAL: f64 = 1e-10;
/// How near two points are one, relative to the terms of the map.
const SAME: f64 = 1e-8;
/// The steps of a descent, in parts of the way to the solution of the word's linear system.
const STEPS: [f64; 7] = [1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625];
/// The part of what a step promises by which the misfit must fall.
const DECREASE: f64 = 0.01;
/// A product of Jacobians with an eigenvalue so near one leaves its cycle undetermined.
const ISOLATED: f64 = 1e-9;

/// How to search for cycles.
///
/// In a word of regions `D₁ … D_k` the map is affine at every step, so its cycle solves one linear system; it is
/// one of the map if its points lie in these regions. If they do not, the search goes towards them as far as the
/// points come closer to a cycle, and takes the regions that it is then in for the next word. It starts from
/// stretches of a trajectory, which lie close to the cycles of its attractor, from random orbits and from random
/// words; where there are few words, it tries them all.
///
/// After L. Eisenmann et al., "Bifurcations and loss jumps in RNN training", NeurIPS 2023.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CycleSearch {
    /// The longest period.
    pub max_period: usize,
    /// Random starts in a row that find nothing new before a period is done.
    pub restarts: usize,
    /// Words that one start goes through.
    pub iterations: usize,
    /// The most words of a trajectory to start from; those along which it returns most closely come first.
    pub visited: usize,
    /// The most words of a period that are all tried instead, which finds every cycle for certain.
    pub exhaustive: usize,
    /// The seed of the random starts.
    pub seed: u64,
}

impl Default for CycleSearch {
    fn default() -> Self {
        Self { max_period: 1, restarts: 1000, iterations: 100, visited: 2000, exhaustive: 1 << 14, seed: 0 }
    }
}

/// What a search has found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cycles {
    /// The isolated cycles, by period, then by their first points.
    pub cycles: Vec<Cycle>,
    /// For each period up to the longest, whether all words were tried, so that no isolated cycle is missing.
    pub complete: Vec<bool>,
    /// Words met whose linear system is singular: they have no cycle, or a continuum of them, none of which is
    /// listed.
    pub singular: usize,
}

impl CycleSearch {
    /// Searches a map; `trajectory` are states on its attractor, or nothing. What is listed is a cycle; that none is
    /// missing is certain only for a period that is [`complete`](Cycles::complete).
    ///
    /// # Panics
    /// If a state has not the length of the map's.
    pub fn run(&self, map: &PiecewiseLinearMap, trajectory: &[Array1<f64>]) -> Cycles {
        let mut search = Search {
            map,
            iterations: self.iterations,
            scale: scale(map),
            seen: HashSet::new(),
            found: Cycles::default(),
        };
        for period in 1..=self.max_period {
            search.seen.clear();
            let pieces = pieces(map);
            let complete = words(&pieces, period).is_some_and(|n| n <= self.exhaustive);
            // Where every word is a start, none needs to be followed.
            search.iterations = if complete { 1 } else { self.iterations.max(1) };
            if complete {
                all_words(&pieces, period, |word| search.descend(word, None));
            } else {
                for start in closest_returns(map, trajectory, period, self.visited) {
                    search.start_at(trajectory[start..start + period].iter().map(|z| z.to_vec()).collect());
                }
                self.random_starts(&pieces, period, trajectory, &mut search);
            }
            search.found.complete.push(complete);
        }
        let first = |c: &Cycle| c.points[0].first().copied().unwrap_or(0.0);
        search.found.cycles.sort_by(|a, b| a.period().cmp(&b.period()).then(first(a).total_cmp(&first(b))));
        search.found
    }

    /// Half of the starts are orbits from a random state, half are random words.
    fn random_starts(
        &self,
        pieces: &[&[u8]],
        period: usize,
        trajectory: &[Array1<f64>],
        search: &mut Search<'_>,
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(period as u64);
        let (centre, spread) = extent(search.map, trajectory);
        let mut idle = 0;
        while idle < self.restarts {
            let before = search.found.cycles.len();
            if idle % 2 == 0 {
                let width = (4.0 * random.random::<f64>() - 2.0).exp();
                let mut along = |(c, s): (&f64, &f64)| c + s * width * (2.0 * random.random::<f64>() - 1.0);
                let z = centre.iter().zip(&spread).map(&mut along).collect();
                search.start_at(orbit(search.map, z, period));
            } else {
                let mut region =
                    || Region(pieces.iter().map(|p| p[random.random_range(0..p.len())]).collect());
                search.descend((0..period).map(|_| region()).collect(), None);
            }
            idle = if search.found.cycles.len() > before { 0 } else { idle + 1 };
        }
    }
}

/// Points part of the way from some to others.
fn between(from: &[Vec<f64>], to: &[Vec<f64>], part: f64) -> Vec<Vec<f64>> {
    let point = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a + part * (b - a)).collect();
    from.iter().zip(to).map(point).collect()
}

/// The state of a search.
struct Search<'a> {
    map: &'a PiecewiseLinearMap,
    iterations: usize,
    /// The size of the map's constant terms.
    scale: f64,
    /// The words of this period that were tried; what follows from them is known.
    seen: HashSet<u64>,
    found: Cycles,
}

impl Search<'_> {
    /// Starts from points, each in its region.
    fn start_at(&mut self, points: Vec<Vec<f64>>) {
        let misfit = self.misfit(&points);
        self.descend(self.regions(&points), Some((points, misfit)));
    }

    /// Newton's method on the points of a cycle, which is exact within a word, with steps short enough that the
    /// misfit falls. A word without points starts at its own cycle, wherever that lies.
    fn descend(&mut self, mut word: Vec<Region>, mut last: Option<(Vec<Vec<f64>>, f64)>) {
        let mut hash = DefaultHasher::new();
        word.hash(&mut hash);
        if !self.seen.insert(hash.finish()) {
            return;
        }
        for _ in 0..self.iterations {
            let affine: Vec<_> = word.iter().map(|region| self.map.affine(region)).collect();
            let Some(target) = solve(&affine) else {
                self.found.singular += 1;
                return;
            };
            // A point on a kink satisfies the map in the word's region and in the next one.
            if self.regions(&target) == word || self.residual(&target) <= RESIDUAL {
                if let Some(points) = solve_together(&affine).filter(|p| self.residual(p) <= RESIDUAL) {
                    self.accept(points);
                }
                return;
            }
            let next = match &last {
                None => Some((self.misfit(&target), target)),
                Some((from, misfit)) => STEPS.iter().find_map(|step| {
                    let points = between(from, &target, *step);
                    let reached = self.misfit(&points);
                    (reached < misfit * (1.0 - DECREASE * step)).then_some((reached, points))
                }),
            };
            let Some((misfit, points)) = next else { return };
            word = self.regions(&points);
            last = Some((points, misfit));
        }
    }

    /// The sum of the squared distances of the points' images to the next points.
    fn misfit(&self, points: &[Vec<f64>]) -> f64 {
        let mut image = vec![0.0; self.map.latent()];
        let mut sum = 0.0;
        for (t, z) in points.iter().enumerate() {
            self.map.next(z, &mut image);
            let next = &points[(t + 1) % points.len()];
            sum += image.iter().zip(next).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        }
        sum
    }

    fn regions(&self, points: &[Vec<f64>]) -> Vec<Region> {
        points.iter().map(|z| self.map.linear_region(z)).collect()
    }

    /// The largest distance of a point's image to the next point, relative to the terms that make it up.
    fn residual(&self, points: &[Vec<f64>]) -> f64 {
        let mut image = vec![0.0; self.map.latent()];
        let mut worst: f64 = 0.0;
        for (t, z) in points.iter().enumerate() {
            self.map.next(z, &mut image);
            let scale = self.scale + largest(z);
            for (a, b) in image.iter().zip(&points[(t + 1) % points.len()]) {
                let r = (a - b).abs() / scale;
                // A point without a value is at no distance.
                worst = if r.is_nan() { f64::INFINITY } else { worst.max(r) };
            }
        }
        worst
    }

    /// Lists a cycle that is isolated and new, under its least period.
    fn accept(&mut self, mut points: Vec<Vec<f64>>) {
        let scale = self.scale + points.iter().map(|z| largest(z)).fold(0.0, f64::max);
        let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SAME * scale);
        let k = points.len();
        let returns = |d: usize| (0..k).all(|t| same(&points[t], &points[(t + d) % k]));
        if let Some(period) = (1..k).filter(|d| k.is_multiple_of(*d)).find(|d| returns(*d)) {
            points.truncate(period);
        }
        let known = |c: &Cycle| c.period() == points.len() && c.points.iter().any(|z| same(z, &points[0]));
        if self.found.cycles.iter().any(known) {
            return;
        }
        let cycle = Cycle::new(self.map, points);
        if cycle.eigenvalues.iter().any(|e| (e - 1.0).norm() <= ISOLATED) {
            self.found.singular += 1;
        } else {
            self.found.cycles.push(cycle);
        }
    }
}

/// The cycle of affine maps: its first point from `(1 − J_k ⋯ J₁) z = b_k + J_k b_{k−1} + …`, the others from it.
/// Quick, and as exact as the product is small.
fn solve(affine: &[(DMatrix<f64>, DVector<f64>)]) -> Option<Vec<Vec<f64>>> {
    let m = affine.first()?.1.len();
    let (mut product, mut offset) = (DMatrix::identity(m, m), DVector::zeros(m));
    for (j, b) in affine {
        product = j * product;
        offset = j * offset + b;
    }
    let mut z = (DMatrix::identity(m, m) - product).lu().solve(&offset)?;
    let mut points = Vec::with_capacity(affine.len());
    for (j, b) in affine {
        points.push(z.as_slice().to_vec());
        z = j * z + b;
    }
    points.iter().flatten().all(|x| x.is_finite()).then_some(points)
}

/// The same by one system for all points, `z_{t+1} − J_t z_t = b_t`: exact to rounding however much the cycle
/// expands.
fn solve_together(affine: &[(DMatrix<f64>, DVector<f64>)]) -> Option<Vec<Vec<f64>>> {
    let (k, m) = (affine.len(), affine.first()?.1.len());
    let (mut matrix, mut right) = (DMatrix::zeros(k * m, k * m), DVector::zeros(k * m));
    for (t, (j, b)) in affine.iter().enumerate() {
        let next = (t + 1) % k;
        for i in 0..m {
            matrix[(t * m + i, next * m + i)] += 1.0;
        }
        let mut block = matrix.view_mut((t * m, t * m), (m, m));
        block -= j;
        right.rows_mut(t * m, m).copy_from(b);
    }
    let z = matrix.lu().solve(&right)?;
    Some(z.as_slice().chunks(m).map(<[f64]>::to_vec).collect())
}

/// The size of what a map adds to a state.
pub(super) fn scale(map: &PiecewiseLinearMap) -> f64 {
    let row = |i: usize| {
        map.h1[i].abs() + (0..map.hidden()).map(|h| (map.w1[(i, h)] * map.h2[h]).abs()).sum::<f64>()
    };
    (0..map.latent()).map(row).fold(f64::MIN_POSITIVE, f64::max)
}

fn largest(z: &[f64]) -> f64 {
    z.iter().fold(0.0, |a, x| x.abs().max(a))
}

#[cfg(test)]
mod tests {
    use super::super::cycle::Stability;
    use super::super::test_maps::{axes, clipped_line, four_quadrants, rotation, tents};
    use super::*;

    fn search(max_period: usize, exhaustive: usize) -> CycleSearch {
        CycleSearch { max_period, exhaustive, ..CycleSearch::default() }
    }

    /// The number of cycles of every period; every one of them checked against the map.
    fn counts(map: &PiecewiseLinearMap, found: &Cycles) -> Vec<usize> {
        let mut counts = vec![0; found.complete.len()];
        for cycle in &found.cycles {
            counts[cycle.period() - 1] += 1;
            let mut image = vec![0.0; map.latent()];
            for (t, z) in cycle.points.iter().enumerate() {
                map.next(z, &mut image);
                let next = &cycle.points[(t + 1) % cycle.period()];
                assert!(image.iter().zip(next).all(|(a, b)| (a - b).abs() < 1e-12), "{cycle:?}");
            }
        }
        counts
    }

    fn orbit(map: &PiecewiseLinearMap, z: Vec<f64>, steps: usize) -> Vec<Array1<f64>> {
        let mut states = vec![Array1::from(z)];
        for _ in 0..steps {
            let mut next = vec![0.0; map.latent()];
            map.next(&states[states.len() - 1].to_vec(), &mut next);
            states.push(Array1::from(next));
        }
        states
    }

    #[test]
    fn every_cycle_of_a_tent() {
        let map = tents(0.4, 1);
        let start = orbit(&map, vec![0.123], 2000);
        for (exhaustive, trajectory) in [(1 << 14, vec![]), (0, vec![]), (0, start)] {
            let found = search(5, exhaustive).run(&map, &trajectory);
            assert_eq!(counts(&map, &found), [2, 1, 2, 3, 6]);
            assert_eq!(found.complete, [exhaustive > 0; 5]);
            assert_eq!(found.singular, 0);
            // The slopes are 2.5 below 0.4 and −5/3 above.
            let fixed: Vec<(f64, f64)> =
                found.cycles[..2].iter().map(|c| (c.points[0][0], c.eigenvalues[0].re)).collect();
            assert!(fixed[0].0.abs() < 1e-14 && (fixed[0].1 - 2.5).abs() < 1e-14);
            assert!((fixed[1].0 - 0.625).abs() < 1e-14 && (fixed[1].1 + 5.0 / 3.0).abs() < 1e-14);
            for cycle in &found.cycles {
                let slope = |z: &Vec<f64>| if z[0] > 0.4 { -5.0 / 3.0 } else { 2.5 };
                let product: f64 = cycle.points.iter().map(slope).product();
                assert!((cycle.eigenvalues[0].re / product - 1.0).abs() < 1e-12);
                assert_eq!(cycle.stability, Stability::UnstableNode);
            }
        }
    }

    #[test]
    fn every_cycle_of_two_tents_at_once() {
        // 4ᵏ points return after k steps: 4, (16 − 4)/2, (64 − 4)/3, (256 − 16)/4 cycles.
        let map = tents(0.45, 2);
        for exhaustive in [1 << 14, 0] {
            assert_eq!(counts(&map, &search(4, exhaustive).run(&map, &[])), [4, 6, 20, 60]);
        }
    }

    #[test]
    fn a_fixed_point_in_each_quadrant() {
        let map = four_quadrants();
        let expected = [
            ([-1.0, -1.0], Stability::StableNode),
            ([-1.0, 0.5], Stability::Saddle),
            ([0.5, -1.0], Stability::Saddle),
            ([0.5, 0.5], Stability::UnstableNode),
        ];
        for exhaustive in [1 << 14, 0] {
            let found = search(3, exhaustive).run(&map, &[]);
            assert_eq!(counts(&map, &found), [4, 0, 0]);
            for (point, stability) in expected {
                let z = rotation() * DVector::from_row_slice(&point);
                let is = |c: &&Cycle| (DVector::from_row_slice(&c.points[0]) - &z).amax() < 1e-12;
                assert_eq!(found.cycles.iter().find(is).map(|c| c.stability), Some(stability));
            }
        }
    }

    #[test]
    fn a_clipped_map_with_equal_slopes_on_both_sides() {
        // z/2 − 1, then 5z/2 + 1 from −1 to 0, then z/2 + 1.
        let map = clipped_line(1.0, -1.0);
        for exhaustive in [1 << 14, 0] {
            let found = search(2, exhaustive).run(&map, &[]);
            let fixed: Vec<(f64, Stability)> =
                found.cycles.iter().map(|c| (c.points[0][0], c.stability)).collect();
            let expected = [
                (-2.0, Stability::StableNode),
                (-2.0 / 3.0, Stability::UnstableNode),
                (2.0, Stability::StableNode),
            ];
            assert_eq!(counts(&map, &found), [3, 0]);
            for (a, b) in fixed.iter().zip(expected) {
                assert!((a.0 - b.0).abs() < 1e-14 && a.1 == b.1, "{fixed:?}");
            }
        }
    }

    #[test]
    fn a_stable_cycle_of_two() {
        // z/2 + 3/4 below zero, −3z/2 + 3/4 up to one: the fixed point 0.3 is unstable, the cycle 9/14, −3/14 is
        // not.
        let map = clipped_line(-1.0, 0.75);
        let found = search(4, 0).run(&map, &orbit(&map, vec![0.2], 100));
        assert_eq!(counts(&map, &found), [1, 1, 0, 0]);
        let cycle = &found.cycles[1];
        assert!((cycle.points[0][0] + 3.0 / 14.0).abs() < 1e-14);
        assert!((cycle.points[1][0] - 9.0 / 14.0).abs() < 1e-14);
        assert!((cycle.eigenvalues[0].re + 0.75).abs() < 1e-14);
        assert_eq!(
            (found.cycles[0].stability, cycle.stability),
            (Stability::UnstableNode, Stability::StableNode)
        );
    }

    #[test]
    fn none_where_there_is_none() {
        // z + 1, and 3z/2 + 1 above zero: it always grows.
        let found = search(3, 0).run(&axes(1.0, 0.5, 0.0, 1.0, 1), &[]);
        assert!(found.cycles.is_empty() && found.singular > 0);
        // A contraction has its fixed point and no cycle.
        let map = axes(0.5, 0.3, 0.2, 1.0, 2);
        assert_eq!(counts(&map, &search(4, 1 << 14).run(&map, &[])), [1, 0, 0, 0]);
        // Every state is fixed: none is isolated.
        let found = search(2, 1 << 14).run(&axes(1.0, 0.0, 0.0, 0.0, 2), &[]);
        assert!(found.cycles.is_empty() && found.singular > 0);
    }

    #[test]
    fn a_fixed_point_on_a_kink_is_found_and_said_to_be_on_it() {
        for exhaustive in [1 << 14, 0] {
            let found = search(1, exhaustive).run(&axes(0.5, 1.0, -1.0, 0.5, 1), &[]);
            assert_eq!(found.cycles.len(), 1);
            assert!((found.cycles[0].points[0][0] - 1.0).abs() < 1e-15);
            assert_eq!(found.cycles[0].kinks, [(0, 0)]);
            assert_eq!(found.cycles[0].stability, Stability::Undetermined);
        }
    }

    #[test]
    fn the_search_finds_what_trying_every_region_finds() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut total = 0;
        for round in 0..20 {
            let mut uniform =
                |r: usize, c: usize| DMatrix::from_fn(r, c, |_, _| 2.0 * random.random::<f64>() - 1.0);
            let map = PiecewiseLinearMap {
                a: uniform(3, 3) * 0.9,
                w1: uniform(3, 10),
                w2: uniform(10, 3),
                h1: uniform(3, 1).column(0).into_owned(),
                h2: uniform(10, 1).column(0).into_owned(),
                clipped: round % 2 == 1,
            };
            let all = search(1, 1 << 16).run(&map, &[]);
            let some = search(1, 0).run(&map, &[]);
            assert_eq!((all.complete[0], some.complete[0]), (true, false));
            assert_eq!(counts(&map, &all), counts(&map, &some), "map {round}");
            total += all.cycles.len();
        }
        assert!(total > 20, "{total}");
    }
}
