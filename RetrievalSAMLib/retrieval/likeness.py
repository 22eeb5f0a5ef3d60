"""How alike the cases of a library are to each other: of every slice, the most similar slice of another case.

To compare all slices of a large library with each other takes minutes. So what was found is kept, and a case that
came or went costs one comparison with the others.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ..errors import InputError
from ..volumes import write_staged
from .exact import BLOCK

_FEW = 4096
_ROWS = 1024
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptLikeness:
    """Where it is kept.

    Attributes:
        file: An .npz file, derived: it may be deleted at any time.
        keys: What stands for each case: equal for equal embeddings.
    """

    file: Path
    keys: Sequence[str]


@dataclass
class _Nearest:
    """By slice, in the order of the cases.

    Attributes:
        names: Of the cases.
        counts: Slices by case.
        similarity: float32 (N,), to the most similar slice of another case.
        case: int64 (N,), number of that case.
    """

    names: list[str]
    counts: np.ndarray
    similarity: np.ndarray
    case: np.ndarray


def likeness_to_others(cases: Sequence[np.ndarray], kept: KeptLikeness | None = None) -> list[float]:
    """Mean over the slices of a case of the similarity to the most similar slice of another case.

    Args:
        cases: float32 (n_i, d) each, unit rows; two or more.
        kept: Where to keep what was found.
    """
    names = _distinct(kept.keys) if kept else [str(number) for number in range(len(cases))]
    counts = np.array([len(case) for case in cases])
    keeping = kept is not None and counts.sum() > _FEW
    before = _read(kept.file) if kept is not None and keeping else None
    found = _followed(before, names, counts, cases)
    changed = before is None or before.names != names
    if kept is not None and keeping and changed:
        _write(kept.file, found)
    return [float(part.mean()) for part in np.split(found.similarity, np.cumsum(counts)[:-1])]


def nearest_similarity(queries: np.ndarray, cases: Sequence[np.ndarray]) -> np.ndarray:
    """Similarity of each query to the most similar slice of any case, float32 (n,).

    Args:
        queries: float32 (n, d), unit rows.
        cases: float32 (n_i, d) each, unit rows.
    """
    best = np.full(len(queries), -np.inf, dtype=np.float32)
    for _, block in _blocks(cases):
        best = np.maximum(best, (queries @ block.T).max(axis=1))
    return best


def _distinct(keys: Sequence[str]) -> list[str]:
    """The keys, with numbers where two cases have one."""
    seen: Counter[str] = Counter()
    names = []
    for key in keys:
        names.append(f"{key}/{seen[key]}")
        seen[key] += 1
    return names


def _followed(before: _Nearest | None, names: list[str], counts: np.ndarray, cases: Sequence[np.ndarray]) -> _Nearest:
    """What holds for these cases, from what held for others: only what came and went is compared."""
    owner = np.repeat(np.arange(len(names)), counts)
    similarity = np.full(len(owner), -np.inf, dtype=np.float32)
    case = np.full(len(owner), -1, dtype=np.int64)
    came = np.ones(len(names), dtype=bool)
    if before is not None:
        number_of = {name: number for number, name in enumerate(names)}
        old_starts = np.concatenate([[0], np.cumsum(before.counts)])
        now = np.array([number_of.get(name, -1) for name in before.names])
        starts = np.concatenate([[0], np.cumsum(counts)])
        for old, number in enumerate(now):
            if number >= 0 and before.counts[old] == counts[number]:
                part, old_part = (slice(s[n], s[n + 1]) for s, n in ((starts, number), (old_starts, old)))
                nearest = now[before.case[old_part]]
                similarity[part] = np.where(nearest >= 0, before.similarity[old_part], -np.inf)
                case[part] = nearest
                came[number] = False
    wanting = np.flatnonzero(case < 0)
    new = came[owner]
    for start in range(0, len(wanting), _ROWS):
        rows = wanting[start : start + _ROWS]
        queries = _rows(cases, owner, counts, rows)
        for first, block in _blocks(cases):
            columns = slice(first, first + len(block))
            products = queries @ block.T
            if owner[rows[0]] <= owner[columns][-1] and owner[rows[-1]] >= owner[columns][0]:
                products[owner[rows][:, None] == owner[columns][None]] = -np.inf
            best = products.argmax(axis=1)
            _raise(similarity, case, rows, products[np.arange(len(rows)), best], owner[columns][best])
            if (arriving := new[rows]).any():
                # What came may be the most similar one of what was there.
                best = products[arriving].argmax(axis=0)
                _raise(
                    similarity,
                    case,
                    np.arange(columns.start, columns.stop),
                    products[arriving][best, np.arange(len(block))],
                    owner[rows[arriving]][best],
                )
    return _Nearest(names, counts, similarity, case)


def _raise(similarity: np.ndarray, case: np.ndarray, rows: np.ndarray, found: np.ndarray, by: np.ndarray) -> None:
    better = found > similarity[rows]
    similarity[rows[better]], case[rows[better]] = found[better], by[better]


def _rows(cases: Sequence[np.ndarray], owner: np.ndarray, counts: np.ndarray, rows: np.ndarray) -> np.ndarray:
    starts = np.cumsum(counts) - counts
    return np.stack([cases[owner[row]][row - starts[owner[row]]] for row in rows])


def _blocks(cases: Sequence[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """The slices of all cases, a part at a time, with the number of the first one."""
    start, begun = 0, list[np.ndarray]()
    for case in cases:
        begun.append(case)
        if (count := sum(map(len, begun))) >= BLOCK:
            yield start, np.concatenate(begun)
            start, begun = start + count, []
    if begun:
        yield start, np.concatenate(begun)


def _read(file: Path) -> _Nearest | None:
    """What `_write` wrote; None where there is no such file or it cannot be read (it is derived data)."""
    try:
        with np.load(file, allow_pickle=False) as data:
            found = _Nearest(data["names"].tolist(), data["counts"], data["similarity"], data["case"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    total = found.counts.sum()
    sound = len(found.names) == len(found.counts) and found.similarity.shape == found.case.shape == (total,)
    return found if sound and (found.case < len(found.names)).all() else None


def _write(file: Path, found: _Nearest) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_staged(
            file,
            lambda staged: np.savez(
                staged,
                names=np.array(found.names),
                counts=found.counts,
                similarity=found.similarity,
                case=found.case,
            ),
        )
    except (OSError, InputError) as error:
        _LOG.warning("how alike the cases are cannot be kept (%s)", type(error).__name__)
