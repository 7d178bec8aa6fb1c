# SPDX-License-Identifier: LGPL-2.1-or-later
"""Labelled clips as label.py wrote them, and made-up scenes in the same form."""

import numpy as np

from boxes import iou_matrix, standing_things
from network import HEIGHT, WIDTH

STILL = 20  # frames a clip needs for a picture of its empty scene
HELD_BACK = {"vtest": 0.8}  # frames from this share on are measured on...
GAP = 30  # ...and so many before them are not used at all


def joined(boxes, extra):
    """Plain and tile labels of one frame as rows x0, y0, x1, y1, plain score, tile score."""
    rows = [np.concatenate([boxes, np.zeros((len(boxes), 1), np.float32)], 1)]
    if len(extra):
        if len(boxes):
            match = iou_matrix(boxes, extra)
            best = match.argmax(1)
            rows[0][:, 5] = np.where(match.max(1) >= 0.5, extra[best, 4], 0)
            extra = extra[match.max(0) < 0.45]
        rows.append(np.concatenate([extra[:, :4], np.zeros((len(extra), 1), np.float32), extra[:, 4:]], 1))
    return np.concatenate(rows).astype(np.float32)


def shapes(random, count):
    """Made-up scenes without people: bars, pillars, stripes and blobs on a gradient."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    frames = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    for frame in frames:
        slope = random.uniform(-0.25, 0.25, (2, 3))
        scene = random.uniform(40, 220, 3) + x[..., None] * slope[0] + y[..., None] * slope[1]
        for _ in range(random.integers(3, 30)):
            colour, kind = random.uniform(0, 255, 3), random.random()
            cx, cy, half = random.uniform(0, WIDTH), random.uniform(0, HEIGHT), np.exp(random.uniform(1, 4.2, 2))
            if kind < 0.25:
                angle = random.uniform(0, np.pi)
                where = abs((x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)) < half[0] / 4
            elif kind < 0.4:
                where = ((x - cx) / half[0]) ** 2 + ((y - cy) / half[1]) ** 2 < 1
            else:
                where = (abs(x - cx) < half[0] / 2) & (abs(y - cy) < half[1])
            scene[where] = scene[where] * 0.15 + colour * 0.85
        coarse = random.normal(0, random.uniform(0, 14), (HEIGHT // 4, WIDTH // 4, 1)).repeat(4, 0).repeat(4, 1)
        fine = random.normal(0, random.uniform(0, 8), (HEIGHT, WIDTH, 1))
        frame[...] = np.clip(scene + coarse + fine, 0, 255)
    return {"frames": frames, "boxes": np.zeros((0, 6), np.float32), "extra": np.zeros((0, 6), np.float32)}


class Clip:
    """Frames [n, height, width, 3] and, for each, its joined boxes."""

    def __init__(self, name, data):
        self.name, frames = name, data["frames"]
        count = len(frames)
        if self.name in HELD_BACK:
            count = int(count * HELD_BACK[self.name]) - GAP
        self.frames = frames[:count]
        lists = [data["boxes"][data["boxes"][:, 0] < count], data["extra"][data["extra"][:, 0] < count]]
        lists = [rows[~standing_things(rows, count)] for rows in lists]
        self.boxes = [joined(*(rows[rows[:, 0] == i, 1:] for rows in lists)) for i in range(count)]
        self.height, self.width = frames.shape[1:3]
        self.fit = min(HEIGHT / self.height, WIDTH / self.width)
        self.empty = None
        if len(self.frames) >= STILL and any(map(len, self.boxes)):
            # The cameras stand still: the median is the scene without people.
            self.empty = np.median(self.frames[::len(self.frames) // STILL], axis=0).astype(np.uint8)
        self.people = [(i, row) for i, rows in enumerate(self.boxes) for row in rows
                       if max(row[4], row[5]) >= 0.7 and row[3] - row[1] > 40]
