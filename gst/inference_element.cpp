// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/inference_element.h"

#include "gst/errors.h"
#include "gst/inference_stats.h"

InferenceSettings InferenceElement::as_loaded(InferenceSettings settings) const {
    if (gives == Pictures && settings.decoder == "auto")
        settings.decoder = "picture";
    return settings;
}

bool InferenceElement::open() {
    const InferenceSettings wanted = as_loaded(settings());
    const auto opened = model.open(wanted);
    if (!opened.ok())
        post_error(element, opened.error(), "model=" + wanted.model + ", device=" + wanted.device);
    return opened.ok();
}

bool InferenceElement::set(GParamSpec* spec, const GValue* value) {
    InferenceSettings wanted = settings();
    if (!set_inference_property(wanted, spec, value))
        return false;
    if (model.session()) {
        auto done = check_settings(wanted);
        if (done.ok() && changes_processing(spec))
            done = model.reconfigure(as_loaded(wanted));
        if (!done.ok()) {
            post_warning(element, done.error(), "kept what was in force before");
            return true;
        }
    }
    {
        std::lock_guard guard(lock_);
        set_inference_property(settings_, spec, value);
    }
    for_each_source(element, [](SourcePads& pads) { pads.update_options(); });
    return true;
}

void InferenceElement::latency_told(int64_t latency_us) {
    std::lock_guard guard(lock_);
    told_latency_us_ = latency_us;
}

void InferenceElement::watch_latency() {
    const int64_t now = g_get_monotonic_time();
    {
        std::lock_guard guard(lock_);
        if (told_latency_us_ < 0 || now - checked_us_ < G_USEC_PER_SEC)
            return;
        checked_us_ = now;
    }
    const auto session = model.session();
    if (!session || !session->ready())
        return;
    const int64_t latency = session->expected_latency_us();
    {
        std::lock_guard guard(lock_);
        const int64_t change = std::abs(latency - told_latency_us_);
        if (change * 5 <= told_latency_us_)
            return;
        told_latency_us_ = latency;
    }
    gst_element_post_message(element, gst_message_new_latency(GST_OBJECT(element)));
}
