#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""gst-inference quantize: from a float model and frames to an int8 model, and what is said where it cannot be."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

import numpy

import media
import onnx_writer
import tap

TOOL = os.environ["GI_TOOL"]
ROOT = pathlib.Path(os.environ["GI_SOURCE_ROOT"])
DETECTOR = ROOT / "pipelines/models/person-detector.onnx"
PREPARED = tempfile.TemporaryDirectory()
FOLDER = pathlib.Path(PREPARED.name)


def quantize(*words, timeout=200):
    return subprocess.run([TOOL, "quantize", *map(str, words)], capture_output=True, text=True, timeout=timeout)


def setUpModule():
    media.make_clip(FOLDER / "ball.avi", frames=8)
    (FOLDER / "pictures").mkdir()
    for pattern in ("ball", "smpte", "snow"):
        made = media.launch(f"gst-launch-1.0 -q videotestsrc num-buffers=1 pattern={pattern} ! jpegenc ! "
                            f"filesink location={FOLDER}/pictures/{pattern}.jpg")
        assert made.returncode == 0, made.stderr
    (FOLDER / "pictures/notes.txt").write_text("no picture")


class Made(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.output = self.folder / "q.onnx"

    def make(self, *words):
        made = quantize(DETECTOR, "--calibrate", FOLDER / "ball.avi", "--output", self.output, "--frames", 4,
                        "--ranges", "minmax", *words)
        self.assertEqual(made.returncode, 0, made.stderr)
        return made.stdout

    def test_the_detector_is_made_one_of_bytes_that_loads_and_knows_how_it_is_used(self):
        self.make("--json", self.folder / "report.json", "--plot", self.folder / "plot.svg")
        report = json.loads((self.folder / "report.json").read_text())
        self.assertGreaterEqual(report["agreement"], 1 - report["max_drop"])
        self.assertGreaterEqual(report["int8_share"], 0.98)
        self.assertEqual(report["frames"], {"calibrated": 4, "judged": 4})
        self.assertTrue(all(layer["precision"] == "int8" for layer in report["layers"]))
        self.assertEqual([point["name"] for point in report["points"]],
                         ["float, f32", "float, auto", "int8, minmax"])
        told = subprocess.run([TOOL, "info", self.output], capture_output=True, text=True, timeout=60)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertRegex(told.stdout, r"int8 +100.0 %")
        self.assertIn("1: person", told.stdout)
        self.assertIn("</svg>", (self.folder / "plot.svg").read_text())
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         ["plot.svg", "q.json", "q.onnx", "report.json"])

    def test_it_is_not_quantised_twice(self):
        self.make()
        again = quantize(self.output, "--calibrate", FOLDER / "ball.avi", "--output", self.folder / "twice.onnx")
        self.assertEqual(again.returncode, 2)
        self.assertIn("is quantised already", again.stderr)
        self.assertFalse((self.folder / "twice.onnx").exists())

    def test_a_folder_of_pictures_calibrates_as_well_and_other_files_in_it_are_named(self):
        made = quantize(DETECTOR, "--calibrate", FOLDER / "pictures", "--output", self.output, "--ranges", "mse")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn("notes.txt", made.stderr)
        self.assertRegex(made.stdout, r"frames +2 to calibrate, 1 to judge")

    def test_a_bound_that_cannot_be_held_writes_nothing_and_gives_1(self):
        made = quantize(DETECTOR, "--calibrate", FOLDER / "ball.avi", "--judge", FOLDER / "pictures",
                        "--output", self.output, "--frames", 4, "--max-drop", 0, "--decoder", "none")
        self.assertEqual(made.returncode, 1, made.stdout + made.stderr)
        self.assertIn("--max-drop 0", made.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_dead_channels_are_named_by_info_and_taken_out_on_demand(self):
        first = numpy.random.default_rng(1).normal(size=(4, 3, 3, 3)).astype(numpy.float32)
        first[1] = 0
        second = numpy.ones((2, 4, 1, 1), numpy.float32)
        model = self.folder / "dead.onnx"
        model.write_bytes(onnx_writer.model(
            [onnx_writer.node("Conv", ["x", "w0"], ["a"], "first"), onnx_writer.node("Relu", ["a"], ["b"]),
             onnx_writer.node("Conv", ["b", "w1"], ["y/0"], "second")],
            shape=(1, 3, 16, 16), constants={"w0": first, "w1": second}))
        told = subprocess.run([TOOL, "info", model, "--decoder", "none"], capture_output=True, text=True, timeout=60)
        self.assertRegex(told.stdout, r"zeros +first: 25.0 % of its weights, 1 of 4 channels are dead")
        made = quantize(model, "--calibrate", FOLDER / "ball.avi", "--output", self.output, "--decoder", "none",
                        "--frames", 2, "--prune-dead")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertRegex(made.stdout, r"pruned +1 dead channels")
        told = subprocess.run([TOOL, "info", self.output, "--decoder", "none"], capture_output=True, text=True, timeout=60)
        self.assertNotIn("are dead", told.stdout)

    def test_ctrl_c_leaves_nothing_behind(self):
        started = subprocess.Popen([TOOL, "quantize", str(DETECTOR), "--calibrate", str(FOLDER / "ball.avi"),
                                    "--output", str(self.output)],
                                   stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        while not caught(started.pid, signal.SIGINT):
            self.assertIsNone(started.poll(), "it ended before it could be interrupted")
            os.sched_yield()
        started.send_signal(signal.SIGINT)
        _, errors = started.communicate(timeout=60)
        self.assertEqual(started.returncode, 1)
        self.assertIn("interrupted; nothing was written", errors)
        self.assertEqual(list(self.folder.iterdir()), [])


def caught(pid, number):
    """Whether a process handles a signal by now."""
    status = pathlib.Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    masks = [int(line.split()[1], 16) for line in lines if line.startswith("SigCgt")]
    return bool(masks) and bool(masks[0] >> (number - 1) & 1)


class Refused(unittest.TestCase):
    def refused(self, expected, *words):
        with tempfile.TemporaryDirectory() as folder:
            words = [str(word).replace("OUT", folder) for word in words]
            made = quantize(*words)
            self.assertEqual(made.returncode, 2, made.stdout + made.stderr)
            self.assertIn(expected, made.stderr)
            self.assertEqual(made.stderr.count("\n") - made.stderr.count("Try '"), 1, made.stderr)
            self.assertEqual(os.listdir(folder), [])

    def test_wrong_use_is_one_clear_line(self):
        clip = FOLDER / "ball.avi"
        text = FOLDER / "pictures/notes.txt"
        (FOLDER / "empty").mkdir(exist_ok=True)
        for expected, words in {
                "a model file is missing": ["--calibrate", clip, "--output", "OUT/q.onnx"],
                "--calibrate: is missing": [DETECTOR, "--output", "OUT/q.onnx"],
                "--output: is missing": [DETECTOR, "--calibrate", clip],
                "does not end in .onnx": [DETECTOR, "--calibrate", clip, "--output", "OUT/q.xml"],
                "there is no folder": [DETECTOR, "--calibrate", clip, "--output", "OUT/no/q.onnx"],
                "is the model itself": [DETECTOR, "--calibrate", clip, "--output", DETECTOR],
                "there is no such file": [DETECTOR, "--calibrate", "OUT/a.avi", "--output", "OUT/q.onnx"],
                "cannot be played": [DETECTOR, "--calibrate", text, "--output", "OUT/q.onnx"],
                "nowhere://a": [DETECTOR, "--calibrate", "nowhere://a", "--output", "OUT/q.onnx"],
                "holds no picture": [DETECTOR, "--calibrate", FOLDER / "empty", "--output", "OUT/q.onnx"],
                "'best' is none of auto, minmax": [DETECTOR, "--calibrate", clip, "--output", "OUT/q.onnx",
                                                  "--ranges", "best"],
                "it is a part of 1": [DETECTOR, "--calibrate", clip, "--output", "OUT/q.onnx", "--max-drop", "2"],
                "no.onnx": ["OUT/no.onnx", "--calibrate", clip, "--output", "OUT/q.onnx"],
        }.items():
            with self.subTest(expected):
                self.refused(expected, *words)


if __name__ == "__main__":
    tap.main()
