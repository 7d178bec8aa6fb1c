// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/arguments.h"

#include <gtest/gtest.h>

using namespace infer;
using namespace infer::tools;

namespace {

constexpr OptionDef options[] = {{"seconds", "S", ""},
                                 {"batch", "N", ""},
                                 {"shape", "NAME=SHAPE", "", true},
                                 {"layers", "", ""},
                                 {"option", "K=V", "", true}};
const Usage usage = {"benchmark", "MODEL", "", options};

Result<Arguments> parse(std::vector<std::string> words) { return Arguments::parse(usage, words); }

// What is wrong with these words, read as the command reads them: parsed, then every value taken.
std::string complaint(std::vector<std::string> words) {
    const auto parsed = parse(std::move(words));
    if (!parsed.ok())
        return parsed.error().text();
    const Arguments& a = parsed.value();
    if (const auto model = a.only_positional("model file"); !model.ok())
        return model.error().text();
    if (const auto batch = a.integer("batch", 0, 1); !batch.ok())
        return batch.error().text();
    if (const auto seconds = a.number("seconds", 5, 0.01); !seconds.ok())
        return seconds.error().text();
    if (const auto shapes = a.shapes("shape"); !shapes.ok())
        return shapes.error().text();
    if (const auto pairs = a.pairs("option"); !pairs.ok())
        return pairs.error().text();
    return "";
}

} // namespace

TEST(Arguments, are_taken_in_both_forms_and_any_order) {
    const auto parsed = parse({"--seconds=2.5", "m.onnx", "--batch", "4", "--layers"});
    ASSERT_TRUE(parsed.ok()) << parsed.error().text();
    EXPECT_EQ(parsed.value().only_positional("").value(), "m.onnx");
    EXPECT_EQ(parsed.value().number("seconds", 5, 0).value(), 2.5);
    EXPECT_EQ(parsed.value().integer("batch", 0, 1).value(), 4);
    EXPECT_TRUE(parsed.value().has("layers"));
}

TEST(Arguments, keep_their_default_where_nothing_is_said) {
    const auto parsed = parse({"m.onnx"});
    EXPECT_EQ(parsed.value().number("seconds", 5, 0).value(), 5);
    EXPECT_EQ(parsed.value().text("seconds", "x"), "x");
    EXPECT_FALSE(parsed.value().has("layers"));
}

TEST(Arguments, read_shapes_with_and_without_a_name) {
    const auto parsed = parse({"--shape", "a=b:0=1,3,240,320", "--shape", "1x3x8x8"});
    const auto shapes = parsed.value().shapes("shape");
    ASSERT_TRUE(shapes.ok()) << shapes.error().text();
    EXPECT_EQ(shapes.value().at("a=b:0"), (Shape{1, 3, 240, 320}));
    EXPECT_EQ(shapes.value().at(""), (Shape{1, 3, 8, 8}));
}

TEST(Arguments, say_what_is_wrong_and_where) {
    const struct {
        std::vector<std::string> words;
        const char *where, *what;
    } cases[] = {
        {{}, "", "no model file is given"},
        {{"a.onnx", "b.onnx"}, "b.onnx: ", "one model file at a time"},
        {{"m.onnx", "--secnods", "2"}, "--secnods: ", "there are --help, --seconds"},
        {{"m.onnx", "--seconds"}, "--seconds: ", "its value is missing"},
        {{"m.onnx", "--layers=yes"}, "--layers: ", "takes no value"},
        {{"m.onnx", "--batch", "1", "--batch", "2"}, "--batch: ", "given twice"},
        {{"m.onnx", "--batch", "two"}, "--batch: ", "'two' is no whole number from 1 on"},
        {{"m.onnx", "--batch", "0"}, "--batch: ", "no whole number from 1 on"},
        {{"m.onnx", "--seconds", "nan"}, "--seconds: ", "'nan' is no number"},
        {{"m.onnx", "--seconds", "-1"}, "--seconds: ", "is no number from 0.01 on"},
        {{"m.onnx", "--shape", "a=1,3,,4"}, "--shape: ", "NAME=1,3,240,320"},
        {{"m.onnx", "--shape", "a=1,-3"}, "--shape: ", "is no shape"},
        {{"m.onnx", "--option", "fast"}, "--option: ", "KEY=VALUE"},
    };
    for (const auto& c : cases) {
        const std::string text = complaint(c.words);
        EXPECT_EQ(text.rfind(c.where, 0), 0u) << text;
        EXPECT_NE(text.find(c.what), std::string::npos) << text;
    }
}

TEST(Arguments, help_names_every_option) {
    const std::string help = help_of(usage);
    for (const OptionDef& option : options)
        EXPECT_NE(help.find("--" + std::string(option.name)), std::string::npos);
}
