"""What keeps the port right from now on: it runs, and is held to what `mflux parity lock` kept of the reference."""

from pathlib import Path

from mflux_reference import capture, load_dump
from port import Qwen3

FOLDER = Path(__file__).parent


def test_port(assert_parity, tmp_path):
    model = Qwen3()
    model.load_weights(str(FOLDER / "model.safetensors"))
    ids = load_dump(FOLDER / "fixtures/qwen3").tensor("text_encoder.in", "mlx")
    capture(model, lambda: model(ids), tmp_path, name="text_encoder", inputs=True)
    assert_parity(FOLDER / "fixtures/qwen3", tmp_path)
