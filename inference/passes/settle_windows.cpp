// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes out what convolutions and poolings leave to defaults, so that devices need to know only
// explicit kernel_shape, strides, dilations and pads; poolings over all of the image become global.
#include "inference/ops/window.h"
#include "inference/passes/rewrite.h"

namespace infer {
namespace {

bool covers_all(const Node& node, const Window& w, const Shape& x) {
    const std::vector<int64_t> nothing(w.kernel.size(), 0), ones(w.kernel.size(), 1);
    return std::equal(w.kernel.begin(), w.kernel.end(), x.begin() + 2, x.end()) &&
           w.begin == nothing && w.end == nothing && w.dilation == ones && node.outputs.size() == 1;
}

// The mean over all spatial dimensions.
bool is_image_mean(const Graph& graph, const Node& node) {
    const Tensor* axes = node.op == "ReduceMean" && node.attr("keepdims", int64_t{1})
                             ? constant_of(graph, input(node, 1))
                             : nullptr;
    const size_t rank = graph.value(node.inputs[0]).shape.size();
    if (!axes || axes->type() != ElementType::I64 || rank < 3 || rank > 5 ||
        size_t(count(axes->shape())) != rank - 2)
        return false;
    std::vector<bool> named(rank, false);
    for (int64_t a : axes->span<int64_t>())
        named[*axis_of(a, rank)] = true;
    return !named[0] && !named[1] &&
           std::count(named.begin(), named.end(), true) == int64_t(rank) - 2 &&
           graph.value(node.outputs[0]).type == ElementType::F32 &&
           count(graph.value(node.inputs[0]).shape) > 0;
}

bool settle(Graph& graph, const Uses&, size_t n) {
    Node& node = graph.nodes[n];
    if (node.op == "ReduceMean" && is_image_mean(graph, node)) {
        node.op = "GlobalAveragePool";
        node.attrs.clear();
        node.inputs.resize(1);
        return true;
    }
    const bool convolves = node.op == "Conv" || node.op == "ConvTranspose";
    const bool pools = node.op == "MaxPool" || node.op == "AveragePool" || node.op == "LpPool";
    if (!convolves && !pools)
        return false;
    const Shape& x = graph.value(node.inputs[0]).shape;
    std::vector<int64_t> kernel = node.attr("kernel_shape", std::vector<int64_t>());
    if (convolves) {
        const Shape& w = graph.value(node.inputs[1]).shape;
        kernel.assign(w.begin() + 2, w.end());
        node.attrs["group"] = node.attr("group", int64_t{1});
    }
    const auto window = node.op == "ConvTranspose" ? transposed_window_of(node, x, kernel)
                                                   : window_of(node, x, kernel);
    if (!window.ok())
        return false;
    const Window& w = window.value();
    node.attrs["kernel_shape"] = w.kernel;
    node.attrs["strides"] = w.stride;
    node.attrs["dilations"] = w.dilation;
    std::vector<int64_t> pads = w.begin;
    pads.insert(pads.end(), w.end.begin(), w.end.end());
    node.attrs["pads"] = pads;
    node.attrs.erase("auto_pad");
    if (node.attrs.erase("output_shape")) // what the pads leave open is added at the end
        for (size_t d = 0; d < w.kernel.size(); d++) {
            auto extra = node.attr("output_padding", std::vector<int64_t>(w.kernel.size(), 0));
            const int64_t span = (w.kernel[d] - 1) * w.dilation[d] + 1;
            extra[d] = graph.value(node.outputs[0]).shape[d + 2] -
                       (w.stride[d] * (x[d + 2] - 1) + span - w.begin[d] - w.end[d]);
            node.attrs["output_padding"] = extra;
        }
    if (pools && covers_all(node, w, x)) {
        node.op = "Global" + node.op;
        for (const char* attr :
             {"kernel_shape", "strides", "dilations", "pads", "ceil_mode", "count_include_pad"})
            node.attrs.erase(attr);
    }
    return false; // makers and users are as they were
}

void run(Graph& graph) { rewrite_each(graph, settle); }

} // namespace

extern const PassDef pass_settle_windows;
const PassDef pass_settle_windows = {"settle_windows", run};

} // namespace infer
