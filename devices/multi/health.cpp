// SPDX-License-Identifier: LGPL-2.1-or-later
// Devices that fail or do not answer, and how they come back.

#include "devices/multi/core.h"

#include <algorithm>
#include <limits>
#include <thread>

namespace infer::multi {
namespace {

constexpr int64_t first_backoff_us = 1'000'000, most_backoff_us = 60'000'000;

std::string seconds(int64_t us) {
    const std::string text = std::to_string(double(us) / 1e6);
    return text.substr(0, text.find('.') + 2) + " s";
}

} // namespace

// A request that fails on every device is at fault itself, and what it put aside comes back.
void Core::failed(Slot& slot, size_t device, const Error& error, Todo& todo) {
    members_[device].failures++;
    slot.tried |= uint64_t{1} << device;
    if (allowed(slot) != 0) {
        put_aside(device, error.text(), slot.serial, todo);
    } else {
        for (size_t d = 0; d < members_.size(); d++)
            if (members_[d].state == State::PutAside && members_[d].blamed_by == slot.serial)
                take_back(d, todo);
    }
    run_elsewhere(slot, error, todo);
}

void Core::run_elsewhere(Slot& slot, const Error& error, Todo& todo) {
    if (allowed(slot) != 0)
        line_.insert(&slot);
    else
        todo.failed.emplace_back(&slot, error);
}

void Core::put_aside(size_t device, const std::string& why, uint64_t blamed_by, Todo& todo) {
    Member& member = members_[device];
    if (member.state != State::InUse)
        return;
    member.state = State::PutAside;
    member.why = "put aside: " + why;
    member.blamed_by = blamed_by;
    if (now_us() - member.back_us > 10 * member.backoff_us)
        member.backoff_us = 0; // what was before is long ago
    member.backoff_us = std::clamp(2 * member.backoff_us, first_backoff_us, most_backoff_us);
    member.retry_us = now_us() + member.backoff_us;
    const bool has_others =
        std::ranges::any_of(members_, [](const Member& m) { return m.state == State::InUse; });
    todo.notices.push_back(
        {true, member.name,
         std::string("is put aside") +
             (has_others ? ", and what it was to do runs on the others (" : " (") + why +
             "); it is tried again in " + seconds(member.backoff_us)});
}

void Core::take_back(size_t device, Todo& todo) {
    Member& member = members_[device];
    member.state = State::InUse;
    member.why.clear();
    member.served_us = member.back_us = now_us();
    todo.notices.push_back({false, member.name, "is back and serves again"});
}

void Core::look_for_hangs(int64_t now_us, Todo& todo) {
    for (size_t d = 0; d < members_.size(); d++) {
        Member& member = members_[d];
        const auto is_late = [&](int64_t begun_us) {
            return now_us - begun_us > patience_us(member);
        };
        if (std::ranges::any_of(
                slots_, [&](const auto& s) { return s->at == int(d) && is_late(s->begun_us); }))
            hangs(d, todo);
        if (member.canary_run == Run::Running && is_late(member.canary_us)) {
            member.canary_run = Run::Stuck;
            member.backoff_us = std::min(2 * member.backoff_us, most_backoff_us);
            idle_.notify_all();
        }
    }
}

// All that it has runs elsewhere; what it says of them later is not listened to.
void Core::hangs(size_t device, Todo& todo) {
    Member& member = members_[device];
    const Error error{Error::Device, member.name,
                      "gave no answer for " + seconds(patience_us(member))};
    put_aside(device, error.what, 0, todo);
    for (const auto& slot : slots_) {
        if (slot->at != int(device))
            continue;
        slot->at = -1;
        slot->runs[device] = Run::Stuck;
        slot->tried |= uint64_t{1} << device;
        member.running--;
        member.stuck++;
        member.failures++;
        run_elsewhere(*slot, error, todo);
    }
}

void Core::send_canaries(int64_t now_us, Todo& todo) {
    for (size_t d = 0; d < members_.size(); d++) {
        Member& member = members_[d];
        if (member.state != State::PutAside || member.canary_run != Run::None ||
            now_us < member.retry_us || closing_)
            continue;
        member.canary_run = Run::Running;
        member.canary_us = now_us;
        todo.canaries.push_back(d);
    }
}

void Core::canary_done(size_t device, const Error* error) {
    Todo todo;
    {
        std::lock_guard lock(mutex_);
        Member& member = members_[device];
        const Run was = std::exchange(member.canary_run, Run::None);
        const int64_t now = now_us();
        if (was == Run::Stuck) {
            member.retry_us = now;
        } else if (error) {
            member.backoff_us = std::min(2 * member.backoff_us, most_backoff_us);
            member.retry_us = now + member.backoff_us;
            member.why = "put aside: " + error->text();
        } else if (was == Run::Running && member.state == State::PutAside) {
            take_back(device, todo);
        }
        send_canaries(now, todo);
        plan(now, todo);
        idle_.notify_all();
    }
    act(std::move(todo));
}

// When tick() has something to look at, if nothing else comes up before.
int64_t Core::next_look_us() const {
    int64_t next = std::numeric_limits<int64_t>::max();
    for (const auto& slot : slots_)
        if (slot->at >= 0)
            next = std::min(next, slot->begun_us + patience_us(members_[size_t(slot->at)]) + 1);
    for (const Member& member : members_) {
        if (member.canary_run == Run::Running)
            next = std::min(next, member.canary_us + patience_us(member) + 1);
        else if (member.state == State::PutAside && member.canary_run == Run::None && !closing_)
            next = std::min(next, member.retry_us);
        // What waits for a device that is late may have to go to another.
        if (!line_.empty() && member.state == State::InUse)
            next = std::min(next, now_us() + std::max<int64_t>(member.service.us(), 1000));
    }
    return next;
}

// The end of an executor waits for its requests, and these may never come back.
void Core::abandon(std::unique_ptr<Executor> executor, std::vector<std::shared_ptr<Slot>> slots,
                   std::shared_ptr<Request> canary) {
    std::thread([executor = std::move(executor), slots = std::move(slots),
                 canary = std::move(canary)]() mutable {
        executor.reset(); // until then the device may write into the others
    }).detach();
}

} // namespace infer::multi
