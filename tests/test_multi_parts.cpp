// SPDX-License-Identifier: LGPL-2.1-or-later
// What MULTI is made of: plans, and requests filled for one device that run on another.
#include "devices/multi/convert.h"
#include "devices/multi/planner.h"

#include <gtest/gtest.h>

using namespace infer;
using namespace infer::multi;

// This program's devices, in place of devices/device_table.cpp: none.
namespace infer {
std::span<const DeviceDef* const> all_devices() { return {}; }
} // namespace infer

namespace {

InputFormat picture(InputFormat::Layout layout, ElementType type) {
    return {.layout = layout, .type = type, .name = "in", .shape = {2, 3, 2, 2}};
}

size_t chosen(std::vector<Lanes> lanes, Policy policy = Policy::Fastest,
              uint64_t allowed = ~uint64_t{0}) {
    const auto choice = choose(lanes, allowed, policy, 100);
    return choice ? choice->device : 99;
}

} // namespace

TEST(Plan, takes_the_device_that_ends_first_and_of_equal_ones_the_first_named) {
    struct Case {
        const char* name;
        std::vector<Lanes> lanes;
        size_t device;
    };
    const Case cases[] = {
        {"both free", {{{100}, 10}, {{100}, 10}}, 0},
        {"the second is faster", {{{100}, 11}, {{100}, 10}}, 1},
        {"the first is busy", {{{106}, 10}, {{100}, 10}}, 1},
        {"busy, and still the first to end", {{{120}, 10}, {{100}, 40}}, 0},
        {"busy for so long that the slow one helps", {{{131}, 10}, {{100}, 40}}, 1},
        {"no lane", {{{}, 1}, {{100}, 40}}, 1},
        {"none", {{{}, 1}}, 99},
    };
    for (const Case& c : cases)
        EXPECT_EQ(chosen(c.lanes), c.device) << c.name;
    EXPECT_EQ(chosen({{{900}, 50}, {{100}, 1}}, Policy::First), 0u);
    EXPECT_EQ(chosen({{{}, 50}, {{100}, 1}}, Policy::First), 1u);
    EXPECT_EQ(chosen({{{100}, 5}, {{100}, 9}}, Policy::Fastest, 2), 1u);
}

TEST(Plan, fills_the_lanes_in_the_order_of_the_line) {
    std::vector<Lanes> lanes = {{{100, 100}, 10}, {{100}, 25}};
    std::vector<std::pair<size_t, bool>> choices;
    for (int k = 0; k < 6; k++) {
        const auto choice = choose(lanes, 3, Policy::Fastest, 100);
        choices.emplace_back(choice->device, choice->starts_now);
    }
    using Choices = std::vector<std::pair<size_t, bool>>;
    EXPECT_EQ(choices,
              (Choices{{0, true}, {0, true}, {0, false}, {0, false}, {1, true}, {0, false}}));
}

TEST(Plan, gives_each_device_its_turn_where_that_is_wanted) {
    std::vector<Lanes> lanes = {{{100}, 10}, {{100}, 1000}, {{}, 1}};
    std::vector<size_t> devices;
    for (int k = 0; k < 5; k++)
        devices.push_back(choose(lanes, 7, Policy::InTurn, 100)->device);
    EXPECT_EQ(devices, (std::vector<size_t>{0, 1, 0, 1, 0}));
    EXPECT_EQ(choose(lanes, 1, Policy::InTurn, 100)->device, 0u); // the other may not
}

TEST(Plan, expects_a_late_device_to_be_late_for_as_long_again) {
    EXPECT_EQ(free_at(100, 50, 120), 150);
    EXPECT_EQ(free_at(100, 50, 150), 151);
    EXPECT_EQ(free_at(100, 50, 400), 650);
}

TEST(Plan, follows_what_a_device_takes) {
    ServiceTime time;
    time.guess(5000);
    time.add(1000);
    EXPECT_EQ(time.us(), 1000);
    time.add(1800);
    EXPECT_EQ(time.us(), 1100);
    time.forget_half();
    EXPECT_EQ(time.us(), 550);
    time.add(900);
    EXPECT_EQ(time.us(), 900);
}

TEST(Convert, gives_a_request_filled_for_one_device_to_another_layout_and_type) {
    const ElementType types[] = {ElementType::F32, ElementType::F16, ElementType::BF16,
                                 ElementType::U8};
    Tensor values(ElementType::F32, {2, 3, 2, 2});
    for (size_t i = 0; i < 24; i++)
        values.span<float>()[i] = float(i * 10);
    for (const auto layout : {InputFormat::NCHW, InputFormat::NHWC})
        for (const auto other : {InputFormat::NCHW, InputFormat::NHWC})
            for (const ElementType type : types) {
                const InputFormat from = picture(layout, ElementType::F32),
                                  to = picture(other, type);
                Tensor there(type, to.shape), back(ElementType::F32, to.shape);
                convert(from, values.view(), to, there.view());
                convert(to, there.view(), from, back.view());
                for (size_t i = 0; i < 24; i++)
                    EXPECT_EQ(back.span<float>()[i], float(i * 10)) << name_of(type) << " " << i;
            }
    const InputFormat planar = picture(InputFormat::NCHW, ElementType::F32),
                      packed = picture(InputFormat::NHWC, ElementType::F32);
    Tensor there(ElementType::F32, planar.shape);
    convert(planar, values.view(), packed, there.view());
    const std::vector<float> first(there.span<float>().begin(), there.span<float>().begin() + 6);
    EXPECT_EQ(first, (std::vector<float>{0, 40, 80, 10, 50, 90})); // three channels of two pixels
}

TEST(Convert, knows_which_type_keeps_what_another_does) {
    EXPECT_TRUE(is_as_wide(ElementType::F32, ElementType::BF16));
    EXPECT_TRUE(is_as_wide(ElementType::F16, ElementType::U8));
    EXPECT_FALSE(is_as_wide(ElementType::BF16, ElementType::F16));
    EXPECT_FALSE(is_as_wide(ElementType::U8, ElementType::F32));
}
