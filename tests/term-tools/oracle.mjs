// oracle - the terminal model against @xterm/headless
//
// node oracle.mjs BUILD MODULES fidelity CUTS SEED STREAM...
//   A terminal that is painted at a cut of a recorded stream and gets the rest as the client passes it on, ends like one
//   that saw the whole stream; and shows the same at the cut.
// node oracle.mjs BUILD MODULES fidelity-vterm CUTS SEED STREAM...
//   So too in libvterm: cells, attributes, cursor, which screen.
// node oracle.mjs BUILD MODULES spoilt|spoilt-vterm CUTS SEED STREAM...
//   The same with a letter too much in each paint: every comparison must differ.
// node oracle.mjs BUILD MODULES grid CUTS SEED STREAM...
//   The model shows at each cut what the oracle shows.
// node oracle.mjs BUILD MODULES view CUTS SEED STREAM...
//   A terminal that is painted by differences at each cut shows what one shows that sees the stream.
// node oracle.mjs BUILD MODULES fuzz ROUNDS SEED
//   So too after random sequences that both know; fuzz-vterm: against libvterm. What differs is written to
//   fuzz-SEED-ROUND-COLSxROWS.vt in the current folder.
// node oracle.mjs BUILD MODULES show STREAM [BYTES]
//   What the oracle shows of it, as JSON.
//
// node oracle.mjs BUILD MODULES cases COLS ROWS
//   For cases.py: an array of inputs in hexadecimal comes in, what the oracle shows and answers goes out, both as JSON.
//
// STREAM is NAME-COLSxROWS.vt. A difference that EXCEPTIONS beside the streams lists is the oracle's fault and is counted as
// that. Each difference is a line `DIFFERS ...`; the last line is `N compared, N equal, N excepted`. Exit code 1 if
// anything else differed.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Model } from './model.mjs';
import { generate } from './generate.mjs';
import { agree, apart, ofModel, ofVterm, ofXterm } from './vterm.mjs';
import { Xterm, load } from './xterm.mjs';

const HISTORY = 400; // lines that an attach may bring
const counts = { compared: 0, excepted: 0, differ: 0 };

export function random(seed) { // mulberry32: 0 <= r < n
	return n => {
		seed = seed + 0x6d2b79f5 | 0;
		let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
		t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
		return ((t ^ t >>> 14) >>> 0) % n;
	};
}

function streamOf(path) {
	const size = /-(\d+)x(\d+)\.vt$/.exec(path);

	return { name: basename(path), bytes: readFileSync(path), cols: Number(size[1]), rows: Number(size[2]),
		exceptions: exceptionsOf(path) };
}

// Lines of EXCEPTIONS: check, stream (up to a *), pattern of the difference, reason; by tabs.
function exceptionsOf(path) {
	const file = join(dirname(path), 'EXCEPTIONS');
	const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];

	return lines.filter(l => l && !l.startsWith('#')).map(l => l.split('\t'))
		.filter(([, stream]) => stream.endsWith('*') ? basename(path).startsWith(stream.slice(0, -1)) : stream === basename(path))
		.map(([check, , pattern]) => ({ check, pattern: new RegExp(pattern) }));
}

function cutsOf(stream, n, roll) {
	return Array.from({ length: n }, () => roll(stream.bytes.length + 1)).sort((a, b) => a - b);
}

// ---- differences ----

