// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/metadata.h"

#include <gst/video/video.h>

// Puts what a record says onto a writable buffer; the reverse of frame_record(). Boxes and points
// of a record made at another size are scaled.
void attach_record(GstBuffer* buffer, const GstVideoInfo& video, const infer::FrameRecord& record);
