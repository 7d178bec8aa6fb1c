// SPDX-License-Identifier: LGPL-2.1-or-later
// A session on several fake devices that work together, on one virtual clock.
#pragma once

#include "tests/flow_rig.h"

#include <deque>
#include <map>

namespace infer {
extern const DeviceDef device_multi, device_auto;
}

namespace infer::fake {

// A fake that AUTO takes for the CPU, and those that it finds beside it: one that is better, and
// one that is the CPU itself by another way.
inline const DeviceDef device_fake_cpu = {
    .name = "CPU",
    .devices = [] { return Result<std::vector<std::string>>(std::vector<std::string>{"CPU"}); },
    .compile = compile_fake,
    .preferred_batch = [](std::string_view, Hint) { return 1; },
    .rank = [](std::string_view) { return 100; }};
inline const DeviceDef device_fake_gpu = {
    .name = "GPU",
    .devices =
        [] {
            return Result<std::vector<std::string>>(std::vector<std::string>{"GPU", "GPU.1"});
        },
    .compile = compile_fake,
    .preferred_batch = [](std::string_view, Hint) { return 1; },
    .rank = [](std::string_view device) { return device == "GPU.1" ? 200 : 0; }};

// Its devices, in the order given, each with its name.
struct Part {
    std::string name;
    Device::Options options;
};

class Party {
public:
    // device: "MULTI:A,B" of the parts, or AUTO.
    Party(std::string device, std::vector<Part> parts, int requests,
          std::map<std::string, std::string> extra = {})
        : pushed_us(sources_count), popped_of(sources_count) {
        SessionConfig config;
        config.model = model_file("model", "a model");
        config.device = std::move(device);
        config.is_private = true;
        config.options.batch = 1;
        config.options.requests = requests;
        config.options.extra = std::move(extra);
        for (Part& part : parts) {
            devices.emplace_back(std::move(part.options), &clock);
            config.options.extra[part.name + ".fake"] = devices.back().id();
        }
        auto opened = open_session(config, {.find_device = find_device,
                                            .all_devices = all_devices,
                                            .content_hash = text_of,
                                            .load = load_fake,
                                            .make_fill = copying_fill,
                                            .clock = &clock});
        EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().text());
        session = opened.value();
        listens = session->when_noticed([this](const DeviceNotice& notice) {
            {
                std::lock_guard lock(mutex);
                notices.push_back((notice.is_warning ? "warning: " : "") + notice.device + " " +
                                  notice.what);
            }
            noticed.notify_all();
        });
        for (int k = 0; k < sources_count; k++)
            sources.push_back(session->add_source({}));
    }
    ~Party() {
        sources.clear();
        session.reset();
        Reaper::instance().wait_until_idle();
    }

    // Virtual time goes on to whatever ends next. false: nothing runs.
    bool step() {
        Device* next = nullptr;
        for (Device& device : devices)
            if (device.next_end_us() && (!next || *device.next_end_us() < *next->next_end_us()))
                next = &device;
        return next && next->step();
    }
    // Time goes on without anything ending.
    void wait_us(int64_t us) {
        clock.advance(us);
        tick(*session);
    }
    // A frame of the source that has the fewest on their way.
    bool push() {
        const auto on_way = [&](size_t k) { return int(pushed_us[k].size()) - popped_of[k]; };
        size_t k = 0;
        for (size_t other = 1; other < sources.size(); other++)
            k = on_way(other) < on_way(k) ? other : k;
        pushed++;
        pushed_us[k].push_back(clock.now_us());
        const int number = int(pushed_us[k].size()) - 1;
        return sources[k]->push(std::make_unique<TestFrame>(int(k), number), raw_tensors()) ==
               PushResult::Ok;
    }
    // All that is ready; each must be its source's next.
    void pop_ready() {
        for (size_t k = 0; k < sources.size(); k++)
            while (sources[k]->stats().ready) {
                const auto output = sources[k]->pop();
                const int number = popped_of[k]++;
                EXPECT_EQ(number_of(*output), number);
                popped++;
                statuses[output->status]++;
                if (output->status == FrameStatus::Inferred)
                    served[output->results.device]++;
                else
                    reasons.push_back(output->reason);
                latency_us.push_back(clock.now_us() - pushed_us[k][size_t(number)]);
            }
    }
    // `frames` more, with `depth` in flight all the time. A step without an end lets time go on.
    void run(int frames, int depth) {
        const int end = popped + frames;
        int still = 0;
        while (popped < end && still < 10'000) {
            while (pushed < end && pushed - popped < depth)
                EXPECT_TRUE(push());
            if (!step()) {
                wait_us(100'000);
                still++;
            }
            pop_ready();
        }
        EXPECT_EQ(popped, end) << "frames that never come";
    }
    std::string all_notices() {
        std::lock_guard lock(mutex);
        std::string all;
        for (const std::string& notice : notices)
            all += notice + "\n";
        return all;
    }
    void wait_for_notice(const std::string& words) {
        std::unique_lock lock(mutex);
        noticed.wait(lock, [&] {
            return std::ranges::any_of(
                notices, [&](const std::string& n) { return n.find(words) != std::string::npos; });
        });
    }
    DeviceCounters counters(const std::string& name) {
        for (const DeviceCounters& device : session->stats().devices)
            if (device.name == name)
                return device;
        return {};
    }

    VirtualClock clock;
    std::deque<Device> devices;
    std::mutex mutex; // guards notices
    std::condition_variable noticed;
    std::vector<std::string> notices;
    std::shared_ptr<Session> session;
    std::shared_ptr<void> listens;
    static constexpr int sources_count = 4;
    std::vector<std::unique_ptr<Source>> sources;
    std::vector<std::vector<int64_t>> pushed_us; // by source
    std::vector<int> popped_of;
    int pushed = 0, popped = 0;
    std::map<FrameStatus, int> statuses;
    std::map<std::string, int> served;
    std::vector<std::string> reasons;
    std::vector<int64_t> latency_us; // from push() to pop()
};

} // namespace infer::fake
