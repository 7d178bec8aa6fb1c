#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""gst-inference play: the exit code carries the verdict of a pipeline."""
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

import tap

TOOL = os.environ["GI_TOOL"]
MODEL = pathlib.Path(os.environ["GI_SOURCE_ROOT"]) / "tests/data/brightness.onnx"
VIDEO = ("videotestsrc num-buffers=5 pattern=white ! video/x-raw,format=RGB,width=32,height=32,framerate=25/1 ! "
         f"gstinference name=gi model={MODEL} ! ")


def play(*words):
    return subprocess.run([TOOL, "play", *words], capture_output=True, text=True, timeout=60)


class Play(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.lines = pathlib.Path(folder.name) / "lines.jsonl"

    def record(self):
        recorded = play(f"{VIDEO} inferencepublish location={self.lines} ! fakesink")
        self.assertEqual(recorded.returncode, 0, recorded.stderr)
        self.assertEqual(self.lines.read_text().count('"label"'), 5)

    def test_a_pipeline_that_repeats_its_recording_gives_0(self):
        self.record()
        played = play(f"{VIDEO} inferenceassert location={self.lines} ! fakesink")
        self.assertEqual(played.returncode, 0, played.stderr)
        self.assertIn("passed inferenceassert0: 0 of 5 frames differ", played.stdout)

    def test_one_that_differs_gives_1_and_names_where(self):
        self.record()
        black = VIDEO.replace("white", "black")
        played = play(f"{black} inferenceassert location={self.lines} name=a ! fakesink")
        self.assertEqual(played.returncode, 1)
        self.assertIn("failed a: 5 of 5 frames differ: frame 0 (0.000 s)", played.stdout)

    def test_every_verdict_is_told(self):
        self.record()
        black = VIDEO.replace("white", "black")
        played = play(f"{black} inferenceassert location={self.lines} name=a ! "
                      f"inferenceassert location={self.lines} name=b ! fakesink")
        self.assertEqual(played.returncode, 1)
        self.assertIn("failed a:", played.stdout)
        self.assertIn("failed b:", played.stdout)

    def test_a_recording_is_replayed_without_a_model(self):
        self.record()
        replay = VIDEO[:VIDEO.index("gstinference")]
        played = play(f"{replay} inferenceattach location={self.lines} ! "
                      f"inferenceassert location={self.lines} score-tolerance=0 iou-threshold=0.999 ! fakesink")
        self.assertEqual(played.returncode, 0, played.stdout + played.stderr)

    def test_errors_give_1_and_name_the_element(self):
        played = play("videotestsrc num-buffers=1 ! gstinference name=gi model=/nonexistent.onnx ! fakesink")
        self.assertEqual(played.returncode, 1)
        self.assertIn("gi: /nonexistent.onnx", played.stderr)

    def test_what_is_no_pipeline_gives_2(self):
        for words, text in (([], "no pipeline is given"), (["nosuchelement0"], "nosuchelement0"),
                            (["videotestsrc ! fakesink nosuchproperty=1"], "nosuchproperty")):
            played = play(*words)
            self.assertEqual(played.returncode, 2, played.stderr)
            self.assertIn(text, played.stderr)

    def test_words_apart_are_one_pipeline(self):
        self.assertEqual(play("videotestsrc", "num-buffers=1", "!", "fakesink").returncode, 0)

    def test_an_interrupt_ends_the_sources(self):
        process = subprocess.Popen([TOOL, "play", f"videotestsrc is-live=true ! inferencepublish location={self.lines} "
                                    "! fakesink sync=false"])
        try:
            while not self.lines.exists() or not self.lines.read_text():
                self.assertIsNone(process.poll())
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(30), 0)
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    tap.main()
