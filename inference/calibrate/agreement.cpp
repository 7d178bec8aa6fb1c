// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/calibrate/agreement.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace infer::calibrate {
namespace {

constexpr float score_margin = 0.02f;
constexpr float near_part = 0.02f; // of a range or the picture counts as the same

// Hits of tries.
struct Share {
    double hits = 0, tries = 0;
    double value() const { return tries > 0 ? hits / tries : 1; }
};

float overlap(const Detection& a, const Detection& b) {
    const float w = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x),
                h = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
    if (!(w > 0) || !(h > 0))
        return 0;
    return w * h / (a.width * a.height + b.width * b.height - w * h);
}

// Of the objects of `a` that are sure enough, how many are in `b` too: each of these once, the
// surest first.
Share found_again(const Decoded& a, const Decoded& b, float threshold) {
    std::vector<const Detection*> sure;
    for (const Detection& d : a.detections)
        if (d.score >= threshold)
            sure.push_back(&d);
    std::ranges::stable_sort(sure, std::greater{}, [](const Detection* d) { return d->score; });
    std::vector<bool> taken(b.detections.size());
    Share share{0, double(sure.size())};
    for (const Detection* d : sure) {
        size_t best = taken.size();
        float most = 0.5f;
        for (size_t k = 0; k < taken.size(); k++)
            if (const Detection& other = b.detections[k]; !taken[k] && other.label == d->label)
                if (const float o = overlap(*d, other); o >= most)
                    best = k, most = o;
        if (best == taken.size())
            continue;
        taken[best] = true;
        share.hits++;
    }
    return share;
}

Share detections(const Decoded& expected, const Decoded& found, float threshold) {
    const Share there = found_again(expected, found, threshold),
                back = found_again(found, expected, threshold);
    return {there.hits + back.hits, there.tries + back.tries};
}

Share classes(const Decoded& expected, const Decoded& found) {
    if (expected.classes.empty())
        return {};
    const bool same = !found.classes.empty() && found.classes[0].label == expected.classes[0].label;
    return {same ? 1.0 : 0.0, 1};
}

template <typename T> Share cosine(std::span<const T> a, std::span<const T> b) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t k = 0; k < std::min(a.size(), b.size()); k++) {
        ab += double(a[k]) * double(b[k]);
        aa += double(a[k]) * double(a[k]);
        bb += double(b[k]) * double(b[k]);
    }
    if (a.size() != b.size())
        return {0, 1};
    return {aa == 0 && bb == 0 ? 1 : std::max(0.0, ab / std::sqrt(std::max(aa * bb, 1e-300))), 1};
}

Share embeddings(const Decoded& expected, const Decoded& found) {
    if (expected.embedding.empty())
        return {};
    return cosine(std::span(expected.embedding), std::span(found.embedding));
}

Share segments(const Decoded& expected, const Decoded& found) {
    if (!expected.segments)
        return {};
    const auto& a = expected.segments->labels;
    Share share{0, double(a.size())};
    if (found.segments && found.segments->labels.size() == a.size())
        for (size_t k = 0; k < a.size(); k++)
            share.hits += a[k] == found.segments->labels[k];
    return share;
}

// The numbers of "31.4" or "0.1, -0.2, 0.9"; none if it is another text.
std::vector<double> numbers(const std::string& text) {
    std::vector<double> all;
    const char* at = text.c_str();
    while (*at != 0) {
        char* end = nullptr;
        all.push_back(std::strtod(at, &end));
        if (end == at || (*end != 0 && *end != ','))
            return {};
        at = *end == ',' ? end + 1 : end;
    }
    return all;
}

bool same(const Attribute& a, const Attribute& b) {
    const auto x = numbers(a.label), y = numbers(b.label);
    if (a.label_id >= 0 || x.empty() || x.size() != y.size())
        return a.label == b.label;
    double largest = 1;
    for (const double v : x)
        largest = std::max(largest, std::abs(v));
    for (size_t k = 0; k < x.size(); k++)
        if (std::abs(x[k] - y[k]) > double(near_part) * largest)
            return false;
    return true;
}

Share attributes(const Decoded& expected, const Decoded& found) {
    Share share{0, double(expected.attributes.size())};
    for (const Attribute& a : expected.attributes)
        share.hits += std::ranges::any_of(
            found.attributes, [&](const Attribute& b) { return a.name == b.name && same(a, b); });
    return share;
}

Share keypoints(const Decoded& expected, const Decoded& found, const DecodeOptions& options) {
    Share share{0, double(expected.keypoints.size())};
    const float near_by = near_part * float(std::max(options.input_width, options.input_height));
    for (size_t k = 0; k < std::min(expected.keypoints.size(), found.keypoints.size()); k++)
        share.hits += std::hypot(expected.keypoints[k].x - found.keypoints[k].x,
                                 expected.keypoints[k].y - found.keypoints[k].y) <= near_by;
    return share;
}

Share raw(const Finding& expected, const Finding& found) {
    Share share;
    for (size_t k = 0; k < expected.outputs.size(); k++) {
        const Tensor &a = expected.outputs[k], &b = found.outputs[k];
        if (a.type() != ElementType::F32)
            continue;
        const Share one = cosine<float>(a.span<float>(), b.span<float>());
        share.hits += one.hits;
        share.tries += one.tries;
    }
    return share;
}

void count(Agreement& all, const Share& share, const char* what, const char* measure,
           double per_try = 1) {
    if (share.tries == 0)
        return;
    char text[160];
    std::snprintf(text, sizeof text, "%s%s %.4f (%.0f %s)", all.words.empty() ? "" : ", ", measure,
                  share.value(), share.tries * per_try, what);
    all.words += text;
    all.value = std::min(all.value, share.value());
}

} // namespace

DecodeOptions with_margin(DecodeOptions options) {
    options.threshold = std::max(0.0f, options.threshold - score_margin);
    return options;
}

Agreement agreement(std::span<const Finding> expected, std::span<const Finding> found,
                    const DecodeOptions& options) {
    Share boxes, best, vectors, places, words, points, tensors;
    const auto add = [](Share& to, const Share& more) {
        to.hits += more.hits;
        to.tries += more.tries;
    };
    for (size_t k = 0; k < expected.size(); k++) {
        const Decoded &a = expected[k].decoded, &b = found[k].decoded;
        add(boxes, detections(a, b, options.threshold));
        add(best, classes(a, b));
        add(vectors, embeddings(a, b));
        add(places, segments(a, b));
        add(words, attributes(a, b));
        add(points, keypoints(a, b, options));
        add(tensors, raw(expected[k], found[k]));
    }
    Agreement all;
    count(all, boxes, "objects", "F1", 0.5);
    count(all, best, "frames", "same class");
    count(all, vectors, "frames", "cosine of embeddings");
    count(all, places, "places", "same segment");
    count(all, words, "attributes", "same attributes");
    count(all, points, "points", "same keypoints");
    if (all.words.empty())
        count(all, tensors, "outputs", "cosine of raw outputs");
    return all;
}

} // namespace infer::calibrate
