// SPDX-License-Identifier: LGPL-2.1-or-later
// A border of zeros before a convolution becomes the convolution's own padding.
#include "inference/passes/rewrite.h"

namespace infer {
namespace {

// Non-negative pads of the spatial dimensions, begins then ends; nothing if other dimensions grow.
std::optional<std::vector<int64_t>> spatial_pads(const Graph& graph, const Node& pad) {
    const Tensor* t = constant_of(graph, pad.inputs[1]);
    const size_t rank = graph.value(pad.inputs[0]).shape.size();
    const bool zeros = input(pad, 2) == none || is_scalar(graph, pad.inputs[2], 0);
    if (!t || t->type() != ElementType::I64 || size_t(count(t->shape())) != 2 * rank || rank < 3 ||
        !zeros || input(pad, 3) != none || pad.attr("mode", "constant") != "constant")
        return {};
    std::vector<int64_t> spatial;
    const auto pads = t->span<int64_t>();
    for (size_t k = 0; k < pads.size(); k++)
        if (pads[k] < 0 || (k % rank < 2 && pads[k] != 0))
            return {};
        else if (k % rank >= 2)
            spatial.push_back(pads[k]);
    return spatial;
}

bool fold(Graph& graph, const Uses& uses, size_t n) {
    Node& conv = graph.nodes[n];
    const Node* pad =
        conv.op == "Conv" && !conv.has("auto_pad") ? uses.made_by(graph, conv.inputs[0]) : nullptr;
    const auto more = pad && pad->op == "Pad" ? spatial_pads(graph, *pad) : std::nullopt;
    if (!more)
        return false;
    auto pads = conv.attr("pads", std::vector<int64_t>(more->size(), 0));
    if (pads.size() != more->size())
        return false;
    for (size_t k = 0; k < pads.size(); k++)
        pads[k] += (*more)[k];
    conv.attrs["pads"] = pads;
    conv.inputs[0] = pad->inputs[0];
    return true;
}

void run(Graph& graph) { rewrite_each(graph, fold); }

} // namespace

extern const PassDef pass_fold_pad;
const PassDef pass_fold_pad = {"fold_pad", run};

} // namespace infer
