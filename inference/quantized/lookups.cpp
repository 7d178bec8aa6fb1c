// SPDX-License-Identifier: LGPL-2.1-or-later
// Elementwise operators between bytes: what depends on one value alone becomes a table of its 256
// results, the sum of two becomes AddBytes.
#include "inference/model.h"
#include "inference/quantized/steps.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace infer::quantized {
namespace {

constexpr std::string_view elementwise[] = {
    "Add",         "Sub",       "Mul",        "Div",     "Min",         "Max",
    "Relu",        "LeakyRelu", "Clip",       "Sigmoid", "Tanh",        "Elu",
    "HardSigmoid", "HardSwish", "Swish",      "Mish",    "Gelu",        "Softplus",
    "Selu",        "Celu",      "Exp",        "Log",     "Sqrt",        "Neg",
    "Abs",         "Erf",       "Reciprocal", "Pow",     "LookupBytes", "DequantizeLinear",
    "ToBytes"};

// The nodes between one value of bytes and a result.
class Region {
public:
    Region(const Graph& graph, const Uses& uses, size_t last)
        : graph_(graph), uses_(uses), last_(last) {}

    bool find();
    ValueId root() const { return *roots_.begin(); }
    std::optional<Tensor> table() const;

private:
    static constexpr size_t most_nodes = 24;

    bool takes(const Node& node) const;
    bool visit(ValueId v);
    bool widen();

