// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"

namespace infer::tools {

// Writes `values`, in the model's own shape and type, into an input of a request as its executor
// wants it: another layout (N, H, W, C memory), another element type.
Result<void> feed(const Tensor& values, const InputFormat& format, const TensorView& input);

// Request::rows of a request with a frame in each.
uint64_t all_rows(const Executor& executor);

// Something for an input to chew on: random in 0..1 for floats, zeros for integers. Shape as the
// model's, element type f32 for floats and the input's own else.
Tensor make_feed(const InputFormat& format, uint32_t seed);

} // namespace infer::tools
