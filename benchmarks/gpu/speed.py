"""Times klein's parts: ours, diffusers (eager and compiled) and the PyPI package mflux, on one GPU in one run.

    python models.py MODEL && python speed.py MODEL [--side 1024] [--repeats 10] [--json OUT]

Needs klein_bench on the PATH, and of the peers those that can be imported. Each part runs alone, in its own process,
after the same warm-up; torch is timed as ours is, from the call to the end of the device's work. Medians.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PARTS = ("step", "decode", "encode", "text", "picture")
PEERS = ("ours", "diffusers", "diffusers compiled", "mflux")
TEXT_TOKENS, STEPS, WANTED = 512, 4, (9, 18, 27)
PROMPT = "a red balloon over the sea, number {}"


def timed(run: Callable[[int], object], wait: Callable[[], None], repeats: int) -> dict:
    """The seconds of the first call and the milliseconds of each later one."""
    taken = []
    for i in range(repeats + 1):
        wait()
        start = time.perf_counter()
        run(i)
        wait()
        taken.append(time.perf_counter() - start)
    return {"first_s": taken[0], "ms": [1000 * seconds for seconds in taken[1:]]}


def ours(model: Path, part: str, side: int, repeats: int) -> dict:
    command = ["klein_bench", str(model), str(side), str(repeats), part]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr.strip())
    return json.loads(done.stdout)


def diffusers_part(model: Path, part: str, side: int, compiled: bool) -> Callable[[int], object]:
    import torch
    from diffusers import AutoencoderKLFlux2, Flux2KleinPipeline, Flux2Transformer2DModel
    from transformers import Qwen3ForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype, tokens = torch.bfloat16, side // 16

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, device=device, dtype=dtype)

    def fast(module: torch.nn.Module, method: str) -> Callable:
        return torch.compile(getattr(module, method)) if compiled else getattr(module, method)

    if part == "step":
        transformer = Flux2Transformer2DModel.from_pretrained(model / "transformer", torch_dtype=dtype).to(device)
        text = normal(1, TEXT_TOKENS, transformer.config.joint_attention_dim)
        grid = torch.zeros((1, 1, tokens, tokens))
        inputs = {
            "hidden_states": normal(1, tokens * tokens, transformer.config.in_channels),
            "encoder_hidden_states": text,
            "timestep": torch.full((1,), 0.75, device=device, dtype=dtype),
            "img_ids": Flux2KleinPipeline._prepare_latent_ids(grid).to(device),
            "txt_ids": Flux2KleinPipeline._prepare_text_ids(text).to(device),
        }
        forward = fast(transformer, "forward")
        return lambda _: forward(**inputs, return_dict=False)
    if part in ("decode", "encode"):
        vae = AutoencoderKLFlux2.from_pretrained(model / "vae", torch_dtype=dtype).to(device)
        vae = vae.to(memory_format=torch.channels_last)
        x = normal(1, 3, side, side) if part == "encode" else normal(1, 32, side // 8, side // 8)
        method = fast(vae, part)
        return lambda _: method(x.contiguous(memory_format=torch.channels_last))
    if part == "text":
        encoder = Qwen3ForCausalLM.from_pretrained(model / "text_encoder", dtype=dtype).to(device)
        encoder.model.layers = encoder.model.layers[: max(WANTED)]  # what comes later is not needed
        forward = fast(encoder.model, "forward")

        def encode(i: int) -> object:
            ids = torch.randint(0, encoder.config.vocab_size, (1, TEXT_TOKENS), device=device)
            mask = (torch.arange(TEXT_TOKENS, device=device) < 100 + i).long()[None]
            out = forward(input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
            return torch.cat([out.hidden_states[k] for k in WANTED], dim=-1)

        return encode
    pipe = Flux2KleinPipeline.from_pretrained(model, torch_dtype=dtype).to(device)
    pipe.set_progress_bar_config(disable=True)
    if compiled:
        pipe.transformer.forward = fast(pipe.transformer, "forward")
        pipe.vae.decode = fast(pipe.vae, "decode")
    call = {"height": side, "width": side, "num_inference_steps": STEPS, "guidance_scale": 1.0}
    return lambda i: pipe(prompt=PROMPT.format(i), output_type="np", text_encoder_out_layers=WANTED, **call)


def diffusers(model: Path, part: str, side: int, repeats: int, compiled: bool) -> dict:
    import torch

    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    with torch.no_grad():
        return timed(diffusers_part(model, part, side, compiled), wait, repeats)


def mflux(model: Path, part: str, side: int, repeats: int) -> dict:
    """Its transformer alone: random weights of the same sizes, for nothing depends on their values."""
    import mlx.core as mx
    from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
    from mlx.utils import tree_map

    if part != "step":
        raise NotImplementedError(f"mflux's {part} is not timed here")
    config = json.loads((model / "transformer/config.json").read_text())
    known = ("in_channels", "num_layers", "num_single_layers", "attention_head_dim", "num_attention_heads")
    known += ("joint_attention_dim", "timestep_guidance_channels", "axes_dims_rope", "guidance_embeds")
    transformer = Flux2Transformer(**{key: config[key] for key in known})
    transformer.update(
        tree_map(lambda x: (0.02 * mx.random.normal(x.shape)).astype(mx.bfloat16), transformer.parameters())
    )
    mx.eval(transformer.parameters())
    tokens = side // 16
    rows = mx.arange(tokens * tokens)
    zeros = mx.zeros_like(rows)
    inputs = {
        "hidden_states": mx.random.normal((1, tokens * tokens, config["in_channels"])).astype(mx.bfloat16),
        "encoder_hidden_states": mx.random.normal((1, TEXT_TOKENS, config["joint_attention_dim"])).astype(mx.bfloat16),
        "timestep": mx.array([0.75], dtype=mx.bfloat16),
        "img_ids": mx.stack([zeros, rows // tokens, rows % tokens, zeros], axis=-1),
        "txt_ids": mx.stack([mx.zeros(TEXT_TOKENS, dtype=mx.int32)] * 3 + [mx.arange(TEXT_TOKENS)], axis=-1),
    }
    step = mx.compile(lambda: transformer(**inputs))
    return timed(lambda _: mx.eval(step()), mx.synchronize, repeats)


def measure(peer: str, model: Path, part: str, side: int, repeats: int) -> dict:
    if peer == "ours":
        return ours(model, part, side, repeats)
    if peer == "mflux":
        return mflux(model, part, side, repeats)
    return diffusers(model, part, side, repeats, compiled=peer.endswith("compiled"))


def in_own_process(peer: str, args: argparse.Namespace, part: str) -> dict | None:
    command = [sys.executable, __file__, str(args.model), "--side", str(args.side), "--repeats", str(args.repeats)]
    done = subprocess.run([*command, "--one", peer, part], capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{peer}, {part}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def table(results: dict[str, dict[str, dict | None]]) -> str:
    heads = ("part", *PEERS, "ours / best peer")
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for part, by_peer in results.items():
        medians = {peer: statistics.median(taken["ms"]) for peer, taken in by_peer.items() if taken}
        cells = [f"{medians[peer]:.1f} ms" if peer in medians else "" for peer in PEERS]
        others = [value for peer, value in medians.items() if peer != "ours"]
        ratio = f"{medians['ours'] / min(others):.2f}" if others and "ours" in medians else ""
        lines.append(f"| {' | '.join([part, *cells, ratio])} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("PEER", "PART"), help="this alone, its JSON to standard output")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one[0], args.model, args.one[1], args.side, args.repeats)))
        return 0
    results = {part: {peer: in_own_process(peer, args, part) for peer in args.peers} for part in args.parts}
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))
    print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
