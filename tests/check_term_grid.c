#include "tests/suite.h"

#include <inttypes.h>
#include <string.h>

#include "common/term/grid.h"
#include "common/term/term.h"
#include "tests/termkit.h"

#define COLS 60u
#define ROWS 7u
#define ROUNDS 2000
#define STEPS 60

/* The same screen without a gap, a veil or a list of rows: every cell is where it is. */
struct plain {
	uint64_t cells[ROWS][COLS];
};

struct fixture {
	struct grid grid;
	struct plain plain;
	uint64_t seed;
};

static unsigned pick(struct fixture *f, unsigned n)
{
	return termkit_random(&f->seed) % n;
}

/* Two blanks in different styles, of which the first one is much the commoner. */
static uint64_t pick_blank(struct fixture *f)
{
	return pick(f, 4) ? 0 : cell_make(0, 5);
}

static void plain_split(uint64_t *cells, unsigned x)
{
	if (x == 0 || x >= COLS || !(cells[x] & CELL_TAIL))
		return;
	cells[x - 1] &= ~CELL_CHAR;
	cells[x] &= ~CELL_CHAR;
}

static void plain_fill(uint64_t *cells, unsigned from, unsigned to, uint64_t cell)
{
	for (unsigned x = from; x < to; x++)
		cells[x] = cell;
}

static void step_write(struct fixture *f, unsigned y, unsigned x, unsigned n)
{
	struct row *row = grid_row(&f->grid, y);
	const bool wide = n >= 2 && !pick(f, 3);
	const uint64_t cell = cell_make(pick(f, 8) ? 0 : CELL_PROTECTED, 1) | 'x';

	n = wide ? 2 : n;
	row_open(row, x, x + n);
	row->used = (uint16_t)(x + n > row->used ? x + n : row->used);
	row->spared |= (cell & CELL_PROTECTED) != 0;
	plain_split(f->plain.cells[y], x);
	plain_split(f->plain.cells[y], x + n);
	plain_fill(row->cells, x, x + n, cell);
	if (wide) {
		row->cells[x] |= CELL_WIDE;
		row->cells[x + 1] = (cell & ~CELL_CHAR) | CELL_TAIL;
	}
	memcpy(f->plain.cells[y] + x, row->cells + x, n * sizeof(cell));
}

static void step_erase(struct fixture *f, unsigned y, unsigned x, unsigned n)
{
	const uint64_t blank = pick_blank(f);
	const unsigned from = pick(f, 3) ? x : 0, to = pick(f, 3) ? x + n : COLS;
	uint64_t *cells = f->plain.cells[y];

	row_erase(&f->grid, grid_row(&f->grid, y), from, to, blank);
	plain_split(cells, from);
	plain_split(cells, to);
	plain_fill(cells, from, to, blank);
}

static void step_erase_unprotected(struct fixture *f, unsigned y, unsigned x, unsigned n)
{
	const uint64_t blank = pick_blank(f);
	const unsigned from = pick(f, 3) ? x : 0, to = pick(f, 3) ? x + n : COLS;
	uint64_t *cells = f->plain.cells[y];

	row_erase_unprotected(&f->grid, grid_row(&f->grid, y), from, to, blank);
	for (x = from; x < to; x++) {
		if (cells[x] & CELL_PROTECTED)
			continue;
		plain_split(cells, x);
		plain_split(cells, x + 1);
		cells[x] = blank;
	}
}

static void step_insert(struct fixture *f, unsigned y, unsigned x, unsigned n)
{
	const uint64_t blank = pick_blank(f);
	uint64_t *cells = f->plain.cells[y];

	row_insert(&f->grid, grid_row(&f->grid, y), x, n, blank);
	plain_split(cells, x);
	plain_split(cells, COLS - n);
	memmove(cells + x + n, cells + x, (COLS - x - n) * sizeof(*cells));
	plain_fill(cells, x, x + n, blank);
}

