// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/multi/core.h"

#include "devices/multi/convert.h"
#include "inference/session/rows.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace infer::multi {

Core::Core(Terms terms, std::vector<Candidate> candidates, size_t home)
    : terms_(std::move(terms)),
      own_clock_(terms_.clock ? nullptr : std::make_unique<MonotonicClock>()),
      clock_(terms_.clock ? terms_.clock : own_clock_.get()), home_(home),
      inputs_(candidates[home].executor->inputs().begin(),
              candidates[home].executor->inputs().end()),
      outputs_(candidates[home].executor->outputs().begin(),
               candidates[home].executor->outputs().end()),
      members_(candidates.size()) {
    assert(candidates.size() <= 64 && candidates[home].executor);
    for (size_t d = 0; d < members_.size(); d++) {
        Member& member = members_[d];
        member.name = std::move(candidates[d].name);
        member.why = "is being made ready";
        if (!candidates[d].executor)
            continue;
        member.executor = std::move(candidates[d].executor);
        member.canary = std::move(candidates[d].canary);
        member.service.guess(candidates[d].first_run_us);
        member.state = State::InUse;
    }
}

Core::~Core() = default;

void Core::start() {
    for (size_t d = 0; d < members_.size(); d++)
        if (members_[d].canary)
            catch_canary(d);
    if (!terms_.clock)
        timer_ = std::make_unique<Timer>([this] {
            tick();
            std::lock_guard lock(mutex_);
            return next_look_us();
        });
}

void Core::catch_canary(size_t device) {
    members_[device].canary->done = [core = weak_from_this(), device](const Error* error) {
        if (const auto held = core.lock())
            held->canary_done(device, error);
    };
}

Result<void> Core::join(size_t device, Candidate candidate) {
    std::lock_guard making(making_);
    {
        std::lock_guard lock(mutex_);
        if (closing_)
            return {};
    }
    if (auto fits = can_convert(home(), *candidate.executor); !fits.ok())
        return fits;
    Member& member = members_[device];
    member.canary = std::move(candidate.canary);
    catch_canary(device);
    member.executor = std::move(candidate.executor);
    if (auto given = give_requests(device, slots_); !given.ok())
        return given;
    Todo todo;
    {
        std::lock_guard lock(mutex_);
        if (closing_)
            return {};
        member.service.guess(candidate.first_run_us);
        take_back(device, todo);
        todo.notices.back().what = "is ready and serves from now on";
        plan(now_us(), todo);
    }
    act(std::move(todo));
    return {};
}

void Core::leave_out(size_t device, const std::string& why) {
    std::unique_lock lock(mutex_);
    members_[device].state = State::LeftOut;
    members_[device].why = "left out: " + why;
    lock.unlock();
    if (terms_.on_notice)
        terms_.on_notice({true, members_[device].name, "is left out: " + why});
}

// With making_ held.
Result<void> Core::give_requests(size_t device, std::span<const std::shared_ptr<Slot>> slots) {
    auto made = members_[device].executor->make_requests(int(slots.size()));
    if (!made.ok())
        return made.error();
    for (size_t s = 0; s < slots.size(); s++) {
        Request& request = made.value()[s];
        // The slot lives as long as anybody may call this: it is the request's memory.
        request.done = [core = weak_from_this(), slot = slots[s].get(),
                        device](const Error* error) {
            if (const auto held = core.lock())
                held->done(*slot, device, error);
        };
        std::lock_guard lock(mutex_);
        slots[s]->inner[device] = std::move(request);
    }
    return {};
}

Result<std::vector<Request>> Core::make_requests(int count) {
    std::lock_guard making(making_);
    std::vector<std::shared_ptr<Slot>> slots;
    for (int k = 0; k < count; k++) {
        slots.push_back(std::make_shared<Slot>());
        slots.back()->inner.resize(members_.size());
        slots.back()->runs.resize(members_.size(), Run::None);
    }
    for (size_t d = 0; d < members_.size(); d++)
        if (members_[d].executor)
            if (auto given = give_requests(d, slots); !given.ok())
                return given.error();
    std::vector<Request> requests(static_cast<size_t>(count));
    for (size_t k = 0; k < slots.size(); k++) {
        requests[k].inputs = slots[k]->inner[home_].inputs;
        requests[k].outputs = slots[k]->inner[home_].outputs;
        requests[k].memory = slots[k];
    }
    std::lock_guard lock(mutex_);
    slots_.insert(slots_.end(), slots.begin(), slots.end());
    return requests;
}

