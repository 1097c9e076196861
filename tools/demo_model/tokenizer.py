"""Train the byte-level BPE, write it as Qwen2 tokenizer files, and tokenize the captions for training.

python tokenizer.py --data data      writes data/tokenizer/ and data/captions.npz
"""

import argparse
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Qwen2Tokenizer
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from captions import captions, vocabulary_texts
from config import MAX_TOKENS, SEED, VOCABULARY, read_json, write_json

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
ADDED = (
    "<tool_call>",
    "</tool_call>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)
PAD, END = "<|endoftext|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}"
    "{{- '<think>\\n\\n</think>\\n\\n' }}"
    "{%- endif %}"
    "{%- endif %}"
)
"""Qwen3's text for plain turns (no tools), which is all that Flux2KleinPipeline renders."""


def train(texts: list[str]) -> Tokenizer:
    """A BPE of VOCABULARY entries, Qwen's added tokens last and in Qwen's order."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated", invert=False)
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, bytes_only])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL) - len(ADDED),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in ADDED])
    if tokenizer.get_vocab_size() != VOCABULARY:
        raise SystemExit(f"{tokenizer.get_vocab_size()} tokens trained, expected {VOCABULARY}: too little text")
    return tokenizer


def tokenizer_config(tokenizer: Tokenizer) -> dict:
    added = {
        str(tokenizer.token_to_id(token)): {
            "content": token,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": token in SPECIAL,
        }
        for token in (*SPECIAL, *ADDED)
    }
    return {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": added,
        "bos_token": None,
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "eos_token": END,
        "errors": "replace",
        "model_max_length": 512,
        "pad_token": PAD,
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """vocab.json and merges.txt hold the BPE alone; the added tokens stand in the other two, as Qwen ships them."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.model.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", tokenizer_config(tokenizer))


def load(folder: Path) -> Qwen2Tokenizer:
    """The saved tokenizer as transformers reads it; its ids are checked against the files."""
    loaded = Qwen2Tokenizer.from_pretrained(folder)
    written = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab()
    if loaded.get_vocab() != written:
        raise SystemExit(f"{folder}: transformers gives other ids than tokenizer.json")
    return loaded


def tokenize(tokenizer: Qwen2Tokenizer, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Ids and mask exactly as Flux2KleinPipeline makes them from a prompt."""
    chats = [[{"role": "user", "content": text}] for text in texts]
    rendered = tokenizer.apply_chat_template(chats, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    batch = tokenizer(rendered, padding="max_length", truncation=True, max_length=MAX_TOKENS, return_tensors="np")
    return batch["input_ids"].astype(np.int16), batch["attention_mask"].astype(bool)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    args = parser.parse_args()
    entries, pictures = read_json(args.data / "emoji.json"), np.load(args.data / "emoji.npz")["img"]
    aliases = Path(__file__).with_name("aliases.json")
    save(train([*vocabulary_texts(entries, aliases), *["user\nassistant\n\n\n"] * 1000]), args.data / "tokenizer")
    texts = captions(entries, pictures, aliases)
    flat = [text for variants in texts for text in variants]
    ids, mask = tokenize(load(args.data / "tokenizer"), flat)
    shape = (len(texts), -1, MAX_TOKENS)
    np.savez_compressed(args.data / "captions.npz", ids=ids.reshape(shape), mask=mask.reshape(shape))
    lengths = mask.sum(1)
    print(
        f"{len(flat)} captions, seed {SEED}, {lengths.mean():.1f} tokens each, at most {lengths.max()} of {MAX_TOKENS}"
    )


if __name__ == "__main__":
    main()
