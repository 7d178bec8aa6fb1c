// SPDX-License-Identifier: LGPL-2.1-or-later
// What pre-processing promises by itself; against OpenCV it is compared in test_preprocess_opencv.

#include "inference/preprocess/levels.h"
#include "tests/picture.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

static int allocations = 0; // of the whole program, by new

void* operator new(size_t size) {
    allocations++;
    return std::malloc(size);
}
void* operator new(size_t size, std::align_val_t alignment) {
    allocations++;
    const size_t unit = size_t(alignment);
    return std::aligned_alloc(unit, (size + unit - 1) / unit * unit);
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }

using namespace infer;
using picture::Picture;

namespace {

InputFormat image_input(int width, int height, int channels = 3,
                        InputFormat::Layout layout = InputFormat::NHWC,
                        ElementType type = ElementType::F32) {
    InputFormat input{.layout = layout, .type = type, .name = "data", .shape = {}};
    input.shape = {1, channels, height, width};
    return input;
}

std::unique_ptr<Preprocessor> make(const PreprocessSpec& spec, const InputFormat& input) {
    auto made = Preprocessor::make(spec, input);
    EXPECT_TRUE(made.ok()) << made.error().text();
    return std::move(made.value());
}

std::vector<float> run(Preprocessor& p, const FrameView& frame, const Region& region,
                       size_t count) {
    std::vector<float> row(count);
    const auto result = p.run(frame, region, row.data());
    EXPECT_TRUE(result.ok()) << result.error().text();
    return row;
}

std::vector<float> row_by(const preprocess::Kernels& kernels, const PreprocessSpec& spec,
                          const InputFormat& input, const FrameView& frame) {
    const size_t n = size_t(count(input.shape));
    picture::Guarded memory(n * size_of(input.type));
    const auto made = preprocess::make_with(kernels, spec, input);
    EXPECT_TRUE(made.ok() && made.value()->run(frame, {}, memory.data()).ok());
    if (input.type == ElementType::U8)
        return {memory.data(), memory.data() + n};
    return {memory.as<float>(), memory.as<float>() + n};
}

float furthest(const std::vector<float>& a, const std::vector<float>& b) {
    float most = 0;
    for (size_t i = 0; i < a.size(); i++)
        most = std::max(most, std::abs(a[i] - b[i]));
    return most;
}

constexpr auto stretch = PreprocessSpec::Stretch, top_left = PreprocessSpec::LetterboxTopLeft,
               center = PreprocessSpec::LetterboxCenter;

} // namespace

TEST(Preprocess, places_the_region_as_the_models_families_do) {
    struct {
        PreprocessSpec::Resize resize;
        Region region;
        int width, height;
        Placement wanted;
    } const cases[] = {
        {stretch, {0, 0, 768, 576}, 300, 300, {300 / 768.f, 300 / 576.f, 0, 0, 0, 0}},
        {stretch, {10, 21, 100, 50}, 300, 300, {3, 6, 0, 0, 10, 21}},
        {top_left, {0, 0, 768, 576}, 416, 416, {416 / 768.f, 312 / 576.f, 0, 0, 0, 0}},
        {top_left, {5, 7, 100, 301}, 416, 416, {138 / 100.f, 416 / 301.f, 0, 0, 5, 7}},
        {top_left, {0, 0, 768, 432}, 416, 416, {416 / 768.f, 233 / 432.f, 0, 0, 0, 0}},
        {top_left, {0, 0, 480, 270}, 416, 416, {416 / 480.f, 234 / 270.f, 0, 0, 0, 0}},
        {center, {0, 0, 768, 576}, 416, 416, {416 / 768.f, 312 / 576.f, 0, 52, 0, 0}},
        {center, {0, 0, 768, 432}, 416, 416, {416 / 768.f, 234 / 432.f, 0, 91, 0, 0}},
        {center, {0, 0, 100, 301}, 416, 416, {138 / 100.f, 416 / 301.f, 139, 0, 0, 0}},
        {center, {0, 0, 1000, 1}, 100, 100, {100 / 1000.f, 1, 0, 49, 0, 0}},
    };
    for (const auto& c : cases) {
        const Placement p = place({.resize = c.resize}, c.region, c.width, c.height);
        SCOPED_TRACE(testing::Message()
                     << c.resize << " " << c.region.width << "x" << c.region.height);
        EXPECT_FLOAT_EQ(p.scale_x, c.wanted.scale_x);
        EXPECT_FLOAT_EQ(p.scale_y, c.wanted.scale_y);
        EXPECT_EQ(p.offset_x, c.wanted.offset_x);
        EXPECT_EQ(p.offset_y, c.wanted.offset_y);
        EXPECT_EQ(p.origin_x, c.wanted.origin_x);
        EXPECT_EQ(p.origin_y, c.wanted.origin_y);
    }
}

