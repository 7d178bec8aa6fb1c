// SPDX-License-Identifier: LGPL-2.1-or-later
// The model-config: JSON that says how a model wants its pictures and what its outputs mean.
// docs/model-config.md lists the keys.

#include "inference/formats/config_parts.h"

#include <cmath>
#include <filesystem>
#include <fstream>

namespace infer {
namespace {

namespace fs = std::filesystem;

constexpr size_t max_bytes = 16u << 20;

Result<std::string> read_text(const std::string& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status))
        return Error{Error::BadConfig, path, "no such file"};
    if (!fs::is_regular_file(status))
        return Error{Error::BadConfig, path, "is not a file (a folder or a device)"};
    std::ifstream file(path, std::ios::binary);
    std::string text;
    char chunk[1 << 14];
    while (text.size() <= max_bytes && (file.read(chunk, sizeof chunk) || file.gcount() > 0))
        text.append(chunk, size_t(file.gcount()));
    if (!file.is_open() || file.bad())
        return Error{Error::BadConfig, path, "cannot be read; are its permissions right?"};
    if (text.size() > max_bytes)
        return Error{Error::BadConfig, path, "is longer than 16 MB; is it the right file?"};
    return text;
}

std::optional<float> read_float(JsonReader& at, const char* key) {
    const std::optional<double> value = at.number(key);
    if (value && std::abs(*value) <= std::numeric_limits<float>::max())
        return float(*value);
    if (value)
        at.complain(key, *at.find(key), "a number that a 32-bit float holds");
    return std::nullopt;
}

bool read_flag(JsonReader& at, const char* key) {
    const nlohmann::json* value = at.find(key);
    if (value && !value->is_boolean())
        at.complain(key, *value, "true or false");
    return value && value->is_boolean() && value->get<bool>();
}

template <typename Enum>
std::optional<Enum> read_choice(JsonReader& at, const char* key,
                                std::initializer_list<std::pair<const char*, Enum>> choices) {
    const nlohmann::json* value = at.find(key);
    if (!value)
        return std::nullopt;
    std::string all;
    for (const auto& [name, choice] : choices) {
        if (*value == name)
            return choice;
        all += (all.empty() ? "" : ", ") + std::string(name);
    }
    at.complain(key, *value, "one of " + all);
    return std::nullopt;
}

// A number for all channels, or a list of three.
std::optional<std::array<float, 3>> read_channels(JsonReader& at, const char* key) {
    const nlohmann::json* value = at.find(key);
    if (!value)
        return std::nullopt;
    std::array<float, 3> channels{};
    const bool is_list = value->is_array() && value->size() == 3;
    for (size_t i = 0; i < 3; i++) {
        const nlohmann::json& one = is_list ? (*value)[i] : *value;
        channels[i] = one.is_number() ? one.get<float>() : NAN;
        if (!std::isfinite(channels[i])) {
            at.complain(key, *value, "a number, or a list of three numbers");
            return std::nullopt;
        }
    }
    return channels;
}

void read_input(JsonReader at, ModelConfig& config) {
    at.only({"color", "resize", "pad", "mean", "std"});
    config.color = read_choice<PreprocessSpec::Color>(at, "color",
                                                      {{"RGB", PreprocessSpec::RGB},
                                                       {"BGR", PreprocessSpec::BGR},
                                                       {"Gray", PreprocessSpec::Gray}});
    config.resize = read_choice<PreprocessSpec::Resize>(
        at, "resize",
        {{"stretch", PreprocessSpec::Stretch},
         {"letterbox-top-left", PreprocessSpec::LetterboxTopLeft},
         {"letterbox-center", PreprocessSpec::LetterboxCenter},
         {"letterbox", PreprocessSpec::LetterboxCenter}});
    config.pad = read_float(at, "pad");
    config.mean = read_channels(at, "mean");
    config.std = read_channels(at, "std");
}

