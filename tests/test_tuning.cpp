// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What `gst-inference tune` keeps, and when it is used.
#include "inference/tuning.h"
#include "tests/flow_rig.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace infer;

namespace {

class Tunings : public ::testing::Test {
protected:
    void SetUp() override { setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1); }
    void TearDown() override { unsetenv("XDG_CACHE_HOME"); }

    static constexpr DeviceTable table{fake::find_fake, fake::fake_devices};
    static TuningKey key() {
        return {"a model", "FAKE", Hint::Throughput, {}, machine_of("FAKE", table)};
    }
    Choice chosen(const CompileOptions& given, TuningKey key = Tunings::key()) const {
        return choose_settings(given, std::move(key), table,
                               [] { return Result<std::string>("a model"); });
    }
    // Replaces text in the one file there is.
    void damage(const std::string& from, const std::string& to) const {
        const auto file = std::filesystem::directory_iterator(tuning_folder())->path();
        std::string text = fake::text_of(file).value();
        text.replace(text.find(from), from.size(), to);
        std::ofstream(file, std::ios::trunc) << text;
    }

    TestFolder folder_;
    const Tuning tuning_{3, 6, 2, Precision::F32, 1.25, "2026-01-31"};
};

TEST_F(Tunings, are_found_as_they_were_kept) {
    ASSERT_TRUE(keep_tuning(key(), tuning_).ok());
    const auto found = find_tuning(key()).tuning;
    ASSERT_TRUE(found);
    EXPECT_EQ(found->streams, 3);
    EXPECT_EQ(found->threads, 6);
    EXPECT_EQ(found->batch, 2);
    EXPECT_EQ(found->precision, Precision::F32);
    EXPECT_DOUBLE_EQ(found->gain, 1.25);
    EXPECT_EQ(found->date, "2026-01-31");
}

TEST_F(Tunings, leave_no_other_file_behind) {
    for (int times = 0; times < 2; times++)
        ASSERT_TRUE(keep_tuning(key(), tuning_).ok());
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(tuning_folder()), {}), 1);
}

TEST_F(Tunings, of_another_model_device_hint_or_shape_are_others) {
    ASSERT_TRUE(keep_tuning(key(), tuning_).ok());
    TuningKey others[] = {key(), key(), key(), key()};
    others[0].model_hash = "another";
    others[1].device = "FAKE.1";
    others[2].hint = Hint::Latency;
    others[3].shapes["x"] = {1, 3, 8, 8};
    for (const TuningKey& other : others)
        EXPECT_EQ(find_tuning(other).why_not, "never tuned");
}

TEST_F(Tunings, are_void_on_another_machine_or_version_and_when_damaged) {
    ASSERT_TRUE(keep_tuning(key(), tuning_).ok());
    TuningKey moved = key();
    moved.machine = "a newer one";
    EXPECT_EQ(find_tuning(moved).why_not, "tuned on another machine: " + key().machine);
    for (const auto& [from, to, why] : {std::array{"streams 3", "streams 3x", "is damaged"},
                                        {"streams 3x", "streams -1", "is damaged"},
                                        {"streams -1", "streams 3", ""},
                                        {"precision f32", "precision f31", "is damaged"},
                                        {"version ", "version 9.", "not this one"}}) {
        damage(from, to);
        EXPECT_NE(find_tuning(key()).why_not.find(why), std::string::npos)
            << to << ": " << find_tuning(key()).why_not;
    }
}

TEST_F(Tunings, apply_where_nothing_else_is_said) {
    EXPECT_EQ(chosen({}).from, "rule (never tuned)");
    ASSERT_TRUE(keep_tuning(key(), tuning_).ok());
    const Choice choice = chosen({});
    EXPECT_EQ(choice.options.streams, 3);
    EXPECT_EQ(choice.options.batch, 2);
    EXPECT_EQ(choice.options.precision, Precision::F32);
    EXPECT_EQ(choice.from, "tuned on 2026-01-31 (streams 3, threads 6, batch 2, precision f32)");
    EXPECT_EQ(chosen({.precision = Precision::F32}).options.streams, 3);
    EXPECT_EQ(chosen({.precision = Precision::BF16}).from, "rule (tuned at precision f32)");
    for (const CompileOptions& given :
         {CompileOptions{.batch = 1}, CompileOptions{.streams = 1}, CompileOptions{.threads = 1}})
        EXPECT_NE(chosen(given).from.find("given"), std::string::npos);
}

TEST_F(Tunings, cannot_be_kept_in_a_folder_that_cannot_be_made) {
    setenv("XDG_CACHE_HOME", folder_.write("file", "no folder").c_str(), 1);
    const auto kept = keep_tuning(key(), tuning_);
    ASSERT_FALSE(kept.ok());
    EXPECT_NE(kept.error().text().find("XDG_CACHE_HOME"), std::string::npos);
}

TEST_F(Tunings, decide_how_a_session_compiles) {
    for (const bool tuned : {false, true}) {
        ASSERT_TRUE(!tuned || keep_tuning(key(), tuning_).ok());
        fake::Rig rig({.batch = 4});
        rig.add();
        EXPECT_EQ(rig.session->describe().at("batch"), tuned ? "2" : "4");
        EXPECT_EQ(rig.session->describe().at("settings").starts_with("tuned"), tuned);
    }
}

} // namespace
