// SPDX-License-Identifier: LGPL-2.1-or-later
// MaxPool, AveragePool, LpPool and their Global forms, 1-D to 3-D.
//
//   in   x        f32 (MaxPool: also i8, u8) [N, C, spatial...]
//   out  y        type of x [N, C, spatial...]; Global: spatial dimensions 1
//        indices  MaxPool, optional: i64, position of the maximum in x, flat
//   attr kernel_shape, strides, dilations, pads, auto_pad, ceil_mode
//        count_include_pad (AveragePool), p (LpPool), storage_order (indices; 1: column major)
//
// ONNX MaxPool-12, AveragePool-19, LpPool-18, GlobalMaxPool-1, GlobalAveragePool-1, GlobalLpPool-2.
#include "inference/ops/window.h"

#include <cmath>
#include <limits>

namespace infer {
namespace {

bool is_global(const Node& node) { return node.op.starts_with("Global"); }

Result<Window> pool_window(const Node& node, const Shape& x) {
    if (!is_global(node))
        return window_of(node, x, node.attr("kernel_shape", std::vector<int64_t>()));
    Window w;
    w.kernel.assign(x.begin() + 2, x.end());
    w.stride = w.dilation = std::vector<int64_t>(w.kernel.size(), 1);
    w.begin = w.end = std::vector<int64_t>(w.kernel.size(), 0);
    return w;
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    const ElementType type = in[0].type;
    const bool bytes = is_byte(type);
    if (type != ElementType::F32 && !(bytes && node.op == "MaxPool"))
        return unsupported(node, "cannot pool " + std::string(name_of(type)));
    const Shape& x = in[0].shape;
    if (x.size() < 3 || x.size() > 5)
        return invalid(node,
                       "its input is " + to_string(x) + ", not [N, C, 1 to 3 spatial dimensions]");
    auto w = pool_window(node, x);
    if (!w.ok())
        return w.error();
    if (node.attr("p", int64_t{2}) < 1)
        return invalid(node, "p must be at least 1");
    Shape y = {x[0], x[1]};
    for (size_t d = 2; d < x.size(); d++) {
        const auto size =
            output_size(w.value(), d - 2, x[d], node.attr("ceil_mode", int64_t{0}) != 0);
        if (!size || x[d] == 0)
            return invalid(node, "its window is larger than its padded input " + to_string(x));
        y.push_back(*size);
    }
    std::vector<ValueFacts> out = one(type, y);
    if (node.outputs.size() > 1)
        out.push_back(fact(ElementType::I64, y));
    return out;
}

// Where the window of one output element meets the input.
struct Patch {
    int64_t first[3], from[3], to[3]; // input position of tap 0; taps [from, to) lie inside
};

Patch patch_at(const Window3& g, const int64_t (&at)[3]) {
    Patch p;
    for (int d = 0; d < 3; d++) {
        p.first[d] = at[d] * g.stride[d] - g.begin[d];
        clip_kernel(p.first[d], g.dilation[d], g.in[d], g.kernel[d], p.from[d], p.to[d]);
    }
    return p;
}

// Calls f(offset in the channel) for each tap inside the input.
template <typename F> void for_each_tap(const Window3& g, const Patch& p, F&& f) {
    for (int64_t a = p.from[0]; a < p.to[0]; a++)
        for (int64_t b = p.from[1]; b < p.to[1]; b++)
            for (int64_t c = p.from[2]; c < p.to[2]; c++)
                f(((p.first[0] + a * g.dilation[0]) * g.in[1] + p.first[1] + b * g.dilation[1]) *
                      g.in[2] +
                  p.first[2] + c * g.dilation[2]);
}

// Calls f(channel, output offset, patch) for each output element.
template <typename F> void for_each_output(const Window3& g, int64_t channels, F&& f) {
    int64_t at = 0;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t z = 0; z < g.out[0]; z++)
            for (int64_t i = 0; i < g.out[1]; i++)
                for (int64_t j = 0; j < g.out[2]; j++)
                    f(c, at++, patch_at(g, {z, i, j}));
}

Window3 geometry(const Node& node, Views in, Views out) {
    return in_3d(pool_window(node, in[0].shape).value(), in[0].shape, out[0].shape);
}

// Flat position as ONNX counts it: row major, or with the spatial dimensions reversed.
int64_t index_of(const Window3& g, int64_t channel, int64_t offset, bool column_major) {
    const int64_t plane = g.in[0] * g.in[1] * g.in[2];
    if (!column_major)
        return channel * plane + offset;
    const int64_t w = offset % g.in[2], h = offset / g.in[2] % g.in[1],
                  d = offset / g.in[2] / g.in[1];
    return channel * plane + (w * g.in[1] + h) * g.in[0] + d;
}

template <typename T> void run_max_typed(const Node& node, Views in, Views out) {
    const Window3 g = geometry(node, in, out);
    const int64_t plane = g.in[0] * g.in[1] * g.in[2];
    const bool column_major = node.attr("storage_order", int64_t{0}) != 0;
    const T* x = in[0].span<T>().data();
    const T lowest = std::numeric_limits<T>::has_infinity ? T(-std::numeric_limits<T>::infinity())
                                                          : std::numeric_limits<T>::lowest();
    for_each_output(g, in[0].shape[0] * in[0].shape[1], [&](int64_t c, int64_t at, const Patch& p) {
        T top = lowest;
        int64_t where = 0;
        for_each_tap(g, p, [&](int64_t offset) {
            const T v = x[c * plane + offset];
            if (v > top || v != v) {
                top = v;
                where = offset;
            }
        });
        out[0].span<T>()[size_t(at)] = top;
        if (out.size() > 1 && out[1].data)
            out[1].span<int64_t>()[size_t(at)] = index_of(g, c, where, column_major);
    });
}

void run_max(const Node& node, Views in, Views out) {
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) { run_max_typed<T>(node, in, out); });
}

