"""What keeps the port right from now on."""

import mlx.core as mx

from mflux_reference import load_dump
from port import Qwen3


def test_port(assert_parity):
    reference = load_dump("debug_artifacts/qwen3/ref")
    model = Qwen3()
    model.load_weights("model.safetensors")
    output = model(mx.array(reference.tensor("text_encoder.in", "numpy")))
    assert_parity({"text_encoder": reference.tensor("text_encoder")}, {"text_encoder": output})
