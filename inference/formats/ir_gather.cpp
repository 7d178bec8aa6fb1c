// SPDX-License-Identifier: LGPL-2.1-or-later
// Picking and replacing elements by index. Meanings: OpenVINO's operation sets, "Data movement".
#include "inference/formats/ir_rules.h"
#include "inference/ops/kernel.h"

#include <algorithm>
#include <numeric>

namespace infer::ir {
namespace {

// i32 or i64 as they are; other integers become i64.
ValueId indices(Call& call, size_t k) {
    return call.type(call.in(k)) == ElementType::I32 ? call.in(k) : call.as_i64(call.in(k));
}

int64_t axis_input(Call& call, size_t k) {
    const auto axis = call.constant_ints(k, "axis");
    if (axis.size() != 1)
        call.invalid("its axis must be one number");
    return axis.empty() ? 0 : axis[0];
}

// With batch_dims that reach the axis, each row picks its own: GatherND of single indices.
void gather(Call& call) {
    call.expect(3, 3);
    const int64_t axis = axis_input(call, 2);
    int64_t batch = call.integer("batch_dims", 0);
    const ValueId x = call.in(0), picks = indices(call, 1);
    batch += batch < 0 ? int64_t(call.rank(picks)) : 0;
    if (batch == 0)
        return call.emit("Gather", {x, picks}, {{"axis", axis}});
    if (axis_of(axis, call.rank(x)) != size_t(batch))
        return call.unsupported("batch_dims is " + std::to_string(batch) + " and axis " +
                                std::to_string(axis) + "; they can be run where equal");
    const ValueId tuples = call.node("Unsqueeze", {picks, call.add_ints({-1})}, {},
                                     call.type(picks), call.rank(picks) + 1);
    call.emit("GatherND", {x, tuples}, {{"batch_dims", batch}});
}

void gather_elements(Call& call) {
    call.expect(2, 2);
    call.emit("GatherElements", {call.in(0), indices(call, 1)},
              {{"axis", call.integer("axis", 0)}});
}

// Version 5 joins the batch dimensions into one; with one it means what version 8 does.
void gather_nd(Call& call) {
    call.expect(2, 2);
    const int64_t batch = call.integer("batch_dims", 0);
    if (batch > 1 && call.layer().opset < 8)
        call.unsupported("batch_dims is " + std::to_string(batch) +
                         "; up to 1 can be run in this version");
    call.emit("GatherND", {call.in(0), indices(call, 1)}, {{"batch_dims", batch}});
}

std::map<std::string, Attr> reduction(Call& call) {
    constexpr std::pair<std::string_view, const char*> known[] = {
        {"none", "none"}, {"sum", "add"}, {"prod", "mul"}, {"min", "min"}, {"max", "max"}};
    const std::string word = call.text("reduction", "none");
    for (const auto& [theirs, ours] : known)
        if (word == theirs)
            return {{"reduction", std::string(ours)}};
    call.unsupported("reduction is '" + word + "'; none, sum, prod, min and max can be run");
    return {};
}

void scatter_elements(Call& call) {
    call.expect(4, 4);
    auto attrs = reduction(call);
    attrs["axis"] = axis_input(call, 3);
    if (call.text("reduction", "none") != "none" && !call.flag("use_init_val", true))
        call.unsupported("use_init_val is false");
    call.emit("ScatterElements", {call.in(0), indices(call, 1), call.in(2)}, attrs);
}

void scatter_nd(Call& call) {
    call.expect(3, 3);
    call.emit("ScatterND", {call.in(0), indices(call, 1), call.in(2)}, reduction(call));
}

// Replaces whole slices along an axis: with the axis in front, what ScatterND does with single
// indices. updates: [x's dimensions before axis, those of indices, x's after axis].
void scatter_update(Call& call) {
    call.expect(4, 4);
    const ValueId x = call.in(0), picks = indices(call, 1), updates = call.in(2);
    const size_t rank = call.rank(x), depth = call.rank(picks);
    const auto wanted = axis_of(axis_input(call, 3), rank);
    if (!wanted || call.rank(updates) + 1 != rank + depth)
        return call.invalid("its axis, indices or updates do not fit its input");
    const auto axis = int64_t(*wanted);
    const ElementType type = call.type(x);
    const ValueId tuples =
        call.node("Unsqueeze", {picks, call.add_ints({-1})}, {}, call.type(picks), depth + 1);
    if (axis == 0)
        return call.emit("ScatterND", {x, tuples, updates});
    std::vector<int64_t> front(rank), back(rank), spread(call.rank(updates));
    std::iota(front.begin(), front.end(), 0);
    std::rotate(front.begin(), front.begin() + axis, front.begin() + axis + 1);
    for (size_t d = 0; d < rank; d++)
        back[size_t(front[d])] = int64_t(d);
    std::iota(spread.begin(), spread.end(), 0);
    std::rotate(spread.begin(), spread.begin() + axis, spread.begin() + axis + int64_t(depth));
    const ValueId turned = call.node("Transpose", {x}, {{"perm", front}}, type, rank);
    const ValueId changes =
        call.node("Transpose", {updates}, {{"perm", spread}}, type, spread.size());
    const ValueId result = call.node("ScatterND", {turned, tuples, changes}, {}, type, rank);
    call.emit("Transpose", {result}, {{"perm", back}});
}

constexpr Rule table[] = {
    {"Gather", 1, 15, "Gather; with batch_dims GatherND", gather},
    {"GatherElements", 6, 15, "GatherElements", gather_elements},
    {"GatherND", 5, 15, "GatherND", gather_nd},
    {"ScatterElementsUpdate", 3, 15, "ScatterElements", scatter_elements},
    {"ScatterNDUpdate", 3, 15, "ScatterND", scatter_nd},
    {"ScatterUpdate", 3, 15, "ScatterND; Transpose", scatter_update},
};

} // namespace

extern constinit const std::span<const Rule> rules_gather = table;

} // namespace infer::ir
