// SPDX-License-Identifier: LGPL-2.1-or-later
// Text of a line by CTC: at each step along the line the scores of all characters and of "blank".
//
//   output  f32 [1, steps, classes], [steps, 1, classes] or [1, classes, 1, steps]
//
// The best class of each step; of equal ones in a row one counts; blanks go. Scores are
// probabilities if the first step's sum up to 1, else logits. The classes are the label file's
// characters and a blank:
//
//   labels      blank
//   classes     the label that is empty or reads "blank"
//   classes - 1 before or after them
//   classes - 2 before them, and a space after them (PaddleOCR)
//
// Where `blank` of the model-config's `outputs` does not say it, the blank is whichever of the
// first and the last class is the best one of more steps. Source: Graves et al., Connectionist
// Temporal Classification, section 3.2 (best path decoding).

#include "inference/decode/outputs.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "one output with scores of characters for each step: 1 x steps x classes";
constexpr std::string_view alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyz";

struct Form {
    int64_t steps = 0, classes = 0;
    bool classes_first = false;
};

std::optional<Form> form_of(const Shape& shape) {
    std::vector<int64_t> dims;
    for (int64_t d : shape)
        if (d != 1)
            dims.push_back(d);
    if (dims.size() != 2 || dims[0] < 2 || dims[1] < 2)
        return std::nullopt;
    if (shape.size() <= 3)
        return Form{dims[0], dims[1], false};
    if (shape.size() == 4 && shape[0] == 1 && shape[2] == 1) // [1, 1, H, W] is a map
        return Form{dims[1], dims[0], true};
    return std::nullopt;
}

// The best class of each step and its probability.
struct Step {
    int64_t label;
    float score;
};

std::vector<Step> best_steps(std::span<const float> values, const Form& form) {
    std::vector<Step> steps;
    std::vector<float> row(size_t(form.classes));
    bool probabilities = true;
    for (int64_t t = 0; t < form.steps; t++) {
        for (int64_t c = 0; c < form.classes; c++)
            row[size_t(c)] =
                values[size_t(form.classes_first ? c * form.steps + t : t * form.classes + c)];
        probabilities = t == 0 ? are_probabilities(row) : probabilities;
        if (!probabilities)
            row = softmax(row);
        size_t best = 0;
        for (size_t c = 1; c < row.size(); c++)
            if (row[c] > row[best] || std::isnan(row[best]))
                best = c;
        steps.push_back({int64_t(best), std::isfinite(row[best]) ? row[best] : 0});
    }
    return steps;
}

// What each class is written as; one of them is the blank.
struct Alphabet {
    std::vector<std::string> letters; // of each class; empty: none known
    int64_t blank = 0;

    std::string text(int64_t label) const {
        return letters.empty() ? std::to_string(label) : label_text(letters, label);
    }
};

bool says_blank(const std::string& label) {
    return label.empty() || label == "blank" || label == "<blank>" || label == "[blank]";
}

bool blank_is_last(std::span<const Step> steps, int64_t classes, size_t labels,
                   const OutputSpec& spec) {
    if (spec.blank_last)
        return *spec.blank_last;
    if (labels + 2 == size_t(classes))
        return false;
    const auto of = [&](int64_t label) {
        return std::count_if(steps.begin(), steps.end(),
                             [&](const Step& s) { return s.label == label; });
    };
    return of(classes - 1) > of(0);
}

Alphabet alphabet_of(std::span<const Step> steps, int64_t classes, std::vector<std::string> labels,
                     const OutputSpec& spec) {
    if (labels.empty() && size_t(classes) == alphanumeric.size() + 1)
        for (char letter : alphanumeric)
            labels.emplace_back(1, letter);
    if (labels.size() == size_t(classes) && !spec.blank_last) {
        const auto said = std::find_if(labels.begin(), labels.end(), says_blank);
        if (said != labels.end())
            return {labels, said - labels.begin()};
    }
    const bool last = blank_is_last(steps, classes, labels.size(), spec);
    if (labels.empty() || labels.size() == size_t(classes))
        return {labels, last ? classes - 1 : 0};
    if (labels.size() + 2 == size_t(classes))
        labels.emplace_back(" ");
    if (!last)
        labels.insert(labels.begin(), "");
    return {labels, last ? classes - 1 : 0};
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const auto form = outputs.size() == 1 ? form_of(outputs[0].view.shape) : std::nullopt;
    if (!form)
        return wrong_outputs("ctc", slots_of(outputs), wanted);
    const auto values = floats(outputs[0], "ctc");
    if (!values.ok())
        return values.error();
    const OutputSpec spec = spec_of(options, outputs[0].name);
    const std::vector<Step> steps = best_steps(values.value(), *form);
    const Alphabet alphabet =
        alphabet_of(steps, form->classes, spec.labels.empty() ? options.labels : spec.labels, spec);
    std::string text;
    double score = 0;
    int letters = 0;
    for (size_t t = 0; t < steps.size(); t++) {
        const int64_t label = steps[t].label;
        if (label == alphabet.blank || (t > 0 && steps[t - 1].label == label))
            continue;
        text += (alphabet.letters.empty() && letters > 0 ? " " : "") + alphabet.text(label);
        score += steps[t].score;
        letters++;
    }
    Decoded decoded;
    if (letters > 0 && score / letters >= options.threshold)
        decoded.attributes.push_back(
            {spec.name.empty() ? "text" : spec.name, text, -1, float(score / letters)});
    return decoded;
}

// A line of text is low and wide.
bool is_line(int width, int height) { return width >= 2 * height && height <= 128; }

Fit fit(std::span<const OutputFormat> outputs, int width, int height) {
    const auto form = outputs.size() == 1 ? form_of(outputs[0].shape) : std::nullopt;
    if (!form || form->steps > 1024 || form->classes < 11)
        return {0, "ctc has " + std::string(wanted), 0};
    const std::string why = std::to_string(form->classes) + " scores for each of " +
                            std::to_string(form->steps) + " steps";
    if (mentions(outputs[0].name, {"ctc", "char", "text"}))
        return {70, why + " under the name `" + outputs[0].name + "`", 0};
    if (is_line(width, height) && form->steps <= width)
        return {outputs[0].shape[0] > 1 ? 75 : 50, why + " along a line of text", 0};
    return {0, "the input is no line of text, and the output's name does not speak of one", 0};
}

} // namespace

extern const DecoderDef decoder_ctc;
const DecoderDef decoder_ctc = {
    .name = "ctc",
    .decode = decode,
    .fit = fit,
    // PaddleOCR's: -1..1, and as much of nothing as the line leaves free.
    .preprocess = {.color = PreprocessSpec::BGR,
                   .resize = PreprocessSpec::LetterboxTopLeft,
                   .pad = 127.5f,
                   .mean = {127.5f, 127.5f, 127.5f},
                   .std = {127.5f, 127.5f, 127.5f}},
    .threshold = 0.5f,
};

} // namespace infer
