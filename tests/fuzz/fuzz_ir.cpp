// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as the two files of an OpenVINO IR: the .xml up to the first zero byte, then the .bin.
#include "tests/fuzz/target.h"
#include "tests/fuzz/try_model.h"
#include "tests/ir_model.h"

#include <algorithm>

using namespace infer;

namespace {

struct Layer {
    const char *type, *data;
    std::vector<Shape> more_inputs; // constants, beside the picture
    Shape output;
};

const Layer layers[] = {
    {"Convolution@opset1",
     "strides=\"1,1\" pads_begin=\"1,1\" pads_end=\"1,1\" dilations=\"1,1\" auto_pad=\"explicit\"",
     {{4, 3, 3, 3}},
     {1, 4, 8, 8}},
    {"ConvolutionBackpropData@opset1",
     "strides=\"2,2\" pads_begin=\"0,0\" pads_end=\"0,0\" dilations=\"1,1\"",
     {{3, 2, 2, 2}},
     {1, 2, 16, 16}},
    {"MaxPool@opset1",
     "kernel=\"2,2\" strides=\"2,2\" pads_begin=\"0,0\" pads_end=\"0,0\" rounding_type=\"ceil\"",
     {},
     {1, 3, 4, 4}},
    {"FakeQuantize@opset1", "levels=\"256\"", {{1}, {1}, {1}, {1}}, {1, 3, 8, 8}},
    {"MVN@opset6", "eps=\"0.001\" normalize_variance=\"true\"", {{2}}, {1, 3, 8, 8}},
    {"PRelu@opset1", "", {{3}}, {1, 3, 8, 8}},
    {"SoftMax@opset1", "axis=\"1\"", {}, {1, 3, 8, 8}},
    {"ReorgYolo@opset2", "stride=\"2\"", {}, {1, 12, 4, 4}},
    {"RegionYolo@opset1",
     "anchors=\"1,2\" axis=\"1\" end_axis=\"3\" classes=\"1\" coords=\"1\" do_softmax=\"false\" "
     "mask=\"0\" num=\"1\"",
     {},
     {1, 3, 8, 8}},
    {"PriorBox@opset1",
     "min_size=\"4\" max_size=\"8\" aspect_ratio=\"2\" flip=\"1\" clip=\"0\" step=\"8\" "
     "offset=\"0.5\" variance=\"0.1,0.1,0.2,0.2\"",
     {{2}},
     {2, 16}},
    {"DetectionOutput@opset8",
     "background_label_id=\"0\" top_k=\"4\" keep_top_k=\"4\" nms_threshold=\"0.4\" "
     "confidence_threshold=\"0.1\" code_type=\"caffe.PriorBoxParameter.CENTER_SIZE\"",
     {{1, 8}, {1, 2, 16}},
     {1, 1, 4, 7}},
    {"StridedSlice@opset1",
     "begin_mask=\"1,0\" end_mask=\"1,0\" new_axis_mask=\"\" shrink_axis_mask=\"\" "
     "ellipsis_mask=\"\"",
     {{2}, {2}, {2}},
     {1, 3, 8, 8}},
};

std::string as_one(const IrModel& m) { return m.xml() + std::string(1, '\0') + m.weights; }

std::string with(const Layer& layer) {
    IrModel m;
    std::vector<IrModel::From> from = {{m.input("image", {1, 3, 8, 8})}};
    for (const Shape& shape : layer.more_inputs) {
        Tensor numbers(ElementType::F32, shape);
        std::fill(numbers.span<float>().begin(), numbers.span<float>().end(), 0.25f);
        from.push_back({m.constant(numbers)});
    }
    m.result({m.layer("layer", layer.type, layer.data, from, {{"f32", layer.output}})});
    return as_one(m);
}

} // namespace

std::vector<std::string> fuzz_seeds() {
    std::vector<std::string> seeds;
    for (const Layer& layer : layers)
        seeds.push_back(with(layer));
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    const size_t end = std::min(bytes.find('\0'), size);
    test_file("fuzz.bin", end < size ? bytes.substr(end + 1) : "");
    try_model(test_file("fuzz.xml", bytes.substr(0, end)));
    return 0;
}
