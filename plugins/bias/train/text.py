"""Windows, tokens and features of a text. Must agree with src/tokens.rs to the bit; knows nothing of weights."""
import codecs
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).parent
DIMENSIONS = ["gender", "race-ethnicity", "religion", "nationality", "age", "disability", "sexual-orientation",
              "socioeconomic", "political", "appearance", "unspecified"]
# Words that say no more than "a person": they join the group word before them.
PERSON = {w: False for w in "person community population guy kid child student".split()}
PERSON |= {w: True for w in "people persons folk folks communities guys kids children students".split()}
# Colours are group words only before a person or another group word.
COLOUR = {"black", "white", "brown", "colored", "coloured"}
MIN_TOKENS, MAX_TOKENS, MAX_WORD = 6, 64, 32

GROUPS, CONTEXTS, CONTEXT_NAMES = {}, {}, []
for line in (HERE / "groups.txt").read_text().splitlines():
    if line and not line.startswith("#"):
        dimension, number, *words = line.split()
        for word in words:
            GROUPS.setdefault(word, (DIMENSIONS.index(dimension), number == "p"))
for line in (HERE / "contexts.txt").read_text().splitlines():
    if line and not line.startswith("#"):
        name, *words = line.split()
        CONTEXT_NAMES.append(name)
        for word in words:
            CONTEXTS.setdefault(word, len(CONTEXT_NAMES) - 1)
# Tags of a window, one bit each: a group, groups in the plural, a slur, then the contexts.
GROUP, GROUPS_MANY, SLUR, FIRST_CONTEXT = 0, 1, 2, 3
TAGS = FIRST_CONTEXT + len(CONTEXT_NAMES)
SLURS = {}
for line in (HERE / "slurs.rot13").read_text().splitlines():
    if line and not line.startswith("#"):
        dimension, *words = line.split()
        for word in words:
            SLURS[codecs.decode(word, "rot13")] = DIMENSIONS.index(dimension)

MASK = 0xFFFFFFFF


def mix(h):
    h = (h ^ (h >> 15)) * 0x2C1B3C6D & MASK
    h = (h ^ (h >> 12)) * 0x297A2D39 & MASK
    return h ^ (h >> 15)


@lru_cache(None)
def word_hash(word: bytes) -> int:
    h = 0x811C9DC5
    for b in word:
        h = (h ^ b) * 0x01000193 & MASK
    return mix(h)


def pair_hash(a: int, b: int) -> int:
    return mix((a * 0x9E3779B1 + b) & MASK)


@lru_cache(None)
def gram_hashes(word: bytes):
    """The 4-grams of the word with a space at each end."""
    s = b" " + word[:MAX_WORD] + b" "
    return [mix(int.from_bytes(s[i:i + 4], "big") ^ 0x5BD1E995) for i in range(len(s) - 3)]


H_GROUP, H_GROUPS = word_hash(b"\x01"), word_hash(b"\x02")


def words(text: str):
    """(word, boundary before it) for each word; apostrophes vanish, other non-ASCII characters stand alone."""
    word, boundary = bytearray(), False
    for b in text.translate(ASCII_LOWER):
        if b in ALNUM:
            word += b.encode()
        elif b in "'\u2019":
            pass
        else:
            if word:
                yield bytes(word), boundary
                word, boundary = bytearray(), False
            if b in ".!?\n":
                boundary = True
            elif b > "\x7f":
                yield b.encode("utf-8", "surrogatepass"), boundary
                boundary = False
    if word:
        yield bytes(word), boundary


ASCII_LOWER = {c: c + 32 for c in range(65, 91)}
ALNUM = set("abcdefghijklmnopqrstuvwxyz0123456789")


class Window:
    """What is kept of a stretch of text: feature hashes, tags, and counts."""

    def __init__(self):
        self.hashes, self.tags, self.tokens, self.group, self.groups = [], 0, 0, 0, 0
        self.last = None

    def _token(self, h):
        self.hashes.append(h)
        if self.last is not None:
            self.hashes.append(pair_hash(self.last, h))
        self.last = h
        self.tokens += 1

    def word(self, word):
        self._token(word_hash(word))
        self.hashes.extend(gram_hashes(word))
        w = word.decode("utf-8", "replace")
        if w in SLURS:
            self.tags |= 1 << SLUR
        elif w in CONTEXTS:
            self.tags |= 1 << (FIRST_CONTEXT + CONTEXTS[w])

    def mention(self, many):
        self._token(H_GROUPS if many else H_GROUP)
        self.tags |= 1 << (GROUPS_MANY if many else GROUP)
        self.group += not many
        self.groups += many


def windows(text: str):
    out, current = [], Window()
    colour, group = None, None  # what waits for the next word

    def flush():
        nonlocal colour, group
        if colour is not None:
            current.word(colour)
        if group is not None:
            current.mention(group)
        colour = group = None

    for word, boundary in words(text):
        if boundary:
            flush()
        if (boundary and current.tokens >= MIN_TOKENS) or current.tokens >= MAX_TOKENS:
            flush()
            out.append(current)
            current = Window()
        w = word.decode("utf-8", "replace")
        if w in GROUPS:
            colour, group = None, GROUPS[w][1]
        elif w in PERSON and (colour is not None or group is not None):
            colour, group = None, PERSON[w]
        elif w in COLOUR:
            flush()
            colour = word
        else:
            flush()
            current.word(word)
    flush()
    if current.tokens:
        out.append(current)
    return out