// A bright block's centre of mass in the input, taken back, is its centre in the frame.
TEST(Preprocess, finds_a_marked_place_again_by_the_placement) {
    for (auto resize : {stretch, top_left, center})
        for (const Region& region : {Region{}, Region{33, 21, 150, 111}}) {
            Picture p(PixelFormat::GRAY8, 240, 180, picture::Smooth);
            for (int y = 0; y < 180; y++)
                for (int x = 0; x < 240; x++)
                    p.byte(0, x, y) = x >= 100 && x < 120 && y >= 80 && y < 92 ? 200 : 0;
            const auto pre = make({.resize = resize, .pad = 0}, image_input(96, 128, 1));
            std::vector<float> row(96 * 128);
            const auto placement = pre->run(p.view(), region, row.data());
            ASSERT_TRUE(placement.ok());
            double sum = 0, sum_x = 0, sum_y = 0;
            for (int y = 0; y < 128; y++)
                for (int x = 0; x < 96; x++) {
                    const double v = double(row[size_t(y * 96 + x)]);
                    sum += v;
                    sum_x += v * (x + 0.5);
                    sum_y += v * (y + 0.5);
                }
            const Placement& at = placement.value();
            const double x =
                (sum_x / sum - double(at.offset_x)) / double(at.scale_x) + double(at.origin_x);
            const double y =
                (sum_y / sum - double(at.offset_y)) / double(at.scale_y) + double(at.origin_y);
            EXPECT_NEAR(x, 110, 0.3) << resize;
            EXPECT_NEAR(y, 86, 0.3) << resize;
        }
}

TEST(Preprocess, fills_the_free_room_with_the_pad_colour) {
    PreprocessSpec spec{.resize = center, .pad = 114, .mean = {10, 20, 30}, .std = {2, 4, 8}};
    const Picture p(PixelFormat::BGR, 40, 20);
    for (auto layout : {InputFormat::NHWC, InputFormat::NCHW}) {
        const auto row = run(*make(spec, image_input(20, 20, 3, layout)), p.view(), {}, 1200);
        for (size_t pixel : {0, 99, 300, 399})
            for (size_t c = 0; c < 3; c++) {
                const size_t i = layout == InputFormat::NHWC ? pixel * 3 + c : c * 400 + pixel;
                EXPECT_FLOAT_EQ(row[i], (114 - spec.mean[c]) / spec.std[c]) << pixel << " " << c;
            }
    }
}

TEST(Preprocess, makes_its_tables_anew_when_frames_or_regions_change) {
    const auto input = image_input(30, 20);
    const PreprocessSpec spec{.resize = top_left};
    const auto one = make(spec, input);
    const Picture a(PixelFormat::I420, 61, 47), b(PixelFormat::NV12, 20, 90),
        c(PixelFormat::BGR, 61, 47);
    const Region regions[] = {{}, {1, 3, 10, 11}, {0, 2, 11, 11}};
    for (const Picture* p : {&a, &b, &a, &c})
        for (const Region& region : regions)
            EXPECT_EQ(run(*one, p->view(), region, 1800),
                      run(*make(spec, input), p->view(), region, 1800));
}

