// SPDX-License-Identifier: LGPL-2.1-or-later
// TfIdfVectorizer: how often known sequences (n-grams) occur in a row of numbers.
//
//   in   x  i64 or i32 [C] or [N, C]
//   out  y  f32 [size] or [N, size]: size = largest of ngram_indexes + 1
//   attr pool_int64s: the n-grams, those of length 1 first; ngram_counts: where each length starts
//        ngram_indexes: the place of each in y
//        weights: of each place (as ONNX's own evaluator has it), default 1
//        min_gram_length, max_gram_length, max_skip_count (numbers between two of an n-gram)
//        mode: TF (how often), IDF (its weight if it occurs), TFIDF (their product)
//
// ONNX TfIdfVectorizer-9, of numbers (no strings).
#include "inference/ops/kernel.h"

namespace infer {
            namespace {

            std::vector<int64_t> list_of(const Node& node, const char* name) {
                return node.attr(name, std::vector<int64_t>());
            }

            // Where the n-grams of length n lie in the pool: [from, to).
            struct Part {
                int64_t from, to;
            };

            Part part_of(const std::vector<int64_t>& counts, int64_t n, int64_t pool) {
                if (n > int64_t(counts.size()))
                    return {0, 0};
                return {counts[size_t(n - 1)],
                        n < int64_t(counts.size()) ? counts[size_t(n)] : pool};
            }

            // Whether the attributes fit together.
            bool fits(const Node& node) {
                const auto pool = list_of(node, "pool_int64s"),
                           counts = list_of(node, "ngram_counts"),
                           places = list_of(node, "ngram_indexes");
                int64_t grams = 0;
                for (int64_t n = 1; n <= int64_t(counts.size()); n++) {
                    const Part p = part_of(counts, n, int64_t(pool.size()));
                    if (p.from < 0 || p.to < p.from || p.to > int64_t(pool.size()) ||
                        (p.to - p.from) % n != 0)
                        return false;
                    grams += (p.to - p.from) / n;
                }
                return grams == int64_t(places.size()) && !places.empty() &&
                       std::all_of(places.begin(), places.end(),
                                   [](int64_t i) { return i >= 0 && i <= max_dim; });
            }

            FactsResult infer(const Node& node, Facts in) {
                if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
                    return ok.error();
                const Shape& x = in[0].shape;
                if ((in[0].type != ElementType::I64 && in[0].type != ElementType::I32) ||
                    x.empty() || x.size() > 2)
                    return unsupported(node, "takes i64 or i32 of one or two dimensions, not " +
                                                 to_string(x));
                const std::string mode = node.attr("mode", "");
                const int64_t least = node.attr("min_gram_length", int64_t{0}),
                              most = node.attr("max_gram_length", int64_t{0}),
                              skip = node.attr("max_skip_count", int64_t{-1});
                if (!fits(node) || (mode != "TF" && mode != "IDF" && mode != "TFIDF") ||
                    least < 1 || most < least || most > 16 || skip < 0 || skip > 1024)
                    return invalid(node, "its n-grams, lengths or mode do not fit together");
                const auto places = list_of(node, "ngram_indexes");
                Shape y(x.begin(), x.end() - 1);
                y.push_back(*std::max_element(places.begin(), places.end()) + 1);
                return one(ElementType::F32, y);
            }

            // Adds 1 for each occurrence in one row. An n-gram's numbers lie skip + 1 apart;
            // without a second number there is nothing to skip.
            void count_grams(const Node& node, const std::vector<int64_t>& row, float* y) {
                const auto pool = list_of(node, "pool_int64s"),
                           counts = list_of(node, "ngram_counts"),
                           places = list_of(node, "ngram_indexes");
                const int64_t least = node.attr("min_gram_length", int64_t{1}),
                              most = node.attr("max_gram_length", int64_t{1}),
                              size = int64_t(row.size());
                size_t gram = 0; // running number of the n-gram
                for (int64_t n = 1; n <= int64_t(counts.size()); n++) {
                    const Part p = part_of(counts, n, int64_t(pool.size()));
                    const int64_t skips = n < least || n > most ? -1
                                          : n == 1              ? 0
                                                   : node.attr("max_skip_count", int64_t{0});
                    for (int64_t at = p.from; at < p.to; at += n, gram++)
                        for (int64_t step = 1; step <= skips + 1; step++)
                            for (int64_t i = 0; i + (n - 1) * step < size; i++) {
                                bool same = true;
                                for (int64_t k = 0; same && k < n; k++)
                                    same = row[size_t(i + k * step)] == pool[size_t(at + k)];
                                y[places[gram]] += same ? 1.0f : 0.0f;
                            }
                }
            }

            void weigh(const Node& node, float* y, int64_t size) {
                const auto it = node.attrs.find("weights");
                const auto* weights =
                    it == node.attrs.end() ? nullptr : std::get_if<std::vector<float>>(&it->second);
                const std::string mode = node.attr("mode", "TF");
                for (int64_t i = 0; i < size && mode != "TF"; i++) {
                    const float weight =
                        weights && i < int64_t(weights->size()) ? (*weights)[size_t(i)] : 1.0f;
                    y[i] = mode == "IDF" ? (y[i] > 0 ? weight : 0.0f) : y[i] * weight;
                }
            }

            void run(const Node& node, Views in, Views out) {
                const int64_t columns = in[0].shape.back(), size = out[0].shape.back();
                std::fill(out[0].span<float>().begin(), out[0].span<float>().end(), 0.0f);
                for (int64_t r = 0; r < count(out[0].shape) / std::max<int64_t>(size, 1); r++) {
                    std::vector<int64_t> row;
                    for (int64_t c = 0; c < columns; c++)
                        row.push_back(in[0].type == ElementType::I64
                                          ? in[0].span<int64_t>()[size_t(r * columns + c)]
                                          : in[0].span<int32_t>()[size_t(r * columns + c)]);
                    float* y = out[0].span<float>().data() + r * size;
                    count_grams(node, row, y);
                    weigh(node, y, size);
                }
            }

            constexpr OpDef table[] = {{"TfIdfVectorizer", infer, run}};

            } // namespace

            extern constinit const OpList ops_tfidf = table;

        } // namespace infer
