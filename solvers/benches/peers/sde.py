"""Geometric Brownian motion (mu 0.05, sigma 0.2): 1000 paths, 1000 steps, t from 0 to 1.

Euler-Maruyama for the Ito equation and Heun for the Stratonovich one, double precision,
every path starts at 1 and only the end is kept. diffrax is compiled and vectorised over
paths; its "tree" draws from a path that may be asked anywhere, its "steps" one normal
number after the other. torchsde moves the whole batch at once. Every run has another
seed, as a user's would.

The check is the mean of the ends: exp(0.05) and exp(0.07), to a sampling error of 0.007.
"""

import math

import numpy as np

from common import arguments, enable_x64, finish, measure, verify

MU, SIGMA = 0.05, 0.2
PATHS, QUICK_PATHS = 1000, 100
STEPS = 1000
MEAN = {"euler": math.exp(MU), "heun": math.exp(MU + SIGMA**2 / 2)}


def diffrax_run(method, tree):
    def prepare(paths):
        import diffrax
        import jax
        import jax.numpy as jnp

        solver = {"euler": diffrax.Euler, "heun": diffrax.Heun}[method]()

        def solve(key):
            if tree:
                noise = diffrax.VirtualBrownianTree(0.0, 1.0, tol=0.5 / STEPS, shape=(), key=key)
            else:
                noise = diffrax.UnsafeBrownianPath(shape=(), key=key)
            terms = diffrax.MultiTerm(
                diffrax.ODETerm(lambda t, y, args: MU * y),
                diffrax.ControlTerm(lambda t, y, args: SIGMA * y, noise),
            )
            solution = diffrax.diffeqsolve(
                terms,
                solver,
                t0=0.0,
                t1=1.0,
                dt0=1.0 / STEPS,
                y0=jnp.asarray(1.0),
                saveat=diffrax.SaveAt(t1=True),
                max_steps=STEPS + 8,
                adjoint=diffrax.ForwardMode() if tree else diffrax.DirectAdjoint(),
            )
            return solution.ys[0]

        batched = jax.jit(jax.vmap(solve))
        seeds = iter(range(1_000_000))
        return lambda: np.asarray(batched(jax.random.split(jax.random.key(next(seeds)), paths)))

    return prepare


def torchsde_run(method):
    def prepare(paths):
        import torch
        import torchsde

        class Asset(torch.nn.Module):
            noise_type = "diagonal"
            sde_type = {"euler": "ito", "heun": "stratonovich"}[method]

            def f(self, t, y):
                return MU * y

            def g(self, t, y):
                return SIGMA * y

        y0 = torch.ones((paths, 1), dtype=torch.float64)
        ts = torch.tensor([0.0, 1.0], dtype=torch.float64)
        asset = Asset()

        def run():
            with torch.no_grad():
                return torchsde.sdeint(asset, y0, ts, dt=1.0 / STEPS, method=method)[-1].numpy()

        return run

    return prepare


PEERS = {
    "diffrax-euler-steps": ("euler", diffrax_run("euler", False)),
    "diffrax-euler-tree": ("euler", diffrax_run("euler", True)),
    "diffrax-heun-steps": ("heun", diffrax_run("heun", False)),
    "diffrax-heun-tree": ("heun", diffrax_run("heun", True)),
    "torchsde-euler": ("euler", torchsde_run("euler")),
    "torchsde-heun": ("heun", torchsde_run("heun")),
}


def main():
    options = arguments(__doc__.splitlines()[0], list(PEERS))
    enable_x64()
    paths = QUICK_PATHS if options.quick else PATHS
    passed = True
    for peer in options.only:
        method, prepare = PEERS[peer]
        run = prepare(paths)
        if options.verify:
            bound = 5 * 0.22 / math.sqrt(paths)
            passed &= verify(peer, "sde", {"mean": run().mean()}, {"mean": MEAN[method]}, bound)
        else:
            measure(peer, "sde", run, np.mean, paths=paths)
    finish(passed)


if __name__ == "__main__":
    main()