void Core::submit(Request& request) {
    Slot& slot = *static_cast<Slot*>(request.memory.get());
    Todo todo;
    {
        std::lock_guard lock(mutex_);
        slot.outer = &request;
        slot.serial = ++serial_;
        slot.tried = 0;
        active_++;
        line_.insert(&slot);
        plan(now_us(), todo);
    }
    act(std::move(todo));
}

void Core::tick() {
    Todo todo;
    {
        std::lock_guard lock(mutex_);
        const int64_t now = now_us();
        look_for_hangs(now, todo);
        if (!closing_)
            send_canaries(now, todo);
        plan(now, todo);
    }
    act(std::move(todo));
}

bool Core::may_serve(const Slot& slot, size_t device) const {
    const Member& member = members_[device];
    return member.state == State::InUse && slot.runs[device] == Run::None &&
           !(slot.tried >> device & 1) && member.stuck < member.executor->lanes();
}

uint64_t Core::allowed(const Slot& slot) const {
    uint64_t devices = 0;
    for (size_t d = 0; d < members_.size(); d++)
        devices |= uint64_t(may_serve(slot, d)) << d;
    return devices;
}

// Gives out what waits, in order. What a better device gets to in time waits for it.
void Core::plan(int64_t now_us, Todo& todo) {
    std::vector<Lanes> lanes = lanes_at(now_us);
    for (auto it = line_.begin(); it != line_.end();) {
        Slot& slot = **it;
        const auto choice = choose(lanes, allowed(slot), terms_.policy, now_us);
        if (choice && !choice->starts_now && !closing_) {
            if (terms_.policy == Policy::InTurn)
                break; // nobody overtakes
            ++it;
            continue;
        }
        it = line_.erase(it);
        if (!choice) {
            todo.failed.emplace_back(&slot,
                                     Error{Error::Device, "device", "none is left that works"});
            continue;
        }
        slot.at = int(choice->device);
        slot.begun_us = now_us;
        slot.runs[choice->device] = Run::Running;
        members_[choice->device].running++;
        members_[choice->device].turn = choice->turn;
        todo.launches.emplace_back(&slot, choice->device);
    }
    if (!line_.empty())
        forget_old_times(now_us);
}

std::vector<Lanes> Core::lanes_at(int64_t now_us) const {
    std::vector<Lanes> all(members_.size());
    for (size_t d = 0; d < members_.size(); d++) {
        const Member& member = members_[d];
        if (member.state != State::InUse)
            continue;
        all[d].service_us = member.service.us();
        all[d].turn = member.turn;
        all[d].free_us.resize(size_t(std::max(0, member.executor->lanes() - member.stuck)), now_us);
    }
    std::vector<size_t> taken(members_.size(), 0);
    for (const auto& slot : slots_)
        if (slot->at >= 0) {
            const auto d = size_t(slot->at);
            if (taken[d] < all[d].free_us.size())
                all[d].free_us[taken[d]++] = free_at(slot->begun_us, all[d].service_us, now_us);
        }
    return all;
}

// A device that one bad measurement keeps out of use would never be measured again.
void Core::forget_old_times(int64_t now_us) {
    for (Member& member : members_)
        if (member.state == State::InUse && member.running == 0 &&
            now_us - member.served_us > 64 * member.service.us() && member.service.us() > 0) {
            member.service.forget_half();
            member.served_us = now_us;
        }
}

// With the lock not held: devices may call done() from submit().
void Core::act(Todo todo) {
    for (const auto& [slot, device] : todo.launches)
        launch(*slot, device);
    for (const size_t device : todo.canaries)
        members_[device].executor->submit(*members_[device].canary);
    for (const auto& [slot, error] : todo.failed)
        finish(*slot, &error);
    if (terms_.on_notice)
        for (const DeviceNotice& notice : todo.notices)
            terms_.on_notice(notice);
    if (!timer_)
        return;
    std::unique_lock lock(mutex_);
    const int64_t look_us = next_look_us();
    lock.unlock();
    timer_->arm(look_us);
}

