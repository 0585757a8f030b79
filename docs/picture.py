"""Draws docs/src/images/run.svg: a real run of the checker on step 1, which is solved but for one mistake.

    python3 docs/picture.py

The run takes place in a temporary workshop. Every line of its output is drawn, whole, in the colors of the terminal.
"""

import html
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs/src/images/run.svg"
SLUG = "01-api-basics"

# PATCH forgets the description whenever it is not in the body.
RIGHT = """            if let Some(description) = patch.description {
                habit.description = description;
            }
"""
WRONG = """            habit.description = patch.description.flatten();
"""

COLORS = {31: "#f38ba8", 32: "#a6e3a1", 33: "#f9e2af", 36: "#89dceb"}
PLAIN, FAINT, BACKGROUND = "#e4e6f1", "#9399b2", "#1e1e2e"
SIZE, LINE, COLUMN, MARGIN = 14, 20, 8.5, 20


def workshop(folder):
    """A workshop with one step: the solution with the mistake in it."""
    manifest = (ROOT / "Cargo.toml").read_text()
    members = f'members = ["steps/{SLUG}"]'
    manifest = re.sub(r"^members = \[.*?^\]", members, manifest, flags=re.S | re.M)
    manifest = re.sub(r"^default-members = .*$", "", manifest, flags=re.M)
    (folder / "Cargo.toml").write_text(manifest)
    shutil.copy(ROOT / "Cargo.lock", folder)
    (folder / "checker").mkdir()
    step = folder / "steps" / SLUG
    shutil.copytree(ROOT / "solutions" / SLUG, step)
    for file in step.rglob("*"):
        if file.suffix in {".rs", ".toml"}:
            text = file.read_text()
            for separator in "-_":
                name = SLUG.replace("-", separator)
                text = text.replace(f"solution{separator}{name}", f"step{separator}{name}")
            file.write_text(text)
    habits = step / "src/habits.rs"
    text = habits.read_text()
    assert RIGHT in text, "the solution of step 1 has changed: adapt this script"
    habits.write_text(text.replace(RIGHT, WRONG))


def output():
    """What the checker prints about it."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    build = ["cargo", "build", "--quiet", "-p", "checker", "--message-format", "json"]
    lines = subprocess.run(build, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout.splitlines()
    programs = (json.loads(line).get("executable") for line in lines)
    checker = [program for program in programs if program][-1]
    with tempfile.TemporaryDirectory() as folder:
        workshop(Path(folder))
        run = [checker, "check", "1", "--color", "always", "--seed", "7"]
        for _ in range(2):  # The second time, everything is built.
            done = subprocess.run(run, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout


def pieces(line):
    """The parts of a line, each with its style."""
    color, weight = PLAIN, ""
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if not part.startswith("\x1b["):
            if part:
                yield part, color, weight
            continue
        for code in map(int, part[2:-1].split(";") if part[2:-1] else ["0"]):
            if code == 0:
                color, weight = PLAIN, ""
            elif code == 1:
                weight = ' font-weight="bold"'
            elif code == 2:
                color = FAINT
            else:
                color = COLORS[code]


def draw(text):
    lines = [f"\x1b[2m$\x1b[0m cargo run -p checker", *text.rstrip("\n").split("\n")]
    widest = max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines)
    width, height = int(widest * COLUMN) + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="{SIZE}">',
        f'<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>',
    ]
    for number, line in enumerate(lines):
        column, y = 0, MARGIN + number * LINE + SIZE
        for piece, color, weight in pieces(line):
            words = piece.lstrip(" ")
            start = column + len(piece) - len(words)
            column += len(piece)
            if words.strip():
                words = words.rstrip(" ")
                # The width is given, so that the columns stand below each other whichever font there is.
                svg.append(
                    f'<text x="{MARGIN + start * COLUMN:g}" y="{y}" fill="{color}"{weight} xml:space="preserve"'
                    f' textLength="{len(words) * COLUMN:g}">{html.escape(words, quote=False)}</text>'
                )
    return "\n".join([*svg, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(draw(output()))
    print(f"{PICTURE.relative_to(ROOT)} is drawn.")
