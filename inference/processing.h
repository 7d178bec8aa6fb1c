// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/decoder.h"
#include "inference/preprocess.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace infer {

// What a user (or the model's side file) says about a model. Everything is optional: what is left
// out comes from the model and its decoder's family.
struct ModelConfig {
    std::string decoder = "auto";
    std::vector<std::string> labels;
    std::string labels_from; // the file or key they came from, for messages
    std::optional<float> threshold, iou_threshold;
    std::vector<float> anchors; // DecodeOptions::anchors
    std::optional<PreprocessSpec::Color> color;
    std::optional<PreprocessSpec::Resize> resize;
    std::optional<float> pad;
    std::optional<std::array<float, 3>> mean, std;
    std::vector<OutputSpec> outputs; // what is said of single outputs
    bool other_outputs_ignored = false;                 // nothing is made of outputs not among them
    std::map<std::string, Shape> shapes;                // declared shapes replaced
    std::map<std::string, std::vector<float>> values;   // constant values of inputs that take no image
};

// `text`: the JSON itself, or the name of a JSON file. Errors name the key and what it may be.
Result<ModelConfig> read_model_config(const std::string& text);
// The side file of a model (MODEL.json beside MODEL.onnx / MODEL.xml) if it is there, else empty.
Result<ModelConfig> side_config(const std::string& model_path);
// What the model file says about itself (Graph::metadata), as far as it is understood; never fails.
ModelConfig metadata_config(const std::map<std::string, std::string>& metadata);
// `over` wins, key by key.
ModelConfig merge(ModelConfig base, const ModelConfig& over);
// One label a line; blank lines at the end do not count.
Result<std::vector<std::string>> read_labels(const std::string& path);

// Everything about a frame's way that is not the Session's: travels with the frame. Immutable.
struct Processing {
    PreprocessSpec preprocess;
    const DecoderDef* decoder = nullptr;
    DecodeOptions options;
    std::vector<std::string> labels;
    int image_input = 0;                // which model input takes the picture; positions are its
    std::vector<int> more_image_inputs; // further ones, each at its own size
    std::vector<std::pair<int, std::vector<float>>> values; // other inputs and what they get
    std::vector<int> size_inputs; // those of `values` that say how large the picture is
    std::string why_decoder, why_preprocess;          // for `gst-inference info`

    std::string label(int id) const; // its name, or the number
};

// The same for the model compiled at another size of picture, whose inputs are given.
std::shared_ptr<const Processing> at_size(const std::shared_ptr<const Processing>& how,
                                          std::span<const InputFormat> inputs);

// Decodes zeros once, so that a decoder that cannot read such outputs says so now and not at every
// frame. Outputs whose size depends on the data are left to the frames. `rows`: of a request.
Result<void> try_decoder(const Processing& how, std::span<const OutputFormat> outputs,
                         int64_t rows);

// Chooses decoder, pre-processing and labels for a compiled model. What `config` leaves open comes
// from the model's own `metadata`, then from what is known of the decoder's family. A config that
// does not fit is an error; metadata that do not fit are passed over.
Result<std::shared_ptr<const Processing>>
make_processing(std::span<const InputFormat> inputs, std::span<const OutputFormat> outputs,
                const ModelConfig& config, const std::map<std::string, std::string>& metadata = {});

} // namespace infer
