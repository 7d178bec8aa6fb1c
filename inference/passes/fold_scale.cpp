// SPDX-License-Identifier: LGPL-2.1-or-later
// Folds what scales and shifts each channel by constants into the neighbouring convolution or
// matrix product: BatchNormalization, Mul, Div, Add, Sub.
//
//   after:  s * (W x + b) + t  =  (s W) x + (s b + t)
//   before: W (s x + t) + b    =  (W s) x + (W t + b), where no padding cuts off the shift
#include "inference/passes/rewrite.h"

#include <cmath>

namespace infer {
namespace {

// y = scale * x + shift by channel; one entry means all channels alike.
struct Affine {
    ValueId x = none;
    std::vector<float> scale, shift;
    bool shifts() const {
        return std::any_of(shift.begin(), shift.end(), [](float v) { return v != 0; });
    }
};

// The numbers of a constant that has one for each channel (dimension `axis` of `shape`), or one.
std::optional<std::vector<float>> by_channel(const Graph& graph, ValueId v, const Shape& shape,
                                             size_t axis) {
    const Tensor* t = f32_of(graph, v);
    if (!t || t->shape().size() > shape.size())
        return {};
    Shape wide(shape.size() - t->shape().size(), 1);
    wide.insert(wide.end(), t->shape().begin(), t->shape().end());
    for (size_t d = 0; d < wide.size(); d++)
        if (wide[d] != 1 && (d != axis || wide[d] != shape[axis]))
            return {};
    return std::vector<float>(t->span<float>().begin(), t->span<float>().end());
}

std::optional<Affine> affine_batch_norm(const Graph& graph, const Node& node) {
    const Tensor* t[4];
    if (node.attr("training_mode", int64_t{0}))
        return {};
    for (size_t k = 0; k < 4; k++)
        if (t[k] = f32_of(graph, node.inputs[k + 1]); !t[k])
            return {};
    Affine a{node.inputs[0], {}, {}};
    const float epsilon = node.attr("epsilon", 1e-5f);
    for (size_t c = 0; c < t[0]->span<float>().size(); c++) {
        a.scale.push_back(t[0]->span<float>()[c] / std::sqrt(t[3]->span<float>()[c] + epsilon));
        a.shift.push_back(t[1]->span<float>()[c] - t[2]->span<float>()[c] * a.scale[c]);
    }
    return a;
}

// The node as scale and shift of channels along `axis`, if it is that.
std::optional<Affine> affine(const Graph& graph, const Node& node, size_t axis) {
    if (node.op == "BatchNormalization")
        return axis == 1 ? affine_batch_norm(graph, node) : std::nullopt;
    const bool sums = node.op == "Add" || node.op == "Sub",
               scales = node.op == "Mul" || node.op == "Div";
    if (!sums && !scales)
        return {};
    for (size_t k : {size_t(1), size_t(0)}) { // k: which input is the constant
        const ValueId x = node.inputs[1 - k];
        const Shape& shape = graph.value(x).shape;
        if (shape.size() <= axis || shape != graph.value(node.outputs[0]).shape ||
            (k == 0 && node.op == "Div"))
            continue;
        auto c = by_channel(graph, node.inputs[k], shape, axis);
        if (!c || graph.value(x).type != ElementType::F32)
            continue;
        Affine a{x, std::vector<float>(c->size(), 1), std::vector<float>(c->size(), 0)};
        for (size_t i = 0; i < c->size(); i++)
            if (sums) {
                a.shift[i] = node.op == "Sub" && k == 1 ? -(*c)[i] : (*c)[i];
                a.scale[i] = node.op == "Sub" && k == 0 ? -1.0f : 1.0f;
            } else
                a.scale[i] = node.op == "Div" ? 1.0f / (*c)[i] : (*c)[i];
        return a;
    }
    return {};
}

float at(const std::vector<float>& v, int64_t channel) {
    return v.size() == 1 ? v[0] : v[size_t(channel)];
}

bool is_product(const Node& node) {
    return node.op == "Conv" || node.op == "ConvTranspose" || node.op == "MatMul" ||
           node.op == "Gemm";
}

// Weights as blocks of `inner` numbers that belong to output channel `channel(block)`.
struct Weights {
    const Tensor* tensor = nullptr;
    int64_t channels = 0; // of the output
    int64_t inner = 1;
    int64_t (*channel)(int64_t block, const Shape& w, int64_t group) = nullptr;
};

Weights weights_of(const Graph& graph, const Node& node) {
    const Tensor* t = f32_of(graph, node.inputs[1]);
    if (!t || t->shape().size() < 2)
        return {};
    const Shape& w = t->shape();
    if (node.op == "Conv")
        return {t, w[0], count({w.begin() + 1, w.end()}),
                [](int64_t b, const Shape&, int64_t) { return b; }};
    if (node.op == "ConvTranspose") // [C, M / group, ...]
        return {t, w[1] * node.attr("group", int64_t{1}), count({w.begin() + 2, w.end()}),
                [](int64_t b, const Shape& s, int64_t group) {
                    return b / s[1] / (s[0] / group) * s[1] + b % s[1];
                }};
    if (node.op == "Gemm" && node.attr("transB", int64_t{0}))
        return {t, w[0], w[1], [](int64_t b, const Shape&, int64_t) { return b; }};
    return {t, w.back(), 1, [](int64_t b, const Shape& s, int64_t) { return b % s.back(); }};
}

// The bias as one number a channel, zeros if there is none; nothing if it cannot be that.
std::optional<std::vector<float>> bias_of(const Graph& graph, const Node& node, int64_t channels) {
    std::vector<float> bias(size_t(channels), 0);
    if (input(node, 2) == none)
        return bias;
    const Shape& y = graph.value(node.outputs[0]).shape;
    const bool convolves = node.op == "Conv" || node.op == "ConvTranspose";
    const auto b = by_channel(graph, node.inputs[2], convolves ? Shape{channels} : y,
                              convolves ? 0 : y.size() - 1);
    if (!b)
        return {};
    for (int64_t c = 0; c < channels; c++)
        bias[size_t(c)] = at(*b, c);
    return bias;
}

// Gives `node` weights and bias of s * y + t.
bool scale_outputs(Graph& graph, Node& node, const Affine& a) {
    const Weights w = weights_of(graph, node);
    auto bias = w.tensor ? bias_of(graph, node, w.channels) : std::nullopt;
    const bool plain =
        node.op != "Gemm" || (node.attr("alpha", 1.0f) == 1 && node.attr("beta", 1.0f) == 1);
    const bool fits = bias && (a.scale.size() == 1 || int64_t(a.scale.size()) == w.channels);
    if (!fits || !plain || input(node, 3) != none || node.has("activation"))
        return false;
    const std::string name = graph.value(node.outputs[0]).name;
    Tensor scaled = w.tensor->clone();
    const auto numbers = scaled.span<float>();
    const int64_t group = node.attr("group", int64_t{1}),
                  blocks = int64_t(numbers.size()) / std::max<int64_t>(w.inner, 1);
    for (int64_t b = 0; b < blocks; b++)
        for (int64_t i = 0; i < w.inner; i++)
            numbers[size_t(b * w.inner + i)] *= at(a.scale, w.channel(b, scaled.shape(), group));
    bool biased = false;
    for (int64_t c = 0; c < w.channels; c++) {
        float& b = (*bias)[size_t(c)];
        b = b * at(a.scale, c) + at(a.shift, c);
        biased |= b != 0;
    }
    set_input(node, 1, add_constant(graph, name + "/weights", scaled));
    if (biased || input(node, 2) != none)
        set_input(node, 2,
                  add_constant(graph, name + "/bias",
                               make_tensor<float>(ElementType::F32, {w.channels}, *bias)));
    return true;
}

// A scale or shift behind a product.
bool fold_after(Graph& graph, const Uses& uses, Node& node) {
    for (ValueId v : node.inputs) {
        const Node* product = uses.only_user(v) < 0 ? nullptr : uses.made_by(graph, v);
        if (!product || !is_product(*product))
            continue;
        const bool convolves = product->op == "Conv" || product->op == "ConvTranspose";
        const size_t rank = graph.value(v).shape.size();
        const auto a = rank < 2 ? std::nullopt : affine(graph, node, convolves ? 1 : rank - 1);
        Node& target = graph.nodes[size_t(uses.maker[size_t(v)])];
        if (!a || a->x != v || !scale_outputs(graph, target, *a))
            continue;
        target.outputs = node.outputs;
        drop(node);
        return true;
    }
    return false;
}

// A scale or shift before a convolution (of one group of inputs, or depthwise).
bool fold_before(Graph& graph, const Uses& uses, Node& conv) {
    const Node* before = conv.op != "Conv" || uses.only_user(conv.inputs[0]) < 0
                             ? nullptr
                             : uses.made_by(graph, conv.inputs[0]);
    const auto a = before ? affine(graph, *before, 1) : std::nullopt;
    const Weights w = a ? weights_of(graph, conv) : Weights();
    auto bias = w.tensor ? bias_of(graph, conv, w.channels) : std::nullopt;
    const std::vector<int64_t> pads = conv.attr("pads", std::vector<int64_t>());
    const bool padded = conv.has("auto_pad") ||
                        std::any_of(pads.begin(), pads.end(), [](int64_t p) { return p != 0; });
    if (!bias || (padded && a->shifts()))
        return false;
    Tensor scaled = w.tensor->clone();
    const Shape& s = scaled.shape();
    const int64_t taps = count({s.begin() + 2, s.end()}),
                  per_group = s[0] / conv.attr("group", int64_t{1});
    for (int64_t m = 0; m < s[0]; m++)
        for (int64_t c = 0; c < s[1]; c++)
            for (int64_t k = 0; k < taps; k++) {
                float& v = scaled.span<float>()[size_t((m * s[1] + c) * taps + k)];
                const int64_t channel = m / per_group * s[1] + c; // of the input
                (*bias)[size_t(m)] += v * at(a->shift, channel);
                v *= at(a->scale, channel);
            }
    const std::string name = graph.value(conv.outputs[0]).name;
    set_input(conv, 1, add_constant(graph, name + "/weights", scaled));
    if (a->shifts() || input(conv, 2) != none)
        set_input(conv, 2,
                  add_constant(graph, name + "/bias",
                               make_tensor<float>(ElementType::F32, {s[0]}, *bias)));
    conv.inputs[0] = a->x;
    return true;
}

bool fold(Graph& graph, const Uses& uses, size_t n) {
    return fold_after(graph, uses, graph.nodes[n]) || fold_before(graph, uses, graph.nodes[n]);
}

void run(Graph& graph) { rewrite_each(graph, fold); }

} // namespace

extern const PassDef pass_fold_scale;
const PassDef pass_fold_scale = {"fold_scale", run};

} // namespace infer
