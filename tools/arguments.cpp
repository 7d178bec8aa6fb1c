// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/arguments.h"

#include <algorithm>
#include <charconv>
#include <sstream>

namespace infer::tools {
namespace {

Error wrong(std::string_view option, std::string what) {
    return {Error::BadConfig, "--" + std::string(option), std::move(what)};
}

// The whole of `text` as a number, or nothing.
template <typename T> std::optional<T> parse_number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<Shape> parse_shape(std::string text) {
    std::replace(text.begin(), text.end(), 'x', ',');
    Shape shape;
    std::stringstream words(text);
    for (std::string word; std::getline(words, word, ',');) {
        const auto extent = parse_number<int64_t>(word);
        if (!extent || *extent < 1)
            return std::nullopt;
        shape.push_back(*extent);
    }
    return shape.empty() ? std::nullopt : std::optional(shape);
}

const OptionDef* find_option(const Usage& usage, std::string_view name) {
    for (const OptionDef& option : usage.options)
        if (option.name == name)
            return &option;
    return nullptr;
}

Error unknown_option(const Usage& usage, const std::string& word) {
    std::string list = "--help";
    for (const OptionDef& option : usage.options)
        list += ", --" + std::string(option.name);
    return {Error::BadConfig, word,
            "no such option of '" + std::string(usage.name) + "'; there are " + list};
}

} // namespace

std::string help_of(const Usage& usage) {
    std::string text = "usage: gst-inference " + std::string(usage.name);
    if (!usage.arguments.empty())
        text += " " + std::string(usage.arguments);
    text += " [OPTION...]\n" + std::string(usage.summary) + "\n\n";
    for (const OptionDef& option : usage.options) {
        std::string left = "  --" + std::string(option.name);
        if (!option.value.empty())
            left += " " + std::string(option.value);
        left.resize(std::max<size_t>(left.size() + 2, 28), ' ');
        text += left + std::string(option.help) + (option.repeatable ? " (may be repeated)" : "") +
                "\n";
    }
    return text;
}

Result<Arguments> Arguments::parse(const Usage& usage, std::span<const std::string> words) {
    Arguments parsed;
    for (size_t i = 0; i < words.size(); i++) {
        const std::string& word = words[i];
        if (!word.starts_with("--")) {
            parsed.positional_.push_back(word);
            continue;
        }
        const size_t equals = word.find('='); // --name=VALUE is taken too
        const OptionDef* option = find_option(usage, std::string_view(word).substr(2, equals - 2));
        if (!option)
            return unknown_option(usage, word.substr(0, equals));
        std::string value;
        if (option->value.empty() && equals != std::string::npos)
            return wrong(option->name, "takes no value");
        if (equals != std::string::npos)
            value = word.substr(equals + 1);
        else if (!option->value.empty() && ++i == words.size())
            return wrong(option->name, "its value is missing: --" + std::string(option->name) +
                                           " " + std::string(option->value));
        else if (!option->value.empty())
            value = words[i];
        auto& values = parsed.values_[std::string(option->name)];
        if (!values.empty() && !option->repeatable)
            return wrong(option->name, "is given twice");
        values.push_back(value);
    }
    if (usage.arguments.empty() && !parsed.positional_.empty())
        return Error{Error::BadConfig, parsed.positional_[0],
                     "'" + std::string(usage.name) + "' takes options only"};
    return parsed;
}

Result<std::string> Arguments::only_positional(std::string_view what) const {
    if (positional_.empty())
        return Error{Error::BadConfig, "", "no " + std::string(what) + " is given"};
    if (positional_.size() > 1)
        return Error{Error::BadConfig, positional_[1],
                     "one " + std::string(what) + " at a time, and there is " + positional_[0] +
                         " already"};
    return positional_[0];
}

std::string Arguments::text(std::string_view option, std::string_view fallback) const {
    const auto found = values_.find(std::string(option));
    return found == values_.end() ? std::string(fallback) : found->second.back();
}

std::vector<std::string> Arguments::all(std::string_view option) const {
    const auto found = values_.find(std::string(option));
    return found == values_.end() ? std::vector<std::string>{} : found->second;
}

Result<int> Arguments::integer(std::string_view option, int fallback, int lowest) const {
    if (!has(option))
        return fallback;
    const auto value = parse_number<int>(text(option));
    if (!value || *value < lowest)
        return wrong(option, "'" + text(option) + "' is no whole number from " +
                                 std::to_string(lowest) + " on");
    return *value;
}

Result<double> Arguments::number(std::string_view option, double fallback, double lowest) const {
    if (!has(option))
        return fallback;
    const auto value = parse_number<double>(text(option));
    if (!value || !(*value >= lowest) || *value > 1e9) {
        std::ostringstream least;
        least << lowest;
        return wrong(option, "'" + text(option) + "' is no number from " + least.str() + " on");
    }
    return *value;
}

Result<std::map<std::string, Shape>> Arguments::shapes(std::string_view option) const {
    std::map<std::string, Shape> shapes;
    for (const std::string& word : all(option)) {
        const size_t equals = word.rfind('='); // names of inputs may hold anything
        const auto shape =
            parse_shape(equals == std::string::npos ? word : word.substr(equals + 1));
        if (!shape)
            return wrong(option, "'" + word + "' is no shape; it is written NAME=1,3,240,320");
        shapes[equals == std::string::npos ? "" : word.substr(0, equals)] = *shape;
    }
    return shapes;
}

Result<std::map<std::string, std::string>> Arguments::pairs(std::string_view option) const {
    std::map<std::string, std::string> pairs;
    for (const std::string& word : all(option)) {
        const size_t equals = word.find('=');
        if (equals == std::string::npos || equals == 0)
            return wrong(option, "'" + word + "' is not of the form KEY=VALUE");
        pairs[word.substr(0, equals)] = word.substr(equals + 1);
    }
    return pairs;
}

} // namespace infer::tools
