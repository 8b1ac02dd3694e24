# SPDX-License-Identifier: ISC
"""Programs that run while a test goes on: with pipes, or on a terminal
whose screen can be read.  Used by test_client.py and test_control.py."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import unicodedata

from tcrp import Deadline


class Program:
    """A child with pipes; its output is read line by line."""

    def __init__(self, argv, env):
        self.process = subprocess.Popen(
            argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, bufsize=0)
        self.buffers = {self.process.stdout: b"", self.process.stderr: b""}

    def pid(self):
        return self.process.pid

    def type(self, text):
        self.process.stdin.write(text.encode())

    def end_input(self):
        self.process.stdin.close()

    def read_line(self, stream):
        """The next line without its newline, or None at the end."""
        deadline = Deadline()
        while b"\n" not in self.buffers[stream]:
            ready = select.select([stream], [], [], deadline.left())[0]
            assert ready, "no line, but %r" % self.buffers
            data = stream.read(65536)
            if not data:
                rest, self.buffers[stream] = self.buffers[stream], b""
                return rest.decode() or None
            self.buffers[stream] += data
        line, self.buffers[stream] = self.buffers[stream].split(b"\n", 1)
        return line.decode()

    def line(self):
        return self.read_line(self.process.stdout)

    def error_line(self):
        return self.read_line(self.process.stderr)

    def everything(self):
        """All that it has not been asked for, once it has ended."""
        return "".join(
            (self.buffers[stream] + stream.read()).decode()
            for stream in (self.process.stdout, self.process.stderr))

    def wait(self):
        return self.process.wait(Deadline().left())

    def close(self):
        """The end of it, whatever it is doing."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout,
                       self.process.stderr):
            stream.close()


class Screen:
    """As much of a terminal as line editors use."""

    def __init__(self, rows=24, columns=80):
        self.rows, self.columns = rows, columns
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.pending = b""

    def lines(self):
        """The screen's rows as text; a wide character is one character."""
        return ["".join(cell for cell in row if cell).rstrip()
                for row in self.cells]

    def feed(self, data):
        self.pending += data
        while self.pending:
            used = self.step(self.pending)
            if used == 0:
                return
            self.pending = self.pending[used:]

    def step(self, data):
        """Obeys one character or sequence; 0 if it is not whole yet."""
        if data[0] == 0x1b:
            return self.escape(data)
        if data[0] < 0x20 or data[0] == 0x7f:
            self.control(chr(data[0]))
            return 1
        n = 1 if data[0] < 0x80 else 2 if data[0] < 0xe0 else \
            3 if data[0] < 0xf0 else 4
        if len(data) < n:
            return 0
        self.put(data[:n].decode(errors="replace"))
        return n

    def control(self, c):
        if c == "\r":
            self.column = 0
        elif c == "\n":
            self.down()
        elif c == "\b":
            self.column = max(self.column - 1, 0)
        elif c == "\t":
            self.column = min((self.column // 8 + 1) * 8, self.columns - 1)

    def down(self):
        self.row += 1
        if self.row == self.rows:
            self.row -= 1
            self.cells.append([" "] * self.columns)
            del self.cells[0]

    def put(self, c):
        wide = unicodedata.east_asian_width(c) in "WF"
        if unicodedata.combining(c):
            return
        if self.column + (2 if wide else 1) > self.columns:
            self.column = 0
            self.down()
        self.cells[self.row][self.column] = c
        self.column += 1
        if wide:
            self.cells[self.row][self.column] = ""
            self.column += 1

    def escape(self, data):
        if len(data) < 2:
            return 0
        if data[1:2] != b"[":
            return 2
        whole = re.match(rb"\x1b\[([0-9;?>=]*)([ -/]*)([@-~])", data)
        if whole is None:
            return 0
        numbers = [int(n) if n.isdigit() else 0
                   for n in whole[1].split(b";")]
        self.sequence(whole[3].decode(), numbers[0], numbers)
        return whole.end()

    def sequence(self, what, n, numbers):
        row = self.cells[self.row]
        at = min(self.column, self.columns - 1)
        if what == "K":
            begin, end = ((at, self.columns), (0, at + 1),
                          (0, self.columns))[n]
            row[begin:end] = [" "] * (end - begin)
        elif what == "J":
            row[at:] = [" "] * (self.columns - at)
            for other in self.cells[self.row + 1:]:
                other[:] = [" "] * self.columns
        elif what == "P":
            n = min(max(n, 1), self.columns - at)
            del row[at:at + n]
            row += [" "] * n
        elif what == "@":
            for _ in range(max(n, 1)):
                row.insert(at, " ")
            del row[self.columns:]
        elif what == "C":
            self.column = min(at + max(n, 1), self.columns - 1)
        elif what == "D":
            self.column = max(self.column - max(n, 1), 0)
        elif what == "A":
            self.row = max(self.row - max(n, 1), 0)
        elif what == "B":
            self.row = min(self.row + max(n, 1), self.rows - 1)
        elif what == "G":
            self.column = min(max(n, 1), self.columns) - 1
        elif what == "H":
            self.row = min(max(n, 1), self.rows) - 1
            second = numbers[1] if len(numbers) > 1 else 1
            self.column = min(max(second, 1), self.columns) - 1


class Terminal:
    """A child on a terminal of its own, and what its screen shows."""

    def __init__(self, argv, env):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, 80, 0, 0))
        self.screen = Screen()
        self.raw = b""
        env = dict(env, TERM="xterm", LC_ALL="C.UTF-8")
        self.process = subprocess.Popen(
            argv, env=env, stdin=slave, stdout=slave, stderr=slave,
            preexec_fn=self.own_terminal)
        os.close(slave)

    @staticmethod
    def own_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, seconds):
        """Takes what arrives within that time; False at the end."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:         # EIO: the last slave is closed
            return False
        self.raw += data
        self.screen.feed(data)
        return bool(data)

    def until(self, seen, meanwhile=None):
        """Until seen(lines of the screen) is true; its value.  meanwhile
        is done again and again."""
        deadline = Deadline()
        while True:
            if meanwhile is not None:
                meanwhile()
            value = seen(self.screen.lines())
            if value:
                return value
            assert not deadline.over(), "the screen is\n" + \
                "\n".join(self.screen.lines()).rstrip()
            if not self.read(0.05 if meanwhile else deadline.left()):
                value = seen(self.screen.lines())
                assert value, "it ended with\n" + \
                    "\n".join(self.screen.lines()).rstrip()
                return value

    def until_text(self, text, meanwhile=None):
        return self.until(lambda lines: any(text in one for one in lines),
                          meanwhile)

    def echo(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def wait(self):
        """Its exit status; what it still writes is read meanwhile."""
        deadline = Deadline()
        while self.process.poll() is None:
            assert not deadline.over(), "it does not end\n" + \
                "\n".join(self.screen.lines()).rstrip()
            self.read(0.01)
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
