"""Steps of a physics-informed network of 5 x 64 tanh on 2000 points of Burgers' equation in JAX, float64, jit.

Derivatives by nested automatic differentiation and by jax.experimental.jet; one step of Adam, and one of Gauss-Newton in its
dual form (Jacobian of every sample by reverse mode, J J^T + damping, Cholesky). Prints a line of JSON for each.
"""

import json
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import jet
from jax.flatten_util import ravel_pytree

jax.config.update("jax_enable_x64", True)

POINTS, WIDTH, DEPTH, NU, DAMPING = 2000, 64, 5, 0.01, 1e-3
SIZES = [3] + [WIDTH] * DEPTH + [1]


def unravelled():
    shapes = [(np.zeros((a, b)), np.zeros(b)) for a, b in zip(SIZES, SIZES[1:])]
    flat, unravel = ravel_pytree(shapes)
    return 0.2 * np.sin(0.7 * np.arange(1, flat.size + 1)), unravel


THETA, UNRAVEL = unravelled()
INDEX = np.arange(1, POINTS + 1)
X = 2.0 * np.modf(INDEX * 0.754877666246693)[0]
T = np.modf(INDEX * 0.569840290998053)[0]


def network(layers, x, t):
    h = jnp.stack([jnp.cos(jnp.pi * x), jnp.sin(jnp.pi * x), 2 * t - 1])
    for w, b in layers[:-1]:
        h = jnp.tanh(h @ w + b)
    w, b = layers[-1]
    return (h @ w + b)[0]


def u(layers, x, t):
    return jnp.sin(jnp.pi * x) + t * network(layers, x, t)


def nested(layers, x, t):
    in_x = lambda x: u(layers, x, t)
    value, u_x = jax.jvp(in_x, (x,), (1.0,))
    u_xx = jax.jvp(lambda x: jax.jvp(in_x, (x,), (1.0,))[1], (x,), (1.0,))[1]
    u_t = jax.jvp(lambda t: u(layers, x, t), (t,), (1.0,))[1]
    return u_t + value * u_x - NU * u_xx


def by_jet(layers, x, t):
    value, (u_x, u_xx) = jet.jet(lambda x: u(layers, x, t), (x,), ((1.0, 0.0),))
    u_t = jax.jvp(lambda t: u(layers, x, t), (t,), (1.0,))[1]
    return u_t + value * u_x - NU * u_xx


def median(step, repeats):
    jax.block_until_ready(step())
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(step())
        seconds.append(time.perf_counter() - start)
    return round(statistics.median(seconds), 7)


for peer, residual in [("jax nested", nested), ("jax jet", by_jet)]:
    loss = lambda theta: jnp.mean(jax.vmap(residual, (None, 0, 0))(UNRAVEL(theta), X, T) ** 2)

    @jax.jit
    def adam(theta, m, v):
        value, g = jax.value_and_grad(loss)(theta)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        return value, theta - 1e-3 * (m / 0.1) / (jnp.sqrt(v / 0.001) + 1e-8), m, v

    @jax.jit
    def gauss_newton(theta):
        row = jax.value_and_grad(lambda theta, x, t: residual(UNRAVEL(theta), x, t))
        r, j = jax.vmap(row, (None, 0, 0))(theta, X, T)
        r, j = r / POINTS**0.5, j / POINTS**0.5
        system = j @ j.T + DAMPING * jnp.eye(POINTS)
        step = j.T @ jax.scipy.linalg.cho_solve((jnp.linalg.cholesky(system), True), r)
        return theta - step, loss(theta - step)

    zero = jnp.zeros_like(THETA)
    line = {
        "peer": peer,
        "adam": median(lambda: adam(THETA, zero, zero), 30),
        "gauss_newton": median(lambda: gauss_newton(THETA), 3),
        "check": float(loss(THETA)),
    }
    print(json.dumps(line), flush=True)
