// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/decoder.h"

#include <gst/video/video.h>

// What `picture` looks like as video: its own size and format; frame rate and the rest of the
// source's caps.
GstVideoInfo picture_video(const infer::Picture& picture, const GstVideoInfo& source);

// A frame of it. Takes the pixels; times and flags are those of `source`.
GstBuffer* picture_buffer(infer::Picture picture, const GstVideoInfo& video, GstBuffer* source);
