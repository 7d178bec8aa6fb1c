// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/control_flow.h"
#include "inference/evaluate.h"
#include "inference/guess.h"
#include "inference/model.h"
#include "inference/ops/kernel.h"
#include "inference/tail.h"

#include <unordered_map>

namespace infer {
namespace {

// Shape arithmetic is small; values larger than this are not kept while shapes are worked out.
constexpr int64_t max_known_elements = 65536, max_known_cost = int64_t{1} << 22;

// Nodes that If and Loop may be replaced by, in all.
constexpr int64_t max_unfolded = 20000;

// Walks the nodes in order: those of known shape stay, those that depend on the data in size go
// into the tail with all that depends on them.
class Inference {
public:
    using Before = std::function<Result<void>(Node&)>;
    using After = std::function<Result<void>(const Node&)>;

    Inference(Graph& graph, const Before& before, const After& after)
        : graph_(graph), before_(before), after_(after), depends_(graph.values.size(), false) {}

    Result<void> run();

private:
    const Tensor* known(ValueId v) const;
    Result<void> add_node(Node node);
    void add_to_tail(Node node);
    Result<bool> settle(const Node& node);

    // Control flow; false: stays as it is.
    Result<bool> unfold(const Node& node);
    Result<bool> unfold_loop(const Node& node);
    Result<void> unroll(const Node& node, bool& complete);
    Result<std::vector<ValueId>> insert(const Graph& body, const std::vector<ValueId>& inputs,
                                        const std::string& prefix);
    Result<void> give(const Node& node, const std::vector<ValueId>& results);
    Result<ValueId> emit(std::string op, std::vector<ValueId> inputs,
                         std::map<std::string, Attr> attrs, const std::string& name);
    ValueId constant(Tensor tensor, const std::string& name);
    bool starts_tail(const Node& node) const;
    bool is_small(const Node& node) const;
    void evaluate_small(const Node& node);

    Graph& graph_;
    const Before& before_;
    const After& after_;
    std::vector<bool> depends_; // by value: on data in size
    std::unordered_map<ValueId, Tensor> computed_;
    std::vector<Node> fixed_, tail_;
    int64_t unfolded_left_ = max_unfolded;
};

const Tensor* Inference::known(ValueId v) const {
    if (v == none)
        return nullptr;
    if (graph_.value(v).constant)
        return &*graph_.value(v).constant;
    const auto it = computed_.find(v);
    return it == computed_.end() ? nullptr : &it->second;
}

void Inference::add_to_tail(Node node) {
    for (ValueId v : node.outputs)
        if (v != none)
            depends_[size_t(v)] = true;
    tail_.push_back(std::move(node));
}

bool Inference::is_small(const Node& node) const {
    const bool few = std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId v) {
        return v == none || count(graph_.value(v).shape) <= max_known_elements;
    });
    return few && cost_of(graph_, node) <= max_known_cost;
}

void Inference::evaluate_small(const Node& node) {
    if (!is_small(node) || !can_evaluate(node, [&](ValueId v) { return known(v); }))
        return;
    std::vector<const Tensor*> inputs;
    for (ValueId v : node.inputs)
        inputs.push_back(v == none ? nullptr : known(v));
    const std::vector<Tensor> results = evaluate(graph_, node, inputs);
    for (size_t k = 0; k < results.size(); k++)
        if (const ValueId v = node.outputs[k]; v != none) {
            computed_[v] = results[k];
            graph_.value(v).shape = results[k].shape();
        }
}

// Whether an output's size is still open.
bool Inference::starts_tail(const Node& node) const {
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId v) {
        if (v == none)
            return false;
        const Shape& shape = graph_.value(v).shape;
        return std::find(shape.begin(), shape.end(), -1) != shape.end();
    });
}

