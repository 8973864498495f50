"""The audit of a folder: ranking, tables, page, resuming, and cases that fail."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from common.audit import audit_folders, case_record, rank_records
from common.audit import run as audit_run
from common.audit.__main__ import audit
from common.audit.inputs import LoadedCase
from common.audit.kinds import PICTURE_DIRECTIONS
from common.errors import InputError
from common.io.files import read_csv
from common.noise import deform_label, gaussian_marginal, sample_gaussian_field

SIZE = (48, 40)
CASES = 14


def organ(case: int) -> np.ndarray:
    """(W, H): an ellipse of its own place and size, and a disc beside it."""
    x, y = np.indices(SIZE)
    wide, high = 7 + case % 4, 10 + case % 3
    body = ((x - 16 - case % 5) / wide) ** 2 + ((y - 19) / high) ** 2 < 1
    return body | (((x - 39) / 7) ** 2 + ((y - 12 - case) / 7) ** 2 < 1)


def drawn(mask: np.ndarray, generator: torch.Generator, a: float = 0.5) -> np.ndarray:
    field = sample_gaussian_field(SIZE, a, 6.0, generator, spacing=(1.0, 1.0))
    return deform_label(torch.from_numpy(mask.astype(np.uint8))[None, None], field)[0, 0].numpy() > 0


def probability(mask: np.ndarray) -> np.ndarray:
    return gaussian_marginal(torch.from_numpy(mask.astype(np.float32))[None, None], 0.5, spacing=(1.0, 1.0))[
        0, 0
    ].numpy()


def save(array: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray((array * 255).round().astype(np.uint8).T)).save(path)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Labels around their predictions, but 03 lacks the disc, 05 is that of 09, and 07's network is unsure."""
    labels, maps = tmp_path / "labels", tmp_path / "maps"
    generator = torch.Generator().manual_seed(0)
    for case in range(CASES):
        mask = organ(case)
        label = drawn(organ(9 if case == 5 else case), generator)
        if case == 3:
            label = label & (np.indices(SIZE)[0] < 31)
        save(label, labels / f"case_{case:02}.png")
        save(probability(mask) * (0.55 if case == 7 else 1.0), maps / f"case_{case:02}.png")
    return labels, maps, tmp_path / "audit"


def test_the_audit_of_a_folder(folders: tuple[Path, Path, Path]) -> None:
    labels, maps, output = folders
    save(organ(0), labels / "lonely.png")
    save(organ(0), labels / "broken.png")
    (maps / "broken.png").write_bytes((maps / "case_01.png").read_bytes()[:60])
    content = audit_folders(labels, [maps], output)

    rows = {row["case"]: row for row in read_csv(output / "audit.csv")}
    assert {case for case, row in rows.items() if row["status"] == "suspicious"} == {"case_03", "case_05"}
    assert rows["case_03"]["kind"] == "missing"
    assert rows["case_05"]["kind"] == "another case's label"
    assert rows["case_05"]["candidates"].split()[0] == "case_09"
    assert rows["case_07"]["status"] == "not judged"
    assert rows["case_07"]["wrong_probability"] == ""
    assert [int(row["rank"]) for row in rows.values() if row["rank"]] == list(range(1, CASES + 1))
    assert set(list(rows)[:2]) == {"case_03", "case_05"}

    assert set(content["failures"]) == {"lonely", "broken"}
    assert rows["lonely"]["status"] == rows["broken"]["status"] == "failed"
    weights = {row["case"]: row["weight"] for row in read_csv(output / "weights.csv")}
    assert {case for case, weight in weights.items() if weight == "0"} == {"case_03", "case_05"}
    assert len(weights) == CASES

    saved = json.loads((output / "audit.json").read_text(encoding="utf-8"))
    assert saved["summary"]["suspicious"] == 2
    assert saved["summary"]["not_judged"] == 1
    assert saved["summary"]["failed"] == 2
    assert saved["summary"]["missing"] >= 1
    assert saved["summary"]["advice"].startswith("Use t_loss with --loss_name dice_ce")
    assert "15% of the labels" in saved["summary"]["advice"]
    assert 0.2 < saved["summary"]["border"]["a_mm"] < 1.0

    page = (output / "audit.html").read_text(encoding="utf-8")
    assert page.count('<li class="card') == CASES
    assert page.count(", expected Dice ") == CASES - 1  # not of the one that was not judged
    assert len(page) < 20_000 * CASES
    assert "lonely" in page
    assert 'src="http' not in page


