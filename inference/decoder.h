// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"
#include "inference/preprocess.h"
#include "inference/result.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace infer {

struct Keypoint {
    float x = 0, y = 0;
    float score = 1; // 0..1
};

// A box with its class. From a decoder: pixels of the model's input. In a frame's Results: pixels
// of the frame, clipped to it.
struct Detection {
    float x = 0, y = 0, width = 0, height = 0; // x, y: top left corner
    float score = 0;                           // 0..1
    int label = 0;                             // row of the label file
    std::vector<Keypoint> keypoints;           // same units as the box
};

// A class of the whole picture (or region), best first.
struct Classification {
    int label = 0;
    float score = 0; // 0..1
};

struct Decoded {
    std::vector<Detection> detections;
    std::vector<Classification> classes;
    bool wants_tensors = false; // the raw outputs themselves are the result
};

// One row's output as a decoder sees it: shape without the batch dimension made 1.
struct NamedTensor {
    std::string_view name;
    TensorView view; // [1, ...]
};

struct DecodeOptions {
    float threshold = 0.5f;      // keep scores >= this
    float iou_threshold = 0.45f; // of per-class NMS
    int max_detections = 300;
    int input_width = 0, input_height = 0; // pixels of the model's input
};

// How a model's outputs look to `auto`: no for "not mine", else a reason one can print.
struct Fit {
    int score = 0; // 0: no; higher wins
    std::string why;
};

// Turns one frame's output tensors into a result. Pure: no state, no I/O; thread-safe.
struct DecoderDef {
    std::string_view name; // what users write in decoder=, e.g. "ssd"
    Result<Decoded> (*decode)(std::span<const NamedTensor> outputs, const DecodeOptions&);
    Fit (*fit)(std::span<const OutputFormat> outputs, int input_width, int input_height);
    PreprocessSpec preprocess;        // what the family is known to want
    float threshold = 0.5f;           // defaults of the family
    float iou_threshold = 0.45f;
    const char* labels = "";          // comma separated, if the family has fixed classes ("face")
};

const DecoderDef* find_decoder(std::string_view name);
std::span<const DecoderDef* const> all_decoders();

// Greedy per-class non-maximum suppression; keeps the best `max` in order of falling score.
void suppress(std::vector<Detection>& detections, float iou_threshold, int max);

} // namespace infer
