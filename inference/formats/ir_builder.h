// SPDX-License-Identifier: LGPL-2.1-or-later
// From the layers and edges of one graph of an OpenVINO IR to a Graph whose nodes are ONNX
// operators or our own. No shapes are worked out here.
#pragma once

#include "inference/formats/ir_parts.h"

#include <memory>
#include <tuple>

namespace infer::ir {

// The .bin, and what has been read of it. Equal constants share their memory, so that a small .bin
// cannot fill a large memory.
struct Weights {
    std::string_view bytes;
    std::map<std::tuple<std::string, std::string, Shape>, Tensor> constants; // offset, type, shape
    int64_t constant_bytes = 0;
};

class Builder {
public:
    Builder(const File& file, const Order& order, Weights& weights, std::string where)
        : file_(file), order_(order), weights_(weights), where_(std::move(where)) {}

    Result<Graph> build();

    // Of a graph inside a layer: its inputs and outputs are those of the ports that the layer has.
    Result<Graph> build_body(const Body& body, const Layer& around);

private:
    Error wrong(const Layer& layer, const Error& e) const {
        return {e.kind,
                where_ + ": layer '" + layer.name + "' (" + layer.type + "@" + layer.version + ")",
                e.what};
    }
    void reserve_names();
    std::string unique(const std::string& name);
    Result<void> add_layer(size_t k);
    Result<void> add_parameter(const Layer& layer, ValueId out);
    Result<void> add_constant(const Layer& layer, ValueId out);
    Result<void> translate(size_t k);
    Result<void> add_if(size_t k);
    Result<std::shared_ptr<const Graph>> read_body(const Body& body, const Layer& around);
    ValueId feed(size_t k, size_t input) const;
    std::string output_name(size_t k) const;
    Result<void> add_results();

    const File& file_;
    const Order& order_;
    Weights& weights_;
    const std::string where_;
    Graph graph_;
    std::vector<std::vector<ValueId>> made_; // by layer: its outputs
    std::vector<std::vector<bool>> read_;    // by layer: whether an output is read
    std::map<int64_t, ValueId> ends_;        // by id of a Parameter or Result
    std::set<std::string> names_;
};

} // namespace infer::ir
