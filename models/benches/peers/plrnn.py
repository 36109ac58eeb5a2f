"""One training step of a shallow piecewise-linear network in JAX (lax.scan, jit) and PyTorch (a loop): loss, gradients, Adam.

Prints a line of JSON for each: seconds of a step (median) and the loss before the first, or that it is not installed.
`solvers/benches/peers/setup.sh` installs JAX, and with `TORCH=1` PyTorch.
"""

import json
import statistics
import time

import numpy as np

LATENT, HIDDEN, BATCH, STEPS, ALPHA = 3, 50, 16, 200, 0.1
RATE, BETA1, BETA2, EPS = 1e-4, 0.9, 0.999, 1e-5


def wave(shape, scale, step):
    count = int(np.prod(shape))
    return (scale * np.sin(step * np.arange(1, count + 1))).reshape(shape).astype(np.float32)


def inputs():
    parameters = [
        wave((LATENT,), 0.2, 0.7) + np.float32(0.6),
        wave((LATENT, HIDDEN), 0.14, 0.9),
        wave((HIDDEN, LATENT), 0.5, 1.1),
        wave((LATENT,), 0.1, 1.3),
        wave((HIDDEN,), 0.3, 1.7),
    ]
    return parameters, wave((STEPS + 1, BATCH, LATENT), 1.0, 0.37)


def report(peer, step, check, repeats):
    """`step` must only return once the result is there."""
    step()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    line = {"peer": peer, "seconds": round(statistics.median(seconds), 7), "check": float(check)}
    print(json.dumps(line), flush=True)


def with_jax():
    import jax
    import jax.numpy as jnp

    parameters, x = inputs()
    parameters, x = [jnp.asarray(p) for p in parameters], jnp.asarray(x)

    def loss(parameters, x):
        a, w1, w2, h1, h2 = parameters

        def advance(z, signal):
            state = a * z + jax.nn.relu(z @ w2.T + h2) @ w1.T + h1
            return (1 - ALPHA) * state + ALPHA * signal, state

        _, states = jax.lax.scan(advance, x[0], x[1:])
        return jnp.mean((states - x[1:]) ** 2)

    @jax.jit
    def update(parameters, m, v, t, x):
        value, grads = jax.value_and_grad(loss)(parameters, x)
        m = [BETA1 * m + (1 - BETA1) * g for m, g in zip(m, grads)]
        v = [BETA2 * v + (1 - BETA2) * g * g for v, g in zip(v, grads)]
        left1, left2 = 1 - BETA1**t, 1 - BETA2**t
        parameters = [
            p - RATE * (m / left1) / (jnp.sqrt(v / left2) + EPS) for p, m, v in zip(parameters, m, v)
        ]
        return parameters, m, v, t + 1, value

    check = loss(parameters, x)
    state = [parameters, [p * 0 for p in parameters], [p * 0 for p in parameters], jnp.float32(1)]

    def step():
        *state[:], value = update(*state, x)
        value.block_until_ready()

    report("jax-scan-jit", step, check, 500)


def with_torch():
    import torch

    torch.set_num_threads(2)
    parameters, x = inputs()
    parameters = [torch.tensor(p, requires_grad=True) for p in parameters]
    x = torch.tensor(x)
    a, w1, w2, h1, h2 = parameters

    def loss():
        z, error = x[0], []
        for signal in x[1:]:
            state = a * z + torch.relu(z @ w2.T + h2) @ w1.T + h1
            error.append(state)
            z = (1 - ALPHA) * state + ALPHA * signal
        return torch.mean((torch.stack(error) - x[1:]) ** 2)

    optimiser = torch.optim.Adam(parameters, lr=RATE, eps=EPS)
    check = loss().item()

    def step():
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()
        value.item()

    report("pytorch", step, check, 100)


if __name__ == "__main__":
    for name, peer in (("jax-scan-jit", with_jax), ("pytorch", with_torch)):
        try:
            peer()
        except ImportError as error:
            print(json.dumps({"peer": name, "missing": str(error).replace('"', "'")}), flush=True)
