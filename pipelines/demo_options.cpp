// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/demo_options.h"

#include <charconv>
#include <filesystem>

namespace demo {
namespace {

constexpr int most_sources = 64; // of one picture: more could not be told apart

// Words as they were given, before they mean anything.
struct Given {
    Options options;
    std::string sources;
    std::string error;
};

// Takes `--name VALUE` or `--name=VALUE` at words[i]; false if that is not the option there.
bool take(const std::vector<std::string>& words, size_t& i, const std::string& name,
          std::string& value, std::string& error) {
    const std::string& word = words[i];
    if (word.starts_with("--" + name + "=")) {
        value = word.substr(name.size() + 3);
        return true;
    }
    if (word != "--" + name)
        return false;
    if (i + 1 == words.size())
        error = "--" + name + ": its value is missing";
    else
        value = words[++i];
    return true;
}

Given read_words(const std::vector<std::string>& words) {
    Given given;
    Options& o = given.options;
    for (size_t i = 0; i < words.size() && given.error.empty(); i++) {
        std::string input;
        if (take(words, i, "input", input, given.error))
            o.inputs.push_back(input);
        else if (words[i] == "--display")
            o.display = true;
        else if (!take(words, i, "sources", given.sources, given.error) &&
                 !take(words, i, "model", o.model, given.error) &&
                 !take(words, i, "hint", o.hint, given.error) &&
                 !take(words, i, "device", o.device, given.error) &&
                 !take(words, i, "output", o.output, given.error))
            given.error =
                words[i] +
                ": no such option; there are --sources, --input, --model, --device, --hint, "
                "--output, --display, --help";
    }
    return given;
}

// As many inputs as sources, the given ones in turn.
std::string repeat_inputs(std::vector<std::string>& inputs, const std::string& sources) {
    if (sources.empty())
        return "";
    int wanted = 0;
    const auto [end, failed] =
        std::from_chars(sources.data(), sources.data() + sources.size(), wanted);
    if (failed != std::errc() || end != sources.data() + sources.size() || wanted < 1 ||
        wanted > most_sources)
        return "--sources: '" + sources + "' is no number from 1 to " +
               std::to_string(most_sources);
    const auto given = inputs;
    inputs.clear();
    for (size_t i = 0; i < size_t(wanted); i++)
        inputs.push_back(given[i % given.size()]);
    return "";
}

std::string check(const Options& options) {
    if (options.inputs.empty())
        return "--input: give a video file, or a URI such as rtsp://camera/stream";
    for (const std::string& input : options.inputs)
        if (!is_uri(input) && !std::filesystem::is_regular_file(input))
            return "--input " + input + ": there is no such file";
    if (options.model.empty())
        return "--model: give a model file (.onnx)";
    if (!std::filesystem::is_regular_file(options.model))
        return "--model " + options.model + ": there is no such file";
    if (options.hint != "latency" && options.hint != "throughput")
        return "--hint: '" + options.hint + "' is neither latency nor throughput";
    return "";
}

} // namespace

bool is_uri(const std::string& input) { return input.find("://") != std::string::npos; }

std::variant<Options, std::string> read_options(const std::vector<std::string>& words) {
    Given given = read_words(words);
    if (given.error.empty())
        given.error = check(given.options);
    if (given.error.empty())
        given.error = repeat_inputs(given.options.inputs, given.sources);
    if (given.error.empty())
        return given.options;
    return given.error;
}

} // namespace demo
