// SPDX-License-Identifier: LGPL-2.1-or-later
// DL Streamer's model-proc files, by its public documentation ("Model-proc File", schema 2.2.0, and
// the names that schema 1 had for the same things).

#include "inference/formats/config_parts.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

// ---- input_preproc

// The family's letterbox in DL Streamer leaves the picture in the middle; without a colour of its
// own what is left is black.
void read_resize(JsonReader& at, ModelConfig& config) {
    const std::string resize = at.text("resize");
    if (resize == "aspect-ratio") {
        config.resize = PreprocessSpec::LetterboxCenter;
        config.pad = 0.0f;
    } else if (resize == "no-aspect-ratio" || resize == "no") {
        config.resize = PreprocessSpec::Stretch;
    } else if (!resize.empty()) {
        at.complain("resize", *at.find("resize"), "one of no, no-aspect-ratio, aspect-ratio");
    }
    if (auto padding = at.object("padding"); padding && padding->find("fill_value")) {
        const nlohmann::json& fill = *padding->find("fill_value");
        const nlohmann::json& first = fill.is_array() && !fill.empty() ? fill[0] : fill;
        if (first.is_number())
            config.pad = first.get<float>();
        else
            padding->complain("fill_value", fill, "a number, or a list of them");
    }
}

void read_color(JsonReader& at, const char* key, ModelConfig& config) {
    const std::string color = at.text(key);
    if (color == "RGB")
        config.color = PreprocessSpec::RGB;
    else if (color == "BGR")
        config.color = PreprocessSpec::BGR;
    else if (color == "GRAYSCALE" || color == "GRAY")
        config.color = PreprocessSpec::Gray;
    else if (!color.empty())
        at.complain(key, *at.find(key), "one of RGB, BGR, GRAYSCALE");
}

// A list of as many numbers as the picture has channels, or of `wanted`; nothing if it is not
// there.
std::vector<float> read_numbers(JsonReader& at, const char* key, size_t wanted) {
    const nlohmann::json* value = at.find(key);
    std::vector<float> numbers;
    if (!value)
        return numbers;
    for (const nlohmann::json& one : *value)
        numbers.push_back(one.is_number() ? one.get<float>() : NAN);
    const bool finite =
        std::all_of(numbers.begin(), numbers.end(), [](float v) { return std::isfinite(v); });
    const bool counted = numbers.size() == wanted || (wanted == 3 && numbers.size() == 1);
    if (value->is_array() && finite && counted)
        return numbers;
    at.complain(key, *value, "a list of " + std::to_string(wanted) + " numbers");
    return {};
}

// range, mean and std are applied one after another to 0..255; here they become one mean and std:
//   ((x * (high - low) / 255 + low) - mean) / std = (x - (mean - low) * k) / (std * k)
// with k = 255 / (high - low).
void read_normalization(JsonReader& at, ModelConfig& config) {
    const std::vector<float> range = read_numbers(at, "range", 2);
    const std::vector<float> mean = read_numbers(at, "mean", 3), std = read_numbers(at, "std", 3);
    if (range.empty() && mean.empty() && std.empty())
        return;
    const float low = range.empty() ? 0 : range[0], high = range.empty() ? 255 : range[1];
    if (!(high > low)) {
        at.complain("range", *at.find("range"), "the lowest and the highest value, in this order");
        return;
    }
    const float k = 255 / (high - low);
    const auto channel = [](const std::vector<float>& list, size_t i, float otherwise) {
        return list.empty() ? otherwise : list[std::min(i, list.size() - 1)];
    };
    config.mean.emplace();
    config.std.emplace();
    for (size_t i = 0; i < 3; i++) {
        (*config.mean)[i] = (channel(mean, i, 0) - low) * k;
        (*config.std)[i] = channel(std, i, 1) * k;
    }
}

void read_image(JsonReader& at, ModelConfig& config) {
    read_color(at, "color_format", config);
    std::optional<JsonReader> params = at.object("params");
    if (!params)
        return;
    params->only({"resize", "crop", "color_space", "range", "mean", "std", "padding"});
    if (const nlohmann::json* crop = params->find("crop"))
        params->complain("crop", *crop, "left out: pictures are resized as a whole");
    read_color(*params, "color_space", config);
    read_resize(*params, config);
    read_normalization(*params, config);
}

void read_input(JsonReader at, ModelConfig& config) {
    at.only({"format", "layer_name", "precision", "color_format", "params"});
    const std::string format = at.text("format"), layer = at.text("layer_name");
    if (format == "sequence_index")
        config.values[layer] = {1};
    else if (format.empty() || format == "image")
        read_image(at, config);
    else if (format != "image_info") // the model's input size, which is not known here
        at.complain("format", *at.find("format"), "one of image, image_info, sequence_index");
}

// ---- output_postproc

// Converters that find objects or points, and the decoder that reads the same; `auto`: the outputs'
// shapes tell which of several it is.
struct Converter {
    std::string_view name, decoder;
};
constexpr Converter converters[] = {{"raw_data_copy", "none"},
                                    {"tensor_copy", "none"},
                                    {"detection_output", "ssd"},
                                    {"tensor_to_bbox_ssd", "ssd"},
                                    {"boxes_labels", "auto"},
                                    {"boxes_scores", "auto"},
                                    {"yolo_v2", "auto"},
                                    {"yolo_v3", "auto"},
                                    {"yolo_v4", "auto"},
                                    {"yolo_v5", "auto"},
                                    {"yolo_v7", "auto"},
                                    {"yolo_v8", "auto"},
                                    {"yolo_v10", "auto"},
                                    {"tensor_to_bbox_yolo_v2", "auto"},
                                    {"tensor_to_bbox_yolo_v3", "auto"},
                                    {"yolo_x", "yolox"},
                                    {"heatmap_boxes", "textboxes"},
                                    {"keypoints_hrnet", "heatmaps"},
                                    {"keypoints_openpose", "openpose"}};

