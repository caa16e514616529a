"""Gumbel noise by counters: the noise of a token depends on seed, position and token id alone.

Adding it to logits and taking the largest draws from their softmax (Gumbel-max), so a seed gives
the same text in whatever batch, slot or order the sequence runs. Mixing steps are the finalisers of
splitmix64 (per row) and MurmurHash3 (per token).
"""

import numpy as np
import numpy.typing as npt
import torch

STRIPE = 1 << 17  # numbers; half a megabyte of each kind

U64 = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_MURMUR_1 = -2048144789  # 0x85ebca6b as a signed 32-bit number
_MURMUR_2 = -1028477387  # 0xc2b2ae35


def row_keys(seeds: U64, positions: U64) -> npt.NDArray[np.int32]:
    """Two 32-bit keys `[rows, 2]` for this position of each seed's stream."""
    mixed = seeds + positions * _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    mixed ^= mixed >> np.uint64(31)
    keys: npt.NDArray[np.int32] = mixed.view(np.int32).reshape(-1, 2)
    return keys


def choice_seed(seed: int, index: int) -> int:
    """The seed of choice `index` of a request: choices of one seed differ, and stay the same."""
    start = np.array([seed % 2**64], dtype=np.uint64)
    keys = row_keys(start, np.array([index + 2**32], dtype=np.uint64))
    return int(keys.view(np.uint64)[0, 0])


def draw(
    logits: torch.Tensor, keys: torch.Tensor, hashes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest noisy logit of each row and its token. `logits` are overwritten.

    Goes by stripes of rows: a dozen passes over numbers are cheap while they stay in the cache.
    """
    size = max(1, STRIPE // logits.shape[1]) if logits.device.type == "cpu" else len(logits)
    stripes = zip(torch.split(logits, size), torch.split(keys, size), strict=True)
    best = [rows.add_(gumbel(own, hashes)).max(-1) for rows, own in stripes]
    return torch.cat([each.values for each in best]), torch.cat([each.indices for each in best])


def token_hashes(vocabulary: int, device: torch.device) -> torch.Tensor:
    """A scattered 32-bit number for each token id, `[vocabulary]`."""
    ids = torch.arange(vocabulary, dtype=torch.int32, device=device)
    return _scramble(ids * 0x3C6EF372 + 0x1B873593)


def gumbel(keys: torch.Tensor, hashes: torch.Tensor) -> torch.Tensor:
    """Noise `[rows, tokens]` from keys `[rows, 2]` and hashes `[tokens]` or `[rows, tokens]`."""
    mixed = hashes ^ keys[:, :1]
    mixed.mul_(_MURMUR_2)
    mixed.bitwise_xor_((mixed >> 15).bitwise_and_(0x1FFFF)).add_(keys[:, 1:])
    uniform = _scramble(mixed).bitwise_and_(0x7FFFFF).float()
    uniform.add_(0.5).mul_(2.0**-23)  # 23 bits, never 0 nor 1
    return uniform.log_().neg_().log_().neg_()


def _scramble(mixed: torch.Tensor) -> torch.Tensor:
    """MurmurHash3's finaliser, in place; the masks make torch's arithmetic shifts logical."""
    mixed.bitwise_xor_((mixed >> 16).bitwise_and_(0xFFFF)).mul_(_MURMUR_1)
    mixed.bitwise_xor_((mixed >> 13).bitwise_and_(0x7FFFF)).mul_(_MURMUR_2)
    return mixed.bitwise_xor_((mixed >> 16).bitwise_and_(0xFFFF))
