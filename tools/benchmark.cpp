// SPDX-License-Identifier: LGPL-2.1-or-later
// gst-inference benchmark: frames a second and latency of a model on a device, without video.

#include "tools/command.h"
#include "tools/compile.h"
#include "tools/sweep.h"
#include "tools/settings_search.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <numeric>

namespace infer::tools {
namespace {

constexpr OptionDef own_options[] = {
    {"hint", "H", "latency: one request at a time; throughput (default): as many as pay"},
    {"latency-limit", "MS", "as many in flight as keep the 99th percentile under this"},
    {"rate", "FPS", "send at this rate, whether earlier frames are done or not"},
    {"batch", "N", "frames a request (default: the hint and the device decide)"},
    {"requests", "N", "requests in flight (default: lanes + 2)"},
    {"seconds", "S", "how long to measure after warming up (default 5)"},
    {"json", "FILE", "writes the figures as one line of JSON; -: to stdout"},
    {"sweep", "", "adds latency at rates from a tenth of the throughput to all of it"},
    {"layers", "", "adds the time of each layer and the kernel it used"},
};
constexpr auto options = join(std::to_array(own_options), compile_options);

// How to load the executor, besides what compile() was told.
struct Plan {
    double seconds = 5;
    double rate = 0;             // frames a second; 0: closed loop
    double latency_limit_ms = 0; // 0: none
    bool sweeps = false;
};

// What came out, ready to be printed.
struct Figures {
    Measured measured;
    std::vector<DeviceCounters> devices; // of MULTI, with
    std::vector<double> alone_fps;       // what each does by itself
    size_t in_flight = 0;
    double compile_ms = 0;
    int batch = 0;
    std::vector<SweepPoint> curve; // of --sweep

