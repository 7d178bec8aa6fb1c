// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A tuning is a small text file, one "name value" a line. Its name is the model's hash and a number
// made of device, hint and shapes; library version and machine are in the file, so that what is out
// of date can be told from what was never measured.
#include "inference/tuning.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace infer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view version = LIBRARY_VERSION;
constexpr int most = 1024; // of each count

std::string text_of(Hint hint) { return hint == Hint::Latency ? "latency" : "throughput"; }

// FNV-1a, 64 bits.
std::string number_of(const std::string& text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text)
        hash = (hash ^ uint8_t(c)) * 0x100000001b3;
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
    return hex;
}

std::string path_of(const std::string& folder, const TuningKey& key) {
    std::string use = key.device + " " + text_of(key.hint);
    for (const auto& [name, shape] : key.shapes)
        use += " " + name + "=" + to_string(shape);
    return folder + "/" + number_of(key.model_hash) + "-" + number_of(use);
}

std::optional<std::map<std::string, std::string>> read_lines(const std::string& path) {
    std::ifstream file(path);
    if (!file)
        return std::nullopt;
    std::map<std::string, std::string> lines;
    for (std::string line; std::getline(file, line);)
        if (const size_t space = line.find(' '); space != std::string::npos)
            lines[line.substr(0, space)] = line.substr(space + 1);
    return lines;
}

template <typename T> bool read_number(const std::string& text, T least, T greatest, T& value) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failed == std::errc{} && end == text.data() + text.size() && value >= least &&
           value <= greatest;
}

std::optional<Tuning> parse(std::map<std::string, std::string>& lines) {
    Tuning tuning;
    for (const auto& [name, count] : {std::pair{"streams", &tuning.streams},
                                      {"threads", &tuning.threads},
                                      {"batch", &tuning.batch}})
        if (!read_number(lines[name], 0, most, *count))
            return std::nullopt;
    const auto precision = precision_named(lines["precision"]);
    if (!precision || !read_number(lines["gain"], 0.0, 1e6, tuning.gain))
        return std::nullopt;
    tuning.precision = *precision;
    tuning.date = lines["date"];
    return tuning;
}

// Written beside its place and put there in one step.
Result<void> replace_file(const std::string& path, const std::string& text) {
    const std::string draft = path + "." + std::to_string(getpid());
    std::error_code failure;
    {
        std::ofstream file(draft, std::ios::trunc);
        file << text;
        if (!file.flush())
            failure = std::make_error_code(std::errc::io_error);
    }
    if (!failure)
        fs::rename(draft, path, failure);
    if (!failure)
        return {};
    std::error_code ignored;
    fs::remove(draft, ignored);
    return Error{Error::BadConfig, path,
                 "cannot be written (" + failure.message() +
                     "); set XDG_CACHE_HOME to a folder that can"};
}

// In words: "streams 4, threads 4, batch 1".
std::string words_of(const Tuning& t) {
    std::string words;
    for (const auto& [name, count] :
         {std::pair{"streams ", t.streams}, {", threads ", t.threads}, {", batch ", t.batch}})
        words += name + (count > 0 ? std::to_string(count) : "by rule");
    return words + ", precision " + std::string(name_of(t.precision));
}

} // namespace

std::string machine_of(std::string_view device, const DeviceTable& table) {
    std::string machine = "processor";
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name") && line.find(": ") != std::string::npos) {
            machine = line.substr(line.find(": ") + 2);
            break;
        }
    machine += ", " + std::to_string(std::thread::hardware_concurrency()) +
               " cores"; // of the affinity mask
    if (const auto devices = table.find(device_kind(device))->devices(); devices.ok())
        for (const std::string& name : devices.value())
            machine += ", " + name;
    return machine;
}

std::string tuning_folder() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    if (cache && *cache == '/') // what is not absolute is to be ignored, says the specification
        return std::string(cache) + "/gstinference/tuning";
    return home && *home ? std::string(home) + "/.cache/gstinference/tuning" : "";
}

Result<std::string> keep_tuning(const TuningKey& key, const Tuning& tuning) {
    const std::string folder = tuning_folder();
    if (folder.empty())
        return Error{Error::BadConfig, "XDG_CACHE_HOME",
                     "is not set, and neither is HOME: there is no folder to keep it in"};
    std::error_code failure;
    fs::create_directories(folder, failure);
    if (failure)
        return Error{Error::BadConfig, folder,
                     "cannot be made (" + failure.message() +
                         "); set XDG_CACHE_HOME to a folder that can be written"};
    const std::string path = path_of(folder, key);
    char gain[32];
    std::snprintf(gain, sizeof gain, "%.4f", tuning.gain);
    std::string text = "version " + std::string(version) + "\nmodel " + key.model_hash +
                       "\nmachine " + key.machine + "\ndevice " + key.device + "\nhint " +
                       text_of(key.hint) + "\ndate " + tuning.date;
    for (const auto& [name, count] : {std::pair{"streams", tuning.streams},
                                      {"threads", tuning.threads},
                                      {"batch", tuning.batch}})
        text += std::string("\n") + name + " " + std::to_string(count);
    text += "\nprecision " + std::string(name_of(tuning.precision)) + "\ngain " + gain + "\n";
    if (auto written = replace_file(path, text); !written.ok())
        return written.error();
    return path;
}

FoundTuning find_tuning(const TuningKey& key) {
    const std::string folder = tuning_folder();
    const std::string path = path_of(folder, key);
    auto lines = folder.empty() ? std::nullopt : read_lines(path);
    if (!lines || (*lines)["model"] != key.model_hash)
        return {std::nullopt, "never tuned"};
    if ((*lines)["version"] != version)
        return {std::nullopt,
                "tuned with version " + (*lines)["version"] + ", which is not this one"};
    if ((*lines)["machine"] != key.machine)
        return {std::nullopt, "tuned on another machine: " + (*lines)["machine"]};
    auto tuning = parse(*lines);
    if (!tuning)
        return {std::nullopt, path + " is damaged; run gst-inference tune again"};
    return {std::move(tuning), ""};
}

Choice choose_settings(const CompileOptions& given, TuningKey key, const DeviceTable& table,
                       const std::function<Result<std::string>()>& model_hash) {
    if (given.streams > 0 || given.threads > 0 || given.batch > 0)
        return {given, "given (streams, threads or batch-size)"};
    std::error_code ignored;
    if (const std::string folder = tuning_folder(); folder.empty() || !fs::exists(folder, ignored))
        return {given, "rule (never tuned)"};
    auto hash = model_hash();
    if (!hash.ok())
        return {given, "rule (" + hash.error().text() + ")"};
    key.model_hash = std::move(hash.value());
    key.machine = machine_of(key.device, table);
    const FoundTuning found = find_tuning(key);
    if (!found.tuning)
        return {given, "rule (" + found.why_not + ")"};
    const Tuning& tuning = *found.tuning;
    if (given.precision != Precision::Auto && given.precision != tuning.precision)
        return {given, "rule (tuned at precision " + std::string(name_of(tuning.precision)) + ")"};
    Choice choice{given, "tuned on " + tuning.date + " (" + words_of(tuning) + ")"};
    choice.options.streams = tuning.streams;
    choice.options.threads = tuning.threads;
    choice.options.batch = tuning.batch;
    choice.options.precision = tuning.precision;
    return choice;
}

} // namespace infer
