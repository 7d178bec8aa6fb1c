// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/sketch.h"
#include "inference/control_flow.h"
#include "inference/evaluate.h"
#include "inference/guess.h"
#include "inference/ops/kernel.h"

namespace infer {
namespace {

constexpr int64_t max_elements_kept = 65536; // of a content

class Sketching {
public:
    Sketching(const Graph& graph, int64_t size)
        : graph_(graph), size_(size), values_(graph.values.size()) {}

    std::vector<Sketch> run(const std::vector<Sketch>& inputs);

private:
    void add_node(const Node& node);
    std::vector<ValueFacts> facts_of(const Node& node) const;
    void set(const Node& node, const std::vector<ValueFacts>& facts, bool guessed);
    void give_up(const Node& node);
    void evaluate_small(const Node& node, const OpDef& op, const std::vector<ValueFacts>& facts);

    void add_flow(const Node& node);
    std::vector<Sketch> sketch_if(const Node& node) const;
    std::vector<Sketch> sketch_repeated(const Node& node) const;
    Sketch at(ValueId v) const { return v == none ? Sketch() : values_[size_t(v)]; }
    void set_all(const Node& node, const std::vector<Sketch>& made);

    const Graph& graph_;
    const int64_t size_;
    std::vector<Sketch> values_;
};

std::vector<ValueFacts> Sketching::facts_of(const Node& node) const {
    std::vector<ValueFacts> facts;
    for (ValueId v : node.inputs) {
        const Sketch* s = v == none ? nullptr : &values_[size_t(v)];
        facts.push_back(s ? ValueFacts{s->type, s->shape, s->content ? &*s->content : nullptr, true}
                          : ValueFacts{ElementType::F32, {}, nullptr, false});
    }
    return facts;
}

void Sketching::set(const Node& node, const std::vector<ValueFacts>& facts, bool guessed) {
    for (size_t k = 0; k < node.outputs.size(); k++) {
        if (node.outputs[k] == none)
            continue;
        Sketch& s = values_[size_t(node.outputs[k])];
        s = {facts[k].type, facts[k].shape, {}, guessed, false};
        std::replace(s.shape.begin(), s.shape.end(), int64_t{-1}, size_);
    }
}

// Looks like its first input, for want of better knowledge.
void Sketching::give_up(const Node& node) {
    Sketch s;
    if (!node.inputs.empty() && node.inputs[0] != none)
        s = values_[size_t(node.inputs[0])];
    s.content.reset();
    s.guessed = s.failed = true;
    for (ValueId v : node.outputs)
        if (v != none)
            values_[size_t(v)] = s;
}

void Sketching::evaluate_small(const Node& node, const OpDef& op,
                               const std::vector<ValueFacts>& facts) {
    const bool shape_only = node.op == "Shape" || node.op == "Size";
    int64_t elements = 0;
    for (const ValueFacts& f : facts) {
        if (f.present && !f.constant && !shape_only)
            return;
        elements += f.present && f.constant ? count(f.shape) : 0;
    }
    for (ValueId v : node.outputs)
        elements += v == none ? 0 : count(values_[size_t(v)].shape);
    if (elements > max_elements_kept || op.make)
        return;
    std::vector<TensorView> in, out;
    for (const ValueFacts& f : facts)
        in.push_back(f.constant ? f.constant->view() : TensorView{f.type, f.shape, nullptr});
    for (ValueId v : node.outputs) {
        if (v != none)
            values_[size_t(v)].content.emplace(values_[size_t(v)].type, values_[size_t(v)].shape);
        out.push_back(v == none ? TensorView{} : values_[size_t(v)].content->view());
    }
    op.run(node, in, out);
}

void Sketching::set_all(const Node& node, const std::vector<Sketch>& made) {
    for (size_t k = 0; k < node.outputs.size(); k++)
        if (node.outputs[k] != none)
            values_[size_t(node.outputs[k])] = made[k];
}

// What both branches agree on, or what the one gives that is taken.
std::vector<Sketch> Sketching::sketch_if(const Node& node) const {
    std::vector<Sketch> around;
    for (size_t k = 1; k < node.inputs.size(); k++)
        around.push_back(at(node.inputs[k]));
    const Sketch condition = at(node.inputs[0]);
    if (condition.content)
        return sketch(*node.bodies[flag_of(&*condition.content, false) ? 0 : 1], around, size_);
    std::vector<Sketch> made = sketch(*node.bodies[0], around, size_);
    const std::vector<Sketch> other = sketch(*node.bodies[1], around, size_);
    for (size_t k = 0; k < std::min(made.size(), other.size()); k++) {
        made[k].content.reset();
        made[k].guessed |= other[k].guessed || made[k].shape != other[k].shape;
        made[k].failed |= other[k].failed;
    }
    return made;
}

// Loop and Scan: one iteration, whose states should look like the first.
std::vector<Sketch> Sketching::sketch_repeated(const Node& node) const {
    const FlowParts parts = parts_of(node);
    std::vector<Sketch> in;
    if (node.op == "Loop")
        in = {{ElementType::I64, {}, {}, false, false}, {ElementType::Bool, {}, {}, false, false}};
    int64_t length = size_;
    const size_t sequences = parts.first_state + parts.states;
    for (size_t k = parts.first_state; k < node.inputs.size(); k++) {
        Sketch s = at(node.inputs[k]);
        if (k >= sequences && k < sequences + parts.sequences)
            if (const auto axis = axis_of(listed(node, "scan_input_axes", k - sequences),
                                          s.shape.size())) {
                length = s.shape[*axis];
                s.shape.erase(s.shape.begin() + int64_t(*axis));
            }
        if (k + parts.captures < node.inputs.size())
            s.content.reset(); // another one each time
        in.push_back(std::move(s));
    }
    std::vector<Sketch> made = sketch(*node.bodies[0], in, size_);
    if (node.op == "Loop")
        made.erase(made.begin());
    for (size_t k = 0; k < made.size(); k++) {
        made[k].content.reset();
        Shape& shape = made[k].shape;
        if (k < parts.states)
            made[k].guessed |= shape != at(node.inputs[parts.first_state + k]).shape;
        else if (const auto axis = axis_of(listed(node, "scan_output_axes", k - parts.states),
                                           shape.size() + 1))
            shape.insert(shape.begin() + int64_t(*axis), length);
        else
            made[k].failed = true;
    }
    return made;
}

void Sketching::add_flow(const Node& node) {
    set_all(node, node.op == "If" ? sketch_if(node) : sketch_repeated(node));
}

void Sketching::add_node(const Node& node) {
    if (is_control_flow(node.op))
        return add_flow(node);
    const OpDef* op = find_op(node.op);
    std::vector<ValueFacts> in = facts_of(node);
    bool guessed = false, failed = false;
    for (ValueId v : node.inputs)
        failed |= v != none && values_[size_t(v)].failed;
    auto out = infer_guessing(*op, node, in, size_, guessed);
    if (!out.ok())
        return give_up(node);
    for (ValueId v : node.inputs)
        guessed |= v != none && values_[size_t(v)].guessed;
    set(node, out.value(), guessed);
    if (failed)
        for (ValueId v : node.outputs)
            if (v != none)
                values_[size_t(v)].failed = true;
    if (!guessed)
        evaluate_small(node, *op, in);
}

std::vector<Sketch> Sketching::run(const std::vector<Sketch>& inputs) {
    for (size_t v = 0; v < values_.size(); v++)
        if (const Value& value = graph_.values[v]; value.constant)
            values_[v] = {value.type, value.shape, value.constant, false, false};
    for (size_t k = 0; k < inputs.size(); k++)
        values_[size_t(graph_.inputs[k])] = inputs[k];
    for (const Node& node : graph_.nodes)
        add_node(node);
    std::vector<Sketch> outputs;
    for (ValueId v : graph_.outputs)
        outputs.push_back(values_[size_t(v)]);
    return outputs;
}

} // namespace

std::vector<Sketch> sketch(const Graph& graph, const std::vector<Sketch>& inputs, int64_t size) {
    return Sketching(graph, size).run(inputs);
}

} // namespace infer
