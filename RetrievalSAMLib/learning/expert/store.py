"""An expert as files of its library: plain numbers and JSON, checked; nothing in them can run."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError

from ...errors import DamagedLibraryError, InputError
from ...json_files import JsonError, decode_json
from ...library.store import SupportLibrary
from ..network.build import HINTED, IMAGE, build_networks, set_weights, weights_of
from ..network.plan import NetworkPlan
from ..proof.weights import SegmentProof
from .opinion import Expert

FORMAT_VERSION = 5
_MOST_MEMBERS, _MOST_SEGMENTS = 16, 4096

_LOG = logging.getLogger(__name__)


class LearnedCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A case that an expert has learned from.

    Attributes:
        content: Key of image, masks and annotated slices (`content_key`).
        image: Hash of its image: the same after a correction of its masks.
        fold: Number of the member that has not seen it.
    """

    content: str
    image: str
    fold: int


class ExpertRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about an expert but its weights.

    Attributes:
        format_version: Of this file.
        program: Version that made it.
        weights: SHA-256 of the file with the weights.
        plane: In which it sees volumes.
        preset: Of the runs on which it was proven.
        segmenter: SHA-256 of the weights of the segmenter of these runs.
        plan: Shape of the networks.
        kinds: Of networks that every member has (`network.build`).
        segments: Names and values, in the order of the outputs.
        cases: That it has learned from.
        members: Images (`LearnedCase.image`) that each member has ever seen, also in earlier trainings.
        steps: Of training, of each member, all together.
        seed: Of the training.
        proofs: By segment.
    """

    format_version: int
    program: str
    weights: str
    plane: str
    preset: str
    segmenter: str
    plan: NetworkPlan
    kinds: tuple[str, ...]
    segments: tuple[tuple[str, int], ...]
    cases: tuple[LearnedCase, ...]
    members: tuple[tuple[str, ...], ...]
    steps: int
    seed: int
    proofs: tuple[SegmentProof, ...]


@dataclass(frozen=True)
class StoredExpert:
    """An expert and what is said of it."""

    record: ExpertRecord
    expert: Expert


def read_record(library: SupportLibrary) -> ExpertRecord | None:
    """What a library's expert is; None where there is none.

    Raises:
        DamagedLibraryError: Its files are not what was written.
        InputError: It is of another format, or no expert.
    """
    content = library.learned.description()
    if content is None:
        return None
    name = str(library.learned.folder)
    try:
        version = decode_json(content, _Version).format_version
        if version > FORMAT_VERSION:
            raise InputError(name, f"the expert is of the newer format {version}", "Update RetrievalSAM.")
        if version < FORMAT_VERSION:
            raise InputError(name, f"the expert is of the older format {version}", "Let the library learn again.")
        record = decode_json(content, ExpertRecord)
    except JsonError as error:
        raise InputError(name, f"this is no expert ({error})", "Let the library learn again.") from error
    _check(record, name)
    return record


class _Version(msgspec.Struct, frozen=True):
    format_version: int


def read_expert(library: SupportLibrary, device: str = "cpu") -> StoredExpert | None:
    """The expert of a library; None where there is none.

    Raises:
        DamagedLibraryError: Its files are not what was written.
        InputError: It is of another format, or no expert.
    """
    record = read_record(library)
    if record is None:
        return None
    try:
        content = library.learned.weights(record.weights)
    except DamagedLibraryError:
        # Another program may have replaced it between the two.
        newer = read_record(library)
        if newer is None or newer == record:
            raise
        record, content = newer, library.learned.weights(newer.weights)
    members = _members(record, content, str(library.learned.weights_path(record.weights)), device)
    return StoredExpert(record, Expert(record.plan, record.segments, members))


def encode_expert(expert: Expert) -> bytes:
    """Weights of all members in safetensors' format; the same weights give the same bytes."""
    tensors = {
        f"{number}/{name}": tensor.cpu().contiguous()
        for number, member in enumerate(expert.members)
        for name, tensor in weights_of(member).items()
    }
    return safetensors.torch.save(tensors)


def weights_hash(content: bytes) -> str:
    """SHA-256 of what `encode_expert` gave."""
    return hashlib.sha256(content).hexdigest()


def write_expert(library: SupportLibrary, record: ExpertRecord, content: bytes) -> None:
    """Put an expert in the place of the library's.

    Raises:
        InputError: Another program keeps writing to the library, or the disk cannot be written.
    """
    library.learned.replace(msgspec.json.format(msgspec.json.encode(record), indent=1), content)


def _check(record: ExpertRecord, name: str) -> None:
    """Refuse a description of a network that nobody would train, before anything is built from it."""
    plan = record.plan
    levels = len(plan.kernels)
    sound = (
        1 <= len(record.members) <= _MOST_MEMBERS
        and 1 <= len(record.segments) <= _MOST_SEGMENTS
        and record.kinds in ((IMAGE, HINTED), (IMAGE,), (HINTED,))
        and 2 <= levels <= 6
        and levels == len(plan.strides) == len(plan.channels)
        and all(1 <= width <= 1024 for width in plan.channels)
        and all(k in (1, 3) for kernel in plan.kernels for k in kernel)
        and all(s in (1, 2) for stride in plan.strides for s in stride)
        and all(1 <= side <= 512 and side % pooled == 0 for side, pooled in zip(plan.patch, plan.pooled, strict=True))
        and all(0.01 <= mm <= 100 for mm in plan.spacing_mm)
        and all(case.fold >= 0 for case in record.cases)
        and all(0 <= proof.hinted_weight <= proof.weight <= 1 for proof in record.proofs)
        and all(kind in record.kinds for p in record.proofs for kind, weight in p.trust.by_kind.items() if weight)
    )
    if not sound:
        raise InputError(name, "its network has impossible sizes", "Let the library learn again.")


def _members(record: ExpertRecord, content: bytes, name: str, device: str) -> tuple[torch.nn.ModuleDict, ...]:
    remedy = "Let the library learn again."
    try:
        tensors = safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise InputError(name, f"these are no weights ({error})", remedy) from error
    members = []
    for number in range(len(record.members)):
        networks = build_networks(record.plan, len(record.segments), record.kinds)
        try:
            set_weights(networks, _of_member(tensors, number))
        except ValueError as error:
            raise InputError(name, str(error), remedy) from error
        members.append(networks.to(device).eval())
    return tuple(members)


def _of_member(tensors: Mapping[str, torch.Tensor], number: int) -> dict[str, torch.Tensor]:
    prefix = f"{number}/"
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def learned_from(record: ExpertRecord, contents: Sequence[str]) -> int:
    """How many of the cases of an expert a library still has.

    Args:
        record: Of the expert.
        contents: Keys of the library's cases (`content_key`).
    """
    return len({case.content for case in record.cases} & set(contents))
