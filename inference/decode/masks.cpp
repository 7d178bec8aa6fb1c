// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/masks.h"

#include "inference/decode/outputs.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

// Where the middle of pixel `i` of `count` over [start, start + length) lies among `cells` cells
// over [0, whole): the two neighbouring cells and the weight of the second.
struct Between {
    int first = 0, second = 0;
    float weight = 0;
};

Between between(int i, int count, float start, float length, int cells, float whole) {
    const float at = start + (float(i) + 0.5f) * length / float(count);
    const float cell = std::clamp(at * float(cells) / whole - 0.5f, 0.0f, float(cells - 1));
    const int first = int(cell);
    return {first, std::min(first + 1, cells - 1), cell - float(first)};
}

// How many a side has, at most those of the input.
int pixels(float side, int most) {
    return std::max(int(std::ceil(std::min(side, float(most)))), 1);
}

// A map [height, width] over the whole input, seen at the pixels of a box.
struct Window {
    std::vector<Between> columns, rows;

    Window(const Detection& box, int map_width, int map_height, const DecodeOptions& options) {
        const int width = pixels(box.width, options.input_width);
        const int height = pixels(box.height, options.input_height);
        for (int x = 0; x < width; x++)
            columns.push_back(
                between(x, width, box.x, box.width, map_width, float(options.input_width)));
        for (int y = 0; y < height; y++)
            rows.push_back(
                between(y, height, box.y, box.height, map_height, float(options.input_height)));
    }
};

uint8_t to_byte(float probability) {
    return probability >= 0 ? uint8_t(std::min(probability, 1.0f) * 255 + 0.5f) : uint8_t(0);
}

// What `value(row, column)` of the map is at every pixel of the window, by `byte`.
template <typename Value, typename Byte>
std::shared_ptr<const Mask> sample(const Window& window, Value value, Byte byte) {
    auto mask = std::make_shared<Mask>();
    mask->width = int(window.columns.size());
    mask->height = int(window.rows.size());
    mask->values.reserve(window.columns.size() * window.rows.size());
    for (const Between& y : window.rows)
        for (const Between& x : window.columns) {
            const float top =
                value(y.first, x.first) * (1 - x.weight) + value(y.first, x.second) * x.weight;
            const float bottom =
                value(y.second, x.first) * (1 - x.weight) + value(y.second, x.second) * x.weight;
            mask->values.push_back(byte(top * (1 - y.weight) + bottom * y.weight));
        }
    return mask;
}

std::shared_ptr<const Mask> whole(const float* values, int width, int height) {
    auto mask = std::make_shared<Mask>();
    mask->width = width;
    mask->height = height;
    mask->values.resize(size_t(width) * size_t(height));
    std::transform(values, values + mask->values.size(), mask->values.begin(), to_byte);
    return mask;
}

} // namespace

Result<void> put_masks(std::string_view decoder, const NamedTensor& masks,
                       const std::vector<int64_t>& rows, const DecodeOptions& options,
                       std::vector<Detection>& detections) {
    const Shape& shape = masks.view.shape;
    const int height = int(shape[shape.size() - 2]), width = int(shape.back());
    const bool of_input = width == options.input_width && height == options.input_height;
    const size_t each = size_t(width) * size_t(height);
    std::vector<float> converted; // only what is not f32 already
    std::span<const float> all;
    if (masks.view.type == ElementType::F32) {
        all = masks.view.span<float>();
    } else {
        Result<std::vector<float>> read = numbers(masks, decoder);
        if (!read.ok())
            return read.error();
        converted = std::move(read.value());
        all = converted;
    }
    for (size_t i = 0; i < rows.size() && i < detections.size(); i++) {
        if ((size_t(rows[i]) + 1) * each > all.size())
            continue;
        const float* first = &all[size_t(rows[i]) * each];
        detections[i].mask = of_input
                                 ? sample(
                                       Window(detections[i], width, height, options),
                                       [&](int y, int x) { return first[y * width + x]; }, to_byte)
                                 : whole(first, width, height);
    }
    return {};
}

std::shared_ptr<const Mask> mask_of(const Prototypes& p, const float* coefficients,
                                    const Detection& box, const DecodeOptions& options) {
    const Window window(box, p.width, p.height, options);
    const int left = window.columns.front().first, right = window.columns.back().second + 1;
    const int top = window.rows.front().first, bottom = window.rows.back().second + 1;
    const int width = right - left;
    std::vector<float> sums(size_t(width) * size_t(bottom - top), 0.0f);
    for (int c = 0; c < p.channels; c++)
        for (int y = top; y < bottom; y++) {
            const float* from = p.first + (int64_t(c) * p.height + y) * p.width + left;
            float* to = &sums[size_t(y - top) * size_t(width)];
            for (int x = 0; x < width; x++)
                to[x] += from[x] * coefficients[c];
        }
    return sample(
        window,
        [&](int y, int x) { return sums[size_t(y - top) * size_t(width) + size_t(x - left)]; },
        [](float sum) { return to_byte(sigmoid(sum)); });
}

} // namespace infer
