// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/event_record.h"

namespace {

void set_text(GstStructure* s, const char* field, const std::string& text) {
    if (!text.empty())
        gst_structure_set(s, field, G_TYPE_STRING, text.c_str(), nullptr);
}

void set_number(GstStructure* s, const char* field, const std::optional<double>& number) {
    if (number)
        gst_structure_set(s, field, G_TYPE_DOUBLE, *number, nullptr);
}

void set_integer(GstStructure* s, const char* field, const std::optional<int64_t>& number) {
    if (number)
        gst_structure_set(s, field, G_TYPE_INT64, gint64(*number), nullptr);
}

std::string text(const GstStructure* s, const char* field) {
    const char* found = gst_structure_get_string(s, field);
    return found ? found : "";
}

std::optional<double> number(const GstStructure* s, const char* field) {
    double found = 0;
    return gst_structure_get_double(s, field, &found) ? std::optional(found) : std::nullopt;
}

std::optional<int64_t> integer(const GstStructure* s, const char* field) {
    gint64 found = 0;
    return gst_structure_get_int64(s, field, &found) ? std::optional<int64_t>(found) : std::nullopt;
}

// What a structure may be called: letters first, then letters, digits and a few marks.
bool is_name(const std::string& type) {
    return !type.empty() && g_ascii_isalpha(type[0]) &&
           type.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789/-_.:+") == std::string::npos;
}

} // namespace

GstStructure* event_structure(const infer::EventRecord& event) {
    GstStructure* s = gst_structure_new_empty(is_name(event.type) ? event.type.c_str() : "event");
    set_text(s, "zone", event.zone);
    set_integer(s, "id", event.id);
    set_text(s, "label", event.label);
    set_text(s, "direction", event.direction);
    set_number(s, "seconds", event.seconds);
    set_number(s, "speed", event.speed);
    set_integer(s, "count", event.count);
    return s;
}

infer::EventRecord event_record(const GstStructure* s) {
    infer::EventRecord event;
    event.type = gst_structure_get_name(s);
    event.zone = text(s, "zone");
    event.id = integer(s, "id");
    event.label = text(s, "label");
    event.direction = text(s, "direction");
    event.seconds = number(s, "seconds");
    event.speed = number(s, "speed");
    event.count = integer(s, "count");
    return event;
}
