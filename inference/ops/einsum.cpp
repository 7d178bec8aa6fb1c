// SPDX-License-Identifier: LGPL-2.1-or-later
// Einsum: sums of products over named dimensions, e.g. "bij,bjk->bik".
//
//   in   x...      f32
//   out  y         f32
//   attr equation  one letter a dimension; "..." for leading ones; without "->" the letters that
//                  occur once, in alphabetical order
//
// ONNX Einsum-12.
#include "inference/ops/kernel.h"

#include <map>

namespace infer {
namespace {

// Dimensions of "..." get digits as names, the last one '0'.
struct Equation {
    std::vector<std::string> in; // a name for each dimension
    std::string out;
    std::map<char, int64_t> sizes;
};

// "..." written out as the digits it stands for.
std::string spread(const std::string& term, size_t rank) {
    const size_t dots = term.find("...");
    if (dots == term.npos)
        return term;
    std::string names;
    for (size_t left = rank - std::min(rank, term.size() - 3); left-- > 0;)
        names += char('0' + std::min<size_t>(left, 9));
    return term.substr(0, dots) + names + term.substr(dots + 3);
}

bool named_once(const std::vector<std::string>& terms, char name) {
    int64_t n = 0;
    for (const std::string& t : terms)
        n += std::count(t.begin(), t.end(), name);
    return n == 1;
}

std::optional<Equation> parse(std::string text, const std::vector<Shape>& shapes) {
    std::erase(text, ' ');
    const size_t arrow = text.find("->");
    std::string left = text.substr(0, arrow);
    Equation e;
    for (size_t k = 0; k < shapes.size(); k++) {
        const size_t comma = left.find(',');
        if ((comma == left.npos) != (k + 1 == shapes.size()))
            return {};
        e.in.push_back(spread(left.substr(0, comma), shapes[k].size()));
        left.erase(0, comma == left.npos ? comma : comma + 1);
        if (e.in[k].size() != shapes[k].size())
            return {};
        for (size_t d = 0; d < shapes[k].size(); d++) {
            int64_t& size = e.sizes.try_emplace(e.in[k][d], 1).first->second;
            if (size != shapes[k][d] && size != 1 && shapes[k][d] != 1)
                return {};
            size = std::max(size, shapes[k][d]);
        }
    }
    std::string digits;
    for (const auto& [name, size] : e.sizes)
        if (name >= '0' && name <= '9')
            digits.insert(digits.begin(), name);
    if (arrow != text.npos) {
        const std::string right = text.substr(arrow + 2);
        const size_t letters = right.size() - (right.find("...") == right.npos ? 0 : 3);
        e.out = spread(right, letters + digits.size());
    } else {
        e.out = digits;
        for (const auto& [name, size] : e.sizes)
            if ((name < '0' || name > '9') && named_once(e.in, name))
                e.out += name;
    }
    for (char name : e.out)
        if (!e.sizes.contains(name))
            return {};
    Shape all;
    for (const auto& [name, size] : e.sizes)
        all.push_back(size);
    return checked_count(all) ? std::optional(e) : std::nullopt;
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, std::max<size_t>(in.size(), 1), SIZE_MAX); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    std::vector<Shape> shapes;
    for (const ValueFacts& x : in)
        shapes.push_back(x.shape);
    const auto e = parse(node.attr("equation", ""), shapes);
    if (!e)
        return invalid(node,
                       "equation '" + node.attr("equation", "") + "' does not fit its inputs");
    Shape y;
    for (char name : e->out)
        y.push_back(e->sizes.at(name));
    return one(ElementType::F32, y);
}

// Steps of one operand along all names, in the order of `names`.
std::vector<int64_t> steps_of(const std::string& term, const Shape& shape,
                              const std::string& names) {
    const std::vector<int64_t> dense = strides_of(shape);
    std::vector<int64_t> steps;
    for (char name : names) {
        int64_t step = 0;
        for (size_t d = 0; d < term.size(); d++) // twice the same name: the diagonal
            step += term[d] == name && shape[d] != 1 ? dense[d] : 0;
        steps.push_back(step);
    }
    return steps;
}

void run(const Node& node, Views in, Views out) {
    std::vector<Shape> shapes;
    for (const TensorView& x : in)
        shapes.push_back(x.shape);
    const Equation e = *parse(node.attr("equation", ""), shapes);
    std::string names = e.out;
    for (const auto& [name, size] : e.sizes)
        if (e.out.find(name) == e.out.npos)
            names += name;
    Shape all;
    for (char name : names)
        all.push_back(e.sizes.at(name));
    std::vector<std::vector<int64_t>> steps;
    for (size_t k = 0; k < in.size(); k++)
        steps.push_back(steps_of(e.in[k], shapes[k], names));
    const std::vector<int64_t> out_steps = steps_of(e.out, out[0].shape, names);
    const auto y = out[0].span<float>();
    std::fill(y.begin(), y.end(), 0.0f);
    std::vector<int64_t> index(all.size(), 0);
    for (int64_t left = count(all); left > 0; left--) {
        double product = 1;
        int64_t to = 0;
        for (size_t d = 0; d < all.size(); d++)
            to += index[d] * out_steps[d];
        for (size_t k = 0; k < in.size(); k++) {
            int64_t at = 0;
            for (size_t d = 0; d < all.size(); d++)
                at += index[d] * steps[k][d];
            product *= double(in[k].span<float>()[size_t(at)]);
        }
        y[size_t(to)] += float(product);
        for (size_t d = all.size(); d-- > 0 && ++index[d] == all[d];)
            index[d] = 0;
    }
}

constexpr OpDef table[] = {{"Einsum", infer, run}};

} // namespace

extern constinit const OpList ops_einsum = table;

} // namespace infer
