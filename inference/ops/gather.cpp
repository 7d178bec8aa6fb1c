// SPDX-License-Identifier: LGPL-2.1-or-later
// Gather picks slices along an axis; GatherElements picks element by element; GatherND picks what
// index tuples point at.
//
//   in   x           any type
//        indices     i32 or i64; negative counts from the back; out of range is taken as the
//        nearest
//   out  y           type of x
//   attr axis        Gather, GatherElements: default 0;  batch_dims (GatherND): default 0
//
// ONNX Gather-13, GatherElements-13, GatherND-13.
#include "inference/ops/kernel.h"

#include <cstring>

namespace infer {
namespace {

Result<void> check(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    if (in[1].type != ElementType::I64 && in[1].type != ElementType::I32)
        return invalid(node,
                       "its indices are " + std::string(name_of(in[1].type)) + ", not i32 or i64");
    return {};
}

// The result of shape `y`, which may be empty in a dimension that is not picked along.
FactsResult picked(const Node& node, Facts in, const Shape& y) {
    if (count(in[0].shape) == 0 && count(y) > 0)
        return invalid(node, "cannot pick from nothing");
    return one(in[0].type, y);
}

int64_t index_at(const TensorView& indices, int64_t k, int64_t size) {
    const int64_t i = indices.type == ElementType::I64 ? indices.span<int64_t>()[size_t(k)]
                                                       : indices.span<int32_t>()[size_t(k)];
    return std::clamp<int64_t>(i < 0 ? i + size : i, 0, size - 1);
}

FactsResult infer_gather(const Node& node, Facts in) {
    if (auto ok = check(node, in); !ok.ok())
        return ok.error();
    const Shape& x = in[0].shape;
    const auto axis = axis_of(node.attr("axis", int64_t{0}), x.size());
    if (!axis)
        return invalid(node, "axis is outside the dimensions of " + to_string(x));
    Shape y(x.begin(), x.begin() + int64_t(*axis));
    y.insert(y.end(), in[1].shape.begin(), in[1].shape.end());
    y.insert(y.end(), x.begin() + int64_t(*axis) + 1, x.end());
    return picked(node, in, y);
}

void run_gather(const Node& node, Views in, Views out) {
    const Shape& x = in[0].shape;
    const auto axis = int64_t(*axis_of(node.attr("axis", int64_t{0}), x.size()));
    const int64_t outer = count({x.begin(), x.begin() + axis}), size = x[size_t(axis)];
    const size_t bytes = size_t(count({x.begin() + axis + 1, x.end()})) * size_of(in[0].type);
    const int64_t picks = count(in[1].shape);
    const char* from = static_cast<const char*>(in[0].data);
    char* to = static_cast<char*>(out[0].data);
    for (int64_t n = 0; n < outer && bytes; n++)
        for (int64_t k = 0; k < picks; k++, to += bytes)
            std::memcpy(to, from + size_t(n * size + index_at(in[1], k, size)) * bytes, bytes);
}

FactsResult infer_elements(const Node& node, Facts in) {
    if (auto ok = check(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &i = in[1].shape;
    const auto axis = axis_of(node.attr("axis", int64_t{0}), x.size());
    bool fits = axis && i.size() == x.size();
    for (size_t d = 0; fits && d < x.size(); d++)
        fits = d == *axis || i[d] <= x[d];
    if (!fits)
        return invalid(node, "indices " + to_string(i) + " do not fit input " + to_string(x));
    return picked(node, in, i);
}

void run_elements(const Node& node, Views in, Views out) {
    const size_t axis = *axis_of(node.attr("axis", int64_t{0}), in[0].shape.size());
    std::vector<int64_t> strides[] = {strides_of(in[0].shape), strides_of(in[1].shape)};
    const int64_t along = strides[0][axis], step = axis + 1 == in[0].shape.size() ? 0 : 1;
    strides[0][axis] = 0;
    visit_size(in[0].type, [&]<typename T>(std::type_identity<T>) {
        const T* x = in[0].span<T>().data();
        for_each_row(in[1].shape, strides, [&](const int64_t* at, int64_t length) {
            for (int64_t i = 0; i < length; i++)
                out[0].span<T>()[size_t(at[1] + i)] =
                    x[at[0] + i * step + along * index_at(in[1], at[1] + i, in[0].shape[axis])];
        });
    });
}

FactsResult infer_nd(const Node& node, Facts in) {
    if (auto ok = check(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &i = in[1].shape;
    const int64_t batch = node.attr("batch_dims", int64_t{0});
    const int64_t depth = i.empty() ? 0 : i.back();
    if (batch < 0 || batch >= int64_t(std::min(x.size(), i.size())) || depth < 1 ||
        batch + depth > int64_t(x.size()) || !std::equal(x.begin(), x.begin() + batch, i.begin()))
        return invalid(node, "indices " + to_string(i) + " do not fit input " + to_string(x));
    Shape y(i.begin(), i.end() - 1);
    y.insert(y.end(), x.begin() + batch + depth, x.end());
    return picked(node, in, y);
}

void run_nd(const Node& node, Views in, Views out) {
    const Shape &x = in[0].shape, &i = in[1].shape;
    const int64_t batch = node.attr("batch_dims", int64_t{0}), depth = i.back();
    const std::vector<int64_t> strides = strides_of(x);
    const int64_t batches = count({x.begin(), x.begin() + batch});
    const int64_t tuples = count({i.begin() + batch, i.end() - 1});
    const int64_t block = count({x.begin() + batch, x.end()}),
                  slice = count({x.begin() + batch + depth, x.end()});
    const size_t bytes = size_t(slice) * size_of(in[0].type);
    char* to = static_cast<char*>(out[0].data);
    for (int64_t n = 0; n < batches * tuples && bytes; n++, to += bytes) {
        int64_t at = n / tuples * block;
        for (int64_t d = 0; d < depth; d++)
            at += strides[size_t(batch + d)] * index_at(in[1], n * depth + d, x[size_t(batch + d)]);
        std::memcpy(to, static_cast<const char*>(in[0].data) + size_t(at) * size_of(in[0].type),
                    bytes);
    }
}

constexpr OpDef table[] = {{"Gather", infer_gather, run_gather},
                           {"GatherElements", infer_elements, run_elements},
                           {"GatherND", infer_nd, run_nd}};

} // namespace

extern constinit const OpList ops_gather = table;

} // namespace infer
