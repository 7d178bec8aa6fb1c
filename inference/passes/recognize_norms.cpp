// SPDX-License-Identifier: LGPL-2.1-or-later
// Normalizations that exporters write as several nodes become one:
//
//   d = x - ReduceMean(x);  d / Sqrt(ReduceMean(d^2) + epsilon)
//     over the last dimensions                 LayerNormalization
//     over all dimensions behind the second    InstanceNormalization
//     over others                              MeanVarianceNormalization
//   behind the first two: factors and summands by constants become their scale and bias
#include "inference/passes/rewrite.h"

namespace infer {
namespace {

// The dimensions a ReduceMean that keeps them works on (over height and width it has become a
// GlobalAveragePool); nothing if it is something else.
std::optional<std::vector<bool>> mean_axes(const Graph& graph, const Node* node) {
    if (node && node->op == "GlobalAveragePool") {
        std::vector<bool> in(graph.value(node->inputs[0]).shape.size(), true);
        in[0] = in[1] = false;
        return in;
    }
    if (!node || node->op != "ReduceMean" || node->attr("keepdims", int64_t{1}) == 0)
        return {};
    std::vector<int64_t> axes = node->attr("axes", std::vector<int64_t>{});
    if (const ValueId v = input(*node, 1); v != none) {
        const auto given =
            ints_of({graph.value(v).type, graph.value(v).shape, constant_of(graph, v)});
        if (!given)
            return {};
        axes = *given;
    }
    const size_t rank = graph.value(node->inputs[0]).shape.size();
    std::vector<bool> in(rank, false);
    for (const int64_t a : axes) {
        const auto axis = axis_of(a, rank);
        if (!axis)
            return {};
        in[*axis] = true;
    }
    return axes.empty() ? std::nullopt : std::optional(in);
}

struct Centered {
    ValueId x = none;
    std::vector<bool> axes;
    bool operator==(const Centered&) const = default;
};

// v = x - ReduceMean(x).
std::optional<Centered> centered(const Graph& graph, const Uses& uses, ValueId v) {
    const Node* sub = uses.made_by(graph, v);
    if (!sub || sub->op != "Sub")
        return {};
    const Node* mean = uses.made_by(graph, sub->inputs[1]);
    const auto axes = mean_axes(graph, mean);
    if (!axes || mean->inputs[0] != sub->inputs[0])
        return {};
    return Centered{sub->inputs[0], *axes};
}

// v = d^2 for such a d.
std::optional<Centered> squared(const Graph& graph, const Uses& uses, ValueId v) {
    const Node* node = uses.made_by(graph, v);
    if (!node || (node->op != "Pow" && node->op != "Mul"))
        return {};
    const bool square = node->op == "Pow" ? is_scalar(graph, node->inputs[1], 2)
                                          : node->inputs[0] == node->inputs[1];
    return square ? centered(graph, uses, node->inputs[0]) : std::nullopt;
}

// v = ReduceMean(d^2) + epsilon: epsilon.
std::optional<float> variance_of(const Graph& graph, const Uses& uses, ValueId v,
                                 const Centered& of) {
    const Node* sum = uses.made_by(graph, v);
    if (!sum || sum->op != "Add")
        return {};
    for (const size_t k : {size_t(0), size_t(1)}) {
        const auto epsilon = scalar_of(graph, sum->inputs[k]);
        const Node* mean = uses.made_by(graph, sum->inputs[1 - k]);
        const auto axes = mean_axes(graph, mean);
        if (epsilon && axes && *axes == of.axes && squared(graph, uses, mean->inputs[0]) == of)
            return epsilon;
    }
    return {};
}

// Whether `v` is the deviation (or, `inverse`, one divided by it), and of which epsilon.
std::optional<float> deviation_of(const Graph& graph, const Uses& uses, ValueId v,
                                  const Centered& of, bool inverse) {
    const Node* node = uses.made_by(graph, v);
    if (node && inverse && node->op == "Reciprocal")
        return deviation_of(graph, uses, node->inputs[0], of, false);
    const bool root =
        node && !inverse &&
        (node->op == "Sqrt" || (node->op == "Pow" && is_scalar(graph, node->inputs[1], 0.5f)));
    const bool inverse_root =
        node && inverse && node->op == "Pow" && is_scalar(graph, node->inputs[1], -0.5f);
    return root || inverse_root ? variance_of(graph, uses, node->inputs[0], of) : std::nullopt;
}

ValueId filled(Graph& graph, const Node& node, const Shape& shape, float value) {
    Tensor t(ElementType::F32, shape);
    std::fill(t.span<float>().begin(), t.span<float>().end(), value);
    return add_constant(graph, node.name, t);
}

void become(Graph& graph, size_t n, const Centered& of, float epsilon) {
    const Shape s = graph.value(of.x).shape;
    size_t first = s.size();
    while (first > 0 && of.axes[first - 1])
        first--;
    const bool last = std::find(of.axes.begin(), of.axes.begin() + int64_t(first), true) ==
                      of.axes.begin() + int64_t(first);
    Node made{.op = "MeanVarianceNormalization",
              .name = graph.nodes[n].name,
              .attrs = {{"epsilon", epsilon}},
              .inputs = {of.x},
              .outputs = graph.nodes[n].outputs};
    if (last && first == 2 && s.size() >= 3) {
        made.op = "InstanceNormalization";
        made.inputs = {of.x, filled(graph, made, {s[1]}, 1), filled(graph, made, {s[1]}, 0)};
    } else if (last && first < s.size()) {
        made.op = "LayerNormalization";
        made.attrs["axis"] = int64_t(first);
        made.inputs = {of.x, filled(graph, made, {s.begin() + int64_t(first), s.end()}, 1)};
    } else {
        std::vector<int64_t> axes;
        for (size_t k = 0; k < s.size(); k++)
            if (of.axes[k])
                axes.push_back(int64_t(k));
        made.attrs["axes"] = axes;
        made.attrs["epsilon_inside"] = int64_t{1};
    }
    graph.nodes[n] = std::move(made);
}

bool normalization(Graph& graph, const Uses& uses, size_t n) {
    const Node& node = graph.nodes[n];
    if (node.op != "Div" && node.op != "Mul")
        return false;
    for (const size_t k : {size_t(0), size_t(1)}) {
        if (k == 1 && node.op == "Div")
            break;
        const auto of = centered(graph, uses, node.inputs[k]);
        const auto epsilon =
            of ? deviation_of(graph, uses, node.inputs[1 - k], *of, node.op == "Mul")
               : std::nullopt;
        if (!epsilon)
            continue;
        become(graph, n, *of, *epsilon);
        return true;
    }
    return false;
}

// The constant as the scale or bias of `norm`, or nothing.
std::optional<Tensor> parameter_of(const Graph& graph, const Node& norm, ValueId v) {
    const Tensor* t = f32_of(graph, v);
    const Shape& x = graph.value(norm.inputs[0]).shape;
    if (!t || t->shape().size() > x.size())
        return {};
    Shape wide(x.size() - t->shape().size(), 1), wanted(x.size(), 1);
    wide.insert(wide.end(), t->shape().begin(), t->shape().end());
    const bool layer = norm.op == "LayerNormalization";
    const auto first = layer ? *axis_of(norm.attr("axis", int64_t{-1}), x.size()) : 1;
    for (size_t k = first; k < (layer ? x.size() : 2); k++)
        wanted[k] = x[k];
    if (wide != wanted)
        return {};
    return t->reshaped(graph.value(norm.inputs[1]).shape);
}

bool is_all(const Tensor* t, float value) {
    return t && std::all_of(t->span<float>().begin(), t->span<float>().end(),
                            [&](float v) { return v == value; });
}

// norm(x) * scale, norm(x) + bias.
bool absorb(Graph& graph, const Uses& uses, size_t n) {
    Node& node = graph.nodes[n];
    const bool scales = node.op == "Mul";
    if ((!scales && node.op != "Add") || node.inputs.size() != 2)
        return false;
    for (const size_t k : {size_t(0), size_t(1)}) {
        const int user = uses.only_user(node.inputs[k]);
        const Node* norm = user < 0 ? nullptr : uses.made_by(graph, node.inputs[k]);
        const bool known =
            norm &&
            (norm->op == "LayerNormalization" || norm->op == "InstanceNormalization" ||
             (norm->op == "GroupNormalization" && norm->attr("scale_by_group", int64_t{0}) == 0));
        if (!known || norm->outputs.size() != 1)
            continue;
        const bool plain = input(*norm, 2) == none || is_all(f32_of(graph, norm->inputs[2]), 0);
        if (!plain || (scales && !is_all(f32_of(graph, norm->inputs[1]), 1)) ||
            graph.value(norm->inputs[1]).shape.empty())
            continue;
        const auto parameter = parameter_of(graph, *norm, node.inputs[1 - k]);
        if (!parameter)
            continue;
        Node made = *norm;
        made.outputs = node.outputs;
        set_input(made, scales ? 1 : 2, add_constant(graph, node.name, *parameter));
        graph.nodes[n] = std::move(made);
        return true;
    }
    return false;
}

bool recognize(Graph& graph, const Uses& uses, size_t n) {
    return normalization(graph, uses, n) || absorb(graph, uses, n);
}

void run(Graph& graph) { rewrite_each(graph, recognize); }

} // namespace

extern const PassDef pass_recognize_norms;
const PassDef pass_recognize_norms = {"recognize_norms", run, false};

} // namespace infer
