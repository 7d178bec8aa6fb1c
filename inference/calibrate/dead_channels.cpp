// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/calibrate/dead_channels.h"

#include "inference/calibrate/places.h"
#include "inference/passes/rewrite.h"

#include <algorithm>

namespace infer::calibrate {
namespace {

bool is_plain(const Node& node) {
    return node.op == "Conv" && node.attr("group", int64_t{1}) == 1 && !node.has("activation") &&
           input(node, 3) == none;
}

// Whether a number not above 0 leaves the node as 0.
bool cuts_below_zero(const Graph& graph, const Uses& uses, ValueId v) {
    const int user = uses.only_user(v);
    return user >= 0 && graph.nodes[size_t(user)].op == "Relu";
}

std::vector<size_t> dead_channels(const Graph& graph, const Uses& uses, const Node& node) {
    if (node.op != "Conv" || input(node, 3) != none)
        return {};
    const auto w = f32_of(graph, node.inputs[1])->span<float>();
    const auto channels = size_t(graph.value(node.inputs[1]).shape[0]);
    const Tensor* bias = input(node, 2) == none ? nullptr : f32_of(graph, node.inputs[2]);
    const bool cut = cuts_below_zero(graph, uses, node.outputs[0]) ||
                     node.attr("activation", "") == std::string("Relu");
    std::vector<size_t> dead;
    for (size_t m = 0; m < channels; m++) {
        const float b = bias ? bias->span<float>()[m] : 0;
        const auto line = w.subspan(m * (w.size() / channels), w.size() / channels);
        if ((b == 0 || (cut && b < 0)) && std::ranges::all_of(line, [](float v) { return v == 0; }))
            dead.push_back(m);
    }
    return dead;
}

// The tensor without these indices of one of its first two dimensions.
Tensor without(const Tensor& from, size_t axis, const std::vector<size_t>& indices) {
    Shape shape = from.shape();
    const auto size = size_t(shape[axis]);
    shape[axis] -= int64_t(indices.size());
    Tensor to(ElementType::F32, shape);
    size_t inner = 1;
    for (size_t d = axis + 1; d < shape.size(); d++)
        inner *= size_t(shape[d]);
    const auto x = from.span<float>();
    auto y = to.span<float>().begin();
    for (size_t k = 0; k < x.size(); k += inner)
        if (!std::ranges::binary_search(indices, k / inner % size))
            y = std::copy_n(x.begin() + int64_t(k), inner, y);
    return to;
}

// The convolutions that alone read a value, or none if something else does.
std::vector<size_t> readers(const Graph& graph, const Uses& uses, ValueId v) {
    std::vector<size_t> all;
    if (uses.is_output[size_t(v)])
        return {};
    for (const int user : uses.users[size_t(v)]) {
        const Node& node = graph.nodes[size_t(user)];
        const bool passes = node.op == "Relu" || (node.op == "MaxPool" && node.outputs.size() == 1);
        const auto behind =
            passes ? readers(graph, uses, node.outputs[0]) : std::vector<size_t>{size_t(user)};
        const bool reads = is_plain(node) && node.inputs[0] == v && f32_of(graph, node.inputs[1]);
        if (behind.empty() || (!passes && !reads))
            return {};
        all.insert(all.end(), behind.begin(), behind.end());
    }
    return all;
}

void replace_constant(Graph& graph, Node& node, size_t k, size_t axis,
                      const std::vector<size_t>& indices) {
    const Tensor rest = without(*f32_of(graph, node.inputs[k]), axis, indices);
    node.inputs[k] = add_constant(graph, graph.value(node.inputs[k]).name + "/pruned", rest);
}

} // namespace

std::vector<Zeros> zeros_of(const Graph& graph) {
    const Uses uses(graph);
    std::vector<Zeros> all;
    for (const Layer& layer : layers_of(graph)) {
        const Node& node = graph.nodes[layer.node];
        const auto w = f32_of(graph, node.inputs[1])->span<float>();
        all.push_back({node.name, double(std::ranges::count(w, 0.0f)) / double(w.size()),
                       int64_t(dead_channels(graph, uses, node).size()),
                       graph.value(node.inputs[1]).shape[0]});
    }
    return all;
}

int64_t prune_dead_channels(Graph& graph) {
    int64_t pruned = 0;
    for (const Layer& layer : layers_of(graph)) {
        const Uses uses(graph);
        Node& node = graph.nodes[layer.node];
        auto dead = is_plain(node) ? dead_channels(graph, uses, node) : std::vector<size_t>{};
        if (dead.size() == size_t(graph.value(node.inputs[1]).shape[0]))
            dead.pop_back();
        const auto behind = dead.empty() ? dead : readers(graph, uses, node.outputs[0]);
        if (behind.empty())
            continue;
        replace_constant(graph, node, 1, 0, dead);
        if (input(node, 2) != none)
            replace_constant(graph, node, 2, 0, dead);
        for (const size_t n : behind)
            replace_constant(graph, graph.nodes[n], 1, 1, dead);
        pruned += int64_t(dead.size());
    }
    return pruned;
}

} // namespace infer::calibrate
