"""Bundles that are released on GitHub and Hugging Face, and MONAI's look-ups and downloads there."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import monai.bundle
import monai.bundle.scripts
import pytest
import requests
from bundle_runs import copy_bundle
from local_server import serve

from common.package import package

REPOSITORY = "owner/bundles"
API, RAW, SITE = "https://api.github.com", "https://raw.githubusercontent.com", "https://github.com"
OLD, NEW = "0.1.0", "0.2.0"


@pytest.fixture(scope="module")
def hub(bundles: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What GitHub serves, by host: a tag with ``models/model_info.json`` and assets, and MONAI's special tag.

    The release has two versions of every bundle.
    """
    hub, sources, made = (tmp_path_factory.mktemp(name) for name in ("hub", "sources", "made"))
    for bundle in bundles:
        copy_bundle(bundle.name, sources)
    for version in (OLD, NEW):
        for bundle in bundles:
            file = sources / bundle.name / "configs/metadata.json"
            file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | {"version": version}))
        package("all", output=str(made), url_prefix="https://TAG", train=False, bundles_dir=sources)
    info = made / "model_info.json"
    known = info.read_text(encoding="utf-8")
    info.unlink()
    releases = []
    for tag in ("v1", "hosting_storage_v1"):
        prefix = f"{SITE}/{REPOSITORY}/releases/download/{tag}"
        assets = shutil.copytree(made, hub / "github.com" / REPOSITORY / "releases/download" / tag)
        committed = hub / "raw.githubusercontent.com" / REPOSITORY / tag / "models"
        committed.mkdir(parents=True)
        (committed / info.name).write_text(known.replace("https://TAG", prefix), encoding="utf-8")
        names = sorted(path.name for path in assets.iterdir())
        urls = [{"name": name, "browser_download_url": f"{prefix}/{name}"} for name in names]
        releases.append({"tag_name": tag, "assets": urls})
    api = hub / "api.github.com/repos" / REPOSITORY / "releases"
    api.parent.mkdir(parents=True)
    api.write_text(json.dumps(releases))
    yield hub


@pytest.fixture
def github(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """MONAI asks this machine where it would ask GitHub."""
    scripts, release_url = monai.bundle.scripts, monai.bundle.scripts._get_git_release_url
    with serve(hub) as address:
        direct = requests.Session()
        direct.trust_env = False  # no proxy

        def local(url: str) -> str:
            return url.replace("https:/", address)

        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(scripts, "requests", SimpleNamespace(get=lambda url, **_: direct.get(local(url))))
        monkeypatch.setattr(scripts, "_get_git_release_url", lambda *args, **names: local(release_url(*args, **names)))
        yield


@pytest.mark.parametrize("tag", ["v1", "hosting_storage_v1"])
def test_look_ups(github: None, bundles: list[Path], tag: str) -> None:
    names = [path.name for path in bundles]
    found = monai.bundle.get_all_bundles_list(repo=REPOSITORY, tag=tag)
    assert sorted(found) == [(name, NEW) for name in names]
    for name in names:
        versions = monai.bundle.get_bundle_versions(name, repo=REPOSITORY, tag=tag)
        assert versions == {"latest_version": NEW, "all_versions": [OLD, NEW]}
        info = monai.bundle.get_bundle_info(name, version=OLD, repo=REPOSITORY, tag=tag)
        assert info["browser_download_url"] == f"{SITE}/{REPOSITORY}/releases/download/{tag}/{name}_v{OLD}.zip"


@pytest.mark.acceptance("download and run elsewhere")
def test_download(github: None, bundle: Path, tmp_path: Path) -> None:
    """The latest version without a number, else the one that is asked for."""
    for version, tag in ((None, "v1"), (None, "hosting_storage_v1"), (OLD, "v1")):
        folder = tmp_path / f"{version}_{tag}"
        repo = f"{REPOSITORY}/{tag}"
        monai.bundle.download(
            name=bundle.name, version=version, bundle_dir=folder, source="github", repo=repo, progress=False
        )
        metadata = json.loads((folder / bundle.name / "configs/metadata.json").read_text(encoding="utf-8"))
        assert metadata["version"] == (version or NEW)
        assert (folder / bundle.name / "common/__init__.py").is_file()


def test_hugging_face(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is pushed is what comes back, with a model card whose license is that of the bundle."""
    sources = copy_bundle(bundle.name, tmp_path / "bundles").parent
    (path,) = package(bundle.name, output=str(tmp_path), train=False, bundles_dir=sources)
    zipfile.ZipFile(path).extractall(tmp_path / "unpacked")
    hub, tags = tmp_path / "hub", []

    class Api:
        def __init__(self, token: str | None) -> None:
            pass

        def create_repo(self, **options: Any) -> None:
            hub.mkdir()

        def upload_folder(self, repo_id: str, folder_path: str) -> str:
            shutil.copytree(folder_path, hub, dirs_exist_ok=True)
            return repo_id

        def create_tag(self, repo_id: str, tag: str, exist_ok: bool) -> None:
            tags.append(tag)

    fake = SimpleNamespace(
        HfApi=Api,
        list_repo_refs=lambda repo_id: SimpleNamespace(tags=[SimpleNamespace(name=tag) for tag in tags], branches=[]),
        snapshot_download=lambda repo_id, revision, local_dir: shutil.copytree(hub, local_dir),
    )
    monkeypatch.setattr(monai.bundle.scripts, "huggingface_hub", fake)
    places = {"name": bundle.name, "bundle_dir": str(tmp_path / "unpacked")}
    monai.bundle.push_to_hf_hub(repo="owner/bundle", version=OLD, tag_as_latest_version=True, **places)
    assert tags == [OLD, "latest_version"]
    assert "license: apache-2.0" in (hub / "README.md").read_text(encoding="utf-8")
    received = tmp_path / "received"
    monai.bundle.download(name=bundle.name, source="huggingface_hub", repo="owner/bundle", bundle_dir=received)
    files = {file.relative_to(hub) for file in hub.rglob("*") if file.is_file()}
    assert files == {file.relative_to(received / bundle.name) for file in received.rglob("*") if file.is_file()}
    assert Path("common/__init__.py") in files
