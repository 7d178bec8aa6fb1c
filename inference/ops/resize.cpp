// SPDX-License-Identifier: LGPL-2.1-or-later
// Resize: resamples along every dimension whose size changes.
//
//   in   x       f32 (nearest: any type), any rank
//        roi     f32 [2 rank], optional constant, fractions: only tf_crop_and_resize reads it
//        scales  f32 [rank], constant: output size = floor(size * scale)
//        sizes   i64 [rank], constant: instead of scales
//   out  y       type of x
//   attr mode                            nearest (default), linear, cubic
//        coordinate_transformation_mode  half_pixel (default), half_pixel_symmetric,
//        pytorch_half_pixel,
//                                        align_corners, asymmetric, tf_half_pixel_for_nn,
//                                        tf_crop_and_resize
//        nearest_mode                    round_prefer_floor (default), round_prefer_ceil, floor,
//        ceil cubic_coeff_a (-0.75), exclude_outside (0), extrapolation_value (0), antialias (0)
//        axes, keep_aspect_ratio_policy (stretch, not_larger, not_smaller)
//
// ONNX Resize-19. Linear and cubic are separable: one dimension after the other, from the taps
// below.
#include "inference/ops/resize.h"

#include "inference/ops/kernel.h"

#include <cmath>
#include <cstring>

namespace infer {
namespace {

// What one dimension does.
struct Axis {
    int64_t in = 1, out = 1;
    double scale = 1; // output over input, as given, not rounded
    double roi_start = 0, roi_end = 1;
    bool resampled() const { return in != out || scale != 1 || roi_start != 0 || roi_end != 1; }
};

template <typename T> std::vector<T> numbers(const TensorView& t) {
    std::vector<T> values;
    visit(t.type, [&]<typename E>(std::type_identity<E>) {
        for (E v : t.span<E>())
            values.push_back(T(v));
    });
    return values;
}

// sizes with one scale for all axes (keep_aspect_ratio_policy).
void keep_aspect(const Node& node, std::vector<Axis>& axes, const std::vector<size_t>& which) {
    const std::string policy = node.attr("keep_aspect_ratio_policy", "stretch");
    if (policy == "stretch" || which.empty())
        return;
    double scale = axes[which[0]].scale;
    for (size_t d : which)
        scale = policy == "not_larger" ? std::min(scale, axes[d].scale)
                                       : std::max(scale, axes[d].scale);
    for (size_t d : which) {
        axes[d].scale = scale;
        axes[d].out = int64_t(std::floor(scale * double(axes[d].in) + 0.5));
    }
}

// Nothing if the inputs do not fit.
std::optional<std::vector<Axis>> axes_of(const Node& node, const Shape& x,
                                         const std::vector<float>& roi,
                                         const std::vector<float>& scales,
                                         const std::vector<int64_t>& sizes) {
    std::vector<Axis> axes;
    for (int64_t d : x)
        axes.push_back({d, d, 1, 0, 1});
    std::vector<size_t> which;
    for (int64_t a : node.attr("axes", std::vector<int64_t>())) {
        const auto axis = axis_of(a, x.size());
        if (!axis)
            return {};
        which.push_back(*axis);
    }
    for (size_t d = 0; d < x.size() && !node.has("axes"); d++)
        which.push_back(d);
    if ((scales.empty() == sizes.empty() && !which.empty()) ||
        (!scales.empty() && scales.size() != which.size()) ||
        (!sizes.empty() && sizes.size() != which.size()))
        return {};
    const bool crops =
        node.attr("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize";
    if (crops && roi.size() != 2 * which.size())
        return {};
    for (size_t k = 0; k < which.size(); k++) {
        Axis& a = axes[which[k]];
        if (crops) {
            a.roi_start = double(roi[k]);
            a.roi_end = double(roi[k + which.size()]);
        }
        a.scale =
            scales.empty() ? (a.in > 0 ? double(sizes[k]) / double(a.in) : 0) : double(scales[k]);
        const double part = crops ? a.roi_end - a.roi_start : 1;
        const double size =
            scales.empty() ? double(sizes[k]) : std::floor(double(a.in) * part * a.scale + 1e-6);
        if (!(a.scale > 0) || !(size >= 1) || size > double(max_dim) || a.in < 1)
            return {};
        a.out = int64_t(size);
    }
    if (!sizes.empty())
        keep_aspect(node, axes, which);
    return axes;
}

bool one_of(const std::string& word, std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* w) { return word == w; });
}

Result<void> check_modes(const Node& node, ElementType type) {
    const std::string mode = node.attr("mode", "nearest"),
                      place = node.attr("coordinate_transformation_mode", "half_pixel");
    if (!one_of(mode, {"nearest", "linear", "cubic"}))
        return invalid(node, "mode is '" + mode + "'; known are nearest, linear, cubic");
    if (!one_of(place, {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                        "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"}))
        return invalid(node, "coordinate_transformation_mode '" + place + "' is not known");
    if (!one_of(node.attr("nearest_mode", "round_prefer_floor"),
                {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}))
        return invalid(node, "nearest_mode '" + node.attr("nearest_mode", "") + "' is not known");
    if (mode != "nearest" && type != ElementType::F32)
        return unsupported(node, "resamples f32, not " + std::string(name_of(type)));
    return {};
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 4); !ok.ok())
        return ok.error();
    if (auto ok = check_modes(node, in[0].type); !ok.ok())
        return ok.error();
    std::vector<float> given_floats[2]; // roi, scales
    std::vector<int64_t> sizes;
    for (size_t k = 1; k < in.size(); k++) {
        if (!in[k].present)
            continue;
        if (!in[k].constant)
            return unsupported(node, "its " +
                                         std::string(k == 1   ? "roi"
                                                     : k == 2 ? "scales"
                                                              : "sizes") +
                                         " are not constant");
        if (k == 3)
            sizes = numbers<int64_t>(in[k].constant->view());
        else
            given_floats[k - 1] = numbers<float>(in[k].constant->view());
    }
    const auto axes = axes_of(node, in[0].shape, given_floats[0], given_floats[1], sizes);
    if (!axes)
        return invalid(node, "its scales or sizes do not fit its input " + to_string(in[0].shape));
    Shape y;
    for (const Axis& a : *axes)
        y.push_back(a.out);
    return one(in[0].type, y);
}

