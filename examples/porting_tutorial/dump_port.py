"""The port on the reference's own weights and ids, its checkpoints beside the reference's."""

from mflux_reference import capture, load_dump
from port import Qwen3

model = Qwen3()
model.load_weights("model.safetensors")
ids = load_dump("debug_artifacts/qwen3/ref").tensor("text_encoder.in", "mlx")
capture(model, lambda: model(ids), "debug_artifacts/qwen3/mlx", name="text_encoder", inputs=True)
print("debug_artifacts/qwen3/mlx")
