# SPDX-License-Identifier: LGPL-2.1-or-later
"""Changes of light, colour and sharpness of pictures [3, height, width], values 0..255."""

import numpy as np
import torch
import torch.nn.functional as F

from network import HEIGHT, WIDTH

PAD = 114.0  # grey of the border, around which contrast turns


def recolour(picture, random, strength):
    """Another saturation, white balance, contrast and brightness, or channels swapped. In place."""

    def maybe(low, high, share, size=None):
        return random.uniform(low, high, size) * (random.random() < share)

    colour = 1 + maybe(-1, 0.6, 0.5)
    gain = np.exp(maybe(-0.5, 0.45, 0.7) + maybe(-strength, strength, 0.6, 3))
    matrix = (np.eye(3) * colour + (1 - colour) / 3) * np.reshape(gain, (-1, 1))
    if random.random() < strength:
        matrix = matrix[:, random.permutation(3)]
    offset = PAD - matrix.sum(1) * PAD + maybe(-30, 30, 0.5)
    flat = picture.reshape(3, -1)
    picture.copy_(torch.addmm(torch.from_numpy(offset.astype(np.float32))[:, None],
                              torch.from_numpy(matrix.astype(np.float32)), flat).view_as(picture))


def dress(piece, random):
    """Other colours for a cut-out person, often others above than below."""
    waist = int(piece.shape[1] * random.uniform(0.4, 0.65))
    if random.random() < 0.4:
        waist = piece.shape[1]
    for part in (piece[:, :waist], piece[:, waist:]):
        if part.shape[1]:
            recolour(part, random, 0.4)


def lit(picture, random):
    """Other light, colour, sharpness and noise; values stay in 0..255. In place."""
    if random.random() < 0.2:
        picture.copy_(blurred(picture, random))
    recolour(picture, random, 0.14)
    if random.random() < 0.25:  # uneven light
        field = torch.from_numpy(random.uniform(0.55, 1.35, (1, 1, 3, 4)).astype(np.float32))
        picture.mul_(F.interpolate(field, size=picture.shape[1:], mode="bilinear", align_corners=True)[0])
    if random.random() < 0.3:
        picture.add_(torch.randn(1, *picture.shape[1:]), alpha=random.uniform(1, 9))
    picture.clamp_(0, 255)


def blurred(picture, random):
    """Less sharp: through a smaller picture, or a box filter."""
    if random.random() < 0.5:
        small = F.interpolate(picture[None], scale_factor=float(random.uniform(0.45, 0.9)), mode="bilinear")
        return F.interpolate(small, size=(HEIGHT, WIDTH), mode="bilinear")[0]
    return F.avg_pool2d(picture[None], 3, 1, 1, count_include_pad=False)[0]
