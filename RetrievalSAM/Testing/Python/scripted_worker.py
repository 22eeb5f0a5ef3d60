"""A worker that computes nothing and answers by a script: `python scripted_worker.py SCRIPT.json LOG.jsonl`.

The script gives a list of replies for each verb: the first request of a verb gets the first reply and so on, the last
reply stays. Every request is written to the log, which a worker that takes this one's place goes on with. A reply is
an object with some of these, taken in this order:

    progress  number of progress events
    threshold [name, least voxel, greatest voxel, RGB] of each segment: `output` is written from `image`; slices that
              are named in `corrected` are those of `segmentation`, those in `drawn` those of `slices`
    partials  number of partial results
    wait      go on only when the request is cancelled
    deaf      go on never, whatever comes, even the end of the input
    exit      leave with this code
    say       write this line as it is
    fault     fields of an error event
    result    the result
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

script = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
log = Path(sys.argv[2])


def send(event: str, **fields: Any) -> None:
    """One event."""
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def reply_to(verb: str) -> dict[str, Any]:
    """The reply whose turn it is; the request is in the log already."""
    replies = script.get(verb, [{"result": {}}])
    asked = sum(json.loads(line)["do"] == verb for line in log.read_text(encoding="utf-8").splitlines())
    return replies[min(asked, len(replies)) - 1]


def threshold(parameters: dict[str, Any], segments: list[list[Any]]) -> None:
    """Write what lies between two values, on the grid of the image."""
    from RetrievalSAMLib.volumes import (
        Segment,
        Segmentation,
        fit_to_grid,
        read_segmentation,
        read_volume,
        write_segmentation,
    )

    volume = read_volume(parameters["image"])
    masks = [(volume.voxels >= low) & (volume.voxels <= high) for _name, low, high, _color in segments]
    kept = parameters.get("corrected") or parameters.get("drawn")
    if kept:
        file = parameters.get("segmentation") or parameters["slices"]
        given = fit_to_grid(read_segmentation(file), "segments", volume.geometry, "volume")
        drawn = {segment.name: given.mask(number) for number, segment in enumerate(given.segments)}
        for (name, *_rest), mask in zip(segments, masks, strict=True):
            if name in drawn:
                mask[:, :, kept] = drawn[name][:, :, kept]
    kinds = tuple(Segment(name, value, tuple(color)) for value, (name, _l, _h, color) in enumerate(segments, start=1))
    write_segmentation(Segmentation.from_masks(kinds, masks, volume.geometry), Path(parameters["output"]))


def work(request: dict[str, Any], reply: dict[str, Any]) -> None:
    """Send what the reply says."""
    name, parameters = request["id"], request["with"]
    for done in range(reply.get("progress", 0)):
        send("progress", id=name, stage="segmenting", done=done, total=reply["progress"], seconds_left=4.0)
    if "threshold" in reply:
        threshold(parameters, reply["threshold"])
    for number in range(reply.get("partials", 0)):
        file = Path(parameters["partial"]) / f"partial-{number:04d}.seg.nrrd"
        file.write_bytes(Path(parameters["output"]).read_bytes())
        send("partial", id=name, file=str(file), done=number, total=reply["partials"])
    if reply.get("wait"):
        wait_for_cancel(name)
        return
    while reply.get("deaf"):
        time.sleep(60)
    if "exit" in reply:
        sys.exit(reply["exit"])
    if "say" in reply:
        sys.stdout.write(reply["say"] + "\n")
        sys.stdout.flush()
    elif "fault" in reply:
        send("error", id=name, **{"thing": "", "fact": "", "remedy": "", "details": "", **reply["fault"]})
    else:
        result = dict(reply.get("result", {}))
        if request["do"] in ("segment", "refine", "start"):
            result["segmentation"] = parameters["output"]
        if request["do"] in ("segment", "refine"):
            result["files"] = [parameters["output"]]
        if request["do"] == "library.suggest":  # files are told by their number among those asked for
            for one in (*result["volumes"], *result["unreadable"]):
                one["file"] = parameters["files"][one["file"]]
        send("result", id=name, result=result)


def wait_for_cancel(name: str) -> None:
    """Requests that come meanwhile are answered afterwards."""
    held = []
    for line in sys.stdin:
        request = note(line)
        if request["do"] == "cancel" and request["with"]["of"] == name:
            send("result", id=request["id"], result={"stopping": True})
            send("stopped", id=name)
            break
        held.append(request)
    for request in held:
        work(request, reply_to(request["do"]))


def note(line: str) -> dict[str, Any]:
    """Read a request and write it to the log."""
    with log.open("a", encoding="utf-8") as file:
        file.write(line.strip() + "\n")
    return json.loads(line)


def main() -> None:
    """Answer until the input ends."""
    if "before ready" in script:
        print("the log of a worker that fails", file=sys.stderr)
        sys.exit(script["before ready"])
    send("ready", protocol=1, version="0", pid=0)
    for line in sys.stdin:
        request = note(line)
        work(request, reply_to(request["do"]))


if __name__ == "__main__":
    main()
