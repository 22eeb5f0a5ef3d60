"""Files of a cache: what is damaged is known, the limit holds for all programs, nothing stops a run."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from RetrievalSAMLib.segmentation.memory.tensor_cache import TensorCache
from RetrievalSAMLib.segmentation.settings.cache_space import SUFFIX, CacheSpace
from Testing.patience import PATIENCE

WRITER = """
import sys
from pathlib import Path
import torch
from RetrievalSAMLib.segmentation.settings.cache_space import CacheSpace
from RetrievalSAMLib.segmentation.memory.tensor_cache import TensorCache

folder, limit, who = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
space = CacheSpace(folder, limit)
for number in range(15):
    cache = TensorCache(space)
    for name, fill in ((f"own{who}x{number}", who), (f"shared{number}", -1)):
        cache.put(name, {"tensor": torch.full((1024,), float(fill))})
    cache.flush()
    assert space.held_bytes() <= limit
    for name, fill in ((f"own{who}x{number}", who), (f"shared{number}", -1), (f"own{1 - who}x{number}", 1 - who)):
        found = TensorCache(space).get(name)
        assert found is None or torch.equal(found["tensor"], torch.full((1024,), float(fill)))
"""


def tensor(fill: float) -> dict[str, torch.Tensor]:
    return {"tensor": torch.full((1024,), fill)}


def write(space: CacheSpace, *names: str, cache: TensorCache | None = None) -> None:
    cache = cache or TensorCache(space)
    for name in names:
        cache.put(name, tensor(1))
    cache.flush()


def age(space: CacheSpace, name: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(space.folder / f"{name}{SUFFIX}", (then, then))


def names(space: CacheSpace) -> set[str]:
    return {file.removesuffix(SUFFIX) for _, _, file in space.files()}


def room_for(entries: int, folder: Path) -> CacheSpace:
    write(CacheSpace(folder / "one", 1 << 20), "a")
    return CacheSpace(folder / "memories", entries * CacheSpace(folder / "one", 1).held_bytes())


@pytest.mark.parametrize("shape", [(3, 64, 8, 8), (1,), (0, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_tensors_come_back_bit_for_bit(shape: tuple[int, ...], dtype: torch.dtype, tmp_path: Path) -> None:
    space = CacheSpace(tmp_path, 1 << 20)
    put = {"one": torch.randn(shape).to(dtype), "other": torch.randn(2, 5).T.expand(3, 5, 2)}
    cache = TensorCache(space)
    cache.put("a", put)
    waiting = cache.get("a")
    cache.flush()
    for found in (waiting, cache.get("a"), TensorCache(space).get("a")):
        assert found is not None and found.keys() == put.keys()
        assert all(found[key].dtype == put[key].dtype and torch.equal(found[key], put[key]) for key in put)


def changed(place: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        wrong = bytearray(content)
        wrong[place] ^= 1
        return bytes(wrong)

    return change


@pytest.mark.parametrize(
    "damage",
    [changed(0), changed(40), changed(200), changed(-1), lambda c: c[:-1], lambda c: c[:20], lambda c: b""]
    + [lambda c: c + b"\0", lambda c: b"\x80\x04not ours" * 100],
)
def test_what_is_damaged_is_not_given_but_made_anew(
    damage: Callable[[bytes], bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    space = CacheSpace(tmp_path, 1 << 20)
    write(space, "a", "b")
    for name in ("a", "b"):
        path = tmp_path / f"{name}{SUFFIX}"
        path.write_bytes(damage(path.read_bytes()))
    cache = TensorCache(space)
    assert cache.get("a") is None and cache.get("b") is None
    (message,) = [record.getMessage() for record in caplog.records]
    assert "damaged" in message and str(tmp_path) not in message
    write(space, "a", cache=cache)
    assert cache.get("a") is not None


def test_a_file_under_another_name_is_not_taken_for_it(tmp_path: Path) -> None:
    space = CacheSpace(tmp_path, 1 << 20)
    write(space, "a")
    (tmp_path / f"a{SUFFIX}").rename(tmp_path / f"b{SUFFIX}")
    assert TensorCache(space).get("b") is None


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    space = room_for(3, tmp_path)
    write(space, "a", "b", "c")
    for name, seconds in (("a", 300), ("b", 200), ("c", 100)):
        age(space, name, seconds)
    assert TensorCache(space).get("a") is not None
    last_used = {file: used for used, _, file in space.files()}
    assert last_used[f"a{SUFFIX}"] > last_used[f"c{SUFFIX}"]
    age(space, "a", 50)
    write(space, "d")
    assert names(space) == {"a", "c", "d"}
    age(space, "d", 10)
    write(CacheSpace(space.folder, space.limit_bytes // 3), "e")
    assert names(space) == {"e"}


def test_a_run_that_needs_more_than_the_limit_finds_the_same_part_every_time(tmp_path: Path) -> None:
    space = room_for(3, tmp_path)
    everything = ("a", "b", "c", "d", "e")
    hits = []
    for _ in range(3):
        cache = TensorCache(space)
        hits.append([name for name in everything if cache.get(name) is not None])
        write(space, *(name for name in everything if name not in hits[-1]), cache=cache)
        for name in names(space):
            age(space, name, 60)
    assert hits == [[], ["a", "b", "c"], ["a", "b", "c"]]


def test_programs_that_write_at_once_keep_the_limit_and_read_whole_files(tmp_path: Path) -> None:
    space = room_for(12, tmp_path)
    arguments = [str(space.folder), str(space.limit_bytes)]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, *arguments, str(who)]) for who in (0, 1)]
    assert [writer.wait(timeout=PATIENCE) for writer in writers] == [0, 0]
    assert 0 < space.held_bytes() <= space.limit_bytes
    cache = TensorCache(space)
    assert all(cache.get(name) is not None for name in names(space))


def test_what_a_killed_program_left_half_written_is_removed(tmp_path: Path) -> None:
    space = CacheSpace(tmp_path, 1 << 20)
    (tmp_path / "half.part").write_bytes(b"half")
    write(space, "a")
    assert not list(tmp_path.glob("*.part")) and names(space) == {"a"}


def test_on_a_full_disk_it_is_said_once_and_nothing_half_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    space = CacheSpace(tmp_path, 1 << 20)
    write(space, "a")

    def full(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    cache = TensorCache(space)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        for name in ("b", "c"):
            write(space, name, cache=cache)
    assert len(caplog.records) == 1 and str(tmp_path) not in caplog.text
    assert {path.name for path in tmp_path.iterdir()} - {"lock"} == {f"a{SUFFIX}"}
    assert cache.get("a") is not None


def test_a_folder_that_cannot_be_made_costs_what_would_be_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = TensorCache(CacheSpace(tmp_path / "file" / "memories", 1 << 20))
    for name in ("a", "b"):
        assert cache.get(name) is None
        cache.put(name, tensor(1))
        cache.flush()
    assert len(caplog.records) == 1 and str(tmp_path) not in caplog.text
