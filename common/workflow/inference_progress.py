"""An inference that was interrupted goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.utils import ensure_tuple

from common.errors import InputError, counted, shown_names
from common.formats.save_result import UNWRITTEN
from common.io.files import whole_file, write_csv
from common.io.folder_lock import lock_folder, unlock_folder
from common.io.formats import RESULTS_RECORD
from common.workflow.monai_internals import running_workflow

__all__ = ["InferenceProgress", "weights_digest"]

TABLES = ("summary", "instances")
PLACES = {  # what may change between the interruption and the continuation: where things are, not how they are done
    *("dataset_dir", "output_dir", "ckpt_dir", "bundle_root", "device", "phantom", "overwrite", "_meta_", "imports"),
    *("run", "inferring", "initialize", "finalize"),
}

logger = logging.getLogger(__name__)


def weights_digest(network: torch.nn.Module) -> str:
    """SHA-256 of the names and values of a network's weights, wherever they lie.

    Args:
        network: network with weights on any device.

    Returns:
        64 hexadecimal digits.

    Example:
        >>> weights_digest(torch.nn.ReLU())[:8]
        'e3b0c442'
    """
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


class InferenceProgress:
    """Which images are still to be segmented, and an Ignite handler that records those that are done.

    ``inference.json`` beside ``summary.csv`` holds the digest of the weights, the settings (the configuration without
    its places, see `PLACES`) and the rows of each finished case. A case counts as finished when its image has the size
    and time of the record and all its result files exist; it is not segmented again, and its rows stay in the tables.
    Results of other weights or settings in the folder are never mixed: they are refused, or with ``overwrite`` deleted
    before the first case is segmented. With the same weights and settings it deletes those of ``items`` alone.

    Attach it after `PredictionSummary`. It also lets go of one case before the next one is read.

    Args:
        items: ``{"image": path or paths, "case": name}`` of all images.
        folder: folder of the results.
        network: network whose weights count.
        overwrite: start over, without the results of the run that the folder records.
        settings: what else must be the same; None takes the configuration that is run.
        values: further things that results depend on, by name, such as a fitted temperature.

    Attributes:
        items: those that remain.

    Raises:
        InputError: the folder holds results of other weights or settings.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "a.png").touch()
        ...     items = [{"image": f"{folder}/a.png", "case": "a"}]
        ...     len(InferenceProgress(items, folder, torch.nn.Linear(1, 1)).items)
        1
    """

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        folder: str,
        network: torch.nn.Module,
        overwrite: bool = False,
        settings: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder, self.path = Path(folder), Path(folder) / RESULTS_RECORD
        self.order = {item["case"]: index for index, item in enumerate(items)}
        self.images = {item["case"]: _stamps(item["image"]) for item in items}
        self.weights = weights_digest(network)
        known = {**(_configuration() if settings is None else settings), **(values or {})}
        self.settings = json.loads(json.dumps(known, default=str))
        self.cases: dict[str, Any] = {}
        self._former = self._recorded() if overwrite else {}
        self._written = True  # what the record names is what runs wrote, and not every file of a case's name
        self._before: dict[str, int] = {}  # when the files that the run found in its folder were written
        if not overwrite:
            self._read()
        finished = [case for case in self.order if self._is_finished(case)]
        self.items = [dict(item) for item in items if item["case"] not in finished]
        self._finished = finished
        if finished:
            logger.info("%d of %d cases are finished and are not segmented again.", len(finished), len(self.order))

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of the finished cases, and of other images that earlier runs segmented into the folder.

        Args:
            table: its name, ``summary`` or ``instances``.

        Returns:
            Rows in the order of the images, other ones last; none if no case is finished or has such a table.
        """
        return [row for case in self._with_results() for row in self.cases[case]["tables"].get(table, [])]

    def in_order(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows in the order of the images.

        Args:
            rows: with the name of a ``case`` each.

        Returns:
            The same rows; those of unknown cases are last.
        """
        return sorted(rows, key=lambda row: self.order.get(row["case"], len(self.order)))

    def run(self, evaluator: Any) -> None:
        """Segments what remains; if nothing does, the tables alone are written.

        What a process that was killed has left half-written is removed.

        Args:
            evaluator: that goes over `items`.
        """
        lock_folder(self.folder)
        for partial in self.folder.rglob(".partial-*"):
            shutil.rmtree(partial, ignore_errors=True)
        self._delete_former()
        self._before = {str(path): path.stat().st_mtime_ns for path in self.folder.rglob("*") if path.is_file()}
        if self.items:
            evaluator.run()
            self._say_where()
            return
        try:
            for table in TABLES:
                if any(table in self.cases[case]["tables"] for case in self._with_results()):
                    write_csv(self.folder / f"{table}.csv", self.rows(table), ("case",))
        finally:
            unlock_folder(self.folder)
        self._say_where()

    def _with_results(self) -> list[str]:
        """Cases that were finished before this run; what it has not read itself, it has by the same network."""
        others = [case for case, known in self.cases.items() if case not in self.order and self._exist(case, known)]
        return [*self._finished, *others]

    def _say_where(self) -> None:
        count = counted(sum(case in self.cases for case in self.order), "image")
        logger.info("%s segmented, see summary.csv in %s.", count, self.folder.absolute())

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._record)
        engine.add_event_handler(Events.GET_BATCH_STARTED, _let_go)

    def _record(self, engine: Engine) -> None:
        for item in engine.state.output:
            if item.get(UNWRITTEN):
                continue  # so that the next run tries it again
            case = item["summary"]["case"]
            found = {table: item[table] for table in TABLES if table in item}
            tables = {table: [rows] if isinstance(rows, dict) else rows for table, rows in found.items()}
            target = self.folder / case
            files = sorted(path.name for path in target.parent.glob("*") if self._is_of(path, target))
            self.cases[case] = {"image": self.images[case], "files": files, "tables": tables}
        record = {"weights": self.weights, "settings": self.settings, "cases": self.cases}
        record["files_are_written"] = self._written
        with whole_file(self.path) as partial:
            partial.write_text(json.dumps(record, indent=1, default=float) + "\n", encoding="utf-8")

    def _is_of(self, path: Path, target: Path) -> bool:
        """Whether this run wrote a file for the case: of "a" and "a_b", "a_b_mask.png" is of the latter."""
        if self._before.get(str(path)) == path.stat().st_mtime_ns:
            return False  # perhaps the image itself, as "a_0000.nii.gz"
        longer = (Path(case).name for case in self.order if Path(case).name.startswith(f"{target.name}_"))
        return path.name.startswith(f"{target.name}_") and not any(path.name.startswith(f"{name}_") for name in longer)

    def _recorded(self) -> dict[str, Any]:
        """What an earlier run has recorded in the folder; nothing if no record is there, or it is not ours."""
        try:
            record = json.loads(self.path.read_text(encoding="utf-8"))
            found = {"weights": record["weights"], "settings": record["settings"], "cases": dict(record["cases"])}
            if not all(isinstance(one["files"], list) and one["image"] is not None for one in found["cases"].values()):
                return {}
            return found | {"written": record.get("files_are_written") is True}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _delete_former(self) -> None:
        """Deletes the results of the run that is started over: no images, nothing outside of the folder."""
        root, deleted = self.folder.resolve(), 0
        cases = self._former.get("cases", {})
        images = [*self.images.values(), *(known["image"] for known in cases.values())]
        kept = {Path(path).resolve() for stamps in images for path, *_ in stamps}
        alike = self._former and (self._former["weights"], self._former["settings"]) == (self.weights, self.settings)
        if alike:  # results of other images are as good as before
            self.cases = {case: known for case, known in cases.items() if case not in self.order}
            self._written = self._former["written"] or not self.cases
            cases = {case: known for case, known in cases.items() if case in self.order}
        if self._former and not self._former["written"]:  # before, every file of the case's name was recorded
            names = [name for known in cases.values() for name in known["files"]]
            said = "Files that may be of the earlier run stay if they are not written anew: %s."
            logger.warning(said, shown_names(names))
            cases = {}
        for case, known in cases.items():
            for name in known["files"]:
                path = (root / case).parent / Path(name).name
                if path.is_file() and path.resolve().is_relative_to(root) and path.resolve() not in kept:
                    path.unlink()
                    deleted += 1
        if self._former:
            for table in TABLES:
                (root / f"{table}.csv").unlink(missing_ok=True)
            self.path.unlink()
        if deleted:
            logger.info("%s of the earlier run in %s deleted (overwrite).", counted(deleted, "file"), root)
        self._former = {}

    def _read(self) -> None:
        record = self._recorded()
        if not record:
            return
        weights, settings, cases = record["weights"], record["settings"], record["cases"]
        reason = "" if weights == self.weights else "other weights"
        if settings != self.settings:
            keys = sorted(key for key in {*settings, *self.settings} if settings.get(key) != self.settings.get(key))
            reason = f"other settings ({', '.join(keys)})"
        if reason and any(self._exist(case, cases[case]) for case in cases):
            raise InputError(
                f"output_dir: {self.folder} holds results that were made with {reason}; name another folder, or start "
                "over with --overwrite true."
            )
        self.cases = {} if reason else cases
        self._written = record["written"] or not self.cases

    def _is_finished(self, case: str) -> bool:
        known = self.cases.get(case)
        return known is not None and known["image"] == self.images[case] and self._exist(case, known)

    def _exist(self, case: str, known: Mapping[str, Any]) -> bool:
        parent = (self.folder / case).parent
        return bool(known["files"]) and all((parent / name).is_file() for name in known["files"])


def _stamps(image: Any) -> list[list[Any]]:
    return [[str(path), *_size_and_time(Path(path))] for path in ensure_tuple(image)]


def _size_and_time(path: Path) -> tuple[int, int]:
    """Of a file, or of all files of a DICOM series' folder together."""
    stats = [file.stat() for file in (path.iterdir() if path.is_dir() else [path])]
    return sum(stat.st_size for stat in stats), max((stat.st_mtime_ns for stat in stats), default=0)


def _configuration() -> dict[str, Any]:
    workflow = running_workflow()
    if workflow is None:
        return {}
    config: Any = workflow.parser.config
    return {key: value for key, value in config.items() if key not in PLACES}


def _let_go(engine: Engine) -> None:
    engine.state.batch = engine.state.output = None
