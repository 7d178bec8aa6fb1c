// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/processing.h"

#include "inference/decode/run_decoder.h"
#include "inference/model_inputs.h"
#include "inference/model_outputs.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace infer {
namespace {

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const size_t end = std::min(text.find(','), text.size());
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

// "0.5", "123.675"
std::string shown(float value) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", double(value));
    return text;
}

std::string shown(const std::array<float, 3>& v) {
    if (v[0] == v[1] && v[1] == v[2])
        return shown(v[0]);
    return "(" + shown(v[0]) + ", " + shown(v[1]) + ", " + shown(v[2]) + ")";
}

// ---- Decoder

// What is known of the compiled model.
struct Model {
    std::span<const OutputFormat> outputs;
    ImageSize size;
    int64_t rows = 1;      // a request
    DecodeOptions options; // as far as the decoder does not decide
};

struct Choice {
    const DecoderDef* decoder = nullptr;
    std::string why;
    int classes = 0;
};

Error unknown_decoder(const std::string& name) {
    std::string known = "auto, none";
    for (const DecoderDef* decoder : all_decoders())
        known += ", " + std::string(decoder->name);
    return {Error::BadConfig, "decoder", "there is no decoder `" + name + "`; known are " + known};
}

// Fits of this score and more are worth telling the user of.
constexpr int possible = 40;

Choice choose_by_fit(const Model& model, size_t labels) {
    Choice best;
    int best_score = 0;
    std::vector<const DecoderDef*> fitting;
    for (const DecoderDef* decoder : all_decoders()) {
        Fit fit = decoder->fit(model.outputs, model.size.width, model.size.height);
        // A list of numbers that the user has a label for each is one of classes.
        if (labels > 0 && fit.classes == int(labels) && fit.score == 0) {
            fit.score = 60;
            fit.why = "there are as many labels as numbers in the output";
        }
        if (fit.score >= possible)
            fitting.push_back(decoder);
        if (fit.score > best_score) {
            best_score = fit.score;
            best = {decoder, std::string(decoder->name) + ", chosen by auto: " + fit.why,
                    fit.classes};
        }
    }
    std::string others;
    for (const DecoderDef* decoder : fitting)
        if (decoder != best.decoder)
            others += (others.empty() ? "; possible too: " : ", ") + std::string(decoder->name);
    best.why += others;
    return best;
}

// Decodes zeros once, so that a decoder that cannot read these outputs says so now and not at
// every frame. Outputs whose size depends on the data are left to the frames.
Result<void> try_decoder(const DecoderDef& decoder, const Model& model) {
    std::vector<Tensor> zeros;
    std::vector<NamedTensor> row;
    for (const OutputFormat& output : model.outputs) {
        Shape shape = output.shape;
        if (!shape.empty() && shape[0] == model.rows)
            shape[0] = 1;
        if (std::any_of(shape.begin(), shape.end(), [](int64_t d) { return d < 0; }))
            return {};
        zeros.emplace_back(output.type, shape);
        row.push_back({output.name, zeros.back().view()});
    }
    const Result<Decoded> decoded = run_decoder(decoder, row, model.options);
    return decoded.ok() ? Result<void>() : Result<void>(decoded.error());
}

Result<Choice> choose_decoder(const Model& model, const ModelConfig& config,
                              const ModelConfig& said) {
    const auto named = [&](const DecoderDef& decoder, const char* why) {
        return Choice{&decoder, std::string(decoder.name) + why,
                      decoder.fit(model.outputs, model.size.width, model.size.height).classes};
    };
    if (config.decoder == "auto") {
        const DecoderDef* heads = find_decoder("attributes");
        if (!config.outputs.empty() && heads && try_decoder(*heads, model).ok())
            return named(*heads, ", for the model-config says what its outputs are");
        const DecoderDef* hint = find_decoder(said.decoder);
        if (hint && try_decoder(*hint, model).ok())
            return named(*hint, ", as the model's metadata say");
        const Choice best =
            choose_by_fit(model, (config.labels.empty() ? said : config).labels.size());
        if (Result<void> reads = try_decoder(*best.decoder, model); !reads.ok())
            return reads.error();
        return best;
    }
    const DecoderDef* decoder = find_decoder(config.decoder == "none" ? "tensors" : config.decoder);
    if (!decoder)
        return unknown_decoder(config.decoder);
    if (Result<void> reads = try_decoder(*decoder, model); !reads.ok())
        return reads.error();
    return named(*decoder, ", as asked for");
}

Result<std::vector<std::string>> choose_labels(const Choice& choice, const ModelConfig& config,
                                               const ModelConfig& said) {
    const auto classes = size_t(choice.classes);
    if (config.labels.empty() && !said.labels.empty() && said.labels.size() >= classes)
        return said.labels;
    if (config.labels.empty()) {
        std::vector<std::string> known = split(choice.decoder->labels);
        if (classes != 0 && known.size() != classes)
            known.clear();
        return known;
    }
    if (config.labels.size() < classes)
        return Error{Error::BadConfig, config.labels_from.empty() ? "labels" : config.labels_from,
                     "has " + std::to_string(config.labels.size()) + " labels, but the model has " +
                         std::to_string(classes) + " classes (" +
                         std::string(choice.decoder->name) +
                         "): give a label for each, in their order"};
    return config.labels;
}

