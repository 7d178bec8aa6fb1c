// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/gpu/kernels.h"
#include "devices/gpu/operator.h"
#include "inference/ops/kernel.h"

namespace infer::gpu {
namespace {

bool write(Writer& writer) {
    const bool is_log = writer.node.op == "LogSoftmax";
    if ((!is_log && writer.node.op != "Softmax") || !writer.is_float() ||
        writer.in[0].shape.empty())
        return false;
    const Shape& x = writer.in[0].shape;
    const auto axis = int64_t(*axis_of(writer.node.attr("axis", int64_t(-1)), x.size()));
    const int64_t outer = count({x.begin(), x.begin() + axis}),
                  inner = count({x.begin() + axis + 1, x.end()});
    writer.launch({.name = "softmax", .source = kernel_source("softmax")}, {outer * inner, 1, 1},
                  {writer.in[0], writer.out[0], int64_t(is_log), outer, x[size_t(axis)], inner},
                  writer.out[0]);
    return true;
}

} // namespace

extern const OperatorDef gpu_operator_softmax;
const OperatorDef gpu_operator_softmax = {.name = "softmax", .write = write};

} // namespace infer::gpu
