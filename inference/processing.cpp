// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/processing.h"

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

// ---- Inputs: which one takes the picture, what the others get

std::string shown(const InputFormat& input) {
    return "`" + input.name + "` (" + to_string(input.shape) + ")";
}

// The image inputs that no `values` are given for.
std::vector<int> picture_inputs(std::span<const InputFormat> inputs, const ModelConfig& config) {
    std::vector<int> pictures;
    for (size_t i = 0; i < inputs.size(); i++)
        if (!config.values.contains(inputs[i].name) && image_size(inputs[i]).ok())
            pictures.push_back(int(i));
    return pictures;
}

Result<int> choose_picture_input(std::span<const InputFormat> inputs, const ModelConfig& config) {
    const std::vector<int> pictures = picture_inputs(inputs, config);
    if (pictures.size() == 1)
        return pictures[0];
    std::vector<std::string> names;
    if (pictures.empty()) {
        for (const InputFormat& input : inputs)
            names.push_back(shown(input));
        return Error{Error::BadConfig, "model",
                     "no input takes a picture (4 dimensions, 1 or 3 channels); it has " +
                         (names.empty() ? "none" : join(names))};
    }
    for (int i : pictures)
        names.push_back(shown(inputs[size_t(i)]));
    return Error{Error::BadConfig, "model-config",
                 "inputs " + join(names) + " could all take the picture; give numbers under " +
                     "`values` for all but one"};
}

// Numbers for the whole input, from as many, from those of one row, or from one number for all.
Result<std::vector<float>> fill(const InputFormat& input, const std::vector<float>& given) {
    const int64_t wanted = count(input.shape);
    const int64_t rows = input.shape.empty() ? 1 : input.shape[0];
    const auto have = int64_t(given.size());
    if (have != wanted && have != 1 && (rows < 1 || have * rows != wanted))
        return Error{Error::BadConfig, "model-config",
                     "`values." + input.name + "` has " + std::to_string(have) +
                         " numbers; the input " + "is " + to_string(input.shape) + ": give " +
                         std::to_string(wanted) + ", or one for all of them"};
    std::vector<float> all(size_t(std::max<int64_t>(wanted, 0)));
    for (size_t i = 0; i < all.size(); i++)
        all[i] = given[i % given.size()];
    return all;
}

Result<void> choose_values(std::span<const InputFormat> inputs, const ModelConfig& config,
                           Processing& to) {
    std::vector<std::string> names, missing;
    for (size_t i = 0; i < inputs.size(); i++) {
        names.push_back("`" + inputs[i].name + "`");
        if (int(i) == to.image_input)
            continue;
        const auto given = config.values.find(inputs[i].name);
        if (given == config.values.end()) {
            missing.push_back(shown(inputs[i]));
            continue;
        }
        Result<std::vector<float>> all = fill(inputs[i], given->second);
        if (!all.ok())
            return all.error();
        to.values.emplace_back(int(i), std::move(all.value()));
    }
    if (!missing.empty())
        return Error{Error::BadConfig, "model-config",
                     "input " + join(missing) +
                         " takes no picture: give its numbers under `values`, " +
                         "{\"values\": {\"NAME\": [...]}}"};
    for (const auto& [name, numbers] : config.values)
        if (std::find(names.begin(), names.end(), "`" + name + "`") == names.end())
            return Error{Error::BadConfig, "model-config",
                         "`values." + name + "`: the model has no such input; it has " +
                             join(names)};
    return {};
}

// ---- Decoder

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

Choice choose_by_fit(std::span<const OutputFormat> outputs, const ImageSize& size, size_t labels) {
    Choice best;
    int best_score = 0;
    for (const DecoderDef* decoder : all_decoders()) {
        Fit fit = decoder->fit(outputs, size.width, size.height);
        // A list of numbers that the user has a label for each is one of classes.
        if (labels > 0 && fit.classes == int(labels) && fit.score == 0) {
            fit.score = 30;
            fit.why = "there are as many labels as numbers in the output";
        }
        if (fit.score > best_score) {
            best_score = fit.score;
            best = {decoder, std::string(decoder->name) + ", chosen by auto: " + fit.why,
                    fit.classes};
        }
    }
    return best;
}

Result<Choice> choose_decoder(std::span<const OutputFormat> outputs, const ImageSize& size,
                              const ModelConfig& config) {
    if (config.decoder == "auto")
        return choose_by_fit(outputs, size, config.labels.size());
    const DecoderDef* decoder = find_decoder(config.decoder == "none" ? "tensors" : config.decoder);
    if (!decoder)
        return unknown_decoder(config.decoder);
    return Choice{decoder, std::string(decoder->name) + ", as asked for",
                  decoder->fit(outputs, size.width, size.height).classes};
}

