// SPDX-License-Identifier: LGPL-2.1-or-later
// Max, Min, Sum and Mean of any number of tensors, with numpy's broadcasting.
//
//   in   x...  one number type, shapes that broadcast
//   out  y     their broadcast shape
//
// ONNX Max-13, Min-13, Sum-13, Mean-13. NaN wins.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, std::max<size_t>(in.size(), 1), SIZE_MAX); !ok.ok())
        return ok.error();
    if (in[0].type == ElementType::Bool || (node.op == "Mean" && in[0].type != ElementType::F32))
        return invalid(node, "cannot take " + std::string(name_of(in[0].type)));
    Shape shape = in[0].shape;
    for (const ValueFacts& x : in) {
        const auto wide = broadcast(shape, x.shape);
        if (!wide || x.type != in[0].type)
            return invalid(node, "its inputs differ in type or do not broadcast");
        shape = *wide;
    }
    return one(in[0].type, shape);
}

template <typename T> T (*function_of(const Node& node))(T, T) {
    if (node.op == "Max")
        return [](T a, T b) { return b > a || b != b ? b : a; };
    if (node.op == "Min")
        return [](T a, T b) { return b < a || b != b ? b : a; };
    return [](T a, T b) { return T(a + b); };
}

void run(const Node& node, Views in, Views out) {
    const Shape& shape = out[0].shape;
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) {
        const auto f = function_of<T>(node);
        T* y = out[0].span<T>().data();
        for (size_t k = 0; k < in.size(); k++) {
            const std::vector<int64_t> strides[] = {broadcast_strides(in[k].shape, shape),
                                                    strides_of(shape)};
            const int64_t step = shape.empty() ? 0 : strides[0].back();
            const T* x = in[k].span<T>().data();
            for_each_row(shape, strides, [&](const int64_t* at, int64_t length) {
                for (int64_t i = 0; i < length; i++) {
                    const T v = x[at[0] + i * step];
                    y[at[1] + i] = k ? f(y[at[1] + i], v) : v;
                }
            });
        }
        if (node.op == "Mean")
            for (T& v : out[0].span<T>())
                v = T(v / T(in.size()));
    });
}

constexpr OpDef table[] = {
    {"Max", infer, run}, {"Min", infer, run}, {"Sum", infer, run}, {"Mean", infer, run}};

} // namespace

extern constinit const OpList ops_variadic = table;

} // namespace infer
