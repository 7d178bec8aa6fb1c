// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/frame.h"
#include "inference/graph.h"

namespace infer {

// Whether an input of four dimensions is N, H, W, C. The first operator on its way that treats
// channels as such says so; where none does, 1 to 4 extents in last place and not in second do.
// Works before shapes are known.
bool is_channels_last(const Graph& graph, ValueId input);

// Places of channels, height and width in such a shape.
struct ImageAxes {
    size_t channels = 1, height = 2, width = 3;
};
constexpr ImageAxes axes_of(bool channels_last) {
    return channels_last ? ImageAxes{3, 1, 2} : ImageAxes{1, 2, 3};
}

// Width and height at which an input declared `shape` takes a picture of size `picture`: its own
// where both are open; in its proportions where one is; as declared where none is. At least 1.
FrameSize picture_size(const Shape& shape, const ImageAxes& at, FrameSize picture);
// The same with open ones rounded up to a multiple of `step`, as networks need that halve the
// picture several times and put the parts together again.
FrameSize picture_size_in_steps(const Shape& shape, const ImageAxes& at, FrameSize picture,
                                int step);

} // namespace infer
