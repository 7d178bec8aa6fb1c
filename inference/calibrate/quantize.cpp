// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/calibrate/quantize.h"

#include "inference/calibrate/rounded_weights.h"
#include "inference/model.h"
#include "inference/passes/rewrite.h"
#include "inference/quantized/steps.h"

#include <algorithm>
#include <cmath>

namespace infer::calibrate {
namespace {

using quantized::Grid;

// Bytes from 0 where nothing is negative; around 128 where both sides are about as long, which
// kernels take as signed.
Grid grid_for(const Range& range) {
    if (!(range.high > range.low) || !std::isnormal((range.high - range.low) / 255))
        return {ElementType::U8, {1}, 0};
    Grid grid{ElementType::U8, {(range.high - range.low) / 255}, 0};
    grid.zero = int(std::nearbyint(-range.low / grid.scale[0]));
    constexpr int middle = 128, about = 8;
    if (std::abs(grid.zero - middle) <= about)
        grid = {ElementType::U8, {std::max(-range.low / 128, range.high / 127)}, middle};
    return grid;
}

// Adds the mean of each channel: `v` is [outer, channels, inner].
void add_sums(const TensorView& v, size_t axis, std::vector<double>& sums) {
    const auto channels = size_t(v.shape[axis]);
    size_t inner = 1;
    for (size_t d = axis + 1; d < v.shape.size(); d++)
        inner *= size_t(v.shape[d]);
    sums.resize(channels);
    const auto numbers = v.span<float>();
    for (size_t k = 0; k < numbers.size(); k += inner)
        for (size_t i = 0; i < inner; i++)
            sums[k / inner % channels] += double(numbers[k + i]);
}

// Puts roundings into a graph.
class Rounder {
public:
    Rounder(const Graph& from, Graph& to) : from_(from), to_(to) {}

    void round(ValueId v, const Grid& grid) { grids_[v] = grid; }
    void weigh(size_t node, const RoundedWeights& weights) { weights_[node] = weights; }
    void run();

private:
    void emit_rounding(ValueId v);
    ValueId emit_bytes(const std::string& name, const Tensor& numbers,
                       const std::vector<float>& scale, int64_t axis);
    void use_weights(Node& node, const RoundedWeights& weights);

