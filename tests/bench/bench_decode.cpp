// SPDX-License-Identifier: LGPL-2.1-or-later
// Decoding on one core: median microseconds a frame, with the few boxes a usual frame holds and
// with a crowd. The tensors are made up; what counts are their sizes and how many rows pass.
//
//   bench_decode [ROUNDS]      200 unless given

#include "tests/decode_case.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace infer;

namespace {

struct Case {
    const char* decoder;
    int width, height;
    std::vector<std::pair<const char*, Shape>> outputs;
    size_t score_output;     // where rows that pass are made
    int64_t columns, column; // of that output: numbers a row, the one that makes a row pass
};

const Case cases[] = {
    {"ultraface", 320, 240, {{"scores", {1, 4420, 2}}, {"boxes", {1, 4420, 4}}}, 0, 2, 1},
    {"yolox", 416, 416, {{"output", {1, 3549, 85}}}, 0, 85, 4},
    {"nanodet",
     320,
     320,
     {{"cls_8", {1, 1600, 80}},
      {"dis_8", {1, 1600, 32}},
      {"cls_16", {1, 400, 80}},
      {"dis_16", {1, 400, 32}},
      {"cls_32", {1, 100, 80}},
      {"dis_32", {1, 100, 32}}},
     0,
     80,
     3},
    {"centerface",
     640,
     480,
     {{"537", {1, 1, 120, 160}},
      {"538", {1, 2, 120, 160}},
      {"539", {1, 2, 120, 160}},
      {"540", {1, 10, 120, 160}}},
     0,
     1,
     0},
};

double median_us(const Case& c, int passing, int rounds) {
    std::mt19937 random(1);
    Outputs outputs;
    for (const auto& [name, shape] : c.outputs)
        fill_random(outputs.add(name, shape), 0.001f, 0.2f, random);
    auto scores = outputs[c.score_output].span<float>();
    const int64_t rows = int64_t(scores.size()) / c.columns;
    for (int i = 0; i < passing; i++) {
        float* row = &scores[size_t(i * rows / passing * c.columns)];
        row[c.column] = 0.9f;
        if (std::string_view(c.decoder) == "yolox")
            row[5] = 0.9f;
    }
    if (std::string_view(c.decoder) == "ultraface") // boxes with their corners in order
        for (size_t i = 0; i < outputs[1].span<float>().size(); i += 4)
            for (size_t k : {2, 3})
                outputs[1].span<float>()[i + k] += outputs[1].span<float>()[i + k - 2];
    const DecoderDef* decoder = find_decoder(c.decoder);
    const auto views = outputs.rows();
    const DecodeOptions options{0.5f, 0.45f, 300, c.width, c.height};
    std::vector<double> times;
    for (int i = 0; i < rounds; i++) {
        const auto begin = std::chrono::steady_clock::now();
        const auto decoded = decoder->decode(views, options);
        times.push_back(
            std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
                .count());
        if (!decoded.ok() || decoded.value().detections.empty())
            std::abort();
    }
    std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
    return times[size_t(rounds / 2)];
}

} // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 200;
    std::printf("%-12s %14s %14s\n", "", "20 rows pass", "1000 rows pass");
    for (const Case& c : cases)
        std::printf("%-12s %11.1f us %11.1f us\n", c.decoder, median_us(c, 20, rounds),
                    median_us(c, 1000, rounds));
}
