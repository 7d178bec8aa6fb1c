// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/processing.h"

#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace infer {

// Which inputs of a model take the picture, and what the others get: each as many numbers as its
// shape has.
struct ModelInputs {
    int picture = 0;                // the largest of them
    std::vector<int> more_pictures; // the others, in the model's order
    std::vector<std::pair<int, std::vector<float>>> values;
    std::vector<int> sizes; // inputs of `values` that size_numbers() filled
};

// The picture goes to every image input without `values` in the config. The others need some,
// unless they ask how large the picture is.
Result<ModelInputs> choose_inputs(std::span<const InputFormat> inputs, const ModelConfig& config);

// What an input gets that by its name and shape asks for the size of the picture as the model sees
// it; nothing if it does not. Scales are 1: results are pixels of the model's input.
//   im_info, image_info: height, width, scale (one, or four)    [Faster R-CNN and kin]
//   im_shape: height, width   scale_factor: of height, width    [PaddleDetection]
std::optional<std::vector<float>> size_numbers(const InputFormat& input, const ImageSize& size);

} // namespace infer