    double frames() const { return double(measured.latency_ms.size()) * batch; }
    double fps() const { return frames() / measured.elapsed_s; }
    double sum_fps() const { return std::accumulate(alone_fps.begin(), alone_fps.end(), 0.0); }
    double cpu_ms_per_frame() const { return measured.cpu_s * 1e3 / frames(); }
};

Result<Plan> read_plan(const Arguments& arguments) {
    const auto seconds = arguments.number("seconds", 5, 0.01);
    const auto rate = arguments.number("rate", 0, 0.001);
    const auto limit = arguments.number("latency-limit", 0, 0.001);
    for (const auto* value : {&seconds, &rate, &limit})
        if (!value->ok())
            return value->error();
    return Plan{seconds.value(), rate.value(), limit.value(), arguments.has("sweep")};
}

Result<Measured> load(Executor& executor, std::span<Request> requests, const Plan& plan,
                      double seconds) {
    if (plan.rate > 0)
        return at_intervals(executor, requests, seconds, executor.batch() / plan.rate);
    if (requests.size() == 1)
        return one_at_a_time(executor, requests[0], seconds);
    return keep_in_flight(executor, requests, seconds);
}

// The most requests in flight that a short trial keeps under the limit; at least one.
Result<size_t> requests_within_limit(Executor& executor, std::span<Request> requests,
                                     const Plan& plan) {
    for (size_t n = requests.size(); n > 1; n--) {
        const auto trial = load(executor, requests.first(n), plan, plan.seconds / 4);
        if (!trial.ok())
            return trial.error();
        if (trial.value().percentile(0.99) <= plan.latency_limit_ms)
            return n;
    }
    return size_t(1);
}

Result<Figures> measure(Executor& executor, std::span<Request> requests, const Plan& plan) {
    Figures figures;
    figures.batch = executor.batch();
    const auto warm = load(executor, requests, plan, std::min(1.0, plan.seconds / 4));
    if (!warm.ok())
        return warm.error();
    figures.in_flight = requests.size();
    if (plan.latency_limit_ms > 0 && plan.rate == 0) {
        const auto n = requests_within_limit(executor, requests, plan);
        if (!n.ok())
            return n.error();
        figures.in_flight = n.value();
    }
    auto measured = load(executor, requests.first(figures.in_flight), plan, plan.seconds);
    if (!measured.ok())
        return measured.error();
    figures.measured = std::move(measured.value());
    if (plan.sweeps) {
        auto curve = sweep(executor, requests, figures.fps(), plan.seconds / 4);
        if (!curve.ok())
            return curve.error();
        figures.curve = std::move(curve.value());
    }
    return figures;
}

// The same load on one of the devices that work together.
Result<double> fps_alone(const std::string& device, int batch, Job job, const Plan& plan) {
    job.device = device;
    job.options.batch = batch;
    std::erase_if(job.options.extra, [](const auto& option) { return option.first.find('.') == std::string::npos; });
    auto executor = compile(job);
    if (!executor.ok())
        return executor.error();
    auto requests = make_requests(*executor.value(), job.options.requests);
    if (!requests.ok())
        return requests.error();
    const auto figures = measure(*executor.value(), requests.value(), plan);
    return figures.ok() ? Result<double>(figures.value().fps()) : figures.error();
}

// Each device of a list by itself, one after another. A device that MULTI left out does nothing.
Result<void> measure_alone(Figures& figures, const Job& job, const Plan& plan) {
    for (const DeviceCounters& device : figures.devices) {
        const bool is_left_out = device.state.starts_with("left out");
        const auto fps = is_left_out ? Result<double>(0.0) : fps_alone(device.name, figures.batch, job, plan);
        if (!fps.ok())
            return fps.error();
        figures.alone_fps.push_back(fps.value());
    }
    return {};
}

double peak_memory_mb() {
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    return double(use.ru_maxrss) / 1024; // kilobytes
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (char c : text)
        out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return out + "\"";
}

std::string precision_of(const Executor& executor) {
    const auto words = executor.describe();
    const auto found = words.find("precision");
    return found == words.end() ? "f32" : found->second;
}

template <typename... Values> std::string format(const char* pattern, Values... values) {
    char text[512];
    std::snprintf(text, sizeof text, pattern, values...);
    return text;
}

std::string devices_json(const Figures& f) {
    if (f.devices.empty())
        return "";
    std::string json;
    for (size_t k = 0; k < f.devices.size(); k++) {
        const DeviceCounters& d = f.devices[k];
        json += (k ? ", {" : ", \"devices\": [{") + ("\"name\": " + quoted(d.name)) + ", \"state\": " + quoted(d.state) +
                format(", \"requests\": %llu, \"failures\": %llu", static_cast<unsigned long long>(d.requests),
                       static_cast<unsigned long long>(d.failures));
        json += (k < f.alone_fps.size() ? format(", \"alone_fps\": %.3f", f.alone_fps[k]) : "") + "}";
    }
    json += "]";
    if (!f.alone_fps.empty())
        json += format(", \"sum_fps\": %.3f, \"fraction\": %.4f", f.sum_fps(), f.fps() / f.sum_fps());
    return json;
}

std::string devices_text(const Figures& f) {
    std::string text;
    for (size_t k = 0; k < f.devices.size(); k++) {
        const DeviceCounters& d = f.devices[k];
        text += format("  %-20s ", d.name.c_str());
        if (k < f.alone_fps.size())
            text += format("%.2f frames a second alone; ", f.alone_fps[k]);
        text += format("%llu requests, %llu failures here, ", static_cast<unsigned long long>(d.requests),
                       static_cast<unsigned long long>(d.failures)) + d.state + "\n";
    }
    if (!f.alone_fps.empty())
        text += format("  %-20s %.2f frames a second; together %.2f, %.1f %% of that\n", "sum of them alone", f.sum_fps(),
                       f.fps(), 100 * f.fps() / f.sum_fps());
    return text;
}

std::string json_of(const Figures& f, const Job& job, const Executor& executor) {
    const Measured& m = f.measured;
    return format("{\"fps\": %.3f, \"latency_ms\": {\"p50\": %.4f, \"p90\": %.4f, \"p99\": %.4f, "
                  "\"max\": %.4f}, ",
                  f.fps(), m.percentile(0.5), m.percentile(0.9), m.percentile(0.99),
                  m.percentile(1)) +
           "\"device\": " + quoted(job.device) +
           ", \"hint\": " + quoted(std::string(name_of(job.options.hint))) +
           ", \"precision\": " + quoted(precision_of(executor)) +
           format(", \"streams\": %d, \"batch\": %d, \"requests\": %zu, \"compile_ms\": %.1f, "
                  "\"rss_mb\": %.1f, "
                  "\"cpu_ms_per_frame\": %.4f",
                  executor.lanes(), f.batch, f.in_flight, f.compile_ms, peak_memory_mb(),
                  f.cpu_ms_per_frame()) +
           (f.curve.empty() ? "" : ", \"sweep\": " + json_of(f.curve)) + devices_json(f) + "}";
}

std::string text_of(const Figures& f, const Job& job, const Executor& executor) {
    const Measured& m = f.measured;
    std::string text =
        job.model + " on " + job.device + ", hint " + std::string(name_of(job.options.hint)) + "\n";
    for (const auto& [key, value] : executor.describe())
        text += format("  %-20s %s\n", key.c_str(), value.c_str());
    if (const auto settings = settings_of(job); settings.ok())
        text += format("  %-20s %s\n", "settings", settings.value().from.c_str());
    text += format("  %-20s %.1f ms\n", "compiled in", f.compile_ms);
    text += format("  %-20s %zu of %d frames, %zu in flight\n", "requests", m.latency_ms.size(),
                   f.batch, f.in_flight);
    text += format("  %-20s %.2f\n", "frames a second", f.fps());
    text += format("  %-20s p50 %.2f  p90 %.2f  p99 %.2f  max %.2f\n", "latency, ms",
                   m.percentile(0.5), m.percentile(0.9), m.percentile(0.99), m.percentile(1));
    text += devices_text(f);
    text += format("  %-20s %.3f ms a frame\n", "CPU time", f.cpu_ms_per_frame());
    text += format("  %-20s %.1f MB at most\n", "memory", peak_memory_mb());
    if (m.late > 0)
        text +=
            format("  %llu requests were due and not sent: the device is slower than the rate\n",
                   static_cast<unsigned long long>(m.late));
    if (!f.curve.empty())
        text += text_of(f.curve);
    return text;
}

std::string layers_of(const Executor& executor) {
    const auto layers = executor.layer_times();
    double total = 0;
    for (const auto& layer : layers)
        total += layer.total_us;
    std::string text = "   ms a call      %  op               kernel                    layer\n";
    for (const auto& layer : layers)
        text += format("  %10.4f %6.1f  %-16s %-24s  %s\n",
                       layer.total_us / 1e3 / double(std::max<uint64_t>(1, layer.calls)),
                       100 * layer.total_us / total, layer.op.c_str(), layer.kernel.c_str(),
                       layer.name.c_str());
    return layers.empty() ? "  this device does not say how long its layers take\n" : text;
}

Result<void> write(const Figures& figures, const Job& job, const Executor& executor,
                   const Arguments& arguments) {
    const std::string target = arguments.text("json");
    std::ostream& out = target == "-" ? std::cerr : std::cout; // stdout is the JSON's alone then
    out << text_of(figures, job, executor);
    if (arguments.has("layers"))
        out << layers_of(executor);
    if (target == "-")
        std::cout << json_of(figures, job, executor) << std::endl;
    else if (!target.empty() &&
             !(std::ofstream(target) << json_of(figures, job, executor) << std::endl))
        return Error{Error::BadConfig, "--json", "cannot write " + target};
    return {};
}

Result<ExitCode> run(const Arguments& arguments) {
    auto job = read_job(arguments, Precision::Auto);
    const auto plan = read_plan(arguments);
    if (!job.ok() || !plan.ok())
        return job.ok() ? plan.error() : job.error();
    if (arguments.has("layers"))
        job.value().options.extra["profile"] = "1";

    const auto begin = std::chrono::steady_clock::now();
    auto executor = compile(job.value());
    if (!executor.ok())
        return executor.error();
    const std::chrono::duration<double, std::milli> compile_ms =
        std::chrono::steady_clock::now() - begin;

    const bool single = job.value().options.hint == Hint::Latency && plan.value().rate == 0;
    auto requests = make_requests(*executor.value(), single ? 1 : job.value().options.requests);
    if (!requests.ok())
        return requests.error();
    auto figures = measure(*executor.value(), requests.value(), plan.value());
    if (!figures.ok()) {
        std::cerr << "gst-inference: " << figures.error().text() << "\n";
        return Failed;
    }
    figures.value().compile_ms = compile_ms.count();
    figures.value().devices = executor.value()->devices();
    if (job.value().device.find(':') != std::string::npos)
        if (const auto alone = measure_alone(figures.value(), job.value(), plan.value()); !alone.ok())
            return alone.error();
    if (const auto written = write(figures.value(), job.value(), *executor.value(), arguments);
        !written.ok())
        return written.error();
    const double limit = plan.value().latency_limit_ms,
                 p99 = figures.value().measured.percentile(0.99);
    if (limit > 0 && p99 > limit) {
        std::cerr << format(
            "gst-inference: the 99th percentile is %.2f ms, over --latency-limit %.2f\n", p99,
            limit);
        return Failed;
    }
    return Done;
}

} // namespace

extern const CommandDef command_benchmark;
const CommandDef command_benchmark = {
    {"benchmark", "MODEL", "Measures frames a second and latency on a device, with random input.",
     options},
    run};

} // namespace infer::tools
