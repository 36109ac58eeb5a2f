"""Lorenz-63 (sigma 10, rho 28, beta 8/3): 1000 trajectories, t from 0 to 10.

Trajectory i starts at (1 + i / 1000, 1, 1). Adaptive steps with rtol = atol = 1e-8 and
the first step chosen by the solver, double precision, only the end is kept. Each
trajectory has its own steps. SciPy and the implicit TR-BDF2 run only every 20th
trajectory, and their seconds are multiplied by 20.

The check is the rms of all components at the end, over every 20th trajectory.
"""

import numpy as np

from common import REPEATS, arguments, enable_x64, finish, measure, rms, verify

SIGMA, RHO, BETA = 10.0, 28.0, 8.0 / 3.0
TRAJECTORIES, QUICK_TRAJECTORIES = 1000, 100
STRIDE = 20  # between the trajectories that are checked, and that SciPy runs
T_END = 10.0
TOLERANCE = 1e-8

# Trajectory 0 at the end, by a Taylor series of order 30 in 30 digits.
GOLDEN = {"x": -4.902687541134646, "y": -3.7438729218029194, "z": 24.690858102790557}
VERIFY_TOLERANCE = 1e-10


def initial(count, of):
    """The first `count` of so many starts."""
    y = np.ones((count, 3))
    y[:, 0] += np.arange(count) / of
    return y


def scipy_run(method):
    from scipy.integrate import solve_ivp

    def field(_, y):
        x, y, z = y.tolist()  # floats of Python are faster than those of NumPy here
        return [SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z]

    def prepare(y0, tolerance):
        def run():
            end = np.empty_like(y0)
            for i, y in enumerate(y0):
                end[i] = solve_ivp(
                    field,
                    (0.0, T_END),
                    y,
                    method=method,
                    t_eval=(T_END,),
                    rtol=tolerance,
                    atol=tolerance,
                ).y[:, -1]
            return end

        return run

    return prepare


def diffrax_run(solver):
    def prepare(y0, tolerance):
        import diffrax
        import jax
        import jax.numpy as jnp

        def field(_t, state, _args):
            x, y, z = state
            return jnp.stack([SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z])

        def solve(y):
            solution = diffrax.diffeqsolve(
                diffrax.ODETerm(field),
                getattr(diffrax, solver)(),
                t0=0.0,
                t1=T_END,
                dt0=None,
                y0=y,
                saveat=diffrax.SaveAt(t1=True),
                stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
                max_steps=None,
                adjoint=diffrax.ForwardMode(),
            )
            return solution.ys[0]

        batched = jax.jit(jax.vmap(solve))
        y0 = jnp.asarray(y0)
        return lambda: np.asarray(batched(y0))

    return prepare


def pydiffsol_run(solver):
    def prepare(y0, tolerance):
        import pydiffsol as ds

        ode = ds.Ode(
            f"""
            in_i {{ x0 = 1.0, y0 = 1.0, z0 = 1.0 }}
            u_i {{ x = x0, y = y0, z = z0 }}
            F_i {{
                {SIGMA!r} * (y - x),
                x * ({RHO!r} - z) - y,
                x * y - {BETA!r} * z,
            }}
            """,
            matrix_type=ds.nalgebra_dense,
            ode_solver=getattr(ds, solver),
        )
        ode.rtol = ode.atol = tolerance
        t_eval = np.array([T_END])

        def run():
            end = np.empty_like(y0)
            for i, y in enumerate(y0):
                end[i] = ode.solve_dense(y, t_eval).ys[:, -1]
            return end

        return run

    return prepare


# How to run it, whether only for every STRIDE-th trajectory, and the error to pass
# the verification.
PEERS = {
    "scipy-rk45": (scipy_run("RK45"), True, 1e-6),
    "scipy-dop853": (scipy_run("DOP853"), True, 1e-6),
    "diffrax-dopri5": (diffrax_run("Dopri5"), False, 1e-6),
    "diffrax-tsit5": (diffrax_run("Tsit5"), False, 1e-6),
    "pydiffsol-tsit45": (pydiffsol_run("tsit45"), False, 1e-6),
    "pydiffsol-tr_bdf2": (pydiffsol_run("tr_bdf2"), True, 1e-3),
}


def compare(description, case, peers, counts, tolerance, repeats=None):
    """Runs the peers of a case that are asked for; `repeats` are those of single peers."""
    options = arguments(description, list(peers))
    enable_x64()
    count = counts[1] if options.quick else counts[0]
    passed = True
    for peer in options.only:
        prepare, sampled, bound = peers[peer]
        y0 = initial(count, counts[0])
        if options.verify:
            end = prepare(y0[:1], VERIFY_TOLERANCE)()[0]
            passed &= verify(peer, case, dict(zip("xyz", end)), GOLDEN, bound)
            continue
        stride = STRIDE if sampled else 1
        run = prepare(y0[::stride], tolerance)
        keep = STRIDE // stride
        measure(
            peer,
            case,
            run,
            lambda end: rms(end[::keep]),
            scale=stride,
            repeats=(repeats or {}).get(peer, REPEATS),
            trajectories=count,
            measured=len(y0[::stride]),
        )
    finish(passed)


if __name__ == "__main__":
    counts = (TRAJECTORIES, QUICK_TRAJECTORIES)
    compare(__doc__.splitlines()[0], "lorenz", PEERS, counts, TOLERANCE)
