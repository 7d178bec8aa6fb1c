// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst/meta/gstinferencemeta.h"
#include "inference/metadata.h"

#include <gst/video/video.h>

#include <string>

// The metadata of a buffer in its plain form. `source` and `number` stand in where no gstinference
// has said them.
infer::FrameRecord frame_record(GstBuffer* buffer, const GstVideoInfo& video,
                                const std::string& source, uint64_t number);
// The same of one object.
infer::ObjectRecord object_record(const GstInferenceObject& object);
