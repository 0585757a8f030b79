#!/usr/bin/env python3
"""Checks the links that mdBook and GitHub would let rot.

Usage: check_links.py BOOK, where BOOK is the folder of the built book. Looked at:

- every link and picture on the book's pages: the file is there, and so is the heading it points at;
- every `{{#include file:anchor}}` in the chapters: mdBook includes nothing, silently, for an unknown anchor;
- every relative link in the Markdown files outside the book, such as README.md.

Links to other hosts are not followed.
"""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

INCLUDE = re.compile(r"(?<!\\)\{\{#(?:rustdoc_)?include\s+([^}\s:]+)(?::([^}\s]+))?\s*\}\}")
MARKDOWN_LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
FENCED = re.compile(r"^ *(```+|~~~+).*?^ *\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.MULTILINE)


class Page(HTMLParser):
    """The ids a page defines and the places it points at."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.targets = set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.ids.add(value)
            elif name in ("href", "src"):
                self.targets.append(value)


def local(target):
    """Path and fragment of a link that stays here, else None."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return None
    return unquote(parts.path), unquote(parts.fragment)


def book_pages(book):
    pages = {path.resolve(): Page(path) for path in sorted(book.rglob("*.html"))}
    for path, page in pages.items():
        # The first holds every chapter once more, the other is shown under any address.
        if path.name in ("print.html", "404.html"):
            continue
        for target in page.targets:
            if (link := local(target)) is None:
                continue
            to = (path.parent / link[0]).resolve() if link[0] else path
            if to.is_dir():
                to /= "index.html"
            where = path.relative_to(book.resolve())
            if not to.exists():
                yield f"{where}: no such page or file: {target}"
            elif link[1] and to in pages and link[1] not in pages[to].ids:
                yield f"{where}: no such heading: {target}"


def includes(sources):
    for chapter in sorted(sources.rglob("*.md")):
        for file, anchor in INCLUDE.findall(chapter.read_text(encoding="utf-8")):
            included = chapter.parent / file
            if not included.is_file():
                yield f"{chapter}: no such file to include: {file}"
            elif anchor and not re.fullmatch(r"[\d:]+", anchor):
                text = included.read_text(encoding="utf-8")
                for mark in ("ANCHOR", "ANCHOR_END"):
                    if not re.search(rf"\b{mark}:\s*{re.escape(anchor)}\s*$", text, re.MULTILINE):
                        yield f"{chapter}: {file} has no line `{mark}: {anchor}`"


def slugs(markdown):
    """The ids that GitHub and mdBook give to the headings of a Markdown text."""
    text = FENCED.sub("", markdown)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in HEADING.findall(text)}


def markdown_files(sources):
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "*.md"], check=True, capture_output=True, text=True
    ).stdout.split("\0")
    for path in map(Path, filter(None, tracked)):
        if sources in path.parents or not path.exists():
            continue
        for target in MARKDOWN_LINK.findall(FENCED.sub("", path.read_text(encoding="utf-8"))):
            if (link := local(target)) is None:
                continue
            to = path.parent / link[0] if link[0] else path
            if not to.exists():
                yield f"{path}: no such file: {target}"
            elif link[1] and to.suffix == ".md" and link[1] not in slugs(to.read_text(encoding="utf-8")):
                yield f"{path}: no such heading: {target}"


def main():
    sources = Path("docs/src")
    book = Path(sys.argv[1])
    problems = [*book_pages(book), *includes(sources), *markdown_files(sources)]
    print("\n".join(dict.fromkeys(problems)) or "Every link and every included anchor is there.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
