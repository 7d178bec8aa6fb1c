// SPDX-License-Identifier: LGPL-2.1-or-later
// ToBytes moves up to where numbers are made and DequantizeLinear down to where they are used, so
// that what lies between moves bytes.
#include "inference/quantized/steps.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace infer::quantized {
namespace {

// A node that scales and shifts by constants, as y = x * scale + shift of a channel.
struct Affine {
    ValueId x = none;
    std::vector<float> scale{1}, shift{0};
};

std::optional<Affine> affine_of(const Graph& graph, const Node& node) {
    const bool known = node.op == "Mul" || node.op == "Div" || node.op == "Add" || node.op == "Sub";
    if (!known || node.inputs.size() != 2)
        return {};
    const bool first = constant_of(graph, node.inputs[0]) != nullptr;
    const Shape& shape = graph.value(node.outputs[0]).shape;
    const ValueId x = node.inputs[first ? 1 : 0];
    const auto by = by_channel(graph, node.inputs[first ? 0 : 1], shape);
    if (!by || graph.value(x).shape != shape || (first && (node.op == "Div" || node.op == "Sub")))
        return {};
    Affine a{x, {1}, {0}};
    if (node.op == "Mul" || node.op == "Div") {
        a.scale = *by;
        for (float& s : a.scale)
            s = node.op == "Div" ? 1 / s : s;
    } else {
        a.shift = *by;
        for (float& s : a.shift)
            s = node.op == "Sub" ? -s : s;
    }
    return a;
}

// The rounding after what the node does.
std::optional<Rounding> after(const Affine& a, const Rounding& r) {
    const size_t channels = std::max({a.scale.size(), a.shift.size(), r.channels()});
    Rounding out{r.type, {}, {}};
    for (size_t c = 0; c < channels; c++) {
        out.scale.push_back(r.scale_of(c) * a.scale[a.scale.size() == 1 ? 0 : c]);
        out.shift.push_back(r.shift_of(c) + r.scale_of(c) * a.shift[a.shift.size() == 1 ? 0 : c]);
        if (!std::isfinite(out.scale.back()) || !std::isfinite(out.shift.back()))
            return {};
    }
    return out;
}

bool take_affine(Graph& graph, const Uses& uses, size_t n) {
    const auto rounding = rounding_of(graph, &graph.nodes[n]);
    const ValueId x = rounding ? graph.nodes[n].inputs[0] : none;
    const Node* maker = rounding && uses.only_user(x) >= 0 ? uses.made_by(graph, x) : nullptr;
    const auto affine = maker ? affine_of(graph, *maker) : std::nullopt;
    const auto both = affine ? after(*affine, *rounding) : std::nullopt;
    if (!both)
        return false;
    drop(graph.nodes[size_t(uses.maker[size_t(x)])]); // nobody else uses it
    graph.nodes[n] =
        to_bytes(graph, graph.nodes[n].name, affine->x, *both, graph.nodes[n].outputs[0]);
    return true;
}

// Lower and upper bound of a Relu or Clip, as a node or as the last step of a convolution.
std::optional<std::pair<float, float>> bounds_of(const Graph& graph, const Node& node) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const std::string name = node.attr("activation", node.op.c_str());
    if (name == "Relu")
        return std::pair(0.0f, infinity);
    if (name != "Clip")
        return {};
    if (node.has("activation"))
        return std::pair(node.attr("activation_alpha", -infinity),
                         node.attr("activation_beta", infinity));
    const auto low = scalar_of(graph, input(node, 1)), high = scalar_of(graph, input(node, 2));
    if ((input(node, 1) != none && !low) || (input(node, 2) != none && !high))
        return {};
    return std::pair(low.value_or(-infinity), high.value_or(infinity));
}

// Whether rounding to bytes cuts off all that the bounds would.
bool saturates(const Rounding& r, std::pair<float, float> bounds) {
    const float lowest = r.type == ElementType::U8 ? 0.0f : -128.0f;
    for (size_t c = 0; c < r.channels(); c++) {
        const float scale = r.scale_of(c), shift = r.shift_of(c);
        if (!(scale > 0) || bounds.first * scale + shift > lowest + 0.4f ||
            bounds.second * scale + shift < lowest + 254.6f)
            return false;
    }
    return true;
}

