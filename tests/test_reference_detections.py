#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What whole pipelines find in clips, decoder to JSON lines, against detections another runtime made
of the same models and clips.

A box of one side that is `SURE` has a partner on the other if one of at least `LIKELY` has the same
label, nearly the same place and nearly the same score; `SHARE` of the boxes must have one, both ways.
"""
import os
import pathlib
import tempfile
import unittest

import media
import tap

SHARED = pathlib.Path(os.environ["GI_SHARED"])
REFERENCES = SHARED / "reference_detections"
SURE, LIKELY, LEAST_IOU, SCORE_STEP, SHARE = 0.5, 0.45, 0.9, 0.05, 0.98
STREET = "vtest.avi"  # Debian's; the others are in SHARED


def find_clip(name):
    """None if it is not on this machine. tools/street-clip says where the street is."""
    places = [SHARED / "media" / name]
    if name == STREET:
        places += street_places()
    return next((place for place in places if place.is_file()), None)


def street_places():
    script = pathlib.Path(os.environ["GI_SOURCE_ROOT"]) / "tools/street-clip"
    found = media.launch(f"{script} --no-download")
    return [pathlib.Path(found.stdout.strip())] if found.returncode == 0 else []


def reference_frames(path):
    """A list a frame: (label, score, (x0, y0, x1, y1)), fractions of the frame, clipped to it."""
    return [[(d[0], d[1], tuple(min(max(v, 0), 1) for v in d[2:])) for d in line["det"]]
            for line in media.lines_of(path)]


def our_frames(path):
    def box(o, line):
        b, w, h = o["box"], line["width"], line["height"]
        return b["x"] / w, b["y"] / h, (b["x"] + b["width"]) / w, (b["y"] + b["height"]) / h
    return [[(o["label_id"], o["confidence"], box(o, line)) for o in line.get("objects", [])]
            for line in media.lines_of(path)]


def area(b):
    return max(b[2] - b[0], 0) * max(b[3] - b[1], 0)


def iou(a, b):
    common = area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    return common / (area(a) + area(b) - common) if common else 0


def has_partner(one, others):
    label, score, box = one
    return any(label == l and s >= LIKELY and abs(s - score) <= SCORE_STEP and iou(box, b) >= LEAST_IOU
               for l, s, b in others)


def lonely(frames, others):
    """How many sure boxes there are, and those without a partner, each with its frame."""
    sure = [(k, one) for k, frame in enumerate(frames) for one in frame if one[1] >= SURE]
    return len(sure), [(k, one) for k, one in sure if not has_partner(one, others[k])]


class ReferenceDetections(unittest.TestCase):
    def play(self, model, clip, frames):
        """A list of boxes for each of the clip's first frames. The stream is ended a little later:
        the last frame a decoder gives when it is stopped may be any of those it holds."""
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out.jsonl"
            played = media.launch(
                f"gst-launch-1.0 -q filesrc location={clip} ! decodebin ! identity eos-after={frames + 3} ! "
                f"gstinference model={model} precision=f32 threshold=0.3 ! "
                f"inferencepublish location={out} ! fakesink", seconds=250)
            self.assertEqual(played.returncode, 0, played.stderr)
            self.assertTrue(all(line["inference"]["status"] == "inferred" for line in media.lines_of(out)))
            return our_frames(out)[:frames]

    def compare(self, model, name, path):
        clip = find_clip(name)
        if clip is None:
            self.skipTest(f"{name} is not here: install Debian's opencv-doc, or run tools/street-clip")
        reference = reference_frames(path)
        ours = self.play(model, clip, len(reference))
        self.assertEqual(len(ours), len(reference), "frames")
        for what, a, b in (("reference", reference, ours), ("ours", ours, reference)):
            count, alone = lonely(a, b)
            print(f"# {path.name}: {count - len(alone)} of {count} boxes of {what} agree", flush=True)
            self.assertGreater(count, 0)
            self.assertGreaterEqual(count - len(alone), SHARE * count, f"{what}, without partner: {alone}")


def add_cases():
    """A test for each file of references whose model is there, as ONNX or OpenVINO IR."""
    for path in sorted(REFERENCES.glob("*.jsonl")):
        name, _, clip = path.stem.partition("__")
        files = [SHARED / "models" / name / f"{name}.{ending}" for ending in ("onnx", "xml")]
        for model in [file for file in files if file.is_file()][:1]:
            word = f"test_{name}_on_{pathlib.Path(clip).stem}".replace("-", "_")
            setattr(ReferenceDetections, word,
                    lambda self, m=model, c=clip, p=path: self.compare(m, c, p))


add_cases()
if not REFERENCES.is_dir():
    class Nothing(unittest.TestCase):
        def test_reference_detections(self):
            self.skipTest(f"the reference detections are not here: {REFERENCES}")

if __name__ == "__main__":
    tap.main()
