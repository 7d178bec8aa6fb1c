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

inline DecodeOptions decode_options(int width, int height, float threshold = 0.5f,
                                    float iou = 0.45f, int max = 300) {
    return {threshold, iou, max, width, height};
}

inline Detection make_box(double x, double y, double width, double height, double score,
                          int label) {
    Detection d;
    d.x = float(x);
    d.y = float(y);
    d.width = float(width);
    d.height = float(height);
    d.score = float(score);
    d.label = label;
    return d;
}

inline void expect_same(const std::vector<Detection>& found, const std::vector<Detection>& expected,
                        float tolerance = 0.01f) {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); i++) {
        SCOPED_TRACE("box " + std::to_string(i));
        expect_box(found[i], expected[i].x, expected[i].y, expected[i].width, expected[i].height,
                   tolerance);
        EXPECT_NEAR(found[i].score, expected[i].score, 1e-5f);
        EXPECT_EQ(found[i].label, expected[i].label);
        ASSERT_EQ(found[i].keypoints.size(), expected[i].keypoints.size());
        for (size_t k = 0; k < found[i].keypoints.size(); k++) {
            EXPECT_NEAR(found[i].keypoints[k].x, expected[i].keypoints[k].x, tolerance);
            EXPECT_NEAR(found[i].keypoints[k].y, expected[i].keypoints[k].y, tolerance);
            EXPECT_NEAR(found[i].keypoints[k].score, expected[i].keypoints[k].score, 1e-5f);
        }
    }
}

} // namespace infer
