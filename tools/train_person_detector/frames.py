# SPDX-License-Identifier: LGPL-2.1-or-later
"""Training pictures made from labelled frames: crops at many scales, mosaics, pasted people, changed light.

Needs numpy and torch only. Boxes of a picture are rows (x0, y0, x1, y1, target): target is the objectness to learn,
0..1, or -1 where nothing is to be learnt.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from clips import Clip, shapes
from light import PAD, dress, lit
from network import HEIGHT, WIDTH

# Share of training pictures, by file; what is not listed shares `OTHERS`. The left-out clip never gets here.
OTHERS = 0.20
SHARES = {"vtest": 0.26, "face-demographics-walking-preview": 0.15, "car-detection": 0.07, "astronaut": 0.01,
          "head-pose-face-detection-female-and-male-preview": 0.06, "people-detection-preview": 0.08,
          "person-bicycle-car-detection-preview": 0.09, "shapes": 0.10}
PASTE_FROM = {"vtest": 0.45, "face-demographics-walking-preview": 0.35,
              "head-pose-face-detection-female-and-male-preview": 0.1, "people-detection-preview": 0.1}
SMALLEST = 11  # pixels of height at the network's input; below, neither person nor background


def objectness(score):
    """Soft target of a teacher's score: 0.4 becomes 0.5, steep around it, as the teacher is itself unsure there."""
    return np.clip((score - 0.15) / 0.5, 0, 1)


