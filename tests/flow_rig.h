// SPDX-License-Identifier: LGPL-2.1-or-later
// A session on the fake device, and frames that know who they are.
#pragma once

#include "inference/session/reaper.h"
#include "tests/fake_device.h"
#include "tests/test_folder.h"

#include <array>
#include <fstream>
#include <gtest/gtest.h>

namespace infer::fake {

struct TestFrame final : Frame {
    TestFrame(int source, int number) : id{float(source), float(number)} { living++; }
    ~TestFrame() override { living--; }

    Result<FrameView> map() override {
        if (on_map)
            on_map();
        if (cannot_map)
            return Error{Error::Device, "frame", "no memory to map"};
        FrameView view;
        view.width = frame_size.width;
        view.height = frame_size.height;
        view.plane[0] = reinterpret_cast<const uint8_t*>(id.data());
        return view;
    }
    void unmap() override {}
    FrameSize size() const override { return frame_size; }

    FrameSize frame_size{16, 16};
    std::array<float, 2> id;
    std::function<void()> on_map; // runs while the frame's row is reserved
    bool cannot_map = false;
    static inline std::atomic<int> living{0};
};

struct TestMarker final : Item {
    explicit TestMarker(std::string word) : word(std::move(word)) {}
    std::string word;
};

inline Fill copying_fill(std::span<const InputFormat>) {
    return [](const FrameView& frame, const Processing&,
              std::span<const TensorView> row) -> Result<Placement> {
        if (const Shape& shape = row[0].shape; shape.size() == 4) { // of a model that is "open"
            const bool is_odd = frame.width % 2 == 1;
            EXPECT_EQ(shape[3], is_odd ? (frame.width + 31) / 32 * 32 : frame.width);
            EXPECT_EQ(shape[2], is_odd ? (frame.height + 31) / 32 * 32 : frame.height);
        }
        std::memcpy(row[0].data, frame.plane[0], 2 * sizeof(float));
        return Placement{};
    };
}

// A model file whose text is its content hash; "broken" and "unbatchable" mean what they say, and
// "open" leaves height and width open: it cannot run at odd widths, nor at heights over 1000.
inline std::string model_file(const std::string& name, const std::string& text) {
    return test_file(name, text);
}

inline Result<std::string> text_of(const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

inline Result<Graph> load_fake(const std::string& path, const LoadOptions& options) {
    const std::string text = text_of(path).value();
    if (text == "broken" || (text == "unbatchable" && options.batch > 1))
        return Error{Error::InvalidModel, path, text};
    Graph graph;
    if (text == "open") {
        graph.declared["picture"] = {-1, 3, -1, -1};
        if (options.open_width % 2 == 1 || options.open_height > 1000)
            return Error{Error::Unsupported, path, "cannot be halved"};
        graph.inputs = {graph.add_value({"picture",
                                         ElementType::F32,
                                         {options.batch, 3, options.open_height, options.open_width},
                                         std::nullopt})};
    }
    return graph;
}

inline std::span<const DeviceDef* const> fake_devices() {
    static const DeviceDef* const table[] = {&device_fake};
    return table;
}

inline const DeviceDef* find_fake(std::string_view name) {
    return name == "FAKE" ? &device_fake : nullptr;
}

inline SessionParts parts_for(Device& device) {
    return {.find_device = find_fake,
            .all_devices = fake_devices,
            .content_hash = text_of,
            .load = load_fake,
            .make_fill = copying_fill,
            .clock = device.options().threads ? nullptr : &device.clock()};
}

inline SessionConfig config_for(const Device& device,
                                const std::string& model = model_file("model", "a model")) {
    SessionConfig config;
    config.model = model;
    config.device = "FAKE";
    config.options.extra["FAKE.fake"] = device.id();
    return config;
}

inline std::shared_ptr<const Processing> raw_tensors() {
    static const auto how = std::make_shared<const Processing>();
    return how;
}

// A session that is ready, and its sources by number.
struct Rig {
    explicit Rig(Device::Options options, int requests = 0, int batch = 0, bool open = false,
                 const std::string& device_name = "FAKE", DeviceTable devices = {find_fake, fake_devices})
        : device(std::move(options)) {
        SessionConfig config = config_for(device, model_file("model", open ? "open" : "a model"));
        config.device = device_name;
        config.is_private = true;
        config.at_source_size = open;
        config.options.requests = requests;
        config.options.batch = batch;
        SessionParts parts = parts_for(device);
        parts.find_device = devices.find;
        parts.all_devices = devices.all;
        auto opened = open_session(config, parts);
        EXPECT_TRUE(opened.ok());
        session = opened.value();
    }

    // A session dropped while its thread still tells others that it is ready ends elsewhere.
    ~Rig() {
        sources.clear();
        session.reset();
        Reaper::instance().wait_until_idle();
        device.wait_gone(); // one that hung is ended by a thread of its own
    }

    Source& add(const SourceOptions& options = {}) {
        sources.push_back(session->add_source(options));
        EXPECT_EQ(sources.back()->wait_ready(), PushResult::Ok);
        return *sources.back();
    }
    PushResult push(int source, int number) {
        return push(std::make_unique<TestFrame>(source, number));
    }
    PushResult push(std::unique_ptr<TestFrame> frame) {
        Source& to = *sources[size_t(frame->id[0])];
        return to.push(std::move(frame), raw_tensors());
    }
    void step_all() {
        while (device.step()) {
        }
    }

    Device device;
    std::shared_ptr<Session> session;
    std::vector<std::unique_ptr<Source>> sources;
};

// The frame's own number; -1 for a marker. Fails if its result was made from another frame.
inline int number_of(const Output& output) {
    if (!output.is_frame)
        return -1;
    const auto& frame = dynamic_cast<const TestFrame&>(*output.item);
    if (output.status == FrameStatus::Inferred) {
        EXPECT_EQ(output.results.tensors.size(), 1u);
        const auto echo = output.results.tensors[0].second.span<float>();
        EXPECT_EQ(echo[0], frame.id[0]);
        EXPECT_EQ(echo[1], frame.id[1]);
    }
    return int(frame.id[1]);
}

} // namespace infer::fake
