// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"
#include "inference/frame.h"
#include "inference/processing.h"

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace infer {

// What makes two sessions the same one: elements whose configs are equal share it.
struct SessionConfig {
    std::string model;          // file; its content counts, not its name
    std::string device = "CPU"; // CPU, GPU, GPU.1, MULTI:GPU,CPU, AUTO
    CompileOptions options;
    // The 99th percentile of frames' latency, from when a row is theirs (with SourceOptions::drop: from
    // push()) to decoded; 0: none.
    double latency_limit_ms = 0;
    std::map<std::string, Shape> shapes; // declared input shapes replaced
    // A picture's open height and width are those of each frame (input-size=source): compiled for
    // each size when it comes. Else they must be in `shapes`.
    bool at_source_size = false;
    // How long the device may end no batch while it has some, until it counts as hung; the model's first
    // run may take as long. 0: for ever; -1: goes by how long that run took.
    int64_t hang_timeout_ms = -1;
    bool is_private = false;             // never shared
};

enum class FrameStatus { Inferred, Skipped, Dropped, Failed };
std::string_view name_of(FrameStatus status); // "inferred", ...

// What inference says about one frame.
struct Results {
    std::vector<Detection> detections;                   // in pixels of the frame, clipped to it
    std::vector<Classification> classes;                 // of the whole frame
    std::vector<Attribute> attributes;                   // the same
    std::vector<Keypoint> keypoints;                     // in pixels of the frame
    std::vector<float> embedding;                        // empty: none
    std::optional<Segments> segments;
    std::optional<Picture> picture;
    std::vector<std::pair<std::string, Tensor>> tensors; // decoder=none: copies of the raw outputs
    std::shared_ptr<const Processing> processing;        // gives labels their names
    std::string device;
    int batch = 0;                                              // frames that were in its batch
    int64_t latency_us = 0;                                     // from push() to decoded
    int64_t preprocess_us = 0, inference_us = 0, decode_us = 0; // the rest is waiting
    int64_t decoded_at_us = 0;                                  // on the session's clock
};

// What leaves a source, in the order it came in.
struct Output {
    std::unique_ptr<Item> item; // the frame or marker that was pushed
    bool is_frame = false;
    uint64_t number = 0; // of the frame in its source, from 0; markers do not count
    FrameStatus status = FrameStatus::Inferred;
    std::string reason; // why, unless Inferred
    Results results;
};

// Opening hours of push(): Flushing between flush_start() and flush_stop(), Closed after close().
enum class PushResult { Ok, Flushing, Closed, Failed };

// What a source does with frames that come faster than they can be inferred: push() waits for its
// turn, or it waits for no device and of the frames that do, the oldest leave without a result as soon as
// there are more than a few, or as soon as their result could not be in time.
enum class Drop { None, Oldest, Late };

struct SourceOptions {
    std::string name;              // for messages
    Drop drop = Drop::None;        // of a model that runs at its sources' sizes: None
    int priority = 0;              // higher goes first when sources compete
    int64_t batch_timeout_us = -1; // how long a frame may wait for company; -1: auto
    int64_t frame_duration_us = 0; // 0: not known, or not live
    bool live = false;
    uint64_t first_number = 0; // of the first frame; add_source() alone reads it
};

// Frames of one source so far: in = out + in_flight + flushed.
struct SourceStats {
    uint64_t in = 0, out = 0;
    uint64_t inferred = 0, skipped = 0, dropped = 0, failed = 0; // of `out`
    uint64_t flushed = 0; // thrown away by flush_start() or close()
    int in_flight = 0;    // taken and not popped yet
    bool ready = false;   // pop() has an item to give at once

    void count(FrameStatus status); // one more is out
};

// One video on its way through a Session. Two threads use it: the streaming thread pushes, the
// task of its src pad pops; flush_start(), flush_stop(), close() and the getters may come from any
// thread. No call waits for another source's downstream, ever.
class Source {
public:
    virtual ~Source() = default; // close()s; nothing is called back afterwards

    // Waits until the model is compiled. Ok, Flushing, Closed, or Failed (see Session::error()).
    virtual PushResult wait_ready() = 0;

    // Takes a frame: waits for this source's in-flight credit and a free row (both cancelled by
    // flush_start and close), pre-processes on this thread, hands it on. Returns before the result
    // exists. A frame that cannot be mapped still leaves, as Failed, and so does one of a size that
    // the model cannot run at. Where the model runs at the source's size, a new size waits for it
    // to be compiled, as cancellably, and `how` is fitted to it.
    // With SourceOptions::drop the frame waits in a short queue instead, and is pre-processed by whoever
    // has a free row for it, maybe on a device thread. `slack_us`: from now on, until its result is due.
    virtual PushResult push(std::unique_ptr<Frame> frame, std::shared_ptr<const Processing> how,
                            int64_t slack_us = std::numeric_limits<int64_t>::max()) = 0;

    // A frame that is not to be inferred; it keeps its place. Never waits for a device: only while
    // frames are ready to leave and downstream does not take them.
    virtual PushResult pass(std::unique_ptr<Frame> frame, FrameStatus status,
                            std::string reason) = 0;

    // An event or query that keeps its place. Closes this source's open batch if `closes_batch`
    // (EOS, DRAIN), so that nothing waits for company that will not come.
    virtual PushResult push_marker(std::unique_ptr<Item> marker, bool closes_batch) = 0;

    // The next item in order; waits for it. nullopt while flushing and after close().
    virtual std::optional<Output> pop() = 0;

    // Throws away everything in flight (their results are dropped when they come) and wakes every
    // wait of this source. Items are destroyed in order on the calling thread.
    virtual void flush_start() = 0;
    virtual void flush_stop() = 0;
    virtual void close() = 0;

    virtual void set_options(const SourceOptions& options) = 0;
    virtual int in_flight_bound() const = 0; // frames this source may hold at once
    virtual SourceStats stats() const = 0;
};

// Counters and percentiles over the session's life so far; times in microseconds.
struct SessionStats {
    uint64_t frames = 0, failed = 0, batches = 0;
    double latency_p50_us = 0, latency_p95_us = 0, latency_p99_us = 0;
    double preprocess_us = 0, inference_us = 0, decode_us = 0, wait_us = 0; // means a frame
    std::vector<uint64_t> batch_fill; // [k]: batches with k rows
    std::vector<DeviceCounters> devices; // of MULTI and AUTO
    // Under a latency limit, else 0 and empty: frames that may be in flight, the 99th percentile of late
    // (tenths of seconds to seconds), and what keeps throughput from being higher: nothing, device, latency-limit or
    // unreachable.
    double latency_limit_us = 0, recent_p99_us = 0;
    int window = 0;
    std::string binds;
};

// One compiled model and its request pool, shared by all elements that want the same.
class Session {
public:
    // Finds an equal living session or starts one. Checks what can be checked at once (file,
    // device, values); compiling goes on on the session's own thread. May be dropped at any time on
    // any thread: what cannot end at once (compiling) ends elsewhere.
    static Result<std::shared_ptr<Session>> open(const SessionConfig& config);
    virtual ~Session() = default; // never on a thread of its own device

    // Calls back once compiled or failed (at once if it is already so): session thread or caller's.
    // `on` is not called after the returned handle is gone: dropping the handle waits for a call
    // that is going on on another thread, so drop it under no lock that `on` takes.
    virtual std::shared_ptr<void> when_ready(std::function<void(const Error*)> on) = 0;
    // The same for a device that hangs: once, on a thread of the session's, before the sources' frames leave
    // as failed. From then on error() says so, and push() gives Failed.
    virtual std::shared_ptr<void> when_hung(std::function<void(const Error*)> on) = 0;
    // Calls back with what becomes of devices that work together (MULTI, AUTO), and at once with what became
    // of them before: any thread, which must not drop the session. As long as the returned handle lives, and maybe once more, on another thread,
    // as it goes.
    virtual std::shared_ptr<void> when_noticed(std::function<void(const DeviceNotice&)> on) = 0;
    virtual bool ready() const = 0; // compiled
    virtual std::optional<Error> error() const = 0; // why it failed, if it did

    // After ready. Shapes are those of one size where the model runs at its sources' sizes.
    virtual std::span<const InputFormat> inputs() const = 0;
    virtual std::span<const OutputFormat> outputs() const = 0;
    // What was asked for and cannot be, so that the model runs without it: a batch-size.
    virtual std::optional<Error> warning() const = 0;
    virtual std::map<std::string, std::string>
    describe() const = 0; // device, precision, lanes, batch, requests
    // What the model's file says about itself: producer, labels...
    virtual const std::map<std::string, std::string>& metadata() const = 0;
    virtual int64_t
    expected_latency_us() const = 0; // batch delay + p95 of inference (first: the warm-up run)

    virtual std::unique_ptr<Source> add_source(const SourceOptions& options) = 0;
    virtual SessionStats stats() const = 0;

    // 0: none. Holds for all who share the session; it is shared with nobody new from then on.
    virtual void set_latency_limit(double limit_ms) = 0;
};

} // namespace infer
