// SPDX-License-Identifier: LGPL-2.1-or-later
// Shapes of what depends on data, before there is data: rules are given an example to work with.
#pragma once

#include "inference/op.h"

#include <vector>

namespace infer {

// As infer_op(). If the rule refuses because the content of small inputs (a shape, bounds, a count)
// is not known, it is asked again with made-up contents of about `size` elements; `guessed` then
// says that the shapes are no more than an example. The error is that of the first try.
Result<std::vector<ValueFacts>> infer_guessing(const OpDef& op, const Node& node,
                                               std::vector<ValueFacts> in, int64_t size,
                                               bool& guessed);

} // namespace infer
