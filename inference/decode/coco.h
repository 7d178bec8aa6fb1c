// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace infer {

// The 80 classes of COCO detection, comma separated, in the order every COCO-trained detector uses.
extern const char coco_labels[];

// The same by COCO's own numbers, 0 to 90, as TensorFlow, torchvision and DETR have them: 0 is the
// background, and numbers that no class has are N/A.
extern const char coco_labels_91[];

} // namespace infer
