// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/metadata.h"

namespace infer {

// Shared area over the area of both together, 0..1; 0 where a box has no area.
double iou(const BoxRecord& a, const BoxRecord& b);

} // namespace infer
