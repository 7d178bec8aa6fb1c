// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/element_model.h"

#include "gst/errors.h"

#include <condition_variable>
#include <mutex>

using infer::Error;
using infer::Processing;
using infer::Result;

static constexpr char not_ready[] = "the model could not be made ready";

struct ElementModel::Shared : std::enable_shared_from_this<ElementModel::Shared> {
    // Failing: the error is on its way to the bus.
    enum Phase { Closed, Loading, Ready, Failing, Failed };
    struct Watches {
        std::shared_ptr<void> ready, hung, devices;
    };

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
    Watches watches;
    std::shared_ptr<const Processing> processing;
    // What prepare() loads.
    struct Next {
        unsigned ticket = 0; // counts prepare() and close()
        std::shared_ptr<infer::Session> session;
        Watches watches;
    } next;

    void hung(const infer::Session* which, const Error& error);
    std::shared_ptr<void> watch_for_hang(infer::Session& which);
    void compiled(unsigned of_generation, const Error* error);
    Result<void> resolve();
    void fail(unsigned of_generation, const Error& error, const char* context);
    void prepared(unsigned ticket, const Loaded& loaded, const Error* error);
    void warn();
    std::shared_ptr<void> watch_devices(infer::Session& of);
};

// Chooses decoder and pre-processing for the newest config. Any thread; the session is ready.
Result<void> ElementModel::Shared::resolve() {
    for (;;) {
        std::shared_ptr<infer::Session> of; // let go of after the lock: it may be the last to hold it
        std::unique_lock guard(lock);
        if (!session)
            return {};
        of = session;
        const unsigned version = config_version;
        const infer::ModelConfig wanted = config;
        guard.unlock();
        auto made = infer::make_processing(of->inputs(), of->outputs(), wanted, of->metadata());
        const bool works = !of->error();
        guard.lock();
        if (version != config_version) {
            guard.unlock();
            continue;
        }
        if (!made.ok())
            return made.error();
        processing = std::move(made.value());
        if (works)
            phase = Ready;
        changed.notify_all();
        return {};
    }
}

// Session thread, or open()'s own when the session was ready before.
void ElementModel::Shared::compiled(unsigned of_generation, const Error* error) {
    {
        std::lock_guard guard(lock);
        if (generation != of_generation)
            return;
    }
    if (error)
        return fail(of_generation, *error, not_ready);
    if (auto resolved = resolve(); !resolved.ok())
        fail(of_generation, resolved.error(), not_ready);
    else
        warn();
}

// A thread of the session's. What is being prepared and not in use yet is found out by exchange().
void ElementModel::Shared::hung(const infer::Session* which, const Error& error) {
    unsigned now = 0;
    {
        std::lock_guard guard(lock);
        if (session.get() != which)
            return;
        phase = Failing;
        now = generation;
    }
    fail(now, error, "frames leave without results, and no more are taken");
}

