/*
 * fec.c - the erasure code of fec.h over ISA-L: the coefficients are ours, the
 * multiplication of whole symbols is ISA-L's, which chooses its code for this
 * processor.
 *
 * Decoding: a parity row, minus what the present symbols put into it, is a sum of
 * the missing ones alone. The n rows and the n missing columns are a Cauchy matrix
 * again; its inverse is known in closed form, so nothing can be singular as long
 * as no row comes twice. Rows are taken in groups, so that ISA-L's tables (32
 * bytes for each coefficient) stay small on the stack.
 *
 * Refused: rows out of range or twice, a `missing` that does not fit `data`.
 */
#include "fec/fec.h"

#include <isa-l/erasure_code.h>
#include <string.h>

#define GROUP 6  /* rows at a time: what ISA-L's inner loops do at once */
#define TABLE 32 /* bytes of table for a coefficient */

static uint8_t row_point(uint8_t row)
{
	return (uint8_t)(FEC_DATA_MAX + row);
}

/* out[0..rows) = matrix (rows x k) times in[0..k); at most GROUP rows. */
static void product(uint8_t *matrix, unsigned rows, unsigned k, uint8_t **in, uint8_t **out, size_t len)
{
	uint8_t tables[GROUP * FEC_DATA_MAX * TABLE];
	ec_init_tables((int)k, (int)rows, matrix, tables);
	ec_encode_data((int)len, (int)k, (int)rows, tables, in, out);
}

static unsigned group(unsigned n, unsigned r)
{
	return n - r < GROUP ? n - r : GROUP;
}

void lan_fec_encode(const uint8_t *const *data, unsigned k, const uint8_t *rows, unsigned n,
	uint8_t *const *parity, size_t len)
{
	uint8_t matrix[GROUP * FEC_DATA_MAX], *in[FEC_DATA_MAX], *out[GROUP];
	memcpy(in, data, k * sizeof *in); /* ISA-L does not say const; it only reads these */
	for (unsigned r = 0; r < n; r += GROUP) {
		unsigned g = group(n, r);
		for (unsigned j = 0; j < g; j++)
			for (unsigned i = 0; i < k; i++)
				matrix[j * k + i] = gf_inv((uint8_t)(row_point(rows[r + j]) ^ i));
		memcpy(out, parity + r, g * sizeof *out);
		product(matrix, g, k, in, out, len);
	}
}

/* parity[r] += what the present symbols put into it, which leaves the missing ones' part. */
static void take_out_present(const uint8_t *const *data, unsigned k, const uint8_t *rows, unsigned n,
	uint8_t *const *parity, size_t len)
{
	uint8_t column[GROUP], tables[GROUP * TABLE], *out[GROUP];
	for (unsigned r = 0; r < n; r += GROUP) {
		unsigned g = group(n, r);
		memcpy(out, parity + r, g * sizeof *out);
		for (unsigned i = 0; i < k; i++) {
			if (data[i]) {
				for (unsigned j = 0; j < g; j++)
					column[j] = gf_inv((uint8_t)(row_point(rows[r + j]) ^ i));
				ec_init_tables(1, (int)g, column, tables);
				ec_encode_data_update(
					(int)len, 1, (int)g, 0, tables, (unsigned char *)data[i], out);
			}
		}
	}
}

/* For each of the n points x: product over all y of (x + y), divided by that over the other x of (x + x'). */
static void weights(const uint8_t *x, const uint8_t *y, unsigned n, uint8_t *out)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t above = 1, below = 1;
		for (unsigned j = 0; j < n; j++) {
			above = gf_mul(above, x[i] ^ y[j]);
			below = j == i ? below : gf_mul(below, x[i] ^ x[j]);
		}
		out[i] = gf_mul(above, gf_inv(below));
	}
}

/* out[0..n) = inverse of the Cauchy matrix of these rows and columns, times sums[0..n). */
static void solve(
	const uint8_t *x, const uint8_t *y, unsigned n, uint8_t *const *sums, uint8_t *const *out, size_t len)
{
	uint8_t wx[FEC_DATA_MAX], wy[FEC_DATA_MAX], matrix[GROUP * FEC_DATA_MAX];
	uint8_t *in[FEC_DATA_MAX], *to[GROUP];
	weights(x, y, n, wx);
	weights(y, x, n, wy);
	memcpy(in, sums, n * sizeof *in);
	for (unsigned r = 0; r < n; r += GROUP) {
		unsigned g = group(n, r);
		for (unsigned j = 0; j < g; j++)
			for (unsigned i = 0; i < n; i++)
				matrix[j * n + i] = gf_mul(gf_mul(wx[i], wy[r + j]), gf_inv(x[i] ^ y[r + j]));
		memcpy(to, out + r, g * sizeof *to);
		product(matrix, g, n, in, to, len);
	}
}

static bool fits(
	const uint8_t *const *data, unsigned k, const uint8_t *missing, unsigned n, const uint8_t *rows)
{
	bool used[FEC_PARITY_MAX] = {false};
	unsigned absent = 0;
	if (k > FEC_DATA_MAX || n > k)
		return false;
	for (unsigned i = 0; i < k; i++)
		absent += !data[i];
	for (unsigned i = 0; i < n; i++) {
		if (missing[i] >= k || data[missing[i]] || (i && missing[i] <= missing[i - 1]) ||
			rows[i] >= FEC_PARITY_MAX || used[rows[i]])
			return false;
		used[rows[i]] = true;
	}
	return absent == n;
}

bool lan_fec_decode(const uint8_t *const *data, unsigned k, const uint8_t *missing, unsigned n,
	const uint8_t *rows, uint8_t *const *parity, uint8_t *const *out, size_t len)
{
	uint8_t x[FEC_DATA_MAX];
	if (!fits(data, k, missing, n, rows))
		return false;
	if (!n)
		return true;
	for (unsigned i = 0; i < n; i++)
		x[i] = row_point(rows[i]);
	take_out_present(data, k, rows, n, parity, len);
	solve(x, missing, n, parity, out, len);
	return true;
}
