"""Write a trained state as a diffusers folder that Flux2KleinPipeline loads.

python export.py --state state --data data --out models/emoji
"""

import argparse
import shutil
from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, Flux2KleinPipeline

import train
from config import CALL, SCHEDULER, write_json
from tokenizer import load as load_tokenizer

TOKENIZER_FILES = ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json")


def export(state: Path, tokenizer: Path, out: Path) -> None:
    models = train.build()
    train.load(models, state)
    pipeline = Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(**SCHEDULER),
        tokenizer=load_tokenizer(tokenizer),
        is_distilled=True,
        **{name: model.to(torch.bfloat16) for name, model in models.items()},
    )
    pipeline.save_pretrained(out)
    shutil.rmtree(out / "tokenizer")
    (out / "tokenizer").mkdir()
    for name in TOKENIZER_FILES:
        shutil.copyfile(tokenizer / name, out / "tokenizer" / name)
    write_json(out / "call.json", CALL)
    for file in out.rglob("*.safetensors"):
        file.chmod(0o644)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, default=Path("state"))
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("models/emoji"))
    args = parser.parse_args()
    export(args.state, args.data / "tokenizer", args.out)


if __name__ == "__main__":
    main()