// Works out the node's outputs; false: only the data will tell.
Result<bool> Inference::settle(const Node& node) {
    const auto ok = infer_node(graph_, node, [&](ValueId v) { return known(v); });
    if (ok.ok()) {
        if (auto noted = after_(node); !noted.ok())
            return noted.error();
        evaluate_small(node);
        return !starts_tail(node);
    }
    std::vector<ValueFacts> in;
    for (ValueId v : node.inputs)
        in.push_back(v == none ? ValueFacts{ElementType::F32, {}, nullptr, false}
                               : ValueFacts{graph_.value(v).type, graph_.value(v).shape, known(v)});
    bool guessed = false;
    const OpDef* op = find_op(node.op);
    if (op && infer_guessing(*op, node, std::move(in), 1, guessed).ok())
        return false;
    return ok.error();
}

ValueId Inference::constant(Tensor tensor, const std::string& name) {
    const ValueId id = graph_.add_value({name, tensor.type(), tensor.shape(), tensor});
    depends_.resize(graph_.values.size(), false);
    return id;
}

Result<ValueId> Inference::emit(std::string op, std::vector<ValueId> inputs,
                                std::map<std::string, Attr> attrs, const std::string& name) {
    const ValueId result = graph_.add_value({name, ElementType::F32, {}, {}});
    depends_.resize(graph_.values.size(), false);
    auto ok = add_node({std::move(op), name, std::move(attrs), std::move(inputs), {result}});
    return ok.ok() ? Result<ValueId>(result) : ok.error();
}

// Puts the nodes of a graph in the place of the node that holds it.
Result<std::vector<ValueId>> Inference::insert(const Graph& body,
                                               const std::vector<ValueId>& inputs,
                                               const std::string& prefix) {
    Copied copy = copy_into(graph_, body, inputs, prefix);
    depends_.resize(graph_.values.size(), false);
    for (Node& node : copy.nodes) {
        unfolded_left_--;
        if (auto ok = add_node(std::move(node)); !ok.ok())
            return ok.error();
    }
    return copy.outputs;
}

// The node's outputs get these contents.
Result<void> Inference::give(const Node& node, const std::vector<ValueId>& results) {
    for (size_t k = 0; k < node.outputs.size(); k++)
        if (node.outputs[k] != none) {
            const std::string name = node.name + "/" + graph_.value(node.outputs[k]).name;
            if (auto ok = add_node({"Identity", name, {}, {results[k]}, {node.outputs[k]}});
                !ok.ok())
                return ok;
        }
    return {};
}

Result<bool> Inference::unfold(const Node& node) {
    if (node.op == "Loop")
        return unfold_loop(node);
    const Tensor* condition = node.op == "If" ? known(node.inputs[0]) : nullptr;
    if (!condition || count(condition->shape()) != 1)
        return false;
    const Graph& branch = *node.bodies[flag_of(condition, false) ? 0 : 1];
    if (int64_t(branch.nodes.size()) > unfolded_left_)
        return false;
    auto results = insert(branch, {node.inputs.begin() + 1, node.inputs.end()}, node.name + "/");
    if (!results.ok())
        return results.error();
    if (auto ok = give(node, results.value()); !ok.ok())
        return ok.error();
    return true;
}

