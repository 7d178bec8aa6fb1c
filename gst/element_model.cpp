// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/element_model.h"

#include "gst/errors.h"

#include <condition_variable>
#include <mutex>

using infer::Error;
using infer::Processing;
using infer::Result;

struct ElementModel::Shared : std::enable_shared_from_this<ElementModel::Shared> {
    enum Phase { Closed, Loading, Ready, Failed };

    Shared() { g_weak_ref_init(&element, nullptr); }
    ~Shared() { g_weak_ref_clear(&element); }

    GWeakRef element;
    mutable std::mutex lock; // guards all below; nothing is called out with it held
    mutable std::condition_variable_any changed;
    Phase phase = Closed;
    unsigned generation = 0; // counts open() and close(): late answers are told by it
    unsigned config_version = 0;
    infer::ModelConfig config;
    std::shared_ptr<infer::Session> session;
    std::shared_ptr<void> ready_watch;
    std::shared_ptr<const Processing> processing;

    void compiled(unsigned of_generation, const Error* error);
    Result<void> resolve();
    void fail(unsigned of_generation, const Error& error);
    void warn();
};

// Chooses decoder and pre-processing for the newest config. Any thread; the session is ready.
Result<void> ElementModel::Shared::resolve() {
    std::unique_lock guard(lock);
    while (session) {
        const unsigned version = config_version;
        const infer::ModelConfig wanted = config;
        const auto of = session.get(); // kept by close() until nobody resolves any more
        guard.unlock();
        auto made = infer::make_processing(of->inputs(), of->outputs(), wanted, of->metadata());
        guard.lock();
        if (version != config_version)
            continue;
        if (!made.ok())
            return made.error();
        processing = std::move(made.value());
        phase = Ready;
        changed.notify_all();
        break;
    }
    return {};
}

// Session thread, or open()'s own when the session was ready before.
void ElementModel::Shared::compiled(unsigned of_generation, const Error* error) {
    {
        std::lock_guard guard(lock);
        if (generation != of_generation)
            return;
    }
    if (error)
        return fail(of_generation, *error);
    if (auto resolved = resolve(); !resolved.ok())
        fail(of_generation, resolved.error());
    else
        warn();
}

// What the session could not do as asked. From a thread of its own, as fail() does.
void ElementModel::Shared::warn() {
    std::optional<Error> warning;
    {
        std::lock_guard guard(lock);
        warning = session ? session->warning() : std::nullopt;
    }
    auto* target = static_cast<GstElement*>(g_weak_ref_get(&element));
    if (warning && target)
        gst_element_call_async(
            target,
            [](GstElement* e, gpointer error) {
                post_warning(e, *static_cast<Error*>(error), "the model runs without it");
            },
            new Error(*warning), [](gpointer error) { delete static_cast<Error*>(error); });
    gst_clear_object(&target);
}

// Posts from a thread of its own: an application may answer by setting the element to NULL, which
// must not happen on the session's thread. Streaming threads wait for the post, so that the first
// error on the bus is the one that says why.
void ElementModel::Shared::fail(unsigned of_generation, const Error& error) {
    struct Failure {
        std::shared_ptr<Shared> shared;
        unsigned generation;
        Error error;
    };
    auto* target = static_cast<GstElement*>(g_weak_ref_get(&element));
    if (!target)
        return;
    const auto post = [](GstElement* e, gpointer data) {
        auto* failure = static_cast<Failure*>(data);
        post_error(e, failure->error, "the model could not be made ready");
        std::lock_guard guard(failure->shared->lock);
        if (failure->shared->generation == failure->generation)
            failure->shared->phase = Failed;
        failure->shared->changed.notify_all();
    };
    gst_element_call_async(target, post, new Failure{shared_from_this(), of_generation, error},
                           [](gpointer data) { delete static_cast<Failure*>(data); });
    gst_object_unref(target);
}

ElementModel::ElementModel(GstElement* element) : shared_(std::make_shared<Shared>()) {
    g_weak_ref_set(&shared_->element, element);
}

ElementModel::~ElementModel() { close(); }

Result<void> ElementModel::open(const InferenceSettings& settings) {
    if (auto checked = check_settings(settings); !checked.ok())
        return checked;
    auto config = model_config(settings);
    if (!config.ok())
        return config.error();
    auto session = infer::Session::open(session_config(settings, config.value()));
    if (!session.ok())
        return session.error();

    unsigned generation = 0;
    {
        std::lock_guard guard(shared_->lock);
        generation = ++shared_->generation;
        shared_->config = std::move(config.value());
        shared_->config_version++;
        shared_->session = session.value();
        shared_->phase = Shared::Loading;
    }
    auto watch = session.value()->when_ready(
        [shared = shared_, generation](const Error* e) { shared->compiled(generation, e); });
    std::lock_guard guard(shared_->lock);
    shared_->ready_watch = std::move(watch);
    return {};
}

void ElementModel::close() {
    std::shared_ptr<infer::Session> session;
    std::shared_ptr<void> watch;
    std::shared_ptr<const Processing> processing;
    {
        std::lock_guard guard(shared_->lock);
        shared_->generation++;
        shared_->config_version++;
        shared_->phase = Shared::Closed;
        session = std::move(shared_->session);
        watch = std::move(shared_->ready_watch);
        processing = std::move(shared_->processing);
        shared_->changed.notify_all();
    }
    watch.reset(); // nothing is called back afterwards; then the session may go
}

std::shared_ptr<infer::Session> ElementModel::session() const {
    std::lock_guard guard(shared_->lock);
    return shared_->session;
}

Result<void> ElementModel::reconfigure(const InferenceSettings& settings) {
    const auto held = session();
    if (!held)
        return {};
    auto config = model_config(settings);
    if (!config.ok())
        return config.error();
    infer::ModelConfig before;
    {
        std::lock_guard guard(shared_->lock);
        before = std::exchange(shared_->config, std::move(config.value()));
        shared_->config_version++;
    }
    if (!held->ready())
        return {}; // compiled() will use it
    auto resolved = shared_->resolve();
    if (!resolved.ok()) {
        std::lock_guard guard(shared_->lock);
        shared_->config = std::move(before);
    }
    return resolved;
}

std::shared_ptr<const Processing> ElementModel::wait_processing(std::stop_token cancel) const {
    std::unique_lock guard(shared_->lock);
    shared_->changed.wait(guard, std::move(cancel),
                          [&] { return shared_->phase != Shared::Loading; });
    return shared_->processing;
}

bool ElementModel::failed() const {
    std::lock_guard guard(shared_->lock);
    return shared_->phase == Shared::Failed;
}
