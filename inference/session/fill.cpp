// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/fill.h"

#include <bit>
#include <cmath>

namespace infer {
namespace {

// IEEE 754 binary16, to nearest even; beyond its range: infinity.
uint16_t to_half(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    const uint16_t sign = uint16_t((bits >> 16) & 0x8000);
    const float magnitude = std::fabs(value);
    if (std::isnan(value))
        return uint16_t(sign | 0x7e00);
    if (magnitude >= 65520.0f)
        return uint16_t(sign | 0x7c00);
    if (magnitude < 6.103515625e-05f) // subnormal: steps of 2^-24
        return uint16_t(sign | uint16_t(std::nearbyint(magnitude * 16777216.0f)));
    const uint32_t m = bits & 0x7fffffff;
    return uint16_t(sign | ((m - 0x38000000 + 0x0fff + ((m >> 13) & 1)) >> 13));
}

uint16_t to_bfloat(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    if (std::isnan(value))
        return uint16_t((bits >> 16) | 0x40);
    return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

template <typename T, typename Convert>
void spread(std::span<const float> values, const TensorView& to, Convert convert) {
    const std::span<T> out = to.span<T>();
    for (size_t i = 0; i < out.size(); i++)
        out[i] = convert(values[values.size() == 1 ? 0 : i]);
}

template <typename T> void spread(std::span<const float> values, const TensorView& to) {
    spread<T>(values, to, [](float v) { return T(v); });
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
        for (const auto& [input, values] : how.values)
            if (auto written = write_values(values, inputs_[size_t(input)], row[size_t(input)]);
                !written.ok())
                return written.error();
        return preprocessor_->run(frame, {}, row[size_t(how.image_input)].data);
    }

private:
    Result<void> prepare(const Processing& how) {
        if (preprocessor_ && spec_ == how.preprocess && image_input_ == how.image_input)
            return {};
        auto made = Preprocessor::make(how.preprocess, inputs_[size_t(how.image_input)]);
        if (!made.ok())
            return made.error();
        preprocessor_ = std::move(made.value());
        spec_ = how.preprocess;
        image_input_ = how.image_input;
        return {};
    }

    const std::vector<InputFormat> inputs_;
    std::unique_ptr<Preprocessor> preprocessor_;
    PreprocessSpec spec_;  // that preprocessor_ was made for
    int image_input_ = -1; // the same
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
        spread<float>(values, to);
        break;
    case ElementType::F64:
        spread<double>(values, to);
        break;
    case ElementType::F16:
        spread<uint16_t>(values, to, to_half);
        break;
    case ElementType::BF16:
        spread<uint16_t>(values, to, to_bfloat);
        break;
    case ElementType::I8:
        spread<int8_t>(values, to);
        break;
    case ElementType::U8:
        spread<uint8_t>(values, to);
        break;
    case ElementType::I16:
        spread<int16_t>(values, to);
        break;
    case ElementType::U16:
        spread<uint16_t>(values, to);
        break;
    case ElementType::I32:
        spread<int32_t>(values, to);
        break;
    case ElementType::U32:
        spread<uint32_t>(values, to);
        break;
    case ElementType::I64:
        spread<int64_t>(values, to);
        break;
    case ElementType::U64:
        spread<uint64_t>(values, to);
        break;
    case ElementType::Bool:
        spread<uint8_t>(values, to, [](float v) { return uint8_t(v != 0); });
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
