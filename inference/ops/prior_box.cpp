// SPDX-License-Identifier: LGPL-2.1-or-later
// PriorBox and PriorBoxClustered: the boxes that a detector of the SSD family refines, a set of
// them at each cell of a feature map.
//
//   in   map     i64 [2], constant: height and width of the feature map
//        image   i64 [2], constant: height and width of the picture
//   out  y       f32 [2, height * width * boxes * 4]: row 0 corners (x0, y0, x1, y1) as fractions
//   of
//                the picture, row 1 the variances that belong to them
//   attr offset  of a cell's centre, in cells
//        step    pixels between cells, 0: picture / map (Clustered: step_w, step_h)
//        clip    1: corners are kept inside the picture
//        variance [1 or 4]
//   PriorBox           min_size, max_size, fixed_size, fixed_ratio, density, aspect_ratio: lists;
//                      flip 1: each ratio also upright; scale_all_sizes,
//                      min_max_aspect_ratios_order
//   PriorBoxClustered  width, height: lists of equal length, pixels
//
// OpenVINO PriorBox-1, -8, PriorBoxClustered-1; Liu et al., SSD (2016), section 2.2.
#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

std::vector<float> list(const Node& node, const char* key) {
    const auto it = node.attrs.find(key);
    const auto* values =
        it == node.attrs.end() ? nullptr : std::get_if<std::vector<float>>(&it->second);
    return values ? *values : std::vector<float>();
}

struct Box {
    float x, y, half_width, half_height; // pixels, from the cell's centre
    bool clipped = false;
};

// 1, then the ratios that differ, each followed by its inverse with flip.
std::vector<float> ratios_of(const Node& node) {
    std::vector<float> ratios = {1};
    for (float r : list(node, "aspect_ratio")) {
        if (std::any_of(ratios.begin(), ratios.end(),
                        [&](float known) { return std::abs(known - r) < 1e-6f; }))
            continue;
        ratios.push_back(r);
        if (node.attr("flip", int64_t{0}))
            ratios.push_back(1 / r);
    }
    return ratios;
}

// density^2 boxes of one ratio, spread over the cell (FaceBoxes, Zhang et al. 2017, section 3.1).
void add_dense(std::vector<Box>& boxes, float size, float ratio, float density) {
    const auto n = int64_t(density);
    const float shift = size / float(n), root = std::sqrt(ratio);
    for (int64_t r = 0; r < n; r++)
        for (int64_t c = 0; c < n; c++)
            boxes.push_back({-size / 2 + shift / 2 + float(c) * shift,
                             -size / 2 + shift / 2 + float(r) * shift, size / 2 * root,
                             size / 2 / root, true});
}

void add_fixed(const Node& node, std::vector<Box>& boxes) {
    const auto sizes = list(node, "fixed_size"), fixed = list(node, "fixed_ratio"),
               density = list(node, "density");
    for (size_t s = 0; s < sizes.size(); s++) {
        const float dense = s < density.size() ? density[s] : 1;
        for (float ratio : fixed)
            add_dense(boxes, sizes[s], ratio, dense);
        if (!fixed.empty())
            continue;
        for (float ratio : ratios_of(node)) // the first is 1
            add_dense(boxes, sizes[s], ratio, dense);
    }
}

// By smallest size: a square of it, one between it and the largest, and the other ratios.
void add_sized(const Node& node, std::vector<Box>& boxes, float unit) {
    const auto small = list(node, "min_size"), large = list(node, "max_size");
    const bool all = node.attr("scale_all_sizes", int64_t{1}) != 0,
               squares_first = node.attr("min_max_aspect_ratios_order", int64_t{1}) != 0;
    for (size_t s = 0; s < small.size(); s++) {
        const float side = small[s] * unit / 2;
        boxes.push_back({0, 0, side, side});
        const auto between = [&] {
            if (s < large.size()) {
                const float half = std::sqrt(small[s] * unit * large[s]) / 2;
                boxes.push_back({0, 0, half, half});
            }
        };
        if (squares_first)
            between();
        if (all || s + 1 == small.size())
            for (float ratio : ratios_of(node)) {
                const float half = (all ? small[s] : small[0]) * unit / 2, root = std::sqrt(ratio);
                if (std::abs(ratio - 1) >= 1e-6f)
                    boxes.push_back({0, 0, half * root, half / root});
            }
        if (!squares_first)
            between();
    }
}

