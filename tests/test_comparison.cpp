// SPDX-License-Identifier: LGPL-2.1-or-later
#include "analytics/comparison.h"

#include <gtest/gtest.h>

#include <sstream>

using namespace infer;

namespace {

ObjectRecord object(const char* label, double x, double confidence = 0.9) {
    ObjectRecord o;
    o.label = label;
    o.confidence = confidence;
    o.box = {x, 10, 20, 20};
    return o;
}

// Frame `number` of a video of 25 frames a second.
FrameRecord frame(uint64_t number, std::vector<ObjectRecord> objects) {
    FrameRecord f;
    f.frame = number;
    f.pts = number * 40'000'000;
    f.width = 200, f.height = 100;
    f.objects = std::move(objects);
    return f;
}

Recording recording(const std::string& lines, const std::string& source = "") {
    std::istringstream in(lines);
    return std::move(Recording::read(in, "file", source).value());
}

std::string refusal(const std::string& lines, const std::string& source = "") {
    std::istringstream in(lines);
    const auto read = Recording::read(in, "file", source);
    return read.ok() ? "" : read.error().text();
}

constexpr char two_frames[] =
    R"({"source":"a","frame":0,"pts":0,"width":200,"height":100,"objects":[{"label":"car","confidence":0.9,"id":4,"box":{"x":10,"y":10,"width":20,"height":20},"attributes":[{"name":"color","label":"red"}]}]}
{"source":"a","frame":1,"pts":40000000,"width":200,"height":100,"objects":[{"label":"car","confidence":0.9,"id":4,"box":{"x":14,"y":10,"width":20,"height":20}}]}
)";

ObjectRecord red_car(double x, double confidence = 0.9) {
    ObjectRecord o = object("car", x, confidence);
    o.attributes.push_back({"color", "red", {}});
    return o;
}

Verdict compare(const std::vector<FrameRecord>& seen, Tolerances tolerances = {}) {
    Comparison comparison(recording(two_frames), tolerances);
    for (const FrameRecord& f : seen)
        comparison.add(f);
    return comparison.finish();
}

} // namespace

TEST(Comparison, a_stream_within_all_tolerances_differs_nowhere) {
    const Verdict v = compare({frame(0, {red_car(12, 0.85)}), frame(1, {object("car", 15)})});
    EXPECT_EQ(v.frames, 2u);
    EXPECT_EQ(v.differing, 0u);
    EXPECT_TRUE(v.examples.empty());
}

TEST(Comparison, each_kind_of_difference_is_counted_and_named) {
    const FrameRecord second = frame(1, {object("car", 14)});
    const struct {
        const char* what;
        std::vector<FrameRecord> seen;
        size_t differing, missing, unexpected, other;
        const char* example;
    } cases[] = {
        {"moved", {frame(0, {red_car(40)}), second}, 1, 1, 1, 0, "car at 10,10 20x20 is missing"},
        {"label",
         {frame(0, {object("bus", 10)}), second},
         1,
         1,
         1,
         0,
         "bus at 10,10 20x20 is not in the recording"},
        {"missing", {frame(0, {}), second}, 1, 1, 0, 0, "frame 0 (0.000 s): car"},
        {"more", {frame(0, {red_car(10), object("car", 90)}), second}, 1, 0, 1, 0, "car at 90,10"},
        {"score",
         {frame(0, {red_car(10, 0.5)}), second},
         1,
         0,
         0,
         1,
         "confidence 0.50, recorded is 0.90"},
        {"attribute",
         {frame(0, {object("car", 10)}), second},
         1,
         0,
         0,
         1,
         "has color '', recorded is 'red'"},
        {"no frame", {frame(0, {red_car(10)})}, 1, 0, 0, 1, "frame 1 (0.040 s) did not come"},
        {"frame too many",
         {frame(0, {red_car(10)}), second, frame(2, {})},
         1,
         0,
         0,
         1,
         "frame 2 (0.080 s) is not in"},
        {"frame twice",
         {frame(0, {red_car(10)}), frame(0, {red_car(10)}), second},
         1,
         0,
         0,
         1,
         "is not in"},
    };
    for (const auto& c : cases) {
        const Verdict v = compare(c.seen);
        EXPECT_EQ(v.differing, c.differing) << c.what;
        EXPECT_EQ(v.missing_objects, c.missing) << c.what;
        EXPECT_EQ(v.unexpected_objects, c.unexpected) << c.what;
        EXPECT_EQ(v.other_differences, c.other) << c.what;
        std::string all;
        for (const std::string& e : v.examples)
            all += e + "\n";
        EXPECT_NE(all.find(c.example), std::string::npos) << c.what << ": " << all;
    }
}