// Drops a Relu or Clip that rounding to bytes does as well.
bool drop_bounds(Graph& graph, const Uses& uses, size_t n) {
    const auto rounding = rounding_of(graph, &graph.nodes[n]);
    const ValueId x = rounding ? graph.nodes[n].inputs[0] : none;
    if (!rounding || uses.only_user(x) < 0 || uses.maker[size_t(x)] < 0)
        return false;
    Node& maker = graph.nodes[size_t(uses.maker[size_t(x)])];
    const bool is_node = maker.op == "Relu" || maker.op == "Clip";
    const bool is_last_step = maker.op == "Conv" || maker.op == "MatMul" || maker.op == "Gemm";
    const auto bounds = is_node || (is_last_step && maker.has("activation"))
                            ? bounds_of(graph, maker)
                            : std::nullopt;
    if (!bounds || !saturates(*rounding, *bounds))
        return false;
    if (is_node) {
        graph.nodes[n].inputs[0] = maker.inputs[0];
        drop(maker);
        return true;
    }
    for (const char* key : {"activation", "activation_alpha", "activation_beta"})
        maker.attrs.erase(key);
    return false; // makers and users are the same
}

bool keeps_order(const Rounding& r) {
    return std::all_of(r.scale.begin(), r.scale.end(), [](float s) { return s > 0; });
}

// Two ToBytes that make the same of one value become one.
bool share(Graph& graph, const Uses& uses, size_t n) {
    const auto rounding = rounding_of(graph, &graph.nodes[n]);
    if (!rounding)
        return false;
    for (const int user : uses.users[size_t(graph.nodes[n].inputs[0])]) {
        const Node& other = graph.nodes[size_t(user)];
        if (size_t(user) >= n || rounding_of(graph, &other) != rounding)
            continue;
        if (!replace_value(graph, uses, graph.nodes[n].outputs[0], other.outputs[0]))
            return false;
        drop(graph.nodes[n]);
        return true;
    }
    return false;
}

// ToBytes after a node that moves floats: the node moves bytes instead.
bool lift(Graph& graph, const Uses& uses, size_t n) {
    const Node rounding_node = graph.nodes[n];
    const auto rounding = rounding_of(graph, &rounding_node);
    const ValueId x = rounding ? rounding_node.inputs[0] : none;
    if (!rounding || uses.only_user(x) < 0 || uses.maker[size_t(x)] < 0)
        return false;
    const auto at = size_t(uses.maker[size_t(x)]);
    Node moving = graph.nodes[at];
    const bool by_channel_too = moving.op == "MaxPool" || moving.op == "Resize";
    if (!only_moves(moving) || moving.outputs.size() != 1 ||
        (moving.op == "MaxPool" && !keeps_order(*rounding)) ||
        (!rounding->is_single() && !by_channel_too))
        return false;
    std::vector<Node> first;
    for (size_t k = 0; k < data_inputs(moving); k++) {
        const ValueId from = moving.inputs[k];
        if (constant_of(graph, from))
            return false;
        const ValueId q = new_value(graph, from, rounding->type);
        first.push_back(to_bytes(graph, rounding_node.name, from, *rounding, q));
        moving.inputs[k] = q;
    }
    drop(graph.nodes[at]);
    moving.outputs = rounding_node.outputs;
    graph.nodes[n] = std::move(moving);
    graph.nodes.insert(graph.nodes.begin() + int64_t(n), first.begin(), first.end());
    return true;
}

// Whether the value's bytes are of use to somebody: then DequantizeLinear is worth moving there.
bool wants_bytes(const Graph& graph, const Uses& uses, ValueId v, int depth = 0) {
    return std::ranges::any_of(uses.users[size_t(v)], [&](int user) {
        const Node& node = graph.nodes[size_t(user)];
        if (node.op == "ToBytes" ||
            ((node.op == "Conv" || node.op == "MatMul" || node.op == "Gemm") &&
             node.inputs[0] == v))
            return true;
        return depth < 8 && only_moves(node) && std::ranges::any_of(node.outputs, [&](ValueId out) {
                   return wants_bytes(graph, uses, out, depth + 1);
               });
    });
}

// The one grid all data of the node lie on.
std::optional<Grid> common_grid(const Graph& graph, const Uses& uses, const Node& node) {
    std::optional<Grid> common;
    for (size_t k = 0; k < data_inputs(node); k++) {
        const auto grid = grid_of(graph, uses, node.inputs[k]);
        if (!grid || (common && *common != *grid))
            return {};
        common = grid;
    }
    return common;
}

