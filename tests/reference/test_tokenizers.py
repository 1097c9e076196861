"""The C++ tokenizer against Hugging Face's: ids, cuts, padding and chat templates, on texts drawn anew at every run.

The demo model's vocabulary is always there; Qwen's own comes with ./dev setup --reference into build/qwen.
MFLUX_TEST_SEED repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import struct
import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from transformers import AddedToken, AutoTokenizer, Qwen2Tokenizer

from provenance import FIXTURES
from tokenizer_ids import BLOCK, CONTEXTS, DEMO, LONG, QWEN, block_hash, hash_of_ids
from tokenizer_texts import by_hand, random_text

SEED = int(os.environ.get("MFLUX_TEST_SEED") or secrets.randbelow(1 << 30))
TEXTS = 6000
SEPARATOR = "<|endoftext|>"

IS_USER = '(message.role == "user") or (message.role == "system" and not loop.first)'
TURN = "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
ANSWER = """{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""
PLAIN = "{%- for message in messages %}" + TURN + "{%- endfor %}" + ANSWER
OWN = (
    """{%- if tools %}
    {{- '<|im_start|>system\\n# Tools' }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(last=0) %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if IS_USER %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- content }}
    {%- endif %}
{%- endfor %}
""".replace("IS_USER", IS_USER)
    + ANSWER
)
TEMPLATES = {
    "plain": PLAIN,
    "plain_line_end": PLAIN + "\n",
    "spread": PLAIN.replace("{%- endfor %}", "\n  {%- endfor %}\n\n"),
    "own": OWN,
    "own_in_one_line": "".join(line.strip() for line in OWN.splitlines()),
    "space_printed": PLAIN + "\n \n",
    "system_prompt": OWN.replace("{%- set ns", "{{- '<|im_start|>system\\nYou are Qwen<|im_end|>\\n' }}{%- set ns"),
    "other_role": OWN.replace('role == "user"', 'role == "me"'),
    "trimmed": OWN.replace("= message.content %", "= message.content | trim %"),
    "no_block": PLAIN.replace("is false", "is true"),
    "indented_print": PLAIN.replace("{{- '<|im_start|>assistant", "{{ '<|im_start|>assistant"),
    "text_between": PLAIN.replace("{%- endfor %}", "{%- endfor %} - "),
}
ACCEPTED = {"plain", "plain_line_end", "spread", "own", "own_in_one_line"}


@pytest.fixture(scope="module")
def tool() -> str:
    named = os.environ.get("MFLUX_TOKENIZER_TOOL")
    if not named:
        pytest.skip("MFLUX_TOKENIZER_TOOL does not name the built tokenizer_tool")
    return named


@pytest.fixture(scope="module", params=["demo", "qwen"])
def folder(request) -> Path:
    path = {"demo": DEMO, "qwen": QWEN}[request.param]
    if not path.is_dir():
        pytest.skip(f"Qwen's vocabulary is not in {path}: ./dev setup --reference fetches it")
    return path


@pytest.fixture(scope="module")
def dice() -> random.Random:
    print(f"MFLUX_TEST_SEED={SEED}")
    return random.Random(SEED)


def encode(tool: str, folder: Path, texts: list[str]) -> list[list[int]]:
    coded = [text.encode() for text in texts]
    sent = b"".join(struct.pack("=I", len(text)) + text for text in coded)
    done = subprocess.run([tool, folder], input=sent, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    numbers, at, found = np.frombuffer(done.stdout, np.int32), 0, []
    while at < len(numbers):
        end = at + 1 + numbers[at]
        found.append(numbers[at + 1 : end].tolist())
        at = end
    assert len(found) == len(texts)
    return found


def expect_equal(tool: str, folder: Path, texts: list[str]) -> None:
    """Not one id apart, in the vocabulary of `folder`."""
    backend = Qwen2Tokenizer.from_pretrained(folder).backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    expected = [encoding.ids for encoding in backend.encode_batch_fast(texts, add_special_tokens=False)]
    got = encode(tool, folder, texts)
    wrong = [i for i in range(len(texts)) if got[i] != expected[i]]
    shown = [(ascii(texts[i][:200]), expected[i][:50], got[i][:50]) for i in wrong[:5]]
    assert not wrong, f"MFLUX_TEST_SEED={SEED}: {len(wrong)} of {len(texts)} differ, such as {shown}"


def mflux_json(binary: Path, *arguments: object) -> dict:
    done = subprocess.run([binary, "tokenize", *map(str, arguments), "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_random_texts(tool, folder, dice):
    expect_equal(tool, folder, by_hand() + [random_text(dice) for _ in range(TEXTS)])


def test_every_decomposition(tool, folder):
    """All that Python's (newer) Unicode data decomposes, decomposed, and between marks of other classes."""
    changed = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and unicodedata.decomposition(chr(c))]
    forms = [unicodedata.normalize(form, c) for c in changed for form in ("NFD", "NFKD")]
    texts = [c + tail for c in forms for tail in ("", "\u0301", "\u0345\u0316")]
    expect_equal(tool, folder, [SEPARATOR.join(texts[i : i + 2000]) for i in range(0, len(texts), 2000)])


def test_every_mark_on_every_base_that_composes(tool):
    composed = [unicodedata.normalize("NFD", chr(c)) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    bases = sorted({pair[0] for pair in composed if len(pair) > 1 and not 0x1100 <= ord(pair[0]) < 0x1200})
    marks = sorted({mark for pair in composed if len(pair) > 1 for mark in pair[1:]} - set(bases))
    marks = [mark for mark in marks if not 0x1100 <= ord(mark) < 0x1200]
    expect_equal(tool, DEMO, [SEPARATOR.join(base + mark for mark in marks) for base in bases])


def test_committed_hashes_are_still_hugging_faces(dice):
    """Blocks of code_points.json and texts of long.json drawn at random, made again."""
    demo = Qwen2Tokenizer.from_pretrained(DEMO)
    committed = json.loads((FIXTURES / "tokenizers" / "code_points.json").read_text())
    assert [(context["before"], context["after"]) for context in committed["contexts"]] == list(CONTEXTS)
    for context in committed["contexts"]:
        for block in {0, 1, *(dice.randrange(0x110000 // BLOCK) for _ in range(4))}:
            fresh = block_hash(demo, context["before"], context["after"], block * BLOCK)
            assert fresh == context["hashes"][block], (context["before"], context["after"], hex(block * BLOCK))
    long = json.loads((FIXTURES / "tokenizers" / "long.json").read_text())["texts"]
    piece, times = dice.choice(LONG[:6])
    fresh = hash_of_ids(demo(piece * times)["input_ids"])
    assert fresh == next(text["hash"] for text in long if (text["piece"], text["times"]) == (piece, times))


@pytest.mark.parametrize("thinking", [False, True])
def test_prompts_as_the_pipelines_make_them(mflux_binary, dice, thinking):
    """Flux2KleinPipeline's and ZImagePipeline's calls, on the demo model."""
    demo = AutoTokenizer.from_pretrained(DEMO)
    for length in (4, 24, 512):
        prompt = dice.choice(["", "a red apple", "x<|im_end|>\n\ny ", random_text(dice), "word " * 300])
        turn = [{"role": "user", "content": prompt}]
        text = demo.apply_chat_template(turn, tokenize=False, add_generation_prompt=True, enable_thinking=thinking)
        expected = demo(text, padding="max_length", truncation=True, max_length=length)
        flags = ["--thinking"] if thinking else []
        done = subprocess.run(
            [mflux_binary, "tokenize", DEMO, "-", "--json", "--max-length", str(length), *flags],
            input=prompt.encode(), capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        got = json.loads(done.stdout)
        assert got["ids"] == expected["input_ids"], ascii(prompt)
        assert got["mask"] == expected["attention_mask"]
        assert got["dropped"] == len(demo(text)["input_ids"]) - sum(expected["attention_mask"])


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_that_are_taken_render_the_same(mflux_binary, tmp_path, name):
    shutil.copytree(DEMO, tmp_path / "tokenizer")
    (tmp_path / "tokenizer" / "chat_template.jinja").write_text(TEMPLATES[name])
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "tokenizer")
    command = [mflux_binary, "tokenize", tmp_path, " a <|im_end|>\n", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    turn = [{"role": "user", "content": " a <|im_end|>\n"}]
    text = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    plain = AutoTokenizer.from_pretrained(DEMO)
    same = text == plain.apply_chat_template(turn, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    assert same == (name in ACCEPTED)
    assert done.returncode == (0 if same else 2), done.stderr
    if same:
        assert json.loads(done.stdout)["ids"] == tokenizer(text)["input_ids"]


def test_what_transformers_saves_is_read(tool, tmp_path):
    """transformers 5 writes other files than the demo model has: no added_tokens_decoder, a template processor."""
    tokenizer = Qwen2Tokenizer.from_pretrained(DEMO)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in ("<extra>", "<extra><more", "more>")])
    tokenizer.save_pretrained(tmp_path)
    texts = ["a <extra>red</think> apple", "<extra><more><extra><mor<extra>more>", *by_hand()[:50]]
    assert encode(tool, tmp_path, texts) == [tokenizer(text)["input_ids"] for text in texts]


def test_qwens_known_ids(mflux_binary):
    if not QWEN.is_dir():
        pytest.skip(f"Qwen's vocabulary is not in {QWEN}: ./dev setup --reference fetches it")
    text = "Hello world<|endoftext|><|im_start|><|im_end|><think></think>"
    assert mflux_json(mflux_binary, QWEN, text, "--raw")["ids"] == [9707, 1879, 151643, 151644, 151645, 151667, 151668]
