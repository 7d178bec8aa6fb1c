// SPDX-License-Identifier: LGPL-2.1-or-later
// Pre-processing beside OpenCV's chain (cvtColor, resize, letterbox, convert), on one core: median
// milliseconds a frame of alternating runs, for each vector level this machine has.
//
//   bench_preprocess [ROUNDS]      100 unless given

#include "inference/preprocess/levels.h"
#include "tests/picture.h"

#include <opencv2/core/utility.hpp>
#include <opencv2/imgproc.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>

using namespace infer;

namespace {

struct Case {
    const char* text;
    PixelFormat format;
    int width, height, input_width, input_height;
    PreprocessSpec spec;
    InputFormat::Layout layout = InputFormat::NHWC;
    ElementType type = ElementType::F32;
    Region region = {};
};

constexpr PreprocessSpec bgr{}, letterbox{.resize = PreprocessSpec::LetterboxTopLeft},
    normalised{.color = PreprocessSpec::RGB, .mean = {127, 127, 127}, .std = {128, 128, 128}};

const Case cases[] = {
    {"I420 768x576 -> 300x300 f32 NHWC", PixelFormat::I420, 768, 576, 300, 300, bgr},
    {"I420 768x576 -> 320x240 RGB (x-127)/128", PixelFormat::I420, 768, 576, 320, 240, normalised},
    {"I420 768x576 -> 416x416 letterbox", PixelFormat::I420, 768, 576, 416, 416, letterbox},
    {"I420 768x576 -> 300x300 f32 NCHW", PixelFormat::I420, 768, 576, 300, 300, bgr,
     InputFormat::NCHW},
    {"I420 768x576 -> 300x300 u8 NHWC", PixelFormat::I420, 768, 576, 300, 300, bgr,
     InputFormat::NHWC, ElementType::U8},
    {"NV12 1920x1080 -> 640x640 letterbox", PixelFormat::NV12, 1920, 1080, 640, 640, letterbox},
    {"YUY2 1280x720 -> 300x300", PixelFormat::YUY2, 1280, 720, 300, 300, bgr},
    {"BGR 768x576 -> 300x300", PixelFormat::BGR, 768, 576, 300, 300, bgr},
    {"BGRx 768x576 -> 300x300", PixelFormat::BGRx, 768, 576, 300, 300, bgr},
    {"I420 crop 60x140 -> 128x256",
     PixelFormat::I420,
     768,
     576,
     128,
     256,
     bgr,
     InputFormat::NHWC,
     ElementType::F32,
     {301, 201, 60, 140}},
};

// OpenCV has no odd crops of YUV; it converts the whole frame first.
void opencv_chain(const Case& c, const FrameView& frame, const cv::Mat& packed, float* row) {
    cv::Mat color, small, canvas;
    const cv::Size size(frame.width, frame.height);
    uint8_t* const p = const_cast<uint8_t*>(frame.plane[0]);
    const bool rgb = c.spec.color == PreprocessSpec::RGB;
    switch (c.format) {
    case PixelFormat::I420:
        cv::cvtColor(packed, color, rgb ? cv::COLOR_YUV2RGB_I420 : cv::COLOR_YUV2BGR_I420);
        break;
    case PixelFormat::NV12:
        cv::cvtColor(packed, color, cv::COLOR_YUV2BGR_NV12);
        break;
    case PixelFormat::YUY2:
        cv::cvtColor(cv::Mat(size, CV_8UC2, p), color, cv::COLOR_YUV2BGR_YUY2);
        break;
    case PixelFormat::BGRx:
        cv::cvtColor(cv::Mat(size, CV_8UC4, p), color, cv::COLOR_BGRA2BGR);
        break;
    default:
        color = cv::Mat(size, CV_8UC3, p);
    }
    const Region r = c.region == Region{} ? Region{0, 0, frame.width, frame.height} : c.region;
    const Placement at = place(c.spec, r, c.input_width, c.input_height);
    const cv::Size to(int(at.scale_x * float(r.width) + 0.5f),
                      int(at.scale_y * float(r.height) + 0.5f));
    cv::resize(color(cv::Rect(r.x, r.y, r.width, r.height)), small, to, 0, 0, cv::INTER_LINEAR);
    cv::copyMakeBorder(small, canvas, 0, c.input_height - to.height, 0, c.input_width - to.width,
                       cv::BORDER_CONSTANT, cv::Scalar::all(c.spec.pad));
    const double scale = 1 / double(c.spec.std[0]);
    if (c.type == ElementType::U8) {
        std::copy_n(canvas.data, canvas.total() * 3, reinterpret_cast<uint8_t*>(row));
        return;
    }
    cv::Mat result(canvas.size(), CV_32FC3, row);
    canvas.convertTo(result, CV_32F, scale, -double(c.spec.mean[0]) * scale);
    if (c.layout == InputFormat::NCHW) {
        const cv::Mat interleaved = result.clone();
        std::vector<cv::Mat> planes;
        for (int i = 0; i < 3; i++)
            planes.emplace_back(canvas.size(), CV_32F, row + ptrdiff_t(i) * int(canvas.total()));
        cv::split(interleaved, planes);
    }
}

// The planes one after another, as OpenCV wants them.
cv::Mat pack(const picture::Picture& p) {
    const FrameView v = p.view();
    if (p.planes() == 1)
        return {};
    cv::Mat packed(v.height * 3 / 2, v.width, CV_8UC1);
    uint8_t* to = packed.data;
    for (int i = 0; i < p.planes(); i++)
        to = std::copy_n(v.plane[i], p.row_bytes(i) * p.plane_rows(i), to);
    return packed;
}

double milliseconds(const std::function<void()>& run) {
    const auto start = std::chrono::steady_clock::now();
    run();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
        .count();
}

double median(std::vector<double>& values) {
    std::nth_element(values.begin(), values.begin() + ptrdiff_t(values.size() / 2), values.end());
    return values[values.size() / 2];
}

void run_case(const Case& c, int rounds) {
    const picture::Picture p(c.format, c.width, c.height, picture::Smooth);
    const cv::Mat packed = pack(p);
    InputFormat input{.layout = c.layout, .type = c.type, .name = "data", .shape = {}};
    input.shape = {1, 3, c.input_height, c.input_width};
    std::vector<float> row(size_t(count(input.shape)));

    std::vector<std::unique_ptr<Preprocessor>> ours;
    for (const preprocess::Kernels* kernels : preprocess::all_kernels())
        ours.push_back(std::move(preprocess::make_with(*kernels, c.spec, input).value()));
    std::vector<std::vector<double>> times(ours.size() + 1);
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < ours.size(); i++)
            times[i].push_back(
                milliseconds([&] { (void)ours[i]->run(p.view(), c.region, row.data()); }));
        times.back().push_back(
            milliseconds([&] { opencv_chain(c, p.view(), packed, row.data()); }));
    }
    std::printf("%-42s", c.text);
    for (auto& t : times)
        std::printf(" %8.3f", median(t));
    std::printf("\n");
}

} // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::max(std::atoi(argv[1]), 1) : 100;
    cv::setNumThreads(1);
    std::printf("%-42s", "median ms a frame, one core");
    for (const preprocess::Kernels* kernels : preprocess::all_kernels())
        std::printf(" %8.8s", std::string(kernels->level).c_str());
    std::printf(" %8s\n", "OpenCV");
    for (const Case& c : cases)
        run_case(c, rounds);
}
