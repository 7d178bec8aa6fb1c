// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/errors.h"

namespace {

struct Code {
    GQuark domain;
    gint code;
};

Code code_of(infer::Error::Kind kind) {
    switch (kind) {
    case infer::Error::InvalidModel: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ};
    case infer::Error::Unsupported: return {GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT};
    case infer::Error::BadConfig: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS};
    case infer::Error::Device: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND};
    case infer::Error::Cancelled: break;
    }
    return {GST_CORE_ERROR, GST_CORE_ERROR_FAILED};
}

void post(GstMessageType type, GstElement* element, const infer::Error& error,
          const std::string& context) {
    const Code c = code_of(error.kind);
    gst_element_message_full(element, type, c.domain, c.code, g_strdup(error.text().c_str()),
                             context.empty() ? nullptr : g_strdup(context.c_str()), __FILE__,
                             GST_FUNCTION, __LINE__);
}

} // namespace

void post_error(GstElement* element, const infer::Error& error, const std::string& context) {
    post(GST_MESSAGE_ERROR, element, error, context);
}

void post_warning(GstElement* element, const infer::Error& error, const std::string& context) {
    post(GST_MESSAGE_WARNING, element, error, context);
}

void post_notice(GstElement* element, const infer::DeviceNotice& notice) {
    post(notice.is_warning ? GST_MESSAGE_WARNING : GST_MESSAGE_INFO, element,
         {infer::Error::Device, "", "device " + notice.device + " " + notice.what}, "");
}
