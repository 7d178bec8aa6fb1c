// SPDX-License-Identifier: LGPL-2.1-or-later
// Interpolate, and picking by a grid. Meanings: OpenVINO's operation sets, "Image processing".
#include "inference/formats/ir_rules.h"
#include "inference/ops/kernel.h"

#include <algorithm>
#include <numeric>

namespace infer::ir {
namespace {

bool is_one_of(const std::string& word, std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* w) { return word == w; });
}

// A border of zeros before the resampling.
ValueId padded(Call& call) {
    const ValueId x = call.in(0);
    const size_t rank = call.rank(x);
    std::vector<int64_t> pads = call.ints("pads_begin"), end = call.ints("pads_end");
    pads.resize(rank, 0);
    end.resize(rank, 0);
    pads.insert(pads.end(), end.begin(), end.end());
    if (std::all_of(pads.begin(), pads.end(), [](int64_t p) { return p == 0; }))
        return x;
    return call.node("Pad", {x, call.add_ints(pads)}, {}, call.type(x), rank);
}

std::vector<int64_t> all_axes(size_t rank) {
    std::vector<int64_t> axes(rank);
    std::iota(axes.begin(), axes.end(), 0);
    return axes;
}

// "simple": down where sizes grow, up where they shrink. Both at once cannot be said in ONNX.
std::string simple_rounding(Call& call, ValueId sizes, const std::vector<int64_t>& axes) {
    const Tensor* wanted = call.constant(sizes);
    const Shape x = call.shape(call.in(0));
    bool grows = true, shrinks = true;
    for (size_t k = 0; wanted && k < axes.size(); k++) {
        const auto axis = axis_of(axes[k], x.size());
        if (!axis || x[*axis] < 1 || k >= size_t(count(wanted->shape())))
            return "";
        const bool is_i64 = wanted->type() == ElementType::I64;
        const double scale = is_i64 ? double(wanted->span<int64_t>()[k]) / double(x[*axis])
                                    : double(wanted->span<float>()[k]);
        grows &= scale >= 1;
        shrinks &= scale <= 1;
    }
    return !wanted || (!grows && !shrinks) ? "" : grows ? "floor" : "ceil";
}

// How the words of version 4 and newer are said in ONNX.
std::map<std::string, Attr> modes(Call& call, ValueId sizes, const std::vector<int64_t>& axes) {
    const std::string mode = call.text("mode", "nearest");
    const std::string place = call.text("coordinate_transformation_mode", "half_pixel");
    std::string rounding = call.text("nearest_mode", "round_prefer_floor");
    if (!is_one_of(mode, {"nearest", "linear", "linear_onnx", "cubic", "bilinear_pillow",
                          "bicubic_pillow"}))
        call.unsupported("mode is '" + mode +
                         "'; nearest, linear, linear_onnx, cubic, bilinear_pillow and "
                         "bicubic_pillow can be run");
    if (rounding == "simple" && mode == "nearest") {
        rounding = simple_rounding(call, sizes, axes);
        if (rounding.empty())
            call.unsupported("nearest_mode is simple where not all sizes grow, or all shrink");
    } else if (rounding == "simple")
        rounding = "floor"; // nobody reads it
    const bool pillow = mode.ends_with("pillow");
    const bool cubic = mode == "cubic" || mode == "bicubic_pillow";
    if (call.flag("antialias", false) && mode == "linear")
        call.unsupported("antialias is on in mode linear; bilinear_pillow can be run");
    std::map<std::string, Attr> attrs = {
        {"mode", std::string(mode == "nearest" ? "nearest"
                             : cubic           ? "cubic"
                                               : "linear")},
        {"coordinate_transformation_mode", pillow ? std::string("half_pixel") : place},
        {"nearest_mode", rounding},
        {"axes", axes}};
    if (cubic)
        attrs["cubic_coeff_a"] = pillow ? -0.5f : call.number("cube_coeff", -0.75f);
    if (pillow) {
        attrs["antialias"] = int64_t{1};
        attrs["exclude_outside"] = int64_t{1};
    }
    return attrs;
}

void emit(Call& call, ValueId x, ValueId scales, ValueId sizes, std::map<std::string, Attr> attrs) {
    const bool nearest = std::get<std::string>(attrs["mode"]) == "nearest";
    if (!nearest && call.type(x) != ElementType::F32) { // bytes are computed as numbers
        const ElementType type = call.type(x);
        const ValueId wide = call.as_type(x, ElementType::F32);
        const ValueId y = call.node("Resize", {wide, none, scales, sizes}, std::move(attrs));
        return call.become(0, call.as_type(call.node("Round", {y}), type));
    }
    call.emit("Resize", {x, none, scales, sizes}, std::move(attrs));
}

// Version 1: sizes, and only align_corners or not.
void interpolate_1(Call& call) {
    call.expect(2, 2);
    const ValueId x = padded(call);
    const std::string mode = call.text("mode", "nearest");
    if (!is_one_of(mode, {"nearest", "linear", "cubic"}))
        call.unsupported("mode is '" + mode + "'; nearest, linear and cubic can be run");
    const bool corners = call.flag("align_corners", true);
    const auto axes = call.ints("axes");
    const ValueId sizes = call.as_i64(call.in(1));
    const std::string rounding = simple_rounding(call, sizes, axes);
    std::map<std::string, Attr> attrs = {
        {"mode", mode},
        {"coordinate_transformation_mode", std::string(corners ? "align_corners" : "asymmetric")},
        {"nearest_mode", rounding.empty() ? std::string("floor") : rounding},
        {"axes", axes}};
    emit(call, x, none, sizes, std::move(attrs));
}

// Version 4: sizes, scales and axes; version 11: one of the two, and axes.
void interpolate(Call& call) {
    if (call.layer().opset < 4)
        return interpolate_1(call);
    const bool old = call.layer().opset < 11;
    call.expect(old ? 3 : 2, old ? 4 : 3);
    const std::string by = call.text("shape_calculation_mode", "sizes");
    if (by != "sizes" && by != "scales")
        call.invalid("shape_calculation_mode is '" + by + "'; known are sizes and scales");
    const ValueId x = padded(call);
    const bool by_sizes = by == "sizes";
    const ValueId sizes = by_sizes ? call.as_i64(call.in(1)) : none;
    const ValueId scales = by_sizes ? none : call.as_type(call.in(old ? 2 : 1), ElementType::F32);
    const size_t axes_at = old ? 3 : 2;
    const std::vector<int64_t> axes =
        call.in(axes_at) == none ? all_axes(call.rank(x)) : call.constant_ints(axes_at, "axes");
    emit(call, x, scales, sizes, modes(call, by_sizes ? sizes : scales, axes));
}

void grid_sample(Call& call) {
    call.expect(2, 2);
    call.emit("GridSample", {call.in(0), call.in(1)},
              {{"mode", call.text("mode", "bilinear")},
               {"padding_mode", call.text("padding_mode", "zeros")},
               {"align_corners", int64_t(call.flag("align_corners", false))}});
}

constexpr Rule table[] = {
    {"GridSample", 9, 15, "GridSample", grid_sample},
    {"Interpolate", 1, 15, "Resize; Pad", interpolate},
};

} // namespace

extern constinit const std::span<const Rule> rules_resize = table;

} // namespace infer::ir
