"""Navier-Stokes in vorticity form on the periodic unit square, with forcing.

w_t + u w_x + v w_y = nu lap w + f, -lap psi = w, u = psi_y, v = -psi_x, where x runs
along axis 0; nu = 1e-3, f = 0.1 (sin 2 pi (x + y) + cos 2 pi (x + y)). 256 x 256
points, ETDRK4 in double precision, 200 steps of 0.01, from
w(0) = sin 2 pi x cos 4 pi y + 0.5 cos(6 pi x + 1) sin 2 pi y + 0.7 cos 2 pi (x - 2 y).

Each evaluation of the nonlinear term takes four inverse transforms (u, v, w_x, w_y)
and a forward one; of the product, the modes with |k| above N/3 along either axis are
set to zero. The initial state and the forcing have no such modes, hence the state never
has any. The forcing is part of the nonlinear term.
"""

import numpy as np
import scipy.fft

from common import (
    arguments,
    enable_x64,
    etdrk4_coefficients,
    etdrk4_jax,
    etdrk4_numpy,
    finish,
    measure,
    rms,
    verify,
)

N = 256
NU = 1e-3
DT = 0.01
STEPS, QUICK_STEPS = 200, 20
WORKERS = 2  # threads of scipy.fft
GOLDEN = {"rms": 0.489516519700, "w00": 0.441625861481}  # N = 64, t = 5


def fields(n):
    """The initial vorticity and the forcing on an n x n grid."""
    x = (np.arange(n) / n)[:, None]
    y = (np.arange(n) / n)[None, :]
    w0 = (
        np.sin(2 * np.pi * x) * np.cos(4 * np.pi * y)
        + 0.5 * np.cos(6 * np.pi * x + 1) * np.sin(2 * np.pi * y)
        + 0.7 * np.cos(2 * np.pi * (x - 2 * y))
    )
    f = 0.1 * (np.sin(2 * np.pi * (x + y)) + np.cos(2 * np.pi * (x + y)))
    return w0, f


