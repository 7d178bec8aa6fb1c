// SPDX-License-Identifier: LGPL-2.1-or-later
// If, Loop and Scan in a run.
#include "inference/control_flow.h"
#include "inference/interpretation.h"
#include "inference/ops/kernel.h"

namespace infer {
namespace {

template <typename T> Tensor single(ElementType type, T value) {
    return make_tensor<T>(type, {}, std::span<const T>(&value, 1));
}

// Part `at` of `whole` along the axis, without that dimension.
Tensor slice_at(const Tensor& whole, size_t axis, int64_t at) {
    const Shape& x = whole.shape();
    Shape shape = x;
    shape.erase(shape.begin() + int64_t(axis));
    Tensor part(whole.type(), shape);
    const size_t bytes =
        size_t(count({x.begin() + int64_t(axis) + 1, x.end()})) * size_of(whole.type());
    const auto* from = static_cast<const std::byte*>(whole.view().data) + size_t(at) * bytes;
    auto* to = static_cast<std::byte*>(part.view().data);
    for (int64_t row = count({x.begin(), x.begin() + int64_t(axis)}); row > 0; row--) {
        to = std::copy_n(from, bytes, to);
        from += bytes * size_t(x[axis]);
    }
    return part;
}

// Values of all iterations side by side along a new axis. Of none: empty, and otherwise as declared.
class Stack {
public:
    Stack(const Node& node, const Value& declared) : node_(node), declared_(declared) {}

    Result<void> add(Tensor t) {
        if (!t.view().data)
            return invalid(node_, "an iteration gives nothing to one of its outputs");
        if (!parts_.empty() &&
            (t.type() != parts_[0].type() || t.shape() != parts_[0].shape()))
            return invalid(node_, "one iteration gives " + to_string(t.shape()) +
                                      " to an output where the first gave " +
                                      to_string(parts_[0].shape()));
        bytes_ += t.view().size_bytes();
        parts_.push_back(std::move(t));
        return {};
    }
    size_t bytes() const { return bytes_; }

