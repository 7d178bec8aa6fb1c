// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/inference_settings.h"

#include "inference/device_choice.h"

#include <functional>

namespace {

using Settings = InferenceSettings;

GType hint_type() {
    static const GType type = [] {
        static const GEnumValue values[] = {
            {int(infer::Hint::Latency), "One frame at a time, over all cores", "latency"},
            {int(infer::Hint::Throughput), "Most frames a second in all", "throughput"},
            {0, nullptr, nullptr}};
        return g_enum_register_static("GstInferenceHint", values);
    }();
    return type;
}

GType precision_type() {
    using infer::Precision;
    static const GType type = [] {
        static const GEnumValue values[] = {
            {int(Precision::Auto), "Fastest the device has natively", "auto"},
            {int(Precision::F32), "32-bit float", "f32"},
            {int(Precision::BF16), "bfloat16 (CPUs with AMX or AVX512-BF16)", "bf16"},
            {int(Precision::F16), "16-bit float (GPUs)", "f16"},
            {int(Precision::Int8), "8-bit integers (quantised models)", "int8"},
            {0, nullptr, nullptr}};
        return g_enum_register_static("GstInferencePrecision", values);
    }();
    return type;
}

GType error_policy_type() {
    static const GType type = [] {
        static const GEnumValue values[] = {
            {int(ErrorPolicy::Warn), "Frame leaves without results, warning on the bus", "warn"},
            {int(ErrorPolicy::Stop), "Element error, the pipeline stops", "stop"},
            {0, nullptr, nullptr}};
        return g_enum_register_static("GstInferenceErrorPolicy", values);
    }();
    return type;
}

GType drop_type() {
    static const GType type = [] {
        static const GEnumValue values[] = {
            {int(infer::Drop::None), "Upstream waits until a frame can be inferred", "none"},
            {int(infer::Drop::Oldest), "Of frames that wait, the oldest leave without results", "oldest"},
            {int(infer::Drop::Late), "The same, and frames whose result would come too late for the pipeline's clock", "late"},
            {0, nullptr, nullptr}};
        return g_enum_register_static("GstInferenceDrop", values);
    }();
    return type;
}

GType input_size_type() {
    static const GType type = [] {
        static const GEnumValue values[] = {
            {int(InputSize::Model), "The model's size, which pictures are scaled to", "model"},
            {int(InputSize::Source), "Each video's own size, of models that leave it open", "source"},
            {0, nullptr, nullptr}};
        return g_enum_register_static("GstInferenceInputSize", values);
    }();
    return type;
}

GType region_type() {
    static const GType type = [] {
        static const GEnumValue values[] = {
            {int(InferenceRegion::Frame), "The whole frame", "frame"},
            {int(InferenceRegion::Objects), "Each object found before, cut out", "objects"},
            {0, nullptr, nullptr}};
        return g_enum_register_static("GstInferenceRegion", values);
    }();
    return type;
}

constexpr auto Ready =
    GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto Playing =
    GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);

// One property: what GObject shows of it, and the member it stands for.
struct Property {
    GParamSpec* spec;
    std::function<void(Settings&, const GValue*)> set;
    std::function<void(const Settings&, GValue*)> get;
    bool changes_processing = false;
};

Property text(const char* name, const char* nick, const char* blurb, const char* preset,
              GParamFlags flags, std::string Settings::*member, bool decoding = false) {
    return {g_param_spec_string(name, nick, blurb, preset, flags),
            [=](Settings& s, const GValue* v) {
                const char* t = g_value_get_string(v);
                s.*member = t ? t : preset ? preset : "";
            },
            [=](const Settings& s, GValue* v) {
                g_value_set_string(v, (s.*member).empty() ? nullptr : (s.*member).c_str());
            },
            decoding};
}

Property number(const char* name, const char* nick, const char* blurb, int preset,
                GParamFlags flags, int Settings::*member) {
    return {g_param_spec_int(name, nick, blurb, G_MININT, G_MAXINT, preset, flags),
            [=](Settings& s, const GValue* v) { s.*member = g_value_get_int(v); },
            [=](const Settings& s, GValue* v) { g_value_set_int(v, s.*member); }};
}

