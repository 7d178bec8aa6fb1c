// SPDX-License-Identifier: LGPL-2.1-or-later
// The tables of rules, one a family of operators (ir_<family>.cpp).
#pragma once

#include "inference/formats/ir_parts.h"

namespace infer::ir {

extern const std::span<const Rule> rules_activation, rules_attention, rules_binary, rules_conv,
    rules_data, rules_detection, rules_gather, rules_normalize, rules_pool, rules_recurrent,
    rules_reduce, rules_regions, rules_resize, rules_shape, rules_slice;

} // namespace infer::ir
