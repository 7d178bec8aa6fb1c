// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/session.h"

#include <gst/video/video.h>

#include <string>

// Puts what inference says onto its buffer, as metadata. Takes `buffer` and gives it back, or a
// copy that shares its pixels if somebody else holds it too.
GstBuffer* attach_results(GstBuffer* buffer, const GstVideoInfo& video, const infer::Output& out,
                          const std::string& source_id);