// {"name": [numbers], ...}; `T` of each number by `convert`, which complains by giving nothing.
template <typename T, typename Convert>
std::map<std::string, std::vector<T>> read_lists(JsonReader& at, const char* key,
                                                 const std::string& wanted, Convert convert) {
    std::map<std::string, std::vector<T>> lists;
    const std::optional<JsonReader> map = at.object(key);
    if (!map || !map->json().is_object())
        return lists;
    for (const auto& [name, list] : map->json().items()) {
        std::vector<T>& numbers = lists[name];
        bool good = list.is_array() && !list.empty();
        for (size_t i = 0; good && i < list.size(); i++) {
            const std::optional<T> number = convert(list[i]);
            good = number.has_value();
            numbers.push_back(number.value_or(T()));
        }
        if (!good)
            at.complain(std::string(key) + "." + name, list, wanted);
    }
    return lists;
}

std::optional<int64_t> to_dimension(const nlohmann::json& value) {
    constexpr int64_t largest = 1 << 24;
    if (!value.is_number_integer() || value.get<int64_t>() < 1 || value.get<int64_t>() > largest)
        return std::nullopt;
    return value.get<int64_t>();
}

std::optional<float> to_float(const nlohmann::json& value) {
    if (!value.is_number() || !std::isfinite(value.get<float>()))
        return std::nullopt;
    return value.get<float>();
}

// Widths and heights, in one list or in lists of lists.
bool add_sides(const nlohmann::json& value, int depth, std::vector<float>& to) {
    if (!value.is_array() || depth > 2)
        return false;
    for (const nlohmann::json& item : value) {
        const std::optional<float> side = to_float(item);
        if (side && *side > 0)
            to.push_back(*side);
        else if (side || !add_sides(item, depth + 1, to))
            return false;
    }
    return true;
}

std::vector<float> read_anchors(JsonReader& at) {
    std::vector<float> sides;
    const nlohmann::json* value = at.find("anchors");
    if (value && (!add_sides(*value, 0, sides) || sides.empty() || sides.size() % 2 != 0)) {
        at.complain("anchors", *value, "a list of widths and heights in pixels, all above 0");
        sides.clear();
    }
    return sides;
}

// What is said of one output of the model.
Result<OutputSpec> read_output(JsonReader at, const std::string& name, const Origin& origin) {
    at.only({"kind", "name", "labels", "otherwise", "scale", "offset", "decimals", "threshold",
             "normalize", "blank"});
    OutputSpec spec{.output = name};
    spec.kind = read_choice<OutputSpec::Kind>(at, "kind",
                                              {{"auto", OutputSpec::Auto},
                                               {"classes", OutputSpec::Classes},
                                               {"multilabel", OutputSpec::Multilabel},
                                               {"number", OutputSpec::Number},
                                               {"keypoints", OutputSpec::Keypoints},
                                               {"embedding", OutputSpec::Embedding},
                                               {"text", OutputSpec::Text},
                                               {"ignored", OutputSpec::Ignored}})
                    .value_or(OutputSpec::Auto);
    spec.name = at.text("name");
    spec.otherwise = at.texts("otherwise");
    spec.scale = read_float(at, "scale");
    spec.offset = read_float(at, "offset");
    spec.threshold = read_float(at, "threshold");
    if (spec.threshold && !(*spec.threshold >= 0 && *spec.threshold <= 1))
        at.complain("threshold", *at.find("threshold"), "from 0 to 1");
    if (at.find("decimals"))
        spec.decimals = at.integer<uint8_t>("decimals").value_or(4);
    spec.normalize = read_flag(at, "normalize");
    spec.blank_last = read_choice<bool>(at, "blank", {{"last", true}, {"first", false}});
    Result<LabelList> labels = read_label_list(at, origin);
    if (!labels.ok())
        return labels.error();
    spec.labels = std::move(labels.value().list);
    return spec;
}

