// generate - seeded streams of sequences that model and oracle both know
//
// What the oracle is known to do otherwise (doc/terminal.md, section 6) is left out, or kept apart: attributes from wide
// characters, saved cursors from scrolling, origin mode from all moves but CUP, tab stops from the alternate screen. With
// `vterm` so too what libvterm 0.1.4 does otherwise.
const NARROW = ['a', 'hello world', 'lorem ipsum dolor sit amet ', '─│┌┐', '   ', '#~`', 'ü', 'abcdefghijklmnopqrstuvwxyz', 'z'];
const WIDE = ['\x1b[K漢', '\x1b[Kな', 'e\u0301', 'x\u0301\u0302', '\x1b[K🙂', '\x1b[K한', '\x1b[KＡ', 'b']; // none over the end of what is there
const MODES = [1, 66, 25, 1000, 1002, 1003, 1004, 1006, 2004];
const SGR = ['', '0', '1', '2', '3', '4', '5', '7', '8', '9', '21', '22', '23', '24', '25', '27', '28', '29', '31', '42', '97', '104', '39', '49', '53', '55',
	'38;5;200', '48;5;17', '38;2;1;2;3', '48;2;9;8;7', '4:3', '4:0', '4:2', '38:5:9', '48:2::1:2:3', '58:5:9', '58:2::1:2:3', '59', '1;31;44', '7;4'];
const ESCAPES = ['D', 'E', 'M', '(0', '(B', ')0', ')B', '=', '>', '[?25h\x1bc'];
const C0 = ['\r', '\n', '\r\n', '\b', '\t', '\v', '\f', '\x0e', '\x0f', '\x07', '\r\n'];

function count(roll, n) { // mostly small, at times absent, nought, at an edge or beyond
	const k = roll(12);

	return k < 2 ? '' : k === 2 ? '0' : k === 3 ? String(n) : k === 4 ? String(n + 1) : k === 5 ? '9999' : String(1 + roll(k < 9 ? 4 : n));
}

const place = (roll, cols, rows) => `\x1b[${count(roll, rows)};${count(roll, cols)}H`;

function move({ roll, cols, rows }) {
	if (roll(3))
		return place(roll, cols, rows);
	return roll(2) ? `\x1b[${count(roll, rows)}${'ABEFde'[roll(6)]}` : `\x1b[${count(roll, cols)}${'CDG`a'[roll(5)]}`;
}

function edit({ roll, cols, rows, wide, vterm }) {
	const at = vterm ? `\x1b[${count(roll, cols)}G` : ''; // with a wrap pending it erases the last column, as xterm

	switch (roll(6)) {
	case 0: return `${at}\x1b[${['', '0', '1', '2'][roll(4)]}${'JK'[roll(2)]}`;
	case 1: return `${at}\x1b[?${['', '0', '1', '2'][roll(4)]}${'JK'[roll(2)]}`;
	case 2: return `\x1b[G\x1b[${count(roll, cols)}${(vterm ? 'X' : '@PX')[roll(vterm ? 1 : 3)]}`; // never with a wrap pending
	case 3: return `\r\x1b[${count(roll, rows)}${'LM'[roll(2)]}`;
	case 4: return wide ? '' : `\x1b[m\x1b[${count(roll, rows)}${'ST'[roll(2)]}`; // its blanks have no background there
	default: return `${vterm ? '\r' : ''}z\x1b[${['', '1', '2', '2'][roll(4)]}b`; // no more than a line
	}
}

function setting(g) {
	const { roll, rows, cols, wide, alternate, vterm } = g;

	switch (roll(8)) {
	case 0: return `\x1b[${count(roll, rows)};${count(roll, rows)}r`;
	case 1: return alternate ? '' : [`\x1b[${count(roll, cols)}G\x1bH`, '\x1b[3g', `\x1b[${count(roll, cols)}G\x1b[g`][roll(3)];
	case 2: return `\x1b[${1 + roll(3)}I`;
	case 3: return wide ? '' : '\r\x1b[?7llorem ipsum dolor sit amet consectetur\r\x1b[?7h';
	case 4: return vterm ? '' : `\x1b[4${'hl'[roll(2)]}`;
	case 5: return wide ? `\x1b[${roll(3)}"q` : ''; // SGR 0 ends it there
	case 6: return `\x1b[?${MODES[roll(MODES.length)]}${'hl'[roll(2)]}`;
	default: return roll(2) ? '\r\x1b7' + place(roll, cols, rows) + '*\x1b8' : '\x1b[?6h' + place(roll, cols, rows) + '+\x1b[?6l';
	}
}

function attributes({ roll }) {
	return `\x1b[${SGR[roll(SGR.length)]}${roll(2) ? '' : ';' + (30 + roll(78))}m`;
}

function piece(g) {
	const { roll } = g, text = g.wide ? WIDE : NARROW;

	switch (roll(12)) {
	case 0: case 1: case 2: return text[roll(text.length)];
	case 3: case 4: return g.vterm ? ['\r\n', '\r', '\b', '\t', '\r\v'][roll(5)] : C0[roll(C0.length)];
	case 5: return (g.vterm ? '\r\x1b' : '\x1b') + ESCAPES[roll(ESCAPES.length - (roll(9) ? 1 : 0))];
	case 6: case 7: return move(g);
	case 8: return edit(g);
	case 9: return setting(g);
	default: return g.wide ? edit(g) : attributes(g);
	}
}

// { cols, rows, pieces }: pieces are strings, so that one can be left out.
export function generate(roll, vterm = false) {
	const cols = [10, 20, 40, 80, 3, 2][roll(vterm ? 4 : 6)], rows = [4, 6, 10, 24, 2, 1][roll(6)], alternate = !roll(4);
	const g = { roll, cols, rows, alternate, vterm, wide: !vterm && !roll(3) }, pieces = alternate ? ['\x1b[?1049h'] : [];

	for (let i = 5 + roll(60); i > 0; i--)
		pieces.push(piece(g));
	if (alternate && roll(2))
		pieces.push('\x1b[r\x1b[?1047l', piece(g));
	return { cols, rows, pieces };
}
