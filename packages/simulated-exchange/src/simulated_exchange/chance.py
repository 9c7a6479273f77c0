"""Randomness with no hidden state: a number is a function of a name and a count.

Comes in: a seed text and the number of the draw. Goes out: a fraction in [0, 1). Never: global
state, so a saved exchange continues exactly where it was by remembering how often it drew.
"""

from zlib import crc32

_MASK = (1 << 64) - 1


def fraction(name: str, number: int) -> float:
    """Draw `number` of the sequence called `name` (SplitMix64: Steele, Lea, Flood 2014)."""
    z = ((crc32(name.encode()) << 32) + (number + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((z ^ (z >> 31)) >> 11) / 2.0**53
