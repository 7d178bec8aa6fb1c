// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

namespace infer {

// A loaded model in operators that ONNX knows: simplified, and operators of ours or of OpenVINO
// written out in them. Shapes are those it was loaded at. An Error names what cannot be written.
Result<Graph> standard_form(Graph graph);

namespace calibrate {

// Nodes in place of a DetectionOutput, in an order in which they can run; an Error for its rarer
// forms. The list that is its output then is as long as what is found.
Result<std::vector<Node>> without_detection_output(Graph& graph, const Node& node);

// Makes nodes, each with a value of its own.
class Writer {
public:
    Writer(Graph& graph, std::string name) : graph_(graph), name_(std::move(name)) {}

    ValueId operator()(const char* op, std::vector<ValueId> inputs,
                       std::map<std::string, Attr> attrs = {}, ElementType type = ElementType::F32);
    ValueId floats(Shape shape, const std::vector<float>& values);
    ValueId ints(const std::vector<int64_t>& values); // one dimension
    ValueId scalar(int64_t value);
    void last(const char* op, std::vector<ValueId> inputs, std::map<std::string, Attr> attrs,
              ValueId out);

    std::vector<Node> nodes;

private:
    std::string next_name();

    Graph& graph_;
    const std::string name_;
};

} // namespace calibrate
} // namespace infer
