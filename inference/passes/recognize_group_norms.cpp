// SPDX-License-Identifier: LGPL-2.1-or-later
// Reshape to groups [N, G, ...], InstanceNormalization, Reshape back: how exporters write a
// GroupNormalization (recognize_norms then finds its scale and bias behind it).
#include "inference/passes/rewrite.h"

namespace infer {
namespace {

// One number a group as one a channel.
Tensor by_channel(const Tensor& by_group, int64_t channels) {
    Tensor out(ElementType::F32, {channels});
    const int64_t each = channels / by_group.shape()[0];
    for (int64_t c = 0; c < channels; c++)
        out.span<float>()[size_t(c)] = by_group.span<float>()[size_t(c / each)];
    return out;
}

bool recognize(Graph& graph, const Uses& uses, size_t n) {
    const Node& back = graph.nodes[n];
    const auto is_reshape = [](const Node* node) { return node && node->op == "Reshape"; };
    const Node* norm = is_reshape(&back)
                           ? uses.private_maker(graph, back.inputs[0], "InstanceNormalization")
                           : nullptr;
    const Node* split = norm ? uses.made_by(graph, norm->inputs[0]) : nullptr;
    const Tensor* scale = norm ? f32_of(graph, norm->inputs[1]) : nullptr;
    const Tensor* bias = norm ? f32_of(graph, norm->inputs[2]) : nullptr;
    if (!is_reshape(split) || !scale || !bias)
        return false;
    const Shape x = graph.value(split->inputs[0]).shape,
                grouped = graph.value(norm->inputs[0]).shape;
    if (x.size() < 3 || x != graph.value(back.outputs[0]).shape || grouped[0] != x[0] ||
        grouped[1] < 1 || x[1] % grouped[1] != 0)
        return false;
    Node made{.op = "GroupNormalization",
              .name = norm->name,
              .attrs = {{"epsilon", norm->attr("epsilon", 1e-5f)}, {"num_groups", grouped[1]}},
              .inputs = {split->inputs[0]},
              .outputs = back.outputs};
    for (const Tensor& t : {by_channel(*scale, x[1]), by_channel(*bias, x[1])})
        made.inputs.push_back(add_constant(graph, made.name, t));
    graph.nodes[n] = std::move(made);
    return true;
}

void run(Graph& graph) { rewrite_each(graph, recognize); }

} // namespace

extern const PassDef pass_recognize_group_norms;
const PassDef pass_recognize_group_norms = {"recognize_group_norms", run, false};

} // namespace infer
