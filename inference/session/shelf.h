// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/session/engine.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace infer {

// The right to use an engine. The shelf keeps an engine as long as somebody has one; letting go
// ends nothing, so it may be done on any thread. The session's end outlasts no lease.
using Lease = std::shared_ptr<Engine>;

// The engines of a session: one, or where the model runs at the size of its frames one for each
// size of picture, compiled when somebody asks. Those in use are kept, and of the others the last
// few. Thread-safe.
class EngineShelf {
public:
    static constexpr size_t kept = 4; // engines, unless more are in use at once
    static constexpr size_t kept_reasons = 32;

    // Called on the shelf's own thread, under no lock; may block.
    using Compile = std::function<Result<std::unique_ptr<Engine>>(FrameSize)>;

    explicit EngineShelf(Compile compile) : compile_(std::move(compile)) {}
    ~EngineShelf(); // waits for a compilation that goes on and for requests in flight

    // An engine made elsewhere. Its size is that of its model's picture; {} where all frames use it.
    void put(FrameSize size, std::unique_ptr<Engine> engine);

    // The engine for this size, or why there is none. nullopt: it is being compiled, and `asks`
    // gets it by SourceState::offer() unless it asks for something else meanwhile.
    std::optional<Result<Lease>> find(FrameSize size, const std::shared_ptr<SourceState>& asks);
    // From now on find() says this of that size.
    void refuse(FrameSize size, const Error& why);

    std::vector<Lease> engines() const; // the last used first; not empty after put()
    std::vector<FrameSize> sizes() const;
    bool is_idle() const; // compiles nothing

private:
    struct Entry {
        std::unique_ptr<Engine> engine;
        Lease lease;       // what others have are copies
        uint64_t used = 0; // turn of the last find()
    };
    struct Job {
        FrameSize size;
        std::vector<std::shared_ptr<SourceState>> ask;
    };
    using Entries = std::map<FrameSize, Entry>;

    void run();
    void work(std::unique_lock<std::mutex>& lock);
    Result<Lease> make(FrameSize size);
    std::vector<std::unique_ptr<Engine>> make_room();
    bool is_free(Entry& entry);
    Lease store(FrameSize size, std::unique_ptr<Engine> engine);
    void remember(FrameSize size, const Error& why);

    const Compile compile_;
    mutable std::mutex mutex_; // guards all below; no other lock is taken under it
    std::condition_variable changed_;
    Entries entries_;
    std::map<FrameSize, Error> reasons_; // of sizes that cannot be
    std::deque<FrameSize> refused_;      // its keys, the oldest first
    std::deque<Job> jobs_;               // the first is in work if busy_
    bool busy_ = false, stop_ = false;
    uint64_t turn_ = 0;
    std::thread thread_; // from the first job on
};

} // namespace infer
