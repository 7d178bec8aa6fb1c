// SPDX-License-Identifier: LGPL-2.1-or-later
// Concat joins tensors along an axis; Split cuts one into parts.
//
//   Concat  in   x...   one type, shapes equal but for the axis
//           out  y      their sum along the axis
//   Split   in   x      any type
//                split  i64 [parts], optional: sizes along the axis, default equal parts
//           out  y...   the parts; with num_outputs the last may be smaller
//   attr axis           counted from the front or back; Concat: must be there; Split: default 0
//
// ONNX Concat-13, Split-18.
#include "inference/ops/kernel.h"

#include <cstring>

namespace infer {
namespace {

FactsResult infer_concat(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, std::max<size_t>(in.size(), 1), SIZE_MAX); !ok.ok())
        return ok.error();
    if (!node.has("axis"))
        return invalid(node, "has no attribute axis");
    const auto axis = axis_of(node.attr("axis", int64_t{0}), in[0].shape.size());
    if (!axis)
        return invalid(node, "axis is outside the dimensions of " + to_string(in[0].shape));
    Shape shape = in[0].shape;
    shape[*axis] = 0;
    for (const ValueFacts& x : in) {
        Shape rest = x.shape, first = in[0].shape;
        if (rest.size() == first.size()) {
            shape[*axis] += rest[*axis];
            rest[*axis] = first[*axis];
        }
        if (rest != first || x.type != in[0].type)
            return invalid(node, "cannot join " + to_string(x.shape) + " to " + to_string(first) +
                                     " along dimension " + std::to_string(*axis));
    }
    return one(in[0].type, shape);
}

// Bytes of all dimensions from `axis` on, and how many times they come.
struct Block {
    size_t bytes, times;
};

Block block_of(const TensorView& t, size_t axis) {
    const int64_t times = count({t.shape.begin(), t.shape.begin() + int64_t(axis)});
    return {times ? t.size_bytes() / size_t(times) : 0, size_t(times)};
}

void run_concat(const Node& node, Views in, Views out) {
    const size_t axis = *axis_of(node.attr("axis", int64_t{0}), out[0].shape.size());
    const Block whole = block_of(out[0], axis);
    size_t offset = 0;
    for (const TensorView& x : in) {
        const Block part = block_of(x, axis);
        for (size_t k = 0; k < part.times && part.bytes; k++)
            std::memcpy(static_cast<char*>(out[0].data) + k * whole.bytes + offset,
                        static_cast<const char*>(x.data) + k * part.bytes, part.bytes);
        offset += part.bytes;
    }
}

Result<std::vector<int64_t>> parts_of(const Node& node, Facts in, int64_t size) {
    const int64_t parts = int64_t(node.outputs.size());
    if (given(in, 1)) {
        if (auto sizes = ints_of(in[1]))
            return *sizes;
        return unsupported(node, "the sizes of its parts are not constant");
    }
    if (parts == 0 || (size % parts != 0 && !node.has("num_outputs")))
        return invalid(node, "cannot cut " + std::to_string(size) + " into " +
                                 std::to_string(parts) + " equal parts");
    const int64_t each = (size + parts - 1) / parts;
    std::vector<int64_t> sizes(size_t(parts), each);
    sizes.back() = size - each * (parts - 1);
    return sizes;
}

FactsResult infer_split(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 2); !ok.ok())
        return ok.error();
    const auto axis = axis_of(node.attr("axis", int64_t{0}), in[0].shape.size());
    if (!axis)
        return invalid(node, "axis is outside the dimensions of " + to_string(in[0].shape));
    auto sizes = parts_of(node, in, in[0].shape[*axis]);
    if (!sizes.ok())
        return sizes.error();
    std::vector<ValueFacts> parts;
    int64_t sum = 0;
    for (int64_t size : sizes.value()) {
        Shape shape = in[0].shape;
        sum += shape[*axis] = size;
        if (size < 0)
            return invalid(node, "a part has negative size " + std::to_string(size));
        parts.push_back(fact(in[0].type, shape));
    }
    if (sum != in[0].shape[*axis] || parts.size() != node.outputs.size())
        return invalid(node, std::to_string(parts.size()) + " parts of " + std::to_string(sum) +
                                 " in all do not make the " + std::to_string(node.outputs.size()) +
                                 " outputs of dimension " + std::to_string(in[0].shape[*axis]));
    return parts;
}

void run_split(const Node& node, Views in, Views out) {
    const size_t axis = *axis_of(node.attr("axis", int64_t{0}), in[0].shape.size());
    const Block whole = block_of(in[0], axis);
    size_t offset = 0;
    for (const TensorView& y : out) {
        const Block part = block_of(y, axis);
        for (size_t k = 0; y.data && k < part.times && part.bytes; k++)
            std::memcpy(static_cast<char*>(y.data) + k * part.bytes,
                        static_cast<const char*>(in[0].data) + k * whole.bytes + offset,
                        part.bytes);
        offset += part.bytes;
    }
}

constexpr OpDef table[] = {{"Concat", infer_concat, run_concat}, {"Split", infer_split, run_split}};

} // namespace

extern constinit const OpList ops_concat = table;

} // namespace infer