// Position in the input that output position `at` shows (Resize-19,
// coordinate_transformation_mode).
double place_of(const std::string& mode, const Axis& a, int64_t at) {
    const double x = double(at), in = double(a.in), out = a.scale * in; // out: not rounded
    if (mode == "align_corners") // ONNX counts with the size that is not rounded
        return out > 1 ? x * (in - 1) / (out - 1) : 0;
    if (mode == "asymmetric")
        return x / a.scale;
    if (mode == "tf_half_pixel_for_nn")
        return (x + 0.5) / a.scale;
    if (mode == "pytorch_half_pixel" && a.out <= 1)
        return -0.5;
    if (mode == "half_pixel_symmetric") {
        const double adjusted = double(a.out) / out, center = in / 2;
        return center * (1 - adjusted) + (x + 0.5) / a.scale - 0.5;
    }
    if (mode == "tf_crop_and_resize")
        return a.out > 1 ? a.roi_start * (in - 1) +
                               x * (a.roi_end - a.roi_start) * (in - 1) / (double(a.out) - 1)
                         : 0.5 * (a.roi_start + a.roi_end) * (in - 1);
    return (x + 0.5) / a.scale - 0.5;
}

using Taps = ResizeTaps;

double cubic(double x, double a) { // Keys' kernel
    x = std::abs(x);
    return x <= 1  ? ((a + 2) * x - (a + 3)) * x * x + 1
           : x < 2 ? (((x - 5) * x + 8) * x - 4) * a
                   : 0;
}

Taps taps_of(const Node& node, const Axis& a, int64_t at) {
    const std::string transform = node.attr("coordinate_transformation_mode", "half_pixel");
    const std::string mode = node.attr("mode", "nearest");
    const double x = place_of(transform, a, at);
    Taps t;
    t.outside = transform == "tf_crop_and_resize" && (x < 0 || x > double(a.in - 1));
    if (mode == "nearest") {
        const std::string rounding = node.attr("nearest_mode", "round_prefer_floor");
        const double n = rounding == "floor"               ? std::floor(x)
                         : rounding == "ceil"              ? std::ceil(x)
                         : rounding == "round_prefer_ceil" ? std::floor(x + 0.5)
                                                           : std::ceil(x - 0.5);
        t.taps = {{std::clamp<int64_t>(int64_t(n), 0, a.in - 1), 1.0}};
        return t;
    }
    const bool is_cubic = mode == "cubic";
    const double coefficient = double(node.attr("cubic_coeff_a", -0.75f));
    // antialias widens the kernel when sizes shrink, as a low-pass filter
    const double stretch = node.attr("antialias", int64_t{0}) && a.scale < 1 ? 1 / a.scale : 1;
    const double reach = (is_cubic ? 2 : 1) * stretch;
    const bool exclude = node.attr("exclude_outside", int64_t{0}) != 0;
    double sum = 0;
    for (int64_t k = int64_t(std::ceil(x - reach)); double(k) <= x + reach; k++) {
        const double d = (double(k) - x) / stretch;
        const double w = is_cubic ? cubic(d, coefficient) : std::max(1 - std::abs(d), 0.0);
        if (w == 0 || ((k < 0 || k >= a.in) && exclude))
            continue;
        t.taps.push_back({std::clamp<int64_t>(k, 0, a.in - 1), w});
        sum += w;
    }
    for (auto& [k, w] : t.taps)
        w /= sum;
    return t;
}

