"""How labels are told from images by their names: folders, endings, and endings that name annotators."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "imagestr")
TRUTH_FOLDERS = ("truth", "ground_truth", "groundtruth", "ground-truth", "gt")
LABEL_FOLDERS = (
    *("labels", "masks", "label", "mask", "annotations", "annotation", "segmentations", "segmentation", "labelstr"),
    *("labelsts", *TRUTH_FOLDERS),
)
LABEL_ENDINGS = (
    *("mask", "masks", "label", "labels", "seg", "dseg", "segmentation", "gt", "groundtruth", "ground_truth"),
    *("annotation", "truth"),
)
IMAGE_ENDINGS = ("training", "test", "image", "img", "scan")
ANNOTATOR = re.compile(
    r"(\d+(st|nd|rd|th)[a-z]*|(manual|observer|obs|rater|reader|annotator|expert|grader)_?-?\w{0,3}"
    r"|(mask|label|seg|gt)_?-?\d{1,2})",
    re.IGNORECASE,
)
MANUAL_FOLDER = re.compile(r"\d+(st|nd|rd|th)_(manual|observer|expert)\w*", re.IGNORECASE)
SEPARATORS = "_-. "
SECTION_FOLDERS = {
    **dict.fromkeys(("train", "training"), "training"),
    **dict.fromkeys(("val", "validate", "validation", "valid"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def split_ending(stem: str, cases: Mapping[str, str] | Collection[str]) -> tuple[str, str] | None:
    """The longest case name that a label's name begins with, and the rest.

    Args:
        stem: of the label's file.
        cases: names of cases.

    Returns:
        Case name and ending without its separator, which is empty where the label has the case's name; None if no case
        name fits.

    Example:
        >>> split_ending("Image_01L_1stHO", ["Image_01L", "Image_01R"])
        ('Image_01L', '1stHO')
    """
    if stem in cases:
        return stem, ""
    for position in range(len(stem) - 1, stem.rfind("/") + 1, -1):
        if stem[position] in SEPARATORS and stem[:position] in cases:
            return stem[:position], stem[position + 1 :]
    return None


def is_label_ending(ending: str) -> bool:
    """Whether a name that ends so is that of a label, ``mask`` or ``1stHO_mask``."""
    return ending.lower() in LABEL_ENDINGS or any(
        ending.lower().endswith(f"{separator}{name}") for name in LABEL_ENDINGS for separator in SEPARATORS
    )


def annotator_of(ending: str) -> str:
    """The annotator that an ending names; empty for one that only says that it is a label.

    Example:
        >>> annotator_of("1stHO"), annotator_of("AR_mask"), annotator_of("mask")
        ('1stHO', 'AR', '')
    """
    lower = ending.lower()
    if lower in LABEL_ENDINGS:
        return ""
    for name in sorted(LABEL_ENDINGS, key=len, reverse=True):
        if lower.endswith(name) and ending[: -len(name)][-1:] in SEPARATORS:
            return ending[: -len(name) - 1]
    return ending


def is_numbered(annotator: str) -> bool:
    """Whether a name says only that there is a further label, and not by whom, ``1`` or ``mask_1``.

    Example:
        >>> is_numbered("mask_1"), is_numbered("2"), is_numbered("1stHO")
        (True, True, False)
    """
    word = annotator.rstrip("0123456789")
    return word != annotator and (not word.strip(SEPARATORS) or is_label_ending(word.rstrip(SEPARATORS)))


def labels_among(stems: Collection[str], annotators: Collection[str] = (), recurring: bool = True) -> dict[str, str]:
    """Which files of one folder are labels of others, by their names.

    Args:
        stems: names without suffix of all images in the folder.
        annotators: endings that are known to name annotators.
        recurring: also take an ending for that of a label which half of the images have, two at least, unless it is a
            number. Otherwise only endings that say it.

    Returns:
        Image of each label; empty if there is none.

    Example:
        >>> labels_among(["a", "a_mask", "b", "b_mask"])
        {'a_mask': 'a', 'b_mask': 'b'}
    """
    known = set(stems)
    parts = {}
    for stem in sorted(known):
        for position in range(len(stem) - 1, stem.rfind("/") + 1, -1):
            if stem[position] in SEPARATORS and stem[:position] in known:
                parts[stem] = (stem[:position], stem[position + 1 :])
    counts = Counter(ending for _, ending in parts.values())
    bases = max(len(known) - len(parts), 1)
    labels = {}
    for stem, (base, ending) in parts.items():
        frequent = recurring and counts[ending] >= max(2, bases / 2) and not ending.isdigit()
        if is_label_ending(ending) or ending in annotators or ANNOTATOR.fullmatch(ending) or frequent:
            labels[stem] = base
    return {stem: base for stem, base in labels.items() if base not in labels}
