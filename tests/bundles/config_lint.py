"""Rules that every bundle's configuration obeys. Each returns the breaches that it finds, one sentence each."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pydoc import ErrorDuringImport, locate
from types import ModuleType
from typing import Any

from monai.bundle import ConfigParser, ReferenceResolver
from monai.bundle.config_item import ConfigComponent, ConfigExpression
from monai.bundle.scripts import run as bundle_run
from monai.utils import CompInitMode

SECTIONS = ("train", "validate")
RUNS = ("run", "preparing", "checking", "training", "evaluating", "inferring", "auditing")
ENGINES = ("train::trainer", "validate::evaluator")
ENTRY_POINTS = (
    "imports",
    "initialize",
    "finalize",
    *RUNS,
    "demo",
)  # MONAI starts from these, common.demo from the last
HANDLERS = ("train_handlers", "val_handlers")
METRICS = ("key_train_metric", "key_val_metric", "additional_metrics")
METRIC_NAMES = ("metrics", "metric_details", "key_metric_name")
PLACEHOLDER = "_reference_"


def read(config: Sequence[str] | dict[str, Any]) -> ConfigParser:
    """The parsed configuration. A key given twice, and a merge into what does not exist, is an error."""
    parser = ConfigParser()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        parser.read_config(config)
        parser.parse()
    return parser


def read_what_runs(config: dict[str, Any]) -> ConfigParser:
    """The part of a configuration that its entry points need: of an overlay the rest may be meant for another verb."""
    wanted, needed = [key for key in config if key in ENTRY_POINTS], set()
    while wanted:
        key = wanted.pop()
        if key in config and key not in needed:
            needed.add(key)
            texts = [text for _, text in _walk(config[key])]
            wanted += [name.split("::")[0] for text in texts for name in _names(text)]
    return read({key: value for key, value in config.items() if key in needed})


def undefined_references(parser: ConfigParser) -> list[str]:
    """``@id`` without such an id, and text that only looks like a reference or a macro."""
    found = []
    for id, text in _texts(parser):
        references = ReferenceResolver.match_refs_pattern(text)
        found += [f"{id}: @{name} is not defined" for name in references if name not in parser.ref_resolver.items]
        if text.startswith(("@", "%")) and not references:
            found.append(f"{id}: {text!r} stays text")
    return found


def circular_references(parser: ConfigParser) -> list[str]:
    """Components that need each other to be built."""
    try:
        TopologicalSorter(_graph(parser)).prepare()
    except CycleError as error:
        return [f"circular references: {' → '.join(error.args[1])}"]
    return []


def unusable_targets(parser: ConfigParser) -> list[str]:
    """``_target_`` that does not import, is ambiguous, or does not accept the arguments given."""
    found = []
    for id, component in _components(parser):
        if not _is_name(component.get_config()["_target_"]):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)
                path = component.resolve_module_name()
            target = locate(path)
        except (UserWarning, ErrorDuringImport) as error:
            found.append(f"{id}: {error}")
            continue
        if target is None:
            found.append(f"{id}: {path} does not import")
            continue
        signature = inspect.signature(target)
        called = component.get_config().get("_mode_", CompInitMode.DEFAULT) == CompInitMode.DEFAULT
        try:
            (signature.bind if called else signature.bind_partial)(**component.resolve_args())
        except TypeError as error:
            found.append(f"{id}: {path}: {error}")
    return found


def broken_expressions(parser: ConfigParser) -> list[str]:
    """``$`` expressions that do not compile, or name what is neither imported nor there."""
    found = []
    trees = {}
    for id, text in _texts(parser):
        if ConfigExpression.is_expression(text):
            code = ReferenceResolver.id_matcher.sub(PLACEHOLDER, ReferenceResolver.normalize_id(text[1:]))
            try:
                (trees[id],) = ast.parse(code).body
            except (SyntaxError, ValueError) as error:
                found.append(f"{id}: {text!r} is no expression ({error})")
    namespace = {PLACEHOLDER: None} | vars(builtins) | parser.globals
    for id, tree in trees.items():
        if isinstance(tree, ast.Import | ast.ImportFrom):
            if len(tree.names) > 1:
                found.append(f"{id}: of several names in one import, the parser takes the first")
            try:
                exec(compile(ast.Module([tree], []), id, "exec"), namespace)
            except ImportError as error:
                found.append(f"{id}: {error}")
        elif not isinstance(tree, ast.Expr):
            found.append(f"{id}: {ast.unparse(tree)!r} is a statement")
    for id, tree in trees.items():
        if isinstance(tree, ast.Expr):
            found += [f"{id}: {name} does not exist" for name in _unknown_names(tree, namespace)]
    return found


def _unknown_names(tree: ast.AST, namespace: dict[str, Any]) -> Iterator[str]:
    nodes = list(ast.walk(tree))
    local = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    local |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id not in local and node.id not in namespace:
            yield node.id
        elif isinstance(node, ast.Attribute) and re.fullmatch(r"[\w.]+", dotted := ast.unparse(node.value)):
            owner = namespace.get(dotted.partition(".")[0]) if dotted.partition(".")[0] not in local else None
            for part in dotted.split(".")[1:]:
                owner = getattr(owner, part, None) if isinstance(owner, ModuleType) else None
            if isinstance(owner, ModuleType) and not hasattr(owner, node.attr):
                yield f"{dotted}.{node.attr}"


def early_common(parser: ConfigParser) -> list[str]:
    """Use of ``common`` before MONAI has put the bundle's folder on the path."""
    graph = _graph(parser)
    waiting = [id for id in graph if id.split("::")[0] in ("imports", "initialize")]
    reached: set[str] = set()
    while waiting:
        id = waiting.pop()
        if id not in reached:
            reached.add(id)
            waiting.extend(graph.get(id, ()))
    found = []
    for id in sorted(reached & graph.keys()):
        config = parser.ref_resolver.items[id].get_config()
        text = config.get("_target_", "") if isinstance(config, dict) else config
        if isinstance(text, str) and re.search(r"\bcommon\b", text):
            found.append(f"{id}: {text!r} is evaluated before the bundle's folder is on the path")
    return found


