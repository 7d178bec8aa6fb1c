// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/draft.h"

#include "inference/batching.h"
#include "inference/image_layout.h"
#include "inference/op.h"
#include "inference/tail.h"

#include <algorithm>

namespace infer::cpu {

size_t Buffer::bytes() const { return size_t(count(shape)) * size_of(type); }

int Draft::root(int buffer) const {
    while (buffers[size_t(buffer)].base >= 0)
        buffer = buffers[size_t(buffer)].base;
    return buffer;
}

size_t Draft::offset_in_root(int buffer) const {
    size_t offset = 0;
    for (; buffer >= 0; buffer = buffers[size_t(buffer)].base)
        offset += buffers[size_t(buffer)].offset;
    return offset;
}

Operand Draft::operand(int buffer) const {
    if (buffer < 0) {
        Operand absent;
        absent.present = false;
        return absent;
    }
    const Buffer& b = buffers[size_t(buffer)];
    return {.type = b.type, .shape = b.shape, .layout = b.layout, .pixel_stride = b.pixel_stride,
            .constant = b.constant ? &*b.constant : nullptr};
}

namespace {

// `plain` with its memory in channels-last order; the shape stays the logical one.
Tensor channels_last(const Tensor& plain) {
    const Shape& shape = plain.shape();
    Tensor out(plain.type(), shape);
    const size_t unit = size_of(plain.type());
    const int64_t n = shape[0], c = shape[1], pixels = n * c == 0 ? 0 : count(shape) / n / c;
    const auto* from = static_cast<const std::byte*>(plain.view().data);
    auto* to = static_cast<std::byte*>(out.view().data);
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t k = 0; k < c; k++, to += unit)
                std::copy_n(from + size_t((i * c + k) * pixels + p) * unit, unit, to);
    return out;
}

// Whether the memory is the same in both layouts.
bool same_in_both(const Shape& shape) {
    int64_t spatial = 1;
    for (size_t d = 2; d < shape.size(); d++)
        spatial *= shape[d];
    return shape[1] == 1 || spatial == 1;
}

class Drafter {
public:
    Drafter(const Graph& graph, const DraftOptions& options)
        : graph_(graph), options_(options), of_value_(graph.values.size(), {-1, -1}) {}

    Result<Draft> run();

private:
    int& slot(ValueId v, Layout layout) { return of_value_[size_t(v)][layout == Layout::ChannelsLast]; }
    int home(ValueId v); // a buffer of the value, whichever layout it has
    int get(ValueId v, Layout layout);
    int add(Buffer buffer);
    int add_like(int buffer, Layout layout);
    int add_view(int base, Shape shape, Layout layout, int64_t pixel_stride, size_t offset);
    void add_reorder(int from, int to);
    int dense(int buffer);
    void add_input(size_t k);
    void add_output(size_t k);
    Layout input_layout(ValueId v) const;
    bool decides(ValueId v, int depth, Layout& layout) const;

    Result<void> add_node(const Node& node);
    Result<void> add_step(const Node& node);
    void add_tail(const Node& node);
    bool add_views(const Node& node);
    bool view_reshape(const Node& node);
    bool view_transpose(const Node& node);
    bool view_slices(const Node& node);
    std::vector<std::array<int64_t, 3>> slices(const Node& node) const;

