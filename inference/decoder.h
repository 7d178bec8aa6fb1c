// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"
#include "inference/preprocess.h"
#include "inference/result.h"

#include <memory>
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

// Which part of a box belongs to the object: covers the box, row by row.
struct Mask {
    int width = 0, height = 0;
    std::vector<uint8_t> values; // 0..255; 128 and more is inside
};

// Something said about an object or the picture: color is white, age is 31.4, the text is AB 123.
struct Attribute {
    std::string name;  // what it is about, as the model-config or the output's name says
    std::string label; // the class's name, or the number or text itself
    int label_id = -1; // row of that head's labels; -1: a number or a text
    float score = 1;   // 0..1
};

// A box with its class. From a decoder: pixels of the model's input. In a frame's Results: pixels
// of the frame, clipped to it.
struct Detection {
    float x = 0, y = 0, width = 0, height = 0; // x, y: top left corner
    float score = 0;                           // 0..1
    int label = 0;                             // row of the label file
    std::vector<Keypoint> keypoints;           // same units as the box
    std::vector<Attribute> attributes;
    std::shared_ptr<const Mask> mask; // nullptr: none
};

// A class of the whole picture (or region), best first.
struct Classification {
    int label = 0;
    float score = 0; // 0..1
};

// The class of each pixel, row by row. From a decoder: of the model's input, at any resolution. In
// a frame's Results: of the part of the frame that the model saw.
struct Segments {
    int width = 0, height = 0;
    std::vector<uint8_t> labels; // rows of the label file
};

// A picture that a model made.
struct Picture {
    int width = 0, height = 0;
    int channels = 3;            // 3: RGB, 1: gray
    std::vector<uint8_t> pixels; // [height, width, channels]
};

// What one frame's outputs mean. Positions are pixels of the model's input.
struct Decoded {
    std::vector<Detection> detections;
    std::vector<Classification> classes; // of the whole picture
    std::vector<Attribute> attributes;   // of the whole picture
    std::vector<Keypoint> keypoints;     // of the whole picture: landmarks of a face, a body
    std::vector<float> embedding;        // what tells this picture from others; empty: none
    std::optional<Segments> segments;
    std::optional<Picture> picture;
    bool wants_tensors = false; // the raw outputs themselves are the result
};

// One row's output as a decoder sees it: shape without the batch dimension made 1.
struct NamedTensor {
    std::string_view name;
    TensorView view; // [1, ...]
};

// What the model-config says about one output of the model. Empty: what the decoder usually does.
struct OutputSpec {
    // How its numbers are read. Multilabel: each says yes or no. Text: rows of the labels, one a
    // character. Ignored: nothing is made of it.
    enum Kind { Auto, Classes, Multilabel, Number, Keypoints, Embedding, Text, Ignored };
    std::string output; // its name in the model
    Kind kind = Auto;
    std::string name = {};                   // what it is about: "color"; empty: the output's name
    std::vector<std::string> labels = {};    // of its numbers
    std::vector<std::string> otherwise = {}; // Multilabel: what a no is called; empty: not reported
    std::optional<float> scale = {}, offset = {}; // number * scale + offset
    std::optional<float> threshold = {};
    int decimals = 4;                    // Number: digits after the point, at most
    bool normalize = false;              // Embedding: to length 1
    std::optional<bool> blank_last = {}; // Text: where the class without a letter is
};

struct DecodeOptions {
    float threshold = 0.5f;      // keep scores >= this
    float iou_threshold = 0.45f; // of per-class NMS
    int max_detections = 300;
    int input_width = 0, input_height = 0; // pixels of the model's input
    bool input_is_bgr = false;             // order of its channels
    std::vector<std::string> labels = {};  // rows of the label file; empty: numbers
    std::vector<OutputSpec> outputs = {};  // those the model-config speaks of
    // Width, height, width... in pixels of the model's input, smallest stride first; empty: the
    // family's usual ones.
    std::vector<float> anchors = {};
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
    const char* aliases = ""; // comma separated: further names people know the family by
};

const DecoderDef* find_decoder(std::string_view name); // or alias; nullptr: none
std::span<const DecoderDef* const> all_decoders();

// Greedy non-maximum suppression, per label: going by falling score (equal scores: in the order
// given), a box is kept unless its IoU with a kept box of its label is greater than
// `iou_threshold`. Stops at `max` boxes, which are then the best ones, in order of falling score.
// The rule is torchvision's batched_nms and OpenCV's NMSBoxesBatched. O(n log n + kept * n).
void suppress(std::vector<Detection>& detections, float iou_threshold, int max);

// From pixels of the model's input to pixels of the frame: the inverse of `where`, clipped to the
// frame. nullopt only if nothing of the box lies inside. Keypoints are mapped and not clipped; a
// mask keeps what of it lies inside.
std::optional<Detection> map_to_frame(Detection detection, const Placement& where, int frame_width,
                                      int frame_height);
Keypoint map_to_frame(Keypoint point, const Placement& where);
// What of `segments` shows the frame and not the room that letterboxing left around it.
Segments map_to_frame(Segments segments, const Placement& where, const DecodeOptions& input,
                      int frame_width, int frame_height);

} // namespace infer
