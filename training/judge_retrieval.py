"""How well retrieval finds slices whose masks resemble those of a query slice, on real volumes.

    python -m training.judge_retrieval --data DATA [--role judge|tune] [--set msd_hippocampus] [--targets N]
        [--segmenter FILE] [--json FILE]

Supports and targets are those of splits.json. Every slice of a target that holds a segment asks, and all slices of the
split's support cases are candidates, whatever they hold: the product's choice among slices that hold the segment is
left out, because it draws on the supports' masks and would hide what the encoder does. A candidate's worth is the Dice
of its mask with the query's true one, both as the segmenter would get them: through the window that shows the target's
whole slice, laid over the candidate by the run's alignment by images (centre on centre where that fails, and
everywhere with ``--alignment off``). The mean is taken over the query's segments, over the k slices retrieved (k is the
default preset's), over the queries of a target, over the targets of a set.

Compared, all among the same candidates:

- ``random``: the mean over all candidates, which is what k drawn blindly are worth on average;
- ``oracle``: the k candidates worth most to the query;
- ``embedding``: the encoder alone; it sees whole slices as they are, aligned or not;
- ``position``: the place along the stack alone, measured by the alignment where there is one;
- ``product``: both, weighted and limited to a part from each case as in the default preset, and only from the cases
  that a run would draw on: those that could be aligned, if they are enough;
- ``SAM 2 features``: the preset fate-sam's distance between image features of the segmenter, through the same windows
  as the masks;
- ``features and place``: these features, scaled to 0 for the least and 1 for the most similar candidate of a query, and
  the place, weighted as in the default preset: what a run without the encoder could do;
- ``raw pixels``: correlation of the same views averaged to 16 x 16 pixels.

"Part of the way" is (value - random) / (oracle - random) of a set's means; intervals are bootstrapped over targets.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from RetrievalSAMLib.alignment import Alignment
from RetrievalSAMLib.models.build import build_encoder, build_segmenter
from RetrievalSAMLib.models.window import Seen, Window
from RetrievalSAMLib.retrieval.embedding import SliceEmbedder
from RetrievalSAMLib.retrieval.evidence import CaseEvidence, CaseSlices, MemoryCase
from RetrievalSAMLib.retrieval.gathering import EvidenceSource
from RetrievalSAMLib.retrieval.index import SupportIndex
from RetrievalSAMLib.segmentation.engines.interface import ImageFeatures
from RetrievalSAMLib.segmentation.memory.support_memories import mask_to_input
from RetrievalSAMLib.segmentation.published.fate_sam import feature_distance
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings.presets import Settings, preset
from RetrievalSAMLib.segmentation.spatial_prior.aligned_cases import aligned_by_image, centred_cases, slice_depths_mm
from RetrievalSAMLib.segmentation.spatial_prior.crops import seen_in_case
from RetrievalSAMLib.volumes import Plane, SliceStack, read_segmentation, read_volume

SPLITS = Path(__file__).parent / "splits.json"
METHODS = ("random", "oracle", "embedding", "position", "product", "SAM 2 features", "features and place", "raw pixels")

_MASK_PIXELS = 128
_PICTURE_PIXELS = 16
_IMAGES_AT_ONCE = 8
_DRAWS = 2000
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Library:
    """The support cases of a split, in the order in which a run has them.

    Attributes:
        slices: By case.
        evidence: By case.
    """

    slices: Sequence[CaseSlices]
    evidence: Sequence[CaseEvidence]

    @classmethod
    def load(cls, cases: Sequence[MemoryCase], plane: Plane, embedder: SliceEmbedder, cache: Path | None) -> Library:
        """Slice and embed the cases; with a cache, a case that is a support of several splits is embedded once."""
        ordered = sorted(cases, key=lambda case: (case.content_hash, case.name))
        slices = [CaseSlices.load(case, plane) for case in ordered]
        source = EvidenceSource(plane, embedder, cache)
        evidence = [source.of(case, loaded) for case, loaded in zip(ordered, slices, strict=True)]
        return cls(slices, evidence)

    @property
    def values(self) -> tuple[int, ...]:
        """The segments of any case."""
        return tuple(sorted({value for case in self.slices for value in case.labels}))

    @property
    def entries(self) -> list[tuple[int, int]]:
        """(case, slice) of every candidate, in the order of `SupportIndex`."""
        return [(number, index) for number, case in enumerate(self.slices) for index in range(len(case.stack))]


@dataclass(frozen=True)
class Scene:
    """A target before its library.

    Attributes:
        target: Its slices.
        library: What is searched.
        queries: int (q,), the target's slices that hold a segment.
        window: Shows the whole slice of the target.
        seen: By candidate, the same window as it lies there.
        drawn_on: Numbers of the cases from which a run would choose.
        aligned: Whether these could be aligned; otherwise all are centre on centre.
        positions: By case, place of its slices along the target's stack, as good as it is known.
        worth: float64 (q, candidates), Dice of a candidate's mask with the query's, mean over the query's segments.
    """

    target: CaseSlices
    library: Library
    queries: np.ndarray
    window: Window
    seen: Sequence[Seen]
    drawn_on: Sequence[int]
    aligned: bool
    positions: Sequence[np.ndarray]
    worth: np.ndarray

    @classmethod
    def of(cls, target: CaseSlices, library: Library, alignment: bool) -> Scene:
        """Lay the library over a target: aligned as in a run, or centre on centre.

        A run aligns the cases that retrieval names most often, more of them (``aligned_cases``) than the splits have.

        Raises:
            ValueError: A case does not have all segments of the target in all its slices. In a run it has no say on
                such a segment; here it would count as one that shows its absence.
        """
        stack, values = target.stack, tuple(target.labels)
        if not all(value in case.labels and case.annotated[value].all() for case in library.slices for value in values):
            raise ValueError("every support case must be annotated for every segment of the target, in all slices")
        numbers = range(len(library.slices))
        drawn = everyone = centred_cases(library.evidence, numbers, stack)
        if alignment:
            load = library.slices.__getitem__
            drawn = aligned_by_image(numbers, load, stack, library.values, lambda done, total: None)
        alignments = {**everyone.alignments, **drawn.alignments}
        window = Window.around(stack) if drawn.place else _window_for_all(stack, library, alignments)
        depths = [slice_depths_mm(case) for case in library.evidence]
        seen = [seen_in_case(window, alignments[case], float(depths[case][n])) for case, n in library.entries]
        places = dict(zip(sorted(drawn.alignments), drawn.positions(library.evidence, stack), strict=True))
        positions = [places.get(number, case.position) for number, case in enumerate(library.evidence)]
        holding = [any(target.mask(value, i).any() for value in values) for i in range(len(stack))]
        queries = np.flatnonzero(holding)
        asked = [_seen_masks(target, int(i), values, window) for i in queries]
        offered = [
            _seen_masks(library.slices[case], number, values, view)
            for (case, number), view in zip(library.entries, seen, strict=True)
        ]
        worth = mean_dice(asked, offered, values)
        drawn_on, aligned = sorted(drawn.alignments), drawn.place is not None
        return cls(target, library, queries, window, seen, drawn_on, aligned, positions, worth)


def _window_for_all(stack: SliceStack, library: Library, alignments: Mapping[int, Alignment]) -> Window:
    """Large enough for whole slices of the target and of all cases."""
    sides = [max(stack.extent_mm)]
    for number, case in enumerate(library.evidence):
        sides.append(float((case.extent_mm / alignments[number].matrix.diagonal())[1:].max()))
    return Window.around(stack, max(sides))


def _seen_masks(slices: CaseSlices, index: int, values: Sequence[int], window: Seen) -> dict[int, np.ndarray]:
    """Of the segments that a slice holds, the masks through a window, float32 (128 * 128,) in {0, 1}."""
    masks = {value: slices.mask(value, index) for value in values}
    spacing = slices.stack.spacing_mm
    return {
        value: mask_to_input(mask, window, spacing, _MASK_PIXELS).flatten().numpy()
        for value, mask in masks.items()
        if mask.any()
    }


def mean_dice(
    asked: Sequence[Mapping[int, np.ndarray]], offered: Sequence[Mapping[int, np.ndarray]], values: Sequence[int]
) -> np.ndarray:
    """Dice of every candidate's masks with every query's, mean over the segments that the query holds.

    Args:
        asked: By query, the masks (p,) in {0, 1} of the segments that it holds.
        offered: Likewise by candidate.
        values: The segments.

    Returns:
        float64 (queries, candidates).
    """
    total, held = np.zeros((len(asked), len(offered))), np.zeros(len(asked))
    for value in values:
        rows = [n for n, masks in enumerate(asked) if value in masks]
        held[rows] += 1
        columns = [n for n, masks in enumerate(offered) if value in masks]
        if rows and columns:
            one = np.stack([asked[n][value] for n in rows])
            other = np.stack([offered[n][value] for n in columns])
            sizes = one.sum(axis=1)[:, None] + other.sum(axis=1)
            # A mask that lies outside the window has no pixel; with an empty one of the other slice, neither shows it.
            total[np.ix_(rows, columns)] += 2 * (one @ other.T) / np.maximum(sizes, 1)
    worth: np.ndarray = total / held[:, None]
    return worth


def values_of(scene: Scene, settings: Settings, embedder: SliceEmbedder, engine: Sam2Engine) -> dict[str, float]:
    """What each way of retrieval is worth to a target: mean over its queries.

    Args:
        scene: The target before its library.
        settings: k, and how a run ranks and chooses.
        embedder: The encoder.
        engine: The segmenter, for its image features.
    """
    embeddings = embedder.embed(scene.target.stack)
    features, pixels = similarity_of_views(scene, engine)
    orders = {
        "oracle": order_of(scene.worth),
        "embedding": joint_order(scene, embeddings, 0.0),
        "position": joint_order(scene, embeddings, 1.0),
        "SAM 2 features": order_of(features),
        "features and place": order_of(with_place(scene, embeddings, features, settings.position_weight)),
        "raw pixels": order_of(pixels),
    }
    found = {name: worth_of(scene, order[:, : settings.supports]) for name, order in orders.items()}
    found["product"] = worth_of(scene, chosen_by_run(scene, embeddings, settings))
    found["random"] = float(scene.worth.mean())
    return {method: found[method] for method in METHODS}


def worth_of(scene: Scene, chosen: Sequence[Sequence[int]] | np.ndarray) -> float:
    """Mean worth of the candidates chosen for each query."""
    return float(np.mean([row[list(own)].mean() for row, own in zip(scene.worth, chosen, strict=True)]))


def order_of(similarity: np.ndarray) -> np.ndarray:
    """Candidates by falling similarity; equal ones in the order of the index."""
    return np.argsort(-similarity, axis=1, kind="stable")


def joint_order(scene: Scene, embeddings: np.ndarray, position_weight: float) -> np.ndarray:
    """Candidates by embedding and place as a run ranks them, int (q, candidates).

    Args:
        scene: The target before its library.
        embeddings: float32 (n, d), of all slices of the target.
        position_weight: Part of the place in the similarity.
    """
    return order_of(_compared(scene, embeddings, position_weight, range(len(scene.library.slices)))[1])


def with_place(scene: Scene, embeddings: np.ndarray, features: np.ndarray, position_weight: float) -> np.ndarray:
    """Similarity of features joined with nearness along the stack, float (q, candidates).

    Args:
        scene: The target before its library.
        embeddings: float32 (n, d), of all slices of the target; they have no say.
        features: float (q, candidates), on any scale.
        position_weight: Part of the place.
    """
    low, high = features.min(axis=1, keepdims=True), features.max(axis=1, keepdims=True)
    scaled = (features - low) / np.maximum(high - low, _ROUNDING)
    place = _compared(scene, embeddings, 1.0, range(len(scene.library.slices)))[1]
    joined: np.ndarray = (1 - position_weight) * scaled + position_weight * place
    return joined


def chosen_by_run(scene: Scene, embeddings: np.ndarray, settings: Settings) -> list[list[int]]:
    """By query, the candidates that a run would choose, were it not to look at what they hold."""
    index, similarity = _compared(scene, embeddings, settings.position_weight, scene.drawn_on)
    place = {entry: n for n, entry in enumerate(scene.library.entries)}
    # Any segment will do: all are annotated in all slices.
    value = next(iter(scene.target.labels))
    chosen = []
    for row in similarity:
        found = index.choose(row, value, settings.supports, settings.share_per_case, False, settings.voters)
        chosen.append([place[support.case, support.slice] for support in found.numbered(scene.drawn_on).supports])
    return chosen


def _compared(
    scene: Scene, embeddings: np.ndarray, position_weight: float, cases: Sequence[int]
) -> tuple[SupportIndex, np.ndarray]:
    """The index over some cases, and similarities of its entries to the queries, (q, N)."""
    frame = scene.target.stack.frame
    place = np.array([frame.slice_position(int(i)) for i in scene.queries], dtype=np.float32)
    evidence, positions = [scene.library.evidence[n] for n in cases], [scene.positions[n] for n in cases]
    index = SupportIndex(evidence, position_weight, positions)
    return index, index.similarities(embeddings[scene.queries], place)


@torch.inference_mode()
def similarity_of_views(scene: Scene, engine: Sam2Engine) -> tuple[np.ndarray, np.ndarray]:
    """How alike queries and candidates look through the scene's windows: to SAM 2, and pixel by pixel.

    Returns:
        Minus FATE-SAM's distance, and the correlation of blurred views, both float (q, candidates).
    """
    asked = views_of(scene.target.stack, [int(i) for i in scene.queries], scene.window, engine.image_size)
    features = _encoded(engine, asked)
    queries, distances, pictures = _pictures(asked), [], []
    for (case, number), window in zip(scene.library.entries, scene.seen, strict=True):
        view = views_of(scene.library.slices[case].stack, [number], window, engine.image_size)
        distances.append(feature_distance(features, engine.encode_images(view.to(engine.device))).cpu())
        pictures.append(_pictures(view))
    return -torch.stack(distances, dim=1).numpy(), (queries @ torch.cat(pictures).T).numpy()


def views_of(stack: SliceStack, numbers: Sequence[int], window: Seen, size: int) -> torch.Tensor:
    """Slices through a window, float (b, size, size)."""
    slices = torch.from_numpy(np.stack([stack.image(number) for number in numbers]))
    return window.to_input(slices, stack.spacing_mm, size)


def _encoded(engine: Sam2Engine, images: torch.Tensor) -> ImageFeatures:
    parts = [engine.encode_images(part.to(engine.device)) for part in images.split(_IMAGES_AT_ONCE)]
    fine, middle, embedding = (
        torch.cat([getattr(part, level) for part in parts]) for level in ("fine", "middle", "embedding")
    )
    return ImageFeatures(fine, middle, embedding, parts[0].position)


def _pictures(images: torch.Tensor) -> torch.Tensor:
    """Views (b, S, S) averaged to 16 x 16, mean 0 and unit length: their inner product is the correlation."""
    pictures = F.adaptive_avg_pool2d(images[:, None], _PICTURE_PIXELS).flatten(1)
    return F.normalize(pictures - pictures.mean(dim=1, keepdim=True), dim=1)


def part_of_the_way(value: np.ndarray, random: np.ndarray, oracle: np.ndarray) -> np.ndarray:
    """0 where a value is no better than chance, 1 where it is as good as can be; NaN where these are equal."""
    room = oracle - random
    there_is_some = room > _ROUNDING
    part: np.ndarray = np.where(there_is_some, (value - random) / np.where(there_is_some, room, 1), np.nan)
    return part


@dataclass(frozen=True)
class Figure:
    """One method on one set.

    Attributes:
        mean: Over targets.
        interval: 95 % bootstrap interval of the mean.
        part: Part of the way from random to oracle.
        part_interval: 95 % bootstrap interval of it; each draw of targets has its own ends.
    """

    mean: float
    interval: tuple[float, float]
    part: float
    part_interval: tuple[float, float]


def summary(targets: Sequence[Mapping[str, float]]) -> dict[str, Figure]:
    """The figures of a set by method.

    Args:
        targets: By target, the value of each method.
    """
    values = {method: np.array([target[method] for target in targets]) for method in METHODS}
    drawn = np.random.default_rng(0).integers(len(targets), size=(_DRAWS, len(targets)))
    means = {method: own[drawn].mean(axis=1) for method, own in values.items()}
    figures = {}
    for method in METHODS:
        whole = part_of_the_way(*(values[name].mean() for name in (method, "random", "oracle")))
        parts = part_of_the_way(*(means[name] for name in (method, "random", "oracle")))
        figures[method] = Figure(float(values[method].mean()), _middle(means[method]), float(whole), _middle(parts))
    return figures


def _middle(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def table(group: str, targets: Sequence[Mapping[str, float]]) -> str:
    """A set's figures for reading."""
    lines = [f"{group}: {len(targets)} targets", f"  {'':<15} mean Dice              part of the way"]
    for method, figure in summary(targets).items():
        mean = f"{figure.mean:.3f} [{figure.interval[0]:.3f}, {figure.interval[1]:.3f}]"
        part = f"{figure.part:.3f} [{figure.part_interval[0]:.3f}, {figure.part_interval[1]:.3f}]"
        lines.append(f"  {method:<15} {mean}   {part}")
    return "\n".join(lines)


