// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/inference_element.h"

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
