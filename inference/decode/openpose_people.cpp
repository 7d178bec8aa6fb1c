// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/openpose_people.h"

#include <algorithm>
#include <cmath>

namespace infer::openpose {
namespace {

constexpr float least_peak = 0.1f;
constexpr size_t most_peaks = 64;
constexpr int samples = 10;          // along a limb
constexpr float least_along = 0.05f; // of the field at a sample
constexpr int least_samples = 8;     // that must reach it
constexpr int least_joints = 3;      // of a person
constexpr float least_score = 0.2f;  // of a person, a joint

// Which joints a limb joins and the first of its field's two channels: OpenPose's COCO body.
struct Limb {
    size_t from, to;
    int channel;
};
constexpr std::array<Limb, limbs> body = {{{1, 2, 12},
                                           {1, 5, 20},
                                           {2, 3, 14},
                                           {3, 4, 16},
                                           {5, 6, 22},
                                           {6, 7, 24},
                                           {1, 8, 0},
                                           {8, 9, 2},
                                           {9, 10, 4},
                                           {1, 11, 6},
                                           {11, 12, 8},
                                           {12, 13, 10},
                                           {1, 0, 28},
                                           {0, 14, 30},
                                           {14, 16, 34},
                                           {0, 15, 32},
                                           {15, 17, 36},
                                           {2, 16, 18},
                                           {5, 17, 26}}};
constexpr size_t limbs_that_begin = 17; // from ear to shoulder nobody begins

// The top of the parabola through three values, from the middle one; within half a cell.
float top_of(float before, float middle, float after) {
    const float bend = before - 2 * middle + after;
    const float top = bend < 0 ? 0.5f * (before - after) / bend : 0;
    return std::isfinite(top) ? std::clamp(top, -0.5f, 0.5f) : 0;
}

bool is_peak(const Plane& map, int64_t x, int64_t y) {
    const float v = map.at(x, y);
    for (int64_t ny = std::max<int64_t>(y - 1, 0); ny <= std::min(y + 1, map.height - 1); ny++)
        for (int64_t nx = std::max<int64_t>(x - 1, 0); nx <= std::min(x + 1, map.width - 1); nx++) {
            const bool earlier = ny < y || (ny == y && nx < x);
            const float other = map.at(nx, ny);
            if (other > v || (earlier && other == v))
                return false;
        }
    return true;
}

// Bilinear, at a place in cells.
float sample(const Plane& map, float x, float y) {
    const float cx = std::clamp(x - 0.5f, 0.0f, float(map.width - 1));
    const float cy = std::clamp(y - 0.5f, 0.0f, float(map.height - 1));
    const auto x0 = int64_t(cx), y0 = int64_t(cy);
    const int64_t x1 = std::min(x0 + 1, map.width - 1), y1 = std::min(y0 + 1, map.height - 1);
    const float fx = cx - float(x0), fy = cy - float(y0);
    const float top = map.at(x0, y0) * (1 - fx) + map.at(x1, y0) * fx;
    const float bottom = map.at(x0, y1) * (1 - fx) + map.at(x1, y1) * fx;
    return top * (1 - fy) + bottom * fy;
}

// How well the field agrees with a limb from `a` to `b`; 0: it does not.
float agreement(const Plane& along_x, const Plane& along_y, const Keypoint& a, const Keypoint& b) {
    const float dx = b.x - a.x, dy = b.y - a.y, length = std::hypot(dx, dy);
    if (!(length > 1e-3f))
        return 0;
    float sum = 0;
    int good = 0;
    for (int i = 0; i < samples; i++) {
        const float t = float(i) / (samples - 1), x = a.x + dx * t, y = a.y + dy * t;
        const float along = (sample(along_x, x, y) * dx + sample(along_y, x, y) * dy) / length;
        sum += along;
        good += along > least_along;
    }
    // Limbs longer than half the picture are unlikely.
    const float mean = sum / samples + std::min(0.5f * float(along_x.height) / length - 1, 0.0f);
    return good >= least_samples && mean > 0 ? mean : 0; // NaN: 0
}

struct Connection {
    size_t from, to; // rows of the joints' peaks
    float score;
};

// The best first, each joint once.
std::vector<Connection> connect(const std::vector<Keypoint>& from, const std::vector<Keypoint>& to,
                                const Plane& along_x, const Plane& along_y) {
    std::vector<Connection> all, chosen;
    for (size_t i = 0; i < from.size(); i++)
        for (size_t j = 0; j < to.size(); j++)
            if (const float score = agreement(along_x, along_y, from[i], to[j]); score > 0)
                all.push_back({i, j, score});
    std::stable_sort(all.begin(), all.end(),
                     [](const Connection& a, const Connection& b) { return a.score > b.score; });
    std::vector<bool> from_taken(from.size()), to_taken(to.size());
    for (const Connection& c : all)
        if (!from_taken[c.from] && !to_taken[c.to]) {
            from_taken[c.from] = to_taken[c.to] = true;
            chosen.push_back(c);
        }
    return chosen;
}

void put(Person& person, size_t joint, size_t peak, float score) {
    person.count += person.joint[joint] < 0;
    person.joint[joint] = int(peak);
    person.score += score;
}

bool share_no_joint(const Person& a, const Person& b) {
    for (size_t j = 0; j < joints; j++)
        if (a.joint[j] >= 0 && b.joint[j] >= 0)
            return false;
    return true;
}

void merge(Person& into, const Person& other) {
    for (size_t j = 0; j < joints; j++)
        if (other.joint[j] >= 0)
            into.joint[j] = other.joint[j];
    into.count += other.count;
    into.score += other.score;
}

// Adds a limb to the people who have one of its joints.
void add(std::vector<Person>& people, const Limb& limb, bool may_begin, const Connection& c,
         float from_score, float to_score) {
    const auto having = [&](size_t joint, size_t peak) {
        return std::find_if(people.begin(), people.end(),
                            [&](const Person& p) { return p.joint[joint] == int(peak); });
    };
    const auto a = having(limb.from, c.from), b = having(limb.to, c.to);
    if (a == people.end() && b == people.end()) {
        if (!may_begin)
            return;
        Person person;
        person.joint.fill(-1);
        put(person, limb.from, c.from, from_score);
        put(person, limb.to, c.to, to_score + c.score);
        people.push_back(person);
    } else if (a == people.end()) {
        if (b->joint[limb.from] < 0)
            put(*b, limb.from, c.from, from_score + c.score);
    } else if (b == people.end()) {
        if (a->joint[limb.to] < 0)
            put(*a, limb.to, c.to, to_score + c.score);
    } else if (a != b && share_no_joint(*a, *b)) {
        merge(*a, *b);
        a->score += c.score;
        people.erase(b);
    } else if (a == b) {
        a->score += c.score;
    }
}

} // namespace

std::vector<Keypoint> find_peaks(const Plane& map) {
    std::vector<Keypoint> peaks;
    for (int64_t y = 0; y < map.height; y++)
        for (int64_t x = 0; x < map.width; x++) {
            const float v = map.at(x, y);
            if (!(v > least_peak) || !std::isfinite(v) || !is_peak(map, x, y))
                continue;
            Keypoint peak{float(x) + 0.5f, float(y) + 0.5f, v};
            if (x > 0 && x + 1 < map.width)
                peak.x += top_of(map.at(x - 1, y), v, map.at(x + 1, y));
            if (y > 0 && y + 1 < map.height)
                peak.y += top_of(map.at(x, y - 1), v, map.at(x, y + 1));
            peaks.push_back(peak);
        }
    std::stable_sort(peaks.begin(), peaks.end(),
                     [](const Keypoint& a, const Keypoint& b) { return a.score > b.score; });
    peaks.resize(std::min(peaks.size(), most_peaks));
    return peaks;
}

std::vector<Person> join(const std::array<std::vector<Keypoint>, joints>& peaks, const float* field,
                         int64_t width, int64_t height) {
    std::vector<Person> people;
    for (size_t l = 0; l < body.size(); l++) {
        const Limb& limb = body[l];
        const Plane along_x{field + limb.channel * width * height, width, height};
        const Plane along_y{field + (limb.channel + 1) * width * height, width, height};
        for (const Connection& c : connect(peaks[limb.from], peaks[limb.to], along_x, along_y))
            add(people, limb, l < limbs_that_begin, c, peaks[limb.from][c.from].score,
                peaks[limb.to][c.to].score);
    }
    std::erase_if(people, [](const Person& p) {
        return p.count < least_joints || p.score / float(p.count) < least_score;
    });
    return people;
}

} // namespace infer::openpose
