"""Lorenz-63 (sigma 10, rho 28, beta 8/3): a batch of 10 000 trajectories, t from 0 to 10.

Trajectory i starts at (1 + i / 10000, 1, 1). Adaptive steps with rtol = atol = 1e-6 and
the first step chosen by the solver, double precision, only the end is kept. Each
trajectory has its own steps: by vmap in Diffrax, by torchode's batching, one after the
other in pydiffsol, which runs every 20th, with its seconds multiplied by 20.

The check is the rms of all components at the end, over every 20th trajectory. The motion
is chaotic: at this tolerance two implementations agree in it to about 1 %.
"""

from lorenz import BETA, RHO, SIGMA, T_END, compare, diffrax_run, pydiffsol_run

TRAJECTORIES, QUICK_TRAJECTORIES = 10_000, 1000
TOLERANCE = 1e-6


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


if __name__ == "__main__":
    counts = (TRAJECTORIES, QUICK_TRAJECTORIES)
    repeats = {"torchode-dopri5": 1}
    compare(__doc__.splitlines()[0], "lorenz_batch", PEERS, counts, TOLERANCE, repeats)
