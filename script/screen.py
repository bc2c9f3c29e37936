# A terminal's text with its colours on standard input, an SVG on standard output: screen.py COLUMNS ROWS PORT
#
# Colours and styles are what SGR has: 16, 256 and 24 bits, bold, dim, underlined, reversed. Bars, lines and dots
# are drawn and not written: they meet at the cells' edges whatever font the reader has, and words have the
# width of their cells.
import html
import re
import sys
from collections import defaultdict

CELL, LINE, MARGIN = 8.4, 18, 14
BACKGROUND, INK = "#16181d", "#d8dce4"
BASIC = (
    "#3b4048 #f0716b #6cc97f #e5b567 #6ca4e8 #c58fe0 #5fc4c9 #d8dce4 "
    "#7b818c #ff8a80 #7fdd93 #ffd75f #8fbdff #d7afff #7fdbe0 #ffffff"
).split()


def palette(number):
    """One of 256: sixteen, a cube of 6 × 6 × 6, and 24 greys."""
    if number < 16:
        return BASIC[number]
    if number > 231:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    number -= 16
    return "#" + "".join(f"{v and 55 + 40 * v:02x}" for v in (number // 36, number // 6 % 6, number % 6))


class Style:
    def __init__(self):
        self.reset()

    def reset(self):
        self.ink = self.behind = None
        self.bold = self.dim = self.underlined = self.reversed = False

    def take(self, parameters):
        codes = [int(code or 0) for code in parameters.replace(":", ";").split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.reset()
            elif code in (1, 2, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 4: "underlined", 7: "reversed"}[code], True)
            elif code == 22:
                self.bold = self.dim = False
            elif code in (24, 27):
                setattr(self, {24: "underlined", 27: "reversed"}[code], False)
            elif code in (38, 48) and codes:
                colour = palette(codes.pop(1)) if codes[0] == 5 else "#%02x%02x%02x" % tuple(codes[1:4])
                del codes[: 1 if codes[0] == 5 else 4]
                setattr(self, "ink" if code == 38 else "behind", colour)
            elif code in (39, 49):
                setattr(self, "ink" if code == 39 else "behind", None)
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.ink = BASIC[code % 10 + (8 if code >= 90 else 0)]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.behind = BASIC[code % 10 + (8 if code >= 100 else 0)]

    @property
    def colours(self):
        ink, behind = self.ink or INK, self.behind or BACKGROUND
        return (behind, ink) if self.reversed else (ink, behind)

    @property
    def look(self):
        return (self.colours[0], self.bold, self.dim, self.underlined)


def pieces(line, style):
    """(column, text) with the style as it is there; it goes on into the next line, as in a terminal."""
    column = 0
    for part in re.split(r"(\x1b\[[0-9;:]*m)", line):
        if part.startswith("\x1b["):
            style.take(part[2:-1])
        elif part:
            yield column, part
            column += len(part)


def place(column):
    return MARGIN + column * CELL


def short(number):
    return f"{number:.1f}".rstrip("0").rstrip(".")


def box(x, y, width, height):
    return f"M{short(x)} {short(y)}h{short(width)}v{short(height)}h-{short(width)}z"


def drawn(character, x, y):
    """The shape of a character that is one, as a path in its cell; None for what is text."""
    code = ord(character)
    if 0x2581 <= code <= 0x2588:
        height = LINE * (code - 0x2580) / 8
        return box(x, y + LINE - height, CELL, height)
    if 0x2589 <= code <= 0x258F:
        return box(x, y, CELL * (0x2590 - code) / 8, LINE)
    if character == "│":
        return box(x + CELL / 2 - 0.5, y, 1, LINE)
    if character == "─":
        return box(x, y + LINE / 2 - 0.5, CELL, 1)
    if 0x2800 < code <= 0x28FF:
        places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
        return "".join(
            box(x + column * CELL / 2 + 1, y + row * LINE / 4 + 1, 2.2, 2.5)
            for bit, (column, row) in enumerate(places)
            if (code - 0x2800) >> bit & 1
        )
    return None


class Picture:
    def __init__(self):
        self.behind, self.shapes, self.words = defaultdict(list), defaultdict(list), []
        self.looks = {}

    def name(self, look):
        return self.looks.setdefault(look, chr(ord("a") + len(self.looks)))

    def add(self, row, column, text, style):
        y = MARGIN + row * LINE
        if style.colours[1] != BACKGROUND:
            self.behind[style.colours[1]].append(box(place(column), y, len(text) * CELL, LINE))
        kept = ""
        for offset, character in enumerate(text):
            x, shape = place(column + offset), drawn(character, place(column + offset), y)
            # Full blocks in a row are one.
            if character == "█" and text[:offset].endswith("█"):
                pass
            elif character == "█":
                length = len(re.match("█+", text[offset:]).group())
                self.shapes[style.look].append(box(x, y + 1, length * CELL, LINE - 2))
            elif shape:
                self.shapes[style.look].append(shape)
            kept += " " if shape else character
        for word in re.finditer(r"\S+(?: \S+)*", kept):
            # Every word has its own place: columns stand straight whatever font the reader has.
            self.words.append(
                f'<text x="{short(place(column + word.start()))}" y="{y + 13}" class="{self.name(style.look)}"'
                f' textLength="{short(len(word.group()) * CELL)}">{html.escape(word.group())}</text>'
            )

    def draw(self, columns, rows):
        width, height = round(columns * CELL + 2 * MARGIN), rows * LINE + 2 * MARGIN
        for look in self.shapes:
            self.name(look)
        rules = "".join(
            f".{name}{{fill:{ink}{';font-weight:bold' * bold}{';opacity:.6' * dim}"
            f"{';text-decoration:underline' * underlined}}}"
            for (ink, bold, dim, underlined), name in self.looks.items()
        )
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
            f' height="{height}" role="img" aria-label="tickwatch in a terminal">'
        )
        yield (
            "<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
            f"white-space:pre}}{rules}</style>"
        )
        yield f'<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>'
        for colour, boxes in self.behind.items():
            yield f'<path fill="{colour}" d="{"".join(boxes)}"/>'
        for look, shapes in self.shapes.items():
            yield f'<path class="{self.name(look)}" d="{"".join(shapes)}"/>'
        yield from self.words
        yield "</svg>"


columns, rows, port = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
text = sys.stdin.read().replace(f"127.0.0.1:{port}", "127.0.0.1:7400")
picture, style = Picture(), Style()
for number, line in enumerate(text.split("\n")[:rows]):
    for column, piece in pieces(line, style):
        picture.add(number, column, piece, style)
print("\n".join(picture.draw(columns, rows)))
