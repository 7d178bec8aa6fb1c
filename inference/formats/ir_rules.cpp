// SPDX-License-Identifier: LGPL-2.1-or-later
// Every operator of the IR that can be translated. One table a family, in the file of its name.
#include "inference/formats/ir_rules.h"

namespace infer::ir {
namespace {

// The reader itself handles these (ir.cpp).
constexpr Rule handled[] = {
    {"Const", 1, 15, "a constant", nullptr},
    {"If", 8, 15, "If", nullptr},
    {"Parameter", 1, 15, "an input", nullptr},
    {"Result", 1, 15, "an output", nullptr},
};

} // namespace

std::span<const std::span<const Rule>> all_rules() {
    static const std::span<const Rule> tables[] = {
        handled,         rules_activation, rules_attention, rules_binary,
        rules_conv,      rules_data,       rules_detection, rules_gather,
        rules_normalize, rules_pool,       rules_recurrent, rules_reduce,
        rules_regions,   rules_resize,     rules_shape,     rules_slice,
    };
    return tables;
}

const Rule* find_rule(const Layer& layer) {
    for (const std::span<const Rule> table : all_rules())
        for (const Rule& rule : table)
            if (rule.type == layer.type && layer.opset >= rule.first && layer.opset <= rule.last)
                return &rule;
    return nullptr;
}

} // namespace infer::ir
