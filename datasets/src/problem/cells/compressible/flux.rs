//! The flux through a face: limited slopes, and an approximate solution of the jump between them.

/// Density, velocity through the face, velocity along it, pressure.
pub(super) type Primitive = [f64; 4];

/// Mass, momentum through the face, momentum along it, energy.
pub(super) type Conserved = [f64; 4];

/// The values at both sides of the middle face of four cells, with slopes limited by the monotonised central difference (B. van Leer,
/// J. Comput. Phys. 23 (1977) 276); those of the cells where a density or a pressure would not be positive.
pub(super) fn sides(cells: [Primitive; 4]) -> [Primitive; 2] {
    let [a, b, c, d] = cells;
    let left: Primitive = std::array::from_fn(|k| b[k] + 0.5 * slope(b[k] - a[k], c[k] - b[k]));
    let right: Primitive = std::array::from_fn(|k| c[k] - 0.5 * slope(c[k] - b[k], d[k] - c[k]));
    let positive = |w: &Primitive| w[0] > 0.0 && w[3] > 0.0;
    [if positive(&left) { left } else { b }, if positive(&right) { right } else { c }]
}

fn slope(a: f64, b: f64) -> f64 {
    if a * b <= 0.0 {
        return 0.0;
    }
    let least = (2.0 * a.abs()).min(2.0 * b.abs()).min(0.5 * (a + b).abs());
    least.copysign(a)
}

/// The flux of two states by three waves (E. Toro, M. Spruce and W. Speares, Shock Waves 4 (1994) 25), with the bounds of their speeds
/// by S. Davis, SIAM J. Sci. Stat. Comput. 9 (1988) 445.
pub(super) fn three_waves([l, r]: [Primitive; 2], gamma: f64) -> Conserved {
    let sound = |w: &Primitive| (gamma * w[3] / w[0]).sqrt();
    let (cl, cr) = (sound(&l), sound(&r));
    let (first, last) = ((l[1] - cl).min(r[1] - cr), (l[1] + cl).max(r[1] + cr));
    if first >= 0.0 {
        return flux(&l, gamma);
    }
    if last <= 0.0 {
        return flux(&r, gamma);
    }
    let (a, b) = (l[0] * (first - l[1]), r[0] * (last - r[1]));
    let middle = (r[3] - l[3] + a * l[1] - b * r[1]) / (a - b);
    let beside = |w: &Primitive, speed: f64, mass: f64| -> Conserved {
        let u = conserved(w, gamma);
        let density = mass / (speed - middle);
        let energy = density * (u[3] / w[0] + (middle - w[1]) * (middle + w[3] / mass));
        let star = [density, density * middle, density * w[2], energy];
        let f = flux(w, gamma);
        std::array::from_fn(|k| f[k] + speed * (star[k] - u[k]))
    };
    if middle >= 0.0 { beside(&l, first, a) } else { beside(&r, last, b) }
}

/// Energy `E = p/(γ − 1) + ρ|w|²/2` and the rest.
pub(super) fn conserved(w: &Primitive, gamma: f64) -> Conserved {
    let [density, through, along, pressure] = *w;
    let energy = pressure / (gamma - 1.0) + 0.5 * density * (through * through + along * along);
    [density, density * through, density * along, energy]
}

fn flux(w: &Primitive, gamma: f64) -> Conserved {
    let u = conserved(w, gamma);
    [u[1], u[1] * w[1] + w[3], u[2] * w[1], (u[3] + w[3]) * w[1]]
}