def operators(n):
    """The linear operator, the four maps from w to (u, v, w_x, w_y), the truncation."""
    mode_x = np.fft.fftfreq(n, 1 / n)[:, None]
    mode_y = np.arange(n // 2 + 1)[None, :]
    kx, ky = 2 * np.pi * mode_x, 2 * np.pi * mode_y
    k2 = kx**2 + ky**2
    inverse = 1 / np.where(k2 == 0, 1, k2)
    ones = np.ones_like(k2)
    maps = np.stack([1j * ky * inverse, -1j * kx * inverse, 1j * kx * ones, 1j * ky * ones])
    keep = (np.abs(mode_x) <= n // 3) & (mode_y <= n // 3)
    return -NU * k2, maps, keep


def numpy_run(n, dt, steps):
    """With `numpy.fft`, which writes to the arrays it is given; one thread."""

    def inverse(w, out):
        np.fft.ifft(w, axis=0, out=w)
        return np.fft.irfft(w, n, axis=1, out=out)

    def forward(product, out):
        np.fft.rfft(product, axis=1, out=out)
        np.fft.fft(out, axis=0, out=out)

    return array_run(n, dt, steps, inverse, forward)


def scipy_run(n, dt, steps):
    """With `scipy.fft`, which has threads, but allocates its real results."""

    def inverse(w, _out):
        w = scipy.fft.ifft(w, axis=0, overwrite_x=True, workers=WORKERS)
        return scipy.fft.irfft(w, n, axis=1, overwrite_x=True, workers=WORKERS)

    def forward(product, out):
        half = scipy.fft.rfft(product, axis=1, overwrite_x=True, workers=WORKERS)
        out[:] = scipy.fft.fft(half, axis=0, overwrite_x=True, workers=WORKERS)

    return array_run(n, dt, steps, inverse, forward)


def array_run(n, dt, steps, inverse, forward):
    """The loop on NumPy arrays; the transforms may destroy what they are given."""
    linear, maps, keep = operators(n)
    coefficients = etdrk4_coefficients(linear, dt)
    w0, f = fields(n)
    f_hat = np.fft.rfft2(f)
    truncation = np.where(keep, -1.0, 0.0).astype(complex)  # with the sign of the term
    mapped = np.empty_like(f_hat)
    grids = np.empty((4, n, n))

    def field(i, w):
        np.multiply(maps[i], w, out=mapped)
        return inverse(mapped, grids[i])

    def nonlinear(w, out):
        u, v, w_x, w_y = (field(i, w) for i in range(4))
        u *= w_x
        v *= w_y
        u += v
        forward(u, out)
        out *= truncation
        out += f_hat

    def run():
        state = etdrk4_numpy(np.fft.rfft2(w0), steps, coefficients, nonlinear)
        return np.fft.irfft2(state, s=(n, n))

    return run


def jax_run(n, dt, steps):
    import jax
    import jax.numpy as jnp

    linear, maps, keep = operators(n)
    coefficients = tuple(map(jnp.asarray, etdrk4_coefficients(linear, dt)))
    w0, f = fields(n)
    w0 = jnp.asarray(w0)
    constants = (jnp.asarray(maps), jnp.asarray(-1.0 * keep), jnp.fft.rfft2(f))

    def nonlinear(w, constants):
        maps, truncation, f_hat = constants
        u, v, w_x, w_y = jnp.fft.irfft2(maps * w, s=(n, n))
        return truncation * jnp.fft.rfft2(u * w_x + v * w_y) + f_hat

    advance = etdrk4_jax(nonlinear)

    @jax.jit
    def solve(w, coefficients, constants):
        state = advance(jnp.fft.rfft2(w), coefficients, constants, steps)
        return jnp.fft.irfft2(state, s=(n, n))

    return lambda: np.asarray(solve(w0, coefficients, constants))


def exponax_run(n, dt, steps):
    """Exponax's vorticity stepper; the forcing is added to its nonlinear term.

    `exponax.ForcedStepper` would split the forcing off, which is of first order only.
    """
    import equinox as eqx
    import exponax as ex
    import jax
    import jax.numpy as jnp

    w0, f = fields(n)

    class ForcedConvection(ex.nonlin_fun.VorticityConvection2d):
        f_hat: jax.Array

        def __init__(self, *args, f_hat, **kwargs):
            super().__init__(*args, **kwargs)
            self.f_hat = f_hat

        def __call__(self, w_hat):
            return super().__call__(w_hat) + self.f_hat

    class ForcedNavierStokes(ex.stepper.NavierStokesVorticity):
        def _build_nonlinear_fun(self, derivative_operator):
            return ForcedConvection(
                self.num_spatial_dims,
                self.num_points,
                convection_scale=self.vorticity_convection_scale,
                derivative_operator=derivative_operator,
                dealiasing_fraction=self.dealiasing_fraction,
                f_hat=ex.fft(jnp.asarray(f)[None], num_spatial_dims=2),
            )

    stepper = ForcedNavierStokes(
        2,
        1.0,
        n,
        dt,
        diffusivity=NU,
        vorticity_convection_scale=-1.0,  # Exponax has lap psi = w
        order=4,
        num_circle_points=32,
        # Exponax keeps the modes up to fraction * n/2 - 1.
        dealiasing_fraction=(n // 3 + 1) / (n // 2),
    )
    # Stays in Fourier space between the steps.
    solve = eqx.filter_jit(ex.RepeatedStepper(stepper, steps))
    w0 = jnp.asarray(w0)[None]
    return lambda: np.asarray(solve(w0))[0]


PEERS = {"numpy": numpy_run, "scipy": scipy_run, "jax": jax_run, "exponax": exponax_run}


def main():
    options = arguments(__doc__.splitlines()[0], list(PEERS))
    enable_x64()
    passed = True
    for peer in options.only:
        if options.verify:
            w = PEERS[peer](64, DT, round(5 / DT))()
            values = {"rms": rms(w), "w00": w[0, 0]}
            passed &= verify(peer, "navier_stokes", values, GOLDEN, 1e-9)
        else:
            steps = QUICK_STEPS if options.quick else STEPS
            run = PEERS[peer](N, DT, steps)
            measure(peer, "navier_stokes", run, rms, n=N, dt=DT, steps=steps)
    finish(passed)


if __name__ == "__main__":
    main()
