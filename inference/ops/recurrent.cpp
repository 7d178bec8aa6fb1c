// SPDX-License-Identifier: LGPL-2.1-or-later
// RNN, GRU and LSTM over whole sequences.
//
//   in   x        f32 [T, N, input] (layout 1: [N, T, input])
//        w        f32 [D, G * hidden, input]: D directions; G gates: LSTM i o f c, GRU z r h, RNN i
//        r        f32 [D, G * hidden, hidden]
//        b        f32 [D, 2 * G * hidden], optional: of w, then of r
//        lengths  i32 [N], optional: steps of each sequence; y is zero behind them
//        h        f32 [D, N, hidden] (layout 1: [N, D, hidden]), optional: start
//        c        LSTM: shape of h, optional: start
//        p        LSTM: f32 [D, 3 * hidden], optional: peepholes i o f
//   out  y        f32 [T, D, N, hidden] (layout 1: [N, T, D, hidden]), optional
//        h        last state, optional; c: LSTM, optional
//   attr direction (forward, reverse, bidirectional), hidden_size, layout, clip, activations (those
//        of activation.h; one set a direction), linear_before_reset (GRU), input_forget (LSTM)
//
// ONNX RNN-14, GRU-14, LSTM-14.
#include "inference/ops/activation.h"
#include "inference/ops/kernel.h"

namespace infer {
namespace {

struct Kind {
    std::string_view op;
    int64_t gates;
    std::vector<std::string> activations; // of one direction
};

const Kind& kind_of(const Node& node) {
    static const Kind kinds[] = {{"RNN", 1, {"Tanh"}},
                                 {"GRU", 3, {"Sigmoid", "Tanh"}},
                                 {"LSTM", 4, {"Sigmoid", "Tanh", "Tanh"}}};
    return *std::find_if(std::begin(kinds), std::end(kinds),
                         [&](const Kind& k) { return k.op == node.op; });
}

int64_t directions_of(const Node& node) {
    return node.attr("direction", "forward") == "bidirectional" ? 2 : 1;
}

// Names of the functions of all directions.
std::vector<std::string> activations_of(const Node& node) {
    const auto it = node.attrs.find("activations");
    if (it != node.attrs.end())
        if (const auto* names = std::get_if<std::vector<std::string>>(&it->second))
            return *names;
    std::vector<std::string> names = kind_of(node).activations;
    if (directions_of(node) == 2)
        names.insert(names.end(), kind_of(node).activations.begin(),
                     kind_of(node).activations.end());
    return names;
}

Result<void> check_attributes(const Node& node) {
    const std::string direction = node.attr("direction", "forward");
    if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
        return invalid(node, "direction '" + direction + "' is not known");
    const auto names = activations_of(node);
    if (names.size() != kind_of(node).activations.size() * size_t(directions_of(node)))
        return invalid(node, "has " + std::to_string(names.size()) + " activations");
    for (const std::string& name : names)
        if (!find_activation(name))
            return unsupported(node, "activation '" + name + "' is not known");
    if (node.has("activation_alpha") || node.has("activation_beta"))
        return unsupported(node, "has activations with parameters of their own");
    return {};
}

// Sizes of everything.
struct Extents {
    int64_t steps, batch, input, hidden, directions;
    bool batch_first;

