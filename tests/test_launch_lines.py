#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every command a reader may copy runs: launch lines and gst-inference calls of README, docs/ and
pipelines/launch, with a made clip in place of files, cameras and windows."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import media
import tap

ROOT = pathlib.Path(os.environ["GI_SOURCE_ROOT"])
TOOL = os.environ["GI_TOOL"]
COMMANDS = ("gst-launch-1.0 ", "gst-inspect-1.0 ", "gst-inference ", "build/tools/gst-inference ")


def commands_of(text):
    """The commands of a script or of a document's code blocks, continuation lines joined."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [line.strip() for line in lines if line.strip().startswith(COMMANDS)]


def documents():
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")),
            *sorted((ROOT / "pipelines/launch").glob("*.sh"))]


def tried_here(command, clip):
    """The command with what is only at the reader's place replaced."""
    replacements = [
        (r"(^|&& )(build/tools/)?gst-inference ", rf"\1{TOOL} "),
        (r"v4l2src( device=\S+)?", "videotestsrc num-buffers=15 ! video/x-raw,width=320,height=240"),
        (r"uri=rtsp://\S+", f"uri=file://{clip}"),
        (r"filesrc location=\S+", f"filesrc location={clip}"),
        (r"autovideosink", "fakesink"),
        (r"(?<![\w/])[\w/.-]+\.onnx", f"{ROOT}/pipelines/models/person-detector.onnx"),
        (r"inferenceimage model=\S+", f"inferenceimage model={ROOT}/tests/data/inverse.onnx"),
        (r"--seconds \S+", "--seconds 0.1"),
        (r"--(calibrate|judge)( (?!-)[\w./-]+)+", rf"--\1 {clip}"),
        (r"--output \S+", "--output quantised.onnx"),
    ]
    for pattern, replacement in replacements:
        command = re.sub(pattern, replacement, command)
    return command


class LaunchLines(unittest.TestCase):
    def test_there_are_lines_to_try(self):
        self.assertGreater(len(commands_of((ROOT / "README.md").read_text())), 3)
        for script in (ROOT / "pipelines/launch").glob("*.sh"):
            self.assertEqual(len(commands_of(script.read_text())), 1, script)

    def test_several_sources_name_both_pads(self):
        for document in documents():
            for command in commands_of(document.read_text()):
                if "name=gi" in command and ".sink_" in command:
                    for k in re.findall(r"gi\.sink_(\d+)", command):
                        self.assertIn(f"gi.src_{k} ", command, document)


def add_test(document, number, command):
    def test(self):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_CACHE_HOME"] = folder  # of `tune`
            clip = media.make_clip(f"{folder}/clip.avi", 12)
            tried = tried_here(command, clip)
            result = media.launch(tried, cwd=folder)
        self.assertEqual(result.returncode, 0, f"{tried}\n{result.stdout[-3000:]}{result.stderr[-3000:]}")
        self.assertNotIn("CRITICAL", result.stderr)

    name = f"test_{document.relative_to(ROOT)}_{number}_runs"
    setattr(LaunchLines, re.sub(r"\W", "_", name), test)


for a_document in documents():
    for a_number, a_command in enumerate(commands_of(a_document.read_text()), 1):
        add_test(a_document, a_number, a_command)

if __name__ == "__main__":
    tap.main()
