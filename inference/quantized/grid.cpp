// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/quantized/steps.h"

#include <algorithm>
#include <cmath>

namespace infer::quantized {
namespace {

constexpr float near_integer = 0.02f; // of a step

// The step of which all weights of a channel are multiples, none above `most`; 0 if there is none.
float step_of(std::span<const float> w) {
    float largest = 0;
    bool negative = false;
    for (const float v : w)
        if (std::abs(v) > largest)
            largest = std::abs(v), negative = v < 0;
    if (largest == 0 || !std::isfinite(largest))
        return largest == 0 ? 1.0f : 0.0f;
    for (int steps = negative ? 128 : 127; steps > 0; steps--) {
        const float step = largest / float(steps), inverse = float(steps) / largest;
        const bool fits = std::all_of(w.begin(), w.end(), [&](float v) {
            const float at = v * inverse;
            return std::abs(at - std::nearbyint(at)) <= near_integer && at < 127.5f;
        });
        if (fits)
            return step;
    }
    return 0;
}

} // namespace

std::optional<ByteWeights> on_grid(const Tensor& weights) {
    const auto values = weights.span<float>();
    const auto channels = size_t(weights.shape()[0]),
               each = channels ? values.size() / channels : 0;
    ByteWeights out{Tensor(ElementType::I8, weights.shape()), {}};
    for (size_t m = 0; m < channels; m++) {
        const auto w = values.subspan(m * each, each);
        const float step = step_of(w);
        if (step <= 0 || !std::isnormal(step) || !std::isfinite(1 / step))
            return {};
        out.scale.push_back(step);
        for (size_t k = 0; k < each; k++)
            out.bytes.span<int8_t>()[m * each + k] = int8_t(std::nearbyint(w[k] / step));
    }
    return out;
}

std::optional<Grid> grid_of(const Graph& graph, const Node* node) {
    if (!node || node->op != "DequantizeLinear" || node->attr("block_size", int64_t{0}) != 0)
        return {};
    const Value& q = graph.value(node->inputs[0]);
    const Tensor* scale = f32_of(graph, node->inputs[1]);
    if (!is_byte(q.type) || q.constant || !scale ||
        (count(scale->shape()) != 1 && node->attr("axis", int64_t{1}) != 1))
        return {};
    Grid grid{q.type, {scale->span<float>().begin(), scale->span<float>().end()}, 0};
    if (!std::all_of(grid.scale.begin(), grid.scale.end(),
                     [](float s) { return std::isnormal(s) && s > 0; }))
        return {};
    if (input(*node, 2) == none)
        return grid;
    const Tensor* zero = constant_of(graph, node->inputs[2]);
    if (!zero)
        return {};
    const auto at = [&](size_t k) {
        return q.type == ElementType::U8 ? int(zero->span<uint8_t>()[k])
                                         : int(zero->span<int8_t>()[k]);
    };
    grid.zero = at(0);
    for (size_t k = 1; k < size_t(count(zero->shape())); k++)
        if (at(k) != grid.zero)
            return {};
    return grid;
}

std::optional<Grid> grid_of(const Graph& graph, const Uses& uses, ValueId v) {
    return grid_of(graph, uses.made_by(graph, v));
}

std::optional<Rounding> rounding_of(const Graph& graph, const Node* node) {
    const Tensor* scale = node && node->op == "ToBytes" ? f32_of(graph, node->inputs[1]) : nullptr;
    const Tensor* shift = scale ? f32_of(graph, node->inputs[2]) : nullptr;
    if (!shift)
        return {};
    const auto a = scale->span<float>(), b = shift->span<float>();
    return Rounding{graph.value(node->outputs[0]).type, {a.begin(), a.end()}, {b.begin(), b.end()}};
}

Rounding rounding_to(const Grid& grid) {
    Rounding rounding{grid.type, {}, {float(grid.zero)}};
    for (const float s : grid.scale)
        rounding.scale.push_back(1 / s);
    return rounding;
}

bool rounds_to(const Rounding& rounding, const Grid& grid) {
    const Rounding wanted = rounding_to(grid);
    const size_t channels = std::max(rounding.channels(), wanted.channels());
    if (rounding.type != grid.type || (rounding.channels() > 1 && wanted.channels() > 1 &&
                                       rounding.channels() != wanted.channels()))
        return false;
    for (size_t c = 0; c < channels; c++)
        if (std::abs(rounding.scale_of(c) - wanted.scale_of(c)) > 1e-6f * wanted.scale_of(c) ||
            std::abs(rounding.shift_of(c) - wanted.shift_of(c)) > 1e-4f)
            return false;
    return true;
}

ValueId new_value(Graph& graph, ValueId like, ElementType type) {
    return graph.add_value(
        {.name = graph.value(like).name + "/" + std::to_string(graph.values.size()),
         .type = type,
         .shape = graph.value(like).shape});
}

Node to_bytes(Graph& graph, const std::string& name, ValueId x, const Rounding& rounding,
              ValueId out) {
    graph.value(out).type = rounding.type;
    const ValueId scale = add_floats(graph, name, rounding.scale),
                  shift = add_floats(graph, name, rounding.shift);
    return {.op = "ToBytes",
            .name = name,
            .attrs = {{"to", std::string(name_of(rounding.type))}},
            .inputs = {x, scale, shift},
            .outputs = {out}};
}

Node from_bytes(Graph& graph, const std::string& name, ValueId q, const Grid& grid, ValueId out) {
    const Shape shape = grid.is_single() ? Shape{} : Shape{int64_t(grid.scale.size())};
    Tensor zero(grid.type, shape);
    if (grid.type == ElementType::U8)
        std::ranges::fill(zero.span<uint8_t>(), uint8_t(grid.zero));
    else
        std::ranges::fill(zero.span<int8_t>(), int8_t(grid.zero));
    const ValueId scale =
        add_constant(graph, name, make_tensor<float>(ElementType::F32, shape, grid.scale));
    const ValueId zeros = add_constant(graph, name, zero);
    graph.value(out).type = ElementType::F32;
    return {.op = "DequantizeLinear",
            .name = name,
            .attrs = {{"axis", int64_t{1}}},
            .inputs = {q, scale, zeros},
            .outputs = {out}};
}

std::optional<std::vector<float>> by_channel(const Graph& graph, ValueId v, const Shape& shape) {
    const Tensor* t = f32_of(graph, v);
    if (!t || t->shape().size() > shape.size())
        return {};
    for (size_t k = 0; k < t->shape().size(); k++) {
        const size_t d = shape.size() - t->shape().size() + k;
        if (t->shape()[k] != 1 && (d != 1 || t->shape()[k] != shape[1]))
            return {};
    }
    return std::vector<float>(t->span<float>().begin(), t->span<float>().end());
}

bool only_moves(const Node& node) {
    constexpr std::string_view ops[] = {
        "Reshape",        "Flatten",  "Squeeze", "Unsqueeze",    "Transpose",
        "Slice",          "Identity", "Concat",  "DepthToSpace", "SpaceToDepth",
        "ChannelShuffle", "MaxPool",  "Split"};
    const bool nearest =
        node.op == "Resize" && node.attr("mode", "nearest") == std::string("nearest");
    return nearest || (std::find(std::begin(ops), std::end(ops), node.op) != std::end(ops) &&
                       (node.op != "MaxPool" || node.outputs.size() == 1));
}

size_t data_inputs(const Node& node) { return node.op == "Concat" ? node.inputs.size() : 1; }

void repeat(Graph& graph, bool (*step)(Graph&, const Uses&, size_t)) {
    Uses uses(graph);
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t n = 0; n < graph.nodes.size(); n++)
            if (!graph.nodes[n].op.empty() && step(graph, uses, n)) {
                uses = Uses(graph);
                changed = true;
            }
    }
    remove_unused(graph);
}

void sweep(Graph& graph, bool (*step)(Graph&, const Uses&, size_t)) {
    const Uses uses(graph);
    for (size_t n = 0; n < graph.nodes.size(); n++)
        if (!graph.nodes[n].op.empty())
            step(graph, uses, n);
    remove_unused(graph);
}

} // namespace infer::quantized
