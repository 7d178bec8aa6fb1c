// SPDX-License-Identifier: LGPL-2.1-or-later
// FakeQuantize and QuantizeLinear become ToBytes; what follows reads its bytes through
// DequantizeLinear.
#include "inference/quantized/steps.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace infer::quantized {
namespace {

// Lower and upper end of a range, of one channel.
struct Range {
    float low = 0, high = 0;
    float step() const { return (high - low) / 255; }
};

// The finest step at which 255 steps with 0 at number `zero` hold all of the range.
float step_with(const Range& r, int zero) {
    const float below = zero > 0    ? -r.low / float(zero)
                        : r.low < 0 ? std::numeric_limits<float>::infinity()
                                    : 0.0f;
    const float above = zero < 255   ? r.high / float(255 - zero)
                        : r.high > 0 ? std::numeric_limits<float>::infinity()
                                     : 0.0f;
    return std::max(below, above);
}

// Which number of the 256 stands for 0: that of all ranges, or the one that makes their steps the
// least coarser.
std::optional<int> zero_of(const std::vector<Range>& ranges) {
    constexpr float near_step = 0.1f; // files round their ranges
    constexpr float most_coarser = 2; // a bit
    const float at = -ranges[0].low / ranges[0].step();
    if (std::ranges::all_of(ranges, [&](const Range& r) {
            return std::abs(-r.low / r.step() - std::nearbyint(at)) <= near_step;
        }))
        return int(std::nearbyint(at));
    int best = 0;
    float least = std::numeric_limits<float>::infinity();
    for (int zero = 0; zero < 256; zero++) {
        float coarser = 0;
        for (const Range& r : ranges)
            coarser = std::max(coarser, step_with(r, zero) / r.step());
        if (coarser < least)
            best = zero, least = coarser;
    }
    return least <= most_coarser ? std::optional(best) : std::nullopt;
}

// The grid between `low` and `high`, with 0 on it.
std::optional<Grid> grid_between(const std::vector<float>& low, const std::vector<float>& high) {
    std::vector<Range> ranges;
    for (size_t c = 0; c < std::max(low.size(), high.size()); c++) {
        const Range r{low[low.size() == 1 ? 0 : c], high[high.size() == 1 ? 0 : c]};
        if (!(r.low <= 0 && r.high >= 0) || !std::isnormal(r.step()))
            return {};
        ranges.push_back(r);
    }
    const auto zero = zero_of(ranges);
    if (!zero)
        return {};
    Grid grid{ElementType::U8, {}, *zero};
    for (const Range& r : ranges) {
        const bool exact = std::abs(-r.low / r.step() - float(*zero)) <= 0.1f;
        grid.scale.push_back(exact ? r.step() : step_with(r, *zero));
    }
    return grid;
}

// Bytes that stand for numbers around 0 are signed: kernels need no zero point then.
Grid centred(Grid grid) {
    if (grid.type == ElementType::U8 && grid.zero == 128)
        grid.type = ElementType::I8, grid.zero = 0;
    return grid;
}

// The two nodes that a FakeQuantize becomes; none: it stays.
std::vector<Node> split_fake(Graph& graph, const Node& node) {
    if (node.op != "FakeQuantize" || node.attr("levels", int64_t{0}) != 256 ||
        constant_of(graph, node.inputs[0]))
        return {};
    const Shape& shape = graph.value(node.inputs[0]).shape;
    std::vector<float> range[4];
    for (size_t k = 0; k < 4; k++) {
        const auto r = by_channel(graph, node.inputs[k + 1], shape);
        if (!r)
            return {};
        range[k] = *r;
    }
    const auto from = grid_between(range[0], range[1]), to = grid_between(range[2], range[3]);
    if (!from || !to || from->zero != to->zero)
        return {};
    const Grid in = centred(*from), out = centred(*to);
    const ValueId q = new_value(graph, node.inputs[0], in.type);
    return {to_bytes(graph, node.name, node.inputs[0], rounding_to(in), q),
            from_bytes(graph, node.name, q, out, node.outputs[0])};
}

void split_fakes(Graph& graph) {
    std::vector<Node> nodes;
    for (const Node& node : graph.nodes) {
        auto parts = split_fake(graph, node);
        if (parts.empty())
            nodes.push_back(node);
        else
            std::ranges::move(parts, std::back_inserter(nodes));
    }
    graph.nodes = std::move(nodes);
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
    split_fakes(graph);
    sweep(graph, split_linear);
}

void restore_quantizers(Graph& graph) { sweep(graph, restore); }

} // namespace infer::quantized
