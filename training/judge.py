"""Whole-volume Dice on real volumes, beside the copy baselines, with fixed supports and targets.

    python -m training.judge --data DATA [--role judge|tune] [--set msd_hippocampus] [--json FILE]

Which cases are supports and which are targets stands in splits.json; it was fixed before anything was measured.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from RetrievalSAMLib.evaluation.metrics import evaluate
from RetrievalSAMLib.models.build import build_encoder, build_segmenter
from RetrievalSAMLib.retrieval.embedding import SliceEmbedder
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.pipeline import Models, segment_volume
from RetrievalSAMLib.segmentation.presets import preset
from RetrievalSAMLib.volumes import Segmentation, read_segmentation, read_volume
from training.baselines import copy_case, copy_slices

SPLITS = Path(__file__).parent / "splits.json"


def load_case(data: Path, group: str, name: str, names: dict[str, str]) -> MemoryCase:
    """One case of a set, its segments named."""
    segmentation = read_segmentation(data / group / f"{name}_label.nii.gz")
    segments = tuple(replace(s, name=names.get(str(s.value), s.name)) for s in segmentation.segments)
    image = read_volume(data / group / f"{name}_image.nii.gz")
    return MemoryCase(name, image, replace(segmentation, segments=segments))


def interval(values: list[float], draws: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over targets."""
    generator = np.random.default_rng(0)
    sample = generator.choice(np.array(values), size=(draws, len(values)))
    low, high = np.percentile(sample.mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def scores(found: Segmentation, truth: Segmentation) -> dict[str, float]:
    """Dice by segment."""
    return {s.name: s.dice for s in evaluate(found, truth)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--role", choices=("judge", "tune"), default="judge")
    parser.add_argument("--set", action="append", dest="sets", help="one set, may be given several times; default all")
    parser.add_argument("--preset", default="default")
    parser.add_argument(
        "--change",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the preset to change",
    )
    parser.add_argument("--targets", type=int, help="only the first so many targets of a split (for a quick look)")
    parser.add_argument("--no-baselines", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    content = json.loads(SPLITS.read_text())
    changes = {name: json.loads(value) for name, value in (text.split("=") for text in arguments.change)}
    settings = replace(preset(arguments.preset), **changes)
    models = Models(build_segmenter(), build_encoder())
    embedder = SliceEmbedder(models.encoder)
    result = {}
    for group, splits in content["splits"][arguments.role].items():
        if arguments.sets and group not in arguments.sets:
            continue
        rows: dict[str, dict[str, list[float]]] = {}
        seconds = []
        for split in splits:
            cases = [load_case(arguments.data, group, name, content["names"][group]) for name in split["supports"]]
            for name in split["targets"][: arguments.targets]:
                target = load_case(arguments.data, group, name, content["names"][group])
                began = time.perf_counter()
                methods = {arguments.preset: segment_volume(target.image, cases, models, settings).segmentation}
                seconds.append(time.perf_counter() - began)
                if not arguments.no_baselines:
                    methods["slice copy"] = copy_slices(target.image, cases, embedder, settings)
                    methods["case copy"] = copy_case(target.image, cases)
                for method, found in methods.items():
                    for segment, dice in scores(found, target.segmentation).items():
                        rows.setdefault(method, {}).setdefault(segment, []).append(dice)
        result[group] = {"dice": rows, "seconds_per_volume": seconds}
        print(f"\n{group}: {len(seconds)} targets, {np.mean(seconds):.1f} s a volume")
        for method, by_segment in rows.items():
            cells = []
            for segment, values in by_segment.items():
                low, high = interval(values)
                cells.append(f"{segment} {np.mean(values):.3f} [{low:.3f}, {high:.3f}]")
            print(
                f"  {method:<11} mean {np.mean([np.mean(v) for v in by_segment.values()]):.3f}   {'   '.join(cells)}",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps({"settings": settings.as_report(), "sets": result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
