// SPDX-License-Identifier: LGPL-2.1-or-later
// Weights that do nothing: zeros, and channels whose results are always 0.
#pragma once

#include "inference/graph.h"

#include <string>
#include <vector>

namespace infer::calibrate {

struct Zeros {
    std::string layer;
    double share = 0;          // of its weights that are 0
    int64_t dead_channels = 0; // whose weights and results are all 0, whatever the picture
    int64_t channels = 0;
};

// Of every convolution and matrix product with known weights. A channel without weights whose bias
// is not above 0 is dead where a Relu follows.
std::vector<Zeros> zeros_of(const Graph& graph);

// Takes dead channels of convolutions out where nothing but convolutions reads them (through Relu
// and MaxPool), with what these multiply them by: results stay exactly the same. One channel of a
// layer always stays. Says how many were taken out; shapes are to be worked out again then.
int64_t prune_dead_channels(Graph& graph);

} // namespace infer::calibrate
