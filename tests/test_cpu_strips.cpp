// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Chains of convolutions whose images are large enough to be passed on in strips of rows, against the
// reference kernels.
#include "tests/cpu_graphs.h"

using namespace infer;

namespace {

using Attrs = std::map<std::string, Attr>;

ValueId pointwise(Builder& b, ValueId x, int64_t from, int64_t to, const char* activation = "Relu", ValueId residual = none) {
    std::vector<ValueId> in{x, b.constant({to, from, 1, 1}, -0.3f, 0.3f), b.constant({to})};
    if (residual != none)
        in.push_back(residual);
    return b.op("Conv", in, {{"activation", activation}});
}

ValueId depthwise(Builder& b, ValueId x, int64_t channels, int64_t size, int64_t stride, int64_t dilation = 1) {
    const Attrs attrs{{"group", channels}, {"strides", Ints{stride, stride}}, {"pads", Ints(4, size / 2 * dilation)},
                      {"dilations", Ints{dilation, dilation}}, {"activation", "Relu"}};
    return b.op("Conv", {x, b.constant({channels, 1, size, size}, -0.3f, 0.3f), b.constant({channels})}, attrs);
}

TEST(CpuStrips, wide_middles_of_any_stride_and_reach) {
    struct Case {
        int64_t size, stride, dilation;
        Shape x;
    };
    for (const Case& c : {Case{3, 1, 1, {1, 8, 41, 50}}, Case{3, 2, 1, {2, 8, 40, 51}}, Case{5, 1, 1, {1, 8, 37, 60}},
                          Case{5, 2, 1, {1, 8, 64, 40}}, Case{3, 1, 3, {1, 8, 45, 48}}}) {
        Builder b;
        const ValueId wide = pointwise(b, b.input(c.x), 8, 56);
        check(b.finish({pointwise(b, depthwise(b, wide, 56, c.size, c.stride, c.dilation), 56, 12)}), "strips of tiled conv, depthwise conv", 3e-5f);
    }
}

// 3x3 first, and what is added in the end is the input of the whole.
TEST(CpuStrips, blocks_with_residuals_of_images_in_the_strips) {
    Builder b;
    const ValueId first = b.op("Conv", {b.input({1, 3, 90, 101}), b.constant({40, 3, 3, 3})},
                               {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}, {"activation", "Relu"}});
    ValueId x = first;
    for (int block = 0; block < 3; block++)
        x = pointwise(b, depthwise(b, pointwise(b, x, 40, 48), 48, 3, 1), 48, 40, "LeakyRelu", x);
    const ValueId narrow = pointwise(b, depthwise(b, pointwise(b, x, 40, 64), 64, 3, 2), 64, 16);
    check(b.finish({pointwise(b, narrow, 16, 5)}), "strips of tiled conv, tiled conv, depthwise conv", 1e-4f);
}

// A second reader that is not in the chain needs the whole image.
TEST(CpuStrips, images_that_others_read_too_are_kept) {
    Builder b;
    const ValueId wide = pointwise(b, b.input({1, 8, 40, 50}), 8, 48);
    const ValueId narrow = pointwise(b, depthwise(b, wide, 48, 3, 1), 48, 8);
    const ValueId pooled = b.op("MaxPool", {wide}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
    check(b.finish({narrow, pointwise(b, pooled, 48, 4), wide}), "depthwise conv", 3e-5f);
}

} // namespace
