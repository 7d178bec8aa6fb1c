// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/fill.h"

#include "inference/half.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace infer {
namespace {

// Values are in the order of the model's shape; where memory is N, H, W, C and the model is not,
// they change places.
template <typename T, typename Convert>
void spread(std::span<const float> values, const InputFormat& input, const TensorView& to,
            Convert convert) {
    const std::span<T> out = to.span<T>();
    const bool moves =
        input.layout == InputFormat::NHWC && !input.channels_last && to.shape.size() == 4;
    const size_t channels = moves ? size_t(to.shape[1]) : 1;
    const size_t plane = moves ? size_t(to.shape[2] * to.shape[3]) : out.size();
    for (size_t i = 0; i < out.size(); i++) { // i: in the model's order
        const size_t image = i / (channels * plane), channel = i / plane % channels;
        out[(image * plane + i % plane) * channels + channel] =
            convert(values[values.size() == 1 ? 0 : i]);
    }
}

template <typename T>
void spread(std::span<const float> values, const InputFormat& input, const TensorView& to) {
    spread<T>(values, input, to, [](float v) { return T(v); });
}

// One source's way into the rows. Used by its streaming thread alone.
class PreprocessingFill {
public:
    explicit PreprocessingFill(std::span<const InputFormat> inputs)
        : inputs_(inputs.begin(), inputs.end()) {}

    Result<Placement> run(const FrameView& frame, const Processing& how,
                          std::span<const TensorView> row) {
        if (auto made = prepare(how); !made.ok())
            return made.error();
        for (const auto& [input, values] : how.values) {
            const auto at = size_t(input);
            // `values` may be of several rows, which are all the same.
            const size_t wanted = std::min(values.size(), size_t(count(row[at].shape)));
            if (auto written = write_values(std::span(values).first(wanted), inputs_[at], row[at]);
                !written.ok())
                return written.error();
        }
        for (size_t k = 1; k < pictures_.size(); k++)
            if (auto placed = pictures_[k].made->run(frame, {}, row[pictures_[k].input].data);
                !placed.ok())
                return placed.error();
        return pictures_[0].made->run(frame, {}, row[pictures_[0].input].data);
    }

private:
    struct Picture {
        size_t input;
        std::unique_ptr<Preprocessor> made;
    };

    Result<void> prepare(const Processing& how) {
        if (!pictures_.empty() && spec_ == how.preprocess && first_ == how.image_input &&
            more_ == how.more_image_inputs)
            return {};
        pictures_.clear();
        std::vector<int> wanted = {how.image_input};
        wanted.insert(wanted.end(), how.more_image_inputs.begin(), how.more_image_inputs.end());
        std::vector<Picture> pictures;
        for (const int input : wanted) {
            auto made = Preprocessor::make(spec_for(how.preprocess, inputs_[size_t(input)]),
                                           inputs_[size_t(input)]);
            if (!made.ok())
                return made.error();
            pictures.push_back({size_t(input), std::move(made.value())});
        }
        pictures_ = std::move(pictures);
        spec_ = how.preprocess;
        first_ = how.image_input;
        more_ = how.more_image_inputs;
        return {};
    }

    // A second picture may have other channels than the one `spec` is about.
    static PreprocessSpec spec_for(PreprocessSpec spec, const InputFormat& input) {
        const auto size = image_size(input);
        const bool gray = size.ok() && size.value().channels == 1;
        if (gray != (spec.color == PreprocessSpec::Gray))
            spec.color = gray ? PreprocessSpec::Gray : PreprocessSpec::BGR;
        return spec;
    }

    const std::vector<InputFormat> inputs_;
    std::vector<Picture> pictures_; // the main one first
    PreprocessSpec spec_;           // that pictures_ were made for
    int first_ = -1;                // the same
    std::vector<int> more_;         // the same
};

} // namespace

Result<void> write_values(std::span<const float> values, const InputFormat& input,
                          const TensorView& to) {
    const size_t wanted = size_t(count(to.shape));
    if (values.size() != 1 && values.size() != wanted)
        return Error{Error::BadConfig, "input " + input.name,
                     "got " + std::to_string(values.size()) + " values, takes 1 or " +
                         std::to_string(wanted) + " (" + to_string(to.shape) + ")"};
    switch (to.type) {
    case ElementType::F32:
        spread<float>(values, input, to);
        break;
    case ElementType::F64:
        spread<double>(values, input, to);
        break;
    case ElementType::F16:
        spread<uint16_t>(values, input, to, to_f16);
        break;
    case ElementType::BF16:
        spread<uint16_t>(values, input, to, to_bf16);
        break;
    case ElementType::I8:
        spread<int8_t>(values, input, to);
        break;
    case ElementType::U8:
        spread<uint8_t>(values, input, to);
        break;
    case ElementType::I16:
        spread<int16_t>(values, input, to);
        break;
    case ElementType::U16:
        spread<uint16_t>(values, input, to);
        break;
    case ElementType::I32:
        spread<int32_t>(values, input, to);
        break;
    case ElementType::U32:
        spread<uint32_t>(values, input, to);
        break;
    case ElementType::I64:
        spread<int64_t>(values, input, to);
        break;
    case ElementType::U64:
        spread<uint64_t>(values, input, to);
        break;
    case ElementType::Bool:
        spread<uint8_t>(values, input, to, [](float v) { return uint8_t(v != 0); });
        break;
    }
    return {};
}

Fill preprocessing_fill(std::span<const InputFormat> inputs) {
    return [fill = std::make_shared<PreprocessingFill>(inputs)](
               const FrameView& frame, const Processing& how, std::span<const TensorView> row) {
        return fill->run(frame, how, row);
    };
}

} // namespace infer
