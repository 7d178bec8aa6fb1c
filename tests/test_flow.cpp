// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames through a session on the fake device, on virtual time.
#include "tests/flow_rig.h"

#include <bit>

using namespace infer;
using namespace infer::fake;

namespace {

// Pushes `frames` frames to each source, each with at most `ahead` in flight, as fast as they can;
// gives back the virtual time it took. Checks each source's order.
int64_t time_to_infer(Rig& rig, int frames, int ahead) {
    const size_t sources = rig.sources.size();
    std::vector<int> pushed(sources), popped(sources);
    const int64_t begun = rig.device.clock().now_us();
    while (std::any_of(popped.begin(), popped.end(), [&](int n) { return n < frames; })) {
        bool moved = false;
        for (size_t s = 0; s < sources; s++) {
            Source& source = *rig.sources[s];
            if (pushed[s] < frames && pushed[s] - popped[s] < ahead &&
                free_rows(*rig.session) > 0) {
                EXPECT_EQ(rig.push(int(s), pushed[s]++), PushResult::Ok);
                moved = true;
            }
            while (source.stats().ready) {
                EXPECT_EQ(number_of(*source.pop()), popped[s]++);
                moved = true;
            }
        }
        if (!moved && !rig.device.step()) {
            ADD_FAILURE() << "nothing moves any more";
            break;
        }
    }
    return rig.device.clock().now_us() - begun;
}

std::vector<int> numbers_ready(Source& source) {
    std::vector<int> numbers;
    while (source.stats().ready)
        numbers.push_back(number_of(*source.pop()));
    return numbers;
}

// A device whose lane never gets free by itself, so that batches close for other reasons.
constexpr int64_t forever_us = 1'000'000'000;

} // namespace

TEST(Flow, a_frame_comes_out_with_its_own_result_and_push_returns_before_that_exists) {
    Rig rig({.batch = 1, .lanes = 1});
    Source& source = rig.add();
    EXPECT_EQ(rig.push(0, 7), PushResult::Ok);
    EXPECT_EQ(rig.device.dones(), 0);
    EXPECT_FALSE(source.stats().ready);
    EXPECT_TRUE(rig.device.step());
    const std::optional<Output> output = source.pop();
    ASSERT_TRUE(output);
    EXPECT_EQ(number_of(*output), 7);
    EXPECT_EQ(output->number, 0u);
    EXPECT_EQ(output->status, FrameStatus::Inferred);
    EXPECT_EQ(output->results.device, "FAKE");
    EXPECT_EQ(output->results.batch, 1);
    EXPECT_EQ(output->results.inference_us, 1000);
    EXPECT_EQ(output->results.latency_us, 1000);
}

TEST(Flow, four_sources_are_at_least_3_5_times_as_fast_as_one_frame_at_a_time) {
    const int frames = 200;
    const auto rate = [&](int sources, int ahead) {
        Rig rig({.random_order = true}); // batch 4, 4 requests in flight at once
        for (int s = 0; s < sources; s++)
            rig.add();
        return double(sources * frames) / double(time_to_infer(rig, frames, ahead));
    };
    const double alone = rate(1, 1);
    EXPECT_NEAR(alone, 0.001, 0.0001); // a batch takes 1000 us
    EXPECT_GE(rate(4, 4), 3.5 * alone);
    EXPECT_GE(rate(4, 16), 12 * alone); // full batches on every lane: 16 at once
    EXPECT_GE(rate(1, 24), 12 * alone); // the in-flight bound lets one source do it too
}

TEST(Flow, batches_mix_sources_and_are_full_while_there_is_work) {
    Rig rig({.random_order = true});
    for (int s = 0; s < 4; s++)
        rig.add();
    time_to_infer(rig, 200, 16);
    const std::vector<uint64_t> rows = rig.device.rows_of_batches();
    const auto full =
        std::count_if(rows.begin(), rows.end(), [](uint64_t r) { return std::popcount(r) == 4; });
    EXPECT_GE(double(full), 0.8 * double(rows.size()));
    const SessionStats stats = rig.session->stats();
    EXPECT_EQ(stats.frames, 800u);
    EXPECT_EQ(stats.batches, rows.size());
    ASSERT_EQ(stats.batch_fill.size(), 5u);
    EXPECT_EQ(stats.batch_fill[4], uint64_t(full));
}

TEST(Flow, every_submit_is_done_once_and_no_request_is_submitted_while_in_flight) {
    Rig rig({.random_order = true, .seed = 5}, 4);
    for (int s = 0; s < 3; s++)
        rig.add();
    time_to_infer(rig, 100, 7);
    EXPECT_EQ(rig.device.submits(), rig.device.dones());
    EXPECT_EQ(rig.device.doubled(), 0);
    EXPECT_EQ(free_rows(*rig.session), 4 * 4);
}

