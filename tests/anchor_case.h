// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// For tests of families that measure boxes from anchors, priors or cells: random tensors and, by a
// second, plainly written rule, what must come out of them.
#include "tests/decode_case.h"

#include <cmath>
#include <limits>
#include <utility>

namespace infer {

inline double squash(double x) { return 1 / (1 + std::exp(-x)); }
inline int up(int size, int stride) { return (size + stride - 1) / stride; }

struct Case {
    Outputs outputs;
    std::vector<Detection> expected; // before suppression
};

inline float at(Tensor& t, int64_t i) { return t.span<float>()[size_t(i)]; }

inline void check(const char* decoder, Case& c, DecodeOptions options, float tolerance = 0.02f) {
    SCOPED_TRACE(decoder);
    ASSERT_FALSE(c.expected.empty());
    suppress(c.expected, options.iou_threshold, options.max_detections);
    expect_same(decode(decoder, c.outputs, options).detections, c.expected, tolerance);
    const Fit fit =
        find_decoder(decoder)->fit(c.outputs.formats(), options.input_width, options.input_height);
    EXPECT_TRUE(fit.score > 0 || !options.anchors.empty()) << fit.why;
}

// Boxes and scores are numbers, whatever the outputs hold: nothing but `bad` ones, or every other.
inline void expect_numbers(const char* decoder, Outputs& outputs) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (float bad : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity})
        for (bool all : {true, false}) {
            for (size_t i = 0; i < outputs.size(); i++)
                for (float& v : outputs[i].span<float>())
                    v = all || i % 2 ? bad : 0.9f;
            for (const Detection& d : decode(decoder, outputs, decode_options(128, 128)).detections)
                EXPECT_TRUE(std::isfinite(d.x + d.y + d.width + d.height + d.score))
                    << decoder << bad;
        }
}

} // namespace infer
