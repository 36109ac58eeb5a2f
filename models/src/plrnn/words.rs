//! Words of linear regions: where a search for cycles starts.

use std::collections::HashSet;

use ndarray::Array1;

use super::PiecewiseLinearMap;
use super::fixed_points::scale;
use super::regions::{ACTIVE, CLIPPED, Region};

/// The pieces that each hidden unit has.
pub(super) fn pieces(map: &PiecewiseLinearMap) -> Vec<&'static [u8]> {
    let unit = |h: &f64| -> &'static [u8] {
        match map.clipped {
            false => &[0, ACTIVE],
            true if *h > 0.0 => &[0, ACTIVE, ACTIVE | CLIPPED],
            true if *h < 0.0 => &[0, CLIPPED, ACTIVE | CLIPPED],
            true => &[0, ACTIVE | CLIPPED],
        }
    };
    map.h2.iter().map(unit).collect()
}

/// How many words of a length there are, if that can be counted.
pub(super) fn words(pieces: &[&[u8]], period: usize) -> Option<usize> {
    let regions = pieces.iter().try_fold(1usize, |n, p| n.checked_mul(p.len()))?;
    regions.checked_pow(u32::try_from(period).ok()?)
}

/// Calls `f` with every word of a length.
pub(super) fn all_words(pieces: &[&[u8]], period: usize, mut f: impl FnMut(Vec<Region>)) {
    let mut digits = vec![vec![0; pieces.len()]; period];
    loop {
        let region = |d: &Vec<usize>| Region(d.iter().zip(pieces).map(|(d, p)| p[*d]).collect());
        f(digits.iter().map(region).collect());
        // The next number, with the digits' bases.
        let next = digits.iter_mut().flat_map(|d| d.iter_mut().zip(pieces)).find_map(|(digit, p)| {
            *digit = (*digit + 1) % p.len();
            (*digit > 0).then_some(())
        });
        if next.is_none() {
            return;
        }
    }
}

/// Where the stretches of a length in a trajectory begin, one of every word, at most so many: those first after
/// which it comes closest to where it was.
pub(super) fn closest_returns(
    map: &PiecewiseLinearMap,
    trajectory: &[Array1<f64>],
    period: usize,
    most: usize,
) -> Vec<usize> {
    let symbols = map.region_sequence(trajectory).symbols;
    let starts = trajectory.len().saturating_sub(period);
    let distance = |t: usize| {
        trajectory[t].iter().zip(&trajectory[t + period]).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
    };
    let mut returns: Vec<(f64, usize)> = (0..starts).map(|t| (distance(t), t)).collect();
    returns.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut distinct = HashSet::new();
    returns
        .into_iter()
        .map(|(_, t)| t)
        .filter(|t| distinct.insert(&symbols[*t..*t + period]))
        .take(most)
        .collect()
}

/// The orbit of so many points from a state.
pub(super) fn orbit(map: &PiecewiseLinearMap, z: Vec<f64>, points: usize) -> Vec<Vec<f64>> {
    let step = |z: &Vec<f64>| {
        let mut next = vec![0.0; z.len()];
        map.next(z, &mut next);
        Some(next)
    };
    std::iter::successors(Some(z), step).take(points).collect()
}

/// Where random states are drawn: about the trajectory, or where the kinks are.
pub(super) fn extent(map: &PiecewiseLinearMap, trajectory: &[Array1<f64>]) -> (Vec<f64>, Vec<f64>) {
    if trajectory.is_empty() {
        let kinks = (0..map.hidden()).map(|h| map.h2[h].abs() / map.w2.row(h).norm());
        let furthest = kinks.filter(|d| d.is_finite()).fold(0.0, f64::max);
        let reach = furthest.max(scale(map));
        return (vec![0.0; map.latent()], vec![reach; map.latent()]);
    }
    let side = |i: usize| {
        let (low, high) =
            trajectory.iter().fold((f64::MAX, f64::MIN), |(l, h), z| (l.min(z[i]), h.max(z[i])));
        (0.5 * (low + high), 0.5 * (high - low))
    };
    (0..map.latent()).map(side).unzip()
}

#[cfg(test)]
mod tests {
    use super::super::test_maps::{clipped_line, tents};
    use super::*;

    #[test]
    fn all_words_are_different_and_as_many_as_counted() {
        for (map, number) in [(tents(0.4, 2), 64), (clipped_line(1.0, 0.0), 27), (clipped_line(0.0, 0.0), 8)]
        {
            let pieces = pieces(&map);
            let mut distinct = HashSet::new();
            all_words(&pieces, 3, |word| assert!(distinct.insert(word)));
            assert_eq!((distinct.len(), words(&pieces, 3)), (number, Some(number)));
        }
        assert_eq!(words(&[&[0u8, 1][..]; 70], 1), None);
    }

    #[test]
    fn the_closest_return_comes_first() {
        let orbit = [0.1, 0.9, 0.3, 0.2, 0.31].map(|z| Array1::from(vec![z]));
        // From 0.3 to 0.31 in two steps, both below the kink; then from 0.9 and 0.1.
        assert_eq!(closest_returns(&tents(0.4, 1), &orbit, 2, 9), [2, 0, 1]);
        assert_eq!(closest_returns(&tents(0.4, 1), &orbit, 2, 1), [2]);
    }
}