Result<float> choose_fraction(const char* name, std::optional<float> asked, float usual) {
    const float value = asked.value_or(usual);
    if (value >= 0 && value <= 1)
        return value;
    return Error{Error::BadConfig, name, "is " + shown(value) + "; it must be from 0 to 1"};
}

// ---- Pre-processing

std::string describe(const PreprocessSpec& spec, const ImageSize& size) {
    static constexpr const char* colors[] = {"RGB", "BGR", "gray"};
    static constexpr const char* resizes[] = {"stretched to ", "letterboxed at the top left of ",
                                              "letterboxed at the centre of "};
    std::string text = std::string(colors[spec.color]) + ", " + resizes[spec.resize] +
                       std::to_string(size.width) + "x" + std::to_string(size.height);
    if (spec.resize != PreprocessSpec::Stretch)
        text += " with " + shown(spec.pad) + " around it";
    if (spec.mean == PreprocessSpec{}.mean && spec.std == PreprocessSpec{}.std)
        return text + ", values 0 to 255";
    return text + ", (x - " + shown(spec.mean) + ") / " + shown(spec.std);
}

// Takes what the config says; the keys it says, for people: "mean, std from <where>".
std::string apply(const ModelConfig& config, const char* where, PreprocessSpec& to) {
    std::string keys;
    const auto take = [&](const char* key, auto& value, const auto& said) {
        if (!said)
            return;
        value = *said;
        keys += (keys.empty() ? "" : ", ") + std::string(key);
    };
    take("color", to.color, config.color);
    take("resize", to.resize, config.resize);
    take("pad", to.pad, config.pad);
    take("mean", to.mean, config.mean);
    take("std", to.std, config.std);
    return keys.empty() ? "" : keys + " from " + where;
}

Result<void> check(const PreprocessSpec& spec, const ImageSize& size) {
    const bool gray = spec.color == PreprocessSpec::Gray;
    if (gray != (size.channels == 1))
        return Error{Error::BadConfig, "model-config",
                     std::string("`input.color` is ") + (gray ? "Gray" : "RGB or BGR") +
                         ", but the model's input has " + std::to_string(size.channels) +
                         (size.channels == 1 ? " channel: it takes Gray"
                                             : " channels: it takes RGB or BGR")};
    if (!(spec.pad >= 0 && spec.pad <= 255))
        return Error{Error::BadConfig, "model-config",
                     "`input.pad` is " + shown(spec.pad) + "; it must be from 0 to 255"};
    for (size_t i = 0; i < 3; i++)
        if (!std::isfinite(spec.mean[i]) || !std::isfinite(spec.std[i]) || spec.std[i] == 0)
            return Error{Error::BadConfig, "model-config",
                         "`input.std` is " + shown(spec.std) + " and `input.mean` " +
                             shown(spec.mean) + "; no std may be 0"};
    return {};
}

// What is known of the family, and how to say so.
std::pair<PreprocessSpec, std::string> usual_preprocess(const DecoderDef& decoder,
                                                        const ImageSize& size, bool channels_last) {
    PreprocessSpec spec = decoder.preprocess;
    if (size.channels == 1) { // the families' colours say nothing of gray models
        const bool same = spec.mean[0] == spec.mean[1] && spec.mean[1] == spec.mean[2] &&
                          spec.std[0] == spec.std[1] && spec.std[1] == spec.std[2];
        spec.color = PreprocessSpec::Gray;
        if (!same) {
            spec.mean = PreprocessSpec{}.mean;
            spec.std = PreprocessSpec{}.std;
        }
        return {spec, "usual for one channel"};
    }
    if (decoder.name == "segmentation" && channels_last) { // none of PyTorch's, so not ImageNet's
        spec = {.color = PreprocessSpec::BGR};
        return {spec, "usual for segmentation with channels last"};
    }
    if (decoder.name == "tensors")
        return {spec, "a guess, for nothing is known of this model"};
    return {spec, "usual for " + std::string(decoder.name)};
}

Result<void> choose_preprocess(const ImageSize& size, bool channels_last, const ModelConfig& config,
                               ModelConfig said, Processing& to) {
    auto [spec, usual] = usual_preprocess(*to.decoder, size, channels_last);
    if (size.channels == 1)
        said.color.reset();
    std::vector<std::string> sources = {apply(said, "the model's metadata", spec),
                                        apply(config, "the model-config", spec)};
    std::erase(sources, "");
    if (Result<void> good = check(spec, size); !good.ok())
        return good;
    if (!(config.color && config.resize && config.pad && config.mean && config.std))
        sources.push_back(sources.empty() ? usual : "the rest " + usual);
    to.preprocess = spec;
    to.why_preprocess = describe(spec, size) + " (" + join(sources) + ")";
    return {};
}

