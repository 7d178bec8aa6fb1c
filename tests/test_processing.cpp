// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/processing.h"

#include "tests/test_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace infer;

namespace {

InputFormat input(const char* name, Shape shape, bool channels_last = false) {
    InputFormat f;
    f.channels_last = channels_last;
    f.name = name;
    f.shape = std::move(shape);
    f.layout = f.shape.size() == 4 ? InputFormat::NHWC : InputFormat::Plain;
    return f;
}

OutputFormat output(const char* name, Shape shape) {
    return {name, ElementType::F32, std::move(shape)};
}

struct Model {
    std::vector<InputFormat> inputs;
    std::vector<OutputFormat> outputs;
};

const Model ultraface = {{input("input", {1, 3, 240, 320})},
                         {output("scores", {1, 4420, 2}), output("boxes", {1, 4420, 4})}};
const Model yolox = {{input("images", {1, 3, 416, 416})}, {output("output", {1, 3549, 85})}};
const Model one_class = {{input("images", {1, 3, 192, 192})}, {output("output", {1, 756, 6})}};
const Model digits = {{input("x", {1, 1, 28, 28})}, {output("Plus214_Output_0", {1, 10})}};
const Model plates = {{input("seq_ind", {88, 1}), input("data", {1, 3, 24, 94})},
                      {output("dec", {1, 88, 1, 1})}};
const Model gaze = {
    {input("left", {1, 3, 60, 60}), input("right", {1, 3, 60, 60}), input("angles", {1, 3})},
    {output("gaze_vector", {1, 3})}};
const Model reid = {{input("data", {1, 256, 128, 3}, true)}, {output("Identity:0", {1, 256})}};

const Model unknown = {{input("data", {1, 256, 128, 3}, true)}, {output("x", {1, 3, 7, 5, 2})}};
const Model vehicle = {{input("input", {1, 3, 72, 72})},
                       {output("type", {1, 4, 1, 1}), output("color", {1, 7, 1, 1})}};

using Made = Result<std::shared_ptr<const Processing>>;

Made make(const Model& model, const std::string& json = "{}") {
    const Result<ModelConfig> config = read_model_config(json);
    if (!config.ok())
        return config.error();
    return make_processing(model.inputs, model.outputs, config.value());
}

std::shared_ptr<const Processing> made(const Model& model, const std::string& json = "{}") {
    const Made result = make(model, json);
    EXPECT_TRUE(result.ok()) << result.error().text();
    return result.ok() ? result.value() : std::make_shared<const Processing>();
}

std::string complaint(const Made& result) {
    EXPECT_FALSE(result.ok());
    return result.ok() ? "" : result.error().text();
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

// ---- What is chosen without a word from the user

TEST(Processing, knows_ultraface_by_its_outputs) {
    const auto p = made(ultraface);
    EXPECT_EQ(p->decoder, find_decoder("ultraface"));
    EXPECT_EQ(p->preprocess.color, PreprocessSpec::RGB);
    EXPECT_EQ(p->preprocess.mean[0], 127);
    EXPECT_EQ(p->options.input_width, 320);
    EXPECT_EQ(p->options.input_height, 240);
    EXPECT_EQ(p->label(1), "face");
    EXPECT_TRUE(has(p->why_decoder, "4420 anchors")) << p->why_decoder;
    EXPECT_TRUE(has(p->why_preprocess, "RGB, stretched to 320x240, (x - 127) / 128"))
        << p->why_preprocess;
}

TEST(Processing, names_coco_classes_only_where_there_are_eighty) {
    const auto p = made(yolox);
    EXPECT_EQ(p->labels.size(), 80u);
    EXPECT_EQ(p->label(0), "person");
    EXPECT_EQ(p->label(79), "toothbrush");
    EXPECT_EQ(p->label(80), "80");
    EXPECT_EQ(p->label(-1), "-1");
    EXPECT_EQ(p->preprocess.resize, PreprocessSpec::LetterboxTopLeft);
    EXPECT_EQ(made(one_class)->label(0), "0");
}

TEST(Processing, takes_gray_pictures_as_they_are) {
    const auto p = made(digits);
    EXPECT_EQ(p->decoder, find_decoder("classification"));
    EXPECT_EQ(p->preprocess.color, PreprocessSpec::Gray);
    EXPECT_EQ(p->preprocess.mean[0], 0);
    EXPECT_EQ(p->preprocess.std[0], 1);
}

TEST(Processing, hands_on_raw_tensors_when_nothing_fits_and_says_so) {
    const auto p = made(unknown);
    EXPECT_EQ(p->decoder, find_decoder("tensors"));
    EXPECT_EQ(p->options.input_width, 128);
    EXPECT_TRUE(has(p->why_decoder, "no decoder recognises")) << p->why_decoder;
    EXPECT_EQ(made(ultraface, R"({"decoder": "none"})")->decoder, find_decoder("tensors"));
}

TEST(Processing, takes_a_list_of_numbers_for_classes_when_each_has_a_label) {
    std::string labels;
    for (int i = 0; i < 256; i++)
        labels += (i ? ", \"" : "\"") + std::to_string(i) + "\"";
    const auto p = made(reid, R"({"labels": [)" + labels + "]}");
    EXPECT_EQ(p->decoder, find_decoder("classification"));
}

TEST(Processing, takes_what_the_config_says_of_single_outputs) {
    const auto p = made(vehicle, R"({"outputs": {"type": {"labels": ["car", "bus", "truck", "van"]},
        "color": {"name": "paint", "kind": "ignored"}}})");
    EXPECT_EQ(p->decoder, find_decoder("attributes"));
    EXPECT_TRUE(has(p->why_decoder, "the model-config says what its outputs are"));
    ASSERT_EQ(p->options.outputs.size(), 2u);
    const auto one = made(reid, R"({"outputs": {"": {"kind": "classes"}}})");
    EXPECT_EQ(one->decoder, find_decoder("attributes"));
    EXPECT_EQ(one->options.outputs[0].output, "Identity:0");
    EXPECT_EQ(made(vehicle)->decoder, find_decoder("attributes"));
    EXPECT_EQ(made(reid)->decoder, find_decoder("embedding"));
}

