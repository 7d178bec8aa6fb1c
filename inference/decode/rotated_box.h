// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <span>
#include <vector>

namespace infer {

struct Point {
    float x = 0, y = 0;
};

// A rectangle at any angle: centre, half sides, and the unit vector along the first of them.
struct RotatedBox {
    Point centre;
    float half_width = 0, half_height = 0;
    Point along{1, 0};

    // Top left (the least x + y), then clockwise on the screen.
    std::array<Point, 4> corners() const;
};

// Counter-clockwise by the sign of the cross product, without points on its edges. Reorders
// `points`. Source: A. M. Andrew, "Another efficient algorithm for convex hulls", 1979.
std::vector<Point> convex_hull(std::vector<Point>& points);

// The smallest by area that holds all points of a convex hull (one of its sides lies on an edge).
RotatedBox smallest_box(std::span<const Point> hull);

} // namespace infer
