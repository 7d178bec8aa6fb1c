#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""watch.py VIDEO MODEL: prints what gstinference finds in each frame."""
import sys

import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import GLib, Gst, GstVideo


def on_frame(pad, info):
    buffer = info.get_buffer()
    region = GstVideo.buffer_get_video_region_of_interest_meta_id  # numbered from 0 on each buffer
    number = 0
    while (box := region(buffer, number)) is not None:
        confidence = box.get_param("detection").get_value("confidence")
        label = GLib.quark_to_string(box.roi_type)
        print(f"{label} {confidence:.2f} at {box.x},{box.y}, {box.w}x{box.h}")
        number += 1
    return Gst.PadProbeReturn.OK


def main(video, model):
    Gst.init(None)
    pipeline = Gst.parse_launch(f'filesrc location="{video}" ! decodebin ! videoconvert ! '
                                f'gstinference model="{model}" ! fakesink name=out')
    pipeline.get_by_name("out").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, on_frame)
    pipeline.set_state(Gst.State.PLAYING)
    end = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if end.type == Gst.MessageType.ERROR:
        sys.exit(f"watch.py: {end.parse_error()[0].message}")


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) == 3 else sys.exit("usage: watch.py VIDEO MODEL")
