// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/inference_element.h"

#include "gst/errors.h"
#include "gst/inference_stats.h"
#include "gst/log.h"

using infer::Error;
using infer::Result;

InferenceSettings InferenceElement::as_loaded(InferenceSettings settings) const {
    if (gives == Pictures && settings.decoder == "auto")
        settings.decoder = "picture";
    return settings;
}

bool InferenceElement::open() {
    const InferenceSettings wanted = as_loaded(settings());
    if (gives == Pictures && wanted.region == InferenceRegion::Objects) {
        post_error(element,
                   infer::Error{infer::Error::BadConfig, "region=objects",
                                "cannot be where the model's picture leaves; it must be frame"},
                   "");
        return false;
    }
    const auto opened = model.open(wanted);
    if (!opened.ok())
        post_error(element, opened.error(), "model=" + wanted.model + ", device=" + wanted.device);
    return opened.ok();
}

bool InferenceElement::set(GParamSpec* spec, const GValue* value) {
    InferenceSettings wanted = settings();
    if (!set_inference_property(wanted, spec, value))
        return false;
    if (changes_model(spec) && model.session()) {
        prepare_model(wanted);
        return true;
    }
    if (auto done = change(spec, value); !done.ok())
        post_warning(element, done.error(), "kept what was in force before");
    else
        for_each_source(element, [](SourcePads& pads) { pads.update_options(); });
    return true;
}

Result<void> InferenceElement::change(GParamSpec* spec, const GValue* value) {
    std::lock_guard one_at_a_time(changing_);
    InferenceSettings wanted = settings();
    set_inference_property(wanted, spec, value);
    if (model.session()) {
        auto done = check_settings(wanted);
        if (done.ok() && changes_processing(spec))
            done = model.reconfigure(as_loaded(wanted));
        if (!done.ok())
            return done;
    }
    if (const auto session = model.session(); session && changes_latency_limit(spec))
        session->set_latency_limit(wanted.latency_limit_ms);
    std::lock_guard guard(lock_);
    settings_ = std::move(wanted);
    return {};
}

void InferenceElement::close() {
    {
        std::lock_guard guard(lock_);
        if (!next_model_.empty())
            settings_.model = std::exchange(next_model_, "");
    }
    model.close();
}

// ---- another model while frames flow

void InferenceElement::prepare_model(const InferenceSettings& wanted) {
    auto begun = check_settings(wanted);
    if (begun.ok()) {
        {
            std::lock_guard guard(lock_);
            next_model_ = wanted.model;
        }
        begun = model.prepare(as_loaded(wanted), [this, path = wanted.model](unsigned ticket,
                                                                            const Error* error) {
            model_loaded(ticket, path, error);
        });
    }
    if (!begun.ok())
        model_refused(wanted.model, begun.error());
}

void InferenceElement::model_loaded(unsigned ticket, const std::string& path, const Error* error) {
    const Result<bool> in_use = error ? Result<bool>(*error) : take_over(ticket, path);
    if (!in_use.ok())
        return model_refused(path, in_use.error());
    if (!in_use.value())
        return;
    GST_INFO_OBJECT(element, "goes on with model %s", path.c_str());
    g_object_notify(G_OBJECT(element), "model");
}

void InferenceElement::model_refused(const std::string& path, const Error& error) {
    std::string kept;
    {
        std::lock_guard guard(lock_);
        if (next_model_ == path)
            next_model_.clear();
        kept = settings_.model;
    }
    post_warning(element, error, "goes on with model=" + kept);
}

// Settings that changed meanwhile hold for the new model too.
Result<bool> InferenceElement::take_over(unsigned ticket, const std::string& path) {
    std::lock_guard one_at_a_time(changing_);
    InferenceSettings wanted = settings();
    wanted.model = path;
    auto in_use = model.exchange(ticket, as_loaded(wanted));
    if (in_use.ok() && in_use.value()) {
        std::lock_guard guard(lock_);
        settings_.model = path;
        next_model_.clear();
    }
    return in_use;
}

// What keeps throughput down under latency-limit, whenever it is something else; looks once a second.
void InferenceElement::tell_limit(const infer::Session& session) {
    const int64_t now_us = g_get_monotonic_time();
    {
        std::lock_guard guard(lock_);
        if (now_us - looked_us_ < G_USEC_PER_SEC)
            return;
        looked_us_ = now_us;
    }
    const infer::SessionStats stats = session.stats();
    {
        std::lock_guard guard(lock_);
        if (stats.recent_p99_us <= 0 || std::exchange(told_binds_, stats.binds) == stats.binds)
            return;
    }
    gst_element_post_message(
        element, gst_message_new_element(
                     GST_OBJECT(element),
                     gst_structure_new("latency-limit", "binds", G_TYPE_STRING, stats.binds.c_str(), "limit", G_TYPE_DOUBLE,
                                       stats.latency_limit_us / 1000, "p99", G_TYPE_DOUBLE, stats.recent_p99_us / 1000,
                                       "window", G_TYPE_INT, stats.window, nullptr)));
}

void InferenceElement::watch_latency() {
    const auto session = model.session();
    if (!session || !session->ready())
        return;
    tell_limit(*session);
    if (latency.is_due(g_get_monotonic_time()) && latency.has_changed(session->expected_latency_us()))
        gst_element_post_message(element, gst_message_new_latency(GST_OBJECT(element)));
}
