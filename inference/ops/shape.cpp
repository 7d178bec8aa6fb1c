// SPDX-License-Identifier: LGPL-2.1-or-later
// Shape and Size: what is known of a tensor without looking into it.
//
//   in   x           any type
//   out  y           Shape: i64 [end - start], Size: i64 scalar
//   attr start, end  Shape: part of the dimensions, negative counts from the back
//
// ONNX Shape-15, Size-13.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

int64_t bound(int64_t at, int64_t rank) {
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
}

FactsResult infer_shape(const Node& node, Facts in) {
    if (in.size() != 1 || !in[0].present)
        return invalid(node, "takes 1 input");
    const int64_t rank = int64_t(in[0].shape.size());
    const int64_t start = bound(node.attr("start", int64_t{0}), rank);
    const int64_t end = bound(node.attr("end", rank), rank);
    return one(ElementType::I64, {std::max<int64_t>(end - start, 0)});
}

void run_shape(const Node& node, Views in, Views out) {
    const int64_t start = bound(node.attr("start", int64_t{0}), int64_t(in[0].shape.size()));
    const auto y = out[0].span<int64_t>();
    for (size_t k = 0; k < y.size(); k++)
        y[k] = in[0].shape[size_t(start) + k];
}

FactsResult infer_size(const Node& node, Facts in) {
    if (in.size() != 1 || !in[0].present)
        return invalid(node, "takes 1 input");
    return one(ElementType::I64, {});
}

void run_size(const Node&, Views in, Views out) { out[0].span<int64_t>()[0] = count(in[0].shape); }

constexpr OpDef table[] = {{"Shape", infer_shape, run_shape}, {"Size", infer_size, run_size}};

} // namespace

extern constinit const OpList ops_shape = table;

} // namespace infer
