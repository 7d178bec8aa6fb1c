// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/rotated_box.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace infer {
namespace {

float cross(Point origin, Point a, Point b) {
    return (a.x - origin.x) * (b.y - origin.y) - (a.y - origin.y) * (b.x - origin.x);
}

float dot(Point a, Point b) { return a.x * b.x + a.y * b.y; }

// The box with sides along `along` that holds all points.
RotatedBox box_along(std::span<const Point> points, Point along) {
    const Point across{-along.y, along.x};
    const float most = std::numeric_limits<float>::max();
    float low_u = most, high_u = -most, low_v = most, high_v = -most;
    for (const Point& p : points) {
        const float u = dot(p, along), v = dot(p, across);
        low_u = std::min(low_u, u), high_u = std::max(high_u, u);
        low_v = std::min(low_v, v), high_v = std::max(high_v, v);
    }
    const float u = (low_u + high_u) / 2, v = (low_v + high_v) / 2;
    return {{u * along.x + v * across.x, u * along.y + v * across.y},
            (high_u - low_u) / 2,
            (high_v - low_v) / 2,
            along};
}

} // namespace

std::array<Point, 4> RotatedBox::corners() const {
    const Point u{along.x * half_width, along.y * half_width};
    const Point v{-along.y * half_height, along.x * half_height};
    std::array<Point, 4> c = {Point{centre.x - u.x - v.x, centre.y - u.y - v.y},
                              {centre.x + u.x - v.x, centre.y + u.y - v.y},
                              {centre.x + u.x + v.x, centre.y + u.y + v.y},
                              {centre.x - u.x + v.x, centre.y - u.y + v.y}};
    const auto first = std::min_element(c.begin(), c.end(),
                                        [](Point a, Point b) { return a.x + a.y < b.x + b.y; });
    std::rotate(c.begin(), first, c.end());
    return c;
}

std::vector<Point> convex_hull(std::vector<Point>& points) {
    std::sort(points.begin(), points.end(),
              [](Point a, Point b) { return a.x != b.x ? a.x < b.x : a.y < b.y; });
    std::vector<Point> hull;
    const auto add = [&](Point p, size_t least) {
        while (hull.size() >= least + 2 && cross(hull[hull.size() - 2], hull.back(), p) <= 0)
            hull.pop_back();
        hull.push_back(p);
    };
    for (const Point& p : points)
        add(p, 0);
    const size_t lower = hull.size() - (hull.empty() ? 0 : 1);
    for (size_t i = points.size(); i-- > 1;)
        add(points[i - 1], lower);
    if (hull.size() > 1)
        hull.pop_back();
    return hull;
}

RotatedBox smallest_box(std::span<const Point> hull) {
    RotatedBox best = box_along(hull, {1, 0});
    float least = best.half_width * best.half_height;
    for (size_t i = 0; i < hull.size(); i++) {
        const Point a = hull[i], b = hull[(i + 1) % hull.size()];
        const float length = std::hypot(b.x - a.x, b.y - a.y);
        if (!(length > 0))
            continue;
        const RotatedBox box = box_along(hull, {(b.x - a.x) / length, (b.y - a.y) / length});
        if (box.half_width * box.half_height < least) {
            least = box.half_width * box.half_height;
            best = box;
        }
    }
    return best;
}

} // namespace infer
