// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/model_inputs.h"

#include <algorithm>

namespace infer {
namespace {

std::string shown(const InputFormat& input) {
    return "`" + input.name + "` (" + to_string(input.shape) + ")";
}

template <typename Inputs> std::string shown_all(const Inputs& inputs) {
    std::string text;
    for (const InputFormat& input : inputs)
        text += (text.empty() ? "" : ", ") + shown(input);
    return text.empty() ? "none" : text;
}

Result<int> choose_picture(std::span<const InputFormat> inputs, const ModelConfig& config) {
    std::vector<InputFormat> pictures;
    int found = 0;
    for (size_t i = 0; i < inputs.size(); i++)
        if (!config.values.contains(inputs[i].name) && image_size(inputs[i]).ok()) {
            found = int(i);
            pictures.push_back(inputs[i]);
        }
    if (pictures.size() == 1)
        return found;
    if (pictures.empty())
        return Error{Error::BadConfig, "model",
                     "no input takes a picture (4 dimensions, 1 or 3 channels); its inputs: " +
                         shown_all(inputs)};
    return Error{Error::BadConfig, "model-config",
                 "inputs " + shown_all(pictures) +
                     " could all take the picture; give numbers under " +
                     "`values` for all but one"};
}

// Numbers for the whole input: from as many, from those of one row, or from one number for all.
Result<std::vector<float>> fill(const InputFormat& input, const std::vector<float>& given) {
    const int64_t wanted = count(input.shape), have = int64_t(given.size());
    const int64_t rows = input.shape.empty() ? 1 : input.shape[0];
    if (have == 0 || wanted < 0 || (have != wanted && have != 1 && have * rows != wanted))
        return Error{Error::BadConfig, "model-config",
                     "`values." + input.name + "` has " + std::to_string(have) +
                         " numbers; the input is " + to_string(input.shape) + ": give " +
                         std::to_string(wanted) + ", or one for all of them"};
    std::vector<float> all(size_t(wanted), 0.0f);
    for (size_t i = 0; i < all.size(); i++)
        all[i] = given[i % given.size()];
    return all;
}

// Values for inputs that the model does not have are a mistake somebody would look for elsewhere.
Result<void> check_names(std::span<const InputFormat> inputs, const ModelConfig& config) {
    for (const auto& [name, numbers] : config.values)
        if (std::none_of(inputs.begin(), inputs.end(),
                         [&name = name](const InputFormat& input) { return input.name == name; }))
            return Error{Error::BadConfig, "model-config",
                         "`values." + name +
                             "`: the model has no such input; its inputs: " + shown_all(inputs)};
    return {};
}

} // namespace

Result<ModelInputs> choose_inputs(std::span<const InputFormat> inputs, const ModelConfig& config) {
    if (Result<void> known = check_names(inputs, config); !known.ok())
        return known.error();
    const Result<int> picture = choose_picture(inputs, config);
    if (!picture.ok())
        return picture.error();
    ModelInputs chosen{picture.value(), {}};
    std::vector<InputFormat> missing;
    for (size_t i = 0; i < inputs.size(); i++) {
        if (int(i) == chosen.picture)
            continue;
        const auto given = config.values.find(inputs[i].name);
        if (given == config.values.end()) {
            missing.push_back(inputs[i]);
            continue;
        }
        Result<std::vector<float>> all = fill(inputs[i], given->second);
        if (!all.ok())
            return all.error();
        chosen.values.emplace_back(int(i), std::move(all.value()));
    }
    if (!missing.empty())
        return Error{Error::BadConfig, "model-config",
                     "input " + shown_all(missing) + " takes no picture: give its numbers under " +
                         "`values`, {\"values\": {\"NAME\": [...]}}"};
    return chosen;
}

} // namespace infer
