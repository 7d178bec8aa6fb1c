// SPDX-License-Identifier: LGPL-2.1-or-later
// Parts of a tensor and borders around it. Meanings: OpenVINO's operation sets, "Data movement".
#include "inference/formats/ir_rules.h"
#include "inference/ops/kernel.h"

#include <algorithm>

namespace infer::ir {
namespace {

void slice(Call& call) {
    call.expect(4, 5);
    call.emit("Slice", {call.in(0), call.as_i64(call.in(1)), call.as_i64(call.in(2)),
                        call.as_i64(call.in(4)), call.as_i64(call.in(3))});
}

// The masks of a StridedSlice, an entry for each entry of begin. A 1 means: begin (end) is ignored;
// a dimension of 1 is added; the dimension goes; here stands whatever is not named.
struct Masks {
    std::vector<int64_t> begin, end, added, gone, ellipsis;
};

std::vector<int64_t> mask(Call& call, const char* key, size_t n) {
    std::vector<int64_t> bits = call.ints(key);
    bits.resize(n, 0);
    return bits;
}

Masks masks_of(Call& call, size_t n) {
    return {mask(call, "begin_mask", n), mask(call, "end_mask", n), mask(call, "new_axis_mask", n),
            mask(call, "shrink_axis_mask", n), mask(call, "ellipsis_mask", n)};
}

bool any(const std::vector<int64_t>& bits) {
    return std::any_of(bits.begin(), bits.end(), [](int64_t b) { return b != 0; });
}

// Bounds that follow from shapes: an ignored entry takes what means "from the start", "to the end".
void slice_by_values(Call& call, const Masks& m, const std::vector<int64_t>& steps) {
    if (any(m.added) || any(m.gone) || any(m.ellipsis))
        return call.unsupported("has new_axis_mask, shrink_axis_mask or ellipsis_mask and bounds "
                                "that are not constant");
    const size_t n = m.begin.size();
    std::vector<int64_t> first(n), last(n), axes(n);
    for (size_t k = 0; k < n; k++) {
        first[k] = steps[k] < 0 ? max_dim : 0;
        last[k] = steps[k] < 0 ? -max_dim : max_dim;
        axes[k] = int64_t(k);
    }
    const auto masked = [&](size_t input, const std::vector<int64_t>& bits,
                            const std::vector<int64_t>& instead) {
        const ValueId given = call.as_i64(call.in(input));
        if (!any(bits))
            return given;
        const ValueId is_ignored = call.as_type(call.add_ints(bits), ElementType::Bool);
        return call.node("Where", {is_ignored, call.add_ints(instead), given}, {}, ElementType::I64,
                         1);
    };
    const ValueId starts = masked(1, m.begin, first), ends = masked(2, m.end, last);
    call.emit("Slice", {call.in(0), starts, ends, call.add_ints(axes), call.add_ints(steps)});
}

struct Bounds {
    std::vector<int64_t> starts, ends, axes, steps, gone, added;
};

// Walks the entries along the input's dimensions. Nothing if they do not fit.
std::optional<Bounds> bounds_of(const Masks& m, const std::vector<int64_t>& begin,
                                const std::vector<int64_t>& end, const std::vector<int64_t>& steps,
                                int64_t rank) {
    Bounds b;
    int64_t axis = 0, result = 0; // dimension of the input, and of the result before any goes
    const int64_t used =
        int64_t(begin.size()) -
        std::count_if(m.added.begin(), m.added.end(), [](auto v) { return v; }) -
        std::count_if(m.ellipsis.begin(), m.ellipsis.end(), [](auto v) { return v; });
    for (size_t k = 0; k < begin.size(); k++) {
        if (m.ellipsis[k]) {
            axis += std::max<int64_t>(rank - used, 0);
            result += std::max<int64_t>(rank - used, 0);
            continue;
        }
        if (m.added[k]) {
            b.added.push_back(result++);
            continue;
        }
        if (axis >= rank || steps[k] == 0)
            return {};
        const bool back = steps[k] < 0, goes = m.gone[k] != 0;
        b.starts.push_back(m.begin[k] && !goes ? (back ? max_dim : 0) : begin[k]);
        const int64_t after = begin[k] == -1 ? max_dim : begin[k] + 1;
        b.ends.push_back(goes ? after : m.end[k] ? (back ? -max_dim : max_dim) : end[k]);
        b.steps.push_back(goes ? 1 : steps[k]);
        b.axes.push_back(axis++);
        if (goes)
            b.gone.push_back(result);
        result++;
    }
    return b;
}

void strided_slice(Call& call) {
    call.expect(3, 4);
    const ValueId x = call.in(0);
    const Shape listed = call.shape(call.in(1));
    if (listed.size() != 1 || listed[0] < 0 || listed[0] > 64)
        return call.unsupported("its bounds must be lists of known length");
    const auto n = size_t(listed[0]);
    const auto steps =
        call.in(3) == none ? std::vector<int64_t>(n, 1) : call.constant_ints(3, "strides");
    const Masks m = masks_of(call, n);
    if (steps.size() != n || call.shape(call.in(2)) != listed)
        return call.invalid("begin, end and strides differ in length");
    if (!call.constant(call.in(1)) || !call.constant(call.in(2)))
        return slice_by_values(call, m, steps);
    const auto bounds = bounds_of(m, call.constant_ints(1, "begin"), call.constant_ints(2, "end"),
                                  steps, int64_t(call.rank(x)));
    if (!bounds)
        return call.invalid("its bounds do not fit its input");
    const ElementType type = call.type(x);
    ValueId y = x;
    if (!bounds->axes.empty())
        y = call.node("Slice",
                      {x, call.add_ints(bounds->starts), call.add_ints(bounds->ends),
                       call.add_ints(bounds->axes), call.add_ints(bounds->steps)},
                      {}, type, call.rank(x));
    if (!bounds->added.empty())
        y = call.node("Unsqueeze", {y, call.add_ints(bounds->added)}, {}, type,
                      call.rank(y) + bounds->added.size());
    if (!bounds->gone.empty())
        y = call.node("Squeeze", {y, call.add_ints(bounds->gone)}, {}, type,
                      call.rank(y) - bounds->gone.size());
    call.become(0, y);
}

void pad(Call& call) {
    call.expect(3, 4);
    const std::string mode = call.text("pad_mode", "constant");
    if (mode != "constant" && mode != "edge" && mode != "reflect")
        call.unsupported("pad_mode is '" + mode + "'; constant, edge and reflect can be run");
    ValueId pads = none;
    if (call.constant(call.in(1)) && call.constant(call.in(2))) {
        std::vector<int64_t> all = call.constant_ints(1, "pads_begin");
        const auto end = call.constant_ints(2, "pads_end");
        all.insert(all.end(), end.begin(), end.end());
        pads = call.add_ints(all);
    } else
        pads = call.node("Concat", {call.as_i64(call.in(1)), call.as_i64(call.in(2))},
                         {{"axis", int64_t{0}}}, ElementType::I64, 1);
    const ValueId value =
        mode == "constant" ? call.as_type(call.in(3), call.type(call.in(0))) : none;
    call.emit("Pad", {call.in(0), pads, value}, {{"mode", mode}});
}

// What leaves an axis at one end enters it at the other.
void roll(Call& call) {
    call.expect(3, 3);
    const auto shifts = call.constant_ints(1, "shift"), axes = call.constant_ints(2, "axes");
    if (axes.empty() || (shifts.size() != axes.size() && shifts.size() != 1))
        return call.invalid("its shifts and axes differ in number");
    ValueId v = call.in(0);
    const Shape x = call.shape(v);
    for (size_t k = 0; k < axes.size(); k++) {
        const auto axis = axis_of(axes[k], x.size());
        if (!axis || x[*axis] < 1)
            return call.unsupported("rolls a dimension of unknown size");
        const int64_t size = x[*axis], shift = shifts[shifts.size() == 1 ? 0 : k];
        const int64_t at = ((-shift) % size + size) % size; // what comes first
        const ValueId along = call.add_ints({int64_t(*axis)}), cut = call.add_ints({at});
        const ElementType type = call.type(call.in(0));
        const ValueId tail =
            call.node("Slice", {v, cut, call.add_ints({max_dim}), along}, {}, type, x.size());
        const ValueId head =
            call.node("Slice", {v, call.add_ints({0}), cut, along}, {}, type, x.size());
        if (at != 0)
            v = call.node("Concat", {tail, head}, {{"axis", int64_t(*axis)}}, type, x.size());
    }
    call.become(0, v);
}

void reverse_sequence(Call& call) {
    call.expect(2, 2);
    const auto rank = int64_t(call.rank(call.in(0)));
    const auto axis = [&](const char* key, int64_t fallback) {
        const int64_t given = call.integer(key, fallback);
        return given < 0 ? given + rank : given;
    };
    call.emit("ReverseSequence", {call.in(0), call.as_i64(call.in(1))},
              {{"batch_axis", axis("batch_axis", 0)}, {"time_axis", axis("seq_axis", 1)}});
}

constexpr Rule table[] = {
    {"Pad", 1, 15, "Pad", pad},
    {"ReverseSequence", 1, 15, "ReverseSequence", reverse_sequence},
    {"Roll", 7, 15, "Slice, Concat", roll},
    {"Slice", 8, 15, "Slice", slice},
    {"StridedSlice", 1, 15, "Slice; Unsqueeze, Squeeze, Where", strided_slice},
};

} // namespace

extern constinit const std::span<const Rule> rules_slice = table;

} // namespace infer::ir
