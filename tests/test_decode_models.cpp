// SPDX-License-Identifier: LGPL-2.1-or-later
// Real models' outputs (reference.npz of the shared models): what `auto` chooses and what comes
// out, against boxes worked out once by NumPy from the same tensors with each project's own rule.

#include "inference/processing.h"
#include "tests/decode_case.h"
#include "tests/npz.h"

using namespace infer;

namespace {

struct Expected {
    float score;
    int label;
    float x, y, width, height;
};

struct Case {
    const char *model, *decoder;
    std::vector<const char*> outputs; // names, in the order of the file
    std::vector<Expected> boxes;      // best first
    std::vector<float> keypoints;     // of the first box: x, y, x, y...
};

const Case cases[] = {
    {"ultraface-rfb-320",
     "ultraface",
     {"scores", "boxes"},
     {{1.0000f, 1, 111.87f, 29.42f, 56.47f, 51.87f}},
     {}},
    {"ultraface-rfb-640",
     "ultraface",
     {"scores", "boxes"},
     {{0.9941f, 1, 408.22f, 273.42f, 24.45f, 39.90f},
      {0.9933f, 1, 91.85f, 267.46f, 24.37f, 37.58f},
      {0.9908f, 1, 310.49f, 231.31f, 15.66f, 24.37f},
      {0.9861f, 1, 169.95f, 227.53f, 16.60f, 25.64f}},
     {}},
    {"yolox-nano-416",
     "yolox",
     {"output"},
     {{0.8893f, 0, 124.09f, 84.81f, 83.08f, 149.84f},
      {0.5294f, 32, 155.57f, 83.64f, 27.02f, 25.10f}},
     {}},
    {"light-person-detector",
     "yolox",
     {"output"},
     {{0.8331f, 0, 56.11f, 37.62f, 40.40f, 70.15f}},
     {}},
    {"nanodet-m-320",
     "nanodet",
     {"cls_pred_stride_8", "cls_pred_stride_16", "cls_pred_stride_32", "dis_pred_stride_8",
      "dis_pred_stride_16", "dis_pred_stride_32"},
     {{0.5024f, 0, 93.51f, 117.18f, 73.62f, 203.00f},
      {0.4389f, 73, 243.56f, 11.21f, 16.46f, 24.96f}},
     {}},
    {"yunet-n-320",
     "yunet",
     {"330", "342", "354", "366", "378", "390", "402", "414", "426", "438", "450", "462"},
     {{0.9373f, 0, 112.33f, 37.32f, 56.55f, 73.51f}},
     {127.77f, 65.71f, 154.18f, 65.68f, 139.8f, 80.13f, 128.32f, 90.66f, 151.79f, 90.67f}},
    {"yunet-n-dynamic",
     "yunet",
     {"cls_8", "cls_16", "cls_32", "obj_8", "obj_16", "obj_32", "bbox_8", "bbox_16", "bbox_32",
      "kps_8", "kps_16", "kps_32"},
     {{0.8730f, 0, 292.76f, 57.99f, 79.60f, 75.51f}, {0.8332f, 0, 33.65f, 87.74f, 64.78f, 63.69f}},
     {320.38f, 94.06f, 350.92f, 79.13f, 350.61f, 100.23f, 341.4f, 119.26f, 366.19f, 106.65f}},
    {"centerface",
     "centerface",
     {"537", "538", "539", "540"},
     {{0.7746f, 0, 168.97f, 229.89f, 17.42f, 23.06f},
      {0.7369f, 0, 408.89f, 277.01f, 24.03f, 33.07f},
      {0.7235f, 0, 91.88f, 269.65f, 25.39f, 33.28f},
      {0.6817f, 0, 308.41f, 232.71f, 18.06f, 24.96f}},
     {173.58f, 239.07f, 181.33f, 238.28f, 177.8f, 243.64f, 175.11f, 247.52f, 181.31f, 246.89f}},
    {"face-detection-retail-0004-fp32",
     "ssd",
     {"detection_out"},
     {{0.9998f, 1, 105.80f, 33.12f, 53.11f, 71.06f}},
     {}},
    {"mp-pose-detection-ir11-fp16",
     "blazeface",
     {"Identity", "Identity_1"},
     {{0.9607f, 0, 46.37f, 15.94f, 44.87f, 44.84f}},
     {66.47f, 119.82f, 68.43f, 18.78f, 68.74f, 51.56f, 69.02f, -31.89f}},
    {"person-detection-retail-0013-fp16",
     "ssd",
     {"detection_out"},
     {{0.9931f, 1, 221.43f, 116.64f, 21.09f, 44.77f},
      {0.9931f, 1, 412.99f, 89.02f, 19.75f, 42.16f},
      {0.7555f, 1, 209.73f, 89.06f, 21.15f, 38.83f},
      {0.6717f, 1, 170.66f, 88.52f, 19.61f, 34.50f}},
     {}},
};

struct ClassCase {
    const char *model, *output;
    int label;
    float score;
};

const ClassCase class_cases[] = {
    {"mnist-12", "Plus214_Output_0", 3, 1.0f},
    {"pplcnet-orientation", "fetch_name_0", 0, 0.9266f},
    {"ppocr-cls-mnv3", "save_infer_model/scale_0.tmp_1", 0, 1.0f},
};

// What `auto` makes of a model's reference tensors.
struct Outcome {
    std::shared_ptr<const Processing> how;
    Decoded decoded;
};

Outcome run(const std::string& model, const std::vector<const char*>& names) {
    const auto arrays = read_npz(shared_folder() + "/models/" + model + "/reference.npz");
    EXPECT_TRUE(arrays.ok()) << arrays.error().text();
    InputFormat input;
    input.shape = arrays.value().at("in0").shape();
    if (input.shape.size() != 4) // numbers beside the picture
        input.shape = arrays.value().at("in1").shape();
    input.channels_last = input.shape.back() == 3; // no graph here to tell it from
    std::vector<NamedTensor> rows;
    std::vector<OutputFormat> outputs;
    for (size_t i = 0; i < names.size(); i++) {
        const Tensor& tensor = arrays.value().at("out" + std::to_string(i));
        rows.push_back({names[i], tensor.view()});
        outputs.push_back({names[i], tensor.type(), tensor.shape()});
    }
    const auto how = make_processing(std::span(&input, 1), outputs, {});
    EXPECT_TRUE(how.ok()) << how.error().text();
    auto decoded = how.value()->decoder->decode(rows, how.value()->options);
    EXPECT_TRUE(decoded.ok()) << decoded.error().text();
    return {how.value(), std::move(decoded.value())};
}

void expect_keypoints(const Detection& d, const std::vector<float>& expected) {
    ASSERT_EQ(d.keypoints.size() * 2, expected.size());
    for (size_t i = 0; i < d.keypoints.size(); i++) {
        EXPECT_NEAR(d.keypoints[i].x, expected[2 * i], 0.02f);
        EXPECT_NEAR(d.keypoints[i].y, expected[2 * i + 1], 0.02f);
    }
}

} // namespace

