// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Boxes that the graph has already chosen, in several lists of one length N (which may depend on
// the picture, and be 0), each with a batch dimension of 1 before it or not:
//
//   boxes   [N, 4], or [N, 5] with the score last; corners in pixels of the input or fractions of
//   it labels  [N]  whole numbers of any type scores  [N]  unless boxes have them count   [1]  how
//   many of the N count; may be missing masks   [N, h, w] or [N, 1, h, w]  0..1, over the box, or,
//   at the input's size, over the input;
//           may be missing
//
// What is for people (features, saliency maps) is passed over.

#include "inference/decoder.h"

namespace infer {

// Which output is which; -1: there is none.
struct BoxListRoles {
    int boxes = -1, labels = -1, scores = -1, count = -1, masks = -1;
    bool batched = false;      // lists have a batch dimension
    bool scored_boxes = false; // five columns
    int classes = 0;           // known from a list of all classes' scores; 0: not known
};
std::optional<BoxListRoles> box_list_roles(std::span<const OutputFormat> outputs);

// `y_first`: boxes are top, left, bottom, right.
Result<Decoded> decode_box_list(std::string_view decoder, std::string_view wanted, bool y_first,
                                std::span<const NamedTensor> outputs, const DecodeOptions& options);

} // namespace infer
