"""Small networks by PyTorch with the names of the public checkpoints, their weights, and what they make of a field.

`python checkpoints.py FOLDER` writes sinenet.ckpt and modern_u_net.pt with a field and its result beside each.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


def conv(inputs, outputs, mode, taps=3, stride=1):
    return nn.Conv2d(inputs, outputs, taps, stride=stride, padding=taps // 2, padding_mode=mode)


class Pair(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1, self.conv2 = conv(inputs, outputs, "circular"), conv(outputs, outputs, "circular")
        self.norm1, self.norm2 = nn.GroupNorm(1, outputs), nn.GroupNorm(1, outputs)

    def forward(self, u):
        return F.gelu(self.norm2(self.conv2(F.gelu(self.norm1(self.conv1(u))))))


class Level(nn.Module):
    def __init__(self, inputs, outputs, carried):
        super().__init__()
        self.conv = nn.ModuleList([Pair(inputs, outputs)])
        self.shortcut = nn.Conv2d(carried, outputs, 1)

    def forward(self, seen, carried):
        return self.conv[0](seen) + self.shortcut(carried)


class SineNet(nn.Module):
    def __init__(self, inputs, outputs, widths, waves):
        super().__init__()
        w, n = widths, len(widths) - 1
        self.image_proj, self.final = conv(inputs, w[0], "circular"), conv(w[0], outputs, "circular")
        down = lambda i: Level(w[i] + (w[0] if i else 0), w[i + 1], w[i])
        up = lambda i: Level(w[i] + w[i + 1], w[i], w[i + 1])
        self.down = nn.ModuleList(nn.ModuleList(down(i) for i in range(n)) for _ in range(waves))
        self.up = nn.ModuleList(nn.ModuleList(up(i) for i in reversed(range(n))) for _ in range(waves))

    def forward(self, u):
        v = self.image_proj(u)
        for down, up in zip(self.down, self.up):
            start, beside, skips = v, v, [v]
            for i, level in enumerate(down):
                v, beside = F.avg_pool2d(v, 2), F.avg_pool2d(beside, 2)
                v = level(torch.cat([v, beside], 1) if i else v, v)
                skips.append(v)
            skips.pop()
            for level in up:
                wide = F.interpolate(F.pad(v, (2, 2, 2, 2), mode="circular"), scale_factor=2, mode="bicubic")
                wide = wide[..., 4:-4, 4:-4]
                v = level(torch.cat([skips.pop(), wide], 1), wide)
            v = start + v
        return self.final(v)


class Residual(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1, self.conv2 = conv(inputs, outputs, "zeros"), conv(outputs, outputs, "zeros")
        self.norm1, self.norm2 = nn.GroupNorm(1, inputs), nn.GroupNorm(1, outputs)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, u):
        v = self.conv1(F.gelu(self.norm1(u)))
        return self.conv2(F.gelu(self.norm2(v))) + self.shortcut(u)


class Stage(nn.Module):
    def __init__(self, **part):
        super().__init__()
        for name, module in part.items():
            self.add_module(name, module)


class ModernUNet(nn.Module):
    def __init__(self, inputs, outputs, width, growth, blocks):
        super().__init__()
        self.image_proj, self.final = conv(inputs, width, "zeros"), conv(width, outputs, "zeros")
        down, n, last = [], width, len(growth) - 1
        for i, g in enumerate(growth):
            for _ in range(blocks):
                down.append(Stage(res=Residual(n, n * g)))
                n, g = n * g, 1
            if i < last:
                down.append(Stage(conv=conv(n, n, "zeros", stride=2)))
        self.middle = Stage(res1=Residual(n, n), res2=Residual(n, n))
        up = []
        for i in reversed(range(len(growth))):
            for _ in range(blocks):
                up.append(Stage(res=Residual(2 * n, n)))
            out = n // growth[i]
            up.append(Stage(res=Residual(n + out, out)))
            n = out
            if i > 0:
                up.append(Stage(conv=nn.ConvTranspose2d(n, n, 4, 2, 1)))
        self.down, self.up, self.norm = nn.ModuleList(down), nn.ModuleList(up), nn.GroupNorm(4, width)

    def forward(self, u):
        v = self.image_proj(u)
        skips = [v]
        for stage in self.down:
            v = stage.res(v) if hasattr(stage, "res") else stage.conv(v)
            skips.append(v)
        v = self.middle.res2(self.middle.res1(v))
        for stage in self.up:
            v = stage.res(torch.cat([v, skips.pop()], 1)) if hasattr(stage, "res") else stage.conv(v)
        return self.final(F.gelu(self.norm(v)))


def write(folder, name, network, channels, save):
    for parameter in network.parameters():
        # Scales and shifts that could be mistaken for each other otherwise.
        parameter.data += 0.1 * torch.randn_like(parameter)
    u = torch.randn(1, channels, 8, 8)
    save(network, f"{folder}/{name}")
    stem = name.split(".")[0]
    np.save(f"{folder}/{stem}_in.npy", u.numpy().astype(np.float64))
    np.save(f"{folder}/{stem}_out.npy", network(u).detach().numpy().astype(np.float64))


def lightning(network, path):
    state = {f"model.{k}": v for k, v in network.state_dict().items()}
    torch.save({"epoch": 3, "global_step": 17, "state_dict": state}, path)


def plain(network, path):
    torch.save(network.state_dict(), path)


write(sys.argv[1], "sinenet.ckpt", SineNet(4, 2, [3, 4], 2), 4, lightning)
write(sys.argv[1], "modern_u_net.pt", ModernUNet(2, 2, 8, [1, 1], 1), 2, plain)
