// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/engine.h"

#include "inference/session/source.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <limits>
#include <mutex>
#include <sstream>
#include <thread>

namespace infer {
namespace {

thread_local int done_depth = 0;

constexpr char remedy[] = "; set the pipeline to NULL and to PLAYING to load the model anew, or give hang-timeout=MS if "
                          "the device may take that long";

std::string in_seconds(int64_t us) {
    std::ostringstream text;
    text << double(us) / 1e6 << " s";
    return text.str();
}

Batcher::Rules rules_of(const Executor& executor, Hint hint) {
    return {.rows = executor.batch(), .lanes = executor.lanes(), .hint = hint};
}

} // namespace

Engine::Engine(std::unique_ptr<Executor> executor, std::vector<Request> requests, EngineOptions options,
               std::shared_ptr<FlowCounters> counters)
    : own_clock_(options.clock ? nullptr : std::make_unique<MonotonicClock>()),
      clock_(options.clock ? options.clock : own_clock_.get()), on_hang_(std::move(options.on_hang)),
      pool_(std::move(requests), rules_of(*executor, options.hint)), counters_(std::move(counters)),
      limit_(std::min(executor->lanes(), pool_.requests()) * pool_.rows(), pool_.requests() * pool_.rows()),
      window_(pool_.requests() * pool_.rows()),
      settings_from_(std::move(options.settings_from)), watchdog_(options.hang_timeout_ms), executor_(std::move(executor)) {
    const int rows = executor_->batch();
    for (int s = 0; s < pool_.requests(); s++) {
        Slot& slot = slots_.emplace_back();
        slot.views = RowViews(pool_.request(s), executor_->outputs(), rows);
        slot.work.resize(size_t(rows));
        pool_.request(s).done = [this, s](const Error* error) { done(s, error); };
    }
    const auto facts = executor_->describe();
    if (auto device = facts.find("device"); device != facts.end())
        device_ = device->second;
    if (own_clock_)
        timer_ = std::make_unique<Timer>([this] { return on_time(); });
}

Engine::~Engine() {
    timer_.reset();
    pool_.stop();
    executor_.reset();
}

void Engine::end(std::unique_ptr<Engine> engine) {
    if (!engine->wait_idle(std::nullopt))
        std::thread([engine = std::move(engine)]() mutable { engine.reset(); }).detach();
}

// The answer outlives this call: a device that hangs may wake up.
Result<void> Engine::warm_up() {
    struct Answer {
        std::mutex mutex;
        std::condition_variable came;
        bool is_here = false;
        Result<void> result;
    };
    Request& request = pool_.request(0);
    for (const TensorView& input : request.inputs)
        std::memset(input.data, 0, input.size_bytes());
    const auto answer = std::make_shared<Answer>();
    request.rows = 1;
    auto usual = std::exchange(request.done, [answer](const Error* error) {
        std::lock_guard lock(answer->mutex);
        if (error)
            answer->result = *error;
        answer->is_here = true;
        answer->came.notify_one();
    });
    const int64_t begun = now_us();
    executor_->submit(request);
    std::unique_lock lock(answer->mutex);
    const auto is_here = [&] { return answer->is_here; };
    if (const auto limit_us = watchdog_.warm_up_us(); !limit_us) {
        answer->came.wait(lock, is_here);
    } else if (!answer->came.wait_for(lock, std::chrono::microseconds(*limit_us), is_here)) {
        watchdog_.give_up();
        return Error{Error::Device, "device=" + device_,
                     "has not ended the model's first run within " + in_seconds(*limit_us) + " and counts as hung" + remedy};
    }
    request.done = std::move(usual);
    warm_up_us_ = now_us() - begun;
    watchdog_.warmed_up(warm_up_us_);
    return answer->result;
}

// What one source needs in flight to keep every lane busy while it fills one more batch and one
// more is decoded. More would only hold buffers that a small decoder pool has to do without.
int Engine::in_flight_bound() const {
    const int rows = executor_->batch();
    const int wanted = std::min(pool_.requests(), executor_->wanted_requests()) * rows;
    return std::min(wanted, std::max(64, 2 * rows));
}

int64_t Engine::inference_us() const {
    const double p95 = counters_->inference.percentile(0.95);
    return p95 > 0 ? int64_t(p95) : warm_up_us_;
}

std::map<std::string, std::string> Engine::describe() const {
    auto facts = executor_->describe();
    facts["batch"] = std::to_string(executor_->batch());
    facts["lanes"] = std::to_string(executor_->lanes());
    facts["requests"] = std::to_string(pool_.requests());
    facts["settings"] = settings_from_;
    return facts;
}

std::span<const TensorView> Engine::row_inputs(Row row) const {
    return slots_[size_t(row.slot)].views.inputs(row.row);
}

void Engine::set_terms(RequestPool::Client& client, const BatchTerms& terms, int priority) {
    submit(pool_.set_terms(client, terms, priority, now_us()));
}

void Engine::settle(Row row, bool filled) {
    const std::optional<int> slot = pool_.settle(row, filled, now_us());
    if (slot)
        submit(slot);
    else if (timer_ && pool_.rows() > 1)
        timer_->arm(pool_.deadline_us());
}

void Engine::tick() {
    executor_->tick();
    look();
}

void Engine::look() {
    submit(pool_.tick(now_us()));
    if (watchdog_.look(now_us()))
        give_up();
}

int64_t Engine::on_time() {
    look();
    return std::min(pool_.deadline_us(), watchdog_.due_us());
}

// in_flight says who finishes a batch: the device, or give_up(), which sees it here or is seen.
void Engine::submit(std::optional<int> index) {
    if (!index)
        return;
    Slot& slot = slots_[size_t(*index)];
    slot.submitted_us = now_us();
    watchdog_.begun(slot.submitted_us);
    slot.in_flight = true;
    if (watchdog_.hangs()) {
        const Error error = hang_error();
        return done(*index, &error);
    }
    executor_->submit(pool_.request(*index));
    if (timer_)
        timer_->arm(watchdog_.due_us());
}

bool Engine::on_device_thread() { return done_depth > 0; }

void Engine::done(int index, const Error* error) {
    if (!slots_[size_t(index)].in_flight.exchange(false))
        return; // a second `done` for one submit, or one that comes after the device was given up
    done_depth++;
    const int64_t done_us = now_us();
    submit(pool_.lane_done(done_us));
    std::vector<Finished> finished = collect(index, error, done_us);
    hold_limit(finished);
    const RequestPool::Woken woken = pool_.release(index, now_us());
    arrive(std::move(finished));
    RequestPool::wake(woken); // last: a frame that waited may be pre-processed here
    watchdog_.ended(now_us());
    done_depth--;
}

// Before the request is released: who gets its rows is let in by the new window.
void Engine::hold_limit(const std::vector<Finished>& finished) {
    const int64_t limit_us = counters_->latency_limit_us;
    const bool pressed = limit_us > 0 && pool_.waiting() > 0;
    for (const Finished& f : finished)
        if (const int window = limit_.add(f.output.results.latency_us, pressed, limit_us, now_us()); window_.exchange(window) != window)
            pool_.set_window(window);
}

// A tenth is left for what varies; who waited little always goes, however long the device takes.
int64_t Engine::longest_wait_us() const {
    const int64_t limit_us = counters_->latency_limit_us;
    return limit_us > 0 ? std::max(limit_us / 4, limit_us * 9 / 10 - inference_us()) : std::numeric_limits<int64_t>::max();
}

void Engine::arrive(std::vector<Finished> finished) {
    for (Finished& f : finished)
        f.source->arrive(f.place, std::move(f.output));
}

Error Engine::hang_error() const {
    return {Error::Device, "device=" + device_,
            "has ended no batch for " + in_seconds(watchdog_.limit_us()) + " and counts as hung" + remedy};
}

// The device keeps its requests: it may write to them at any time. Only their frames leave.
void Engine::give_up() {
    const Error error = hang_error();
    done_depth++; // whoever lets go of the session here must not end it here
    on_hang_(error);
    for (int index = 0; index < pool_.requests(); index++)
        if (slots_[size_t(index)].in_flight.exchange(false))
            arrive(collect(index, &error, now_us()));
    done_depth--;
}

std::vector<Engine::Finished> Engine::collect(int index, const Error* error, int64_t done_us) {
    Slot& slot = slots_[size_t(index)];
    const uint64_t rows = pool_.request(index).rows;
    const int64_t inference_us = done_us - slot.submitted_us;
    std::vector<Finished> finished;
    finished.reserve(size_t(std::popcount(rows)));
    for (int row = 0; row < pool_.rows(); row++) {
        if (!(rows >> row & 1))
            continue;
        Work work = std::exchange(slot.work[size_t(row)], {});
        const auto outputs =
            error ? std::span<const NamedTensor>{} : slot.views.outputs(pool_.request(index), row);
        Output output = finish_row(outputs, work, error, inference_us);
        output.results.batch = std::popcount(rows);
        if (const std::string_view device = pool_.request(index).device; !device.empty() && !error)
            output.results.device = device;
        finished.push_back({std::move(work.source), work.place, std::move(output)});
    }
    counters_->batches++;
    counters_->batch_fill[finished.size()]++;
    counters_->inference.add(inference_us);
    return finished;
}

} // namespace infer
