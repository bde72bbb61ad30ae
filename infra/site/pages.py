"""The pages of the site as MkDocs gets them: docs/, and README.md as the start page.

What is outside docs/ has no page: a link to it becomes its text.
"""  # noqa: INP001 - MkDocs imports this file by its path

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

START = "index.md"
LINK = re.compile(r"(!?)\[([^\]]+)\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the start page and the style sheet."""
    readme = Path(config.config_file_path).with_name("README.md")
    files.append(File.generated(config, START, content=readme.read_text(encoding="utf-8")))
    files.append(File.generated(config, "site.css", content=Path(__file__).with_name("site.css").read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Follow the links of a page as the repository has them, and write them as the site does."""
    source = page.file.src_uri
    folder = "" if source == START else posixpath.dirname(f"docs/{source}")
    return LINK.sub(lambda link: _link(link, folder, posixpath.dirname(source)), markdown)


def _link(link: re.Match[str], folder: str, page_folder: str) -> str:
    mark, text, target = link.groups()
    if target.startswith("#") or re.match(r"[a-z]+:", target):
        return link[0]
    inside = posixpath.normpath(posixpath.join(folder, target))
    if not inside.startswith("docs/"):
        return text
    return f"{mark}[{text}]({posixpath.relpath(inside.removeprefix('docs/'), page_folder or '.')})"
