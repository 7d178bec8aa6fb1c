// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/decoder.h"

#include <vector>

namespace infer {

// Adds a detection given by two corners, unless a number is not finite or the corners are swapped.
// Returns it, or nullptr.
Detection* add_box(std::vector<Detection>& to, float left, float top, float right, float bottom,
                   float score, int label);

// The same, given by its centre and size.
Detection* add_centred_box(std::vector<Detection>& to, float x, float y, float width, float height,
                           float score, int label);

// True if the number can be a label: not negative, and one that a float holds exactly.
bool is_label(float number);

// Some exports give boxes as fractions of the input where others give pixels. Boxes and keypoints
// become pixels unless a number of a box says that they are: one beyond 2.
void scale_fractions(std::vector<Detection>& detections, const DecodeOptions& options);

// The best `max` in order of falling score; equal scores in the order given. No suppression.
void keep_best(std::vector<Detection>& detections, int max);

// Which of them keep_best() and suppress() leave, in their order: for what belongs to them
// elsewhere.
std::vector<size_t> best_indices(const std::vector<Detection>& detections, int max);
std::vector<size_t> suppressed_indices(const std::vector<Detection>& detections,
                                       float iou_threshold, int max);
void take(std::vector<Detection>& detections, const std::vector<size_t>& chosen);

} // namespace infer
