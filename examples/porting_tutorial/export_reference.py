"""The reference: transformers' own Qwen3, tiny and random. Its weights and its checkpoints are what the port gets."""

import torch
from safetensors.torch import save_file
from transformers import Qwen3Config, Qwen3Model

from mflux_reference import capture

SIZES = {
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 16,
}

torch.manual_seed(7)
model = Qwen3Model(Qwen3Config(**SIZES, attn_implementation="sdpa")).eval()
for parameter in model.parameters():
    torch.nn.init.normal_(parameter, mean=1.0 if parameter.ndim == 1 else 0.0, std=0.1)
save_file(model.state_dict(), "model.safetensors")

# Rotary tables and activations are functions in the port, no modules: nothing there has these names.
SKIP = ["*.rotary_emb*", "*.act_fn*", "*.position_*"]
ids = torch.randint(0, SIZES["vocab_size"], (1, 10))
FOLDER = "debug_artifacts/qwen3/ref"
with torch.no_grad():
    capture(model, lambda: model(ids, use_cache=False), FOLDER, name="text_encoder", inputs=True, skip=SKIP)
print(FOLDER)