def unproduced_metrics(parser: ConfigParser) -> list[str]:
    """Metrics that a handler names but its engine does not compute; engines that select a model without a metric."""
    found = []
    everywhere: set[str] = set()
    for id, component in _components(parser):
        arguments = component.resolve_args()
        produced = {name for key in METRICS for metrics in _expand(parser, arguments.get(key)) for name in metrics}
        counting = {  # of `common.metrics.DiceScore`
            f"{name}_{kind}"
            for key in METRICS
            for metrics in _expand(parser, arguments.get(key))
            for name, metric in metrics.items()
            if isinstance(metric, dict) and metric.get("count")
            for kind in ("absent", "missed", "false")
        }
        produced |= counting
        everywhere |= produced
        for handler in (handler for key in HANDLERS for handler in _expand(parser, arguments.get(key))):
            for argument in METRIC_NAMES:
                names = handler.get(argument) or ()
                names = (names,) if isinstance(names, str) else names
                missing = [name for name in names if name != "*" and name not in produced]
                found += [
                    f"{handler['_target_']} in {id}: no metric {name!r} among {sorted(produced)}" for name in missing
                ]
        best_of = arguments.get("best_of")
        best_of = best_of["options"].values() if isinstance(best_of, dict) and "options" in best_of else best_of
        for judge in _expand(parser, best_of):
            if "key_val_metric" not in judge:
                found.append(f"{id}: {judge['_target_']} has no key_val_metric to select the best epoch by")
    for id, text in _texts(parser):
        for name in re.findall(r"\bmetrics\[['\"](\w+)['\"]\]", text):
            if name not in everywhere:
                found.append(f"{id}: no metric {name!r} among {sorted(everywhere)}")
    return found


def missing_keys(parser: ConfigParser, keys: Sequence[str]) -> list[str]:
    """Ids that MONAI's tools and other programs look for."""
    return [f"{key} is missing" for key in keys if key not in parser]


