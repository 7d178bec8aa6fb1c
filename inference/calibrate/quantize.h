// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Post-training quantisation: a float model and what its values are like on some frames make a
// model that rounds them to bytes, in QuantizeLinear and DequantizeLinear.
#pragma once

#include "inference/calibrate/observer.h"
#include "inference/calibrate/places.h"
#include "inference/graph.h"
#include "inference/result.h"

#include <map>
#include <set>
#include <span>
#include <vector>

namespace infer::calibrate {

// Used by one thread at a time. First every frame goes through observed() and widen(), then every
// frame once more and add(); then quantized() as often as wanted.
class Calibration {
public:
    explicit Calibration(Graph standard); // as standard_form() gives it

    const Graph& graph() const { return graph_; }
    const std::vector<Layer>& layers() const { return layers_; }
    std::set<size_t> all_layers() const;

    // The model with every value that may be rounded as its outputs, in place of its own.
    Graph observed() const;

    // `inputs` of the model and `outputs` of observed(), of one frame, in its shapes.
    void widen(std::span<const TensorView> inputs, std::span<const TensorView> outputs);
    void add(std::span<const TensorView> inputs, std::span<const TensorView> outputs);

    // With weights, inputs and results of these layers rounded; shapes are worked out.
    Result<Graph> quantized(const std::set<size_t>& layers, Observer observer) const;

private:
    struct Seen {
        Histogram histogram;
        size_t channel_axis = 1;
        std::vector<double> sums; // by channel
        double each = 0;          // numbers of a channel that are in its sum
    };

    const TensorView& view_of(ValueId v, std::span<const TensorView> inputs,
                              std::span<const TensorView> outputs) const;

    const Graph graph_;
    const std::vector<Layer> layers_;
    std::map<ValueId, Seen> seen_;
    std::vector<ValueId> watched_; // those of seen_ that are no inputs: outputs of observed()
};

} // namespace infer::calibrate
