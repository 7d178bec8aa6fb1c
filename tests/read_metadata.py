#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""read_metadata.py LAUNCH-LINE: a program as users write it, in Python. Prints as one line of JSON the
metadata of the first buffer that reaches the element called `last`."""
import json
import sys

import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstInference", "1.0")
from gi.repository import Gst, GstInference
import numpy


def object_of(o):
    return {"label": o.label, "label_id": o.label_id, "confidence": o.confidence, "id": o.track_id,
            "box": {"x": round(o.x, 6), "y": round(o.y, 6), "width": round(o.width, 6), "height": round(o.height, 6)},
            "attributes": [{"name": a.name, "label": a.label, "confidence": a.confidence} for a in o.get_attributes()],
            "keypoints": [{"x": round(k.x, 6), "y": round(k.y, 6), "confidence": k.confidence}
                          for k in o.get_keypoints()],
            "zones": o.zones, "embedding": numpy.asarray(o.get_embedding()).tolist()}


def address_of(array):
    return array.__array_interface__["data"][0]


def frame_of(buffer):
    meta = GstInference.buffer_get_inference_frame_meta(buffer)
    return [meta.source_id, meta.number, GstInference.status_get_name(meta.status)]


def tensor_of(buffer, tensor):
    """A view, a second one of the same tensor, and whether both see the same bytes."""
    view = numpy.asarray(tensor)
    again = numpy.asarray(GstInference.buffer_get_tensor(buffer, tensor.name))
    return view, {"name": tensor.name, "owns": view.flags.owndata, "same_address": address_of(view) == address_of(again)}


def on_buffer(pad, info, found):
    buffer = info.get_buffer()
    found["objects"] = [object_of(o) for o in GstInference.buffer_get_objects(buffer, 320, 240)]
    found["frame"] = frame_of(buffer)
    found["tensors"] = [tensor_of(buffer, t) for t in GstInference.buffer_get_tensors(buffer)]
    found["values"] = [view.copy() for view, _ in found["tensors"]]
    return Gst.PadProbeReturn.REMOVE


def main(line):
    Gst.init(None)
    found = {}
    pipeline = Gst.parse_launch(line)
    pipeline.get_by_name("last").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, on_buffer, found)
    pipeline.set_state(Gst.State.PLAYING)
    end = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if end.type == Gst.MessageType.ERROR:
        sys.exit(end.parse_error()[0].message)
    del pipeline
    for (view, facts), before in zip(found["tensors"], found.pop("values")):
        facts["outlives_its_buffer"] = bool((view == before).all())
    found["tensors"] = [facts for _, facts in found["tensors"]]
    print(json.dumps(found))


main(sys.argv[1])
