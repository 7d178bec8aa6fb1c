// SPDX-License-Identifier: LGPL-2.1-or-later
// Convolutions and matrix products whose input and weights are quantised become ConvBytes, which
// take in the rounding of their result and a quantised residual.
#include "inference/quantized/steps.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace infer::quantized {
namespace {

bool is_product(const Node& node) {
    return node.op == "Conv" || node.op == "MatMul" || node.op == "Gemm";
}

bool scales_channels(const Graph& graph, const Node& node, ValueId x) {
    if (node.op == "BatchNormalization")
        return node.inputs[0] == x;
    if (node.op != "Mul" && node.op != "Add" && node.op != "Sub" && node.op != "Div")
        return false;
    const ValueId other = other_input(node, x);
    return other != none && by_channel(graph, other, graph.value(x).shape).has_value();
}

bool adds_residual(const Graph& graph, const Node& node, ValueId x) {
    const ValueId other = node.op == "Add" ? other_input(node, x) : none;
    return other != none && other != x && !constant_of(graph, other) &&
           graph.value(other).shape == graph.value(x).shape;
}

// A rounding that cuts nothing off on purpose, as one that stands for a Relu does, between a
// convolution and what becomes part of the convolution without it.
bool drop_inner(Graph& graph, const Uses& uses, size_t n) {
    const Node& reader = graph.nodes[n];
    const auto grid = grid_of(graph, &reader);
    const Node* rounding = grid ? uses.private_maker(graph, reader.inputs[0], "ToBytes") : nullptr;
    const ValueId x = rounding ? rounding->inputs[0] : none;
    const Node* made = x == none || uses.only_user(x) < 0 ? nullptr : uses.made_by(graph, x);
    const int user = uses.only_user(reader.outputs[0]);
    constexpr int margin = 32; // steps to both ends
    if (!made || !is_product(*made) || made->has("activation") || user < 0 ||
        !rounds_to(*rounding_of(graph, rounding), *grid) || grid->zero - grid->lowest() < margin ||
        grid->highest() - grid->zero < margin)
        return false;
    const Node& next = graph.nodes[size_t(user)];
    const ValueId y = reader.outputs[0];
    const bool folds = scales_channels(graph, next, y) ||
                       (input(*made, 3) == none && adds_residual(graph, next, y));
    if (!folds || !replace_value(graph, uses, y, x))
        return false;
    drop(graph.nodes[n]);
    return true;
}

// Scale and bias by output channel, for weights on a grid.
struct Scales {
    ByteWeights weights;
    std::vector<float> bias;
};

// Whether each output channel reads one input channel of its own.
bool is_depthwise(const Node& node, const Shape& w) {
    return w[1] == 1 && node.attr("group", int64_t{1}) == w[0];
}

std::optional<Scales> scales_of(const Graph& graph, const Node& node, const Grid& grid,
                                const Tensor& weights) {
    const auto channels = size_t(weights.shape()[0]);
    if (!grid.is_single() && !is_depthwise(node, weights.shape()))
        return {};
    auto on = on_grid(weights);
    if (!on)
        return {};
    Scales out{std::move(*on), std::vector<float>(channels, 0.0f)};
    for (size_t m = 0; m < channels; m++)
        out.weights.scale[m] *= grid.scale[grid.is_single() ? 0 : m];
    if (input(node, 2) == none)
        return out;
    const Tensor* bias = f32_of(graph, node.inputs[2]);
    if (!bias || count(bias->shape()) != int64_t(channels))
        return {};
    std::ranges::copy(bias->span<float>(), out.bias.begin());
    return out;
}

// The node without its output.
Node conv_bytes(Graph& graph, const Node& from, ValueId q, int zero, const Scales& s) {
    Node node = from;
    node.op = "ConvBytes";
    node.attrs["x_zero"] = int64_t(zero);
    const ValueId weights = add_constant(graph, from.name, s.weights.bytes),
                  scale = add_floats(graph, from.name, s.weights.scale),
                  bias = add_floats(graph, from.name, s.bias);
    node.inputs = {q, weights, scale, bias, none};
    return node;
}

// Activations that devices take into a convolution of bytes.
bool is_common(const Node& node) {
    constexpr std::string_view known[] = {"Relu", "LeakyRelu", "Clip",  "Sigmoid", "Tanh",
                                          "Elu",  "HardSwish", "Swish", "Mish"};
    return !node.has("activation") ||
           std::ranges::find(known, node.attr("activation", "")) != std::end(known);
}

bool convert_conv(Graph& graph, const Uses& uses, size_t n) {
    const Node node = graph.nodes[n];
    const Tensor* weights =
        node.op == "Conv" && is_common(node) ? f32_of(graph, node.inputs[1]) : nullptr;
    const auto grid = weights && weights->shape().size() == 4 ? grid_of(graph, uses, node.inputs[0])
                                                              : std::nullopt;
    const auto scales = grid ? scales_of(graph, node, *grid, *weights) : std::nullopt;
    if (!scales)
        return false;
    Node bytes = conv_bytes(graph, node, uses.made_by(graph, node.inputs[0])->inputs[0], grid->zero,
                            *scales);
    bytes.inputs[4] = input(node, 3);
    bytes.outputs = node.outputs;
    graph.nodes[n] = std::move(bytes);
    return true;
}

// The weights of a product as those of a convolution of single pixels, [columns, depth, 1, 1].
std::optional<Tensor> as_pixels(const Graph& graph, const Node& node) {
    const Tensor* w = f32_of(graph, node.inputs[1]);
    const bool gemm = node.op == "Gemm";
    if (!w || w->shape().size() != 2 || (node.op != "MatMul" && !gemm) ||
        node.attr("transA", int64_t{0}) || node.attr("alpha", 1.0f) != 1.0f ||
        node.attr("beta", 1.0f) != 1.0f)
        return {};
    const bool transposed = gemm && node.attr("transB", int64_t{0});
    const int64_t depth = w->shape()[transposed ? 1 : 0], columns = w->shape()[transposed ? 0 : 1];
    Tensor out(ElementType::F32, {columns, depth, 1, 1});
    for (int64_t m = 0; m < columns; m++)
        for (int64_t k = 0; k < depth; k++)
            out.span<float>()[size_t(m * depth + k)] =
                w->span<float>()[size_t(transposed ? m * depth + k : k * columns + m)];
    return out;
}

// [..., depth] as an image of one row of pixels, channels last, and back: nothing is moved.
bool convert_product(Graph& graph, const Uses& uses, size_t n) {
    const Node node = graph.nodes[n];
    const auto weights = node.inputs.size() > 1 && input(node, 3) == none && is_common(node)
                             ? as_pixels(graph, node)
                             : std::nullopt;
    const auto grid = weights ? grid_of(graph, uses, node.inputs[0]) : std::nullopt;
    const auto scales = grid ? scales_of(graph, node, *grid, *weights) : std::nullopt;
    if (!scales)
        return false;
    const int64_t depth = weights->shape()[1], columns = weights->shape()[0];
    const Shape y = graph.value(node.outputs[0]).shape;
    const int64_t rows = columns ? count(y) / columns : 0;
    if (rows == 0 || depth == 0)
        return false;
    std::vector<Node> nodes;
    const auto emit = [&](const char* op, std::vector<ValueId> inputs, ElementType type,
                          Shape shape, std::map<std::string, Attr> attrs) {
        const ValueId out =
            graph.add_value({.name = node.name + "/" + op + std::to_string(graph.values.size()),
                             .type = type,
                             .shape = std::move(shape)});
        nodes.push_back({.op = op,
                         .name = node.name,
                         .attrs = std::move(attrs),
                         .inputs = std::move(inputs),
                         .outputs = {out}});
        return out;
    };
    const std::vector<int64_t> to_first{0, 3, 1, 2}, to_last{0, 2, 3, 1};
    ValueId v = uses.made_by(graph, node.inputs[0])->inputs[0];
    v = emit("Reshape", {v, add_ints(graph, node.name, {1, 1, rows, depth})}, grid->type,
             {1, 1, rows, depth}, {});
    v = emit("Transpose", {v}, grid->type, {1, depth, 1, rows}, {{"perm", to_first}});
    Node plain = node;
    for (const char* key : {"transA", "transB", "alpha", "beta"})
        plain.attrs.erase(key);
    Node bytes = conv_bytes(graph, plain, v, grid->zero, *scales);
    v = graph.add_value({.name = node.name + "/" + std::to_string(graph.values.size()),
                         .shape = {1, columns, 1, rows}});
    bytes.outputs = {v};
    nodes.push_back(std::move(bytes));
    v = emit("Transpose", {v}, ElementType::F32, {1, 1, rows, columns}, {{"perm", to_last}});
    nodes.push_back({.op = "Reshape",
                     .name = node.name,
                     .attrs = {},
                     .inputs = {v, add_ints(graph, node.name, y)},
                     .outputs = node.outputs});
    drop(graph.nodes[n]);
    graph.nodes.insert(graph.nodes.begin() + int64_t(n) + 1, nodes.begin(), nodes.end());
    return true;
}

// The residual as bytes: its grid's zero goes into the bias.
void take_residual(Graph& graph, Node& conv, const Node& reader, const Grid& grid) {
    const auto old = f32_of(graph, conv.inputs[3])->span<float>();
    std::vector<float> bias(old.begin(), old.end());
    for (float& b : bias)
        b -= float(grid.zero) * grid.scale[0];
    conv.inputs[3] = add_floats(graph, conv.name, bias);
    conv.inputs[4] = reader.inputs[0];
    conv.attrs["residual_scale"] = grid.scale[0];
}

// Scale and shift of a channel as part of the convolution's own, which no activation follows.
void fold_rounding(Graph& graph, Node& conv, const Rounding& r) {
    for (const size_t k : {size_t(2), size_t(3)}) {
        const auto old = f32_of(graph, conv.inputs[k])->span<float>();
        std::vector<float> values(old.begin(), old.end());
        for (size_t c = 0; c < values.size(); c++)
            values[c] = values[c] * r.scale_of(c) + (k == 3 ? r.shift_of(c) : 0.0f);
        conv.inputs[k] = add_floats(graph, conv.name, values);
    }
    if (conv.inputs[4] != none)
        conv.attrs["residual_scale"] = conv.attr("residual_scale", 1.0f) * r.scale[0];
}

bool fuse_rounding(Graph& graph, const Uses& uses, size_t n) {
    const Node node = graph.nodes[n];
    const auto rounding = rounding_of(graph, &node);
    const Node* made = rounding ? uses.private_maker(graph, node.inputs[0], "ConvBytes") : nullptr;
    if (!made || made->attr("to", "f32") != std::string("f32") || made->inputs.size() < 5 ||
        !f32_of(graph, made->inputs[2]) || !f32_of(graph, made->inputs[3]))
        return false;
    Node& conv = graph.nodes[size_t(uses.maker[size_t(node.inputs[0])])];
    const bool adds = conv.inputs[4] != none;
    const auto residual = adds ? grid_of(graph, uses, conv.inputs[4]) : std::nullopt;
    const bool foldable = !conv.has("activation") && (!adds || rounding->scale.size() == 1);
    if ((adds && (!residual || !residual->is_single())) || (!foldable && !rounding->is_single()))
        return false;
    if (adds)
        take_residual(graph, conv, *uses.made_by(graph, conv.inputs[4]), *residual);
    if (foldable) {
        fold_rounding(graph, conv, *rounding);
    } else {
        conv.attrs["out_scale"] = rounding->scale[0];
        conv.attrs["out_shift"] = rounding->shift[0];
    }
    conv.attrs["to"] = std::string(name_of(rounding->type));
    conv.outputs = node.outputs;
    drop(graph.nodes[n]);
    return true;
}

void run_pass(Graph& graph, std::string_view name) {
    const auto pass =
        std::ranges::find(all_passes(), name, [](const PassDef* p) { return p->name; });
    if (pass != all_passes().end())
        (*pass)->run(graph);
}

} // namespace

void drop_inner_roundings(Graph& graph) {
    repeat(graph, drop_inner);
    for (const char* pass : {"fold_scale", "fuse_residual", "fuse_activation"})
        run_pass(graph, pass);
}

void make_convolutions(Graph& graph) {
    sweep(graph, convert_conv);
    repeat(graph, convert_product);
    sweep(graph, fuse_rounding);
}

} // namespace infer::quantized
