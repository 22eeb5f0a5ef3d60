"""Names that look as if they told who the patient is.

Names of cases and segments are kept in the library and go wherever it is shared. What is found here is a
guess for the user to look at: it refuses nothing, and nobody can find every name of a person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.volumes.formats.header_text import header_texts

_LETTER = r"[^\W\d_]"
_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_FULL_MONTH, _FULL_DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_MONTH_NAME = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])(?:[a-zä]{0,6})"
_KEY = (
    r"(?:mrn|pid|pat[ _-]?id|patient[ _-]?(?:id|no|nr|number)|dob|d\.o\.b\.|born|geb|ssn|nhs|acc|accession"
    r"|acc[ _-]?(?:no|nr)|study[ _-]?id)"
)
_BURNED_IN = "BurnedInAnnotation"
_TELLS = re.compile(
    r"patient|birth|dob\b|\bmrn|physician|operator|hospital|institution|accession|insurance|address|phone"
    r"|0010[|,_]|0008[|,_]00[0-9a-f]{2}",
    re.IGNORECASE,
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
        r"(?<![\w+])(?:\+|00)\d{1,3}[ ./()-]*(?:\d[ ./()-]*){6,12}(?!\w)"
        r"|(?<!\w)(?:tel|phone|fon|mobile)[.: ]*\+?\d[\d ./()-]{4,}",
        "it holds what looks like a telephone number",
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


def header_warnings_of(path: Path) -> list[Warning]:
    """What looks like patient data in the header of a volume; `Warning.name` is the field's, what it holds is not told.

    Args:
        path: A file, or a folder of DICOM slices.
    """
    found = []
    for field, text in header_texts(path):
        if field == _BURNED_IN:
            if text.upper() == "YES":
                found.append(Warning(field, "text is burned into its pixels, which may name the patient"))
        elif _TELLS.search(field):
            found.append(Warning(field, "by its name, it tells of a patient or of an examination"))
        else:
            found += [Warning(field, reason) for reason in _reasons(text)]
    return found


def library_warnings_of(name: str, cases: Iterable[Case]) -> list[Warning]:
    """What looks like patient data in cases that are to leave a library: in names, and in headers of stored files.

    Args:
        name: The library's.
        cases: That are to leave it.
    """
    kept = list(cases)
    names = [name, *(case.name for case in kept)]
    names += [segment.name for case in kept for version in case.versions for segment in version.segments]
    found = warnings_of(names)
    for case in kept:
        files = {file.path for version in case.versions for file in (version.image, version.segmentation)}
        for file in sorted(files):
            found += [
                Warning(f"{case.name}, {file}, {one.name}", one.reason)
                for one in header_warnings_of(case.folder / file)
            ]
    return found


def _letters_alone(name: str) -> str:
    """Without vowel signs and accents that are characters of their own, and the dot in the middle of `Gal·la`.

    Names are looked for as letters in a row, and no script would be one otherwise that writes such signs.
    """
    composed = unicodedata.normalize("NFKC", name)
    return "".join(letter for letter in composed if letter != "·" and not unicodedata.category(letter).startswith("M"))


def _reasons(name: str) -> Iterator[str]:
    rest = _letters_alone(name)
    for sign in _SIGNS:
        found = [match for match in sign.pattern.finditer(rest) if not sign.harmless(match[0])]
        if found:
            yield sign.reason
        for match in found:
            # A character of its own, so that what stood on both sides does not grow together.
            rest = rest[: match.start()] + "\0" * len(match[0]) + rest[match.end() :]
