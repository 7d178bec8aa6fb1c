// SPDX-License-Identifier: LGPL-2.1-or-later
// CumSum: running sums along an axis.
//
//   in   x     numbers
//        axis  i32 or i64, one constant number
//   out  y     type and shape of x
//   attr exclusive (default 0: an element counts itself), reverse (default 0)
//
// ONNX CumSum-14.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const auto axis = ints_of(in[1]);
    if (!axis)
        return unsupported(node, "its axis is not constant");
    if (axis->size() != 1 || !axis_of((*axis)[0], in[0].shape.size()) ||
        in[0].type == ElementType::Bool)
        return invalid(node, "its axis is outside the dimensions of " + to_string(in[0].shape));
    return one(in[0].type, in[0].shape);
}

void run(const Node& node, Views in, Views out) {
    const Shape& s = in[0].shape;
    const int64_t wanted =
        in[1].type == ElementType::I64 ? in[1].span<int64_t>()[0] : in[1].span<int32_t>()[0];
    const auto axis = int64_t(*axis_of(wanted, s.size()));
    const int64_t n = s[size_t(axis)], inner = count({s.begin() + axis + 1, s.end()}),
                  rows = n ? count(s) / n : 0;
    const bool exclusive = node.attr("exclusive", int64_t{0}) != 0,
               reverse = node.attr("reverse", int64_t{0}) != 0;
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) {
        for (int64_t r = 0; r < rows; r++) {
            const int64_t at = r / inner * n * inner + r % inner;
            T sum = 0;
            for (int64_t k = 0; k < n; k++) {
                const auto i = size_t(at + (reverse ? n - 1 - k : k) * inner);
                const T next = T(sum + in[0].span<T>()[i]);
                out[0].span<T>()[i] = exclusive ? sum : next;
                sum = next;
            }
        }
    });
}

constexpr OpDef table[] = {{"CumSum", infer, run}};

} // namespace

extern constinit const OpList ops_cumsum = table;

} // namespace infer
