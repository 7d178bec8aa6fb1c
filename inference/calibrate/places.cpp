// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/calibrate/places.h"

#include "inference/passes/rewrite.h"
#include "inference/quantized/steps.h"

#include <algorithm>
#include <numeric>
#include <string_view>

namespace infer::calibrate {
namespace {

bool is_product(const Node& node) {
    return node.op == "Conv" || node.op == "MatMul" || node.op == "Gemm";
}

bool has_plain_weights(const Graph& graph, const Node& node) {
    const Tensor* w = f32_of(graph, input(node, 1));
    if (!w || count(w->shape()) == 0)
        return false;
    if (node.op == "Conv")
        return w->shape().size() == 4;
    return w->shape().size() == 2 && node.attr("transA", int64_t{0}) == 0 &&
           node.attr("alpha", 1.0f) == 1 && node.attr("beta", 1.0f) == 1;
}

bool has_plain_bias(const Graph& graph, const Node& node) {
    if (input(node, 2) == none)
        return true;
    const Tensor* bias = f32_of(graph, node.inputs[2]);
    const bool transposed = node.op == "Gemm" && node.attr("transB", int64_t{0}) == 0;
    return bias && count(bias->shape()) ==
                       graph.value(node.inputs[1]).shape[node.op == "Conv" || !transposed ? 0 : 1];
}

// Elementwise operators that become tables of 256 numbers between two roundings.
constexpr std::string_view tables[] = {
    "Add",     "Sub",  "Mul",  "Div",  "Min",      "Max",  "Relu",        "LeakyRelu", "Clip",
    "Sigmoid", "Tanh", "Elu",  "Mish", "Softplus", "Selu", "HardSigmoid", "HardSwish", "Gelu",
    "Exp",     "Abs",  "Sqrt", "Neg",  "Erf",      "Pow",  "Reciprocal",  "Softsign",  "Celu"};

bool is_elementwise(const Node& node) {
    return node.outputs.size() == 1 && std::ranges::find(tables, node.op) != std::end(tables);
}

// Where activations are flat: within a hundredth of their end, or of 0.
struct Flat {
    std::string_view op;
    float below, above;
};
constexpr float infinite = std::numeric_limits<float>::infinity();
constexpr Flat flats[] = {{"Sigmoid", -6, 6},        {"Tanh", -3, 3},
                          {"HardSigmoid", -3, 3},    {"HardSwish", -3, infinite},
                          {"Mish", -7, infinite},    {"Gelu", -4, infinite},
                          {"Softplus", -5, infinite}};

// Whether all that is made of `x` is x * sigmoid(x).
bool is_swish(const Graph& graph, const Uses& uses, ValueId x) {
    const auto& users = uses.users[size_t(x)];
    if (users.size() != 2)
        return false;
    const Node &a = graph.nodes[size_t(users[0])], &b = graph.nodes[size_t(users[1])];
    const Node &gate = a.op == "Sigmoid" ? a : b, &product = a.op == "Sigmoid" ? b : a;
    return gate.op == "Sigmoid" && product.op == "Mul" &&
           other_input(product, x) == gate.outputs[0];
}

class Walk {
public:
    explicit Walk(const Graph& graph) : graph_(graph), uses_(graph), parent_(graph.values.size()) {
        std::iota(parent_.begin(), parent_.end(), 0);
    }

    void want(ValueId v);
    std::vector<Place> places();

private:
    const Node* maker(ValueId v) const { return uses_.made_by(graph_, v); }
    bool is_part_of_product(ValueId v) const;
    bool is_cut(const Node& node) const;
    bool is_sum(const Node& node) const;
    void want_roots(const Node& node, const Shape& shape, int depth);
    void want_moved(const Node& node, ValueId v);
    int group(ValueId v);
    Place place(ValueId v);

