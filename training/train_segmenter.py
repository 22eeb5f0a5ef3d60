"""Train the bundled segmenter on episodes: from the shipped weights, from others, or from random ones.

A step has up to four episodes whose gradients are added up. In the first stage most are small (128 pixels), which
takes a quarter of the time; then all have the size that the network is used at. Episodes are drawn by processes of
their own while the network learns from those before.

    python -m training.train_segmenter --state DIR --data DATA [--initial FILE | --initial random] [--steps 9000]
        [--part segmenter|prompts]

``--part prompts`` trains the decoder of prompted slices beside the segmenter, which stays as it is.

The state folder holds everything needed to go on after a stop, by a signal or ``--minutes``: start the same command
again. A run whose hours nobody knows beforehand keeps its rate; ``--steps`` of one and a half times the steps done ends
it, as the last third lowers the rate to nothing.
"""

from __future__ import annotations

import json
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch

from RetrievalSAMLib.models.build import LoadedSegmenter, at_image_size, build_segmenter, random_segmenter
from RetrievalSAMLib.models.precision import choose_precision
from RetrievalSAMLib.models.prompt_decoder import PromptDecoder
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from training import pool, templates, tissues
from training.anatomy import integer
from training.episodes import Episode, EpisodeSource, batch
from training.loop import RANDOM, Arguments, learning_rate, made_once, read_arguments, save
from training.losses import loss_of
from training.modes import MODES, PROMPT_MODES, Mode

SAVE_SECONDS = 180
LOG_STEPS = 10

Stages = tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Part:
    """What of the bundled model learns, and from what.

    Attributes:
        modes: How episodes are used.
        stages: How many steps a stage has (the last one: all that are left) and the sizes in pixels of the episodes of
            a step.
        objects: Structures of an episode.
    """

    modes: dict[str, Mode]
    stages: Stages
    objects: int

    def sizes_of(self, step: int) -> tuple[int, ...]:
        """Pixels a side of the episodes of a step."""
        for steps, sizes in self.stages[:-1]:
            if step < steps:
                return sizes
            step -= steps
        return self.stages[-1][1]

    @property
    def sizes(self) -> list[int]:
        """Of all episodes."""
        return sorted({size for _, stage in self.stages for size in stage})


PARTS = {
    "segmenter": Part(MODES, ((1500, (128, 128, 128, 256)), (0, (256, 256, 256, 256))), objects=2),
    "prompts": Part(PROMPT_MODES, ((400, (128,)), (0, (256,))), objects=4),
}

WEIGHTS = {"segmenter": "segmenter.pt", "prompts": "prompt_decoder.pt"}
"""File of a part's weights in a state folder."""

_MOST_PIXELS = 12 * 256 * 256
"""Of all images of an episode: longer ones come in the small size only, as gradients of all of them are kept."""


@dataclass(frozen=True)
class Task:
    """An episode and what is done with it."""

    mode: str
    size: int
    episode: Episode


class Tasks(torch.utils.data.IterableDataset[Task]):
    """The episodes of every step from ``first`` on; those of a step are the same wherever training was stopped."""

    def __init__(self, part: Part, sources: dict[int, EpisodeSource], seed: int, first: int) -> None:
        self.part, self.sources, self.seed, self.first = part, sources, seed, first

    def __iter__(self) -> Iterator[Task]:
        torch.set_num_threads(1)
        worker = torch.utils.data.get_worker_info()
        workers, own = (1, 0) if worker is None else (worker.num_workers, worker.id)
        number = 0  # of the episode since ``first``; the loader asks the processes in turn
        step = self.first
        while True:
            for place, size in enumerate(self.part.sizes_of(step)):
                if number % workers == own:
                    yield self.draw(step, place, size)
                number += 1
            step += 1

    def draw(self, step: int, place: int, size: int) -> Task:
        """One episode of a step."""
        torch.manual_seed(_seed(self.seed, step, place))
        modes = self.part.modes
        shares = torch.tensor([mode.share for mode in modes.values()])
        name = list(modes)[int(torch.multinomial(shares, 1))]
        shapes = [s for s in modes[name].shapes if s[0] * s[1] * s[2] * size * size <= _MOST_PIXELS]
        tasks, subjects, slices = shapes[integer(0, len(shapes))]
        return Task(name, size, batch(self.sources[size], tasks, subjects, slices, self.part.objects))


def _seed(seed: int, step: int, place: int) -> int:
    return 1_000_003 * seed + 8 * step + place


def tied(loaded: LoadedSegmenter, size: int) -> LoadedSegmenter:
    """The same network for images of another size; both learn the same parameters."""
    if size == loaded.image_size:
        return loaded
    other = at_image_size(loaded, size)
    for theirs, own in zip(other.model.modules(), loaded.model.modules(), strict=True):
        for name, parameter in own.named_parameters(recurse=False):
            setattr(theirs, name, parameter)
    return other


