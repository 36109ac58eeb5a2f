"""Golden values of the measures of a trajectory, by NumPy and SciPy, from the formulas alone.

    python tests/golden/measures.py                  the constants in the tests of experiments/src/metric/
    python tests/golden/measures.py TRUE.npy GEN.npy the same measures of two files, [time, channel]
"""

import sys

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.distance import cdist, pdist
from scipy.special import logsumexp


def logistic_delays(r, x0, samples, channels):
    orbit = [x0]
    for _ in range(samples + channels):
        x = orbit[-1]
        orbit.append(r * x * (1.0 - x))
    return np.array([orbit[t : t + channels] for t in range(samples)])


def henon(samples):
    x, y, orbit = 0.1, 0.1, []
    for _ in range(samples + 100):
        x, y = 1.0 - 1.4 * x * x + y, 0.3 * x
        orbit.append((x, y))
    return np.array(orbit[100:])


def binned_divergence(true, generated, bins=30, pseudo=1e-5):
    """KL(true || generated) of dense histograms on the box of the true data, widened by 0.1 standard deviations."""
    edges = [
        np.linspace(c.min() - 0.1 * c.std(), c.max() + 0.1 * c.std(), bins + 1) for c in true.T
    ]
    p, q = (np.histogramdd(x, edges)[0].ravel() for x in (true, generated))
    p, q = ((h + pseudo) / (h.sum() + pseudo * h.size) for h in (p, q))
    return np.sum(p * np.log(p / q))


def log_mixture(centres, at):
    """Log density, without the constant, of a mixture of one unit normal density at each centre."""
    return logsumexp(-0.5 * cdist(at, centres, "sqeuclidean"), axis=1) - np.log(len(centres))


def mixture_divergence(true, generated, components=10_000, samples=1000, seed=0):
    """KL(true || generated) of mixtures, with the standard error of the Monte Carlo mean."""
    true, generated = true[:components], generated[:components]
    random = np.random.default_rng(seed)
    draws = true[random.integers(len(true), size=samples)] + random.standard_normal((samples, true.shape[1]))
    terms = log_mixture(true, draws) - log_mixture(generated, draws)
    return terms.mean(), terms.std() / np.sqrt(samples)


def hellinger(true, generated, sigma=20):
    n, distances = min(len(true), len(generated)), []
    for columns in zip(true[:n].T, generated[:n].T):
        spectra = []
        for x in columns:
            power = np.abs(np.fft.rfft((x - x.mean()) / x.std())) ** 2
            power = gaussian_filter1d(power, sigma, mode="reflect", radius=4 * sigma)
            spectra.append(power / power.sum())
        distances.append(np.sqrt(1.0 - np.sum(np.sqrt(spectra[0] * spectra[1]))))
    return np.mean(distances)


def prediction_error(series, factor, n):
    """Of the model z' = factor z."""
    return np.mean((factor**n * series[:-n] - series[n:]) ** 2)


def correlation_sum(points, theiler, octaves):
    """Fraction of pairs nearer than the box's diagonal halved so often, more than `theiler` samples apart."""
    radius = np.linalg.norm(np.ptp(points, axis=0)) / 2.0**octaves
    i, j = np.triu_indices(len(points), 1)
    return np.mean(pdist(points)[j - i > theiler] <= radius)


def neighbour_divergence(points, theiler, horizon):
    n = len(points) - horizon
    distance = cdist(points[:n], points[:n])
    i = np.arange(n)
    distance[np.abs(i[:, None] - i) <= theiler] = np.inf
    j = distance.argmin(axis=1)
    return [np.mean(np.log(np.linalg.norm(points[i + k] - points[j + k], axis=1))) for k in range(horizon + 1)]


if len(sys.argv) == 3:
    TRUE, GENERATED = (np.load(name).astype(float) for name in sys.argv[1:])
    if TRUE.shape[1] <= 5:
        print("D_stsp, binned", binned_divergence(TRUE, GENERATED))
    else:
        print("D_stsp, mixtures", *mixture_divergence(TRUE, GENERATED))
    print("D_H", hellinger(TRUE, GENERATED))
else:
    a, b = logistic_delays(3.9, 0.3, 2000, 3), logistic_delays(3.95, 0.4, 1500, 3)
    print("state_space_divergence binned", repr(float(binned_divergence(a, b))))
    a, b = logistic_delays(3.9, 0.3, 500, 7), 10.0 * logistic_delays(3.95, 0.4, 40, 7)
    print("state_space_divergence log_mixture", repr(float(log_mixture(a, b).sum())))
    a, b = logistic_delays(3.9, 0.3, 1999, 3), logistic_delays(3.7, 0.4, 2100, 3)
    print("hellinger", repr(float(hellinger(a, b))))
    a = logistic_delays(3.9, 0.3, 1000, 3)
    print("prediction_error", [float(prediction_error(a, 0.9, n)) for n in (1, 5, 20)])
    a = henon(1000)
    print("correlation_dimension sums", [float(correlation_sum(a, 3, k)) for k in (2, 4, 6)])
    curve = neighbour_divergence(a, 5, 12)
    print("exponent_from_series curve", [float(curve[k]) for k in (0, 3, 12)])
