// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/device_choice.h"

#include <algorithm>
#include <charconv>

namespace infer {
namespace {

constexpr std::pair<std::string_view, Precision> precisions[] = {{"auto", Precision::Auto},
                                                                 {"f32", Precision::F32},
                                                                 {"bf16", Precision::BF16},
                                                                 {"f16", Precision::F16},
                                                                 {"int8", Precision::Int8}};

std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

// What could be written in device= here; for each kind without a device, why.
std::string devices_here(const DeviceTable& table) {
    std::vector<std::string> names, reasons;
    for (const DeviceDef* def : table.all()) {
        if (auto devices = def->devices(); devices.ok())
            names.insert(names.end(), devices.value().begin(), devices.value().end());
        else
            reasons.push_back(std::string(def->name) + ": " + devices.error().text());
    }
    return "there is " + (names.empty() ? "none" : listed(names)) +
           (reasons.empty() ? "" : " (" + listed(reasons) + ")");
}

Error bad_option(const std::string& name, const std::string& value, const std::string& what) {
    return {Error::BadConfig, "device-options=" + name + "=" + value, what};
}

// An option that stands in for a property; false: it is the device's own.
Result<bool> set_property(std::string_view name, const std::string& value,
                          CompileOptions& options) {
    const std::pair<std::string_view, int*> counts[] = {{"streams", &options.streams},
                                                        {"threads", &options.threads},
                                                        {"requests", &options.requests}};
    for (const auto& [known, count] : counts) {
        if (name != known)
            continue;
        int number = -1;
        const auto [end, failed] =
            std::from_chars(value.data(), value.data() + value.size(), number);
        if (failed != std::errc{} || end != value.data() + value.size() || number < 0 ||
            number > 1024)
            return bad_option(std::string(name), value, "must be 0 (the hint decides) to 1024");
        *count = number;
        return true;
    }
    if (name != "precision")
        return false;
    const auto known = precision_named(value);
    if (!known)
        return bad_option("precision", value, "must be auto, f32, bf16, f16 or int8");
    options.precision = *known;
    return true;
}

// "GPU.1" and "precision" of "GPU.1.precision"; the first is empty if there is none.
std::pair<std::string, std::string> split(const std::string& option) {
    const size_t dot = option.rfind('.');
    if (dot == std::string::npos)
        return {"", option};
    return {option.substr(0, dot), option.substr(dot + 1)};
}

} // namespace

std::string_view name_of(Precision precision) {
    return std::ranges::find(precisions, precision, &std::pair<std::string_view, Precision>::second)->first;
}

std::optional<Precision> precision_named(std::string_view name) {
    const auto known = std::ranges::find(precisions, name, &std::pair<std::string_view, Precision>::first);
    return known == std::end(precisions) ? std::nullopt : std::optional(known->second);
}

std::string_view device_kind(std::string_view device) {
    return device.substr(0, device.find_first_of(".:"));
}

Result<void> check_device(std::string_view device, const DeviceTable& table) {
    const std::string where = "device=" + std::string(device);
    const DeviceDef* def = table.find(device_kind(device));
    if (!def)
        return Error{Error::BadConfig, where,
                     "no such device in this build; " + devices_here(table)};
    if (def->check)
        return def->check(device);
    const auto devices = def->devices();
    if (!devices.ok())
        return Error{Error::Device, where, devices.error().text() + "; " + devices_here(table)};
    const auto& names = devices.value();
    if (device != def->name && std::ranges::find(names, device) == names.end())
        return Error{Error::BadConfig, where, "not found; " + devices_here(table)};
    return {};
}

Result<std::map<std::string, std::string>> read_device_options(std::string_view text) {
    std::map<std::string, std::string> options;
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), one.size() + 1));
        const size_t equals = one.find('=');
        if (equals == std::string_view::npos || equals == 0 || equals + 1 == one.size())
            return Error{Error::BadConfig, "device-options",
                         "'" + std::string(one) + "' is no NAME=VALUE, as in CPU.streams=2"};
        if (!options.emplace(one.substr(0, equals), one.substr(equals + 1)).second)
            return Error{Error::BadConfig, "device-options",
                         "names " + std::string(one.substr(0, equals)) + " twice"};
    }
    return options;
}

Result<CompileOptions> options_for(std::string_view device, const CompileOptions& options,
                                   const DeviceTable& table) {
    const std::string_view kind = device_kind(device);
    CompileOptions own = options;
    own.device = device;
    own.extra.clear();
    std::vector<std::pair<std::string, std::string>> of_kind, of_device;
    for (const auto& [option, value] : options.extra) {
        const auto [of, name] = split(option);
        if (!of.empty() && !table.find(device_kind(of)))
            return bad_option(option, value,
                              "there is no device " + of + "; " + devices_here(table));
        if (of == device || of.empty())
            of_device.emplace_back(name, value);
        else if (of == kind)
            of_kind.emplace_back(name, value);
        else if (table.find(kind)->combines)
            own.extra.emplace(option, value);
    }
    for (const auto* group : {&of_kind, &of_device})
        for (const auto& [name, value] : *group) {
            const auto is_property = set_property(name, value, own);
            if (!is_property.ok())
                return is_property.error();
            if (!is_property.value())
                own.extra.insert_or_assign(name, value);
        }
    return own;
}

} // namespace infer
