#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Smoke pipelines under valgrind: no error that has our code in its stack."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import tap

ROOT = pathlib.Path(os.environ["GI_SOURCE_ROOT"])
BRIGHTNESS = f"model={ROOT}/tests/data/brightness.onnx decoder=ultraface"
PERSONS = f"model={ROOT}/pipelines/models/person-detector.onnx"
VIDEO = "videotestsrc num-buffers=6 pattern=ball ! video/x-raw,width=160,height=120"
LINES = {
    "one source": f"{VIDEO} ! gstinference {BRIGHTNESS} ! inferenceoverlay ! inferencepublish location=LINES ! fakesink",
    "two sources": f"gstinference name=gi {BRIGHTNESS} interval=2 {VIDEO} ! gi.sink_0 gi.src_0 ! fakesink "
                   f"{VIDEO} ! gi.sink_1 gi.src_1 ! fakesink",
    "tracked": f"{VIDEO} ! gstinference {PERSONS} threshold=0.05 ! inferencetracker ! fakesink",
    "shared pixels": f"{VIDEO} ! tee name=t ! queue ! gstinference {BRIGHTNESS} drop=oldest ! fakesink t. ! queue ! fakesink",
}
OURS = re.compile(r"infer::|SourcePads|Inference[EP]|libgstinference|gst_inference_")
# The loader reads whole words past a string's end; the caches of fonts live as long as the process.
OTHERS = re.compile(r"\(dl-[a-z]+\.c:|libfontconfig|libpango|libcairo")


def errors_of(log):
    """Valgrind's paragraphs that have our code in them, but for leaks."""
    paragraphs = re.sub(r"^==\d+== ?", "", log, flags=re.M).split("\n\n")
    return [p for p in paragraphs if re.search(r"^   at 0x", p, flags=re.M) and OURS.search(p) and not OTHERS.search(p)]


class Valgrind(unittest.TestCase):
    def test_smoke_pipelines_are_clean(self):
        if not shutil.which("valgrind"):
            self.skipTest("valgrind is not installed")
        for name, line in LINES.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                log = pathlib.Path(folder) / "log"
                ran = subprocess.run(
                    ["valgrind", f"--log-file={log}", "--leak-check=full", "--show-leak-kinds=definite", "--num-callers=30",
                     os.environ["GI_TOOL"], "play", line.replace("LINES", f"{folder}/lines.jsonl")],
                    capture_output=True, text=True, timeout=900, env={**os.environ, "G_SLICE": "always-malloc"})
                self.assertEqual(ran.returncode, 0, ran.stderr)
                self.assertEqual(errors_of(log.read_text()), [])


if __name__ == "__main__":
    tap.main()