static void step_delete(struct fixture *f, unsigned y, unsigned x, unsigned n)
{
	const uint64_t blank = pick_blank(f);
	uint64_t *cells = f->plain.cells[y];

	row_delete(&f->grid, grid_row(&f->grid, y), x, n, blank);
	plain_split(cells, x);
	plain_split(cells, x + n);
	memmove(cells + x, cells + x + n, (COLS - x - n) * sizeof(*cells));
	plain_fill(cells, COLS - n, COLS, blank);
}

static void step_scroll(struct fixture *f, unsigned y, unsigned x, unsigned n)
{
	const uint64_t blank = pick_blank(f);
	const unsigned top = pick(f, 2) ? 0 : y, bottom = pick(f, 2) ? ROWS : y + 1;
	const unsigned height = bottom - top, by = n % 5 > height ? height : n % 5;
	uint64_t(*rows)[COLS] = f->plain.cells + top;

	if (x % 2) {
		grid_scroll_up(&f->grid, top, bottom, by, blank);
		memmove(rows, rows + by, (height - by) * sizeof(*rows));
		rows += height - by;
	} else {
		grid_scroll_down(&f->grid, top, bottom, by, blank);
		memmove(rows + by, rows, (height - by) * sizeof(*rows));
	}
	for (y = 0; y < by; y++)
		plain_fill(rows[y], 0, COLS, blank);
}

static void assert_same(const struct fixture *f, unsigned round)
{
	for (unsigned y = 0; y < ROWS; y++) {
		const struct row *row = grid_row(&f->grid, y);

		ck_assert(
			row->used <= COLS && row->gap <= row->gap_end && row->gap_end <= row->used);
		for (unsigned x = 0; x < COLS; x++)
			if (row_cell(row, x) != f->plain.cells[y][x])
				ck_abort_msg("round %u, row %u, column %u: %" PRIx64
					     ", not %" PRIx64,
					round, y, x, row_cell(row, x), f->plain.cells[y][x]);
	}
}

START_TEST(rows_with_gaps_and_veils_read_as_rows_of_cells_do)
{
	static void (*const steps[])(struct fixture *, unsigned, unsigned, unsigned) = { step_write,
		step_write, step_write, step_erase, step_erase_unprotected, step_insert,
		step_delete, step_scroll };

	for (unsigned round = 0; round < suite_times(ROUNDS); round++) {
		struct fixture f = { .seed = round * UINT64_C(977) + 3 };

		ck_assert_int_eq(grid_init(&f.grid, COLS, ROWS), 0);
		for (unsigned i = 0; i < STEPS; i++) {
			const unsigned x = pick(&f, COLS), room = COLS - x;
			const unsigned n = 1 + pick(&f, pick(&f, 2) ? room : room < 4 ? room : 4);

			steps[pick(&f, ARRAY_SIZE(steps))](&f, pick(&f, ROWS), x, n);
			assert_same(&f, round);
		}
		grid_done(&f.grid);
	}
}
END_TEST

START_TEST(a_character_far_to_the_right_stores_nothing_before_it)
{
	struct grid g;
	struct row *row;

	ck_assert_int_eq(grid_init(&g, TERM_COLS_MAX, 1), 0);
	row = grid_row(&g, 0);
	memset(row->cells, 0xff, TERM_COLS_MAX * sizeof(*row->cells));
	row_open(row, TERM_COLS_MAX - 1, TERM_COLS_MAX);
	ck_assert_uint_eq(row->cells[0], UINT64_MAX);
	ck_assert_uint_eq(row->cells[TERM_COLS_MAX - 2], UINT64_MAX);
	ck_assert_uint_eq(row_cell(row, 0), 0);
	ck_assert_uint_eq(row_cell(row, TERM_COLS_MAX - 2), 0);
	row_clear(row, 0);
	row_open(row, ROW_GAP_MIN - 1, ROW_GAP_MIN); /* what is narrow is stored */
	ck_assert_uint_eq(row->gap_end, 0);
	ck_assert_uint_eq(row->cells[0], 0);
	grid_done(&g);
}
END_TEST

TEST_MAIN("term_grid", rows_with_gaps_and_veils_read_as_rows_of_cells_do,
	a_character_far_to_the_right_stores_nothing_before_it)
