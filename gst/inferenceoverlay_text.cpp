// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/inferenceoverlay_text.h"

#ifdef HAVE_PANGO
#include <pango/pangocairo.h>

#include <cstring>

namespace {

struct Layout {
    cairo_surface_t* surface;
    cairo_t* cairo;
    PangoLayout* layout;

    Layout(int width, int height, const std::string& text, int size_px)
        : surface(cairo_image_surface_create(CAIRO_FORMAT_A8, width, height)),
          cairo(cairo_create(surface)), layout(pango_cairo_create_layout(cairo)) {
        PangoFontDescription* font = pango_font_description_from_string("Sans Bold");
        pango_font_description_set_absolute_size(font, double(size_px) * PANGO_SCALE);
        pango_layout_set_font_description(layout, font);
        pango_font_description_free(font);
        pango_layout_set_text(layout, text.c_str(), int(text.size()));
    }
    ~Layout() {
        g_object_unref(layout);
        cairo_destroy(cairo);
        cairo_surface_destroy(surface);
    }
    Layout(const Layout&) = delete;
    Layout& operator=(const Layout&) = delete;
};

Mask render(const std::string& text, int size_px) {
    Mask mask;
    pango_layout_get_pixel_size(Layout(1, 1, text, size_px).layout, &mask.width, &mask.height);
    if (mask.width <= 0 || mask.height <= 0)
        return {};
    Layout drawn(mask.width, mask.height, text, size_px);
    cairo_set_source_rgba(drawn.cairo, 1, 1, 1, 1);
    pango_cairo_show_layout(drawn.cairo, drawn.layout);
    cairo_surface_flush(drawn.surface);
    mask.cover.resize(size_t(mask.width) * size_t(mask.height));
    const uint8_t* from = cairo_image_surface_get_data(drawn.surface);
    const int stride = cairo_image_surface_get_stride(drawn.surface);
    for (int y = 0; y < mask.height; y++)
        std::memcpy(mask.cover.data() + ptrdiff_t(y) * mask.width, from + ptrdiff_t(y) * stride,
                    size_t(mask.width));
    return mask;
}

} // namespace
#endif

const Mask* TextMasks::get([[maybe_unused]] const std::string& text,
                           [[maybe_unused]] int size_px) {
#ifdef HAVE_PANGO
    if (size_px != size_px_ || masks_.size() >= Most)
        masks_.clear();
    size_px_ = size_px;
    auto found = masks_.find(text);
    if (found == masks_.end())
        found = masks_.emplace(text, render(text, size_px)).first;
    return &found->second;
#else
    return nullptr;
#endif
}
