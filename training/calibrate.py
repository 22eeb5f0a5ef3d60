"""What confidence is worked out with: fitted to the tune cases, so that it is the Dice that a slice may expect.

    python -m training.calibrate --data DATA --pairs FILE.jsonl [--collect NAME ...] [--fit]
    python -m training.calibrate --pairs FILE.jsonl --across

Collecting segments volumes whose truth is known and keeps, for every segment on every slice, what speaks for its mask
and how good it is. Sources: the splits of the role ``tune`` (`msd_hippocampus`, `openkbp_hn_ct`), the tune hippocampi
with one case each as library (`one-case`), two fetal brains with two others as library (`fetal_brain_sba`), and made-up
hearts and trunks (`training.lookalikes`). Volumes that the file has are not segmented again; the file knows nothing of
the code, so begin another one after a change of that.

``--fit`` writes `RetrievalSAMLib/models/bundled/confidence.json`: two logistic curves (Cox 1958, with fractions as the
answer: Papke and Wooldridge 1996), one for slices where the segment was found, one for the others. Sets count by the
square root of their pairs. ``--across`` fits without each set in turn and measures on that one.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from scipy.optimize import minimize

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.run import segmented_target
from RetrievalSAMLib.segmentation.settings.confidence_curves import Calibration, Curve, Evidence, Term
from RetrievalSAMLib.segmentation.settings.options import Models, RunOptions
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.segmentation.steps.describe import describe
from RetrievalSAMLib.segmentation.steps.inputs import RunInputs
from RetrievalSAMLib.segmentation.steps.report import evidence_of_masks
from RetrievalSAMLib.segmentation.steps.retrieve import retrieve
from RetrievalSAMLib.segmentation.steps.side_outputs import side_outputs
from RetrievalSAMLib.volumes.overlap import dice
from training import lookalikes
from training.confidence_plots import BAD, auroc, spearman
from training.judge import SPLITS, bundled_models, load_case
from training.records import Record, Records, read_records

OUTPUT = Path(__file__).parent.parent / "RetrievalSAMLib" / "models" / "bundled" / "confidence.json"

SOURCES = (
    "msd_hippocampus",
    "openkbp_hn_ct",
    "one-case",
    "fetal_brain_sba",
    "hearts-1",
    "hearts-2",
    "hearts-3",
    "trunks-1",
    "trunks-2",
)

PARTS = ("source", "target", "supports", "weights")

_PENALTY = 1e-3
"""On the squares of weights, each for a value of standard deviation 1."""


def pairs_of(target: MemoryCase, cases: Sequence[MemoryCase], models: Models) -> list[Record]:
    """Segment a volume: a record for every segment on every slice.

    Returns:
        ``segment``, ``slice`` (index in the file), ``found``, ``true`` (whether the truth has it there), ``values`` (of
        `Evidence`) and ``dice``.
    """
    inputs = RunInputs.of(target.image, cases, models, preset("default"), RunOptions())
    with torch.inference_mode(), side_outputs(inputs, inputs.content_keys()) as outputs:
        described = describe(inputs)
        segmented = segmented_target(inputs, described, retrieve(inputs, described), outputs)
        evidence_of = evidence_of_masks(inputs, segmented)
    frame = inputs.target.frame
    known = set(target.segmentation.names)
    pairs = []
    for n, segment in enumerate(inputs.segments):
        found = segmented.canvas.mask(n, slice(None))
        true = (
            frame.to_slices(target.segmentation.mask(segment.name)) if segment.name in known else np.zeros_like(found)
        )
        for index, evidence in evidence_of[n].items():
            pairs.append(
                {
                    "segment": segment.name,
                    "slice": frame.file_index(index),
                    "found": evidence.found,
                    "true": bool(true[index].any()),
                    "values": dict(evidence.values),
                    "dice": dice(found[index], true[index]),
                }
            )
    return pairs


def splits(source: str, data: Path) -> Iterator[tuple[list[MemoryCase], MemoryCase]]:
    """Cases and target of one of `SOURCES`."""
    kind, _, seed = source.rpartition("-")
    if kind in ("hearts", "trunks"):
        yield from lookalikes.splits(kind, int(seed))
        return
    if source == "fetal_brain_sba":
        names = sorted(path.name.removesuffix("_image.nii.gz") for path in (data / source).glob("*_image.nii.gz"))
        brains = [load_case(data, source, name, {}) for name in names[:4]]
        yield from ((brains[2:], target) for target in brains[:2])
        return
    group = "msd_hippocampus" if source == "one-case" else source
    content = json.loads(SPLITS.read_text(encoding="utf-8"))
    load = functools.lru_cache(maxsize=16)(lambda name: load_case(data, group, name, content["names"].get(group, {})))
    for split in content["splits"]["tune"][group]:
        if source != "one-case":
            yield from (([load(name) for name in split["supports"]], load(target)) for target in split["targets"])
            continue
        names = [*split["supports"], *split["targets"]]
        yield from (([load(other)], load(name)) for name, other in zip(names, names[1:] + names[:1], strict=True))


def collect(sources: Sequence[str], data: Path, pairs: Path) -> None:
    """Segment what the file does not have yet."""
    models = bundled_models()
    records = Records(pairs, PARTS)
    for source in sources:
        for cases, target in splits(source, data):
            record: Record = {
                "source": source,
                "target": target.name,
                "supports": [case.name for case in cases],
                "weights": {"segmenter": models.segmenter.sha256, "encoder": models.encoder.sha256},
            }
            if records.find(record) is None:
                records.append({**record, "pairs": pairs_of(target, cases, models)})
                print(source, target.name, flush=True)


def flat(records: Sequence[Record]) -> list[Record]:
    """The pairs of all records, each with its ``set``: the source without the number of a cohort."""
    return [
        {**pair, "set": r["source"].rstrip("-0123456789"), "target": r["target"]}
        for r in records
        for pair in r["pairs"]
    ]


def fit_curve(pairs: Sequence[Record]) -> Curve:
    """The curve that makes the Dice of some pairs most likely.

    Args:
        pairs: With the same values.
    """
    names = list(pairs[0]["values"])
    known = {name: [p["values"][name] for p in pairs if p["values"][name] is not None] for name in names}
    mean = {name: float(np.mean(values)) for name, values in known.items()}
    values = np.array(
        [[0.0 if (v := p["values"][name]) is None else v - mean[name] for name in names] for p in pairs], dtype=float
    )
    scale = values.std(axis=0) + 1e-9
    answers = np.array([p["dice"] for p in pairs])
    groups = [p["set"] for p in pairs]
    weight = np.array([groups.count(group) ** -0.5 for group in dict.fromkeys(groups)])
    weights = weight[[list(dict.fromkeys(groups)).index(group) for group in groups]]
    weights = weights / weights.sum()

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        odds = parameters[0] + values / scale @ parameters[1:]
        # -log of the sigmoid and of its complement, which do not overflow.
        cost = answers * np.logaddexp(0, -odds) + (1 - answers) * np.logaddexp(0, odds)
        error = weights * (1 / (1 + np.exp(-odds)) - answers)
        slope = np.concatenate([[error.sum()], (values / scale).T @ error + 2 * _PENALTY * parameters[1:]])
        return float(weights @ cost + _PENALTY * (parameters[1:] ** 2).sum()), slope

    best = minimize(loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B").x
    return Curve(
        round(float(best[0]), 4),
        {
            name: Term(round(float(weight), 4), round(mean[name], 4))
            for name, weight in zip(names, best[1:] / scale, strict=True)
        },
    )


def fit(pairs: Sequence[Record], segmenter: str) -> Calibration:
    """Both curves.

    Args:
        pairs: Of `flat`.
        segmenter: SHA-256 of the weights that made the masks.
    """
    groups = [pair["set"] for pair in pairs]
    return Calibration(
        segmenter=segmenter,
        found=fit_curve([pair for pair in pairs if pair["found"]]),
        absent=fit_curve([pair for pair in pairs if not pair["found"]]),
        fitted_on={group: groups.count(group) for group in dict.fromkeys(groups)},
    )


def told(pairs: Sequence[Record], calibration: Calibration) -> str:
    """How well confidence tells Dice, over the pairs in which truth or result is not empty."""
    shown = [pair for pair in pairs if pair["found"] or pair["true"]]
    confidence = np.array([calibration.expected(Evidence(pair["found"], pair["values"])) for pair in shown])
    true = np.array([pair["dice"] for pair in shown])
    return (
        f"| {len(shown)} | {spearman(confidence, true):.2f} | {auroc(confidence, true < BAD):.2f} "
        f"| {confidence.mean():.2f} | {true.mean():.2f} |"
    )


def across(pairs: Sequence[Record]) -> Iterator[str]:
    """A table in Markdown: each set by a fit to the others, and by a fit to all."""
    yield "| set | fitted on | pairs | Spearman | AUROC | mean confidence | mean Dice |"
    yield "|---" * 7 + "|"
    everything = fit(pairs, "")
    for group in dict.fromkeys(pair["set"] for pair in pairs):
        own = [pair for pair in pairs if pair["set"] == group]
        fits: dict[str, Callable[[], Calibration]] = {
            "the others": lambda group=group: fit([pair for pair in pairs if pair["set"] != group], ""),  # type: ignore[misc]
            "all": lambda: everything,
        }
        for name, make in fits.items():
            yield f"| {group} | {name} {told(own, make())}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with one folder a set; needed to collect")
    parser.add_argument("--pairs", type=Path, required=True, help="file that pairs are kept in (JSON lines)")
    parser.add_argument("--collect", nargs="*", choices=SOURCES, help="what to segment; all without a name")
    parser.add_argument("--fit", action="store_true", help="write the package's calibration")
    parser.add_argument("--across", action="store_true", help="fit without each set in turn, and measure there")
    options = parser.parse_args(arguments)
    if options.collect is not None:
        if options.data is None:
            parser.error("--collect needs --data")
        collect(options.collect or SOURCES, options.data, options.pairs)
    if not (options.fit or options.across):
        return
    records = read_records([options.pairs], PARTS)
    if not records:
        parser.error(f"{options.pairs} has no pairs: collect them first")
    pairs = flat(records)
    if options.across:
        print("\n".join(across(pairs)))
    if options.fit:
        segmenters = {record["weights"]["segmenter"] for record in records}
        if len(segmenters) != 1:
            parser.error(f"{options.pairs} has pairs of {len(segmenters)} models: begin another file")
        calibration = fit(pairs, segmenters.pop())
        OUTPUT.write_bytes(msgspec.json.format(msgspec.json.encode(calibration), indent=1) + b"\n")
        print(f"{OUTPUT.name}: fitted on {calibration.fitted_on}")


if __name__ == "__main__":
    main()