    const Graph& from_;
    Graph& to_;
    std::map<ValueId, Grid> grids_;
    std::map<ValueId, ValueId> rounded_; // what users of a value read in its place
    std::map<size_t, RoundedWeights> weights_;
};

void Rounder::emit_rounding(ValueId v) {
    const Grid& grid = grids_.at(v);
    const std::string name = from_.value(v).name;
    const ValueId scale =
        add_constant(to_, name + "/scale", make_tensor<float>(ElementType::F32, {}, grid.scale));
    const std::vector<uint8_t> zero{uint8_t(grid.zero)};
    const ValueId zeros =
        add_constant(to_, name + "/zero", make_tensor<uint8_t>(ElementType::U8, {}, zero));
    const ValueId q = to_.add_value({name + "/bytes", ElementType::U8, from_.value(v).shape});
    const ValueId x = to_.add_value({name + "/rounded", ElementType::F32, from_.value(v).shape});
    to_.nodes.push_back({"QuantizeLinear", name + "/QuantizeLinear", {}, {v, scale, zeros}, {q}});
    to_.nodes.push_back(
        {"DequantizeLinear", name + "/DequantizeLinear", {}, {q, scale, zeros}, {x}});
    rounded_[v] = x;
}

ValueId Rounder::emit_bytes(const std::string& name, const Tensor& numbers,
                            const std::vector<float>& scale, int64_t axis) {
    const ValueId q = add_constant(to_, name + "/bytes", numbers);
    const ValueId s = add_constant(
        to_, name + "/scale", make_tensor<float>(ElementType::F32, {int64_t(scale.size())}, scale));
    const ValueId zeros =
        add_constant(to_, name + "/zero", Tensor(numbers.type(), {int64_t(scale.size())}));
    const ValueId x = to_.add_value({name + "/rounded", ElementType::F32, numbers.shape()});
    to_.nodes.push_back(
        {"DequantizeLinear", name + "/DequantizeLinear", {{"axis", axis}}, {q, s, zeros}, {x}});
    return x;
}

void Rounder::use_weights(Node& node, const RoundedWeights& weights) {
    node.inputs[1] = emit_bytes(node.name + "/weights", weights.bytes, weights.scale, weights.axis);
    if (!weights.bias)
        return;
    const Grid& grid = grids_.at(node.inputs[0]);
    std::vector<float> scale = weights.scale;
    for (float& s : scale)
        s *= grid.scale[0];
    set_input(node, 2, emit_bytes(node.name + "/bias", *weights.bias, scale, 0));
}

void Rounder::run() {
    to_.nodes.clear();
    for (const ValueId v : from_.inputs)
        if (grids_.contains(v))
            emit_rounding(v);
    for (size_t n = 0; n < from_.nodes.size(); n++) {
        Node node = from_.nodes[n];
        if (const auto weights = weights_.find(n); weights != weights_.end())
            use_weights(node, weights->second);
        for (ValueId& v : node.inputs)
            if (const auto rounded = rounded_.find(v); rounded != rounded_.end())
                v = rounded->second;
        to_.nodes.push_back(node);
        for (const ValueId v : node.outputs)
            if (grids_.contains(v))
                emit_rounding(v);
    }
}

} // namespace

Calibration::Calibration(Graph standard) : graph_(std::move(standard)), layers_(layers_of(graph_)) {
    for (const Place& place : places_for(graph_, all_layers())) {
        seen_[place.value];
        if (std::ranges::find(graph_.inputs, place.value) == graph_.inputs.end())
            watched_.push_back(place.value);
    }
    for (const Layer& layer : layers_)
        if (const Node& node = graph_.nodes[layer.node]; node.op != "Conv")
            seen_[node.inputs[0]].channel_axis = graph_.value(node.inputs[0]).shape.size() - 1;
}

std::set<size_t> Calibration::all_layers() const {
    std::set<size_t> all;
    for (const Layer& layer : layers_)
        all.insert(layer.node);
    return all;
}

Graph Calibration::observed() const {
    Graph observed = graph_;
    observed.outputs = watched_;
    remove_unused(observed);
    return observed;
}

const TensorView& Calibration::view_of(ValueId v, std::span<const TensorView> inputs,
                                       std::span<const TensorView> outputs) const {
    const auto at = std::ranges::find(watched_, v);
    if (at != watched_.end())
        return outputs[size_t(at - watched_.begin())];
    return inputs[size_t(std::ranges::find(graph_.inputs, v) - graph_.inputs.begin())];
}

void Calibration::widen(std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
    for (auto& [value, seen] : seen_)
        seen.histogram.widen(view_of(value, inputs, outputs).span<float>());
}

void Calibration::add(std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
    for (auto& [value, seen] : seen_) {
        const TensorView& view = view_of(value, inputs, outputs);
        seen.histogram.add(view.span<float>());
        if (seen.channel_axis >= view.shape.size())
            continue;
        add_sums(view, seen.channel_axis, seen.sums);
        seen.each += double(count(view.shape)) / double(view.shape[seen.channel_axis]);
    }
}

Result<Graph> Calibration::quantized(const std::set<size_t>& layers, Observer observer) const {
    const std::vector<Place> places = places_for(graph_, layers);
    std::map<int, Range> ranges; // by group
    for (const Place& place : places) {
        const Range range = seen_.at(place.value).histogram.range(observer);
        Range& all = ranges[place.group];
        all.low = std::min(all.low, std::max(range.low, place.lowest));
        all.high = std::max(all.high, std::min(range.high, place.highest));
    }
    Graph out = graph_;
    Rounder rounder(graph_, out);
    for (const Place& place : places)
        rounder.round(place.value, grid_for(ranges[place.group]));
    std::map<ValueId, int> group;
    for (const Place& place : places)
        group[place.value] = place.group;
    for (const size_t n : layers) {
        const ValueId x = graph_.nodes[n].inputs[0];
        const Seen& seen = seen_.at(x);
        std::vector<float> means;
        for (const double sum : seen.sums)
            means.push_back(float(sum / std::max(1.0, seen.each)));
        rounder.weigh(n, round_weights(graph_, graph_.nodes[n],
                                       grid_for(ranges[group.at(x)]).scale[0], means));
    }
    rounder.run();
    if (const auto shaped = infer_shapes(out); !shaped.ok())
        return shaped.error();
    return out;
}

} // namespace infer::calibrate
