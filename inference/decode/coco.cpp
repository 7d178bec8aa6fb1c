// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/coco.h"

namespace infer {

// clang-format off
extern const char coco_labels[] =
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,"
    "fire hydrant,stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,"
    "elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,"
    "skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,"
    "wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,"
    "broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,"
    "dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,"
    "toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush";

extern const char coco_labels_91[] =
    "background,person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,"
    "traffic light,fire hydrant,N/A,stop sign,parking meter,bench,bird,cat,dog,horse,"
    "sheep,cow,elephant,bear,zebra,giraffe,N/A,backpack,umbrella,N/A,"
    "N/A,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,"
    "baseball glove,skateboard,surfboard,tennis racket,bottle,N/A,wine glass,cup,fork,knife,"
    "spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,"
    "donut,cake,chair,couch,potted plant,bed,N/A,dining table,N/A,N/A,"
    "toilet,N/A,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,"
    "toaster,sink,refrigerator,N/A,book,clock,vase,scissors,teddy bear,hair drier,"
    "toothbrush";
// clang-format on

} // namespace infer
