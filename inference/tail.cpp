// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/tail.h"
#include "inference/sketch.h"

#include <algorithm>

namespace infer {
namespace {

// Sizes for what depends on data. Many numbers divide the first two; the last is small enough to
// show what is limited (at most 200 boxes...).
constexpr int64_t example_sizes[] = {840, 1680, 2};

// Whether dimension d of `s`, worked out at one size, is another one at the size of `other`.
bool varies(const Sketch& s, const Sketch& other, size_t d) {
    if (s.failed || s.guessed)
        return true;
    return !other.failed &&
           (other.guessed || other.shape.size() != s.shape.size() || other.shape[d] != s.shape[d]);
}

// Moves nodes into a body of their own.
class Cut {
public:
    Cut(Graph& graph, std::vector<Node> nodes)
        : graph_(graph), nodes_(std::move(nodes)), inside_(graph.values.size(), none) {}

    void run();

private:
    void keep_needed();
    ValueId move(ValueId outer);
    void fill_body();
    void work_out_shapes();

    Graph& graph_;
    std::vector<Node> nodes_;
    std::vector<ValueId> inside_; // by value: its name in the body
    Graph body_;
    Node tail_{std::string(tail_op), "tail", {}, {}, {}};
};

// Leaves out nodes whose results nobody uses.
void Cut::keep_needed() {
    std::vector<bool> used(graph_.values.size(), false);
    for (ValueId v : graph_.outputs)
        used[size_t(v)] = true;
    std::vector<Node> kept;
    for (size_t n = nodes_.size(); n-- > 0;) {
        Node& node = nodes_[n];
        if (std::none_of(node.outputs.begin(), node.outputs.end(),
                         [&](ValueId v) { return v != none && used[size_t(v)]; }))
            continue;
        for (ValueId v : node.inputs)
            if (v != none)
                used[size_t(v)] = true;
        kept.push_back(std::move(node));
    }
    std::reverse(kept.begin(), kept.end());
    nodes_ = std::move(kept);
}

ValueId Cut::move(ValueId outer) {
    ValueId& inner = inside_[size_t(outer)];
    if (inner == none)
        inner = body_.add_value(graph_.value(outer));
    return inner;
}

void Cut::fill_body() {
    std::vector<bool> made(graph_.values.size(), false);
    for (Node& node : nodes_) {
        for (ValueId& v : node.inputs) {
            if (v == none)
                continue;
            if (!made[size_t(v)] && inside_[size_t(v)] == none && !graph_.value(v).constant) {
                tail_.inputs.push_back(v);
                body_.inputs.push_back(move(v));
            }
            v = move(v);
        }
        for (ValueId& v : node.outputs)
            if (v != none) {
                made[size_t(v)] = true;
                v = move(v);
            }
        body_.nodes.push_back(std::move(node));
    }
    for (ValueId v : graph_.outputs)
        if (made[size_t(v)]) {
            tail_.outputs.push_back(v);
            body_.outputs.push_back(move(v));
        }
}

void Cut::work_out_shapes() {
    std::vector<Sketch> inputs;
    for (ValueId v : body_.inputs)
        inputs.push_back({body_.value(v).type, body_.value(v).shape, {}, false});
    std::vector<std::vector<Sketch>> sketches;
    for (int64_t size : example_sizes)
        sketches.push_back(sketch(body_, inputs, size));
    for (size_t k = 0; k < tail_.outputs.size(); k++) {
        Value& value = graph_.value(tail_.outputs[k]);
        value.type = sketches[0][k].type;
        value.shape = sketches[0][k].shape;
        for (size_t d = 0; d < value.shape.size(); d++)
            for (const std::vector<Sketch>& other : sketches)
                if (varies(sketches[0][k], other[k], d))
                    value.shape[d] = -1;
    }
}

void Cut::run() {
    keep_needed();
    if (nodes_.empty())
        return;
    fill_body();
    work_out_shapes();
    tail_.bodies = {std::make_shared<const Graph>(std::move(body_))};
    graph_.nodes.push_back(std::move(tail_));
}

} // namespace

const Node* tail_of(const Graph& graph) {
    const auto it = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                 [](const Node& node) { return node.op == tail_op; });
    return it == graph.nodes.end() ? nullptr : &*it;
}

void add_tail(Graph& graph, std::vector<Node> nodes) { Cut(graph, std::move(nodes)).run(); }

Graph without_tail(Graph graph) {
    const Node* tail = tail_of(graph);
    if (!tail)
        return graph;
    const Node node = *tail;
    const Graph& body = *node.bodies[0];
    std::vector<ValueId> outer(body.values.size(), none);
    for (size_t k = 0; k < body.inputs.size(); k++)
        outer[size_t(body.inputs[k])] = node.inputs[k];
    for (size_t k = 0; k < body.outputs.size(); k++)
        outer[size_t(body.outputs[k])] = node.outputs[k];
    const auto move = [&](ValueId& v) {
        if (v == none)
            return;
        if (outer[size_t(v)] == none)
            outer[size_t(v)] = graph.add_value(body.value(v));
        v = outer[size_t(v)];
    };
    std::erase_if(graph.nodes, [](const Node& n) { return n.op == tail_op; });
    for (Node inner : body.nodes) {
        std::ranges::for_each(inner.inputs, move);
        std::ranges::for_each(inner.outputs, move);
        graph.nodes.push_back(std::move(inner));
    }
    return graph;
}

} // namespace infer
