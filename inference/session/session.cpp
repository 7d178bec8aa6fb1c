// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/session.h"

#include "inference/session/reaper.h"
#include "inference/session/registry.h"

#include <algorithm>

namespace infer {
namespace {

// What a user holds of a source. Keeps the session, which SourceState must not.
class SourceHandle final : public Source {
public:
    SourceHandle(std::shared_ptr<CompiledSession> session, std::shared_ptr<SourceState> state)
        : session_(std::move(session)), state_(std::move(state)) {}
    ~SourceHandle() override {
        state_->close();
        session_->remove(state_.get());
        state_->let_go();
    }

    PushResult wait_ready() override { return state_->wait_ready(); }
    PushResult push(std::unique_ptr<Frame> frame, std::shared_ptr<const Processing> how, int64_t slack_us) override {
        return state_->push(std::move(frame), std::move(how), slack_us);
    }
    PushResult pass(std::unique_ptr<Frame> frame, FrameStatus status, std::string reason) override {
        return state_->pass(std::move(frame), status, std::move(reason));
    }
    PushResult push_marker(std::unique_ptr<Item> marker, bool closes_batch) override {
        return state_->push_marker(std::move(marker), closes_batch);
    }
    std::optional<Output> pop() override { return state_->pop(); }
    void flush_start() override { state_->flush_start(); }
    void flush_stop() override { state_->flush_stop(); }
    void close() override { state_->close(); }
    void set_options(const SourceOptions& options) override { state_->set_options(options); }
    int in_flight_bound() const override { return state_->in_flight_bound(); }
    SourceStats stats() const override { return state_->stats(); }

private:
    const std::shared_ptr<CompiledSession> session_;
    const std::shared_ptr<SourceState> state_;
};

// How long whoever drops a session waits for what its device has; longer than a batch mostly takes.
constexpr int64_t patience_us = 1'000'000;

double mean(uint64_t sum, uint64_t count) { return count ? double(sum) / double(count) : 0; }

} // namespace

CompiledSession::CompiledSession(const SessionConfig& config, const SessionParts& parts)
    : config_(config), parts_(parts), shelf_([this](FrameSize size) -> Result<std::unique_ptr<Engine>> {
          auto made = compile(order(), size);
          if (!made.ok())
              return made.error();
          return std::move(made.value().engine);
      }) {
    counters_->latency_limit_us = int64_t(config.latency_limit_ms * 1000);
}

std::shared_ptr<CompiledSession> CompiledSession::start(const SessionConfig& config,
                                                        const SessionParts& parts) {
    std::shared_ptr<CompiledSession> session(new CompiledSession(config, parts), retire);
    session->thread_ = std::thread([s = session.get()] { s->run(); });
    return session;
}

// The last holder let go, on any thread. A device's thread must not end here: the end waits for it.
// Neither must whoever drops a session while it compiles, or while its device hangs, have to wait for that.
void CompiledSession::retire(CompiledSession* session) {
    session->abandoned_ = true;
    if (session->ended_ && session->shelf_.is_idle() && !Engine::on_device_thread() &&
        session->wait_idle(patience_us))
        delete session;
    else
        Reaper::instance().take([session] { end(session); });
}

// Reaper's thread. What a device that hangs has is left to a thread that nobody joins.
void CompiledSession::end(CompiledSession* session) {
    if (session->wait_idle(std::nullopt))
        delete session;
    else
        std::thread([session] { delete session; }).detach();
}

bool CompiledSession::wait_idle(std::optional<int64_t> for_us) const {
    const std::vector<Lease> engines = shelf_.engines();
    return std::ranges::all_of(engines, [&](const Lease& engine) { return engine->wait_idle(for_us); });
}

// Timer thread of an engine. Elements hear of it before their streaming threads do.
void CompiledSession::hung(const Error& error) {
    std::vector<std::shared_ptr<Listener>> listeners;
    std::vector<std::shared_ptr<SourceState>> sources;
    {
        std::lock_guard lock(mutex_);
        if (error_)
            return;
        error_ = error;
        listeners.swap(hung_listeners_);
        sources = sources_;
    }
    for (const auto& listener : listeners)
        listener->call(&error);
    for (const auto& source : sources)
        source->fail(error);
}

CompiledSession::~CompiledSession() { thread_.join(); }

// The engine that sources start with. Where the model runs at their sizes, nobody may want the one
// compiled here; but what is wrong with the model is known before a frame comes.
Result<void> CompiledSession::make_first() {
    static constexpr FrameSize as_declared[] = {{}};
    const auto sizes = config_.at_source_size ? SizeRule::first_sizes() : as_declared;
    auto made = compile(order(), sizes[0]);
    for (const FrameSize size : sizes.subspan(1))
        if (!made.ok() && !abandoned_)
            if (auto other = compile(order(), size); other.ok())
                made = std::move(other);
    if (!made.ok())
        return made.error();
    const Executor& executor = made.value().engine->executor();
    model_ = {{executor.inputs().begin(), executor.inputs().end()},
              {executor.outputs().begin(), executor.outputs().end()},
              std::move(made.value().metadata),
              executor.batch(),
              std::move(made.value().warning)};
    FrameSize key;
    if (config_.at_source_size) {
        auto rule = SizeRule::of(model_.inputs, made.value().declared);
        if (!rule.ok())
            return rule.error();
        sizes_.emplace(Sizes{shelf_, std::move(rule.value()), parts_.make_fill});
        key = sizes_->rule.size_of(model_.inputs);
    }
    shelf_.put(key, std::move(made.value().engine));
    return {};
}

void CompiledSession::run() {
    const Result<void> made = make_first();
    notices_->stop_keeping();
    std::vector<std::shared_ptr<Listener>> listeners;
    std::vector<std::shared_ptr<SourceState>> sources;
    {
        std::lock_guard lock(mutex_);
        if (!made.ok())
            error_ = made.error();
        ready_ = made.ok();
        settled_ = true;
        listeners.swap(listeners_);
        sources = sources_;
    }
    for (const auto& source : sources)
        attach(*source);
    sources.clear();
    for (const auto& listener : listeners)
        listener->call(made.ok() ? nullptr : &*error_);
    listeners.clear();
    ended_ = true;
}

void CompiledSession::attach(SourceState& source) {
    if (const auto why = error())
        return source.fail(*why);
    Lease engine = shelf_.engines().front();
    Fill fill = parts_.make_fill(engine->executor().inputs());
    source.start(std::move(engine), std::move(fill), sizes_ ? &*sizes_ : nullptr);
}

std::shared_ptr<void> CompiledSession::when_ready(std::function<void(const Error*)> on) {
    auto listener = std::make_shared<Listener>(std::move(on));
    bool settled;
    {
        std::lock_guard lock(mutex_);
        settled = settled_;
        if (!settled)
            listeners_.push_back(listener);
    }
    if (settled)
        listener->call(ready() ? nullptr : &*error_);
    return Listener::handle(std::move(listener));
}

std::shared_ptr<void> CompiledSession::when_hung(std::function<void(const Error*)> on) {
    auto listener = std::make_shared<Listener>(std::move(on));
    std::optional<Error> is_hung;
    {
        std::lock_guard lock(mutex_);
        if (ready_)
            is_hung = error_;
        if (!is_hung)
            hung_listeners_.push_back(listener);
    }
    if (is_hung)
        listener->call(&*is_hung);
    return Listener::handle(std::move(listener));
}

std::optional<Error> CompiledSession::error() const {
    std::lock_guard lock(mutex_);
    return error_;
}

std::unique_ptr<Source> CompiledSession::add_source(const SourceOptions& options) {
    auto state =
        std::make_shared<SourceState>(options, bound_before_ready(), config_.at_source_size);
    bool settled;
    {
        std::lock_guard lock(mutex_);
        sources_.push_back(state);
        settled = settled_;
    }
    if (settled)
        attach(*state);
    return std::make_unique<SourceHandle>(shared_from_this(), std::move(state));
}

void CompiledSession::remove(const SourceState* source) {
    std::lock_guard lock(mutex_);
    std::erase_if(sources_, [&](const auto& s) { return s.get() == source; });
}

// As Engine::in_flight_bound() will say if the device has two lanes.
int CompiledSession::bound_before_ready() const {
    const CompileOptions& options = config_.options;
    const DeviceDef& device = *parts_.find_device(device_kind(config_.device));
    const int rows = options.batch > 0 ? options.batch : device.preferred_batch(config_.device, options.hint);
    const int lanes = options.streams > 0 ? options.streams : 2;
    return (options.requests > 0 ? std::min(options.requests, lanes + 2) : lanes + 2) * rows;
}

std::map<std::string, std::string> CompiledSession::describe() const {
    auto facts = shelf_.engines().front()->describe();
    if (sizes_) {
        std::string sizes;
        for (const FrameSize size : shelf_.sizes())
            sizes += (sizes.empty() ? "" : ", ") + std::to_string(size.width) + "x" +
                     std::to_string(size.height);
        facts["sizes"] = sizes;
    }
    return facts;
}

int64_t CompiledSession::expected_latency_us() const {
    if (!ready_)
        return 0;
    int64_t delay = 0;
    if (model_.rows > 1) {
        std::unique_lock lock(mutex_);
        const auto sources = sources_;
        lock.unlock();
        for (const auto& source : sources)
            delay = std::max(delay, source->batch_delay_us());
    }
    return delay + shelf_.engines().front()->inference_us();
}

SessionStats CompiledSession::stats() const {
    SessionStats stats;
    if (!ready_)
        return stats;
    const FlowCounters& c = *counters_;
    stats.frames = c.frames;
    stats.failed = c.failed;
    stats.batches = c.batches;
    stats.latency_p50_us = c.latency.percentile(0.50);
    stats.latency_p95_us = c.latency.percentile(0.95);
    stats.latency_p99_us = c.latency.percentile(0.99);
    const uint64_t timed = c.latency.count();
    stats.preprocess_us = mean(c.preprocess_us, timed);
    stats.inference_us = mean(c.inference_us, timed);
    stats.decode_us = mean(c.decode_us, timed);
    stats.wait_us = mean(c.wait_us, timed);
    if (c.latency_limit_us > 0) {
        const LatencyLimit::State limit = shelf_.engines().front()->limit_state();
        stats.latency_limit_us = double(c.latency_limit_us);
        stats.recent_p99_us = limit.p99_us;
        stats.window = limit.window;
        stats.binds = name_of(limit.binds);
    }
    for (int k = 0; k <= model_.rows; k++)
        stats.batch_fill.push_back(c.batch_fill[size_t(k)]);
    stats.devices = devices();
    return stats;
}

// Of all engines; state and time are those of the one used last.
std::vector<DeviceCounters> CompiledSession::devices() const {
    std::vector<DeviceCounters> sum;
    for (const Lease& engine : engines())
        for (const DeviceCounters& device : engine->executor().devices()) {
            const auto known = std::ranges::find(sum, device.name, &DeviceCounters::name);
            if (known == sum.end()) {
                sum.push_back(device);
                continue;
            }
            known->requests += device.requests;
            known->failures += device.failures;
        }
    return sum;
}

void CompiledSession::set_latency_limit(double limit_ms) {
    SessionRegistry::instance().forget(*this); // its key says another limit
    counters_->latency_limit_us = int64_t(limit_ms * 1000);
}

} // namespace infer