TEST(Processing, takes_segmentation_with_channels_last_for_one_of_raw_pictures) {
    const Model last = {{input("x", {1, 64, 96, 3}, true)}, {output("y", {1, 64, 96, 4})}};
    const Model first = {{input("x", {1, 3, 64, 96})}, {output("y", {1, 4, 64, 96})}};
    EXPECT_EQ(made(last)->decoder, find_decoder("segmentation"));
    EXPECT_EQ(made(last)->preprocess.color, PreprocessSpec::BGR);
    EXPECT_EQ(made(last)->preprocess.std[0], 1);
    EXPECT_EQ(made(first)->preprocess.color, PreprocessSpec::RGB);
    EXPECT_EQ(made(first)->preprocess.std[0], 58.395f);
}

TEST(Processing, hands_the_labels_to_the_decoder) {
    const auto p = made(plates, R"({"values": {"seq_ind": [1]}, "labels": ["A", "B"]})");
    EXPECT_EQ(p->decoder, find_decoder("indices"));
    EXPECT_EQ(p->options.labels, (std::vector<std::string>{"A", "B"}));
}

TEST(Processing, reads_outputs_of_models_that_run_in_batches) {
    Model batched = yolox;
    batched.inputs[0].shape[0] = batched.outputs[0].shape[0] = 4;
    EXPECT_EQ(made(batched)->decoder, find_decoder("yolox"));
}

// ---- What the model file says

TEST(Processing, takes_what_the_model_says_and_the_user_has_the_last_word) {
    const std::map<std::string, std::string> metadata = {
        {"model_info model_type", "YOLOX"},
        {"model_info labels", "person"},
        {"model_info confidence_threshold", "0.4"},
        {"model_info reverse_input_channels", "True"},
        {"model_info resize_type", "fit_to_window"},
        {"model_info mean_values", "1.5 2.5 3.5"},
        {"model_info scale_values", "2"},
        {"producer", "pytorch"}};
    ModelConfig config;
    config.mean = {{7, 7, 7}};
    const auto result = make_processing(one_class.inputs, one_class.outputs, config, metadata);
    ASSERT_TRUE(result.ok()) << result.error().text();
    const Processing& p = *result.value();
    EXPECT_EQ(p.decoder, find_decoder("yolox"));
    EXPECT_EQ(p.label(0), "person");
    EXPECT_FLOAT_EQ(p.options.threshold, 0.4f);
    const PreprocessSpec wanted = {
        PreprocessSpec::RGB, PreprocessSpec::LetterboxTopLeft, 0, {7, 7, 7}, {2, 2, 2}};
    EXPECT_EQ(p.preprocess, wanted);
    EXPECT_TRUE(has(p.why_decoder, "as the model's metadata say"));
    EXPECT_TRUE(has(p.why_preprocess, "std from the model's metadata, mean from the model-config"))
        << p.why_preprocess;
}

