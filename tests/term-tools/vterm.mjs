// vterm - what is compared where libvterm is the oracle

// What libvterm has no word for: dim, hidden, overline, dotted and dashed lines, colours of lines.
function styleOf(s) {
	const attributes = /^0(?:;(?:1|2|3|5|7|8|9|53)(?=;|$))*/;

	return s.replace(/;58[:\d]*/, '').replace(/;4:[45]/, '')
		.replace(attributes, set => set.replace(/;(2|8|53)(?=;|$)/g, ''));
}

// A row as text and attributes by turns, those of blanks left out but for the background: libvterm erases with all of the pen's.
function rowOf([, ...runs]) {
	const background = s => '0' + (/;4[0-7]\b|;10[0-7]|;48;[\d;]*/.exec(styleOf(s))?.[0] ?? '');
	const row = [];

	for (const [, , text, s] of runs)
		for (const c of text) {
			const style = c === ' ' ? background(s) : styleOf(s);

			if (row.length && row.at(-1) === style)
				row[row.length - 2] += c;
			else
				row.push(c, style);
		}
	if (row.at(-1) === '0')
		row.splice(-2, 2, ...[row.at(-2).replace(/ +$/, ''), '0'].slice(0, /[^ ]/.test(row.at(-2)) ? 2 : 0));
	return JSON.stringify(row);
}

// What is compared of a terminal: { where, rows }, of strings. rows are arrays of runs, as dump.h has them.
export function picture(alternate, { x, y }, rows) {
	return { where: JSON.stringify([alternate, x, y]), rows: rows.map(rowOf) };
}

// Here each cell is a run; with the columns of second halves, each character's column is compared too.
export const ofVterm = d => ({ ...picture(d.alternate, d.cursor, d.rows),
	halves: d.rows.map(([, ...cells]) => cells.filter(([, , text]) => !text).map(([x]) => x).join()) });
export const ofModel = d => picture(d.alternate, d.cursor, d.screens[d.alternate ? 1 : 0]);
export const ofXterm = d => picture(d.alternate, d.cursor, d.screens[d.alternate ? 1 : 0].map(r => JSON.parse(r)));

// { part, words } of each part in which two pictures differ: a row, or -1 for cursor and screen.
export function apart(a, b) {
	const all = a.rows.map((row, y) => ({ part: y, words: `row ${y}: ${row} != ${b.rows[y]}` }))
		.filter(({ part }) => a.rows[part] !== b.rows[part] || a.halves && b.halves && a.halves[part] !== b.halves[part]);

	return a.where === b.where ? all : [{ part: -1, words: `alternate, cursor: ${a.where} != ${b.where}` }, ...all];
}

// Whether all of these pictures are the same in a part.
export function agree(part, first, ...others) {
	const of = p => part < 0 ? p.where : p.rows[part];

	return others.every(p => of(p) === of(first));
}
