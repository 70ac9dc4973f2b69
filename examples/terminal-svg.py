#!/usr/bin/env python3
"""terminal-svg.py < TEXT > SVG: lines as a terminal shows them, the colors of their SGR escapes included."""
import html
import re
import sys

COLORS = {31: "#f47067", 32: "#57ab5a", 33: "#c69026", 36: "#39c5cf"}
PAPER, INK, PROMPT = "#22272e", "#cdd9e5", "#768390"
WIDTH, HEIGHT, MARGIN = 8.43, 19, 16   # of a character, of a line, around all

lines = sys.stdin.read().expandtabs(8).splitlines()
columns = max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines)
width, height = columns * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN

print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" '
      'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14">')
print(f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>')
for number, line in enumerate(lines):
    color, bold, column = INK, False, 0
    if line.startswith("$ "):
        line = f"$ \x1b[1m{line[2:]}\x1b[0m"
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b"):
            for code in map(int, part[2:-1].split(";")):
                color, bold = (INK, False) if code == 0 else (COLORS.get(code, color), bold or code == 1)
            continue
        if part.strip():
            print(f'<text xml:space="preserve" x="{MARGIN + column * WIDTH:.1f}" y="{MARGIN + (number + 0.75) * HEIGHT:.1f}" '
                  f'fill="{PROMPT if part == "$ " else color}"{" font-weight=" + chr(34) + "bold" + chr(34) if bold else ""}>'
                  f'{html.escape(part)}</text>')
        column += len(part)
print("</svg>")
