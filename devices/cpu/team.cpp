// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/team.h"

#include "devices/cpu/cores.h"
#include "devices/cpu/spin.h"

#include <omp.h>
#include <tbb/info.h>
#include <tbb/task_group.h>

#include <thread>

namespace infer::cpu {
namespace {

// Spins a few microseconds, then lets others have the core: decoders share it.
class Wait {
public:
    void once() {
        if (spins_ < short_spin) {
            spins_++;
            pause_cpu();
        } else {
            std::this_thread::yield();
        }
    }
    void reset() { spins_ = 0; }

private:
    int spins_ = 0;
};

// oneTBB's workers belong to all arenas of the process: one stays on an arena's processors while it
// is there.
class Guide final : public tbb::task_scheduler_observer {
public:
    Guide(tbb::task_arena& arena, std::vector<int> processors)
        : task_scheduler_observer(arena), processors_(std::move(processors)) {
        observe(true);
    }
    ~Guide() noexcept override { observe(false); }

    void on_scheduler_entry(bool is_worker) override {
        if (is_worker)
            stay_on(processors_);
    }
    void on_scheduler_exit(bool is_worker) override {
        if (is_worker)
            stay_on(everywhere_);
    }

private:
    const std::vector<int> processors_, everywhere_ = allowed_processors();
};

} // namespace

Team::Team(int threads, const std::vector<int>& processors) : threads_(threads) {
    if (threads_ > tbb::info::default_concurrency())
        more_ = std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism,
                                                      size_t(threads_));
    if (threads_ > 1)
        arena_ = std::make_unique<tbb::task_arena>(threads_);
    if (arena_ && !processors.empty())
        guide_ = std::make_unique<Guide>(*arena_, processors);
}

Team::~Team() = default;

void Team::work(int threads, const std::function<void()>& body) {
    if (threads == 1)
        return body();
    arena_->execute([&] {
        stop_.store(false, std::memory_order_relaxed);
        tbb::task_group helpers;
        for (int thread = 1; thread < threads; thread++)
            helpers.run([this, thread] { help(thread); });
        body();
        stop_.store(true, std::memory_order_release);
        helpers.wait(); // runs those that no worker has begun; they return at once
    });
}

void Team::hand_out(int slices, Task task, void* context) {
    task_ = task;
    context_ = context;
    done_.store(0, std::memory_order_relaxed);
    const uint64_t step = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
    ticket_.store(step << 32 | uint64_t(slices) << 16, std::memory_order_release);
    while (take_one(0)) {
    }
    Wait wait;
    while (done_.load(std::memory_order_acquire) != slices)
        wait.once();
}

// Runs one slice if one is left.
bool Team::take_one(int thread) {
    uint64_t ticket = ticket_.load(std::memory_order_acquire);
    for (;;) {
        const int next = int(ticket & 0xffff), slices = int(ticket >> 16 & 0xffff);
        if (next >= slices)
            return false;
        if (ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel)) {
            task_(context_, next, thread);
            done_.fetch_add(1, std::memory_order_release);
            return true;
        }
    }
}

void Team::help(int thread) {
    omp_set_num_threads(1); // of this worker: oneDNN must not start an OpenMP team
    Wait wait;
    while (!stop_.load(std::memory_order_acquire)) {
        if (take_one(thread))
            wait.reset();
        else
            wait.once();
    }
}

} // namespace infer::cpu