Property fraction(const char* name, const char* nick, const char* blurb, double Settings::*member) {
    return {g_param_spec_double(name, nick, blurb, -G_MAXDOUBLE, G_MAXDOUBLE, -1, Playing),
            [=](Settings& s, const GValue* v) { s.*member = g_value_get_double(v); },
            [=](const Settings& s, GValue* v) { g_value_set_double(v, s.*member); }, true};
}

template <typename E>
Property choice(const char* name, const char* nick, const char* blurb, GType type, E preset,
                GParamFlags flags, E Settings::*member) {
    return {g_param_spec_enum(name, nick, blurb, type, int(preset), flags),
            [=](Settings& s, const GValue* v) { s.*member = E(g_value_get_enum(v)); },
            [=](const Settings& s, GValue* v) { g_value_set_enum(v, int(s.*member)); }};
}

Property flag(const char* name, const char* nick, const char* blurb, GParamFlags flags,
              bool Settings::*member) {
    return {g_param_spec_boolean(name, nick, blurb, FALSE, flags),
            [=](Settings& s, const GValue* v) { s.*member = g_value_get_boolean(v); },
            [=](const Settings& s, GValue* v) { g_value_set_boolean(v, s.*member); }};
}

std::vector<Property> what_runs() {
    return {
        text("model", "Model", "Model file (.onnx, or .xml with its .bin). MODEL.json beside it is read as model-config. "
             "Another one set while playing takes over once it is loaded", nullptr, Playing,
             &Settings::model),
        text("device", "Device", "What runs the model: CPU, another of `gst-inference info --devices`, "
             "MULTI:GPU,CPU (those as one), or AUTO (the CPU until a better one is ready)", "CPU", Ready,
             &Settings::device),
        text("device-options", "Device options", "Options of the device, or with its name before them of one "
             "of several: CPU.streams=2,GPU.precision=f16,timeout=500", nullptr, Ready, &Settings::device_options),
        choice("hint", "Hint", "What to tune for; sets streams, requests and batch-size left at 0",
               hint_type(), infer::Hint::Throughput, Ready, &Settings::hint),
        number("latency-limit", "Latency limit", "Milliseconds that 99 % of frames may take, from being taken in to their "
               "result, with the most frames a second that this allows (0: no limit; hint=throughput)", 0, Playing,
               &Settings::latency_limit_ms),
        choice("precision", "Precision", "Arithmetic of the model; an error if the device cannot",
               precision_type(), infer::Precision::Auto, Ready, &Settings::precision),
        choice("input-size", "Input size", "At which size the model sees the pictures",
               input_size_type(), InputSize::Model, Ready, &Settings::input_size),
        number("batch-size", "Batch size", "Frames run together, of any sources (0: the hint "
               "decides)", 0, Ready, &Settings::batch_size),
        number("batch-timeout", "Batch timeout", "Longest a frame waits for others to fill its "
               "batch, in milliseconds (0: never waits; -1: the hint and the frame rates decide, "
               "and an idle device never waits)", -1, Playing,
               &Settings::batch_timeout_ms),
        number("requests", "Requests", "Batches that may be in work at once (0: streams + 2)", 0,
               Ready, &Settings::requests),
        number("streams", "Streams", "Batches the device runs at once (0: the hint decides)", 0,
               Ready, &Settings::streams),
        number("threads", "Threads", "CPU threads in all (0: all cores this process may use)", 0,
               Ready, &Settings::threads),
        number("hang-timeout", "Hang timeout", "How long the device may finish nothing while it has work, in "
               "milliseconds, until that is an error (0: for ever; -1: 10 seconds, or for slow models "
               "20 times their first run)", -1, Ready, &Settings::hang_timeout_ms),
        flag("private", "Private", "Load the model for this element alone (default: elements with "
             "equal model and device settings share it)", Ready, &Settings::is_private),
    };
}

