// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/formats/json_lines.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace infer;

namespace {

// The line of the interface's documentation, as a record.
FrameRecord full_record() {
    FrameRecord r;
    r.source = "gi.sink_0";
    r.frame = 12;
    r.pts = 1200000000;
    r.width = 768;
    r.height = 576;
    ObjectRecord o;
    o.label = "person";
    o.label_id = 0;
    o.confidence = 0.87f;
    o.id = 7;
    o.box = {12.5, 40, 60.25, 121};
    o.attributes.push_back({"color", "white", 0.8f});
    o.keypoints.push_back({20, 44.5, 0.9f});
    o.zones = {"door"};
    r.objects.push_back(o);
    r.inference = InferenceRecord{"inferred", "", "CPU", 4, 8.1};
    return r;
}

constexpr const char* full_line =
    R"({"source":"gi.sink_0","frame":12,"pts":1200000000,"width":768,"height":576,)"
    R"("objects":[{"label":"person","label_id":0,"confidence":0.87,"id":7,)"
    R"("box":{"x":12.5,"y":40.0,"width":60.25,"height":121.0},)"
    R"("attributes":[{"name":"color","label":"white","confidence":0.8}],)"
    R"("keypoints":[{"x":20.0,"y":44.5,"confidence":0.9}],"zones":["door"]}],)"
    R"("inference":{"status":"inferred","device":"CPU","batch":4,"latency_ms":8.1}})";

} // namespace

TEST(JsonLines, writes_keys_in_the_documented_order_with_round_numbers) {
    EXPECT_EQ(to_json_line(full_record()), full_line);
}

TEST(JsonLines, leaves_out_what_has_no_content) {
    EXPECT_EQ(to_json_line(FrameRecord{}), R"({"frame":0,"objects":[]})");
    FrameRecord r;
    r.objects.emplace_back().box = {1.005, 2.499999, 3, 4};
    r.inference = InferenceRecord{"dropped", "late by 40 ms", "", 0, {}};
    EXPECT_EQ(to_json_line(r),
              R"({"frame":0,"objects":[{"box":{"x":1.0,"y":2.5,"width":3.0,"height":4.0}}],)"
              R"("inference":{"status":"dropped","reason":"late by 40 ms"}})");
}

TEST(JsonLines, writes_classes_of_the_whole_frame) {
    FrameRecord r;
    r.classes = {{"cat", 3, 0.51239}};
    EXPECT_EQ(to_json_line(r), R"({"frame":0,"objects":[],"classes":[)"
                               R"({"label":"cat","label_id":3,"confidence":0.5124}]})");
}

TEST(JsonLines, writes_and_reads_what_is_said_of_the_whole_frame) {
    FrameRecord r;
    r.attributes = {{"text", "AB 123", 0.98765}, {"age", "31", {}}};
    r.keypoints = {{1.5, 2.25, 1}};
    r.embedding = {0.5f, -1.25f, 0.1f};
    r.segments = {{"road", 1, 0.61234}};
    const std::string line =
        R"({"frame":0,"objects":[],"attributes":[{"name":"text","label":"AB 123",)"
        R"("confidence":0.9877},{"name":"age","label":"31"}],)"
        R"("keypoints":[{"x":1.5,"y":2.25,"confidence":1.0}],"embedding":[0.5,-1.25,0.1],)"
        R"("segments":[{"label":"road","label_id":1,"share":0.6123}]})";
    EXPECT_EQ(to_json_line(r), line);
    const Result<FrameRecord> read = from_json_line(line);
    ASSERT_TRUE(read.ok()) << read.error().text();
    EXPECT_EQ(to_json_line(read.value()), line);
    r.embedding[1] = std::nanf("");
    EXPECT_EQ(to_json_line(r).find("embedding"), std::string::npos);
}

TEST(JsonLines, reads_back_what_it_wrote) {
    const Result<FrameRecord> read = from_json_line(full_line);
    ASSERT_TRUE(read.ok()) << read.error().text();
    EXPECT_EQ(to_json_line(read.value()), full_line);
    EXPECT_EQ(read.value().objects[0].id, 7);
    EXPECT_EQ(read.value().pts, 1200000000u);
}

