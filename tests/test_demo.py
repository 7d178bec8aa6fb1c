#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demo's program on clips made here: every frame comes through, and what it leaves is right."""
import os
import pathlib
import subprocess
import tempfile
import unittest

import media
import tap

DEMO = os.environ["GI_DEMO"]
ROOT = pathlib.Path(os.environ["GI_SOURCE_ROOT"])
MODEL = str(ROOT / "pipelines/models/person-detector.onnx")


class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.clips = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.clips.name)
        # Different in size and length, so that a mixed-up source shows.
        cls.long = media.make_clip(folder / "long.avi", 20, 320, 240)
        cls.short = media.make_clip(folder / "short.avi", 12, 176, 144, "smpte")

    @classmethod
    def tearDownClass(cls):
        cls.clips.cleanup()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = pathlib.Path(folder.name) / "demo-out"

    def run_demo(self, *words):
        return subprocess.run([DEMO, "--model", MODEL, "--output", str(self.out), *map(str, words)],
                              capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)

    def check(self, result, frames):
        """Exit 0, and a line for each frame of each source, in order."""
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn(f"{sum(frames)} in, {sum(frames)} out", result.stdout)
        for k, count in enumerate(frames):
            lines = media.lines_of(self.out / f"source-{k}.jsonl")
            self.assertEqual([line["frame"] for line in lines], list(range(count)))
            self.assertTrue(all(line["inference"]["status"] == "inferred" for line in lines))

    def test_all_frames_of_all_sources_come_through(self):
        result = self.run_demo("--input", self.long, "--sources", 4)
        self.check(result, [20] * 4)
        video, = self.out.glob("annotated.*")
        self.assertEqual(media.count_frames(video), 20)
        for word in ("detections", "a second in all", "p50", "p99", "CPU time", "inference", "encoding"):
            self.assertIn(word, result.stdout)

    def test_each_source_keeps_its_own_place(self):
        self.check(self.run_demo("--input", self.long, "--input", self.short, "--sources", 3), [20, 12, 20])
        widths = [media.lines_of(self.out / f"source-{k}.jsonl")[0]["width"] for k in range(3)]
        self.assertEqual(widths, [320, 176, 320])

    def test_one_source_and_the_latency_hint_do(self):
        self.check(self.run_demo("--input", self.short, "--hint", "latency"), [12])

    def test_a_uri_is_an_input_too(self):
        self.check(self.run_demo("--input", "file://" + self.short), [12])

    def test_wrong_options_are_explained(self):
        cases = [
            ([], "--input"),
            (["--input", "nowhere.avi"], "nowhere.avi"),
            (["--input", self.long, "--sources", "none"], "'none'"),
            (["--input", self.long, "--sources", "0"], "1 to 64"),
            (["--input", self.long, "--hint", "fast"], "throughput"),
            (["--input", self.long, "--model", "nothing.onnx"], "nothing.onnx"),
            (["--input", self.long, "--colour"], "--colour"),
            (["--input"], "missing"),
            (["--input", self.long, "--output", self.long], "--output"),
        ]
        for words, part in cases:
            with self.subTest(words=words):
                result = self.run_demo(*words)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(part, result.stderr)

    def test_what_fails_while_it_runs_is_explained(self):
        text = self.out.parent / "text.avi"
        text.write_text("no video\n" * 100)
        sound = self.out.parent / "sound.wav"
        media.launch(f"gst-launch-1.0 audiotestsrc num-buffers=9 ! wavenc ! filesink location={sound}")
        cases = [(["--input", self.long, "--input", text], f"source 1 ({text})"),
                 (["--input", sound], "Is there a video in it?"),
                 (["--input", self.long, "--device", "TOASTER"], "TOASTER"),
                 (["--input", self.long, "--model", text], "text.avi")]
        for words, part in cases:
            with self.subTest(words=words):
                result = self.run_demo(*words)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn(part, result.stderr)
                self.assertNotIn("CRITICAL", result.stderr)


if __name__ == "__main__":
    tap.main()