std::vector<Property> what_comes_out() {
    return {
        text("decoder", "Decoder", "Turns the model's outputs into results: auto, none (raw "
             "tensors), or a name from `gst-inference info MODEL`", "auto", Playing,
             &Settings::decoder, true),
        text("model-config", "Model config", "JSON file (or the JSON itself) with the model's pre- "
             "and post-processing and labels (default: MODEL.json beside the model, if there)",
             nullptr, Ready, &Settings::model_config),
        text("labels", "Labels", "Text file, one class name a line (default: the model-config's)",
             nullptr, Playing, &Settings::labels, true),
        fraction("threshold", "Threshold", "Drop results of lower confidence, 0 to 1 (-1: the "
                 "model's default)", &Settings::threshold),
        fraction("iou-threshold", "IoU threshold", "Of two boxes of a class that overlap more "
                 "(intersection over union, 0 to 1) the better stays (-1: the model's default)",
                 &Settings::iou_threshold),
        number("interval", "Interval", "Infer every Nth frame of each source (1: every frame); "
               "the others leave as `skipped`. Pads may say otherwise", 1, Playing,
               &Settings::interval),
        choice("region", "Region", "What the model sees: frames, or the objects that elements "
               "before attached (gstinference only)", region_type(), InferenceRegion::Frame, Ready,
               &Settings::region),
        text("object-class", "Object class", "Labels of the objects to look at, apart by commas "
             "(default: all; region=objects)", nullptr, Ready, &Settings::object_class),
        number("reclassify-interval", "Reclassify interval", "Look at a tracked object again after "
               "so many frames; between, what was said of it holds (1: every frame; 0: never "
               "again; region=objects)", 1, Ready, &Settings::reclassify_interval),
        number("object-min-size", "Object's least size", "Leave out objects whose shorter edge "
               "has fewer pixels (region=objects)", 0, Ready, &Settings::object_min_size),
        {g_param_spec_double("object-min-confidence", "Object's least confidence",
                             "Leave out objects of lower confidence (region=objects)",
                             -G_MAXDOUBLE, G_MAXDOUBLE, 0, Ready),
         [](Settings& s, const GValue* v) { s.object_min_confidence = g_value_get_double(v); },
         [](const Settings& s, GValue* v) { g_value_set_double(v, s.object_min_confidence); }},
        choice("drop", "Drop", "What happens to frames that come faster than they can be inferred; dropped ones still leave, as `dropped`",
               drop_type(), infer::Drop::None, Playing, &Settings::drop),
        choice("error-policy", "Error policy", "What a failed frame does", error_policy_type(),
               ErrorPolicy::Warn, Playing, &Settings::error_policy),
    };
}

// The properties of all classes that have them, made at their initialisation.
std::vector<Property>& properties() {
    static std::vector<Property> all;
    return all;
}

const Property* find(const GParamSpec* spec) {
    for (const Property& p : properties())
        if (p.spec == spec)
            return &p;
    return nullptr;
}

} // namespace

void install_inference_properties(GObjectClass* klass) {
    guint id = 1;
    for (auto* group : {&what_runs, &what_comes_out})
        for (Property& p : group()) {
            g_object_class_install_property(klass, id++, p.spec);
            properties().push_back(std::move(p));
        }
    for (GType t : {hint_type(), precision_type(), error_policy_type(), drop_type(), input_size_type(),
                    region_type()})
        gst_type_mark_as_plugin_api(t, GstPluginAPIFlags(0));
}

bool set_inference_property(Settings& settings, const GParamSpec* spec, const GValue* value) {
    const Property* p = find(spec);
    if (p)
        p->set(settings, value);
    return p;
}

bool get_inference_property(const Settings& settings, const GParamSpec* spec, GValue* value) {
    const Property* p = find(spec);
    if (p)
        p->get(settings, value);
    return p;
}

bool changes_processing(const GParamSpec* spec) {
    const Property* p = find(spec);
    return p && p->changes_processing;
}

bool changes_latency_limit(const GParamSpec* spec) { return g_str_equal(spec->name, "latency-limit"); }

bool changes_model(const GParamSpec* spec) { return g_str_equal(spec->name, "model"); }