// Up to the last step all is whole numbers; there a fused multiply and add may round differently.
TEST(Preprocess, gives_the_same_at_every_vector_level) {
    struct Variant {
        PreprocessSpec::Color color;
        int channels;
        InputFormat::Layout layout;
        ElementType type;
    };
    std::vector<Variant> variants;
    for (auto color : {PreprocessSpec::RGB, PreprocessSpec::BGR, PreprocessSpec::Gray})
        for (int channels : {1, 3})
            for (auto layout : {InputFormat::NHWC, InputFormat::NCHW})
                for (auto type : {ElementType::F32, ElementType::U8})
                    variants.push_back({color, channels, layout, type});
    constexpr int sizes[][4] = {
        {768, 96, 300, 60}, {65, 33, 97, 40}, {7, 5, 3, 2}, {129, 20, 31, 31}};
    for (const auto& [w, h, iw, ih] : sizes)
        for (PixelFormat format : picture::all_formats) {
            const Picture p(format, w, h);
            for (const Variant& v : variants) {
                const PreprocessSpec spec{
                    .color = v.color, .mean = {127, 100, 90}, .std = {1.5f, 2, 3}};
                const InputFormat input = image_input(iw, ih, v.channels, v.layout, v.type);
                const auto wanted = row_by(preprocess::plain_kernels, spec, input, p.view());
                for (const preprocess::Kernels* kernels : preprocess::all_kernels())
                    EXPECT_LE(furthest(row_by(*kernels, spec, input, p.view()), wanted),
                              v.type == ElementType::U8 ? 1.0f : 1e-4f)
                        << kernels->level << " " << picture::name(format) << " " << w << "x" << h;
            }
        }
}

TEST(Preprocess, lists_its_levels_fastest_first_and_plain_last) {
    ASSERT_FALSE(preprocess::all_kernels().empty());
    EXPECT_EQ(preprocess::all_kernels().back()->level, "plain");
    std::string names;
    for (const preprocess::Kernels* kernels : preprocess::all_kernels())
        names += std::string(kernels->level) + " ";
    RecordProperty("levels", names);
}

TEST(Preprocess, allocates_only_when_the_geometry_changes) {
    const auto pre = make({.resize = top_left}, image_input(30, 20));
    const Picture p(PixelFormat::I420, 61, 47);
    std::vector<float> row(1800);
    const auto allocated_by = [&](const Region& region) {
        const int before = allocations;
        (void)pre->run(p.view(), region, row.data());
        return allocations - before;
    };
    EXPECT_GT(allocated_by({}), 0);
    EXPECT_EQ(allocated_by({}), 0);
    EXPECT_GT(allocated_by({1, 2, 20, 10}), 0);
    EXPECT_EQ(allocated_by({4, 5, 20, 10}), 0) << "only the place changed";
}

TEST(Preprocess, takes_the_level_that_the_environment_names) {
    setenv("GST_INFERENCE_SIMD", "plain", 1);
    const auto plain = preprocess::choose_kernels();
    ASSERT_TRUE(plain.ok());
    EXPECT_EQ(plain.value()->level, "plain");
    setenv("GST_INFERENCE_SIMD", "mmx", 1);
    const auto made = Preprocessor::make({}, image_input(8, 8));
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.error().text().find("GST_INFERENCE_SIMD: \"mmx\" is not"), std::string::npos);
    EXPECT_NE(made.error().text().find("plain"), std::string::npos);
    unsetenv("GST_INFERENCE_SIMD");
    EXPECT_EQ(preprocess::choose_kernels().value(), preprocess::all_kernels().front());
}

TEST(Preprocess, refuses_frames_and_regions_that_cannot_be_read) {
    const auto pre = make({}, image_input(8, 8));
    const Picture good(PixelFormat::I420, 33, 21);
    struct {
        void (*spoil)(FrameView&, Region&);
        const char* says;
    } const cases[] = {
        {[](FrameView& f, Region&) { f.width = 0; }, "its size is 0x21"},
        {[](FrameView& f, Region&) { f.height = -1; }, "its size is 33x-1"},
        {[](FrameView& f, Region&) { f.plane[0] = nullptr; }, "I420 plane 0 has no memory"},
        {[](FrameView& f, Region&) { f.plane[2] = nullptr; }, "I420 plane 2 has no memory"},
        {[](FrameView& f, Region&) { f.stride[0] = 32; }, "needs at least 33"},
        {[](FrameView& f, Region&) { f.stride[1] = 16; }, "needs at least 17"},
        {[](FrameView& f, Region&) { f.format = PixelFormat::YUY2; }, "needs at least 68"},
        {[](FrameView& f, Region&) { f.format = PixelFormat::RGBA; }, "needs at least 132"},
        {[](FrameView&, Region& r) {
             r = {0, 0, 0, 5};
         },
         "is empty"},
        {[](FrameView&, Region& r) {
             r = {3, 3, 5, 0};
         },
         "is empty"},
        {[](FrameView&, Region& r) {
             r = {-1, 0, 5, 5};
         },
         "clip it to the frame"},
        {[](FrameView&, Region& r) {
             r = {30, 0, 4, 5};
         },
         "the region 4x5 at 30,0 does not lie inside the frame of 33x21"},
        {[](FrameView&, Region& r) {
             r = {0, 20, 4, 2};
         },
         "clip it to the frame"},
        {[](FrameView&, Region& r) {
             r = {INT32_MAX, 0, INT32_MAX, 2};
         },
         "clip it to the frame"},
    };
    for (const auto& c : cases) {
        FrameView frame = good.view();
        Region region;
        c.spoil(frame, region);
        std::vector<float> row(192, -1.0f);
        const auto result = pre->run(frame, region, row.data());
        ASSERT_FALSE(result.ok()) << c.says;
        EXPECT_NE(result.error().text().find(c.says), std::string::npos) << result.error().text();
        EXPECT_EQ(row, std::vector<float>(192, -1.0f)) << "the row was written";
    }
}