class Pictures:
    """An endless, seeded stream of training pictures."""

    def __init__(self, folder, left_out, seed):
        files = [p for p in sorted(Path(folder).glob("*.npz")) if left_out not in p.stem]
        self.random = np.random.default_rng(seed)
        self.clips = [Clip(p.stem, np.load(p)) for p in files] + [Clip("shapes", shapes(self.random, 150))]
        frames = np.array([len(c.frames) if c.name not in SHARES else 0 for c in self.clips], float)
        shares = OTHERS * frames / max(frames.sum(), 1)
        self.shares = np.array([SHARES.get(c.name, s) for c, s in zip(self.clips, shares)])
        self.shares /= self.shares.sum()
        paste = np.array([PASTE_FROM.get(c.name, 0) * bool(c.people) for c in self.clips])
        self.paste_shares = paste / paste.sum()

    def batch(self, size):
        """Pictures [size, 3, HEIGHT, WIDTH] in 0..255 and a list of box arrays."""
        pictures = torch.full((size, 3, HEIGHT, WIDTH), PAD)
        boxes = [self.fill(pictures[i]) for i in range(size)]
        for picture in pictures:
            lit(picture, self.random)
        return pictures, boxes

    def fill(self, picture):
        kind = self.random.random()
        if kind < 0.25:
            rows = self.mosaic(picture)
        else:
            whole = (0, 0, WIDTH, HEIGHT)
            rows = self.plain(picture) if kind < 0.40 else self.crop(picture, whole, 0.55, 2.4)
        if self.random.random() < (0.4 if len(rows) else 0.6):
            for _ in range(self.random.integers(1, 5)):
                rows = self.paste(picture, rows)
        return rows

    def any_frame(self):
        clip = self.clips[self.random.choice(len(self.clips), p=self.shares)]
        index = int(self.random.integers(len(clip.frames)))
        return clip, clip.frames[index], clip.boxes[index]

    def plain(self, picture):
        """As the product sees it: letterboxed, perhaps mirrored."""
        clip, frame, boxes = self.any_frame()
        return draw(picture, (0, 0, WIDTH, HEIGHT), frame, boxes, (clip.fit, clip.fit), (0, 0), self.coin(), clip.fit)

    def coin(self):
        return self.random.random() < 0.5

    def crop(self, picture, region, low, high):
        """A frame at a random scale and place in the region; often so that one of its people has a random height."""
        clip, frame, boxes = self.any_frame()
        scale = clip.fit * np.exp(self.random.uniform(np.log(low), np.log(high)))
        person, sure = None, boxes[np.maximum(boxes[:, 4], boxes[:, 5]) > 0.4]
        if len(sure) and self.random.random() < 0.65:
            person = sure[self.random.integers(len(sure))]
            scale = np.clip(self.height() / (person[3] - person[1]), low * clip.fit, 4 * clip.fit)
        aspect, mirror = np.exp(self.random.uniform(-0.18, 0.18)), self.coin()
        scales = (scale * aspect, scale / aspect)
        if person is not None and mirror:
            person = np.array([clip.width - person[2], person[1], clip.width - person[0], person[3]])
        origin = [self.place_axis(axis, size, region, scales[axis], person)
                  for axis, size in enumerate((clip.width, clip.height))]
        return draw(picture, region, frame, boxes, scales, origin, mirror, clip.fit)

    def height(self):
        """Of a person in the picture, pixels."""
        return np.exp(self.random.uniform(np.log(22), np.log(290)))

    def place_axis(self, axis, size, region, scale, person):
        """Where the frame begins in the region: anywhere, or so that the person's centre is seen."""
        room = region[2 + axis] - region[axis]
        spare = room - size * scale
        if person is None or spare >= 0:
            return float(self.random.uniform(min(spare, 0), max(spare, 0)))
        wish = room * self.random.uniform(0.1, 0.9) - (person[axis] + person[2 + axis]) / 2 * scale
        return float(np.clip(wish, spare, 0))

    def mosaic(self, picture):
        """Four frames around a random corner."""
        x, y = (int(side * self.random.uniform(0.3, 0.7)) for side in (WIDTH, HEIGHT))
        regions = [(0, 0, x, y), (x, 0, WIDTH, y), (0, y, x, HEIGHT), (x, y, WIDTH, HEIGHT)]
        return np.concatenate([self.crop(picture, region, 0.5, 1.6) for region in regions])

    def paste(self, picture, rows):
        """Puts a person from any clip, with a margin, or for balance a piece without one, on the picture."""
        if self.random.random() < 0.3:
            return self.paste_background(picture, rows)
        clip = self.clips[self.random.choice(len(self.clips), p=self.paste_shares)]
        index, person = clip.people[self.random.integers(len(clip.people))]
        scale = min(self.height() / (person[3] - person[1]), 4 * clip.fit)
        outline = clip.empty is not None and self.random.random() < 0.7
        margin = self.random.uniform(0.02, 0.12 if outline else 0.35, 4) * (person[2] - person[0])
        cut = np.array([person[0] - margin[0], person[1] - margin[1], person[2] + margin[2], person[3] + margin[3]])
        cut[[0, 2]] = cut[[0, 2]].clip(0, clip.width)
        cut[[1, 3]] = cut[[1, 3]].clip(0, clip.height)
        wide, tall = int((cut[2] - cut[0]) * scale), int((cut[3] - cut[1]) * scale)
        if wide < 8 or tall < 16 or wide >= WIDTH or tall >= HEIGHT:
            return rows
        mirror = self.coin()
        origin = (-(clip.width - cut[2] if mirror else cut[0]) * scale, -cut[1] * scale)
        region, piece = self.place(wide, tall), torch.empty(3, tall, wide)
        whole, how = (0, 0, wide, tall), (clip.boxes[index], (scale, scale), origin, mirror, clip.fit)
        added = draw(piece, whole, clip.frames[index], *how)
        added[:, :4] += (region[0], region[1], region[0], region[1])
        opaque = torch.ones(1, 1, 1)
        if outline:
            scene = torch.empty(3, tall, wide)
            draw(scene, whole, clip.empty, *how)
            opaque = silhouette(piece, scene)
            if opaque.mean() < 0.33:  # too little moved: no outline to be had
                return rows
        if self.coin():
            dress(piece, self.random)
        picture[:, region[1]:region[3], region[0]:region[2]].lerp_(piece, opaque)
        return np.concatenate([hidden(rows, region), added])

    def place(self, wide, tall):
        x, y = self.random.integers(0, WIDTH - wide + 1), self.random.integers(0, HEIGHT - tall + 1)
        return int(x), int(y), int(x) + wide, int(y) + tall

    def paste_background(self, picture, rows):
        region = self.place(int(self.random.integers(10, 140)), int(self.random.integers(20, 200)))
        before = picture[:, region[1]:region[3], region[0]:region[2]].clone()
        added = self.crop(picture, region, 0.5, 1.6)
        if len(added):  # it holds someone: put things back
            picture[:, region[1]:region[3], region[0]:region[2]] = before
            return rows
        return hidden(rows, region)


def silhouette(piece, scene):
    """How opaque each pixel of a cut-out person is, from its difference to the empty scene [1, height, width]."""
    change = (piece - scene).abs().amax(0, keepdim=True)[None]
    solid = ((F.avg_pool2d(change, 5, 1, 2) - 8) / 14).clamp(0, 1)
    solid = -F.max_pool2d(-F.max_pool2d(solid, 7, 1, 3), 7, 1, 3)  # closes holes
    return F.avg_pool2d(solid, 3, 1, 1)[0]


