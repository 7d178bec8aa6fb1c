// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst/source_pads.h"

#include <gst/gst.h>

#include <memory>

// Makes `pads` the functions of both pads; each keeps it until it is finalized.
void wire_pads(GstPad* sink, GstPad* src, const std::shared_ptr<SourcePads>& pads);
