// SPDX-License-Identifier: LGPL-2.1-or-later
// The demo: many videos through one gstinference into one annotated picture and a file of JSON
// lines each. Started by pipelines/demo, which also documents the options.

#include "pipelines/demo_count.h"
#include "pipelines/demo_line.h"
#include "pipelines/demo_options.h"
#include "pipelines/demo_report.h"

#include <glib-unix.h>
#include <gst/gst.h>

#include <cstdio>
#include <filesystem>

namespace demo {
namespace {

// Which input a message is about ("source 2 (FILE): "), or which element.
std::string origin_of(GstMessage* message, const Options& options) {
    for (GstObject* o = GST_MESSAGE_SRC(message); o; o = GST_OBJECT_PARENT(o)) {
        size_t k = 0;
        if (std::sscanf(GST_OBJECT_NAME(o), "source%zu", &k) == 1 && k < options.inputs.size())
            return "source " + std::to_string(k) + " (" + options.inputs[k] + ")";
    }
    return GST_MESSAGE_SRC_NAME(message);
}

// A run from the first frame to the last. Everything but the probes is on the main thread.
class Demo {
public:
    explicit Demo(const Options& options) : options_(options) {}
    ~Demo();

    bool start();     // false: it has been said why
    bool run();       // until the end of all sources; whether all frames came through
    void end_early(); // Ctrl-C: as if all sources had come to their end

private:
    static gboolean on_message(GstBus*, GstMessage* message, gpointer self);
    static gboolean on_tick(gpointer self);
    void stop_with_error(GstMessage* message);
    void tick();
    std::vector<Counts> counts() const;
    double seconds_since_start() const {
        return std::chrono::duration<double>(Clock::now() - start_).count();
    }

    const Options& options_;
    GstElement* pipeline_ = nullptr;
    GMainLoop* loop_ = g_main_loop_new(nullptr, FALSE);
    std::vector<std::unique_ptr<SourceCounter>> sources_;
    ThreadTimes threads_;
    Clock::time_point start_ = Clock::now(), last_tick_ = start_;
    std::vector<Counts> last_counts_;
    bool failed_ = false;
};

Demo::~Demo() {
    if (pipeline_) {
        gst_element_set_state(pipeline_, GST_STATE_NULL);
        gst_object_unref(pipeline_);
    }
    g_main_loop_unref(loop_);
}

bool Demo::start() {
    GError* error = nullptr;
    pipeline_ = gst_parse_launch(launch_line(options_).c_str(), &error);
    if (error) {
        std::fprintf(stderr, "demo: %s\n", error->message);
        g_error_free(error);
        return false;
    }
    GstElement* inference = gst_bin_get_by_name(GST_BIN(pipeline_), "gi");
    for (size_t k = 0; k < options_.inputs.size(); k++)
        sources_.push_back(std::make_unique<SourceCounter>(inference, k));
    gst_object_unref(inference);
    last_counts_ = counts();

    GstBus* bus = gst_element_get_bus(pipeline_);
    gst_bus_add_watch(bus, on_message, this);
    gst_object_unref(bus);
    // A failure to start comes as a message too, with the reason.
    gst_element_set_state(pipeline_, GST_STATE_PLAYING);
    return true;
}

bool Demo::run() {
    const guint ticks = g_timeout_add(1000, on_tick, this);
    g_main_loop_run(loop_);
    g_source_remove(ticks);
    threads_.sample();
    const double seconds = seconds_since_start();
    gst_element_set_state(pipeline_, GST_STATE_NULL); // files are complete from here on
    return !failed_ && print_report(options_, counts(), threads_, seconds);
}

void Demo::end_early() {
    std::puts("ending ...");
    gst_element_send_event(pipeline_, gst_event_new_eos());
}

gboolean Demo::on_message(GstBus*, GstMessage* message, gpointer self) {
    auto* demo = static_cast<Demo*>(self);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
        g_main_loop_quit(demo->loop_);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        demo->stop_with_error(message);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) {
        GError* warning = nullptr;
        gst_message_parse_warning(message, &warning, nullptr);
        std::fprintf(stderr, "demo: warning of %s: %s\n", GST_MESSAGE_SRC_NAME(message),
                     warning->message);
        g_error_free(warning);
    }
    return G_SOURCE_CONTINUE;
}

void Demo::stop_with_error(GstMessage* message) {
    GError* error = nullptr;
    gchar* more = nullptr;
    gst_message_parse_error(message, &error, &more);
    std::fprintf(stderr, "demo: %s: %s\n", origin_of(message, options_).c_str(), error->message);
    if (more && std::string(more).find("not-linked") != std::string::npos)
        std::fprintf(stderr, "  Is there a video in it?\n");
    else if (more)
        std::fprintf(stderr, "  %s\n", more);
    g_error_free(error);
    g_free(more);
    failed_ = true;
    g_main_loop_quit(loop_);
}

gboolean Demo::on_tick(gpointer self) {
    static_cast<Demo*>(self)->tick();
    return G_SOURCE_CONTINUE;
}

void Demo::tick() {
    const auto now = Clock::now();
    auto counted = counts();
    threads_.sample();
    print_progress(last_counts_, counted, std::chrono::duration<double>(now - last_tick_).count(),
                   seconds_since_start());
    last_counts_ = std::move(counted);
    last_tick_ = now;
}

std::vector<Counts> Demo::counts() const {
    std::vector<Counts> all;
    for (const auto& source : sources_)
        all.push_back(source->counts());
    return all;
}

gboolean on_interrupt(gpointer demo) {
    static_cast<Demo*>(demo)->end_early();
    return G_SOURCE_REMOVE; // a second Ctrl-C kills
}

int run(const Options& options) {
    std::error_code error;
    std::filesystem::create_directories(options.output, error);
    if (error) {
        std::fprintf(stderr, "demo: --output %s cannot be made: %s\n", options.output.c_str(),
                     error.message().c_str());
        return 2;
    }
    const size_t sources = options.inputs.size();
    std::printf("%zu source%s through one gstinference, model %s\n", sources,
                sources == 1 ? "" : "s", options.model.c_str());
    std::fflush(stdout);
    Demo demo(options);
    if (!demo.start())
        return 1;
    g_unix_signal_add(SIGINT, on_interrupt, &demo);
    return demo.run() ? 0 : 1;
}

} // namespace
} // namespace demo

int main(int count, char** words) {
    gst_init(nullptr, nullptr);
    const auto options = demo::read_options(std::vector<std::string>(words + 1, words + count));
    if (const auto* error = std::get_if<std::string>(&options)) {
        std::fprintf(stderr, "demo: %s\n", error->c_str());
        return 2;
    }
    return demo::run(std::get<demo::Options>(options));
}
