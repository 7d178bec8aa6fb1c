#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a pipeline costs above its model: CPU time a frame of several raw sources through one
gstinference, less that of the same sources alone, less `gst-inference benchmark`'s.

Sources are files of one raw I420 frame each, read over and over from the page cache (multifilesrc).
CPU time is the process's (getrusage) in a window after a warm-up; frames are those that reached the
sinks in it. The three take turns, and medians are printed: a shared machine changes its mind. How
busy other processes kept the cores is printed too, from /proc/stat.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 768, 576
CAPS = f"video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate=30/1"
CORES = len(os.sched_getaffinity(0))


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", default=str(ROOT / "pipelines/models/person-detector.onnx"))
    p.add_argument("--tool", default=os.environ.get("GI_TOOL", str(ROOT / "build/tools/gst-inference")))
    p.add_argument("--sources", type=int, default=4)
    p.add_argument("--precision", default="f32")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=3)
    return p.parse_args()


def make_frames(folder, count=40):
    """Frames of the street clip if it is here, else of a test picture."""
    found = subprocess.run([ROOT / "tools/street-clip", "--no-download"], capture_output=True, text=True)
    source = (f"filesrc location={found.stdout.strip()} ! decodebin ! identity eos-after={count + 3}"
              if found.returncode == 0 else f"videotestsrc num-buffers={count + 3} pattern=ball")
    subprocess.run(f"gst-launch-1.0 -q {source} ! videoconvert ! videoscale ! {CAPS.rsplit(',', 1)[0]} ! "
                   f"multifilesink location={folder}/%03d.i420", shell=True, check=True)
    return f"multifilesrc location={folder}/%03d.i420 start-index=0 stop-index={count - 1} loop=true caps={CAPS}"


def launch_line(source, sources, inference):
    """`inference`: a gstinference's properties, or None for the sources alone."""
    sink = "fakesink name=sink{0} sync=false"
    if inference is None:
        return "  ".join(f"{source} ! {sink.format(k)}" for k in range(sources))
    links = (f"{source} ! gi.sink_{k}  gi.src_{k} ! {sink.format(k)}" for k in range(sources))
    return f"gstinference name=gi {inference}  " + "  ".join(links)


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def all_cores():
    """Seconds that all cores were busy, and in all, since the machine started."""
    ticks = [int(v) for v in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    hz = os.sysconf("SC_CLK_TCK")
    return (sum(ticks) - ticks[3] - ticks[4]) / hz, sum(ticks) / hz


class Reading:
    def __init__(self, pipeline, sources):
        sinks = (pipeline.get_by_name(f"sink{k}") for k in range(sources))
        self.frames = sum(s.get_property("stats").get_value("rendered") for s in sinks)
        self.cpu, self.wall, (self.busy, self.total) = cpu_seconds(), time.monotonic(), all_cores()


def play(line, sources, seconds):
    """CPU ms a frame, frames a second, this process's share of the cores, all processes' share."""
    pipeline = Gst.parse_launch(line)
    pipeline.set_state(Gst.State.PLAYING)
    time.sleep(1.5)  # the model is compiled, caches are warm
    a = Reading(pipeline, sources)
    time.sleep(seconds)
    b = Reading(pipeline, sources)
    problem = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if problem:
        sys.exit(f"pipeline_overhead: {problem.parse_error()[0].message}")
    frames, cpu, wall = b.frames - a.frames, b.cpu - a.cpu, b.wall - a.wall
    if frames == 0:
        sys.exit("pipeline_overhead: no frame came through; give it more --seconds")
    return 1000 * cpu / frames, frames / wall, cpu / wall / CORES, (b.busy - a.busy) / (b.total - a.total)


def benchmark(o):
    done = subprocess.run([o.tool, "benchmark", o.model, "--hint", "throughput", "--precision", o.precision,
                           "--seconds", str(o.seconds), "--json", "-"], capture_output=True, text=True, check=True)
    result = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return result["cpu_ms_per_frame"], result["fps"]


def main():
    o = options()
    Gst.init(None)
    whole, alone, model = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        source = make_frames(folder)
        inference = f"model={o.model} precision={o.precision} hint=throughput"
        for _ in range(o.rounds):
            whole.append(play(launch_line(source, o.sources, inference), o.sources, o.seconds))
            alone.append(play(launch_line(source, o.sources, None), o.sources, o.seconds / 2))
            model.append(benchmark(o))
    cpu, fps, own, everyone = (statistics.median(c) for c in zip(*whole))
    sources_cpu = statistics.median(a[0] for a in alone)
    model_cpu, model_fps = (statistics.median(c) for c in zip(*model))
    print(f"{pathlib.Path(o.model).stem}, {o.precision}, {o.sources} sources of {WIDTH}x{HEIGHT} I420, {CORES} cores")
    print(f"pipeline    {cpu:7.3f} ms of CPU a frame  {fps:7.1f} frames/s")
    print(f"sources     {sources_cpu:7.3f}")
    print(f"benchmark   {model_cpu:7.3f}                    {model_fps:7.1f}")
    print(f"overhead    {cpu - sources_cpu - model_cpu:7.3f}")
    print(f"cores       {100 * own:.1f} % busy with the pipeline, {100 * everyone:.1f} % with everything")


if __name__ == "__main__":
    main()