def hidden(rows, region):
    """Rows after something was put over a region: mostly covered ones go, half covered ones are not learnt."""
    if not len(rows):
        return rows
    low = np.maximum(rows[:, :2], region[:2])
    high = np.minimum(rows[:, 2:4], region[2:])
    covered = np.prod(np.clip(high - low, 0, None), 1) / np.prod(rows[:, 2:4] - rows[:, :2], 1)
    rows = rows.copy()
    rows[covered > 0.25, 4] = -1
    return rows[covered < 0.7]


def draw(picture, region, frame, boxes, scales, origin, mirror, fit):
    """Samples a frame into a region of the picture, bilinear; returns its boxes there.

    scales: picture pixels a frame pixel, x and y; origin: where the frame's corner falls, relative to the region.
    """
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = region
    first = [max(0, int(np.floor(o))) for o in origin]
    last = [min(room, int(np.ceil(o + size * s)))
            for o, size, s, room in zip(origin, (width, height), scales, (x1 - x0, y1 - y0))]
    picture[:, y0:y1, x0:x1] = PAD
    if last[0] > first[0] and last[1] > first[1]:
        source = [(np.arange(first[a], last[a]) + 0.5 - origin[a]) / scales[a] - 0.5 for a in (0, 1)]
        if mirror:
            source[0] = width - 1 - source[0]
        picture[:, y0 + first[1]:y0 + last[1], x0 + first[0]:x0 + last[0]] = sampled(frame, *source)
    return moved(boxes, region, width, scales, origin, mirror, fit)


def sampled(frame, xs, ys):
    """Bilinear samples of a BGR frame at columns xs and rows ys: [3, len(ys), len(xs)]."""
    height, width = frame.shape[:2]
    low = [int(np.clip(np.floor(v.min()), 0, s - 1)) for v, s in ((xs, width), (ys, height))]
    high = [int(np.clip(np.ceil(v.max()), 0, s - 1)) + 1 for v, s in ((xs, width), (ys, height))]
    part = torch.from_numpy(frame[low[1]:high[1], low[0]:high[0]]).permute(2, 0, 1).float()[None]
    unit = [torch.from_numpy(((v - l + 0.5) * 2 / max(h - l, 1) - 1).astype(np.float32))
            for v, l, h in ((xs, low[0], high[0]), (ys, low[1], high[1]))]
    grid = torch.stack([unit[0][None].expand(len(ys), -1), unit[1][:, None].expand(-1, len(xs))], 2)[None]
    return F.grid_sample(part, grid, mode="bilinear", padding_mode="border", align_corners=False)[0]


def moved(boxes, region, width, scales, origin, mirror, fit):
    """Boxes of a frame as training rows of the picture: moved, cut to the region, weighed."""
    if not len(boxes):
        return np.zeros((0, 5), np.float32)
    rows = boxes[:, :5].copy()
    if mirror:
        rows[:, [0, 2]] = width - rows[:, [2, 0]]
    rows[:, [0, 2]] = rows[:, [0, 2]] * scales[0] + origin[0] + region[0]
    rows[:, [1, 3]] = rows[:, [1, 3]] * scales[1] + origin[1] + region[1]
    enlarged = np.sqrt(scales[0] * scales[1]) / fit >= 1.4
    target = objectness(np.maximum(boxes[:, 4], boxes[:, 5]) if enlarged else boxes[:, 4])
    # A person whom the teacher sees only enlarged: neither background nor a detection.
    target = np.where((boxes[:, 5] >= 0.5) & (target < 0.35), 0.35, target)
    size = rows[:, 2:4] - rows[:, :2]
    cut = rows[:, :4].copy()
    cut[:, :2] = np.maximum(cut[:, :2], region[:2])
    cut[:, 2:] = np.minimum(cut[:, 2:], region[2:])
    left = np.clip(cut[:, 2:] - cut[:, :2], 0, None)
    seen = np.prod(left, 1) / np.prod(size, 1)
    rows[:, :4], rows[:, 4] = cut, target
    rows[(seen < 0.45) | (left[:, 1] < SMALLEST), 4] = -1
    return rows[(seen > 0.1) & (left.min(1) > 2) & (rows[:, 4] != 0)]
