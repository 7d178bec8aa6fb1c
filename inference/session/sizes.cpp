// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/sizes.h"

namespace infer {

std::span<const FrameSize> SizeRule::first_sizes() {
    static constexpr FrameSize sizes[] = {{640, 480}, {512, 512}, {640, 448}};
    return sizes;
}

Result<SizeRule> SizeRule::of(std::span<const InputFormat> inputs,
                              const std::map<std::string, Shape>& declared) {
    std::string shapes;
    for (const InputFormat& input : inputs) {
        const auto found = declared.find(input.name);
        const Shape& shape = found == declared.end() ? input.shape : found->second;
        const ImageAxes at = axes_of(input.channels_last);
        if (shape.size() == 4 && (shape[at.height] < 0 || shape[at.width] < 0)) {
            SizeRule rule;
            rule.input_ = size_t(&input - inputs.data());
            rule.shape_ = shape;
            rule.axes_ = at;
            return rule;
        }
        shapes += (shapes.empty() ? "" : ", ") + input.name + " " + to_string(shape);
    }
    return Error{Error::BadConfig, "input-size=source",
                 "no input of the model leaves height or width open (" + shapes +
                     "); use input-size=model"};
}

FrameSize SizeRule::size_of(std::span<const InputFormat> inputs) const {
    const Shape& shape = inputs[input_].shape;
    return {int(shape[axes_.width]), int(shape[axes_.height])};
}

std::vector<FrameSize> SizeRule::sizes_for(FrameSize frame) const {
    const FrameSize own = picture_size(shape_, axes_, frame);
    const FrameSize rounded = picture_size_in_steps(shape_, axes_, frame, step);
    return own == rounded ? std::vector{own} : std::vector{own, rounded};
}

} // namespace infer
