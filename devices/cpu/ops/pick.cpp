// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Elements or runs of them from where indices say: Gather; GatherElements, GatherND,
// ScatterElements and ScatterND by constant indices, whose places are worked out once.
#include "devices/cpu/kernel.h"
#include "inference/ops/kernel.h"

#include <cstring>

namespace infer::cpu {
namespace {

// y[o * out_step + k * block ...] = x[o * in_step + places[k] ...], `block` elements each.
struct PickPlan {
    int64_t outer = 1, in_step = 0, out_step = 0, block = 1;
    std::vector<int64_t> places; // elements; empty: from the indices of the request
    int64_t picks = 0, size = 1; // how many; of the dimension they count along
    bool wide_indices = true;    // i64, else i32
    size_t element = 4;          // bytes
    bool scatters = false;       // x is copied, then y[places[k]] = updates[k]
    int64_t elements = 0;        // of x
};

// Calls f(k, place) for picks [begin, end).
template <typename F>
void for_places(const PickPlan& p, const void* indices, int64_t begin, int64_t end, F&& f) {
    if (!p.places.empty()) {
        for (int64_t k = begin; k < end; k++)
            f(k, p.places[size_t(k)]);
        return;
    }
    for (int64_t k = begin; k < end; k++) {
        const int64_t i = p.wide_indices ? static_cast<const int64_t*>(indices)[k]
                                         : static_cast<const int32_t*>(indices)[k];
        f(k, std::clamp<int64_t>(i < 0 ? i + p.size : i, 0, p.size - 1) * p.block);
    }
}

template <typename T>
void pick_numbers(const PickPlan& p, const void* x, const void* indices, void* y, Range range) {
    for (int64_t u = range.begin; u < range.end;) {
        const int64_t o = u / p.picks, first = u % p.picks,
                      last = std::min(p.picks, first + range.end - u);
        const T* from = static_cast<const T*>(x) + o * p.in_step;
        T* to = static_cast<T*>(y) + o * p.out_step;
        for_places(p, indices, first, last, [&](int64_t k, int64_t place) { to[k] = from[place]; });
        u += last - first;
    }
}

void pick_blocks(const PickPlan& p, const void* x, const void* indices, void* y, Range range) {
    const size_t bytes = size_t(p.block) * p.element;
    for (int64_t u = range.begin; u < range.end; u++) {
        const int64_t o = u / p.picks, k = u % p.picks;
        for_places(p, indices, k, k + 1, [&](int64_t, int64_t place) {
            std::memcpy(
                static_cast<std::byte*>(y) + size_t(o * p.out_step + k * p.block) * p.element,
                static_cast<const std::byte*>(x) + size_t(o * p.in_step + place) * p.element,
                bytes);
        });
    }
}

void scatter(const PickPlan& p, const void* x, const void* updates, void* y) {
    if (x != y)
        std::memcpy(y, x, size_t(p.elements) * p.element);
    const size_t bytes = size_t(p.block) * p.element;
    for (size_t k = 0; k < p.places.size(); k++)
        std::memcpy(static_cast<std::byte*>(y) + size_t(p.places[k]) * p.element,
                    static_cast<const std::byte*>(updates) + k * bytes, bytes);
}

class PickKernel final : public Kernel {
public:
    PickKernel(PickPlan plan, int threads) : plan_(std::move(plan)) {
        if (!plan_.scatters)
            slices_ = slices_for(double(plan_.outer * plan_.picks) * (2 + double(plan_.block) / 4),
                                 plan_.outer * plan_.picks, threads);
    }
    std::string_view name() const override { return "pick"; }
    void run(const Call& call, int slice) const override {
        if (plan_.scatters)
            return scatter(plan_, call.in[0], call.in[2], call.out[0]);
        const Range range = slice_of(plan_.outer * plan_.picks, slices_, slice);
        if (plan_.block > 1)
            return pick_blocks(plan_, call.in[0], call.in[1], call.out[0], range);
        switch (plan_.element) {
        case 1:
            return pick_numbers<uint8_t>(plan_, call.in[0], call.in[1], call.out[0], range);
        case 2:
            return pick_numbers<uint16_t>(plan_, call.in[0], call.in[1], call.out[0], range);
        case 4:
            return pick_numbers<uint32_t>(plan_, call.in[0], call.in[1], call.out[0], range);
        default:
            return pick_numbers<uint64_t>(plan_, call.in[0], call.in[1], call.out[0], range);
        }
    }

private:
    PickPlan plan_;
};

bool is_by_elements(const Node& node) { return node.op.ends_with("Elements"); }
bool is_scatter(const Node& node) { return node.op.starts_with("Scatter"); }

std::vector<int64_t> indices_of(const Operand& x) {
    std::vector<int64_t> indices;
    const auto add = [&](const auto& span) { indices.assign(span.begin(), span.end()); };
    x.type == ElementType::I64 ? add(x.constant->span<int64_t>())
                               : add(x.constant->span<int32_t>());
    return indices;
}

int64_t inside(int64_t index, int64_t size) {
    return std::clamp<int64_t>(index < 0 ? index + size : index, 0, size - 1);
}

// A scatter leaves out what lies outside: such indices go to the plain kernel.
bool all_inside(const NodeView& view) {
    const Shape &x = view.in[0].shape, &i = view.in[1].shape;
    const auto indices = indices_of(view.in[1]);
    const auto good = [](int64_t index, int64_t size) { return index >= -size && index < size; };
    for (size_t k = 0; k < indices.size(); k++) {
        const size_t axis = is_by_elements(view.node)
                                ? *axis_of(view.node.attr("axis", int64_t(0)), x.size())
                                : k % size_t(i.back());
        if (!good(indices[k], x[axis]))
            return false;
    }
    return true;
}

// One place for each index.
void set_elements(PickPlan& plan, const NodeView& view) {
    const Shape &x = view.in[0].shape, &i = view.in[1].shape;
    const size_t axis = *axis_of(view.node.attr("axis", int64_t(0)), x.size());
    const std::vector<int64_t> indices = indices_of(view.in[1]);
    const auto steps = infer::strides_of(x);
    for (size_t k = 0; k < indices.size(); k++) {
        int64_t place = 0, left = int64_t(k);
        for (size_t d = i.size(); d-- > 0; left /= i[d])
            place += (d == axis ? inside(indices[k], x[d]) : left % i[d]) * steps[d];
        plan.places.push_back(place);
    }
}

// One place for each tuple of indices.
void set_tuples(PickPlan& plan, const NodeView& view) {
    const Shape &x = view.in[0].shape, &i = view.in[1].shape;
    const int64_t batch = is_scatter(view.node) ? 0 : view.node.attr("batch_dims", int64_t(0)),
                  depth = i.back();
    const auto indices = indices_of(view.in[1]);
    const auto steps = infer::strides_of(x);
    const int64_t tuples = count({i.begin() + batch, i.end() - 1}),
                  block = count({x.begin() + batch, x.end()});
    plan.block = count({x.begin() + batch + depth, x.end()});
    for (int64_t n = 0; n < int64_t(indices.size()) / depth; n++) {
        int64_t place = n / tuples * block;
        for (int64_t d = 0; d < depth; d++)
            place += steps[size_t(batch + d)] *
                     inside(indices[size_t(n * depth + d)], x[size_t(batch + d)]);
        plan.places.push_back(place);
    }
}

void set_gather(PickPlan& plan, const NodeView& view) {
    const Operand &x = view.in[0], &y = view.out[0];
    const size_t axis = *axis_of(view.node.attr("axis", int64_t(0)), x.shape.size());
    plan.size = x.shape[axis];
    plan.picks = count(view.in[1].shape);
    if (x.layout == Layout::ChannelsLast) {
        plan.outer = count(x.shape) / x.shape[1];
        plan.in_step = x.pixel_stride, plan.out_step = y.pixel_stride;
    } else {
        plan.block = count({x.shape.begin() + int64_t(axis) + 1, x.shape.end()});
        plan.outer = count({x.shape.begin(), x.shape.begin() + int64_t(axis)});
        plan.in_step = plan.size * plan.block, plan.out_step = plan.picks * plan.block;
    }
    if (view.in[1].constant)
        for (const int64_t index : indices_of(view.in[1]))
            plan.places.push_back(inside(index, plan.size) * plan.block);
}

std::optional<Wish> accept(const NodeView& view) {
    const Node& node = view.node;
    const bool gather = node.op == "Gather";
    const bool known = gather || node.op == "GatherElements" || node.op == "GatherND" ||
                       ((node.op == "ScatterElements" || node.op == "ScatterND") &&
                        node.attr("reduction", "none") == std::string("none"));
    if (!known || count(view.in[0].shape) == 0 || count(view.in[1].shape) == 0 ||
        (!gather && !view.in[1].constant) ||
        (is_scatter(node) && (view.in.size() != 3 || !all_inside(view))))
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    if (is_scatter(node))
        wish.in_place = 0;
    const Operand& x = view.in[0];
    if (gather && x.layout == Layout::ChannelsLast && view.in[1].shape.size() == 1 &&
        *axis_of(node.attr("axis", int64_t(0)), x.shape.size()) == 1) {
        wish.in[0] = wish.out[0] = Layout::ChannelsLast;
        wish.strided_in = wish.strided_out = true;
    }
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    PickPlan plan;
    plan.element = size_of(view.in[0].type);
    plan.elements = count(view.in[0].shape);
    plan.scatters = is_scatter(view.node);
    plan.wide_indices = view.in[1].type == ElementType::I64;
    if (view.node.op == "Gather") {
        set_gather(plan, view);
    } else {
        is_by_elements(view.node) ? set_elements(plan, view) : set_tuples(plan, view);
        plan.picks = int64_t(plan.places.size());
    }
    return std::unique_ptr<Kernel>(std::make_unique<PickKernel>(std::move(plan), view.threads));
}

} // namespace

extern const KernelDef cpu_kernel_pick;
const KernelDef cpu_kernel_pick = {.name = "pick", .accept = accept, .make = make};

} // namespace infer::cpu