    int64_t x_at(int64_t t, int64_t n) const {
        return (batch_first ? n * steps + t : t * batch + n) * input;
    }
    int64_t y_at(int64_t t, int64_t d, int64_t n) const {
        return (batch_first ? (n * steps + t) * directions + d : (t * directions + d) * batch + n) *
               hidden;
    }
    int64_t state_at(int64_t d, int64_t n) const {
        return (batch_first ? n * directions + d : d * batch + n) * hidden;
    }
    Shape state() const {
        return batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
    }
};

Extents extents_of(const Node& node, const Shape& x, const Shape& r) {
    const bool batch_first = node.attr("layout", int64_t{0}) != 0;
    return {x[batch_first ? 1 : 0],
            x[batch_first ? 0 : 1],
            x[2],
            r[2],
            directions_of(node),
            batch_first};
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 3, node.op == "LSTM" ? 8 : 6); !ok.ok())
        return ok.error();
    if (auto ok = check_attributes(node); !ok.ok())
        return ok.error();
    if (in[0].shape.size() != 3 || in[1].shape.size() != 3 || in[2].shape.size() != 3)
        return invalid(node, "takes x, w and r of three dimensions");
    const Extents e = extents_of(node, in[0].shape, in[2].shape);
    const int64_t rows = kind_of(node).gates * e.hidden;
    const Shape wanted[] = {in[0].shape,
                            {e.directions, rows, e.input},
                            {e.directions, rows, e.hidden},
                            {e.directions, 2 * rows},
                            {e.batch},
                            e.state(),
                            e.state(),
                            {e.directions, 3 * e.hidden}};
    for (size_t k = 0; k < in.size(); k++) {
        const ElementType type = k == 4 ? ElementType::I32 : ElementType::F32;
        if (given(in, k) && (in[k].shape != wanted[k] || in[k].type != type))
            return invalid(node, "input " + std::to_string(k) + " is " + to_string(in[k].shape) +
                                     " of " + std::string(name_of(in[k].type)) + ", not " +
                                     to_string(wanted[k]) + " of " + std::string(name_of(type)));
    }
    const Shape y = e.batch_first ? Shape{e.batch, e.steps, e.directions, e.hidden}
                                  : Shape{e.steps, e.directions, e.batch, e.hidden};
    std::vector<ValueFacts> out = {fact(ElementType::F32, y), fact(ElementType::F32, e.state())};
    if (node.op == "LSTM")
        out.push_back(fact(ElementType::F32, e.state()));
    return out;
}

// The weights of one direction, and its state for one sequence.
struct Cell {
    const Node& node;
    int64_t gates, input, hidden;
    const float *w, *r, *b, *p; // b, p: nullptr if not there
    std::vector<const Activation*> functions;
    std::vector<float> h, c, sums, recurrent; // sums, recurrent: [gates * hidden]

    // matrix * vector for rows [from, to), added to `to_add`.
    static void add_product(const float* matrix, const float* vector, int64_t from, int64_t to,
                            int64_t columns, float* sums) {
        for (int64_t i = from; i < to; i++) {
            float sum = 0;
            for (int64_t k = 0; k < columns; k++)
                sum += matrix[i * columns + k] * vector[k];
            sums[i] += sum;
        }
    }

    // sums = w x + b of w; recurrent = r h + b of r.
    void multiply(const float* x) {
        const int64_t rows = gates * hidden;
        for (int64_t i = 0; i < rows; i++) {
            sums[size_t(i)] = b ? b[i] : 0;
            recurrent[size_t(i)] = b ? b[rows + i] : 0;
        }
        add_product(w, x, 0, rows, input, sums.data());
        add_product(r, h.data(), 0, rows, hidden, recurrent.data());
    }

    void apply(size_t function, float* values) const {
        const float clip = node.attr("clip", 0.0f);
        if (clip > 0)
            for (int64_t i = 0; i < hidden; i++)
                values[i] = std::clamp(values[i], -clip, clip);
        const Activation& f = *functions[function];
        f.apply(values, values, size_t(hidden), f.alpha, f.beta);
    }

    void step_rnn() {
        for (size_t i = 0; i < h.size(); i++)
            h[i] = sums[i] + recurrent[i];
        apply(0, h.data());
    }

    void step_gru() {
        const auto n = size_t(hidden);
        float *z = sums.data(), *reset = z + n, *candidate = reset + n;
        for (size_t i = 0; i < 2 * n; i++)
            sums[i] += recurrent[i];
        apply(0, z);
        apply(0, reset);
        if (node.attr("linear_before_reset", int64_t{0})) {
            for (size_t i = 0; i < n; i++)
                candidate[i] += reset[i] * recurrent[2 * n + i];
        } else {
            std::vector<float> kept(n);
            for (size_t i = 0; i < n; i++)
                kept[i] = reset[i] * h[i];
            for (size_t i = 0; i < n && b; i++)
                candidate[i] += b[5 * n + i];
            add_product(r, kept.data(), 2 * hidden, 3 * hidden, hidden, sums.data());
        }
        apply(1, candidate);
        for (size_t i = 0; i < n; i++)
            h[i] = (1 - z[i]) * candidate[i] + z[i] * h[i];
    }

