"""What the three benchmark scripts share: arguments, timing, ETDRK4 coefficients."""

import argparse
import json
import statistics
import sys
import time

import numpy as np

REPEATS = 3


def arguments(description, peers):
    """Parses the options that all scripts have in common."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a much shorter run")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="compare every implementation with reference values instead of timing it",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="PEER",
        choices=peers,
        default=peers,
        help="the implementations to run, among: " + ", ".join(peers),
    )
    return parser.parse_args()


def measure(peer, case, run, check, scale=1, repeats=REPEATS, **extra):
    """Times `run` and prints one JSON line.

    `run` is called once to warm up (this is where JAX compiles), then `repeats`
    times; `check` maps its result to a number. `run` must only return once the
    result is there. `scale` multiplies the seconds, for a run that does only one
    `scale`-th of the work.
    """
    run()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = run()
        seconds.append(scale * (time.perf_counter() - start))
    line = {
        "peer": peer,
        "case": case,
        "seconds": round(statistics.median(seconds), 6),
        "check": float(check(result)),
        "runs": [round(s, 6) for s in seconds],
        **extra,
    }
    print(json.dumps(line), flush=True)


def verify(peer, case, values, expected, tolerance):
    """Compares named values with the expected ones; returns whether all agree."""
    errors = {name: abs(values[name] - expected[name]) for name in expected}
    passed = all(error <= tolerance for error in errors.values())  # false for NaN
    line = {"peer": peer, "case": case, "verify": "pass" if passed else "FAIL"}
    line |= {name: float(values[name]) for name in expected}
    line["error"] = float(max(errors.values()))
    print(json.dumps(line), flush=True)
    return passed


def finish(all_passed):
    """Ends the process; unsuccessfully when a verification failed."""
    sys.exit(0 if all_passed else 1)


def rms(values):
    return np.sqrt(np.mean(np.square(values)))


def enable_x64():
    """Switches JAX to double precision. To be called before JAX is used."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")


def etdrk4_coefficients(linear, dt, points=32):
    """ETDRK4 coefficients of a real diagonal operator (Kassam and Trefethen, 2005).

    The contour is the upper half of the unit circle about each `dt * linear`; the
    lower half adds the complex conjugate, so the real part of the mean is enough.
    Returns exp(h L), exp(h L / 2), and the weights q, f1, 2 f2, f3 of the stages.
    """
    z = dt * linear
    roots = np.exp(1j * np.pi * (np.arange(1, points + 1) - 0.5) / points)
    q, f1, f2, f3 = (np.zeros_like(z) for _ in range(4))
    for root in roots:
        r = z + root
        e = np.exp(r)
        q += ((np.exp(r / 2) - 1) / r).real
        f1 += ((-4 - r + e * (4 - 3 * r + r**2)) / r**3).real
        f2 += ((2 + r + e * (r - 2)) / r**3).real
        f3 += ((-4 - 3 * r - r**2 + e * (4 - r)) / r**3).real
    h = dt / points
    return np.exp(z), np.exp(z / 2), h * q, h * f1, 2 * h * f2, h * f3


def etdrk4_numpy(state, steps, coefficients, nonlinear):
    """Advances the complex `state` in place by `steps` ETDRK4 steps.

    `nonlinear(v, out)` writes the nonlinear term at `v` to `out`. The coefficients
    are real, so the stages are combined as real arrays (real and imaginary parts
    interleaved); nothing is allocated within the loop.
    """
    e, e2, q, f1, f2, f3 = (np.repeat(c, 2, axis=-1) for c in coefficients)
    stages = [np.empty_like(state) for _ in range(7)]
    v_c, nv_c, na_c, nb_c, nc_c, a_c, b_c, c_c = (state, *stages)
    v, nv, na, nb, nc, a, b, c = (
        s.view(np.float64) for s in (v_c, nv_c, na_c, nb_c, nc_c, a_c, b_c, c_c)
    )
    e2v = np.empty_like(v)
    for _ in range(steps):
        nonlinear(v_c, nv_c)
        np.multiply(e2, v, out=e2v)
        np.multiply(q, nv, out=a)
        a += e2v
        nonlinear(a_c, na_c)
        np.multiply(q, na, out=b)
        b += e2v
        nonlinear(b_c, nb_c)
        # c = e2 a + q (2 nb - nv); a is not needed after this
        np.add(nb, nb, out=c)
        c -= nv
        c *= q
        a *= e2
        c += a
        nonlinear(c_c, nc_c)
        # v = e v + f1 nv + 2 f2 (na + nb) + f3 nc
        v *= e
        nv *= f1
        v += nv
        na += nb
        na *= f2
        v += na
        nc *= f3
        v += nc
    return state


def etdrk4_jax(nonlinear):
    """The same steps as a jitted loop: (state, coefficients, operators, steps) -> state.

    `nonlinear(v, operators)` is the nonlinear term at `v`. `steps` is static.
    """
    from functools import partial

    import jax

    @partial(jax.jit, static_argnums=3)
    def advance(state, coefficients, operators, steps):
        e, e2, q, f1, f2, f3 = coefficients

        def step(_, v):
            nv = nonlinear(v, operators)
            e2v = e2 * v
            a = e2v + q * nv
            na = nonlinear(a, operators)
            b = e2v + q * na
            nb = nonlinear(b, operators)
            c = e2 * a + q * (2 * nb - nv)
            nc = nonlinear(c, operators)
            return e * v + f1 * nv + f2 * (na + nb) + f3 * nc

        return jax.lax.fori_loop(0, steps, step, state)

    return advance
