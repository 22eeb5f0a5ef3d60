"""What MONAI Label has and this server has not: each answers with what to use in its place."""

from __future__ import annotations

from fastapi import APIRouter

from ..access import Owner
from ..problems import Problem

router = APIRouter()
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
_NOTES = "Send a label anew: PUT /datastore/label. Decisions and notes on results are kept by the pages of batches."
_ABSENT = {
    "/infer/wsi/{model}": ("slides are not segmented here", "Send a volume: POST /infer/MODEL."),
    "/infer/wsi_v2/{model}": ("slides are not segmented here", "Send a volume: POST /infer/MODEL."),
    "/batch/infer/wsi/{model}": ("slides are not segmented here", "Use POST /batch/infer/MODEL."),
    "/scoring/{name:path}": ("images are not scored here", "Ask for the next sample: POST /activelearning/suggest."),
    "/model/{name:path}": (
        "networks are not handed out or replaced by this protocol",
        "`retrievalsam models` on the server has them.",
    ),
    "/proxy/{name:path}": (
        "nothing is passed on to the archive",
        "Let OHIF ask the archive itself; the server fetches series from it with --dicomweb.",
    ),
    "/ohif/{name:path}": ("OHIF is not served here", "Serve it by a web server; docs/monai-label.md says how."),
    "/datastore/updatelabelinfo": ("the MONAI Label Reviewer's notes are not kept here", _NOTES),
    "/datastore/label/info": ("no notes on labels are kept here", _NOTES),
    "/datastore/image/info": ("no notes on images are kept here", _NOTES),
    "/datastore/dataset": (
        "libraries are not handed out by this protocol",
        "`retrievalsam library export` on the server makes one file of a library.",
    ),
}


def _add(path: str, fact: str, remedy: str) -> None:
    async def absent(_owner: Owner) -> None:
        raise Problem(501, "request", "request", fact, remedy)

    router.add_api_route(path, absent, methods=_METHODS)


for _path, (_fact, _remedy) in _ABSENT.items():
    _add(_path, _fact, _remedy)
