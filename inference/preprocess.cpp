// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/preprocess.h"

#include "inference/preprocess/checks.h"
#include "inference/preprocess/levels.h"
#include "inference/preprocess/tables.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace infer {
namespace {

using namespace preprocess;

// Where the model's channels c0, c1, c2 find R, G, B (of YUV) or the bytes of a packed pixel.
std::array<int, 3> channel_order(PixelFormat format, PreprocessSpec::Color color) {
    const bool packed_bgr =
        format == PixelFormat::BGR || format == PixelFormat::BGRx || format == PixelFormat::BGRA;
    const bool swap = packed_bgr != (color == PreprocessSpec::BGR);
    return swap ? std::array{2, 1, 0} : std::array{0, 1, 2};
}

Reader choose_reader(PixelFormat format, bool gray) {
    switch (format) {
    case PixelFormat::I420:
        return gray ? read_luma : read_i420;
    case PixelFormat::NV12:
        return gray ? read_luma : read_nv12;
    case PixelFormat::YUY2:
        return gray ? read_yuy2_luma : read_yuy2;
    case PixelFormat::RGB:
    case PixelFormat::BGR:
        return gray ? read_gray3 : read_packed3;
    case PixelFormat::GRAY8:
        return read_luma;
    default:
        return gray ? read_gray4 : read_packed4;
    }
}

// The tables depend on nothing else.
struct Geometry {
    PixelFormat format = PixelFormat::I420;
    ColorMatrix matrix = ColorMatrix::BT601;
    bool full_range = false;
    int width = 0, height = 0; // of the region
    bool operator==(const Geometry&) const = default;
};

class RowPreprocessor final : public Preprocessor {
public:
    RowPreprocessor(const PreprocessSpec& spec, const ImageSize& size, const InputFormat& input,
                    const Kernels& kernels);
    Result<Placement> run(const FrameView& frame, const Region& region, void* row) override;

private:
    void prepare(const FrameView& frame, const Region& region);
    void make_pad_row();
    void pad(uint8_t* row) const;
    void pad_columns(uint8_t* row, int y, int from, int to) const;
    const uint8_t* const* line(const FrameView& frame, const Region& region, int y);
    uint8_t* at(uint8_t* row, int x, int y) const;

    const PreprocessSpec spec_;
    const ImageSize size_;
    const bool planar_, gray_;
    const size_t element_; // bytes
    const Kernels& kernels_;
    Target target_ = f32_nhwc;
    Finish finish_;
    std::vector<uint8_t> pad_row_; // one row of the input in the colour of the free room

