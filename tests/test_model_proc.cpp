// SPDX-License-Identifier: LGPL-2.1-or-later
// DL Streamer's model-proc files, of the structure its documentation shows.
#include "inference/processing.h"

#include "tests/test_folder.h"

#include <gtest/gtest.h>

using namespace infer;

namespace {

ModelConfig read(const std::string& json) {
    const Result<ModelConfig> config = read_model_config(json);
    EXPECT_TRUE(config.ok()) << config.error().text();
    return config.ok() ? config.value() : ModelConfig{};
}

std::string proc(const std::string& input, const std::string& output) {
    return R"({"json_schema_version": "2.2.0", "input_preproc": [)" + input +
           R"(], "output_postproc": [)" + output + "]}";
}

InputFormat input(const char* name, Shape shape) {
    InputFormat f;
    f.name = name;
    f.shape = std::move(shape);
    f.layout = f.shape.size() == 4 ? InputFormat::NHWC : InputFormat::Plain;
    return f;
}

} // namespace

TEST(ModelProc, says_attributes_of_several_outputs) {
    const ModelConfig c = read(proc("", R"(
        {"converter": "text", "text_scale": 100.0, "text_precision": 0, "layer_name": "age_conv3",
         "attribute_name": "age"},
        {"converter": "label", "labels": ["Female", "Male"], "method": "max", "layer_name": "prob",
         "attribute_name": "gender"})"));
    ASSERT_EQ(c.outputs.size(), 2u);
    EXPECT_EQ(c.outputs[0].output, "age_conv3");
    EXPECT_EQ(c.outputs[0].kind, OutputSpec::Number);
    EXPECT_EQ(c.outputs[0].scale, 100.0f);
    EXPECT_EQ(c.outputs[0].decimals, 0);
    EXPECT_EQ(c.outputs[1].name, "gender");
    EXPECT_EQ(c.outputs[1].kind, OutputSpec::Classes);
    EXPECT_EQ(c.outputs[1].labels, (std::vector<std::string>{"Female", "Male"}));
    EXPECT_TRUE(c.other_outputs_ignored);
}

TEST(ModelProc, reads_the_names_of_schema_1_too) {
    const ModelConfig c = read(R"({"json_schema_version": "1.0.0",
        "input_preproc": [{"color_format": "RGB"}],
        "output_postproc": [
            {"converter": "tensor_to_text", "tensor_to_text_scale": 10, "layer_name": "a"},
            {"converter": "tensor_to_label", "method": "index", "layer_name": "b"}]})");
    EXPECT_EQ(c.color, PreprocessSpec::RGB);
    ASSERT_EQ(c.outputs.size(), 2u);
    EXPECT_EQ(c.outputs[0].scale, 10.0f);
    EXPECT_EQ(c.outputs[1].kind, OutputSpec::Text);
    EXPECT_EQ(read(proc("", R"({"converter": "tensor_to_bbox_ssd"})")).decoder, "ssd");
}

TEST(ModelProc, splits_compound_labels_into_yes_and_no) {
    const ModelConfig c = read(proc("", R"({"converter": "label", "method": "compound",
        "threshold": 0.6, "labels": ["M", "F", "has_bag", ""], "layer_name": "453"})"));
    ASSERT_EQ(c.outputs.size(), 1u);
    EXPECT_EQ(c.outputs[0].kind, OutputSpec::Multilabel);
    EXPECT_EQ(c.outputs[0].labels, (std::vector<std::string>{"M", "has_bag"}));
    EXPECT_EQ(c.outputs[0].otherwise, (std::vector<std::string>{"F", ""}));
    EXPECT_EQ(c.outputs[0].threshold, 0.6f);
}

TEST(ModelProc, chooses_the_decoder_by_the_converter) {
    const std::pair<const char*, const char*> cases[] = {{"detection_output", "ssd"},
                                                         {"raw_data_copy", "none"},
                                                         {"yolo_x", "yolox"},
                                                         {"yolo_v3", "auto"},
                                                         {"keypoints_hrnet", "heatmaps"},
                                                         {"keypoints_openpose", "openpose"},
                                                         {"heatmap_boxes", "textboxes"},
                                                         {"boxes_labels", "auto"}};
    for (const auto& [converter, decoder] : cases) {
        const ModelConfig c = read(proc("", R"({"labels": ["a"], "iou_threshold": 0.4,
            "confidence_threshold": 0.7, "classes": 1, "converter": ")" +
                                                std::string(converter) + "\"}"));
        EXPECT_EQ(c.decoder, decoder) << converter;
        EXPECT_TRUE(c.decoder == "auto" || c.decoder == "none" || find_decoder(c.decoder));
        EXPECT_EQ(c.labels, std::vector<std::string>{"a"});
        EXPECT_EQ(c.iou_threshold, 0.4f);
        EXPECT_EQ(c.threshold, 0.7f);
    }
}

