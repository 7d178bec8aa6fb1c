#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Four files through one gstinference, which shares one model and batches their frames. Name both pads of each source.
gst-launch-1.0 gstinference name=gi model=pipelines/models/person-detector.onnx \
    filesrc location=north.avi ! decodebin ! videoconvert ! gi.sink_0 \
    filesrc location=east.avi ! decodebin ! videoconvert ! gi.sink_1 \
    filesrc location=south.avi ! decodebin ! videoconvert ! gi.sink_2 \
    filesrc location=west.avi ! decodebin ! videoconvert ! gi.sink_3 \
    gi.src_0 ! inferencepublish location=north.jsonl ! fakesink \
    gi.src_1 ! inferencepublish location=east.jsonl ! fakesink \
    gi.src_2 ! inferencepublish location=south.jsonl ! fakesink \
    gi.src_3 ! inferencepublish location=west.jsonl ! fakesink
