// SPDX-License-Identifier: LGPL-2.1-or-later
// What is picked by its content: NonZero (where), Compress (what).
//
//   NonZero   in   x          any number type
//             out  indices    i64 [rank of x, n]: positions of elements that are not 0, row-major
//             attr output_type  "i64" (default) or "i32"
//   Compress  in   x          any type
//                  condition  bool [k], k at most the size of the axis
//             out  y          the slices along the axis where the condition is true
//             attr axis       absent: x is taken as one row of elements
//
// ONNX NonZero-13, Compress-11; OpenVINO NonZero-3.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

FactsResult infer_nonzero(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    const auto type = index_type_of(node, "output_type");
    if (!type)
        return invalid(node, "output_type is neither i32 nor i64");
    return one(*type, {int64_t(in[0].shape.size()), -1});
}

std::vector<Tensor> make_nonzero(const Node& node, Views in) {
    std::vector<int64_t> found; // positions in memory
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) {
        const auto x = in[0].span<T>();
        for (size_t i = 0; i < x.size(); i++)
            if (x[i] != T(0))
                found.push_back(int64_t(i));
    });
    const Shape& shape = in[0].shape;
    const std::vector<int64_t> strides = strides_of(shape);
    std::vector<int64_t> indices;
    indices.reserve(shape.size() * found.size());
    for (size_t d = 0; d < shape.size(); d++)
        for (int64_t at : found)
            indices.push_back(at / strides[d] % shape[d]);
    return {indices_of(*index_type_of(node, "output_type"),
                       {int64_t(shape.size()), int64_t(found.size())}, indices)};
}

FactsResult infer_compress(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const Shape& x = in[0].shape;
    const auto axis = axis_of(node.attr("axis", int64_t{0}), x.size());
    const int64_t size = !node.has("axis") ? count(x) : axis ? x[*axis] : -1;
    if (in[1].type != ElementType::Bool || in[1].shape.size() != 1 || in[1].shape[0] > size)
        return invalid(node, "condition " + to_string(in[1].shape) + " of " +
                                 std::string(name_of(in[1].type)) + " does not fit its input " +
                                 to_string(x));
    if (!node.has("axis"))
        return one(in[0].type, {-1});
    Shape y = x;
    y[*axis] = -1;
    return one(in[0].type, y);
}

std::vector<Tensor> make_compress(const Node& node, Views in) {
    const bool by_axis = node.has("axis");
    const Shape x = by_axis ? in[0].shape : Shape{count(in[0].shape)};
    const auto axis = *axis_of(by_axis ? node.attr("axis", int64_t{0}) : 0, x.size());
    const auto condition = in[1].span<uint8_t>();
    Shape y = x;
    y[axis] = std::count_if(condition.begin(), condition.end(), [](uint8_t c) { return c != 0; });
    Tensor out(in[0].type, y);
    const auto split = x.begin() + int64_t(axis);
    const size_t bytes = size_t(count({split + 1, x.end()})) * size_of(in[0].type);
    const auto* from = static_cast<const std::byte*>(in[0].data);
    auto* to = static_cast<std::byte*>(out.view().data);
    for (int64_t row = count({x.begin(), split}); row > 0; row--, from += bytes * size_t(*split))
        for (size_t k = 0; k < condition.size(); k++)
            if (condition[k])
                to = std::copy_n(from + k * bytes, bytes, to);
    return {out};
}

constexpr OpDef table[] = {
    {"NonZero", infer_nonzero, run_made<make_nonzero>, false, make_nonzero},
    {"Compress", infer_compress, run_made<make_compress>, false, make_compress}};

} // namespace

extern constinit const OpList ops_nonzero = table;

} // namespace infer
