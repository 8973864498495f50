"""Imports inside `common` run downward only, and tests use what is public."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

COMMON = Path(__file__).parents[1] / "common"
LAYERS = [
    "commands",  # python -m common.<verb>
    "methods",
    "workflow",
    "audit",
    "consensus",  # of annotators over a data set
    "checking",
    "report",
    "datasets",
    "formats",
    "phantoms",
    "transforms",
    "networks",
    "losses",
    "metrics",
    "noise",
    "decision",
    "fusion",
    "io",
    "planes",  # of whole volumes, one after the other
    "command",  # a function as a command
    "errors",
]


def layer_of(module: str) -> str:
    """The layer of ``common.a.b``."""
    name = module.split(".")[1] if "." in module else "errors"
    return name if name in LAYERS else "commands"


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] == "common"}


@pytest.mark.parametrize("path", sorted(COMMON.rglob("*.py")), ids=lambda path: str(path.relative_to(COMMON)))
def test_imports_run_downward(path):
    parts = path.relative_to(COMMON.parent).with_suffix("").parts
    own = layer_of(".".join(parts))
    for name in imports(path):
        if path == COMMON / "__init__.py":
            assert layer_of(name) == "errors"
        else:
            assert LAYERS.index(layer_of(name)) >= LAYERS.index(own), f"{path} ({own}) imports {name}"


@pytest.mark.parametrize("room", ["losses", "metrics", "networks", "fusion", "decision", "noise"])
def test_rooms_that_read_no_files_raise_argument_errors(room):
    """A wrong tensor is a programmer's mistake; whoever knows the file makes an `InputError` of it."""
    for path in (COMMON / room).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        raised = [ast.unparse(node.exc) for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc]
        assert not [text for text in raised if text.split("(")[0] in ("InputError", "ValueError")], path


def test_every_folder_is_a_layer():
    folders = {path.parent.name for path in COMMON.glob("*/__init__.py")}
    assert folders <= set(LAYERS)


ROOMS = sorted(path.parent.name for path in COMMON.glob("*/__init__.pyi"))


@pytest.mark.parametrize("room", ROOMS)
def test_every_export_exists_and_no_module_hides_it(room):
    package = importlib.import_module(f"common.{room}")
    modules = {path.stem for path in (COMMON / room).glob("*.py")}
    for name in package.__all__:
        assert name not in modules, f"{room}/{name}.py would take the place of what it exports"
        assert getattr(package, name)


def test_importing_a_loss_loads_no_other_room(warm_monai):
    code = (
        "import sys; from common.losses import TLoss; print(*(name for name in sys.modules if 'common.' in name[:7]))"
    )
    process = warm_monai.start("-c", code, folder=COMMON.parent)
    assert process.wait(timeout=100) == 0, process.output()
    assert {name.split(".")[1] for name in process.output().split()} == {"errors", "losses"}


PRIVATE_NAME = re.compile(r"_(?!_)")
PRIVATE = {  # of other people's software, where nothing public serves
    "atexit._run_exitfuncs": "a process that ends as Python ends it, but for its modules",
    "threading._shutdown": "likewise",
    "os._exit": "a forked process must not run what its parent left to do at the end",
    "torch._standard_gamma": "the only Gamma variates of PyTorch with a generator",
    "torch._dynamo": "how often something was compiled",
    "cached._cache": "what MONAI's CacheDataset holds",
    "transform._loader": "MONAI Label sets the loader of a LoadImaged so",
    "monai.bundle.scripts._get_git_release_url": "the address that MONAI downloads from, led to a local server",
    "_get_git_release_url": "likewise",
    "torch.nn.modules.conv._ConvNd": "the base of all convolutions",
    "item._fixtureinfo": "pytest says nowhere else which fixtures a test uses",
}


def private_names(path: Path) -> Iterator[str]:
    """Names with an underscore that a test imports, reads of something other than itself, or replaces."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names if PRIVATE_NAME.match(alias.name))
        elif isinstance(node, ast.Attribute) and PRIVATE_NAME.match(node.attr):
            if ast.unparse(node.value) != "self":
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr":
            texts = [value.value for value in node.args[:2] if isinstance(value, ast.Constant)]
            yield from (str(text) for text in texts if PRIVATE_NAME.match(str(text).split(".")[-1]))


def test_tests_use_no_private_name():
    """Where a helper deserves a test of its own it has a name without underscore and a docstring in full."""
    used = {name: path for path in Path(__file__).parent.rglob("*.py") for name in private_names(path)}
    assert not {str(path): name for name, path in used.items() if name not in PRIVATE}
    assert PRIVATE.keys() <= used.keys(), "an exception that is not needed any more"
