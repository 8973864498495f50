"""A report as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import html
import os
import re
from collections.abc import Sequence
from pathlib import Path

from common.errors import InputError
from common.io.files import whole_file
from common.report.tables import markdown_table

PathLike = str | os.PathLike[str]
Section = tuple[str, str | Sequence[Sequence[object]], Sequence[PathLike]]

LONG = 60  # letters of a cell, from which on it has several lines
STYLE = """
body { max-width: 46rem; margin: 2.5rem auto; padding: 0 1.2rem; }
body { font: 1rem/1.55 system-ui, sans-serif; color: #222; background: #fff; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1.5rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid #ddd; }
img { display: block; max-width: 100%; margin: 1rem auto; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #e5e5e5; text-align: left; }
th + th, td + td { text-align: right; padding: .3rem 0 .3rem .9rem; }
th { border-bottom-color: #999; }
td { white-space: nowrap; }
td.text { white-space: normal; overflow-wrap: anywhere; min-width: 16rem; }
code { font-size: .9em; background: #f4f4f4; padding: .1em .3em; }
"""


def write_page(path: PathLike, title: str, sections: Sequence[Section], appended: str = "") -> Path:
    """Writes one HTML file with its figures inside: no script of its own, no other file, no network.

    Args:
        path: HTML file to write.
        title: heading of the page.
        sections: ``(heading, body, images)`` each. A body is text or the rows of a table, the first of them its header.
            In text an empty line parts paragraphs, ``- `` begins the items of a list, ``| `` the rows of a Markdown
            table, ``**bold**`` and ``` `code` ``` are marked so, and a backslash keeps the next sign as it is. Images
            are PNG files. An empty body, and no images, are left out.
        appended: HTML after the sections, taken as it is.

    Returns:
        The path written.

    Raises:
        InputError: an image is missing or is not a PNG file, or a row of a table has another number of cells than its
            header.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sections = [("Result", [["loss", "Dice"], ["T-Loss", 0.9]], [])]
        ...     page = write_page(f"{folder}/report.html", "T-Loss", sections)
        ...     "<h2>Result</h2>" in page.read_text(encoding="utf-8")
        True
    """
    parts = [f"<h1>{_inline(title)}</h1>"]
    for heading, body, images in sections:
        parts.append(f"<h2>{_inline(heading)}</h2>")
        if body:
            parts.append(_blocks(body if isinstance(body, str) else markdown_table(body[0], body[1:])))
        parts += [_image(image, heading) for image in images]
    document = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
{chr(10).join([*parts, *([appended] if appended else [])])}
</body>
</html>
"""
    with whole_file(path) as partial:
        partial.write_text(document, encoding="utf-8")
    return Path(path)


def _blocks(text: str) -> str:
    """Paragraphs, lists and tables as HTML."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in block.splitlines()]
        if all(line.startswith("|") for line in lines):
            blocks.append(_table(lines))
        elif all(line.startswith("- ") for line in lines):
            blocks.append("<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "</ul>")
        else:
            blocks.append(f"<p>{_inline(' '.join(lines))}</p>")
    return "\n".join(blocks)


def _cell(tag: str, text: str) -> str:
    kind = ' class="text"' if len(text) > LONG else ""
    return f"<{tag}{kind}>{_inline(text)}</{tag}>"


def _table(lines: Sequence[str]) -> str:
    """A Markdown table as HTML; its second line, the alignment, is dropped."""
    rows = []
    for tag, line in zip(["th", *["td"] * len(lines)], [lines[0], *lines[2:]], strict=False):
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        rows.append("<tr>" + "".join(_cell(tag, cell.strip()) for cell in cells) + "</tr>")
    return '<div class="table"><table>\n' + "\n".join(rows) + "\n</table></div>"


def _inline(text: str) -> str:
    """Text with bold, code and backslash as HTML."""
    pieces = []
    for piece in re.split(r"(\\[^\w\s]|`[^`]+`|\*\*.+?\*\*)", text):
        if piece.startswith("\\") and len(piece) == 2:
            pieces.append(html.escape(piece[1]))
        elif piece.startswith("`") and len(piece) > 2:
            pieces.append(f"<code>{html.escape(piece[1:-1])}</code>")
        elif piece.startswith("**") and len(piece) > 4:
            pieces.append(f"<strong>{_inline(piece[2:-2])}</strong>")
        else:
            pieces.append(html.escape(piece))
    return "".join(pieces)


def _image(file: PathLike, heading: str) -> str:
    if not Path(file).is_file():
        raise InputError(f"{file} does not exist: expected a PNG image for the section {heading!r}.")
    content = Path(file).read_bytes()
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        raise InputError(f"{file} is not a PNG image, as the section {heading!r} needs.")
    encoded = base64.b64encode(content).decode("ascii")
    return f'<img alt="{html.escape(f"{heading}: {Path(file).stem}")}" src="data:image/png;base64,{encoded}">'
