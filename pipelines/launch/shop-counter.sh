#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A shop: who comes in and goes out by the door, how many are in the queue and for how long (a message after
# 20 s). Positions are fractions of the picture; events are in visits.jsonl and, by -m, on the screen.
gst-launch-1.0 -m filesrc location=shop.avi ! decodebin ! videoconvert ! \
    gstinference model=pipelines/models/person-detector.onnx threshold=0.1 ! inferencetracker ! \
    inferencezones config='{"width": 1, "height": 1, "zones": [{"name": "queue", "points": [[0.5,0.3], [1,0.3], [1,1], [0.5,1]], "dwell": 20, "crowd": 5}], "lines": [{"name": "door", "from": [0.1,0.5], "to": [0.4,0.5], "forward": "in", "backward": "out"}]}' ! \
    inferencepublish location=visits.jsonl ! inferenceoverlay ! videoconvert ! autovideosink
