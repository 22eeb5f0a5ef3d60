"""Names that look as if they told who the patient is.

Names of cases and segments are kept in the library and go wherever it is shared. What is found here is a
guess for the user to look at: it refuses nothing, and nobody can find every name of a person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_LETTER = r"[^\W\d_]"
_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_FULL_MONTH, _FULL_DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_MONTH_NAME = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])(?:[a-zä]{0,6})"
_KEY = (
    r"(?:mrn|pid|pat[ _-]?id|patient[ _-]?(?:id|no|nr|number)|dob|d\.o\.b\.|born|geb|ssn|nhs|acc|accession"
    r"|acc[ _-]?(?:no|nr)|study[ _-]?id)"
)
# A number of a case (`case_000123`) has few digits once its leading zeros are off; a patient's has more.
_LONG_NUMBER_DIGITS = 6
_CASE_NUMBER_DIGITS = 4
_NOT_A_PERSON = frozenset(
    re.findall(
        r"\w+",
        """
        abdomen abdominal adrenal ankle anterior aorta arm arteries artery axial bladder bone bones
        brain brainstem breast bronchus carotid caudate cerebellum cervical chest colon contrast
        cord coronal cortex cropped ct cyst deep disc distal duct duodenum edema elbow enhancing
        esophagus eye femur fibula foot ganglia gland gray grey gyrus hand head heart hip
        hippocampus horn humerus iliac inferior inner intestine joint kidney knee large lateral left
        leg lens lesion liver lobe lower lumbar lung lymph mandible marrow matter medial median
        medulla middle mr mri muscle myocardium neck necrosis nerve node nodes nucleus oesophagus
        organ outer pancreas parotid pelvis peripheral pet phase plexus portal posterior prostate
        proximal pulmonary putamen radius rectum rib ribs right sacrum sagittal scapula shoulder
        sinus skin skull small spinal spine spleen stem sternum stomach superior thalamus thigh
        thoracic thorax thyroid tibia tissue trachea transverse tumor tumour ulna upper ureter
        uterus vein veins vena venous ventricle vertebra vertebrae vessel vessels wall white wrist
        zone
        """,
    )
)


@dataclass(frozen=True)
class Warning:
    """One suspicion.

    Attributes:
        name: The name as it was given.
        reason: What it looks like, as a clause: `it holds what looks like a date`.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class _Sign:
    """What to look for, what it looks like, and what of it is no cause for alarm after all."""

    pattern: re.Pattern[str]
    reason: str
    harmless: Callable[[str], bool] = lambda found: False


def _sign(pattern: str, reason: str, harmless: Callable[[str], bool] = lambda found: False) -> _Sign:
    return _Sign(re.compile(pattern, re.IGNORECASE), reason, harmless)


def _names_anatomy(found: str) -> bool:
    return any(word.casefold() in _NOT_A_PERSON for word in re.findall(rf"{_LETTER}+", found))


def _numbers_a_case(found: str) -> bool:
    return found.startswith("0") and len(found.lstrip("0")) <= _CASE_NUMBER_DIGITS


# In this order; what one has found the later ones do not see, so that a date is not a long number too.
_SIGNS = (
    _sign(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "it holds what looks like an e-mail address"),
    _sign(rf"{_LETTER}{{2}}[\w'’ -]*\^.*|\^{_LETTER}{{2}}.*", "it looks like a person's name in a DICOM file"),
    _sign(r"(?<![\d.])[0-2](?:\.\d+){4,}", "it holds what looks like an identifier of a DICOM file"),
    _sign(
        rf"(?<!\d){_YEAR}([-_. /]){_MONTH}\1{_DAY}(?!\d)"
        rf"|(?<!\d){_DAY}([-_. /]){_MONTH}\2{_YEAR}(?!\d)"
        rf"|(?<!\d){_MONTH}([-_. /]){_DAY}\3{_YEAR}(?!\d)"
        rf"|(?<!\d){_YEAR}{_FULL_MONTH}{_FULL_DAY}(?!\d)"
        rf"|(?<!\d){_FULL_DAY}{_FULL_MONTH}{_YEAR}(?!\d)"
        rf"|(?<!\d){_DAY}[-_. ]*{_MONTH_NAME}[-_. ,]*{_YEAR}(?!\d)"
        rf"|(?<!{_LETTER}){_MONTH_NAME}[-_. ]+{_DAY}[-_. ,]+{_YEAR}(?!\d)",
        "it holds what looks like a date, perhaps of birth or of the examination",
    ),
    _sign(
        rf"(?<!{_LETTER}){_KEY}(?!{_LETTER})[ _:#.=-]*[a-z]{{0,3}}[-_]?\d{{2,}}",
        "it holds what looks like the number of a patient or of an examination",
    ),
    _sign(
        r"(?<!\d)(?:\d{3}-\d{2}-\d{4}|\d{3}[ -]\d{3}[ -]\d{4})(?!\d)",
        "it holds what looks like the number of an insurance or health service",
    ),
    _sign(
        rf"\d{{{_LONG_NUMBER_DIGITS},}}",
        "it holds a long number, perhaps of a patient or of an examination",
        _numbers_a_case,
    ),
    _Sign(
        # Upper case begins a person's name, but not the side of an organ (`Kidney, left`).
        re.compile(r"(?<!\w)[A-ZÀ-ÖØ-ÞŠŽŁ][\w'’-]+(?: [A-ZÀ-ÖØ-Þ][\w'’-]+)?, ?[A-ZÀ-ÖØ-ÞŠŽŁ][\w'’.-]*"),
        "it looks like a person's last and first name",
        _names_anatomy,
    ),
)


def warnings_of(names: Iterable[str]) -> list[Warning]:
    """What looks like patient data in names, in the order of the names; a name that occurs twice is judged once.

    Args:
        names: Of cases, segments, volumes or files.
    """
    return [Warning(name, reason) for name in dict.fromkeys(names) for reason in _reasons(name)]


def _reasons(name: str) -> Iterator[str]:
    rest = unicodedata.normalize("NFKC", name)
    for sign in _SIGNS:
        found = [match for match in sign.pattern.finditer(rest) if not sign.harmless(match[0])]
        if found:
            yield sign.reason
        for match in found:
            # A character of its own, so that what stood on both sides does not grow together.
            rest = rest[: match.start()] + "\0" * len(match[0]) + rest[match.end() :]
