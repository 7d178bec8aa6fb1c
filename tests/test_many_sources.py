#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""64 cameras on a device that can do half of them, with drop=oldest: memory stays, drops are fair.

A few seconds by default; GI_SECONDS gives the length in full (suite soak)."""
import os
import pathlib
import time
import unittest

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst

import tap

MODEL = pathlib.Path(os.environ["GI_SOURCE_ROOT"]) / "pipelines/models/person-detector.onnx"
SECONDS = float(os.environ.get("GI_SECONDS", "4"))
SOURCES = 64


def rss_kb():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])


def counts(stats):
    return {name: stats.get_value(name) for name in ("frames-in", "frames-out", "inferred", "dropped", "failed", "skipped")}


def stats_of(pipeline, pad=None):
    element = pipeline.get_by_name("gi")
    return (element.get_static_pad(pad) if pad else element).get_property("stats")


def start(launch):
    pipeline = Gst.parse_launch(launch)
    pipeline.set_state(Gst.State.PLAYING)
    return pipeline


def error_on(pipeline, seconds):
    """Runs so long; the first error's text, or None."""
    message = pipeline.get_bus().timed_pop_filtered(int(seconds * Gst.SECOND), Gst.MessageType.ERROR)
    return message.parse_error()[0].message if message else None


def capacity():
    """Frames a second that this machine infers with videos beside it."""
    pipeline = start(f"gstinference name=gi model={MODEL} " + " ".join(
        f"videotestsrc pattern=black ! video/x-raw,width=320,height=240 ! gi.sink_{k} gi.src_{k} ! fakesink" for k in range(4)))
    error_on(pipeline, 3)
    fps = stats_of(pipeline).get_value("fps")
    pipeline.set_state(Gst.State.NULL)
    return fps


class ManySources(unittest.TestCase):
    def test_at_twice_the_capacity_memory_stays_and_drops_are_fair(self):
        rate = max(1, round(2 * capacity() / SOURCES))
        pipeline = start(f"gstinference name=gi drop=oldest model={MODEL} " + " ".join(
            f"videotestsrc is-live=true pattern=black ! video/x-raw,width=320,height=240,framerate={rate}/1 ! "
            f"gi.sink_{k} gi.src_{k} ! fakesink sync=false" for k in range(SOURCES)))
        samples = []
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            self.assertIsNone(error_on(pipeline, SECONDS / 60))
            samples.append((rss_kb(), len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))))
        sources = [counts(stats_of(pipeline, f"sink_{k}")) for k in range(SOURCES)]
        latency_ms = stats_of(pipeline).get_value("latency-p99") / 1000
        pipeline.set_state(Gst.State.NULL)

        third = len(samples) // 3
        middle, last = samples[third:2 * third], samples[2 * third:]
        mean = [[sum(s[what] for s in part) / len(part) for what in range(3)] for part in (middle, last)]
        dropped = [s["dropped"] for s in sources]
        average = sum(dropped) / SOURCES
        print(f"# {rate} frames a second each, {SECONDS:.0f} s: RSS {mean[0][0]:.0f} -> {mean[1][0]:.0f} kB, threads "
              f"{mean[0][1]:.1f} -> {mean[1][1]:.1f}, files {mean[0][2]:.1f} -> {mean[1][2]:.1f}, dropped {min(dropped)} to "
              f"{max(dropped)} of {max(s['frames-in'] for s in sources)}, latency p99 {latency_ms:.0f} ms")
        self.assertLessEqual(mean[1][0], mean[0][0] * 1.02, "memory grows")
        self.assertLessEqual(mean[1][1], mean[0][1] + 0.5, "threads grow")
        self.assertLessEqual(mean[1][2], mean[0][2] + 0.5, "open files grow")
        self.assertEqual([s["failed"] + s["skipped"] for s in sources], [0] * SOURCES)
        for k, n in enumerate(dropped):
            self.assertLessEqual(abs(n - average), max(0.1 * average, 3), f"source {k}: {n} dropped, others {average:.1f}")


if __name__ == "__main__":
    Gst.init(None)
    tap.main()