def unused_definitions(config: dict[str, Any], overlay: dict[str, Any] | None = None) -> list[str]:
    """Definitions without effect: mistyped keys of an overlay, or what nothing refers to any more.

    Args:
        config: as read, before macros are replaced.
        overlay: whose definitions are looked at, of which ``config`` is the sum: what it replaces may leave others
            without use. None looks at all.
    """
    used = [reference for _, text in _walk(config) for reference in _names(text)]
    defined = [key for key in config if key not in (*ENTRY_POINTS, *SECTIONS, ConfigParser.meta_key)]
    defined += [
        id for section in SECTIONS for key in config.get(section, ()) if (id := f"{section}::{key}") not in ENGINES
    ]
    return [
        f"{key} is defined but nothing refers to it"
        for key in defined
        if key not in ENGINES
        and (overlay is None or any(key == written.replace("#", "::") for written in overlay))
        and not any(name == key or name.startswith(f"{key}::") for name in used)
    ]


def text_for_numbers(config: dict[str, Any]) -> list[str]:
    """YAML values that were meant as numbers or null and are text, such as ``1e-3``."""
    found = []
    for id, text in _walk(config):
        try:
            float(text)
        except ValueError:
            if text != "None":
                continue
        found.append(f"{id}: {text!r} is text")
    return found


def numbered_handlers(text: str) -> list[str]:
    """Handlers addressed by position, which shifts when one of them is disabled."""
    return re.findall(r"\w*handlers\s*(?:(?:#|::)-?\d+|\[[-\d:\s]+\])", text)


def mistyped_options(text: str, configs: Sequence[dict[str, Any]]) -> list[str]:
    """Options of ``monai.bundle run`` commands that no configuration defines: MONAI ignores them silently."""
    known = set(inspect.signature(bundle_run).parameters)
    known |= {ReferenceResolver.split_id(key)[0] for config in configs for key in config}
    found = []
    for line in re.sub(r"\\\n\s*#?", " ", text).splitlines():
        _, command, options = line.partition("monai.bundle run ")
        for option in re.findall(r"(?<!\S)--([\w#:]+)", options) if command else ():
            if ReferenceResolver.split_id(option)[0] not in known:
                found.append(f"--{option} in {line.strip()!r}")
    return found


def lines_of(text: str) -> Counter[str]:
    """The lines of a configuration, without comments."""
    return Counter(line for raw in text.splitlines() if (line := re.sub(r"(^|\s)#.*", "", raw).rstrip()))


def common_lines(texts: Sequence[str]) -> Counter[str]:
    """The lines that stand in all of several configurations."""
    first, *others = map(lines_of, texts)
    for other in others:
        first = first & other
    return first


def shared_lines(first: str, second: str, without: Counter[str] | None = None) -> float:
    """Share of lines that two configurations have in common, relative to the shorter one; comments do not count."""
    lines, others = (lines_of(text) - (without or Counter()) for text in (first, second))
    return (lines & others).total() / min(lines.total(), others.total())


def _names(text: str) -> list[str]:
    """Ids that a reference, an expression or a macro names."""
    if not text.startswith(("@", "$", "%")):
        return []
    return [*ReferenceResolver.match_refs_pattern(text), ConfigParser.split_path_id(text[1:])[1]]


def _walk(config: Any, id: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(config, str):
        yield id, config
    elif isinstance(config, dict | list):
        for _, sub_id, value in ReferenceResolver.iter_subconfigs(id, config):
            yield from _walk(value, sub_id)


def _texts(parser: ConfigParser) -> Iterator[tuple[str, str]]:
    for id, item in parser.ref_resolver.items.items():
        if isinstance(item.get_config(), str):
            yield id, item.get_config()


def _components(parser: ConfigParser) -> Iterator[tuple[str, ConfigComponent]]:
    for id, item in parser.ref_resolver.items.items():
        if isinstance(item, ConfigComponent):
            yield id, item


def _graph(parser: ConfigParser) -> dict[str, list[str]]:
    """Id → ids that must be resolved before it, as MONAI resolves them."""
    items = parser.ref_resolver.items
    return {id: list(ReferenceResolver.find_refs_in_config(item.get_config(), id)) for id, item in items.items()}


def _is_name(target: Any) -> bool:
    return isinstance(target, str) and not target.startswith(("@", "$"))


def _expand(parser: ConfigParser, value: Any) -> list[dict[str, Any]]:
    """The dictionaries in a value that is given in place, by reference, or as an expression of references."""
    if isinstance(value, dict):
        return [value]
    if isinstance(value, str):
        value = [parser.get(name) for name in ReferenceResolver.match_refs_pattern(value)]
    return [found for member in value or () for found in _expand(parser, member)]
