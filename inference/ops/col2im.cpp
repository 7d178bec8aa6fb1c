// SPDX-License-Identifier: LGPL-2.1-or-later
// Col2Im: adds up blocks, which were cut out of an image, at their places.
//
//   in   x            f32 [N, C * elements of a block, L]: L blocks
//        image_shape  i64 [n], constant: spatial dimensions of y
//        block_shape  i64 [n], constant
//   out  y            f32 [N, C, image_shape...]
//   attr strides, dilations, pads: as of a convolution with such a kernel
//
// ONNX Col2Im-18, 1-D to 3-D.
#include "inference/ops/window.h"

namespace infer {
namespace {

// The blocks as a convolution's window, over an image [1, 1, image_shape...]; and how many there
// are.
struct Blocks {
    Window window;
    Shape image, places; // both with two leading ones
};

Result<Blocks> blocks_of(const Node& node, const std::vector<int64_t>& image,
                         const std::vector<int64_t>& block) {
    Blocks b;
    b.image = b.places = {1, 1};
    b.image.insert(b.image.end(), image.begin(), image.end());
    auto window = window_of(node, b.image, block);
    if (!window.ok())
        return window.error();
    b.window = window.value();
    for (size_t d = 0; d < image.size(); d++) {
        const auto n = output_size(b.window, d, image[d], false);
        if (!n || image[d] < 1)
            return invalid(node, "a block is larger than its padded image " + to_string(image));
        b.places.push_back(*n);
    }
    return b;
}

std::vector<int64_t> list_of(const TensorView& t) {
    const auto values = t.span<int64_t>();
    return {values.begin(), values.end()};
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 3, 3); !ok.ok())
        return ok.error();
    const auto image = ints_of(in[1]), block = ints_of(in[2]);
    if (!image || !block || in[1].type != ElementType::I64 || in[2].type != ElementType::I64)
        return unsupported(node, "its shapes of image and block are not constant lists of i64");
    auto blocks = blocks_of(node, *image, *block);
    if (!blocks.ok())
        return blocks.error();
    const Shape& x = in[0].shape;
    const auto elements = checked_count(*block), places = checked_count(blocks.value().places);
    if (in[0].type != ElementType::F32 || x.size() != 3 || !elements || !places ||
        x[1] % *elements != 0 || x[2] != *places)
        return invalid(node, "blocks " + to_string(x) + " do not fit an image " +
                                 to_string(*image) + " and a block " + to_string(*block));
    Shape y = {x[0], x[1] / *elements};
    y.insert(y.end(), image->begin(), image->end());
    return one(ElementType::F32, y);
}

// One element of all blocks of a channel: `x` has a value for each place.
void add_element(const Window3& g, const int64_t (&tap)[3], const float* x, float* y) {
    for (int64_t a = 0; a < g.out[0]; a++)
        for (int64_t b = 0; b < g.out[1]; b++)
            for (int64_t c = 0; c < g.out[2]; c++, x++) {
                const int64_t place[] = {a, b, c};
                int64_t at = 0;
                bool inside = true;
                for (int d = 0; d < 3; d++) {
                    const int64_t i = place[d] * g.stride[d] - g.begin[d] + tap[d] * g.dilation[d];
                    inside &= i >= 0 && i < g.in[d];
                    at = at * g.in[d] + i;
                }
                if (inside)
                    y[at] += *x;
            }
}

void run(const Node& node, Views in, Views out) {
    const Blocks blocks = blocks_of(node, list_of(in[1]), list_of(in[2])).value();
    const Window3 g = in_3d(blocks.window, blocks.image, blocks.places);
    const int64_t plane = count(blocks.image), places = count(blocks.places);
    std::fill(out[0].span<float>().begin(), out[0].span<float>().end(), 0.0f);
    const float* x = in[0].span<float>().data();
    for (int64_t c = 0; c < out[0].shape[0] * out[0].shape[1]; c++) {
        float* y = out[0].span<float>().data() + c * plane;
        for (int64_t i = 0; i < g.kernel[0]; i++)
            for (int64_t j = 0; j < g.kernel[1]; j++)
                for (int64_t k = 0; k < g.kernel[2]; k++, x += places)
                    add_element(g, {i, j, k}, x, y);
    }
}

constexpr OpDef table[] = {{"Col2Im", infer, run}};

} // namespace

extern constinit const OpList ops_col2im = table;

} // namespace infer
