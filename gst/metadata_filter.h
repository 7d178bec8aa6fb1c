// SPDX-License-Identifier: LGPL-2.1-or-later
// What the elements share that read and write metadata and pass pixels on untouched: one sink, one
// src, any raw video, properties that are read when the element starts. Such an element is a
// FilterWith<its settings> and one call of metadata_filter_type().
#pragma once

#include "inference/result.h"

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include <mutex>
#include <span>
#include <string>
#include <variant>

// What an element does. All but the properties runs in state changes and on the streaming thread,
// never at once.
class MetadataFilter {
public:
    virtual ~MetadataFilter() = default;

    virtual infer::Result<void> start() = 0; // its Error goes on the bus
    virtual void stop() {}
    virtual void caps_changed() {}
    // EOS, before it goes on.
    virtual void ended() {}
    // What comes has nothing to do with what came: EOS, a flush, another stream.
    virtual void cut() {}
    // The buffer is writable: its metadata, that is; its memory may be shared.
    virtual GstFlowReturn frame(GstBuffer* buffer) = 0;

    virtual void set(guint property, const GValue* value) = 0; // any thread
    virtual void get(guint property, GValue* value) = 0;

    // Goes on to this frame and returns its time. A frame without one is a frame duration after
    // the last. One that is before the last, or further than `most` behind it, comes after a cut().
    GstClockTime go_to(GstBuffer* buffer, GstClockTime most = GST_CLOCK_TIME_NONE);

    GstElement* element = nullptr; // set before anything is called
    GstVideoInfo video = {};       // of the frames
    GstClockTime time = 0;         // of the last frame since the start
};

// A member of the settings S as a property.
template <typename S> struct FilterProperty {
    const char *name, *blurb;
    std::variant<std::string S::*, double S::*, int S::*, bool S::*> member;
    double lowest = 0, highest = G_MAXINT; // of a number
    GType (*choices)() = nullptr;          // an int that is an enumeration
};

// S has `static std::span<const FilterProperty<S>> properties()`; property k has number k + 1.
template <typename S> class FilterWith : public MetadataFilter {
public:
    using Settings = S;

    static GParamSpec* spec(const FilterProperty<S>& p) {
        const auto flags =
            GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
        static const S standard{};
        if (const auto* m = std::get_if<std::string S::*>(&p.member))
            return g_param_spec_string(p.name, p.name, p.blurb,
                                       (standard.**m).empty() ? nullptr : (standard.**m).c_str(),
                                       flags);
        if (const auto* m = std::get_if<double S::*>(&p.member))
            return g_param_spec_double(p.name, p.name, p.blurb, p.lowest, p.highest, standard.**m,
                                       flags);
        if (const auto* m = std::get_if<bool S::*>(&p.member))
            return g_param_spec_boolean(p.name, p.name, p.blurb, standard.**m, flags);
        const int value = standard.*std::get<int S::*>(p.member);
        if (p.choices)
            return g_param_spec_enum(p.name, p.name, p.blurb, p.choices(), value, flags);
        return g_param_spec_int(p.name, p.name, p.blurb, int(p.lowest), int(p.highest), value,
                                flags);
    }

    void set(guint property, const GValue* value) override {
        const FilterProperty<S>& p = S::properties()[property - 1];
        std::lock_guard guard(lock_);
        if (const auto* m = std::get_if<std::string S::*>(&p.member))
            settings_.** m = g_value_get_string(value) ? g_value_get_string(value) : "";
        else if (const auto* m = std::get_if<double S::*>(&p.member))
            settings_.** m = g_value_get_double(value);
        else if (const auto* m = std::get_if<bool S::*>(&p.member))
            settings_.** m = g_value_get_boolean(value);
        else
            settings_.*std::get<int S::*>(p.member) =
                p.choices ? g_value_get_enum(value) : g_value_get_int(value);
    }

    void get(guint property, GValue* value) override {
        const FilterProperty<S>& p = S::properties()[property - 1];
        std::lock_guard guard(lock_);
        if (const auto* m = std::get_if<std::string S::*>(&p.member))
            g_value_set_string(value, (settings_.**m).empty() ? nullptr : (settings_.**m).c_str());
        else if (const auto* m = std::get_if<double S::*>(&p.member))
            g_value_set_double(value, settings_.**m);
        else if (const auto* m = std::get_if<bool S::*>(&p.member))
            g_value_set_boolean(value, settings_.**m);
        else if (const int number = settings_.*std::get<int S::*>(p.member); p.choices)
            g_value_set_enum(value, number);
        else
            g_value_set_int(value, number);
    }

protected:
    S settings() {
        std::lock_guard guard(lock_);
        return settings_;
    }

private:
    std::mutex lock_; // guards settings_
    S settings_;
};

struct FilterClassDef {
    const char *type_name, *long_name, *classification, *description;
    MetadataFilter* (*make)();
    void (*install_properties)(GObjectClass*);
};

// Registers a type for this element; once.
GType register_metadata_filter(const FilterClassDef& def);

// The type of an element that is a Filter, a class derived from FilterWith<...>.
template <typename Filter>
GType metadata_filter_type(const char* type_name, const char* long_name, const char* classification,
                           const char* description) {
    static const FilterClassDef def = {type_name,
                                       long_name,
                                       classification,
                                       description,
                                       []() -> MetadataFilter* { return new Filter; },
                                       [](GObjectClass* object) {
                                           guint id = 0;
                                           for (const auto& p : Filter::Settings::properties())
                                               g_object_class_install_property(object, ++id,
                                                                               Filter::spec(p));
                                       }};
    static const GType type = register_metadata_filter(def);
    return type;
}
