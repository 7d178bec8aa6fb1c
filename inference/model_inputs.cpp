// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/model_inputs.h"

#include <algorithm>
#include <cctype>

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

bool is_picture(const InputFormat& input, const ModelConfig& config) {
    const auto size = image_size(input);
    return size.ok() && size.value().width * size.value().height > 1 &&
           !config.values.contains(input.name);
}

// Sets ModelInputs::picture and more_pictures.
Result<ModelInputs> choose_pictures(std::span<const InputFormat> inputs,
                                    const ModelConfig& config) {
    ModelInputs chosen;
    int64_t largest = 0; // pixels
    for (size_t i = 0; i < inputs.size(); i++) {
        if (!is_picture(inputs[i], config))
            continue;
        const ImageSize size = image_size(inputs[i]).value();
        const int64_t pixels = int64_t(size.width) * size.height;
        chosen.more_pictures.push_back(int(i));
        if (pixels > largest) {
            largest = pixels;
            chosen.picture = int(i);
        }
    }
    if (largest == 0)
        return Error{Error::BadConfig, "model",
                     "no input takes a picture (4 dimensions, 1 or 3 channels); its inputs: " +
                         shown_all(inputs)};
    std::erase(chosen.more_pictures, chosen.picture);
    return chosen;
}

// The line of the model-config that is missing.
std::string line_for(const std::vector<InputFormat>& missing) {
    std::string entries;
    for (const InputFormat& input : missing) {
        const int64_t wanted = count(input.shape);
        entries += (entries.empty() ? "\"" : ", \"") + input.name + "\": [" +
                   (wanted == 1 ? "a number" : std::to_string(wanted) + " numbers") +
                   (wanted > 6 ? ", or 1 for all]" : "]");
    }
    return "{\"values\": {" + entries + "}}";
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

std::optional<std::vector<float>> size_numbers(const InputFormat& input, const ImageSize& size) {
    std::string name = input.name;
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto is = [&](const char* part) { return name.find(part) != std::string::npos; };
    const int64_t numbers = input.shape.size() == 2 ? input.shape[1] : 0;
    const float height = float(size.height), width = float(size.width);
    if ((is("im_info") || is("image_info")) && numbers == 3)
        return std::vector<float>{height, width, 1};
    if ((is("im_info") || is("image_info")) && numbers == 6)
        return std::vector<float>{height, width, 1, 1, 1, 1};
    if (is("im_shape") && numbers == 2)
        return std::vector<float>{height, width};
    if (is("scale_factor") && numbers == 2)
        return std::vector<float>{1, 1};
    return std::nullopt;
}

Result<ModelInputs> choose_inputs(std::span<const InputFormat> inputs, const ModelConfig& config) {
    if (Result<void> known = check_names(inputs, config); !known.ok())
        return known.error();
    Result<ModelInputs> pictures = choose_pictures(inputs, config);
    if (!pictures.ok())
        return pictures;
    ModelInputs& chosen = pictures.value();
    const ImageSize size = image_size(inputs[size_t(chosen.picture)]).value();
    std::vector<InputFormat> missing;
    for (size_t i = 0; i < inputs.size(); i++) {
        const InputFormat& input = inputs[i];
        if (is_picture(input, config))
            continue;
        const auto given = config.values.find(input.name);
        const auto of_size = size_numbers(input, size);
        if (given == config.values.end() && !of_size) {
            missing.push_back(input);
            continue;
        }
        if (given == config.values.end())
            chosen.sizes.push_back(int(i));
        Result<std::vector<float>> all =
            fill(input, given == config.values.end() ? *of_size : given->second);
        if (!all.ok())
            return all.error();
        chosen.values.emplace_back(int(i), std::move(all.value()));
    }
    if (!missing.empty())
        return Error{Error::BadConfig, "model-config",
                     "input " + shown_all(missing) +
                         " takes no picture: give its numbers under `values`: " +
                         line_for(missing)};
    return pictures;
}

} // namespace infer
