# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boxes as rows (x0, y0, x1, y1, ...) of numpy arrays."""

import numpy as np

MOST_FRAMES = 0.6  # a box in the same place in more of a clip's frames than this...
SURE_SCORE = 0.7  # ...with a median score below this is a thing the teacher takes for a person
SAME_PLACE = 0.7  # IoU


def iou_matrix(a, b):
    """Intersection over union [len(a), len(b)]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    inner = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(x[:, 2:4] - x[:, :2], axis=1) for x in (a, b)]
    return inner / np.maximum(areas[0][:, None] + areas[1][None] - inner, 1e-9)


def suppress(boxes, iou_threshold=0.45):
    """Greedy non-maximum suppression of rows (x0, y0, x1, y1, score), best first."""
    boxes = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    kept = []
    while len(boxes):
        kept.append(boxes[0])
        overlap = iou_matrix(boxes[:1], boxes[1:])[0]
        boxes = boxes[1:][overlap <= iou_threshold]
    return np.array(kept, np.float32).reshape(-1, 5)


def standing_things(boxes, frames):
    """Which of a clip's boxes (rows frame, x0, y0, x1, y1, score) are a thing that stands there all the time.

    The teacher takes a signpost of vtest.avi for a person in most frames, never surely.
    """
    wrong = np.zeros(len(boxes), bool)
    if frames < 100:
        return wrong
    for row in boxes[boxes[:, 0] == frames // 2]:
        same = iou_matrix(row[None, 1:5], boxes[:, 1:5])[0] >= SAME_PLACE
        often = len(np.unique(boxes[same, 0])) > MOST_FRAMES * frames
        if often and np.median(boxes[same, 5]) < SURE_SCORE:
            wrong |= same
    return wrong
