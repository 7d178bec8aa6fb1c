// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What the readers of a model-config and of a model-proc share.

#include "inference/formats/json_read.h"
#include "inference/processing.h"

#include <filesystem>

namespace infer {

// The config's folder, for names of files in it, and what the config is called in messages.
struct Origin {
    std::filesystem::path folder;
    std::string where;
};

struct LabelList {
    std::vector<std::string> list;
    std::string from; // the file, or the key
};

// `labels`: a list, or the name of a file beside the config. Nothing if the key is not there.
Result<LabelList> read_label_list(JsonReader& at, const Origin& origin);

// True for DL Streamer's model-proc, told by its keys.
bool is_model_proc(const nlohmann::json& json);
// What it says, as a model-config. docs/model-config.md says what is understood.
Result<ModelConfig> read_model_proc(const nlohmann::json& json, const Origin& origin);

} // namespace infer
