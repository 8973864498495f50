"""Bundle → self-contained zip.

The zip holds one folder, named after the bundle, in which every MONAI tool runs without this repository:
``python -m monai.bundle download --name t_loss --url …`` fetches and unpacks it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import yaml

from common.command import POSITIONAL, run_command
from common.errors import InputError
from common.io.files import check_writable, read_json, whole_file
from common.network_format import describe_network, export_options
from common.phantom_weights import (
    CHECKSUM,
    COMPANIONS,
    RECORD,
    SCORES,
    TEMPERATURE,
    WEIGHTS,
    read_record,
    train_weights,
)
from common.reached_modules import COMMON, reached_files

BUNDLES = COMMON.parent / "bundles"
REQUIRED = ("LICENSE", "configs/inference.yaml", "configs/metadata.json", "configs/train.yaml", "docs/README.md")
SHARED = ("LICENSE", "configs", "docs", WEIGHTS, TEMPERATURE, *(f"models/{name}" for name in COMPANIONS))
TEXTS = (".json", ".md", ".yaml")  # of files that may name modules of `common`
INFERENCE = "configs/inference.yaml"
ONNX_EXPORT = "configs/onnx_export.json"
PLAN, SPLIT = (f"models/{name}" for name in COMPANIONS)
MODEL_INFO = "model_info.json"


def package(
    bundle: Annotated[str, POSITIONAL],
    output: str = "dist",
    url_prefix: str = "",
    train: bool = True,
    bundles_dir: str | Path = BUNDLES,
) -> list[str]:
    """Writes a bundle as one zip, in which it runs without this repository, and prints the name of the file.

    The zip is ``BUNDLE_vVERSION.zip``; the same sources and weights give the same zip, byte for byte. It is listed in
    ``model_info.json``. Both files are written whole or not at all. The zip has the weights in the bundle's folder. If
    there are none, small ones are trained there on the generated phantom, which takes a minute or more for each bundle.
    Their scores are in the zip's ``metadata.json``, as ``eval_metrics``.

    Args:
        bundle: name of a folder of ``bundles/``, or all.
        output: folder for the files, made if missing.
        url_prefix: address of the folder from which the zip will be downloaded, for ``model_info.json``.
        train: train weights if there are none; with false, the zip then has no weights. Weights that you trained
            yourself in the bundle's folder are packaged only with false, and without scores.
        bundles_dir: folder of the bundles; by default the repository's.

    Returns:
        The zip files written.

    Raises:
        InputError: there is no such bundle, one of its files is missing, ``model_info.json`` is no JSON dictionary, or
            with ``train`` there are weights whose scores are unknown.

    Example:
        All bundles, and one with weights of your own:

            python -m common.package all --output dist --url_prefix https://example.org/files
            python -m common.package t_loss --train false
    """
    if not isinstance(train, bool):
        raise InputError(f"train: expected true or false, got {train!r}.")
    names = sorted(path.parents[1].name for path in Path(bundles_dir).glob("*/configs/metadata.json"))
    if not names:
        raise InputError(f"{bundles_dir} holds no bundle; expected <name>/configs/metadata.json.")
    if bundle != "all" and bundle not in names:
        near = get_close_matches(str(bundle), [*names, "all"], n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError(f"bundle: expected all or one of {', '.join(names)} in {bundles_dir}, got {bundle!r}{hint}.")
    check_writable("output", output)  # before weights are trained
    info = _read_model_info(Path(output, MODEL_INFO))
    written = []
    for name in names if bundle == "all" else [bundle]:
        if train:
            _ensure_weights(Path(bundles_dir, name))
        path = write_zip(Path(bundles_dir, name), output)
        source = f"{url_prefix.rstrip('/')}/{path.name}" if url_prefix else path.name
        info[path.stem] = {"checksum": hashlib.sha1(path.read_bytes()).hexdigest(), "source": source}
        written.append(str(path))
    with whole_file(Path(output, MODEL_INFO)) as partial:
        partial.write_text(json.dumps(info, indent=4, sort_keys=True) + "\n", encoding="utf-8")
    return written


def write_zip(bundle_dir: Path, output: str | Path) -> Path:
    """Writes one bundle's zip with sorted names and fixed times and permissions, uncompressed.

    Compressed bytes would depend on the machine's zlib, and weights hardly compress.

    Args:
        bundle_dir: the bundle's folder.
        output: folder for the zip.

    Returns:
        The zip's path.

    Raises:
        InputError: a file that every bundle has is missing.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in REQUIRED:
        ...         Path(folder, "method", name).parent.mkdir(parents=True, exist_ok=True)
        ...         _ = Path(folder, "method", name).write_text('{"version": "1.0.0"}', encoding="utf-8")
        ...     write_zip(Path(folder, "method"), folder).name
        'method_v1.0.0.zip'
    """
    _require_files(bundle_dir)
    version = read_json(bundle_dir / "configs/metadata.json", ["version"])["version"]
    path = Path(output, f"{bundle_dir.name}_v{version}.zip")
    contents = bundle_contents(bundle_dir)
    with whole_file(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(f"{bundle_dir.name}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, on every machine
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, contents[name])
    return path


def bundle_contents(bundle_dir: Path) -> Mapping[str, bytes]:
    """What a bundle shares, by path: configs with a JSON twin of each YAML, docs, license, weights, and its `common`.

    Of `common` it has the modules that the bundle reaches, see `reached_files`. Names of the cases that a network was
    trained with are not among it: those in ``split.json`` become digests, and the plan has no notes.

    The metadata say which channels and classes the weights have, see `describe_network`, and what was measured with
    exactly these, where that is known; the arguments of an export to ONNX have its axes and channels, and
    ``inference.yaml`` its plan, for programs that take it from an exported model. MONAI's ``load`` looks for
    ``configs/train.json`` and ``configs/inference.json``; the twins of overlays lie beside them, so that every command
    of the documentation also works with JSON.

    Args:
        bundle_dir: the bundle's folder.

    Returns:
        Content of each file by its path in the bundle's folder, with forward slashes.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in REQUIRED:
        ...         Path(folder, "method", name).parent.mkdir(parents=True, exist_ok=True)
        ...         _ = Path(folder, "method", name).write_text('{"version": "1.0.0"}', encoding="utf-8")
        ...     contents = bundle_contents(Path(folder, "method"))
        >>> sorted(name for name in contents if name.startswith("configs/train")), "common/errors.py" in contents
        (['configs/train.json', 'configs/train.yaml'], True)
    """
    contents = {
        file.relative_to(bundle_dir).as_posix(): file.read_bytes()
        for name in SHARED
        for file in _files(bundle_dir / name)
    }
    contents |= _without_cases(bundle_dir, contents)
    if TEMPERATURE in contents:
        from common.workflow.calibration import load_temperature

        load_temperature(bundle_dir / TEMPERATURE)  # which the receiver could not use if it is damaged
    if PLAN in contents:
        text = contents[INFERENCE].decode()
        contents[INFERENCE] = _with_plan(text, contents[PLAN].decode()).encode()
    for file in (bundle_dir / "configs").glob("*.yaml"):
        twin = json.dumps(yaml.safe_load(contents[f"configs/{file.name}"]), indent=4) + "\n"
        contents[f"configs/{file.stem}.json"] = twin.encode()
    scores = read_record(bundle_dir)
    declared = metadata = read_json(bundle_dir / "configs/metadata.json")
    if WEIGHTS in contents and "network_data_format" in metadata:
        metadata = describe_network(bundle_dir, metadata, own=scores is None)
        options = read_json(bundle_dir / ONNX_EXPORT)
        if options != (fitting := export_options(options, metadata)):
            contents[ONNX_EXPORT] = (json.dumps(fitting, indent=4) + "\n").encode()
    if CHECKSUM in (metadata.get(SCORES) or {}):  # of other weights, unless they are the scores of these
        metadata = {name: value for name, value in metadata.items() if name != SCORES}
    metadata = metadata | ({SCORES: scores} if scores else {})
    if metadata != declared:
        contents["configs/metadata.json"] = (json.dumps(metadata, indent=4) + "\n").encode()
    texts = {f"{bundle_dir / name}": text.decode() for name, text in contents.items() if name.endswith(TEXTS)}
    return contents | {file.relative_to(COMMON.parent).as_posix(): file.read_bytes() for file in reached_files(texts)}


def _without_cases(bundle_dir: Path, contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """What lies beside the weights, without names of cases: they may be those of patients.

    The plan has no notes of what was decided, and the split has digests, in which only who has the cases finds them.
    """
    found = {}
    if PLAN in contents:
        from common.datasets.plan import Plan

        whole = Plan.from_json(contents[PLAN].decode(), str(bundle_dir / PLAN))
        found[PLAN] = replace(whole, notes=()).to_json().encode()
    if SPLIT in contents:
        from common.workflow.kept_split import hide_cases

        salt = hashlib.sha256(contents.get(WEIGHTS, b"")).hexdigest()[:32]
        found[SPLIT] = hide_cases(bundle_dir / SPLIT, salt).encode()
    return found


def _with_plan(inference: str, plan: str) -> str:
    """``inference.yaml`` with the plan of the packaged network where it has that of the phantom.

    A program that takes the configuration from an exported model, in another folder than the bundle's, has no
    ``plan.json``. What the values of label files mean is left out: an inference reads none, and colors among them begin
    with ``#``, which MONAI takes for the end of a key.
    """
    tree = yaml.compose(inference)
    for key in ("plan", "untrained"):
        entries = tree.value if isinstance(tree, yaml.MappingNode) else ()
        tree = next((value for name, value in entries if name.value == key), None)
    if tree is None:
        return inference
    entries = {name: value for name, value in json.loads(plan).items() if name != "format"} | {"labels": {}}
    return inference[: tree.start_mark.index] + json.dumps(entries) + inference[tree.end_mark.index :]


def _require_files(bundle_dir: Path) -> None:
    missing = [name for name in REQUIRED if not (bundle_dir / name).is_file()]
    if missing:
        raise InputError(f"{bundle_dir}: a bundle needs {', '.join(REQUIRED)}; missing: {', '.join(missing)}.")
    folds = sorted((bundle_dir / WEIGHTS).parent.glob(f"fold_*/{Path(WEIGHTS).name}"))
    if folds and not (bundle_dir / WEIGHTS).exists():
        raise InputError(
            f"{folds[0]}: expected the weights of one network in {WEIGHTS}, where MONAI's tools look for them, got "
            f"{len(folds)} networks; package one of them, or send their folders beside the zip, for the receiver's "
            "--ckpt_dir."
        )
    plan = (bundle_dir / WEIGHTS).with_name(COMPANIONS[0])
    if (bundle_dir / WEIGHTS).exists() and not plan.is_file():
        raise InputError(
            f"{bundle_dir / WEIGHTS}: expected {plan.name} of the same training beside it; copy that file there, too."
        )
    if plan.is_file():
        _require_readable_names(plan)


def _require_readable_names(plan: Path) -> None:
    """Refuses names that MONAI would take for something else in the configuration with the plan, see `_with_plan`."""
    content = read_json(plan)
    for entry in ("class_names", "channel_names", "annotators"):
        wrong = [name for name in map(str, content.get(entry, ())) if "#" in name or name.startswith(("$", "@", "%"))]
        if wrong:
            raise InputError(
                f"{plan}: expected {entry} without # and not beginning with $, @ or %, which mean something in MONAI's "
                f"configurations, got {wrong[0]!r}; give another name there."
            )


def _ensure_weights(bundle_dir: Path) -> None:
    _require_files(bundle_dir)
    if not (bundle_dir / WEIGHTS).exists():
        print(f"{bundle_dir.name}: training small weights on the phantom ...", file=sys.stderr, flush=True)
        train_weights(bundle_dir)
    elif read_record(bundle_dir) is None:
        raise InputError(
            f"{bundle_dir / WEIGHTS}: {RECORD} holds no scores of these weights, as of a training on your own data: "
            "package them without scores by --train false. Without weights, new ones are trained on the phantom."
        )


def _files(path: Path) -> Iterator[Path]:
    """``path`` itself or all files below it, without caches and hidden files."""
    if path.is_file():
        yield path
    elif path.is_dir() and path.name != "__pycache__":
        for child in path.iterdir():
            if not child.name.startswith("."):
                yield from _files(child)


def _read_model_info(path: Path) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {}
    try:
        return read_json(path)
    except InputError as error:
        raise InputError(f"{path} was to be extended but is no JSON dictionary of bundles; delete it.") from error


if __name__ == "__main__":
    run_command(package)