void Core::launch(Slot& slot, size_t device) {
    Request& inner = slot.inner[device];
    const Executor& executor = *members_[device].executor;
    inner.rows = slot.outer->rows;
    const int rows = executor.batch();
    for (size_t k = 0; device != home_ && k < inner.inputs.size(); k++)
        for (int row = 0; row < rows; row++)
            if (inner.rows >> row & 1)
                convert(inputs_[k], row_of(slot.outer->inputs[k], row, rows), executor.inputs()[k],
                        row_of(inner.inputs[k], row, rows));
    members_[device].executor->submit(inner);
}

void Core::done(Slot& slot, size_t device, const Error* error) {
    Todo todo;
    bool is_served = false;
    {
        std::lock_guard lock(mutex_);
        Member& member = members_[device];
        const Run was = std::exchange(slot.runs[device], Run::None);
        if (was == Run::None)
            return; // a second `done` for one submit
        const int64_t now = now_us();
        if (was == Run::Stuck) {
            member.stuck--;
            member.retry_us = now; // it moves again
        } else {
            member.running--;
            slot.at = -1;
            is_served = error == nullptr;
            if (is_served) {
                member.service.add(now - slot.begun_us);
                member.served_us = now;
                member.requests++;
            } else {
                failed(slot, device, *error, todo);
            }
        }
        send_canaries(now, todo);
        plan(now, todo);
    }
    act(std::move(todo));
    if (is_served)
        deliver(slot, device);
}

void Core::deliver(Slot& slot, size_t device) {
    Request& outer = *slot.outer;
    Request& inner = slot.inner[device];
    outer.device = members_[device].name;
    slot.outputs.resize(outputs_.size());
    for (size_t k = 0; k < outputs_.size(); k++) {
        const ElementType wanted = outputs_[k].type;
        if (inner.outputs[k].type == wanted) {
            outer.outputs[k] = inner.outputs[k];
            continue;
        }
        if (slot.outputs[k].shape() != inner.outputs[k].shape || slot.outputs[k].type() != wanted)
            slot.outputs[k] = Tensor(wanted, inner.outputs[k].shape);
        outer.outputs[k] = slot.outputs[k].view();
        convert(inner.outputs[k], outer.outputs[k]);
    }
    finish(slot, nullptr);
}

void Core::finish(Slot& slot, const Error* error) {
    slot.outer->done(error);
    std::lock_guard lock(mutex_);
    if (--active_ == 0)
        idle_.notify_all(); // under the lock: nothing here is touched any more
}

std::vector<DeviceCounters> Core::counters() const {
    std::lock_guard lock(mutex_);
    std::vector<DeviceCounters> all;
    for (const Member& member : members_)
        all.push_back({member.name, member.state == State::InUse ? "in use" : member.why,
                       member.requests, member.failures, double(member.service.us())});
    return all;
}

std::map<std::string, std::string> Core::describe() const {
    std::map<std::string, std::string> facts;
    std::lock_guard lock(mutex_);
    for (const Member& member : members_)
        if (member.state == State::InUse || member.state == State::PutAside)
            for (const auto& [key, value] : member.executor->describe())
                facts[member.name + "." + key] = value;
    return facts;
}

void Core::close() {
    Todo todo;
    {
        std::lock_guard lock(mutex_);
        closing_ = true;
        plan(now_us(), todo);
    }
    act(std::move(todo));
    if (timer_) { // a test's clock stands still: there the devices' own ends wait
        std::unique_lock lock(mutex_);
        idle_.wait(lock, [&] {
            return active_ == 0 && std::ranges::none_of(members_, [](const Member& member) {
                       return member.canary_run == Run::Running;
                   });
        });
    }
    std::lock_guard making(making_); // whoever joins meanwhile is done with the others
    for (Member& member : members_) {
        std::unique_lock lock(mutex_);
        const bool is_stuck = member.stuck > 0 || member.canary_run == Run::Stuck;
        member.state = State::LeftOut;
        lock.unlock();
        if (is_stuck && !terms_.clock)
            abandon(std::move(member.executor), slots_, member.canary);
        else
            member.executor.reset();
    }
}

} // namespace infer::multi
