// SPDX-License-Identifier: LGPL-2.1-or-later
// Which device users mean, and what device-options say about it.
#include "inference/device_choice.h"

#include <gtest/gtest.h>

using namespace infer;

namespace {

using Options = std::map<std::string, std::string>;

template <bool combines> constexpr DeviceDef device(std::string_view name) {
    return {
        .name = name,
        .devices =
            [] {
                return Result<std::vector<std::string>>(std::vector<std::string>{"A", "B", "B.1"});
            },
        .compile = nullptr,
        .preferred_batch = nullptr,
        .combines = combines};
}
constexpr DeviceDef a = device<false>("A"), b = device<false>("B"), all = device<true>("ALL");

const DeviceTable table{
    [](std::string_view name) -> const DeviceDef* {
        return name == "A" ? &a : name == "B" ? &b : name == "ALL" ? &all : nullptr;
    },
    []() -> std::span<const DeviceDef* const> {
        static const DeviceDef* const devices[] = {&a};
        return devices;
    }};

CompileOptions options_of(std::string_view device, const char* text) {
    CompileOptions options;
    options.streams = 7;
    options.extra = read_device_options(text).value();
    auto own = options_for(device, options, table);
    EXPECT_TRUE(own.ok()) << (own.ok() ? "" : own.error().text());
    return own.ok() ? own.value() : CompileOptions();
}

} // namespace

TEST(DeviceOptions, go_to_the_device_that_they_name) {
    EXPECT_EQ(options_of("A", "A.streams=2").streams, 2);
    EXPECT_EQ(options_of("A", "B.streams=2").streams, 7);
    EXPECT_EQ(options_of("A", "streams=3").streams, 3);
    EXPECT_EQ(options_of("A", "A.precision=f16,A.threads=4,A.requests=5").precision,
              Precision::F16);
    EXPECT_EQ(options_of("A", "A.kernels=own,B.kernels=other").extra,
              (Options{{"kernels", "own"}}));
    EXPECT_EQ(options_of("A", "").device, "A");
}

TEST(DeviceOptions, of_one_device_go_before_those_of_its_kind) {
    EXPECT_EQ(options_of("B.1", "B.1.streams=2,B.streams=3").streams, 2);
    EXPECT_EQ(options_of("B", "B.1.streams=2,B.streams=3").streams, 3);
    EXPECT_EQ(options_of("B.1", "B.streams=3").streams, 3);
}

TEST(DeviceOptions, of_all_stay_with_a_device_made_of_others) {
    EXPECT_EQ(options_of("ALL:A,B", "A.streams=2,B.1.x=y,ALL.timeout=9").extra,
              (Options{{"A.streams", "2"}, {"B.1.x", "y"}, {"timeout", "9"}}));
}

TEST(DeviceOptions, that_say_nothing_are_refused) {
    for (const auto& [text, says] : std::initializer_list<std::pair<const char*, const char*>>{
             {"streams", "device-options: 'streams' is no NAME=VALUE"},
             {"=2", "device-options: '=2' is no NAME=VALUE"},
             {"a=", "device-options: 'a=' is no NAME=VALUE"},
             {"a=1,a=2", "device-options: names a twice"}})
        EXPECT_NE(read_device_options(text).error().text().find(says), std::string::npos) << text;
    for (const auto& [text, says] : std::initializer_list<std::pair<const char*, const char*>>{
             {"C.streams=1", "device-options=C.streams=1: there is no device C; there is A"},
             {"streams=-1", "device-options=streams=-1: must be 0 (the hint decides) to 1024"},
             {"A.threads=many", "device-options=threads=many: must be 0"},
             {"precision=f64", "device-options=precision=f64: must be auto, f32"}}) {
        CompileOptions options;
        options.extra = read_device_options(text).value();
        EXPECT_NE(options_for("A", options, table).error().text().find(says), std::string::npos)
            << text;
    }
}

TEST(DeviceNames, that_are_not_there_are_refused_with_what_is) {
    EXPECT_TRUE(check_device("A", table).ok());
    EXPECT_TRUE(check_device("B.1", table).ok());
    EXPECT_EQ(check_device("C", table).error().text(),
              "device=C: no such device in this build; there is A, B, B.1");
    EXPECT_EQ(check_device("B.2", table).error().text(),
              "device=B.2: not found; there is A, B, B.1");
}
