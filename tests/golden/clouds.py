"""Golden values of distances between clouds of points, by NumPy and SciPy, from the formulas alone.

    python tests/golden/clouds.py      the constants in experiments/tests/clouds.rs
"""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, pdist


def clouds(n, m):
    """Two clouds without randomness, from additive recurrences."""
    i, j = np.arange(1, n + 1), np.arange(1, m + 1)
    a = np.stack([i * 0.7548776662466927 % 1.0, i * 0.5698402909980532 % 1.0], axis=1)
    angle = 2 * np.pi * (j * 0.6180339887498949 % 1.0)
    b = np.stack([np.sin(angle), 0.5 * np.cos(angle) + 0.2 * (j * 0.4142135623730951 % 1.0)], axis=1)
    return a, b


def wasserstein_2(a, b):
    cost = cdist(a, b, "sqeuclidean")
    return np.sqrt(cost[linear_sum_assignment(cost)].mean())


def sliced_wasserstein_2(a, b, directions):
    """Quantile functions on the common refinement of both grids of quantiles."""
    total = 0.0
    for k in range(directions):
        d = np.array([np.cos(np.pi * k / directions), np.sin(np.pi * k / directions)])
        x, y = np.sort(a @ d), np.sort(b @ d)
        knots = np.unique(np.concatenate([np.arange(len(x) + 1) / len(x), np.arange(len(y) + 1) / len(y)]))
        middles, widths = (knots[1:] + knots[:-1]) / 2, np.diff(knots)
        at = lambda s: s[np.minimum((middles * len(s)).astype(int), len(s) - 1)]
        total += np.sum(widths * (at(x) - at(y)) ** 2)
    return np.sqrt(total / directions)


def mean_discrepancy(truth, other):
    squares = np.sort(pdist(truth[:1000], "sqeuclidean"))
    scale = squares[len(squares) // 2]

    def kernel(a, b):
        d = cdist(a, b, "sqeuclidean")
        return np.mean([np.exp(-d / (2 * scale * f)) for f in (0.25, 0.5, 1, 2, 4)], axis=0)

    n, m = len(truth), len(other)
    off = lambda k: (k.sum() - np.trace(k)) / (len(k) * (len(k) - 1))
    return off(kernel(truth, truth)) + off(kernel(other, other)) - 2 * kernel(truth, other).mean()


if __name__ == "__main__":
    for n, m in [(7, 7), (300, 300), (500, 400)]:
        a, b = clouds(n, m)
        k = min(n, m)
        print(f"    ({n}, {m}, {wasserstein_2(a[:k], b[:k]):.14f}, {sliced_wasserstein_2(a, b, 16):.14f}, {mean_discrepancy(a, b):.14f}),")
