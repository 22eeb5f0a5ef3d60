"""Memory runs out in any stage of a request: once, and the run goes on with less; always, and words say what to do."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from worker_volumes import subject

from RetrievalSAMLib.errors import InputError, NotEnoughMemoryError
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.models.build import build_encoder, random_segmenter
from RetrievalSAMLib.out_of_memory import give_back_freed
from RetrievalSAMLib.retrieval.embedding import SliceEmbedder
from RetrievalSAMLib.segmentation.output.fusion import Canvas
from RetrievalSAMLib.segmentation.pipeline import segment_volume
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings import networks
from RetrievalSAMLib.segmentation.settings.options import MEMORIES_ON_DISK, ONE_SEGMENT_AT_A_TIME, Models, RunOptions
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.segmentation.steps import retrieve
from RetrievalSAMLib.volumes import read_segmentation
from RetrievalSAMLib.worker.faults import fault_of
from RetrievalSAMLib.worker.jobs import Workshop
from RetrievalSAMLib.worker.jobs import segmenting as job
from RetrievalSAMLib.worker.protocol import Event, Fault, Progress, Result, request_of
from RetrievalSAMLib.worker.task import Task

LESS = (MEMORIES_ON_DISK, ONE_SEGMENT_AT_A_TIME)
ERRORS = (
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
)

# By stage: whose function computes it, and whether the run that it belongs to can be tried again with less.
STAGES: dict[str, tuple[Any, str, bool]] = {
    "reading the volume": (job, "read_volume", False),
    "loading the networks": (networks, "build_segmenter", False),
    "comparing slices": (SliceEmbedder, "embed", True),
    "aligning cases": (retrieve, "aligned_by_image", True),
    "encoding images": (Sam2Engine, "encode_images", True),
    "encoding supports": (Sam2Engine, "encode_support", True),
    "attending": (Sam2Engine, "attend", True),
    "decoding": (Sam2Engine, "_run_decoder", True),
    "drawing": (Canvas, "add", True),
    "writing the result": (job, "write_segmentation", False),
}


class Failing:
    """A function that raises, the first time or always, and otherwise does what it did."""

    def __init__(self, error: BaseException, function: Any, always: bool) -> None:
        self.error, self.function, self.always, self.calls = error, function, always, 0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        if self.always or self.calls == 1:
            raise self.error
        return self.function(*arguments, **named)


def failing(patch: pytest.MonkeyPatch, stage: str, always: bool) -> Failing:
    owner, name, _ = STAGES[stage]
    error = ERRORS[list(STAGES).index(stage) % len(ERRORS)]
    made = Failing(error, getattr(owner, name), always)
    # A plain function, so that it becomes a method where it stands for one.
    patch.setattr(owner, name, lambda *arguments, **named: made(*arguments, **named))
    return made


class Client:
    """Asks a workshop in this process, as the worker does."""

    def __init__(self, library: Path, files: Path) -> None:
        self.workshop, self.library, self.files = Workshop(), library, files
        self.told: list[Event] = []

    def segment(self, output: Path, **more: Any) -> Result | Fault:
        names = {"folder": str(self.library), "image": str(self.files / "image0.nrrd"), "output": str(output)}
        region = [0, 48, 0, 48, 5, 7]
        wanted = {"id": "1", "do": "segment", "with": names | {"preset": "fast", "device": "cpu", "roi": region} | more}
        self.told = []
        try:
            return Result("1", self.workshop.do(Task(request_of(wanted), self.told.append)))
        except (MemoryError, RuntimeError, InputError) as error:
            return fault_of(error, "1")

    @property
    def stages(self) -> list[str]:
        return [event.stage for event in self.told if isinstance(event, Progress)]


@pytest.fixture(scope="module")
def client(library: Path, files: Path) -> Client:
    return Client(library, files)


@pytest.fixture(scope="module")
def plain(client: Client, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    output = tmp_path_factory.mktemp("plain") / "out.seg.nrrd"
    result = client.segment(output)
    assert isinstance(result, Result) and result.result["report"]["less_memory"] == ()
    return read_segmentation(output).labelmap()


@pytest.mark.parametrize("stage", [stage for stage, (_, _, again) in STAGES.items() if again])
def test_a_run_goes_on_with_less_and_says_so(
    stage: str, client: Client, plain: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRIEVALSAM_CACHE", str(tmp_path / "user"))  # nothing is known from a run before
    made = failing(monkeypatch, stage, always=False)
    result = client.segment(tmp_path / "out.seg.nrrd")
    assert made.calls > 1
    assert isinstance(result, Result) and result.result["report"]["less_memory"] == LESS
    assert "trying again with less memory" in client.stages
    found = read_segmentation(tmp_path / "out.seg.nrrd").labelmap()
    assert plain.any() and np.mean(found != plain) <= 1e-4


@pytest.mark.parametrize(
    "stage", ["reading the volume", "loading the networks", "comparing slices", "attending", "writing the result"]
)
def test_where_it_never_suffices_words_say_what_to_do_and_nothing_is_left(
    stage: str, client: Client, plain: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        if stage == "loading the networks":
            client.workshop = Workshop()
        failing(patch, stage, always=True)
        fault = client.segment(tmp_path / "out.seg.nrrd")
    assert isinstance(fault, Fault) and (fault.code, fault.details) == ("memory", "")
    assert "region of interest" in fault.remedy and "segments" in fault.remedy
    assert list(tmp_path.iterdir()) == []
    if stage == "attending":  # one of them stands for all: what is kept of the failed run is none of its tensors
        assert isinstance(client.segment(tmp_path / "out.seg.nrrd"), Result)
        np.testing.assert_array_equal(read_segmentation(tmp_path / "out.seg.nrrd").labelmap(), plain)


@pytest.fixture
def at_512(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Memory that suffices for an image of 256 pixels a side and for no larger one; the sizes that were tried."""
    tried: list[int] = []
    encode = Sam2Engine.encode_images

    def small_only(self: Sam2Engine, images: torch.Tensor) -> Any:
        tried.append(images.shape[-1])
        if images.shape[-1] > 256:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return encode(self, images)

    monkeypatch.setattr(Sam2Engine, "encode_images", small_only)
    yield tried


