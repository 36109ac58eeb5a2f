"""SineNet-8 (64x64 points, batch 4) or a Fourier neural operator on one axis by PyTorch: wall and processor
seconds of a forward and backward pass, |gradient|."""
import statistics
import sys
import time

import torch
import torch.nn.functional as F

number = 0
parameters = []


def wave(count, scale, step, level=0.0):
    i = torch.arange(1, count + 1, dtype=torch.float64)
    return (scale * torch.sin(step * (i * i)) + level).to(torch.float32)


def parameter(shape, scale, level=0.0):
    global number
    number += 1
    count = 1
    for n in shape:
        count *= n
    value = wave(count, scale, 0.7 + 0.01 * number, level).reshape(shape).requires_grad_()
    parameters.append(value)
    return value


def convolution(inputs, outputs, taps, axes=2):
    weight = parameter((outputs, inputs) + (taps,) * axes, (inputs * taps**axes) ** -0.5)
    return weight, parameter((outputs,), 0.05)


def circular(u, conv):
    return F.conv2d(F.pad(u, (1, 1, 1, 1), mode="circular"), *conv)


def level(inputs, outputs, shortcut):
    parts = []
    for i in (inputs, outputs):
        parts.append((convolution(i, outputs, 3), parameter((outputs,), 0.05, 1.0), parameter((outputs,), 0.05)))
    return parts, convolution(shortcut, outputs, 1)


def apply(lev, seen, carried):
    v = seen
    for conv, scale, shift in lev[0]:
        v = F.gelu(F.group_norm(circular(v, conv), 1, scale, shift))
    return v + F.conv2d(carried, *lev[1])


def double(u):
    wide = F.interpolate(F.pad(u, (2, 2, 2, 2), mode="circular"), scale_factor=2, mode="bicubic")
    return wide[..., 4:-4, 4:-4]


def sinenet():
    channels = [int(64 * 1.425**i) for i in range(5)]
    lift = convolution(12, 64, 3)
    waves = []
    for _ in range(8):
        down = [level(channels[i] + (64 if i else 0), channels[i + 1], channels[i]) for i in range(4)]
        up = [level(channels[i] + channels[i + 1], channels[i], channels[i + 1]) for i in reversed(range(4))]
        waves.append((down, up))
    project = convolution(64, 3, 3)

    def forward(u):
        v = circular(u, lift)
        for down, up in waves:
            start, beside, skips = v, v, [v]
            for i, lev in enumerate(down):
                v, beside = F.avg_pool2d(v, 2), F.avg_pool2d(beside, 2)
                v = apply(lev, torch.cat([v, beside], 1) if i else v, v)
                skips.append(v)
            skips.pop()
            for lev in up:
                u = double(v)
                v = apply(lev, torch.cat([skips.pop(), u], 1), u)
            v = start + v
        return circular(v, project)

    return forward, wave(4 * 12 * 64 * 64, 1.0, 0.37).reshape(4, 12, 64, 64)


def fno():
    width, modes, points = 64, 16, 1024
    # In the order of Flowmap's module: the lift, all Fourier layers, all pointwise maps, the projection; complex weights by their parts.
    lift = convolution(1, width, 1)
    spectral = [(parameter((modes, width, width), 1.5 / width**0.5), parameter((modes, width, width), 1.5 / width**0.5)) for _ in range(4)]
    pointwise = [convolution(width, width, 1) for _ in range(4)]
    project = convolution(width, 1, 1)

    def linear(u, conv):
        return F.conv1d(u, conv[0][..., 0], conv[1])

    def forward(u):
        v = linear(u, lift)
        for (re, im), conv in zip(spectral, pointwise):
            low = torch.fft.rfft(v)[..., :modes]
            out = torch.zeros(v.shape[0], width, points // 2 + 1, dtype=torch.cfloat)
            out[..., :modes] = torch.einsum("bim,mio->bom", low, torch.complex(re, im))
            v = F.gelu(torch.fft.irfft(out, n=points) + linear(v, conv))
        return linear(v, project)

    return forward, wave(20 * points, 1.0, 0.37).reshape(20, 1, points)


forward, u = {"sinenet": sinenet, "fno": fno}[sys.argv[1]]()
times, computed = [], []
for _ in range(int(sys.argv[2]) + 1):
    for p in parameters:
        p.grad = None
    start, before = time.perf_counter(), time.process_time()
    (forward(u) ** 2).mean().backward()
    times.append(time.perf_counter() - start)
    computed.append(time.process_time() - before)
print(statistics.median(times[1:]), statistics.mean(computed[1:]), parameters[0].grad.norm().item())