def load_case(data: Path, group: str, name: str) -> MemoryCase:
    """One case of a set."""
    image, labels = (data / group / f"{name}_{kind}.nii.gz" for kind in ("image", "label"))
    return MemoryCase(name, read_volume(image), read_segmentation(labels))


@dataclass(frozen=True)
class Measured:
    """One target.

    Attributes:
        target: Its name.
        supports: The names of its cases.
        aligned: How many of them could be aligned.
        queries: How many slices asked.
        candidates: How many slices could be retrieved.
        values: By method.
    """

    target: str
    supports: tuple[str, ...]
    aligned: int
    queries: int
    candidates: int
    values: dict[str, float]


def measured(
    data: Path,
    group: str,
    splits: Sequence[Mapping[str, Sequence[str]]],
    alignment: bool,
    settings: Settings,
    embedder: SliceEmbedder,
    engine: Sam2Engine,
    targets: int | None = None,
) -> list[Measured]:
    """Targets of a set: all, or the first so many of every split."""
    found = []
    with tempfile.TemporaryDirectory(prefix="retrievalsam-") as cache:
        for split in splits:
            cases = [load_case(data, group, name) for name in split["supports"]]
            for name in split["targets"][:targets]:
                case = load_case(data, group, name)
                library = Library.load(cases, case.plane, embedder, Path(cache))
                scene = Scene.of(CaseSlices.load(case, case.plane), library, alignment)
                values = values_of(scene, settings, embedder, engine)
                aligned = len(scene.drawn_on) if scene.aligned else 0
                sizes = aligned, len(scene.queries), len(scene.seen)
                found.append(Measured(name, tuple(split["supports"]), *sizes, values))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--role", choices=("judge", "tune"), default="judge")
    parser.add_argument("--set", action="append", dest="sets", help="one set, may be given several times; default all")
    parser.add_argument("--alignment", choices=("on", "off"), default="on")
    parser.add_argument(
        "--segmenter", type=Path, help="weights whose features are compared; the shipped ones by default"
    )
    parser.add_argument("--targets", type=int, help="only the first so many of a split")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    content = json.loads(SPLITS.read_text())
    settings = preset("default")
    encoder, segmenter = build_encoder(), build_segmenter(checkpoint=given.segmenter)
    embedder, engine = SliceEmbedder(encoder), Sam2Engine(segmenter.model)
    sets: dict[str, object] = {}
    for group, splits in content["splits"][given.role].items():
        if given.sets and group not in given.sets:
            continue
        began = time.perf_counter()
        found = measured(given.data, group, splits, given.alignment == "on", settings, embedder, engine, given.targets)
        values = [one.values for one in found]
        print(f"\n{table(group, values)}\n  {time.perf_counter() - began:.0f} s", flush=True)
        sets[group] = {
            "targets": [asdict(one) for one in found],
            "summary": {method: asdict(figure) for method, figure in summary(values).items()},
        }
        if given.json:
            report = {
                "role": given.role,
                "alignment": given.alignment,
                "settings": settings.as_report(),
                "encoder": encoder.sha256,
                "segmenter": segmenter.sha256,
                "sets": sets,
            }
            given.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
