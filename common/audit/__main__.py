"""Which labels of a data set are wrong, from labels and probability maps of networks that did not see them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.audit.annotators import audit_annotators, print_annotators
from common.audit.inputs import probability_files
from common.audit.order import check_order, read_order
from common.audit.run import audit_folders, print_audit
from common.audit.summary import check_limits
from common.command import listed, run_command
from common.consensus.sources import folder_cases
from common.datasets.given import names_of
from common.datasets.images_by_case import images_of
from common.errors import InputError
from common.io.class_numbers import names_of_classes
from common.io.files import check_writable
from common.io.folder_lock import locked_folder

AXES = ("zyx", "xyz")


def audit(
    labels: str | Sequence[str],
    probabilities: str | Sequence[str],
    output: str,
    images: str | None = None,
    axes: str = "zyx",
    border_mm: float | None = None,
    least_certainty: float = 0.75,
    suspicious: float = 0.5,
    maps: bool = False,
    previous: str | None = None,
    order: str | None = None,
    class_names: str | Sequence[str] = (),
    class_values: Any = None,
    ignore_value: int | str | None = None,
    output_format: str | None = None,
    label_threshold: float | None = None,
    class_colors: Any = None,
) -> None:
    """Finds the labels that are probably wrong, and the kind of error in each.

    Labels are compared with the probability maps of networks that were not trained on them: use the maps of a
    cross-validation, because a network may memorize wrong labels. The output folder gets ``audit.html``, ``audit.csv``,
    ``audit.json`` and ``weights.csv`` (for ``--case_weights`` of a training). With several annotators, each gets such
    an audit in a folder of its own, and ``annotators.html``, ``annotators.csv`` and ``annotators.json`` compare them.
    If a run was interrupted, the same command continues it. A case that cannot be audited is reported, and the others
    are audited.

    Args:
        labels: folder of label files, ``CASE.nii.gz`` or ``CASE.png``; the value −1, or ``--ignore_value``, means not
            labeled. A label ``x`` in a subfolder ``s`` is the case ``s/x``, whose map lies in a subfolder ``s`` too.
            For several annotators, one folder for each, with the name of the annotator.
        probabilities: folder of probability maps, or several, such as one for each fold: NIfTI, ``.npz`` of nnU-Net's
            ``--save_probabilities``, ``.npy``, or PNG of two classes.
        output: folder of the results, made if missing.
        images: folder of the images, or of folders with DICOM series. ``audit.html`` then shows the images instead of
            the probabilities; ``--output_format`` needs them.
        axes: order of the axes of ``.npz`` and ``.npy``: zyx, as nnU-Net writes them, or xyz, as nibabel reads NIfTI.
        border_mm: how far borders usually deviate, in mm (in pixels for pictures); by default it is measured.
        least_certainty: a case is not judged if the expected Dice of its prediction, from 0 to 1, is lower than this.
        suspicious: a label is suspicious if the probability that it is wrong is at least this, above 0 and up to 1.
        maps: write ``false_labels/CASE`` too, the probability in each voxel that the label is false.
        previous: folder of an earlier audit of these cases; what has changed since is reported.
        order: CSV file with the columns ``case`` and ``order``, a number such as 20240131; the audit reports whether
            borders drift in this order. By default it is the order of the names.
        class_names: names of the classes, background first. They are used in the results, and give the order of the
            maps if a picture has one file for each class. By default those of ``class_values`` or ``class_colors``, or
            else the values of the labels.
        class_values: value of each class in the label files, by name, such as ``"{'background': 0, 'tumor': 255}"``; by
            default it is derived from the label files. With several annotators a mapping may stand under the name of
            the one whose values differ: ``"{'tumor': 255, 'AR': {'tumor': 1}}"``. So also in ``--class_colors``.
        ignore_value: value in the label files that means not labeled, such as 255; of colored labels a color.
        output_format: also write each suspicious label, with the regions that are likely to be false, into
            ``tool_files/``, in the format of the tool in which it is corrected: seg.nrrd (3D Slicer), dicom_seg (for
            DICOM series) or label_studio (for pictures).
        label_threshold: value in gray masks, such as masks with smoothed borders, above which a pixel is foreground.
        class_colors: color of each class in colored label pictures, by name, such as ``"{'tumor': '#ff0000'}"``.

    Raises:
        InputError: folders or options that cannot be used, or some cases could not be audited.

    Example:
        One label for each case, and three annotators with maps of two folds:

            python -m common.audit --labels labels/ --probabilities maps/ --output audit/
            python -m common.audit --labels AR/ HS/ SG/ --probabilities fold_0/ fold_1/ --output audit/
    """
    drawn, folders = ([Path(name) for name in listed(given)] for given in (labels, probabilities))
    target = Path(str(output))
    pictures = None if images is None else Path(str(images))
    if axes not in AXES:
        raise InputError(f"axes: expected zyx or xyz, got {axes!r}.")
    check_limits(least_certainty, suspicious)
    if border_mm is not None and not 0 < _number("border_mm", border_mm) < float("inf"):
        raise InputError(f"border_mm: expected a number above 0, got {border_mm}.")
    if not isinstance(maps, bool):
        raise InputError(f"maps: expected true or false, got {maps!r}.")
    for folder in (*drawn, *folders, *([pictures] if pictures is not None else [])):
        if folder.resolve() == target.resolve():
            raise InputError(f"output: expected another folder than {folder}, which is read.")
    check_writable("output", target)
    options: dict[str, Any] = {
        "axes": axes,
        "border_mm": None if border_mm is None else float(border_mm),
        "least_certainty": float(least_certainty),
        "suspicious": float(suspicious),
        "maps_of_false_labels": maps,
        "previous": None if previous is None else Path(str(previous)),
        "order": None if order is None else read_order(Path(str(order))),
        "output_format": output_format,
    }
    said = {"class_values": class_values, "class_colors": class_colors, "ignore_value": ignore_value}
    said["label_threshold"] = label_threshold
    names = listed(class_names) if isinstance(class_names, str) else class_names
    named = names_of("class_names", names) if names else names_of_classes(class_values, class_colors)
    if len(drawn) == 1:
        with locked_folder(target):
            content = audit_folders(drawn[0], folders, target, pictures, class_names=named, **options, **said)
        print_audit(content, target)
        return
    sources = folder_cases(drawn)
    cases = [case.name for case in sources.cases]
    check_order(options["order"], cases)
    found = probability_files(cases, folders, named)
    shown = images_of(pictures, cases) if pictures is not None else {}
    title = drawn[0].resolve().parent.name
    with locked_folder(target):
        content = audit_annotators(sources, found, target, title, shown, class_names=named, said=said, **options)
    print_annotators(content, target)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name}: expected a number, got {value!r}.")
    return float(value)


if __name__ == "__main__":
    run_command(audit)