    Result<Tensor> join(int64_t wanted_axis, bool backwards) const {
        Shape shape = parts_.empty() ? declared_.shape : parts_[0].shape();
        for (int64_t& d : shape)
            d = std::max<int64_t>(d, 0); // not declared
        const auto axis = axis_of(wanted_axis, shape.size() + 1);
        if (!axis)
            return invalid(node_, "has an axis outside its outputs");
        const size_t inner = size_t(count({shape.begin() + int64_t(*axis), shape.end()}));
        const int64_t outer = count({shape.begin(), shape.begin() + int64_t(*axis)});
        const ElementType type = parts_.empty() ? declared_.type : parts_[0].type();
        shape.insert(shape.begin() + int64_t(*axis), int64_t(parts_.size()));
        Tensor all(type, shape);
        const size_t bytes = inner * size_of(type);
        auto* to = static_cast<std::byte*>(all.view().data);
        for (int64_t row = 0; row < outer; row++)
            for (size_t k = 0; k < parts_.size(); k++) {
                const Tensor& part = parts_[backwards ? parts_.size() - 1 - k : k];
                to = std::copy_n(static_cast<const std::byte*>(part.view().data) +
                                     size_t(row) * bytes,
                                 bytes, to);
            }
        return all;
    }

private:
    const Node& node_;
    const Value& declared_; // of the body's output
    std::vector<Tensor> parts_;
    size_t bytes_ = 0;
};

std::vector<Stack> stacks_for(const Node& node, const FlowParts& parts) {
    const Graph& body = *node.bodies[0];
    std::vector<Stack> stacks;
    for (size_t k = 0; k < parts.scans; k++)
        stacks.emplace_back(node, body.value(body.outputs[body.outputs.size() - parts.scans + k]));
    return stacks;
}

// The last outputs of an iteration go onto the stacks.
Result<void> push(const Node& node, std::vector<Stack>& stacks, std::vector<Tensor>& made,
                  size_t bytes_before) {
    size_t bytes = bytes_before;
    const size_t first = made.size() - stacks.size();
    for (size_t k = 0; k < stacks.size(); k++) {
        if (auto ok = stacks[k].add(std::move(made[first + k])); !ok.ok())
            return ok;
        bytes += stacks[k].bytes();
    }
    made.resize(first);
    if (bytes > RunBudget::max_bytes / 2) // they are copied once more at the end
        return unsupported(node, "gathers more than 1 GiB for this input");
    return {};
}

} // namespace

std::vector<Tensor> Interpretation::inputs_from(const Node& node, size_t first,
                                                size_t number) const {
    std::vector<Tensor> tensors;
    for (size_t k = first; k < first + number; k++) {
        const Tensor* t = find(node.inputs[k]);
        tensors.push_back(t ? *t : Tensor());
    }
    return tensors;
}

Result<std::vector<Tensor>> Interpretation::run_body(const Node& node, const Interpreter& body,
                                                     std::vector<Tensor> inputs) {
    if (--budget_.steps_left < 0) // a body may be empty and yet repeat for ever
        return unsupported(node, "would take too long: the model's loops run more than " +
                                     std::to_string(RunBudget().steps_left) + " nodes");
    if (std::chrono::steady_clock::now() > budget_.end)
        return unsupported(node, "takes too long: the model runs for more than " +
                                     std::to_string(RunBudget::longest.count()) + " seconds");
    return Interpretation(body, budget_).run(std::move(inputs));
}

Result<std::vector<Tensor>> Interpretation::run_loop(const Interpreter::Step& step) {
    const Node& node = *step.node;
    const FlowParts parts = parts_of(node);
    const int64_t most = count_of(find(node.inputs[0]), INT64_MAX);
    bool goes_on = flag_of(find(node.inputs[1]), true);
    std::vector<Tensor> states = inputs_from(node, 2, parts.states);
    const std::vector<Tensor> around = inputs_from(node, 2 + parts.states, parts.captures);
    std::vector<Stack> stacks = stacks_for(node, parts);
    for (int64_t i = 0; i < most && goes_on; i++) {
        std::vector<Tensor> in{single<int64_t>(ElementType::I64, i),
                               single<uint8_t>(ElementType::Bool, 1)};
        in.insert(in.end(), states.begin(), states.end());
        in.insert(in.end(), around.begin(), around.end());
        auto made = run_body(node, step.bodies[0], std::move(in));
        if (!made.ok())
            return made;
        if (auto ok = push(node, stacks, made.value(), budget_.bytes); !ok.ok())
            return ok.error();
        goes_on = flag_of(&made.value()[0], false);
        states.assign(made.value().begin() + 1, made.value().end());
    }
    for (const Stack& stack : stacks) {
        auto joined = stack.join(0, false);
        if (!joined.ok())
            return joined.error();
        states.push_back(joined.value());
    }
    return states;
}

Result<std::vector<Tensor>> Interpretation::run_scan(const Interpreter::Step& step) {
    const Node& node = *step.node;
    const FlowParts parts = parts_of(node);
    std::vector<Tensor> states = inputs_from(node, 0, parts.states);
    const auto sequences = inputs_from(node, parts.states, parts.sequences);
    const auto around = inputs_from(node, parts.states + parts.sequences, parts.captures);
    std::vector<size_t> axes;
    int64_t length = -1;
    for (size_t k = 0; k < sequences.size(); k++) {
        const Shape& shape = sequences[k].shape();
        const auto axis = axis_of(listed(node, "scan_input_axes", k), shape.size());
        if (!sequences[k].view().data || !axis || (length >= 0 && shape[*axis] != length))
            return invalid(node, "its sequences are not equally long, or one is missing");
        axes.push_back(*axis);
        length = shape[*axis];
    }
    std::vector<Stack> stacks = stacks_for(node, parts);
    for (int64_t i = 0; i < length; i++) {
        std::vector<Tensor> in = states;
        for (size_t k = 0; k < sequences.size(); k++)
            in.push_back(slice_at(sequences[k], axes[k],
                                  listed(node, "scan_input_directions", k) ? length - 1 - i : i));
        in.insert(in.end(), around.begin(), around.end());
        auto made = run_body(node, step.bodies[0], std::move(in));
        if (!made.ok())
            return made;
        if (auto ok = push(node, stacks, made.value(), budget_.bytes); !ok.ok())
            return ok.error();
        states = std::move(made.value());
    }
    for (size_t k = 0; k < stacks.size(); k++) {
        auto joined = stacks[k].join(listed(node, "scan_output_axes", k),
                                     listed(node, "scan_output_directions", k) != 0);
        if (!joined.ok())
            return joined.error();
        states.push_back(joined.value());
    }
    return states;
}

Result<std::vector<Tensor>> Interpretation::run_flow(const Interpreter::Step& step) {
    const Node& node = *step.node;
    if (node.op == "Loop")
        return run_loop(step);
    if (node.op == "Scan")
        return run_scan(step);
    const Tensor* condition = find(node.inputs[0]);
    if (!condition || count(condition->shape()) != 1 || condition->type() != ElementType::Bool)
        return invalid(node, "its condition is not one truth value");
    const Interpreter& branch = step.bodies[flag_of(condition, false) ? 0 : 1];
    return run_body(node, branch, inputs_from(node, 1, parts_of(node).captures));
}

} // namespace infer
