// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/processing.h"

#include <span>
#include <string>
#include <vector>

namespace infer::tools {

// One frame as the model sees it: a tensor for each of its inputs.
using FrameInputs = std::vector<Tensor>;

struct Frames {
    std::vector<FrameInputs> all;
    std::vector<std::string> notes; // what of the media could not be used
};

// At most `most` frames spread evenly over all `media` (files, URIs, folders of pictures or clips),
// through the model's pre-processing. An Error names media that cannot be played.
Result<Frames> read_inputs(std::span<const std::string> media, size_t most,
                           std::span<const InputFormat> inputs, const Processing& how);

} // namespace infer::tools