// DequantizeLinear before a node that moves floats: the node moves bytes instead.
bool sink(Graph& graph, const Uses& uses, size_t n) {
    Node moving = graph.nodes[n];
    if (!only_moves(moving))
        return false;
    const auto grid = common_grid(graph, uses, moving);
    const bool wanted = std::ranges::any_of(
        moving.outputs, [&](ValueId v) { return v != none && wants_bytes(graph, uses, v); });
    if (!grid || !wanted || (!grid->is_single() && moving.op != "MaxPool" && moving.op != "Resize"))
        return false;
    for (size_t k = 0; k < data_inputs(moving); k++)
        moving.inputs[k] = uses.made_by(graph, moving.inputs[k])->inputs[0];
    std::vector<Node> after;
    for (ValueId& out : moving.outputs) {
        if (out == none)
            continue;
        const ValueId q = new_value(graph, out, grid->type);
        after.push_back(from_bytes(graph, moving.name, q, *grid, out));
        out = q;
    }
    graph.nodes[n] = std::move(moving);
    graph.nodes.insert(graph.nodes.begin() + int64_t(n) + 1, after.begin(), after.end());
    return true;
}

// A grid that holds all numbers of all of them.
Grid wide_grid(const std::vector<Grid>& grids) {
    float low = 0, high = 0;
    for (const Grid& g : grids) {
        low = std::min(low, float(g.lowest() - g.zero) * g.scale[0]);
        high = std::max(high, float(g.highest() - g.zero) * g.scale[0]);
    }
    Grid wide{ElementType::U8, {(high - low) / 255}, 0};
    wide.zero = int(std::nearbyint(-low / wide.scale[0]));
    if (wide.zero >= 120 && wide.zero <= 136) { // signed, with room for both ends
        wide = {ElementType::I8, {std::max(-low / 128, high / 127)}, 0};
    }
    return wide;
}

// Parts of a Concat that lie on different grids are rounded to one that holds them all.
bool align(Graph& graph, const Uses& uses, size_t n) {
    const Node node = graph.nodes[n];
    if (node.op != "Concat" || !wants_bytes(graph, uses, node.outputs[0]))
        return false;
    std::vector<Grid> grids;
    for (const ValueId v : node.inputs) {
        const auto grid = grid_of(graph, uses, v);
        if (!grid || !grid->is_single())
            return false;
        grids.push_back(*grid);
    }
    if (std::ranges::all_of(grids, [&](const Grid& g) { return g == grids[0]; }))
        return false;
    const Grid wide = wide_grid(grids);
    std::vector<Node> first;
    for (size_t k = 0; k < grids.size(); k++) {
        if (grids[k] == wide)
            continue;
        const ValueId q = new_value(graph, node.inputs[k], wide.type),
                      x = new_value(graph, node.inputs[k], ElementType::F32);
        first.push_back(to_bytes(graph, node.name, node.inputs[k], rounding_to(wide), q));
        first.push_back(from_bytes(graph, node.name, q, wide, x));
        graph.nodes[n].inputs[k] = x;
    }
    graph.nodes.insert(graph.nodes.begin() + int64_t(n), first.begin(), first.end());
    return true;
}

// DequantizeLinear, ToBytes on the same grid: the bytes that were there.
bool join(Graph& graph, const Uses& uses, size_t n) {
    const auto rounding = rounding_of(graph, &graph.nodes[n]);
    const auto grid = rounding ? grid_of(graph, uses, graph.nodes[n].inputs[0]) : std::nullopt;
    if (!grid || !rounds_to(*rounding, *grid))
        return false;
    const Node* reader = uses.made_by(graph, graph.nodes[n].inputs[0]);
    if (!replace_value(graph, uses, graph.nodes[n].outputs[0], reader->inputs[0]))
        return false;
    drop(graph.nodes[n]);
    return true;
}

} // namespace

void move_borders(Graph& graph) {
    repeat(graph, [](Graph& g, const Uses& uses, size_t n) {
        return share(g, uses, n) || take_affine(g, uses, n) || drop_bounds(g, uses, n) ||
               lift(g, uses, n);
    });
    repeat(graph, [](Graph& g, const Uses& uses, size_t n) {
        return join(g, uses, n) || sink(g, uses, n) || align(g, uses, n);
    });
    repeat(graph, join);
}

} // namespace infer::quantized
