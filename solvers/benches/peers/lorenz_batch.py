"""Lorenz-63 (sigma 10, rho 28, beta 8/3): a batch of 10 000 trajectories, t from 0 to 10.

Trajectory i starts at (1 + i / 10000, 1, 1). Adaptive steps with rtol = atol = 1e-6 and
the first step chosen by the solver, double precision, only the end is kept. Each
trajectory has its own steps: by vmap in Diffrax, by torchode's batching, one after the
other in pydiffsol, which runs every 20th, with its seconds multiplied by 20.

The check is the rms of all components at the end, over every 20th trajectory. The motion
is chaotic: at this tolerance two implementations agree in it to about 1 %.
"""

import numpy as np

from common import REPEATS, arguments, enable_x64, finish, measure, rms, verify
from lorenz import (
    BETA,
    GOLDEN,
    RHO,
    SIGMA,
    STRIDE,
    T_END,
    VERIFY_TOLERANCE,
    diffrax_run,
    pydiffsol_run,
)

TRAJECTORIES, QUICK_TRAJECTORIES = 10_000, 1000
TOLERANCE = 1e-6


def initial(count):
    y = np.ones((count, 3))
    y[:, 0] += 1e-4 * np.arange(count)
    return y


def torchode_run(method):
    def prepare(y0, tolerance):
        import torch
        import torchode as to

        def field(_t, state):
            x, y, z = state.unbind(dim=1)
            return torch.stack(
                [SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z], dim=1
            )

        term = to.ODETerm(field)
        controller = to.IntegralController(atol=tolerance, rtol=tolerance, term=term)
        solver = to.AutoDiffAdjoint(getattr(to, method)(term=term), controller)
        y0 = torch.tensor(y0)
        problem = to.InitialValueProblem(
            y0=y0, t_eval=torch.tensor([[0.0, T_END]], dtype=y0.dtype).expand(len(y0), 2)
        )

        def run():
            with torch.no_grad():
                return solver.solve(problem).ys[:, -1].numpy()

        return run

    return prepare


# How to run it, whether only for every STRIDE-th trajectory, and the error to pass
# the verification.
PEERS = {
    "diffrax-dopri5": (diffrax_run("Dopri5"), False, 1e-6),
    "diffrax-tsit5": (diffrax_run("Tsit5"), False, 1e-6),
    "torchode-dopri5": (torchode_run("Dopri5"), False, 1e-6),
    "pydiffsol-tsit45": (pydiffsol_run("tsit45"), True, 1e-6),
}


def main():
    options = arguments(__doc__.splitlines()[0], list(PEERS))
    enable_x64()
    count = QUICK_TRAJECTORIES if options.quick else TRAJECTORIES
    passed = True
    for peer in options.only:
        prepare, sampled, bound = PEERS[peer]
        y0 = initial(count)
        if options.verify:
            end = prepare(y0[:1], VERIFY_TOLERANCE)()[0]
            passed &= verify(peer, "lorenz_batch", dict(zip("xyz", end)), GOLDEN, bound)
            continue
        stride = STRIDE if sampled else 1
        run = prepare(y0[::stride], TOLERANCE)
        extra = {"trajectories": count, "measured": len(y0[::stride])}
        extra["repeats"] = 1 if peer.startswith("torchode") else REPEATS
        keep = STRIDE // stride
        measure(
            peer, "lorenz_batch", run, lambda end: rms(end[::keep]), scale=stride, **extra
        )
    finish(passed)


if __name__ == "__main__":
    main()