    Geometry geometry_; // what the following were made for
    Placed placed_;
    ReadRow read_ = nullptr;
    ColorMath math_;
    std::vector<Tap> rows_;
    std::vector<int32_t> first_; // as Kernels::sample wants its tables
    std::vector<int16_t> weights_;
    Tensor bytes_, pixels_, sampled_; // lines; 64-byte aligned
    uint8_t* lines_[2][3] = {}; // the two source rows in work, by parity, as `read_` wrote them
    // The same in the model's order, from the region's first pixel on.
    const uint8_t* ordered_[2][3] = {};
    int have_[2] = {-1, -1}; // which source row each holds
};

RowPreprocessor::RowPreprocessor(const PreprocessSpec& spec, const ImageSize& size,
                                 const InputFormat& input, const Kernels& kernels)
    : spec_(spec), size_(size), planar_(input.layout == InputFormat::NCHW),
      gray_(size.channels == 1 || spec.color == PreprocessSpec::Gray),
      element_(size_of(input.type)), kernels_(kernels) {
    const bool bytes = input.type == ElementType::U8;
    target_ = bytes ? (planar_ ? u8_nchw : u8_nhwc) : (planar_ ? f32_nchw : f32_nhwc);
    for (size_t c = 0; c < 3; c++) {
        finish_.scale[c] = 1.0f / float(1 << fraction_bits) / spec.std[c];
        finish_.bias[c] = -spec.mean[c] / spec.std[c];
    }
    finish_.channels = size.channels;
    finish_.plane_pixels = ptrdiff_t(size.width) * size.height;
    make_pad_row();
}

void RowPreprocessor::make_pad_row() {
    const int16_t value = int16_t(std::lround(spec_.pad * float(1 << fraction_bits)));
    const std::vector<int16_t> pixels(size_t(size_.width + line_slack) * 4, value);
    pad_row_.resize(size_t(size_.width) * size_t(size_.channels) * element_);
    Finish f = finish_;
    f.plane_pixels = size_.width;
    kernels_.finish[target_](pixels.data(), size_.width, f, pad_row_.data());
}

uint8_t* RowPreprocessor::at(uint8_t* row, int x, int y) const {
    const size_t pixel = size_t(y) * size_t(size_.width) + size_t(x);
    return row + pixel * element_ * size_t(planar_ ? 1 : size_.channels);
}

void RowPreprocessor::pad_columns(uint8_t* row, int y, int from, int to) const {
    const size_t planes = planar_ ? size_t(size_.channels) : 1;
    const size_t pixel = element_ * (planar_ ? 1 : size_t(size_.channels));
    const size_t bytes = size_t(to - from) * pixel;
    for (size_t c = 0; c < planes && bytes; c++)
        std::memcpy(at(row, from, y) + c * size_t(finish_.plane_pixels) * element_,
                    &pad_row_[(c * size_t(size_.width) + size_t(from)) * pixel], bytes);
}

void RowPreprocessor::pad(uint8_t* row) const {
    const int bottom = placed_.y + placed_.height, right = placed_.x + placed_.width;
    for (int y = 0; y < size_.height; y++) {
        const bool free = y < placed_.y || y >= bottom;
        pad_columns(row, y, 0, free ? size_.width : placed_.x);
        if (!free)
            pad_columns(row, y, right, size_.width);
    }
}

void RowPreprocessor::prepare(const FrameView& frame, const Region& region) {
    const Geometry wanted{frame.format, frame.matrix, frame.full_range, region.width,
                          region.height};
    if (wanted == geometry_)
        return;
    geometry_ = wanted;
    placed_ = place_pixels(spec_.resize, region.width, region.height, size_.width, size_.height);
    read_ = kernels_.read[choose_reader(frame.format, gray_)];
    math_ = make_color_math(frame);
    rows_ = make_taps(region.height, placed_.height);
    const std::vector<Tap> columns = make_taps(region.width, placed_.width);
    first_.assign(columns.size() + line_slack, 0);
    weights_.assign(first_.size() * 4, 0);
    for (size_t x = 0; x < columns.size(); x++) {
        first_[x] = columns[x].first;
        std::fill_n(&weights_[x * 4], 4, columns[x].weight);
    }

    const int pitch = (region.width + 2 + 2 * line_slack) / 64 * 64;
    bytes_ = Tensor(ElementType::U8, {6, pitch});
    pixels_ = Tensor(ElementType::I16, {pitch, 4});
    sampled_ = Tensor(ElementType::I16, {placed_.width + line_slack, 4});
    for (int i = 0; i < 6; i++)
        lines_[i / 3][i % 3] = bytes_.span<uint8_t>().data() + ptrdiff_t(i) * pitch;
}

// Row `y` of the region in the model's channels; read if it is not one of the last two.
const uint8_t* const* RowPreprocessor::line(const FrameView& frame, const Region& region, int y) {
    const int slot = y & 1;
    if (have_[slot] != y) {
        const int lead = first_column(frame.format, region.x);
        read_(row_at(frame, region.x - lead, region.y + y), region.width + lead, math_,
              lines_[slot]);
        const bool one = gray_ || frame.format == PixelFormat::GRAY8;
        const auto order = channel_order(frame.format, spec_.color);
        for (size_t c = 0; c < 3; c++)
            ordered_[slot][c] = lines_[slot][one ? 0 : order[c]] + lead;
        have_[slot] = y;
    }
    return ordered_[slot];
}

Result<Placement> RowPreprocessor::run(const FrameView& frame, const Region& wanted, void* row) {
    const Region region = wanted == Region{} ? Region{0, 0, frame.width, frame.height} : wanted;
    if (auto checked = check(frame, region); !checked.ok())
        return checked.error();
    prepare(frame, region);
    auto* const out = static_cast<uint8_t*>(row);
    pad(out);
    have_[0] = have_[1] = -1;
    const auto pixels = pixels_.span<int16_t>().data(), sampled = sampled_.span<int16_t>().data();
    for (int y = 0; y < placed_.height; y++) {
        const Tap tap = rows_[size_t(y)];
        const auto* const above = line(frame, region, tap.first);
        const auto* const below = tap.weight ? line(frame, region, tap.first + 1) : above;
        kernels_.blend(above, below, region.width, tap.weight, pixels);
        kernels_.sample(pixels, first_.data(), weights_.data(), placed_.width, sampled);
        kernels_.finish[target_](sampled, placed_.width, finish_,
                                 at(out, placed_.x, placed_.y + y));
    }
    return place(spec_, region, size_.width, size_.height);
}

} // namespace

Placement place(const PreprocessSpec& spec, const Region& region, int input_width,
                int input_height) {
    const Placed p =
        place_pixels(spec.resize, region.width, region.height, input_width, input_height);
    return {.scale_x = float(p.width) / float(region.width),
            .scale_y = float(p.height) / float(region.height),
            .offset_x = float(p.x),
            .offset_y = float(p.y),
            .origin_x = float(region.x),
            .origin_y = float(region.y)};
}

Result<std::unique_ptr<Preprocessor>> preprocess::make_with(const Kernels& kernels,
                                                            const PreprocessSpec& spec,
                                                            const InputFormat& input) {
    const auto size = image_size(input);
    if (!size.ok())
        return size.error();
    if (auto checked = check(spec, input); !checked.ok())
        return checked.error();
    return std::unique_ptr<Preprocessor>(
        std::make_unique<RowPreprocessor>(spec, size.value(), input, kernels));
}

Result<std::unique_ptr<Preprocessor>> Preprocessor::make(const PreprocessSpec& spec,
                                                         const InputFormat& input) {
    const auto kernels = choose_kernels();
    if (!kernels.ok())
        return kernels.error();
    return make_with(*kernels.value(), spec, input);
}

} // namespace infer
