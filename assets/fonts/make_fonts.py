"""Makes the fonts of exported frames from JetBrains Mono and Noto Sans CJK SC.

    python make_fonts.py        # fonttools==4.68.0 brotli==1.2.1

Sources: Debian's fonts-jetbrains-mono 2.242+ds-3 and fonts-noto-cjk 1:20220127+repack1-1, both under the
SIL Open Font License 1.1 (OFL.txt). Results, under the same licence and under other names:

    mono-regular.ttf, mono-bold.ttf    drawn from by the program (png, gif, apng)
    han.otf                            Chinese: GB 2312 level 1, what the lessons use, and the glosses
    *.woff2                            the same with fewer characters, embedded in svg and html
    web.txt                            the characters of mono-*.woff2: ranges of code points

All have 1000 units an em and a cell of 600 x 1320 units: 10 x 22 pixels of 60 units at scale 1. Frames,
bars, shades and the dots of charts are drawn here: they fill the cell, and their edges lie on pixels.
"""

import unicodedata
from pathlib import Path

from fontTools import subset
from fontTools.fontBuilder import FontBuilder
from fontTools.misc.transform import Transform
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.reverseContourPen import ReverseContourPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont

HERE = Path(__file__).parent
JETBRAINS = "/usr/share/fonts/truetype/jetbrains-mono/JetBrainsMono-{}.ttf"
NOTO = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
NOTO_SC = 2

PIXEL = 60
WIDTH, TOP, BOTTOM = 600, 1020, -300
# The pixel through which light lines run, and the pixels beside it that heavy ones take too.
COLUMN, ROW = (240, 300), (300, 360)


def ranges(*pairs):
    return {c for first, last in pairs for c in range(first, last + 1)}


WEB = ranges(
    (0x20, 0x7E), (0xA0, 0x17F), (0x300, 0x304), (0x306, 0x308), (0x30A, 0x30C), (0x327, 0x328),
    (0x391, 0x3A9), (0x3B1, 0x3C9), (0x2010, 0x2027), (0x2030, 0x203A), (0x2070, 0x209C),
    (0x20AC, 0x20AC), (0x2190, 0x2199), (0x2200, 0x22A5), (0x2400, 0x2421), (0x2500, 0x259F),
    (0x25A0, 0x25FF), (0x2713, 0x2717), (0x2800, 0x28FF), (0xFFFD, 0xFFFD),
)
MONO = WEB | ranges(
    (0x180, 0x24F), (0x2B0, 0x36F), (0x370, 0x52F), (0x1E00, 0x1EFF), (0x2000, 0x218F), (0x21A0, 0x23FF),
    (0x2600, 0x27BF), (0x2900, 0x2AFF), (0xFB00, 0xFB04),
)
HAN_SIGNS = ranges((0x3001, 0x3020), (0xFF01, 0xFF5E), (0xFFE5, 0xFFE5), (0x2E80, 0x2E80))


def box(pen, x0, y0, x1, y1):
    x0, x1 = max(0, x0), min(WIDTH, x1)
    y0, y1 = max(BOTTOM, y0), min(TOP, y1)
    if x0 < x1 and y0 < y1:
        pen.moveTo((x0, y0))
        pen.lineTo((x0, y1))
        pen.lineTo((x1, y1))
        pen.lineTo((x1, y0))
        pen.closePath()


def thick(line, weight):
    return line if weight == "LIGHT" else (line[0] - PIXEL, line[1] + PIXEL)


def arms(name):
    """The weight of each arm of a frame character, from its Unicode name."""
    weight, found = None, {}
    for part in name.split(" AND "):
        words = part.split()
        weight = next((w for w in words if w in ("LIGHT", "HEAVY")), weight)
        for word in words:
            for arm in {"HORIZONTAL": ["LEFT", "RIGHT"], "VERTICAL": ["UP", "DOWN"]}.get(word, [word]):
                if arm in ("LEFT", "RIGHT", "UP", "DOWN"):
                    found[arm] = weight
    return found


