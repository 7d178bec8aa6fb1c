#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""gst-inference check: on cases made here, and on ONNX's own (Debian's libonnx-testdata)."""
import collections
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import numpy

import onnx_writer
import tap

TOOL = os.environ["GI_TOOL"]
ONNX_CASES = pathlib.Path("/usr/share/libonnx-testdata/data")
PASSED = 1002  # of ONNX's own cases, at least


def check(*words, timeout=300):
    return subprocess.run([TOOL, "check", *map(str, words)], capture_output=True, text=True, timeout=timeout)


def values(*shape):
    return numpy.linspace(-1, 1, int(numpy.prod(shape)), dtype=numpy.float32).reshape(shape)


class Made(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def case(self, name, op="Relu", x=values(1, 3, 2, 2), y=None, model=None):
        data = self.root / name / "test_data_set_0"
        data.mkdir(parents=True)
        nodes = [onnx_writer.node(op, ["x"], ["y/0"], "the_node")]
        (self.root / name / "model.onnx").write_bytes(model or onnx_writer.model(nodes))
        y = numpy.maximum(x, 0) if y is None else y
        (data / "input_0.pb").write_bytes(onnx_writer.tensor("x", x))
        (data / "output_0.pb").write_bytes(onnx_writer.tensor("y/0", y))
        return self.root / name

    def lines(self, *words, code=0):
        result = check(*words)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout.splitlines()

    def test_cases_in_folders_below_are_found_and_counted(self):
        self.case("a/one")
        self.case("b/c/two")
        self.assertEqual(self.lines(self.root), ["pass one", "pass two", "2 passed, 0 failed, 0 unsupported"])
        self.assertEqual(self.lines(self.root / "b/c/two/"), ["pass two", "1 passed, 0 failed, 0 unsupported"])

    def test_a_wrong_value_fails_and_says_which(self):
        wrong = values(1, 3, 2, 2).clip(0)
        wrong[0, 2, 1, 1] = 1.5
        line, total = self.lines(self.case("wrong", y=wrong), code=1)
        self.assertRegex(line, r"^fail wrong: output 'y/0' element 11 is 1\.0.*, not 1\.5")
        self.assertEqual(total, "0 passed, 1 failed, 0 unsupported")

    def test_tolerances_are_the_users(self):
        near = self.case("near", y=values(1, 3, 2, 2).clip(0) * numpy.float32(1.01))
        self.assertTrue(self.lines(near, code=1)[0].startswith("fail"))
        self.assertEqual(self.lines(near, "--rtol", "0.02")[0], "pass near")
        self.assertEqual(self.lines(near, "--rtol", "0", "--atol", "0.02")[0], "pass near")

    def test_what_cannot_be_run_is_named_and_is_no_failure(self):
        line, total = self.lines(self.case("odd", op="Frobnicate"))
        self.assertRegex(line, "^unsupported odd: .*Frobnicate.*the_node")
        self.assertEqual(total, "0 passed, 0 failed, 1 unsupported")

    def test_a_damaged_case_fails_alone(self):
        self.case("a")
        self.case("b", model=b"\x08no model")
        (self.case("c") / "test_data_set_0/input_0.pb").write_bytes(b"\xff\xff")
        (self.case("d") / "test_data_set_0/input_0.pb").unlink()
        self.case("e")
        lines = self.lines(self.root, code=1)
        self.assertEqual([line.split()[0] for line in lines[:5]], ["pass", "fail", "fail", "fail", "pass"])
        self.assertIn("input_0.pb", lines[2])

    def test_the_plain_kernels_can_be_asked_for(self):
        self.assertEqual(self.lines(self.case("one"), "--device", "REFERENCE")[0], "pass one")

    def test_wrong_use_is_refused(self):
        empty = self.root / "empty"
        empty.mkdir()
        for words, part in (([], "no folder"), ([empty], "empty"), ([self.root / "none"], "none"),
                            ([self.case("x"), "--device", "TOASTER"], "TOASTER"),
                            ([self.root / "x", "--rtol", "-1"], "--rtol")):
            with self.subTest(part=part):
                result = check(*words)
                self.assertEqual(result.returncode, 2, result.stdout)
                self.assertIn(part, result.stderr)


@unittest.skipUnless(ONNX_CASES.is_dir(), f"no {ONNX_CASES} (Debian's libonnx-testdata)")
class Published(unittest.TestCase):
    """On the device, then with the plain kernels: none may fail, and what is unsupported says why."""

    def run_all(self, *words):
        result = check(ONNX_CASES, *words)
        verdicts = collections.defaultdict(list)
        *lines, total = result.stdout.splitlines()
        for line in lines:
            verdicts[line.split(" ", 1)[0]].append(line)
        self.assertEqual(verdicts["fail"], [], total)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertGreaterEqual(len(verdicts["pass"]), PASSED, total)
        for line in verdicts["unsupported"]:
            self.assertRegex(line, r"^unsupported \S+: .{20,}")
        self.assertTrue(re.fullmatch(r"\d+ passed, 0 failed, \d+ unsupported", total))

    def test_none_fails_on_the_cpu(self):
        self.run_all()

    def test_none_fails_with_the_plain_kernels(self):
        self.run_all("--device", "REFERENCE")


if __name__ == "__main__":
    tap.main()
