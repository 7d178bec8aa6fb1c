// SPDX-License-Identifier: LGPL-2.1-or-later
// Activations that exporters write as several nodes become one:
//
//   x * Sigmoid(x)                          Swish
//   x * Tanh(Softplus(x))                   Mish
//   Clip(x + 3, 0, 6) / 6                   HardSigmoid (1/6, 0.5)
//   x * Clip(x + 3, 0, 6) / 6, in any order HardSwish
//   x * HardSigmoid(x; 1/6, 0.5)            HardSwish
//   0.5 x (1 + Erf(x / sqrt 2))             Gelu
//   0.5 x (1 + Tanh(0.798 (x + 0.0447 x^3))) Gelu, approximate
//   PRelu with one slope                    LeakyRelu
//   Max(x, 0), Min(Max(x, a), b)            Relu, Clip
#include "inference/passes/rewrite.h"

#include <cmath>

namespace infer {
namespace {

bool is_sixth(float v) { return std::abs(v - 1.0f / 6.0f) < 1e-4f; }

// `node` divides by 6 or multiplies by 1/6: what, or none.
ValueId sixth_of(const Graph& graph, const Node& node) {
    if (node.op == "Div" && is_scalar(graph, node.inputs[1], 6))
        return node.inputs[0];
    if (node.op == "Mul")
        for (size_t k : {size_t(0), size_t(1)})
            if (const auto s = scalar_of(graph, node.inputs[k]); s && is_sixth(*s))
                return node.inputs[1 - k];
    return none;
}

// v = Clip(x + 3, 0, 6) with nobody else looking: x, or none.
ValueId clipped(const Graph& graph, const Uses& uses, ValueId v) {
    const Node* clip = uses.private_maker(graph, v, "Clip");
    if (!clip || !is_scalar(graph, input(*clip, 1), 0) || !is_scalar(graph, input(*clip, 2), 6))
        return none;
    const Node* add = uses.private_maker(graph, clip->inputs[0], "Add");
    if (!add)
        return none;
    for (size_t k : {size_t(0), size_t(1)})
        if (is_scalar(graph, add->inputs[k], 3))
            return add->inputs[1 - k];
    return none;
}

bool become(const Graph& graph, Node& node, const char* op, ValueId x,
            std::map<std::string, Attr> attrs = {}) {
    if (graph.value(x).shape != graph.value(node.outputs[0]).shape)
        return false; // a constant of higher rank has added dimensions
    node.op = op;
    node.inputs = {x};
    node.attrs = std::move(attrs);
    return true;
}

// Clip(x + 3, 0, 6) / 6, and x * Clip(x + 3, 0, 6) / 6.
bool sixths(Graph& graph, const Uses& uses, Node& node) {
    const ValueId whole = sixth_of(graph, node);
    if (whole == none)
        return false;
    if (const ValueId x = clipped(graph, uses, whole); x != none)
        return become(graph, node, "HardSigmoid", x, {{"alpha", 1.0f / 6.0f}, {"beta", 0.5f}});
    const Node* product = uses.private_maker(graph, whole, "Mul");
    for (size_t k = 0; product && k < 2; k++)
        if (clipped(graph, uses, product->inputs[k]) == product->inputs[1 - k])
            return become(graph, node, "HardSwish", product->inputs[1 - k]);
    return false;
}

// x * f(x) for the f we know.
bool gated(Graph& graph, const Uses& uses, Node& node) {
    for (size_t k = 0; node.op == "Mul" && k < 2; k++) {
        const ValueId x = node.inputs[1 - k], gate = node.inputs[k];
        const Node* f = uses.only_user(gate) < 0 ? nullptr : uses.made_by(graph, gate);
        if (!f || f->inputs.empty())
            continue;
        const bool hard = f->op == "HardSigmoid" && is_sixth(f->attr("alpha", 0.2f)) &&
                          f->attr("beta", 0.5f) == 0.5f;
        if (f->inputs[0] == x && (f->op == "Sigmoid" || hard))
            return become(graph, node, hard ? "HardSwish" : "Swish", x);
        const Node* inner =
            f->op == "Tanh" ? uses.private_maker(graph, f->inputs[0], "Softplus") : nullptr;
        if (inner && inner->inputs[0] == x)
            return become(graph, node, "Mish", x);
    }
    return false;
}

// v = 1 + Erf(x / sqrt 2): x, or none.
ValueId one_plus_erf(const Graph& graph, const Uses& uses, ValueId v) {
    const Node* sum = uses.private_maker(graph, v, "Add");
    for (size_t k = 0; sum && k < 2; k++) {
        const Node* erf = uses.private_maker(graph, sum->inputs[k], "Erf");
        if (!erf || !is_scalar(graph, sum->inputs[1 - k], 1))
            continue;
        if (const Node* div = uses.private_maker(graph, erf->inputs[0], "Div");
            div && is_scalar(graph, div->inputs[1], std::sqrt(2.0f)))
            return div->inputs[0];
        if (const Node* mul = uses.private_maker(graph, erf->inputs[0], "Mul"))
            for (size_t j : {size_t(0), size_t(1)})
                if (is_scalar(graph, mul->inputs[j], std::sqrt(0.5f)))
                    return mul->inputs[1 - j];
    }
    return none;
}

// The other factor of a product with a number near `factor`, or none.
ValueId times(const Graph& graph, const Uses& uses, ValueId v, float factor) {
    const Node* mul = uses.private_maker(graph, v, "Mul");
    for (size_t k = 0; mul && k < 2; k++)
        if (const auto s = scalar_of(graph, mul->inputs[k]); s && std::abs(*s - factor) < 1e-4f)
            return mul->inputs[1 - k];
    return none;
}

// v = x^3, as a power or as products.
bool is_cube(const Graph& graph, const Uses& uses, ValueId v, ValueId x) {
    const Node* node = uses.made_by(graph, v);
    if (node && node->op == "Pow")
        return node->inputs[0] == x && is_scalar(graph, node->inputs[1], 3);
    for (size_t k = 0; node && node->op == "Mul" && k < 2; k++) {
        const Node* square = uses.made_by(graph, node->inputs[k]);
        if (node->inputs[1 - k] == x && square && square->op == "Mul" && square->inputs[0] == x &&
            square->inputs[1] == x)
            return true;
    }
    return false;
}

// v = 1 + Tanh(sqrt(2 / pi) (x + 0.044715 x^3)): x, or none.
ValueId one_plus_tanh(const Graph& graph, const Uses& uses, ValueId v) {
    const Node* sum = uses.private_maker(graph, v, "Add");
    for (size_t k = 0; sum && k < 2; k++) {
        const Node* tanh = uses.private_maker(graph, sum->inputs[k], "Tanh");
        if (!tanh || !is_scalar(graph, sum->inputs[1 - k], 1))
            continue;
        const ValueId inner = times(graph, uses, tanh->inputs[0], 0.7978846f);
        const Node* both = inner == none ? nullptr : uses.private_maker(graph, inner, "Add");
        for (size_t j = 0; both && j < 2; j++)
            if (const ValueId cube = times(graph, uses, both->inputs[j], 0.044715f);
                cube != none && is_cube(graph, uses, cube, both->inputs[1 - j]))
                return both->inputs[1 - j];
    }
    return none;
}

// The three factors of Gelu, multiplied in any order.
bool gelu(Graph& graph, const Uses& uses, Node& node) {
    for (size_t k = 0; node.op == "Mul" && k < 2; k++) {
        const Node* inner = uses.private_maker(graph, node.inputs[k], "Mul");
        if (!inner)
            continue;
        const ValueId factors[] = {node.inputs[1 - k], inner->inputs[0], inner->inputs[1]};
        ValueId x = none;
        bool half = false, approximate = false;
        for (ValueId f : factors) {
            half |= is_scalar(graph, f, 0.5f);
            if (const ValueId found = one_plus_erf(graph, uses, f); found != none)
                x = found;
            if (const ValueId found = one_plus_tanh(graph, uses, f); found != none)
                x = found, approximate = true;
        }
        if (half && x != none && std::find(factors, factors + 3, x) != factors + 3)
            return become(graph, node, "Gelu", x,
                          approximate ? std::map<std::string, Attr>{{"alpha", 1.0f}}
                                      : std::map<std::string, Attr>{});
    }
    return false;
}

bool one_slope(Graph& graph, Node& node) {
    const auto slope = node.op == "PRelu" ? scalar_of(graph, node.inputs[1]) : std::nullopt;
    if (!slope || graph.value(node.inputs[0]).shape != graph.value(node.outputs[0]).shape)
        return false;
    return become(graph, node, "LeakyRelu", node.inputs[0], {{"alpha", *slope}});
}

// Max(x, a) and Min(x, b) with one constant number become Clip, Clip of Clip becomes one.
bool bounds(Graph& graph, const Uses& uses, Node& node) {
    const bool is_max = node.op == "Max", is_min = node.op == "Min";
    if ((!is_max && !is_min) || node.inputs.size() != 2)
        return false;
    for (size_t k : {size_t(0), size_t(1)}) {
        const ValueId x = node.inputs[1 - k], bound = node.inputs[k];
        if (!scalar_of(graph, bound) || constant_of(graph, x) ||
            graph.value(x).shape != graph.value(node.outputs[0]).shape)
            continue;
        if (is_max && *scalar_of(graph, bound) == 0)
            return become(graph, node, "Relu", x);
        const Node* inner = uses.private_maker(graph, x, "Clip");
        const bool joins = inner && is_min && input(*inner, 2) == none;
        const ValueId low = joins ? input(*inner, 1) : is_max ? bound : none;
        node.inputs = {joins ? inner->inputs[0] : x, low, is_min ? bound : none};
        node.op = "Clip";
        node.attrs.clear();
        return true;
    }
    return false;
}

bool recognize(Graph& graph, const Uses& uses, size_t n) {
    Node& node = graph.nodes[n];
    return sixths(graph, uses, node) || gated(graph, uses, node) || gelu(graph, uses, node) ||
           one_slope(graph, node) || bounds(graph, uses, node);
}

void run(Graph& graph) { rewrite_each(graph, recognize); }

} // namespace

extern const PassDef pass_recognize_activations;
const PassDef pass_recognize_activations = {"recognize_activations", run, false};

} // namespace infer
