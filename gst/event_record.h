// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/metadata.h"

#include <gst/gst.h>

// An event as it goes with buffers and messages, and back. The structure's name is the type; fields
// without content are left out.
GstStructure* event_structure(const infer::EventRecord& event);
infer::EventRecord event_record(const GstStructure* structure);