def test_an_invented_structure_is_no_label_of_another_case_because_others_are_empty(
    folders: tuple[Path, Path, Path],
) -> None:
    """Empty labels of empty images fit as any do: they do not say how well labels usually fit."""
    labels, maps, output = folders
    for case in range(CASES, 2 * CASES):
        save(np.zeros(SIZE), labels / f"case_{case:02}.png")
        save(np.zeros(SIZE), maps / f"case_{case:02}.png")
    invented = np.roll(organ(9), 4, 0)
    save(invented, labels / "case_25.png")
    audit_folders(labels, [maps], output)
    rows = {row["case"]: row for row in read_csv(output / "audit.csv")}
    assert 0.5 < 2 * (invented & organ(9)).sum() / (2 * organ(9).sum()) < 0.9
    assert (rows["case_25"]["status"], rows["case_25"]["kind"]) == ("suspicious", "extra")
    assert rows["case_25"]["candidates"] == ""
    assert rows["case_05"]["candidates"].split()[0] == "case_09"


def test_labels_in_subfolders_are_cases_of_theirs(tmp_path: Path) -> None:
    """The maps and the audit lie below the labels, and are none; nor is what is hidden."""
    labels = tmp_path / "labels"
    for case in ("s1/x", "s2/x", "y"):
        save(organ(0), labels / f"{case}.png")
        save(probability(organ(0)), labels / f"maps/{case}_probability.png")
    save(organ(0), labels / ".old/z.png")
    (labels / "lost.png").symlink_to(tmp_path / "nowhere.png")
    for _ in range(2):  # the second time with the results of the first below the labels
        options = {"border_mm": 0.6, "maps_of_false_labels": True}
        content = audit_folders(labels, [labels / "maps"], labels / "audit", **options)
        assert sorted(row["case"] for row in content["cases"]) == ["s1/x", "s2/x", "y"]
        assert content["failures"] == {"lost": "there is no probability map of its name"}
        written = sorted(path.relative_to(labels).as_posix() for path in labels.glob("audit/false_labels/**/*.png"))
        assert written == [f"audit/false_labels/{case}.png" for case in ("s1/x", "s2/x", "y")]


