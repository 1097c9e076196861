"""Qwen's real vocabulary as a tokenizer's folder, rebuilt from its published ranks (qwen.tiktoken).

The ranks give every token's bytes and id. The merges follow: replaying the encoding of a token's bytes with lower ranks
only, until two parts remain, gives the pair it was merged from.
"""

from __future__ import annotations

import base64
import json
import os
import zipfile
from pathlib import Path

RESOURCE = "dashscope/resources/qwen.tiktoken"
SPECIAL = [
    f"<|{name}|>"
    for name in (
        "endoftext im_start im_end object_ref_start object_ref_end box_start box_end quad_start quad_end "
        "vision_start vision_end vision_pad image_pad video_pad"
    ).split()
]
ORDINARY = [
    *("<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>"),
    *("<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>"),
]


def find_ranks() -> bytes | None:
    """The file qwen.tiktoken, from MFLUX_QWEN_RANKS (the file, or PyPI's wheel of dashscope), else from build/."""
    named = os.environ.get("MFLUX_QWEN_RANKS")
    wheels = sorted(Path(__file__).resolve().parents[2].glob("build/qwen/dashscope-*.whl"))
    for path in [Path(named)] if named else wheels:
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as wheel:
                return wheel.read(RESOURCE)
        return path.read_bytes()
    return None


def byte_characters() -> list[str]:
    """GPT-2's printable character for each byte."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in own else next(others)) for byte in range(256)]


def last_pair(token: bytes, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    """The two parts that merges of lower rank leave of a token."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(parts[i] + parts[i + 1], 1 << 30) for i in range(len(parts) - 1)]
        at = min(range(len(pairs)), key=pairs.__getitem__)
        if pairs[at] >= ranks[token]:
            raise ValueError(f"{token!r} is not reached by merges")
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts[0], parts[1]


def write_vocabulary(ranks_file: bytes, folder: Path, config: dict[str, object]) -> None:
    """vocab.json, merges.txt and tokenizer_config.json of the real vocabulary; `config` adds to the last."""
    ranks = {}
    for line in ranks_file.splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    characters = byte_characters()

    def spelled(token: bytes) -> str:
        return "".join(characters[byte] for byte in token)

    merges = [last_pair(token, ranks) for token in ranks if len(token) > 1]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {spelled(token): rank for token, rank in ranks.items()}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(f"{spelled(a)} {spelled(b)}" for a, b in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    added = {
        str(len(ranks) + i): {
            "content": content,
            **dict.fromkeys(("lstrip", "rstrip", "single_word", "normalized"), False),
            "special": content in SPECIAL,
        }
        for i, content in enumerate(SPECIAL + ORDINARY)
    }
    whole = {
        "added_tokens_decoder": added,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "tokenizer_class": "Qwen2Tokenizer",
        **config,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(whole), encoding="utf-8")
