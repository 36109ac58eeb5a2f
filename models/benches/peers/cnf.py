"""The peer of `configs/cnf-two-moons.toml`: the same flow, data and training by diffrax, and its test likelihood.

    experiment data configs/cnf-two-moons.toml --out moons.npz
    python models/benches/peers/cnf.py moons.npz
"""

import sys
import time
from functools import partial

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optax

TRAIN, VALIDATION, TEST = 20_000, 4096, 4096
WIDTH, LAYERS, STEPS = 64, 3, (6, 8, 10, 12)
EPOCHS, BATCHES, BATCH = 20, 100, 512
RATE, DECAY, CLIP, WARM_UP, FINAL = 2e-3, 0.99, 1.0, 0.05, 0.01


def init(key):
    sizes = [2] + [WIDTH] * LAYERS + [2]
    layers = []
    for l, (n, m) in enumerate(zip(sizes[:-1], sizes[1:])):
        key, a, b = jax.random.split(key, 3)
        gain = 0.1 if l == LAYERS else 1.0
        layers.append((gain * jax.random.normal(a, (n, m)) / n**0.5, gain * jax.random.normal(b, (m,)), jnp.zeros(m)))
    return layers


def velocity(layers, t, x):
    for l, (w, u, b) in enumerate(layers):
        x = x @ w + t * u + b
        x = jnp.tanh(x) if l < LAYERS else x
    return x


def field(t, y, layers):
    """The point and the logarithm of its density, for one row."""
    x, _ = y
    f = lambda x: velocity(layers, t, x)
    v, jacobian = f(x), jax.jacfwd(f)(x)
    return v, -jnp.trace(jacobian)


def log_density(layers, x, steps):
    y0 = (x, jnp.zeros(()))
    term = diffrax.ODETerm(field)
    if steps is None:
        solver, dt, control = diffrax.Dopri5(), None, diffrax.PIDController(rtol=1e-4, atol=1e-4)
        adjoint = diffrax.RecursiveCheckpointAdjoint()
    else:
        solver, dt, control = Rk4(), -1.0 / steps, diffrax.ConstantStepSize()
        adjoint = diffrax.DirectAdjoint()
    end = diffrax.diffeqsolve(term, solver, 1.0, 0.0, dt, y0, layers, stepsize_controller=control, adjoint=adjoint, max_steps=steps or 4096)
    z, change = end.ys[0][-1], end.ys[1][-1]
    return -0.5 * jnp.sum(z**2) - jnp.log(2 * jnp.pi) - change


class Rk4(diffrax.AbstractERK):
    """The classical method, which diffrax has not."""

    tableau = diffrax.ButcherTableau(
        a_lower=(np.array([0.5]), np.array([0.0, 0.5]), np.array([0.0, 0.0, 1.0])),
        b_sol=np.array([1 / 6, 1 / 3, 1 / 3, 1 / 6]),
        b_error=np.zeros(4),
        c=np.array([0.5, 0.5, 1.0]),
    )
    interpolation_cls = diffrax.ThirdOrderHermitePolynomialInterpolation.from_k

    def order(self, terms):
        return 4


def main():
    values = np.load(sys.argv[1])
    points = values[next(k for k in values.files if values[k].ndim == 3)][:, 0].astype(np.float32)
    train, validation = points[:TRAIN], points[TRAIN : TRAIN + VALIDATION]
    test = points[TRAIN + VALIDATION :]
    total = EPOCHS * BATCHES
    warm = int(WARM_UP * total)
    schedule = optax.warmup_cosine_decay_schedule(0.0, RATE, warm, total, FINAL * RATE)
    optimiser = optax.chain(optax.clip_by_global_norm(CLIP), optax.adam(schedule))
    loss = lambda layers, x, steps: -jnp.mean(jax.vmap(lambda x: log_density(layers, x, steps))(x))

    @partial(jax.jit, static_argnums=4)
    def step(layers, average, state, x, steps):
        value, gradients = jax.value_and_grad(lambda l: loss(l, x, steps))(layers)
        updates, state = optimiser.update(gradients, state)
        layers = optax.apply_updates(layers, updates)
        average = jax.tree.map(lambda a, l: DECAY * a + (1 - DECAY) * l, average, layers)
        return layers, average, state, value

    judged = jax.jit(loss, static_argnums=2)
    for seed in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
        random = np.random.default_rng(seed)
        layers = init(jax.random.key(seed))
        average, state, best = layers, optimiser.init(layers), (np.inf, layers)
        started, compiled = time.time(), None
        for epoch in range(EPOCHS):
            for _ in range(BATCHES):
                x = train[random.integers(TRAIN, size=BATCH)]
                layers, average, state, value = step(layers, average, state, x, int(random.choice(STEPS)))
                if compiled is None:
                    value.block_until_ready()
                    compiled = time.time() - started
            if epoch % 2 == 1:
                score = float(judged(average, validation, None))
                best = min(best, (score, average), key=lambda b: b[0])
        seconds = time.time() - started
        nll = float(judged(best[1], test, None))
        print(f"seed {seed}: nll {nll:.5f} on the test points, {seconds:.1f} s of training, {compiled:.1f} s of them until the first step", flush=True)


if __name__ == "__main__":
    main()
