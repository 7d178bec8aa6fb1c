// SPDX-License-Identifier: LGPL-2.1-or-later
// Regions of images, and what YOLO v2 and v3 end with. Meanings: OpenVINO's operation sets, "Object
// detection", "Convolution".
#include "inference/formats/ir_rules.h"
#include "inference/ops/kernel.h"

namespace infer::ir {
namespace {

// half_pixel moves the corners of regions by half a pixel before they are scaled.
void roi_align(Call& call) {
    call.expect(3, 3);
    const std::string place = call.text("aligned_mode", "asymmetric");
    if (place != "asymmetric" && place != "half_pixel_for_nn" && place != "half_pixel")
        call.invalid("aligned_mode is '" + place +
                     "'; known are asymmetric, half_pixel_for_nn and half_pixel");
    ValueId rois = call.in(1);
    if (place == "half_pixel")
        rois = call.node("Add", {rois, call.add_number(0.5f)}, {}, ElementType::F32, 2);
    const std::string mode = call.text("mode", "avg");
    const int64_t samples = call.integer("sampling_ratio", 0);
    if (mode == "max" && (samples < 1 || samples > 64))
        return call.unsupported("takes the largest sample and sampling_ratio is not from 1 to 64");
    const int64_t parts = mode == "max" ? samples : 1;
    std::map<std::string, Attr> attrs = {
        {"output_height", call.integer("pooled_h", 1) * parts},
        {"output_width", call.integer("pooled_w", 1) * parts},
        {"sampling_ratio", mode == "max" ? 1 : samples},
        {"spatial_scale", call.number("spatial_scale", 1)},
        {"mode", std::string(mode == "max" ? "avg" : mode)},
        {"coordinate_transformation_mode",
         std::string(place == "asymmetric" ? "output_half_pixel" : "half_pixel")}};
    const std::vector<ValueId> inputs = {call.in(0), rois, call.as_i64(call.in(2))};
    if (mode != "max")
        return call.emit("RoiAlign", inputs, attrs);
    // ONNX's max is that of the weighted neighbours, not of the samples.
    const std::vector<int64_t> window = {samples, samples};
    const ValueId all = call.node("RoiAlign", inputs, attrs, ElementType::F32, 4);
    call.emit("MaxPool", {all}, {{"kernel_shape", window}, {"strides", window}});
}

// Of version 1, and without bilinear_interpolation_pad, what is beside the border counts as much
// as the border itself; ONNX has zeros there.
void deformable_convolution(Call& call) {
    call.expect(3, 4);
    if (!call.flag("bilinear_interpolation_pad", false))
        call.unsupported("bilinear_interpolation_pad is false; true can be run");
    const std::string pad = call.text("auto_pad", "explicit");
    if (pad != "explicit" && pad != "valid")
        call.unsupported("auto_pad is '" + pad + "'; explicit and valid can be run");
    std::vector<int64_t> pads(4, 0);
    if (pad == "explicit" && call.has("pads_begin")) {
        pads = call.ints("pads_begin");
        const auto end = call.ints("pads_end");
        pads.insert(pads.end(), end.begin(), end.end());
    }
    std::map<std::string, Attr> attrs = {{"pads", pads},
                                         {"group", call.integer("group", 1)},
                                         {"offset_group", call.integer("deformable_group", 1)}};
    for (const char* key : {"strides", "dilations"})
        if (call.has(key))
            attrs[key] = call.ints(key);
    call.emit("DeformConv", {call.in(0), call.in(2), call.in(1), none, call.in(3)}, attrs);
}

// Darknet's order: [n, c, h, w] is taken for [n, c / s^2, h * s, w * s], and each block of s x s
// pixels put one behind the other; the result has the shape that cutting h and w by s gives.
void reorg(Call& call) {
    call.expect(1, 1);
    const int64_t s = call.ints("stride", {1}).empty() ? 0 : call.ints("stride", {1})[0];
    const Shape x = call.shape(call.in(0));
    if (x.size() != 4 || x[1] < 1 || x[2] < 1 || x[3] < 1)
        return call.unsupported("its input must be an image of known size");
    if (s < 1 || s > 1024 || x[1] % (s * s) || x[2] % s || x[3] % s)
        return call.invalid("stride " + std::to_string(s) + " does not fit " + to_string(x));
    const auto shaped = [&](ValueId v, int64_t c, int64_t h, int64_t w) {
        return call.node("Reshape", {v, call.add_ints({-1, c, h, w})}, {}, ElementType::F32, 4);
    };
    const ValueId wide = shaped(call.in(0), x[1] / (s * s), x[2] * s, x[3] * s);
    const ValueId blocks =
        call.node("SpaceToDepth", {wide}, {{"blocksize", s}}, ElementType::F32, 4);
    call.become(0, shaped(blocks, x[1] * s * s, x[2] / s, x[3] / s));
}

// Each of the anchors has x, y, w, h (`coords`), a confidence and `classes` scores for each cell.
// x, y, the confidence and, without do_softmax, the scores go through a sigmoid.
void region(Call& call) {
    call.expect(1, 1);
    const bool softmax = call.flag("do_softmax", true);
    const int64_t classes = call.integer("classes", 0), coords = call.integer("coords", 4);
    const auto mask = call.ints("mask");
    const int64_t anchors = softmax ? call.integer("num", 1) : int64_t(mask.size());
    const Shape x = call.shape(call.in(0));
    if (x.size() != 4 || x[2] < 1 || x[3] < 1)
        return call.unsupported("its input must be an image of known size");
    if (classes < 1 || coords < 3 || anchors < 1 || anchors > x[1] ||
        x[1] != anchors * (classes + coords + 1))
        return call.invalid("its anchors, coords and classes do not fit " + to_string(x));
    const ElementType f32 = ElementType::F32;
    const ValueId cells = call.node(
        "Reshape", {call.in(0), call.add_ints({-1, anchors, classes + coords + 1, x[2] * x[3]})},
        {}, f32, 4);
    const std::map<std::string, Attr> axis = {{"axis", int64_t{2}}};
    const auto part = call.nodes("Split", {cells, call.add_ints({2, coords - 2, 1, classes})}, axis,
                                 {f32, f32, f32, f32}, 4);
    const auto squashed = [&](ValueId v) { return call.node("Sigmoid", {v}, {}, f32, 4); };
    const ValueId scores =
        softmax ? call.node("Softmax", {part[3]}, axis, f32, 4) : squashed(part[3]);
    const ValueId all =
        call.node("Concat", {squashed(part[0]), part[1], squashed(part[2]), scores}, axis, f32, 4);
    std::vector<int64_t> shape = {-1, x[1], x[2], x[3]};
    if (softmax) { // dimensions axis to end_axis become one
        const auto from = axis_of(call.integer("axis", 1), 4),
                   to = axis_of(call.integer("end_axis", 3), 4);
        if (!from || !to || *from < 1 || *to < *from)
            return call.unsupported("its axis and end_axis must lie behind the batch");
        for (size_t d = *from + 1; d <= *to; d++)
            shape[*from] *= shape[d];
        shape.erase(shape.begin() + int64_t(*from) + 1, shape.begin() + int64_t(*to) + 1);
    }
    call.become(0, call.node("Reshape", {all, call.add_ints(shape)}, {}, f32, shape.size()));
}

void roi_pooling(Call& call) {
    call.expect(2, 2);
    std::vector<int64_t> size = call.ints("output_roi", call.ints("output_size"));
    if (size.empty())
        size = {call.integer("pooled_h", 0), call.integer("pooled_w", 0)};
    const std::string method = call.text("method", "max");
    if (method != "max" && method != "bilinear")
        call.invalid("method is '" + method + "'; known are max and bilinear");
    if (method == "bilinear")
        return call.emit("RoiPooling", {call.in(0), call.in(1)}, {{"pooled_shape", size}});
    call.emit("MaxRoiPool", {call.in(0), call.in(1)},
              {{"pooled_shape", size}, {"spatial_scale", call.number("spatial_scale", 1)}});
}

void psroi_pooling(Call& call) {
    call.expect(2, 2);
    const std::string mode = call.text("mode", "average");
    if (mode != "average" && mode != "bilinear")
        call.invalid("mode is '" + mode + "'; known are average and bilinear");
    call.emit("PSRoiPooling", {call.in(0), call.in(1)},
              {{"output_dim", call.integer("output_dim", 0)},
               {"group_size", call.integer("group_size", 1)},
               {"spatial_scale", call.number("spatial_scale", 1)},
               {"spatial_bins_x", call.integer("spatial_bins_x", 1)},
               {"spatial_bins_y", call.integer("spatial_bins_y", 1)},
               {"bilinear", int64_t(mode == "bilinear")}});
}

void proposal(Call& call) {
    call.expect(3, 3);
    const std::string framework = call.text("framework", "");
    if (!framework.empty() && framework != "tensorflow")
        call.unsupported("framework is '" + framework + "'; tensorflow or none can be run");
    std::map<std::string, Attr> attrs = {
        {"ratio", call.floats("ratio")},
        {"scale", call.floats("scale")},
        {"nms_thresh", call.number("nms_thresh", 0.7f)},
        {"box_size_scale", call.number("box_size_scale", 1)},
        {"box_coordinate_scale", call.number("box_coordinate_scale", 1)},
        {"clip_before_nms", int64_t(call.flag("clip_before_nms", true))},
        {"clip_after_nms", int64_t(call.flag("clip_after_nms", false))},
        {"normalize", int64_t(call.flag("normalize", false))},
        {"tensorflow", int64_t(framework == "tensorflow")}};
    for (const char* key :
         {"base_size", "feat_stride", "min_size", "pre_nms_topn", "post_nms_topn"})
        attrs[key] = call.integer(key, 0);
    call.emit("Proposal", {call.in(0), call.in(1), call.in(2)}, attrs);
}

constexpr Rule table[] = {
    {"DeformableConvolution", 8, 15, "DeformConv", deformable_convolution},
    {"PSROIPooling", 1, 15, "PSRoiPooling", psroi_pooling},
    {"Proposal", 1, 15, "Proposal", proposal},
    {"ROIAlign", 3, 15, "RoiAlign; Add, MaxPool", roi_align},
    {"ROIPooling", 1, 15, "MaxRoiPool, RoiPooling", roi_pooling},
    {"RegionYolo", 1, 15, "Reshape, Split, Sigmoid, Softmax, Concat", region},
    {"ReorgYolo", 1, 15, "Reshape, SpaceToDepth", reorg},
};

} // namespace

extern constinit const std::span<const Rule> rules_regions = table;

} // namespace infer::ir