def test_a_second_run_takes_what_is_there(folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    labels, maps, output = folders
    first = audit_folders(labels, [maps], output, border_mm=0.6)
    page = (output / "audit.html").read_bytes()
    made: list[str] = []

    def counted(name: str, *arguments: object) -> dict[str, object]:
        made.append(name)
        return case_record(name, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(audit_run, "case_record", counted)
    assert audit_folders(labels, [maps], output, border_mm=0.6)["cases"] == first["cases"]
    assert made == []
    assert (output / "audit.html").read_bytes() == page
    save(organ(3), labels / "case_03.png")  # corrected
    second = audit_folders(labels, [maps], output, border_mm=0.6)
    assert made == ["case_03"]
    assert [row["case"] for row in second["cases"] if row["status"] == "suspicious"] == ["case_05"]
    (output / "cases/case_01.json").write_text("{", encoding="utf-8")
    audit_folders(labels, [maps], output, border_mm=0.6)
    assert made == ["case_03", "case_01"]


def test_weights_that_were_given_by_hand_stay(folders: tuple[Path, Path, Path]) -> None:
    labels, maps, output = folders

    def weights(folder: Path) -> dict[str, str]:
        return {row["case"]: row["weight"] for row in read_csv(folder / "weights.csv")}

    audit_folders(labels, [maps], output, border_mm=0.6)
    text = (output / "weights.csv").read_text(encoding="utf-8")
    for was, given in (("case_03,0", "case_03,1"), ("case_05,0", "case_05,0.5"), ("case_01,1", "case_01,0")):
        text = text.replace(was, given)
    (output / "weights.csv").write_text(text, encoding="utf-8")
    save(organ(5), labels / "case_05.png")  # corrected
    for _ in range(2):
        notes = " ".join(audit_folders(labels, [maps], output, border_mm=0.6)["notes"])
        assert "weights.csv keeps the weights that were given by hand: case_01, case_03." in notes
        given = weights(output)
        assert (given["case_01"], given["case_03"], given["case_05"]) == ("0", "1", "1")
    assert "have changed since" not in notes
    other = output.with_name("second")
    audit_folders(labels, [maps], other, border_mm=0.6, previous=output)
    assert weights(other) == given
    (maps / "case_01.png").rename(maps / "gone.png")  # a case that fails once
    audit_folders(labels, [maps], output, border_mm=0.6)
    assert weights(output)["case_01"] == "0"
    (maps / "gone.png").rename(maps / "case_01.png")
    text = (output / "weights.csv").read_text(encoding="utf-8")
    (output / "weights.csv").write_text(text.replace("case_03,1", "case_03,0"), encoding="utf-8")  # as proposed
    for _ in range(2):  # the last word is that of the output's own table
        audit_folders(labels, [maps], output, border_mm=0.6, previous=other)
        assert (weights(output)["case_01"], weights(output)["case_03"]) == ("0", "0")
    (output / "weights.csv").write_text("case,weight\ncase_01,none\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"weights.csv: expected a number as the weight of the case case_01, got 'none'"
    ):
        audit_folders(labels, [maps], output, border_mm=0.6)


def test_volumes_with_classes_and_what_is_not_labeled(tmp_path: Path) -> None:
    """Probabilities as nnU-Net saves them; −1 hides an error in one case."""
    affine = np.diag([1.0, 1.5, 3.0, 1.0])
    (tmp_path / "maps").mkdir()
    (tmp_path / "labels").mkdir()
    for case in range(4):
        label = np.zeros((24, 22, 10), np.int16)
        label[4:12, 5:14, 3:7] = 1
        label[14:20, 5 + case : 14 + case, 2:6] = 2
        onehot = np.stack([label == index for index in range(3)])
        maps = np.where(onehot, 0.96, 0.02).transpose(0, 3, 2, 1)
        np.savez_compressed(tmp_path / f"maps/{case}.npz", probabilities=maps.astype(np.float16))
        if case in (1, 2):
            label = np.where(label == 2, -1 if case == 2 else 0, label)
        nib.save(nib.Nifti1Image(label, affine), tmp_path / f"labels/{case}.nii.gz")
    content = audit_folders(tmp_path / "labels", [tmp_path / "maps"], tmp_path / "audit", class_names=["no", "a", "b"])
    rows = {row["case"]: row for row in content["cases"]}
    assert content["failures"] == {}
    assert rows["1"]["finding"] == "missing: a part of class b of 972 mm³"
    assert rows["2"]["kind"] == rows["0"]["kind"] == "fine"
    assert rows["2"]["score"] > 0.8


def test_labels_drawn_around_decent_predictions_are_not_flagged() -> None:
    """100 labels with the border's noise alone: at most 2 % are flagged."""
    generator = torch.Generator().manual_seed(1)
    records = []
    for case in range(100):
        mask = organ(case % 14)
        maps = probability(mask)
        label = drawn(mask, generator).astype(np.int16)
        loaded = LoadedCase(label, np.stack([1 - maps, maps]), (1.0, 1.0), np.eye(4), PICTURE_DIRECTIONS, True)
        records.append(case_record(f"{case:03}", loaded, 0.5))
    assert sum(record["status"] == "suspicious" for record in rank_records(records)) <= 2
    unsure = [record | {"certainty": 0.0} for record in records if record["kind"] == "fine"]
    assert unsure and {(one["kind"], one["finding"]) for one in rank_records(unsure)} == {
        ("not judged", "the network is unsure")
    }


def test_the_command(folders: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    labels, maps, output = folders
    audit(str(labels), str(maps), str(output))
    said = capsys.readouterr().out
    assert "case_03: missing: a part of class 255" in said
    assert " pixels, the lower quartile" in said, "pictures have no millimeters"
    assert "Suspicious labels: 2 of 13; cases that could not be judged: 1." in said
    save(organ(0), labels / "lonely.png")
    with pytest.raises(InputError, match=r"1 of 15 cases could not be audited: lonely \(there is no probability map"):
        audit(str(labels), f"{maps},{maps}", str(output))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "nowhere"}, "nowhere is no folder"),
        ({"probabilities": "nowhere"}, "nowhere is no folder"),
        ({"output": "labels"}, "output: expected another folder"),
        ({"axes": "yxz"}, "axes: expected zyx or xyz, got 'yxz'"),
        ({"suspicious": 0}, "suspicious: expected a probability above 0 and up to 1, got 0"),
        ({"suspicious": 2.5}, "suspicious: expected a probability above 0 and up to 1, got 2.5"),
        ({"maps": "yes"}, "maps: expected true or false, got 'yes'"),
        ({"previous": "labels"}, "labels: expected the folder of an audit, with audit.json, got none"),
        ({"border_mm": "thick"}, "border_mm: expected a number, got 'thick'"),
        ({"least_certainty": 70}, "least_certainty: expected a number from 0 to 1, got 70"),
        ({"images": "nowhere"}, "nowhere is no folder"),
        ({"output": Path(__file__)}, "output: expected a folder for the results, but .*test_run.py is a file"),
    ],
)
def test_mistakes_are_one_sentence(folders: tuple[Path, Path, Path], options: dict[str, object], message: str) -> None:
    labels, maps, output = folders
    given = {"labels": labels, "probabilities": maps, "output": output}
    given |= {key: labels if value == "labels" else value for key, value in options.items()}
    with pytest.raises(InputError, match=message):
        audit(**given)  # type: ignore[arg-type]
    assert not output.exists()


def test_structures_have_the_names_that_are_given(
    folders: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    labels, maps, output = folders
    audit(str(labels), str(maps), str(output), class_values={"kidney": 255, "rest": 0})
    assert "case_03: missing: a part of the kidney" in capsys.readouterr().out


def test_maps_of_other_names_are_refused(folders: tuple[Path, Path, Path]) -> None:
    labels, maps, output = folders
    for path in maps.iterdir():
        path.rename(maps / f"other_{path.name}")
    with pytest.raises(InputError, match=r"maps: expected probability maps of the cases case_00, case_01.*got none"):
        audit_folders(labels, [maps], output)
