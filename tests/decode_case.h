// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Output tensors for decoder tests, given by name, shape and numbers.

#include "inference/decoder.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace infer {

class Outputs {
public:
    Tensor& add(const std::string& name, Shape shape, float filled_with = 0) {
        names_.push_back(name);
        tensors_.emplace_back(ElementType::F32, std::move(shape));
        for (float& v : tensors_.back().span<float>())
            v = filled_with;
        return tensors_.back();
    }

    std::vector<NamedTensor> rows() const {
        std::vector<NamedTensor> rows;
        for (size_t i = 0; i < tensors_.size(); i++)
            rows.push_back({names_[i], tensors_[i].view()});
        return rows;
    }

    std::vector<OutputFormat> formats() const {
        std::vector<OutputFormat> formats;
        for (size_t i = 0; i < tensors_.size(); i++)
            formats.push_back({names_[i], tensors_[i].type(), tensors_[i].shape()});
        return formats;
    }

    Tensor& operator[](size_t i) { return tensors_[i]; }
    size_t size() const { return tensors_.size(); }

private:
    std::vector<std::string> names_;
    std::vector<Tensor> tensors_;
};

inline Decoded decode(const char* decoder, const Outputs& outputs, const DecodeOptions& options) {
    const DecoderDef* def = find_decoder(decoder);
    EXPECT_NE(def, nullptr) << decoder;
    if (!def)
        return {};
    Result<Decoded> decoded = def->decode(outputs.rows(), options);
    EXPECT_TRUE(decoded.ok()) << decoded.error().text();
    return decoded.ok() ? std::move(decoded.value()) : Decoded{};
}

inline void fill_random(Tensor& tensor, float low, float high, std::mt19937& random) {
    std::uniform_real_distribution<float> value(low, high);
    for (float& v : tensor.span<float>())
        v = value(random);
}

inline void expect_box(const Detection& d, float x, float y, float width, float height,
                       float tolerance = 1e-3f) {
    EXPECT_NEAR(d.x, x, tolerance);
    EXPECT_NEAR(d.y, y, tolerance);
    EXPECT_NEAR(d.width, width, tolerance);
    EXPECT_NEAR(d.height, height, tolerance);
}

} // namespace infer
