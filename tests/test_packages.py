#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What packages and the shell are told of the project agrees with the project."""
import os
import pathlib
import re
import subprocess
import unittest

import tap

ROOT = pathlib.Path(os.environ["GI_SOURCE_ROOT"])
TOOL = pathlib.Path(os.environ["GI_TOOL"])
OF_DEBIAN_ITSELF = {"g++", "ninja-build"}  # build-essential; meson depends on ninja


def completed(*words):
    """What bash offers for the last of these words."""
    script = (f"source {ROOT}/tools/gst-inference.bash-completion; COMP_WORDS=({' '.join((repr(str(w)) for w in words))}); "
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _gst_inference; printf '%s\\n' \"${COMPREPLY[@]}\"")
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    return said.stdout.split()


class Debian(unittest.TestCase):
    def test_its_build_depends_are_the_build_packages(self):
        listed = set(re.findall(r"^(?:build|analytics)\s+(\S+)", (ROOT / "tools/packages.txt").read_text(), re.M))
        control = (ROOT / "debian/control").read_text()
        field = re.search(r"^Build-Depends:((?:.*\n)(?: .*\n)*)", control, re.M).group(1)
        depends = {re.split(r"[ (:]", word.strip())[0] for word in field.split(",")}
        self.assertEqual(listed - OF_DEBIAN_ITSELF, depends - {"debhelper-compat", "python3"})

    def test_its_version_is_that_of_the_project(self):
        version = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text()).group(1)
        self.assertTrue((ROOT / "debian/changelog").read_text().startswith(f"gstinference ({version}) "))


class Completion(unittest.TestCase):
    def test_it_offers_the_commands(self):
        self.assertEqual(completed(TOOL, "be"), ["benchmark"])
        self.assertEqual(set(completed(TOOL, "")) & {"check", "info", "play", "run"}, {"check", "info", "play", "run"})

    def test_it_offers_the_options_of_a_command(self):
        self.assertIn("--latency-limit", completed(TOOL, "benchmark", "--la"))
        self.assertNotIn("--latency-limit", completed(TOOL, "check", "--"))

    def test_it_offers_the_values_that_an_option_takes(self):
        self.assertEqual(completed(TOOL, "benchmark", "x.onnx", "--hint", "l"), ["latency"])
        self.assertIn("CPU", completed(TOOL, "benchmark", "x.onnx", "--device", ""))


if __name__ == "__main__":
    tap.main()
