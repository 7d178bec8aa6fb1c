// SPDX-License-Identifier: LGPL-2.1-or-later
// Types, joining, cutting, choosing, making and quantizing of tensors. Meanings: OpenVINO's
// operation sets, "Type", "Data movement", "Generation", "Quantization".
#include "inference/formats/ir_rules.h"

#include <algorithm>

namespace infer::ir {
namespace {

void convert(Call& call) {
    call.expect(1, 1);
    const auto type = type_of(call.text("destination_type", ""));
    if (!type)
        return call.unsupported("destination_type is '" + call.text("destination_type", "") +
                                "', which cannot be computed with");
    const ElementType wanted = computed(*type);
    constexpr int64_t small = 65536; // larger ones are left to constant folding, which has limits
    const Tensor* t = call.constant(call.in(0));
    if (t && (t->type() == wanted || count(t->shape()) <= small))
        return call.emit_constant(converted(*t, wanted));
    call.emit("Cast", {call.in(0)}, {{"to", std::string(name_of(wanted))}});
}

void convert_like(Call& call) {
    call.expect(2, 2);
    call.emit("CastLike", {call.in(0), call.in(1)});
}

void concat(Call& call) {
    std::vector<ValueId> inputs;
    for (size_t k = 0; k < call.inputs(); k++)
        inputs.push_back(call.in(k));
    call.emit("Concat", inputs, {{"axis", call.integer("axis", 0)}});
}

int64_t axis_input(Call& call, size_t k) {
    const auto axis = call.constant_ints(k, "axis");
    if (axis.size() != 1)
        call.invalid("its axis must be one number");
    return axis.empty() ? 0 : axis[0];
}

void split(Call& call) {
    call.expect(2, 2);
    if (call.integer("num_splits", int64_t(call.outputs())) != int64_t(call.outputs()))
        call.invalid("num_splits is not the number of its outputs");
    call.emit_all("Split", {call.in(0)}, {{"axis", axis_input(call, 1)}});
}

// One length may be -1, the rest: the size of the axis less the others (whose sum counts it as -1).
void variadic_split(Call& call) {
    call.expect(3, 3);
    const int64_t axis = axis_input(call, 1);
    const ValueId x = call.in(0), lengths = call.as_i64(call.in(2));
    if (!call.constant(lengths))
        return call.emit_all("Split", {x, lengths}, {{"axis", axis}});
    const auto values = call.constant_ints(2, "lengths");
    std::vector<int64_t> is_rest;
    int64_t sum = 0;
    for (int64_t v : values) {
        is_rest.push_back(v == -1);
        sum += v;
    }
    if (std::count(is_rest.begin(), is_rest.end(), 1) != 1)
        return call.emit_all("Split", {x, lengths}, {{"axis", axis}});
    const auto i64 = ElementType::I64;
    const int64_t end = axis == -1 ? int64_t{1} << 30 : axis + 1;
    const ValueId size = call.node("Shape", {x}, {{"start", axis}, {"end", end}}, i64, 1);
    const ValueId more = call.node("Sub", {size, call.add_ints({sum})}, {}, i64, 1);
    const ValueId rest = call.node("Mul", {more, call.add_ints(is_rest)}, {}, i64, 1);
    call.emit_all("Split", {x, call.node("Add", {rest, lengths}, {}, i64, 1)}, {{"axis", axis}});
}

void select(Call& call) {
    call.expect(3, 3);
    const std::string rule = call.text("auto_broadcast", "numpy");
    if (rule != "numpy" && rule != "none")
        call.unsupported("auto_broadcast is '" + rule + "'; numpy and none can be run");
    call.emit("Where", {call.as_type(call.in(0), ElementType::Bool), call.in(1), call.in(2)});
}

// All three in the type of the output; they may be lists of one.
void range(Call& call) {
    call.expect(3, 3);
    const auto named = type_of(call.text("output_type", ""));
    const ElementType type = named ? computed(*named) : call.type(call.in(0));
    call.emit("Range", {call.as_type(call.in(0), type), call.as_type(call.in(1), type),
                        call.as_type(call.in(2), type)});
}

void one_hot(Call& call) {
    call.expect(4, 4);
    const ValueId one = call.add_ints({1});
    const ElementType type = call.type(call.in(2));
    const ValueId on = call.node("Reshape", {call.in(2), one}, {}, type, 1);
    const ValueId off = call.node("Reshape", {call.in(3), one}, {}, type, 1);
    const ValueId values = call.node("Concat", {off, on}, {{"axis", int64_t{0}}}, type, 1);
    // Indices out of range are off; ONNX counts negative ones from the end.
    const ValueId index = call.as_i64(call.in(0)), depth = call.as_i64(call.in(1));
    const size_t rank = call.rank(index);
    const ValueId zero = call.as_i64(call.add_number(0));
    const ValueId negative = call.node("Less", {index, zero}, {}, ElementType::Bool, rank);
    const ValueId safe = call.node("Where", {negative, depth, index}, {}, ElementType::I64, rank);
    call.emit("OneHot", {safe, depth, values}, {{"axis", call.integer("axis", -1)}});
}

void cum_sum(Call& call) {
    call.expect(1, 2);
    const ValueId axis = call.in(1) == none ? call.add_ints({0}) : call.as_i64(call.in(1));
    call.emit("CumSum", {call.in(0), axis},
              {{"exclusive", int64_t(call.flag("exclusive", false))},
               {"reverse", int64_t(call.flag("reverse", false))}});
}

// Ordered by position: the chosen positions are ordered once more, and the values follow them.
void top_k(Call& call) {
    call.expect(2, 2);
    const std::string mode = call.text("mode", "max"), sort = call.text("sort", "value");
    const auto index_type = type_of(call.text("index_element_type", "i32"));
    if ((mode != "max" && mode != "min") || (sort != "value" && sort != "index" && sort != "none"))
        call.invalid("mode is '" + mode + "', sort is '" + sort +
                     "'; known are max, min and value, index, none");
    if (!index_type || (*index_type != ElementType::I32 && *index_type != ElementType::I64))
        return call.invalid("index_element_type must be i32 or i64");
    const int64_t axis = call.integer("axis", -1);
    const ElementType type = call.type(call.in(0));
    const size_t rank = call.rank(call.in(0));
    const ValueId k = call.node("Reshape", {call.as_i64(call.in(1)), call.add_ints({1})}, {},
                                ElementType::I64, 1);
    const std::vector<ValueId> top =
        call.nodes("TopK", {call.in(0), k}, {{"axis", axis}, {"largest", int64_t(mode == "max")}},
                   {type, ElementType::I64}, rank);
    ValueId values = top[0], indices = top[1];
    if (sort == "index") {
        const std::vector<ValueId> ordered =
            call.nodes("TopK", {indices, k}, {{"axis", axis}, {"largest", int64_t{0}}},
                       {ElementType::I64, ElementType::I64}, rank);
        values = call.node("GatherElements", {values, ordered[1]}, {{"axis", axis}}, type, rank);
        indices = ordered[0];
    }
    call.become(0, values);
    call.become(1, call.as_type(indices, *index_type));
}

void fake_quantize(Call& call) {
    call.expect(5, 5);
    const int64_t levels = call.integer("levels", 0);
    if (levels < 2)
        call.invalid("levels must be at least 2");
    call.emit("FakeQuantize", {call.in(0), call.in(1), call.in(2), call.in(3), call.in(4)},
              {{"levels", levels}});
}

constexpr Rule table[] = {
    {"Concat", 1, 15, "Concat", concat},
    {"Convert", 1, 15, "Cast", convert},
    {"ConvertLike", 1, 15, "CastLike", convert_like},
    {"CumSum", 3, 15, "CumSum", cum_sum},
    {"FakeQuantize", 1, 15, "FakeQuantize", fake_quantize},
    {"OneHot", 1, 15, "OneHot", one_hot},
    {"Range", 1, 15, "Range", range},
    {"Select", 1, 15, "Where", select},
    {"Split", 1, 15, "Split", split},
    {"TopK", 1, 15, "TopK; by index also GatherElements", top_k},
    {"VariadicSplit", 1, 15, "Split", variadic_split},
};

} // namespace

extern constinit const std::span<const Rule> rules_data = table;

} // namespace infer::ir
