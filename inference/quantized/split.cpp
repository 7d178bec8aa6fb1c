// SPDX-License-Identifier: LGPL-2.1-or-later
// FakeQuantize and QuantizeLinear become ToBytes; what follows reads its bytes through
// DequantizeLinear.
#include "inference/quantized/steps.h"

#include <algorithm>
#include <cmath>

namespace infer::quantized {
namespace {

// The grid between `low` and `high`; nothing if 0 is not one of its steps.
std::optional<Grid> grid_between(const std::vector<float>& low, const std::vector<float>& high) {
    constexpr float near_step = 0.1f; // files round their ranges
    Grid grid;
    grid.scale.clear();
    std::optional<int> zero;
    const size_t channels = std::max(low.size(), high.size());
    for (size_t c = 0; c < channels; c++) {
        const float l = low[low.size() == 1 ? 0 : c], h = high[high.size() == 1 ? 0 : c];
        const float step = (h - l) / 255, at = -l / step;
        if (!(h > l) || !std::isnormal(step) || !(at > -0.5f && at < 255.5f) ||
            std::abs(at - std::nearbyint(at)) > near_step)
            return {};
        const int z = int(std::nearbyint(at));
        if (zero.value_or(z) != z)
            return {};
        zero = z;
        grid.scale.push_back(step);
    }
    grid.zero = *zero;
    return grid;
}

// Bytes that stand for numbers around 0 are signed: kernels need no zero point then.
Grid centred(Grid grid) {
    if (grid.type == ElementType::U8 && grid.zero == 128)
        grid.type = ElementType::I8, grid.zero = 0;
    return grid;
}

bool split_fake(Graph& graph, const Uses&, size_t n) {
    const Node node = graph.nodes[n];
    if (node.op != "FakeQuantize" || node.attr("levels", int64_t{0}) != 256 ||
        constant_of(graph, node.inputs[0]))
        return false;
    const Shape& shape = graph.value(node.inputs[0]).shape;
    std::vector<float> range[4];
    for (size_t k = 0; k < 4; k++) {
        const auto r = by_channel(graph, node.inputs[k + 1], shape);
        if (!r)
            return false;
        range[k] = *r;
    }
    const auto from = grid_between(range[0], range[1]), to = grid_between(range[2], range[3]);
    if (!from || !to || from->zero != to->zero)
        return false;
    const Grid in = centred(*from), out = centred(*to);
    const ValueId q = new_value(graph, node.inputs[0], in.type);
    Node first = to_bytes(graph, node.name, node.inputs[0], rounding_to(in), q);
    Node second = from_bytes(graph, node.name, q, out, node.outputs[0]);
    graph.nodes[n] = std::move(second);
    graph.nodes.insert(graph.nodes.begin() + int64_t(n), std::move(first));
    return true;
}

// The grid a QuantizeLinear rounds to, as if a DequantizeLinear of the same numbers read it.
std::optional<Grid> grid_of_quantizer(const Graph& graph, const Node& node) {
    Node inverse = node;
    inverse.op = "DequantizeLinear";
    inverse.inputs[0] = node.outputs[0];
    return grid_of(graph, &inverse);
}

bool split_linear(Graph& graph, const Uses& uses, size_t n) {
    const Node node = graph.nodes[n];
    if (node.op != "QuantizeLinear" || graph.value(node.inputs[0]).type != ElementType::F32)
        return false;
    const auto grid = grid_of_quantizer(graph, node);
    const ValueId q = node.outputs[0];
    if (!grid || uses.is_output[size_t(q)])
        return false;
    const Grid signed_grid = centred(*grid);
    bool changes = signed_grid.type != grid->type;
    for (const int user : uses.users[size_t(q)])
        changes = changes && grid_of(graph, &graph.nodes[size_t(user)]).has_value();
    if (changes)
        for (const int user : uses.users[size_t(q)]) {
            Node& reader = graph.nodes[size_t(user)];
            Grid read = *grid_of(graph, &reader);
            read.type = signed_grid.type, read.zero -= 128;
            reader = from_bytes(graph, reader.name, q, read, reader.outputs[0]);
        }
    graph.nodes[n] =
        to_bytes(graph, node.name, node.inputs[0], rounding_to(changes ? signed_grid : *grid), q);
    return true;
}

bool restore(Graph& graph, const Uses& uses, size_t n) {
    const Node node = graph.nodes[n];
    const auto grid = grid_of(graph, &node);
    const Node* first = grid ? uses.private_maker(graph, node.inputs[0], "ToBytes") : nullptr;
    const auto rounding = rounding_of(graph, first);
    const auto channels = int64_t(grid ? grid->scale.size() : 0);
    if (!rounding || !rounds_to(*rounding, *grid))
        return false;
    Shape shape(channels == 1 ? 0 : graph.value(node.outputs[0]).shape.size(), 1);
    if (channels > 1)
        shape[1] = channels;
    Tensor low(ElementType::F32, shape), high(ElementType::F32, shape);
    for (size_t c = 0; c < grid->scale.size(); c++) {
        low.span<float>()[c] = float(grid->lowest() - grid->zero) * grid->scale[c];
        high.span<float>()[c] = float(grid->highest() - grid->zero) * grid->scale[c];
    }
    const ValueId a = add_constant(graph, node.name, low), b = add_constant(graph, node.name, high);
    graph.nodes[n] = {.op = "FakeQuantize",
                      .name = node.name,
                      .attrs = {{"levels", int64_t{256}}},
                      .inputs = {first->inputs[0], a, b, a, b},
                      .outputs = node.outputs};
    return true;
}

} // namespace

void split_quantizers(Graph& graph) {
    repeat(graph, split_fake);
    repeat(graph, split_linear);
}

void restore_quantizers(Graph& graph) { repeat(graph, restore); }

} // namespace infer::quantized
