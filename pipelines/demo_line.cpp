// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/demo_line.h"

#include <gst/gst.h>

#include <cmath>

namespace demo {
namespace {

// The annotated video is a grid, as square as can be, of tiles this large; more than fit into
// `widest` pixels are smaller.
constexpr size_t tile_width = 640, tile_height = 480, widest = 1920;

struct Grid {
    size_t columns, rows;
    size_t width, height; // of a tile; even, as encoders want it
};

Grid grid_of(size_t sources) {
    Grid grid = {};
    grid.columns = size_t(std::ceil(std::sqrt(double(sources))));
    grid.rows = (sources + grid.columns - 1) / grid.columns;
    grid.width = std::min(tile_width, widest / grid.columns / 2 * 2);
    grid.height = grid.width * tile_height / tile_width / 2 * 2;
    return grid;
}

bool is_installed(const char* element) {
    GstElementFactory* factory = gst_element_factory_find(element);
    if (factory)
        gst_object_unref(factory);
    return factory != nullptr;
}

bool has_h264() { return is_installed("x264enc") && is_installed("mp4mux"); }

// `text` as one value of a launch line.
std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (char c : text)
        out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return out + "\"";
}

std::string source_of(const std::string& input, const std::string& n) {
    if (is_uri(input))
        return "uridecodebin name=source" + n + " uri=" + quoted(input);
    return "filesrc location=" + quoted(input) + " ! decodebin name=source" + n;
}

// Where source k stands in the picture.
std::string tile(size_t k, const Grid& grid) {
    const std::string pad = " sink_" + std::to_string(k) + "::";
    return pad + "xpos=" + std::to_string(k % grid.columns * grid.width) + pad +
           "ypos=" + std::to_string(k / grid.columns * grid.height) + pad +
           "width=" + std::to_string(grid.width) + pad + "height=" + std::to_string(grid.height) +
           pad + "sizing-policy=keep-aspect-ratio";
}

std::string mosaic(const Options& options) {
    const Grid grid = grid_of(options.inputs.size());
    std::string line = "compositor name=mosaic background=black";
    for (size_t k = 0; k < options.inputs.size(); k++)
        line += tile(k, grid);
    line +=
        " ! video/x-raw,pixel-aspect-ratio=1/1,width=" + std::to_string(grid.columns * grid.width) +
        ",height=" + std::to_string(grid.rows * grid.height);
    if (options.display)
        line += " ! tee name=picture  picture. ! queue ! videoconvert ! autovideosink  picture.";
    line += " ! queue name=encode max-size-buffers=8 ! videoconvert";
    line += has_h264() ? " ! x264enc speed-preset=ultrafast key-int-max=50 ! mp4mux"
                       : " ! vp8enc deadline=1 cpu-used=8 ! matroskamux";
    return line + " ! filesink location=" + quoted(video_file(options));
}

} // namespace

std::string video_file(const Options& options) {
    return options.output + (has_h264() ? "/annotated.mp4" : "/annotated.mkv");
}

std::string lines_file(const Options& options, size_t source) {
    return options.output + "/source-" + std::to_string(source) + ".jsonl";
}

std::string launch_line(const Options& options) {
    std::string line = "gstinference name=gi model=" + quoted(options.model) +
                       " device=" + quoted(options.device) + " hint=" + options.hint + "\n" +
                       mosaic(options) + "\n";
    for (size_t k = 0; k < options.inputs.size(); k++) {
        const std::string n = std::to_string(k);
        line += source_of(options.inputs[k], n) + " ! videoconvert ! queue name=prepare" + n +
                " max-size-buffers=2 ! gi.sink_" + n + "\n";
        line += "gi.src_" + n + " ! inferencepublish location=" + quoted(lines_file(options, k)) +
                " ! inferenceoverlay ! mosaic.sink_" + n + "\n";
    }
    return line;
}

} // namespace demo