TEST(ModelProc, says_how_pictures_are_prepared) {
    const ModelConfig c = read(proc(R"(
        {"layer_name": "seq_ind", "format": "sequence_index"},
        {"format": "image_info", "layer_name": "image_info", "params": {"scale": 1.0}},
        {"layer_name": "input", "precision": "FP32", "format": "image", "params": {
            "resize": "aspect-ratio", "color_space": "RGB", "range": [0.0, 1.0],
            "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
            "padding": {"stride_x": 8, "stride_y": 8, "fill_value": [114, 114, 114]}}})",
                                    ""));
    EXPECT_EQ(c.values.at("seq_ind"), std::vector<float>{1});
    EXPECT_EQ(c.color, PreprocessSpec::RGB);
    EXPECT_EQ(c.resize, PreprocessSpec::LetterboxCenter);
    EXPECT_EQ(c.pad, 114.0f);
    ASSERT_TRUE(c.mean && c.std);
    EXPECT_NEAR((*c.mean)[0], 0.485f * 255, 1e-3f);
    EXPECT_NEAR((*c.std)[2], 0.225f * 255, 1e-3f);
    const ModelConfig around = read(proc(R"({"format": "image", "params": {"range": [-1, 1],
        "resize": "no-aspect-ratio"}})",
                                         ""));
    EXPECT_FLOAT_EQ((*around.mean)[0], 127.5f); // x / 127.5 - 1
    EXPECT_FLOAT_EQ((*around.std)[0], 127.5f);
    EXPECT_EQ(around.resize, PreprocessSpec::Stretch);
    EXPECT_FALSE(
        read(proc(R"({"format": "image", "params": {"color_space": "GRAYSCALE"}})", "")).mean);
}

TEST(ModelProc, works_as_a_model_config_with_labels_in_a_file) {
    const TestFolder folder;
    folder.write("colors.txt", "white\ngray\nred\n");
    const std::string file =
        folder.write("car.json", proc("", R"({"converter": "label", "layer_name": "color",
            "attribute_name": "paint", "method": "max", "labels": "colors.txt"})"));
    const Result<ModelConfig> c = read_model_config(file);
    ASSERT_TRUE(c.ok()) << c.error().text();
    const InputFormat picture = input("data", {1, 3, 72, 72});
    const OutputFormat outputs[] = {{"type", ElementType::F32, {1, 4, 1, 1}},
                                    {"color", ElementType::F32, {1, 3, 1, 1}}};
    const auto made = make_processing(std::span(&picture, 1), outputs, c.value());
    ASSERT_TRUE(made.ok()) << made.error().text();
    const Tensor type(ElementType::F32, {1, 4, 1, 1});
    const std::vector<float> scores = {0.1f, 0.1f, 0.8f};
    const Tensor color = make_tensor<float>(ElementType::F32, {1, 3, 1, 1}, scores);
    const NamedTensor row[] = {{"type", type.view()}, {"color", color.view()}};
    const auto decoded = made.value()->decoder->decode(std::span(row), made.value()->options);
    ASSERT_TRUE(decoded.ok());
    ASSERT_EQ(decoded.value().attributes.size(), 1u); // of the output it does not name, nothing
    EXPECT_EQ(decoded.value().attributes[0].name, "paint");
    EXPECT_EQ(decoded.value().attributes[0].label, "red");
}

TEST(ModelProc, gets_through_broken_text) {
    const std::string good = proc(
        R"({"format": "image", "params": {"range": [0, 1], "mean": [1, 2, 3], "resize": "no"}})",
        R"({"converter": "label", "method": "compound", "labels": ["a", "b"], "threshold": 0.5},
           {"converter": "text", "text_scale": 2, "text_precision": 1, "layer_name": "x"})");
    ASSERT_TRUE(read_model_config(good).ok());
    for (size_t n = 0; n < good.size(); n++)
        for (const char c : {'\0', '"', '{', '[', '9', '-', '\xff'}) {
            EXPECT_FALSE(read_model_config(good.substr(0, n)).ok());
            std::string bent = good;
            bent[n] = c;
            (void)read_model_config(bent);
        }
    for (const char* wrong : {"7", "null", "\"x\"", "[]", "{}", "[null]", "[[]]", "1e999"})
        for (const char* key : {"mean", "range", "color_space", "resize", "padding"})
            (void)read_model_config(
                proc(R"({"params": {")" + std::string(key) + "\": " + wrong + "}}", ""));
}

TEST(ModelProc, says_what_is_wrong_and_what_would_be_right) {
    const std::pair<std::string, const char*> cases[] = {
        {proc("", R"({"converter": "mask_rcnn"})"),
         "`output_postproc[0].converter` is \"mask_rcnn\"; it must be one of label, text, "},
        {proc("", "{}"), "`output_postproc[0].converter` is null"},
        {proc("", R"({"converter": "label", "method": "best"})"),
         "`output_postproc[0].method` is \"best\"; it must be one of max"},
        {proc("", R"({"converter": "label", "method": "compound", "labels": ["a"]})"),
         "it must be two texts for each number"},
        {proc("", R"({"converter": "label", "label": []})"),
         "unknown key `output_postproc[0].label`"},
        {proc("", R"({"converter": "detection_output", "labels": "/no/such.txt"})"),
         "/no/such.txt: no such file"},
        {proc(R"({"format": "audio"})", ""), "`input_preproc[0].format` is \"audio\""},
        {proc(R"({"params": {"crop": "central"}})", ""),
         "`input_preproc[0].params.crop` is \"central\"; it must be left out"},
        {proc(R"({"params": {"resize": "zoom"}})", ""), "one of no, no-aspect-ratio, aspect-ratio"},
        {proc(R"({"params": {"range": [1, 0]}})", ""), "`input_preproc[0].params.range` is"},
        {proc(R"({"params": {"mean": [1, 2]}})", ""), "a list of 3 numbers"},
        {R"({"json_schema_version": "2.2.0", "model_proc": 1})", "unknown key `model_proc`"},
        {R"({"output_postproc": {}})", "`output_postproc` is"},
        {R"({"output_postproc": [7]})", "`output_postproc[0]` is 7; it must be an object"},
    };
    for (const auto& [json, says] : cases) {
        const Result<ModelConfig> config = read_model_config(json);
        ASSERT_FALSE(config.ok()) << json;
        EXPECT_NE(config.error().text().find(says), std::string::npos) << json << "\n"
                                                                       << config.error().text();
    }
}