    const Graph& graph_;
    const Uses uses_;
    std::vector<int> parent_; // by value: groups
    std::set<ValueId> wanted_;
};

int Walk::group(ValueId v) {
    while (parent_[size_t(v)] != v)
        v = parent_[size_t(v)] = parent_[size_t(parent_[size_t(v)])];
    return v;
}

// Relu or Clip, which the rounding after it does as well.
bool Walk::is_cut(const Node& node) const { return node.op == "Relu" || node.op == "Clip"; }

bool Walk::is_sum(const Node& node) const {
    return node.op == "Add" && node.inputs[0] != node.inputs[1] &&
           std::ranges::all_of(node.inputs, [&](ValueId v) {
               return !constant_of(graph_, v) &&
                      graph_.value(v).shape == graph_.value(node.outputs[0]).shape;
           });
}

// The result of a product, or what becomes one with it: scaled by channel, cut off.
bool Walk::is_part_of_product(ValueId v) const {
    const Node* node = maker(v);
    for (int depth = 0; node && depth < 4; depth++) {
        if (is_product(*node))
            return true;
        const ValueId x = node->inputs.empty() ? none : node->inputs[0];
        const bool scales = (node->op == "Mul" || node->op == "Add") && node->inputs.size() == 2 &&
                            quantized::by_channel(graph_, node->inputs[1], graph_.value(x).shape);
        if ((!is_cut(*node) && !scales) || uses_.only_user(x) < 0)
            return false;
        node = maker(x);
    }
    return false;
}

// What an elementwise region before `shape` is computed from.
void Walk::want_roots(const Node& node, const Shape& shape, int depth) {
    constexpr int deepest = 12;
    for (const ValueId v : node.inputs) {
        if (v == none || constant_of(graph_, v) || graph_.value(v).shape != shape)
            continue;
        const Node* made = maker(v);
        if (made && depth < deepest && is_elementwise(*made) && !is_sum(*made) &&
            !is_part_of_product(v) && !wanted_.contains(v))
            want_roots(*made, shape, depth + 1);
        else
            want(v);
    }
}

void Walk::want_moved(const Node& node, ValueId v) {
    for (size_t k = 0; k < quantized::data_inputs(node); k++) {
        if (constant_of(graph_, node.inputs[k]))
            continue;
        want(node.inputs[k]);
        if (wanted_.contains(node.inputs[k]))
            parent_[size_t(group(v))] = group(node.inputs[k]);
    }
}

void Walk::want(ValueId v) {
    if (constant_of(graph_, v) || graph_.value(v).type != ElementType::F32 ||
        !wanted_.insert(v).second)
        return;
    const Node* node = maker(v);
    if (!node || is_part_of_product(v))
        return;
    if (quantized::only_moves(*node))
        return want_moved(*node, v);
    if (!is_elementwise(*node))
        return;
    const Node* sum =
        is_cut(*node) && uses_.only_user(node->inputs[0]) >= 0 ? maker(node->inputs[0]) : nullptr;
    const Node& from = sum && is_sum(*sum) ? *sum : *node;
    want_roots(from, graph_.value(v).shape, 0);
}

Place Walk::place(ValueId v) {
    Place place{v, group(v)};
    if (is_swish(graph_, uses_, v))
        place.lowest = -7;
    else if (const int user = uses_.only_user(v); user >= 0) {
        const auto flat = std::ranges::find(flats, graph_.nodes[size_t(user)].op, &Flat::op);
        if (flat != std::end(flats))
            place.lowest = flat->below, place.highest = flat->above;
    }
    return place;
}

std::vector<Place> Walk::places() {
    std::vector<Place> places;
    for (const ValueId v : wanted_)
        places.push_back(place(v));
    return places;
}

} // namespace

std::vector<Layer> layers_of(const Graph& graph) {
    std::vector<Layer> layers;
    for (size_t n = 0; n < graph.nodes.size(); n++) {
        const Node& node = graph.nodes[n];
        if (!is_product(node) || constant_of(graph, node.inputs[0]) ||
            graph.value(node.inputs[0]).type != ElementType::F32 ||
            !has_plain_weights(graph, node) || !has_plain_bias(graph, node))
            continue;
        const Shape& w = graph.value(node.inputs[1]).shape;
        const bool by_rows = node.op == "Conv" || node.attr("transB", int64_t{0}) != 0;
        layers.push_back({n, count(graph.value(node.outputs[0]).shape) * count(w) /
                                 std::max<int64_t>(1, by_rows ? w[0] : w[1])});
    }
    return layers;
}

std::vector<Place> places_for(const Graph& graph, const std::set<size_t>& layers) {
    Walk walk(graph);
    for (const size_t n : layers)
        walk.want(graph.nodes[n].inputs[0]);
    return walk.places();
}

} // namespace infer::calibrate
