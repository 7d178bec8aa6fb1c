#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A street: vehicles that cross a line in both directions, each looked at for its attributes once in 30 frames
# while it is tracked. Bring two models: one that finds vehicles, one that tells colour and kind of a crop.
gst-launch-1.0 filesrc location=street.avi ! decodebin ! videoconvert ! \
    gstinference model=vehicle.onnx threshold=0.1 ! inferencetracker ! \
    gstinference model=vehicle-attributes.onnx region=objects object-min-size=40 reclassify-interval=30 ! \
    inferencezones config='{"width": 1, "height": 1, "lines": [{"name": "crossing", "from": [0,0.6], "to": [1,0.6], "forward": "away", "backward": "towards"}]}' ! \
    inferencepublish location=traffic.jsonl ! inferenceoverlay ! videoconvert ! autovideosink
