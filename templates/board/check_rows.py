"""Golden rows of a block through a board on a serial line: what it answers is compared with what the integer program says.

    python check_rows.py /dev/ttyUSB1 PACKAGE [--block NAME] [--rows N]

PACKAGE is the folder of the RTL package, with `manifest.json`. Needs Python alone, on Linux or macOS. Ends with 0 where all rows are
equal, 1 where one differs, 2 where what was given cannot be used, and 3 where the board does not answer.
"""

import argparse
import json
import os
import select
import sys
import termios
import time
from pathlib import Path

BREAK_SECONDS = 0.05
SECONDS = 5  # for an answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("port", help="such as /dev/ttyUSB1")
    parser.add_argument("package", type=Path, help="folder of the RTL package")
    parser.add_argument("--block", help="the first one when absent")
    parser.add_argument("--rows", type=int, help="all when absent")
    options = parser.parse_args()
    try:
        block, rows = golden(options.package, options.block, options.rows)
        line = opened(options.port)
    except (OSError, ValueError, KeyError, StopIteration, termios.error) as error:
        print(f"error: {options.port}, {options.package}: {error!r}", file=sys.stderr)
        return 2
    try:
        return compared(line, block, rows)
    except TimeoutError:
        print(
            f"error: no answer within {SECONDS} s: is the bitstream of this package loaded?", file=sys.stderr
        )
        return 3
    finally:
        os.close(line)


def golden(package, name, count):
    """The block's entry in the manifest, and its rows: bytes in, and the answer as a number.

    Raises:
        ValueError: its bus is wider than a byte.
    """
    manifest = json.loads((package / "manifest.json").read_text())
    block = next(one for one in manifest["blocks"] if name in (None, one["name"]))
    axis = block["axis"]
    if (axis["bytes_in"], axis["bytes_out"]) != (1, 1):
        raise ValueError("the package was not rendered with --bus-bytes 1")
    beats = [int(word, 16) for word in (package / axis["inputs"]).read_text().split()]
    answers = [int(word, 16) for word in (package / block["vectors"]["outputs"]).read_text().split()]
    each = axis["input_beats"]
    rows = [(bytes(beats[each * row : each * (row + 1)]), answer) for row, answer in enumerate(answers)]
    return block, rows[:count]


def opened(port):
    """The line at 115,200 bits a second, 8 bits, no parity, one stop bit, after a break that resets the board."""
    line = os.open(port, os.O_RDWR | os.O_NOCTTY)
    speed = termios.B115200
    control = termios.CS8 | termios.CREAD | termios.CLOCAL
    characters = termios.tcgetattr(line)[6]
    termios.tcsetattr(line, termios.TCSANOW, [0, 0, control, 0, speed, speed, characters])
    termios.tcsendbreak(line, 0)
    time.sleep(BREAK_SECONDS)
    termios.tcflush(line, termios.TCIOFLUSH)
    return line


def compared(line, block, rows):
    """0 or 1. A row is sent when the answer to the one before has come: the line has no flow control.

    Raises:
        TimeoutError: the board does not answer.
    """
    bits = block["outputs"] * block["output_bits"]
    started, different = time.monotonic(), 0
    for row, (sent, expected) in enumerate(rows):
        left = sent
        while left:
            left = left[os.write(line, left) :]
        got = int.from_bytes(answer(line, block["axis"]["output_beats"]), "little") % 2**bits
        if got != expected:
            different += 1
            print(f"row {row} differs: expected {expected:0{-(-bits // 4)}x}, got {got:0{-(-bits // 4)}x}")
    seconds = time.monotonic() - started
    print(f"{len(rows) - different} of {len(rows)} rows of {block['name']} equal, {seconds:.1f} s")
    return 1 if different or not rows else 0


def answer(line, count):
    found = b""
    while len(found) < count:
        if not select.select([line], [], [], SECONDS)[0]:
            raise TimeoutError
        found += os.read(line, count - len(found))
    return found


if __name__ == "__main__":
    sys.exit(main())