// One dimension of `x` ([outer, in, inner]) resampled into `y` ([outer, out, inner]).
template <typename T>
void resample(const T* x, T* y, const std::vector<Taps>& taps, int64_t outer, int64_t in,
              int64_t inner, T fill) {
    for (int64_t n = 0; n < outer; n++, x += in * inner)
        for (const Taps& t : taps) {
            if (t.outside)
                std::fill_n(y, inner, fill);
            else if (t.taps.size() == 1)
                std::memcpy(y, x + t.taps[0].first * inner, size_t(inner) * sizeof(T));
            else if constexpr (std::is_same_v<T, float>) {
                std::fill_n(y, inner, 0.0f);
                for (const auto& [k, w] : t.taps)
                    for (int64_t i = 0; i < inner; i++)
                        y[i] += float(w) * x[k * inner + i];
            }
            y += inner;
        }
}

template <typename T>
void run_typed(const Node& node, const std::vector<Axis>& axes, const T* x, T* y) {
    std::vector<T> from(
        x, x + [&] {
            int64_t n = 1;
            for (const Axis& a : axes)
                n *= a.in;
            return n;
        }());
    const T fill = std::is_same_v<T, float> ? T(node.attr("extrapolation_value", 0.0f)) : T(0);
    Shape shape;
    for (const Axis& a : axes)
        shape.push_back(a.in);
    for (size_t d = axes.size(); d-- > 0;) {
        if (!axes[d].resampled())
            continue;
        std::vector<Taps> taps;
        for (int64_t i = 0; i < axes[d].out; i++)
            taps.push_back(taps_of(node, axes[d], i));
        const int64_t outer = count({shape.begin(), shape.begin() + int64_t(d)});
        const int64_t inner = count({shape.begin() + int64_t(d) + 1, shape.end()});
        std::vector<T> to(size_t(outer * axes[d].out * inner));
        resample(from.data(), to.data(), taps, outer, axes[d].in, inner, fill);
        shape[d] = axes[d].out;
        from = std::move(to);
    }
    std::copy(from.begin(), from.end(), y);
}

void run(const Node& node, Views in, Views out) {
    const auto floats = [&](size_t k) {
        return given(in, k) ? numbers<float>(in[k]) : std::vector<float>();
    };
    const auto sizes = given(in, 3) ? numbers<int64_t>(in[3]) : std::vector<int64_t>();
    const auto axes = *axes_of(node, in[0].shape, floats(1), floats(2), sizes);
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) {
        run_typed<T>(node, axes, in[0].span<T>().data(), out[0].span<T>().data());
    });
}

constexpr OpDef table[] = {{"Resize", infer, run}};

} // namespace

std::vector<std::vector<ResizeTaps>> resize_taps(const Node& node, Facts in) {
    const auto floats = [&](size_t k) {
        return given(in, k) ? numbers<float>(in[k].constant->view()) : std::vector<float>();
    };
    const auto sizes =
        given(in, 3) ? numbers<int64_t>(in[3].constant->view()) : std::vector<int64_t>();
    const std::vector<Axis> axes = *axes_of(node, in[0].shape, floats(1), floats(2), sizes);
    std::vector<std::vector<ResizeTaps>> all;
    for (const Axis& axis : axes) {
        all.emplace_back();
        for (int64_t i = 0; axis.resampled() && i < axis.out; i++)
            all.back().push_back(taps_of(node, axis, i));
    }
    return all;
}

extern constinit const OpList ops_resize = table;

} // namespace infer
