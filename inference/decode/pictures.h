// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Pictures that several families want.

#include "inference/preprocess.h"

namespace infer {

// Ultralytics' predictors: centred with 114 around it, 0..1.
inline constexpr PreprocessSpec ultralytics_picture = {.color = PreprocessSpec::RGB,
                                                       .resize = PreprocessSpec::LetterboxCenter,
                                                       .pad = 114,
                                                       .std = {255, 255, 255}};

// torchvision's detectors: 0..1.
inline constexpr PreprocessSpec unit_picture = {.color = PreprocessSpec::RGB,
                                                .std = {255, 255, 255}};

// ImageNet's mean and standard deviation, as torchvision states them, for 0..255.
inline constexpr PreprocessSpec imagenet_picture = {.color = PreprocessSpec::RGB,
                                                    .mean = {123.675f, 116.28f, 103.53f},
                                                    .std = {58.395f, 57.12f, 57.375f}};

} // namespace infer
