// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/batcher.h"
#include "inference/device.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace infer {

// A fixed set of requests, whose rows are lent to the sources of a session.
//
//     free --acquire() opens a batch--> open --Batcher closes--> closed, last row settled
//       ^                                                                    |
//       +---release()-- decoded <--lane_done()-- done <--- submitted <-------+
//
// The pool never grows: acquire() blocking is the back-pressure that reaches the sources. Who waits
// for a row stands in one line, by priority and then by arrival, and whoever frees a request hands
// its rows out in that order: waking up early wins nothing. Nobody stops a pool, because sources of
// other pipelines use it too: each wait is cancelled by its own source.
//
// The pool does not submit: calls below that return a slot ask their caller to submit it, once,
// holding no lock. Thread-safe.
class RequestPool {
public:
    // One source as the pool sees it. Its fields are the pool's, under the pool's lock.
    class Client {
        friend class RequestPool;
        int member = -1; // of the batcher; -1: left
        int priority = 0;
        bool cancelled = false;
        bool waiting = false;
        bool calls_back = false; // waits in acquire_later()
        uint64_t ticket = 0;
        std::optional<Row> granted;
        std::condition_variable woken;
        std::function<void(Row)> on_row;
    };
    // Who has got a row: to be woken, or to be called back with this row.
    struct Wake {
        std::shared_ptr<Client> client;
        std::optional<Row> row;
    };
    using Woken = std::vector<Wake>;

    RequestPool(std::vector<Request> requests, Batcher::Rules rules); // slots: as many as requests

    int rows() const { return rows_; }
    int requests() const { return int(requests_.size()); }
    // Stays where it is. Its memory belongs to whoever holds a row, then to the device, then to
    // whoever decodes.
    Request& request(int slot) { return requests_[size_t(slot)]; }

    // `on_row`: what acquire_later() calls, on any thread, under no lock.
    std::shared_ptr<Client> join(const BatchTerms& terms, int priority, std::function<void(Row)> on_row = {});
    std::optional<int> set_terms(Client& client, const BatchTerms& terms, int priority,
                                 int64_t now_us);
    std::optional<int> leave(Client& client, int64_t now_us); // never used after; cancels its wait

    // A row to fill, which must be settled soon: others wait for it. Blocks until it is this
    // client's turn; nullopt once cancelled. One thread a client.
    std::optional<Row> acquire(const std::shared_ptr<Client>& client, int64_t now_us);
    // The same without waiting: a row if one is free, or else the client stands in line and its on_row
    // is called once, unless it is cancelled before. One at a time.
    struct Asked {
        std::optional<Row> row;
        bool is_cancelled = false;
    };
    Asked acquire_later(const std::shared_ptr<Client>& client, int64_t now_us);
    // A row is filled, or a hole (abandoned).
    std::optional<int> settle(Row row, bool filled, int64_t now_us);

    // Its acquire() returns, now and until resume(). True: on_row will not be called that was to be.
    bool cancel(Client& client);
    void resume(Client& client);
    // The client brings nothing for now (EOS, DRAIN, flush): its open batch goes.
    std::optional<int> pause(Client& client, int64_t now_us);

    std::optional<int> tick(int64_t now_us);        // a deadline may have come
    std::optional<int> lane_done(int64_t now_us);   // device thread: a lane is free
    // At most so many rows are lent out and not released; at least 1. More than there are: no limit.
    void set_window(int rows);
    // Decoded: its memory may be written again. The caller wakes who got its rows.
    Woken release(int slot, int64_t now_us);
    static void wake(const Woken& woken);
    int64_t deadline_us() const;                    // of the open batch, or Batcher::never
    int64_t timeout_us(const Client& client) const; // what its frames may wait for company
    int free_rows() const;                          // rows acquire() would give at once
    int waiting() const;                            // clients in line
    void stop();                                    // nothing is handed out for submission any more

private:
    using Turn = std::pair<int, uint64_t>; // -priority, ticket
    void stand_in_line(const std::shared_ptr<Client>& client, bool calls_back);
    std::optional<Row> take_row(Client& client, int64_t now_us);
    std::optional<int> hand_out(std::optional<Batcher::Closed> closed, int64_t now_us,
                                Woken& woken);
    void free_slot(int slot, int64_t now_us, Woken& woken);
    void leave_line(Client& client);
    template <typename Step> std::optional<int> locked(int64_t now_us, Step step);

    const int rows_;
    std::vector<Request> requests_; // never resized: devices hold pointers

    mutable std::mutex mutex_; // guards all below, and every Client
    Batcher batcher_;
    std::vector<int> free_; // slots; the last freed is the first used: its memory is warm
    std::map<Turn, std::shared_ptr<Client>> line_; // not empty only while no row may be had
    uint64_t next_ticket_ = 0;
    bool stopped_ = false;
    int window_;                // rows that may be out
    int out_ = 0;               // rows taken, their slot not free again
    std::vector<int> taken_;    // of these, by slot
};

} // namespace infer