class Trainer:
    """A network, the running mean of its weights, and its optimiser, as a state folder keeps them.

    Args:
        arguments: Of the command line.
    """

    def __init__(self, arguments: Arguments) -> None:
        self.arguments = arguments
        self.part = PARTS[arguments.part]
        loaded = _initial(arguments)
        device = loaded.model.device
        # Measured on processors that multiply bfloat16: a network of this size gains nothing there.
        precision = choose_precision(device, small=device.type == "cpu")
        self.learned: torch.nn.Module
        if arguments.part == "prompts":
            self.learned = prompter = loaded.prompt_decoder or PromptDecoder(loaded.model)
            models = {size: at_image_size(loaded, size).model for size in self.part.sizes}
            self.engines = {size: Sam2Engine(m, precision, prompter.tied(m).train()) for size, m in models.items()}
        else:
            self.learned = loaded.model
            self.engines = {s: Sam2Engine(tied(loaded, s).model.train(), precision) for s in self.part.sizes}
        self.learned.requires_grad_(True)
        self.average = {k: v.clone() for k, v in self.learned.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            self.learned.parameters(), lr=arguments.peak, weight_decay=0.02, betas=(0.9, 0.98)
        )
        self.step, self.seconds = 0, 0.0
        self._path = arguments.state / "state.pt"
        if self._path.exists():
            state = torch.load(self._path, weights_only=True, map_location=device)
            self.learned.load_state_dict(state["model"])
            self.average = state["average"]
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = state["step"], state["seconds"]

    def learn(self, tasks: list[Task]) -> dict[str, float]:
        """One step: the gradients of all tasks together."""
        rate = learning_rate(self.step, self.arguments.steps, self.arguments.peak)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        values: dict[str, float] = {"rate": rate}
        for place, task in enumerate(tasks):
            # The steps after a stop are those that would have come without it.
            torch.manual_seed(_seed(self.arguments.seed + 500, self.step, place))
            engine = self.engines[task.size]
            answers = self.part.modes[task.mode].run(engine, task.episode.to(engine.device))
            losses = []
            for answer in answers:
                loss, measured = loss_of(answer.decoded, answer.masks)
                losses.append(loss)
                values |= {f"{key} {answer.name} {task.size}": value for key, value in measured.items()}
            (torch.stack(losses).mean() / len(tasks)).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.learned.parameters(), 1.0)
        if torch.isfinite(norm):  # one broken episode must not end a night's run
            self.optimizer.step()
        self.step += 1
        decay = min(0.998, self.step / (self.step + 20))
        with torch.no_grad():
            for key, value in self.learned.state_dict().items():
                mean = self.average[key]
                mean.lerp_(value, 1 - decay) if value.is_floating_point() else mean.copy_(value)
        return values | {"norm": norm.item()}

    def keep(self) -> None:
        """Write the state, and the running mean of the weights as a file for the product."""
        save(
            self._path,
            {
                "model": self.learned.state_dict(),
                "average": self.average,
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
            },
        )
        save(self.arguments.state / WEIGHTS[self.arguments.part], {"model": self.average})


def _initial(arguments: Arguments) -> LoadedSegmenter:
    if arguments.initial == RANDOM:
        return random_segmenter(seed=arguments.seed, device=arguments.device)
    return build_segmenter(checkpoint=Path(arguments.initial) if arguments.initial else None, device=arguments.device)


def _sources(arguments: Arguments, sizes: list[int]) -> dict[int, EpisodeSource]:
    data = arguments.data
    if data is None:
        return {size: EpisodeSource(size) for size in sizes}
    code = tuple(Path(str(module.__file__)) for module in (pool, templates, tissues))
    volumes, real = made_once(arguments.state, lambda: (pool.load_pool(data), templates.load_templates(data)), code)
    return {size: EpisodeSource(size, real, pool=pool.Pool(volumes)) for size in sizes}


class _Stop:
    """Set by a signal, or when the minutes are over: the step is finished, the state kept."""

    def __init__(self, minutes: float | None) -> None:
        self._asked = False
        self._end = None if minutes is None else time.monotonic() + 60 * minutes
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def __bool__(self) -> bool:
        return self._asked or (self._end is not None and time.monotonic() > self._end)


def train(trainer: Trainer, sources: dict[int, EpisodeSource], stop: _Stop) -> None:
    """Steps until all are done or a stop is asked for; the curve goes into ``log.jsonl``."""
    arguments = trainer.arguments
    log = (arguments.state / "log.jsonl").open("a", encoding="utf-8")
    tasks = Tasks(trainer.part, sources, arguments.seed, trainer.step)
    loader = torch.utils.data.DataLoader(
        tasks, batch_size=None, num_workers=arguments.workers, prefetch_factor=4 if arguments.workers else None
    )
    episodes = iter(loader)
    kept = now = time.monotonic()
    waited = 0.0
    running: dict[str, list[float]] = defaultdict(list)
    while trainer.step < arguments.steps and not stop:
        began = now
        drawn = [next(episodes) for _ in trainer.part.sizes_of(trainer.step)]
        waited += time.monotonic() - began
        for key, number in trainer.learn(drawn).items():
            if number == number:
                running[key].append(number)
        now = time.monotonic()
        trainer.seconds += now - began
        running["seconds a step"].append(now - began)
        if trainer.step % LOG_STEPS == 0:
            row = {key: round(sum(v) / len(v), 5) for key, v in running.items()}
            row |= {"waited": round(waited, 1), "step": trainer.step, "seconds": round(trainer.seconds)}
            log.write(json.dumps(row) + "\n")
            log.flush()
            running.clear()
            waited = 0.0
        if now - kept > SAVE_SECONDS:
            trainer.keep()
            kept = now
    trainer.keep()


def main() -> None:
    """Command line."""
    arguments = read_arguments(__doc__.split("\n")[0], steps=9000, peak=3e-4, seed=0, parts=tuple(PARTS))
    stop = _Stop(arguments.minutes)
    trainer = Trainer(arguments)
    train(trainer, _sources(arguments, list(trainer.engines)), stop)


if __name__ == "__main__":
    main()
