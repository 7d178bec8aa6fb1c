#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What it costs to read from Python every object and a tensor of every frame: frames a second of four
videos through one model, without reading and with, and processor time a frame, which a busy machine does
not change."""
import os
import statistics
import time

import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstInference", "1.0")
from gi.repository import Gst, GstInference
import numpy

SOURCES, FRAMES, ROUNDS = 4, 150, 5
MODEL = os.environ["GI_SOURCE_ROOT"] + "/pipelines/models/person-detector.onnx"
SOURCE = (f"videotestsrc num-buffers={FRAMES} pattern=ball ! "
          "video/x-raw,format=NV12,width=640,height=480,framerate=25/1 ! "
          "inferenceattach label=person roi=10,10,90,210;120,40,200,240;300,60,380,260;420,80,500,280 ! "
          "gi.sink_{0}  gi.src_{0} ! fakesink name=out_{0} ")


def on_buffer(pad, info, seen):
    buffer = info.get_buffer()
    for o in GstInference.buffer_get_objects(buffer, 640, 480):
        seen.append(o.x + o.width / 2 if o.label == "person" else 0)
    seen.append(numpy.asarray(GstInference.buffer_get_tensor(buffer, None)).ravel()[0])
    return Gst.PadProbeReturn.OK


def measure(reading):
    """Frames a second, and milliseconds of processor time a frame."""
    line = f"gstinference name=gi decoder=none model={MODEL} " + "".join(SOURCE.format(k) for k in range(SOURCES))
    pipeline = Gst.parse_launch(line)
    seen = []
    for k in range(SOURCES if reading else 0):
        pipeline.get_by_name(f"out_{k}").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, on_buffer, seen)
    pipeline.set_state(Gst.State.PAUSED)
    pipeline.get_state(60 * Gst.SECOND)
    begin, cpu_begin = time.monotonic(), time.process_time()
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_bus().timed_pop_filtered(300 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    seconds, cpu_seconds = time.monotonic() - begin, time.process_time() - cpu_begin
    pipeline.set_state(Gst.State.NULL)
    assert not reading or len(seen) == SOURCES * FRAMES * 5, len(seen)
    return SOURCES * FRAMES / seconds, 1000 * cpu_seconds / (SOURCES * FRAMES)


Gst.init(None)
measured = {False: [], True: []}
for _ in range(ROUNDS):
    for reading in measured:
        measured[reading].append(measure(reading))
for what, index in (("FPS", 0), ("ms of processor time a frame", 1)):
    without, reading = (statistics.median(m[index] for m in measured[reading]) for reading in (False, True))
    print(f"{SOURCES} sources: {without:.2f} {what} without reading, {reading:.2f} reading from Python "
          f"({100 * (reading / without - 1):+.1f} %)")
