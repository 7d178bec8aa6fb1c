// SPDX-License-Identifier: LGPL-2.1-or-later
// The poses of all people in the picture by part affinity fields (Cao et al., "OpenPose: Realtime
// Multi-Person 2D Pose Estimation using Part Affinity Fields", section 3).
//
//   heat maps  f32 [1, 19, H, W]   18 joints and the background
//   fields     f32 [1, 38, H, W]   x and y of a unit vector along each of 19 limbs
//       or     f32 [1, 57, H, W]   both, heat maps first
//
// Joints are the peaks of the heat maps above 0.1. Two joints that a limb can join are joined if
// the field along the line between them points the same way; the best ones first, each joint once.
// Limbs that share a joint are one person, who counts from three joints on. A detection has 18
// keypoints in the order nose, neck, right shoulder, elbow, wrist, left ones, right hip, knee,
// ankle, left ones, eyes and ears (right first); those not found have the score 0.

#include "inference/decode/maps.h"
#include "inference/decode/openpose_people.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

using namespace openpose;

constexpr std::string_view wanted = "19 heat maps and 38 fields of one size, or 57 maps";

struct Roles {
    size_t heat = 0, fields = 0;
    int64_t first_field = 0; // channel
    MapForm form;
};

std::optional<Roles> roles_of(std::span<const Slot> slots) {
    const auto form = [&](size_t i, int64_t channels) {
        const auto d = slots[i].dims;
        return d.size() == 3 && d[0] == channels && d[1] > 0 && d[2] > 0;
    };
    const auto size = [&](size_t i, int64_t channels) {
        return MapForm{channels, slots[i].dims[1], slots[i].dims[2], false};
    };
    if (slots.size() == 1 && form(0, heat_maps + fields))
        return Roles{0, 0, heat_maps, size(0, heat_maps)};
    if (slots.size() != 2)
        return std::nullopt;
    for (size_t heat : {size_t(0), size_t(1)})
        if (form(heat, heat_maps) && form(1 - heat, fields) &&
            slots[0].dims[1] == slots[1].dims[1] && slots[0].dims[2] == slots[1].dims[2])
            return Roles{heat, 1 - heat, 0, size(heat, heat_maps)};
    return std::nullopt;
}

Detection to_detection(const Person& person, const std::array<std::vector<Keypoint>, joints>& peaks,
                       float scale_x, float scale_y) {
    Detection d;
    float left = INFINITY, top = INFINITY, right = -INFINITY, bottom = -INFINITY, sum = 0;
    for (size_t j = 0; j < joints; j++) {
        if (person.joint[j] < 0) {
            d.keypoints.push_back({0, 0, 0});
            continue;
        }
        const Keypoint& peak = peaks[j][size_t(person.joint[j])];
        const float x = peak.x * scale_x, y = peak.y * scale_y;
        d.keypoints.push_back({x, y, std::min(peak.score, 1.0f)});
        left = std::min(left, x), right = std::max(right, x);
        top = std::min(top, y), bottom = std::max(bottom, y);
        sum += d.keypoints.back().score;
    }
    d.x = left, d.y = top, d.width = right - left, d.height = bottom - top;
    d.score = sum / float(person.count);
    return d;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto roles = roles_of(slots);
    if (!roles)
        return wrong_outputs("openpose", slots, wanted);
    const auto heat = floats(outputs[roles->heat], "openpose");
    const auto field = floats(outputs[roles->fields], "openpose");
    if (!heat.ok() || !field.ok())
        return heat.ok() ? field.error() : heat.error();
    const int64_t w = roles->form.width, h = roles->form.height;
    std::array<std::vector<Keypoint>, joints> peaks;
    for (size_t j = 0; j < joints; j++)
        peaks[j] = find_peaks({heat.value().data() + int64_t(j) * w * h, w, h});
    const float* first_field = field.value().data() + roles->first_field * w * h;
    Decoded decoded;
    for (const Person& person : join(peaks, first_field, w, h)) {
        Detection d = to_detection(person, peaks, float(options.input_width) / float(w),
                                   float(options.input_height) / float(h));
        if (d.score >= options.threshold)
            decoded.detections.push_back(std::move(d));
    }
    auto& people = decoded.detections;
    std::stable_sort(people.begin(), people.end(),
                     [](const Detection& a, const Detection& b) { return a.score > b.score; });
    people.resize(std::min(people.size(), size_t(options.max_detections)));
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (!roles_of(slots))
        return {0, "openpose has " + std::string(wanted), 0};
    return {90, "heat maps of 18 joints and fields of 19 limbs", 1};
}

} // namespace

extern const DecoderDef decoder_openpose;
const DecoderDef decoder_openpose = {
    .name = "openpose",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::BGR},
    .threshold = 0.2f,
    .labels = "person",
};

} // namespace infer