#define NEEDS_SHARED()                                                                             \
    if (shared_folder().empty())                                                                   \
    GTEST_SKIP() << "needs the shared models (GI_SHARED)"

TEST(DecodeModels, finds_the_same_boxes_as_each_projects_own_rule) {
    NEEDS_SHARED();
    for (const Case& c : cases) {
        SCOPED_TRACE(c.model);
        const Outcome r = run(c.model, c.outputs);
        EXPECT_EQ(r.how->decoder->name, c.decoder) << r.how->why_decoder;
        const auto& found = r.decoded.detections;
        ASSERT_EQ(found.size(), c.boxes.size());
        for (size_t i = 0; i < found.size(); i++) {
            expect_box(found[i], c.boxes[i].x, c.boxes[i].y, c.boxes[i].width, c.boxes[i].height,
                       0.02f);
            EXPECT_NEAR(found[i].score, c.boxes[i].score, 1e-4f);
            EXPECT_EQ(found[i].label, c.boxes[i].label);
        }
        expect_keypoints(found[0], c.keypoints);
    }
}

TEST(DecodeModels, finds_the_class_of_classifiers) {
    NEEDS_SHARED();
    for (const ClassCase& c : class_cases) {
        SCOPED_TRACE(c.model);
        const Outcome r = run(c.model, {c.output});
        EXPECT_EQ(r.how->decoder->name, "classification");
        ASSERT_FALSE(r.decoded.classes.empty());
        EXPECT_EQ(r.decoded.classes[0].label, c.label);
        EXPECT_NEAR(r.decoded.classes[0].score, c.score, 1e-4f);
    }
}

