// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/clock.h"
#include "inference/graph.h"
#include "inference/result.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace infer {

enum class Hint { Latency, Throughput };
enum class Precision { Auto, F32, BF16, F16, Int8 };

// What became of one of several devices, for users to know.
struct DeviceNotice {
    bool is_warning = false;
    std::string device;
    std::string what;
};

// What one of several devices did so far.
struct DeviceCounters {
    std::string name;
    std::string state;     // "in use", or why it is not
    uint64_t requests = 0; // that it served
    uint64_t failures = 0; // that it failed, or did not answer
    double service_us = 0; // a request; 0: not known yet
};

struct CompileOptions {
    Hint hint = Hint::Throughput;
    Precision precision = Precision::Auto;
    int batch = 0;    // rows a request; 0: the hint and the device decide
    int requests = 0; // requests of the pool; 0: lanes + 2
    int streams = 0;  // lanes; 0: the hint decides
    int threads = 0;  // threads in all; 0: all cores this process may use
    std::map<std::string, std::string> extra = {}; // the device's own options, from device-options
    std::string device = {}; // as users wrote it, where a DeviceDef has several: "GPU.1", "MULTI:GPU,CPU"
    std::function<void(const DeviceNotice&)> on_notice = {}; // any thread, under no lock
    const Clock* clock = nullptr; // a test's, which Executor::tick() says has moved; nullptr: the machine's
};

// What an executor wants in one input: the pre-processor writes exactly this.
struct InputFormat {
    enum Layout { NCHW, NHWC, Plain } layout = NHWC; // Plain: not an image, memory as the shape says
    ElementType type = ElementType::F32;
    bool takes_frames = false; // true: give it the frame as it is, the device pre-processes
    std::string name;
    Shape shape; // as the model says (images: N, C, H, W, or N, H, W, C if channels_last)
    bool channels_last = false; // the model itself has N, H, W, C: `shape` and memory are the same
};

struct OutputFormat {
    std::string name;
    ElementType type = ElementType::F32;
    Shape shape; // [rows, ...] for models that can be batched; -1: depends on the data
    // A list in whose last dimension this column says which row of the request a line is about, as
    // DetectionOutput makes it; -1: no such list.
    int image_column = -1;
};

// One batch on its way through an executor. Its memory is the executor's (a GPU's may be pinned),
// made once by make_requests().
struct Request {
    std::vector<TensorView> inputs;         // one a model input, [rows, ...] in its InputFormat
    // Dense row-major; valid in `done` and until the next submit. Those with a -1 in their
    // OutputFormat get shape and memory by each run; before the first they are empty.
    std::vector<TensorView> outputs;
    uint64_t rows = 0;                      // bit r set: row r holds a frame; other rows are stale
    std::string_view device;                // of several: which made the outputs; valid as they are
    std::function<void(const Error*)> done; // nullptr on success. Called on a device thread.
    std::shared_ptr<void> memory;           // keeps the executor's memory alive with the request
};

// A model made ready for one device.
class Executor {
public:
    virtual ~Executor() = default; // waits for requests in flight; never on a device thread

    virtual std::span<const InputFormat> inputs() const = 0;
    virtual std::span<const OutputFormat> outputs() const = 0;
    virtual int batch() const = 0; // rows a request

    // `count` requests with their memory, for a RequestPool to lend out.
    virtual Result<std::vector<Request>> make_requests(int count) = 0;

    // Starts `request` and returns at once. Calls request.done exactly once, from any thread,
    // possibly before submit() returns. Thread-safe.
    virtual void submit(Request& request) = 0;

    // How many requests the device runs at once; >= 1.
    virtual int lanes() const = 0;
    // How many a pool should hold: two more than run, one being filled, one being decoded or filled.
    virtual int wanted_requests() const { return lanes() + 2; }

    // Of an executor of several devices: what each did.
    virtual std::vector<DeviceCounters> devices() const { return {}; }
    virtual void tick() {} // CompileOptions::clock has moved

    // What this executor is, for stats and tools: device name, precision, threads, kernels...
    virtual std::map<std::string, std::string> describe() const = 0;

    // Time by layer since compile: name, op, kernel, calls, microseconds. Empty unless
    // CompileOptions::extra["profile"] was set.
    struct LayerTime {
        std::string name, op, kernel;
        uint64_t calls = 0;
        double total_us = 0;
    };
    virtual std::vector<LayerTime> layer_times() const { return {}; }
};

// One kind of device: the only thing a new one has to define.
struct DeviceDef {
    std::string_view name;                         // what users write in device=, e.g. "CPU"
    Result<std::vector<std::string>> (*devices)(); // their names, or the reason why there is none
    // `graph` has been through optimize(), with the batch dimension it is to run at.
    Result<std::unique_ptr<Executor>> (*compile)(const Graph& graph, const CompileOptions&);
    // The batch that `device`, as users wrote it, wants for a hint; the graph is loaded at it.
    int (*preferred_batch)(std::string_view device, Hint);
    // What is wrong with `device`, as users wrote it. nullptr: it must be `name` or one of devices().
    Result<void> (*check)(std::string_view device) = nullptr;
    // How fast one of devices() is, for AUTO: those above the CPU's 100 are better, the highest first.
    // 0: never taken (an OpenCL device that is the CPU itself). nullptr: 0 for all.
    int (*rank)(std::string_view device) = nullptr;
    bool combines = false; // made of other devices: gets the device-options of all of them
};

std::span<const DeviceDef* const> all_devices(); // made from devices/meson.build
const DeviceDef* find_device(std::string_view name); // of those; nullptr: there is none

} // namespace infer
