// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/model_words.h"

#include "inference/image_layout.h"

namespace infer::tools {
namespace {

// Decoder, labels and thresholds as options of their own.
Result<ModelConfig> config_of_options(const Arguments& arguments) {
    ModelConfig config;
    config.decoder = arguments.text("decoder", "auto");
    const auto threshold = arguments.number("threshold", -1, 0);
    const auto iou_threshold = arguments.number("iou-threshold", -1, 0);
    if (!threshold.ok() || !iou_threshold.ok())
        return threshold.ok() ? iou_threshold.error() : threshold.error();
    if (threshold.value() >= 0)
        config.threshold = float(threshold.value());
    if (iou_threshold.value() >= 0)
        config.iou_threshold = float(iou_threshold.value());
    if (arguments.has("labels")) {
        auto labels = read_labels(arguments.text("labels"));
        if (!labels.ok())
            return labels.error();
        config.labels = std::move(labels.value());
    }
    return config;
}

} // namespace

Result<ModelConfig> config_for(const std::string& model, const Arguments& arguments) {
    std::vector<Result<ModelConfig>> said = {side_config(model)};
    if (arguments.has("model-config"))
        said.push_back(read_model_config(arguments.text("model-config")));
    said.push_back(config_of_options(arguments));
    ModelConfig config;
    for (const auto& more : said) {
        if (!more.ok())
            return more.error();
        config = merge(std::move(config), more.value());
    }
    return config;
}

std::vector<InputFormat> inputs_of(const Graph& graph) {
    std::vector<InputFormat> formats;
    for (ValueId id : graph.inputs) {
        InputFormat format;
        format.channels_last = is_channels_last(graph, id);
        format.layout = graph.value(id).shape.size() != 4 ? InputFormat::Plain
                        : format.channels_last            ? InputFormat::NHWC
                                                          : InputFormat::NCHW;
        format.type = graph.value(id).type;
        format.name = graph.value(id).name;
        format.shape = graph.value(id).shape;
        formats.push_back(format);
    }
    return formats;
}

std::vector<OutputFormat> outputs_of(const Graph& graph) {
    std::vector<OutputFormat> formats;
    for (ValueId id : graph.outputs)
        formats.push_back({graph.value(id).name, graph.value(id).type, graph.value(id).shape});
    return formats;
}

} // namespace infer::tools
