// SPDX-License-Identifier: LGPL-2.1-or-later
// What a model's files and the command line say about its use, before any device sees it.
#pragma once

#include "inference/graph.h"
#include "inference/processing.h"
#include "tools/arguments.h"

#include <array>

namespace infer::tools {

// As the properties of gstinference.
inline constexpr std::array processing_options{
    OptionDef{"model-config", "JSON|FILE", "these five are as the properties of gstinference"},
    OptionDef{"decoder", "NAME", "what makes results of the outputs"},
    OptionDef{"labels", "FILE", "names of the classes, one a line"},
    OptionDef{"threshold", "0..1", "least confidence"},
    OptionDef{"iou-threshold", "0..1", "overlap from which on the better of two boxes stays alone"},
};

// Options go over the model-config, which goes over what lies beside the model.
Result<ModelConfig> config_for(const std::string& model, const Arguments& arguments);

// Inputs and outputs in the model's own layout and types.
std::vector<InputFormat> inputs_of(const Graph& graph);
std::vector<OutputFormat> outputs_of(const Graph& graph);

} // namespace infer::tools
