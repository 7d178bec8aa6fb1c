// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/interpretation.h"
#include "inference/control_flow.h"
#include "inference/evaluate.h"
#include "inference/ops/kernel.h"

namespace infer {
namespace {

// Operators that give their input another shape and leave its elements where they are.
bool keeps_elements(const Node& node) {
    return node.op == "Reshape" || node.op == "Squeeze" || node.op == "Unsqueeze" ||
           node.op == "Flatten" || node.op == "Identity";
}

} // namespace

const Tensor* Interpretation::find(ValueId v) const {
    if (v == none)
        return nullptr;
    const Tensor& held = values_[size_t(v)];
    const auto& constant = graph_.value(v).constant;
    return held.view().data ? &held : constant ? &*constant : nullptr;
}

Result<std::vector<Tensor>> Interpretation::make_outputs(const Node& node,
                                                         const std::vector<ValueFacts>& facts) {
    std::vector<Tensor> results(node.outputs.size());
    size_t bytes = budget_.bytes;
    for (size_t k = 0; k < results.size(); k++)
        bytes += size_t(count(facts[k].shape)) * size_of(facts[k].type);
    if (bytes > RunBudget::max_bytes)
        return unsupported(node, "needs more than 2 GiB for this input");
    for (size_t k = 0; k < results.size(); k++)
        if (node.outputs[k] != none)
            results[k] = Tensor(facts[k].type, facts[k].shape);
    return results;
}

Result<std::vector<Tensor>> Interpretation::run_op(const Interpreter::Step& step) {
    const Node& node = *step.node;
    facts_.clear();
    views_.clear();
    for (ValueId v : node.inputs) {
        const Tensor* t = find(v);
        facts_.push_back(t ? ValueFacts{t->type(), t->shape(), t, true}
                           : ValueFacts{ElementType::F32, {}, nullptr, false});
        views_.push_back(t ? t->view() : TensorView{});
    }
    auto out = infer_op(*step.op, node, facts_);
    if (!out.ok())
        return out.error();
    if (step.op->make)
        return step.op->make(node, views_);
    if (keeps_elements(node))
        return std::vector{find(node.inputs[0])->reshaped(out.value()[0].shape)};
    auto results = make_outputs(node, out.value());
    if (!results.ok())
        return results;
    std::vector<TensorView> to;
    for (const Tensor& t : results.value())
        to.push_back(t.view());
    step.op->run(node, views_, to);
    return results;
}

Result<void> Interpretation::run_step(const Interpreter::Step& step) {
    if (--budget_.steps_left < 0)
        return unsupported(*step.node, "would take too long: the model's loops run more than " +
                                           std::to_string(RunBudget().steps_left) + " nodes");
    auto results = step.op ? run_op(step) : run_flow(step);
    if (!results.ok())
        return results.error();
    for (size_t k = 0; k < step.node->outputs.size(); k++)
        if (const ValueId v = step.node->outputs[k]; v != none) {
            values_[size_t(v)] = std::move(results.value()[k]);
            hold(values_[size_t(v)]);
        }
    for (ValueId v : step.last_uses)
        let_go(values_[size_t(v)]);
    return {};
}

Result<std::vector<Tensor>> Interpretation::run(std::vector<Tensor> inputs) {
    for (size_t k = 0; k < inputs.size(); k++) {
        values_[size_t(graph_.inputs[k])] = std::move(inputs[k]);
        hold(values_[size_t(graph_.inputs[k])]);
    }
    for (const Interpreter::Step& step : program_.steps_)
        if (auto ok = run_step(step); !ok.ok())
            return ok.error();
    std::vector<Tensor> outputs;
    for (ValueId v : graph_.outputs) {
        const Tensor* t = find(v);
        outputs.push_back(t ? *t : Tensor());
    }
    return outputs;
}

Interpretation::~Interpretation() {
    for (Tensor& t : values_)
        let_go(t);
}

void Interpretation::hold(const Tensor& t) {
    if (t.view().data)
        budget_.bytes += t.view().size_bytes();
}

void Interpretation::let_go(Tensor& t) {
    if (t.view().data)
        budget_.bytes -= t.view().size_bytes();
    t = Tensor();
}

Interpreter::Interpreter(std::shared_ptr<const Graph> graph) : graph_(std::move(graph)) {
    std::vector<int> last(graph_->values.size(), -1);
    for (size_t n = 0; n < graph_->nodes.size(); n++) {
        const Node& node = graph_->nodes[n];
        for (const auto* side : {&node.inputs, &node.outputs})
            for (ValueId v : *side)
                if (v != none)
                    last[size_t(v)] = int(n);
        steps_.push_back({&node, find_op(node.op), {}, {}});
        for (const auto& body : node.bodies)
            steps_.back().bodies.emplace_back(body);
    }
    for (ValueId v : graph_->outputs)
        last[size_t(v)] = -1;
    for (size_t v = 0; v < last.size(); v++)
        if (last[v] >= 0 && !graph_->values[v].constant)
            steps_[size_t(last[v])].last_uses.push_back(ValueId(v));
}

Result<std::vector<Tensor>> Interpreter::run(std::vector<Tensor> inputs) const {
    try {
        RunBudget budget;
        auto outputs = Interpretation(*this, budget).run(std::move(inputs));
        for (size_t k = 0; outputs.ok() && k < outputs.value().size(); k++)
            if (Tensor& t = outputs.value()[k]; !t.view().data)
                return Error{Error::InvalidModel, "output '" + graph_->value(graph_->outputs[k]).name + "'",
                             "is nothing for this input"};
            else if (t.is_borrowed())
                t = t.clone();
        return outputs;
    } catch (const std::bad_alloc&) {
        return Error{Error::Device, "memory",
                     "is too little for what this input makes of the model"};
    }
}

} // namespace infer