std::string known_converters() {
    std::string all = "label, text";
    for (const Converter& converter : converters)
        all += ", " + std::string(converter.name);
    return all;
}

std::optional<float> read_fraction(JsonReader& at, const char* key) {
    const std::optional<double> value = at.number(key);
    if (value && (*value < 0 || *value > 1))
        at.complain(key, *at.find(key), "from 0 to 1");
    return value ? std::optional(float(*value)) : std::nullopt;
}

std::optional<float> read_float(JsonReader& at, const char* key) {
    const std::optional<double> value = at.number(key);
    return value ? std::optional(float(*value)) : std::nullopt;
}

// compound: two labels a number, for yes and for no.
void split_pairs(JsonReader& at, OutputSpec& spec) {
    if (spec.labels.size() % 2 != 0) {
        at.complain("labels", *at.find("labels"), "two texts for each number, for yes and no");
        return;
    }
    std::vector<std::string> yes;
    for (size_t i = 0; i < spec.labels.size(); i += 2) {
        yes.push_back(spec.labels[i]);
        spec.otherwise.push_back(spec.labels[i + 1]);
    }
    spec.labels = std::move(yes);
}

void read_label(JsonReader& at, OutputSpec& spec) {
    const std::string method = at.text("method");
    spec.threshold = read_fraction(at, "threshold");
    if (method.empty() || method == "max" || method == "softmax") {
        spec.kind = OutputSpec::Classes;
    } else if (method == "softmax_multi" || method == "multi") {
        spec.kind = OutputSpec::Multilabel;
    } else if (method == "index") {
        spec.kind = OutputSpec::Text;
    } else if (method == "compound") {
        spec.kind = OutputSpec::Multilabel;
        split_pairs(at, spec);
    } else {
        at.complain("method", *at.find("method"), "one of max, softmax, index, multi, compound");
    }
}

void read_text(JsonReader& at, OutputSpec& spec) {
    const bool old = at.find("tensor_to_text_scale") != nullptr;
    spec.kind = OutputSpec::Number;
    spec.scale = read_float(at, old ? "tensor_to_text_scale" : "text_scale").value_or(1);
    for (const char* key : {"text_precision", "tensor_to_text_precision"})
        if (at.find(key))
            spec.decimals = at.integer<uint8_t>(key).value_or(0);
}

Result<void> read_output(JsonReader at, const Origin& origin, ModelConfig& config) {
    const std::string converter = at.text("converter");
    Result<LabelList> labels = read_label_list(at, origin);
    if (!labels.ok())
        return labels.error();
    const bool is_label = converter == "label" || converter == "tensor_to_label";
    if (is_label || converter == "text" || converter == "tensor_to_text") {
        at.only({"converter", "layer_name", "attribute_name", "labels", "method", "threshold",
                 "text_scale", "text_precision", "tensor_to_text_scale", "tensor_to_text_precision",
                 "format"});
        OutputSpec spec{.output = at.text("layer_name")};
        spec.name = at.text("attribute_name");
        spec.labels = std::move(labels.value().list);
        is_label ? read_label(at, spec) : read_text(at, spec);
        config.outputs.push_back(std::move(spec));
        config.other_outputs_ignored = true;
        return {};
    }
    const auto known = std::find_if(std::begin(converters), std::end(converters),
                                    [&](const Converter& c) { return c.name == converter; });
    if (known == std::end(converters)) {
        const nlohmann::json* found = at.find("converter");
        at.complain("converter", found ? *found : nlohmann::json(), "one of " + known_converters());
        return {};
    }
    config.decoder = known->decoder;
    config.labels = std::move(labels.value().list);
    config.labels_from = labels.value().from;
    if (const auto threshold = read_fraction(at, "confidence_threshold"))
        config.threshold = threshold;
    if (const auto threshold = read_fraction(at, "iou_threshold"))
        config.iou_threshold = threshold;
    return {};
}

// The objects of a list; one that is none is complained of.
std::vector<JsonReader> entries(JsonReader& at, const char* key, JsonErrors& errors) {
    std::vector<JsonReader> list;
    const nlohmann::json* value = at.find(key);
    if (value && !value->is_array())
        at.complain(key, *value, "a list of objects");
    for (size_t i = 0; value && value->is_array() && i < value->size(); i++)
        list.emplace_back((*value)[i], std::string(key) + "[" + std::to_string(i) + "]", errors);
    return list;
}

} // namespace

bool is_model_proc(const nlohmann::json& json) {
    return json.is_object() && (json.contains("json_schema_version") ||
                                json.contains("input_preproc") || json.contains("output_postproc"));
}

Result<ModelConfig> read_model_proc(const nlohmann::json& json, const Origin& origin) {
    JsonErrors errors{origin.where, {}};
    JsonReader at(json, "", errors);
    at.only({"json_schema_version", "input_preproc", "output_postproc"});
    ModelConfig config;
    for (const JsonReader& input : entries(at, "input_preproc", errors))
        read_input(input, config);
    for (const JsonReader& output : entries(at, "output_postproc", errors))
        if (Result<void> read = read_output(output, origin, config); !read.ok())
            return read.error();
    if (!config.outputs.empty()) // raw tensors beside attributes are not kept
        config.decoder = "auto";
    if (errors.first)
        return *errors.first;
    return config;
}

} // namespace infer