TEST(Comparison, tracks_may_have_other_numbers_but_must_not_switch) {
    Tolerances tolerances;
    tolerances.ids = true;
    ObjectRecord first = red_car(10), second = object("car", 14);
    first.id = second.id = 1;
    EXPECT_EQ(compare({frame(0, {first}), frame(1, {second})}, tolerances).differing, 0u);
    second.id = 2;
    EXPECT_EQ(compare({frame(0, {first}), frame(1, {second})}, tolerances).differing, 1u);
    second.id.reset();
    EXPECT_EQ(compare({frame(0, {first}), frame(1, {second})}, tolerances).differing, 1u);
}

TEST(Comparison, a_recording_of_another_size_is_scaled) {
    FrameRecord half = frame(0, {red_car(5)});
    half.width = 100, half.height = 50;
    half.objects[0].box = {5, 5, 10, 10};
    EXPECT_EQ(compare({half, frame(1, {object("car", 14)})}).differing, 0u);
}

TEST(Comparison, times_may_be_off_by_the_tolerance_and_no_more) {
    FrameRecord late = frame(1, {object("car", 14)});
    *late.pts += 1'000'000;
    Tolerances tolerances;
    tolerances.time_ns = 1'000'000;
    EXPECT_EQ(compare({frame(0, {red_car(10)}), late}, tolerances).differing, 0u);
    tolerances.time_ns = 999'999;
    EXPECT_EQ(compare({frame(0, {red_car(10)}), late}, tolerances).differing, 2u);
}

TEST(Comparison, without_times_frames_are_met_in_order) {
    FrameRecord first = frame(0, {red_car(10)}), second = frame(1, {object("car", 14)});
    first.pts.reset(), second.pts.reset();
    EXPECT_EQ(compare({first, second}).differing, 0u);
}

TEST(Recording, says_what_is_wrong_with_a_file_and_in_which_line) {
    const std::string good(two_frames);
    const struct {
        std::string lines, source, message;
    } cases[] = {
        {"", "", "file: holds no line"},
        {"\n \n", "", "file: holds no line"},
        {good + "{\"frame\":", "", "file:3: is not JSON"},
        {good + R"({"objects":[{"box":{"width":-1}}]})", "", "file:3: a box has a negative"},
        {good + R"({"objects":[{"id":3000000000}]})", "", "file:3: an `id` is not within"},
        {good + R"({"source":"b"})", "",
         "holds several sources; property source must name one of 'a', 'b'"},
        {good, "c", "file: holds nothing of source 'c'; there is 'a'"},
    };
    for (const auto& c : cases)
        EXPECT_NE(refusal(c.lines, c.source).find(c.message), std::string::npos)
            << refusal(c.lines, c.source);
    EXPECT_NE(Recording::read("/nonexistent.jsonl", "")
                  .error()
                  .text()
                  .find("/nonexistent.jsonl: cannot be read: No such"),
              std::string::npos);
}

TEST(Recording, takes_one_source_of_several) {
    const Recording r = recording(std::string(two_frames) + R"({"source":"b","frame":7})", "b");
    ASSERT_EQ(r.frames().size(), 1u);
    EXPECT_EQ(r.frames()[0].frame, 7u);
}