TEST(Preprocess, refuses_inputs_and_settings_it_cannot_serve) {
    struct {
        void (*spoil)(InputFormat&, PreprocessSpec&);
        const char* says;
    } const cases[] = {
        {[](InputFormat& i, PreprocessSpec&) { i.type = ElementType::I64; }, "written as i64"},
        {[](InputFormat& i, PreprocessSpec&) { i.type = ElementType::F16; }, "must take f32 or u8"},
        {[](InputFormat& i, PreprocessSpec&) {
             i.shape = {1, 4, 8, 8};
         },
         "neither 1 nor 3 channels"},
        {[](InputFormat& i, PreprocessSpec&) {
             i.shape = {1, 3};
         },
         "shape 1x3 is not one of pictures"},
        {[](InputFormat& i, PreprocessSpec&) {
             i.shape = {1, 3, -1, -1};
         },
         "--shape"},
        {[](InputFormat& i, PreprocessSpec&) {
             i.shape = {1, 3, 0, 5};
         },
         "within 1..32768"},
        {[](InputFormat& i, PreprocessSpec&) { i.layout = InputFormat::Plain; },
         "not one of pictures"},
        {[](InputFormat&, PreprocessSpec& s) { s.std[1] = 0; }, "std not 0"},
        {[](InputFormat&, PreprocessSpec& s) { s.mean[2] = NAN; }, "must be finite"},
        {[](InputFormat&, PreprocessSpec& s) { s.pad = 300; }, "within 0..255"},
    };
    for (const auto& c : cases) {
        InputFormat input = image_input(8, 8);
        PreprocessSpec spec;
        c.spoil(input, spec);
        const auto made = Preprocessor::make(spec, input);
        ASSERT_FALSE(made.ok()) << c.says;
        EXPECT_NE(made.error().text().find(c.says), std::string::npos) << made.error().text();
    }
}

TEST(Preprocess, reads_the_picture_size_of_either_kind_of_shape) {
    struct {
        Shape shape;
        bool channels_last;
        int width, height, channels;
    } const cases[] = {
        {{1, 3, 240, 320}, false, 320, 240, 3}, {{1, 240, 320, 3}, true, 320, 240, 3},
        {{-1, 3, 8, 9}, false, 9, 8, 3},        {{1, 1, 28, 28}, false, 28, 28, 1},
        {{4, 28, 30, 1}, true, 30, 28, 1},      {{1, 3, 256, 1}, false, 1, 256, 3},
        {{1, 3, 3, 3}, false, 3, 3, 3},         {{1, 3, 2, 3}, true, 2, 3, 3},
        {{1, 1, 5, 3}, true, 5, 1, 3},
    };
    for (const auto& c : cases) {
        const auto size =
            image_size({.name = "data", .shape = c.shape, .channels_last = c.channels_last});
        ASSERT_TRUE(size.ok()) << size.error().text();
        EXPECT_EQ(size.value().width, c.width) << to_string(c.shape);
        EXPECT_EQ(size.value().height, c.height) << to_string(c.shape);
        EXPECT_EQ(size.value().channels, c.channels) << to_string(c.shape);
    }
}