    const Graph& graph_;
    const DraftOptions& options_;
    std::vector<std::array<int, 2>> of_value_; // buffers by layout; -1: none yet
    Draft draft_;
};

int Drafter::add(Buffer buffer) {
    if (buffer.layout == Layout::ChannelsLast && buffer.pixel_stride == 0)
        buffer.pixel_stride = buffer.shape[1];
    draft_.buffers.push_back(std::move(buffer));
    return int(draft_.buffers.size()) - 1;
}

int Drafter::add_like(int buffer, Layout layout) {
    const Buffer& like = draft_.buffers[size_t(buffer)];
    return add({.type = like.type, .shape = like.shape, .layout = layout});
}

int Drafter::add_view(int base, Shape shape, Layout layout, int64_t pixel_stride, size_t offset) {
    const ElementType type = draft_.buffers[size_t(base)].type;
    return add({.type = type, .shape = std::move(shape), .layout = layout,
                .pixel_stride = pixel_stride, .base = base, .offset = offset});
}

int Drafter::home(ValueId v) {
    for (const int b : of_value_[size_t(v)])
        if (b >= 0)
            return b;
    const Value& value = graph_.value(v); // only constants come without a producer
    return slot(v, Layout::Plain) =
               add({.type = value.type, .shape = value.shape, .constant = value.constant});
}

int Drafter::get(ValueId v, Layout layout) {
    if (v == none)
        return -1;
    const int have = home(v);
    if (slot(v, layout) >= 0)
        return slot(v, layout);
    const Buffer from = draft_.buffers[size_t(have)];
    if (same_in_both(from.shape) && !draft_.operand(have).is_strided() && !from.constant)
        return slot(v, layout) = add_view(have, from.shape, layout,
                                          layout == Layout::Plain ? 0 : from.shape[1], 0);
    const int to = add_like(have, layout);
    if (from.constant) {
        draft_.buffers[size_t(to)].constant = channels_last(*from.constant);
    } else {
        add_reorder(have, to);
    }
    return slot(v, layout) = to;
}

void Drafter::add_reorder(int from, int to) {
    PlannedStep step;
    step.node.op = step.node.name = "Reorder";
    step.in = {from};
    step.out = {to};
    step.def = find_kernel("copy");
    step.wish = {.in = {draft_.buffers[size_t(from)].layout},
                 .out = {draft_.buffers[size_t(to)].layout},
                 .strided_in = true, .strided_out = true}; // not of bf16: what leaves the images is on its way out
    draft_.steps.push_back(std::move(step));
}

// The buffer, or a copy of the channel slice it is.
int Drafter::dense(int buffer) {
    if (buffer < 0 || !draft_.operand(buffer).is_strided())
        return buffer;
    const int to = add_like(buffer, draft_.buffers[size_t(buffer)].layout);
    add_reorder(buffer, to);
    return to;
}

// Images come with their channels last. A model that is channels-last itself (its first deciding
// operator is a Transpose) gets its own order, which is the same memory.
void Drafter::add_input(size_t k) {
    const ValueId v = graph_.inputs[k];
    const Value& value = graph_.value(v);
    Layout layout = Layout::Plain;
    const bool channels_last = is_channels_last(graph_, v);
    if (value.shape.size() == 4 && value.type == ElementType::F32 && !channels_last)
        decides(v, 0, layout);
    slot(v, layout) =
        add({.type = value.type, .shape = value.shape, .layout = layout, .input = int(k)});

    InputFormat format{.type = value.type, .name = value.name, .shape = value.shape};
    format.channels_last = channels_last;
    format.layout = value.shape.size() != 4                              ? InputFormat::Plain
                    : channels_last || layout == Layout::ChannelsLast ? InputFormat::NHWC
                                                                      : InputFormat::NCHW;
    draft_.inputs.push_back(std::move(format));
}

// Follows a value to the first operator that has a say in its layout.
bool Drafter::decides(ValueId v, int depth, Layout& layout) const {
    if (depth > 8)
        return false;
    for (const Node& node : graph_.nodes) {
        if (node.inputs.empty() || std::find(node.inputs.begin(), node.inputs.end(), v) == node.inputs.end())
            continue;
        const std::string& op = node.op;
        if (op == "Transpose" || op == "Reshape" || op == "Flatten" || op == "MatMul" || op == "Gemm") {
            layout = Layout::Plain;
            return true;
        }
        if (op.starts_with("Conv") || op.ends_with("Pool") || op == "Resize") {
            layout = Layout::ChannelsLast;
            return true;
        }
        for (const ValueId out : node.outputs)
            if (graph_.value(out).shape.size() == 4 && decides(out, depth + 1, layout))
                return true;
    }
    return false;
}

void Drafter::add_output(size_t k) {
    const ValueId v = graph_.outputs[k];
    const Value& value = graph_.value(v);
    draft_.outputs.push_back({.name = value.name, .type = value.type, .shape = value.shape,
                              .image_column = image_column(graph_, v)});
    if (const Node* tail = tail_of(graph_))
        if (const auto it = std::ranges::find(tail->outputs, v); it != tail->outputs.end()) {
            draft_.tail->outputs[size_t(it - tail->outputs.begin())] = int(k);
            return;
        }
    const int from = get(v, Layout::Plain);
    const int root = draft_.root(from);
    Buffer& owner = draft_.buffers[size_t(root)];
    const bool whole = draft_.offset_in_root(from) == 0 &&
                       owner.bytes() == draft_.buffers[size_t(from)].bytes() &&
                       !draft_.operand(root).is_strided();
    if (whole && owner.input < 0 && owner.output < 0 && !owner.constant) {
        owner.output = int(k);
        return;
    }
    const int copy = add_like(from, Layout::Plain);
    draft_.buffers[size_t(copy)].output = int(k);
    add_reorder(from, copy);
}

// Reshape and its kin: the same memory under another shape.
bool Drafter::view_reshape(const Node& node) {
    const ValueId in = node.inputs[0], out = node.outputs[0];
    const Shape& to = graph_.value(out).shape;
    const int channels_last = slot(in, Layout::ChannelsLast);
    if (channels_last >= 0 && slot(in, Layout::Plain) < 0) {
        // [N, C, spatial...] -> [N, C, other spatial...] keeps the channels last.
        const Buffer& b = draft_.buffers[size_t(channels_last)];
        if (to.size() >= 3 && to[0] == b.shape[0] && to[1] == b.shape[1]) {
            slot(out, Layout::ChannelsLast) =
                add_view(channels_last, to, Layout::ChannelsLast, b.pixel_stride, 0);
            return true;
        }
    }
    slot(out, Layout::Plain) = add_view(get(in, Layout::Plain), to, Layout::Plain, 0, 0);
    return true;
}

bool Drafter::view_transpose(const Node& node) {
    const ValueId in = node.inputs[0], out = node.outputs[0];
    const Shape& from = graph_.value(in).shape;
    const Shape& to = graph_.value(out).shape;
    const size_t rank = from.size();
    std::vector<int64_t> reversed;
    for (size_t d = rank; d-- > 0;)
        reversed.push_back(int64_t(d));
    const std::vector<int64_t> perm = node.attr("perm", reversed);

    std::vector<int64_t> moved; // the order of the dimensions that are more than 1
    for (const int64_t d : perm)
        if (from[size_t(d)] != 1)
            moved.push_back(d);
    if (std::is_sorted(moved.begin(), moved.end())) {
        slot(out, Layout::Plain) = add_view(get(in, Layout::Plain), to, Layout::Plain, 0, 0);
        return true;
    }
    if (rank < 3)
        return false;
    std::vector<int64_t> to_last{0}, to_first{0, int64_t(rank) - 1};
    for (size_t d = 2; d < rank; d++)
        to_last.push_back(int64_t(d));
    to_last.push_back(1);
    for (size_t d = 1; d + 1 < rank; d++)
        to_first.push_back(int64_t(d));
    const int last = slot(in, Layout::ChannelsLast);
    if (perm == to_last && last >= 0 && !draft_.operand(last).is_strided()) {
        slot(out, Layout::Plain) = add_view(last, to, Layout::Plain, 0, 0);
        return true;
    }
    if (perm == to_first && slot(in, Layout::Plain) >= 0) {
        slot(out, Layout::ChannelsLast) =
            add_view(slot(in, Layout::Plain), to, Layout::ChannelsLast, to[1], 0);
        return true;
    }
    return false;
}

// {axis, start, length} by output; empty if the node takes something else than one plain cut.
std::vector<std::array<int64_t, 3>> Drafter::slices(const Node& node) const {
    const Shape& shape = graph_.value(node.inputs[0]).shape;
    const auto rank = int64_t(shape.size());
    std::vector<std::array<int64_t, 3>> cuts;
    if (node.op == "Split") {
        const int64_t axis = (node.attr("axis", int64_t(0)) + rank) % rank;
        int64_t start = 0;
        for (const ValueId out : node.outputs) {
            const int64_t length = graph_.value(out).shape[size_t(axis)];
            cuts.push_back({axis, start, length});
            start += length;
        }
        return cuts;
    }
    std::vector<std::vector<int64_t>> p(4); // starts, ends, axes, steps
    for (size_t k = 1; k < node.inputs.size() && k <= 4; k++) {
        if (node.inputs[k] == none)
            continue;
        const auto& constant = graph_.value(node.inputs[k]).constant;
        if (!constant)
            return {};
        if (constant->type() == ElementType::I64)
            p[k - 1].assign(constant->span<int64_t>().begin(), constant->span<int64_t>().end());
        else if (constant->type() == ElementType::I32)
            p[k - 1].assign(constant->span<int32_t>().begin(), constant->span<int32_t>().end());
    }
    const Shape& to = graph_.value(node.outputs[0]).shape;
    int cut = -1;
    for (size_t d = 0; d < shape.size(); d++)
        if (to[d] != shape[d]) {
            if (cut >= 0)
                return {};
            cut = int(d);
        }
    for (size_t k = 0; k < p[0].size(); k++) {
        const int64_t axis = p[2].empty() ? int64_t(k) : (p[2][k] + rank) % rank;
        if (!p[3].empty() && p[3][k] != 1)
            return {};
        const int64_t length = shape[size_t(axis)];
        const int64_t start = std::clamp<int64_t>(p[0][k] < 0 ? p[0][k] + length : p[0][k], 0, length);
        if (axis == cut)
            cuts.push_back({axis, start, to[size_t(axis)]});
    }
    if (cut < 0)
        cuts.push_back({0, 0, shape[0]});
    return cuts;
}

// A cut that leaves one piece of memory, or a range of channels of an image.
bool Drafter::view_slices(const Node& node) {
    const auto cuts = slices(node);
    if (cuts.size() != node.outputs.size())
        return false;
    const ValueId in = node.inputs[0];
    const int from = home(in);
    const Buffer b = draft_.buffers[size_t(from)];
    if (b.constant)
        return false;
    const auto strides = strides_of(draft_.operand(from));
    const auto axis = size_t(cuts[0][0]);
    const bool channels_last = b.layout == Layout::ChannelsLast;
    int64_t outer = 1; // indices before the axis in memory order
    for (size_t d = 0; d < b.shape.size(); d++)
        outer *= strides[d] > strides[axis] ? b.shape[d] : 1;
    if (outer != 1 && !(channels_last && axis == 1))
        return false;
    for (size_t k = 0; k < cuts.size(); k++) {
        const ValueId out = node.outputs[k];
        const size_t offset = size_t(cuts[k][1] * strides[axis]) * size_of(b.type);
        slot(out, b.layout) = add_view(from, graph_.value(out).shape, b.layout, b.pixel_stride, offset);
    }
    return true;
}

bool Drafter::add_views(const Node& node) {
    const std::string& op = node.op;
    if (op == "Reshape" || op == "Flatten" || op == "Squeeze" || op == "Unsqueeze")
        return view_reshape(node);
    if (op == "Identity" || (op == "Dropout" && node.outputs.size() == 1)) {
        const int from = home(node.inputs[0]);
        const Buffer b = draft_.buffers[size_t(from)];
        slot(node.outputs[0], b.layout) = add_view(from, b.shape, b.layout, b.pixel_stride, 0);
        return true;
    }
    if (op == "Transpose")
        return view_transpose(node);
    return (op == "Split" || op == "Slice") && view_slices(node);
}

Result<void> Drafter::add_step(const Node& node) {
    std::vector<int> homes;
    for (const ValueId v : node.inputs)
        homes.push_back(v == none ? -1 : home(v));
    std::vector<Operand> in,
        out; // operands point to constants of buffers: no buffer may be added now
    for (const int home : homes)
        in.push_back(draft_.operand(home));
    for (const ValueId v : node.outputs)
        out.push_back(v == none ? draft_.operand(-1)
                                : Operand{.type = graph_.value(v).type, .shape = graph_.value(v).shape});
    const NodeView view{node, in, out, options_.threads, options_.bf16, options_.prefers_onednn};
    for (const KernelDef* def : all_kernels()) {
        auto wish = def->accept(view);
        if (!wish)
            continue;
        PlannedStep step{.def = def, .wish = std::move(*wish), .node = node, .in = {}, .out = {}, .chain = {}};
        for (size_t k = 0; k < node.inputs.size(); k++) {
            const int in = get(node.inputs[k], step.wish.in[k]);
            step.in.push_back(step.wish.strided_in ? in : dense(in));
        }
        for (size_t k = 0; k < node.outputs.size(); k++) {
            if (node.outputs[k] == none) {
                step.out.push_back(-1);
                continue;
            }
            const Operand& o = out[k];
            const Layout layout = step.wish.out[k];
            step.out.push_back(slot(node.outputs[k], layout) =
                                   add({.type = o.type, .shape = o.shape, .layout = layout}));
        }
        draft_.steps.push_back(std::move(step));
        return {};
    }
    return Error{Error::Unsupported, node.name, "no CPU kernel for operator " + node.op};
}

// Its outputs have no memory before a run.
void Drafter::add_tail(const Node& node) {
    draft_.tail = {.body = node.bodies[0], .in = {}, .outputs = std::vector<int>(node.outputs.size())};
    for (const ValueId v : node.inputs)
        draft_.tail->in.push_back(get(v, Layout::Plain));
}

Result<void> Drafter::add_node(const Node& node) {
    if (node.op == tail_op) {
        add_tail(node);
        return {};
    }
    if (add_views(node))
        return {};
    return add_step(node);
}

Result<Draft> Drafter::run() {
    for (size_t k = 0; k < graph_.inputs.size(); k++)
        add_input(k);
    for (const Node& node : graph_.nodes)
        if (auto done = add_node(node); !done.ok())
            return done.error();
    for (size_t k = 0; k < graph_.outputs.size(); k++)
        add_output(k);
    return std::move(draft_);
}

} // namespace

Result<Draft> draft_program(const Graph& graph, const DraftOptions& options) {
    return Drafter(graph, options).run();
}

} // namespace infer::cpu
