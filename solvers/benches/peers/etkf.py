"""The ensemble transform Kalman filter on Kuramoto-Sivashinsky, periodic on [0, 32 pi).

128 points, ETDRK4 in double precision with steps of 1/2, all points seen with unit
noise once per unit of time, 20 members, inflation 1.05, 3000 cycles from the end of a
run of 150 units from u(x, 0) = cos(x/16) (1 + sin(x/16)); truth and members start about it
with a deviation of sqrt(0.001). The nonlinear term is -(u^2 / 2)_x, its modes above
128/3 are set to zero. All members are moved at once. `check` is the root mean square
error of the analysis, the mean over the cycles after the first 300: it depends on the
noise, so implementations agree to a few per cent only.
"""

import numpy as np

from common import arguments, etdrk4_coefficients, etdrk4_numpy, finish, measure, verify

N = 128
LENGTH = 32 * np.pi
DT = 1 / 2
MEMBERS = 20
INFLATION = 1.05
CYCLES, QUICK_CYCLES = 3000, 300
SPIN_UP = 150


def flow():
    """Moves physical states in the rows of an array by whole steps, all at once."""
    mode = np.arange(N // 2 + 1)
    k = 2 * np.pi / LENGTH * mode
    kept = mode <= N // 3
    g = -0.5j * k * kept
    coefficients = etdrk4_coefficients(k**2 - k**4, DT)

    def nonlinear(v, out):
        u = np.fft.irfft(v, N)
        np.multiply(u, u, out=u)
        np.fft.rfft(u, out=out)
        np.multiply(out, g, out=out)

    def advance(u, steps):
        state = np.fft.rfft(u) * kept
        return np.fft.irfft(etdrk4_numpy(state, steps, coefficients, nonlinear), N)

    return advance


def numpy_run(cycles):
    advance = flow()
    x = LENGTH * np.arange(N) / N
    start = advance((np.cos(x / 16) * (1 + np.sin(x / 16)))[None], round(SPIN_UP / DT))[0]

    def run():
        rng = np.random.default_rng(0)
        near = np.sqrt(1e-3)
        truth = start + near * rng.standard_normal(N)
        members = start + near * rng.standard_normal((MEMBERS, N))
        errors = []
        for _ in range(cycles):
            moved = advance(np.vstack([members, truth]), round(1 / DT))
            members, truth = moved[:-1], moved[-1]
            seen = truth + rng.standard_normal(N)
            mean = members.mean(0)
            anomalies = members - mean
            values, v = np.linalg.eigh(anomalies @ anomalies.T + (MEMBERS - 1) * np.eye(MEMBERS))
            weights = v @ ((v.T @ (anomalies @ (seen - mean))) / values)
            root = (v * np.sqrt((MEMBERS - 1) / values)) @ v.T
            mean = mean + weights @ anomalies
            members = mean + INFLATION * (root @ anomalies)
            errors.append(np.sqrt(np.mean((mean - truth) ** 2)))
        return np.array(errors)

    return run


PEERS = {"numpy": numpy_run}


def error(errors):
    return errors[len(errors) // 10 :].mean()


def main():
    options = arguments(__doc__.splitlines()[0], list(PEERS))
    passed = True
    for peer in options.only:
        if options.verify:
            # The published error, DAPPER's bocquet2019.
            passed &= verify(peer, "etkf", {"rmse": error(PEERS[peer](CYCLES)())}, {"rmse": 0.115}, 0.012)
        else:
            cycles = QUICK_CYCLES if options.quick else CYCLES
            measure(peer, "etkf", PEERS[peer](cycles), error, members=MEMBERS, cycles=cycles)
    finish(passed)


if __name__ == "__main__":
    main()