TEST(Processing, passes_over_what_it_does_not_understand_in_a_model) {
    const std::map<std::string, std::string> metadata = {
        {"model_info model_type", "ssd"}, // its outputs are not
        {"names", "{0: 'person'}"},       // fewer than the classes
        {"model_info confidence_threshold", "very high"},
        {"model_info scale_values", "0 0 0"},
        {"model_info mean_values", "1 2"},
        {"model_info pad_value", "nan"},
        {"model_info resize_type", "crop"},
        {"model_info ", ""}};
    const auto result = make_processing(yolox.inputs, yolox.outputs, {}, metadata);
    ASSERT_TRUE(result.ok()) << result.error().text();
    EXPECT_EQ(result.value()->decoder, find_decoder("yolox"));
    EXPECT_EQ(result.value()->label(79), "toothbrush");
    EXPECT_EQ(result.value()->preprocess, find_decoder("yolox")->preprocess);
    EXPECT_FLOAT_EQ(result.value()->options.threshold, 0.3f);
}

TEST(ModelMetadata, reads_class_names_of_a_python_dictionary) {
    const ModelConfig c =
        metadata_config({{"names", R"({0: 'person', 1: "driver's cab", 2: 'x'})"}});
    EXPECT_EQ(c.labels, (std::vector<std::string>{"person", "driver's cab", "x"}));
    EXPECT_TRUE(metadata_config({{"names", "{0: 'person"}}).labels.empty());
}

TEST(Processing, says_which_other_decoders_are_possible) {
    const Model heads = {{input("x", {1, 3, 64, 64})},
                         {output("a", {1, 3, 8, 8, 85}), output("b", {1, 3, 4, 4, 85}),
                          output("c", {1, 3, 2, 2, 85})}};
    const std::string why = made(heads)->why_decoder;
    EXPECT_TRUE(has(why, "yolov5, chosen by auto")) << why;
    EXPECT_TRUE(has(why, "; possible too: yolov7, ")) << why;
    EXPECT_FALSE(has(made(ultraface)->why_decoder, "tensors"));
}

TEST(ModelMetadata, tells_points_from_classes) {
    const Model pose = {{input("images", {1, 3, 64, 64})}, {output("output0", {1, 19, 84})}};
    EXPECT_EQ(made(pose)->decoder->name, "yolov8");
    const auto result =
        make_processing(pose.inputs, pose.outputs, {},
                        {{"task", "pose"}, {"names", "{0: 'hand', 1: 'glove', 2: 'paw'}"}});
    ASSERT_TRUE(result.ok()) << result.error().text();
    EXPECT_EQ(result.value()->decoder->name, "yolo-pose");
    EXPECT_EQ(result.value()->labels, (std::vector<std::string>{"hand", "glove", "paw"}));
}

TEST(ModelMetadata, hands_turned_boxes_on_as_they_are) {
    const Model turned = {{input("images", {1, 3, 64, 64})}, {output("output0", {1, 20, 84})}};
    const auto result = make_processing(turned.inputs, turned.outputs, {}, {{"task", "obb"}});
    ASSERT_TRUE(result.ok()) << result.error().text();
    EXPECT_EQ(result.value()->decoder, find_decoder("tensors"));
}

// ---- What the user says

TEST(Processing, hands_anchors_to_the_decoder) {
    const Model two = {{input("x", {1, 3, 64, 64})},
                       {output("a", {1, 18, 4, 4}), output("b", {1, 18, 2, 2})}};
    EXPECT_EQ(made(two, R"({"anchors": [1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9]})")->options.anchors,
              (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9}));
}

TEST(Processing, lets_the_config_override_key_by_key) {
    const auto p = made(yolox, R"({"threshold": 0.7, "iou_threshold": 0.2,
        "input": {"color": "RGB", "resize": "letterbox", "pad": 0, "mean": [1, 2, 3], "std": 255}})");
    EXPECT_FLOAT_EQ(p->options.threshold, 0.7f);
    EXPECT_FLOAT_EQ(p->options.iou_threshold, 0.2f);
    const PreprocessSpec wanted = {
        PreprocessSpec::RGB, PreprocessSpec::LetterboxCenter, 0, {1, 2, 3}, {255, 255, 255}};
    EXPECT_EQ(p->preprocess, wanted);
    EXPECT_TRUE(has(p->why_preprocess, "color, resize, pad, mean, std from the model-config"));
    EXPECT_TRUE(has(made(yolox, R"({"input": {"pad": 7}})")->why_preprocess,
                    "pad from the model-config, the rest usual for yolox"));
}

TEST(Processing, gives_other_inputs_their_numbers) {
    const auto p = made(plates, R"({"values": {"seq_ind": [1]}})");
    EXPECT_EQ(p->image_input, 1);
    ASSERT_EQ(p->values.size(), 1u);
    EXPECT_EQ(p->values[0].first, 0);
    EXPECT_EQ(p->values[0].second, std::vector<float>(88, 1.0f));

    const auto g = made(gaze, R"({"values": {"right": [0], "angles": [1, 2, 3]}})");
    EXPECT_EQ(g->image_input, 0);
    EXPECT_EQ(g->more_image_inputs, std::vector<int>{});
    EXPECT_EQ(g->values[0].second.size(), 10800u);
    EXPECT_EQ(g->values[1].second, (std::vector<float>{1, 2, 3}));
}

TEST(Processing, gives_the_picture_to_every_image_input_without_numbers_of_its_own) {
    const auto g = made(gaze, R"({"values": {"angles": [1, 2, 3]}})");
    EXPECT_EQ(g->image_input, 0);
    EXPECT_EQ(g->more_image_inputs, std::vector<int>{1});
    const Model pyramid = {{input("small", {1, 3, 8, 8}), input("large", {1, 3, 32, 64}),
                            input("scale", {1, 1, 1, 1})},
                           {output("y", {1, 10})}};
    const auto p = made(pyramid, R"({"values": {"scale": [1]}})");
    EXPECT_EQ(p->image_input, 1); // the largest: positions count in its pixels
    EXPECT_EQ(p->options.input_width, 64);
    EXPECT_EQ(p->more_image_inputs, std::vector<int>{0});
    EXPECT_TRUE(has(complaint(make(pyramid)), "input `scale` (1x1x1x1) takes no picture"));
}

TEST(Processing, tells_a_model_that_asks_how_large_its_picture_is) {
    const struct {
        const char* name;
        Shape shape;
        std::vector<float> says;
    } cases[] = {
        {"im_info", {1, 3}, {320, 480, 1}},
        {"image_info", {1, 6}, {320, 480, 1, 1, 1, 1}},
        {"im_shape", {1, 2}, {320, 480}},
        {"scale_factor", {1, 2}, {1, 1}},
    };
    for (const auto& c : cases) {
        Model model = {{input("image", {1, 3, 320, 480}), input(c.name, c.shape)},
                       {output("y", {1, 10})}};
        const auto p = made(model);
        ASSERT_EQ(p->values.size(), 1u) << c.name;
        EXPECT_EQ(p->values[0], (std::pair{1, c.says})) << c.name;

        model.inputs[0].shape = {1, 3, 64, 96}; // the same model compiled at another size
        const auto small = at_size(p, model.inputs);
        EXPECT_EQ(small->options.input_width, 96);
        EXPECT_EQ(small->options.input_height, 64);
        EXPECT_EQ(small->values[0].second[1], c.says[0] == 320 ? 96 : 1) << c.name;

        const std::string given = std::string(R"({"values": {")") + c.name + R"(": [7]}})";
        const auto own = made(model, given);
        EXPECT_EQ(own->values[0].second[0], 7) << c.name;
        EXPECT_EQ(at_size(own, model.inputs)->values[0].second[0], 7) << c.name;
    }
    const Model odd = {{input("image", {1, 3, 320, 480}), input("im_info", {1, 5})}, {}};
    EXPECT_TRUE(has(complaint(make(odd)), R"({"values": {"im_info": [5 numbers]}})"));
}

TEST(Processing, says_what_is_wrong_and_what_would_be_right) {
    const struct {
        const Model& model;
        const char *json, *says;
    } cases[] = {
        {yolox, R"({"decoder": "yolo"})",
         "decoder: there is no decoder `yolo`; known are auto, none, "},
        {yolox, R"({"decoder": "ultraface"})",
         "decoder=ultraface: the model's outputs are output 1x3549x85; this decoder reads two "
         "outputs"},
        {yolox, R"({"labels": ["a", "b"]})",
         "model-config, `labels`: has 2 labels, but the model has 80 classes"},
        {yolox, R"({"threshold": 1.5})", "threshold: is 1.5; it must be from 0 to 1"},
        {yolox, R"({"iou_threshold": -1})", "iou-threshold: is -1"},
        {yolox, R"({"input": {"std": [1, 0, 1]}})", "no std may be 0"},
        {yolox, R"({"input": {"pad": 300}})", "`input.pad` is 300; it must be from 0 to 255"},
        {yolox, R"({"input": {"color": "Gray"}})", "has 3 channels: it takes RGB or BGR"},
        {digits, R"({"input": {"color": "BGR"}})", "has 1 channel: it takes Gray"},
        {plates, "{}", "input `seq_ind` (88x1) takes no picture: give its numbers under `values`"},
        {plates, R"({"values": {"seq_ind": [1, 2]}})", "`values.seq_ind` has 2 numbers"},
        {plates, R"({"values": {"seq_ind": [1], "sea": [1]}})",
         "`values.sea`: the model has no such input"},
        {plates, "{}", R"({"values": {"seq_ind": [88 numbers, or 1 for all]}})"},
        {gaze, "{}", "input `angles` (1x3) takes no picture"},
        {{{input("x", {1, 10})}, {}}, "{}", "no input takes a picture"},
        {vehicle, R"({"outputs": {"colour": {}}})",
         "`outputs.colour`: the model has no such output; its outputs: `type`, `color`"},
        {vehicle, R"({"outputs": {"color": {"kind": "classes", "labels": ["a", "b"]}}})",
         "`outputs.color.labels` has 2 labels; the output has 7 numbers (1x7x1x1)"},
        {vehicle, R"({"outputs": {"color": {"kind": "keypoints"}}})", "no pairs of x and y"},
        {vehicle, R"({"outputs": {"color": {"kind": "colour"}}})",
         "`outputs.color.kind` is \"colour\"; it must be one of auto, classes, multilabel"},
        {vehicle, R"({"outputs": {"color": {"normalise": true}}})",
         "unknown key `outputs.color.normalise`; known here are kind, name"},
        {vehicle, R"({"outputs": {"color": {"normalize": 1}}})",
         "`outputs.color.normalize` is 1; it must be true or false"},
        {vehicle, R"({"outputs": {"color": {"threshold": 2}}})",
         "`outputs.color.threshold` is 2; it must be from 0 to 1"},
        {{{input("x", {1, 3, 64, 64})},
          {output("a", {1, 18, 8, 8}), output("b", {1, 18, 4, 4}), output("c", {1, 18, 2, 2})}},
         R"({"anchors": [10, 20]})",
         "`anchors` has 2 numbers; for 3 strides"},
    };
    for (const auto& c : cases)
        EXPECT_TRUE(has(complaint(make(c.model, c.json)), c.says))
            << c.json << "\n"
            << make(c.model, c.json).error().text();
}

// ---- Reading configs

TEST(ModelConfig, reads_every_key) {
    const auto read =
        read_model_config(R"( {"decoder": "ssd", "labels": ["a", "b"], "threshold": 0.25,
        "iou_threshold": 0.5, "anchors": [[1.5, 2, 3, 4], [[5, 6], [7, 8]]], "shapes": {"input.1": [1, 3, 480, 640]}, "values": {"s": [1, 2.5]},
        "input": {"color": "RGB", "resize": "stretch", "pad": 12, "mean": 127.5, "std": [1, 2, 3]}})");
    ASSERT_TRUE(read.ok()) << read.error().text();
    const ModelConfig& c = read.value();
    EXPECT_EQ(c.decoder, "ssd");
    EXPECT_EQ(c.labels, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(c.threshold, 0.25f);
    EXPECT_EQ(c.iou_threshold, 0.5f);
    EXPECT_EQ(c.anchors, (std::vector<float>{1.5f, 2, 3, 4, 5, 6, 7, 8}));
    EXPECT_EQ(c.shapes.at("input.1"), (Shape{1, 3, 480, 640}));
    EXPECT_EQ(c.values.at("s"), (std::vector<float>{1, 2.5f}));
    EXPECT_EQ(c.color, PreprocessSpec::RGB);
    EXPECT_EQ(c.resize, PreprocessSpec::Stretch);
    EXPECT_EQ(c.pad, 12.0f);
    EXPECT_EQ(c.mean, (std::array<float, 3>{127.5f, 127.5f, 127.5f}));
    EXPECT_EQ(c.std, (std::array<float, 3>{1, 2, 3}));
}

TEST(ModelConfig, is_found_beside_the_model_with_its_labels_file) {
    const TestFolder folder;
    folder.write("names.txt", "\xef\xbb\xbf"
                              "person\r\ntraffic light\n\n\n");
    folder.write("net.json", R"({"labels": "names.txt"})");
    for (const char* model : {"net.onnx", "net.xml"}) {
        const auto read = side_config(folder.path(model));
        ASSERT_TRUE(read.ok()) << read.error().text();
        EXPECT_EQ(read.value().labels, (std::vector<std::string>{"person", "traffic light"}));
        EXPECT_EQ(read.value().labels_from, folder.path("names.txt"));
    }
    const auto none = side_config(folder.path("other.onnx"));
    ASSERT_TRUE(none.ok());
    EXPECT_EQ(none.value().decoder, "auto");
}

TEST(ModelConfig, names_the_key_the_file_and_what_would_be_right) {
    const struct {
        const char *json, *says;
    } cases[] = {
        {R"({"treshold": 0.5})",
         "unknown key `treshold`; known here are decoder, labels, threshold"},
        {R"({"input": {"colour": "RGB"}})",
         "unknown key `input.colour`; known here are color, resize"},
        {R"({"input": {"color": "rgba"}})",
         "`input.color` is \"rgba\"; it must be one of RGB, BGR, Gray"},
        {R"({"input": {"mean": [1, 2]}})",
         "`input.mean` is a list of 2; it must be a number, or a list"},
        {R"({"input": {"std": [1, 2, "3"]}})", "`input.std`"},
        {R"({"input": []})", "`input` is a list of 0; it must be an object"},
        {R"({"threshold": "high"})", "`threshold` is \"high\"; it must be a number"},
        {R"({"threshold": 1e300})",
         "`threshold` is 1e+300; it must be a number that a 32-bit float"},
        {R"({"decoder": 3})", "`decoder` is 3; it must be a text"},
        {R"({"labels": [1]})", "`labels[0]` is 1; it must be a text"},
        {R"({"labels": {}})",
         "`labels` is an object; it must be a list of texts, or the name of a file"},
        {R"({"labels": "/no/such/file"})", "/no/such/file: no such file"},
        {R"({"shapes": {"x": [1, -1]}})",
         "`shapes.x` is a list of 2; it must be a list of whole numbers"},
        {R"({"shapes": {"x": [1e40]}})", "`shapes.x`"},
        {R"({"shapes": {"x": [99999999999999999999]}})", "`shapes.x`"},
        {R"({"shapes": 1})", "`shapes` is 1; it must be an object"},
        {R"({"values": {"x": ["1"]}})", "`values.x` is a list of 1; it must be a list of numbers"},
        {R"({"values": {"x": []}})", "`values.x` is a list of 0"},
        {R"({"anchors": [1, 2, 3]})",
         "`anchors` is a list of 3; it must be a list of widths and heights"},
        {R"({"anchors": [[1, -2]]})", "`anchors`"},
        {R"({"anchors": [[[[1, 2]]]]})", "`anchors`"},
        {R"({"threshold": 0.5)", "model-config: is not JSON: parse error at line 1"},
        {"{\"decoder\": \"\xff\"}", "model-config: is not JSON"},
        {"/no/such/config.json",
         "/no/such/config.json: no such file; model-config is the name of a JSON"},
        {"", "model-config is the name of a JSON file"},
        {"/", "is not a file"},
    };
    for (const auto& c : cases) {
        const auto read = read_model_config(c.json);
        ASSERT_FALSE(read.ok()) << c.json;
        EXPECT_TRUE(has(read.error().text(), c.says)) << c.json << "\n" << read.error().text();
    }
}

TEST(ModelConfig, gets_through_hostile_text) {
    std::string deep;
    for (int i = 0; i < 100000; i++)
        deep += "{\"input\":";
    EXPECT_FALSE(read_model_config(deep).ok());
    EXPECT_FALSE(read_model_config("{\"labels\":" + std::string(1 << 20, '[')).ok());
    EXPECT_FALSE(read_model_config(std::string(1 << 20, 'x')).ok());
    EXPECT_FALSE(read_model_config(std::string("{\0}", 3)).ok());
    EXPECT_FALSE(read_model_config("{\"threshold\": 1" + std::string(5000, '0') + "}").ok());
    const std::string good =
        R"({"labels": ["a\u00e9"], "input": {"mean": [1, 2, 3]}, "threshold": 1e-2})";
    for (size_t n = 0; n < good.size(); n++) // every truncation, every byte broken
        for (const char c : {'\0', '"', '{', '\xff'}) {
            EXPECT_FALSE(read_model_config(good.substr(0, n)).ok());
            std::string bent = good;
            bent[n] = c;
            (void)read_model_config(bent);
        }
}

TEST(ModelConfig, merges_key_by_key_and_the_second_wins) {
    const auto base = read_model_config(R"({"decoder": "yolox", "threshold": 0.3, "labels": ["a"],
        "values": {"x": [1], "y": [2]}, "input": {"pad": 1, "color": "RGB"}})");
    const auto over =
        read_model_config(R"({"threshold": 0.6, "values": {"y": [3]}, "input": {"pad": 2}})");
    const ModelConfig c = merge(base.value(), over.value());
    EXPECT_EQ(c.decoder, "yolox");
    EXPECT_EQ(c.threshold, 0.6f);
    EXPECT_EQ(c.labels, std::vector<std::string>{"a"});
    EXPECT_EQ(c.values.at("x")[0], 1);
    EXPECT_EQ(c.values.at("y")[0], 3);
    EXPECT_EQ(c.pad, 2.0f);
    EXPECT_EQ(c.color, PreprocessSpec::RGB);
}

TEST(ModelConfig, documentation_shows_a_config_that_reads_and_names_every_key) {
    const std::string root = std::getenv("GI_SOURCE_ROOT") ? std::getenv("GI_SOURCE_ROOT") : ".";
    std::ifstream file(root + "/docs/model-config.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    const size_t begin = page.find("```json\n") + 8, end = page.find("```", begin);
    ASSERT_NE(end, std::string::npos) << "docs/model-config.md";
    const auto read = read_model_config(page.substr(begin, end - begin));
    ASSERT_TRUE(read.ok()) << read.error().text();
    // The error for a wrong key lists those there are.
    for (const char* wrong : {R"({"x": 1})", R"({"input": {"x": 1}})"}) {
        const std::string error = read_model_config(wrong).error().what;
        const std::string keys = error.substr(error.find(" are ") + 5);
        for (size_t at = 0; at < keys.size();
             at = std::min(keys.find(", ", at), keys.size() - 2) + 2) {
            const std::string key = keys.substr(at, keys.find(", ", at) - at);
            EXPECT_TRUE(has(page, "`" + key) || has(page, "`input." + key + "`")) << key;
        }
    }
}

TEST(ModelConfig, of_the_projects_own_model_reads) {
    const std::string root = std::getenv("GI_SOURCE_ROOT") ? std::getenv("GI_SOURCE_ROOT") : ".";
    const auto read = side_config(root + "/pipelines/models/person-detector.onnx");
    ASSERT_TRUE(read.ok()) << read.error().text();
    EXPECT_EQ(read.value().decoder, "yolox");
    EXPECT_EQ(read.value().labels, std::vector<std::string>{"person"});
}

TEST(Decoders, are_all_documented) {
    const std::string root = std::getenv("GI_SOURCE_ROOT") ? std::getenv("GI_SOURCE_ROOT") : ".";
    std::ifstream file(root + "/docs/decoders.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    for (const DecoderDef* decoder : all_decoders())
        EXPECT_TRUE(has(page, "| `" + std::string(decoder->name) + "`")) << decoder->name;
}

TEST(Labels, must_hold_something) {
    const TestFolder folder;
    EXPECT_TRUE(
        has(read_labels(folder.write("empty", "\n \n\n")).error().text(), "holds no labels"));
    EXPECT_TRUE(has(read_labels(folder.path("gone")).error().text(), "no such file"));
    EXPECT_TRUE(has(read_labels(folder.path(".")).error().text(), "is not a file"));
    EXPECT_EQ(read_labels(folder.write("l", "a\n\nc")).value(),
              (std::vector<std::string>{"a", "", "c"}));
}
