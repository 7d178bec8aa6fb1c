// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/quantizing/report.h"

#include <algorithm>
#include <cstdio>

namespace infer::tools {
namespace {

template <typename... Values> std::string format(const char* pattern, Values... values) {
    char text[512];
    std::snprintf(text, sizeof text, pattern, values...);
    return text;
}

std::string json_quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out + "\"";
}

std::string xml_quoted(const std::string& text) {
    std::string out;
    for (const char c : text)
        out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
    return out;
}

double fps(const Point& point) { return point.ms > 0 ? 1e3 / point.ms : 0; }

// Of a row of numbers, and where on the plot one lies.
struct Axis {
    double low, high, from, to;
    double at(double v) const { return from + (to - from) * (v - low) / (high - low); }
};

} // namespace

std::string table_of(std::span<const Point> points) {
    std::string text = format("  %-34s %10s %10s %8s %12s\n", "tried", "agreement", "ms", "int8 %",
                              "float layers");
    for (const Point& p : points)
        text += format("  %-34s %10.4f %10.3f %8.1f %12zu\n", p.name.c_str(), p.agreement, p.ms,
                       100 * p.int8_share, p.float_layers);
    return text;
}

std::string text_of(const Report& r) {
    const Found& f = r.found;
    std::string text = format("%-14s %s\n", "model", r.model.c_str());
    text += format("%-14s %zu to calibrate, %zu to judge\n", "frames", r.calibrated, r.judged);
    text += format("%-14s %.4f, at least %.4f wanted: %s\n", "agreement", f.agreement.value,
                   1 - r.max_drop, f.agreement.words.c_str());
    text += format("%-14s %.1f %% of the multiplications, ranges by %s\n", "int8",
                   100 * f.int8_share, std::string(name_of(f.observer)).c_str());
    if (r.dead_channels > 0)
        text += format("%-14s %lld dead channels are left out\n", "pruned",
                       static_cast<long long>(r.dead_channels));
    text += "\n" + table_of(f.points);
    std::vector<LayerNote> floats;
    std::ranges::copy_if(f.layers, std::back_inserter(floats), &LayerNote::in_float);
    std::ranges::stable_sort(floats, std::greater{}, &LayerNote::error_share);
    if (!floats.empty())
        text += format("\n  %-34s %10s\n", "in float", "error, %");
    for (const LayerNote& layer : floats)
        text += format("  %-34s %10.1f\n", layer.name.c_str(), 100 * layer.error_share);
    return text + format("\n%-14s %s, %.3f ms a frame\n", "written", r.output.c_str(), r.ms);
}

std::string json_of(const Report& r) {
    const Found& f = r.found;
    std::string text =
        "{\"model\": " + json_quoted(r.model) + ", \"output\": " + json_quoted(r.output) +
        format(", \"frames\": {\"calibrated\": %zu, \"judged\": %zu}", r.calibrated, r.judged) +
        format(", \"agreement\": %.6f, \"max_drop\": %.6f, \"measured\": ", f.agreement.value,
               r.max_drop) +
        json_quoted(f.agreement.words) +
        format(", \"ranges\": \"%s\", \"int8_share\": %.6f, \"ms\": %.4f, "
               "\"dead_channels\": %lld, \"points\": [",
               std::string(name_of(f.observer)).c_str(), f.int8_share, r.ms, r.dead_channels);
    const char* comma = "";
    for (const Point& p : f.points) {
        text += comma + ("{\"name\": " + json_quoted(p.name)) +
                format(", \"agreement\": %.6f, \"ms\": %.4f, \"int8_share\": %.6f, "
                       "\"float_layers\": %zu}",
                       p.agreement, p.ms, p.int8_share, p.float_layers);
        comma = ", ";
    }
    text += "], \"layers\": [";
    comma = "";
    for (const LayerNote& layer : f.layers) {
        text += comma + ("{\"name\": " + json_quoted(layer.name)) +
                format(", \"multiplications\": %lld, \"error_share\": %.6f, \"precision\": \"%s\"}",
                       static_cast<long long>(layer.multiplications), layer.error_share,
                       layer.in_float ? "float" : "int8");
        comma = ", ";
    }
    return text + "]}\n";
}

std::string plot_of(const Report& r) {
    Axis x{0, 1, 70, 620}, y{1, 1, 360, 30};
    for (const Point& p : r.found.points) {
        x.high = std::max(x.high, 1.1 * fps(p));
        y.low = std::min(y.low, p.agreement);
    }
    y.low = std::max(0.0, std::min(y.low, 1 - r.max_drop) - 0.01);
    std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"410\" "
                       "font-family=\"sans-serif\" font-size=\"12\">\n"
                       "<rect width=\"760\" height=\"410\" fill=\"white\"/>\n";
    const auto line = [&](double x0, double y0, double x1, double y1, const char* stroke) {
        text += format("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n",
                       x0, y0, x1, y1, stroke);
    };
    const auto words = [&](double at_x, double at_y, const char* anchor, const std::string& what) {
        text += format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", at_x, at_y, anchor) +
                xml_quoted(what) + "</text>\n";
    };
    line(x.from, y.from, x.to, y.from, "black");
    line(x.from, y.from, x.from, y.to, "black");
    line(x.from, y.at(1 - r.max_drop), x.to, y.at(1 - r.max_drop), "red");
    words(x.to + 4, y.at(1 - r.max_drop) + 4, "start", "least agreement");
    words((x.from + x.to) / 2, y.from + 36, "middle", "frames a second, one at a time");
    words(x.from, y.to - 12, "middle", "agreement");
    for (int k = 0; k <= 5; k++) {
        const double fps_here = x.high * k / 5, agreement = y.low + (y.high - y.low) * k / 5;
        words(x.at(fps_here), y.from + 16, "middle", format("%.0f", fps_here));
        words(x.from - 6, y.at(agreement) + 4, "end", format("%.3f", agreement));
    }
    for (const Point& p : r.found.points) {
        text += format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n", x.at(fps(p)),
                       y.at(p.agreement), p.int8_share > 0 ? "steelblue" : "gray");
        words(x.at(fps(p)) + 7, y.at(p.agreement) + 14, "start", p.name);
    }
    return text + "</svg>\n";
}

} // namespace infer::tools
