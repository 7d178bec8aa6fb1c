// SPDX-License-Identifier: LGPL-2.1-or-later
// Detection and text decoding: operators of the IR that ONNX has not. They keep their names
// (inference/ops). Meanings: OpenVINO's operation sets, "Object detection", "Sequence processing".
#include "inference/formats/ir_rules.h"

#include <algorithm>

namespace infer::ir {
namespace {

// The whole batch, text lines of each image: all inputs, under the same name.
void keep(Call& call, std::map<std::string, Attr> attrs) {
    std::vector<ValueId> inputs;
    for (size_t k = 0; k < call.inputs(); k++)
        inputs.push_back(call.in(k));
    call.emit(call.layer().type, inputs, std::move(attrs));
}

std::vector<float> variances(Call& call) {
    const auto v = call.floats("variance");
    return v.empty() ? std::vector<float>{0.1f} : v;
}

// Shapes of the feature map and of the image.
bool takes_shapes(Call& call) {
    call.expect(2, 2);
    return !call.problem();
}

void prior_box(Call& call) {
    if (!takes_shapes(call))
        return;
    std::map<std::string, Attr> attrs = {
        {"step", call.number("step", 0)},
        {"offset", call.number("offset", 0)},
        {"variance", variances(call)},
        {"flip", int64_t(call.flag("flip", false))},
        {"clip", int64_t(call.flag("clip", false))},
        {"scale_all_sizes", int64_t(call.flag("scale_all_sizes", true))},
        {"min_max_aspect_ratios_order", int64_t(call.flag("min_max_aspect_ratios_order", true))}};
    for (const char* key :
         {"min_size", "max_size", "aspect_ratio", "density", "fixed_ratio", "fixed_size"})
        attrs[key] = call.floats(key);
    call.emit("PriorBox", {call.as_i64(call.in(0)), call.as_i64(call.in(1))}, attrs);
}

void prior_box_clustered(Call& call) {
    if (!takes_shapes(call))
        return;
    const float step = call.number("step", 0);
    std::map<std::string, Attr> attrs = {{"step_w", call.number("step_w", 0)},
                                         {"step_h", call.number("step_h", 0)},
                                         {"offset", call.number("offset", 0)},
                                         {"variance", variances(call)},
                                         {"clip", int64_t(call.flag("clip", false))},
                                         {"width", call.floats("width")},
                                         {"height", call.floats("height")}};
    for (const char* key : {"step_w", "step_h"})
        if (std::get<float>(attrs[key]) == 0)
            attrs[key] = step;
    call.emit("PriorBoxClustered", {call.as_i64(call.in(0)), call.as_i64(call.in(1))}, attrs);
}

void detection_output(Call& call) {
    call.expect(3, 5);
    const std::string code = call.text("code_type", "caffe.priorboxparameter.corner");
    if (!code.ends_with("corner") && !code.ends_with("center_size"))
        call.unsupported("code_type is '" + code + "'; CORNER and CENTER_SIZE can be run");
    const auto keep_top_k = call.ints("keep_top_k", {-1});
    const auto on = [&](const char* key, bool fallback) {
        return int64_t(call.flag(key, fallback));
    };
    keep(call, {{"num_classes", call.integer("num_classes", 0)},
                {"background_label_id", call.integer("background_label_id", 0)},
                {"top_k", call.integer("top_k", -1)},
                {"keep_top_k", keep_top_k.empty() ? int64_t{-1} : keep_top_k[0]},
                {"centered", int64_t(code.ends_with("center_size"))},
                {"variance_encoded_in_target", on("variance_encoded_in_target", false)},
                {"share_location", on("share_location", true)},
                {"clip_before_nms", on("clip_before_nms", false)},
                {"clip_after_nms", on("clip_after_nms", false)},
                {"decrease_label_id", on("decrease_label_id", false)},
                {"normalized", on("normalized", false)},
                {"input_height", call.integer("input_height", 1)},
                {"input_width", call.integer("input_width", 1)},
                {"nms_threshold", call.number("nms_threshold", 0)},
                {"confidence_threshold", call.number("confidence_threshold", 0)},
                {"objectness_score", call.number("objectness_score", 0)}});
}

void ctc(Call& call) {
    call.expect(2, 2);
    keep(call, {{"merge_repeated", int64_t(call.flag("ctc_merge_repeated", true))}});
}

void ctc_lengths(Call& call) {
    call.expect(2, 3);
    const auto type = [&](const char* key) {
        const std::string name = call.text(key, "i32");
        if (name != "i32" && name != "i64")
            call.invalid(std::string(key) + " must be i32 or i64");
        return name == "i64" ? ElementType::I64 : ElementType::I32;
    };
    const ElementType classes = type("classes_index_type"), lengths = type("sequence_length_type");
    std::vector<ValueId> inputs = {call.in(0), call.as_i64(call.in(1))};
    if (call.in(2) != none)
        inputs.push_back(call.as_i64(call.in(2)));
    const auto made = call.nodes("CTCGreedyDecoderSeqLen", inputs,
                                 {{"merge_repeated", int64_t(call.flag("merge_repeated", true))}},
                                 {ElementType::I64, ElementType::I64}, 2);
    call.become(0, call.as_type(made[0], classes));
    call.become(1, call.as_type(made[1], lengths));
}

// "i32" or "i64", of the indices a layer gives.
Attr index_type(Call& call) {
    const std::string type = call.text("output_type", "i64");
    if (type != "i32" && type != "i64")
        call.invalid("output_type is '" + type + "', not i32 or i64");
    return type;
}

// All versions give as many rows as there are boxes. Versions before 5 are specified to fill up
// with -1, which OpenVINO does not do either.
void non_max_suppression(Call& call) {
    call.expect(2, 6);
    const std::string boxes = call.text("box_encoding", "corner");
    if (boxes != "corner" && boxes != "center")
        call.invalid("box_encoding is '" + boxes + "', not corner or center");
    if (call.problem())
        return;
    const ValueId most = call.in(2) == none ? none : call.as_i64(call.in(2));
    const ValueId least = call.in(4) == none ? call.add_number(0) : call.in(4);
    call.emit("NonMaxSuppression",
              {call.in(0), call.in(1), most, call.in(3), least, call.in(5)},
              {{"center_point_box", int64_t(boxes == "center")},
               {"sort_result_descending", int64_t(call.flag("sort_result_descending", true))},
               {"suppress_equal", int64_t{1}},
               {"output_type", index_type(call)}});
}

void non_zero(Call& call) {
    call.expect(1, 1);
    call.emit("NonZero", {call.in(0)}, {{"output_type", index_type(call)}});
}

constexpr Rule table[] = {
    {"CTCGreedyDecoder", 1, 15, "CTCGreedyDecoder", ctc},
    {"CTCGreedyDecoderSeqLen", 6, 15, "CTCGreedyDecoderSeqLen; Cast", ctc_lengths},
    {"DetectionOutput", 1, 15, "DetectionOutput", detection_output},
    {"NonMaxSuppression", 1, 15, "NonMaxSuppression", non_max_suppression},
    {"NonZero", 3, 15, "NonZero", non_zero},
    {"PriorBox", 1, 15, "PriorBox", prior_box},
    {"PriorBoxClustered", 1, 15, "PriorBoxClustered", prior_box_clustered},
};

} // namespace

extern constinit const std::span<const Rule> rules_detection = table;

} // namespace infer::ir
