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
    int score = 0;   // 0: no; 1..100, higher wins
    std::string why; // one sentence, for yes and for no
    int classes = 0; // how many labels the outputs can name, from their shapes; 0: not known
};

// Turns one frame's output tensors into a result. Pure: no state, no I/O; thread-safe.
struct DecoderDef {
    std::string_view name; // what users write in decoder=, e.g. "ssd"
    Result<Decoded> (*decode)(std::span<const NamedTensor> outputs, const DecodeOptions&);
    Fit (*fit)(std::span<const OutputFormat> outputs, int input_width, int input_height);
    PreprocessSpec preprocess; // what the family is known to want
    float threshold = 0.5f;    // defaults of the family
    float iou_threshold = 0.45f;
    const char* labels = ""; // comma separated; used if there are as many as Fit::classes
};

const DecoderDef* find_decoder(std::string_view name);
std::span<const DecoderDef* const> all_decoders();

// Greedy non-maximum suppression, per label: going by falling score (equal scores: in the order
// given), a box is kept unless its IoU with a kept box of its label is greater than
// `iou_threshold`. Stops at `max` boxes, which are then the best ones, in order of falling score.
// The rule is torchvision's batched_nms and OpenCV's NMSBoxesBatched. O(n log n + kept * n).
void suppress(std::vector<Detection>& detections, float iou_threshold, int max);

// From pixels of the model's input to pixels of the frame: the inverse of `where`, clipped to the
// frame. nullopt only if nothing of the box lies inside. Keypoints are mapped and not clipped.
std::optional<Detection> map_to_frame(Detection detection, const Placement& where, int frame_width,
                                      int frame_height);

} // namespace infer
