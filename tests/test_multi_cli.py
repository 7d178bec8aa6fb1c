#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""gst-inference on several devices, which are fakes of the CPU (tests/fake_plugin.h)."""
import json
import os
import pathlib
import subprocess
import unittest

import tap

TOOL = os.environ["GI_FAKES_TOOL"]
MODEL = str(pathlib.Path(os.environ["GI_SOURCE_ROOT"]) / "tests/data/brightness.onnx")
TIMES = ("--option", "FAKE.1.delay=1000", "--option", "FAKE.2.delay=2000")


def call(*words):
    return subprocess.run([TOOL, *words], capture_output=True, text=True, timeout=100)


class Benchmark(unittest.TestCase):
    def figures(self, *words):
        result = call("benchmark", MODEL, "--seconds", "0.3", "--json", "-", *TIMES, *words)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout), result.stderr

    def test_it_says_what_each_device_does_alone_and_what_they_do_together(self):
        figures, text = self.figures("--device", "MULTI:FAKE.1,FAKE.2")
        self.assertEqual([d["name"] for d in figures["devices"]], ["FAKE.1", "FAKE.2"])
        for device in figures["devices"]:
            self.assertEqual((device["state"], device["failures"]), ("in use", 0))
            self.assertGreater(device["requests"], 0)
            self.assertGreater(device["alone_fps"], 0)
        total = sum(d["alone_fps"] for d in figures["devices"])
        self.assertAlmostEqual(figures["sum_fps"], total, delta=0.01)
        self.assertAlmostEqual(figures["fraction"], figures["fps"] / total, delta=0.001)
        self.assertIn("frames a second alone", text)
        self.assertIn("sum of them alone", text)

    def test_a_device_that_is_left_out_does_nothing(self):
        figures, text = self.figures("--device", "MULTI:FAKE.1,FAKE.2", "--option", "FAKE.2.compile-error=broken")
        self.assertEqual([d["state"] for d in figures["devices"]], ["in use", "left out: FAKE.2: broken"])
        self.assertEqual(figures["devices"][1]["alone_fps"], 0)
        self.assertIn("left out: FAKE.2: broken", text)

    def test_auto_says_what_its_devices_did(self):
        figures, _ = self.figures("--device", "AUTO")
        self.assertEqual([d["name"] for d in figures["devices"]], ["FAKE.3", "CPU"])
        self.assertNotIn("sum_fps", figures)

    def test_lists_that_make_no_sense_are_refused(self):
        for device, says in (("MULTI:FAKE.1,FAKE.1", "names FAKE.1 twice"), ("MULTI", "must name devices"),
                             ("MULTI:FAKE.1,AUTO", "AUTO is made of devices itself"),
                             ("MULTI:FAKE.1,TPU", "device=TPU: no such device in this build; there is CPU, FAKE")):
            with self.subTest(device=device):
                result = call("benchmark", MODEL, "--device", device)
                self.assertEqual(result.returncode, 2)
                self.assertIn(says, result.stderr)


class Run(unittest.TestCase):
    def test_devices_are_listed_with_what_they_make_together(self):
        text = call("info", "--devices").stdout
        self.assertIn("MULTI:FAKE.3,CPU", text)
        self.assertIn("AUTO", text)


if __name__ == "__main__":
    tap.main()
