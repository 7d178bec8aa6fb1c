// SPDX-License-Identifier: LGPL-2.1-or-later
// Poolings. Meanings: OpenVINO's operation sets, "Pooling".
#include "inference/formats/ir_rules.h"

#include <algorithm>

namespace infer::ir {
namespace {

std::map<std::string, Attr> window(Call& call) {
    std::map<std::string, Attr> attrs = {{"kernel_shape", call.ints("kernel")}};
    for (const char* key : {"strides", "dilations"})
        if (call.has(key))
            attrs[key] = call.ints(key);
    const std::string pad = call.text("auto_pad", "explicit");
    if (pad == "same_upper" || pad == "same_lower")
        attrs["auto_pad"] = std::string(pad == "same_upper" ? "SAME_UPPER" : "SAME_LOWER");
    else if (pad == "explicit" && call.has("pads_begin")) {
        std::vector<int64_t> pads = call.ints("pads_begin"), end = call.ints("pads_end");
        pads.insert(pads.end(), end.begin(), end.end());
        attrs["pads"] = pads;
    } else if (pad != "explicit" && pad != "valid")
        call.invalid("auto_pad is '" + pad +
                     "'; known are explicit, valid, same_upper, same_lower");
    const std::string rounding = call.text("rounding_type", "floor");
    if (rounding != "floor" && rounding != "ceil" && rounding != "ceil_torch")
        call.invalid("rounding_type is '" + rounding + "'; known are floor, ceil, ceil_torch");
    attrs["ceil_mode"] = int64_t(rounding != "floor");
    return attrs;
}

void average(Call& call) {
    call.expect(1, 1);
    auto attrs = window(call);
    attrs["count_include_pad"] = int64_t(!call.flag("exclude-pad", false));
    call.emit("AveragePool", {call.in(0)}, attrs);
}

// The second output, positions of the maxima, counts from `axis` on: ONNX from the first.
void maximum(Call& call) {
    call.expect(1, 1);
    const auto attrs = window(call);
    if (call.out(1) == none)
        return call.emit("MaxPool", {call.in(0)}, attrs);
    if (call.integer("axis", 0) != 0)
        call.unsupported("positions of maxima are read and axis is not 0");
    if (call.text("index_element_type", "i64") != "i64")
        call.unsupported("positions of maxima are read and are not i64");
    call.emit("MaxPool", {call.in(0)}, attrs);
}

// [bins, size]: each bin the mean of the elements from floor(k * size / bins) up to
// ceil((k + 1) * size / bins).
ValueId means(Call& call, int64_t bins, int64_t size, bool transposed) {
    Tensor t(ElementType::F32, transposed ? Shape{size, bins} : Shape{bins, size});
    for (int64_t k = 0; k < bins; k++) {
        const int64_t from = k * size / bins, to = ((k + 1) * size + bins - 1) / bins;
        for (int64_t i = from; i < to; i++)
            t.span<float>()[size_t(transposed ? i * bins + k : k * size + i)] =
                1 / float(to - from);
    }
    return call.add(std::move(t));
}

// An image to a size: all of it, windows of equal size, or sums with weights of rows and columns.
void adaptive_average(Call& call) {
    call.expect(2, 2);
    const ValueId x = call.in(0);
    const auto bins = call.constant_ints(1, "output shape");
    const Shape in = call.shape(x);
    if (in.size() != 4 || bins.size() != 2 || bins[0] < 1 || bins[1] < 1)
        return call.unsupported("brings " + to_string(in) + " to " + to_string(bins) +
                                "; only images can be run");
    if (bins[0] == 1 && bins[1] == 1)
        return call.emit("GlobalAveragePool", {x});
    constexpr int64_t most = 4096; // of either, so that the weights stay small
    if (in[2] < 1 || in[3] < 1 || std::max({in[2], in[3], bins[0], bins[1]}) > most)
        return call.unsupported("its image has no known size, or more than 4096 rows or columns");
    if (in[2] % bins[0] == 0 && in[3] % bins[1] == 0) {
        const std::vector<int64_t> window = {in[2] / bins[0], in[3] / bins[1]};
        return call.emit("AveragePool", {x}, {{"kernel_shape", window}, {"strides", window}});
    }
    const ValueId columns =
        call.node("MatMul", {x, means(call, bins[1], in[3], true)}, {}, ElementType::F32, 4);
    call.emit("MatMul", {means(call, bins[0], in[2], false), columns});
}

constexpr Rule table[] = {
    {"AdaptiveAvgPool", 8, 15, "GlobalAveragePool, AveragePool, MatMul", adaptive_average},
    {"AvgPool", 1, 15, "AveragePool", average},
    {"MaxPool", 1, 15, "MaxPool", maximum},
};

} // namespace

extern constinit const std::span<const Rule> rules_pool = table;

} // namespace infer::ir