// All boxes of one cell. Without scale_all_sizes sizes are fractions of the picture's height.
std::vector<Box> boxes_of(const Node& node, int64_t image_height) {
    std::vector<Box> boxes;
    if (node.op == "PriorBoxClustered") {
        const auto width = list(node, "width"), height = list(node, "height");
        for (size_t k = 0; k < std::min(width.size(), height.size()); k++)
            boxes.push_back({0, 0, width[k] / 2, height[k] / 2});
        return boxes;
    }
    add_fixed(node, boxes);
    add_sized(node, boxes, node.attr("scale_all_sizes", int64_t{1}) ? 1 : float(image_height));
    return boxes;
}

bool all_positive(const Node& node) {
    for (const char* key : {"min_size", "max_size", "aspect_ratio", "density", "fixed_ratio",
                            "fixed_size", "width", "height"})
        for (float v : list(node, key))
            if (!(v > 0) || v > 1e6f || (key == std::string_view("density") && (v < 1 || v > 64)))
                return false;
    return true;
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const auto map = ints_of(in[0]), image = ints_of(in[1]);
    if (!map || !image)
        return unsupported(node, "the sizes of its feature map and picture are not constant");
    if (map->size() != 2 || image->size() != 2 || (*map)[0] < 1 || (*map)[1] < 1 ||
        (*image)[0] < 1 || (*image)[1] < 1)
        return invalid(node, "takes two sizes [height, width] of at least 1");
    const size_t variances = list(node, "variance").size();
    if (!all_positive(node) || (variances != 1 && variances != 4))
        return invalid(node,
                       "its sizes, ratios and densities must be above 0, its variances 1 or 4");
    const auto boxes = int64_t(boxes_of(node, (*image)[0]).size());
    const auto cells = checked_count({(*map)[0], (*map)[1], std::max<int64_t>(boxes, 1), 4});
    if (!cells || boxes == 0)
        return invalid(node, "makes no boxes or too many");
    return one(ElementType::F32, {2, *cells});
}

struct Steps {
    float x, y, offset;
};

// With step 0 PriorBox takes the centres of cells whatever the offset is.
Steps steps_of(const Node& node, const int64_t* map, const int64_t* image) {
    const float by_height = float(image[0]) / float(map[0]),
                by_width = float(image[1]) / float(map[1]);
    const float offset = node.attr("offset", 0.0f);
    if (node.op == "PriorBoxClustered") {
        const float w = node.attr("step_w", 0.0f), h = node.attr("step_h", 0.0f);
        return w == 0 && h == 0 ? Steps{by_width, by_height, offset} : Steps{w, h, offset};
    }
    float step = node.attr("step", 0.0f);
    if (!node.attr("scale_all_sizes", int64_t{1}))
        step = step == -1 ? by_height : step * float(image[0]);
    return step == 0 ? Steps{by_width, by_height, 0.5f} : Steps{step, step, offset};
}

void write(float* y, const Box& b, float x0, float y0, const int64_t* image, bool clip) {
    const auto height = float(image[0]), width = float(image[1]);
    y[0] = (x0 + b.x - b.half_width) / width;
    y[1] = (y0 + b.y - b.half_height) / height;
    y[2] = (x0 + b.x + b.half_width) / width;
    y[3] = (y0 + b.y + b.half_height) / height;
    for (int k = 0; k < 4; k++)
        if (clip)
            y[k] = std::clamp(y[k], 0.0f, 1.0f);
        else if (b.clipped) // corners at the picture's near edges only
            y[k] = k < 2 ? std::max(y[k], 0.0f) : std::min(y[k], 1.0f);
}

void run(const Node& node, Views in, Views out) {
    int64_t size[4]; // of map and image
    for (size_t k = 0; k < 4; k++)
        visit(in[k / 2].type, [&]<typename T>(std::type_identity<T>) {
            size[k] = int64_t(in[k / 2].span<T>()[k % 2]);
        });
    const std::vector<Box> boxes = boxes_of(node, size[2]);
    const Steps steps = steps_of(node, size, size + 2);
    const bool clip = node.attr("clip", int64_t{0}) != 0;
    float* y = out[0].span<float>().data();
    for (int64_t h = 0; h < size[0]; h++)
        for (int64_t w = 0; w < size[1]; w++)
            for (const Box& box : boxes) {
                write(y, box, (float(w) + steps.offset) * steps.x,
                      (float(h) + steps.offset) * steps.y, size + 2, clip);
                y += 4;
            }
    const auto variance = list(node, "variance");
    for (int64_t i = 0; i < out[0].shape[1]; i++)
        *y++ = variance[size_t(i) % variance.size()];
}

constexpr OpDef table[] = {{"PriorBox", infer, run}, {"PriorBoxClustered", infer, run}};

} // namespace

extern constinit const OpList ops_prior_box = table;

} // namespace infer
