"""What a structure is made of, by its name: structures of one tissue look alike in most images."""

from __future__ import annotations

import re
from enum import IntEnum

import torch

from training.anatomy import chance, uniform


class Tissue(IntEnum):
    """Of a structure; `OUTSIDE` is what no structure covers."""

    OUTSIDE = 0
    AIR = 1
    FAT = 2
    FLUID = 3
    BLOOD = 4
    SOFT = 5
    MUSCLE = 6
    BRAIN = 7
    FIBROUS = 8
    BONE = 9


_NAMES: tuple[tuple[Tissue, str], ...] = (
    (Tissue.FLUID, r"lateral ventricle|(3rd|4th|third|fourth) ventricle|temporal horn|aqueduct|csf|bladder|canal"),
    (Tissue.FLUID, r"orbit|lens|eye(ball)?\b|vitreous|calyx|pelvis_[lr]\b|cyst|ureter"),
    (Tissue.FAT, r"\bfat\b|adipose|skin|scalp"),
    (Tissue.MUSCLE, r"septum|heart_(left|right)_ventricle|^(left|right)_ventricle$|atri(um|a)\b|iliopsoas|autochthon"),
    (Tissue.BLOOD, r"aort|arter|vein|vena|venous|sinus|carotid|trunk\b|vessel|subclavian|vascular"),
    (Tissue.AIR, r"lung|trachea\b|bronch|nasal cavity|airway"),
    (Tissue.FIBROUS, r"cartilage|dis[ck]|ligament|tendon|menisc|linea alba|valve|fascia|capsule"),
    (
        Tissue.BONE,
        r"bone|vertebra|\brib_?\b|ribs?\b|rib_|femur|tibia|fibula|patella|skull|mandible|maxilla|sacrum|hip_",
    ),
    (
        Tissue.BONE,
        r"clavicle|scapula|sternum|manubrium|humerus|radius|ulna|carpal|phalanx|tooth|cochlea|atlas\b|axis\b",
    ),
    (Tissue.BONE, r"coccyx|ilium|ischium|pubis|calcaneus|talus|cuboid|cuneiform|navicular|hamate|lunate|capitate"),
    (Tissue.BRAIN, r"cerebr|cerebell|brain|cortex|gyrus|lobule|thalam|caudate|putamen|pallid|hippocamp|amygdala|nucle"),
    (Tissue.BRAIN, r"matter|tract|optic|spinal.?cord|spinal_cord|pons|medulla|nerve|commissure|callosum|accumbens"),
    (Tissue.MUSCLE, r"muscle|pectoralis|deltoid|serratus|trapezius|longissimus|spinatus|gluteus|biceps|triceps|rectus"),
    (Tissue.MUSCLE, r"psoas|oblique|scalenus|splenius|teres|rhomboid|hyoid|vastus|adductor|flexor|extensor|soleus"),
)
_PATTERNS = [(tissue, re.compile(pattern, re.IGNORECASE)) for tissue, pattern in _NAMES]

_HOUNSFIELD: dict[Tissue, tuple[float, float]] = {
    Tissue.OUTSIDE: (-1000.0, -1000.0),
    Tissue.AIR: (-950.0, -750.0),
    Tissue.FAT: (-120.0, -70.0),
    Tissue.FLUID: (-5.0, 25.0),
    Tissue.BLOOD: (35.0, 55.0),
    Tissue.SOFT: (25.0, 80.0),
    Tissue.MUSCLE: (45.0, 65.0),
    Tissue.BRAIN: (22.0, 42.0),
    Tissue.FIBROUS: (70.0, 130.0),
    Tissue.BONE: (250.0, 1100.0),
}
"""CT numbers without a contrast agent, from low to high (Bushberg et al., The Essential Physics of Medical Imaging)."""

_WINDOWS = ((-1000.0, 1000.0), (-160.0, 240.0), (-125.0, 275.0), (-500.0, 1300.0), (-40.0, 120.0), (-1000.0, 400.0))
"""CT numbers that become black and white: whole range, abdomen, BTCV's, bone, brain, lung and mediastinum."""


def tissue_of(name: str) -> Tissue:
    """The tissue that a structure's name tells; soft tissue where it tells nothing."""
    return next((tissue for tissue, pattern in _PATTERNS if pattern.search(name)), Tissue.SOFT)


def ct_intensities(tissues: torch.Tensor) -> torch.Tensor:
    """Mean intensities of labels in a CT as a window shows it.

    Args:
        tissues: int64 (labels,).

    Returns:
        float (labels,) in [0, 1].
    """
    agent = uniform(60.0, 320.0) if chance(0.5) else 0.0
    outside = -1000.0 if chance(0.4) else uniform(-110.0, 50.0)
    low, high = _WINDOWS[int(torch.randint(len(_WINDOWS), ()))]
    numbers = []
    for value in tissues.tolist():
        tissue = Tissue(value)
        least, most = _HOUNSFIELD[tissue]
        number = outside if tissue is Tissue.OUTSIDE else uniform(least, most)
        if tissue is Tissue.BLOOD:
            number += agent * uniform(0.6, 1.1)
        elif tissue in (Tissue.SOFT, Tissue.MUSCLE):
            number += agent * uniform(0.0, 0.3)
        numbers.append((number - low) / (high - low))
    return torch.tensor(numbers).clamp(0, 1)


def tissue_intensities(tissues: torch.Tensor) -> torch.Tensor:
    """Mean intensities of labels where a modality sees the tissue and little of the structure, float (labels,)."""
    by_tissue = torch.rand(len(Tissue))
    spread = uniform(0.0, 0.12)
    return (by_tissue[tissues] + spread * torch.randn(len(tissues))).clamp(0, 1)
