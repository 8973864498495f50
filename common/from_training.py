"""What a training was given, for the other verbs of its bundle: data set, options, and the cases that it held out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from common.io.files import read_json, whole_file
from common.run_bundle import run_bundle

__all__ = ["BUNDLES", "datalist", "file_beside", "held_out", "inference_options", "reading_options", "segment"]

BUNDLES = Path(__file__).parents[1] / "bundles"
MAPS = ("save_probability", "save_probabilities", "save_marginal")  # what the bundles call it
SHARED = ("device", "amp", "backbone", "readout", "map_threshold")  # options that the inferences of some have, too


def held_out(fold: Path, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The images that the network of a fold has not seen, as a datalist for inference.

    Args:
        fold: the folder of a training, with ``split.json``: its validation cases are the fold's.
        items: of the data set, with ``case`` and ``image``.

    Returns:
        ``{"case", "image"}`` of each held-out case; the image is an absolute path, or one for each channel.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "split.json").write_text('{"validation": ["b"]}', encoding="utf-8")
        ...     items = [{"case": name, "image": f"/data/{name}.png"} for name in "ab"]
        ...     held_out(Path(folder), items)
        [{'case': 'b', 'image': '/data/b.png'}]
    """
    by_case = {item["case"]: item for item in items}
    cases = read_json(fold / "split.json", ["validation"])["validation"]
    return datalist([by_case[case] for case in cases])


def datalist(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cases for an inference, wherever it is started.

    Args:
        items: with ``case`` and ``image``, a path or one for each channel.

    Returns:
        ``{"case", "image"}`` of each, with absolute paths.

    Example:
        >>> datalist([{"case": "a", "image": ["/data/a_0.png", "/data/a_1.png"], "label": "/data/a.png"}])
        [{'case': 'a', 'image': ['/data/a_0.png', '/data/a_1.png']}]
    """

    def absolute(image: Any) -> Any:
        if isinstance(image, list):
            return [absolute(one) for one in image] if len(image) > 1 else absolute(image[0])
        return str(Path(image).resolve())

    return [{"case": item["case"], "image": absolute(item["image"])} for item in items]


def segment(
    configs: Sequence[Path],
    cases: Sequence[dict[str, Any]],
    weights: Sequence[Path],
    output: Path,
    threads: int,
    **options: Any,
) -> None:
    """Segments cases by a trained network, with their probability maps.

    Args:
        configs: configuration files of its training, train first.
        cases: of `datalist`.
        weights: folders of the network, or of several.
        output: folder of masks and maps. The datalist and the log lie beside it.
        threads: for the processor, at least 1.
        **options: of the inference.

    Raises:
        InputError: the inference failed.
    """
    inference = file_beside(configs, "inference")
    maps = {key: True for key in MAPS if key in _content(inference)}
    listed = output.with_name(f"{output.name}.json")
    with whole_file(listed) as partial:
        partial.write_text(json.dumps({"testing": list(cases)}, indent=1) + "\n", encoding="utf-8")
    networks = [path for path in configs[1:] if "network_def" in _content(path)]
    places = {"dataset_dir": listed, "output_dir": output, "ckpt_dir": [str(folder) for folder in weights]}
    log = output.with_name("inferring.log")
    run_bundle(Path.cwd(), "inferring", [inference, *networks], log, threads, **options, **places, **maps)


def inference_options(configs: Sequence[Path], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a training that the inference of its bundle has, too, with the same meaning.

    Args:
        configs: configuration files of the training, train first.
        options: of the training.

    Returns:
        Those for `segment`.

    Example:
        >>> configs = [BUNDLES / "disentangling_annotators/configs/train.yaml"]
        >>> inference_options(configs, {"readout": "estimate", "max_epochs": 3})
        {'readout': 'estimate'}
    """
    known = _content(file_beside(configs, "inference"))
    return {key: options[key] for key in SHARED if key in options and key in known}


def file_beside(configs: Sequence[Path], name: str) -> Path:
    """The configuration file of another verb, in the form that the training's has.

    Args:
        configs: configuration files of the training, train first.
        name: such as ``evaluate``.

    Returns:
        Its path, which need not exist.

    Example:
        >>> file_beside([Path("configs/train.json")], "evaluate").name
        'evaluate.json'
    """
    return configs[0].with_name(f"{name}{configs[0].suffix}")


def _content(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML


def reading_options(configs: Sequence[Path], options: Mapping[str, Any]) -> dict[str, Any]:
    """How a training reads its data set: the arguments of `read_dataset` beside the folder.

    Args:
        configs: configuration files of the training; later ones come before earlier ones.
        options: of the training, which come before its files.

    Returns:
        Value of each argument, such as ``layout``, ``annotators`` or ``modalities``, null or not, and of those that are
        given as ``data#modalities``.

    Example:
        >>> found = reading_options([BUNDLES / "t_loss/configs/train.yaml"], {"layout": "msd"})
        >>> found["layout"], found["annotators"]
        ('msd', None)
    """
    content: dict[str, Any] = {}
    for path in configs:
        content |= _content(path)
    place = "data#dataset" if "dataset" in content["data"] else "data"
    reader = content["data"].get("dataset", content["data"])
    known = content | dict(options)
    named = {name: text.removeprefix("@") for name, text in reader.items() if str(text).startswith("@")}
    read = {name: known.get(key) for name, key in named.items() if name != "dataset_dir"}
    return read | {key.removeprefix(f"{place}#"): value for key, value in known.items() if key.startswith(f"{place}#")}