// All iterations one behind the other. Not complete: how many there are is not known, or too many.
Result<void> Inference::unroll(const Node& node, bool& complete) {
    const FlowParts parts = parts_of(node);
    const Graph& body = *node.bodies[0];
    const int64_t most = count_of(known(node.inputs[0]), INT64_MAX);
    const auto first = node.inputs.begin() + int64_t(parts.first_state);
    std::vector<ValueId> states(first, first + int64_t(parts.states));
    const std::vector<ValueId> around(first + int64_t(parts.states), node.inputs.end());
    std::vector<std::vector<ValueId>> scans(parts.scans); // each iteration's, one more dimension
    const ValueId axes = constant(indices_of(ElementType::I64, {1}, {0}), node.name + "/axes");
    const ValueId always =
        constant(make_tensor<uint8_t>(ElementType::Bool, {}, std::vector<uint8_t>{1}),
                 node.name + "/condition");
    ValueId condition = node.inputs[1];
    for (int64_t i = 0; i < most; i++) {
        const bool is_known = condition == none || known(condition);
        if (is_known && !flag_of(known(condition), true))
            break;
        if (!is_known || int64_t(body.nodes.size() + 1) > unfolded_left_--)
            return {};
        const std::string prefix = node.name + "/" + std::to_string(i) + "/";
        std::vector<ValueId> in{constant(indices_of(ElementType::I64, {}, {i}), prefix + "i"),
                                always};
        in.insert(in.end(), states.begin(), states.end());
        in.insert(in.end(), around.begin(), around.end());
        auto made = insert(body, in, prefix);
        if (!made.ok())
            return made.error();
        condition = made.value()[0];
        states.assign(made.value().begin() + 1,
                      made.value().begin() + 1 + int64_t(parts.states));
        for (size_t k = 0; k < scans.size(); k++) {
            auto row = emit("Unsqueeze", {made.value()[1 + parts.states + k], axes}, {},
                            prefix + "row" + std::to_string(k));
            if (!row.ok())
                return row.error();
            scans[k].push_back(row.value());
        }
    }
    for (size_t k = 0; k < scans.size(); k++) {
        if (scans[k].empty())
            return {};
        auto all = emit("Concat", scans[k], {{"axis", int64_t{0}}},
                        node.name + "/scan" + std::to_string(k));
        if (!all.ok())
            return all.error();
        states.push_back(all.value());
    }
    complete = true;
    return give(node, states);
}

// Tries; what has been done is taken back if it leads nowhere.
Result<bool> Inference::unfold_loop(const Node& node) {
    if (node.inputs[0] != none && !known(node.inputs[0]))
        return false;
    const size_t values = graph_.values.size(), fixed = fixed_.size(), tail = tail_.size();
    bool complete = false;
    const auto tried = unroll(node, complete);
    if (complete)
        return tried.ok() ? Result<bool>(true) : tried.error();
    if (!tried.ok())
        return tried.error();
    graph_.values.resize(values);
    depends_.resize(values);
    std::erase_if(computed_, [&](const auto& entry) { return size_t(entry.first) >= values; });
    fixed_.resize(fixed);
    tail_.resize(tail);
    return false;
}

Result<void> Inference::add_node(Node node) {
    if (node.op == tail_op) {
        fixed_.push_back(std::move(node));
        return {};
    }
    const bool depends = std::any_of(node.inputs.begin(), node.inputs.end(),
                                     [&](ValueId v) { return v != none && depends_[size_t(v)]; });
    if (is_control_flow(node.op)) {
        const auto unfolded = unfold(node);
        if (!unfolded.ok())
            return unfolded.error();
        if (!unfolded.value())
            add_to_tail(std::move(node));
        return {};
    }
    if (!depends) {
        if (auto ok = before_(node); !ok.ok())
            return ok;
        const auto settled = settle(node);
        if (!settled.ok())
            return settled.error();
        if (settled.value()) {
            fixed_.push_back(std::move(node));
            return {};
        }
    }
    add_to_tail(std::move(node));
    return {};
}

Result<void> Inference::run() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    for (Node& node : nodes)
        if (auto ok = add_node(std::move(node)); !ok.ok())
            return ok;
    const bool had_tail = std::any_of(fixed_.begin(), fixed_.end(),
                                      [](const Node& node) { return node.op == tail_op; });
    graph_.nodes = std::move(fixed_);
    if (tail_.empty())
        return {};
    if (had_tail)
        return unsupported(tail_[0], "depends on the data in size, which nobody had noticed");
    add_tail(graph_, std::move(tail_));
    return {};
}

} // namespace

Result<void> infer_shapes(Graph& graph) {
    const auto nothing = [](const Node&) { return Result<void>(); };
    return infer_shapes(graph, nothing, nothing);
}

Result<void> infer_shapes(Graph& graph, const std::function<Result<void>(Node&)>& before,
                          const std::function<Result<void>(const Node&)>& after) {
    return Inference(graph, before, after).run();
}

} // namespace infer
