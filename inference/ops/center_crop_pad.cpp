// SPDX-License-Identifier: LGPL-2.1-or-later
// CenterCropPad: cuts from, or adds zeros to, both ends of dimensions.
//
//   in   x      any type
//        shape  i64 or i32 [n], constant: sizes wanted
//   out  y      type of x
//   attr axes   [n]: the dimensions of these sizes, default all
//
// ONNX CenterCropPad-18: an odd rest is cut and added at the end.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const auto sizes = ints_of(in[1]);
    if (!sizes)
        return unsupported(node, "its shape is not a constant list");
    Shape y = in[0].shape;
    const auto axes = node.attr("axes", std::vector<int64_t>());
    if (sizes->size() != (node.has("axes") ? axes.size() : y.size()))
        return invalid(node, "has " + std::to_string(sizes->size()) + " sizes for " + to_string(y));
    for (size_t k = 0; k < sizes->size(); k++) {
        const auto axis = axis_of(node.has("axes") ? axes[k] : int64_t(k), y.size());
        if (!axis || (*sizes)[k] < 0)
            return invalid(node, "an axis or a size is out of range");
        y[*axis] = (*sizes)[k];
    }
    return one(in[0].type, y);
}

void run(const Node&, Views in, Views out) {
    const Shape &x = in[0].shape, &y = out[0].shape;
    std::vector<int64_t> strides[] = {strides_of(x), strides_of(y)};
    Shape common = x;
    int64_t first[2] = {};
    for (size_t d = 0; d < x.size(); d++) {
        common[d] = std::min(x[d], y[d]);
        first[0] += (x[d] - common[d]) / 2 * strides[0][d];
        first[1] += (y[d] - common[d]) / 2 * strides[1][d];
    }
    visit_size(in[0].type, [&]<typename T>(std::type_identity<T>) {
        std::fill(out[0].span<T>().begin(), out[0].span<T>().end(), T(0));
        for_each_row(common, strides, [&](const int64_t* at, int64_t length) {
            std::copy_n(in[0].span<T>().data() + first[0] + at[0], length,
                        out[0].span<T>().data() + first[1] + at[1]);
        });
    });
}

constexpr OpDef table[] = {{"CenterCropPad", infer, run}};

} // namespace

extern constinit const OpList ops_center_crop_pad = table;

} // namespace infer
