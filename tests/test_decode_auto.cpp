// SPDX-License-Identifier: LGPL-2.1-or-later
// `auto` on the outputs that published exports of each family have: the family must be chosen, and
// what every decoder says of every other's outputs must be readable.
#include "tests/decode_case.h"

#include <algorithm>

using namespace infer;

namespace {

struct Export {
    const char* decoder; // the one to be chosen
    int width, height;   // of the model's input
    std::vector<std::pair<const char*, Shape>> outputs;
    int classes; // what Fit must say
};

const Export exports[] = {
    {"ultraface", 320, 240, {{"scores", {1, 4420, 2}}, {"boxes", {1, 4420, 4}}}, 2},
    {"yolox", 416, 416, {{"output", {1, 3549, 85}}}, 80},
    {"yolox", 640, 640, {{"output", {1, 8400, 85}}}, 80},
    {"yolox", 192, 192, {{"output", {1, 756, 6}}}, 1},
    {"yolov8", 640, 640, {{"output0", {1, 84, 8400}}}, 80},
    {"yolov8", 640, 384, {{"output0", {1, 5, 5040}}}, 1},
    {"yolov8", 320, 320, {{"output0", {1, 84, 500}}}, 80},
    {"yolov8", 640, 640, {{"output0", {1, 8400, 84}}}, 80},
    {"yolov8", 1280, 1280, {{"output0", {1, 84, 34000}}}, 80},
    {"yolov8", 640, 640, {{"output0", {1, 14, 34000}}}, 10},
    {"yolov5", 640, 640, {{"output0", {1, 25200, 85}}}, 80},
    {"yolov5", 640, 640, {{"output0", {1, 25200, 6}}}, 1},
    {"yolov5", 1280, 1280, {{"output", {1, 102000, 85}}}, 80},
    {"yolov5",
     640,
     640,
     {{"a", {1, 3, 80, 80, 85}}, {"b", {1, 3, 40, 40, 85}}, {"c", {1, 3, 20, 20, 85}}},
     80},
    {"yolov10", 640, 640, {{"output0", {1, 300, 6}}}, 0},
    {"yolov10", 640, 640, {{"output", {-1, 7}}}, 0},
    {"yolov3",
     416,
     416,
     {{"conv2d_58", {1, 255, 13, 13}},
      {"conv2d_66", {1, 255, 26, 26}},
      {"conv2d_74", {1, 255, 52, 52}}},
     80},
    {"yolov3", 416, 416, {{"a", {1, 13, 13, 255}}, {"b", {1, 26, 26, 255}}}, 80},
    {"yolov3", 416, 416, {{"a", {1, 18, 13, 13}}, {"b", {1, 18, 26, 26}}}, 1},
    {"yolov4",
     416,
     416,
     {{"Identity:0", {1, 52, 52, 3, 85}},
      {"Identity_1:0", {1, 26, 26, 3, 85}},
      {"Identity_2:0", {1, 13, 13, 3, 85}}},
     80},
    {"yolov2", 416, 416, {{"grid", {1, 125, 13, 13}}}, 20},
    {"yolov2", 416, 416, {{"218", {1, 425, 13, 13}}}, 80},
    {"yolov2", 416, 416, {{"region", {1, 71825}}}, 80},
    {"nanodet", 320, 320, {{"output", {1, 2100, 112}}}, 80},
    {"nanodet", 416, 416, {{"output", {1, 3598, 112}}}, 80},
    {"yunet",
     320,
     320,
     {{"cls_8", {1, 1600, 1}},
      {"cls_16", {1, 400, 1}},
      {"cls_32", {1, 100, 1}},
      {"obj_8", {1, 1600, 1}},
      {"obj_16", {1, 400, 1}},
      {"obj_32", {1, 100, 1}},
      {"bbox_8", {1, 1600, 4}},
      {"bbox_16", {1, 400, 4}},
      {"bbox_32", {1, 100, 4}},
      {"kps_8", {1, 1600, 10}},
      {"kps_16", {1, 400, 10}},
      {"kps_32", {1, 100, 10}}},
     1},
    {"centerface",
     640,
     480,
     {{"537", {1, 1, 120, 160}},
      {"538", {1, 2, 120, 160}},
      {"539", {1, 2, 120, 160}},
      {"540", {1, 10, 120, 160}}},
     1},
    {"yolov8",
     640,
     640,
     {{"a", {1, 144, 80, 80}}, {"b", {1, 144, 40, 40}}, {"c", {1, 144, 20, 20}}},
     80},
    {"yolo-pose", 640, 640, {{"output0", {1, 56, 8400}}}, 1},
    {"yolo-pose", 640, 640, {{"output0", {1, 300, 57}}}, 1},
    {"yolo-seg", 640, 640, {{"output0", {1, 116, 8400}}, {"output1", {1, 32, 160, 160}}}, 80},
    {"yolo-seg", 640, 640, {{"output0", {1, 25200, 117}}, {"output1", {1, 32, 160, 160}}}, 80},
    {"yolo-seg", 640, 640, {{"output0", {1, 300, 38}}, {"output1", {1, 32, 160, 160}}}, 0},
    {"yolo-nas", 640, 640, {{"913", {1, 8400, 4}}, {"904", {1, 8400, 80}}}, 80},
    {"pp-yoloe", 640, 640, {{"tmp_16", {1, 8400, 4}}, {"concat_14.tmp_0", {1, 80, 8400}}}, 80},
    {"pp-yoloe", 320, 320, {{"boxes", {1, 2125, 4}}, {"scores", {1, 80, 2125}}}, 80},
    {"picodet",
     320,
     320,
     {{"transpose_0.tmp_0", {1, 1600, 80}},
      {"transpose_2.tmp_0", {1, 400, 80}},
      {"transpose_4.tmp_0", {1, 100, 80}},
      {"transpose_6.tmp_0", {1, 25, 80}},
      {"transpose_1.tmp_0", {1, 1600, 32}},
      {"transpose_3.tmp_0", {1, 400, 32}},
      {"transpose_5.tmp_0", {1, 100, 32}},
      {"transpose_7.tmp_0", {1, 25, 32}}},
     80},
    {"fcos",
     512,
     512,
     {{"c3", {1, 80, 64, 64}},
      {"c4", {1, 80, 32, 32}},
      {"c5", {1, 80, 16, 16}},
      {"b3", {1, 4, 64, 64}},
      {"b4", {1, 4, 32, 32}},
      {"b5", {1, 4, 16, 16}},
      {"t3", {1, 1, 64, 64}},
      {"t4", {1, 1, 32, 32}},
      {"t5", {1, 1, 16, 16}}},
     80},
    {"centernet",
     512,
     512,
     {{"hm", {1, 80, 128, 128}}, {"wh", {1, 2, 128, 128}}, {"reg", {1, 2, 128, 128}}},
     80},
    {"centernet",
     512,
     512,
     {{"hm", {1, 1, 128, 128}}, {"wh", {1, 2, 128, 128}}, {"reg", {1, 2, 128, 128}}},
     1},
    {"retinanet",
     640,
     480,
     {{"cls_head_1", {1, 720, 60, 80}},
      {"cls_head_2", {1, 720, 30, 40}},
      {"cls_head_3", {1, 720, 15, 20}},
      {"cls_head_4", {1, 720, 8, 10}},
      {"cls_head_5", {1, 720, 4, 5}},
      {"box_head_1", {1, 36, 60, 80}},
      {"box_head_2", {1, 36, 30, 40}},
      {"box_head_3", {1, 36, 15, 20}},
      {"box_head_4", {1, 36, 8, 10}},
      {"box_head_5", {1, 36, 4, 5}}},
     80},
    {"retinanet",
     512,
     512,
     {{"cls_logits", {1, 49104, 91}}, {"bbox_regression", {1, 49104, 4}}},
     91},
    {"ssd-priors",
     300,
     300,
     {{"mbox_loc", {1, 34928}}, {"mbox_conf", {1, 183372}}, {"mbox_priorbox", {1, 2, 34928}}},
     21},
    {"ssd-priors", 300, 300, {{"raw_boxes", {1, 1917, 4}}, {"raw_scores", {1, 1917, 91}}}, 91},
    {"ssd-boxes", 300, 300, {{"scores", {1, 3000, 21}}, {"boxes", {1, 3000, 4}}}, 21},
    {"ssd-boxes", 416, 416, {{"boxes", {1, 10647, 1, 4}}, {"confs", {1, 10647, 80}}}, 80},
    {"tf-detection",
     320,
     320,
     {{"detection_boxes", {1, 100, 4}},
      {"detection_classes", {1, 100}},
      {"detection_scores", {1, 100}},
      {"num_detections", {1}},
      {"raw_detection_boxes", {1, 12804, 4}},
      {"raw_detection_scores", {1, 12804, 91}},
      {"detection_anchor_indices", {1, 100}},
      {"detection_multiclass_scores", {1, 100, 91}}},
     91},
    {"tf-detection",
     300,
     300,
     {{"TFLite_Detection_PostProcess", {1, 10, 4}},
      {"TFLite_Detection_PostProcess:1", {1, 10}},
      {"TFLite_Detection_PostProcess:2", {1, 10}},
      {"TFLite_Detection_PostProcess:3", {1}}},
     0},
    {"torchvision", 320, 320, {{"boxes", {-1, 4}}, {"labels", {-1}}, {"scores", {-1}}}, 0},
    {"torchvision",
     320,
     320,
     {{"boxes", {-1, 4}}, {"labels", {-1}}, {"scores", {-1}}, {"masks", {-1, 1, 28, 28}}},
     0},
    {"efficientnms",
     640,
     640,
     {{"num_dets", {1, 1}},
      {"det_boxes", {1, 100, 4}},
      {"det_scores", {1, 100}},
      {"det_classes", {1, 100}}},
     0},
    {"paddle",
     640,
     640,
     {{"multiclass_nms3_0.tmp_0", {-1, 6}}, {"multiclass_nms3_0.tmp_2", {1}}},
     0},
    {"boxes-labels", 448, 256, {{"boxes", {-1, 5}}, {"labels", {-1}}}, 0},
    {"boxes-labels", 448, 256, {{"dets", {1, 100, 5}}, {"labels", {1, 100}}}, 0},
    {"boxes-labels",
     448,
     256,
     {{"boxes", {100, 5}}, {"labels", {100}}, {"masks", {100, 28, 28}}},
     0},
    {"detr", 800, 800, {{"logits", {1, 100, 92}}, {"pred_boxes", {1, 100, 4}}}, 91},
    {"detr", 800, 800, {{"logits", {1, 100, 4}}, {"pred_boxes", {1, 100, 4}}}, 3},
    {"rt-detr", 640, 640, {{"logits", {1, 300, 80}}, {"pred_boxes", {1, 300, 4}}}, 80},
    {"rt-detr", 640, 640, {{"logits", {1, 300, 2}}, {"pred_boxes", {1, 300, 4}}}, 2},
    {"rt-detr", 640, 640, {{"labels", {1, 300}}, {"boxes", {1, 300, 4}}, {"scores", {1, 300}}}, 0},
    {"rt-detr", 640, 640, {{"output0", {1, 300, 84}}}, 80},
    {"rf-detr", 560, 560, {{"dets", {1, 300, 4}}, {"labels", {1, 300, 91}}}, 91},
    {"rf-detr", 560, 560, {{"dets", {1, 300, 4}}, {"labels", {1, 300, 3}}}, 3},
    {"retinaface",
     640,
     640,
     {{"loc", {1, 16800, 4}}, {"conf", {1, 16800, 2}}, {"landms", {1, 16800, 10}}},
     2},
    {"blazeface", 128, 128, {{"regressors", {1, 896, 16}}, {"classificators", {1, 896, 1}}}, 1},
    {"blazeface", 192, 192, {{"Identity", {1, 2016, 18}}, {"Identity_1", {1, 2016, 1}}}, 1},
    {"blazeface", 224, 224, {{"Identity", {1, 2254, 12}}, {"Identity_1", {1, 2254, 1}}}, 1},
    {"ssd", 300, 300, {{"detection_out", {1, 1, 200, 7}}}, 0},
    {"classification", 224, 224, {{"prob", {1, 1000}}}, 1000},
    {"classification", 224, 224, {{"output", {1, 10}}}, 10},
    {"attributes", 72, 72, {{"type", {1, 4, 1, 1}}, {"color", {1, 7, 1, 1}}}, 0},
    {"embedding", 128, 256, {{"reid_embedding", {1, 256}}}, 0},
    {"landmarks", 112, 112, {{"landmarks", {1, 136}}}, 0},
    {"indices", 94, 24, {{"decode", {1, 88, 1, 1}}}, 0},
    {"ctc", 94, 24, {{"ctc", {1, 88, 71}}}, 0},
    {"openpose",
     456,
     256,
     {{"Mconv7_stage2_L1", {1, 38, 32, 57}}, {"Mconv7_stage2_L2", {1, 19, 32, 57}}},
     1},
    {"simcc", 192, 256, {{"simcc_x", {1, 17, 384}}, {"simcc_y", {1, 17, 512}}}, 0},
    {"heatmaps", 192, 256, {{"heatmap", {1, 17, 64, 48}}}, 0},
    {"textboxes", 640, 320, {{"sigmoid_0.tmp_0", {1, 1, 320, 640}}}, 1},
    {"segmentation", 896, 512, {{"tf.identity", {1, 512, 896, 4}}}, 4},
    {"picture", 224, 224, {{"output", {1, 3, 672, 672}}}, 0},
    {"tensors", 224, 224, {{"output", {1, 3, 17, 5, 2}}}, 0},
};

std::vector<OutputFormat> formats_of(const Export& e) {
    std::vector<OutputFormat> formats;
    for (const auto& [name, shape] : e.outputs)
        formats.push_back({name, ElementType::F32, shape});
    return formats;
}

std::string shown(const Export& e) {
    std::string text = e.decoder;
    for (const auto& [name, shape] : e.outputs)
        text += std::string(" ") + name + " " + to_string(shape);
    return text;
}

} // namespace

