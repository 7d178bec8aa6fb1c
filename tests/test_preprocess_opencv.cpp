// SPDX-License-Identifier: LGPL-2.1-or-later
// Pre-processing against OpenCV's chain: colour, crop, resize, letterbox. YUV turns into BGR as in
// OpenCV's VideoCapture, that is by FFmpeg's swscale, whose arithmetic is repeated here: frames
// that models were validated with came that way. cvtColor rounds otherwise; how far that is, a test
// says.

#include "inference/preprocess/levels.h"
#include "tests/picture.h"

#include <gtest/gtest.h>
#include <opencv2/imgproc.hpp>

#include <array>
#include <cmath>
#include <vector>

using namespace infer;
using picture::Picture;

namespace {

constexpr double tolerance = 2; // of 255: resize rounds to bytes, we do not

struct Yuv {
    int y, u, v;
};

Yuv yuv_at(const Picture& p, int x, int y) {
    switch (p.view().format) {
    case PixelFormat::I420:
        return {p.byte(0, x, y), p.byte(1, x / 2, y / 2), p.byte(2, x / 2, y / 2)};
    case PixelFormat::NV12:
        return {p.byte(0, x, y), p.byte(1, x / 2 * 2, y / 2), p.byte(1, x / 2 * 2 + 1, y / 2)};
    default:
        return {p.byte(0, x * 2, y), p.byte(0, x / 2 * 4 + 1, y), p.byte(0, x / 2 * 4 + 3, y)};
    }
}

// Luma as 0..255.
double luma(int y, bool full) { return full ? y : std::max(y - 16, 0) * 255.0 / 219; }

// ITU-R BT.601, 709, 2020: R' = Y' + 2 (1 - kr) Pr, B' = Y' + 2 (1 - kb) Pb, G' from the luma sum.
// swscale (yuv2rgb, x86): factors of 13 bits, each product rounded down.
cv::Vec3b to_bgr(Yuv p, ColorMatrix matrix, bool full) {
    constexpr double shares[][2] = {{0.299, 0.114}, {0.2126, 0.0722}, {0.2627, 0.0593}};
    const auto [kr, kb] = shares[size_t(matrix)];
    const double kg = 1 - kr - kb, chroma = full ? 1 : 255.0 / 224;
    const auto product = [](int v, double factor) {
        return int(std::floor(v * double(std::lround(factor * 8192)) / 8192));
    };
    const int u = p.u - 128, v = p.v - 128;
    const int y = product(full ? p.y : std::max(p.y - 16, 0), full ? 1 : 255.0 / 219);
    const int b = y + product(u, 2 * (1 - kb) * chroma);
    const int g = y + product(u, -2 * (1 - kb) * kb / kg * chroma) +
                  product(v, -2 * (1 - kr) * kr / kg * chroma);
    const int r = y + product(v, 2 * (1 - kr) * chroma);
    return {cv::saturate_cast<uchar>(b), cv::saturate_cast<uchar>(g), cv::saturate_cast<uchar>(r)};
}

// By cvtColor. It has conversions for even sizes, BT.601 and limited range.
cv::Mat opencv_bgr(const Picture& p) {
    const FrameView v = p.view();
    cv::Mat bgr;
    const auto plane = [&](int i, int type, int w, int h) {
        return cv::Mat(h, w, type, const_cast<uint8_t*>(v.plane[i]), size_t(v.stride[i]));
    };
    switch (v.format) {
    case PixelFormat::I420: {
        cv::Mat packed(v.height * 3 / 2, v.width, CV_8UC1);
        uint8_t* to = packed.data;
        for (int i = 0; i < 3; i++)
            for (int y = 0; y < p.plane_rows(i); y++, to += p.row_bytes(i))
                std::copy_n(v.plane[i] + y * v.stride[i], p.row_bytes(i), to);
        cv::cvtColor(packed, bgr, cv::COLOR_YUV2BGR_I420);
        break;
    }
    case PixelFormat::NV12:
        cv::cvtColorTwoPlane(plane(0, CV_8UC1, v.width, v.height),
                             plane(1, CV_8UC2, v.width / 2, v.height / 2), bgr,
                             cv::COLOR_YUV2BGR_NV12);
        break;
    case PixelFormat::YUY2:
        cv::cvtColor(plane(0, CV_8UC2, v.width, v.height), bgr, cv::COLOR_YUV2BGR_YUY2);
        break;
    case PixelFormat::BGR:
        bgr = plane(0, CV_8UC3, v.width, v.height).clone();
        break;
    case PixelFormat::RGB:
        cv::cvtColor(plane(0, CV_8UC3, v.width, v.height), bgr, cv::COLOR_RGB2BGR);
        break;
    case PixelFormat::BGRx:
    case PixelFormat::BGRA:
        cv::cvtColor(plane(0, CV_8UC4, v.width, v.height), bgr, cv::COLOR_BGRA2BGR);
        break;
    case PixelFormat::RGBx:
    case PixelFormat::RGBA:
        cv::cvtColor(plane(0, CV_8UC4, v.width, v.height), bgr, cv::COLOR_RGBA2BGR);
        break;
    case PixelFormat::GRAY8:
        cv::cvtColor(plane(0, CV_8UC1, v.width, v.height), bgr, cv::COLOR_GRAY2BGR);
        break;
    }
    return bgr;
}

cv::Mat video_bgr(const Picture& p) {
    const FrameView v = p.view();
    cv::Mat bgr(v.height, v.width, CV_8UC3);
    for (int y = 0; y < v.height; y++)
        for (int x = 0; x < v.width; x++)
            bgr.at<cv::Vec3b>(y, x) = to_bgr(yuv_at(p, x, y), v.matrix, v.full_range);
    return bgr;
}

// Gray of YUV is its luma, as 0..255.
cv::Mat to_gray(const Picture& p) {
    const FrameView v = p.view();
    cv::Mat gray(v.height, v.width, CV_8UC1);
    if (!picture::is_yuv(v.format)) {
        cv::cvtColor(opencv_bgr(p), gray, cv::COLOR_BGR2GRAY);
        return gray;
    }
    for (int y = 0; y < v.height; y++)
        for (int x = 0; x < v.width; x++)
            gray.at<uchar>(y, x) = cv::saturate_cast<uchar>(luma(yuv_at(p, x, y).y, v.full_range));
    return gray;
}

struct Case {
    int width, height; // of the frame
    Region region;     // empty: the whole
    int input_width, input_height;
    PreprocessSpec spec = {};
    int channels = 3;
    InputFormat::Layout layout = InputFormat::NHWC;
    ElementType type = ElementType::F32;
};

// The picture the model should see, before mean and std.
cv::Mat expected(const Picture& p, const Case& c) {
    cv::Mat picture;
    if (c.channels == 1 || c.spec.color == PreprocessSpec::Gray) {
        picture = to_gray(p);
    } else {
        picture = picture::is_yuv(p.view().format) ? video_bgr(p) : opencv_bgr(p);
        if (c.spec.color == PreprocessSpec::RGB)
            cv::cvtColor(picture, picture, cv::COLOR_BGR2RGB);
    }
    const Region r = c.region == Region{} ? Region{0, 0, c.width, c.height} : c.region;
    const Placement at = place(c.spec, r, c.input_width, c.input_height);
    const cv::Size size(int(std::lround(at.scale_x * float(r.width))),
                        int(std::lround(at.scale_y * float(r.height))));
    cv::Mat canvas(c.input_height, c.input_width, picture.type(), cv::Scalar::all(c.spec.pad)),
        small;
    cv::resize(picture(cv::Rect(r.x, r.y, r.width, r.height)), small, size, 0, 0, cv::INTER_LINEAR);
    small.copyTo(canvas(cv::Rect(int(at.offset_x), int(at.offset_y), size.width, size.height)));
    if (c.channels == 3 && canvas.channels() == 1)
        cv::cvtColor(canvas, canvas, cv::COLOR_GRAY2BGR);
    return canvas;
}

// Our row's value of a pixel's channel, before mean and std.
double value(const Case& c, const void* row, int x, int y, int channel) {
    const size_t pixel = size_t(y * c.input_width + x), ch = size_t(channel);
    const size_t i = c.layout == InputFormat::NHWC
                         ? pixel * size_t(c.channels) + ch
                         : ch * size_t(c.input_width * c.input_height) + pixel;
    const double v = c.type == ElementType::F32 ? double(static_cast<const float*>(row)[i])
                                                : static_cast<const uint8_t*>(row)[i];
    return v * double(c.spec.std[ch]) + double(c.spec.mean[ch]);
}

double worst(const Case& c, const cv::Mat& wanted, const void* row) {
    double most = 0;
    for (int y = 0; y < wanted.rows; y++)
        for (int x = 0; x < wanted.cols; x++)
            for (int ch = 0; ch < c.channels; ch++)
                most = std::max(
                    most, std::abs(value(c, row, x, y, ch) - wanted.ptr(y)[x * c.channels + ch]));
    return most;
}

InputFormat input_of(const Case& c) {
    InputFormat input{.layout = c.layout, .type = c.type, .name = "data", .shape = {}};
    input.shape = {1, c.channels, c.input_height, c.input_width};
    return input;
}

void compare(const Picture& p, const Case& c) {
    const cv::Mat wanted = expected(p, c);
    const size_t bytes = size_t(c.input_width * c.input_height * c.channels) * size_of(c.type);
    for (const preprocess::Kernels* kernels : preprocess::all_kernels()) {
        auto pre = preprocess::make_with(*kernels, c.spec, input_of(c));
        ASSERT_TRUE(pre.ok()) << pre.error().text();
        picture::Guarded row(bytes);
        const auto placement = pre.value()->run(p.view(), c.region, row.data());
        ASSERT_TRUE(placement.ok()) << placement.error().text();
        EXPECT_LE(worst(c, wanted, row.data()), tolerance)
            << kernels->level << " " << picture::name(p.view().format) << " " << c.width << "x"
            << c.height << " -> " << c.input_width << "x" << c.input_height << " region "
            << c.region.x << "," << c.region.y << " " << c.region.width << "x" << c.region.height
            << " color " << c.spec.color << " resize " << c.spec.resize << " channels "
            << c.channels << " layout " << c.layout << " type " << name_of(c.type);
    }
}

void compare_all_formats(const Case& c) {
    for (PixelFormat format : picture::all_formats)
        for (picture::Content content : {picture::Noise, picture::Smooth})
            compare(Picture(format, c.width, c.height, content, 5), c);
}

constexpr PreprocessSpec spec(PreprocessSpec::Color color, PreprocessSpec::Resize resize,
                              float mean = 0, float std = 1) {
    return {.color = color, .resize = resize, .mean = {mean, mean, mean}, .std = {std, std, std}};
}

constexpr auto bgr = PreprocessSpec::BGR, rgb = PreprocessSpec::RGB, gray = PreprocessSpec::Gray;
constexpr auto stretch = PreprocessSpec::Stretch, top_left = PreprocessSpec::LetterboxTopLeft,
               center = PreprocessSpec::LetterboxCenter;
constexpr auto nhwc = InputFormat::NHWC, nchw = InputFormat::NCHW;
constexpr auto f32 = ElementType::F32, u8 = ElementType::U8;

} // namespace

