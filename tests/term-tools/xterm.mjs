// xterm - @xterm/headless as an oracle: a terminal that is fed bytes and says all it shows, in the words of dump.h
//
// What the published interface does not tell (margins, tab stops, saved cursors, charsets, link numbers) is read from
// the object behind it, so the package's version is pinned in package.json.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const COLOR = 0x3ffffff, KIND = 0x3000000; // of a line: all bits are the default's
const UNDERLINE = 0x10000000; // of an attribute's foreground word
let Terminal, Unicode11Addon;

export function load(modules) {
	const require = createRequire(resolve(modules, 'package.json'));
	({ Terminal } = require('@xterm/headless'));
	({ Unicode11Addon } = require('@xterm/addon-unicode11'));
}

function color(set, rgb, c, base) {
	if (!set)
		return '';
	if (rgb)
		return base === 50 ? `;58:2::${c >> 16 & 255}:${c >> 8 & 255}:${c & 255}`
			: `;${base + 8};2;${c >> 16 & 255};${c >> 8 & 255};${c & 255}`;
	if (base === 50)
		return `;58:5:${c}`;
	return c < 8 ? `;${base + c}` : c < 16 ? `;${base + 60 + c - 8}` : `;${base + 8};5;${c}`;
}

// A style as describe.c writes it; the colour of a line that is not there is left out, as it is not kept here.
function style(a) {
	const line = a.fg & UNDERLINE ? a.extended._ext >> 26 & 7 || 1 : 0; // a link alone counts as dashed there
	let s = '0';

	for (const [on, n] of [[a.isBold(), 1], [a.isDim(), 2], [a.isItalic(), 3], [a.isBlink(), 5], [a.isInverse(), 7],
		[a.isInvisible(), 8], [a.isStrikethrough(), 9], [a.isOverline(), 53]])
		if (on)
			s += `;${n}`;
	s += line === 0 ? '' : line === 1 ? ';4' : line === 2 ? ';21' : `;4:${line}`;
	s += color(!a.isFgDefault(), a.isFgRGB(), a.getFgColor(), 30);
	s += color(!a.isBgDefault(), a.isBgRGB(), a.getBgColor(), 40);
	if (line && a.hasExtendedAttrs() && (a.extended.underlineColor & COLOR) !== COLOR && a.extended.underlineColor & KIND)
		s += color(true, a.isUnderlineColorRGB(), a.getUnderlineColor(), 50);
	return s;
}

export class Xterm {
	constructor(cols, rows, scrollback = 1000) {
		this.term = new Terminal({ cols, rows, scrollback, allowProposedApi: true, logLevel: 'off',
			windowOptions: { pushTitle: true, popTitle: true } });
		this.core = this.term._core;
		this.term.loadAddon(new Unicode11Addon());
		this.term.unicode.activeVersion = '11';
		this.decoder = new TextDecoder('utf-8', { ignoreBOM: true });
		this.replies = '';
		this.term.onData(data => { this.replies += data; });
	}

	// It drops what is no UTF-8 unseen; the platform's decoder puts U+FFFD there, as the standard says.
	feed(bytes) {
		this.core._writeBuffer.writeSync(this.decoder.decode(bytes, { stream: true }));
	}

	resize(cols, rows) {
		this.term.resize(cols, rows);
	}

	free() {
		this.term.dispose();
	}

	link(cell) {
		const id = cell.hasExtendedAttrs() ? cell.extended.urlId : 0;

		return id ? this.core._oscLinkService.getLinkData(id)?.uri ?? '' : '';
	}

	row(buffer, y) {
		const line = buffer.lines.get(y), next = buffer.lines.get(y + 1), cells = [];
		const runs = [Boolean(next && next.isWrapped)];
		const cell = this.cell ??= this.term.buffer.active.getNullCell();

		for (let x = 0; x < this.term.cols; x++) {
			line.loadCell(x, cell);
			cells.push([cell.getWidth() ? cell.getChars() || ' ' : '', style(cell), this.link(cell)]);
		}
		while (cells.length && cells.at(-1)[0] === ' ' && cells.at(-1)[1] === '0' && !cells.at(-1)[2])
			cells.pop();
		for (let x = 0; x < cells.length;) {
			const from = x, [, st, link] = cells[x];
			let text = '';

			for (; x < cells.length && cells[x][1] === st && cells[x][2] === link; x++)
				text += cells[x][0];
			runs.push([from, x - from, text, st, link]);
		}
		return JSON.stringify(runs);
	}

	rows(buffer, from, to) {
		const rows = [];

		for (let y = from; y < to; y++)
			rows.push(this.row(buffer, y));
		return rows;
	}

	saved(buffer) {
		return { x: Math.min(buffer.savedX, this.term.cols - 1), y: Math.max(buffer.savedY - buffer.ybase, 0),
			style: style(buffer.savedCurAttrData) };
	}

	// All that it shows, and what will decide how the next bytes show.
	dump() {
		const { term, core } = this, buffers = core.buffers, b = buffers.active, m = term.modes, alt = b === buffers.alt;
		const dec = core.coreService.decPrivateModes;

		return {
			alternate: alt,
			cursor: { x: Math.min(b.x, term.cols - 1), y: b.y, pending: b.x >= term.cols,
				style: style(core._inputHandler._curAttrData) },
			saved0: this.saved(buffers.normal),
			saved1: alt ? this.saved(buffers.alt) : null,
			top: b.scrollTop, bottom: b.scrollBottom + 1,
			modes: { app_cursor: m.applicationCursorKeysMode, keypad: m.applicationKeypadMode, paste: m.bracketedPasteMode,
				insert: m.insertMode, mouse: m.mouseTrackingMode, origin: m.originMode, reverse_wrap: m.reverseWraparoundMode,
				focus: m.sendFocusMode, wrap: m.wraparoundMode, sync: m.synchronizedOutputMode,
				visible: !core.coreService.isCursorHidden, encoding: core.coreMouseService.activeEncoding,
				newline: Boolean(term.options.convertEol), shape: dec.cursorStyle, blink: dec.cursorBlink },
			charset: JSON.stringify([core._charsetService.glevel, core._charsetService.charset ?? null]),
			tabs: Object.keys(b.tabs).map(Number).filter(x => b.tabs[x] && x < term.cols),
			title: core._inputHandler._windowTitle,
			screens: [this.rows(buffers.normal, buffers.normal.ybase, buffers.normal.ybase + term.rows),
				alt ? this.rows(buffers.alt, 0, term.rows) : null],
			history: this.rows(buffers.normal, 0, buffers.normal.ybase),
		};
	}
}
