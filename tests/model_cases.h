// SPDX-License-Identifier: LGPL-2.1-or-later
// Models whose outputs are known, for tests that run them: by the reference kernels, by a device.
// They lie in shared/models/NAME/: NAME.onnx, and reference.npz with in0.., out0...
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

// The folder of the case, or "" if it is not there.
std::string folder_of(const ModelCase& model);

struct KnownResults {
    std::vector<Tensor> inputs, outputs; // in the order of the model's
};
KnownResults known_results(const ModelCase& model);

// "" if `got` is close to `wanted`: the largest error is at most `tolerance` of the largest
// magnitude, taken for each channel of the last dimension where the tensor is [1, boxes, channels].
std::string difference(const Tensor& got, const Tensor& wanted, float tolerance = 1e-3f);

} // namespace infer