std::shared_ptr<void> ElementModel::Shared::watch_for_hang(infer::Session& which) {
    return which.when_hung([weak = weak_from_this(), of = &which](const Error* error) {
        if (const auto shared = weak.lock())
            shared->hung(of, *error);
    });
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

// What becomes of devices that work together goes on the bus: any thread, so it is posted from one of its own.
std::shared_ptr<void> ElementModel::Shared::watch_devices(infer::Session& of) {
    return of.when_noticed([weak = weak_from_this()](const infer::DeviceNotice& notice) {
        const auto shared = weak.lock();
        auto* target = shared ? static_cast<GstElement*>(g_weak_ref_get(&shared->element)) : nullptr;
        if (!target)
            return;
        gst_element_call_async(
            target, [](GstElement* e, gpointer said) { post_notice(e, *static_cast<infer::DeviceNotice*>(said)); },
            new infer::DeviceNotice(notice), [](gpointer said) { delete static_cast<infer::DeviceNotice*>(said); });
        gst_object_unref(target);
    });
}

// Posts from a thread of its own: an application may answer by setting the element to NULL, which
// must not happen on the session's thread. Streaming threads wait for the post, so that the first
// error on the bus is the one that says why.
void ElementModel::Shared::fail(unsigned of_generation, const Error& error, const char* context) {
    struct Failure {
        std::shared_ptr<Shared> shared;
        unsigned generation;
        Error error;
        const char* context;
    };
    auto* target = static_cast<GstElement*>(g_weak_ref_get(&element));
    if (!target)
        return;
    const auto post = [](GstElement* e, gpointer data) {
        auto* failure = static_cast<Failure*>(data);
        post_error(e, failure->error, failure->context);
        std::lock_guard guard(failure->shared->lock);
        if (failure->shared->generation == failure->generation)
            failure->shared->phase = Failed;
        failure->shared->changed.notify_all();
    };
    gst_element_call_async(target, post, new Failure{shared_from_this(), of_generation, error, context},
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
    Shared::Watches watches;
    watches.ready = session.value()->when_ready(
        [shared = shared_, generation](const Error* e) { shared->compiled(generation, e); });
    watches.hung = shared_->watch_for_hang(*session.value());
    watches.devices = shared_->watch_devices(*session.value());
    std::lock_guard guard(shared_->lock);
    shared_->watches = std::move(watches);
    return {};
}

void ElementModel::close() {
    std::shared_ptr<infer::Session> session;
    Shared::Watches watches;
    std::shared_ptr<const Processing> processing;
    Shared::Next next;
    {
        std::lock_guard guard(shared_->lock);
        next = std::exchange(shared_->next, {shared_->next.ticket + 1, nullptr, {}});
        shared_->generation++;
        shared_->config_version++;
        shared_->phase = Shared::Closed;
        session = std::move(shared_->session);
        watches = std::exchange(shared_->watches, {});
        processing = std::move(shared_->processing);
        shared_->changed.notify_all();
    }
    watches = {}; // nothing is called back afterwards; then the session may go
    next.watches = {};
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

ElementModel::InUse ElementModel::wait_ready(std::stop_token cancel) const {
    std::unique_lock guard(shared_->lock);
    shared_->changed.wait(guard, std::move(cancel),
                          [&] { return shared_->phase != Shared::Loading && shared_->phase != Shared::Failing; });
    return {shared_->session, shared_->phase == Shared::Ready ? shared_->processing : nullptr};
}

// The session's thread must not call the element: an application may answer by setting it to NULL.
void ElementModel::Shared::prepared(unsigned ticket, const Loaded& loaded, const Error* error) {
    struct Call {
        Loaded loaded;
        unsigned ticket;
        std::optional<Error> error;
    };
    auto* target = static_cast<GstElement*>(g_weak_ref_get(&element));
    if (!target)
        return;
    gst_element_call_async(
        target,
        [](GstElement*, gpointer data) {
            auto* call = static_cast<Call*>(data);
            call->loaded(call->ticket, call->error ? &*call->error : nullptr);
        },
        new Call{loaded, ticket, error ? std::optional(*error) : std::nullopt},
        [](gpointer data) { delete static_cast<Call*>(data); });
    gst_object_unref(target);
}

Result<void> ElementModel::prepare(const InferenceSettings& settings, Loaded loaded) {
    auto config = model_config(settings);
    if (!config.ok())
        return config.error();
    auto session = infer::Session::open(session_config(settings, config.value()));
    if (!session.ok())
        return session.error();
    Shared::Next given_up;
    unsigned ticket = 0;
    {
        std::lock_guard guard(shared_->lock);
        ticket = shared_->next.ticket + 1;
        given_up = std::exchange(shared_->next, {ticket, session.value(), {}});
    }
    given_up.watches = {};
    Shared::Watches watches;
    watches.hung = shared_->watch_for_hang(*session.value());
    watches.ready = session.value()->when_ready(
        [shared = shared_, ticket, loaded = std::move(loaded)](const Error* error) {
            shared->prepared(ticket, loaded, error);
        });
    std::lock_guard guard(shared_->lock);
    if (shared_->next.ticket == ticket && shared_->next.session)
        std::swap(shared_->next.watches, watches);
    return {};
}

Result<bool> ElementModel::exchange(unsigned ticket, const InferenceSettings& settings) {
    auto config = model_config(settings);
    if (!config.ok())
        return config.error();
    Shared::Next next; // in the end: what was in use
    {
        std::lock_guard guard(shared_->lock);
        if (shared_->next.ticket != ticket || !shared_->next.session)
            return false;
        next = std::exchange(shared_->next, {ticket, nullptr, {}});
    }
    if (const auto hangs = next.session->error())
        return *hangs;
    auto made = infer::make_processing(next.session->inputs(), next.session->outputs(),
                                       config.value(), next.session->metadata());
    if (!made.ok())
        return made.error();
    next.watches.devices = shared_->watch_devices(*next.session);
    {
        std::lock_guard guard(shared_->lock);
        if (shared_->next.ticket != ticket)
            return false;
        shared_->generation++;
        shared_->config = std::move(config.value());
        shared_->config_version++;
        std::swap(shared_->session, next.session);
        std::swap(shared_->watches, next.watches);
        shared_->processing = std::move(made.value());
        shared_->phase = Shared::Ready;
        shared_->changed.notify_all();
    }
    next.watches = {};
    shared_->warn();
    return true;
}

bool ElementModel::failed() const {
    std::lock_guard guard(shared_->lock);
    return shared_->phase == Shared::Failed;
}

bool ElementModel::failing() const {
    std::lock_guard guard(shared_->lock);
    return shared_->phase == Shared::Failed || shared_->phase == Shared::Failing;
}
