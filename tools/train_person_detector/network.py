# SPDX-License-Identifier: LGPL-2.1-or-later
"""The network: thin 3x3 convolutions, widths in multiples of 16, three output levels.

Depthwise convolutions would save arithmetic but not time: on a CPU the thin dense ones run near its peak,
both here in training and in the product.
"""

import torch
from torch import nn

STRIDES = (8, 16, 32)
HEIGHT, WIDTH = 320, 416
PRIOR = -4.0  # starting logit of objectness: few cells hold a person


def conv(inputs, outputs, size=3, stride=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """x + conv3x3(conv1x1(x)), narrow in the middle."""

    def __init__(self, width, middle):
        super().__init__()
        self.narrow = conv(width, middle, 1)
        self.wide = conv(middle, width)

    def forward(self, x):
        return x + self.wide(self.narrow(x))


class Head(nn.Module):
    """One level's rows: cx, cy, log w, log h in cells; objectness and class as logits or, exported, as scores."""

    def __init__(self, width):
        super().__init__()
        self.trunk = Residual(width, 32)
        self.box = nn.Conv2d(width, 4, 1)
        self.score = nn.Conv2d(width, 2, 1)
        nn.init.constant_(self.score.bias, PRIOR)
        nn.init.constant_(self.box.bias, 0.5)

    def forward(self, x, exported):
        x = self.trunk(x)
        score = self.score(x)
        if exported:
            score = torch.sigmoid(score)
        return torch.cat([self.box(x), score], 1).reshape(1 if exported else len(x), 6, -1)


class PersonNet(nn.Module):
    """[n, 3, 320, 416] BGR 0..255 -> [n, 2730, 6], YOLOX's raw layout."""

    def __init__(self, exported=False):
        super().__init__()
        self.exported = exported
        self.stem = nn.Sequential(conv(3, 16, stride=2), conv(16, 32, stride=2))
        self.stem[0][0].padding = (1, 1) if exported else (0, 0)
        self.level8 = nn.Sequential(conv(32, 48, stride=2), *(Residual(48, 16) for _ in range(3)))
        self.level16 = nn.Sequential(conv(48, 64, stride=2), *(Residual(64, 32) for _ in range(3)))
        self.level32 = nn.Sequential(conv(64, 96, stride=2), *(Residual(96, 32) for _ in range(2)))
        self.side8, self.side16, self.side32 = (conv(w, 48, 1) for w in (48, 64, 96))
        self.merge8, self.merge16 = Residual(48, 32), Residual(48, 32)
        self.heads = nn.ModuleList(Head(48) for _ in STRIDES)

    def forward(self, x):
        if not self.exported:  # export folds this, and the border of zeros, into the first convolution
            x = (nn.functional.pad(x, (1, 1, 1, 1)) - 114) / 64
        x8 = self.level8(self.stem(x))
        x16 = self.level16(x8)
        top32 = self.side32(self.level32(x16))
        top16 = self.merge16(self.side16(x16) + enlarge(top32))
        top8 = self.merge8(self.side8(x8) + enlarge(top16))
        levels = [head(x, self.exported) for head, x in zip(self.heads, (top8, top16, top32))]
        return torch.cat(levels, 2).transpose(1, 2)


def enlarge(x):
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