TEST(DecodeModels, finds_the_attributes_of_faces_people_and_vehicles) {
    NEEDS_SHARED();
    const struct {
        const char* model;
        std::vector<const char*> outputs;
        std::vector<Attribute> said;
    } attribute_cases[] = {
        {"vehicle-attributes-recognition-barrier-0039-fp32",
         {"type", "color"},
         {{"type", "2", 2, 0.5097f}, {"color", "1", 1, 0.9995f}}},
        {"age-gender-recognition-retail-0013-fp16-int8",
         {"age_conv3", "prob"},
         {{"age", "28.5592", -1, 1}, {"gender", "male", 1, 0.8225f}}},
        {"person-attributes-recognition-crossroad-0230-fp16",
         {"459", "456", "453"},
         {{"459", "0", 0, 0.5208f},
          {"459", "1", 1, 0.6682f},
          {"453", "0", 0, 0.7649f},
          {"453", "5", 5, 0.6491f}}},
        {"gaze-estimation-adas-0002-fp16",
         {"gaze_vector"},
         {{"gaze_vector", "-0.0957, -0.1683, -0.8922", -1, 1}}},
        {"license-plate-recognition-barrier-0001-fp16",
         {"dec"},
         {{"text", "34 45 54 4 8 2 7", -1, 1}}},
    };
    for (const auto& c : attribute_cases) {
        SCOPED_TRACE(c.model);
        const Outcome r = run(c.model, c.outputs);
        ASSERT_EQ(r.decoded.attributes.size(), c.said.size()) << r.how->why_decoder;
        for (size_t i = 0; i < c.said.size(); i++) {
            const Attribute &found = r.decoded.attributes[i], &said = c.said[i];
            EXPECT_EQ(found.name, said.name);
            EXPECT_EQ(found.label, said.label);
            EXPECT_EQ(found.label_id, said.label_id);
            EXPECT_NEAR(found.score, said.score, 1e-4f);
        }
    }
}

TEST(DecodeModels, finds_embeddings_and_landmarks) {
    NEEDS_SHARED();
    const Outcome person = run("person-reid-0248-onnx", {"Identity:0"});
    ASSERT_EQ(person.decoded.embedding.size(), 256u) << person.how->why_decoder;
    EXPECT_NEAR(person.decoded.embedding[1], 0.840f, 1e-3f);
    EXPECT_EQ(run("person-reidentification-retail-0287-fp32", {"reid_embedding"})
                  .decoded.embedding.size(),
              256u);
    const Outcome face = run("landmarks-regression-retail-0009-fp32", {"95"});
    ASSERT_EQ(face.decoded.keypoints.size(), 5u) << face.how->why_decoder;
    EXPECT_NEAR(face.decoded.keypoints[0].x, 0.196f * 48, 0.05f);
    EXPECT_NEAR(face.decoded.keypoints[4].y, 0.730f * 48, 0.05f);
}

