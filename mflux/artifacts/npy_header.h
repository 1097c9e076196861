#pragma once

#include <string>

#include "mflux/artifacts/bytes.h"
#include "mflux/artifacts/tensor.h"

namespace mflux::artifacts {

/// What the first bytes of an npy file say.
struct NpyHeader {
  Dtype dtype = Dtype::float32;
  bool swapped = false;
  bool fortran_order = false;
  Shape shape;
  size_t data_offset = 0; ///< of the elements, from the file's first byte
  size_t data_size = 0;   ///< bytes that the shape needs
};

constexpr std::string_view kNpyMagic = "\x93NUMPY";

/// Enough of a file for npy_data_offset().
constexpr size_t kNpyPrefix = 12;

/// Where the elements start, read from the file's first kNpyPrefix bytes. Throws Error on another
/// magic or version and on header lengths over 1 MiB.
size_t npy_data_offset(Bytes start);

/// Reads the header from the file's first npy_data_offset() or more bytes. Throws Error.
NpyHeader read_npy_header(Bytes start);

/// The header that NumPy itself would write for C order; float8 dtypes by their full names.
std::string npy_header(Dtype dtype, const Shape& shape);

} // namespace mflux::artifacts
