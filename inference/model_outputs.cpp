// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/model_outputs.h"

#include <algorithm>

namespace infer {
namespace {

int64_t numbers_of(const OutputFormat& output) {
    int64_t n = 1;
    for (size_t i = 1; i < output.shape.size(); i++)
        n *= output.shape[i];
    return n;
}

Result<void> check(const OutputSpec& spec, const OutputFormat& output) {
    const int64_t n = numbers_of(output);
    const bool counted = spec.kind == OutputSpec::Classes || spec.kind == OutputSpec::Multilabel;
    if (counted && !spec.labels.empty() && int64_t(spec.labels.size()) < n)
        return Error{Error::BadConfig, "model-config",
                     "`outputs." + spec.output + ".labels` has " +
                         std::to_string(spec.labels.size()) + " labels; the output has " +
                         std::to_string(n) + " numbers (" + to_string(output.shape) +
                         "): give a label for each, in their order"};
    if (spec.kind == OutputSpec::Keypoints && n % 2 != 0)
        return Error{Error::BadConfig, "model-config",
                     "`outputs." + spec.output + ".kind` is keypoints; the output is " +
                         to_string(output.shape) + ", which are no pairs of x and y"};
    return {};
}

std::string names_of(std::span<const OutputFormat> outputs) {
    std::string all;
    for (const OutputFormat& output : outputs)
        all += (all.empty() ? "`" : ", `") + output.name + "`";
    return all;
}

} // namespace

Result<std::vector<OutputSpec>> choose_outputs(std::span<const OutputFormat> outputs,
                                               const ModelConfig& config) {
    std::vector<OutputSpec> specs = config.outputs;
    for (OutputSpec& spec : specs) {
        if (spec.output.empty() && outputs.size() == 1)
            spec.output = outputs[0].name;
        const auto found = std::find_if(outputs.begin(), outputs.end(), [&](const auto& output) {
            return output.name == spec.output;
        });
        if (found == outputs.end())
            return Error{Error::BadConfig, "model-config",
                         "`outputs." + spec.output +
                             "`: the model has no such output; its outputs: " + names_of(outputs)};
        if (Result<void> good = check(spec, *found); !good.ok())
            return good.error();
    }
    for (const OutputFormat& output : outputs)
        if (config.other_outputs_ignored && !specs.empty() &&
            std::none_of(specs.begin(), specs.end(),
                         [&](const OutputSpec& spec) { return spec.output == output.name; }))
            specs.push_back({.output = output.name, .kind = OutputSpec::Ignored});
    return specs;
}

} // namespace infer