infer::Result<void> check_settings(const Settings& s) {
    const struct {
        const char* name;
        double value, min, max;
        const char* wanted;
    } rules[] = {
        {"batch-size", double(s.batch_size), 0, 1024, "0 (the hint decides) to 1024"},
        {"batch-timeout", double(s.batch_timeout_ms), -1, 60000, "-1 (auto) to 60000 milliseconds"},
        {"latency-limit", double(s.latency_limit_ms), 0, 3600000, "0 (none) to 3600000 milliseconds"},
        {"requests", double(s.requests), 0, 1024, "0 (streams + 2) to 1024"},
        {"streams", double(s.streams), 0, 1024, "0 (the hint decides) to 1024"},
        {"threads", double(s.threads), 0, 1024, "0 (all cores) to 1024"},
        {"hang-timeout", double(s.hang_timeout_ms), -1, G_MAXINT, "-1 (auto), 0 (never) or more milliseconds"},
        {"interval", double(s.interval), 1, G_MAXINT, "1 (every frame) or more"},
        {"reclassify-interval", double(s.reclassify_interval), 0, G_MAXINT,
         "0 (never again), 1 (every frame) or more"},
        {"object-min-size", double(s.object_min_size), 0, G_MAXINT, "0 pixels (any) or more"},
        {"object-min-confidence", s.object_min_confidence, 0, 1, "0 (any) to 1"},
        {"threshold", s.threshold, -1, 1, "0 to 1, or -1 (the model's default)"},
        {"iou-threshold", s.iou_threshold, -1, 1, "0 to 1, or -1 (the model's default)"},
    };
    for (const auto& r : rules) {
        const bool below_zero = r.value < 0 && r.value != -1;
        if (r.value >= r.min && r.value <= r.max && !below_zero)
            continue;
        gchar* found = g_strdup_printf("%g", r.value);
        const infer::Error error = {infer::Error::BadConfig, std::string(r.name) + "=" + found,
                                    std::string("must be ") + r.wanted};
        g_free(found);
        return error;
    }
    if (s.region == InferenceRegion::Objects && s.input_size == InputSize::Source)
        return infer::Error{infer::Error::BadConfig, "input-size=source",
                            "cannot be with region=objects, whose pictures are all of other sizes"};
    if (auto options = infer::read_device_options(s.device_options); !options.ok())
        return options.error();
    return {};
}

infer::Result<infer::ModelConfig> model_config(const Settings& settings) {
    auto config = infer::side_config(settings.model);
    if (config.ok() && !settings.model_config.empty()) {
        auto said = infer::read_model_config(settings.model_config);
        if (!said.ok())
            return said.error();
        config = infer::merge(std::move(config.value()), said.value());
    }
    if (!config.ok())
        return config.error();
    infer::ModelConfig& c = config.value();
    if (settings.decoder != "auto")
        c.decoder = settings.decoder;
    if (settings.threshold >= 0)
        c.threshold = float(settings.threshold);
    if (settings.iou_threshold >= 0)
        c.iou_threshold = float(settings.iou_threshold);
    if (!settings.labels.empty()) {
        auto labels = infer::read_labels(settings.labels);
        if (!labels.ok())
            return labels.error();
        c.labels = std::move(labels.value());
        c.labels_from = settings.labels;
    }
    return config;
}

infer::SessionConfig session_config(const Settings& settings, const infer::ModelConfig& model) {
    infer::SessionConfig c;
    c.model = settings.model;
    c.device = settings.device;
    c.options.hint = settings.hint;
    c.options.precision = settings.precision;
    c.latency_limit_ms = settings.latency_limit_ms;
    c.options.batch = settings.batch_size;
    c.options.requests = settings.requests;
    c.options.streams = settings.streams;
    c.options.threads = settings.threads;
    if (auto extra = infer::read_device_options(settings.device_options); extra.ok()) // else check_settings() says it
        c.options.extra = std::move(extra.value());
    c.shapes = model.shapes;
    c.at_source_size = settings.input_size == InputSize::Source;
    c.hang_timeout_ms = settings.hang_timeout_ms;
    c.is_private = settings.is_private;
    return c;
}