// Three terms make green, two the others, each up to one too low.
TEST(PreprocessOpenCV, lies_within_the_rounding_of_its_terms_below_cvtColor) {
    constexpr int w = 96, h = 64, most_below[] = {2, 3, 2};
    for (PixelFormat format : {PixelFormat::I420, PixelFormat::NV12, PixelFormat::YUY2}) {
        const Picture p(format, w, h, picture::Noise, 5);
        const cv::Mat wanted = opencv_bgr(p);
        const Case c{w, h, {}, w, h};
        std::vector<float> row(size_t(w) * h * 3);
        auto pre = preprocess::make_with(*preprocess::all_kernels().front(), c.spec, input_of(c));
        ASSERT_TRUE(pre.ok() && pre.value()->run(p.view(), {}, row.data()).ok());
        for (size_t i = 0; i < row.size(); i++) {
            EXPECT_GE(row[i], wanted.data[i] - most_below[i % 3]) << i;
            EXPECT_LE(row[i], wanted.data[i]) << i;
        }
    }
}

TEST(PreprocessOpenCV, agrees_on_every_format_at_every_scale) {
    constexpr int sizes[][4] = {
        {96, 64, 96, 64},   {96, 64, 48, 32},   {768, 576, 300, 300}, {200, 100, 37, 61},
        {64, 48, 130, 97},  {33, 17, 100, 100}, {97, 65, 31, 21},     {1, 1, 8, 8},
        {3, 2, 5, 7},       {2, 400, 3, 20},    {400, 2, 20, 3},      {130, 70, 1, 1},
        {131, 71, 129, 70},
    };
    for (const auto& [w, h, iw, ih] : sizes)
        compare_all_formats({w, h, {}, iw, ih});
}

