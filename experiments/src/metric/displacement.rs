//! How far the features of a picture have moved.

use std::ops::Range;

use ndarray::{ArrayView3, s};

/// Points of a tile, along an axis.
const TILE: usize = 8;

/// The mean length, in points, by which the features `a`, `[feature, x, y]`, must be moved to lie on `b`.
///
/// Every tile of `a` is held against `b` at all whole displacements up to `reach` along each axis; the one with the least sum of squared differences over all
/// features, refined by less than a point along the slopes of `b`, is its displacement. Tiles count by their variance: what is flat cannot be seen to move. Beyond an axis that is not
/// periodic nothing is looked for. Features are scaled to a variance of one each.
///
/// Block matching, as J. Jain and A. Jain, IEEE Trans. Commun. 29 (1981); the refinement is a step of B. Lucas and T. Kanade, IJCAI 1981.
pub fn displacement(
    a: ArrayView3<'_, f64>,
    b: ArrayView3<'_, f64>,
    periodic: [bool; 2],
    reach: usize,
) -> f64 {
    let (features, nx, ny) = a.dim();
    let scales: Vec<f64> = a.outer_iter().map(|f| 1.0 / f.var(0.0).max(f64::MIN_POSITIVE)).collect();
    let reaches = [nx, ny].map(|n| reach.min(n.saturating_sub(1) / 2) as isize);
    let (mut sum, mut weights) = (0.0, 0.0);
    for x0 in (0..nx).step_by(TILE) {
        for y0 in (0..ny).step_by(TILE) {
            let (x1, y1) = ((x0 + TILE).min(nx), (y0 + TILE).min(ny));
            let weight: f64 =
                (0..features).map(|f| a.slice(s![f, x0..x1, y0..y1]).var(0.0) * scales[f]).sum();
            let cost = |dx: isize, dy: isize| -> Option<f64> {
                let mut cost = 0.0;
                for x in x0..x1 {
                    let to_x = moved(x, dx, nx, periodic[0])?;
                    for y in y0..y1 {
                        let to_y = moved(y, dy, ny, periodic[1])?;
                        for f in 0..features {
                            cost += (b[[f, to_x, to_y]] - a[[f, x, y]]).powi(2) * scales[f];
                        }
                    }
                }
                Some(cost)
            };
            let all = (-reaches[0]..=reaches[0])
                .flat_map(|dx| (-reaches[1]..=reaches[1]).map(move |dy| (dx, dy)))
                .filter_map(|(dx, dy)| Some((cost(dx, dy)?, dx, dy)));
            // Of equal costs the shortest displacement.
            let length = |dx: isize, dy: isize| dx * dx + dy * dy;
            let best = all.min_by(|p, q| p.0.total_cmp(&q.0).then(length(p.1, p.2).cmp(&length(q.1, q.2))));
            let Some((_, dx, dy)) = best else { continue };
            let [px, py] = slope_step(a, b, [x0..x1, y0..y1], [dx, dy], &scales, periodic);
            let (x, y) = (dx as f64 + px, dy as f64 + py);
            sum += weight * x.hypot(y);
            weights += weight;
        }
    }
    // What is flat has not moved; what is no number has no way.
    if weights == 0.0 { 0.0 } else { sum / weights }
}

/// The place of a point moved along an axis of `n` points, if there is one.
fn moved(at: usize, by: isize, n: usize, periodic: bool) -> Option<usize> {
    let to = at as isize + by;
    let inside = (0..n as isize).contains(&to);
    (inside || periodic).then(|| to.rem_euclid(n as isize) as usize)
}

/// What is left of the displacement of a tile after whole points `by`: the least-squares solution of `b + δ·∇b = a`, at most half a point along each axis.
fn slope_step(
    a: ArrayView3<'_, f64>,
    b: ArrayView3<'_, f64>,
    [rows, columns]: [Range<usize>; 2],
    by: [isize; 2],
    scales: &[f64],
    periodic: [bool; 2],
) -> [f64; 2] {
    let (features, nx, ny) = a.dim();
    let (mut xx, mut xy, mut yy, mut rx, mut ry) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for x in rows {
        let at_x = [-1, 0, 1].map(|d| if nx > 1 { moved(x, by[0] + d, nx, periodic[0]) } else { Some(0) });
        let [Some(west), Some(to_x), Some(east)] = at_x else { continue };
        for y in columns.clone() {
            let [Some(south), Some(to_y), Some(north)] =
                [-1, 0, 1].map(|d| moved(y, by[1] + d, ny, periodic[1]))
            else {
                continue;
            };
            for f in 0..features {
                let bx = 0.5 * (b[[f, east, to_y]] - b[[f, west, to_y]]);
                let slope = 0.5 * (b[[f, to_x, north]] - b[[f, to_x, south]]);
                let off = a[[f, x, y]] - b[[f, to_x, to_y]];
                xx += bx * bx * scales[f];
                xy += bx * slope * scales[f];
                yy += slope * slope * scales[f];
                rx += bx * off * scales[f];
                ry += slope * off * scales[f];
            }
        }
    }
    let determinant = xx * yy - xy * xy;
    let step = if determinant > 1e-9 * (xx * yy).max(f64::MIN_POSITIVE) {
        [(yy * rx - xy * ry) / determinant, (xx * ry - xy * rx) / determinant]
    } else if xx + yy > 0.0 {
        // Slopes of one direction alone: the shortest step along it, `r/(xx + yy)`.
        [rx / (xx + yy), ry / (xx + yy)]
    } else {
        [0.0; 2]
    };
    step.map(|d| d.clamp(-0.5, 0.5))
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use ndarray::Array3;

    use super::*;

    fn picture(n: usize, shift: [f64; 2]) -> Array3<f64> {
        Array3::from_shape_fn((2, n, n), |(f, x, y)| {
            let [x, y] = [x as f64 - shift[0], y as f64 - shift[1]].map(|v| TAU * v / n as f64);
            let k = (f + 2) as f64;
            (k * x).sin() + (k * y).cos() + (3.0 * x + 2.0 * y).sin()
        })
    }

    #[test]
    fn of_a_moved_picture_the_way_is_found() {
        let still = picture(32, [0.0; 2]);
        assert_eq!(displacement(still.view(), still.view(), [true; 2], 4), 0.0);
        for shift in [[1.0, 2.0], [-3.0, 0.0], [0.0, 1.0]] {
            let found = displacement(still.view(), picture(32, shift).view(), [true; 2], 4);
            assert!((found - f64::hypot(shift[0], shift[1])).abs() < 0.1, "{shift:?}: {found}");
        }
        let found = displacement(still.view(), picture(32, [0.5, 0.0]).view(), [true; 2], 4);
        assert!((found - 0.5).abs() < 0.1, "{found}");
    }

    #[test]
    fn between_walls_only_what_is_there_is_looked_at() {
        let (a, b) = (picture(32, [0.0; 2]), picture(32, [1.0, 0.0]));
        let found = displacement(a.view(), b.view(), [false; 2], 4);
        assert!((0.8..2.0).contains(&found), "{found}");
    }

    #[test]
    fn of_one_axis_only_the_other_moves() {
        let line = |shift: f64| {
            Array3::from_shape_fn((1, 1, 64), |(_, _, y)| (TAU * 3.0 * (y as f64 - shift) / 64.0).sin())
        };
        let found = displacement(line(0.0).view(), line(2.0).view(), [true; 2], 4);
        assert!((found - 2.0).abs() < 0.1, "{found}");
    }
}