def draw_arms(pen, found):
    heavy = "HEAVY" in found.values()
    joint = "HEAVY" if heavy else "LIGHT"
    across = [w for a, w in found.items() if a in ("UP", "DOWN")]
    along = [w for a, w in found.items() if a in ("LEFT", "RIGHT")]
    column = thick(COLUMN, "HEAVY" if "HEAVY" in across else "LIGHT" if across else joint)
    row = thick(ROW, "HEAVY" if "HEAVY" in along else "LIGHT" if along else joint)
    for arm, weight in found.items():
        if arm == "LEFT":
            box(pen, 0, thick(ROW, weight)[0], column[1], thick(ROW, weight)[1])
        if arm == "RIGHT":
            box(pen, column[0], thick(ROW, weight)[0], WIDTH, thick(ROW, weight)[1])
        if arm == "DOWN":
            box(pen, thick(COLUMN, weight)[0], BOTTOM, thick(COLUMN, weight)[1], row[1])
        if arm == "UP":
            box(pen, thick(COLUMN, weight)[0], row[0], thick(COLUMN, weight)[1], TOP)


def draw_dashes(pen, name):
    weight = name.split()[0]
    n = {"DOUBLE": 2, "TRIPLE": 3, "QUADRUPLE": 4}[name.split()[1]]
    if name.endswith("HORIZONTAL"):
        y0, y1 = thick(ROW, weight)
        pixels = [i * 10 // n for i in range(n)]
        for i, at in enumerate(pixels):
            end = ((i + 1) * 10 // n) - 1
            box(pen, at * PIXEL, y0, max(end, at + 1) * PIXEL, y1)
    else:
        x0, x1 = thick(COLUMN, weight)
        for i in range(n):
            at, end = i * 22 // n, (i + 1) * 22 // n - 2
            box(pen, x0, BOTTOM + at * PIXEL, x1, BOTTOM + end * PIXEL)


def draw_arc(pen, name):
    """A quarter circle between two arms. Drawn for down and right, then turned about the crossing."""
    right = 1 if "RIGHT" in name else -1
    up = 1 if "UP" in name else -1
    x, y, r = sum(COLUMN) / 2, sum(ROW) / 2, 210  # so that it ends between pixels
    half = PIXEL / 2
    k = 0.5523
    at = lambda dx, dy: (x + right * dx, y + up * dy)
    curve = Cu2QuPen(pen, max_err=1, reverse_direction=(right * up > 0))
    outer, inner = r + half, r - half
    # The centre of the circle is (r, r) from the crossing; the arc runs from (0, r) to (r, 0).
    curve.moveTo(at(-half, r))
    curve.curveTo(at(-half, r - outer * k), at(r - outer * k, -half), at(r, -half))
    curve.lineTo(at(r, half))
    curve.curveTo(at(r - inner * k, half), at(half, r - inner * k), at(half, r))
    curve.closePath()
    (x0, _), (x1, _) = sorted([at(r, 0), at(2 * WIDTH, 0)])
    box(pen, round(x0), ROW[0], round(x1), ROW[1])
    (_, y0), (_, y1) = sorted([at(0, r), at(0, 3 * WIDTH)], key=lambda p: p[1])
    box(pen, COLUMN[0], round(y0), COLUMN[1], round(y1))


def draw_block(pen, c):
    height = TOP - BOTTOM
    middle = BOTTOM + height // 2
    eighth = lambda n: BOTTOM + height * n // 8
    quadrants = {
        0x2596: "c", 0x2597: "d", 0x2598: "a", 0x2599: "acd", 0x259A: "ad", 0x259B: "abc",
        0x259C: "abd", 0x259D: "b", 0x259E: "bc", 0x259F: "bcd",
    }
    if c == 0x2580:
        box(pen, 0, middle, WIDTH, TOP)
    elif 0x2581 <= c <= 0x2588:
        box(pen, 0, BOTTOM, WIDTH, eighth(c - 0x2580))
    elif 0x2589 <= c <= 0x258F:
        box(pen, 0, BOTTOM, WIDTH * (0x2590 - c) // 8, TOP)
    elif c == 0x2590:
        box(pen, WIDTH // 2, BOTTOM, WIDTH, TOP)
    elif c in (0x2591, 0x2592, 0x2593):
        draw_shade(pen, c - 0x2590)
    elif c == 0x2594:
        box(pen, 0, eighth(7), WIDTH, TOP)
    elif c == 0x2595:
        box(pen, WIDTH * 7 // 8, BOTTOM, WIDTH, TOP)
    else:
        for q in quadrants[c]:
            x, y = (0 if q in "ac" else WIDTH // 2), (BOTTOM if q in "cd" else middle)
            box(pen, x, y, x + WIDTH // 2, y + height // 2)


def draw_shade(pen, quarters):
    """One, two or three of every four pixels; whole rows where they are full."""
    for row in range(22):
        y = BOTTOM + row * PIXEL
        if quarters == 3 and row % 2:
            box(pen, 0, y, WIDTH, y + PIXEL)
        elif not (quarters == 1 and row % 2):
            for column in range(row // (2 if quarters == 1 else 1) % 2, 10, 2):
                box(pen, column * PIXEL, y, (column + 1) * PIXEL, y + PIXEL)


def draw_braille(pen, c):
    """The dots of a line: 3 x 3 pixels, evenly spaced within and between cells."""
    dots = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
    for bit, (column, row) in enumerate(dots):
        if (c - 0x2800) >> bit & 1:
            x, y = (1, 6)[column] * PIXEL, TOP - (1, 7, 12, 18)[row] * PIXEL
            box(pen, x, y - 3 * PIXEL, x + 3 * PIXEL, y)


def drawn(c):
    """Draws the character, if it is one of ours; tells whether it is."""
    name = unicodedata.name(chr(c), "")
    if 0x2580 <= c <= 0x259F:
        return lambda pen: draw_block(pen, c)
    if 0x2800 <= c <= 0x28FF:
        return lambda pen: draw_braille(pen, c)
    if not name.startswith("BOX DRAWINGS"):
        return None
    name = name.removeprefix("BOX DRAWINGS ")
    if "DASH" in name:
        return lambda pen: draw_dashes(pen, name)
    if "ARC" in name:
        return lambda pen: draw_arc(pen, name)
    if "DOUBLE" in name or "DIAGONAL" in name:
        return None
    return lambda pen: draw_arms(pen, arms(name))


def superscript_t(font, pen):
    glyphs = font.getGlyphSet()
    glyphs[font.getBestCmap()[ord("T")]].draw(TransformPen(pen, Transform(0.62, 0, 0, 0.62, 114, 340)))


def star(pen):
    from math import cos, pi, sin

    point = lambda i: (
        round(300 - sin(i * pi / 5) * (290 if i % 2 == 0 else 115)),
        round(355 + cos(i * pi / 5) * (290 if i % 2 == 0 else 115)),
    )
    # Clockwise, as TrueType fills.
    points = [point(-i) for i in range(10)]
    pen.moveTo(points[0])
    for p in points[1:]:
        pen.lineTo(p)
    pen.closePath()


def bars(pen):
    box(pen, 180, BOTTOM + 120, 240, TOP - 120)
    box(pen, 360, BOTTOM + 120, 420, TOP - 120)


def named(font, family, style):
    names = font["name"]
    copyright_ = names.getDebugName(0)
    names.names = []
    for i, text in {
        0: copyright_, 1: family, 2: style, 3: f"{family} {style}", 4: f"{family} {style}", 5: "Version 1",
        6: f"{family}-{style}".replace(" ", ""), 13: "SIL Open Font License, Version 1.1",
        14: "https://openfontlicense.org",
    }.items():
        names.setName(text, i, 3, 1, 0x409)


def reduced(font, unicodes):
    options = subset.Options(hinting=False, layout_features=[], name_IDs=["*"], notdef_outline=True)
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "DSIG", "gasp", "STAT"]
    maker = subset.Subsetter(options)
    maker.populate(unicodes=unicodes)
    maker.subset(font)


def put(font, c, draw):
    """Gives a character an outline of our own."""
    pen = TTGlyphPen(font.getGlyphSet())
    draw(pen)
    name = font.getBestCmap().get(c)
    if name is None:
        name = f"uni{c:04X}"
        font.setGlyphOrder([*font.getGlyphOrder(), name])
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[c] = name
    glyph = pen.glyph()
    glyph.recalcBounds(font["glyf"])
    font["glyf"][name] = glyph
    # Some programs move the outline to where the bearing says it begins.
    font["hmtx"][name] = (WIDTH, glyph.xMin)


def mono(style):
    font = TTFont(JETBRAINS.format(style), recalcTimestamp=False)
    has_t = [0x1D40 in font.getBestCmap()]
    reduced(font, MONO | {0x1D40})
    for c in sorted(ranges((0x2500, 0x259F), (0x2800, 0x28FF))):
        if draw := drawn(c):
            put(font, c, draw)
    if not has_t[0]:
        put(font, 0x1D40, lambda pen: superscript_t(font, pen))
    put(font, 0x2016, bars)
    put(font, 0x25AC, lambda pen: box(pen, 0, 180, WIDTH, 480))
    put(font, 0x2605, star)
    named(font, "Lookback Mono", style)
    font.save(HERE / f"mono-{style.lower()}.ttf")
    reduced(font, WEB | {0x1D40, 0x2605})
    font.flavor = "woff2"
    font.save(HERE / f"mono-{style.lower()}.woff2")
    return set(font.getBestCmap())


def as_ranges(characters):
    found = []
    for c in sorted(characters):
        if found and found[-1][1] == c - 1:
            found[-1][1] = c
        else:
            found.append([c, c])
    return "".join(f"{first:X} {last:X}\n" for first, last in found)


def lesson_characters(pattern="*.toml"):
    texts = [path.read_text() for path in (HERE.parent / "lessons").glob(pattern)]
    return {ord(c) for text in texts for c in text if ord(c) >= 0x2E80}


def gb2312_level_1():
    rows = range(0xB0, 0xD8)
    pairs = [bytes([row, cell]) for row in rows for cell in range(0xA1, 0xFF)]
    return {ord(pair.decode("gb2312")) for pair in pairs if pair.decode("gb2312", "ignore")}


def han(unicodes, path, flavor=None):
    """Outlines a little larger than in their source, in the middle of two cells."""
    source = TTCollection(NOTO).fonts[NOTO_SC]
    cmap, glyphs = source.getBestCmap(), source.getGlyphSet()
    characters = {c: cmap[c] for c in sorted(unicodes) if c in cmap}
    outlines, names = {}, {}
    scale = 1.1
    for c, name in [(None, ".notdef"), *characters.items()]:
        slack = (2 * WIDTH - glyphs[name].width * scale) / 2
        pen = T2CharStringPen(2 * WIDTH, None)
        glyphs[name].draw(TransformPen(pen, Transform(scale, 0, 0, scale, slack, -40)))
        own = ".notdef" if c is None else f"uni{c:04X}"
        outlines[own] = pen.getCharString()
        if c is not None:
            names[c] = own
    builder = FontBuilder(1000, isTTF=False)
    builder.setupGlyphOrder(list(outlines))
    builder.setupCharacterMap(names)
    builder.setupCFF("LookbackHan-Regular", {}, outlines, {})
    builder.setupHorizontalMetrics({name: (2 * WIDTH, 0) for name in outlines})
    builder.setupHorizontalHeader(ascent=TOP, descent=BOTTOM)
    builder.setupNameTable({})
    builder.setupOS2(sTypoAscender=TOP, sTypoDescender=BOTTOM, sTypoLineGap=0, usWinAscent=TOP, usWinDescent=-BOTTOM)
    builder.setupPost(keepGlyphNames=False)
    builder.font["name"].setName(source["name"].getDebugName(0), 0, 3, 1, 0x409)
    named(builder.font, "Lookback Han", "Regular")
    builder.font["head"].created = builder.font["head"].modified = source["head"].modified
    builder.font.recalcTimestamp = False
    builder.font.flavor = flavor
    builder.font.save(path)


if __name__ == "__main__":
    (HERE / "web.txt").write_text(as_ranges(mono("Regular") & mono("Bold")))
    lessons = lesson_characters()
    glosses = lesson_characters("glosses-zh.tsv")
    han(lessons | glosses | gb2312_level_1() | HAN_SIGNS, HERE / "han.otf")
    han(lessons, HERE / "han.woff2", "woff2")
