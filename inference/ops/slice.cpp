// SPDX-License-Identifier: LGPL-2.1-or-later
// Slice: a regular part of a tensor, like Python's x[start:end:step] by axis.
//
//   in   x       any type
//        starts  i64 [n]; negative counts from the back
//        ends    i64 [n]; past the end means to the end
//        axes    i64 [n], optional: default 0..n-1
//        steps   i64 [n], optional: default 1; negative walks backwards
//   out  y       type of x
//
// ONNX Slice-13. Bounds must be constants.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

struct Range {
    int64_t start = 0, size = 0, step = 1;
};

// ONNX Slice-13, how bounds are clamped.
Range range_of(int64_t start, int64_t end, int64_t step, int64_t size) {
    start += start < 0 ? size : 0;
    end += end < 0 ? size : 0;
    if (step > 0) {
        start = std::clamp<int64_t>(start, 0, size);
        end = std::clamp<int64_t>(end, 0, size);
        return {start, std::max<int64_t>((end - start + step - 1) / step, 0), step};
    }
    start = std::clamp<int64_t>(start, 0, std::max<int64_t>(size - 1, 0));
    end = std::clamp<int64_t>(end, -1, size - 1);
    return {start, size ? std::max<int64_t>((start - end - step - 1) / -step, 0) : 0, step};
}

std::optional<std::vector<Range>> ranges_of(const Shape& shape, const std::vector<int64_t>& starts,
                                            const std::vector<int64_t>& ends,
                                            std::vector<int64_t> axes, std::vector<int64_t> steps) {
    if (axes.empty())
        for (size_t k = 0; k < starts.size(); k++)
            axes.push_back(int64_t(k));
    if (steps.empty())
        steps.assign(starts.size(), 1);
    if (starts.size() != ends.size() || axes.size() != starts.size() ||
        steps.size() != starts.size())
        return {};
    std::vector<Range> ranges;
    for (int64_t d : shape)
        ranges.push_back({0, d, 1});
    for (size_t k = 0; k < starts.size(); k++) {
        const auto axis = axis_of(axes[k], shape.size());
        if (!axis || steps[k] == 0)
            return {};
        ranges[*axis] = range_of(starts[k], ends[k], steps[k], shape[*axis]);
    }
    return ranges;
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 3, 5); !ok.ok())
        return ok.error();
    std::vector<int64_t> bounds[4];
    for (size_t k = 1; k < in.size(); k++) {
        const auto values = in[k].present ? ints_of(in[k]) : std::vector<int64_t>();
        if (!values)
            return unsupported(node, "its bounds are not constant; only shapes that do not depend "
                                     "on the data can be run");
        bounds[k - 1] = *values;
    }
    const auto ranges = ranges_of(in[0].shape, bounds[0], bounds[1], bounds[2], bounds[3]);
    if (!ranges)
        return invalid(node, "its bounds do not fit its input " + to_string(in[0].shape));
    Shape shape;
    for (const Range& r : *ranges)
        shape.push_back(r.size);
    return one(in[0].type, shape);
}

std::vector<int64_t> bounds_of(Views in, size_t k) {
    std::vector<int64_t> values;
    if (given(in, k))
        visit(in[k].type, [&]<typename T>(std::type_identity<T>) {
            for (T v : in[k].span<T>())
                values.push_back(std::clamp<int64_t>(int64_t(v), -max_dim, max_dim));
        });
    return values;
}

void run(const Node&, Views in, Views out) {
    const auto ranges = *ranges_of(in[0].shape, bounds_of(in, 1), bounds_of(in, 2),
                                   bounds_of(in, 3), bounds_of(in, 4));
    const std::vector<int64_t> from = strides_of(in[0].shape);
    std::vector<int64_t> strides[] = {{}, strides_of(out[0].shape)};
    int64_t origin = 0;
    for (size_t d = 0; d < ranges.size(); d++) {
        origin += ranges[d].start * from[d];
        strides[0].push_back(ranges[d].step * from[d]);
    }
    const int64_t step = ranges.empty() ? 0 : strides[0].back();
    visit_size(in[0].type, [&]<typename T>(std::type_identity<T>) {
        const T* x = in[0].span<T>().data() + origin;
        T* y = out[0].span<T>().data();
        for_each_row(out[0].shape, strides, [&](const int64_t* at, int64_t length) {
            for (int64_t i = 0; i < length; i++)
                y[at[1] + i] = x[at[0] + i * step];
        });
    });
}

constexpr OpDef table[] = {{"Slice", infer, run}};

} // namespace

extern constinit const OpList ops_slice = table;

} // namespace infer