Result<void> choose_thresholds(const ModelConfig& config, const ModelConfig& said, Processing& to) {
    const Result<float> threshold = choose_fraction("threshold", config.threshold,
                                                    said.threshold.value_or(to.decoder->threshold));
    if (!threshold.ok())
        return threshold.error();
    const Result<float> iou =
        choose_fraction("iou-threshold", config.iou_threshold,
                        said.iou_threshold.value_or(to.decoder->iou_threshold));
    if (!iou.ok())
        return iou.error();
    to.options.threshold = threshold.value();
    to.options.iou_threshold = iou.value();
    return {};
}

} // namespace

std::string Processing::label(int id) const {
    if (id >= 0 && size_t(id) < labels.size())
        return labels[size_t(id)];
    return std::to_string(id);
}

ModelConfig merge(ModelConfig base, const ModelConfig& over) {
    const auto take = [](auto& to, const auto& from) {
        if (from)
            to = from;
    };
    if (over.decoder != "auto")
        base.decoder = over.decoder;
    if (!over.labels.empty()) {
        base.labels = over.labels;
        base.labels_from = over.labels_from;
    }
    if (!over.anchors.empty())
        base.anchors = over.anchors;
    take(base.threshold, over.threshold);
    take(base.iou_threshold, over.iou_threshold);
    take(base.color, over.color);
    take(base.resize, over.resize);
    take(base.pad, over.pad);
    take(base.mean, over.mean);
    take(base.std, over.std);
    for (const OutputSpec& spec : over.outputs) {
        std::erase_if(base.outputs, [&](const auto& old) { return old.output == spec.output; });
        base.outputs.push_back(spec);
    }
    base.other_outputs_ignored |= over.other_outputs_ignored;
    for (const auto& [name, shape] : over.shapes)
        base.shapes[name] = shape;
    for (const auto& [name, numbers] : over.values)
        base.values[name] = numbers;
    return base;
}

Result<std::shared_ptr<const Processing>>
make_processing(std::span<const InputFormat> inputs, std::span<const OutputFormat> outputs,
                const ModelConfig& config, const std::map<std::string, std::string>& metadata) {
    Result<ModelInputs> chosen = choose_inputs(inputs, config);
    if (!chosen.ok())
        return chosen.error();
    const InputFormat& picture = inputs[size_t(chosen.value().picture)];
    Result<std::vector<OutputSpec>> specs = choose_outputs(outputs, config);
    if (!specs.ok())
        return specs.error();
    Model model{outputs, image_size(picture).value(), picture.shape[0], {}};
    model.options.input_width = model.size.width;
    model.options.input_height = model.size.height;
    model.options.outputs = std::move(specs.value());
    model.options.anchors = config.anchors;
    const ModelConfig said = metadata_config(metadata);
    const Result<Choice> choice = choose_decoder(model, config, said);
    if (!choice.ok())
        return choice.error();
    Result<std::vector<std::string>> labels = choose_labels(choice.value(), config, said);
    if (!labels.ok())
        return labels.error();

    auto made = std::make_shared<Processing>();
    made->image_input = chosen.value().picture;
    made->more_image_inputs = std::move(chosen.value().more_pictures);
    made->size_inputs = std::move(chosen.value().sizes);
    made->values = std::move(chosen.value().values);
    made->decoder = choice.value().decoder;
    made->why_decoder = choice.value().why;
    made->labels = std::move(labels.value());
    made->options = std::move(model.options);
    made->options.labels = made->labels;
    if (Result<void> good = choose_thresholds(config, said, *made); !good.ok())
        return good.error();
    if (Result<void> good =
            choose_preprocess(model.size, picture.channels_last, config, said, *made);
        !good.ok())
        return good.error();
    made->options.input_is_bgr = made->preprocess.color == PreprocessSpec::BGR;
    return std::shared_ptr<const Processing>(std::move(made));
}

Result<void> try_decoder(const Processing& how, std::span<const OutputFormat> outputs,
                         int64_t rows) {
    const ImageSize size{how.options.input_width, how.options.input_height, 0};
    return how.decoder ? try_decoder(*how.decoder, {outputs, size, rows, how.options})
                       : Result<void>();
}

std::shared_ptr<const Processing> at_size(const std::shared_ptr<const Processing>& how,
                                          std::span<const InputFormat> inputs) {
    const auto size = image_size(inputs[size_t(how->image_input)]);
    if (!size.ok() || (size.value().width == how->options.input_width &&
                       size.value().height == how->options.input_height))
        return how;
    auto made = std::make_shared<Processing>(*how);
    made->options.input_width = size.value().width;
    made->options.input_height = size.value().height;
    for (auto& [input, numbers] : made->values)
        if (std::ranges::find(made->size_inputs, input) != made->size_inputs.end())
            numbers = size_numbers(inputs[size_t(input)], size.value()).value_or(numbers);
    return made;
}

} // namespace infer
