// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/session.h"

#include <gst/video/video.h>

#include <string>

// Puts what inference says onto its buffer, as metadata. Takes `buffer` and gives it back, or a
// copy that shares its pixels if somebody else holds it too.
GstBuffer* attach_results(GstBuffer* buffer, const GstVideoInfo& video, const infer::Output& out,
                          const std::string& source_id);

// Puts what a model said of a crop (`region`, of the object with this place among those of a
// writable buffer) onto the object; what it detected there is added as further objects.
void attach_to_object(GstBuffer* buffer, const GstVideoInfo& video, guint object,
                      const infer::Region& region, infer::Results& results);
// That the frame went through; where no model before has said so.
void attach_frame_once(GstBuffer* buffer, const infer::Output& out, const std::string& source_id);
