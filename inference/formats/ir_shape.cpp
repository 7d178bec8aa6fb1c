// SPDX-License-Identifier: LGPL-2.1-or-later
// The same elements in another shape or order, and shapes themselves. Meanings: OpenVINO's
// operation sets, "Shape manipulation", "Data movement".
#include "inference/formats/ir_rules.h"

#include <algorithm>

namespace infer::ir {
namespace {

void shape_of_input(Call& call) {
    call.expect(1, 1);
    const auto type = type_of(call.text("output_type", "i64"));
    if (!type || (*type != ElementType::I64 && *type != ElementType::I32))
        return call.invalid("output_type must be i32 or i64");
    if (*type == ElementType::I64)
        return call.emit("Shape", {call.in(0)});
    const ValueId shape = call.node("Shape", {call.in(0)}, {}, ElementType::I64, 1);
    call.emit("Cast", {shape}, {{"to", std::string("i32")}});
}

void reshape(Call& call) {
    call.expect(2, 2);
    const bool zero_copies = call.flag("special_zero", false);
    call.emit("Reshape", {call.in(0), call.as_i64(call.in(1))},
              {{"allowzero", int64_t(!zero_copies)}});
}

void squeeze(Call& call) {
    const bool squeezes = call.layer().type == "Squeeze";
    call.expect(squeezes ? 1 : 2, 2);
    call.emit(call.layer().type, {call.in(0), call.as_i64(call.in(1))});
}

void transpose(Call& call) {
    call.expect(2, 2);
    std::vector<int64_t> order = call.constant_ints(1, "order");
    const auto rank = int64_t(order.size());
    for (int64_t& d : order)
        d += d < 0 ? rank : 0;
    if (order.empty()) // all dimensions backwards
        return call.emit("Transpose", {call.in(0)});
    call.emit("Transpose", {call.in(0)}, {{"perm", order}});
}

// The dimensions of the input are those of the result that `axes` names.
void broadcast_explicit(Call& call) {
    const auto axes = call.constant_ints(2, "axes_mapping");
    const Shape wanted = call.shape(call.in(1));
    if (wanted.size() != 1 || wanted[0] < 0 || !std::is_sorted(axes.begin(), axes.end()))
        return call.unsupported("its axes_mapping must rise and its target shape be of known rank");
    std::vector<int64_t> others;
    for (int64_t d = 0; d < std::min<int64_t>(wanted[0], 64); d++)
        if (std::find(axes.begin(), axes.end(), d) == axes.end())
            others.push_back(d);
    const ValueId wide = call.node("Unsqueeze", {call.in(0), call.add_ints(others)}, {},
                                   call.type(call.in(0)), axes.size() + others.size());
    call.emit("Expand", {wide, call.as_i64(call.in(1))});
}

void broadcast(Call& call) {
    call.expect(2, 3);
    const std::string mode = call.text("mode", "numpy");
    if (mode == "explicit" || call.inputs() == 3)
        return broadcast_explicit(call);
    if (mode != "numpy" && mode != "bidirectional")
        call.unsupported("mode is '" + mode + "'; numpy, bidirectional and explicit can be run");
    call.emit("Expand", {call.in(0), call.as_i64(call.in(1))});
}

// Repeats may be fewer or more than dimensions: missing ones, on the left, are 1.
void tile(Call& call) {
    call.expect(2, 2);
    ValueId x = call.in(0), repeats = call.as_i64(call.in(1));
    const Shape listed = call.shape(repeats);
    const int64_t rank = int64_t(call.rank(x)), n = listed.size() == 1 && listed[0] >= 0
                                                        ? std::min<int64_t>(listed[0], 64)
                                                        : rank;
    if (n < rank) {
        const ValueId ones = call.add_ints(std::vector<int64_t>(size_t(rank - n), 1));
        repeats = call.node("Concat", {ones, repeats}, {{"axis", int64_t{0}}}, ElementType::I64, 1);
    } else if (n > rank) {
        std::vector<int64_t> axes;
        for (int64_t d = 0; d < n - rank; d++)
            axes.push_back(d);
        x = call.node("Unsqueeze", {x, call.add_ints(axes)}, {}, call.type(x), size_t(n));
    }
    call.emit("Tile", {x, repeats});
}

void depth_to_space(Call& call) {
    call.expect(1, 1);
    const bool spreads = call.layer().type == "DepthToSpace";
    const std::string mode = call.text("mode", "blocks_first");
    if (mode != "blocks_first" && (mode != "depth_first" || !spreads))
        call.unsupported("mode is '" + mode + "'; blocks_first" +
                         (spreads ? " and depth_first" : "") + " can be run");
    std::map<std::string, Attr> attrs = {{"blocksize", call.integer("block_size", 1)}};
    if (spreads)
        attrs["mode"] = std::string(mode == "depth_first" ? "CRD" : "DCR");
    call.emit(call.layer().type, {call.in(0)}, attrs);
}

void shuffle_channels(Call& call) {
    call.expect(1, 1);
    if (call.integer("axis", 1) != 1)
        call.unsupported("axis is not 1");
    call.emit("ChannelShuffle", {call.in(0)}, {{"groups", call.integer("group", 1)}});
}

constexpr Rule table[] = {
    {"Broadcast", 1, 15, "Expand; explicit: Unsqueeze", broadcast},
    {"DepthToSpace", 1, 15, "DepthToSpace", depth_to_space},
    {"Reshape", 1, 15, "Reshape", reshape},
    {"ShapeOf", 1, 15, "Shape; i32: Cast", shape_of_input},
    {"ShuffleChannels", 1, 15, "ChannelShuffle", shuffle_channels},
    {"SpaceToDepth", 1, 15, "SpaceToDepth", depth_to_space},
    {"Squeeze", 1, 15, "Squeeze", squeeze},
    {"Tile", 1, 15, "Tile; Concat, Unsqueeze", tile},
    {"Transpose", 1, 15, "Transpose", transpose},
    {"Unsqueeze", 1, 15, "Unsqueeze", squeeze},
};

} // namespace

extern constinit const std::span<const Rule> rules_shape = table;

} // namespace infer::ir
