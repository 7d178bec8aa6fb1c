// SPDX-License-Identifier: LGPL-2.1-or-later
// Models whose outputs are known, for tests that run them: by the reference kernels, by a device.
#pragma once

#include "inference/model.h"

#include <string>
#include <vector>

namespace infer {

struct ModelCase {
    const char* name;        // folder and file below shared/models
    LoadOptions options = {};
    bool heavy = false;      // too slow for the reference kernels in every test run
};

inline const std::vector<ModelCase>& model_cases() {
    static const std::vector<ModelCase> cases = {
        {"mnist-12"},
        {"ultraface-rfb-320"},
        {"ultraface-rfb-640"},
        {"yolox-nano-416"},
        {"nanodet-m-320"},
        {"light-person-detector"},
        {"yunet-n-320"},
        {"centerface", {{{"input.1", {1, 3, 480, 640}}}, 1}, true},
        {"pplcnet-orientation", {{{"", {1, 3, 224, 224}}}, 1}},
        {"ppocr-cls-mnv3", {{{"", {1, 3, 48, 192}}}, 1}},
        {"person-reid-0248-onnx"},
        {"super-resolution-224", {}, true},
    };
    return cases;
}

} // namespace infer
