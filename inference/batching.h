// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

namespace infer {

// Makes a graph whose shapes are worked out for one row run `batch` rows at once: the first
// dimension of its inputs, and all that spells it out on the way. Unsupported, with the first
// operator that stands in the way, if rows would be mixed or an output would not have them.
Result<void> set_batch(Graph& graph, int batch);

// The column that says which image (row of the batch) each line of an output's last dimension is
// about, as lists of detections have it; -1: it is no such list.
//   DetectionOutput: [1, 1, lines, 7], -1 there ends the list
int image_column(const Graph& graph, ValueId output);

} // namespace infer
