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

// The objects of a buffer that `wanted` says yes to, whole frames never; `index`: which of the
// buffer's objects each is.
struct IndexedObjects {
    std::vector<infer::ObjectRecord> records;
    std::vector<guint> index;
};
IndexedObjects objects_of(GstBuffer* buffer, const GstVideoInfo& video,
                          bool (*wanted)(const GstInferenceObject&));
