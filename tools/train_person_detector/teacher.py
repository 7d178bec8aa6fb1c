# SPDX-License-Identifier: LGPL-2.1-or-later
"""The detector that labels frames: a YOLOX network with raw output, run by ONNX Runtime.

Also the decoding of that output layout, which our own network shares.
"""

import cv2
import numpy as np
import onnxruntime

from boxes import suppress

STRIDES = (8, 16, 32)


def cell_grid(height, width):
    """Column, row and stride of every output row [N, 3]: strides in order, row major."""
    levels = []
    for stride in STRIDES:
        rows, cols = np.mgrid[0:height // stride, 0:width // stride]
        levels.append(np.stack([cols.ravel(), rows.ravel(), np.full(rows.size, stride)], 1))
    return np.concatenate(levels).astype(np.float32)


def letterbox(frame, height, width, pad=114):
    """Fits a BGR frame into the top left corner; returns the picture and the scale used."""
    scale = min(height / frame.shape[0], width / frame.shape[1])
    rows, cols = round(frame.shape[0] * scale), round(frame.shape[1] * scale)
    picture = np.full((height, width, 3), pad, np.uint8)
    picture[:rows, :cols] = cv2.resize(frame, (cols, rows), interpolation=cv2.INTER_LINEAR)
    return picture, scale


class Detector:
    """People in a frame by a network of YOLOX's raw output [1, N, 5 + classes], class 0 = person."""

    def __init__(self, model, threads=1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(model), options, ["CPUExecutionProvider"])
        node = self._session.get_inputs()[0]
        self._name, (_, _, self.height, self.width) = node.name, node.shape
        self._cells = cell_grid(self.height, self.width)

    def __call__(self, frame, threshold):
        """Rows (x0, y0, x1, y1, score) in pixels of the frame, after suppression."""
        picture, scale = letterbox(frame, self.height, self.width)
        tensor = picture.transpose(2, 0, 1)[None].astype(np.float32)
        rows = self._session.run(None, {self._name: tensor})[0][0]
        score = rows[:, 4] * rows[:, 5]
        keep = score >= threshold
        rows, cells, score = rows[keep], self._cells[keep], score[keep]
        centre = (rows[:, :2] + cells[:, :2]) * cells[:, 2:]
        half = np.exp(rows[:, 2:4]) * cells[:, 2:] / 2
        boxes = np.concatenate([centre - half, centre + half], 1) / scale
        return suppress(np.concatenate([boxes, score[:, None]], 1))
