#pragma once

namespace mflux::nn {

/// Compares one matrix product of MLX's CPU backend with scalar code, once per process: some
/// OpenBLAS kernels are wrong on some processors. Throws Error that names OPENBLAS_CORETYPE.
void check_blas();

} // namespace mflux::nn
