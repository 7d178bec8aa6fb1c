// SPDX-License-Identifier: LGPL-2.1-or-later
// Models whose outputs are known, for tests that run them: by the reference kernels, by a device.
// They lie in shared/models/NAME/: NAME.onnx or NAME.xml, and reference.npz with in0.., out0...
#pragma once

#include "inference/model.h"

#include <ostream>
#include <string>
#include <vector>

namespace infer {

struct ModelCase {
    const char* name;
    std::map<std::string, Shape> shapes = {}; // of inputs the file leaves open or declares wrongly
    bool heavy = false;                       // seconds with the reference kernels
    // Another file of the same network whose known results stand for those of this one. OpenVINO's
    // results without its int8 kernels, which the known ones are, are wrong for some int8 files:
    // cut in two, or with int8 kernels, the network gives others there, and those are ours.
    const char* like = nullptr;
};

inline void PrintTo(const ModelCase& model, std::ostream* out) { *out << model.name; }

inline const std::vector<ModelCase>& model_cases() {
    static const std::vector<ModelCase> cases = {
        {"mnist-12"},
        {"ultraface-rfb-320"},
        {"ultraface-rfb-640"},
        {"yolox-nano-416"},
        {"nanodet-m-320"},
        {"light-person-detector"},
        {"yunet-n-320"},
        {"centerface", {{"input.1", {1, 3, 480, 640}}}, true},
        {"pplcnet-orientation", {{"", {1, 3, 224, 224}}}},
        {"ppocr-cls-mnv3", {{"", {1, 3, 48, 192}}}},
        {"person-reid-0248-onnx"},
        {"super-resolution-224", {}, true},
    };
    return cases;
}

// More of them, and all OpenVINO IR files, which are only compared.
inline const std::vector<ModelCase>& compared_model_cases() {
    static const std::vector<ModelCase> cases = {
        {"person-reid-0287-onnx"},
        {"ppocrv4-det", {{"", {1, 3, 320, 640}}}, true},
        {"ppocrv4-rec", {{"", {1, 3, 48, 320}}}},
        {"road-segmentation-0001-onnx", {}, true},
        {"sci-240x320"},
        {"ultraface-rfb-320-qdq-int8"},
        {"yolox-nano-416-qdq-int8"},
        {"yunet-n-dynamic", {{"", {1, 3, 256, 480}}}},
        {"age-gender-recognition-retail-0013-fp16-int8"},
        {"face-detection-adas-0001-fp16", {}, true},
        {"face-detection-adas-0001-fp16-int8", {}, true},
        {"face-detection-retail-0004-fp16"},
        {"face-detection-retail-0004-fp16-int8"},
        {"face-detection-retail-0004-fp32"},
        {"gaze-estimation-adas-0002-fp16"},
        {"gaze-estimation-adas-0002-fp16-int8"},
        {"human-pose-estimation-0001-fp16-int8", {}, true},
        {"landmarks-regression-retail-0009-fp16"},
        {"landmarks-regression-retail-0009-fp16-int8",
         {},
         false,
         "landmarks-regression-retail-0009-fp16"},
        {"landmarks-regression-retail-0009-fp32"},
        {"license-plate-recognition-barrier-0001-fp16"},
        {"license-plate-recognition-barrier-0001-fp16-int8"},
        {"mp-pose-detection-ir11-fp16"},
        {"person-attributes-recognition-crossroad-0230-fp16"},
        {"person-attributes-recognition-crossroad-0230-fp16-int8"},
        {"person-detection-retail-0013-fp16"},
        {"person-reidentification-retail-0287-fp16"},
        {"person-reidentification-retail-0287-fp16-int8"},
        {"person-reidentification-retail-0287-fp32"},
        {"person-vehicle-bike-detection-2004-fp16"},
        {"person-vehicle-bike-detection-2004-fp16-int8"},
        {"person-vehicle-bike-detection-crossroad-0078-fp16", {}, true},
        {"person-vehicle-bike-detection-crossroad-0078-fp16-int8", {}, true},
        {"ultraface-rfb-320-ir11-fp32"},
        {"ultraface-rfb-320-ir11-nncf-int8"},
        {"vehicle-attributes-recognition-barrier-0039-fp16"},
        {"vehicle-attributes-recognition-barrier-0039-fp16-int8"},
        {"vehicle-attributes-recognition-barrier-0039-fp32"},
        {"yolox-nano-416-ir11-fp32"},
    };
    return cases;
}

// The model's file, or "" if it is not there.
std::string file_of(const ModelCase& model);

// The folder of the case, or "" if it is not there.
std::string folder_of(const ModelCase& model);

struct KnownResults {
    std::vector<Tensor> inputs, outputs; // in the order of the model's
};
KnownResults known_results(const ModelCase& model);

// "" if `got` is close to `wanted`: the largest error is at most `tolerance` of the largest
// magnitude, taken for each channel of the last dimension where the tensor is [1, boxes, channels].
std::string difference(const Tensor& got, const Tensor& wanted, float tolerance = 1e-3f);

// The same as the model's task has it, of all outputs. Lists of detections ([1, 1, rows, 7], or
// [rows, 5] and their labels) are compared by matching boxes. A model that holds quantized numbers
// is compared by its result: classes by the likeliest, other numbers by their mean error, at most 2
// % of the range.
std::string difference(const Graph& graph, const std::vector<Tensor>& got,
                       const std::vector<Tensor>& wanted);

} // namespace infer