TEST(Auto, knows_every_family_by_its_exports) {
    for (const Export& e : exports) {
        SCOPED_TRACE(shown(e));
        const auto formats = formats_of(e);
        const Fit right = find_decoder(e.decoder)->fit(formats, e.width, e.height);
        EXPECT_GT(right.score, 0) << right.why;
        EXPECT_EQ(right.classes, e.classes);
        for (const DecoderDef* other : all_decoders()) {
            const Fit fit = other->fit(formats, e.width, e.height);
            EXPECT_FALSE(fit.why.empty()) << other->name;
            if (other->name != e.decoder) {
                EXPECT_LT(fit.score, right.score) << other->name << ": " << fit.why;
            }
        }
    }
}

TEST(Auto, has_an_export_for_every_family) {
    for (const DecoderDef* decoder : all_decoders()) {
        const bool listed =
            std::any_of(std::begin(exports), std::end(exports),
                        [&](const Export& e) { return find_decoder(e.decoder) == decoder; });
        // v7 has v5's shapes: only the user knows.
        EXPECT_TRUE(listed || decoder->name == "yolov7") << decoder->name;
    }
}

TEST(Auto, chooses_a_decoder_that_reads_what_it_was_chosen_for) {
    for (const Export& e : exports) {
        Outputs o;
        for (auto [name, shape] : e.outputs) {
            std::replace(shape.begin(), shape.end(), int64_t(-1), int64_t(0));
            o.add(name, shape);
        }
        const auto decoded =
            find_decoder(e.decoder)->decode(o.rows(), decode_options(e.width, e.height));
        EXPECT_TRUE(decoded.ok()) << shown(e) << ": " << decoded.error().text();
    }
}
