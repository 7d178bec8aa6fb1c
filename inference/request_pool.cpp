// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/request_pool.h"

#include <algorithm>
#include <utility>

namespace infer {

RequestPool::RequestPool(std::vector<Request> requests, Batcher::Rules rules)
    : rows_(rules.rows), requests_(std::move(requests)),
      batcher_((rules.slots = int(requests_.size()), rules)), window_(rows_ * int(requests_.size())),
      taken_(requests_.size(), 0) {
    for (int slot = this->requests() - 1; slot >= 0; slot--)
        free_.push_back(slot);
}

std::shared_ptr<RequestPool::Client> RequestPool::join(const BatchTerms& terms, int priority,
                                                       std::function<void(Row)> on_row) {
    auto client = std::make_shared<Client>();
    client->priority = priority;
    client->on_row = std::move(on_row);
    std::lock_guard lock(mutex_);
    client->member = batcher_.join(terms);
    return client;
}

// Runs a step that may close a batch, and wakes whom it gave rows to after the lock is let go.
template <typename Step> std::optional<int> RequestPool::locked(int64_t now_us, Step step) {
    Woken woken;
    std::optional<int> submit;
    {
        std::lock_guard lock(mutex_);
        submit = hand_out(step(), now_us, woken);
    }
    wake(woken);
    return submit;
}

// Under no lock: reads nothing of a client that its own thread may write by now.
void RequestPool::wake(const Woken& woken) {
    for (const auto& [client, row] : woken)
        if (row)
            client->on_row(*row);
        else
            client->woken.notify_one();
}

std::optional<int> RequestPool::set_terms(Client& client, const BatchTerms& terms, int priority,
                                          int64_t now_us) {
    return locked(now_us, [&]() -> std::optional<Batcher::Closed> {
        if (client.member < 0)
            return std::nullopt;
        if (client.waiting) {
            auto turn = line_.extract({-client.priority, client.ticket});
            turn.key().first = -priority;
            line_.insert(std::move(turn));
        }
        client.priority = priority;
        return batcher_.set_terms(client.member, terms, now_us);
    });
}

std::optional<int> RequestPool::leave(Client& client, int64_t now_us) {
    cancel(client);
    return locked(now_us, [&]() -> std::optional<Batcher::Closed> {
        const int member = std::exchange(client.member, -1);
        return member < 0 ? std::nullopt : batcher_.leave(member, now_us);
    });
}

std::optional<Row> RequestPool::acquire(const std::shared_ptr<Client>& client, int64_t now_us) {
    std::unique_lock lock(mutex_);
    if (client->cancelled)
        return std::nullopt;
    if (line_.empty())
        if (auto row = take_row(*client, now_us))
            return row;
    stand_in_line(client, false);
    client->woken.wait(lock, [&] { return !client->waiting; });
    return std::exchange(client->granted, std::nullopt);
}

RequestPool::Asked RequestPool::acquire_later(const std::shared_ptr<Client>& client, int64_t now_us) {
    std::lock_guard lock(mutex_);
    if (client->cancelled)
        return {std::nullopt, true};
    if (line_.empty())
        if (auto row = take_row(*client, now_us))
            return {row};
    stand_in_line(client, true);
    return {};
}

void RequestPool::stand_in_line(const std::shared_ptr<Client>& client, bool calls_back) {
    client->waiting = true;
    client->calls_back = calls_back;
    client->granted.reset();
    client->ticket = next_ticket_++;
    line_.emplace(Turn{-client->priority, client->ticket}, client);
}

std::optional<int> RequestPool::settle(Row row, bool filled, int64_t now_us) {
    return locked(now_us, [&] { return batcher_.settle(row, filled, now_us); });
}

bool RequestPool::cancel(Client& client) {
    std::lock_guard lock(mutex_);
    client.cancelled = true;
    if (!client.waiting)
        return false;
    line_.erase({-client.priority, client.ticket});
    client.waiting = false;
    client.woken.notify_one(); // under the lock: `client` may go once its thread has woken
    return client.calls_back;
}

void RequestPool::resume(Client& client) {
    std::lock_guard lock(mutex_);
    client.cancelled = false;
}

std::optional<int> RequestPool::pause(Client& client, int64_t now_us) {
    return locked(now_us, [&]() -> std::optional<Batcher::Closed> {
        return client.member < 0 ? std::nullopt : batcher_.pause(client.member, now_us);
    });
}

std::optional<int> RequestPool::tick(int64_t now_us) {
    return locked(now_us, [&] { return batcher_.tick(now_us); });
}

std::optional<int> RequestPool::lane_done(int64_t now_us) {
    return locked(now_us, [&] { return batcher_.lane_done(now_us); });
}

RequestPool::Woken RequestPool::release(int slot, int64_t now_us) {
    Woken woken;
    std::lock_guard lock(mutex_);
    free_slot(slot, now_us, woken);
    return woken;
}

int64_t RequestPool::deadline_us() const {
    std::lock_guard lock(mutex_);
    return batcher_.deadline_us();
}

int64_t RequestPool::timeout_us(const Client& client) const {
    std::lock_guard lock(mutex_);
    return client.member < 0 ? 0 : batcher_.timeout_us(client.member);
}

int RequestPool::free_rows() const {
    std::lock_guard lock(mutex_);
    return std::min(int(free_.size()) * rows_ + batcher_.open_rows(), std::max(0, window_ - out_));
}

int RequestPool::waiting() const {
    std::lock_guard lock(mutex_);
    return int(line_.size());
}

void RequestPool::stop() {
    std::lock_guard lock(mutex_);
    stopped_ = true;
}

void RequestPool::set_window(int rows) {
    std::lock_guard lock(mutex_);
    window_ = rows;
}

std::optional<Row> RequestPool::take_row(Client& client, int64_t now_us) {
    if (out_ >= window_)
        return std::nullopt;
    if (!batcher_.is_open()) {
        if (free_.empty())
            return std::nullopt;
        batcher_.open(free_.back());
        free_.pop_back();
    }
    const Row row = batcher_.reserve(client.member, now_us);
    out_++;
    taken_[size_t(row.slot)]++;
    return row;
}

std::optional<int> RequestPool::hand_out(std::optional<Batcher::Closed> closed, int64_t now_us,
                                         Woken& woken) {
    if (!closed || stopped_)
        return std::nullopt;
    if (closed->rows == 0) {
        free_slot(closed->slot, now_us, woken);
        return std::nullopt;
    }
    request(closed->slot).rows = closed->rows;
    return closed->slot;
}

void RequestPool::free_slot(int slot, int64_t now_us, Woken& woken) {
    free_.push_back(slot);
    out_ -= std::exchange(taken_[size_t(slot)], 0);
    while (!line_.empty()) {
        const auto first = line_.begin();
        Client& client = *first->second;
        const std::optional<Row> row = take_row(client, now_us);
        if (!row)
            return;
        client.waiting = false;
        if (!client.calls_back)
            client.granted = row;
        woken.push_back({first->second, client.calls_back ? row : std::nullopt});
        line_.erase(first);
    }
}

} // namespace infer
