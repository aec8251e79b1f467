// terminals - many of xterm.mjs at once, as a co-process
//
// node terminals.mjs MODULES; commands on standard input, one a line, ID a number of the caller's choice:
//   new ID COLS ROWS
//   feed ID N          N bytes follow
//   resize ID COLS ROWS
//   free ID
//   dump ID            answered: JSON, of dump() in xterm.mjs but that `screen` is what is in sight, a row [[characters], [columns,
//                      style, ...]] without the blanks at its end, the second column of a wide character an empty one
//   replies ID         answered: what it said since the last time
// An answer is a line that says how many bytes follow, and these.
import { Xterm, load } from './xterm.mjs';

const SCROLLBACK = 100; // lines: nobody looks at them
const terminals = new Map();
let got = Buffer.alloc(0);

class Shown extends Xterm {
	constructor(cols, rows, scrollback) {
		super(cols, rows, scrollback);
		const handler = this.core._inputHandler, restore = handler.restoreCursor;

		this.term.parser.registerCsiHandler({ final: 'J' }, ([what]) => this.mendSaved(what));
		handler.restoreCursor = params => this.mendRestored(restore.call(handler, params));
	}

	// xterm.js counts the row of a saved cursor from the begin of the history, and goes on to do so where ED 3 erased that.
	mendSaved(what) {
		const buffer = this.core.buffers.active;

		if (what === 3)
			buffer.savedY = Math.max(buffer.savedY - buffer.ybase, 0);
		return false;
	}

	// It saves a cursor with its pending wrap, and restores it without.
	mendRestored(result) {
		const buffer = this.core.buffers.active;

		if (buffer.savedX === this.term.cols)
			buffer.x = buffer.savedX;
		return result;
	}

	// Called by dump(): no part of what is asked for here.
	rows() {
		return [];
	}

	screen() {
		const buffer = this.core.buffers.active, rows = [];

		for (let y = 0; y < this.term.rows; y++)
			rows.push(this.cells(buffer, buffer.ybase + y));
		return rows;
	}

	cells(buffer, y) {
		const chars = [], styles = [], runs = JSON.parse(this.row(buffer, y)).slice(1);
		const line = buffer.lines.get(y), cell = this.cell;

		for (const [from, n, , style] of runs) {
			for (let x = from; x < from + n; x++) {
				line.loadCell(x, cell);
				chars.push(cell.getWidth() ? cell.getChars() || ' ' : '');
			}
			if (styles.length && styles.at(-1) === style)
				styles[styles.length - 2] += n;
			else
				styles.push(n, style);
		}
		return [chars, styles];
	}
}

function answer(text) {
	const bytes = Buffer.from(text);

	process.stdout.write(Buffer.concat([Buffer.from(`${bytes.length}\n`), bytes]));
}

function obey(word, id, a, b, bytes) {
	const x = terminals.get(id);

	if (word === 'new') {
		terminals.set(id, new Shown(a, b, SCROLLBACK));
	} else if (word === 'feed') {
		x.feed(bytes);
	} else if (word === 'resize') {
		x.resize(a, b);
	} else if (word === 'free') {
		x.free();
		terminals.delete(id);
	} else if (word === 'dump') {
		const { screens, history, ...shown } = x.dump();

		answer(JSON.stringify({ ...shown, screen: x.screen() }));
	} else if (word === 'replies') {
		answer(x.replies);
		x.replies = '';
	}
}

// One command; false: it is not whole yet.
function take() {
	const end = got.indexOf(10);

	if (end < 0)
		return false;
	const [word, ...numbers] = got.subarray(0, end).toString().split(' ');
	const [id, a, b] = numbers.map(Number), n = word === 'feed' ? a : 0;

	if (got.length < end + 1 + n)
		return false;
	obey(word, id, a, b, got.subarray(end + 1, end + 1 + n));
	got = got.subarray(end + 1 + n);
	return true;
}

load(process.argv[2]);
process.stdin.on('data', data => {
	got = got.length ? Buffer.concat([got, data]) : data;
	while (take())
		;
});
