"""The split that a training began with: the file beside its weights, read again, or handed on without names."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path

from common.datasets.case_names import case_digest
from common.datasets.dataset import Dataset
from common.datasets.split import Split
from common.errors import InputError
from common.io.files import read_json
from common.workflow.trainings import Places, training_folders

__all__ = ["SECTIONS", "SPLIT_FILE", "hide_cases", "load_split", "read_split"]

SPLIT_FILE = "split.json"
SECTIONS = ("training", "validation", "test")

logger = logging.getLogger(__name__)


def load_split(dataset: Dataset, folder: Places) -> Split:
    """The split with which a network was trained.

    Of several trainings a case counts as one of training if any of the networks learned from it, else as one of
    validation if any was chosen by it: what is left was seen by none. A case of weight 0 is no validation case then:
    as no network learned from it, it would be the only one left of a cross-validation, with a label that is likely to
    be wrong.

    Args:
        dataset: the same as in training, or another: of a data set that shares no case with it, every labeled case is a
            test case.
        folder: folder of the weights; of several trainings their folders, see `training_folders`.

    Returns:
        The split.

    Raises:
        InputError: a file is damaged, cases of the training are no longer in the data set, or there is no case from
            which not one of several networks learned.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "split.json").write_text('{"training": ["a"], "validation": [], "test": ["b"]}')
        ...     split = load_split(Dataset("plain", Path(folder), ({"case": "a"}, {"case": "b"})), folder)
        >>> split.test
        [{'case': 'b'}]
    """
    paths = [found / SPLIT_FILE for found in training_folders(folder)]
    sections: dict[str, list[str]] = {section: [] for section in SECTIONS}
    left_out: set[str] = set()
    for path in paths:
        found, weights = read_split(path, dataset.cases)
        left_out |= {case for case, weight in weights.items() if weight == 0}
        for section, names in found.items():
            sections[section] += names
    known = list(dict.fromkeys(name for section in SECTIONS for name in sections[section]))
    by_case = {item["case"]: item for item in dataset.items}
    missing = [name for name in known if name not in by_case]
    if len(missing) == len(known):
        logger.warning(
            "%s shares no case with the training: all of its %d cases are test cases.", dataset.root, len(by_case)
        )
        return Split([], [], list(dataset.items), f"all cases of {dataset.root} are tested")
    where = ", ".join(map(str, paths))
    if missing:
        raise InputError(
            f"{dataset.root}: expected the {len(known)} cases of the training ({where}), but it lacks {len(missing)} "
            f"of them, such as {missing[0]}. An evaluation of other cases with the same names takes --new_cases true."
        )
    first = {name: section for section in reversed(SECTIONS) for name in sections[section]}
    training, validation, test = ([by_case[name] for name in known if first[name] == part] for part in SECTIONS)
    if len(paths) > 1:
        validation = [item for item in validation if item["case"] not in left_out]
    if len(paths) > 1 and not validation and not test:
        raise InputError(
            f"{dataset.root}: each of the {len(known)} cases trained at least one of the {len(paths)} networks"
            f"{' or has weight 0' if left_out else ''} ({where}), so their average cannot be evaluated on them; give "
            "a data set with other cases, or use out_of_fold.csv, where each network was evaluated on its own fold."
        )
    return Split(training, validation, test, f"as in {where}", weights if len(paths) == 1 else {})


def read_split(path: Path, cases: Iterable[str]) -> tuple[dict[str, list[str]], dict[str, float]]:
    """The cases of each section of a training.

    Args:
        path: file that `KeepPlan` wrote, or that `hide_cases` made of it.
        cases: names that are looked for where the file has digests.

    Returns:
        The names of each section, and the weights of the training cases, if there were any. A digest of none of
        ``cases`` stays one.

    Raises:
        InputError: the file is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected the split that a training writes beside its weights; train first.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        weights = {str(case): float(weight) for case, weight in content.get("weights", {}).items()}
        known = {case_digest(str(case), content["salt"]): case for case in cases} if "salt" in content else {}
        return {section: [known.get(name, name) for name in content[section]] for section in SECTIONS}, weights
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read as the split of a training: {error}.") from error


def hide_cases(path: Path, salt: str) -> str:
    """The file of a split with digests in the place of names, to be handed on: names may be those of patients.

    Args:
        path: file that `KeepPlan` wrote, or that this function made of it: digests stay as they are.
        salt: salt of `case_digest`, such as a digest of the weights.

    Returns:
        Text of a file that `read_split` reads where the cases are known. Weights of cases are left out.

    Raises:
        InputError: the file is missing or damaged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "split.json")
        ...     _ = path.write_text('{"training": [], "validation": ["a"], "test": []}', encoding="utf-8")
        ...     json.loads(hide_cases(path, "3f6c"))["validation"]
        ['c86724ecb5cb4a53478eef5a435702c1']
    """
    content = read_json(path, SECTIONS)
    known = content.get("salt")
    names: dict[str, list[str]] = read_split(path, ())[0]
    hidden = names if known else {part: [case_digest(name, salt) for name in names[part]] for part in names}
    return json.dumps({"salt": known or salt, **hidden}, indent=1) + "\n"
