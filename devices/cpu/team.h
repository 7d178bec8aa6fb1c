// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_scheduler_observer.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace infer::cpu {

// The threads that share one request: the lane's own, and oneTBB workers that stand by while it
// runs. Work comes as slices that whoever is free takes, so a worker that the system has taken
// off its core delays at most the slice it holds; if none comes, the lane's thread does it all.
//
// Handing out costs some 0.2 us a step, where a parallel_for costs several: workers keep looking
// for the next step, first spinning, then yielding their core.
class Team {
public:
    // `processors`: what the workers stay on while they help; empty: any.
    explicit Team(int threads, const std::vector<int>& processors = {});
    ~Team();

    int threads() const { return threads_; }

    // Runs `body` on this thread with workers standing by, `threads` in all (at most threads()).
    // One at a time.
    void work(int threads, const std::function<void()>& body);

    // Only inside work(): task(slice, thread) for each slice below `slices` (< 65536); returns when
    // all are done. `thread` is below threads(), and no two running tasks have the same.
    template <typename F> void run(int slices, F&& task) {
        if (slices <= 1 || threads_ == 1) {
            for (int k = 0; k < slices; k++)
                task(k, 0);
            return;
        }
        hand_out(
            slices, [](void* f, int slice, int thread) { (*static_cast<F*>(f))(slice, thread); },
            const_cast<void*>(static_cast<const void*>(&task)));
    }

private:
    using Task = void (*)(void* context, int slice, int thread);

    void hand_out(int slices, Task task, void* context);
    bool take_one(int thread);
    void help(int thread); // a worker, until the request is done

    const int threads_;
    std::unique_ptr<tbb::global_control> more_; // when asked for more threads than cores
    std::unique_ptr<tbb::task_arena> arena_;
    std::unique_ptr<tbb::task_scheduler_observer>
        guide_;           // keeps workers on the processors; goes first
    Task task_ = nullptr; // written only while no slice is open
    void* context_ = nullptr;
    // step << 32 | slices << 16 | next: one word, so that nobody takes a slice of a later step with
    // an earlier step's task.
    alignas(64) std::atomic<uint64_t> ticket_{0};
    alignas(64) std::atomic<int> done_{0};
    alignas(64) std::atomic<bool> stop_{false};
};

} // namespace infer::cpu
