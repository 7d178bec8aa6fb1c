// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Reading JSON that anybody may have written: nothing here throws, every complaint names the key.

#include "inference/result.h"

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace infer {

// Refuses broken JSON, more than 32 levels and more than 16 MB.
Result<nlohmann::json> parse_json(std::string_view text, const std::string& where);

// Where the first complaint of a reading goes.
struct JsonErrors {
    std::string where; // file, or what the text is
    std::optional<Error> first;
};

// One JSON object on its way into a struct. A getter gives nothing (an empty text, an empty list)
// for a key that is not there or is null, and for one of a wrong type, which it also puts into
// `errors`.
class JsonReader {
public:
    // `path` names the object in messages: "" for the outermost, else "input", "objects[3].box".
    JsonReader(const nlohmann::json& json, std::string path, JsonErrors& errors);

    std::string text(const char* key);
    std::optional<double> number(const char* key); // finite
    bool flag(const char* key);                    // false if it is not there
    std::optional<JsonReader> object(const char* key);
    std::vector<std::string> texts(const char* key);

    template <typename T> std::optional<T> integer(const char* key) {
        const nlohmann::json* value = find(key);
        if (!value)
            return std::nullopt;
        if (value->is_number_unsigned()) {
            const auto n = value->get<uint64_t>();
            if (n <= uint64_t(std::numeric_limits<T>::max()))
                return T(n);
        } else if (value->is_number_integer()) {
            const auto n = value->get<int64_t>();
            if (std::numeric_limits<T>::is_signed && n >= int64_t(std::numeric_limits<T>::min()))
                return T(n);
        }
        complain(key, *value, "a whole number from " + range<T>());
        return std::nullopt;
    }

    template <typename T> std::vector<T> objects(const char* key, T (*read)(JsonReader)) {
        std::vector<T> list;
        const nlohmann::json* value = find(key);
        if (value && !value->is_array())
            complain(key, *value, "a list of objects");
        else if (value)
            for (size_t i = 0; i < value->size(); i++)
                list.push_back(read(JsonReader((*value)[i], name(key, i), errors_)));
        return list;
    }

    // Complains about keys other than these.
    void only(std::initializer_list<std::string_view> known);

    // The value itself; nullptr if it is not there or null.
    const nlohmann::json* find(const char* key) const;
    const nlohmann::json& json() const { return json_; }
    // Keeps the first: "`key` is <what it is>; it must be <wanted>".
    void complain(const std::string& key, const nlohmann::json& found, const std::string& wanted);
    void refuse(std::string what);

private:
    template <typename T> static std::string range() {
        return std::to_string(std::numeric_limits<T>::min()) + " to " +
               std::to_string(std::numeric_limits<T>::max());
    }
    std::string name(const std::string& key) const;
    std::string name(const std::string& key, size_t index) const;

    const nlohmann::json& json_;
    std::string path_;
    JsonErrors& errors_;
};

} // namespace infer
