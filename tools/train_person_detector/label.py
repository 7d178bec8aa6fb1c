#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Decodes clips and pictures and writes them with the teacher's boxes, one .npz a file.

Needs opencv-python-headless and onnxruntime. Arrays of an .npz:
  frames [n, height, width, 3]  BGR bytes
  boxes  [m, 6]                 frame, x0, y0, x1, y1, score of the plain teacher, score >= 0.1
  extra  [m, 6]                 the same from enlarged tiles: people the plain teacher may miss
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from boxes import suppress
from teacher import Detector

LOWEST_SCORE = 0.1
TILE_SHARE = 0.6  # of the frame's width and height; 2 x 2 tiles overlap
PICTURES = {".jpg", ".png"}
# Pictures of the folder --scenes (that of vtest.avi in opencv-doc) without people: other backgrounds.
SCENES = ("aero1.jpg aero3.jpg aloeL.jpg apple.jpg baboon.jpg blox.jpg board.jpg box_in_scene.png building.jpg "
          "butterfly.jpg chicky_512.png fruits.jpg graf1.png home.jpg imageTextN.png left.jpg leuvenA.jpg leuvenB.jpg "
          "licenseplate_motion.jpg rubberwhale1.png smarties.png squirrel_cls.jpg starry_night.jpg stuff.jpg "
          "sudoku.png").split()
MOST_WIDE = 960  # larger frames are shrunk: the network never sees that much


def read_frames(path):
    """All frames of a clip, or the one of a picture, [n, height, width, 3] BGR."""
    if path.suffix in PICTURES:
        frames = [cv2.imread(str(path))]
    else:
        capture, frames = cv2.VideoCapture(str(path)), []
        while True:
            good, frame = capture.read()
            if not good:
                break
            frames.append(frame)
    if not frames or frames[0] is None:
        raise SystemExit(f"{path}: no frame could be decoded")
    shrink = min(1, MOST_WIDE / frames[0].shape[1])
    if shrink < 1:
        frames = [cv2.resize(f, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) for f in frames]
    return np.stack(frames)


def tiled(teacher, frame):
    """The teacher on overlapping tiles and on the mirrored frame; boxes cut by a tile are left out."""
    height, width = frame.shape[:2]
    rows, cols = round(height * TILE_SHARE), round(width * TILE_SHARE)
    found = []
    for y in (0, height - rows):
        for x in (0, width - cols):
            boxes = teacher(np.ascontiguousarray(frame[y:y + rows, x:x + cols]), LOWEST_SCORE)
            boxes[:, :4] += (x, y, x, y)
            inside = np.ones(len(boxes), bool)
            inside &= (boxes[:, 0] > x + 2) | (x == 0)
            inside &= (boxes[:, 1] > y + 2) | (y == 0)
            inside &= (boxes[:, 2] < x + cols - 2) | (x > 0)
            inside &= (boxes[:, 3] < y + rows - 2) | (y > 0)
            found.append(boxes[inside])
    mirrored = teacher(np.ascontiguousarray(frame[:, ::-1]), LOWEST_SCORE)
    mirrored[:, [0, 2]] = width - mirrored[:, [2, 0]]
    return suppress(np.concatenate(found + [mirrored]))


def label(teacher, frames):
    boxes, extra = [], []
    for index, frame in enumerate(frames):
        for rows, into in ((teacher(frame, LOWEST_SCORE), boxes), (tiled(teacher, frame), extra)):
            into.append(np.concatenate([np.full((len(rows), 1), index, np.float32), rows], 1))
    return np.concatenate(boxes), np.concatenate(extra)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", type=Path, required=True, help="YOLOX network (.onnx)")
    parser.add_argument("--media", type=Path, required=True, help="folder of clips and pictures")
    parser.add_argument("--clip", type=Path, required=True, help="vtest.avi")
    parser.add_argument("--scenes", type=Path, help="folder with pictures of opencv-doc")
    parser.add_argument("--output", type=Path, required=True, help="folder for the .npz files")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    teacher = Detector(options.teacher)
    suffixes = PICTURES | {".mp4"}
    files = [options.clip] + sorted(p for p in options.media.iterdir() if p.suffix in suffixes)
    if options.scenes:
        files += [options.scenes / name for name in SCENES]
    for path in files:
        frames = read_frames(path)
        boxes, extra = label(teacher, frames)
        np.savez(options.output / f"{path.stem}.npz", frames=frames, boxes=boxes, extra=extra)
        sure = int((boxes[:, 5] >= 0.5).sum())
        print(f"{path.name}: {len(frames)} frames {frames.shape[2]}x{frames.shape[1]}, "
              f"{sure} boxes >= 0.5, {int((extra[:, 5] >= 0.5).sum())} from tiles", flush=True)


if __name__ == "__main__":
    main()
