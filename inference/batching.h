// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

namespace infer {

// Makes a graph whose shapes are worked out for one row run `batch` rows at once: the first
// dimension of its inputs, and constants that spell it out (Reshape, Expand...). Unsupported if an
// output would not have that many rows.
Result<void> set_batch(Graph& graph, int batch);

} // namespace infer
