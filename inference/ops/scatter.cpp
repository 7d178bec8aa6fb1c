// SPDX-License-Identifier: LGPL-2.1-or-later
// ScatterElements and ScatterND: a copy of x with some elements replaced or combined.
//
//   in   x        any type
//        indices  i64 or i32; negative counts from the back
//        updates  type of x
//   out  y        type and shape of x
//   attr axis (ScatterElements, default 0), reduction: none (default), add, mul, max, min
//
// ONNX ScatterElements-18, ScatterND-18. Indices out of range are left out.
#include "inference/ops/kernel.h"

#include <cstring>

namespace infer {
namespace {

Result<void> check(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 3, 3); !ok.ok())
        return ok.error();
    const std::string reduction = node.attr("reduction", "none");
    if (in[1].type != ElementType::I64 && in[1].type != ElementType::I32)
        return invalid(node,
                       "its indices are " + std::string(name_of(in[1].type)) + ", not i32 or i64");
    if (in[2].type != in[0].type)
        return invalid(node, "its updates are not of the type of its input");
    for (const char* known : {"none", "add", "mul", "max", "min"})
        if (reduction == known)
            return {};
    return invalid(node, "reduction '" + reduction + "' is not known");
}

int64_t index_at(const TensorView& t, int64_t i) {
    return t.type == ElementType::I64 ? t.span<int64_t>()[size_t(i)] : t.span<int32_t>()[size_t(i)];
}

template <typename T> void combine(T& y, T u, std::string_view reduction) {
    if (reduction == "none")
        y = u;
    else if (reduction == "add")
        y = T(y + u);
    else if (reduction == "mul")
        y = T(y * u);
    else if (reduction == "max")
        y = std::max(y, u);
    else
        y = std::min(y, u);
}

FactsResult infer_elements(const Node& node, Facts in) {
    if (auto ok = check(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &i = in[1].shape;
    const auto axis = axis_of(node.attr("axis", int64_t{0}), x.size());
    bool fits = axis && i.size() == x.size() && i == in[2].shape;
    for (size_t d = 0; fits && d < x.size(); d++)
        fits = d == *axis || i[d] <= x[d];
    if (!fits)
        return invalid(node, "indices " + to_string(i) + " and updates " + to_string(in[2].shape) +
                                 " do not fit " + to_string(x));
    return one(in[0].type, x);
}

void copy_input(Views in, Views out) {
    if (out[0].data != in[0].data && in[0].size_bytes())
        std::memcpy(out[0].data, in[0].data, in[0].size_bytes());
}

void run_elements(const Node& node, Views in, Views out) {
    copy_input(in, out);
    const size_t axis = *axis_of(node.attr("axis", int64_t{0}), in[0].shape.size());
    const int64_t size = in[0].shape[axis];
    std::vector<int64_t> strides[] = {strides_of(in[0].shape), strides_of(in[1].shape)};
    const int64_t along = strides[0][axis], step = axis + 1 == in[0].shape.size() ? 0 : 1;
    strides[0][axis] = 0;
    const std::string reduction = node.attr("reduction", "none");
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) {
        for_each_row(in[1].shape, strides, [&](const int64_t* at, int64_t length) {
            for (int64_t i = 0; i < length; i++) {
                int64_t k = index_at(in[1], at[1] + i);
                k += k < 0 ? size : 0;
                if (k >= 0 && k < size)
                    combine(out[0].span<T>()[size_t(at[0] + i * step + along * k)],
                            in[2].span<T>()[size_t(at[1] + i)], reduction);
            }
        });
    });
}

FactsResult infer_nd(const Node& node, Facts in) {
    if (auto ok = check(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &i = in[1].shape;
    const int64_t depth = i.empty() ? 0 : i.back();
    if (depth < 1 || depth > int64_t(x.size()))
        return invalid(node, "indices " + to_string(i) + " do not fit " + to_string(x));
    Shape updates(i.begin(), i.end() - 1);
    updates.insert(updates.end(), x.begin() + depth, x.end());
    if (in[2].shape != updates)
        return invalid(node,
                       "updates are " + to_string(in[2].shape) + ", not " + to_string(updates));
    return one(in[0].type, x);
}

void run_nd(const Node& node, Views in, Views out) {
    copy_input(in, out);
    const Shape &x = in[0].shape, &i = in[1].shape;
    const int64_t depth = i.back(), slice = count({x.begin() + depth, x.end()});
    const std::vector<int64_t> strides = strides_of(x);
    const std::string reduction = node.attr("reduction", "none");
    const int64_t tuples = count({i.begin(), i.end() - 1});
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) {
        for (int64_t n = 0; n < tuples; n++) {
            int64_t at = 0;
            bool inside = true;
            for (int64_t d = 0; d < depth; d++) {
                int64_t k = index_at(in[1], n * depth + d);
                k += k < 0 ? x[size_t(d)] : 0;
                inside &= k >= 0 && k < x[size_t(d)];
                at += inside ? k * strides[size_t(d)] : 0;
            }
            for (int64_t e = 0; inside && e < slice; e++)
                combine(out[0].span<T>()[size_t(at + e)], in[2].span<T>()[size_t(n * slice + e)],
                        reduction);
        }
    });
}

constexpr OpDef table[] = {{"ScatterElements", infer_elements, run_elements, true},
                           {"ScatterND", infer_nd, run_nd, true}};

} // namespace

extern constinit const OpList ops_scatter = table;

} // namespace infer
