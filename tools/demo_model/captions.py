"""Captions for every emoji: its name, its keywords, its colour, everyday words, in several phrasings.

A single word belongs to many emoji ("moon" to a dozen). Left ambiguous it would teach the model an average, so each
word, alone or with a colour, is given to the one emoji that carries it best: an alias, then the name itself, then the
shortest name containing it, then a keyword.
"""

import colorsys
import random
from collections import defaultdict
from pathlib import Path

import numpy as np

from config import SEED, read_json

VARIANTS = 64
LEADS = (
    "a {}",
    "the {}",
    "one {}",
    "an emoji of {}",
    "draw a {}",
    "a picture of a {}",
    "a photo of a {}",
    "a cute {}",
    "a big {}",
    "a small {}",
    "{} emoji",
)
POSES = ("", "standing ", "sitting ", "lying ")
PLACES = ("on a table", "in a field", "by the sea", "on a rock", "on a cliff", "on white", "in the sky", "at night")
HUES = ((0.035, "red"), (0.11, "orange"), (0.19, "yellow"), (0.45, "green"), (0.7, "blue"), (0.82, "purple"))
ALIAS, EXACT, KEYWORD = -1, 0, 100
ALIAS_REPEATS = 4


def colour_of(pixel: np.ndarray) -> str:
    """The plain name of one RGB pixel."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(pixel / 255.0))
    if saturation < 0.2:
        return "white" if value > 0.85 else "black" if value < 0.35 else "grey"
    if value < 0.3:
        return "black"
    name = next((name for limit, name in HUES if hue < limit), "pink" if hue < 0.95 else "red")
    if name in ("red", "orange") and value < 0.65:
        return "brown"
    return "pink" if name == "red" and saturation < 0.5 else name


def main_colour(picture: np.ndarray) -> str | None:
    """The colour of most of a picture's pixels off the white ground, or None when no colour has that many."""
    pixels = picture[::4, ::4].reshape(-1, 3)
    pixels = pixels[pixels.min(1) < 245]
    if not len(pixels):
        return None
    names, counts = np.unique([colour_of(p) for p in pixels], return_counts=True)
    return str(names[counts.argmax()]) if counts.max() > 0.45 * len(pixels) else None


def word_ranks(entries: list[dict], aliases: dict[str, list[str]]) -> dict[str, dict[int, int]]:
    """Word to emoji to rank, the lowest rank carrying the word best."""
    ranks: dict[str, dict[int, int]] = defaultdict(dict)
    index = {entry["name"]: i for i, entry in enumerate(entries)}
    for i, entry in enumerate(entries):
        words = entry["name"].split()
        for keyword in entry["keywords"]:
            ranks[keyword][i] = KEYWORD + len(words)
        for word in words:
            ranks[word][i] = len(words)
        ranks[entry["name"]][i] = EXACT
    for word, names in aliases.items():
        for place, name in enumerate(names):
            ranks[word][index[name]] = ALIAS - len(names) + place
    return ranks


def owned_words(entries: list[dict], colours: list[str | None], aliases: dict[str, list[str]]) -> list[list[str]]:
    """For each emoji the words it carries best, alone and with its colour."""
    owned: list[list[str]] = [[] for _ in entries]
    for word, ranks in word_ranks(entries, aliases).items():
        best = min(ranks, key=lambda i: (ranks[i], i))
        owned[best] += [word] * (ALIAS_REPEATS if ranks[best] <= ALIAS else 1)
        for colour in {colours[i] for i in ranks} - {None}:
            same = [i for i in ranks if colours[i] == colour]
            if not word.startswith(str(colour)):
                owned[min(same, key=lambda i: (ranks[i], i))].append(f"{colour} {word}")
    return owned


def caption(entry: dict, colour: str | None, owned: list[str], rng: random.Random) -> str:
    name = entry["name"]
    keywords = [keyword for keyword in entry["keywords"] if keyword != name]
    rng.shuffle(keywords)
    kind = rng.random()
    if kind < 0.02:
        return ""
    if kind < 0.22:
        text = ", ".join([name, *keywords[: rng.randint(1, 3)]])
    elif kind < 0.28:
        text = ", ".join(keywords[: rng.randint(2, 4)]) or name
    elif kind < 0.32:
        text = " ".join(keywords[:2]) or name
    elif kind < 0.4 and colour:
        text = f"{colour} {name}"
    elif kind < 0.64 and owned:
        text = rng.choice(owned)
    else:
        text = name
    if rng.random() < 0.2:
        text = rng.choice(LEADS).format(text)
    if rng.random() < 0.06:
        text = f"{text} {rng.choice(POSES)}{rng.choice(PLACES)}"
    return text.capitalize() if rng.random() < 0.05 else text


def captions(entries: list[dict], pictures: np.ndarray, aliases: Path) -> list[list[str]]:
    """VARIANTS captions for each emoji, the plain name first; the same for the same seed."""
    rng = random.Random(SEED)
    colours = [main_colour(picture) for picture in pictures]
    owned = owned_words(entries, colours, read_json(aliases))
    return [
        [entry["name"], *(caption(entry, colour, words, rng) for _ in range(VARIANTS - 1))]
        for entry, colour, words in zip(entries, colours, owned, strict=True)
    ]


def vocabulary_texts(entries: list[dict], aliases: Path) -> list[str]:
    """What the tokenizer learns its words from: every word the captions are built of."""
    names = [text for entry in entries for text in (entry["name"], *entry["keywords"])]
    colours = [*(name for _, name in HUES), "pink", "brown", "black", "white", "grey"]
    phrases = [*LEADS, *POSES, *PLACES, *colours, *read_json(aliases)]
    spaced = [f" {text}" for text in (*names, *phrases)]
    return [*names, *spaced, *phrases * 20]
