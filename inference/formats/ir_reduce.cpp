// SPDX-License-Identifier: LGPL-2.1-or-later
// Reductions and softmax. Meanings: OpenVINO's operation sets, "Reduction", "Activation".
#include "inference/formats/ir_rules.h"

namespace infer::ir {
namespace {

// Dimensions stay only with keep_dims; an empty list of axes reduces nothing.
void reduce(Call& call) {
    call.expect(2, 2);
    std::string op = call.layer().type;
    if (op == "ReduceLogicalAnd")
        op = "ReduceMin"; // of bool
    else if (op == "ReduceLogicalOr")
        op = "ReduceMax";
    call.emit(op, {call.in(0), call.as_i64(call.in(1))},
              {{"keepdims", int64_t(call.flag("keep_dims", false))},
               {"noop_with_empty_axes", int64_t{1}}});
}

void softmax(Call& call) {
    call.expect(1, 1);
    const bool is_log = call.layer().type == "LogSoftmax";
    call.emit(is_log ? "LogSoftmax" : "Softmax", {call.in(0)}, {{"axis", call.integer("axis", 1)}});
}

constexpr Rule table[] = {
    {"LogSoftmax", 5, 15, "LogSoftmax", softmax},
    {"ReduceL1", 4, 15, "ReduceL1", reduce},
    {"ReduceL2", 4, 15, "ReduceL2", reduce},
    {"ReduceLogicalAnd", 1, 15, "ReduceMin", reduce},
    {"ReduceLogicalOr", 1, 15, "ReduceMax", reduce},
    {"ReduceMax", 1, 15, "ReduceMax", reduce},
    {"ReduceMean", 1, 15, "ReduceMean", reduce},
    {"ReduceMin", 1, 15, "ReduceMin", reduce},
    {"ReduceProd", 1, 15, "ReduceProd", reduce},
    {"ReduceSum", 1, 15, "ReduceSum", reduce},
    {"SoftMax", 1, 15, "Softmax", softmax},
    {"Softmax", 1, 15, "Softmax", softmax},
};

} // namespace

extern constinit const std::span<const Rule> rules_reduce = table;

} // namespace infer::ir