@pytest.mark.parametrize("name", ["fast", "fate-sam"])
def test_a_smaller_image_comes_last_and_only_where_the_caller_allows_it(
    name: str, at_512: list[int], library: Path
) -> None:
    models = Models(random_segmenter(image_size=512), build_encoder())
    cases = SupportLibrary.open(library).cases()
    target = subject(0)[0]
    region = (0, 48, 0, 48, 5, 7)
    with pytest.raises(NotEnoughMemoryError, match="not enough of it for this run.*smaller model or image size"):
        segment_volume(target, cases, models, preset(name), RunOptions(roi=region))
    assert set(at_512) == {512}
    report = segment_volume(target, cases, models, preset(name), RunOptions(roi=region, least_image_size=256)).report
    assert set(at_512) == {512, 256} and report.model.image_size == 256
    assert report.less_memory == (*(LESS if name == "fast" else ()), "image-size-256")
    own = random_segmenter(image_size=256)
    direct = segment_volume(target, cases, Models(own, models.encoder), preset(name), RunOptions(roi=region)).report
    assert direct.model == report.model
    for one, other in zip(direct.segments, report.segments, strict=True):
        assert (one.name, one.value, one.volume_mm3) == (other.name, other.value, other.volume_mm3)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-3)  # segments alone, and two in a batch


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to give memory back")
def test_freed_memory_goes_back_to_the_system() -> None:
    process = psutil.Process()
    blocks = [np.ones(12_500) for _ in range(2_000)]  # 100 kB each: from the heap
    held = process.memory_info().rss
    last = blocks[-1]  # nothing below it can be given back by shrinking the heap
    del blocks
    give_back_freed()
    assert process.memory_info().rss < held - 100e6 and last.any()