    void step_lstm() {
        const auto n = size_t(hidden);
        float *i_gate = sums.data(), *o_gate = i_gate + n, *f_gate = o_gate + n,
              *candidate = f_gate + n;
        for (size_t i = 0; i < 4 * n; i++)
            sums[i] += recurrent[i];
        for (size_t i = 0; i < n && p; i++) {
            i_gate[i] += p[i] * c[i];
            f_gate[i] += p[2 * n + i] * c[i];
        }
        apply(0, i_gate);
        apply(0, f_gate);
        apply(1, candidate);
        const bool coupled = node.attr("input_forget", int64_t{0}) != 0;
        for (size_t i = 0; i < n; i++) {
            c[i] = (coupled ? 1 - i_gate[i] : f_gate[i]) * c[i] + i_gate[i] * candidate[i];
            o_gate[i] += p ? p[n + i] * c[i] : 0;
        }
        apply(0, o_gate);
        h = c;
        const Activation& last = *functions[2];
        last.apply(h.data(), h.data(), n, last.alpha, last.beta);
        for (size_t i = 0; i < n; i++)
            h[i] *= o_gate[i];
    }

    void step(const float* x) {
        multiply(x);
        gates == 1 ? step_rnn() : gates == 3 ? step_gru() : step_lstm();
    }
};

Cell cell_of(const Node& node, Views in, const Extents& e, int64_t d) {
    const int64_t gates = kind_of(node).gates, rows = gates * e.hidden;
    const auto part = [&](size_t k, int64_t size) {
        return given(in, k) ? in[k].span<float>().data() + d * size : nullptr;
    };
    Cell cell{node,
              gates,
              e.input,
              e.hidden,
              part(1, rows * e.input),
              part(2, rows * e.hidden),
              part(3, 2 * rows),
              part(7, 3 * e.hidden),
              {},
              {},
              {},
              std::vector<float>(size_t(rows)),
              std::vector<float>(size_t(rows))};
    const auto names = activations_of(node);
    const size_t each = kind_of(node).activations.size();
    for (size_t k = 0; k < each; k++)
        cell.functions.push_back(find_activation(names[size_t(d) * each + k]));
    return cell;
}

std::vector<float> start_of(Views in, size_t k, const Extents& e, int64_t d, int64_t n) {
    if (!given(in, k))
        return std::vector<float>(size_t(e.hidden), 0.0f);
    const float* from = in[k].span<float>().data() + e.state_at(d, n);
    return {from, from + e.hidden};
}

void run(const Node& node, Views in, Views out) {
    const Extents e = extents_of(node, in[0].shape, in[2].shape);
    const auto put = [&](size_t k, int64_t at, const std::vector<float>& values) {
        if (k < out.size() && out[k].data)
            std::copy(values.begin(), values.end(), out[k].span<float>().data() + at);
    };
    for (int64_t d = 0; d < e.directions; d++) {
        Cell cell = cell_of(node, in, e, d);
        const bool backwards = d == 1 || node.attr("direction", "forward") == "reverse";
        for (int64_t n = 0; n < e.batch; n++) {
            cell.h = start_of(in, 5, e, d, n);
            cell.c = start_of(in, 6, e, d, n);
            const int64_t length =
                given(in, 4) ? std::clamp<int64_t>(in[4].span<int32_t>()[size_t(n)], 0, e.steps)
                             : e.steps;
            for (int64_t k = 0; k < length; k++) {
                const int64_t t = backwards ? length - 1 - k : k;
                cell.step(in[0].span<float>().data() + e.x_at(t, n));
                put(0, e.y_at(t, d, n), cell.h);
            }
            for (int64_t t = length; t < e.steps; t++)
                put(0, e.y_at(t, d, n), std::vector<float>(size_t(e.hidden), 0.0f));
            put(1, e.state_at(d, n), cell.h);
            put(2, e.state_at(d, n), cell.c);
        }
    }
}

constexpr OpDef table[] = {{"RNN", infer, run}, {"GRU", infer, run}, {"LSTM", infer, run}};

} // namespace

extern constinit const OpList ops_recurrent = table;

} // namespace infer