TEST(Flow, a_source_that_nobody_pops_holds_up_no_other) {
    Rig rig({.random_order = true}, 4);
    for (int s = 0; s < 4; s++)
        rig.add();
    Source& stuck = *rig.sources[3];
    const int bound = stuck.in_flight_bound();
    for (int k = 0; k < bound; k++) {
        if (free_rows(*rig.session) == 0)
            rig.device.step();
        EXPECT_EQ(rig.push(3, k), PushResult::Ok);
    }
    std::thread blocked([&] {
        EXPECT_EQ(stuck.push(std::make_unique<TestFrame>(3, bound), raw_tensors()),
                  PushResult::Closed);
    });
    const std::unique_ptr<Source> kept = std::move(rig.sources[3]);
    rig.sources.pop_back();
    time_to_infer(rig, 100, 4);
    for (const auto& source : rig.sources)
        EXPECT_EQ(source->stats().inferred, 100u);
    EXPECT_EQ(stuck.stats().in_flight, bound);
    stuck.close();
    blocked.join();
}

TEST(Flow, a_lone_frame_goes_at_once_when_a_lane_is_idle) {
    Rig rig({.lanes = 2});
    rig.add();
    rig.push(0, 0);
    EXPECT_EQ(rig.device.submits(), 1);
}

TEST(Flow, what_waits_when_a_lane_gets_free_goes_however_few) {
    Rig rig({.lanes = 1});
    rig.add();
    rig.push(0, 0);
    rig.push(0, 1);
    EXPECT_EQ(rig.device.submits(), 1);
    rig.device.step();
    EXPECT_EQ(rig.device.submits(), 2);
}

