// SPDX-License-Identifier: LGPL-2.1-or-later
// Clip: y = min(max(x, low), high).
//
//   in   x     any number type, any shape
//        low   same type, scalar; absent: no lower bound
//        high  same type, scalar; absent: no upper bound
//   out  y     type and shape of x; may be x's own memory
//
// ONNX Clip-13. Where low > high, high wins. NaN stays NaN.
#include "inference/ops/kernel.h"

#include <limits>

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 3); !ok.ok())
        return ok.error();
    for (size_t k = 1; k < in.size(); k++)
        if (in[k].present && (in[k].type != in[0].type || count(in[k].shape) != 1))
            return invalid(node, "a bound must be one number of the type of x, " +
                                     std::string(name_of(in[0].type)));
    return one(in[0].type, in[0].shape);
}

void run(const Node&, Views in, Views out) {
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) {
        using Limits = std::numeric_limits<T>;
        const T top = Limits::has_infinity ? Limits::infinity() : Limits::max();
        const T low = given(in, 1)           ? in[1].span<T>()[0]
                      : Limits::has_infinity ? T(-top)
                                             : Limits::lowest();
        const T high = given(in, 2) ? in[2].span<T>()[0] : top;
        const auto x = in[0].span<T>();
        const auto y = out[0].span<T>();
        for (size_t i = 0; i < x.size(); i++) {
            const T v = x[i] < low ? low : x[i];
            y[i] = v > high ? high : v;
        }
    });
}

constexpr OpDef table[] = {{"Clip", infer, run, true}};

} // namespace

extern constinit const OpList ops_clip = table;

} // namespace infer
