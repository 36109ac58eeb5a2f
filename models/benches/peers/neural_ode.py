"""Loss and gradients of a neural ODE, 2-64-64-2 tanh, batch 128, 100 RK4 steps, in f32: Diffrax (jit; both of its discrete
adjoints) and torchdiffeq (by its own tape).

Prints a line of JSON for each that is installed and named as an argument (all, if none is): seconds of every run, and the norm
of the gradient by the parameters.
"""

import json
import sys
import time

import numpy as np

SIZES, BATCH, STEPS, END = (2, 64, 64, 2), 128, 100, 1.0
RUNS = 15


def wave(shape, scale, step):
    count = int(np.prod(shape))
    return (scale * np.sin(step * np.arange(1, count + 1))).reshape(shape).astype(np.float32)


def inputs():
    layers = []
    for i, (n, m) in enumerate(zip(SIZES[:-1], SIZES[1:])):
        layers.append((wave((m, n), 1.4 / np.sqrt(n), 0.7 + 0.2 * i), wave((m,), 0.1, 1.3 + 0.1 * i)))
    return layers, wave((BATCH, 2), 1.0, 0.37)


def report(peer, run):
    """`run` returns the norm of the gradient once it is there."""
    check = run()
    run()
    runs = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        runs.append(round(time.perf_counter() - start, 7))
    print(json.dumps({"peer": peer, "runs": runs, "check": float(check)}), flush=True)


def with_diffrax(name):
    import diffrax
    import jax
    import jax.numpy as jnp

    layers, y0 = inputs()
    layers, y0 = jax.tree.map(jnp.asarray, layers), jnp.asarray(y0)

    class Rk4(diffrax.AbstractERK):
        """The classical method: Diffrax has none of its own."""

        tableau = diffrax.ButcherTableau(
            c=np.array([0.5, 0.5, 1.0]),
            b_sol=np.array([1 / 6, 1 / 3, 1 / 3, 1 / 6]),
            b_error=np.zeros(4),
            a_lower=(np.array([0.5]), np.array([0.0, 0.5]), np.array([0.0, 0.0, 1.0])),
        )
        interpolation_cls = diffrax.ThirdOrderHermitePolynomialInterpolation.from_k

        def order(self, terms):
            return 4

    def field(t, y, layers):
        for w, b in layers[:-1]:
            y = jnp.tanh(y @ w.T + b)
        w, b = layers[-1]
        return y @ w.T + b

    adjoint = {
        "checkpoint": diffrax.RecursiveCheckpointAdjoint(),
        "direct": diffrax.DirectAdjoint(),
    }[name]

    def loss(layers, y0):
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(field), Rk4(), 0.0, END, END / STEPS, y0, layers,
            adjoint=adjoint, max_steps=STEPS,
        )
        return jnp.mean(solution.ys[-1] ** 2)

    step = jax.jit(jax.grad(loss))

    def run():
        gradient = jax.block_until_ready(step(layers, y0))
        return np.sqrt(sum(float((np.asarray(g, np.float64) ** 2).sum()) for g in jax.tree.leaves(gradient)))

    report(f"diffrax-{name}", run)


def with_torchdiffeq():
    import torch
    from torchdiffeq import odeint

    layers, y0 = inputs()
    layers = [(torch.tensor(w, requires_grad=True), torch.tensor(b, requires_grad=True)) for w, b in layers]
    y0 = torch.tensor(y0)
    leaves = [x for layer in layers for x in layer]

    def field(t, y):
        for w, b in layers[:-1]:
            y = torch.tanh(torch.nn.functional.linear(y, w, b))
        w, b = layers[-1]
        return torch.nn.functional.linear(y, w, b)

    times = torch.tensor([0.0, END])

    def run():
        for x in leaves:
            x.grad = None
        # Its "rk4" is the 3/8 rule: of order four and four stages, too.
        end = odeint(field, y0, times, method="rk4", options={"step_size": END / STEPS})[-1]
        (end**2).mean().backward()
        return float(torch.sqrt(sum((x.grad.double() ** 2).sum() for x in leaves)))

    report("torchdiffeq", run)


WAYS = {
    "diffrax-checkpoint": lambda: with_diffrax("checkpoint"),
    "diffrax-direct": lambda: with_diffrax("direct"),
    "torchdiffeq": with_torchdiffeq,
}

for name in sys.argv[1:] or WAYS:
    try:
        WAYS[name]()
    except ImportError as error:
        print(f"{name}: {error}", file=sys.stderr)
