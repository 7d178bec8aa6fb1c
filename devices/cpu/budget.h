// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

namespace infer::cpu {

// The cores of the process, shared by the lanes of all its models: a lane takes cores before it
// runs a request and gives them back after, so that models in several elements or pipelines do not
// have more threads at work than there are cores. Who waits gets cores in the order of arrival, and
// takes what is free rather than wait for all it could use. Thread-safe.
class CoreBudget {
public:
    explicit CoreBudget(int cores) : cores_(cores), free_(cores) {}
    static CoreBudget& of_process(); // usable_cores() when it is first asked for

    // Cores taken until this goes. Nothing may be called under it that waits for another lane.
    class Share {
    public:
        Share(CoreBudget& budget, int wanted) : budget_(budget), cores_(budget.take(wanted)) {}
        ~Share() { budget_.give(cores_); }
        Share(const Share&) = delete;
        int cores() const { return cores_; } // 1 to what was wanted

    private:
        CoreBudget& budget_;
        const int cores_;
    };

    int cores() const { return cores_; }
    int most_at_work() const; // the most that were taken at once so far
    int waiting() const;      // lanes that wait for a core

private:
    struct Waiter {
        int wanted = 1, granted = 0;
        std::condition_variable came;
    };

    int take(int wanted); // blocks until there is one
    void give(int cores);
    int grant(int wanted); // lock held; some are free

    const int cores_;
    mutable std::mutex mutex_; // guards all below; no other lock is taken under it
    int free_, most_ = 0;
    std::deque<Waiter*> line_; // not empty only while no core is free
};

} // namespace infer::cpu
