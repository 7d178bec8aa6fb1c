// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/lowering/lower.h"

#include "inference/ops/kernel.h"

#include <algorithm>

namespace infer::lowering {
namespace {

// "ab,bc->ac" by parts.
struct Terms {
    std::string a, b, out;
};

bool repeats(const std::string& term) {
    std::string sorted = term;
    std::sort(sorted.begin(), sorted.end());
    return std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
}

std::optional<Terms> terms_of(std::string text) {
    std::erase(text, ' ');
    const size_t comma = text.find(','), arrow = text.find("->");
    if (comma == text.npos || arrow == text.npos || text.find(',', comma + 1) != text.npos || text.find('.') != text.npos)
        return {};
    Terms t{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1), text.substr(arrow + 2)};
    if (repeats(t.a) || repeats(t.b) || repeats(t.out))
        return {};
    return t;
}

// Where each letter of `to` stands in `from`.
std::vector<int64_t> order_of(const std::string& from, const std::string& to) {
    std::vector<int64_t> perm;
    for (const char c : to)
        perm.push_back(int64_t(from.find(c)));
    return perm;
}

// A term's dimensions in another order.
class Arranger {
public:
    Arranger(const Graph& graph, const Terms& terms, const Node& node) {
        for (size_t k = 0; k < 2; k++) {
            const std::string& term = k == 0 ? terms.a : terms.b;
            const Shape& shape = graph.value(node.inputs[k]).shape;
            for (size_t dim = 0; dim < term.size(); dim++) {
                int64_t& size = sizes_.try_emplace(term[dim], shape[dim]).first->second;
                fits_ = fits_ && size == shape[dim];
            }
        }
    }
    bool fits() const { return fits_; }
    Shape shape(const std::string& term) const {
        Shape s;
        for (const char c : term)
            s.push_back(sizes_.at(c));
        return s;
    }
    int64_t size(const std::string& term) const { return count(shape(term)); }
    ValueId arrange(Emitter& emit, ValueId v, const std::string& from, const std::string& to) const {
        return from == to ? v : emit.op("Transpose", {v}, shape(to), {{"perm", order_of(from, to)}});
    }

private:
    std::map<char, int64_t> sizes_;
    bool fits_ = true; // no dimension is repeated
};

} // namespace

bool lower_einsum(const Graph& graph, const Node& node, Emitter& emit) {
    const auto t = node.op == "Einsum" && node.inputs.size() == 2 ? terms_of(node.attr("equation", "")) : std::nullopt;
    if (!t || graph.value(node.inputs[0]).shape.size() != t->a.size() ||
        graph.value(node.inputs[1]).shape.size() != t->b.size())
        return false;
    const auto in = [](const std::string& term, char c) { return term.find(c) != term.npos; };
    std::string batch, rows, columns, depth;
    for (const char c : t->out)
        (in(t->a, c) && in(t->b, c) ? batch : in(t->a, c) ? rows : columns) += c;
    for (const char c : t->a)
        if (!in(t->out, c)) {
            if (!in(t->b, c))
                return false;
            depth += c;
        }
    for (const char c : t->b)
        if (!in(t->out, c) && !in(t->a, c))
            return false;
    const Arranger arranger(graph, *t, node);
    if (!arranger.fits() || depth.empty())
        return false;
    const int64_t n = arranger.size(batch), m = arranger.size(rows), k = arranger.size(depth), l = arranger.size(columns);
    const ValueId a = emit.reshape(arranger.arrange(emit, node.inputs[0], t->a, batch + rows + depth), {n, m, k});
    const ValueId b = emit.reshape(arranger.arrange(emit, node.inputs[1], t->b, batch + depth + columns), {n, k, l});
    const std::string made = batch + rows + columns;
    const ValueId product = emit.reshape(emit.op("MatMul", {a, b}, {n, m, l}), arranger.shape(made));
    emit.last("Transpose", {product}, {{"perm", order_of(made, t->out)}});
    return true;
}

} // namespace infer::lowering
