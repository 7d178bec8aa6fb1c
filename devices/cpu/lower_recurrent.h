// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/lowering/lower.h"

namespace infer::cpu {

// RNN, GRU or LSTM: the input's part of all gates at all steps is one matrix product; Recurrence does the rest
// (ops/recurrence.cpp). False if weights are not known or activations have no fast form.
bool lower_recurrent(const Graph& graph, const Node& node, lowering::Emitter& emit);

} // namespace infer::cpu