TEST(PreprocessOpenCV, agrees_for_every_target) {
    for (auto color : {bgr, rgb, gray})
        for (auto resize : {stretch, top_left, center})
            for (auto layout : {nhwc, nchw})
                for (int channels : {1, 3}) {
                    compare_all_formats(
                        {75, 50, {}, 61, 83, spec(color, resize, 127, 128), channels, layout, f32});
                    compare_all_formats(
                        {75, 50, {}, 61, 83, spec(color, resize), channels, layout, u8});
                }
}

TEST(PreprocessOpenCV, agrees_on_crops_at_odd_offsets) {
    const Region regions[] = {{1, 1, 40, 30}, {3, 2, 41, 31}, {2, 5, 1, 1},   {50, 31, 49, 36},
                              {98, 0, 1, 67}, {0, 66, 99, 1}, {97, 65, 2, 2}, {0, 0, 99, 67}};
    for (const Region& region : regions)
        compare_all_formats({99, 67, region, 24, 32});
    for (const Region& region : regions)
        compare_all_formats({100, 68, region, 64, 50, spec(rgb, center)});
}

TEST(PreprocessOpenCV, agrees_on_every_matrix_and_range) {
    const Case c{120, 80, {}, 50, 60};
    for (auto matrix : {ColorMatrix::BT601, ColorMatrix::BT709, ColorMatrix::BT2020})
        for (bool full : {false, true})
            for (auto format : {PixelFormat::I420, PixelFormat::NV12, PixelFormat::YUY2,
                                PixelFormat::GRAY8, PixelFormat::RGB})
                for (auto color : {bgr, gray}) {
                    Case colored = c;
                    colored.spec.color = color;
                    Picture p(format, c.width, c.height);
                    p.set(matrix, full);
                    compare(p, colored);
                }
}

TEST(PreprocessOpenCV, normalises_channel_by_channel) {
    Case c{64, 48, {}, 40, 40, spec(rgb, top_left)};
    c.spec.mean = {123.675f, 116.28f, 103.53f};
    c.spec.std = {58.395f, 57.12f, 57.375f};
    for (auto layout : {nhwc, nchw}) {
        c.layout = layout;
        compare_all_formats(c);
    }
}
