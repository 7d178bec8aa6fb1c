#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Precision and recall of a model against the teacher, by ONNX Runtime, on frames it was not trained on.

The teacher's boxes of score 0.5 and more must be found (IoU 0.5); those of 0.3 to 0.5 count neither way.
Reads frames and teacher's boxes from label.py's .npz files; needs opencv-python-headless and onnxruntime.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from boxes import iou_matrix, standing_things
from teacher import Detector

SURE, UNSURE, SAME = 0.5, 0.3, 0.5
LOWEST = 0.05


def matched(found, wanted):
    """Greedy, best score first: for each found box the wanted one it is, or -1."""
    result = np.full(len(found), -1)
    if not len(wanted) or not len(found):
        return result
    overlap = iou_matrix(found, wanted)
    for row in range(len(found)):
        best = overlap[row].argmax()
        if overlap[row, best] >= SAME:
            result[row] = best
            overlap[:, best] = 0
    return result


def judge(found, wanted, threshold):
    """Right, wrong and missed boxes of one frame."""
    found = found[found[:, 4] >= threshold]
    sure, unsure = wanted[wanted[:, 4] >= SURE], wanted[(wanted[:, 4] >= UNSURE) & (wanted[:, 4] < SURE)]
    hit = matched(found, sure)
    right = int((hit >= 0).sum())
    excused = int((matched(found[hit < 0], unsure) >= 0).sum())
    return np.array([right, len(found) - right - excused, len(sure) - right])


def figures(counts):
    right, wrong, missed = counts
    return right / max(right + wrong, 1), right / max(right + missed, 1)


def outputs(model, clip, first):
    """Each frame's found and wanted boxes; and the wanted ones that are people, not things standing there."""
    data = np.load(clip)
    frames, boxes = data["frames"], data["boxes"]
    chosen = range(int(len(frames) * first), len(frames))
    people = boxes[~standing_things(boxes, len(frames))]
    found = [model(frames[i], LOWEST) for i in chosen]
    return [[(f, rows[rows[:, 0] == i, 1:]) for f, i in zip(found, chosen)] for rows in (boxes, people)]


def report(name, pairs, thresholds):
    for threshold in thresholds:
        counts = sum(judge(found, wanted, threshold) for found, wanted in pairs)
        precision, recall = figures(counts)
        print(f"{name}: threshold {threshold:.2f} precision {precision:.3f} recall {recall:.3f} "
              f"({counts[0]} right, {counts[1]} wrong, {counts[2]} missed, {len(pairs)} frames)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="person-detector.onnx, its .json beside it")
    parser.add_argument("--labels", type=Path, required=True, help="folder written by label.py")
    parser.add_argument("--leave-out", default="worker-zone-detection-preview", help="the clip not trained on")
    parser.add_argument("--sweep", action="store_true", help="other thresholds too")
    options = parser.parse_args()
    thresholds = [json.loads(options.model.with_suffix(".json").read_text())["threshold"]]
    if options.sweep:
        thresholds = np.arange(0.2, 0.75, 0.05)
    model = Detector(options.model)
    everything, people = outputs(model, options.labels / "vtest.npz", 0.8)
    report("vtest, last 20 %", everything, thresholds)
    report("vtest, last 20 %, without the standing thing", people, thresholds)
    report(options.leave_out, outputs(model, options.labels / f"{options.leave_out}.npz", 0)[0], thresholds)


if __name__ == "__main__":
    main()
