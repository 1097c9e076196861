# . DIR/env.sh on the NVIDIA machine (see pack.py): MLX's CUDA library, the binaries and the peers. Needs a Python that has torch,
# whose NVIDIA libraries are used.
_here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
_site="${MFLUX_GPU_SITE:-/tmp/mflux_gpu}"
if [ ! -d "$_site/mlx" ]; then
  mkdir -p "$_site"
  tar -xJf "$_here/mlx_cuda.tar.xz" -C "$_site"
  python3 -m pip install --quiet --no-deps --no-index --target "$_site" "$_here"/wheels/*.whl
fi
_nvidia="$(python3 -c 'import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))')/nvidia"
ln -sfn "$_nvidia" "$_site/nvidia"
export LD_LIBRARY_PATH="$_site/mlx/lib:$_here/lib:$(ls -d "$_nvidia"/*/lib | tr '\n' ':')${LD_LIBRARY_PATH:-}"
export CUDA_HOME="${CUDA_HOME:-/usr/local/cuda}" PYTHONPATH="$_site:$_here/python${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
export PATH="$_here/bin:$PATH"
