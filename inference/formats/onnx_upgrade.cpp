// SPDX-License-Identifier: LGPL-2.1-or-later
// Older opsets in the words of the newest (ONNX Changelog.md): attributes that have become inputs,
// operators that were renamed or have changed their meaning.
#include "inference/formats/onnx_parts.h"
#include "inference/formats/onnx_rewriter.h"
#include "inference/ops/kernel.h"

namespace infer::onnx {
namespace {

// Types are named as in tensor.h; those that cannot be computed with are refused by the rules.
void name_type(Rewriter& r, const char* attr) {
    Node& node = r.node();
    if (!node.has(attr))
        return;
    const int64_t number = node.attr(attr, int64_t{0});
    const auto type = type_of(int32_t(number));
    node.attrs[attr] =
        type ? std::string(name_of(computed(*type))) : "type " + std::to_string(number);
}

void name_to(Rewriter& r) { name_type(r, "to"); }
void name_dtype(Rewriter& r) { name_type(r, "dtype"); }
void name_output_datatype(Rewriter& r) { name_type(r, "output_datatype"); }

// 0: not given.
void quantize_linear(Rewriter& r) {
    if (r.node().attr("output_dtype", int64_t{0}) == 0)
        r.node().attrs.erase("output_dtype");
    name_type(r, "output_dtype");
}

void clip(Rewriter& r) {
    r.float_to_input("min", 1);
    r.float_to_input("max", 2);
}

void slice(Rewriter& r) {
    r.ints_to_input("starts", 1);
    r.ints_to_input("ends", 2);
    r.ints_to_input("axes", 3);
}

void axes(Rewriter& r) { r.ints_to_input("axes", 1); }
void split(Rewriter& r) { r.ints_to_input("split", 1); }
void top_k(Rewriter& r) { r.ints_to_input("k", 1); }

void pad(Rewriter& r) {
    r.ints_to_input("pads", 1);
    r.float_to_input("value", 2);
}

// Upsample-7, -9: nearest takes the pixel at floor(x / scale), linear samples at x / scale.
void upsample(Rewriter& r) {
    Node& node = r.node();
    node.op = "Resize";
    if (const auto it = node.attrs.find("scales"); it != node.attrs.end()) {
        if (const auto* scales = std::get_if<std::vector<float>>(&it->second))
            r.put(2, r.floats(*scales));
        node.attrs.erase("scales");
    } else if (node.inputs.size() == 2) {
        r.put(2, node.inputs[1]);
        node.inputs[1] = none;
    }
    node.attrs["coordinate_transformation_mode"] = std::string("asymmetric");
    node.attrs["nearest_mode"] = std::string("floor");
}

// Resize-10 has inputs x, scales and the meaning of Upsample.
void resize(Rewriter& r) {
    if (r.opset() < 11)
        return upsample(r);
    Node& node = r.node();
    if (node.inputs.size() > 1) // region of interest: only tf_crop_and_resize reads it
        if (node.attr("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize")
            node.inputs[1] = none;
    // sizes leave scales empty, as a missing input or as a constant without elements
    if (r.input(3) != none)
        if (const Tensor* scales = r.content(r.input(2)); scales && count(scales->shape()) == 0)
            node.inputs[2] = none;
}

void scatter(Rewriter& r) { r.node().op = "ScatterElements"; }

void group_normalization(Rewriter& r) {
    if (r.opset() < 21)
        r.node().attrs["scale_by_group"] = int64_t{1};
}

void gelu(Rewriter& r) {
    Node& node = r.node();
    node.attrs["alpha"] = node.attr("approximate", "none") == "tanh" ? 1.0f : 0.0f;
}

// All dimensions from axis on were one.
void softmax(Rewriter& r) {
    Node& node = r.node();
    if (r.opset() >= 13)
        return;
    if (!node.has("axis"))
        node.attrs["axis"] = int64_t{1};
    node.attrs["flatten"] = int64_t{1};
}

void keep_outputs(Node& node, size_t most) {
    while (node.outputs.size() > most)
        node.outputs.pop_back();
}
void dropout(Rewriter& r) { keep_outputs(r.node(), 2); }
void batch_normalization(Rewriter& r) {
    const bool trains = r.opset() >= 14 && r.node().attr("training_mode", int64_t{0});
    keep_outputs(r.node(), trains ? 3 : 1);
}

// Before opset 16 regions were not moved by half a pixel.
void roi_align(Rewriter& r) {
    if (r.opset() < 16 && !r.node().has("coordinate_transformation_mode"))
        r.node().attrs["coordinate_transformation_mode"] = std::string("output_half_pixel");
}

// Before opset 20 the axis was an attribute, 1 if it was not given.
void dft(Rewriter& r) {
    Node& node = r.node();
    if (r.opset() >= 20)
        return;
    const int64_t axis = node.attr("axis", int64_t{1});
    node.attrs.erase("axis");
    r.put(2, r.ints({axis}));
}

constexpr Rewrite table[] = {
    {"Clip", clip},
    {"Slice", slice},
    {"Squeeze", axes},
    {"Unsqueeze", axes},
    {"ReduceSum", axes},
    {"ReduceMean", axes},
    {"ReduceMax", axes},
    {"ReduceMin", axes},
    {"ReduceProd", axes},
    {"ReduceL1", axes},
    {"ReduceL2", axes},
    {"ReduceSumSquare", axes},
    {"ReduceLogSum", axes},
    {"ReduceLogSumExp", axes},
    {"Split", split},
    {"Pad", pad},
    {"TopK", top_k},
    {"Upsample", upsample},
    {"Resize", resize},
    {"Scatter", scatter},
    {"GroupNormalization", group_normalization},
    {"Gelu", gelu},
    {"Cast", name_to},
    {"QuantizeLinear", quantize_linear},
    {"EyeLike", name_dtype},
    {"HannWindow", name_output_datatype},
    {"HammingWindow", name_output_datatype},
    {"BlackmanWindow", name_output_datatype},
    {"MelWeightMatrix", name_output_datatype},
    {"Softmax", softmax},
    {"LogSoftmax", softmax},
    {"Hardmax", softmax},
    {"Dropout", dropout},
    {"BatchNormalization", batch_normalization},
    {"RoiAlign", roi_align},
    {"DFT", dft},
};

} // namespace

std::span<const Rewrite> upgrade_rewrites() { return table; }

} // namespace infer::onnx
