// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/quantizing/search.h"

#include "inference/quantized.h"
#include "tools/interrupt.h"

#include <algorithm>
#include <numeric>

namespace infer::tools {
namespace {

using calibrate::Calibration;
using calibrate::Layer;
using calibrate::Observer;

constexpr size_t frames_for_errors = 6; // of a single layer

std::vector<TensorView> views_of(const FrameInputs& frame) {
    std::vector<TensorView> views;
    for (const Tensor& tensor : frame)
        views.push_back(tensor.view());
    return views;
}

// Results of layers that no other layer reads, however far behind.
std::vector<ValueId> heads(const Graph& graph, const std::vector<Layer>& layers) {
    std::vector<bool> read(graph.values.size(), false);
    std::vector<ValueId> found;
    for (size_t n = graph.nodes.size(); n-- > 0;) {
        const Node& node = graph.nodes[n];
        const bool is_layer = std::ranges::find(layers, n, &Layer::node) != layers.end();
        const bool leads = std::ranges::any_of(
            node.outputs, [&](ValueId v) { return v != none && read[size_t(v)]; });
        if (is_layer && !leads)
            found.push_back(node.outputs[0]);
        if (is_layer || leads)
            for (const ValueId v : node.inputs)
                if (v != none)
                    read[size_t(v)] = true;
    }
    return found;
}

double squared_error(std::span<const Tensor> expected, std::span<const Tensor> found) {
    double sum = 0;
    for (size_t k = 0; k < expected.size(); k++) {
        const auto a = expected[k].span<float>(), b = found[k].span<float>();
        double error = 0, power = 0;
        for (size_t i = 0; i < a.size(); i++) {
            error += double(a[i] - b[i]) * double(a[i] - b[i]);
            power += double(a[i]) * double(a[i]);
        }
        sum += error / std::max(power, 1e-12);
    }
    return sum;
}

double int8_share(const Graph& graph) {
    Graph optimized = graph;
    return optimize(optimized).ok() ? run_in_bytes(optimized).share() : 0;
}

} // namespace

Result<void> Search::calibrate(std::span<const FrameInputs> frames) {
    auto runner = Runner::make(calibration_.observed(), Precision::F32);
    if (!runner.ok())
        return runner.error();
    progress_.step("looking at numbers", 2 * frames.size());
    for (const bool first : {true, false})
        for (const FrameInputs& frame : frames) {
            if (interrupted())
                return interruption();
            const auto outputs = runner.value().run(frame);
            if (!outputs.ok())
                return outputs.error();
            if (first)
                calibration_.widen(views_of(frame), outputs.value());
            else
                calibration_.add(views_of(frame), outputs.value());
            progress_.advance();
        }
    return {};
}

Result<void> Search::measure_float() {
    progress_.step("running in float", 2 * judged_.size());
    for (const auto& [precision, name] :
         {std::pair(Precision::F32, "float, f32"), std::pair(Precision::Auto, "float, auto")}) {
        auto trial =
            try_model(calibration_.graph(), precision, judged_, how_, [&] { progress_.advance(); });
        if (!trial.ok())
            return trial.error();
        if (expected_.empty())
            expected_ = std::move(trial.value().findings);
        const double agrees =
            precision == Precision::F32
                ? 1
                : calibrate::agreement(expected_, trial.value().findings, how_.options).value;
        found_.points.push_back({name, agrees, trial.value().ms, 0, calibration_.layers().size()});
    }
    return {};
}

Result<Search::Candidate> Search::measure(const Layers& layers, Observer observer,
                                          const std::string& name) {
    auto graph = calibration_.quantized(layers, observer);
    if (!graph.ok())
        return graph.error();
    const auto trial =
        try_model(graph.value(), found_.precision, judged_, how_, [&] { progress_.advance(); });
    if (!trial.ok())
        return trial.error();
    Candidate candidate{std::move(graph.value()),
                        layers,
                        observer,
                        calibrate::agreement(expected_, trial.value().findings, how_.options),
                        {}};
    candidate.point = {name, candidate.agreement.value, trial.value().ms,
                       int8_share(candidate.graph), calibration_.layers().size() - layers.size()};
    found_.points.push_back(candidate.point);
    return candidate;
}

bool Search::holds(const Candidate& candidate) const {
    return candidate.agreement.value >= 1 - options_.max_drop;
}

void Search::adopt(Candidate candidate) {
    found_.holds = holds(candidate);
    found_.graph = std::move(candidate.graph);
    found_.observer = candidate.observer;
    found_.agreement = candidate.agreement;
    found_.int8_share = candidate.point.int8_share;
    for (size_t k = 0; k < found_.layers.size(); k++)
        found_.layers[k].in_float = !candidate.layers.contains(calibration_.layers()[k].node);
}

// The one with which all layers in int8 agree best.
Result<void> Search::choose_observer() {
    std::vector<Observer> tried(std::begin(calibrate::all_observers),
                                std::end(calibrate::all_observers));
    if (options_.observer)
        tried = {*options_.observer};
    progress_.step("trying ranges", tried.size() * judged_.size());
    std::optional<Candidate> best;
    for (const Observer observer : tried) {
        auto candidate =
            measure(calibration_.all_layers(), observer, "int8, " + std::string(name_of(observer)));
        if (!candidate.ok())
            return candidate.error();
        if (!best || candidate.value().agreement.value > best->agreement.value)
            best = std::move(candidate.value());
    }
    adopt(std::move(*best));
    return {};
}

Result<std::vector<Tensor>> Search::heads_of(Graph graph, Precision precision) {
    graph.outputs = heads(calibration_.graph(), calibration_.layers());
    auto runner = Runner::make(std::move(graph), precision);
    if (!runner.ok())
        return runner.error();
    std::vector<Tensor> all;
    for (const FrameInputs& frame : judged_.first(std::min(judged_.size(), frames_for_errors))) {
        const auto outputs = runner.value().run(frame);
        if (!outputs.ok())
            return outputs.error();
        for (const TensorView& view : outputs.value())
            all.push_back(Tensor::borrow(view).clone());
    }
    return all;
}

// Layers by what rounding each alone does to the results of the last ones, most first.
Result<std::vector<size_t>> Search::by_error() {
    const auto expected = heads_of(calibration_.graph(), Precision::F32);
    if (!expected.ok())
        return expected.error();
    const auto& layers = calibration_.layers();
    progress_.step("measuring the error of each layer", layers.size());
    std::vector<double> errors;
    for (const Layer& layer : layers) {
        if (interrupted())
            return interruption();
        auto graph = calibration_.quantized({layer.node}, found_.observer);
        if (!graph.ok())
            return graph.error();
        const auto found = heads_of(std::move(graph.value()), Precision::F32);
        if (!found.ok())
            return found.error();
        errors.push_back(squared_error(expected.value(), found.value()));
        progress_.advance();
    }
    const double sum = std::max(1e-300, std::accumulate(errors.begin(), errors.end(), 0.0));
    for (size_t k = 0; k < layers.size(); k++)
        found_.layers[k].error_share = errors[k] / sum;
    std::vector<size_t> order(layers.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::greater{}, [&](size_t k) { return errors[k]; });
    for (size_t& k : order)
        k = layers[k].node;
    return order;
}

Search::Layers Search::without(std::span<const size_t> order, size_t count) const {
    Layers layers = calibration_.all_layers();
    for (const size_t n : order.first(count))
        layers.erase(n);
    return layers;
}

// As few layers in float as hold the bound: twice as many until it holds, then fewer by halves.
Result<void> Search::choose_layers() {
    const auto order = by_error();
    if (!order.ok())
        return order.error();
    const size_t most = order.value().size() - 1;
    size_t too_few = 0, enough = 0;
    progress_.step("leaving layers in float", 8 * judged_.size());
    while (enough == 0 ? too_few < most : enough - too_few > 1) {
        const size_t count =
            enough == 0 ? std::clamp<size_t>(2 * too_few, 1, most) : (too_few + enough) / 2;
        auto candidate = measure(without(order.value(), count), found_.observer,
                                 "int8, " + std::to_string(count) + " layers in float");
        if (!candidate.ok())
            return candidate.error();
        (holds(candidate.value()) ? enough : too_few) = count;
        if (holds(candidate.value()))
            adopt(std::move(candidate.value()));
    }
    return {};
}

Result<Found> Search::run(std::span<const FrameInputs> calibrated,
                          std::span<const FrameInputs> judged) {
    judged_ = judged;
    for (const Layer& layer : calibration_.layers())
        found_.layers.push_back(
            {calibration_.graph().nodes[layer.node].name, layer.multiplications});
    if (const auto seen = calibrate(calibrated); !seen.ok())
        return seen.error();
    if (const auto measured = measure_float(); !measured.ok())
        return measured.error();
    // A processor without 8-bit products runs the same roundings in float.
    const auto quantized = calibration_.quantized(calibration_.all_layers(), Observer::MinMax);
    if (!quantized.ok())
        return quantized.error();
    if (!Runner::make(quantized.value(), Precision::Int8).ok())
        found_.precision = Precision::F32;
    if (const auto chosen = choose_observer(); !chosen.ok())
        return chosen.error();
    if (!found_.holds)
        if (const auto chosen = choose_layers(); !chosen.ok())
            return chosen.error();
    return std::move(found_);
}

} // namespace infer::tools
