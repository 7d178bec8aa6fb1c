// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"
#include "inference/image_layout.h"
#include "inference/session/parts.h"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace infer {

class EngineShelf;

// At which size of picture a model runs whose height or width is open.
class SizeRule {
public:
    // Many networks halve the picture five times and put the parts together again.
    static constexpr int step = 32;

    // Sizes at which a model is tried before its first frame comes; most run at the first.
    static std::span<const FrameSize> first_sizes();

    // `declared`: Graph::declared. An error if no picture input leaves height or width open.
    static Result<SizeRule> of(std::span<const InputFormat> inputs,
                               const std::map<std::string, Shape>& declared);

    // What to try for a frame, in this order: its own size, and rounded up to whole steps.
    std::vector<FrameSize> sizes_for(FrameSize frame) const;
    // The size at which an engine with these inputs runs.
    FrameSize size_of(std::span<const InputFormat> inputs) const;

private:
    size_t input_ = 0; // whose size names the engine
    Shape shape_;      // its own, as declared
    ImageAxes axes_;
};

// What a source needs to change engines with its frames' size. The session's; outlives its sources'
// calls.
struct Sizes {
    EngineShelf& shelf;
    SizeRule rule;
    Fill (*make_fill)(std::span<const InputFormat> inputs);
};

} // namespace infer