TEST(Flow, the_deadline_of_the_oldest_frame_closes_a_partial_batch) {
    Rig rig({.lanes = 1, .batch_us = forever_us});
    rig.add({.name = "slow", .batch_timeout_us = 8'000});
    rig.add({.name = "fast", .batch_timeout_us = 5'000});
    rig.push(0, 0);
    rig.device.clock().advance(1'000);
    rig.push(1, 0);
    rig.device.clock().advance(4'999);
    tick(*rig.session);
    EXPECT_EQ(rig.device.submits(), 0); // a timeout by hand switches the idle rule off
    rig.device.clock().advance(1);
    tick(*rig.session);
    EXPECT_EQ(rig.device.submits(), 1);
    EXPECT_EQ(rig.device.rows_of_batches()[0], 0b11u);
}

TEST(Flow, an_eos_marker_closes_its_sources_partial_batch_and_comes_out_last) {
    Rig rig({.lanes = 1});
    Source& source = rig.add({.name = "file", .batch_timeout_us = forever_us});
    Source& other = rig.add({.name = "other", .batch_timeout_us = forever_us});
    rig.push(0, 0);
    rig.push(0, 1);
    other.push_marker(std::make_unique<TestMarker>("eos"), true); // not a member: closes nothing
    EXPECT_EQ(rig.device.submits(), 0);
    source.push_marker(std::make_unique<TestMarker>("caps"), false);
    EXPECT_EQ(rig.device.submits(), 0);
    source.push_marker(std::make_unique<TestMarker>("eos"), true);
    EXPECT_EQ(rig.device.submits(), 1);
    rig.step_all();
    EXPECT_EQ(numbers_ready(source), (std::vector<int>{0, 1, -1, -1}));
}

TEST(Flow, markers_with_nothing_in_flight_come_out_at_once) {
    Rig rig({});
    Source& source = rig.add();
    source.push_marker(std::make_unique<TestMarker>("eos"), true);
    ASSERT_TRUE(source.stats().ready);
    EXPECT_EQ(dynamic_cast<TestMarker&>(*source.pop()->item).word, "eos");
}

TEST(Flow, frames_that_are_not_inferred_keep_their_place_and_say_why) {
    Rig rig({.batch = 1, .lanes = 1});
    Source& source = rig.add();
    rig.push(0, 0);
    source.pass(std::make_unique<TestFrame>(0, 1), FrameStatus::Skipped, "interval=2");
    rig.push(0, 2);
    EXPECT_FALSE(source.stats().ready);
    rig.step_all();
    EXPECT_EQ(number_of(*source.pop()), 0);
    const Output skipped = *source.pop();
    EXPECT_EQ(number_of(skipped), 1);
    EXPECT_EQ(skipped.status, FrameStatus::Skipped);
    EXPECT_EQ(skipped.reason, "interval=2");
    EXPECT_EQ(source.pop()->number, 2u);
    const SourceStats stats = source.stats();
    EXPECT_EQ(stats.in, 3u);
    EXPECT_EQ(stats.out, 3u);
    EXPECT_EQ(stats.inferred, 2u);
    EXPECT_EQ(stats.skipped, 1u);
    EXPECT_EQ(stats.in_flight, 0);
}

TEST(Flow, a_failed_batch_lets_its_frames_out_with_the_reason_and_the_next_batch_works) {
    Rig rig({.lanes = 1, .fails = {1}});
    rig.add();
    rig.add();
    rig.push(0, 0);
    rig.push(0, 1);
    rig.push(1, 0);
    rig.step_all();
    const Output failed = *rig.sources[0]->pop();
    EXPECT_EQ(failed.status, FrameStatus::Failed);
    EXPECT_EQ(failed.reason, "fake device: batch 1 failed");
    EXPECT_TRUE(failed.item);
    EXPECT_EQ(rig.sources[0]->pop()->status, FrameStatus::Inferred);
    EXPECT_EQ(rig.sources[1]->pop()->status, FrameStatus::Inferred);
    EXPECT_EQ(rig.session->stats().failed, 1u);
}

TEST(Flow, a_frame_that_cannot_be_mapped_leaves_a_hole_and_comes_out_as_failed_in_its_place) {
    Rig rig({.lanes = 1});
    Source& source = rig.add({.name = "s", .batch_timeout_us = forever_us});
    for (int k = 0; k < 4; k++) {
        auto frame = std::make_unique<TestFrame>(0, k);
        frame->cannot_map = k == 1;
        EXPECT_EQ(rig.push(std::move(frame)), PushResult::Ok);
    }
    EXPECT_EQ(rig.device.rows_of_batches(), std::vector<uint64_t>{0b1101});
    rig.step_all();
    EXPECT_EQ(number_of(*source.pop()), 0);
    const Output failed = *source.pop();
    EXPECT_EQ(number_of(failed), 1);
    EXPECT_EQ(failed.status, FrameStatus::Failed);
    EXPECT_EQ(failed.reason, "frame: no memory to map");
    EXPECT_EQ(numbers_ready(source), (std::vector<int>{2, 3}));
}

TEST(Flow, a_batch_of_holes_alone_is_not_submitted_and_its_request_is_free_again) {
    Rig rig({.batch = 1, .lanes = 1});
    rig.add();
    const int before = free_rows(*rig.session);
    auto frame = std::make_unique<TestFrame>(0, 0);
    frame->cannot_map = true;
    rig.push(std::move(frame));
    EXPECT_EQ(rig.device.submits(), 0);
    EXPECT_EQ(free_rows(*rig.session), before);
}

TEST(Flow, live_sources_go_together_as_soon_as_all_are_there) {
    Rig rig({.batch = 8, .lanes = 1}, 0, 8);
    const SourceOptions camera{
        .name = "camera", .batch_timeout_us = 30'000, .frame_duration_us = 33'000, .live = true};
    for (int s = 0; s < 3; s++)
        rig.add(camera);
    rig.push(0, 0);
    rig.push(1, 0);
    EXPECT_EQ(rig.device.submits(), 0);
    rig.push(2, 0);
    EXPECT_EQ(rig.device.rows_of_batches(), std::vector<uint64_t>{0b111});
}

TEST(Flow, boxes_come_out_in_pixels_of_the_frame_and_a_row_that_cannot_be_decoded_fails_alone) {
    // A box of 4x4 at the frame's number; odd numbers cannot be decoded. Frames are 16x16.
    static const DecoderDef boxes = {
        .name = "boxes",
        .decode = [](std::span<const NamedTensor> outputs,
                     const DecodeOptions&) -> Result<Decoded> {
            const float number = outputs[0].view.span<float>()[1];
            if (int(number) % 2)
                return Error{Error::InvalidModel, "output echo", "odd"};
            Decoded decoded;
            decoded.detections.resize(1);
            decoded.detections[0].x = decoded.detections[0].y = number;
            decoded.detections[0].width = decoded.detections[0].height = 4;
            return decoded;
        },
        .fit = nullptr,
        .preprocess = {},
    };
    auto how = std::make_shared<Processing>();
    how->decoder = &boxes;
    Rig rig({.lanes = 1});
    Source& source = rig.add({.name = "s", .batch_timeout_us = forever_us});
    for (int k : {2, 3, 14, 30})
        source.push(std::make_unique<TestFrame>(0, k), how);
    rig.step_all();
    const Output inside = *source.pop(), odd = *source.pop(), at_edge = *source.pop(),
                 outside = *source.pop();
    ASSERT_EQ(inside.results.detections.size(), 1u);
    EXPECT_EQ(inside.results.detections[0].x, 2);
    EXPECT_EQ(inside.results.detections[0].width, 4);
    EXPECT_EQ(inside.results.processing, how);
    EXPECT_EQ(odd.status, FrameStatus::Failed);
    EXPECT_EQ(odd.reason, "output echo: odd");
    ASSERT_EQ(at_edge.results.detections.size(), 1u);
    EXPECT_EQ(at_edge.results.detections[0].width, 2);
    EXPECT_TRUE(outside.results.detections.empty());
}