    const Graph& graph_;
    const Uses& uses_;
    size_t last_;
    std::set<size_t> nodes_;  // in the order they run
    std::set<ValueId> roots_; // bytes that the walk stopped at
};

// Whether it works element by element, every other input a single number.
bool Region::takes(const Node& node) const {
    if (std::ranges::find(elementwise, node.op) == std::end(elementwise) ||
        node.outputs.size() != 1)
        return false;
    const Shape& shape = graph_.value(node.outputs[0]).shape;
    return std::ranges::all_of(node.inputs, [&](ValueId v) {
        const Tensor* constant = v == none ? nullptr : constant_of(graph_, v);
        return v == none || (constant ? count(constant->shape()) == 1 || node.op == "LookupBytes"
                                      : graph_.value(v).shape == shape);
    });
}

// Follows a value to the bytes it is made of.
bool Region::visit(ValueId v) {
    if (v == none || constant_of(graph_, v))
        return true;
    if (is_byte(graph_.value(v).type)) {
        roots_.insert(v);
        return true;
    }
    const int maker = uses_.maker[size_t(v)];
    if (maker < 0 || nodes_.size() >= most_nodes || !takes(graph_.nodes[size_t(maker)]))
        return false;
    nodes_.insert(size_t(maker));
    return std::ranges::all_of(graph_.nodes[size_t(maker)].inputs,
                               [&](ValueId in) { return visit(in); });
}

// Two values of bytes of which one comes from a table: what the table is read at may be the other.
bool Region::widen() {
    int latest = -1;
    for (const ValueId v : roots_)
        if (const Node* maker = uses_.made_by(graph_, v); maker && maker->op == "LookupBytes")
            latest = std::max(latest, uses_.maker[size_t(v)]);
    if (latest < 0)
        return false;
    const Node& lookup = graph_.nodes[size_t(latest)];
    roots_.erase(lookup.outputs[0]);
    roots_.insert(lookup.inputs[0]);
    nodes_.insert(size_t(latest));
    return nodes_.size() < most_nodes;
}

bool Region::find() {
    if (!takes(graph_.nodes[last_]))
        return false;
    nodes_.insert(last_);
    if (!visit(graph_.nodes[last_].inputs[0]))
        return false;
    while (roots_.size() > 1)
        if (!widen())
            return false;
    return roots_.size() == 1;
}

// Runs the nodes on all 256 values.
std::optional<Tensor> Region::table() const {
    Graph graph;
    std::vector<ValueId> copies(graph_.values.size(), none);
    const auto copy = [&](ValueId v) {
        if (v == none || copies[size_t(v)] != none)
            return v == none ? none : copies[size_t(v)];
        Value value = graph_.value(v);
        if (!value.constant)
            value.shape = {1, 1, 1, 256};
        return copies[size_t(v)] = graph.add_value(std::move(value));
    };
    graph.inputs = {copy(root())};
    for (const size_t n : nodes_) {
        Node node = graph_.nodes[n];
        std::ranges::transform(node.inputs, node.inputs.begin(), copy);
        std::ranges::transform(node.outputs, node.outputs.begin(), copy);
        graph.nodes.push_back(std::move(node));
    }
    graph.outputs = {copies[size_t(graph_.nodes[last_].outputs[0])]};
    Tensor all(graph_.value(root()).type, {1, 1, 1, 256});
    for (size_t i = 0; i < 256; i++)
        all.span<uint8_t>()[i] = uint8_t(i);
    if (const auto inferred = infer_shapes(graph); !inferred.ok())
        return {};
    const auto out = run_reference(graph, {all});
    return out.ok() ? std::optional(out.value()[0].reshaped({256})) : std::nullopt;
}

bool make_lookup(Graph& graph, const Uses& uses, size_t n) {
    const Node node = graph.nodes[n];
    if (node.op != "ToBytes")
        return false;
    Region region(graph, uses, n);
    const auto table = region.find() ? region.table() : std::nullopt;
    if (!table)
        return false;
    const ValueId content = add_constant(graph, node.name, *table);
    graph.nodes[n] = {.op = "LookupBytes",
                      .name = node.name,
                      .attrs = {},
                      .inputs = {region.root(), content},
                      .outputs = node.outputs};
    return true;
}

// ToBytes of the sum of two values of bytes.
bool make_sum(Graph& graph, const Uses& uses, size_t n) {
    const Node node = graph.nodes[n];
    const auto rounding = rounding_of(graph, &node);
    const Node* add =
        rounding && rounding->is_single() ? uses.made_by(graph, node.inputs[0]) : nullptr;
    if (!add || add->op != "Add")
        return false;
    const auto a = grid_of(graph, uses, add->inputs[0]), b = grid_of(graph, uses, add->inputs[1]);
    if (!a || !b || !a->is_single() || !b->is_single() ||
        graph.value(add->inputs[0]).shape != graph.value(add->inputs[1]).shape)
        return false;
    const float scale_a = a->scale[0] * rounding->scale[0],
                scale_b = b->scale[0] * rounding->scale[0];
    const float shift = rounding->shift[0] - scale_a * float(a->zero) - scale_b * float(b->zero);
    graph.nodes[n] = {.op = "AddBytes",
                      .name = node.name,
                      .attrs = {{"to", std::string(name_of(rounding->type))},
                                {"scale_a", scale_a},
                                {"scale_b", scale_b},
                                {"shift", shift}},
                      .inputs = {uses.made_by(graph, add->inputs[0])->inputs[0],
                                 uses.made_by(graph, add->inputs[1])->inputs[0]},
                      .outputs = node.outputs};
    return true;
}

// ToBytes of bytes times a number for each channel that is computed, as squeeze and excitation have
// it.
bool make_gate(Graph& graph, const Uses& uses, size_t n) {
    const Node node = graph.nodes[n];
    const auto rounding = rounding_of(graph, &node);
    const Node* mul =
        rounding && rounding->is_single() ? uses.made_by(graph, node.inputs[0]) : nullptr;
    if (!mul || mul->op != "Mul")
        return false;
    const Shape& shape = graph.value(node.inputs[0]).shape;
    for (const size_t k : {size_t(0), size_t(1)}) {
        const ValueId x = mul->inputs[k], gate = mul->inputs[1 - k];
        const auto grid = grid_of(graph, uses, x);
        if (!grid || !grid->is_single() || shape.size() != 4 || graph.value(x).shape != shape ||
            graph.value(gate).shape != Shape{shape[0], shape[1], 1, 1} || constant_of(graph, gate))
            continue;
        graph.nodes[n] = {.op = "GateBytes",
                          .name = node.name,
                          .attrs = {{"to", std::string(name_of(rounding->type))},
                                    {"zero", int64_t(grid->zero)},
                                    {"scale", grid->scale[0] * rounding->scale[0]},
                                    {"shift", rounding->shift[0]}},
                          .inputs = {uses.made_by(graph, x)->inputs[0], gate},
                          .outputs = node.outputs};
        return true;
    }
    return false;
}

} // namespace

void make_lookups(Graph& graph) {
    sweep(graph, [](Graph& g, const Uses& uses, size_t n) {
        return make_lookup(g, uses, n) || make_sum(g, uses, n) || make_gate(g, uses, n);
    });
}

} // namespace infer::quantized
