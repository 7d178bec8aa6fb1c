// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/lowering/lower.h"

#include "inference/passes/rewrite.h"

#include <algorithm>
#include <cmath>

namespace infer::lowering {

ValueId Emitter::op(const std::string& op, std::vector<ValueId> inputs, Shape shape, std::map<std::string, Attr> attrs) {
    const ElementType type = graph_.value(inputs[0]).type;
    const std::string name = from_.name + "/" + op + std::to_string(graph_.values.size());
    const ValueId out = graph_.add_value({.name = name, .type = type, .shape = std::move(shape)});
    nodes_.push_back({.op = op, .name = from_.name, .attrs = std::move(attrs), .inputs = std::move(inputs), .outputs = {out}});
    return out;
}

void Emitter::last(const std::string& op, std::vector<ValueId> inputs, std::map<std::string, Attr> attrs) {
    nodes_.push_back({.op = op, .name = from_.name, .attrs = std::move(attrs), .inputs = std::move(inputs),
                      .outputs = {from_.outputs[0]}});
}

void Emitter::last_of_many(const std::string& op, std::vector<ValueId> inputs, std::map<std::string, Attr> attrs) {
    nodes_.push_back({.op = op, .name = from_.name, .attrs = std::move(attrs), .inputs = std::move(inputs),
                      .outputs = from_.outputs});
}

ValueId Emitter::reshape(ValueId v, const Shape& shape) {
    if (v == none || graph_.value(v).shape == shape)
        return v;
    if (const Tensor* known = constant_of(graph_, v))
        return constant(known->reshaped(shape));
    return op("Reshape", {v, integers(shape)}, shape);
}

ValueId Emitter::constant(Tensor tensor) { return add_constant(graph_, from_.name, std::move(tensor)); }

ValueId Emitter::integers(const std::vector<int64_t>& values) { return add_ints(graph_, from_.name, values); }

namespace {

class Lowerer {
public:
    Lowerer(Graph& graph, Rule more) : graph_(graph), more_(more) {}
    void run();

private:
    bool batch_norm(const Node& node, Emitter& emit);
    bool fake_quantize(const Node& node, Emitter& emit);
    bool many(const Node& node, Emitter& emit);
    bool gather(const Node& node, Emitter& emit);
    bool one_dimension(const Node& node, Emitter& emit);
    bool dilated_transpose(const Node& node, Emitter& emit);
    void widen(Node& node, Emitter& emit);

    const Shape& shape(ValueId v) const { return graph_.value(v).shape; }
    bool is_f32(ValueId v) const { return v != none && graph_.value(v).type == ElementType::F32; }