// Decodes zeros once, so that a decoder that cannot read these outputs says so now and not at
// every frame. Outputs whose size depends on the data are left to the frames.
Result<void> try_decoder(const DecoderDef& decoder, std::span<const OutputFormat> outputs,
                         int64_t rows, const DecodeOptions& options) {
    std::vector<Tensor> zeros;
    std::vector<NamedTensor> row;
    for (const OutputFormat& output : outputs) {
        Shape shape = output.shape;
        if (!shape.empty() && shape[0] == rows)
            shape[0] = 1;
        if (std::any_of(shape.begin(), shape.end(), [](int64_t d) { return d < 0; }))
            return {};
        zeros.emplace_back(output.type, shape);
        row.push_back({output.name, zeros.back().view()});
    }
    const Result<Decoded> decoded = decoder.decode(row, options);
    return decoded.ok() ? Result<void>() : Result<void>(decoded.error());
}

Result<std::vector<std::string>> choose_labels(const Choice& choice, const ModelConfig& config) {
    const auto classes = size_t(choice.classes);
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

std::vector<std::string> configured_keys(const ModelConfig& config) {
    std::vector<std::string> keys;
    if (config.color)
        keys.push_back("color");
    if (config.resize)
        keys.push_back("resize");
    if (config.pad)
        keys.push_back("pad");
    if (config.mean)
        keys.push_back("mean");
    if (config.std)
        keys.push_back("std");
    return keys;
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

Result<void> choose_preprocess(const Choice& choice, const ImageSize& size,
                               const ModelConfig& config, Processing& to) {
    PreprocessSpec spec = choice.decoder->preprocess;
    std::string known_of = "known of " + std::string(choice.decoder->name);
    if (size.channels == 1) { // the families' colours say nothing of gray models
        spec.color = PreprocessSpec::Gray;
        spec.mean = PreprocessSpec{}.mean;
        spec.std = PreprocessSpec{}.std;
        known_of = "usual for one channel";
    } else if (choice.decoder->name == "tensors") {
        known_of = "a guess: nothing is known of this model";
    }
    spec.color = config.color.value_or(spec.color);
    spec.resize = config.resize.value_or(spec.resize);
    spec.pad = config.pad.value_or(spec.pad);
    spec.mean = config.mean.value_or(spec.mean);
    spec.std = config.std.value_or(spec.std);
    if (Result<void> good = check(spec, size); !good.ok())
        return good;
    const std::vector<std::string> keys = configured_keys(config);
    to.preprocess = spec;
    to.why_preprocess = describe(spec, size) + " (" +
                        (keys.empty() ? known_of
                                      : join(keys) + " from the model-config" +
                                            (keys.size() < 5 ? ", the rest " + known_of : "")) +
                        ")";
    return {};
}

Result<void> choose_options(const Choice& choice, const ImageSize& size, const ModelConfig& config,
                            Processing& to) {
    const Result<float> threshold =
        choose_fraction("threshold", config.threshold, choice.decoder->threshold);
    if (!threshold.ok())
        return threshold.error();
    const Result<float> iou =
        choose_fraction("iou-threshold", config.iou_threshold, choice.decoder->iou_threshold);
    if (!iou.ok())
        return iou.error();
    to.options.threshold = threshold.value();
    to.options.iou_threshold = iou.value();
    to.options.input_width = size.width;
    to.options.input_height = size.height;
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
    take(base.threshold, over.threshold);
    take(base.iou_threshold, over.iou_threshold);
    take(base.color, over.color);
    take(base.resize, over.resize);
    take(base.pad, over.pad);
    take(base.mean, over.mean);
    take(base.std, over.std);
    for (const auto& [name, shape] : over.shapes)
        base.shapes[name] = shape;
    for (const auto& [name, numbers] : over.values)
        base.values[name] = numbers;
    return base;
}

Result<std::shared_ptr<const Processing>> make_processing(std::span<const InputFormat> inputs,
                                                          std::span<const OutputFormat> outputs,
                                                          const ModelConfig& config) {
    auto made = std::make_shared<Processing>();
    const Result<int> picture = choose_picture_input(inputs, config);
    if (!picture.ok())
        return picture.error();
    made->image_input = picture.value();
    if (Result<void> values = choose_values(inputs, config, *made); !values.ok())
        return values.error();

    const InputFormat& input = inputs[size_t(made->image_input)];
    const ImageSize size = image_size(input).value();
    const Result<Choice> choice = choose_decoder(outputs, size, config);
    if (!choice.ok())
        return choice.error();
    made->decoder = choice.value().decoder;
    made->why_decoder = choice.value().why;
    if (Result<void> options = choose_options(choice.value(), size, config, *made); !options.ok())
        return options.error();
    if (auto reads = try_decoder(*made->decoder, outputs, input.shape[0], made->options);
        !reads.ok())
        return reads.error();

    Result<std::vector<std::string>> labels = choose_labels(choice.value(), config);
    if (!labels.ok())
        return labels.error();
    made->labels = std::move(labels.value());
    if (auto good = choose_preprocess(choice.value(), size, config, *made); !good.ok())
        return good.error();
    return std::shared_ptr<const Processing>(std::move(made));
}

} // namespace infer
