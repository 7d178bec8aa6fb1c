// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/session/compile.h"
#include "inference/session/listeners.h"
#include "inference/session/shelf.h"
#include "inference/session/source.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace infer {

// A Session: a thread that compiles, then an engine; the sources in between.
class CompiledSession final : public Session, public std::enable_shared_from_this<CompiledSession> {
public:
    static std::shared_ptr<CompiledSession> start(const SessionConfig& config,
                                                  const SessionParts& parts);
    ~CompiledSession() override; // joins the session thread; waits for requests in flight

    std::shared_ptr<void> when_ready(std::function<void(const Error*)> on) override;
    std::shared_ptr<void> when_hung(std::function<void(const Error*)> on) override;
    std::shared_ptr<void> when_noticed(std::function<void(const DeviceNotice&)> on) override {
        return notices_->listen(std::move(on));
    }
    bool ready() const override { return ready_; }
    std::optional<Error> error() const override;
    std::span<const InputFormat> inputs() const override { return model_.inputs; }
    std::span<const OutputFormat> outputs() const override { return model_.outputs; }
    std::optional<Error> warning() const override { return model_.warning; }
    std::map<std::string, std::string> describe() const override;
    const std::map<std::string, std::string>& metadata() const override { return model_.metadata; }
    int64_t expected_latency_us() const override;
    std::unique_ptr<Source> add_source(const SourceOptions& options) override;
    SessionStats stats() const override;
    void set_latency_limit(double limit_ms) override;

    std::vector<Lease> engines() const { return shelf_.engines(); } // none before ready
    void remove(const SourceState* source);

private:
    CompiledSession(const SessionConfig& config, const SessionParts& parts);

    // What is known of the model at its first size. Does not change once ready.
    struct Model {
        std::vector<InputFormat> inputs;
        std::vector<OutputFormat> outputs;
        std::map<std::string, std::string> metadata;
        int rows = 1; // the most of a request
        std::optional<Error> warning;
    };

    static void retire(CompiledSession* session);
    static void end(CompiledSession* session);
    bool wait_idle(std::optional<int64_t> for_us) const;
    void hung(const Error& error);
    void run(); // session thread
    Result<void> make_first();
    Order order() {
        return {config_, parts_, counters_, abandoned_, [this](const Error& error) { hung(error); }, notices_};
    }
    void attach(SourceState& source);
    std::vector<DeviceCounters> devices() const;
    int bound_before_ready() const;

    const SessionConfig config_;
    const SessionParts parts_;
    std::atomic<bool> abandoned_{false}; // nobody holds the session any more
    std::atomic<bool> ended_{false};     // run() touches nothing any more

    const std::shared_ptr<FlowCounters> counters_ = std::make_shared<FlowCounters>();
    const std::shared_ptr<NoticeBoard> notices_ = std::make_shared<NoticeBoard>();
    // Written by run() before ready_.
    Model model_;
    std::optional<Sizes> sizes_; // set where they change it with their frames' size

    mutable std::mutex mutex_; // guards all below; no other lock is taken under it
    bool settled_ = false;     // compiled or failed
    std::optional<Error> error_;
    std::vector<std::shared_ptr<Listener>> listeners_, hung_listeners_;
    std::vector<std::shared_ptr<SourceState>> sources_;

    EngineShelf shelf_; // ends before what its engines' timers may call

    std::atomic<bool> ready_{false};
    std::thread thread_; // runs run()
};

} // namespace infer
