"""Makes the fonts of the reports out of Inter's variable font; run once for a new version of Inter, never by a report.

    npm pack inter-ui@4.1.1 && tar xzf inter-ui-4.1.1.tgz
    pip install fonttools brotli
    python deploy/fonts/subset_inter.py package/variable/InterVariable.woff2 src/workbench/reports/fonts

``Inter.woff2`` is for pages: Latin (Latin-1 and Extended-A) and the signs that reports use, weights 400 to 700.
``Inter-Regular.ttf`` and ``Inter-Bold.ttf`` are for charts, which Matplotlib draws as outlines: it reads no
variable font. They have Greek and Cyrillic too. Licence: SIL Open Font License 1.1, no reserved font name
(LICENSE.txt there).
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

SIGNS = "✓✗▲▼→←↑↓≥≤≈≠−–—‘’‚“”„‹›…•€™′″\u2007\u2009\u2011\u202f"  # noqa: RUF001 - these very signs
LATIN = [*range(0x20, 0x7F), *range(0xA0, 0x180), *map(ord, SIGNS)]
GREEK_AND_CYRILLIC = [*range(0x370, 0x530)]
WEIGHTS = {"Regular": 400, "Bold": 700}


def subset(source: Path, codes: list[int], features: list[str], axes: dict[str, object]) -> TTFont:
    """The glyphs of some code points, with few layout features, on part of the axes."""
    font = TTFont(source)
    options = Options(layout_features=features, hinting=False, name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14])
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    return instantiateVariableFont(font, axes)


def named(font: TTFont, style: str) -> TTFont:
    """Call it by its family and style, by which Matplotlib finds it."""
    for record, text in ((1, "Inter"), (2, style), (4, f"Inter {style}"), (6, f"Inter-{style}")):
        font["name"].setName(text, record, 3, 1, 0x409)
    return font


def main(source: Path, folder: Path) -> None:
    """Write the three files."""
    page = subset(source, LATIN, ["kern", "tnum", "ccmp", "locl"], {"opsz": 14, "wght": (400, 700)})
    page.flavor = "woff2"
    page.save(folder / "Inter.woff2")
    for style, weight in WEIGHTS.items():
        font = subset(source, LATIN + GREEK_AND_CYRILLIC, ["kern", "ccmp"], {"opsz": 14, "wght": weight})
        font.flavor = None
        named(font, style).save(folder / f"Inter-{style}.ttf")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