TEST(JsonLines, keeps_any_text_on_one_line_and_valid) {
    FrameRecord r;
    for (const std::string& text :
         {std::string("Zürich 東京 \U0001F600"),
          std::string("quote \" slash \\ tab \t line \n end"), std::string("nul \0 inside", 12)}) {
        r.source = text;
        const std::string line = to_json_line(r);
        EXPECT_EQ(line.find('\n'), std::string::npos);
        const Result<FrameRecord> read = from_json_line(line);
        ASSERT_TRUE(read.ok()) << line;
        EXPECT_EQ(read.value().source, text);
    }
    r.source = "broken \xff\xc3( end";
    const Result<FrameRecord> read = from_json_line(to_json_line(r));
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read.value().source, "broken \uFFFD\uFFFD( end");
}

TEST(JsonLines, never_writes_a_number_json_does_not_have) {
    FrameRecord r;
    ObjectRecord& o = r.objects.emplace_back();
    o.confidence = std::nan("");
    o.box = {std::numeric_limits<double>::infinity(), std::nan(""), 1e308, 2};
    const std::string line = to_json_line(r);
    EXPECT_TRUE(from_json_line(line).ok()) << line;
    EXPECT_EQ(line.find("null"), std::string::npos) << line;
    EXPECT_EQ(line.find("confidence"), std::string::npos) << line;
}

TEST(JsonLines, keeps_big_integers_exact) {
    FrameRecord r;
    r.frame = (1ull << 53) + 1;
    r.pts = std::numeric_limits<uint64_t>::max() - 1;
    r.objects.emplace_back().id = std::numeric_limits<int64_t>::min();
    const Result<FrameRecord> read = from_json_line(to_json_line(r));
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read.value().frame, r.frame);
    EXPECT_EQ(read.value().pts, r.pts);
    EXPECT_EQ(read.value().objects[0].id, r.objects[0].id);
}

TEST(JsonLines, ignores_keys_of_newer_writers) {
    const auto read = from_json_line(R"({"frame": 3, "mood": {"good": true}, "pts": null})");
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read.value().frame, 3u);
    EXPECT_FALSE(read.value().pts);
}

TEST(JsonLines, names_the_key_that_is_wrong) {
    const struct {
        std::string line, says;
    } cases[] = {
        {"", "is not JSON"},
        {"{\"frame\": 1", "is not JSON"},
        {"[1, 2]", "a list of 2; it must be a JSON object"},
        {R"({"frame": "one"})", "`frame` is \"one\"; it must be a whole number"},
        {R"({"frame": -1})", "`frame` is -1"},
        {R"({"width": 1e99})", "`width` is 1e+99"},
        {R"({"frame": 1.5})", "`frame` is 1.5"},
        {R"({"objects": {}})", "`objects` is an object; it must be a list of objects"},
        {R"({"objects": [{}, 7]})", "`objects[1]` is 7; it must be an object"},
        {R"({"objects": [{"box": {"x": true}}]})",
         "`objects[0].box.x` is true; it must be a number"},
        {R"({"objects": [{"zones": [1]}]})", "`objects[0].zones[0]` is 1"},
        {R"({"objects": [{"keypoints": [{"y": []}]}]})", "`objects[0].keypoints[0].y`"},
        {R"({"embedding": [1, "2"]})", "`embedding` is a list of 2; it must be a list of numbers"},
        {R"({"segments": [1]})", "`segments[0]` is 1"},
        {R"({"inference": "yes"})", "`inference` is \"yes\""},
        {R"({"source": ")" + std::string("\xff") + "\"}", "is not JSON"},
        {std::string(100000, '['), "nested 100000 levels deep"},
        {R"({"frame": 123456789012345678901234567890})", "`frame`"},
    };
    for (const auto& c : cases) {
        const auto read = from_json_line(c.line);
        ASSERT_FALSE(read.ok()) << c.line.substr(0, 80);
        EXPECT_EQ(read.error().where, "JSON line");
        EXPECT_NE(read.error().what.find(c.says), std::string::npos) << read.error().text();
    }
}