// Where a line is wrapped softly is no part of what is seen, and each terminal keeps it elsewhere.
function rowDifferences(name, a, b) {
	const cells = row => row?.replace(/^\[(true|false),?/, '['), all = [];

	for (let y = 0; y < Math.max(a.length, b.length); y++)
		if (cells(a[y]) !== cells(b[y]))
			all.push(`${name} row ${y}: ${a[y]} != ${b[y]}`);
	return all;
}

// All in which two of dump()'s differ, in words.
function differences(a, b, keys) {
	const all = [];

	for (const key of keys) {
		if (key === 'screens' || key === 'history')
			continue;
		for (const sub of a[key] instanceof Object && !Array.isArray(a[key]) ? Object.keys(a[key]) : [null]) {
			const x = JSON.stringify(sub ? a[key][sub] : a[key]), y = JSON.stringify(sub ? b[key]?.[sub] : b[key]);

			if (x !== y)
				all.push(`${key}${sub ? '.' + sub : ''}: ${x} != ${y}`);
		}
	}
	for (const i of [0, 1])
		if (a.screens[i] && b.screens[i])
			all.push(...rowDifferences(`screen ${i}`, a.screens[i], b.screens[i]));
	return all;
}

const partOf = d => d.slice(0, d.indexOf(': ')); // of a difference in words: what it is in

// Each difference must be one that is excepted: one does not hide another. None is in a part that is known to be wrong here.
function judge(check, stream, at, found, wrong = new Set()) {
	const left = found.filter(d => wrong.has(partOf(d)) || !stream.exceptions?.some(e => e.check === check && e.pattern.test(d)));

	counts.compared++;
	if (left.length) {
		counts.differ++;
		console.log(`DIFFERS ${check} ${stream.name} at ${at}: ${left[0]}`);
	} else if (found.length) {
		counts.excepted++;
	}
	return !left.length;
}

// Feeds the model up to a cut, and says from where raw output would go on. Where a control amid a sequence took effect,
// no offset fits until the sequence ends, and the cut is there.
async function feedTo(model, stream, fed, cut) {
	await model.feed(stream.bytes.subarray(fed, cut));
	for (let end = Math.max(fed, cut); ; end++) {
		const pending = await model.pending();

		if (pending <= end)
			return [end, end - pending];
		await model.feed(stream.bytes.subarray(end, end + 1));
	}
}

// ---- fidelity ----

const PAINTED = ['alternate', 'cursor', 'saved0', 'saved1', 'top', 'bottom', 'modes', 'charset', 'tabs', 'screens'];

// The lines above the screen, as far as the painted terminal was to get them.
function historyDifferences(painted, whole, n) {
	const last = list => n ? list.slice(-n) : [];

	return rowDifferences('history', last(painted.history), last(whole.history));
}

// The parts in which a terminal does not show what the model shows.
function partsWrong(shown, truth) {
	return new Set(differences(oracleLike(shown), truth, GRID).map(partOf));
}

// Where the painted terminal is not as the model, nothing is excepted; at the end only where the other is neither.
async function compareAt(model, check, stream, at, painted, whole, n_history) {
	const keys = check === 'cut' ? [...PAINTED, 'title'] : PAINTED.filter(k => k !== 'saved1'); // doc/terminal.md, section 4
	const found = [...differences(painted, whole, keys), ...historyDifferences(painted, whole, n_history)];

	if (!found.length)
		return judge(check, stream, at, found);
	const truth = likeXterm(await model.dump()), wrong = partsWrong(painted, truth);
	if (check === 'end')
		partsWrong(whole, truth).forEach(part => wrong.delete(part));
	return judge(check, stream, at, found, wrong);
}

const PROMPT = Buffer.from('user@host:~$ cwsandbox attach\r\n');

// All that a terminal gets that is painted here; a repaint's saw an earlier part, as the client passed it on.
async function bytesPainted({ model, filter, spoil }, stream, kind, before) {
	const paint = await model.ask(`paint ${kind} ${HISTORY}`);

	await filter.fresh(stream.cols, stream.rows, 0);
	const earlier = kind === 'screen' ? await filter.filter(before) : Buffer.alloc(0);
	const passed = await filter.filter(paint); // all of it; the filter knows then where it is
	return Buffer.concat([PROMPT, earlier, passed, Buffer.from(spoil)]);
}

async function fidelity(peers, stream, n, seed) {
	const { model, filter } = peers;
	const roll = random(seed), cuts = cutsOf(stream, n, roll);
	const whole = new Xterm(stream.cols, stream.rows, 5000), shows = [];
	let fed = 0, seen = 0;

	await model.fresh(stream.cols, stream.rows, HISTORY);
	for (const cut of cuts) {
		const [end, at] = await feedTo(model, stream, fed, cut);
		fed = end;
		const kind = roll(3) ? 'attach' : 'screen';
		const painted = new Xterm(stream.cols, stream.rows, 5000);
		painted.feed(await bytesPainted(peers, stream, kind, stream.bytes.subarray(0, at >> 1)));
		const lines = kind === 'attach' ? (await model.dump()).history.length : 0;

		whole.feed(stream.bytes.subarray(seen, at));
		seen = at;
		if (!await compareAt(model, 'cut', stream, at, painted.dump(), whole.dump(), lines)) {
			painted.free();
			continue;
		}
		painted.feed(await filter.filter(stream.bytes.subarray(at)));
		shows.push({ at, lines, dump: painted.dump() });
		painted.free();
	}
	whole.feed(stream.bytes.subarray(seen));
	await model.feed(stream.bytes.subarray(fed));
	const end = whole.dump();
	for (const { at, lines, dump } of shows)
		await compareAt(model, 'end', stream, at, dump, end, lines);
	whole.free();
}

// ---- the model's grid against the oracle's ----

const MOUSE = { 0: 'none', 9: 'x10', 1000: 'vt200', 1002: 'drag', 1003: 'any' };
const ENCODINGS = { 1006: 'SGR', 1016: 'SGR_PIXELS' };
const GRID = ['alternate', 'cursor', 'saved0', 'saved1', 'top', 'bottom', 'modes', 'tabs', 'title', 'screens'];

// A run without its attributes' underline colour where there is no line: the oracle keeps none.
function runStyle(s) {
	return /;(4|21|4:\d)(;|$)/.test(s) ? s : s.replace(/;58[:\d]*/, '');
}

function isBlank([, , text, style, link]) {
	return style === '0' && !link && /^ *$/.test(text);
}

function rowText([, ...runs]) {
	const merged = [];

	for (const [x, n, text, s, link] of runs) {
		const st = runStyle(s), before = merged.at(-1);

		if (before && before[3] === st && before[4] === link) {
			before[1] += n;
			before[2] += text;
		} else {
			merged.push([x, n, text, st, link]);
		}
	}
	while (merged.length && isBlank(merged.at(-1)))
		merged.pop();
	return JSON.stringify(merged.map(trim));
}

// Written blanks and blanks are the same: the end of a row that is plain is cut in both.
function trim(run, i, all) {
	if (i + 1 < all.length || run[3] !== '0' || run[4])
		return run;
	const text = run[2].replace(/ +$/, '');

	return [run[0], run[1] - (run[2].length - text.length), text, run[3], run[4]];
}

function cursorOf(c) {
	return { x: c.x, y: c.y, style: runStyle(c.style) };
}

// A dump of the model in the form of Xterm.dump().
function likeXterm(d) {
	const on = n => d.modes.includes(n), screens = d.screens.map(rows => rows.map(rowText));

	return {
		alternate: d.alternate, cursor: { ...cursorOf(d.cursor), pending: d.cursor.pending }, saved0: cursorOf(d.saved0),
		saved1: d.alternate ? cursorOf(d.saved1) : null, top: d.top, bottom: d.bottom,
		modes: { app_cursor: on(1), keypad: on(66), paste: on(2004), insert: d.insert, mouse: MOUSE[d.mouse], origin: d.cursor.origin,
			reverse_wrap: on(45), focus: on(1004), wrap: d.wrap, sync: on(2026), visible: on(25),
			encoding: ENCODINGS[d.encoding] ?? 'DEFAULT', newline: d.newline },
		tabs: d.tabs, title: d.title, screens: [screens[0], d.alternate ? screens[1] : null],
		history: d.history.map(rowText),
	};
}

function oracleLike(d) {
	const rows = list => list?.map(r => rowText(JSON.parse(r))) ?? null;
	const { shape, blink, ...modes } = d.modes; // eslint-disable-line no-unused-vars
	const cursor = c => c && { ...c, style: runStyle(c.style) };

	return { ...d, cursor: cursor(d.cursor), saved0: cursor(d.saved0), saved1: cursor(d.saved1), modes, screens: d.screens.map(rows) };
}

// What differs, in words that begin with `both` where libvterm too does not show what the model shows; without it, none do.
async function witnessed(vterm, stream, at, model, found) {
	if (!vterm || !found.length)
		return found;
	await vterm.fresh(stream.cols, stream.rows);
	await vterm.feed(stream.bytes.subarray(0, at));
	const screen = model.alternate ? 1 : 0, parts = new Set(apart(ofModel(model), ofVterm(await vterm.dump()))
		.flatMap(({ part }) => part < 0 ? ['cursor.x', 'cursor.y'] : `screen ${screen} row ${part}`));
	return found.map(d => parts.has(partOf(d)) ? `both ${d}` : d);
}

async function grid({ model, vterm }, stream, n, seed) {
	const cuts = cutsOf(stream, n - 1, random(seed));
	const oracle = new Xterm(stream.cols, stream.rows, 1000);
	let fed = 0, seen = 0;

	await model.fresh(stream.cols, stream.rows, 1000);
	for (const cut of [...cuts, stream.bytes.length]) {
		const [end, at] = await feedTo(model, stream, fed, cut);
		fed = end;
		oracle.feed(stream.bytes.subarray(seen, at));
		seen = at;
		const shown = await model.dump(), found = differences(likeXterm(shown), oracleLike(oracle.dump()), GRID);
		if (!judge('grid', stream, at, await witnessed(vterm, stream, at, shown, found)))
			break;
	}
	oracle.free();
}

// ---- a view, painted by differences ----

// What is seen of it; the modes that a view has are those a program at the keyboard notices.
function seen(d) {
	const { app_cursor, keypad, paste, mouse, focus, visible, encoding } = d.modes;
	const rows = d.screens[d.alternate ? 1 : 0], { x, y } = d.cursor;

	return { cursor: { x, y }, modes: { app_cursor, keypad, paste, mouse, focus, visible, encoding }, title: d.title,
		screens: [rows, null] };
}

const VIEW = ['cursor', 'modes', 'title', 'screens'];

function wrongInView(painted, model) {
	return new Set(differences(seen(oracleLike(painted)), seen(likeXterm(model)), VIEW).map(partOf));
}

async function view({ model }, stream, n, seed) {
	const cuts = cutsOf(stream, n - 1, random(seed));
	const whole = new Xterm(stream.cols, stream.rows, 0), painted = new Xterm(stream.cols, stream.rows, 0);
	let fed = 0;

	await model.fresh(stream.cols, stream.rows, 0);
	for (const cut of [...cuts, stream.bytes.length]) {
		await model.feed(stream.bytes.subarray(fed, cut));
		whole.feed(stream.bytes.subarray(fed, cut));
		fed = cut;
		painted.feed(await model.ask(`view ${stream.cols} ${stream.rows}`));
		const found = differences(seen(painted.dump()), seen(whole.dump()), VIEW);
		judge('view', stream, cut, found, found.length ? wrongInView(painted.dump(), await model.dump()) : undefined);
	}
	painted.free();
	whole.free();
}

// ---- the same in libvterm ----

// Differences of a painted libvterm (`painted`) from one that saw the stream (`whole`), in words; the first says whose fault it
// can be, so that EXCEPTIONS excepts no more than it means:
//   libvterm  what is painted is what the model shows, and @xterm/headless that saw the stream
//   both      it is what the model shows; @xterm/headless that saw the stream has another fault
//   again     libvterm does wrong to the painted bytes too: @xterm/headless that got them shows what the model shows, and
//             what one shows that saw the stream
//   paint     none of these
async function vtermDifferences(painted, whole, model, seen, alike) {
	const found = apart(painted, whole), all = [];

	if (!found.length)
		return all;
	const truth = ofModel(await model()), theirs = ofXterm(seen());
	for (const { part, words } of found) {
		const known = agree(part, truth, theirs);

		if (agree(part, truth, painted))
			all.push(`${known ? 'libvterm' : 'both'} ${words}`);
		else
			all.push(`${known && agree(part, truth, ofXterm(alike())) ? 'again' : 'paint'} ${words}`);
	}
	return all;
}

// What @xterm/headless shows of a stream, asked for at growing offsets, and only where something differs.
class Seen {
	constructor(stream) {
		this.stream = stream;
		this.at = 0;
	}

	dump(at) {
		this.x ??= new Xterm(this.stream.cols, this.stream.rows, 0);
		this.x.feed(this.stream.bytes.subarray(this.at, at));
		this.at = at;
		return this.x.dump();
	}

	free() {
		this.x?.free();
	}
}

function shownBy(stream, ...pieces) {
	const x = new Xterm(stream.cols, stream.rows, 0);

	pieces.forEach(bytes => x.feed(bytes));
	const d = x.dump();
	x.free();
	return d;
}

// As fidelity(), in libvterm.
async function fidelityVterm(peers, stream, n, seed) {
	const { model, filter, vterm, whole } = peers;
	const roll = random(seed), cuts = cutsOf(stream, n, roll), shows = [], truth = new Seen(stream);
	let fed = 0, seen = 0;

	await model.fresh(stream.cols, stream.rows, HISTORY);
	await whole.fresh(stream.cols, stream.rows);
	for (const cut of cuts) {
		const [end, at] = await feedTo(model, stream, fed, cut), kind = roll(3) ? 'attach' : 'screen';
		const bytes = await bytesPainted(peers, stream, kind, stream.bytes.subarray(0, at >> 1));

		await whole.feed(stream.bytes.subarray(seen, at));
		[fed, seen] = [end, at];
		await vterm.fresh(stream.cols, stream.rows);
		await vterm.feed(bytes);
		if (!judge('vterm', stream, at, await vtermDifferences(ofVterm(await vterm.dump()), ofVterm(await whole.dump()),
			() => model.dump(), () => truth.dump(at), () => shownBy(stream, bytes))))
			continue;
		const rest = await filter.filter(stream.bytes.subarray(at));

		await vterm.feed(rest);
		shows.push({ at, bytes, rest, picture: ofVterm(await vterm.dump()) });
	}
	await whole.feed(stream.bytes.subarray(seen));
	await model.feed(stream.bytes.subarray(fed));
	const all = ofVterm(await whole.dump());
	for (const { at, bytes, rest, picture } of shows)
		judge('vterm', stream, `${at} and on`, await vtermDifferences(picture, all, () => model.dump(),
			() => truth.dump(stream.bytes.length), () => shownBy(stream, bytes, rest)));
	truth.free();
}

// ---- fuzz ----

async function tryVterm(vterm, model, cols, rows, bytes) {
	await vterm.fresh(cols, rows);
	await vterm.feed(bytes);
	await model.fresh(cols, rows);
	await model.feed(bytes);
	return apart(ofModel(await model.dump()), ofVterm(await vterm.dump()))[0]?.words ?? null;
}

// Null, or how model and oracle differ after these pieces; an oracle that breaks says nothing.
async function tryPieces({ model, vterm }, cols, rows, pieces) {
	const bytes = Buffer.from(pieces.join(''));

	if (vterm)
		return tryVterm(vterm, model, cols, rows, bytes);
	const oracle = new Xterm(cols, rows, 1000);

	try {
		oracle.feed(bytes);
	} catch {
		return null;
	}
	await model.fresh(cols, rows, 1000);
	await model.feed(bytes);
	const found = differences(likeXterm(await model.dump()), oracleLike(oracle.dump()), GRID.filter(k => !k.startsWith('saved')));
	oracle.free();
	return found[0] ?? null;
}

// Leaves out what the difference does not need.
async function shrink(peers, cols, rows, pieces) {
	for (let n = pieces.length >> 1; n >= 1; n >>= 1)
		for (let i = pieces.length - n; i >= 0; i -= n) {
			const fewer = pieces.toSpliced(i, n);

			if (await tryPieces(peers, cols, rows, fewer))
				pieces = fewer;
		}
	return pieces;
}

async function fuzz(peers, rounds, seed) {
	for (let round = 0; round < rounds; round++) {
		const { cols, rows, pieces } = generate(random(seed * 1000003 + round), Boolean(peers.vterm));
		const name = `fuzz-${seed}-${round}-${cols}x${rows}.vt`;
		let d = await tryPieces(peers, cols, rows, pieces);

		if (d) {
			const few = await shrink(peers, cols, rows, pieces);

			writeFileSync(name, few.join(''));
			d = `${JSON.stringify(few.join(''))} ${await tryPieces(peers, cols, rows, few)}`;
		}
		judge('fuzz', { name }, pieces.join('').length, d ? [d] : []);
	}
}

// ---- cases ----

function cases(cols, rows) {
	const shown = JSON.parse(readFileSync(0, 'utf8')).map(hex => {
		const x = new Xterm(cols, rows);

		x.feed(Buffer.from(hex, 'hex'));
		const d = x.dump();
		x.free();
		return { rows: d.screens[d.alternate ? 1 : 0], cursor: d.cursor, replies: x.replies };
	});
	process.stdout.write(JSON.stringify(shown));
}

// ---- all ----

const CHECKS = { fidelity, spoilt: fidelity, 'fidelity-vterm': fidelityVterm, 'spoilt-vterm': fidelityVterm, grid, view };

function show(path, bytes) {
	const stream = streamOf(path), x = new Xterm(stream.cols, stream.rows);

	x.feed(stream.bytes.subarray(0, bytes ? Number(bytes) : undefined));
	console.log(JSON.stringify(x.dump(), null, '\t'));
}

async function main([build, modules, what, ...args]) {
	load(modules);
	if (what === 'cases')
		return cases(Number(args[0]), Number(args[1]));
	if (what === 'show')
		return show(args[0], args[1]);
	const program = join(build, 'tests/term-tools/vterm-model'), vterms = existsSync(program) ? ['vterm', 'whole'] : [];
	const peers = { model: new Model(build), filter: new Model(build) };

	for (const name of vterms)
		peers[name] = new Model(build, 'vterm-model');
	peers.spoil = what.startsWith('spoilt') ? '!' : '';
	if (what.startsWith('fuzz'))
		await fuzz(what === 'fuzz' ? { model: peers.model } : peers, Number(args[0]), Number(args[1]));
	else
		for (const path of args.slice(2))
			await CHECKS[what](peers, streamOf(path), Number(args[0]), Number(args[1]));
	for (const name of ['model', 'filter', ...vterms])
		peers[name].end();
	console.log(`${counts.compared} compared, ${counts.compared - counts.differ - counts.excepted} equal, ${counts.excepted} excepted`);
	process.exitCode = counts.differ ? 1 : 0;
}

await main(process.argv.slice(2)).catch(e => { // not the source of a package that is one line
	console.log(`oracle: ${e.stack.split('\n').filter(l => l.length < 300).join('\n')}`);
	process.exit(2);
});
