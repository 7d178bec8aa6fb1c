// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// How one output that is a plain list of numbers is read; `attributes` has several of them, other
// families one.

#include "inference/decoder.h"

#include <span>
#include <string_view>
#include <vector>

namespace infer {

// True for names such as embedding, reid, features, descriptor.
bool names_embedding(std::string_view name);
// True for names such as landmarks, keypoints, align.
bool names_points(std::string_view name);

// Decoded::embedding; at length 1 if the spec says so. Nothing if a number is not finite.
void add_embedding(const OutputSpec& spec, std::span<const float> values, Decoded& to);

// Decoded::keypoints from x, y, x, y..., fractions or pixels of the input (landmarks.cpp). Points
// that are not finite are left out.
void add_points(const OutputSpec& spec, std::span<const float> values, const DecodeOptions& options,
                Decoded& to);

// An attribute `text` of the labels at these rows; it ends at the first number below 0, and rows
// without a label are written as numbers.
void add_index_text(const OutputSpec& spec, std::span<const float> values,
                    const DecodeOptions& options, Decoded& to);

} // namespace infer
