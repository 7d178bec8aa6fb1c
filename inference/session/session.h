// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/session/compile.h"
#include "inference/session/listeners.h"
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
    bool ready() const override { return engine() != nullptr; }
    std::optional<Error> error() const override;
    std::span<const InputFormat> inputs() const override { return engine()->executor().inputs(); }
    std::span<const OutputFormat> outputs() const override {
        return engine()->executor().outputs();
    }
    std::map<std::string, std::string> describe() const override { return engine()->describe(); }
    const std::map<std::string, std::string>& metadata() const override {
        return engine()->metadata();
    }
    int64_t expected_latency_us() const override;
    std::unique_ptr<Source> add_source(const SourceOptions& options) override;
    SessionStats stats() const override;

    Engine* engine() const { return ready_engine_.load(); } // nullptr before ready
    void remove(const SourceState* source);

private:
    CompiledSession(const SessionConfig& config, const SessionParts& parts);

    static void retire(CompiledSession* session);
    void run(); // session thread
    void attach(SourceState& source);
    int bound_before_ready() const;

    const SessionConfig config_;
    const SessionParts parts_;
    std::atomic<bool> abandoned_{false}; // nobody holds the session any more
    std::atomic<bool> ended_{false};     // run() touches nothing any more

    mutable std::mutex mutex_; // guards all below; no other lock is taken under it
    bool settled_ = false;     // compiled or failed
    std::optional<Error> error_;
    std::unique_ptr<Engine> engine_; // does not change once settled_
    std::vector<std::shared_ptr<Listener>> listeners_;
    std::vector<std::shared_ptr<SourceState>> sources_;

    std::atomic<Engine*> ready_engine_{nullptr};
    std::thread thread_; // runs run()
};

} // namespace infer
