// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/formats/npy.h"
#include "inference/formats/format.h"
#include "inference/ops/kernel.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <fstream>

namespace infer {
namespace {

static_assert(std::endian::native == std::endian::little,
              "arrays are written as they lie in memory");

constexpr std::string_view magic("\x93NUMPY", 6);

struct Descr {
    ElementType type;
    std::string_view text; // NumPy's name
};

constexpr Descr descrs[] = {
    {ElementType::F32, "<f4"}, {ElementType::F16, "<f2"}, {ElementType::F64, "<f8"},
    {ElementType::I8, "|i1"},  {ElementType::U8, "|u1"},  {ElementType::I16, "<i2"},
    {ElementType::U16, "<u2"}, {ElementType::I32, "<i4"}, {ElementType::U32, "<u4"},
    {ElementType::I64, "<i8"}, {ElementType::U64, "<u8"}, {ElementType::Bool, "|b1"},
};

// What stands between `open` and `close` after 'key': in the header, a Python dict.
std::optional<std::string_view> entry(std::string_view header, std::string_view key, char open,
                                      char close) {
    const size_t at = header.find("'" + std::string(key) + "'");
    const size_t from = at == header.npos ? at : header.find(open, at + key.size() + 2);
    const size_t to = from == header.npos ? from : header.find(close, from + 1);
    if (to == header.npos)
        return {};
    return header.substr(from + 1, to - from - 1);
}

std::optional<ElementType> type_named(std::string_view text) {
    for (const Descr& d : descrs)
        if (d.text.substr(1) == text.substr(std::min<size_t>(1, text.size())) && text[0] != '>')
            return d.type;
    return {};
}

std::optional<Shape> shape_in(std::string_view text) {
    Shape shape;
    for (size_t at = text.find_first_of("0123456789"); at < text.size();
         at = text.find_first_of("0123456789", at)) {
        int64_t d = 0;
        const auto parsed = std::from_chars(text.data() + at, text.data() + text.size(), d);
        if (parsed.ec != std::errc())
            return {};
        shape.push_back(d);
        at = size_t(parsed.ptr - text.data());
    }
    return shape;
}

// Fortran order is row-major of the reversed shape.
Tensor from_fortran(const Tensor& t) {
    Tensor dense(t.type(), t.shape());
    const Shape reversed(t.shape().rbegin(), t.shape().rend());
    std::vector<int64_t> from = strides_of(reversed);
    std::reverse(from.begin(), from.end());
    const std::vector<int64_t> strides[] = {from, strides_of(t.shape())};
    const int64_t step = from.empty() ? 0 : from.back();
    const size_t size = size_of(t.type());
    for_each_row(t.shape(), strides, [&](const int64_t* at, int64_t length) {
        for (int64_t i = 0; i < length; i++)
            std::memcpy(static_cast<char*>(dense.view().data) + size_t(at[1] + i) * size,
                        static_cast<const char*>(t.view().data) + size_t(at[0] + i * step) * size,
                        size);
    });
    return dense;
}

} // namespace

Result<Tensor> parse_npy(std::string_view bytes, const std::string& where) {
    const auto damaged = [&](std::string what) {
        return Error{Error::BadConfig, where, std::move(what)};
    };
    if (bytes.size() < 10 || !bytes.starts_with(magic))
        return damaged("is not a NumPy .npy file");
    const bool wide = bytes[6] > 1; // version 1: two bytes of header length, later four
    uint32_t length = 0;
    if (bytes.size() < 12)
        return damaged("is cut short");
    std::memcpy(&length, bytes.data() + 8, wide ? 4 : 2);
    const size_t start = (wide ? 12u : 10u) + size_t(length);
    if (start > bytes.size())
        return damaged("is cut short");
    const std::string_view header = bytes.substr(wide ? 12 : 10, length);
    const auto descr = entry(header, "descr", '\'', '\'');
    const auto dims = entry(header, "shape", '(', ')');
    const auto order = entry(header, "fortran_order", ':', ',');
    const auto type = descr && !descr->empty() ? type_named(*descr) : std::nullopt;
    const auto shape = dims ? shape_in(*dims) : std::nullopt;
    if (!type || !shape || !order)
        return damaged("is not an array of numbers");
    const auto elements = checked_count(*shape);
    if (!elements || size_t(*elements) * size_of(*type) > bytes.size() - start)
        return damaged("is too short for " + to_string(*shape) + " of " +
                       std::string(name_of(*type)));
    Tensor t(*type, *shape);
    if (t.view().size_bytes())
        std::memcpy(t.view().data, bytes.data() + start, t.view().size_bytes());
    return order->find("True") != order->npos ? from_fortran(t) : t;
}

Result<Tensor> load_npy(const std::string& path) {
    auto bytes = read_file(path);
    if (!bytes.ok())
        return bytes.error();
    return parse_npy(bytes.value(), path);
}

std::string npy_bytes(const TensorView& tensor) {
    if (tensor.type == ElementType::BF16) {
        Tensor wide(ElementType::F32, tensor.shape);
        for (size_t i = 0; i < wide.span<float>().size(); i++)
            wide.span<float>()[i] =
                std::bit_cast<float>(uint32_t(tensor.span<uint16_t>()[i]) << 16);
        return npy_bytes(wide.view());
    }
    std::string_view descr;
    for (const Descr& d : descrs)
        if (d.type == tensor.type)
            descr = d.text;
    std::string dims;
    for (int64_t d : tensor.shape)
        dims += std::to_string(d) + ", ";
    std::string header = "{'descr': '" + std::string(descr) +
                         "', 'fortran_order': False, 'shape': (" + dims + "), }";
    header.append(64 - (magic.size() + 4 + header.size() + 1) % 64, ' ')
        .push_back('\n'); // data is 64-byte aligned
    std::string bytes(magic);
    bytes += {'\1', '\0', char(header.size() & 255), char(header.size() >> 8)};
    bytes += header;
    return bytes.append(static_cast<const char*>(tensor.data), tensor.size_bytes());
}

Result<void> save_npy(const std::string& path, const TensorView& tensor) {
    const std::string bytes = npy_bytes(tensor);
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    if (!file.write(bytes.data(), std::streamsize(bytes.size())) || !file.flush())
        return Error{Error::BadConfig, path, "cannot be written"};
    return {};
}

} // namespace infer
