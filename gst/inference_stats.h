// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst/source_pads.h"

#include <gst/gst.h>

#include <functional>

// Every source the element has now; each stays alive during its call. Any thread.
void for_each_source(GstElement* element, const std::function<void(SourcePads&)>& call);

// The element's `stats`: its own, and those of its session, which other elements may share.
GstStructure* inference_stats(const InferenceElement& own);
