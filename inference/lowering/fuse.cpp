// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/lowering/fuse.h"

#include "inference/lowering/micro_ops.h"
#include "inference/passes/rewrite.h"

#include <algorithm>

namespace infer::lowering {
namespace {

class Fuser {
public:
    explicit Fuser(Graph& graph) : graph_(graph) { count_uses(); }
    void run();

private:
    void count_uses();
    int only_user(ValueId v) const;
    std::vector<ValueFacts> operands(const Node& node) const;
    const Shape& shape(ValueId v) const { return graph_.value(v).shape; }

    void shuffle(size_t first);
    void dequantize(size_t node);
    void chain(size_t first);
    bool append(Node& chain, const Node& next, ValueId running) const;
    bool fits(ValueId operand, const Shape& out) const;

    Graph& graph_;
    std::vector<std::vector<int>> users_; // by value: nodes
    std::vector<bool> is_output_, gone_;  // by value; by node
};

void Fuser::count_uses() {
    users_.assign(graph_.values.size(), {});
    is_output_.assign(graph_.values.size(), false);
    gone_.assign(graph_.nodes.size(), false);
    for (size_t k = 0; k < graph_.nodes.size(); k++)
        for (const ValueId v : graph_.nodes[k].inputs)
            if (v != none)
                users_[size_t(v)].push_back(int(k));
    for (const ValueId v : graph_.outputs)
        is_output_[size_t(v)] = true;
}

int Fuser::only_user(ValueId v) const {
    const auto& users = users_[size_t(v)];
    return users.size() == 1 && !is_output_[size_t(v)] ? users[0] : -1;
}

std::vector<ValueFacts> Fuser::operands(const Node& node) const {
    std::vector<ValueFacts> in;
    for (const ValueId v : node.inputs) {
        ValueFacts x;
        x.present = v != none;
        if (x.present) {
            const Value& value = graph_.value(v);
            x.type = value.type, x.shape = value.shape;
            x.constant = value.constant ? &*value.constant : nullptr;
        }
        in.push_back(x);
    }
    return in;
}

// [N, C, ...] -> [N, g, C/g, ...] -> [N, C/g, g, ...] -> [N, C, ...]
void Fuser::shuffle(size_t first) {
    const Node& split = graph_.nodes[first];
    if (split.op != "Reshape")
        return;
    const int second = only_user(split.outputs[0]);
    if (second < 0 || graph_.nodes[size_t(second)].op != "Transpose")
        return;
    const Node& swap = graph_.nodes[size_t(second)];
    const int third = only_user(swap.outputs[0]);
    if (third < 0 || graph_.nodes[size_t(third)].op != "Reshape")
        return;
    Node& join = graph_.nodes[size_t(third)];
    const Shape& from = shape(split.inputs[0]);
    const Shape& grouped = shape(split.outputs[0]);
    std::vector<int64_t> perm{0, 2, 1};
    for (size_t d = 3; d < grouped.size(); d++)
        perm.push_back(int64_t(d));
    const bool rest_equal = grouped.size() == from.size() + 1 && from.size() >= 3 && grouped[0] == from[0] &&
                            grouped[1] * grouped[2] == from[1] &&
                            std::equal(from.begin() + 2, from.end(), grouped.begin() + 3);
    if (!rest_equal || shape(join.outputs[0]) != from || swap.attr("perm", std::vector<int64_t>{}) != perm)
        return;
    join.op = "ChannelShuffle";
    join.inputs = {split.inputs[0]};
    join.attrs = {{"groups", grouped[1]}};
    gone_[first] = gone_[size_t(second)] = true;
}

// One number of a constant of any type; nothing if it is not known or not one.
std::optional<double> number_of(const Graph& graph, ValueId v) {
    const auto& constant = graph.value(v).constant;
    if (!constant || count(constant->shape()) != 1)
        return {};
    double number = 0;
    visit(constant->type(), [&]<typename T>(std::type_identity<T>) { number = double(constant->span<T>()[0]); });
    return number;
}

// QuantizeLinear, DequantizeLinear with the same scale and zero point: the number nearest on their grid.
void Fuser::dequantize(size_t at) {
    Node& node = graph_.nodes[at];
    if (node.op != "DequantizeLinear")
        return;
    const Value& middle = graph_.value(node.inputs[0]);
    const auto maker = std::find_if(graph_.nodes.begin(), graph_.nodes.begin() + int64_t(at), [&](const Node& n) {
        return n.op == "QuantizeLinear" && n.outputs[0] == node.inputs[0];
    });
    const bool bytes = is_byte(middle.type);
    const bool words = middle.type == ElementType::U16 || middle.type == ElementType::I16;
    if (maker == graph_.nodes.begin() + int64_t(at) || (!bytes && !words) ||
        graph_.value(maker->inputs[0]).type != ElementType::F32)
        return;
    const auto parameter = [&](const Node& n, size_t k) {
        return k < n.inputs.size() && n.inputs[k] != none ? number_of(graph_, n.inputs[k])
                                                          : std::optional(0.0); // of the zero point
    };
    const auto scale = parameter(node, 1), zero = parameter(node, 2);
    if (!scale || !zero || !(*scale > 0) || parameter(*maker, 1) != scale || parameter(*maker, 2) != zero)
        return;
    const bool is_signed = middle.type == ElementType::I8 || middle.type == ElementType::I16;
    const double levels = bytes ? 256 : 65536, low = is_signed ? -levels / 2 : 0;
    node.op = "QuantizeDequantize";
    node.inputs = {maker->inputs[0]};
    node.attrs = {{"alpha", float((low - *zero) * *scale)}, {"beta", float((low + levels - 1 - *zero) * *scale)},
                  {"step", float(*scale)}};
}

// Whether the elementwise kernel can read it beside an output of shape `out`, in any layout.
bool Fuser::fits(ValueId operand, const Shape& out) const {
    const Shape& s = shape(operand);
    if (s.size() == out.size() || count(s) == 1 || s.size() + 2 <= out.size())
        return true;
    return std::all_of(s.begin() + 1, s.end(), [](int64_t n) { return n == 1; });
}

// Adds one more operation to a Chain whose running value is `running`.
bool Fuser::append(Node& chain, const Node& next, ValueId running) const {
    const auto ops = micro_ops(next, operands(next));
    if (ops.size() != 1 || next.op == "Chain")
        return false;
    const bool binary = ops[0].operand >= 0;
    const bool reversed = binary && next.inputs[0] != running;
    if (binary && next.inputs[0] == next.inputs[1])
        return false;
    const Activation& f = ops[0].activation;
    std::string name = next.op;
    if (ops[0].kind == MicroOp::Grid || ops[0].kind == MicroOp::ScaledGrid)
        name = ops[0].kind == MicroOp::Grid ? "Grid" : "ScaledGrid";
    if (next.op == "Pow")
        name = ops[0].kind == MicroOp::Square ? "Square" : ops[0].kind == MicroOp::Sqrt ? "Sqrt" : "Power";
    if (reversed && !micro_op(name, true, 0, 0))
        return false;
    int64_t operand = -1;
    if (binary) {
        const ValueId other = next.inputs[reversed ? 0 : 1];
        if (!fits(other, shape(next.outputs[0])) || graph_.value(other).type != ElementType::F32)
            return false;
        operand = int64_t(chain.inputs.size());
        chain.inputs.push_back(other);
    }
    std::get<std::vector<std::string>>(chain.attrs["ops"]).push_back(name);
    std::get<std::vector<int64_t>>(chain.attrs["operands"]).push_back(operand);
    std::get<std::vector<int64_t>>(chain.attrs["reversed"]).push_back(reversed);
    std::get<std::vector<float>>(chain.attrs["alphas"]).push_back(f.alpha);
    std::get<std::vector<float>>(chain.attrs["betas"]).push_back(f.beta);
    for (const float v : {ops[0].from, ops[0].step, ops[0].out_from, ops[0].out_step})
        std::get<std::vector<float>>(chain.attrs["grids"]).push_back(v);
    return true;
}

void Fuser::chain(size_t first) {
    const Node& head = graph_.nodes[first];
    if (head.inputs.empty() || head.outputs.size() != 1 ||
        graph_.value(head.outputs[0]).type != ElementType::F32 || !fits(head.inputs[0], shape(head.outputs[0])))
        return;
    Node chain;
    chain.op = "Chain";
    chain.name = head.name;
    chain.inputs = {head.inputs[0]};
    chain.attrs = {{"ops", std::vector<std::string>{}}, {"operands", std::vector<int64_t>{}},
                   {"reversed", std::vector<int64_t>{}}, {"alphas", std::vector<float>{}},
                   {"betas", std::vector<float>{}}, {"grids", std::vector<float>{}}};
    if (!append(chain, head, head.inputs[0]))
        return;
    size_t last = first;
    std::vector<size_t> members{first};
    for (;;) {
        const ValueId running = graph_.nodes[last].outputs[0];
        const int next = only_user(running);
        if (next < 0 || gone_[size_t(next)] || graph_.nodes[size_t(next)].outputs.size() != 1 ||
            shape(graph_.nodes[size_t(next)].outputs[0]) != shape(running) ||
            !append(chain, graph_.nodes[size_t(next)], running))
            break;
        last = size_t(next);
        members.push_back(last);
    }
    if (members.size() < 2)
        return;
    chain.outputs = graph_.nodes[last].outputs;
    for (const size_t k : members)
        gone_[k] = true;
    graph_.nodes[last] = std::move(chain);
    gone_[last] = false;
}

void Fuser::run() {
    for (size_t k = 0; k < graph_.nodes.size(); k++)
        dequantize(k);
    remove_unused(graph_);
    count_uses();
    for (size_t k = 0; k < graph_.nodes.size(); k++)
        if (!gone_[k])
            shuffle(k);
    for (size_t k = 0; k < graph_.nodes.size(); k++)
        if (!gone_[k] && graph_.nodes[k].op != "Chain")
            chain(k);
    size_t to = 0;
    for (size_t k = 0; k < graph_.nodes.size(); k++)
        if (!gone_[k]) {
            if (to != k)
                graph_.nodes[to] = std::move(graph_.nodes[k]);
            to++;
        }
    graph_.nodes.resize(to);
}

} // namespace

void fuse(Graph& graph) { Fuser(graph).run(); }

} // namespace infer::lowering
