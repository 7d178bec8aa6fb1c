// SPDX-License-Identifier: LGPL-2.1-or-later
// What a model file says about itself, as far as it follows a convention known here:
//
//   names              Ultralytics' class names, "{0: 'person', 1: 'bicycle'}"
//   task               Ultralytics' word for what the model does; tells points and turned boxes from
//                      classes
//   model_info KEY     OpenVINO Model API and Training Extensions: model_type, labels,
//                      confidence_threshold, iou_threshold, resize_type, reverse_input_channels,
//                      mean_values, scale_values, pad_value
//
// A file's own words are a hint and never an error: what cannot be understood is passed over.

#include "inference/processing.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

namespace infer {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return char(std::tolower(uint8_t(c))); });
    return out;
}

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> list;
    std::string word;
    for (char c : text)
        if (std::isspace(uint8_t(c)) || c == ',') {
            if (!word.empty())
                list.push_back(std::exchange(word, {}));
        } else {
            word += c;
        }
    if (!word.empty())
        list.push_back(word);
    return list;
}

std::optional<float> number(std::string_view text) {
    float value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
        return std::nullopt;
    return value;
}

std::optional<float> fraction(std::string_view text) {
    const std::optional<float> value = number(text);
    return value && *value >= 0 && *value <= 1 ? value : std::nullopt;
}

// One number for all channels, or three.
std::optional<std::array<float, 3>> channels(std::string_view text, bool may_be_zero) {
    const std::vector<std::string> list = words(text);
    if (list.size() != 1 && list.size() != 3)
        return std::nullopt;
    std::array<float, 3> out{};
    for (size_t i = 0; i < 3; i++) {
        const std::optional<float> value = number(list[list.size() == 1 ? 0 : i]);
        if (!value || (*value == 0 && !may_be_zero))
            return std::nullopt;
        out[i] = *value;
    }
    return out;
}

// The quoted words of a Python dictionary or list, in their order.
std::vector<std::string> quoted_words(std::string_view text) {
    std::vector<std::string> list;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] != '\'' && text[i] != '"')
            continue;
        const size_t end = text.find(text[i], i + 1);
        if (end == std::string_view::npos)
            break;
        list.emplace_back(text.substr(i + 1, end - i - 1));
        i = end;
    }
    return list;
}

std::optional<PreprocessSpec::Resize> resize(const std::string& type) {
    if (type == "standard")
        return PreprocessSpec::Stretch;
    if (type == "fit_to_window")
        return PreprocessSpec::LetterboxTopLeft;
    if (type == "fit_to_window_letterbox")
        return PreprocessSpec::LetterboxCenter;
    return std::nullopt;
}

void read_model_info(const std::string& key, const std::string& value, ModelConfig& config) {
    if (key == "model_type" && find_decoder(lower(value)))
        config.decoder = lower(value);
    else if (key == "labels")
        config.labels = words(value);
    else if (key == "confidence_threshold")
        config.threshold = fraction(value);
    else if (key == "iou_threshold")
        config.iou_threshold = fraction(value);
    else if (key == "resize_type")
        config.resize = resize(lower(value));
    else if (key == "reverse_input_channels" && !value.empty()) {
        const bool rgb = lower(value) == "true" || lower(value) == "yes" || value == "1";
        config.color = rgb ? PreprocessSpec::RGB : PreprocessSpec::BGR;
    } else if (key == "mean_values")
        config.mean = channels(value, true);
    else if (key == "scale_values")
        config.std = channels(value, false);
    else if (key == "pad_value")
        config.pad = number(value);
}

} // namespace

ModelConfig metadata_config(const std::map<std::string, std::string>& metadata) {
    constexpr std::string_view info = "model_info";
    ModelConfig config;
    for (const auto& [key, value] : metadata) {
        if (key.size() > info.size() + 1 && key.starts_with(info))
            read_model_info(lower(key.substr(info.size() + 1)), value, config);
        else if (key == "names")
            config.labels = quoted_words(value);
        else if (key == "task" && lower(value) == "pose")
            config.decoder = "yolo-pose";
        else if (key == "task" && lower(value) == "obb") // turned boxes look like one more class
            config.decoder = "tensors";
    }
    if (config.pad && !(*config.pad >= 0 && *config.pad <= 255))
        config.pad.reset();
    if (config.resize && *config.resize != PreprocessSpec::Stretch && !config.pad)
        config.pad = 0.0f; // what that convention pads with unless it says otherwise
    return config;
}

} // namespace infer
