// SPDX-License-Identifier: LGPL-2.1-or-later
// Where: y = condition ? a : b, with numpy's broadcasting.
//
//   in   condition  Bool
//        a, b       any one type
//   out  y          their broadcast shape
//
// ONNX Where-16.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 3, 3); !ok.ok())
        return ok.error();
    const auto values = broadcast(in[1].shape, in[2].shape);
    const auto shape = values ? broadcast(in[0].shape, *values) : std::nullopt;
    if (!shape || in[0].type != ElementType::Bool || in[1].type != in[2].type)
        return invalid(node, "takes bool and two tensors of one type that broadcast, not " +
                                 to_string(in[0].shape) + ", " + to_string(in[1].shape) + " and " +
                                 to_string(in[2].shape));
    return one(in[1].type, *shape);
}

void run(const Node&, Views in, Views out) {
    const Shape& shape = out[0].shape;
    const std::vector<int64_t> strides[] = {
        broadcast_strides(in[0].shape, shape), broadcast_strides(in[1].shape, shape),
        broadcast_strides(in[2].shape, shape), strides_of(shape)};
    int64_t step[3] = {};
    for (size_t k = 0; k < 3 && !shape.empty(); k++)
        step[k] = strides[k].back();
    const uint8_t* condition = in[0].span<uint8_t>().data();
    visit_size(in[1].type, [&]<typename T>(std::type_identity<T>) {
        const T *a = in[1].span<T>().data(), *b = in[2].span<T>().data();
        T* y = out[0].span<T>().data();
        for_each_row(shape, strides, [&](const int64_t* at, int64_t length) {
            for (int64_t i = 0; i < length; i++)
                y[at[3] + i] = condition[at[0] + i * step[0]] ? a[at[1] + i * step[1]]
                                                              : b[at[2] + i * step[2]];
        });
    });
}

constexpr OpDef table[] = {{"Where", infer, run}};

} // namespace

extern constinit const OpList ops_where = table;

} // namespace infer
