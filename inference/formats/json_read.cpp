// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/formats/json_read.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr size_t max_bytes = 16u << 20;
constexpr int max_depth = 32; // our formats need 5

int depth_of(std::string_view text) {
    int depth = 0, deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.size(); i++) {
        const char c = text[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{'))
            deepest = std::max(deepest, ++depth);
        else if (!in_string && (c == ']' || c == '}'))
            depth--;
    }
    return deepest;
}

// The library's words without its own number of the error in front.
std::string reason(const nlohmann::json::exception& e) {
    const std::string_view text = e.what();
    const size_t end = text.find("] ");
    return std::string(end == std::string_view::npos ? text : text.substr(end + 2));
}

// What a value is, for messages; long ones are cut.
std::string shown(const nlohmann::json& value) {
    if (value.is_array())
        return "a list of " + std::to_string(value.size());
    if (value.is_object())
        return "an object";
    std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

} // namespace

Result<nlohmann::json> parse_json(std::string_view text, const std::string& where) {
    if (text.size() > max_bytes)
        return Error{Error::BadConfig, where,
                     "is " + std::to_string(text.size() >> 20) +
                         " MB long; at most 16 MB are read"};
    if (const int depth = depth_of(text); depth > max_depth)
        return Error{Error::BadConfig, where,
                     "JSON nested " + std::to_string(depth) + " levels deep; at most " +
                         std::to_string(max_depth) + " are read"};
    try {
        nlohmann::json json = nlohmann::json::parse(text);
        if (json.is_object())
            return json;
        return Error{Error::BadConfig, where,
                     "is " + shown(json) + "; it must be a JSON object, {...}"};
    } catch (const nlohmann::json::exception& e) {
        return Error{Error::BadConfig, where, "is not JSON: " + reason(e)};
    }
}

JsonReader::JsonReader(const nlohmann::json& json, std::string path, JsonErrors& errors)
    : json_(json), path_(std::move(path)), errors_(errors) {
    if (!json_.is_object())
        refuse("`" + path_ + "` is " + shown(json_) + "; it must be an object, {...}");
}

const nlohmann::json* JsonReader::find(const char* key) const {
    if (!json_.is_object())
        return nullptr;
    const auto it = json_.find(key);
    return it == json_.end() || it->is_null() ? nullptr : &*it;
}

std::string JsonReader::text(const char* key) {
    const nlohmann::json* value = find(key);
    if (value && value->is_string())
        return value->get<std::string>();
    if (value)
        complain(key, *value, "a text in quotes");
    return {};
}

std::optional<double> JsonReader::number(const char* key) {
    const nlohmann::json* value = find(key);
    if (!value)
        return std::nullopt;
    if (value->is_number() && std::isfinite(value->get<double>()))
        return value->get<double>();
    complain(key, *value, "a number");
    return std::nullopt;
}

bool JsonReader::flag(const char* key) {
    const nlohmann::json* value = find(key);
    if (value && value->is_boolean())
        return value->get<bool>();
    if (value)
        complain(key, *value, "true or false");
    return false;
}

std::optional<JsonReader> JsonReader::object(const char* key) {
    const nlohmann::json* value = find(key);
    if (!value)
        return std::nullopt;
    return JsonReader(*value, name(key), errors_);
}

std::vector<std::string> JsonReader::texts(const char* key) {
    const nlohmann::json* value = find(key);
    if (!value)
        return {};
    if (!value->is_array()) {
        complain(key, *value, "a list of texts");
        return {};
    }
    std::vector<std::string> list;
    for (size_t i = 0; i < value->size(); i++) {
        if (!(*value)[i].is_string()) {
            complain(std::string(key) + "[" + std::to_string(i) + "]", (*value)[i],
                     "a text in quotes");
            return {};
        }
        list.push_back((*value)[i].get<std::string>());
    }
    return list;
}

void JsonReader::only(std::initializer_list<std::string_view> known) {
    if (!json_.is_object())
        return;
    for (const auto& [key, value] : json_.items()) {
        if (std::find(known.begin(), known.end(), key) != known.end())
            continue;
        std::string all;
        for (std::string_view k : known)
            all += (all.empty() ? "" : ", ") + std::string(k);
        refuse("unknown key `" + name(key) + "`; known here are " + all);
    }
}

void JsonReader::complain(const std::string& key, const nlohmann::json& found,
                          const std::string& wanted) {
    refuse("`" + name(key) + "` is " + shown(found) + "; it must be " + wanted);
}

void JsonReader::refuse(std::string what) {
    if (!errors_.first)
        errors_.first = Error{Error::BadConfig, errors_.where, std::move(what)};
}

std::string JsonReader::name(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
}

std::string JsonReader::name(const std::string& key, size_t index) const {
    return name(key) + "[" + std::to_string(index) + "]";
}

} // namespace infer