TEST(DecodeModels, segments_a_street) {
    NEEDS_SHARED();
    const Outcome r = run("road-segmentation-0001-onnx", {"tf.identity"});
    ASSERT_TRUE(r.decoded.segments) << r.how->why_decoder;
    EXPECT_EQ(r.decoded.segments->width, 896);
    std::array<int, 4> counts{};
    for (uint8_t label : r.decoded.segments->labels)
        counts.at(label)++;
    EXPECT_EQ(counts, (std::array<int, 4>{322236, 129837, 5447, 1232})); // NumPy's argmax
}

TEST(DecodeModels, makes_pictures) {
    NEEDS_SHARED();
    const auto mean = [](const Picture& picture) {
        double sum = 0;
        for (uint8_t v : picture.pixels)
            sum += v;
        return sum / double(picture.pixels.size());
    };
    const Outcome bright = run("sci-240x320", {"output"});
    ASSERT_TRUE(bright.decoded.picture) << bright.how->why_decoder;
    const Picture& b = *bright.decoded.picture;
    const uint8_t* pixel = b.pixels.data() + (100 * b.width + 150) * 3;
    EXPECT_EQ((std::array<int, 3>{pixel[0], pixel[1], pixel[2]}),
              (std::array<int, 3>{216, 223, 224}));
    EXPECT_NEAR(mean(b), 231.3328, 1e-3);
    const Outcome large = run("super-resolution-224", {"output"});
    ASSERT_TRUE(large.decoded.picture) << large.how->why_decoder;
    EXPECT_EQ(large.decoded.picture->channels, 1);
    EXPECT_EQ(large.decoded.picture->height, 672);
    EXPECT_NEAR(mean(*large.decoded.picture), 116.1649, 1e-3);
    EXPECT_EQ(large.how->preprocess.std[0], 255); // gray, 0 to 1
}

TEST(DecodeModels, finds_and_reads_text) {
    NEEDS_SHARED();
    const Outcome page = run("ppocrv4-det", {"sigmoid_0.tmp_0"});
    EXPECT_EQ(page.how->decoder->name, "textboxes") << page.how->why_decoder;
    ASSERT_GT(page.decoded.detections.size(), 5u);
    for (const Detection& line : page.decoded.detections)
        EXPECT_GT(line.width, line.height); // the page's lines run across
    const Outcome line = run("ppocrv4-rec", {"softmax_11.tmp_0"});
    ASSERT_EQ(line.decoded.attributes.size(), 1u) << line.how->why_decoder;
    EXPECT_EQ(line.decoded.attributes[0].label,
              "5127 3332 4548 3538 4245 4547 28 3463 4544 1033 3332 5171 6624 1033 3332 4548 5233 "
              "3332 4547 3333 4544 3333 3538 4245 4547");
    EXPECT_NEAR(line.decoded.attributes[0].score, 0.96402f, 1e-4f);
}

TEST(DecodeModels, finds_the_joints_of_a_worker) {
    NEEDS_SHARED();
    const Outcome r =
        run("human-pose-estimation-0001-fp16-int8", {"Mconv7_stage2_L1", "Mconv7_stage2_L2"});
    EXPECT_EQ(r.how->decoder->name, "openpose") << r.how->why_decoder;
    ASSERT_EQ(r.decoded.detections.size(), 1u); // seen from behind: no face
    const auto& joints = r.decoded.detections[0].keypoints;
    const std::pair<int, int> peaks[] = {
        {-1, 0},  {24, 18}, {26, 17}, {28, 21}, {28, 25}, {21, 18}, {18, 22}, {18, 24}, {26, 26},
        {23, 31}, {-1, 0},  {23, 26}, {22, 31}, {-1, 0},  {-1, 0},  {-1, 0},  {24, 14}, {22, 14}};
    for (size_t j = 0; j < std::size(peaks); j++) {
        EXPECT_EQ(joints[j].score > 0, peaks[j].first >= 0) << j;
        if (joints[j].score > 0) {
            EXPECT_NEAR(joints[j].x / 8, float(peaks[j].first) + 0.5f, 0.5f) << j;
            EXPECT_NEAR(joints[j].y / 8, float(peaks[j].second) + 0.5f, 0.5f) << j;
        }
    }
}
