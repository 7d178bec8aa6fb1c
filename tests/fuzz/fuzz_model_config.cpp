// SPDX-License-Identifier: LGPL-2.1-or-later
// Any text as a model-config, for a detector and for a classifier.
#include "tests/fuzz/target.h"

#include "inference/processing.h"

#include <cstdlib>

using namespace infer;

namespace {

struct Model {
    std::vector<InputFormat> inputs;
    std::vector<OutputFormat> outputs;
};

std::vector<Model> models() {
    InputFormat image;
    image.name = "image";
    image.shape = {1, 3, 416, 416};
    InputFormat info;
    info.name = "info";
    info.layout = InputFormat::Plain;
    info.shape = {1, 3};
    return {{{image}, {{"output", ElementType::F32, {1, 3549, 85}}}},
            {{image, info}, {{"prob", ElementType::F32, {1, 10}}}}};
}

} // namespace

std::vector<std::string> fuzz_seeds() {
    return {R"({"decoder": "yolox", "threshold": 0.3, "iou_threshold": 0.45, "labels": ["a", "b"]})",
            R"({"input": {"color": "RGB", "resize": "letterbox", "pad": 114, "mean": [1, 2, 3], "std": 58.4}})",
            R"({"shapes": {"image": [1, 3, 320, 320]}, "values": {"info": [416, 416, 1]}})"};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const std::vector<Model> known = models();
    std::string text(reinterpret_cast<const char*>(data), size);
    if (text.empty() || text[0] != '{')
        text.insert(0, "{"); // else it would be the name of a file
    const auto config = read_model_config(text);
    if (!config.ok()) {
        if (config.error().what.empty())
            std::abort();
        return 0;
    }
    for (const Model& model : known)
        if (const auto made = make_processing(model.inputs, model.outputs, config.value());
            !made.ok() && made.error().what.empty())
            std::abort();
    return 0;
}