    Graph& graph_;
    Rule more_; // the device's own; nullptr: none
};

Shape by_channel(int64_t channels, size_t rank) {
    Shape s(rank, 1);
    s[1] = channels;
    return s;
}

bool Lowerer::batch_norm(const Node& node, Emitter& emit) {
    if (node.op != "BatchNormalization" || node.attr("training_mode", int64_t(0)) ||
        node.outputs.size() != 1 || shape(node.inputs[0]).size() < 2)
        return false;
    const Tensor* t[4];
    for (size_t k = 0; k < 4; k++)
        if (t[k] = f32_of(graph_, node.inputs[k + 1]); !t[k])
            return false;
    const Shape x = shape(node.inputs[0]);
    Tensor scale(ElementType::F32, by_channel(x[1], x.size())), shift(ElementType::F32, scale.shape());
    const double epsilon = double(node.attr("epsilon", 1e-5f));
    for (size_t c = 0; c < size_t(x[1]); c++) {
        const double s = double(t[0]->span<float>()[c]) / std::sqrt(double(t[3]->span<float>()[c]) + epsilon);
        scale.span<float>()[c] = float(s);
        shift.span<float>()[c] = float(double(t[1]->span<float>()[c]) - double(t[2]->span<float>()[c]) * s);
    }
    emit.last("Add", {emit.op("Mul", {node.inputs[0], emit.constant(scale)}, x), emit.constant(shift)});
    return true;
}

// steps / (high - low) of two constants of one shape, or its inverse.
Tensor scale_of(const Tensor& low, const Tensor& high, float steps, bool inverse) {
    Tensor out(ElementType::F32, low.shape());
    for (size_t k = 0; k < out.span<float>().size(); k++) {
        const float size = high.span<float>()[k] - low.span<float>()[k];
        out.span<float>()[k] = inverse ? size / steps : steps / size;
    }
    return out;
}

// clamp to [low, high], (x - low) * scale, round, * out_step + out_low; by channel.
bool Lowerer::fake_quantize(const Node& node, Emitter& emit) {
    if (node.op != "FakeQuantize" || node.inputs.size() != 5 || !is_f32(node.inputs[0]))
        return false;
    Tensor range[4]; // not pointers: what is emitted moves the graph's values
    bool one = true;
    for (size_t k = 0; k < 4; k++) {
        const Tensor* constant = f32_of(graph_, node.inputs[k + 1]);
        if (!constant || shape(node.inputs[k + 1]).size() > shape(node.inputs[0]).size())
            return false;
        range[k] = *constant;
        one = one && count(range[k].shape()) == 1;
    }
    const bool alike = range[0].shape() == range[1].shape() && range[2].shape() == range[3].shape();
    const auto a = range[0].span<float>(), b = range[1].span<float>();
    for (size_t k = 0; alike && k < a.size(); k++)
        if (!(a[k] < b[k]))
            return false;
    if (one || !alike) // one range is one step of a Chain
        return false;
    const auto steps = float(node.attr("levels", int64_t(256)) - 1);
    const Shape x = shape(node.inputs[0]);
    const ValueId low = node.inputs[1];
    ValueId v = emit.op("Max", {node.inputs[0], low}, x);
    v = emit.op("Min", {v, node.inputs[2]}, x);
    v = emit.op("Sub", {v, low}, x);
    v = emit.op("Mul", {v, emit.constant(scale_of(range[0], range[1], steps, false))}, x);
    v = emit.op("Round", {v}, x);
    v = emit.op("Mul", {v, emit.constant(scale_of(range[2], range[3], steps, true))}, x);
    emit.last("Add", {v, node.inputs[3]});
    return true;
}

bool Lowerer::many(const Node& node, Emitter& emit) {
    const bool mean = node.op == "Mean";
    const bool known = node.op == "Max" || node.op == "Min" || node.op == "Sum" || mean;
    if (!known || node.inputs.size() < (mean ? 2u : 3u) || !is_f32(node.inputs[0]))
        return false;
    const std::string op = mean ? "Sum" : node.op;
    ValueId v = node.inputs[0];
    for (size_t k = 1; k < node.inputs.size(); k++) {
        if (k + 1 == node.inputs.size() && !mean) {
            emit.last(op, {v, node.inputs[k]});
            return true;
        }
        v = emit.op(op, {v, node.inputs[k]}, *broadcast(shape(v), shape(node.inputs[k])));
    }
    const std::vector<float> factor{1.0f / float(node.inputs.size())};
    emit.last("Mul", {v, emit.constant(make_tensor<float>(ElementType::F32, {1}, factor))});
    return true;
}

bool Lowerer::gather(const Node& node, Emitter& emit) {
    if (node.op != "Gather" || !constant_of(graph_, node.inputs[1]) || shape(node.inputs[1]).size() > 1)
        return false;
    const auto given = ints_of({graph_.value(node.inputs[1]).type, shape(node.inputs[1]), constant_of(graph_, node.inputs[1])});
    const Shape x = shape(node.inputs[0]);
    if (!given || given->empty() || x.empty())
        return false;
    const size_t axis = *axis_of(node.attr("axis", int64_t(0)), x.size());
    std::vector<int64_t> at;
    for (const int64_t i : *given)
        at.push_back(std::clamp<int64_t>(i < 0 ? i + x[axis] : i, 0, x[axis] - 1));
    const int64_t step = at.size() > 1 ? at[1] - at[0] : 1;
    for (size_t k = 1; k < at.size(); k++)
        if (at[k] - at[k - 1] != step || step == 0)
            return false;
    const int64_t end = at.back() + (step > 0 ? 1 : -1); // -1 counts from the end: to before the first
    const std::vector<ValueId> inputs{node.inputs[0], emit.integers({at[0]}), emit.integers({end < 0 ? -x[axis] - 1 : end}),
                                      emit.integers({int64_t(axis)}), emit.integers({step})};
    Shape cut = x;
    cut[axis] = int64_t(at.size());
    if (cut == shape(node.outputs[0])) {
        emit.last("Slice", inputs);
        return true;
    }
    emit.last("Reshape", {emit.op("Slice", inputs, cut), emit.integers(shape(node.outputs[0]))});
    return true;
}

// [N, C, L] as [N, C, 1, L].
Shape one_row(const Shape& s) { return {s[0], s[1], 1, s[2]}; }

bool Lowerer::one_dimension(const Node& node, Emitter& emit) {
    const bool conv = node.op == "Conv" || node.op == "ConvTranspose";
    const bool pool = (node.op == "MaxPool" || node.op == "AveragePool" || node.op.starts_with("Global")) &&
                      node.outputs.size() == 1;
    if ((!conv && !pool) || shape(node.inputs[0]).size() != 3 || !is_f32(node.inputs[0]) || node.has("output_shape"))
        return false;
    std::map<std::string, Attr> attrs = node.attrs;
    for (const char* key : {"kernel_shape", "strides", "dilations"})
        if (attrs.contains(key))
            attrs[key] = std::vector<int64_t>{1, node.attr(key, std::vector<int64_t>{1}).at(0)};
    if (attrs.contains("pads")) {
        const auto pads = node.attr("pads", std::vector<int64_t>{0, 0});
        attrs["pads"] = std::vector<int64_t>{0, pads.at(0), 0, pads.at(1)};
    }
    if (attrs.contains("output_padding"))
        attrs["output_padding"] = std::vector<int64_t>{0, node.attr("output_padding", std::vector<int64_t>{0}).at(0)};
    std::vector<ValueId> inputs = node.inputs;
    for (const size_t k : {size_t(0), size_t(1), size_t(3)})
        if (k < inputs.size() && inputs[k] != none)
            inputs[k] = emit.reshape(inputs[k], one_row(shape(inputs[k])));
    const Shape out = shape(node.outputs[0]);
    emit.last("Reshape", {emit.op(node.op, inputs, one_row(out), std::move(attrs)), emit.integers(out)});
    return true;
}

// Holes in the kernel are weights of 0.
bool Lowerer::dilated_transpose(const Node& node, Emitter& emit) {
    const auto dilations = node.attr("dilations", std::vector<int64_t>{1, 1});
    const Tensor* w = node.op == "ConvTranspose" ? f32_of(graph_, node.inputs[1]) : nullptr;
    if (!w || w->shape().size() != 4 || dilations.size() != 2 ||
        dilations == std::vector<int64_t>{1, 1})
        return false;
    const Shape& s = w->shape();
    const int64_t height = (s[2] - 1) * dilations[0] + 1, width = (s[3] - 1) * dilations[1] + 1;
    Tensor wide(ElementType::F32, {s[0], s[1], height, width});
    for (int64_t k = 0; k < s[0] * s[1]; k++)
        for (int64_t y = 0; y < s[2]; y++)
            for (int64_t x = 0; x < s[3]; x++)
                wide.span<float>()[size_t((k * height + y * dilations[0]) * width +
                                          x * dilations[1])] =
                    w->span<float>()[size_t((k * s[2] + y) * s[3] + x)];
    std::vector<ValueId> inputs = node.inputs;
    inputs[1] = emit.constant(wide);
    std::map<std::string, Attr> attrs = node.attrs;
    attrs["dilations"] = std::vector<int64_t>{1, 1};
    attrs["kernel_shape"] = std::vector<int64_t>{height, width};
    emit.last("ConvTranspose", inputs, std::move(attrs));
    return true;
}

void Lowerer::widen(Node& node, Emitter& emit) {
    constexpr std::string_view ops[] = {"Add", "Sub", "Mul", "Div", "Min", "Max", "PRelu", "Sum"};
    if (std::find(std::begin(ops), std::end(ops), node.op) == std::end(ops) || !is_f32(node.outputs[0]))
        return;
    const size_t rank = shape(node.outputs[0]).size();
    for (ValueId& v : node.inputs) {
        const Tensor* t = constant_of(graph_, v);
        if (!t || count(t->shape()) == 1 || t->shape().size() >= rank)
            continue;
        Shape wide(rank - t->shape().size(), 1);
        wide.insert(wide.end(), t->shape().begin(), t->shape().end());
        v = emit.constant(t->reshaped(wide));
    }
}

void Lowerer::run() {
    std::vector<Node> nodes;
    for (Node& node : graph_.nodes) {
        const size_t first = nodes.size();
        Emitter emit(graph_, nodes, node);
        if (!batch_norm(node, emit) && !fake_quantize(node, emit) && !many(node, emit) &&
            !gather(node, emit) && !one_dimension(node, emit) && !dilated_transpose(node, emit) &&
            !lower_einsum(graph_, node, emit) && !(more_ && more_(graph_, node, emit)))
            nodes.push_back(node);
        for (size_t k = first; k < nodes.size(); k++)
            widen(nodes[k], emit);
    }
    graph_.nodes = std::move(nodes);
    remove_unused(graph_);
}

} // namespace

void lower(Graph& graph, Rule more) { Lowerer(graph, more).run(); }

} // namespace infer::lowering