// {"name of the output": {...}, ...}
Result<void> read_outputs(JsonReader& at, const Origin& origin, ModelConfig& config) {
    std::optional<JsonReader> map = at.object("outputs");
    if (!map || !map->json().is_object())
        return {};
    for (const auto& [name, value] : map->json().items()) {
        const std::optional<JsonReader> one = map->object(name.c_str());
        if (!one)
            continue;
        Result<OutputSpec> spec = read_output(*one, name, origin);
        if (!spec.ok())
            return spec.error();
        config.outputs.push_back(std::move(spec.value()));
    }
    return {};
}

Result<ModelConfig> read_config(std::string_view text, const std::string& where,
                                const fs::path& folder) {
    const Result<nlohmann::json> json = parse_json(text, where);
    if (!json.ok())
        return json.error();
    if (is_model_proc(json.value()))
        return read_model_proc(json.value(), {folder, where});
    JsonErrors errors{where, {}};
    JsonReader at(json.value(), "", errors);
    at.only({"decoder", "labels", "threshold", "iou_threshold", "anchors", "input", "outputs",
             "shapes", "values"});

    ModelConfig config;
    if (const std::string decoder = at.text("decoder"); !decoder.empty())
        config.decoder = decoder;
    config.threshold = read_float(at, "threshold");
    config.iou_threshold = read_float(at, "iou_threshold");
    config.anchors = read_anchors(at);
    if (const auto input = at.object("input"))
        read_input(*input, config);
    config.shapes =
        read_lists<int64_t>(at, "shapes", "a list of whole numbers of 1 or more", to_dimension);
    config.values = read_lists<float>(at, "values", "a list of numbers", to_float);
    const Origin origin{folder, where};
    Result<LabelList> labels = read_label_list(at, origin);
    if (!labels.ok())
        return labels.error();
    config.labels = std::move(labels.value().list);
    config.labels_from = labels.value().from;
    if (Result<void> outputs = read_outputs(at, origin, config); !outputs.ok())
        return outputs.error();
    if (errors.first)
        return *errors.first;
    return config;
}

} // namespace

Result<LabelList> read_label_list(JsonReader& at, const Origin& origin) {
    const nlohmann::json* value = at.find("labels");
    if (value && value->is_string()) {
        const std::string path = (origin.folder / value->get<std::string>()).string();
        Result<std::vector<std::string>> labels = read_labels(path);
        if (!labels.ok())
            return labels.error();
        return LabelList{std::move(labels.value()), path};
    }
    if (value && value->is_array())
        return LabelList{at.texts("labels"), origin.where + ", `labels`"};
    if (value)
        at.complain("labels", *value, "a list of texts, or the name of a file with one a line");
    return LabelList{};
}

Result<ModelConfig> read_model_config(const std::string& text) {
    const size_t start = text.find_first_not_of(" \t\r\n");
    if (start != std::string::npos && text[start] == '{')
        return read_config(text, "model-config", fs::path());
    const Result<std::string> file = read_text(text);
    if (!file.ok()) {
        Error error = file.error();
        error.what += "; model-config is the name of a JSON file, or JSON itself, beginning with {";
        return error;
    }
    return read_config(file.value(), text, fs::path(text).parent_path());
}

Result<ModelConfig> side_config(const std::string& model_path) {
    const std::string path = fs::path(model_path).replace_extension(".json").string();
    std::error_code error;
    if (path == model_path || !fs::exists(path, error))
        return ModelConfig{};
    return read_model_config(path);
}

Result<std::vector<std::string>> read_labels(const std::string& path) {
    const Result<std::string> file = read_text(path);
    if (!file.ok())
        return file.error();
    std::string_view text = file.value();
    if (text.starts_with("\xef\xbb\xbf")) // byte order mark
        text.remove_prefix(3);
    std::vector<std::string> labels;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        labels.emplace_back(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    while (!labels.empty() && labels.back().find_first_not_of(" \t") == std::string::npos)
        labels.pop_back();
    if (labels.empty())
        return Error{Error::BadConfig, path, "holds no labels; one a line is expected"};
    return labels;
}

} // namespace infer
