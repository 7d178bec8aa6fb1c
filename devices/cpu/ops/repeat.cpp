// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Operators whose output holds elements of the input more than once, or a border around it: Expand, Tile, Pad.
// Each is a few boxes, in either layout.
#include "devices/cpu/box_copy.h"
#include "inference/ops/kernel.h"

#include <algorithm>

namespace infer::cpu {
namespace {

std::vector<int64_t> integers(const Operand& x) { return *ints_of({x.type, x.shape, x.constant}); }

Box expand_box(const NodeView& view) {
    const Operand &x = view.in[0], &y = view.out[0];
    const auto own = strides_of(x);
    Box box{.dims = y.shape, .in_strides = std::vector<int64_t>(y.shape.size(), 0), .out_strides = strides_of(y)};
    const size_t lead = y.shape.size() - x.shape.size();
    for (size_t k = 0; k < x.shape.size(); k++)
        box.in_strides[lead + k] = x.shape[k] == 1 ? 0 : own[k];
    return box;
}

Box tile_box(const NodeView& view) {
    const Operand &x = view.in[0], &y = view.out[0];
    const auto in = strides_of(x), out = strides_of(y);
    Box box;
    for (size_t k = 0; k < x.shape.size(); k++) {
        box.dims.insert(box.dims.end(), {y.shape[k] / std::max<int64_t>(x.shape[k], 1), x.shape[k]});
        box.in_strides.insert(box.in_strides.end(), {0, in[k]});
        box.out_strides.insert(box.out_strides.end(), {out[k] * x.shape[k], out[k]});
    }
    return box;
}

// Part of a dimension of a padded value: output [to, to + size) is read at from, from + step...
struct Stretch {
    int64_t to = 0, size = 0, from = 0, step = 0;
    bool outside = false; // holds the pad's value
};

std::vector<Stretch> stretches_of(int64_t n, int64_t begin, int64_t end, const std::string& mode) {
    const int64_t all = n + begin + end;
    std::vector<Stretch> parts;
    const auto add = [&](int64_t first, int64_t last, int64_t from, int64_t step, bool outside) { // input positions
        first = std::max(first, -begin), last = std::min(last, all - begin);
        if (first < last)
            parts.push_back({first + begin, last - first, from, step, outside});
    };
    if (mode == "constant") {
        add(-begin, 0, 0, 0, true);
        add(n, n + end, 0, 0, true);
    } else if (mode == "edge") {
        add(-begin, 0, 0, 0, false);
        add(n, n + end, n - 1, 0, false);
    } else if (mode == "reflect") {
        add(-begin, 0, begin, -1, false);
        add(n, n + end, n - 2, -1, false);
    } else { // wrap: as many whole turns as it takes
        for (int64_t turn = -(std::max<int64_t>(begin, 0) + n - 1) / n; turn * n < n + end; turn++)
            if (turn != 0) {
                const int64_t first = std::max(turn * n, -begin);
                add(first, (turn + 1) * n, first - turn * n, 1, false);
            }
    }
    add(std::max<int64_t>(0, -begin), std::min(n, n + end), std::max<int64_t>(0, -begin), 1, false);
    return parts;
}

std::vector<Box> pad_boxes(const NodeView& view) {
    const Operand &x = view.in[0], &y = view.out[0];
    const size_t rank = x.shape.size();
    const auto pads = integers(view.in[1]);
    std::vector<int64_t> axes;
    if (view.in.size() > 3 && view.in[3].present)
        axes = integers(view.in[3]);
    else
        for (size_t k = 0; k < rank; k++)
            axes.push_back(int64_t(k));
    std::vector<int64_t> begin(rank, 0), end(rank, 0);
    for (size_t k = 0; k < axes.size(); k++) {
        const size_t axis = *axis_of(axes[k], rank);
        begin[axis] = pads[k], end[axis] = pads[axes.size() + k];
    }
    const bool given = view.in.size() > 2 && view.in[2].present;
    const auto in = strides_of(x), out = strides_of(y);
    std::vector<Box> boxes{{}};
    for (size_t k = 0; k < rank; k++) { // each box so far, once for each stretch of this dimension
        std::vector<Box> more;
        for (const Box& box : boxes)
            for (const Stretch& s : stretches_of(x.shape[k], begin[k], end[k], view.node.attr("mode", "constant"))) {
                Box next = box;
                next.dims.push_back(s.size);
                next.in_strides.push_back(s.step * in[k]);
                next.out_strides.push_back(out[k]);
                next.in_offset += s.from * in[k];
                next.out_offset += s.to * out[k];
                if (s.outside)
                    next.input = given ? 2 : Box::zeros;
                more.push_back(std::move(next));
            }
        boxes = std::move(more);
    }
    for (Box& box : boxes)
        if (box.input != 0) { // the pad's value again and again
            std::fill(box.in_strides.begin(), box.in_strides.end(), 0);
            box.in_offset = 0;
        }
    return boxes;
}

std::optional<Wish> accept(const NodeView& view) {
    const std::string& op = view.node.op;
    if (op != "Expand" && op != "Tile" && op != "Pad")
        return std::nullopt;
    for (size_t k = 1; k < view.in.size(); k++)
        if (k != 2 && view.in[k].present && !view.in[k].constant)
            return std::nullopt;
    if (count(view.out[0].shape) == 0 || count(view.in[0].shape) == 0)
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    const bool last = view.in[0].layout == Layout::ChannelsLast && view.in[0].shape.size() == view.out[0].shape.size();
    wish.in[0] = wish.out[0] = last ? Layout::ChannelsLast : Layout::Plain;
    wish.strided_in = wish.strided_out = true;
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    std::vector<Box> boxes = view.node.op == "Pad"    ? pad_boxes(view)
                             : view.node.op == "Tile" ? std::vector<Box>{tile_box(view)}
                                                      : std::vector<Box>{expand_box(view)};
    return make_copy_kernel(std::move(boxes), view);
}

} // namespace

extern const KernelDef cpu_kernel_repeat;
const KernelDef cpu_kernel_repeat = {.name = "repeat", .accept = accept, .make = make};

} // namespace infer::cpu
