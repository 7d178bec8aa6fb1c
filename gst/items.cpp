// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/items.h"

void QueryAnswer::answer(bool ok) {
    std::lock_guard guard(lock_);
    if (answered_)
        return;
    answered_ = true;
    ok_ = ok;
    changed_.notify_all();
}

bool QueryAnswer::wait(GstQuery* asked, std::stop_token cancel) {
    std::unique_lock guard(lock_);
    if (!changed_.wait(guard, std::move(cancel), [this] { return answered_; }) || !ok_)
        return false;
    const auto put = [](GQuark field, const GValue* value, gpointer to) -> gboolean {
        gst_structure_id_set_value(static_cast<GstStructure*>(to), field, value);
        return TRUE;
    };
    gst_structure_foreach(gst_query_get_structure(query_), put,
                          gst_query_writable_structure(asked));
    return true;
}
