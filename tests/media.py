# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clips for tests, made by GStreamer itself, and what is asked of results."""
import json
import pathlib
import subprocess


def launch(line, seconds=60, **more):
    """Runs a launch line in a shell."""
    return subprocess.run(["timeout", str(seconds), "sh", "-c", line], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, **more)


def make_clip(path, frames=20, width=320, height=240, pattern="ball"):
    """A film of one of videotestsrc's patterns at 10 frames a second: JPEG pictures in AVI."""
    made = launch(f"gst-launch-1.0 -q videotestsrc num-buffers={frames} pattern={pattern} ! "
                  f"video/x-raw,format=I420,width={width},height={height},framerate=10/1 ! "
                  f"jpegenc ! avimux ! filesink location={path}")
    if made.returncode:
        raise RuntimeError(f"cannot make a clip: {made.stderr}")
    return str(path)


def count_frames(path):
    """Frames that come out of a file when it is decoded."""
    played = launch(f"gst-launch-1.0 filesrc location={path} ! decodebin ! videoconvert ! "
                    "video/x-raw,format=GRAY8,width=[1,9999] ! identity silent=false ! fakesink -v")
    if played.returncode:
        raise RuntimeError(f"{path} does not play: {played.stderr}")
    return played.stdout.count("last-message = chain")


def lines_of(path):
    """The JSON objects of a file of lines."""
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
