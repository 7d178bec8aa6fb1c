// SPDX-License-Identifier: LGPL-2.1-or-later
// Recurrent cells and sequences. Meanings: OpenVINO's operation sets, "Sequence processing".
//
// There x is [batch, steps, input] and states are [batch, directions, hidden], as with ONNX's
// layout
// 1. Gates of the LSTM are f i c o there, i o f c in ONNX; the biases of inputs and states are one,
// but for the hidden gate of a GRU with linear_before_reset, whose bias of the state comes last.
#include "inference/formats/ir_rules.h"

namespace infer::ir {
namespace {

struct Kind {
    const char* op; // in ONNX
    int64_t gates;  // of which each has `hidden` rows
    size_t states;  // h; LSTM: h and c
    bool is_a_cell; // one step, and no dimension of steps and of directions
};

Kind kind_of(const std::string& type) {
    const bool is_cell = type.ends_with("Cell");
    if (type.starts_with("LSTM"))
        return {"LSTM", 4, 2, is_cell};
    return type.starts_with("GRU") ? Kind{"GRU", 3, 1, is_cell} : Kind{"RNN", 1, 1, is_cell};
}

// sigmoid -> Sigmoid, for each direction.
std::optional<std::vector<std::string>> functions(Call& call, int64_t directions) {
    std::vector<std::string> names;
    std::string text = call.text("activations", "") + ",";
    for (size_t comma; (comma = text.find(',')) != text.npos; text.erase(0, comma + 1)) {
        std::string name = text.substr(0, comma);
        std::erase(name, ' ');
        if (!name.empty()) {
            name[0] = name[0] >= 'a' && name[0] <= 'z' ? char(name[0] - 32) : name[0];
            names.push_back(name);
        }
    }
    if (names.empty())
        return {};
    std::vector<std::string> all = names;
    if (directions == 2)
        all.insert(all.end(), names.begin(), names.end());
    return all;
}

std::map<std::string, Attr> attributes(Call& call, const Kind& kind, int64_t hidden,
                                       int64_t directions) {
    std::map<std::string, Attr> attrs = {{"hidden_size", hidden}, {"layout", int64_t{1}}};
    const std::string direction = call.text("direction", "forward");
    if (!kind.is_a_cell)
        attrs["direction"] = direction;
    if (const float clip = call.number("clip", 0); clip != 0)
        attrs["clip"] = clip;
    if (auto names = functions(call, directions))
        attrs["activations"] = *names;
    if (!call.floats("activations_alpha").empty() || !call.floats("activations_beta").empty())
        call.unsupported("its activations have parameters of their own");
    if (std::string(kind.op) == "GRU")
        attrs["linear_before_reset"] = int64_t(call.flag("linear_before_reset", false));
    return attrs;
}

// Rows of the gates, dimension 1, in ONNX's order.
ValueId gates(Call& call, const Kind& kind, ValueId v, size_t rank) {
    if (kind.gates != 4)
        return v;
    const std::vector<ElementType> types(4, ElementType::F32);
    const auto g =
        call.nodes("Split", {v}, {{"axis", int64_t{1}}, {"num_outputs", int64_t{4}}}, types, rank);
    return call.node("Concat", {g[1], g[3], g[0], g[2]}, {{"axis", int64_t{1}}}, ElementType::F32,
                     rank);
}

ValueId zeros(Call& call, const Shape& shape) { return call.add(Tensor(ElementType::F32, shape)); }

// b of the inputs, then of the states.
ValueId biases(Call& call, const Kind& kind, ValueId b, int64_t hidden, int64_t directions,
               bool apart) {
    const std::map<std::string, Attr> axis = {{"axis", int64_t{1}}};
    if (!apart)
        return call.node("Concat",
                         {gates(call, kind, b, 2), zeros(call, {directions, kind.gates * hidden})},
                         axis, ElementType::F32, 2);
    const ValueId sizes = call.add_ints({3 * hidden, hidden});
    const auto parts =
        call.nodes("Split", {b, sizes}, axis, {ElementType::F32, ElementType::F32}, 2);
    return call.node("Concat", {parts[0], zeros(call, {directions, 2 * hidden}), parts[1]}, axis,
                     ElementType::F32, 2);
}

ValueId widened(Call& call, ValueId v, int64_t axis) {
    return call.node("Unsqueeze", {v, call.add_ints({axis})}, {}, ElementType::F32,
                     call.rank(v) + 1);
}

// Inputs: x, h, (c,) (lengths,) w, r, b.
void recurrent(Call& call) {
    const Kind kind = kind_of(call.layer().type);
    const size_t first = kind.states + (kind.is_a_cell ? 1 : 2); // of w
    call.expect(first + 3, first + 3);
    const int64_t hidden = call.integer("hidden_size", 0);
    const bool both = !kind.is_a_cell && call.text("direction", "forward") == "bidirectional";
    const int64_t directions = both ? 2 : 1;
    if (hidden < 1 || hidden > 65536)
        call.invalid("hidden_size must be from 1 to 65536");
    auto attrs = attributes(call, kind, hidden, directions);
    if (call.problem())
        return;
    std::vector<ValueId> in = {call.in(0), call.in(first), call.in(first + 1), call.in(first + 2)};
    std::vector<ValueId> states = {call.in(1), kind.states == 2 ? call.in(2) : none};
    if (kind.is_a_cell) {
        in[0] = widened(call, in[0], 1);
        for (size_t k = 1; k < 4; k++)
            in[k] = widened(call, in[k], 0);
        for (size_t k = 0; k < kind.states; k++)
            states[k] = widened(call, states[k], 1);
    }
    const bool apart = kind.gates == 3 && call.flag("linear_before_reset", false);
    const ValueId w = gates(call, kind, in[1], 3), r = gates(call, kind, in[2], 3),
                  b = biases(call, kind, in[3], hidden, directions, apart);
    const ValueId lengths =
        kind.is_a_cell ? none : call.as_type(call.in(first - 1), ElementType::I32);
    std::vector<ValueId> inputs = {in[0], w, r, b, lengths, states[0]};
    if (kind.states == 2)
        inputs.push_back(states[1]);
    const std::vector<ElementType> types(kind.states + 1, ElementType::F32);
    const auto made = call.nodes(kind.op, inputs, std::move(attrs), types, 3);
    if (kind.is_a_cell) {
        for (size_t k = 0; k < kind.states; k++)
            call.become(k, call.node("Squeeze", {made[k + 1], call.add_ints({1})}, {},
                                     ElementType::F32, 2));
        return;
    }
    // [batch, steps, directions, hidden] -> [batch, directions, steps, hidden]
    const std::vector<int64_t> perm = {0, 2, 1, 3};
    call.become(0, call.node("Transpose", {made[0]}, {{"perm", perm}}, ElementType::F32, 4));
    for (size_t k = 0; k < kind.states; k++)
        call.become(k + 1, made[k + 1]);
}

constexpr Rule table[] = {
    {"GRUCell", 3, 15, "GRU; Unsqueeze, Squeeze", recurrent},
    {"GRUSequence", 5, 15, "GRU; Transpose", recurrent},
    {"LSTMCell", 1, 15, "LSTM; Unsqueeze, Squeeze", recurrent},
    {"LSTMSequence", 5, 15, "LSTM; Transpose", recurrent},
    {"RNNCell", 1, 15, "RNN; Unsqueeze, Squeeze", recurrent},
    {"RNNSequence", 5, 15, "RNN; Transpose", recurrent},
};

} // namespace

extern constinit const std::span<const Rule> rules_recurrent = table;

} // namespace infer::ir