// Taps inside the padded input: with ceil_mode a window may hang over even that.
int64_t padded_taps(const Window3& g, const Patch& p) {
    int64_t n = 1;
    for (int d = 0; d < 3; d++) {
        int64_t from, to;
        clip_kernel(p.first[d] + g.begin[d], g.dilation[d], g.in[d] + g.begin[d] + g.end[d],
                    g.kernel[d], from, to);
        n *= to - from;
    }
    return n;
}

void run_average(const Node& node, Views in, Views out) {
    const Window3 g = geometry(node, in, out);
    const int64_t plane = g.in[0] * g.in[1] * g.in[2];
    const bool with_pads = node.attr("count_include_pad", int64_t{0}) != 0;
    const float* x = in[0].span<float>().data();
    for_each_output(g, in[0].shape[0] * in[0].shape[1], [&](int64_t c, int64_t at, const Patch& p) {
        double sum = 0;
        int64_t taps = 0;
        for_each_tap(g, p, [&](int64_t offset) {
            sum += double(x[c * plane + offset]);
            taps++;
        });
        const int64_t n = with_pads ? padded_taps(g, p) : taps;
        out[0].span<float>()[size_t(at)] = n ? float(sum / double(n)) : 0.0f;
    });
}

void run_lp(const Node& node, Views in, Views out) {
    const Window3 g = geometry(node, in, out);
    const int64_t plane = g.in[0] * g.in[1] * g.in[2];
    const double p_norm = double(node.attr("p", int64_t{2}));
    const float* x = in[0].span<float>().data();
    for_each_output(g, in[0].shape[0] * in[0].shape[1], [&](int64_t c, int64_t at, const Patch& p) {
        double sum = 0;
        for_each_tap(g, p, [&](int64_t offset) {
            sum += std::pow(std::abs(double(x[c * plane + offset])), p_norm);
        });
        out[0].span<float>()[size_t(at)] = float(std::pow(sum, 1.0 / p_norm));
    });
}

constexpr OpDef table[] = {
    {"MaxPool", infer, run_max},     {"AveragePool", infer, run_average},
    {"LpPool", infer, run_lp},       {"GlobalMaxPool", infer, run_max},
    {"GlobalLpPool", infer, run_lp}, {"GlobalAveragePool", infer, run_average},
};

} // namespace

extern constinit const OpList ops_pool = table;

} // namespace infer
