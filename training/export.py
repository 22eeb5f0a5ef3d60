"""Put trained weights into the package: half precision, with a manifest that says how they came about.

python -m training.export [--segmenter DIR [DIR ...]] [--encoder DIR [DIR ...]] [--prompts DIR] --name NAME --data DATA

What is not named stays as it is. Decoders of prompts belong to the segmenter that they were trained beside: a new
segmenter without a new one has none. Where training went on from the weights of an earlier run, name the folders of
both, in order.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import timm
import torch

from RetrievalSAMLib.models.build import random_segmenter
from RetrievalSAMLib.models.catalogue import BUNDLED_FOLDER, MANIFEST_NAME, PROMPT_DECODER_FILE
from RetrievalSAMLib.models.checkpoint import load_into, read_state_dict, write_state_dict
from RetrievalSAMLib.models.prompt_decoder import PromptDecoder
from training.loop import RUN_FILE, SHIPPED
from training.pool import pool_sets
from training.templates import TRAINING_SETS
from training.train_encoder import ARCHITECTURE

NETWORKS: dict[str, tuple[str, Callable[[], torch.nn.Module]]] = {
    "segmenter": ("segmenter.pt", lambda: random_segmenter().model),
    "encoder": ("encoder.pt", lambda: timm.models.VisionTransformer(**ARCHITECTURE)),
    "prompts": (PROMPT_DECODER_FILE, lambda: PromptDecoder(random_segmenter().model)),
}
"""File of each network's weights in its state folder and in the package, and the network."""


_DATA = {"segmenter": "data", "prompts": "prompt_data"}
"""Under which name the manifest tells what a network saw."""


def _history(states: list[Path]) -> list[dict[str, object]]:
    """Of every run: seed, steps, peak rate, commit, hours, and the last row of its learning curve."""
    runs = []
    for state in states:
        rows = [json.loads(line) for line in (state / "log.jsonl").read_text().splitlines()]
        told = json.loads((state / RUN_FILE).read_text())
        last = {key: value for key, value in rows[-1].items() if " " not in key or key.startswith("dice ")}
        runs.append(told | {"hours": round(rows[-1]["seconds"] / 3600, 2), "last": last})
    return runs


def _from_random(state: Path) -> bool:
    """Whether a run did not go on from the shipped weights."""
    return bool(json.loads((state / RUN_FILE).read_text())["initial"] != SHIPPED)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    told = "state folders of its training, in order"
    parser.add_argument("--segmenter", type=Path, nargs="+", default=[], help=told)
    parser.add_argument("--encoder", type=Path, nargs="+", default=[], help=told)
    parser.add_argument("--prompts", type=Path, nargs="+", default=[], help=f"{told}: of the prompt decoder")
    parser.add_argument("--name", required=True, help="which training run this is")
    parser.add_argument("--data", type=Path, required=True, help="folder of the real annotated sets")
    arguments = parser.parse_args()
    manifest = json.loads((BUNDLED_FOLDER / MANIFEST_NAME).read_text(encoding="utf-8"))
    manifest["name"] = arguments.name
    history, digests = manifest["training"], manifest["sha256"]
    if arguments.segmenter and not arguments.prompts:
        for key in ("prompts", _DATA["prompts"]):
            history.pop(key, None)
        digests.pop(PROMPT_DECODER_FILE, None)
        (BUNDLED_FOLDER / PROMPT_DECODER_FILE).unlink(missing_ok=True)
    for name, (file, empty) in NETWORKS.items():
        folders = getattr(arguments, name)
        if folders:
            network = empty()
            load_into(network, read_state_dict(folders[-1] / file), "bundled")
            digests[file] = write_state_dict(network, BUNDLED_FOLDER / file, half_precision=True)
            began = [] if _from_random(folders[0]) else history.get(name, [])
            history[name] = [*began, *_history(folders)]
            if name in _DATA:
                history[_DATA[name]] = ["synthetic anatomies", *TRAINING_SETS, *pool_sets(arguments.data)]
    (BUNDLED_FOLDER / MANIFEST_NAME).write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
