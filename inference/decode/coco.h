// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace infer {

// The 80 classes of COCO detection, comma separated, in the order every COCO-trained detector uses.
extern const char coco_labels[];

} // namespace infer
