// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/shelf.h"

#include "inference/session/source.h"

#include <algorithm>

namespace infer {

EngineShelf::~EngineShelf() {
    {
        std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable())
        thread_.join();
}

void EngineShelf::put(FrameSize size, std::unique_ptr<Engine> engine) {
    std::lock_guard lock(mutex_);
    store(size, std::move(engine));
}

Lease EngineShelf::store(FrameSize size, std::unique_ptr<Engine> engine) {
    Entry& entry = entries_[size];
    entry.lease = Lease(engine.get(), [](Engine*) {}); // the entry ends it, not its users
    entry.engine = std::move(engine);
    entry.used = ++turn_;
    return entry.lease;
}

std::optional<Result<Lease>> EngineShelf::find(FrameSize size,
                                               const std::shared_ptr<SourceState>& asks) {
    std::unique_lock lock(mutex_);
    if (const auto reason = reasons_.find(size); reason != reasons_.end())
        return reason->second;
    if (const auto there = entries_.find(size); there != entries_.end()) {
        there->second.used = ++turn_;
        return there->second.lease;
    }
    const auto job = std::ranges::find(jobs_, size, &Job::size);
    if (job != jobs_.end())
        job->ask.push_back(asks);
    else
        jobs_.push_back({size, {asks}});
    if (!thread_.joinable())
        thread_ = std::thread([this] { run(); });
    lock.unlock();
    changed_.notify_all();
    return std::nullopt;
}

void EngineShelf::refuse(FrameSize size, const Error& why) {
    std::lock_guard lock(mutex_);
    remember(size, why);
}

void EngineShelf::remember(FrameSize size, const Error& why) {
    if (!reasons_.insert_or_assign(size, why).second)
        return;
    refused_.push_back(size);
    if (refused_.size() > kept_reasons) {
        reasons_.erase(refused_.front());
        refused_.pop_front();
    }
}

std::vector<Lease> EngineShelf::engines() const {
    std::lock_guard lock(mutex_);
    std::vector<const Entry*> entries;
    for (const auto& [size, entry] : entries_)
        entries.push_back(&entry);
    std::ranges::sort(entries, std::greater(), &Entry::used);
    std::vector<Lease> leases;
    for (const Entry* entry : entries)
        leases.push_back(entry->lease);
    return leases;
}

std::vector<FrameSize> EngineShelf::sizes() const {
    std::lock_guard lock(mutex_);
    std::vector<FrameSize> sizes;
    for (const auto& [size, entry] : entries_)
        sizes.push_back(size);
    return sizes;
}

bool EngineShelf::is_idle() const {
    std::lock_guard lock(mutex_);
    return jobs_.empty();
}

// Nobody has a lease, and nobody gets one while the lock is held. Letting go of ours first makes
// sure that what its last user did has been seen here.
bool EngineShelf::is_free(Entry& entry) {
    const std::weak_ptr<Engine> watch = entry.lease;
    entry.lease.reset();
    entry.lease = watch.lock();
    return !entry.lease;
}

// Takes out the least recently used of the engines that nobody uses, until there is room for one
// more or all are in use.
std::vector<std::unique_ptr<Engine>> EngineShelf::make_room() {
    std::vector<std::unique_ptr<Engine>> let_go;
    std::vector<Entries::iterator> by_age;
    for (auto it = entries_.begin(); it != entries_.end(); ++it)
        by_age.push_back(it);
    std::ranges::sort(by_age, {}, [](const auto& it) { return it->second.used; });
    for (const auto& it : by_age) {
        if (entries_.size() < kept)
            break;
        if (!is_free(it->second))
            continue;
        let_go.push_back(std::move(it->second.engine));
        entries_.erase(it);
    }
    return let_go;
}

void EngineShelf::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return stop_ || !jobs_.empty(); });
        if (stop_)
            return;
        work(lock);
    }
}

// The first job. Those who ask may have gone meanwhile: nothing is compiled for nobody. Sources are
// let go without the lock: what they hold is not ours.
void EngineShelf::work(std::unique_lock<std::mutex>& lock) {
    const FrameSize size = jobs_.front().size;
    std::vector<std::shared_ptr<SourceState>> ask = jobs_.front().ask;
    lock.unlock();
    const bool is_wanted =
        std::ranges::any_of(ask, [&](const auto& source) { return source->awaits(size); });
    std::optional<Result<Lease>> answer;
    if (is_wanted)
        answer = make(size);
    lock.lock();
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    // Who came after nobody was found to wait is served by a job of its own.
    if (!answer && job.ask.size() > ask.size())
        jobs_.push_back({size, {job.ask.begin() + ptrdiff_t(ask.size()), job.ask.end()}});
    lock.unlock();
    if (answer)
        for (const auto& source : job.ask)
            source->offer(size, *answer);
    ask.clear();
    job.ask.clear();
    answer.reset();
    lock.lock();
}

Result<Lease> EngineShelf::make(FrameSize size) {
    std::unique_lock lock(mutex_);
    auto let_go = make_room();
    lock.unlock();
    for (std::unique_ptr<Engine>& engine : let_go)
        Engine::end(std::move(engine)); // waits for what it has in flight
    auto made = compile_(size);
    lock.lock();
    if (made.ok())
        return store(size, std::move(made.value()));
    if (made.error().kind != Error::Cancelled)
        remember(size, made.error());
    return made.error();
}

} // namespace infer
